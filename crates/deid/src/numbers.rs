//! Random subject numbers: derived from nothing, so that without the map there is no way back.

use crate::key::{Key, KeyError};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{PoisonError, RwLock};

/// Which number stands for which source key. Grows by about 100 bytes a subject.
///
/// Numbers are HKDF-SHA256 of a secret that is drawn for this run and of a counter; no source key enters.
pub(crate) struct Numbers {
    secret: Key,
    drawn: RwLock<Drawn>,
}

#[derive(Default)]
struct Drawn {
    by_source: FxHashMap<Box<str>, i64>,
    taken: FxHashSet<i64>,
    counter: u64,
}

impl Numbers {
    /// Starts from the numbers that earlier runs gave out.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub(crate) fn new(known: impl IntoIterator<Item = (Box<str>, i64)>) -> Result<Self, KeyError> {
        let by_source: FxHashMap<_, _> = known.into_iter().collect();
        let taken = by_source.values().copied().collect();
        Ok(Numbers { secret: Key::random()?, drawn: RwLock::new(Drawn { by_source, taken, counter: 0 }) })
    }

    /// The number of a source key, drawn when it is first asked for: 63 bits, never negative.
    pub(crate) fn of(&self, source_key: &str) -> i64 {
        let read = self.drawn.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = read.by_source.get(source_key) {
            return *number;
        }
        drop(read);
        let mut drawn = self.drawn.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = drawn.by_source.get(source_key) {
            return *number;
        }
        loop {
            drawn.counter += 1;
            let uniform = self.secret.derivation().number("subject-number", &drawn.counter.to_string());
            let number = (uniform >> 1) as i64;
            if drawn.taken.insert(number) {
                drawn.by_source.insert(source_key.into(), number);
                return number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_key_keeps_its_number_and_no_run_repeats_another() {
        let keys: Vec<String> = (0..2000).map(|i| i.to_string()).collect();
        let draw = |numbers: &Numbers| keys.iter().map(|k| numbers.of(k)).collect::<Vec<_>>();
        let (one, two) = (Numbers::new([]).unwrap(), Numbers::new([]).unwrap());
        let first = draw(&one);
        assert_eq!(first, draw(&one));
        assert!(first.iter().all(|n| *n >= 0));
        let set: FxHashSet<i64> = first.iter().copied().collect();
        assert_eq!(set.len(), keys.len());
        assert!(draw(&two).iter().all(|n| !set.contains(n)));
        // A later run that knows the map goes on with it.
        let known = keys.iter().take(5).map(|k| k.as_str().into()).zip(first.iter().copied());
        let later = Numbers::new(known).unwrap();
        assert_eq!(draw(&later)[..5], first[..5]);
        assert_ne!(draw(&later)[5..], first[5..]);
    }
}
