//! Is the performance what it seems? Leakage and shortcuts, looked for with every report.
//!
//! Leakage in the sense of Kaufman et al. (ACM TKDD 2012) and Kapoor and Narayanan (Patterns 2023): something reached
//! the model that won't be there when it is used. Predictions alone tell a little; with the records ([`Auditor::subject`])
//! much more is looked for. A finding says what was seen, in numbers; whether it is a fault, people decide.

mod altered;
mod features;
mod gaps;
mod twins;

pub(crate) use altered::altered;

use crate::error::Result;
use events::{Prediction, Split, Subject};
use features::Watched;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twins::Twins;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known; no sign of a fault by itself.
    Note,
    /// Ask what is behind it before believing the numbers.
    Warning,
    /// The numbers can't be believed until it is explained.
    Serious,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How much it matters.
    pub severity: Severity,
    /// The task it is about, if one.
    pub task: Option<String>,
    /// What was seen, in a sentence.
    pub what: String,
    /// The numbers behind it.
    pub evidence: BTreeMap<String, f64>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// One subject, or one record under two ids, on both sides of the split; or predictions for training subjects.
    SubjectsInTwoSplits,
    /// A code that belongs to the outcome or what follows it stands in the history of some.
    CodesOfTheOutcomeInHistory,
    /// The outcome itself stands in the history.
    LabelInHistory,
    /// The outcome has the very time of the prediction, so that order within one moment decides.
    OrderWithinATimestamp,
    /// Outcomes come within a day of the prediction, in the visit that is asked about perhaps.
    OutcomesWithinADay,
    /// One code alone tells nearly everything.
    OneFeatureDoesTooWell,
    /// Outcomes close at hand carry the performance.
    PerformanceByGap,
    /// Training and measured records lie in the same years.
    TimeOverlap,
    /// What is left with the times of the history shuffled.
    ShuffledTimes,
    /// What is left without the last day of the history.
    LastVisit,
}

/// What a check needs beside the predictions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Records,
    AlteredHistories,
}

impl Check {
    /// All of them.
    pub const ALL: [Check; 10] = [
        Check::SubjectsInTwoSplits,
        Check::CodesOfTheOutcomeInHistory,
        Check::LabelInHistory,
        Check::OrderWithinATimestamp,
        Check::OutcomesWithinADay,
        Check::OneFeatureDoesTooWell,
        Check::PerformanceByGap,
        Check::TimeOverlap,
        Check::ShuffledTimes,
        Check::LastVisit,
    ];

    /// What a reader calls it.
    pub fn words(self) -> &'static str {
        match self {
            Check::SubjectsInTwoSplits => "Subjects on both sides of the split",
            Check::CodesOfTheOutcomeInHistory => "Codes of the outcome in the history",
            Check::LabelInHistory => "The outcome itself in the history",
            Check::OrderWithinATimestamp => "Outcomes at the moment of prediction",
            Check::OutcomesWithinADay => "Outcomes within a day of the prediction",
            Check::OneFeatureDoesTooWell => "One code that tells nearly everything",
            Check::PerformanceByGap => "Performance by time to the outcome",
            Check::TimeOverlap => "Training and measured records in the same years",
            Check::ShuffledTimes => "What is left when times are shuffled",
            Check::LastVisit => "What is left without the last visit",
        }
    }

    fn needs(self) -> Needs {
        match self {
            Check::OrderWithinATimestamp | Check::OutcomesWithinADay | Check::PerformanceByGap => {
                Needs::Nothing
            }
            Check::ShuffledTimes | Check::LastVisit => Needs::AlteredHistories,
            _ => Needs::Records,
        }
    }
}

/// What was looked for and what was found, the gravest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Checks that were made.
    pub made: Vec<Check>,
    /// Checks that could not be made without the records, or without predictions from altered histories.
    pub not_made: Vec<Check>,
}

impl Audit {
    /// Findings that ask for an explanation: warnings and serious ones.
    pub fn alarms(&self) -> usize {
        self.findings.iter().filter(|f| f.severity > Severity::Note).count()
    }

    /// Adds what altered histories told, and that it was looked for.
    pub(crate) fn add_altered(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.sort();
        self.not_made.retain(|c| c.needs() != Needs::AlteredHistories);
        self.made = Check::ALL.into_iter().filter(|c| !self.not_made.contains(c)).collect();
    }

    fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then(a.check.cmp(&b.check)).then(a.task.cmp(&b.task))
        });
    }
}

/// Looks through predictions, and through records as they are given.
pub struct Auditor {
    findings: Vec<Finding>,
    watched: Vec<Watched>,
    twins: Twins,
    saw_records: bool,
}

impl Auditor {
    /// Starts with the predictions. Of `tasks`, those with the most events are looked at code by code; tasks with fewer
    /// than `min_events` events or non-events are not.
    pub fn new(predictions: &[Prediction], tasks: usize, min_events: usize) -> Result<Self> {
        let mut by_task: BTreeMap<(&str, u32), Vec<&Prediction>> = BTreeMap::new();
        for p in predictions {
            by_task.entry((p.task.as_str(), p.horizon_days.to_bits())).or_default().push(p);
        }
        let known =
            |rows: &[&Prediction], value| rows.iter().filter(|p| p.boolean_value == Some(value)).count();
        let mut chosen: Vec<(&str, Vec<&Prediction>)> = by_task
            .into_iter()
            .filter(|(_, rows)| known(rows, true).min(known(rows, false)) >= min_events.max(1))
            .map(|((task, _), rows)| (task, rows))
            .collect();
        chosen.sort_by_key(|(_, rows)| std::cmp::Reverse(known(rows, true)));
        let mut findings = Vec::new();
        for (task, rows) in &chosen {
            findings.extend(gaps::at_the_moment(task, rows));
        }
        findings.extend(gaps::within_a_day(&chosen));
        chosen.truncate(tasks);
        for (task, rows) in &chosen {
            findings.extend(gaps::by_gap(task, rows)?);
        }
        Ok(Auditor {
            findings,
            watched: chosen.iter().map(|(task, rows)| Watched::new(task, rows)).collect(),
            twins: Twins::new(predictions),
            saw_records: false,
        })
    }

    /// Looks at one subject's record.
    pub fn subject(&mut self, split: Split, subject: &Subject) {
        self.saw_records = true;
        self.twins.subject(split, subject);
        for watched in &mut self.watched {
            watched.subject(subject);
        }
    }

    /// What was found.
    pub fn finish(self) -> Audit {
        let mut findings = self.findings;
        if self.saw_records {
            findings.extend(self.twins.finish());
            for watched in self.watched {
                findings.extend(watched.finish());
            }
        }
        let (made, not_made) = Check::ALL.into_iter().partition(|c| match c.needs() {
            Needs::Nothing => true,
            Needs::Records => self.saw_records,
            Needs::AlteredHistories => false,
        });
        let mut audit = Audit { findings, made, not_made };
        audit.sort();
        audit
    }
}

/// A finding with its numbers.
fn finding(
    check: Check,
    severity: Severity,
    task: Option<&str>,
    what: String,
    evidence: &[(&str, f64)],
) -> Finding {
    let evidence = evidence.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Finding { check, severity, task: task.map(str::to_owned), what, evidence }
}

#[cfg(test)]
mod tests;
