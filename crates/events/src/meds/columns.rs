//! Tables of plain columns, written batch by batch, for what has no schema of its own: truth files of a synthetic
//! population.

use super::Error;
use super::table::TableWriter;
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A column's values, none of them null; numbers that aren't known are NaN.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// 64-bit integers.
    Integers(Vec<i64>),
    /// Counts.
    Counts(Vec<u32>),
    /// 64-bit numbers.
    Numbers(Vec<f64>),
    /// Microseconds since 1970, without a zone.
    Times(Vec<i64>),
    /// Words.
    Texts(Vec<String>),
    /// True or false.
    Flags(Vec<bool>),
}

impl Column {
    fn data_type(&self) -> DataType {
        match self {
            Column::Integers(_) => DataType::Int64,
            Column::Counts(_) => DataType::UInt32,
            Column::Numbers(_) => DataType::Float64,
            Column::Times(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Column::Texts(_) => DataType::Utf8,
            Column::Flags(_) => DataType::Boolean,
        }
    }

    fn into_array(self) -> ArrayRef {
        match self {
            Column::Integers(values) => Arc::new(Int64Array::from(values)),
            Column::Counts(values) => Arc::new(UInt32Array::from(values)),
            Column::Numbers(values) => Arc::new(Float64Array::from(values)),
            Column::Times(values) => Arc::new(TimestampMicrosecondArray::from(values)),
            Column::Texts(values) => Arc::new(StringArray::from(values)),
            Column::Flags(values) => Arc::new(BooleanArray::from(values)),
        }
    }
}

/// Writes named columns; the first batch, which may be empty, decides names and types.
pub struct ColumnsWriter {
    path: PathBuf,
    writer: Option<TableWriter>,
}

impl ColumnsWriter {
    /// A writer for a file that doesn't exist yet.
    pub fn new(path: &Path) -> Self {
        ColumnsWriter { path: path.to_owned(), writer: None }
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// When the file can't be written, or columns differ in length or from the first batch's.
    pub fn write(&mut self, columns: Vec<(&str, Column)>) -> Result<(), Error> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let fields: Vec<Field> = columns
                    .iter()
                    .map(|(name, column)| Field::new(*name, column.data_type(), false))
                    .collect();
                self.writer.insert(TableWriter::create(&self.path, Arc::new(Schema::new(fields)))?)
            }
        };
        writer.write(columns.into_iter().map(|(_, column)| column.into_array()).collect())
    }

    /// Closes the file. Nothing was written if there was no batch.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        self.writer.map_or(Ok(()), TableWriter::finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meds::table;
    use arrow_array::Array;

    #[test]
    fn batches_come_back_in_order_and_of_their_types() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("truth.parquet");
        let mut writer = ColumnsWriter::new(&path);
        for n in 0..2 {
            let names = vec!["a".to_owned(), "b".to_owned()];
            writer
                .write(vec![
                    ("subject_id", Column::Integers(vec![n, n + 10])),
                    ("time", Column::Times(vec![0, 1])),
                    ("name", Column::Texts(names)),
                    ("risk", Column::Numbers(vec![0.5, f64::NAN])),
                    ("given", Column::Flags(vec![true, false])),
                    ("draws", Column::Counts(vec![7, 8])),
                ])
                .unwrap();
        }
        let short = vec![("subject_id", Column::Integers(vec![1]))];
        assert!(writer.write(short).is_err());
        writer.finish().unwrap();
        let mut ids = Vec::new();
        for batch in table::open(&path).unwrap() {
            let batch = batch.unwrap();
            assert_eq!(batch.num_columns(), 6);
            let column: &Int64Array = table::column(&path, &batch, "subject_id").unwrap();
            assert_eq!(column.null_count(), 0);
            ids.extend(column.values().iter().copied());
        }
        assert_eq!(ids, [0, 10, 1, 11]);
    }
}
