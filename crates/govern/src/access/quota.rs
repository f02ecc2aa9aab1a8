//! How often a caller may ask.

use events::Time;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Calls a minute and calls a day (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Calls a minute.
    pub per_minute: Option<u32>,
    /// Calls a day.
    pub per_day: Option<u32>,
}

/// Counts calls by caller, in memory: a server that is started anew counts anew.
#[derive(Default)]
pub struct Quotas(Mutex<HashMap<String, [Window; 2]>>);

#[derive(Clone, Copy, Default)]
struct Window {
    number: i64,
    used: u32,
}

const SECONDS: [i64; 2] = [60, 86_400];

impl Quotas {
    /// Counts a call.
    ///
    /// # Errors
    /// When the quota is used up: the seconds until it is there again. The call is not counted then.
    pub fn spend(&self, caller: &str, quota: Quota, now: Time) -> Result<(), u64> {
        let limits = [quota.per_minute, quota.per_day];
        if limits.iter().all(Option::is_none) {
            return Ok(());
        }
        let seconds = now.micros().div_euclid(1_000_000);
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let windows = callers.entry(caller.to_owned()).or_default();
        for ((window, length), limit) in windows.iter_mut().zip(SECONDS).zip(limits) {
            let number = seconds.div_euclid(length);
            if window.number != number {
                *window = Window { number, used: 0 };
            }
            if limit.is_some_and(|limit| window.used >= limit) {
                return Err((length - seconds.rem_euclid(length)).unsigned_abs());
            }
        }
        for window in windows {
            window.used += 1;
        }
        Ok(())
    }
}
