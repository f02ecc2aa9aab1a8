//! Something slow that is done once for all who wait for it: a directory brought to the disk.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
};

/// Brings a directory's entries to the disk. Whoever comes while that is being done waits for the next time, which is done once for all of
/// them: it begins after each of them came, so that it covers what they did before.
#[derive(Default)]
pub(crate) struct Together {
    turns: Mutex<Turns>,
    ended: Condvar,
}

#[derive(Default)]
struct Turns {
    running: bool,
    /// The one that begins next.
    next: Arc<Turn>,
}

/// What came of one time; nothing yet while it hasn't ended.
type Turn = OnceLock<Result<(), io::ErrorKind>>;

impl Together {
    /// The entries of `directory` are on the disk when this returns.
    ///
    /// # Errors
    /// When they aren't: all who waited for the same time are told.
    pub(crate) fn sync(&self, directory: &Path) -> io::Result<()> {
        self.once(|| File::open(directory)?.sync_all())
    }

    fn once(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let own = turns.next.clone();
        while turns.running && own.get().is_none() {
            turns = self.ended.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(done) = own.get() {
            return done.map_err(io::Error::from);
        }
        // Nobody is at it, and it hasn't begun: it is ours to do.
        turns.running = true;
        turns.next = Arc::default();
        drop(turns);
        let running = Running { together: self, own };
        let done = work().map_err(|error| error.kind());
        running.ended(done).map_err(io::Error::from)
    }
}

/// Whoever is at it. Dropped by a panic, those who wait are told that it failed.
struct Running<'a> {
    together: &'a Together,
    own: Arc<Turn>,
}

impl Running<'_> {
    fn ended(&self, done: Result<(), io::ErrorKind>) -> Result<(), io::ErrorKind> {
        *self.own.get_or_init(|| done)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.ended(Err(io::ErrorKind::Other));
        self.together.turns.lock().unwrap_or_else(PoisonError::into_inner).running = false;
        self.together.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    #[test]
    fn whoever_waits_shares_the_next_time_and_no_earlier_one() {
        let (together, times, begun) = (Together::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        // What is done now must be seen by a time that begins later.
                        let before = begun.load(Ordering::SeqCst);
                        together
                            .once(|| {
                                begun.fetch_add(1, Ordering::SeqCst);
                                std::thread::sleep(Duration::from_micros(200));
                                times.fetch_add(1, Ordering::SeqCst);
                                Ok(())
                            })
                            .unwrap();
                        assert!(
                            times.load(Ordering::SeqCst) > before,
                            "an earlier time was taken for its own"
                        );
                    }
                });
            }
        });
        let times = times.into_inner();
        assert!((50..400).contains(&times), "{times} times for 800");
    }

    #[test]
    fn all_who_waited_for_a_time_that_failed_are_told() {
        let (together, turn) = (Together::default(), AtomicUsize::new(0));
        let work = || {
            std::thread::sleep(Duration::from_millis(100));
            match turn.fetch_add(1, Ordering::SeqCst) {
                1 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(()),
            }
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| together.once(work));
            std::thread::sleep(Duration::from_millis(30));
            let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| together.once(work))).collect();
            assert!(first.join().unwrap().is_ok());
            for one in waiting {
                assert_eq!(one.join().unwrap().unwrap_err().kind(), io::ErrorKind::StorageFull);
            }
        });
        assert_eq!(turn.load(Ordering::SeqCst), 2);
        assert!(together.once(work).is_ok());
    }

    #[test]
    fn a_time_that_broke_off_holds_nobody_up() {
        let together = Together::default();
        let broken =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| together.once(|| panic!("on demand"))));
        assert!(broken.is_err());
        assert!(together.once(|| Ok(())).is_ok());
    }
}
