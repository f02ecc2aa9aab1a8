//! OMOP in the run: vocabulary and visits first, then all tables.

use super::Seekable;
use crate::{
    Error, Input, Progress, Rejection, Sink,
    input::{self, Opened, OpenedEntry, SourceFile},
    omop::{OmopLoader, OmopReader, table_of},
    pipeline::{Options, Pieces, RecordReader, tally::Tally},
    rejection::RejectionLog,
    version::Settled,
};
use events::SourceFact;
use std::io;

/// Loads the tables that the others need.
pub(super) fn prepare(
    options: &Options,
    files: &[SourceFile],
    progress: &Progress,
    tally: &Tally<'_>,
) -> Result<OmopReader, Error> {
    let mut loader = OmopLoader::default();
    let mut sink = VocabularySink {
        options,
        progress,
        tally,
        rejections: RejectionLog::default(),
        rows: 0,
        rejected_rows: 0,
        row_is_rejected: false,
    };
    for (position, file) in files.iter().enumerate() {
        let wanted = OmopLoader::wants(&file.table_name);
        if !wanted && !input::may_be_archive(&file.table_name) {
            continue;
        }
        let (opened, digesting) = input::open(file, wanted, progress)?;
        match opened {
            Opened::Single(input) if wanted => loader.load(input, &mut sink)?,
            Opened::Single(_) => continue,
            Opened::Parquet(source) => {
                loader.load_parquet(&file.safe_name, &file.table_name, source, &mut sink)?;
            }
            Opened::Archive(archive) => {
                let (entries, read_archive) = archive.entries(OmopLoader::wants);
                std::thread::scope(|scope| {
                    scope.spawn(read_archive);
                    for entry in entries {
                        let entry = entry.map_err(|e| Error::read(&file.safe_name, &e))?;
                        let (safe_name, table_name) = (entry.safe_name.clone(), entry.table_name.clone());
                        match entry.open(true)? {
                            OpenedEntry::Single(input) => loader.load(input, &mut sink)?,
                            OpenedEntry::Parquet(source) => {
                                loader.load_parquet(&safe_name, &table_name, source, &mut sink)?;
                            }
                        }
                    }
                    Ok::<(), Error>(())
                })?;
                progress.expect_again(file.bytes);
                continue;
            }
        }
        if is_read(&file.table_name) {
            progress.expect_again(file.bytes);
        } else {
            let digest = digesting.finish(&file.safe_name).map_err(|e| Error::read(&file.safe_name, &e))?;
            tally.add_input(position, digest);
        }
    }
    tally.add_vocabulary(sink.rows, sink.rejected_rows, sink.rejections)?;
    let may_hold_tables =
        |file: &SourceFile| table_of(&file.table_name).is_some() || input::may_be_archive(&file.table_name);
    if loader.lacks_concepts() && files.iter().any(may_hold_tables) {
        return Err(Error::NoVocabulary);
    }
    Ok(loader.build(options.identities, &options.limits))
}

/// Is the table read by the reader, rather than (only) by the loader?
fn is_read(table_name: &str) -> bool {
    !OmopLoader::wants(table_name) || table_of(table_name) == Some("visit_occurrence")
}

impl RecordReader for OmopReader {
    fn wants(&self, table_name: &str) -> bool {
        is_read(table_name) && table_of(table_name).is_some()
    }

    fn wanted_names(&self) -> Box<dyn Fn(&str) -> bool + Send> {
        Box::new(|table_name| is_read(table_name) && table_of(table_name).is_some())
    }

    fn wanted(&self) -> &'static str {
        "tables of the OMOP CDM (person.csv, measurement.parquet, …)"
    }

    fn read(&self, input: Input, _: &Pieces, sink: &mut dyn Sink) -> Result<bool, Error> {
        OmopReader::read(self, input, sink)?;
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
        self.describe(sink)
    }

    fn complete(&self, fact: &mut SourceFact, _: &Settled) -> Result<(), Rejection> {
        self.complete(fact);
        Ok(())
    }
}

/// Takes what loading a vocabulary says; no facts come of it.
struct VocabularySink<'a> {
    options: &'a Options,
    progress: &'a Progress,
    tally: &'a Tally<'a>,
    rejections: RejectionLog,
    rows: u64,
    rejected_rows: u64,
    row_is_rejected: bool,
}

impl Sink for VocabularySink<'_> {
    fn fact(&mut self, _: &str, _: SourceFact) -> io::Result<()> {
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) {
        self.progress.add_rejected();
        if !std::mem::replace(&mut self.row_is_rejected, true) {
            self.rejected_rows += 1;
        }
        self.rejections.add(rejection, self.options.limits.max_rejections_listed);
    }

    fn read(&mut self) {
        self.progress.add_row();
        self.rows += 1;
        self.row_is_rejected = false;
    }

    fn describe(&mut self, code: &str, description: &str, parents: &[String]) {
        self.tally.describe(code, description, parents);
    }
}
