//! Parquet files, written and read by batches.

use super::Error;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Rows a row group: bounds what a writer holds and what a reader must decode at once.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// A Parquet file being written.
pub(super) struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
}

impl TableWriter {
    pub(super) fn create(path: &Path, schema: SchemaRef) -> Result<Self, Error> {
        Self::with_dense(path, schema, &[])
    }

    /// As [`TableWriter::create`]; the columns in `dense` hold numbers that hardly repeat, so they get no
    /// dictionary, and their bytes are split by place before they are compressed.
    pub(super) fn with_dense(path: &Path, schema: SchemaRef, dense: &[String]) -> Result<Self, Error> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("osler ", env!("CARGO_PKG_VERSION")).into());
        for column in dense {
            properties = properties
                .set_column_dictionary_enabled(column.as_str().into(), false)
                .set_column_encoding(column.as_str().into(), Encoding::BYTE_STREAM_SPLIT);
        }
        let file = File::create_new(path).map_err(Error::io(path))?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))
            .map_err(Error::parquet(path))?;
        Ok(TableWriter { path: path.to_owned(), schema, writer })
    }

    /// Writes columns of equal length, in the schema's order.
    pub(super) fn write(&mut self, columns: Vec<ArrayRef>) -> Result<(), Error> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(|e| (self.path.clone(), e))?;
        self.writer.write(&batch).map_err(Error::parquet(&self.path))
    }

    /// Writes the footer and syncs the file to disk.
    pub(super) fn finish(self) -> Result<(), Error> {
        let file = self.writer.into_inner().map_err(Error::parquet(&self.path))?;
        file.sync_all().map_err(Error::io(&self.path))
    }
}

/// Opens a Parquet file for reading in batches.
pub(super) fn open(path: &Path) -> Result<ParquetRecordBatchReader, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(8192).build())
        .map_err(Error::parquet(path))
}

/// A column of a batch, as a concrete array type.
///
/// # Errors
/// When the column is absent or of another type.
pub(super) fn column<'a, A: Array + 'static>(
    path: &Path,
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a A, Error> {
    optional_column(path, batch, name)?.ok_or(Error::Column {
        path: path.to_owned(),
        column: name,
        problem: "is missing",
    })
}

/// Like [`column`], with `None` for an absent one.
pub(super) fn optional_column<'a, A: Array + 'static>(
    path: &Path,
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<Option<&'a A>, Error> {
    let Some(array) = batch.column_by_name(name) else { return Ok(None) };
    array.as_any().downcast_ref::<A>().map(Some).ok_or(Error::Column {
        path: path.to_owned(),
        column: name,
        problem: "has another type than MEDS 0.4 states; convert it with `osler ingest --from meds`",
    })
}

/// Refuses nulls in a column that may have none.
pub(super) fn no_nulls(path: &Path, array: &dyn Array, name: &'static str) -> Result<(), Error> {
    match array.null_count() {
        0 => Ok(()),
        _ => Err(Error::Column { path: path.to_owned(), column: name, problem: "holds nulls" }),
    }
}
