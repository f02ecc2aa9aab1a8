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
        let result = work();
        done.store(true, Relaxed);
        result
    })
}
