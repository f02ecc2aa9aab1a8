//! Why a run ends. No message holds a value from a record, nor a file name that may be a person's.

use crate::{input::Damage, rejection::grouped};
use std::{fmt, io};

/// Why records could not be read. Files are named by their safe names (see [`crate::Input`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source given by the user is not there, or cannot be listed.
    #[error(
        "source {position} of those given cannot be opened ({kind}): check that it exists and may be read"
    )]
    Source {
        /// Which of the given sources, from 1.
        position: usize,
        /// What the operating system said, by class.
        kind: io::ErrorKind,
    },
    /// Something in a source's folder cannot be followed or listed.
    #[error("source {position} of those given holds {file}, {problem}; repair it or take it out")]
    Entry {
        /// Which of the given sources, from 1.
        position: usize,
        /// Its safe name.
        file: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing was found that could hold records.
    #[error(
        "no input was found to read: {} files were looked at, none of them {wanted} that holds anything (plain, .gz or .zst, or in a .tar of these; a .zip \
         is not opened)",
        grouped(*looked_at)
    )]
    NoInput {
        /// Files seen.
        looked_at: u64,
        /// What was looked for.
        wanted: &'static str,
    },
    /// An input could not be read to its end.
    #[error("{file}: reading failed ({kind})")]
    Read {
        /// The input's safe name.
        file: String,
        /// What the operating system said, by class.
        kind: io::ErrorKind,
    },
    /// A compressed input or an archive is damaged.
    #[error("{file}: the {container} data ends early or is damaged; copy or export the file again")]
    Damaged {
        /// The input's safe name.
        file: String,
        /// `gzip`, `zstd` or `tar`.
        container: &'static str,
    },
    /// A file is not what its name says, or of a kind that is not read.
    #[error("{file}: {found}; {remedy}")]
    NotAsNamed {
        /// The input's safe name.
        file: String,
        /// What it is instead.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A file ends in the middle of a record.
    #[error(
        "{file}: it ends in the middle of a record (line {}), so that what came after it is missing; restore the file from the export, or \
         leave it out",
        grouped(*line)
    )]
    CutOff {
        /// The input's safe name.
        file: String,
        /// The line on which the record begins, from 1.
        line: u64,
    },
    /// OMOP tables without the table that says what their concepts are.
    #[error(
        "the sources hold no concept table (concept.csv, CONCEPT.csv or concept.parquet with its rows), without which no concept id has a \
         code; give the folder of the vocabulary as one more source"
    )]
    NoVocabulary,
    /// Rows were read, and nothing came of them.
    #[error("nothing came of {} rows: no subject has a fact{}", grouped(*rows), after_colon(commonest))]
    NoSubjects {
        /// Rows read.
        rows: u64,
        /// The three commonest reasons for rejections, with counts.
        commonest: String,
    },
    /// The spill could not be written or read back.
    #[error("the temporary directory failed ({kind}): check its free space and its permissions")]
    Spill {
        /// What the operating system said, by class.
        kind: io::ErrorKind,
    },
    /// A spill file is not what was written to it.
    #[error("a temporary file was changed or cut while it was in use; run again with a directory of its own")]
    SpillAltered,
    /// The operating system gave no random key for the spill.
    #[error("the operating system gave no random numbers for the key of the temporary files")]
    NoRandomness,
    /// Too many rows could not be read.
    #[error(
        "{} of {} rows could not be read, past the ceiling of {:.2} %; most often: {commonest}",
        grouped(*rejected),
        grouped(*total),
        ceiling * 100.0
    )]
    TooManyRejected {
        /// Rows of which something was rejected.
        rejected: u64,
        /// All rows, those included.
        total: u64,
        /// The share that was allowed.
        ceiling: f64,
        /// The three commonest reasons, with counts.
        commonest: String,
    },
    /// Two subject keys have the same route.
    #[error("two subjects have the same route; use another key for pseudonyms")]
    RouteCollision,
    /// An option has a value that cannot be used.
    #[error("{option}: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A document for one patient does not hold one.
    #[error("the document holds {found} patients; exactly one is wanted")]
    NotOneSubject {
        /// How many were found.
        found: usize,
    },
    /// A document is not the JSON that it should be.
    #[error("the document cannot be read as FHIR: {reason}")]
    Document {
        /// Why.
        reason: &'static str,
    },
    /// A patient's rows are not what they should be.
    #[error("the rows cannot be read as OMOP's: {reason}")]
    Rows {
        /// Why.
        reason: &'static str,
    },
    /// A table or mapping cannot be used; the message names file, column or key.
    #[error("{file}: {reason}")]
    Table {
        /// The input's safe name, or the mapping.
        file: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl Error {
    pub(crate) fn spill(error: &io::Error) -> Self {
        Error::Spill { kind: error.kind() }
    }

    pub(crate) fn read(file: &str, error: &io::Error) -> Self {
        let file = file.to_owned();
        match Damage::of(error) {
            Some(container) => Error::Damaged { file, container },
            None => Error::Read { file, kind: error.kind() },
        }
    }
}

fn after_colon(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// A run that ended early: by a reader or the spill, or because whoever took the subjects said so.
#[derive(Debug)]
#[non_exhaustive]
pub enum Interrupted<E> {
    /// Reading, spilling or gathering failed.
    Ingest(Error),
    /// The consumer of subjects failed.
    Consumer(E),
}

impl<E> From<Error> for Interrupted<E> {
    fn from(error: Error) -> Self {
        Interrupted::Ingest(error)
    }
}

impl<E: fmt::Display> fmt::Display for Interrupted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interrupted::Ingest(error) => error.fmt(f),
            Interrupted::Consumer(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Interrupted<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Interrupted::Ingest(error) => Some(error),
            Interrupted::Consumer(error) => Some(error),
        }
    }
}
