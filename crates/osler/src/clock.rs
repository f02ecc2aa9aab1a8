//! The wall clock. No other file reads it.

use events::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one file that may")]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Now, in whole seconds since 1970.
pub fn seconds() -> u64 {
    u64::try_from(now().micros() / 1_000_000).unwrap_or_default()
}

/// Now, as RFC 3339 in UTC to the second.
pub fn timestamp() -> String {
    let seconds = now().micros() / 1_000_000;
    format!("{}Z", Time::from_micros(seconds * 1_000_000))
}
