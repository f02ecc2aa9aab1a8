//! What can go wrong between events and timelines.

use std::path::{Path, PathBuf};

/// What can go wrong between events and timelines. Holds no value from a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A setting that can't be.
    #[error("`{option}` {problem}")]
    Options {
        /// The setting.
        option: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A vocabulary can't be built from nobody.
    #[error("no training subjects: a vocabulary is built from the `train` split, and it is empty")]
    NoTrainingSubjects,
    /// The vocabulary file isn't one, or is damaged.
    #[error("not a usable vocabulary: {0}; write it again with `osler tokenize`")]
    Vocabulary(String),
    /// The directory isn't a timeline.
    #[error("{}: no timeline.json found; is this a directory that `osler tokenize` wrote?", .0.display())]
    NotATimeline(PathBuf),
    /// The index of a timeline directory isn't one, or doesn't match what lies beside it.
    #[error("{}: {problem}; write the timeline again with `osler tokenize`", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A shard isn't one, or is damaged.
    #[error("{}: {source}; write the timeline again with `osler tokenize`", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ShardError,
    },
    /// One subject has more tokens than a shard can number.
    #[error("a subject has more than {limit} tokens; split or thin its record before tokenizing")]
    SubjectTooLong {
        /// The most that fits.
        limit: u64,
    },
}

/// What is wrong with the bytes of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// Too short to hold a header.
    #[error("shorter than a shard's header")]
    TooShort,
    /// The first bytes aren't a shard's.
    #[error("not a timeline shard")]
    Magic,
    /// Written by another version.
    #[error("shard format {found}, this program reads {supported}")]
    Version {
        /// What the file says.
        found: u32,
        /// What is read.
        supported: u32,
    },
    /// The header's digest doesn't match it.
    #[error("the header is damaged (its digest doesn't match)")]
    Header,
    /// Another vocabulary made it.
    #[error("made with another vocabulary than the one beside it")]
    OtherVocabulary,
    /// A section isn't where or as long as it must be.
    #[error("section `{section}` lies outside the file or has the wrong length")]
    Section {
        /// The section.
        section: &'static str,
    },
    /// A section's content breaks a promise.
    #[error("section `{section}` {problem}")]
    Content {
        /// The section.
        section: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A section's digest doesn't match it.
    #[error("section `{section}` is damaged (its digest doesn't match)")]
    Digest {
        /// The section.
        section: &'static str,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }

    pub(crate) fn shard(path: &Path) -> impl FnOnce(ShardError) -> Error + '_ {
        move |source| Error::Shard { path: path.to_owned(), source }
    }

    pub(crate) fn index(path: &Path, problem: impl Into<String>) -> Error {
        Error::Index { path: path.to_owned(), problem: problem.into() }
    }
}
