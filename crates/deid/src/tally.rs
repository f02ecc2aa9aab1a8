//! What de-identification did, in counts by rule. Holds nothing of a record but words that many subjects share.

use events::Code;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Distinct (code, words) pairs that are counted; later ones are ignored, so memory stays bounded.
const MOST_DESCRIPTIONS: usize = 1_000_000;

/// Counts by rule. Tallies of parts add up with [`Tally::merge`].
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Subjects that were de-identified.
    pub subjects: u64,
    /// Events that passed.
    pub events_kept: u64,
    /// Labels that passed.
    pub labels_kept: u64,
    /// Events dropped, by rule.
    pub dropped: BTreeMap<String, u64>,
    /// Parts of events dropped (free text, units that are none), by rule; the event itself passed.
    pub trimmed: BTreeMap<String, u64>,
    /// Subjects whose birth was moved because they are older than the policy's oldest age.
    pub ages_top_coded: u64,
    /// Per code and what a source calls it: how many subjects.
    descriptions: FxHashMap<(Code, SmolStr), u32>,
}

impl Tally {
    pub(crate) fn drop_event(&mut self, rule: &str) {
        count(&mut self.dropped, rule);
    }

    pub(crate) fn trim(&mut self, rule: &str) {
        count(&mut self.trimmed, rule);
    }

    /// Counts one subject's codes and what the source calls them.
    pub(crate) fn describe(&mut self, seen: FxHashSet<(Code, SmolStr)>) {
        for pair in seen {
            if self.descriptions.len() < MOST_DESCRIPTIONS || self.descriptions.contains_key(&pair) {
                *self.descriptions.entry(pair).or_default() += 1;
            }
        }
    }

    /// Adds another tally to this one.
    pub fn merge(&mut self, other: Tally) {
        self.subjects += other.subjects;
        self.events_kept += other.events_kept;
        self.labels_kept += other.labels_kept;
        self.ages_top_coded += other.ages_top_coded;
        for (rule, n) in other.dropped {
            *self.dropped.entry(rule).or_default() += n;
        }
        for (rule, n) in other.trimmed {
            *self.trimmed.entry(rule).or_default() += n;
        }
        for (pair, n) in other.descriptions {
            if self.descriptions.len() < MOST_DESCRIPTIONS || self.descriptions.contains_key(&pair) {
                *self.descriptions.entry(pair).or_default() += n;
            }
        }
    }

    /// The commonest words for each code that at least `subjects` subjects share, sorted by code.
    pub fn descriptions(&self, subjects: u32) -> BTreeMap<String, String> {
        let mut best: BTreeMap<&Code, (u32, &SmolStr)> = BTreeMap::new();
        for ((code, words), &n) in &self.descriptions {
            let candidate = (n, words);
            if n >= subjects {
                let entry = best.entry(code).or_insert(candidate);
                // Ties by the words themselves, so that the result does not depend on hashing.
                if (n, std::cmp::Reverse(words)) > (entry.0, std::cmp::Reverse(entry.1)) {
                    *entry = candidate;
                }
            }
        }
        best.into_iter().map(|(code, (_, words))| (code.to_string(), words.to_string())).collect()
    }
}

fn count(counts: &mut BTreeMap<String, u64>, rule: &str) {
    match counts.get_mut(rule) {
        Some(n) => *n += 1,
        None => drop(counts.insert(rule.to_owned(), 1)),
    }
}
