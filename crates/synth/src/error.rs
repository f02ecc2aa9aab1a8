//! What can go wrong.

use std::io;

/// What can go wrong when a population is made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings contradict each other.
    #[error("{0}")]
    Settings(&'static str),
    /// An output couldn't be opened or written.
    #[error("can't write {output}: {source}")]
    Write {
        /// The resource type or file.
        output: String,
        /// The cause.
        source: io::Error,
    },
    /// The threads couldn't be started.
    #[error("can't start {threads} threads; ask for fewer: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The cause.
        reason: String,
    },
}
