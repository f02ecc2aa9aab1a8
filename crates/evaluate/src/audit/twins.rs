//! The split: the same subject, or the same record under another id, on both sides; and the years on both sides.

use super::{Check, Finding, Severity, finding};
use crate::words;
use events::{Code, Prediction, Split, Subject, Time};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::hash::{Hash, Hasher};

/// Records with fewer dated events may be equal by chance.
const LEAST_EVENTS: usize = 10;

pub(super) struct Twins {
    predicted: FxHashSet<i64>,
    times: Vec<Time>,
    split_of: FxHashMap<i64, Split>,
    /// Record → has it been seen in training, and in what is measured?
    records: FxHashMap<u64, (bool, bool)>,
    in_two: usize,
    predicted_in_training: usize,
    training: Option<(Time, Time)>,
}

impl Twins {
    pub fn new(predictions: &[Prediction]) -> Self {
        let mut times: Vec<Time> = predictions.iter().map(|p| p.prediction_time).collect();
        times.sort_unstable();
        Twins {
            predicted: predictions.iter().map(|p| p.subject_id).collect(),
            times,
            split_of: FxHashMap::default(),
            records: FxHashMap::default(),
            in_two: 0,
            predicted_in_training: 0,
            training: None,
        }
    }

    pub fn subject(&mut self, split: Split, subject: &Subject) {
        let before = self.split_of.insert(subject.id, split);
        self.in_two += usize::from(before.is_some_and(|other| other != split));
        let predicted = self.predicted.contains(&subject.id);
        if split == Split::Train {
            self.predicted_in_training += usize::from(predicted);
            let dated =
                || subject.events().iter().filter(|e| e.code.as_str() != Code::BIRTH).filter_map(|e| e.time);
            if let (Some(first), Some(last)) = (dated().next(), dated().next_back()) {
                let (from, to) = self.training.get_or_insert((first, last));
                (*from, *to) = ((*from).min(first), (*to).max(last));
            }
        }
        if (split == Split::Train || predicted)
            && let Some(record) = fingerprint(subject)
        {
            let seen = self.records.entry(record).or_default();
            seen.0 |= split == Split::Train;
            seen.1 |= split != Split::Train && predicted;
        }
    }

    pub fn finish(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut serious = |what: String, evidence: &[(&str, f64)]| {
            findings.push(finding(Check::SubjectsInTwoSplits, Severity::Serious, None, what, evidence));
        };
        if self.in_two > 0 {
            serious(
                format!(
                    "{} subjects stand in two splits. Split again by subject.",
                    words::count(self.in_two)
                ),
                &[("subjects", self.in_two as f64)],
            );
        }
        if self.predicted_in_training > 0 {
            serious(
                format!(
                    "{} of {} measured subjects belong to the training split: what the model remembers is measured, not what it \
                     foresees.",
                    words::count(self.predicted_in_training),
                    words::count(self.predicted.len())
                ),
                &[("subjects", self.predicted_in_training as f64)],
            );
        }
        let twins = self.records.values().filter(|seen| seen.0 && seen.1).count();
        if twins > 0 {
            serious(
                format!(
                    "{} measured records are the same, event for event, as one in training under another id. Find out how a \
                     person comes to have two ids.",
                    words::count(twins)
                ),
                &[("records", twins as f64)],
            );
        }
        if let (Some((from, to)), false) = (self.training, self.times.is_empty()) {
            let within = self.times.iter().filter(|&&t| t >= from && t <= to).count();
            let share = within as f64 / self.times.len() as f64;
            if share > 0.0 {
                findings.push(finding(
                    Check::TimeOverlap,
                    Severity::Note,
                    None,
                    format!(
                        "{} of the predictions lie in the years that the training records cover: how the model does in years \
                         to come is not measured here. Split by date to measure it.",
                        words::percent(share)
                    ),
                    &[("share_within", share)],
                ));
            }
        }
        findings
    }
}

/// The record without its id: codes and values with the time since the first, which a shift of dates keeps.
fn fingerprint(subject: &Subject) -> Option<u64> {
    let mut hasher = FxHasher::default();
    let (mut first, mut events) = (None, 0);
    for event in subject.events() {
        let Some(time) = event.time else { continue };
        let first = *first.get_or_insert(time);
        (event.code.as_str(), time.micros() - first.micros(), event.numeric_value.map(f32::to_bits))
            .hash(&mut hasher);
        events += 1;
    }
    (events >= LEAST_EVENTS).then(|| hasher.finish())
}
