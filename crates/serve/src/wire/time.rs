//! Times as JSON carries them, in ISO 8601.

use events::{SourceTime, Time};

/// Reads `2021-03-04`, `2021-03-04T05:06`, `2021-03-04T05:06:07.123456`, with a space for the `T`, and with or
/// without a zone. The zone is dropped, as MEDS does: what counts is the wall clock of the place of care.
pub(crate) fn parse_time(text: &str) -> Option<SourceTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.as_bytes();
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let year = i32::try_from(year).ok()?;
    let time = if rest.is_empty() {
        SourceTime::Date(Time::from_ymd(year, month, day)?)
    } else {
        let clock = without_zone(rest.strip_prefix(['T', 't', ' '])?)?;
        let (hms, fraction) =
            clock.split_once('.').map_or((clock, None), |(hms, fraction)| (hms, Some(fraction)));
        let mut parts =
            hms.split(':').map(|part| (part.len() == 2).then(|| number(part.as_bytes())).flatten());
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        if parts.next().is_some() {
            return None;
        }
        let micros = fraction.map_or(Some(0), micros)?;
        SourceTime::DateTime(Time::from_ymd_hms(year, month, day, hour, minute, second, micros)?)
    };
    let (SourceTime::Date(at) | SourceTime::DateTime(at)) = time else { return None };
    at.is_plausible().then_some(time)
}

/// `05:06:07Z`, `05:06:07+01:00` → `05:06:07`.
fn without_zone(clock: &str) -> Option<&str> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some(clock);
    }
    let Some(sign) = clock.find(['+', '-']) else { return Some(clock) };
    let (clock, zone) = clock.split_at(sign);
    let zone = zone.as_bytes();
    let is_zone = match zone.len() {
        3 => number(&zone[1..])? <= 14,
        5 => number(&zone[1..3])? <= 14 && number(&zone[3..])? < 60,
        6 => zone[3] == b':' && number(&zone[1..3])? <= 14 && number(&zone[4..])? < 60,
        _ => false,
    };
    is_zone.then_some(clock)
}

/// A fraction of a second to microseconds; finer digits are cut.
fn micros(fraction: &str) -> Option<u32> {
    let digits = fraction.as_bytes();
    if digits.is_empty() || digits.len() > 12 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kept = &digits[..digits.len().min(6)];
    Some(number(kept)? * 10u32.pow(6 - kept.len() as u32))
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_and_times_keep_their_precision_and_lose_their_zone() {
        let at =
            |h, m, s, us| Some(SourceTime::DateTime(Time::from_ymd_hms(2021, 3, 4, h, m, s, us).unwrap()));
        assert_eq!(parse_time("2021-03-04"), Some(SourceTime::Date(Time::from_ymd(2021, 3, 4).unwrap())));
        assert_eq!(parse_time("2021-03-04T05:06"), at(5, 6, 0, 0));
        assert_eq!(parse_time("2021-03-04 05:06:07"), at(5, 6, 7, 0));
        assert_eq!(parse_time("2021-03-04T05:06:07.5Z"), at(5, 6, 7, 500_000));
        assert_eq!(parse_time("2021-03-04T05:06:07.1234567-05:00"), at(5, 6, 7, 123_456));
        for bad in [
            "",
            "2021",
            "2021-02-29",
            "2021-03-04T",
            "2021-03-04T25:00",
            "2021-03-04T5:06",
            "20210304",
            "0001-01-01",
            "9999-12-31",
            "2021-03-04T05:06:07+",
            "2021-03-04T05:06:07.",
            "2021-03-04T05:06:07:08",
            "Ünïcødë-text",
            "2021-03-04T05:06:07+99:00",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_a_time_prints_is_read_back(micros in -4_000_000_000_000_000i64..7_000_000_000_000_000) {
            let time = Time::from_micros(micros);
            prop_assert_eq!(parse_time(&time.to_string()), Some(SourceTime::DateTime(time)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", digits in "[0-9TZ:+. -]{0,30}") {
            let _ = (parse_time(&text), parse_time(&digits));
        }
    }
}
