//! Estimated effects against what would have become of everybody under each treatment.

use super::Settings;
use crate::bootstrap::clusters;
use crate::effects::{self, Cohort, Contrast, Modified};
use crate::error::Error;
use crate::evaluation::{Estimate, estimate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is compared: estimates by patient, one figure for all, and choices that need no estimate.
const ESTIMATORS: [&str; 6] = [
    "doubly robust, by patient",
    "doubly robust, one for all",
    "outcome models alone",
    "propensity alone",
    "naive difference",
    "no effect",
];
/// An effect below this is nothing: true chances are means over futures, added up in floating point.
const NOTHING: f64 = 1e-3;
/// What care did: a choice, and no estimate.
const CARE: &str = "what care did";

/// The truth behind a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecisionTruth {
    /// The chance of the outcome untreated and treated.
    pub risks: [f64; 2],
    /// The chance of being treated.
    pub propensity: f64,
}

impl DecisionTruth {
    fn effect(&self) -> f64 {
        self.risks[1] - self.risks[0]
    }
}

/// A treatment and an outcome, with the truth of each row.
#[derive(Clone, Debug)]
pub struct EffectQuestion {
    /// The condition, treatment and outcome in words.
    pub names: [String; 3],
    /// Who was treated, and what came of it.
    pub cohort: Cohort,
    /// Row by row.
    pub truth: Vec<DecisionTruth>,
    /// Columns that may modify the effect.
    pub modifiers: Vec<usize>,
    /// How the effect is estimated.
    pub settings: effects::Settings,
}

/// How often estimates were refused, by whether a comparison is truly to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Decisions that were truly all but certain: refused, of how many.
    pub certain: [usize; 2],
    /// Decisions that could truly have gone either way (at least twice the bound from certain): refused, of how many.
    pub open: [usize; 2],
}

/// How one estimator did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimator {
    /// Its mean effect; none for a choice that estimates nothing.
    pub mean: Option<f64>,
    /// Root mean square error of the effect by patient (PEHE, Hill 2011).
    pub error: Estimate,
    /// Mean risk that treating whom it favours costs, above the best choice for each.
    pub regret: Estimate,
}

/// A row that was graded: who, and by estimator the squared error and the regret.
#[derive(Clone, Debug, PartialEq)]
struct GradedRow {
    subject_id: i64,
    errors: Vec<f64>,
    regrets: Vec<f64>,
    covered: bool,
}

/// What was found of one treatment and outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EffectGrade {
    /// The condition.
    pub condition: String,
    /// The treatment.
    pub treatment: String,
    /// The outcome.
    pub outcome: String,
    /// Decisions untreated and treated.
    pub decisions: [usize; 2],
    /// Outcomes on record, of those whose outcome is known.
    pub events: usize,
    /// Whether the treatment truly does nothing in anybody.
    pub placebo: bool,
    /// Why there is no estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The true mean effect over comparable people.
    pub true_mean: Option<f64>,
    /// The spread of the true effect over them: a standard deviation.
    pub true_spread: Option<f64>,
    /// The doubly robust estimate.
    pub average: Option<Interval>,
    /// The plain difference.
    pub naive: Option<Interval>,
    /// The E-value of the estimate, and of its interval.
    pub e_values: Option<[f64; 2]>,
    /// By estimator.
    #[serde(default)]
    pub estimators: BTreeMap<String, Estimator>,
    /// The share of patients whose own interval holds their own true effect.
    #[serde(default)]
    pub patients_covered: Estimate,
    /// Who was refused.
    #[serde(default)]
    pub support: Refused,
    #[serde(skip)]
    rows: Vec<GradedRow>,
}

/// An estimate, and whether its interval holds the true mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The interval's ends.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Whether it holds the truth.
    pub holds_truth: bool,
}

impl Interval {
    fn of(contrast: &Contrast, truth: f64) -> Self {
        let Contrast { value, low, high, .. } = *contrast;
        Interval { value, low, high, holds_truth: (low..=high).contains(&truth) }
    }
}

/// Grades the effect of one treatment on one outcome.
///
/// # Errors
/// As [`effects::effects`], but for too little support, which is an answer.
pub fn effect(question: &EffectQuestion, settings: &Settings) -> crate::Result<EffectGrade> {
    let EffectQuestion { names: [condition, treatment, outcome], cohort, truth, .. } = question;
    let mut grade = EffectGrade {
        condition: condition.clone(),
        treatment: treatment.clone(),
        outcome: outcome.clone(),
        decisions: [cohort.arm(false), cohort.arm(true)],
        events: cohort.outcomes.iter().filter(|o| **o == Some(true)).count(),
        placebo: truth.iter().all(|t| t.effect().abs() < NOTHING),
        ..EffectGrade::default()
    };
    let found = match effects::effects(cohort, &question.settings) {
        Ok(found) => found,
        Err(error @ (Error::Unsupported { .. } | Error::NoConvergence { .. })) => {
            grade.refused = Some(error.to_string());
            return Ok(grade);
        }
        Err(error) => return Err(error),
    };
    let bound = question.settings.propensity_bound;
    let inside = |e: f64| (bound..=1.0 - bound).contains(&e);
    let rows: Vec<usize> = (0..cohort.len()).filter(|i| inside(found.propensity()[*i])).collect();
    grade.support = refused(truth, found.propensity(), bound);
    let modified = Modified::fit(cohort, &found, &question.modifiers)?;
    let expected = found.outcome_only_by_row();
    grade.rows = rows
        .iter()
        .map(|i| {
            let own = modified.at(cohort.row(*i), expected[*i]);
            let said =
                [own.value, found.average.value, expected[*i], found.propensity_only, found.naive.value, 0.0];
            row(cohort.subjects[*i], &truth[*i], &own, &said, cohort.treated[*i])
        })
        .collect();
    let mean = rows.iter().map(|i| truth[*i].effect()).sum::<f64>() / rows.len() as f64;
    let spread = rows.iter().map(|i| (truth[*i].effect() - mean).powi(2)).sum::<f64>() / rows.len() as f64;
    grade.true_mean = Some(mean);
    grade.true_spread = Some(spread.sqrt());
    grade.average = Some(Interval::of(&found.average, mean));
    grade.naive = Some(Interval::of(&found.naive, mean));
    grade.e_values = found.sensitivity.map(|s| [s.estimate, s.interval]);
    (grade.estimators, grade.patients_covered) = compared(&grade.rows, settings);
    let over = |of: &dyn Fn(usize) -> f64| rows.iter().map(|i| of(*i)).sum::<f64>() / rows.len() as f64;
    let means = [
        over(&|i| modified.at(cohort.row(i), expected[i]).value),
        found.average.value,
        over(&|i| expected[i]),
        found.propensity_only,
        found.naive.value,
        0.0,
    ];
    for (name, mean) in ESTIMATORS.iter().zip(means) {
        if let Some(estimator) = grade.estimators.get_mut(*name) {
            estimator.mean = Some(mean);
        }
    }
    Ok(grade)
}

fn row(subject_id: i64, truth: &DecisionTruth, own: &Contrast, said: &[f64], treated: bool) -> GradedRow {
    let effect = truth.effect();
    let cost = |treat: bool| truth.risks[usize::from(treat)] - truth.risks[0].min(truth.risks[1]);
    GradedRow {
        subject_id,
        errors: said.iter().map(|said| (said - effect).powi(2)).collect(),
        regrets: said.iter().map(|said| cost(*said < 0.0)).chain([cost(treated)]).collect(),
        covered: (own.low..=own.high).contains(&effect),
    }
}

fn refused(truth: &[DecisionTruth], propensity: &[f64], bound: f64) -> Refused {
    let mut found = Refused::default();
    for (truth, said) in truth.iter().zip(propensity) {
        let outside = usize::from(!(bound..=1.0 - bound).contains(said));
        let counts = match truth.propensity {
            p if !(bound..=1.0 - bound).contains(&p) => &mut found.certain,
            p if (2.0 * bound..=1.0 - 2.0 * bound).contains(&p) => &mut found.open,
            _ => continue,
        };
        counts[0] += outside;
        counts[1] += 1;
    }
    found
}

/// Root mean square errors, mean regrets, and the share covered.
type Compared = (Vec<f64>, Vec<f64>, f64);

/// Root mean square errors, mean regrets and coverage over rows, by the bootstrap over subjects.
fn compared(rows: &[GradedRow], settings: &Settings) -> (BTreeMap<String, Estimator>, Estimate) {
    let (of_row, people) = clusters(rows.iter().map(|row| row.subject_id));
    let all = |drawn: &[u32]| -> Compared {
        let (mut errors, mut regrets) = (vec![0.0; ESTIMATORS.len()], vec![0.0; ESTIMATORS.len() + 1]);
        let (mut covered, mut total) = (0.0, 0.0);
        for (row, subject) in rows.iter().zip(&of_row) {
            let times = f64::from(drawn[*subject as usize]);
            errors.iter_mut().zip(&row.errors).for_each(|(sum, e)| *sum += times * e);
            regrets.iter_mut().zip(&row.regrets).for_each(|(sum, r)| *sum += times * r);
            covered += times * f64::from(u8::from(row.covered));
            total += times;
        }
        errors.iter_mut().for_each(|e| *e = (*e / total).sqrt());
        regrets.iter_mut().for_each(|r| *r /= total);
        (errors, regrets, covered / total)
    };
    let whole = all(&vec![1; people]);
    let draws = settings.bootstrap.replicate(people, all);
    let told =
        |of: &dyn Fn(&Compared) -> f64| estimate(of(&whole), draws.iter().map(of), &settings.bootstrap);
    let mut estimators = BTreeMap::new();
    for (place, name) in ESTIMATORS.iter().chain([&CARE]).enumerate() {
        let error = match place < ESTIMATORS.len() {
            true => told(&|v| v.0[place]),
            false => Estimate::default(),
        };
        let estimator = Estimator { mean: None, error, regret: told(&|v| v.1[place]) };
        estimators.insert((*name).to_owned(), estimator);
    }
    (estimators, told(&|v| v.2))
}

/// All treatments and outcomes together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EffectSummary {
    /// Questions asked, and of them refused.
    pub questions: usize,
    /// Refused.
    pub refused: usize,
    /// Answered, with a treatment that does something: intervals that hold the true mean, of how many.
    pub held: [usize; 2],
    /// The same of the naive difference.
    pub naive_held: [usize; 2],
    /// Answered, with a treatment that does nothing: intervals that hold zero, of how many.
    pub placebo_held: [usize; 2],
    /// The same of the naive difference.
    pub placebo_naive_held: [usize; 2],
    /// By estimator, over all decisions of questions that were answered and whose treatment does something.
    pub estimators: BTreeMap<String, Estimator>,
    /// The share of patients whose own interval holds their own true effect.
    pub patients_covered: Estimate,
    /// Who was refused.
    pub support: Refused,
}

/// Sums up.
pub fn effects_summary(grades: &[EffectGrade], settings: &Settings) -> EffectSummary {
    let mut summary = EffectSummary {
        questions: grades.len(),
        refused: grades.iter().filter(|g| g.refused.is_some()).count(),
        ..EffectSummary::default()
    };
    let count = |counts: &mut [usize; 2], interval: &Option<Interval>| {
        if let Some(interval) = interval {
            counts[0] += usize::from(interval.holds_truth);
            counts[1] += 1;
        }
    };
    for grade in grades {
        let (held, naive) = match grade.placebo {
            false => (&mut summary.held, &mut summary.naive_held),
            true => (&mut summary.placebo_held, &mut summary.placebo_naive_held),
        };
        count(held, &grade.average);
        count(naive, &grade.naive);
        for (sum, own) in [
            (&mut summary.support.certain, grade.support.certain),
            (&mut summary.support.open, grade.support.open),
        ] {
            sum[0] += own[0];
            sum[1] += own[1];
        }
    }
    let rows: Vec<GradedRow> =
        grades.iter().filter(|g| !g.placebo).flat_map(|g| g.rows.iter().cloned()).collect();
    if !rows.is_empty() {
        (summary.estimators, summary.patients_covered) = compared(&rows, settings);
    }
    summary
}
