//! A MEDS data set, written subject by subject.

use super::codes::{self, CodeMetadata};
use super::table::TableWriter;
use super::{Error, MEDS_VERSION, schema};
use crate::{Deidentified, Split, Subject};
use arrow_array::builder::{
    Float32Builder, Int64Builder, LargeStringBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows buffered before a batch goes to the Parquet writer.
const BATCH_ROWS: usize = 16 * 1024;
/// Rows after which a split starts another file, at the next subject.
const FILE_ROWS: u64 = 4_000_000;

/// What `metadata/dataset.json` says.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct DatasetDescription {
    /// The data set's name.
    pub dataset_name: String,
    /// The version of the program that wrote it.
    pub etl_version: String,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DatasetSummary {
    /// Subjects in train, tuning and held_out.
    pub subjects: [u64; 3],
    /// Events in train, tuning and held_out.
    pub events: [u64; 3],
}

/// Writes a MEDS data set into an existing empty directory. Subjects must come in ascending order of id.
pub struct DatasetWriter {
    root: PathBuf,
    parts: [Part; 3],
    splits: TableWriter,
    split_ids: Int64Builder,
    split_names: StringBuilder,
    summary: DatasetSummary,
    last_id: Option<i64>,
}

impl DatasetWriter {
    /// Prepares `data/` and `metadata/` under `root`.
    ///
    /// # Errors
    /// When a directory or file cannot be created.
    pub fn create(root: &Path) -> Result<Self, Error> {
        let metadata = root.join("metadata");
        fs::create_dir_all(&metadata).map_err(Error::io(&metadata))?;
        let mut parts = Vec::with_capacity(3);
        for split in Split::ALL {
            let dir = root.join("data").join(split.name());
            fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
            parts.push(Part::new(dir));
        }
        let Ok(parts) = <[Part; 3]>::try_from(parts) else { unreachable!("three splits, three parts") };
        let splits = TableWriter::create(&metadata.join("subject_splits.parquet"), schema::subject_splits())?;
        Ok(DatasetWriter {
            root: root.to_owned(),
            parts,
            splits,
            split_ids: Int64Builder::new(),
            split_names: StringBuilder::new(),
            summary: DatasetSummary::default(),
            last_id: None,
        })
    }

    /// Writes one subject to a split.
    ///
    /// # Errors
    /// When the file cannot be written, or subjects don't come in ascending order of id.
    pub fn push(&mut self, split: Split, subject: &Deidentified<Subject>) -> Result<(), Error> {
        if self.last_id.is_some_and(|last| last >= subject.id) {
            return Err(Error::Order {
                path: self.root.clone(),
                row: self.summary.subjects.iter().sum(),
                problem: "subjects must be written in ascending order of id, each once",
            });
        }
        self.last_id = Some(subject.id);
        self.summary.subjects[split as usize] += 1;
        self.summary.events[split as usize] += subject.events().len() as u64;
        self.parts[split as usize].push(subject)?;
        self.split_ids.append_value(subject.id);
        self.split_names.append_value(split.name());
        if self.split_ids.values_slice().len() >= BATCH_ROWS {
            self.flush_splits()?;
        }
        Ok(())
    }

    /// Closes every file and writes the metadata.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(
        mut self,
        description: &DatasetDescription,
        code_metadata: &[CodeMetadata],
    ) -> Result<DatasetSummary, Error> {
        self.flush_splits()?;
        self.splits.finish()?;
        for part in self.parts {
            part.finish()?;
        }
        let metadata = self.root.join("metadata");
        codes::write_codes(&metadata.join("codes.parquet"), code_metadata)?;
        let json = serde_json::json!({
            "dataset_name": description.dataset_name,
            "etl_name": "osler",
            "etl_version": description.etl_version,
            "meds_version": MEDS_VERSION,
            "code_modifier_columns": ["unit"],
        });
        let path = metadata.join("dataset.json");
        fs::write(&path, format!("{json:#}\n")).map_err(Error::io(&path))?;
        Ok(self.summary)
    }

    fn flush_splits(&mut self) -> Result<(), Error> {
        self.splits.write(vec![Arc::new(self.split_ids.finish()), Arc::new(self.split_names.finish())])
    }
}

/// One split's files.
struct Part {
    dir: PathBuf,
    file: Option<TableWriter>,
    files: usize,
    rows_in_file: u64,
    rows: usize,
    subject_id: Int64Builder,
    time: TimestampMicrosecondBuilder,
    code: StringBuilder,
    numeric_value: Float32Builder,
    text_value: LargeStringBuilder,
    unit: StringBuilder,
}

impl Part {
    fn new(dir: PathBuf) -> Self {
        Part {
            dir,
            file: None,
            files: 0,
            rows_in_file: 0,
            rows: 0,
            subject_id: Int64Builder::new(),
            time: TimestampMicrosecondBuilder::new(),
            code: StringBuilder::new(),
            numeric_value: Float32Builder::new(),
            text_value: LargeStringBuilder::new(),
            unit: StringBuilder::new(),
        }
    }

    fn push(&mut self, subject: &Subject) -> Result<(), Error> {
        if self.rows_in_file >= FILE_ROWS {
            self.close_file()?;
        }
        for event in subject.events() {
            self.subject_id.append_value(subject.id);
            self.time.append_option(event.time.map(|t| t.micros()));
            self.code.append_value(event.code.as_str());
            self.numeric_value.append_option(event.numeric_value);
            self.text_value.append_option(event.text_value.as_deref());
            self.unit.append_option(event.unit.as_deref());
            self.rows += 1;
            if self.rows >= BATCH_ROWS {
                self.flush()?;
            }
        }
        self.rows_in_file += subject.events().len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let path = self.dir.join(format!("{}.parquet", self.files));
                self.files += 1;
                self.file.insert(TableWriter::create(&path, schema::data())?)
            }
        };
        self.rows = 0;
        file.write(vec![
            Arc::new(self.subject_id.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.numeric_value.finish()),
            Arc::new(self.text_value.finish()),
            Arc::new(self.unit.finish()),
        ])
    }

    fn close_file(&mut self) -> Result<(), Error> {
        // An empty split still has one (empty) file, so that readers find its schema.
        if self.rows > 0 || self.files == 0 {
            self.flush()?;
        }
        self.rows_in_file = 0;
        self.file.take().map_or(Ok(()), TableWriter::finish)
    }

    fn finish(mut self) -> Result<(), Error> {
        self.close_file()
    }
}
