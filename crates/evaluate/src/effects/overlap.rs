//! Do the arms have people in common? Where they don't, nothing can be said.

use super::cohort::Cohort;
use super::score::Settings;
use serde::Serialize;

/// Bins of the histogram of propensities.
const BINS: usize = 10;

/// How comparable two arms are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// Rows untreated and treated.
    pub rows: [usize; 2],
    /// Kish's effective size of each arm under inverse probability weights, `(Σw)² / Σw²`, within support.
    pub effective_size: [f64; 2],
    /// Rows untreated and treated by the chance of being treated, in ten equal bins.
    pub histogram: [[usize; BINS]; 2],
    /// Share of rows outside support, which the effect does not speak of.
    pub outside: f64,
}

/// Why no estimate is given for a patient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Refusal {
    /// People like this one are nearly always, or nearly never, treated.
    Propensity {
        /// The chance of being treated.
        propensity: f64,
    },
    /// Nobody like this one is in the cohort: the most extreme feature lies so many standard deviations from the mean.
    Far {
        /// How many.
        standard_deviations: f64,
    },
}

impl Overlap {
    pub(super) fn of(cohort: &Cohort, propensity: &[f64], settings: &Settings) -> Self {
        let bound = settings.propensity_bound;
        let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
        let (mut histogram, mut rows, mut outside) = ([[0; BINS]; 2], [0; 2], 0);
        for (i, e) in propensity.iter().enumerate() {
            let arm = usize::from(cohort.treated[i]);
            rows[arm] += 1;
            histogram[arm][((e * BINS as f64) as usize).min(BINS - 1)] += 1;
            if !(bound..=1.0 - bound).contains(e) {
                outside += 1;
                continue;
            }
            let weight = cohort.weight(i) / if arm == 1 { *e } else { 1.0 - e };
            sums[arm] += weight;
            squares[arm] += weight * weight;
        }
        let size = |arm: usize| if squares[arm] > 0.0 { sums[arm].powi(2) / squares[arm] } else { 0.0 };
        Overlap {
            rows,
            effective_size: [size(0), size(1)],
            histogram,
            outside: outside as f64 / propensity.len().max(1) as f64,
        }
    }
}
