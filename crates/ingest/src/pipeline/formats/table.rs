//! Mapped tables in the run: each file by the table of the mapping that its name matches.

use super::Seekable;
use crate::{
    Error, Input, Mapping, Sink,
    pipeline::{Pieces, RecordReader},
};

impl RecordReader for Mapping {
    fn wants(&self, table_name: &str) -> bool {
        Mapping::wants(self, table_name)
    }

    fn wanted_names(&self) -> Box<dyn Fn(&str) -> bool + Send> {
        let mapping = self.clone();
        Box::new(move |table_name| mapping.wants(table_name))
    }

    fn wanted(&self) -> &'static str {
        "a file that the mapping names"
    }

    fn read(&self, input: Input, _: &Pieces, sink: &mut dyn Sink) -> Result<bool, Error> {
        Mapping::read(self, input, sink)?;
        Ok(true)
    }

    fn read_seekable(
        &self,
        safe_name: &str,
        table_name: &str,
        source: Seekable,
        sink: &mut dyn Sink,
    ) -> Result<bool, Error> {
        match source {
            Seekable::File(file) => self.read_parquet(safe_name, table_name, file, sink)?,
            Seekable::Bytes(bytes) => self.read_parquet(safe_name, table_name, bytes, sink)?,
        }
        Ok(true)
    }

    fn finish(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.describe(sink);
        Ok(())
    }
}
