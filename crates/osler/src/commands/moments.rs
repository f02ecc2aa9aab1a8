//! The subjects that something is learned from, and the moments of their records at which it is.

use crate::records::Records;
use ::evaluate::tasks::{Landmark, StudyWindow, prediction_times};
use anyhow::Result;
use events::{Label, Split, Subject, Time, meds};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Subjects of some splits, some of them left out.
pub(super) struct Learned<'a> {
    pub(super) records: &'a Records,
    pub(super) splits: &'a [Split],
    pub(super) but: &'a HashSet<i64>,
}

impl Learned<'_> {
    /// Visits each subject.
    pub(super) fn each(&self, visit: &mut dyn FnMut(&Subject) -> Result<()>) -> Result<()> {
        for split in self.splits {
            for subject in self.records.subjects(*split)? {
                let subject = subject?;
                if !self.but.contains(&subject.id) {
                    visit(&subject)?;
                }
            }
        }
        Ok(())
    }

    /// How many there are at most.
    pub(super) fn count(&self) -> u64 {
        self.splits.iter().map(|split| self.records.count(*split)).sum()
    }
}

/// At what moments is a subject learned from?
pub(super) enum Moments {
    /// Where labels say.
    Stated(HashMap<i64, Vec<Label>>),
    /// At so many visits, each the first after a date drawn without looking at the record.
    Visits { landmark: Landmark, visits: u64, seed: u64 },
}

impl Moments {
    /// Those of the labels, or else visits that leave `leave_days` of the study.
    pub(super) fn new(
        learned: &Learned<'_>,
        stated: Option<&PathBuf>,
        (visits, seed): (u64, u64),
        leave_days: f64,
    ) -> Result<Self> {
        if let Some(labels) = stated {
            return Ok(Moments::Stated(labels_by_subject(labels)?));
        }
        let mut end: Option<Time> = None;
        learned.each(&mut |subject| {
            end = end.max(StudyWindow::of([subject]).map(|window| window.end));
            Ok(())
        })?;
        let study_end = end.unwrap_or(Time::from_micros(0));
        let landmark = Landmark::RandomVisit { study_end, leave_days, minimum_history_days: 0.0 };
        Ok(Moments::Visits { landmark, visits, seed })
    }

    /// The moments of a subject, and what a label says there.
    pub(super) fn of(&self, subject: &Subject) -> Vec<(Time, Option<bool>)> {
        match self {
            Moments::Stated(labels) => {
                let own = labels.get(&subject.id).into_iter().flatten();
                own.map(|l| (l.prediction_time, Some(l.boolean_value))).collect()
            }
            Moments::Visits { landmark, visits, seed } => {
                let mut times: Vec<Time> = (0..*visits)
                    .flat_map(|visit| prediction_times(subject, landmark, seed.wrapping_add(visit)))
                    .collect();
                times.sort_unstable();
                times.dedup();
                times.into_iter().map(|time| (time, None)).collect()
            }
        }
    }
}

/// Labels of a file or directory, by subject.
pub(super) fn labels_by_subject(path: &Path) -> Result<HashMap<i64, Vec<Label>>> {
    let mut by_subject: HashMap<i64, Vec<Label>> = HashMap::new();
    for label in meds::read_labels(path)? {
        by_subject.entry(label.subject_id).or_default().push(label);
    }
    Ok(by_subject)
}
