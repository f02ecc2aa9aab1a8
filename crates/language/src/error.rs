//! What can go wrong.

use std::path::{Path, PathBuf};

/// An error of the language room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that are no GGUF file, or a broken one.
    #[error("not a whole GGUF file: {problem} (at byte {place})")]
    Malformed {
        /// What is wrong.
        problem: String,
        /// Where in the file.
        place: usize,
    },
    /// A file that is well formed and says something that cannot be used here.
    #[error("{0}")]
    Unsupported(String),
    /// Text or tokens that the model cannot take.
    #[error("{0}")]
    Input(String),
    /// The engine refused.
    #[error(transparent)]
    Model(#[from] model::Error),
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Error::File { path, source }
    }
}

/// A result of the language room.
pub type Result<T, E = Error> = std::result::Result<T, E>;
