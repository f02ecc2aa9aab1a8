//! The effect for patients like one patient: the scores regressed on a few features that may modify it, and on what the
//! outcome models expect of it, so that what they know of curves is used where it holds and shrunk where it doesn't (the best
//! linear predictor of Chernozhukov, Demirer, Duflo and Fernández-Val 2018).

use super::cohort::Cohort;
use super::nuisance;
use super::overlap::Refusal;
use super::score::{Contrast, Effects};
use crate::error::{Error, Result};
use crate::logistic::solve_cholesky;
use serde::Serialize;

/// How far from the cohort's mean, in standard deviations, a patient's features may lie.
const FARTHEST: f64 = 4.0;

/// What keeps the regression solvable where modifiers say the same, a row.
const RIDGE: f64 = 1e-6;

/// A regression of the scores on modifiers.
#[derive(Clone, Debug)]
pub struct Modified {
    columns: Vec<usize>,
    mean: Vec<f64>,
    scale: Vec<f64>,
    beta: Vec<f64>,
    /// `[1 + columns, 1 + columns]`, counting each subject once (Liang and Zeger 1986).
    covariance: Vec<f64>,
    z: f64,
}

/// What can be said of a patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PatientEffect {
    /// The chance that somebody like this is treated.
    pub propensity: f64,
    /// The expected difference of risks for patients with these modifiers.
    pub effect: Contrast,
    /// The risk untreated and treated, by the outcome models alone.
    pub risks: [f64; 2],
}

impl Modified {
    /// Least squares of the scores on some of the cohort's columns.
    ///
    /// # Errors
    /// [`Error::NoConvergence`] where the columns are not independent.
    pub fn fit(cohort: &Cohort, effects: &Effects, columns: &[usize]) -> Result<Self> {
        let rows: Vec<usize> = (0..cohort.len()).filter(|i| effects.scores[*i].is_finite()).collect();
        let n = rows.len().max(1) as f64;
        let expected = effects.outcome_only_by_row();
        let raw = |i: usize| columns.iter().map(move |c| cohort.row(i)[*c]).chain([expected[i]]);
        let (mut mean, mut scale) = (vec![0.0; columns.len() + 1], vec![0.0; columns.len() + 1]);
        rows.iter().for_each(|i| mean.iter_mut().zip(raw(*i)).for_each(|(m, x)| *m += x / n));
        for i in &rows {
            scale.iter_mut().zip(raw(*i)).zip(&mean).for_each(|((s, x), m)| *s += (x - m).powi(2) / n);
        }
        scale.iter_mut().for_each(|s| *s = s.sqrt().max(1e-9));
        let k = columns.len() + 2;
        let mut made = Modified {
            columns: columns.to_vec(),
            mean,
            scale,
            beta: vec![0.0; k],
            covariance: vec![0.0; k * k],
            z: effects.settings.z(),
        };
        let (mut gram, mut right) = (vec![0.0; k * k], vec![0.0; k]);
        for i in &rows {
            let x = made.design(cohort.row(*i), expected[*i]);
            for a in 0..k {
                right[a] += x[a] * effects.scores[*i];
                (0..k).for_each(|b| gram[a * k + b] += x[a] * x[b]);
            }
        }
        (1..k).for_each(|a| gram[a * k + a] += RIDGE * n);
        let failed = || Error::NoConvergence { what: "the regression of effects on modifiers" };
        let solve = |b: Vec<f64>| solve_cholesky(&mut gram.clone(), k, b).ok_or_else(failed);
        made.beta = solve(right)?;
        let (of_row, clusters) = cohort.clusters();
        let mut sums = vec![0.0; clusters * k];
        for i in &rows {
            let x = made.design(cohort.row(*i), expected[*i]);
            let residual = effects.scores[*i] - dot(&x, &made.beta);
            let sums = &mut sums[of_row[*i] as usize * k..][..k];
            sums.iter_mut().zip(&x).for_each(|(s, x)| *s += x * residual);
        }
        // Columns of the inverse, then inverse · meat · inverse.
        let inverse: Vec<Vec<f64>> = (0..k)
            .map(|a| solve((0..k).map(|b| f64::from(u8::from(a == b))).collect()))
            .collect::<Result<_>>()?;
        let correction = n / (n - k as f64).max(1.0);
        for sum in sums.chunks_exact(k) {
            let turned: Vec<f64> = inverse.iter().map(|column| dot(column, sum)).collect();
            for a in 0..k {
                (0..k).for_each(|b| made.covariance[a * k + b] += correction * turned[a] * turned[b]);
            }
        }
        Ok(made)
    }

    fn design(&self, row: &[f64], expected: f64) -> Vec<f64> {
        let raw = self.columns.iter().map(|c| row[*c]).chain([expected]);
        let scaled = raw.zip(&self.mean).zip(&self.scale).map(|((x, m), s)| (x - m) / s);
        std::iter::once(1.0).chain(scaled).collect()
    }

    /// The effect for somebody with these features, of whom outcome models that haven't seen him expect `expected`
    /// ([`Effects::outcome_only_by_row`] for rows of the cohort).
    pub fn at(&self, features: &[f64], expected: f64) -> Contrast {
        let (x, k) = (self.design(features, expected), self.beta.len());
        let mut variance = 0.0;
        for a in 0..k {
            variance += (0..k).map(|b| x[a] * x[b] * self.covariance[a * k + b]).sum::<f64>();
        }
        Contrast::new(dot(&x, &self.beta), variance.max(0.0).sqrt(), self.z)
    }

    /// What can be said of a patient who is not in the cohort, or why nothing can.
    ///
    /// # Errors
    /// [`Error::NoConvergence`] where a model of treatment or outcome doesn't settle.
    pub fn patient(
        &self,
        cohort: &Cohort,
        effects: &Effects,
        features: &[f64],
    ) -> Result<std::result::Result<PatientEffect, Refusal>> {
        let x = self.design(features, 0.0);
        let far = x[1..=self.columns.len()].iter().fold(0.0_f64, |far, x| far.max(x.abs()));
        if far > FARTHEST {
            return Ok(Err(Refusal::Far { standard_deviations: far }));
        }
        let (propensity, risks) = nuisance::of_patient(cohort, effects.settings.seed, features)?;
        let bound = effects.settings.propensity_bound;
        if !(bound..=1.0 - bound).contains(&propensity) {
            return Ok(Err(Refusal::Propensity { propensity }));
        }
        Ok(Ok(PatientEffect { propensity, effect: self.at(features, risks[1] - risks[0]), risks }))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
