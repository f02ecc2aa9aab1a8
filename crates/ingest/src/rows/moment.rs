//! Dates and times as tables write them.

use super::Reason;
use events::{SourceTime, Time};

pub(crate) const NOT_A_TIME: Reason = "not a date or time";
pub(crate) const OUT_OF_RANGE: Reason = "time out of range";
/// As [`OUT_OF_RANGE`], of the years after: what ends then is still open.
pub(crate) const PAST_RANGE: Reason = "time past the range";

/// Reads `YYYY-MM-DD` or `YYYYMMDD`, optionally followed by `T` or a blank and `HH:MM[:SS[.fraction]]`, optionally
/// followed by `Z` or an offset.
///
/// The offset is dropped: MEDS times are the wall clock of the place of care, which is what was written, and facts
/// known only by date share that clock.
pub(crate) fn parse(text: &[u8]) -> Result<SourceTime, Reason> {
    let text = text.trim_ascii();
    let (year, month, day, rest) = match text {
        [y @ .., b'-', m1, m2, b'-', d1, d2] if y.len() == 4 => {
            (number(y)?, two(*m1, *m2)?, two(*d1, *d2)?, &text[10..])
        }
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] => {
            (number(&[*y1, *y2, *y3, *y4])?, two(*m1, *m2)?, two(*d1, *d2)?, rest)
        }
        [y @ .., m1, m2, d1, d2] if y.len() == 4 => (number(y)?, two(*m1, *m2)?, two(*d1, *d2)?, &text[8..]),
        _ => return Err(NOT_A_TIME),
    };
    let time = match rest {
        [] => SourceTime::Date(Time::from_ymd(year, month, day).ok_or(NOT_A_TIME)?),
        [b'T' | b't' | b' ', clock @ ..] => {
            let (hour, minute, second, micros) = parse_clock(clock)?;
            SourceTime::DateTime(
                Time::from_ymd_hms(year, month, day, hour, minute, second, micros).ok_or(NOT_A_TIME)?,
            )
        }
        _ => return Err(NOT_A_TIME),
    };
    plausible(time)
}

/// Refuses sentinels such as the years 0001 and 9999.
pub(crate) fn plausible(time: SourceTime) -> Result<SourceTime, Reason> {
    match time {
        SourceTime::Date(t) | SourceTime::DateTime(t) if t > Time::MAX => Err(PAST_RANGE),
        SourceTime::Date(t) | SourceTime::DateTime(t) if !t.is_plausible() => Err(OUT_OF_RANGE),
        other => Ok(other),
    }
}

/// Takes a time of exactly midnight for a date without a time, which is how exports that only have a date column
/// fill the other. Placing it at the day's end can't leak; leaving it at the start could.
pub(crate) fn midnight_is_a_date(time: SourceTime) -> SourceTime {
    match time {
        SourceTime::DateTime(t) if t.micros().rem_euclid(events::MICROS_PER_DAY) == 0 => SourceTime::Date(t),
        other => other,
    }
}

/// Births open their day.
pub(crate) fn birth(time: SourceTime) -> SourceTime {
    match time {
        SourceTime::Date(t) => SourceTime::DateTime(t),
        other => other,
    }
}

/// The longest that a stay may last, in days (10 years): what would end later is still open. That alone tells a date that no stay ended
/// on from a real one, since some data sets move all dates by a century.
const LONGEST_STAY_DAYS: f64 = 3652.5;
/// Days that stand for "no end" (years past 2199 are out of range).
const NO_END: [(i32, u32, u32); 3] = [(2099, 12, 31), (2100, 12, 31), (2199, 12, 31)];

pub(crate) const STILL_OPEN: Reason = "an end that stands for \"still open\", left out";
/// Of the other ends of whoever has such a one.
pub(crate) const STILL_WATCHED: Reason = "an end of somebody who is still watched, left out";

/// Is what stands as the end of a stay none: more than 10 years after its start, or a day that stands for "no end"?
pub(crate) fn is_open_end(start: SourceTime, end: SourceTime) -> bool {
    stands_for_no_end(Some(start), end)
        || matches!((day(start), day(end)), (Some(start), Some(end)) if end.days_since(start) > LONGEST_STAY_DAYS)
}

/// Is an end a day that stands for "no end"? What began within the year before may have ended on that day.
pub(crate) fn stands_for_no_end(start: Option<SourceTime>, end: SourceTime) -> bool {
    let Some(end) = day(end).filter(|end| NO_END.contains(&end.ymd())) else { return false };
    start.and_then(day).is_none_or(|start| end.days_since(start) > 366.0)
}

/// Midnight of a time's calendar day.
pub(crate) fn day(time: SourceTime) -> Option<Time> {
    match time {
        SourceTime::Static => None,
        SourceTime::Date(time) | SourceTime::DateTime(time) => {
            Some(Time::from_micros(time.micros().div_euclid(events::MICROS_PER_DAY) * events::MICROS_PER_DAY))
        }
    }
}

fn parse_clock(clock: &[u8]) -> Result<(u32, u32, u32, u32), Reason> {
    let (hour, minute, rest) = match clock {
        [h1, h2, b':', m1, m2, rest @ ..] => (two(*h1, *h2)?, two(*m1, *m2)?, rest),
        _ => return Err(NOT_A_TIME),
    };
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        _ => (0, rest),
    };
    let (micros, rest) = match rest {
        [b'.' | b',', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return Err(NOT_A_TIME);
            }
            let mut micros = 0;
            for place in 0..6 {
                micros = micros * 10
                    + rest.get(place).filter(|_| place < digits).map_or(0, |b| u32::from(b - b'0'));
            }
            (micros, &rest[digits..])
        }
        _ => (0, rest),
    };
    match rest.trim_ascii_start() {
        [] | b"Z" | b"z" | b"UTC" => {}
        [b'+' | b'-', offset @ ..] if (2..=5).contains(&offset.len()) => {
            if !offset.iter().all(|b| b.is_ascii_digit() || *b == b':') {
                return Err(NOT_A_TIME);
            }
        }
        _ => return Err(NOT_A_TIME),
    }
    Ok((hour, minute, second, micros))
}

fn two(tens: u8, ones: u8) -> Result<u32, Reason> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
    } else {
        Err(NOT_A_TIME)
    }
}

fn number(digits: &[u8]) -> Result<i32, Reason> {
    digits.iter().try_fold(0, |n, b| {
        if b.is_ascii_digit() { Ok(n * 10 + i32::from(b - b'0')) } else { Err(NOT_A_TIME) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date_time(y: i32, mo: u32, d: u32, h: u32, mi: u32, s: u32, us: u32) -> Result<SourceTime, Reason> {
        Ok(SourceTime::DateTime(Time::from_ymd_hms(y, mo, d, h, mi, s, us).unwrap()))
    }

    #[test]
    fn forms() {
        let date = Ok(SourceTime::Date(Time::from_ymd(2011, 10, 10).unwrap()));
        assert_eq!(parse(b"2011-10-10"), date);
        assert_eq!(parse(b" 20111010 "), date);
        assert_eq!(parse(b"2011-10-10 07:05"), date_time(2011, 10, 10, 7, 5, 0, 0));
        assert_eq!(parse(b"2011-10-10T07:05:09Z"), date_time(2011, 10, 10, 7, 5, 9, 0));
        assert_eq!(parse(b"2011-10-10T07:05:09.25+02:00"), date_time(2011, 10, 10, 7, 5, 9, 250_000));
        assert_eq!(parse(b"2011-10-10 07:05:09.123456789"), date_time(2011, 10, 10, 7, 5, 9, 123_456));
        for bad in [
            "",
            "2011",
            "2011-13-01",
            "2011-02-30",
            "2011-10-10x",
            "2011-10-10 7:05",
            "2011-10-10 07:05:09.",
            "20-10-2011",
            "10/10/2011",
        ] {
            assert_eq!(parse(bad.as_bytes()), Err(NOT_A_TIME), "{bad}");
        }
        assert_eq!(parse(b"0001-01-01"), Err(OUT_OF_RANGE));
        assert_eq!(parse(b"9999-12-31 00:00:00"), Err(PAST_RANGE));
    }

    #[test]
    fn open_ends() {
        let is_open = |start: &str, end: &str| {
            is_open_end(parse(start.as_bytes()).unwrap(), parse(end.as_bytes()).unwrap())
        };
        assert!(is_open("2011-10-10", "2099-12-31") && is_open("2011-10-10 07:05", "2021-10-12"));
        assert!(is_open("2095-01-01", "2099-12-31 00:00:00"));
        assert!(!is_open("2011-10-10", "2021-10-09") && !is_open("2011-10-10", "2011-10-10"));
        assert!(!is_open("2099-12-24", "2099-12-31"), "a stay in moved dates");
        assert!(stands_for_no_end(None, parse(b"2099-12-31").unwrap()));
        assert!(!stands_for_no_end(None, parse(b"2098-12-31").unwrap()));
    }

    #[test]
    fn midnight_counts_as_a_date() {
        let midnight = parse(b"2011-10-10 00:00:00").unwrap();
        assert_eq!(midnight_is_a_date(midnight), parse(b"2011-10-10").unwrap());
        let minute_past = parse(b"2011-10-10 00:01:00").unwrap();
        assert_eq!(midnight_is_a_date(minute_past), minute_past);
    }

    proptest! {
        #[test]
        fn what_chrono_writes_is_read_back(micros in -3_000_000_000_000_000i64..7_000_000_000_000_000) {
            let time = Time::from_micros(micros);
            prop_assert_eq!(parse(format!("{time}").as_bytes()), Ok(SourceTime::DateTime(time)));
        }

        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
        }
    }
}
