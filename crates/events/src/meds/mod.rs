//! MEDS 0.4 on disk: `data/{train,tuning,held_out}/N.parquet`, `metadata/{dataset.json,codes.parquet,
//! subject_splits.parquet}`, label files and prediction files.
//!
//! Files are written in subject order and read back one subject at a time, so that memory is bounded by a row
//! group and one subject whatever the size of the data set.

mod codes;
mod columns;
mod labels;
mod likelihoods;
mod measures;
mod predictions;
mod reader;
mod risks;
mod schema;
mod simulated;
mod table;
mod writer;

pub use codes::{CodeMetadata, read_codes};
pub use columns::{Column, ColumnsFile, ColumnsWriter};
pub use labels::{read_labels, write_labels};
pub use likelihoods::{EventLikelihoodRow, LikelihoodWriter};
pub use measures::{MeasureRow, write_measures};
pub use predictions::{PredictionWriter, read_predictions, write_meds_predictions};
pub use reader::{SubjectReader, read_subjects};
pub use risks::RiskWriter;
pub use simulated::{SimulatedPrediction, SimulatedPredictionWriter, SimulatedTrajectory, TrajectoryWriter};
pub use writer::{DatasetDescription, DatasetSummary, DatasetWriter};

use parquet::errors::ParquetError;
use std::path::{Path, PathBuf};

/// The MEDS version that is written.
pub const MEDS_VERSION: &str = "0.4.1";

/// What can go wrong between memory and a MEDS directory. Holds no value from a record.
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
    /// Not Parquet, or damaged.
    #[error("{}: not readable as Parquet: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// A column that MEDS requires is absent or of another type.
    #[error("{}: column `{column}` {problem}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The order that MEDS promises is broken.
    #[error("{}: row {row}: {problem}", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// Labels that lie in several directories, each of a task of its own.
    #[error("{}: holds labels of several tasks ({directories}); give one of them", path.display())]
    SeveralTasks {
        /// The directory that was given.
        path: PathBuf,
        /// Those with files.
        directories: String,
    },
    /// The directory isn't a MEDS data set.
    #[error("{}: no data/{{train,tuning,held_out}}/*.parquet found; is this a directory that `osler ingest` wrote?", .0.display())]
    NotADataset(PathBuf),
}

impl Error {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }

    fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Error + '_ {
        move |source| {
            let path = path.to_owned();
            match source {
                // A full disk says nothing of the file.
                ParquetError::External(source) => match source.downcast() {
                    Ok(source) => Error::Io { path, source: *source },
                    Err(source) => Error::Parquet { path, source: ParquetError::External(source) },
                },
                source => Error::Parquet { path, source },
            }
        }
    }
}

impl From<(PathBuf, arrow_schema::ArrowError)> for Error {
    fn from((path, source): (PathBuf, arrow_schema::ArrowError)) -> Self {
        Error::Parquet { path, source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_told_as_a_damaged_file() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let told = Error::parquet(Path::new("0.parquet"))(full.into()).to_string();
        assert_eq!(told, "0.parquet: no storage space");
        let damaged = ParquetError::General("no footer".into());
        let told = Error::parquet(Path::new("0.parquet"))(damaged).to_string();
        assert!(told.starts_with("0.parquet: not readable as Parquet"), "{told}");
    }
}
