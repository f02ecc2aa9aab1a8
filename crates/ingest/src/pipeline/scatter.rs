//! The first half of a run: threads read sources and spill what they find.

use super::{
    Options, RecordReader, Seekable,
    queue::{Piece, Pieces, Work},
    tally::{IgnoredCounts, Tally},
};
use crate::{
    Error, Progress, Rejection, Sink, Version,
    input::{self, Opened, SourceFile},
    rejection::RejectionLog,
    spill::{Spill, SpillWriter},
};
use events::SourceFact;
use std::{
    io,
    sync::{Mutex, PoisonError},
    thread,
};

/// Rows between looks at whether the run is past hope.
const ROWS_BETWEEN_LOOKS: u64 = 1024;
/// Subjects whose routes a thread remembers; a power of two.
const ROUTES_KEPT: usize = 4096;
/// Low bits of a source's number that count the entries of an archive.
const ENTRY_BITS: u32 = 40;

/// Reads `files` on `options.threads` threads into `spill`.
pub(super) fn scatter(
    options: &Options,
    route: &(dyn Fn(&str) -> u64 + Sync),
    progress: &Progress,
    files: &[SourceFile],
    reader: &dyn RecordReader,
    spill: &Spill,
    tally: &Tally<'_>,
) -> Result<(), Error> {
    let pieces = Pieces::new(files.len());
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                let mut sink = ThreadSink::new(options, route, progress, spill, tally, &pieces);
                let worker = Worker { reader, pieces: &pieces, progress, tally, files };
                // The failure of the spill itself says more than what the reader made of it.
                let worked = worker.work(&mut sink).map_err(|error| sink.failure.take().unwrap_or(error));
                if let Err(error) = worked.and(sink.finish()) {
                    pieces.stop();
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        // A run that was stopped for its rejections says so, whatever the reader that was cut short said.
        Some(error) => {
            if tally.is_hopeless() {
                tally.check_ceiling()?;
            }
            Err(error)
        }
        None => Ok(()),
    }
}

/// Lets the reader say what it only knows when everything was read.
pub(super) fn finish(
    options: &Options,
    route: &(dyn Fn(&str) -> u64 + Sync),
    progress: &Progress,
    reader: &dyn RecordReader,
    spill: &Spill,
    tally: &Tally<'_>,
) -> Result<(), Error> {
    let pieces = Pieces::new(0);
    let mut sink = ThreadSink::new(options, route, progress, spill, tally, &pieces);
    reader.finish(&mut sink)?;
    sink.finish()
}

struct Worker<'a> {
    reader: &'a dyn RecordReader,
    pieces: &'a Pieces,
    progress: &'a Progress,
    tally: &'a Tally<'a>,
    files: &'a [SourceFile],
}

impl Worker<'_> {
    fn work(&self, sink: &mut ThreadSink<'_>) -> Result<(), Error> {
        while let Some((work, _taken)) = self.pieces.take() {
            let result = match work {
                Work::Piece(piece) => self.piece(piece, sink),
                Work::Source(position) => self.source(position, sink),
            };
            if result.is_err() {
                self.pieces.stop();
            }
            result?;
        }
        Ok(())
    }

    fn piece(&self, piece: Piece, sink: &mut ThreadSink<'_>) -> Result<(), Error> {
        sink.source = piece.source();
        match piece {
            Piece::Input { input, .. } => self.reader.read(input, self.pieces, sink).map(|_| ()),
            piece => self.reader.read_piece(piece, sink),
        }
    }

    fn source(&self, position: usize, sink: &mut ThreadSink<'_>) -> Result<(), Error> {
        let file = &self.files[position];
        sink.source = (position as u64) << ENTRY_BITS;
        if self.tally.has_input(position) {
            return Ok(());
        }
        if !file.named && input::is_zip_by_name(&file.table_name) {
            sink.ignore("file", "a zip archive, which is not opened: unpack it");
            self.tally.skip_file();
            return Ok(());
        }
        if !file.named && !self.reader.wants(&file.table_name) && !input::may_be_archive(&file.table_name) {
            self.tally.skip_file();
            return Ok(());
        }
        let promised = self.reader.promises(&file.table_name);
        let (opened, digesting) = input::open(file, promised, self.progress)?;
        let recognised = match opened {
            Opened::Single(input) => self.reader.read(input, self.pieces, sink)?,
            Opened::Parquet(parquet) => {
                let source = Seekable::File(parquet);
                self.reader.read_seekable(&file.safe_name, &file.table_name, source, sink)?
            }
            Opened::Archive(archive) => {
                let (entries, read_archive) = archive.entries(self.reader.wanted_names());
                thread::scope(|scope| {
                    scope.spawn(read_archive);
                    self.archive(&file.safe_name, entries, sink)
                })?
            }
        };
        if recognised && !self.pieces.is_stopped() {
            let digest = digesting.finish(&file.safe_name).map_err(|e| Error::read(&file.safe_name, &e))?;
            self.tally.add_input(position, digest);
        } else {
            self.tally.skip_file();
        }
        Ok(())
    }

    fn archive(
        &self,
        archive_name: &str,
        entries: std::sync::mpsc::Receiver<io::Result<input::Entry>>,
        sink: &mut ThreadSink<'_>,
    ) -> Result<bool, Error> {
        let mut recognised = false;
        for entry in entries {
            if self.pieces.is_stopped() {
                break;
            }
            let entry = entry.map_err(|e| Error::read(archive_name, &e))?;
            sink.source += 1;
            let (safe_name, table_name) = (entry.safe_name.clone(), entry.table_name.clone());
            let whole = entry.is_whole();
            match entry.open(self.reader.promises(&table_name))? {
                input::OpenedEntry::Parquet(bytes) => {
                    recognised |=
                        self.reader.read_seekable(&safe_name, &table_name, Seekable::Bytes(bytes), sink)?;
                }
                input::OpenedEntry::Single(input) if whole => {
                    match self.pieces.offer(Piece::Input { source: sink.source, input }) {
                        Some(Piece::Input { input, .. }) => {
                            recognised |= self.reader.read(input, self.pieces, sink)?;
                        }
                        _ => recognised = true,
                    }
                }
                input::OpenedEntry::Single(input) => {
                    recognised |= self.reader.read(input, self.pieces, sink)?;
                }
            }
        }
        Ok(recognised)
    }
}

/// What one thread found.
pub(super) struct ThreadSink<'a> {
    options: &'a Options,
    route: &'a (dyn Fn(&str) -> u64 + Sync),
    /// Routes of subjects seen lately, by a cheap hash of their keys: a keyed hash costs more than the rest.
    routes: Vec<(String, u64)>,
    writer: SpillWriter<'a>,
    failure: Option<Error>,
    source: u64,
    rejections: RejectionLog,
    ignored: IgnoredCounts,
    rows: u64,
    /// Was something of the current row rejected already?
    row_is_rejected: bool,
    progress: &'a Progress,
    tally: &'a Tally<'a>,
    pieces: &'a Pieces,
}

impl<'a> ThreadSink<'a> {
    fn new(
        options: &'a Options,
        route: &'a (dyn Fn(&str) -> u64 + Sync),
        progress: &'a Progress,
        spill: &'a Spill,
        tally: &'a Tally<'a>,
        pieces: &'a Pieces,
    ) -> Self {
        ThreadSink {
            options,
            route,
            routes: vec![(String::new(), 0); ROUTES_KEPT],
            writer: spill.writer(options.limits.spill_buffer_bytes / options.threads),
            failure: None,
            source: 0,
            rejections: RejectionLog::default(),
            ignored: IgnoredCounts::default(),
            rows: 0,
            row_is_rejected: false,
            progress,
            tally,
            pieces,
        }
    }

    fn route(&mut self, subject: &str) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        std::hash::Hash::hash(subject, &mut hasher);
        let slot = &mut self.routes[std::hash::Hasher::finish(&hasher) as usize & (ROUTES_KEPT - 1)];
        // An empty slot holds the empty key, whose route is not known.
        if slot.0 != subject || subject.is_empty() {
            slot.1 = (self.route)(subject);
            slot.0.clear();
            slot.0.push_str(subject);
        }
        slot.1
    }

    fn finish(self) -> Result<(), Error> {
        self.tally.add_rejections(self.rejections);
        self.tally.add_ignored(self.ignored);
        self.writer.finish()
    }

    fn push(
        &mut self,
        subject: &str,
        version: Option<&Version>,
        fact: Option<&SourceFact>,
    ) -> io::Result<()> {
        let route = self.route(subject);
        self.writer.push(route, subject, version, fact).map_err(|error| {
            let kind = match &error {
                Error::Spill { kind } => *kind,
                _ => io::ErrorKind::Other,
            };
            self.failure = Some(error);
            kind.into()
        })
    }

    fn look(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS_BETWEEN_LOOKS) && self.tally.is_hopeless() {
            self.pieces.stop();
        }
    }
}

impl Sink for ThreadSink<'_> {
    fn fact(&mut self, subject: &str, fact: SourceFact) -> io::Result<()> {
        self.push(subject, None, Some(&fact))
    }

    fn versioned(&mut self, subject: &str, version: &Version, fact: Option<SourceFact>) -> io::Result<()> {
        self.push(subject, Some(version), fact.as_ref())
    }

    fn source(&self) -> u64 {
        self.source
    }

    fn reject(&mut self, rejection: Rejection) {
        self.progress.add_rejected();
        if !std::mem::replace(&mut self.row_is_rejected, true) {
            self.tally.add_rejected_row();
        }
        self.rejections.add(rejection, self.options.limits.max_rejections_listed);
        self.look();
    }

    fn read(&mut self) {
        self.progress.add_row();
        self.row_is_rejected = false;
        self.look();
    }

    fn describe(&mut self, code: &str, description: &str, parents: &[String]) {
        self.tally.describe(code, description, parents);
    }

    fn says_procedure(&mut self, code: &str) {
        self.tally.says_procedure(code);
    }

    fn ignore(&mut self, kind: &'static str, reason: &'static str) {
        *self.ignored.entry((kind, reason)).or_default() += 1;
    }
}
