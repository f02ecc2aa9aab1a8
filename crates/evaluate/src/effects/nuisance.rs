//! Who gets treated, and what happens in each arm: penalised logistic regressions, each row answered by a fit on other
//! subjects.

use super::cohort::Cohort;
use crate::error::Result;
use crate::logistic;
use crate::metrics::expit;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

/// Penalties on standardised columns that are tried.
const PENALTIES: [f64; 3] = [1.0, 10.0, 100.0];

/// What the two models say of each row.
#[derive(Clone, Debug)]
pub(super) struct Nuisance {
    /// The chance of being treated.
    pub(super) propensity: Vec<f64>,
    /// The chance of the outcome untreated and treated.
    pub(super) outcome: [Vec<f64>; 2],
}

/// A logistic regression on standardised columns.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    mean: Vec<f64>,
    scale: Vec<f64>,
    beta: Vec<f64>,
}

impl Fit {
    pub(super) fn probability(&self, row: &[f64]) -> f64 {
        let columns = row.iter().zip(&self.mean).zip(&self.scale);
        let sum: f64 = columns.zip(&self.beta[1..]).map(|(((x, m), s), b)| (x - m) / s * b).sum();
        expit(self.beta[0] + sum)
    }
}

/// Rows to learn from: which, their outcome and weight.
struct Learned<'a> {
    cohort: &'a Cohort,
    rows: Vec<usize>,
    outcome: &'a (dyn Fn(usize) -> bool + Sync),
    weight: &'a (dyn Fn(usize) -> f64 + Sync),
}

impl Learned<'_> {
    fn fit(&self, rows: &[usize], penalty: f64) -> Result<Fit> {
        let columns = self.cohort.columns;
        let n = rows.len().max(1) as f64;
        let (mut mean, mut scale) = (vec![0.0; columns], vec![0.0; columns]);
        rows.iter().for_each(|i| {
            mean.iter_mut().zip(self.cohort.row(*i)).for_each(|(m, x)| *m += x / n);
        });
        for i in rows {
            let row = self.cohort.row(*i);
            scale.iter_mut().zip(row).zip(&mean).for_each(|((s, x), m)| *s += (x - m).powi(2) / n);
        }
        // A column that doesn't vary says nothing.
        scale.iter_mut().for_each(|s| *s = if *s > 1e-18 { s.sqrt() } else { 1e9 });
        let mut design = Vec::with_capacity(rows.len() * (columns + 1));
        for i in rows {
            design.push(1.0);
            let row = self.cohort.row(*i).iter().zip(&mean).zip(&scale);
            design.extend(row.map(|((x, m), s)| (x - m) / s));
        }
        let outcomes: Vec<bool> = rows.iter().map(|i| (self.outcome)(*i)).collect();
        let weights: Vec<f64> = rows.iter().map(|i| (self.weight)(*i)).collect();
        let mut penalties = vec![penalty; columns + 1];
        // The level is free but for what keeps it finite where an arm has no outcome.
        penalties[0] = 1e-3;
        let beta = logistic::fit_weighted(&design, columns + 1, &outcomes, &weights, &penalties)?;
        Ok(Fit { mean, scale, beta })
    }

    /// The penalty is the one with the least loss on a third of the subjects, fitted on the others.
    fn chosen(&self, part_of: &[u32]) -> Result<Fit> {
        let (inner, asked): (Vec<usize>, Vec<usize>) =
            self.rows.iter().partition(|i| !part_of[**i].is_multiple_of(3));
        let loss = |fit: &Fit| -> f64 {
            let each = asked.iter().map(|i| {
                let p = fit.probability(self.cohort.row(*i)).clamp(1e-12, 1.0 - 1e-12);
                -(self.weight)(*i) * if (self.outcome)(*i) { p.ln() } else { (1.0 - p).ln() }
            });
            each.sum()
        };
        let mut best = (f64::INFINITY, PENALTIES[1]);
        if !inner.is_empty() && !asked.is_empty() {
            for penalty in PENALTIES {
                let loss = loss(&self.fit(&inner, penalty)?);
                if loss < best.0 {
                    best = (loss, penalty);
                }
            }
        }
        self.fit(&self.rows, best.1)
    }
}

/// The fold of each row, and a part within it for choosing penalties; all rows of a subject are in one.
fn folds(cohort: &Cohort, folds: usize, seed: u64) -> (Vec<usize>, Vec<u32>) {
    let (of_row, n) = cohort.clusters();
    let mut random = StdRng::seed_from_u64(seed);
    let drawn: Vec<(usize, u32)> =
        (0..n).map(|_| (random.random_range(0..folds), random.random_range(0..3 * 1024))).collect();
    of_row.into_iter().map(|c| drawn[c as usize]).unzip()
}

/// The two models of one set of rows.
struct Models {
    propensity: Fit,
    outcome: [Fit; 2],
}

impl Models {
    fn fit(cohort: &Cohort, rows: &[usize], part_of: &[u32]) -> Result<Self> {
        let treated = |i: usize| cohort.treated[i];
        let one = |_: usize| 1.0;
        let propensity = Learned { cohort, rows: rows.to_vec(), outcome: &treated, weight: &one };
        let occurred = |i: usize| cohort.outcomes[i] == Some(true);
        let weight = |i: usize| cohort.weight(i);
        let arm = |arm: bool| {
            let rows = rows.iter().copied().filter(|i| treated(*i) == arm && cohort.weight(*i) > 0.0);
            Learned { cohort, rows: rows.collect(), outcome: &occurred, weight: &weight }.chosen(part_of)
        };
        Ok(Models { propensity: propensity.chosen(part_of)?, outcome: [arm(false)?, arm(true)?] })
    }
}

/// Answers each row by models of the other folds.
pub(super) fn cross_fit(cohort: &Cohort, count: usize, seed: u64) -> Result<Nuisance> {
    let (fold_of, part_of) = folds(cohort, count, seed);
    let models = |fold: usize| {
        let others: Vec<usize> = (0..cohort.len()).filter(|i| fold_of[*i] != fold).collect();
        Models::fit(cohort, &others, &part_of)
    };
    let models: Vec<Models> = (0..count).into_par_iter().map(models).collect::<Result<_>>()?;
    let each = |of: &dyn Fn(&Models, &[f64]) -> f64| -> Vec<f64> {
        (0..cohort.len()).map(|i| of(&models[fold_of[i]], cohort.row(i))).collect()
    };
    Ok(Nuisance {
        propensity: each(&|m, row| m.propensity.probability(row)),
        outcome: [0, 1].map(|arm| each(&|m: &Models, row| m.outcome[arm].probability(row))),
    })
}

/// What models of all rows say of somebody who isn't among them: the chance of treatment, and of the outcome in each arm.
pub(super) fn of_patient(cohort: &Cohort, seed: u64, features: &[f64]) -> Result<(f64, [f64; 2])> {
    let (_, part_of) = folds(cohort, 2, seed);
    let models = Models::fit(cohort, &(0..cohort.len()).collect::<Vec<_>>(), &part_of)?;
    let outcome = [0, 1].map(|arm: usize| models.outcome[arm].probability(features));
    Ok((models.propensity.probability(features), outcome))
}
