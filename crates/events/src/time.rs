//! Time as MEDS writes it: microseconds since 1970-01-01, naive (the wall clock of the place of care).

use chrono::{DateTime, NaiveDate};
use std::fmt;

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A point in time, in microseconds since 1970-01-01T00:00:00, without a time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The earliest time that any source may state: sentinels such as year 0001 lie before it.
    pub const MIN: Time = Time(-4_417_977_600_000_000 + 365 * MICROS_PER_DAY); // 1831
    /// The latest time that any source may state: sentinels such as year 9999 lie after it.
    pub const MAX: Time = Time(7_258_118_400_000_000); // 2200-01-01

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Time(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Midnight at the start of a civil day, if there is such a day.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        let date = NaiveDate::from_ymd_opt(year, month, day)?;
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        Some(Time((date - epoch).num_days().checked_mul(MICROS_PER_DAY)?))
    }

    /// Midnight at the start of a civil day, plus a time of day.
    pub fn from_ymd_hms(
        year: i32,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
        micros: u32,
    ) -> Option<Self> {
        // 60 is a leap second; it is kept as the first moment of the next minute.
        if hour > 23 || minute > 59 || second > 60 || micros > 999_999 {
            return None;
        }
        let midnight = Self::from_ymd(year, month, day)?;
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Time(midnight.0 + seconds * 1_000_000 + i64::from(micros)))
    }

    /// Is the time within [`Time::MIN`]..=[`Time::MAX`]?
    pub fn is_plausible(self) -> bool {
        (Self::MIN..=Self::MAX).contains(&self)
    }

    /// The last second of this time's day: where a fact known only by its date stands, so that nothing of the
    /// same day can have been predicted from it.
    pub fn end_of_day(self) -> Self {
        Time(self.0.div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY + MICROS_PER_DAY - 1_000_000)
    }

    /// Days from `earlier` to `self`, fractional, negative when `self` is earlier.
    pub fn days_since(self, earlier: Time) -> f64 {
        (self.0 - earlier.0) as f64 / MICROS_PER_DAY as f64
    }

    /// This time plus a fractional number of days; saturating at the limits of an i64.
    pub fn plus_days(self, days: f64) -> Self {
        Time(self.0.saturating_add((days * MICROS_PER_DAY as f64).round() as i64))
    }

    /// This time plus microseconds, saturating.
    pub fn plus_micros(self, micros: i64) -> Self {
        Time(self.0.saturating_add(micros))
    }

    /// The civil year, month (1–12) and day (1–31).
    pub fn ymd(self) -> (i32, u32, u32) {
        use chrono::Datelike;
        let date = DateTime::from_timestamp_micros(self.0).unwrap_or_default();
        (date.year(), date.month(), date.day())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(t) => write!(f, "{}", t.format("%Y-%m-%dT%H:%M:%S%.f")),
            None => write!(f, "{}µs", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_days_and_sentinels() {
        assert_eq!(Time::from_ymd(1970, 1, 2).unwrap().micros(), MICROS_PER_DAY);
        assert_eq!(Time::from_ymd(2023, 2, 29), None);
        assert!(!Time::from_ymd(1, 1, 1).unwrap().is_plausible());
        assert!(!Time::from_ymd(9999, 12, 31).unwrap().is_plausible());
        assert!(Time::from_ymd(1850, 1, 1).unwrap().is_plausible());
        assert_eq!(Time::MAX, Time::from_ymd(2200, 1, 1).unwrap());
    }

    #[test]
    fn end_of_day_holds_before_the_epoch() {
        let noon = Time::from_ymd_hms(1969, 12, 30, 12, 0, 0, 0).unwrap();
        assert_eq!(noon.end_of_day(), Time::from_ymd_hms(1969, 12, 30, 23, 59, 59, 0).unwrap());
        assert_eq!(format!("{noon}"), "1969-12-30T12:00:00");
    }
}
