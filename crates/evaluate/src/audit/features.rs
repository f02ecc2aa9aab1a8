//! Code by code: what stands in the histories of those who have the outcome, and of those who don't?

use super::{Check, Finding, Severity, finding};
use crate::words;
use events::{Prediction, Subject, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

/// An AUROC of one code that no honest code reaches (an ejection fraction in heart failure stays below).
const TOO_WELL: f64 = 0.9;
/// Or: of those with the code, at least so many have the outcome, at the lower end of a wide interval.
const TELLING: f64 = 0.8;
/// z of that interval: thousands of codes are tried.
const Z: f64 = 4.0;
/// A code in fewer histories with the outcome tells nothing about a model.
const LEAST: u32 = 10;
/// A code belongs to the outcome when, of those with the outcome and the code, so many have it first at or after.
const BELONGS: f64 = 0.8;
/// How many codes of one kind are named.
const NAMED: usize = 5;

/// How often a code stands where, by subject.
#[derive(Clone, Copy, Debug, Default)]
struct Where {
    /// In the history of subjects with the outcome.
    event_history: u32,
    /// In the history of subjects without.
    other_history: u32,
    /// First at or after the outcome.
    at_or_after: u32,
    /// At the moment of prediction, of `event_history`, and nowhere before.
    at_prediction: u32,
}

/// One row of one subject.
#[derive(Clone, Copy)]
struct Asked {
    time: Time,
    outcome: bool,
    outcome_time: Option<Time>,
}

/// One task being looked at.
pub(super) struct Watched {
    task: String,
    asked: FxHashMap<i64, Asked>,
    codes: FxHashMap<SmolStr, Where>,
    events: u32,
    others: u32,
    label_in_history: u32,
}

impl Watched {
    /// One row per subject: the first with the outcome, else the first.
    pub fn new(task: &str, rows: &[&Prediction]) -> Self {
        let mut asked: FxHashMap<i64, Asked> = FxHashMap::default();
        for p in rows {
            let Some(outcome) = p.boolean_value else { continue };
            let row = Asked {
                time: p.prediction_time,
                outcome,
                outcome_time: p
                    .observed_days
                    .filter(|_| outcome)
                    .map(|d| p.prediction_time.plus_days(f64::from(d))),
            };
            let kept = asked.entry(p.subject_id).or_insert(row);
            if (outcome && !kept.outcome) || (outcome == kept.outcome && row.time < kept.time) {
                *kept = row;
            }
        }
        Watched {
            task: task.to_owned(),
            asked,
            codes: FxHashMap::default(),
            events: 0,
            others: 0,
            label_in_history: 0,
        }
    }

    pub fn subject(&mut self, subject: &Subject) {
        let Some(&Asked { time, outcome, outcome_time }) = self.asked.get(&subject.id) else { return };
        if outcome {
            self.events += 1
        } else {
            self.others += 1
        }
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        // Canonical order: a code's first occurrence comes first.
        for event in subject.events() {
            let code = event.code.as_str();
            if !seen.insert(code) {
                continue;
            }
            let place = match self.codes.get_mut(code) {
                Some(place) => place,
                None => self.codes.entry(SmolStr::new(code)).or_default(),
            };
            let in_history = event.time.is_none_or(|t| t <= time);
            match (in_history, outcome) {
                (true, true) => place.event_history += 1,
                (true, false) => place.other_history += 1,
                (false, _) => {}
            }
            place.at_prediction += u32::from(in_history && outcome && event.time == Some(time));
            // Observed times have 32 bits: a minute's grace.
            let after = outcome_time
                .is_some_and(|o| event.time.is_some_and(|t| t > time && t >= o.plus_days(-1.0 / 1440.0)));
            place.at_or_after += u32::from(outcome && after);
            self.label_in_history += u32::from(in_history && code == self.task);
        }
    }

    pub fn finish(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let task = self.task.as_str();
        if self.label_in_history > 0 {
            findings.push(finding(
                Check::LabelInHistory,
                Severity::Serious,
                Some(task),
                format!(
                    "{} of {} subjects have “{task}” itself in their history before it is predicted. Onset must be incident: \
                     leave them out.",
                    words::count(self.label_in_history as usize),
                    words::count((self.events + self.others) as usize)
                ),
                &[("subjects", f64::from(self.label_in_history))],
            ));
        }
        if self.events == 0 || self.others == 0 {
            return findings;
        }
        let mut codes: Vec<(&SmolStr, &Where)> = self.codes.iter().filter(|(c, _)| *c != task).collect();
        codes.sort_by(|a, b| b.1.event_history.cmp(&a.1.event_history).then(a.0.cmp(b.0)));
        findings.extend(self.too_well(&codes));
        findings.extend(self.of_the_outcome(&codes));
        findings
    }

    /// The AUROC of having the code in one's history.
    fn auroc(&self, place: &Where) -> f64 {
        let (with, without) = (f64::from(self.events), f64::from(self.others));
        0.5 + 0.5 * (f64::from(place.event_history) / with - f64::from(place.other_history) / without).abs()
    }

    fn too_well(&self, codes: &[(&SmolStr, &Where)]) -> Vec<Finding> {
        let prevalence = f64::from(self.events) / f64::from(self.events + self.others);
        let mut found: Vec<(f64, &SmolStr, &Where)> = codes
            .iter()
            .filter_map(|(code, place)| {
                let auroc = self.auroc(place);
                let telling = place.event_history >= LEAST
                    && wilson_low(place.event_history, place.event_history + place.other_history)
                        > TELLING.max(0.5 + prevalence / 2.0);
                // Few subjects reach a high AUROC by chance; the distance is measured in standard errors.
                let error = 0.5 * (0.25 / f64::from(self.events) + 0.25 / f64::from(self.others)).sqrt();
                (telling || (auroc >= TOO_WELL && auroc - 0.5 > Z * error)).then_some((auroc, *code, *place))
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found
            .into_iter()
            .take(NAMED)
            .map(|(auroc, code, place)| {
                let of = place.event_history + place.other_history;
                let moment = match place.at_prediction * 2 > place.event_history {
                    true => " It stands mostly at the moment of prediction.",
                    false => "",
                };
                finding(
                    Check::OneFeatureDoesTooWell,
                    Severity::Serious,
                    Some(&self.task),
                    format!(
                        "`{code}` alone tells “{}”: {} of {} with it in their history have the outcome, {} of {} subjects with \
                         the outcome have it (AUROC {}).{moment} Was it recorded before the outcome, or dated back?",
                        self.task,
                        words::count(place.event_history as usize),
                        words::count(of as usize),
                        words::count(place.event_history as usize),
                        words::count(self.events as usize),
                        words::number(auroc)
                    ),
                    &[
                        ("auroc", auroc),
                        ("with_outcome", f64::from(place.event_history)),
                        ("without_outcome", f64::from(place.other_history)),
                        ("at_the_moment_of_prediction", f64::from(place.at_prediction)),
                    ],
                )
            })
            .collect()
    }

    fn of_the_outcome(&self, codes: &[(&SmolStr, &Where)]) -> Vec<Finding> {
        codes
            .iter()
            .filter(|(_, place)| {
                let with_outcome = place.at_or_after + place.event_history;
                let belongs = f64::from(place.at_or_after) >= BELONGS * f64::from(with_outcome);
                let early = place.event_history;
                // In histories it goes with the outcome, and with nothing else.
                belongs
                    && place.at_or_after >= LEAST
                    && early >= 3
                    && f64::from(place.other_history) * f64::from(self.events)
                        <= 0.1 * f64::from(early) * f64::from(self.others)
            })
            .take(NAMED)
            .map(|(code, place)| {
                finding(
                    Check::CodesOfTheOutcomeInHistory,
                    Severity::Warning,
                    Some(&self.task),
                    format!(
                        "`{code}` comes with “{}” or after it in {} subjects, but stands before the prediction in {} who go on to have \
                         it and {} who don't: some may be dated back.",
                        self.task,
                        words::count(place.at_or_after as usize),
                        words::count(place.event_history as usize),
                        words::count(place.other_history as usize)
                    ),
                    &[
                        ("at_or_after_the_outcome", f64::from(place.at_or_after)),
                        ("history_with_outcome", f64::from(place.event_history)),
                        ("history_without_outcome", f64::from(place.other_history)),
                    ],
                )
            })
            .collect()
    }
}

/// The lower end of Wilson's interval of a proportion, at [`Z`].
fn wilson_low(successes: u32, trials: u32) -> f64 {
    let (n, p) = (f64::from(trials), f64::from(successes) / f64::from(trials.max(1)));
    let z2 = Z * Z / n.max(1.0);
    (p + z2 / 2.0 - Z * (p * (1.0 - p) / n.max(1.0) + z2 / (4.0 * n.max(1.0))).sqrt()) / (1.0 + z2)
}
