//! How far a run has come, for whoever draws a progress bar.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
};

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Listing and measuring the sources.
    Listing,
    /// Reading records.
    Reading,
    /// Gathering subjects and handing them on.
    Gathering,
    /// Done.
    Done,
}

/// Counters that a run writes and that anyone may poll meanwhile; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    bytes_read: AtomicU64,
    bytes_total: AtomicU64,
    rows: AtomicU64,
    rejected: AtomicU64,
    subjects: AtomicU64,
    phase: AtomicU8,
}

impl Progress {
    /// Bytes of the sources read so far, as they lie on disk (compressed ones before decompression).
    pub fn bytes_read(&self) -> u64 {
        self.0.bytes_read.load(Relaxed)
    }

    /// Bytes of all sources.
    pub fn bytes_total(&self) -> u64 {
        self.0.bytes_total.load(Relaxed)
    }

    /// Rows or resources read so far.
    pub fn rows(&self) -> u64 {
        self.0.rows.load(Relaxed)
    }

    /// Rows or resources rejected so far.
    pub fn rejected(&self) -> u64 {
        self.0.rejected.load(Relaxed)
    }

    /// Subjects handed on so far.
    pub fn subjects(&self) -> u64 {
        self.0.subjects.load(Relaxed)
    }

    /// What the run is doing.
    pub fn phase(&self) -> Phase {
        match self.0.phase.load(Relaxed) {
            0 => Phase::Listing,
            1 => Phase::Reading,
            2 => Phase::Gathering,
            _ => Phase::Done,
        }
    }

    /// Begins a run: what an earlier one counted is forgotten.
    pub(crate) fn begin(&self) {
        for counter in
            [&self.0.bytes_read, &self.0.bytes_total, &self.0.rows, &self.0.rejected, &self.0.subjects]
        {
            counter.store(0, Relaxed);
        }
        self.enter(Phase::Listing);
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::Listing => 0,
            Phase::Reading => 1,
            Phase::Gathering => 2,
            Phase::Done => 3,
        };
        self.0.phase.store(number, Relaxed);
    }

    pub(crate) fn expect_bytes(&self, bytes: u64) {
        self.0.bytes_total.store(bytes, Relaxed);
    }

    /// A file will be read a second time.
    pub(crate) fn expect_again(&self, bytes: u64) {
        self.0.bytes_total.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.0.bytes_read.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn add_row(&self) {
        self.0.rows.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_rejected(&self) {
        self.0.rejected.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_subjects(&self, subjects: u64) {
        self.0.subjects.fetch_add(subjects, Relaxed);
    }
}
