//! Predictions that were logged and told nobody, measured as outcomes arrive.
//!
//! An outcome that came early is known early; that nothing came is known only when the horizon is over and all that happened
//! in it has been reported. Whoever counts what is known so far counts too many outcomes. Here a prediction
//! counts once its horizon and a reporting delay lie behind the newest data, whatever its outcome: who is counted doesn't
//! depend on what happened, so rates are those that full information gives, if the delay is long enough.
//! [`Changed`] tells whether it was.

use crate::error::Result;
use crate::evaluation::{Estimate, Options, TaskOutcome, evaluate_task};
use crate::tasks::{Broader, Landmark, OnsetTask, SubjectTimeline};
use events::{Code, Event, Prediction, Subject, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Until when what happened is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maturity {
    /// The newest data.
    pub newest: Time,
    /// How long it takes until what happened is reported.
    pub reporting_delay_days: f64,
}

impl Maturity {
    /// The moment up to which everything is taken to have been reported.
    pub fn complete_until(&self) -> Time {
        self.newest.plus_days(-self.reporting_delay_days)
    }

    /// Is the horizon over, and reported?
    pub fn is_ripe(&self, prediction: &Prediction) -> bool {
        prediction.prediction_time.plus_days(f64::from(prediction.horizon_days)) <= self.complete_until()
    }
}

/// The newest event of a record: bookkeeping of follow-up aside, which may lie ahead.
pub fn newest(subject: &Subject) -> Option<Time> {
    subject.events().iter().filter(|e| e.code.as_str() != Code::FOLLOWUP_END).filter_map(|e| e.time).max()
}

/// What became of logged predictions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Silent {
    /// The day of the newest data.
    pub newest: String,
    /// The reporting delay, in days.
    pub reporting_delay_days: f64,
    /// Predictions in the log.
    pub logged: usize,
    /// Of them, rows that repeat an earlier one.
    pub repeated: usize,
    /// Predictions whose horizon isn't over, or not reported yet.
    pub pending: usize,
    /// Predictions for subjects who turned out to have had the condition before (asked when it comes again: not to have had it), or to
    /// have died.
    pub not_at_risk: usize,
    /// Predictions for subjects who aren't in the records.
    pub unknown_subjects: usize,
    /// Predictions that count.
    pub counted: usize,
    /// Of them, those whose subject left observation before the horizon without the outcome.
    pub censored: usize,
    /// How predictions that counted in an earlier report stand now.
    pub changed: Option<Changed>,
    /// By quarter of prediction, the tasks with the most events.
    pub periods: Vec<Period>,
}

/// Predictions that counted before and count now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// How many.
    pub compared: usize,
    /// Those whose outcome was reported after they had counted as without.
    pub now_true: usize,
    /// Those whose outcome was taken back.
    pub now_false: usize,
}

/// One quarter of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// The task.
    pub task: String,
    /// Its horizon in days.
    pub horizon_days: f32,
    /// The quarter: `2026 Q3`.
    pub quarter: String,
    /// Predictions; `None` where few events could be told from it.
    pub rows: Option<usize>,
    /// Observed over expected events.
    pub observed_expected: Estimate,
    /// AUROC.
    pub auroc: Estimate,
}

/// What a prediction is known by: two rows of a log with the same are one prediction.
type Key = (i64, Time, SmolStr, u32);

fn key(prediction: &Prediction) -> Key {
    (
        prediction.subject_id,
        prediction.prediction_time,
        prediction.task.clone(),
        prediction.horizon_days.to_bits(),
    )
}

/// Joins logged predictions to records, subject by subject.
pub struct Follow {
    maturity: Maturity,
    waiting: FxHashMap<i64, Vec<Prediction>>,
    counted: Vec<Prediction>,
    silent: Silent,
}

impl Follow {
    /// Takes the log. Of rows that repeat one another the first counts.
    pub fn new(log: Vec<Prediction>, maturity: Maturity) -> Self {
        let (year, month, day) = maturity.newest.ymd();
        let mut silent = Silent {
            newest: format!("{year:04}-{month:02}-{day:02}"),
            reporting_delay_days: maturity.reporting_delay_days,
            logged: log.len(),
            ..Silent::default()
        };
        let mut waiting: FxHashMap<i64, Vec<Prediction>> = FxHashMap::default();
        let mut seen = FxHashSet::default();
        for prediction in log {
            if !seen.insert(key(&prediction)) {
                silent.repeated += 1;
            } else if maturity.is_ripe(&prediction) {
                waiting.entry(prediction.subject_id).or_default().push(prediction);
            } else {
                silent.pending += 1;
            }
        }
        Follow { maturity, waiting, counted: Vec::new(), silent }
    }

    /// Looks up what happened to one subject.
    pub fn subject(&mut self, subject: &Subject, broader: &dyn Broader) {
        let Some(predictions) = self.waiting.remove(&subject.id) else { return };
        // Who is not said to have left is followed as long as data comes; otherwise those to whom nothing happened would
        // be taken for lost.
        let mut events: Vec<Event> = subject
            .events()
            .iter()
            .filter(|e| e.time.is_none_or(|t| t <= self.maturity.newest))
            .cloned()
            .collect();
        let left = events
            .iter()
            .any(|e| matches!(e.code.as_str(), Code::FOLLOWUP_END | Code::DEATH) && e.time.is_some());
        if !left {
            events.push(Event::new(Some(self.maturity.complete_until()), Code::followup_end()));
        }
        let known = Subject::new(subject.id, events);
        let timeline = SubjectTimeline::new(&known, broader);
        for mut prediction in predictions {
            let horizon_days = f64::from(prediction.horizon_days);
            let task = OnsetTask::of_name(&prediction.task, horizon_days, Landmark::EventIndex { index: 0 });
            let Some(label) = timeline.label(prediction.prediction_time, &task) else {
                self.silent.not_at_risk += 1;
                continue;
            };
            prediction.boolean_value = label.boolean_value;
            prediction.observed_days = Some(label.observed_days as f32);
            self.silent.censored += usize::from(label.boolean_value.is_none());
            self.counted.push(prediction);
        }
    }

    /// The predictions that count, with what came true, and the account of all others. `before` are those that counted
    /// in an earlier report.
    pub fn finish(mut self, before: &[Prediction]) -> (Vec<Prediction>, Silent) {
        self.silent.unknown_subjects = self.waiting.values().map(Vec::len).sum();
        self.silent.counted = self.counted.len();
        if !before.is_empty() {
            let earlier: FxHashMap<Key, Option<bool>> =
                before.iter().map(|p| (key(p), p.boolean_value)).collect();
            let mut changed = Changed::default();
            for now in &self.counted {
                if let Some(then) = earlier.get(&key(now)) {
                    changed.compared += 1;
                    changed.now_true += usize::from(*then != Some(true) && now.boolean_value == Some(true));
                    changed.now_false += usize::from(*then == Some(true) && now.boolean_value != Some(true));
                }
            }
            self.silent.changed = Some(changed);
        }
        self.counted.sort_by(|a, b| {
            (a.subject_id, a.prediction_time, &a.task)
                .cmp(&(b.subject_id, b.prediction_time, &b.task))
                .then(a.horizon_days.total_cmp(&b.horizon_days))
        });
        (self.counted, self.silent)
    }
}

/// Each quarter's numbers, for the tasks with the most events.
///
/// # Errors
/// As [`evaluate_task`].
pub fn periods(counted: &[Prediction], options: &Options) -> Result<Vec<Period>> {
    let mut by_task: BTreeMap<(&SmolStr, u32), Vec<&Prediction>> = BTreeMap::new();
    for prediction in counted {
        by_task.entry((&prediction.task, prediction.horizon_days.to_bits())).or_default().push(prediction);
    }
    let mut tasks: Vec<_> = by_task.into_iter().collect();
    let events = |rows: &[&Prediction]| rows.iter().filter(|p| p.boolean_value == Some(true)).count();
    tasks.sort_by_key(|(_, rows)| std::cmp::Reverse(events(rows)));
    tasks.truncate(options.detailed_tasks);
    let mut periods = Vec::new();
    for ((task, horizon), rows) in tasks {
        let mut quarters: BTreeMap<(i32, u32), Vec<&Prediction>> = BTreeMap::new();
        for row in rows {
            let (year, month, _) = row.prediction_time.ymd();
            quarters.entry((year, month.div_ceil(3))).or_default().push(row);
        }
        let horizon_days = f32::from_bits(horizon);
        for ((year, quarter), rows) in quarters {
            let absent = |reason: &str| Estimate { reason: Some(reason.to_owned()), ..Estimate::default() };
            let (n, observed_expected, auroc) =
                match evaluate_task(task, horizon_days, &rows, false, options)? {
                    TaskOutcome::Measured(task) => {
                        (Some(task.rows), task.model.observed_expected, task.model.auroc)
                    }
                    TaskOutcome::Unmeasured(why) => (None, absent(&why.reason), absent(&why.reason)),
                };
            let quarter = format!("{year} Q{quarter}");
            periods.push(Period {
                task: task.to_string(),
                horizon_days,
                quarter,
                rows: n,
                observed_expected,
                auroc,
            });
        }
    }
    Ok(periods)
}

impl Silent {
    /// The account, in sentences.
    pub fn sentences(&self) -> Vec<String> {
        let count = crate::words::count;
        let mut said = vec![format!(
            "Of {} logged predictions {} count: their horizon and {} days for reporting lie behind the newest data of {}. {} \
             are pending, {} were for subjects no longer at risk, {} for subjects without a record; {} rows repeat others.",
            count(self.logged),
            count(self.counted),
            crate::words::decimals(
                self.reporting_delay_days,
                usize::from(self.reporting_delay_days.fract() != 0.0)
            ),
            self.newest,
            count(self.pending),
            count(self.not_at_risk),
            count(self.unknown_subjects),
            count(self.repeated)
        )];
        if let Some(changed) = &self.changed {
            said.push(match changed.now_true + changed.now_false {
                0 => format!(
                    "None of {} predictions that counted in the last report has another outcome now: the delay was long enough.",
                    count(changed.compared)
                ),
                _ => format!(
                    "Of {} predictions that counted in the last report {} have an outcome now that had none, {} had one that was \
                     taken back: give a longer reporting delay.",
                    count(changed.compared),
                    count(changed.now_true),
                    count(changed.now_false)
                ),
            });
        }
        said
    }
}

#[cfg(test)]
mod tests;
