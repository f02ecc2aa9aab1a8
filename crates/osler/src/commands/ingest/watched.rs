//! Progress while records are read.

use crate::progress::{Voice, grouped};
use ingest::{Phase, Progress};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Runs `work` beside a thread that draws its progress, and how many subjects it has written.
pub(super) fn watched<T>(
    progress: &Progress,
    subjects_written: &AtomicU64,
    voice: Voice,
    work: impl FnOnce() -> T,
) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reading = None;
            let mut gathering = None;
            while !done.load(Relaxed) {
                match progress.phase() {
                    Phase::Reading => {
                        let bar =
                            reading.get_or_insert_with(|| voice.bytes("reading", progress.bytes_total()));
                        bar.set(progress.bytes_read());
                    }
                    Phase::Gathering => {
                        reading = None;
                        let bar = gathering.get_or_insert_with(|| voice.words("writing"));
                        bar.note(format!("{} subjects", grouped(subjects_written.load(Relaxed))));
                    }
                    _ => {}
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let _ends = Ends(&done);
        work()
    })
}

/// Ends the thread that draws, however the work ended: the scope waits for it.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{panic, sync::mpsc, thread};

    #[test]
    fn work_that_goes_down_isn_t_waited_for() {
        let (ended, end) = mpsc::channel();
        thread::spawn(move || {
            let fault = || {
                watched(
                    &Progress::default(),
                    &AtomicU64::new(0),
                    Voice { json: true, quiet: true },
                    || -> () { panic!("a fault") },
                )
            };
            let _ = ended.send(panic::catch_unwind(fault).is_err());
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(true));
    }
}
