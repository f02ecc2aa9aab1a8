//! MEDS label files: `subject_id`, `prediction_time`, `boolean_value`.

use super::table::{self, TableWriter};
use super::{Error, schema};
use crate::{Label, Split, Time};
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

/// Reads boolean labels from a Parquet file, or from every `*.parquet` of a directory, in name order: in itself, in one directory
/// below it, or in one for each split. Sorted by subject and time.
///
/// # Errors
/// When a file is not readable as MEDS labels, or when files lie in several directories, which are several tasks.
pub fn read_labels(path: &Path) -> Result<Vec<Label>, Error> {
    let mut files = Vec::new();
    collect_parquet(path, &mut files)?;
    one_task(path, &files)?;
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

/// Labels of several tasks are none of one.
fn one_task(path: &Path, files: &[PathBuf]) -> Result<(), Error> {
    let mut directories: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    directories.dedup();
    let of_a_split = |dir: &&Path| Split::ALL.iter().any(|split| dir.ends_with(split.name()));
    let beside = |dir: &&Path| dir.parent() == directories.first().and_then(|first| first.parent());
    if directories.len() < 2 || directories.iter().all(|dir| of_a_split(dir) && beside(dir)) {
        return Ok(());
    }
    let name = |dir: &&Path| match dir.strip_prefix(path) {
        Ok(below) if below.as_os_str().is_empty() => "itself".to_owned(),
        Ok(below) => below.display().to_string(),
        Err(_) => dir.display().to_string(),
    };
    let mut names: Vec<String> = directories.iter().map(name).collect();
    names.sort();
    names.dedup();
    if names.len() > MOST_NAMED {
        let more = names.len() - MOST_NAMED;
        names.truncate(MOST_NAMED);
        names.push(format!("{more} more"));
    }
    Err(Error::SeveralTasks { path: path.to_owned(), directories: names.join(", ") })
}

/// So many directories are named.
const MOST_NAMED: usize = 10;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_several_tasks_are_refused_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |at: &str, subject_id: i64| {
            let path = dir.path().join(at);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let label = Label { subject_id, prediction_time: Time::from_micros(0), boolean_value: true };
            write_labels(&path, &[label]).unwrap();
        };
        let read = |at: &str| read_labels(&dir.path().join(at)).map(|labels| labels.len());
        write("one/dm/labels.parquet", 1);
        write("one/dm/more.parquet", 2);
        assert_eq!([read("one/dm").unwrap(), read("one").unwrap()], [2, 2]);
        write("one/readmission/labels.parquet", 3);
        let refused = read("one").unwrap_err().to_string();
        assert!(refused.contains("dm, readmission") && refused.contains("give one of them"), "{refused}");
        assert_eq!(read("one/readmission").unwrap(), 1);
        for split in ["train", "tuning", "held_out"] {
            write(&format!("sharded/{split}/0.parquet"), 1);
        }
        assert_eq!(read("sharded").unwrap(), 3);
        write("two/a/train/0.parquet", 1);
        write("two/b/tuning/0.parquet", 2);
        assert!(read("two").is_err());
        write("sharded/0.parquet", 1);
        assert!(read("sharded").unwrap_err().to_string().contains("itself"));
    }
}
