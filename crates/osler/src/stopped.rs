//! Ctrl-C or `SIGTERM` while an output is being written: what is half written goes, and the run says so. Steps that can go on from where
//! they were hear the signals themselves ([`HeardElsewhere`]).

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is being written, by all of the program.
static UNFINISHED: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
/// How many hear the signals themselves.
static HEARD_ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

struct Entry {
    paths: Vec<PathBuf>,
    says: Option<String>,
}

/// Files and directories that go when the program is stopped, for as long as this lives.
pub struct Unfinished(Vec<PathBuf>);

impl Unfinished {
    /// `says` is what is told when they have gone.
    pub fn new(paths: Vec<PathBuf>, says: Option<String>) -> Self {
        #[cfg(unix)]
        signals::listen();
        lock().push(Entry { paths: paths.clone(), says });
        Unfinished(paths)
    }

    /// No stop comes between this and its end: what is being put in its place is there, or isn't.
    pub fn put_in_place(&self) -> PuttingInPlace<'_> {
        PuttingInPlace { unfinished: self, entries: lock() }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        lock().retain(|entry| entry.paths != self.0);
    }
}

/// Holds off a stop.
pub struct PuttingInPlace<'a> {
    unfinished: &'a Unfinished,
    entries: MutexGuard<'static, Vec<Entry>>,
}

impl PuttingInPlace<'_> {
    /// It is in its place, and nothing of it goes any more.
    pub fn done(mut self) {
        self.entries.retain(|entry| entry.paths != self.unfinished.0);
    }
}

fn lock() -> MutexGuard<'static, Vec<Entry>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives, somebody else does what is to be done on a signal.
pub struct HeardElsewhere(());

impl HeardElsewhere {
    /// From now on.
    pub fn new() -> Self {
        HEARD_ELSEWHERE.fetch_add(1, Ordering::SeqCst);
        HeardElsewhere(())
    }
}

impl Drop for HeardElsewhere {
    fn drop(&mut self) {
        HEARD_ELSEWHERE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(unix)]
mod signals {
    use super::{Entry, HEARD_ELSEWHERE, lock};
    use crate::progress::to_standard_error;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::{flag, low_level};
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Once};
    use std::time::Duration;

    /// Listens from the first time on. Where it can't, a stop leaves what the next run clears.
    pub(super) fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let _ = start();
        });
    }

    fn start() -> std::io::Result<()> {
        let (mut told, tells) = UnixStream::pair()?;
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            // In this order: which it was is known when it is told that one came.
            flag::register_usize(signal, Arc::clone(&last), signal as usize)?;
            low_level::pipe::register(signal, tells.try_clone()?)?;
        }
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            while told.read_exact(&mut [0]).is_ok() {
                if HEARD_ELSEWHERE.load(Ordering::SeqCst) == 0 {
                    end(last.load(Ordering::SeqCst) as i32);
                }
            }
        })?;
        Ok(())
    }

    /// Ends the program as the shell expects of one that a signal ended.
    fn end(signal: i32) {
        let entries = lock();
        for Entry { paths, says } in entries.iter() {
            paths.iter().for_each(|path| remove(path));
            if let Some(says) = says {
                to_standard_error(&format!("osler: stopped; {says}"));
            }
        }
        low_level::exit(128 + signal);
    }

    /// Others may be writing into it at this moment, so it is tried a few times.
    fn remove(path: &Path) {
        for _ in 0..20 {
            let removed = match path.is_dir() {
                true => std::fs::remove_dir_all(path),
                false => std::fs::remove_file(path),
            };
            if removed.is_ok() || !path.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
