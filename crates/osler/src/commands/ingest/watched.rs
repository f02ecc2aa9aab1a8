//! Progress while records are read.

use crate::progress::{Voice, grouped};
use ingest::{Phase, Progress};
use std::time::Duration;

/// Runs `work` beside a thread that draws its progress.
pub(super) fn watched<T>(progress: &Progress, voice: Voice, work: impl FnOnce() -> T) -> T {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reading = None;
            let mut gathering = None;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                match progress.phase() {
                    Phase::Reading => {
                        let bar =
                            reading.get_or_insert_with(|| voice.bytes("reading", progress.bytes_total()));
                        bar.set(progress.bytes_read());
                    }
                    Phase::Gathering => {
                        reading = None;
                        let bar = gathering.get_or_insert_with(|| voice.count("writing", 0));
                        bar.note(format!("{} subjects", grouped(progress.subjects())));
                    }
                    _ => {}
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let result = work();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        result
    })
}
