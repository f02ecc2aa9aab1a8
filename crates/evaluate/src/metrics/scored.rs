//! Rows in the order that every metric wants them: by falling probability.

use crate::error::{Error, Result};

/// Probabilities this close to 0 or 1 are moved to this distance before their logit is taken, so that a
/// certain prediction weighs heavily in recalibration without making it infinite (|logit| ≤ 18.4).
pub const LOGIT_MARGIN: f64 = 1e-8;

/// One prediction whose outcome is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The predicted probability.
    pub probability: f64,
    /// Did it come true?
    pub outcome: bool,
    /// Inverse probability of being uncensored; 1 where nothing is censored. Calibration and utility use it.
    pub weight: f64,
    /// The subject, numbered densely from 0 (see [`crate::bootstrap::clusters`]).
    pub cluster: u32,
}

/// Rows sorted by falling probability.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    pub(crate) probability: Vec<f64>,
    pub(crate) outcome: Vec<bool>,
    pub(crate) weight: Vec<f64>,
    pub(crate) cluster: Vec<u32>,
    pub(crate) logit: Vec<f64>,
    /// Negative log-likelihood of each row, so that a draw is a sum.
    pub(crate) log_loss: Vec<f64>,
}

/// How often a row counts in this draw: `None` is the sample itself, each row once.
pub(crate) type Counts<'a> = Option<&'a [u32]>;

impl Scored {
    /// Sorts the rows. `Error::NotAProbability` on NaN or a value outside 0 to 1.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Result<Self> {
        let mut rows: Vec<Row> = rows.into_iter().collect();
        if let Some(row) = rows.iter().position(|r| !(0.0..=1.0).contains(&r.probability)) {
            return Err(Error::NotAProbability { task: "this task".into(), row, column: "probability" });
        }
        // Stable, so that equal inputs give equal sums, bit for bit.
        rows.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(Scored {
            logit: rows.iter().map(|r| logit(r.probability)).collect(),
            log_loss: rows.iter().map(log_loss).collect(),
            probability: rows.iter().map(|r| r.probability).collect(),
            outcome: rows.iter().map(|r| r.outcome).collect(),
            weight: rows.iter().map(|r| r.weight).collect(),
            cluster: rows.iter().map(|r| r.cluster).collect(),
        })
    }

    /// Rows that each are their own subject, with weight 1.
    pub fn from_pairs(probabilities: &[f64], outcomes: &[bool]) -> Result<Self> {
        if probabilities.len() != outcomes.len() {
            return Err(Error::Lengths {
                what: "probabilities and outcomes",
                left: probabilities.len(),
                right: outcomes.len(),
            });
        }
        Self::new(probabilities.iter().zip(outcomes).enumerate().map(|(i, (&probability, &outcome))| Row {
            probability,
            outcome,
            weight: 1.0,
            cluster: i as u32,
        }))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.probability.len()
    }

    /// Is there no row?
    pub fn is_empty(&self) -> bool {
        self.probability.is_empty()
    }

    /// Are there rows, none of which has a weight, since too few are watched for long enough?
    pub(crate) fn is_unwatched(&self) -> bool {
        !self.is_empty() && self.weight.iter().all(|w| *w == 0.0)
    }

    /// Number of rows whose outcome came true.
    pub fn events(&self) -> usize {
        self.outcome.iter().filter(|&&o| o).count()
    }

    /// Subjects with a row that came true, and with one that didn't: some may be both. Rows of one subject tell of one subject,
    /// however many they are.
    pub fn subjects(&self) -> (usize, usize) {
        let of = |outcome: bool| {
            let mut clusters: Vec<u32> = self
                .cluster
                .iter()
                .zip(&self.outcome)
                .filter(|(_, o)| **o == outcome)
                .map(|(cluster, _)| *cluster)
                .collect();
            clusters.sort_unstable();
            clusters.dedup();
            clusters.len()
        };
        (of(true), of(false))
    }

    /// Fewer subjects than this with the outcome, or without.
    pub(crate) fn is_scarce(&self, least: usize) -> bool {
        let (with, without) = self.subjects();
        with < least || without < least
    }

    /// The multiplicity of row `i` in this draw.
    #[inline(always)]
    pub(crate) fn count(&self, counts: Counts, i: usize) -> u32 {
        counts.map_or(1, |counts| counts[self.cluster[i] as usize])
    }

    /// The multiplicity of row `i` times its censoring weight.
    #[inline(always)]
    pub(crate) fn weighted(&self, counts: Counts, i: usize) -> f64 {
        f64::from(self.count(counts, i)) * self.weight[i]
    }
}

/// Probabilities are held one machine epsilon away from 0 and 1, as scikit-learn does.
fn log_loss(row: &Row) -> f64 {
    let of_truth = if row.outcome { row.probability } else { 1.0 - row.probability };
    -of_truth.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

/// The logit of a probability held [`LOGIT_MARGIN`] away from 0 and 1.
pub fn logit(probability: f64) -> f64 {
    let p = probability.clamp(LOGIT_MARGIN, 1.0 - LOGIT_MARGIN);
    (p / (1.0 - p)).ln()
}

/// The inverse of the logit.
#[inline]
pub fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
