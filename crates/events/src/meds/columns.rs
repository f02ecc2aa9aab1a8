//! Tables of plain columns, written batch by batch and read whole, for what has no schema of its own: truth files of a
//! synthetic population.

use super::Error;
use super::table::{self, TableWriter};
use crate::Time;
use arrow_array::RecordBatch;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use smol_str::SmolStr;
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

/// Columns of a whole file, as [`ColumnsWriter`] writes them, taken by name.
#[derive(Debug)]
pub struct ColumnsFile {
    path: PathBuf,
    batches: Vec<RecordBatch>,
}

impl ColumnsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let batches = table::open(path)?.collect::<Result<_, _>>().map_err(|e| (path.to_owned(), e))?;
        Ok(ColumnsFile { path: path.to_owned(), batches })
    }

    fn all<A: Array + 'static, T>(
        &self,
        name: &'static str,
        values: impl Fn(&A, usize) -> T,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        for batch in &self.batches {
            let column: &A = table::column(&self.path, batch, name)?;
            table::no_nulls(&self.path, column, name)?;
            found.extend((0..column.len()).map(|row| values(column, row)));
        }
        Ok(found)
    }

    /// 64-bit integers.
    ///
    /// # Errors
    /// When the column is absent, holds nulls or is of another type; so for the others.
    pub fn integers(&self, name: &'static str) -> Result<Vec<i64>, Error> {
        self.all(name, |column: &Int64Array, row| column.value(row))
    }

    /// 64-bit numbers.
    ///
    /// # Errors
    /// As [`ColumnsFile::integers`].
    pub fn numbers(&self, name: &'static str) -> Result<Vec<f64>, Error> {
        self.all(name, |column: &Float64Array, row| column.value(row))
    }

    /// Times.
    ///
    /// # Errors
    /// As [`ColumnsFile::integers`].
    pub fn times(&self, name: &'static str) -> Result<Vec<Time>, Error> {
        self.all(name, |column: &TimestampMicrosecondArray, row| Time::from_micros(column.value(row)))
    }

    /// Words.
    ///
    /// # Errors
    /// As [`ColumnsFile::integers`].
    pub fn texts(&self, name: &'static str) -> Result<Vec<SmolStr>, Error> {
        self.all(name, |column: &StringArray, row| SmolStr::new(column.value(row)))
    }

    /// True or false.
    ///
    /// # Errors
    /// As [`ColumnsFile::integers`].
    pub fn flags(&self, name: &'static str) -> Result<Vec<bool>, Error> {
        self.all(name, |column: &BooleanArray, row| column.value(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let file = ColumnsFile::read(&path).unwrap();
        assert_eq!(file.integers("subject_id").unwrap(), [0, 10, 1, 11]);
        assert_eq!(file.times("time").unwrap()[1], Time::from_micros(1));
        assert_eq!(file.texts("name").unwrap()[..2], ["a", "b"]);
        assert!(file.numbers("risk").unwrap()[1].is_nan());
        assert_eq!(file.flags("given").unwrap(), [true, false, true, false]);
        assert!(file.flags("risk").is_err(), "another type");
        assert!(file.texts("nobody").is_err(), "no such column");
    }
}
