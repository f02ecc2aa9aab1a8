//! Any other table, through a mapping file: see `docs/mapping.md` for its language.
//!
//! The file is parsed ([`language`]), checked and resolved once into a [`Mapping`] ([`plan`]), then applied to the
//! columns of each file ([`read`]). What a mapping doesn't name is never read.

mod fuzz;
mod glob;
mod language;
mod plan;
mod read;
mod resolve;
mod resolve_time;
mod shape;
mod time;

pub use fuzz::fuzz_mapping;
pub use plan::Mapping;

use crate::{
    Error, Input, Sink,
    rows::{Columnar, Delimited},
};
use parquet::file::reader::ChunkReader;

/// Every path that events of this format carry, for policies. The columns behind them are those that the mapping
/// names.
pub const TABLE_PATHS: &[&str] =
    &["table.code", "table.value", "table.text", "table.birth", "table.death", "table.followup_end"];

impl Mapping {
    /// Could a file of this name be one of the mapping's tables, or one that it names as ignored?
    pub(crate) fn wants(&self, table_name: &str) -> bool {
        self.tables.iter().any(|table| table.matches(table_name))
    }

    /// Reads one delimited file by the first table that its name matches; a file that matches none is counted as
    /// ignored.
    ///
    /// # Errors
    /// A damaged file, one that lacks a column that the mapping names, or a sink that fails.
    pub(crate) fn read(&self, input: Input, sink: &mut dyn Sink) -> Result<(), Error> {
        let name = input.table_name.clone();
        match self.tables.iter().find(|table| table.matches(&name)) {
            Some(table) => {
                let is_text = |column: &str| table.is_text(column);
                read::read(self, table, &name, &mut Delimited::open(input, table.delimiter, is_text)?, sink)
            }
            None => {
                sink.ignore("file", "no table of the mapping has files of this name");
                Ok(())
            }
        }
    }

    /// As [`Mapping::read`], of a Parquet file.
    ///
    /// # Errors
    /// As [`Mapping::read`].
    pub(crate) fn read_parquet<R: ChunkReader + 'static>(
        &self,
        safe_name: &str,
        table_name: &str,
        source: R,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match self.tables.iter().find(|table| table.matches(table_name)) {
            Some(table) => {
                let mut rows = Columnar::open(safe_name, source, |column| table.names_column(column))?;
                read::read(self, table, table_name, &mut rows, sink)
            }
            None => {
                sink.ignore("file", "no table of the mapping has files of this name");
                Ok(())
            }
        }
    }

    /// Describes the codes to which the mapping gives a description. To be called once per run.
    pub(crate) fn describe(&self, sink: &mut dyn Sink) {
        for (code, description) in &self.descriptions {
            sink.describe(code, description, &[]);
        }
    }
}

#[cfg(test)]
mod tests;
