//! FHIR in the run: told by content, whatever the names.

use crate::{
    Error, Input, Rejection, Sink, Version,
    fhir::FhirReader,
    pipeline::{Piece, Pieces, RecordReader},
    version::Settled,
};
use events::SourceFact;

impl RecordReader for FhirReader<'_> {
    fn wants(&self, table_name: &str) -> bool {
        !table_name.ends_with(".parquet")
    }

    fn promises(&self, table_name: &str) -> bool {
        crate::fhir::is_json_by_name(table_name)
    }

    fn wanted_names(&self) -> Box<dyn Fn(&str) -> bool + Send> {
        Box::new(|table_name| !table_name.ends_with(".parquet"))
    }

    fn wanted(&self) -> &'static str {
        "JSON with FHIR resources"
    }

    fn read(&self, input: Input, pieces: &Pieces, sink: &mut dyn Sink) -> Result<bool, Error> {
        self.read_input(input, pieces, sink)
    }

    fn read_piece(&self, piece: Piece, sink: &mut dyn Sink) -> Result<(), Error> {
        match piece {
            Piece::Lines { file, first_line, bytes, .. } => self.read_lines(&file, first_line, &bytes, sink),
            Piece::Document { file, promised, bytes, .. } => {
                self.read_document(&file, promised, &bytes, sink)
            }
            Piece::Input { .. } => Ok(()),
        }
    }

    fn complete(&self, fact: &mut SourceFact, settled: &Settled) -> Result<(), Rejection> {
        self.complete(fact, settled)
    }

    fn withdrawn(&self, resource: u64, versions: &mut Vec<Version>) {
        self.withdrawn(resource, versions);
    }
}
