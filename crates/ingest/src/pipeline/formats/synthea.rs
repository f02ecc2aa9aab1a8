//! Synthea's CSV in the run: tables, each by itself.

use crate::{
    Error, Input, Rejection, Sink,
    pipeline::{Pieces, RecordReader},
    synthea::{self, SyntheaReader},
    version::Settled,
};
use events::SourceFact;

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
        SyntheaReader::read(self, input, sink)?;
        Ok(true)
    }

    fn complete(&self, fact: &mut SourceFact, _: &Settled) -> Result<(), Rejection> {
        self.complete(fact);
        Ok(())
    }
}
