//! The effect over a cohort, beside what simpler estimates would have said.

use super::cohort::Cohort;
use super::nuisance::{self, Nuisance};
use super::overlap::Overlap;
use super::sensitivity::{Sensitivity, e_value};
use crate::error::{Error, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

/// Largest share of rows outside support with which an effect over the others is still told.
const MOST_OUTSIDE: f64 = 0.5;

/// How effects are estimated.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Folds of cross-fitting, by subject.
    pub folds: usize,
    /// Coverage of intervals.
    pub confidence: f64,
    /// Rows whose chance of being treated lies outside `[bound, 1 − bound]` are outside support: left out, and such a patient is
    /// refused.
    pub propensity_bound: f64,
    /// Fewest rows, by effective size, that each arm must have.
    pub least_arm: f64,
    /// Times that a treatment drawn by the propensity alone is put in the real one's place.
    pub placebos: usize,
    /// Of folds and placebos.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { folds: 5, confidence: 0.95, propensity_bound: 0.05, least_arm: 50.0, placebos: 0, seed: 1 }
    }
}

impl Settings {
    pub(super) fn z(&self) -> f64 {
        Normal::standard().inverse_cdf(0.5 + self.confidence / 2.0)
    }
}

/// A difference of risks, treated less untreated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// The estimate.
    pub value: f64,
    /// The interval's ends.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The standard error.
    pub standard_error: f64,
}

impl Contrast {
    pub(super) fn new(value: f64, standard_error: f64, z: f64) -> Self {
        Contrast { value, low: value - z * standard_error, high: value + z * standard_error, standard_error }
    }

    /// Whether the interval leaves zero out.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// What was found in a cohort.
#[derive(Clone, Debug)]
pub struct Effects {
    /// The doubly robust difference over rows within support.
    pub average: Contrast,
    /// Mean risk if nobody, and if everybody within support were treated.
    pub risks: [f64; 2],
    /// The plain difference between those treated and those not, for comparison.
    pub naive: Contrast,
    /// By the outcome models alone (g-computation), for comparison.
    pub outcome_only: f64,
    /// By the propensity alone (inverse probability weights, normalised), for comparison.
    pub propensity_only: f64,
    /// Whether the arms have people in common.
    pub overlap: Overlap,
    /// How strong something unmeasured would have to be; none where an arm's risk isn't safely above zero.
    pub sensitivity: Option<Sensitivity>,
    /// The doubly robust difference for treatments drawn by the propensity alone, which can do nothing: in standard
    /// errors. Their root mean square should be near one.
    pub placebo: Vec<f64>,
    pub(super) settings: Settings,
    pub(super) nuisance: Nuisance,
    /// `ψ` per row; NaN outside support.
    pub(super) scores: Vec<f64>,
}

impl Effects {
    /// The root mean square of the placebos' deviations in standard errors; none if there were none.
    pub fn placebo_deviation(&self) -> Option<f64> {
        let n = self.placebo.len() as f64;
        (n > 0.0).then(|| (self.placebo.iter().map(|z| z * z).sum::<f64>() / n).sqrt())
    }

    /// Each row's effect by the outcome models alone, for grading.
    pub fn outcome_only_by_row(&self) -> Vec<f64> {
        self.nuisance.outcome[1].iter().zip(&self.nuisance.outcome[0]).map(|(a, b)| a - b).collect()
    }

    /// Each row's chance of being treated, by models of other subjects.
    pub fn propensity(&self) -> &[f64] {
        &self.nuisance.propensity
    }
}

/// Estimates a treatment's effect in a cohort.
///
/// # Errors
/// [`Error::Setting`] for a cohort that is no table or a setting that can't be followed, [`Error::Unsupported`] where an
/// arm is too small or the arms have too few people in common.
pub fn effects(cohort: &Cohort, settings: &Settings) -> Result<Effects> {
    cohort.validate()?;
    if settings.folds < 2 || !(settings.confidence > 0.0 && settings.confidence < 1.0) {
        return Err(Error::Setting {
            setting: "folds and confidence",
            wanted: "at least 2, and between 0 and 1",
        });
    }
    for (treated, arm) in [(true, "treated"), (false, "untreated")] {
        let known = (0..cohort.len()).filter(|i| cohort.treated[*i] == treated && cohort.weight(*i) > 0.0);
        if (known.count() as f64) < settings.least_arm {
            return Err(Error::Unsupported { what: "too few people with a known outcome", arm });
        }
    }
    let nuisance = nuisance::cross_fit(cohort, settings.folds, settings.seed)?;
    let overlap = Overlap::of(cohort, &nuisance.propensity, settings);
    if overlap.outside > MOST_OUTSIDE {
        return Err(Error::Unsupported {
            what: "treatment is all but certain, or all but excluded, for most",
            arm: "people",
        });
    }
    for (arm, size) in [("untreated", overlap.effective_size[0]), ("treated", overlap.effective_size[1])] {
        if size < settings.least_arm {
            return Err(Error::Unsupported { what: "too few comparable people", arm });
        }
    }
    let scores = scores(cohort, &nuisance, &cohort.treated, settings);
    let average = mean(cohort, &scores, settings.z());
    let inside: Vec<usize> = (0..cohort.len()).filter(|i| scores[*i].is_finite()).collect();
    let share = 1.0 / inside.len().max(1) as f64;
    let arms = [false, true].map(|arm| {
        let part =
            |i: usize| if scores[i].is_finite() { potential(cohort, &nuisance, i, arm) } else { f64::NAN };
        mean(cohort, &(0..cohort.len()).map(part).collect::<Vec<_>>(), settings.z())
    });
    let events = [false, true].map(|arm| {
        let happened =
            |i: &&usize| cohort.treated[**i] == arm && cohort.weight(**i) * cohort.outcome(**i) > 0.0;
        inside.iter().filter(happened).count()
    });
    let outcome_only =
        inside.iter().map(|i| nuisance.outcome[1][*i] - nuisance.outcome[0][*i]).sum::<f64>() * share;
    let mut effects = Effects {
        average,
        risks: arms.map(|arm| arm.value.clamp(0.0, 1.0)),
        naive: naive(cohort, settings.z()),
        outcome_only,
        propensity_only: weighted(cohort, &nuisance.propensity, &inside),
        sensitivity: e_value(arms, events, &average),
        overlap,
        placebo: Vec::new(),
        settings: *settings,
        nuisance,
        scores,
    };
    effects.placebo = placebos(cohort, &effects)?;
    Ok(effects)
}

/// A row's part in the mean risk of an arm.
fn potential(cohort: &Cohort, nuisance: &Nuisance, i: usize, arm: bool) -> f64 {
    let (e, mu) = (nuisance.propensity[i], nuisance.outcome[usize::from(arm)][i]);
    let chance = if arm { e } else { 1.0 - e };
    let own = cohort.treated[i] == arm;
    mu + if own { cohort.weight(i) * (cohort.outcome(i) - mu) / chance } else { 0.0 }
}

fn scores(cohort: &Cohort, nuisance: &Nuisance, treated: &[bool], settings: &Settings) -> Vec<f64> {
    let bound = settings.propensity_bound;
    let score = |i: usize| {
        let (e, [mu0, mu1]) = (nuisance.propensity[i], [nuisance.outcome[0][i], nuisance.outcome[1][i]]);
        if !(bound..=1.0 - bound).contains(&e) {
            return f64::NAN;
        }
        let (weight, y) = (cohort.weight(i), cohort.outcome(i));
        mu1 - mu0 + if treated[i] { weight * (y - mu1) / e } else { -weight * (y - mu0) / (1.0 - e) }
    };
    (0..cohort.len()).map(score).collect()
}

/// The mean of the scores that are numbers; its error counts each subject once.
fn mean(cohort: &Cohort, scores: &[f64], z: f64) -> Contrast {
    let (of_row, n) = cohort.clusters();
    let inside = || scores.iter().zip(&of_row).filter(|(score, _)| score.is_finite());
    let rows = inside().count().max(1) as f64;
    let value = inside().map(|(score, _)| score).sum::<f64>() / rows;
    let mut sums = vec![0.0; n];
    inside().for_each(|(score, cluster)| sums[*cluster as usize] += score - value);
    let error = sums.iter().map(|s| s * s).sum::<f64>().sqrt() / rows;
    Contrast::new(value, error, z)
}

fn naive(cohort: &Cohort, z: f64) -> Contrast {
    let arm = |treated: bool| {
        let rows = || (0..cohort.len()).filter(move |i| cohort.treated[*i] == treated);
        let total: f64 = rows().map(|i| cohort.weight(i)).sum();
        let mean = rows().map(|i| cohort.weight(i) * cohort.outcome(i)).sum::<f64>() / total;
        let spread = rows().map(|i| (cohort.weight(i) * (cohort.outcome(i) - mean)).powi(2)).sum::<f64>()
            / total.powi(2);
        (mean, spread)
    };
    let ((risk1, spread1), (risk0, spread0)) = (arm(true), arm(false));
    Contrast::new(risk1 - risk0, (spread1 + spread0).sqrt(), z)
}

fn weighted(cohort: &Cohort, propensity: &[f64], inside: &[usize]) -> f64 {
    let arm = |treated: bool| {
        let (mut total, mut sum) = (0.0, 0.0);
        for i in inside.iter().filter(|i| cohort.treated[**i] == treated) {
            let weight = cohort.weight(*i) / if treated { propensity[*i] } else { 1.0 - propensity[*i] };
            total += weight;
            sum += weight * cohort.outcome(*i);
        }
        sum / total
    };
    arm(true) - arm(false)
}

/// Treatments that can do nothing, drawn by the propensity, in the real one's place: everything is fitted again, as
/// for the real one.
fn placebos(cohort: &Cohort, effects: &Effects) -> Result<Vec<f64>> {
    let settings = &effects.settings;
    let run = |number: usize| {
        let mut random = StdRng::seed_from_u64(settings.seed ^ (0x9e37_79b9 + number as u64));
        let treated: Vec<bool> =
            effects.nuisance.propensity.iter().map(|e| random.random::<f64>() < *e).collect();
        let placebo = Cohort { treated, ..cohort.clone() };
        let nuisance = nuisance::cross_fit(&placebo, settings.folds, settings.seed)?;
        let found = mean(&placebo, &scores(&placebo, &nuisance, &placebo.treated, settings), settings.z());
        Ok(found.value / found.standard_error)
    };
    (0..settings.placebos).map(run).collect()
}
