//! What could be said without a model of records: a logistic regression on a few numbers.

use crate::error::Result;
use crate::logistic;
use crate::metrics::expit;

/// The penalty on standardised numbers: what keeps a rule finite where events are few.
const PENALTY: f64 = 1.0;

/// A rule of a few numbers, such as age, sex and last values.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    mean: Vec<f64>,
    scale: Vec<f64>,
    beta: Vec<f64>,
}

impl Rule {
    /// Learns one from rows of the same length and what came of each.
    ///
    /// # Errors
    /// [`crate::Error::NoConvergence`] where it doesn't settle.
    pub fn fit(rows: &[Vec<f64>], outcomes: &[bool]) -> Result<Self> {
        let columns = rows.first().map_or(0, Vec::len);
        let n = rows.len().max(1) as f64;
        let column = |of: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            (0..columns).map(|c| rows.iter().map(|row| of(c, row[c])).sum::<f64>() / n).collect()
        };
        let mean = column(&|_, x| x);
        // A number that doesn't vary says nothing.
        let scale = column(&|c, x| (x - mean[c]).powi(2));
        let scale: Vec<f64> = scale.into_iter().map(|v| if v > 1e-18 { v.sqrt() } else { 1e9 }).collect();
        let mut made = Rule { mean, scale, beta: Vec::new() };
        let design: Vec<f64> = rows.iter().flat_map(|row| made.design(row)).collect();
        let mut penalties = vec![PENALTY; columns + 1];
        penalties[0] = 1e-3;
        made.beta = logistic::fit(&design, columns + 1, outcomes, &penalties)?;
        Ok(made)
    }

    fn design(&self, row: &[f64]) -> Vec<f64> {
        let scaled = row.iter().zip(&self.mean).zip(&self.scale).map(|((x, m), s)| (x - m) / s);
        std::iter::once(1.0).chain(scaled).collect()
    }

    /// What it says of somebody.
    pub fn probability(&self, row: &[f64]) -> f64 {
        expit(self.design(row).iter().zip(&self.beta).map(|(x, b)| x * b).sum())
    }
}
