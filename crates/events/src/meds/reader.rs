//! A MEDS data set, read subject by subject.

use super::Error;
use super::labels::collect_parquet;
use super::table;
use crate::{Code, Event, Split, Subject, Time};
use arrow_array::{
    Array, Float32Array, Int64Array, LargeStringArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::path::{Path, PathBuf};

/// Opens one split of the MEDS 0.4 data set at `root` that `osler ingest` wrote.
///
/// # Errors
/// When the directory has no such split.
pub fn read_subjects(root: &Path, split: Split) -> Result<SubjectReader, Error> {
    let dir = root.join("data").join(split.name());
    if !dir.is_dir() {
        return Err(Error::NotADataset(root.to_owned()));
    }
    let mut files = Vec::new();
    collect_parquet(&dir, &mut files)?;
    // 10.parquet comes after 9.parquet.
    files.sort_by_key(|f| (f.file_stem().map_or(0, |s| s.len()), f.clone()));
    files.reverse();
    Ok(SubjectReader { files, open: None, pending: None, codes: FxHashMap::default(), failed: false })
}

/// Yields subjects in the order of the files. After an error it ends.
pub struct SubjectReader {
    /// Files still to come, last first.
    files: Vec<PathBuf>,
    open: Option<OpenFile>,
    pending: Option<(i64, Vec<Event>)>,
    codes: FxHashMap<SmolStr, Code>,
    failed: bool,
}

struct OpenFile {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    batch: Option<Batch>,
    row_of_batch: u64,
}

/// A batch's columns, and the next row to read of them.
struct Batch {
    subject_id: Int64Array,
    time: TimestampMicrosecondArray,
    code: StringArray,
    numeric_value: Option<Float32Array>,
    text_value: Option<LargeStringArray>,
    unit: Option<StringArray>,
    next: usize,
}

impl Batch {
    fn new(path: &Path, batch: &RecordBatch) -> Result<Self, Error> {
        let subject_id = table::column::<Int64Array>(path, batch, "subject_id")?;
        let code = table::column::<StringArray>(path, batch, "code")?;
        table::no_nulls(path, subject_id, "subject_id")?;
        table::no_nulls(path, code, "code")?;
        Ok(Batch {
            subject_id: subject_id.clone(),
            time: table::column::<TimestampMicrosecondArray>(path, batch, "time")?.clone(),
            code: code.clone(),
            numeric_value: table::optional_column::<Float32Array>(path, batch, "numeric_value")?.cloned(),
            text_value: table::optional_column::<LargeStringArray>(path, batch, "text_value")?.cloned(),
            unit: table::optional_column::<StringArray>(path, batch, "unit")?.cloned(),
            next: 0,
        })
    }

    fn event(&self, row: usize, codes: &mut FxHashMap<SmolStr, Code>) -> Event {
        let code = self.code.value(row);
        // Long codes are shared, so that a subject's events cost no allocation each.
        let code = match codes.get(code) {
            Some(code) => code.clone(),
            None => {
                let new = Code::new(code);
                codes.insert(SmolStr::new(code), new.clone());
                new
            }
        };
        Event {
            time: self.time.is_valid(row).then(|| Time::from_micros(self.time.value(row))),
            code,
            numeric_value: self.numeric_value.as_ref().filter(|v| v.is_valid(row)).map(|v| v.value(row)),
            text_value: self.text_value.as_ref().filter(|v| v.is_valid(row)).map(|v| v.value(row).into()),
            unit: self.unit.as_ref().filter(|v| v.is_valid(row)).map(|v| SmolStr::new(v.value(row))),
        }
    }
}

impl SubjectReader {
    fn next_subject(&mut self) -> Result<Option<Subject>, Error> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(path) = self.files.pop() else {
                    return Ok(self.pending.take().map(|(id, events)| Subject::new(id, events)));
                };
                let reader = table::open(&path)?;
                self.open = Some(OpenFile { path, reader, batch: None, row_of_batch: 0 });
                continue;
            };
            let Some(batch) = &mut open.batch else {
                match open.reader.next() {
                    Some(batch) => {
                        let batch = batch.map_err(|e| (open.path.clone(), e))?;
                        open.batch = Some(Batch::new(&open.path, &batch)?);
                    }
                    None => {
                        // A subject is in one file.
                        self.open = None;
                        if let Some((id, events)) = self.pending.take() {
                            return Ok(Some(Subject::new(id, events)));
                        }
                    }
                }
                continue;
            };
            while batch.next < batch.subject_id.len() {
                let id = batch.subject_id.value(batch.next);
                match &mut self.pending {
                    Some((pending, events)) if *pending == id => {
                        events.push(batch.event(batch.next, &mut self.codes));
                        batch.next += 1;
                    }
                    Some((pending, _)) if *pending > id => {
                        return Err(Error::Order {
                            path: open.path.clone(),
                            row: open.row_of_batch + batch.next as u64,
                            problem: "subjects are not in ascending order",
                        });
                    }
                    pending => {
                        let done = pending.replace((id, Vec::new()));
                        if let Some((id, events)) = done {
                            return Ok(Some(Subject::new(id, events)));
                        }
                    }
                }
            }
            open.row_of_batch += batch.subject_id.len() as u64;
            open.batch = None;
        }
    }
}

impl Iterator for SubjectReader {
    type Item = Result<Subject, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let result = self.next_subject();
        self.failed = result.is_err();
        result.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CodeMetadata, DatasetDescription, DatasetWriter, read_codes};
    use super::*;
    use crate::{Deidentified, Split};

    fn subject(id: i64, events: usize) -> Deidentified<Subject> {
        let birth = Time::from_ymd(1950, 1, 1).unwrap();
        let mut list =
            vec![Event::new(None, Code::of("GENDER", "F")), Event::new(Some(birth), Code::birth())];
        for i in 0..events {
            let mut event =
                Event::new(Some(birth.plus_days(i as f64)), Code::of("LOINC", &format!("{}-1", i % 50)));
            if i % 3 == 0 {
                event = event.with_value(i as f32 / 7.0).with_unit("mg/dL");
            }
            list.push(event);
        }
        #[expect(clippy::disallowed_methods, reason = "made up here, so it identifies nobody")]
        Deidentified::vouch(Subject::new(id, list))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::create(dir.path()).unwrap();
        let subjects: Vec<_> = (0..40).map(|i| subject(i * 3 - 9, (i * i * 31 % 2000) as usize)).collect();
        for (i, subject) in subjects.iter().enumerate() {
            writer.push(Split::ALL[i % 2], subject).unwrap();
        }
        let codes = vec![CodeMetadata {
            code: "LOINC//1-1".into(),
            description: Some("one".into()),
            parents: vec!["LOINC//1".into()],
            is_procedure: true,
        }];
        let summary = writer.finish(&DatasetDescription::default(), &codes).unwrap();
        assert_eq!(summary.subjects, [20, 20, 0]);
        for split in Split::ALL {
            let read: Vec<Subject> =
                read_subjects(dir.path(), split).unwrap().collect::<Result<_, _>>().unwrap();
            let want: Vec<Subject> = subjects
                .iter()
                .enumerate()
                .filter(|(i, _)| Split::ALL[i % 2] == split)
                .map(|(_, s)| s.clone().into_inner())
                .collect();
            assert_eq!(read, want);
        }
        assert_eq!(read_codes(dir.path()).unwrap(), codes);
    }

    #[test]
    fn a_damaged_file_is_named_and_ends_the_reading() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::create(dir.path()).unwrap();
        writer.push(Split::Train, &subject(1, 500)).unwrap();
        writer.finish(&DatasetDescription::default(), &[]).unwrap();
        let path = dir.path().join("data/train/0.parquet");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let mut reader = read_subjects(dir.path(), Split::Train).unwrap();
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("0.parquet"), "{error}");
        assert!(reader.next().is_none());
    }

    #[test]
    fn subjects_out_of_order_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::create(dir.path()).unwrap();
        writer.push(Split::Train, &subject(2, 5)).unwrap();
        assert!(matches!(writer.push(Split::Tuning, &subject(2, 5)), Err(Error::Order { .. })));
    }
}
