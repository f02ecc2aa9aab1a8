//! MEDS label files: `subject_id`, `prediction_time`, `boolean_value`.

use super::table::{self, TableWriter};
use super::{Error, schema};
use crate::{Label, Time};
use arrow_array::{BooleanArray, Int64Array, TimestampMicrosecondArray};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Writes labels to one Parquet file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_labels(path: &Path, labels: &[Label]) -> Result<(), Error> {
    let mut writer = TableWriter::create(path, schema::labels())?;
    for chunk in labels.chunks(64 * 1024) {
        writer.write(vec![
            Arc::new(chunk.iter().map(|l| Some(l.subject_id)).collect::<Int64Array>()),
            Arc::new(
                chunk.iter().map(|l| Some(l.prediction_time.micros())).collect::<TimestampMicrosecondArray>(),
            ),
            Arc::new(chunk.iter().map(|l| Some(l.boolean_value)).collect::<BooleanArray>()),
        ])?;
    }
    writer.finish()
}

/// Reads boolean labels from a Parquet file, or from every `*.parquet` below a directory, in name order.
/// Sorted by subject and time.
///
/// # Errors
/// When a file is not readable as MEDS labels.
pub fn read_labels(path: &Path) -> Result<Vec<Label>, Error> {
    let mut files = Vec::new();
    collect_parquet(path, &mut files)?;
    let mut labels = Vec::new();
    for file in files {
        for batch in table::open(&file)? {
            let batch = batch.map_err(|e| (file.clone(), e))?;
            let subject = table::column::<Int64Array>(&file, &batch, "subject_id")?;
            let time = table::column::<TimestampMicrosecondArray>(&file, &batch, "prediction_time")?;
            let value = table::column::<BooleanArray>(&file, &batch, "boolean_value")?;
            table::no_nulls(&file, subject, "subject_id")?;
            table::no_nulls(&file, time, "prediction_time")?;
            table::no_nulls(&file, value, "boolean_value")?;
            labels.extend((0..batch.num_rows()).map(|row| Label {
                subject_id: subject.value(row),
                prediction_time: Time::from_micros(time.value(row)),
                boolean_value: value.value(row),
            }));
        }
    }
    labels.sort_by_key(|l| (l.subject_id, l.prediction_time));
    Ok(labels)
}

/// Every `*.parquet` at or below `path`, in name order.
pub(super) fn collect_parquet(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)
            .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>())
            .map_err(Error::io(path))?;
        entries.sort();
        for entry in entries {
            if entry.is_dir() || entry.extension().is_some_and(|e| e == "parquet") {
                collect_parquet(&entry, files)?;
            }
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}
