//! Can a simple classifier tell simulated stretches from real ones?

use super::{Estimate, Pair, Shares, Stretch};
use crate::bootstrap::{Bootstrap, clusters};
use crate::error::Result;
use crate::evaluation::estimate;
use crate::logistic;
use crate::metrics::ranking::ranking;
use crate::metrics::{Row, Scored, expit};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Parts of the cross-validation.
const FOLDS: usize = 5;
/// Codes that are counted, the commonest.
const CODES: usize = 60;
/// Subjects used at most.
const MOST: usize = 4000;
/// Quadratic penalty on standardised columns.
const RIDGE: f64 = 1.0;

/// How well real and simulated are told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discriminator {
    /// Subjects, with one real and one simulated stretch each.
    pub subjects: usize,
    /// AUC over subjects that the classifier was not fitted on; 0.5 is a coin.
    pub auc: Estimate,
    /// What tells the most: a column, and how much it speaks for simulated (per standard deviation, log odds).
    pub tells: Vec<(String, f64)>,
}

/// Fits and measures; none with fewer than ten subjects.
pub(super) fn discriminator(
    pairs: &[Pair],
    names: &[String],
    codes: &Shares,
    bootstrap: &Bootstrap,
) -> Result<Option<Discriminator>> {
    let pairs: Vec<&Pair> = pairs.iter().filter(|p| !p.simulated.is_empty()).take(MOST).collect();
    if pairs.len() < 10 {
        return Ok(None);
    }
    let place: FxHashMap<&str, u32> = (0..).zip(names).map(|(i, name)| (name.as_str(), i)).collect();
    let mut columns: Vec<String> =
        vec!["(intercept)".into(), "events".into(), "moments".into(), "death".into()];
    let mut of_code: FxHashMap<u32, usize> = FxHashMap::default();
    for share in codes.each.iter().take(CODES) {
        if let Some(code) = place.get(share.codes[0].as_str()) {
            of_code.insert(*code, columns.len());
            columns.push(share.codes[0].clone());
        }
    }
    let width = columns.len();
    let mut design = Vec::with_capacity(2 * pairs.len() * width);
    for pair in &pairs {
        for stretch in [&pair.real, &pair.simulated[0]] {
            design.extend(row(stretch, width, &of_code));
        }
    }
    standardise(&mut design, width);
    let outcomes: Vec<bool> = (0..2 * pairs.len()).map(|i| i % 2 == 1).collect();
    let mut penalty = vec![RIDGE; width];
    penalty[0] = 1e-6;
    let mut risk = vec![0.5; outcomes.len()];
    for fold in 0..FOLDS {
        let inside = |row: usize| (row / 2) % FOLDS == fold;
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (i, outcome) in outcomes.iter().enumerate().filter(|(i, _)| !inside(*i)) {
            x.extend_from_slice(&design[i * width..(i + 1) * width]);
            y.push(*outcome);
        }
        let beta = logistic::fit(&x, width, &y, &penalty)?;
        for (i, risk) in risk.iter_mut().enumerate().filter(|(i, _)| inside(*i)) {
            *risk = expit(dot(&design[i * width..(i + 1) * width], &beta));
        }
    }
    let (cluster, subjects) = clusters((0..risk.len()).map(|i| (i / 2) as i64));
    let rows = risk.iter().zip(&outcomes).zip(cluster);
    let scored = Scored::new(rows.map(|((probability, outcome), cluster)| Row {
        probability: *probability,
        outcome: *outcome,
        weight: 1.0,
        cluster,
    }))?;
    let draws = bootstrap.replicate(subjects, |counts| ranking(&scored, Some(counts)).auroc);
    let all = logistic::fit(&design, width, &outcomes, &penalty)?;
    let mut tells: Vec<(String, f64)> = columns.into_iter().zip(all).skip(1).collect();
    tells.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    tells.truncate(8);
    Ok(Some(Discriminator { subjects, auc: estimate(ranking(&scored, None).auroc, draws, bootstrap), tells }))
}

fn row(stretch: &Stretch, width: usize, of_code: &FxHashMap<u32, usize>) -> Vec<f64> {
    let mut row = vec![0.0; width];
    row[0] = 1.0;
    let mut moments: Vec<f64> = stretch.events.iter().map(|e| e.days).collect();
    moments.dedup();
    row[1] = (stretch.events.len() as f64).ln_1p();
    row[2] = (moments.len() as f64).ln_1p();
    row[3] = f64::from(u8::from(stretch.died_days.is_some()));
    for event in &stretch.events {
        if let Some(column) = of_code.get(&event.code) {
            row[*column] += 1.0;
        }
    }
    row[4..].iter_mut().for_each(|count| *count = count.ln_1p());
    row
}

fn dot(x: &[f64], beta: &[f64]) -> f64 {
    x.iter().zip(beta).map(|(x, b)| x * b).sum()
}

/// Every column but the first to mean 0 and standard deviation 1; constant ones to 0.
fn standardise(design: &mut [f64], width: usize) {
    let n = (design.len() / width) as f64;
    for column in 1..width {
        let values = || design.iter().skip(column).step_by(width);
        let mean = values().sum::<f64>() / n;
        let deviation = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        for value in design.iter_mut().skip(column).step_by(width) {
            *value = if deviation > 1e-12 { (*value - mean) / deviation } else { 0.0 };
        }
    }
}
