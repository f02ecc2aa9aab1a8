//! Dates and times as FHIR writes them.

use events::{SourceTime, Time};

const NOT_A_TIME: &str = "not a FHIR date or dateTime";
const OUT_OF_RANGE: &str = "time out of range";

/// Reads a FHIR `date`, `dateTime` or `instant`.
///
/// The offset is read and dropped: MEDS times are naive, and the wall clock as written is the one that date-only
/// facts of the same place share. A year or a month stands for its last day, so that a fact can't be seen before
/// it may have been known.
///
/// # Errors
/// Why the text is no time; never the text.
pub(crate) fn fhir(text: &str) -> Result<SourceTime, &'static str> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let (year, month, day) = civil(date).ok_or(NOT_A_TIME)?;
    let time = match (clock, month, day) {
        (None, _, _) => {
            let month = month.unwrap_or(12);
            let day = day.unwrap_or_else(|| last_day(year, month));
            SourceTime::Date(Time::from_ymd(year, month, day).ok_or(NOT_A_TIME)?)
        }
        (Some(clock), Some(month), Some(day)) => {
            let (hour, minute, second, micros) = wall_clock(clock).ok_or(NOT_A_TIME)?;
            let time = Time::from_ymd_hms(year, month, day, hour, minute, second, micros);
            SourceTime::DateTime(time.ok_or(NOT_A_TIME)?)
        }
        (Some(_), _, _) => return Err(NOT_A_TIME),
    };
    plausible(time)
}

/// Reads a date of birth: midnight of that day. A year or a month stands for its first day: nothing that
/// happened to a person can precede their birth.
///
/// # Errors
/// As [`fhir`].
pub(crate) fn fhir_birth(text: &str) -> Result<SourceTime, &'static str> {
    match text.contains('T') {
        true => fhir(text),
        false => {
            let (year, month, day) = civil(text).ok_or(NOT_A_TIME)?;
            let midnight = Time::from_ymd(year, month.unwrap_or(1), day.unwrap_or(1)).ok_or(NOT_A_TIME)?;
            plausible(SourceTime::DateTime(midnight))
        }
    }
}

fn plausible(time: SourceTime) -> Result<SourceTime, &'static str> {
    match time {
        SourceTime::Date(at) | SourceTime::DateTime(at) if !at.is_plausible() => Err(OUT_OF_RANGE),
        time => Ok(time),
    }
}

/// The time itself, whatever its precision; `None` for what holds at all times. A date stands at its end.
pub(crate) fn known_at(time: SourceTime) -> Option<Time> {
    match time {
        SourceTime::Static => None,
        SourceTime::Date(day) => Some(day.end_of_day()),
        SourceTime::DateTime(at) => Some(at),
    }
}

/// The moment of a FHIR `instant`, in microseconds since 1970 in UTC; `None` when it is none. Without an offset it is
/// read as UTC.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let wall = known_at(fhir(text).ok()?)?.micros();
    let clock = text.split_once('T').map_or("", |(_, clock)| clock);
    let ahead = match clock.find(['+', '-']).map(|at| clock.as_bytes().split_at(at).1) {
        Some([sign, h1, h2, b':', m1, m2]) => {
            let minutes = i64::from(digits(&[*h1, *h2])? * 60 + digits(&[*m1, *m2])?);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => 0,
    };
    Some(wall - ahead * 60_000_000)
}

fn civil(date: &str) -> Option<(i32, Option<u32>, Option<u32>)> {
    let bytes = date.as_bytes();
    let year = digits(bytes.get(..4)?)? as i32;
    match &bytes[4..] {
        [] => Some((year, None, None)),
        [b'-', month @ ..] if month.len() == 2 => Some((year, Some(month_of(month)?), None)),
        [b'-', m1, m2, b'-', day @ ..] if day.len() == 2 => {
            Some((year, Some(month_of(&[*m1, *m2])?), Some(digits(day)?)))
        }
        _ => None,
    }
}

fn month_of(digits_of_month: &[u8]) -> Option<u32> {
    digits(digits_of_month).filter(|month| (1..=12).contains(month))
}

/// `hh:mm[:ss[.fraction]]` and an optional `Z` or offset.
fn wall_clock(clock: &str) -> Option<(u32, u32, u32, u32)> {
    let end = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    match zone.as_bytes() {
        [] | [b'Z'] => {}
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            (digits(&[*h1, *h2])? <= 14 && digits(&[*m1, *m2])? <= 59).then_some(())?;
        }
        _ => return None,
    }
    let bytes = clock.as_bytes();
    let (hour, minute) = (digits(bytes.get(..2)?)?, digits(bytes.get(3..5)?)?);
    (bytes[2] == b':').then_some(())?;
    let (second, micros) = match &bytes[5..] {
        [] => (0, 0),
        [b':', s1, s2] => (digits(&[*s1, *s2])?, 0),
        [b':', s1, s2, b'.', fraction @ ..] if !fraction.is_empty() => {
            digits(&fraction[..fraction.len().min(9)])?;
            fraction.iter().all(u8::is_ascii_digit).then_some(())?;
            let micros = (0..6).fold(0, |micros, at| {
                micros * 10 + fraction.get(at).map_or(0, |digit| u32::from(digit - b'0'))
            });
            (digits(&[*s1, *s2])?, micros)
        }
        _ => return None,
    };
    Some((hour, minute, second, micros))
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |number, byte| {
        byte.is_ascii_digit().then(|| number.checked_mul(10)?.checked_add(u32::from(byte - b'0'))).flatten()
    })
}

fn last_day(year: i32, month: u32) -> u32 {
    (28..=31).rev().find(|&day| Time::from_ymd(year, month, day).is_some()).unwrap_or(28)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(y: i32, mo: u32, d: u32, h: u32, mi: u32, s: u32, micros: u32) -> Result<SourceTime, &'static str> {
        Ok(SourceTime::DateTime(Time::from_ymd_hms(y, mo, d, h, mi, s, micros).unwrap()))
    }

    fn day(y: i32, m: u32, d: u32) -> Result<SourceTime, &'static str> {
        Ok(SourceTime::Date(Time::from_ymd(y, m, d).unwrap()))
    }

    #[test]
    fn every_precision_of_fhir() {
        assert_eq!(fhir("2015-02-07T13:28:17-05:00"), at(2015, 2, 7, 13, 28, 17, 0));
        assert_eq!(fhir("2015-02-07T13:28:17.239+02:00"), at(2015, 2, 7, 13, 28, 17, 239_000));
        assert_eq!(fhir("2015-02-07T13:28:17.1234567Z"), at(2015, 2, 7, 13, 28, 17, 123_456));
        assert_eq!(fhir("2015-02-07T13:28"), at(2015, 2, 7, 13, 28, 0, 0));
        assert_eq!(fhir("2016-12-31T23:59:60Z"), at(2017, 1, 1, 0, 0, 0, 0));
        assert_eq!(fhir("2015-02-07"), day(2015, 2, 7));
        assert_eq!(fhir("2016-02"), day(2016, 2, 29));
        assert_eq!(fhir("1905"), day(1905, 12, 31));
        assert_eq!(fhir_birth("1905"), at(1905, 1, 1, 0, 0, 0, 0));
        assert_eq!(fhir_birth("1974-12-25"), at(1974, 12, 25, 0, 0, 0, 0));
    }

    #[test]
    fn instants_are_compared_wherever_they_were_written() {
        assert_eq!(instant("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(instant("1969-12-31T19:00:00.5-05:00"), Some(500_000));
        assert_eq!(instant("1970-01-01T00:00:00"), Some(0));
        assert!(instant("2020-01-02T01:00:00+05:00") < instant("2020-01-01T23:00:00-05:00"));
        assert_eq!((instant("yesterday"), instant("")), (None, None));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "20",
            "2015-13",
            "2015-13-01",
            "2015-02-30",
            "2015-2-7",
            "02/07/2015",
            "2015-02-07T",
            "2015-02-07T1",
            "2015-02-07T25:00:00Z",
            "2015-02-07T13:28:61Z",
            "2015-02-07T13:28:17.",
            "2015-02-07T13:28:17+5",
            "2015T10:00",
            "2015-02-07T13:28:17Zulu",
            "２０１５-02-07",
            "2015-02-07 13:28:17",
        ] {
            assert_eq!(fhir(text), Err(NOT_A_TIME), "{text}");
        }
        for sentinel in ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "0001"] {
            assert_eq!(fhir(sentinel), Err(OUT_OF_RANGE), "{sentinel}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = (fhir(&text), fhir_birth(&text));
        }
    }
}
