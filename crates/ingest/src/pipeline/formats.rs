//! The formats, each behind the same few questions.

mod fhir;
mod meds;
mod omop;
mod synthea;
mod table;

use super::{
    Options,
    queue::{Piece, Pieces},
    tally::Tally,
};
use crate::{Error, Input, Progress, Rejection, Sink, Version, input::SourceFile, version::Settled};
use events::SourceFact;

/// What the sources are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Format {
    /// FHIR R4: Bundles and bulk NDJSON.
    Fhir,
    /// OMOP CDM 5.3 or 5.4, delimited or Parquet.
    Omop,
    /// MEDS 0.3 or 0.4.
    Meds,
    /// Synthea's CSV export.
    Synthea,
    /// Any other tables, as a mapping file says.
    Table(crate::Mapping),
}

/// An input that can be read from any place: Parquet.
pub(crate) enum Seekable {
    /// A file.
    File(std::fs::File),
    /// Bytes in memory.
    Bytes(bytes::Bytes),
}

/// A format's reader. Threads share it.
pub(crate) trait RecordReader: Sync {
    /// Could a file of this name hold records? Asked before a file in a folder or an archive is opened.
    fn wants(&self, table_name: &str) -> bool;

    /// Does a file of this name say that it holds records? If so, it is refused when it doesn't.
    fn promises(&self, table_name: &str) -> bool {
        self.wants(table_name)
    }

    /// What [`RecordReader::wants`] asks, for a thread that outlives the borrow of the reader.
    fn wanted_names(&self) -> Box<dyn Fn(&str) -> bool + Send>;

    /// What is wanted, to complete "none of the files were …".
    fn wanted(&self) -> &'static str;

    /// Reads an input from front to back; `false` when it is none of this format's. Parts that others may
    /// read are offered to `pieces`.
    fn read(&self, input: Input, pieces: &Pieces, sink: &mut dyn Sink) -> Result<bool, Error>;

    /// Reads a Parquet file; `false` when it is none of this format's.
    fn read_seekable(
        &self,
        safe_name: &str,
        table_name: &str,
        source: Seekable,
        sink: &mut dyn Sink,
    ) -> Result<bool, Error> {
        let _ = (safe_name, table_name, source, sink);
        Ok(false)
    }

    /// Reads a part that was offered to others.
    fn read_piece(&self, piece: Piece, sink: &mut dyn Sink) -> Result<(), Error> {
        let _ = (piece, sink);
        Ok(())
    }

    /// Called once, when everything was read.
    fn finish(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        let _ = sink;
        Ok(())
    }

    /// Completes a fact that refers to something read elsewhere in the sources.
    /// `settled` says which versions count of what was read of the fact's subject.
    fn complete(&self, fact: &mut SourceFact, settled: &Settled) -> Result<(), Rejection> {
        let _ = (fact, settled);
        Ok(())
    }

    /// Adds what was said of a resource's end where its subject was not named.
    fn withdrawn(&self, resource: u64, versions: &mut Vec<Version>) {
        let _ = (resource, versions);
    }
}

/// The reader of `options.format`, prepared from those of `files` that have to be read first.
pub(super) fn reader<'a>(
    options: &'a Options,
    files: &[SourceFile],
    progress: &Progress,
    tally: &Tally<'_>,
) -> Result<Box<dyn RecordReader + 'a>, Error> {
    Ok(match &options.format {
        Format::Fhir => Box::new(crate::fhir::FhirReader::new(&options.limits, options.identities)),
        Format::Omop => Box::new(omop::prepare(options, files, progress, tally)?),
        Format::Meds => Box::new(meds::MedsReader),
        Format::Synthea => Box::new(crate::synthea::SyntheaReader::new(options.identities, &options.limits)),
        Format::Table(mapping) => Box::new(match options.identities {
            true => mapping.clone(),
            false => mapping.without_identities(),
        }),
    })
}
