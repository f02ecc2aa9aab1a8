//! What can go wrong. Messages name tensors, settings and positions; they never hold a value from a record.

use std::path::PathBuf;

/// An error of the model room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration that no model can have.
    #[error("the model configuration is invalid: {0}")]
    Configuration(String),
    /// Options, of training or of anything else that is asked for, that cannot be followed.
    #[error("the options are invalid: {0}")]
    Options(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file was read but is not what it should be.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A sequence that this model cannot take.
    #[error("a sequence cannot be used: {0}")]
    Sequence(&'static str),
    /// A question about a code, position or task that the model does not have.
    #[error("{0}")]
    Unknown(String),
    /// The training data cannot train a model.
    #[error("the training data cannot be used: {0}")]
    Data(String),
    /// The device that computes failed, or cannot take what it was given.
    #[error("the device failed: {0}")]
    Engine(String),
    /// The loss stopped being a number.
    #[error(
        "training diverged at step {step}: the gradient is not finite; lower the learning rate or resume from the last checkpoint"
    )]
    Diverged {
        /// The step at which it happened.
        step: u64,
    },
}

impl Error {
    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Error::File { path: path.to_owned(), source }
    }

    pub(crate) fn malformed(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Error::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}

/// A result of the model room.
pub type Result<T, E = Error> = std::result::Result<T, E>;
