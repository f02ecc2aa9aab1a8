//! What can go wrong. Messages say what to do; none holds a secret or anything of a patient.

use crate::lifecycle::Stage;

/// Why governance refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database said no.
    #[error("{what}: {source}")]
    Store {
        /// What was being done.
        what: &'static str,
        /// What the database said.
        #[source]
        source: rusqlite::Error,
    },
    /// A database on a server said no, or didn't answer.
    #[error("{what}: {reason}")]
    Database {
        /// What was being done.
        what: &'static str,
        /// The kind of failure; a database's own words may repeat what it was sent.
        reason: String,
    },
    /// A file could not be made or read.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// More waits to be recorded than may.
    #[error("the ledger has as much to write as it can hold")]
    LedgerBusy,
    /// The ledger's thread is gone.
    #[error("the ledger can't be written; nothing is answered until it can")]
    LedgerUnavailable,
    /// What was to be recorded isn't.
    #[error("nothing is answered: {reason}")]
    NotRecorded {
        /// What its store said.
        reason: std::sync::Arc<str>,
    },
    /// The ledger was changed.
    #[error("the ledger was changed: {finding}")]
    LedgerChanged {
        /// Which entry or checkpoint, and how it is seen.
        finding: String,
    },
    /// No randomness to make a key from.
    #[error("the system gave no random bytes for a key")]
    Random,
    /// A key, signature or digest that isn't one.
    #[error("{0}")]
    Malformed(&'static str),
    /// No key has this id.
    #[error("no key has this id; `osler access list` shows those that there are")]
    NoSuchKey,
    /// A key that was taken back.
    #[error("this key was revoked; grant a new one")]
    KeyRevoked,
    /// A grant that makes no sense.
    #[error("a key can't be granted like this: {0}")]
    Grant(&'static str),
    /// A file of settings that can't be read.
    #[error("{file}: {reason}")]
    Settings {
        /// Which.
        file: &'static str,
        /// Where and why.
        reason: String,
    },
    /// A step that the lifecycle doesn't have.
    #[error("a model does not go from {from} to {to}")]
    NoSuchStep {
        /// Where it stands.
        from: Stage,
        /// Where it was to go.
        to: Stage,
    },
    /// A step without what the policy asks for.
    #[error("the step is refused: {0}")]
    Refused(String),
    /// A lifecycle that isn't, to the byte, what was approved.
    #[error("the model's record is refused: {0}")]
    HistoryChanged(String),
}
