//! MEDS in the run: Parquet files, each by itself.

use super::Seekable;
use crate::{
    Error, Input, Sink, meds,
    pipeline::{Pieces, RecordReader},
};

pub(super) struct MedsReader;

fn wants(table_name: &str) -> bool {
    !meds::is_ignored(table_name)
}

impl RecordReader for MedsReader {
    fn wants(&self, table_name: &str) -> bool {
        wants(table_name)
    }

    fn wanted_names(&self) -> Box<dyn Fn(&str) -> bool + Send> {
        Box::new(wants)
    }

    fn wanted(&self) -> &'static str {
        "MEDS data in Parquet"
    }

    fn read(&self, _: Input, _: &Pieces, _: &mut dyn Sink) -> Result<bool, Error> {
        Ok(false)
    }

    fn read_seekable(
        &self,
        safe_name: &str,
        table_name: &str,
        source: Seekable,
        sink: &mut dyn Sink,
    ) -> Result<bool, Error> {
        match source {
            Seekable::File(file) => meds::read_parquet(safe_name, table_name, file, sink)?,
            Seekable::Bytes(bytes) => meds::read_parquet(safe_name, table_name, bytes, sink)?,
        }
        Ok(true)
    }
}
