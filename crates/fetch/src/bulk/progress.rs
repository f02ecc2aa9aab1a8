//! How far an export has come, for whoever draws it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The server's answer to the request.
    Asking,
    /// The server, which makes the files.
    Waiting,
    /// The disk: what an earlier run left is read again.
    Checking,
    /// The files.
    Fetching,
}

/// Counters that an export writes and that anyone may read meanwhile; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    phase: AtomicU8,
    percent: AtomicU8,
    bytes: AtomicU64,
    done: AtomicU64,
    files: AtomicU64,
    rest: AtomicU64,
}

impl Progress {
    /// What is being waited for.
    pub fn phase(&self) -> Phase {
        match self.0.phase.load(Relaxed) {
            0 => Phase::Asking,
            1 => Phase::Waiting,
            2 => Phase::Checking,
            _ => Phase::Fetching,
        }
    }

    /// How much of its work the server says to have done, from 0 to 100; 0 too when it doesn't say.
    pub fn percent(&self) -> u8 {
        self.0.percent.load(Relaxed)
    }

    /// Bytes fetched in this run.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Relaxed)
    }

    /// Files that are whole, of how many.
    pub fn files(&self) -> (u64, u64) {
        (self.0.done.load(Relaxed), self.0.files.load(Relaxed))
    }

    /// The pause that is kept now because the server asked for it; zero when there is none.
    pub fn pause(&self) -> Duration {
        Duration::from_secs(self.0.rest.load(Relaxed))
    }

    pub(super) fn rest(&self, pause: Option<Duration>) {
        self.0.rest.store(pause.map_or(0, |pause| pause.as_secs()), Relaxed);
    }

    pub(super) fn wait(&self, said: &str) {
        self.0.phase.store(1, Relaxed);
        self.0.percent.store(percent_of(said).unwrap_or_default(), Relaxed);
    }

    pub(super) fn check(&self) {
        self.0.phase.store(2, Relaxed);
    }

    pub(super) fn fetch(&self, done: usize, files: usize) {
        self.0.phase.store(3, Relaxed);
        self.0.done.store(done as u64, Relaxed);
        self.0.files.store(files as u64, Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn add_file(&self) {
        self.0.done.fetch_add(1, Relaxed);
    }
}

/// The number before the first `%` of `X-Progress`. Its other words aren't shown: they are the server's, about anybody.
pub(super) fn percent_of(said: &str) -> Option<u8> {
    let before = said.split_once('%')?.0.trim_end();
    let start = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let number: f64 = before.get(start..)?.parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_the_server_says_only_a_percentage_is_taken() {
        for (said, percent) in [
            ("62%", Some(62)),
            ("Patient: 12.5 % done", Some(12)),
            ("in progress", None),
            ("", None),
            ("%", None),
            ("Ann Canary 1961%", None),
            ("é5%", Some(5)),
        ] {
            assert_eq!(percent_of(said), percent, "{said}");
        }
    }
}
