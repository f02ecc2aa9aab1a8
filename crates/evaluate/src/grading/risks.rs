//! Risks against true chances.

use super::expected::{Ordered, slope};
use super::leads::{flagged, median_lead};
use super::{MODEL, OBSERVER, Settings};
use crate::bootstrap::clusters;
use crate::evaluation::{Estimate, estimate};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A person at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskRow {
    /// Whose.
    pub subject_id: i64,
    /// The true chance.
    pub chance: f64,
    /// What the record says came of it; none where observation ended before.
    pub outcome: Option<bool>,
    /// Days until it was recorded, where it was.
    pub lead_days: Option<f64>,
    /// What each predictor says, in the order of their names; NaN where one says nothing.
    pub scores: Vec<f64>,
}

/// A condition within a horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskQuestion {
    /// The condition's code.
    pub code: SmolStr,
    /// In words.
    pub name: String,
    /// Days.
    pub horizon_days: f64,
    /// Who is asked about.
    pub rows: Vec<RiskRow>,
}

/// How early it was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Recorded within the horizon.
    pub cases: usize,
    /// Of them flagged.
    pub flagged: usize,
    /// Median days from then to the record, of the flagged.
    pub median_days: Estimate,
}

/// What was found of one condition and horizon. Absent numbers rest on too few.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RiskGrade {
    /// The condition's code.
    pub code: String,
    /// In words.
    pub name: String,
    /// Days.
    pub horizon_days: f64,
    /// People.
    pub people: usize,
    /// Events to expect of them by their true chances.
    pub expected_events: f64,
    /// Events on record, of those whose outcome is known.
    pub recorded_events: usize,
    /// People whose outcome is known.
    pub known: usize,
    /// Why nothing is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_few: Option<String>,
    /// AUC over all futures, by predictor.
    #[serde(default)]
    pub auc: BTreeMap<String, Estimate>,
    /// The model's AUC by what is on record.
    #[serde(default)]
    pub auc_recorded: Estimate,
    /// The model's share of the observer's excess over a coin: (AUC − ½) / (AUC of the observer − ½).
    #[serde(default)]
    pub share: Estimate,
    /// Calibration slope, by predictor.
    #[serde(default)]
    pub slope: BTreeMap<String, Estimate>,
    /// Mean true chance over mean predicted one, by predictor.
    #[serde(default)]
    pub observed_expected: BTreeMap<String, Estimate>,
    /// Sensitivity at the stated specificity over all futures, by predictor.
    #[serde(default)]
    pub sensitivity: BTreeMap<String, Estimate>,
    /// How early, by predictor.
    #[serde(default)]
    pub lead: BTreeMap<String, Lead>,
    /// Predictors that say nothing of so many of these people, and so aren't measured here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub silent: BTreeMap<String, usize>,
}

/// The commonest conditions together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskSummary {
    /// Days.
    pub horizon_days: f64,
    /// How many conditions could be measured and are summed up.
    pub conditions: usize,
    /// How many were asked for.
    pub wanted: usize,
    /// Mean AUC by predictor, over conditions that all predictors speak of.
    pub mean_auc: BTreeMap<String, Estimate>,
    /// The model's mean excess AUC over the observer's.
    pub share: Estimate,
    /// Conditions whose calibration slope lies between 0.9 and 1.1.
    pub slopes_within: usize,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RiskGrades {
    /// People asked about.
    pub people: usize,
    /// The specificity of all sensitivities.
    pub specificity: f64,
    /// Each condition and horizon, most expected events first within a horizon.
    pub each: Vec<RiskGrade>,
    /// By horizon.
    pub summaries: Vec<RiskSummary>,
}

/// A question laid out for draws.
struct Laid<'a> {
    question: &'a RiskQuestion,
    /// The subject of each row, as a number over all questions.
    subject_of: Vec<u32>,
    chances: Vec<f64>,
    /// By predictor; none where it says nothing of somebody.
    scores: Vec<Option<(Vec<f64>, Ordered)>>,
    /// By predictor: at or above this, flagged.
    thresholds: Vec<f64>,
    /// Rows with known outcomes, for the model alone.
    known: Vec<u32>,
    known_order: Option<Ordered>,
}

/// What a draw gives, by predictor.
#[derive(Clone, Default)]
struct Values {
    auc: Vec<f64>,
    slope: Vec<f64>,
    ratio: Vec<f64>,
    sensitivity: Vec<f64>,
    lead: Vec<f64>,
    recorded: f64,
}

impl Laid<'_> {
    fn values(&self, drawn: &[u32], false_positives: f64) -> Values {
        let times: Vec<f64> = self.subject_of.iter().map(|s| f64::from(drawn[*s as usize])).collect();
        let mut found = Values { recorded: self.recorded(&times), ..Values::default() };
        let expected: f64 = self.chances.iter().zip(&times).map(|(p, n)| p * n).sum();
        for (place, scores) in self.scores.iter().enumerate() {
            let Some((scores, ordered)) = scores else {
                found.all().into_iter().for_each(|list| list.push(f64::NAN));
                continue;
            };
            let predicted: f64 = scores.iter().zip(&times).map(|(p, n)| p * n).sum();
            found.auc.push(ordered.auc(&self.chances, &times));
            found.slope.push(slope(scores, &self.chances, &times));
            found.ratio.push(expected / predicted);
            found.sensitivity.push(ordered.sensitivity(false_positives, &self.chances, &times).0);
            found.lead.push(median_lead(&self.question.rows, place, self.thresholds[place], &times));
        }
        found
    }

    fn recorded(&self, times: &[f64]) -> f64 {
        let Some(ordered) = &self.known_order else { return f64::NAN };
        let outcome =
            |row: &u32| f64::from(u8::from(self.question.rows[*row as usize].outcome == Some(true)));
        let outcomes: Vec<f64> = self.known.iter().map(outcome).collect();
        let times: Vec<f64> = self.known.iter().map(|row| times[*row as usize]).collect();
        ordered.auc(&outcomes, &times)
    }
}

impl Values {
    fn all(&mut self) -> [&mut Vec<f64>; 5] {
        [&mut self.auc, &mut self.slope, &mut self.ratio, &mut self.sensitivity, &mut self.lead]
    }

    fn share(&self) -> f64 {
        let excess = |place: usize| self.auc.get(place).map_or(f64::NAN, |auc| auc - 0.5);
        excess(0) / excess(1)
    }
}

/// Grades risks. `predictors` names each row's scores; the first is the model, the second the observer.
pub fn risks(questions: &[RiskQuestion], predictors: &[SmolStr], settings: &Settings) -> RiskGrades {
    let ids = questions.iter().flat_map(|q| q.rows.iter().map(|row| row.subject_id));
    let (of_row, people) = clusters(ids);
    let mut subjects = of_row.into_iter();
    let false_positives = 1.0 - settings.specificity;
    let mut laid: Vec<(Laid<'_>, RiskGrade)> = questions
        .iter()
        .map(|question| {
            let subject_of = subjects.by_ref().take(question.rows.len()).collect();
            lay(question, subject_of, predictors.len(), settings)
        })
        .collect();
    laid.sort_by(|(_, a), (_, b)| {
        a.horizon_days.total_cmp(&b.horizon_days).then(b.expected_events.total_cmp(&a.expected_events))
    });
    let measured: Vec<usize> = (0..laid.len()).filter(|i| laid[*i].1.too_few.is_none()).collect();
    let all = |drawn: &[u32]| -> Vec<Values> {
        measured.iter().map(|i| laid[*i].0.values(drawn, false_positives)).collect()
    };
    let whole = all(&vec![1; people]);
    let draws = settings.bootstrap.replicate(people, all);
    let summaries = summaries(&laid, &measured, (&whole, &draws), predictors, settings);
    for (place, i) in measured.iter().enumerate() {
        let own: Vec<&Values> = draws.iter().map(|draw| &draw[place]).collect();
        let (laid, grade) = &mut laid[*i];
        tell(grade, laid, (&whole[place], &own), predictors, settings);
    }
    let each = laid.into_iter().map(|(_, grade)| grade).collect();
    RiskGrades { people, specificity: settings.specificity, each, summaries }
}

fn lay<'a>(
    question: &'a RiskQuestion,
    subject_of: Vec<u32>,
    predictors: usize,
    settings: &Settings,
) -> (Laid<'a>, RiskGrade) {
    let rows = &question.rows;
    let chances: Vec<f64> = rows.iter().map(|row| row.chance).collect();
    let ones = vec![1.0; rows.len()];
    let scores: Vec<Option<(Vec<f64>, Ordered)>> = (0..predictors)
        .map(|place| {
            let each: Vec<f64> =
                rows.iter().map(|row| row.scores.get(place).copied().unwrap_or(f64::NAN)).collect();
            each.iter().all(|score| score.is_finite()).then(|| {
                let ordered = Ordered::new(&each);
                (each, ordered)
            })
        })
        .collect();
    let threshold = |scores: &Option<(Vec<f64>, Ordered)>| {
        let found = scores.as_ref().and_then(|(scores, ordered)| {
            let (_, row) = ordered.sensitivity(1.0 - settings.specificity, &chances, &ones);
            row.map(|row| scores[row])
        });
        found.unwrap_or(f64::INFINITY)
    };
    let thresholds = scores.iter().map(threshold).collect();
    let known: Vec<u32> = (0..rows.len() as u32).filter(|i| rows[*i as usize].outcome.is_some()).collect();
    let known_order = scores[0]
        .as_ref()
        .map(|(scores, _)| Ordered::new(&known.iter().map(|row| scores[*row as usize]).collect::<Vec<_>>()));
    let expected_events: f64 = chances.iter().sum();
    let rest = rows.len() as f64 - expected_events;
    let too_few = (expected_events.min(rest) < settings.least).then(|| {
        format!(
            "too few: {expected_events:.1} events to expect of {} people, at least {:.0} are wanted",
            rows.len(),
            settings.least
        )
    });
    let grade = RiskGrade {
        code: question.code.to_string(),
        name: question.name.clone(),
        horizon_days: question.horizon_days,
        people: rows.len(),
        expected_events,
        recorded_events: rows.iter().filter(|row| row.outcome == Some(true)).count(),
        known: known.len(),
        too_few,
        ..RiskGrade::default()
    };
    (Laid { question, subject_of, chances, scores, thresholds, known, known_order }, grade)
}

fn tell(
    grade: &mut RiskGrade,
    laid: &Laid<'_>,
    (whole, draws): (&Values, &[&Values]),
    predictors: &[SmolStr],
    settings: &Settings,
) {
    let told = |of: &dyn Fn(&Values) -> f64| {
        estimate(of(whole), draws.iter().map(|draw| of(draw)), &settings.bootstrap)
    };
    grade.share = told(&Values::share);
    // By what is on record, there may be too few even where the chances sum to enough.
    if grade.recorded_events as f64 >= settings.least {
        grade.auc_recorded = told(&|v| v.recorded);
    }
    for (place, name) in predictors.iter().enumerate() {
        let by = |list: &mut BTreeMap<String, Estimate>, of: &dyn Fn(&Values) -> &Vec<f64>| {
            let found = told(&|v| of(v)[place]);
            if found.value.is_some() {
                list.insert(name.to_string(), found);
            }
        };
        by(&mut grade.auc, &|v| &v.auc);
        by(&mut grade.slope, &|v| &v.slope);
        by(&mut grade.observed_expected, &|v| &v.ratio);
        by(&mut grade.sensitivity, &|v| &v.sensitivity);
        if laid.scores[place].is_none() {
            let says = |row: &&RiskRow| row.scores.get(place).is_some_and(|score| score.is_finite());
            let rows = &laid.question.rows;
            grade.silent.insert(name.to_string(), rows.len() - rows.iter().filter(says).count());
            continue;
        }
        let flagged = flagged(&laid.question.rows, place, laid.thresholds[place]).count();
        let median_days = match flagged as f64 >= settings.least {
            true => told(&|v| v.lead[place]),
            false => {
                Estimate { reason: Some(format!("too few: {flagged} flagged cases")), ..Estimate::default() }
            }
        };
        let lead = Lead { cases: grade.recorded_events, flagged, median_days };
        grade.lead.insert(name.to_string(), lead);
    }
}

/// By horizon, over the commonest conditions that could be measured.
fn summaries(
    laid: &[(Laid<'_>, RiskGrade)],
    measured: &[usize],
    (whole, draws): (&[Values], &[Vec<Values>]),
    predictors: &[SmolStr],
    settings: &Settings,
) -> Vec<RiskSummary> {
    let mut horizons: Vec<f64> = measured.iter().map(|i| laid[*i].1.horizon_days).collect();
    horizons.dedup();
    let summary = |horizon: f64| {
        // In the order of expected events.
        let chosen: Vec<usize> = (0..measured.len())
            .filter(|place| laid[measured[*place]].1.horizon_days == horizon)
            .take(settings.commonest)
            .collect();
        let told = |of: &dyn Fn(&[Values]) -> f64| {
            estimate(of(whole), draws.iter().map(|draw| of(draw)), &settings.bootstrap)
        };
        let mean = |values: &[Values], predictor: usize| -> f64 {
            chosen.iter().map(|place| values[*place].auc[predictor]).sum::<f64>() / chosen.len() as f64
        };
        let mut mean_auc = BTreeMap::new();
        for (predictor, name) in predictors.iter().enumerate() {
            let found = told(&|values| mean(values, predictor));
            if found.value.is_some() {
                mean_auc.insert(name.to_string(), found);
            }
        }
        RiskSummary {
            horizon_days: horizon,
            conditions: chosen.len(),
            wanted: settings.commonest,
            share: match mean_auc.contains_key(MODEL) && mean_auc.contains_key(OBSERVER) {
                true => told(&|values| (mean(values, 0) - 0.5) / (mean(values, 1) - 0.5)),
                false => Estimate::default(),
            },
            mean_auc,
            slopes_within: chosen
                .iter()
                .filter(|place| (0.9..=1.1).contains(&whole[**place].slope[0]))
                .count(),
        }
    };
    horizons.into_iter().map(summary).collect()
}
