//! The run: sources are read on every thread, facts spilled by subject, and subjects gathered in order.

mod formats;
mod queue;
mod scatter;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use formats::{RecordReader, Seekable};
pub(crate) use queue::{Piece, Pieces};

use crate::{
    Error, Interrupted, Limits, Phase, Progress, Summary, Version, input,
    spill::{Batch, Gather, Spill},
    version::Settled,
};
use events::{Identified, SourceSubject};
use std::{ops::ControlFlow, path::PathBuf, sync::mpsc::sync_channel, thread};
use tally::Tally;

pub use formats::Format;

/// Batches of subjects that wait for the consumer.
const BATCHES_AHEAD: usize = 1;

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the sources are.
    pub format: Format,
    /// Files, folders and archives.
    pub sources: Vec<PathBuf>,
    /// The largest share of rows that may be rejected; past it the run fails.
    pub max_rejected: f64,
    /// A directory for the spill. It belongs to the caller, who removes it; what is written there is
    /// encrypted under a key that only this run knows.
    pub spill_dir: PathBuf,
    /// Threads to read on, at least 1. The result does not depend on it.
    pub threads: usize,
    /// Are names, addresses and numbers of the people in the records to be handed on, as identities, so that they
    /// can be found in notes? All formats but MEDS say them.
    pub identities: bool,
    /// Bounds on memory and on what a record may be.
    pub limits: Limits,
}

impl Options {
    /// The default ceiling of rejections: 1 %.
    pub const MAX_REJECTED: f64 = 0.01;

    /// Options with the defaults: a ceiling of 1 %, one thread, no identities, the default limits.
    pub fn new(format: Format, sources: Vec<PathBuf>, spill_dir: PathBuf) -> Self {
        Options {
            format,
            sources,
            max_rejected: Self::MAX_REJECTED,
            spill_dir,
            threads: 1,
            identities: false,
            limits: Limits::default(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |option, reason| Err(Error::Option { option, reason });
        if !(0.0..=1.0).contains(&self.max_rejected) {
            refuse("max_rejected", "a share between 0 and 1 is wanted")
        } else if self.threads == 0 {
            refuse("threads", "at least one is needed")
        } else if self.sources.is_empty() {
            refuse("sources", "at least one file or folder is needed")
        } else {
            Ok(())
        }
    }
}

/// Reads the sources and hands every subject to `each`, in ascending order of `route(key)`.
///
/// `route` gives each subject's source key a number that no other subject has: a keyed hash, so that the order
/// says nothing. The same sources and route give the same subjects in the same order with their facts in the
/// same order, whatever the threads. `each` runs on the calling thread, beside the gathering of what comes next.
///
/// # Errors
/// [`Interrupted::Ingest`] when a source or the spill cannot be read or written, when a file is not what its name says
/// or is cut off, when more than `options.max_rejected` of the rows are rejected (possibly after subjects were handed
/// on), when no subject has a fact, or when two subjects share a route; [`Interrupted::Consumer`] with the error of `each`.
pub fn ingest<E>(
    options: &Options,
    route: &(dyn Fn(&str) -> u64 + Sync),
    progress: &Progress,
    each: &mut Each<'_, E>,
) -> Result<Summary, Interrupted<E>> {
    ingest_after(options, route, progress, None, each)
}

/// Takes whole subjects.
pub type Each<'a, E> = dyn FnMut(Vec<Identified<SourceSubject>>) -> Result<(), E> + 'a;

/// As [`ingest`], but hands every subject to `look` too, before `each` sees the first: for what depends on all of them.
/// Subjects are then gathered twice from the spill.
///
/// # Errors
/// As [`ingest`].
pub fn ingest_after<E>(
    options: &Options,
    route: &(dyn Fn(&str) -> u64 + Sync),
    progress: &Progress,
    look: Option<&mut Each<'_, E>>,
    each: &mut Each<'_, E>,
) -> Result<Summary, Interrupted<E>> {
    options.check()?;
    progress.begin();
    let files = input::list(&options.sources)?;
    progress.expect_bytes(files.iter().map(|file| file.bytes).sum());

    progress.enter(Phase::Reading);
    let tally = Tally::new(options, progress);
    let spill = Spill::new(&options.spill_dir)?;
    let reader = formats::reader(options, &files, progress, &tally)?;
    scatter::scatter(options, route, progress, &files, reader.as_ref(), &spill, &tally)?;
    scatter::finish(options, route, progress, reader.as_ref(), &spill, &tally)?;
    tally.check_anything_was_read(files.len() as u64, reader.wanted())?;
    tally.check_ceiling()?;

    progress.enter(Phase::Gathering);
    if let Some(look) = look {
        gather(options, reader.as_ref(), Whole::Again(&spill), &mut |batch: Batch| {
            go_on(look(batch.subjects))
        })?;
    }
    let spilled = gather(options, reader.as_ref(), Whole::Last(spill), &mut |batch: Batch| {
        tally.add_batch(&batch);
        go_on(each(batch.subjects))
    })?;
    tally.check_ceiling()?;
    tally.check_anyone_came()?;
    progress.enter(Phase::Done);
    Ok(tally.into_summary(spilled))
}

fn go_on<E>(result: Result<(), E>) -> ControlFlow<E> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// A spill that is gathered for the last time, or will be once more.
enum Whole<'s> {
    Again(&'s Spill),
    Last(Spill),
}

/// Gathers on a thread of its own and consumes on this one. Returns the bytes that were spilled.
fn gather<E>(
    options: &Options,
    reader: &dyn RecordReader,
    spill: Whole<'_>,
    consume: &mut dyn FnMut(Batch) -> ControlFlow<E>,
) -> Result<u64, Interrupted<E>> {
    thread::scope(|scope| {
        let (send, batches) = sync_channel::<Batch>(BATCHES_AHEAD);
        let gatherer = scope.spawn(move || {
            let mut deliver = |batch| send.send(batch).is_ok();
            let complete = |fact: &mut events::SourceFact, settled: &Settled| reader.complete(fact, settled);
            let withdrawn = |resource, versions: &mut Vec<Version>| reader.withdrawn(resource, versions);
            let gather = Gather::new(&options.limits, &complete, &withdrawn, &mut deliver);
            match spill {
                Whole::Again(spill) => gather.all_but_keep(spill).map(|()| spill.spilled_bytes()),
                Whole::Last(spill) => gather.all(spill),
            }
        });
        let mut refused = None;
        while let Ok(batch) = batches.recv() {
            if let ControlFlow::Break(error) = consume(batch) {
                refused = Some(error);
                break;
            }
        }
        // With the receiver gone, the gatherer ends at its next batch.
        drop(batches);
        let gathered = gatherer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match refused {
            Some(error) => Err(Interrupted::Consumer(error)),
            None => Ok(gathered?),
        }
    })
}
