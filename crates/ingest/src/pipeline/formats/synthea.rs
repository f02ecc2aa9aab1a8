//! Synthea's CSV in the run: tables, each by itself.

use crate::{
    Error, Input, Sink,
    pipeline::{Pieces, RecordReader},
    synthea,
};

pub(super) struct SyntheaReader;

fn wants(table_name: &str) -> bool {
    synthea::table_of(table_name).is_some()
}

impl RecordReader for SyntheaReader {
    fn wants(&self, table_name: &str) -> bool {
        wants(table_name)
    }

    fn wanted_names(&self) -> Box<dyn Fn(&str) -> bool + Send> {
        Box::new(wants)
    }

    fn wanted(&self) -> &'static str {
        "tables of Synthea's CSV export (patients.csv, encounters.csv, …)"
    }

    fn read(&self, input: Input, _: &Pieces, sink: &mut dyn Sink) -> Result<bool, Error> {
        synthea::read(input, sink)?;
        Ok(true)
    }
}
