//! Who was treated, what came of it, and what was known before.

use crate::bootstrap::clusters;
use crate::error::{Error, Result};

/// Rows: moments at which a treatment was begun or not.
#[derive(Clone, Debug, Default)]
pub struct Cohort {
    /// Whose; rows of one subject are never in two folds, and count as one piece of evidence.
    pub subjects: Vec<i64>,
    /// Whether the treatment was begun.
    pub treated: Vec<bool>,
    /// Whether the outcome came within the horizon; none where follow-up ended before it was known.
    pub outcomes: Vec<Option<bool>>,
    /// What the row of a known outcome counts: 1, or the inverse of the chance that it is known.
    pub weights: Vec<f64>,
    /// What was known before: `[rows, columns]`.
    pub features: Vec<f64>,
    /// Features a row.
    pub columns: usize,
}

impl Cohort {
    /// Appends a row whose outcome, if known, counts 1.
    pub fn push(&mut self, subject: i64, treated: bool, outcome: Option<bool>, features: &[f64]) {
        self.subjects.push(subject);
        self.treated.push(treated);
        self.outcomes.push(outcome);
        self.weights.push(1.0);
        self.features.extend_from_slice(features);
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// A row's features.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.features[i * self.columns..(i + 1) * self.columns]
    }

    /// Rows of one arm.
    pub fn arm(&self, treated: bool) -> usize {
        self.treated.iter().filter(|t| **t == treated).count()
    }

    /// What a row counts: nothing where the outcome is unknown.
    pub(super) fn weight(&self, i: usize) -> f64 {
        if self.outcomes[i].is_some() { self.weights[i] } else { 0.0 }
    }

    /// The outcome as a number; anything where it is unknown, since the weight is nothing.
    pub(super) fn outcome(&self, i: usize) -> f64 {
        f64::from(u8::from(self.outcomes[i] == Some(true)))
    }

    /// The subject of each row as a number from 0, and how many there are.
    pub(super) fn clusters(&self) -> (Vec<u32>, usize) {
        clusters(self.subjects.iter().copied())
    }

    pub(super) fn validate(&self) -> Result<()> {
        let n = self.len();
        let same = [self.treated.len(), self.outcomes.len(), self.weights.len()].iter().all(|len| *len == n);
        let wanted = |holds: bool, setting: &'static str, wanted: &'static str| {
            if holds { Ok(()) } else { Err(Error::Setting { setting, wanted }) }
        };
        wanted(same && self.features.len() == n * self.columns, "the cohort's columns", "of one length")?;
        wanted(self.features.iter().all(|x| x.is_finite()), "the cohort's features", "finite numbers")?;
        let weights = self.weights.iter().all(|w| w.is_finite() && *w >= 0.0);
        wanted(weights, "the cohort's weights", "finite and not negative")
    }
}
