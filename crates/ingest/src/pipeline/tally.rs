//! What a run counts, over all threads.

use super::Options;
use crate::{
    Error, Ignored, InputDigest, Progress, Rejection, Summary,
    rejection::RejectionLog,
    rows::moment,
    spill::{Batch, KEY_DIGITS},
    summary::Description,
};
use rustc_hash::FxHashMap;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Rows after which a run that is hopelessly past its ceiling ends early.
const EARLY_ROWS: u64 = 10_000;
/// How far past the ceiling that is.
const EARLY_FACTOR: f64 = 5.0;

/// Counts of things that were read and of which nothing comes.
pub(super) type IgnoredCounts = FxHashMap<(&'static str, &'static str), u64>;

/// The counts of a run.
pub(super) struct Tally<'a> {
    options: &'a Options,
    progress: &'a Progress,
    /// Rows of which something was rejected, each counted once; without those of the vocabulary.
    rejected_rows: AtomicU64,
    /// Rows of the vocabulary: millions that are about nobody, beside which rejected records would vanish.
    vocabulary_rows: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inputs: BTreeMap<usize, InputDigest>,
    files_skipped: u64,
    rejections: RejectionLog,
    ignored: IgnoredCounts,
    descriptions: BTreeMap<String, Description>,
    subjects: u64,
    facts: u64,
    duplicates: u64,
    displaced: u64,
    subjects_with_facts: u64,
    subjects_without_birth: u64,
    subjects_without_sex: u64,
    padded_keys: [u64; KEY_DIGITS],
    plain_keys: [u64; KEY_DIGITS],
}

impl<'a> Tally<'a> {
    pub(super) fn new(options: &'a Options, progress: &'a Progress) -> Self {
        Tally {
            options,
            progress,
            rejected_rows: AtomicU64::new(0),
            vocabulary_rows: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_input(&self, position: usize, digest: InputDigest) {
        self.state().inputs.insert(position, digest);
    }

    /// Was this source read already, by what had to be read first?
    pub(super) fn has_input(&self, position: usize) -> bool {
        self.state().inputs.contains_key(&position)
    }

    pub(super) fn skip_file(&self) {
        self.state().files_skipped += 1;
    }

    /// Counts a row that is the first time rejected.
    pub(super) fn add_rejected_row(&self) {
        self.rejected_rows.fetch_add(1, Relaxed);
    }

    /// Counts the rows of the vocabulary, which have a ceiling of their own.
    pub(super) fn add_vocabulary(&self, rows: u64, rejected: u64, log: RejectionLog) -> Result<(), Error> {
        self.vocabulary_rows.fetch_add(rows, Relaxed);
        self.add_rejections(log);
        self.check_share(rejected, rows)
    }

    pub(super) fn add_rejections(&self, log: RejectionLog) {
        self.state().rejections.merge(log, self.options.limits.max_rejections_listed);
    }

    pub(super) fn add_ignored(&self, counts: IgnoredCounts) {
        let ignored = &mut self.state().ignored;
        for (key, count) in counts {
            *ignored.entry(key).or_default() += count;
        }
    }

    /// Of several descriptions of one code the first in order is kept, whatever thread read it.
    pub(super) fn describe(&self, code: &str, description: &str, parents: &[String]) {
        let descriptions = &mut self.state().descriptions;
        let mut new = Description {
            description: description.to_owned(),
            parents: parents.to_vec(),
            is_procedure: false,
        };
        let room = descriptions.len() < self.options.limits.max_descriptions;
        match descriptions.get_mut(code) {
            Some(known) => {
                new.is_procedure = known.is_procedure;
                if new < *known {
                    *known = new;
                }
            }
            None if room => {
                descriptions.insert(code.to_owned(), new);
            }
            None => {}
        }
    }

    /// Of a code that was described.
    pub(super) fn says_procedure(&self, code: &str) {
        if let Some(known) = self.state().descriptions.get_mut(code) {
            known.is_procedure = true;
        }
    }

    pub(super) fn add_batch(&self, batch: &Batch) {
        let state = &mut *self.state();
        state.subjects += batch.subjects.len() as u64;
        state.facts += batch.facts;
        state.duplicates += batch.duplicates;
        state.displaced += batch.displaced;
        if batch.ends_left_out > 0 {
            let ends = state.ignored.entry(("observation_period", moment::STILL_WATCHED)).or_default();
            *ends += batch.ends_left_out;
        }
        for (length, (padded, plain)) in batch.padded_keys.iter().zip(batch.plain_keys).enumerate() {
            state.padded_keys[length] += padded;
            state.plain_keys[length] += plain;
        }
        state.subjects_with_facts += batch.with_facts;
        state.subjects_without_birth += batch.without_birth;
        state.subjects_without_sex += batch.without_sex;
        self.progress.add_subjects(batch.subjects.len() as u64);
        for rejection in &batch.rejections {
            self.progress.add_rejected();
            self.add_rejected_row();
            state.rejections.add(Rejection::clone(rejection), self.options.limits.max_rejections_listed);
        }
    }

    /// Rows of records that were read so far, and those of them of which something was rejected.
    fn rows(&self) -> (u64, u64) {
        let rows = self.progress.rows().saturating_sub(self.vocabulary_rows.load(Relaxed));
        (rows, self.rejected_rows.load(Relaxed))
    }

    /// Is the run so far past its ceiling that reading on is no use?
    pub(super) fn is_hopeless(&self) -> bool {
        let (rows, rejected) = self.rows();
        rows > EARLY_ROWS && rejected as f64 > EARLY_FACTOR * self.options.max_rejected * rows as f64
    }

    pub(super) fn check_anything_was_read(&self, looked_at: u64, wanted: &'static str) -> Result<(), Error> {
        let state = self.state();
        if state.inputs.is_empty() || (self.progress.rows() == 0 && state.rejections.total() == 0) {
            return Err(Error::NoInput { looked_at, wanted });
        }
        Ok(())
    }

    pub(super) fn check_ceiling(&self) -> Result<(), Error> {
        let (rows, rejected) = self.rows();
        self.check_share(rejected, rows)
    }

    fn check_share(&self, rejected: u64, total: u64) -> Result<(), Error> {
        if rejected as f64 > self.options.max_rejected * total as f64 {
            let commonest = self.state().rejections.commonest();
            return Err(Error::TooManyRejected {
                rejected,
                total,
                ceiling: self.options.max_rejected,
                commonest,
            });
        }
        Ok(())
    }

    pub(super) fn check_anyone_came(&self) -> Result<(), Error> {
        let state = self.state();
        if state.subjects == 0 {
            let commonest = state.rejections.commonest();
            return Err(Error::NoSubjects { rows: self.progress.rows(), commonest });
        }
        Ok(())
    }

    pub(super) fn into_summary(self, spilled_bytes: u64) -> Summary {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut ignored: Vec<Ignored> = state
            .ignored
            .into_iter()
            .map(|((kind, reason), count)| Ignored { kind, reason, count })
            .collect();
        ignored
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (a.kind, a.reason).cmp(&(b.kind, b.reason))));
        Summary {
            inputs: state.inputs.into_values().collect(),
            files_skipped: state.files_skipped,
            rows: self.progress.rows(),
            rejected_rows: self.rejected_rows.load(Relaxed),
            rejected: state.rejections.total(),
            rejection_counts: state.rejections.counts(),
            rejections: state.rejections.listed(),
            ignored,
            subjects: state.subjects,
            facts: state.facts,
            duplicates: state.duplicates,
            displaced: state.displaced,
            subjects_with_facts: state.subjects_with_facts,
            subjects_without_birth: state.subjects_without_birth,
            subjects_without_sex: state.subjects_without_sex,
            keys_of_two_forms: keys_of_two_forms(&state.padded_keys, &state.plain_keys),
            spilled_bytes,
            descriptions: state.descriptions,
        }
    }
}

/// How many keys begin with a zero, and how many of digits alone are shorter than the longest of those and don't: where numbers are
/// written to one width there are none of the latter. `None` where there aren't both.
fn keys_of_two_forms(padded: &[u64; KEY_DIGITS], plain: &[u64; KEY_DIGITS]) -> Option<(u64, u64)> {
    let longest = padded.iter().rposition(|count| *count > 0)?;
    let shorter: u64 = plain[..longest].iter().sum();
    (shorter > 0).then(|| (padded.iter().sum(), shorter))
}
