//! The bootstrap by subject: whole subjects are drawn with replacement, so that several rows of one subject
//! are never mistaken for independent evidence.
//!
//! Rows are sorted once. A draw is a vector of multiplicities (how often each subject was drawn), and every
//! metric is computed from the sorted rows and those counts in linear time. Each draw has its own generator,
//! seeded by the run's seed and the draw's number, so results don't depend on the number of threads.

use crate::error::{Error, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// How intervals are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Number of draws; 0 gives point estimates alone.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Coverage of the percentile intervals, such as 0.95.
    pub confidence: f64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Bootstrap { draws: 500, seed: 0, confidence: 0.95 }
    }
}

impl Bootstrap {
    /// Checks the settings.
    pub fn validate(&self) -> Result<()> {
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(Error::Setting {
                setting: "the bootstrap's confidence",
                wanted: "between 0 and 1, such as 0.95",
            });
        }
        Ok(())
    }

    /// Computes one statistic (of any shape) per draw, in parallel; results are in draw order.
    ///
    /// `statistic` receives how often each cluster was drawn, `clusters` counts that sum to `clusters`.
    pub fn replicate<T, F>(&self, clusters: usize, statistic: F) -> Vec<T>
    where
        T: Send,
        F: Fn(&[u32]) -> T + Sync,
    {
        if clusters == 0 {
            return Vec::new();
        }
        (0..self.draws)
            .into_par_iter()
            .map_init(
                || vec![0u32; clusters],
                |counts, draw| {
                    multiplicities(self.seed, draw as u64, counts);
                    statistic(counts)
                },
            )
            .collect()
    }

    /// The percentile interval over the draws in which the statistic was defined (not NaN).
    ///
    /// None when fewer than half of the draws are defined: an interval over what happened to be computable
    /// would be narrower than the truth.
    pub fn interval(&self, values: impl IntoIterator<Item = f64>) -> Interval {
        let (mut defined, mut undefined) = (Vec::new(), 0);
        for value in values {
            if value.is_finite() { defined.push(value) } else { undefined += 1 }
        }
        defined.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        let bounds = (!defined.is_empty() && defined.len() >= undefined)
            .then(|| (quantile(&defined, tail), quantile(&defined, 1.0 - tail)));
        Interval { bounds, undefined_draws: undefined }
    }
}

/// A percentile interval, and how many draws had no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower and upper bound.
    pub bounds: Option<(f64, f64)>,
    /// Draws in which the statistic was undefined (for example, without a single event).
    pub undefined_draws: usize,
}

/// Fills `counts` with how often each cluster is drawn in this draw.
fn multiplicities(seed: u64, draw: u64, counts: &mut [u32]) {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&draw.to_le_bytes());
    key[16..25].copy_from_slice(b"bootstrap");
    let mut rng = StdRng::from_seed(key);
    counts.fill(0);
    let clusters = counts.len() as u32;
    for _ in 0..clusters {
        counts[rng.random_range(0..clusters) as usize] += 1;
    }
}

/// The quantile of sorted values, linearly interpolated (Hyndman and Fan's type 7, NumPy's default).
pub fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = probability.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Numbers subjects densely in order of first appearance: the cluster of each row, and how many there are.
pub fn clusters(subject_ids: impl IntoIterator<Item = i64>) -> (Vec<u32>, usize) {
    let mut index: FxHashMap<i64, u32> = FxHashMap::default();
    let of_row = subject_ids
        .into_iter()
        .map(|id| {
            let next = index.len() as u32;
            *index.entry(id).or_insert(next)
        })
        .collect();
    (of_row, index.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_do_not_depend_on_threads() {
        let bootstrap = Bootstrap { draws: 40, seed: 9, confidence: 0.95 };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap.replicate(50, |counts| counts.to_vec()))
        };
        let (one, four) = (run(1), run(4));
        assert_eq!(one, four);
        assert!(one.iter().all(|counts| counts.iter().sum::<u32>() == 50));
        assert_ne!(one[0], one[1]);
    }

    #[test]
    fn interval_of_a_mean_is_about_two_standard_errors_wide() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let bootstrap = Bootstrap { draws: 2000, seed: 1, confidence: 0.95 };
        let means = bootstrap.replicate(values.len(), |counts| {
            values.iter().zip(counts).map(|(v, &c)| v * f64::from(c)).sum::<f64>() / values.len() as f64
        });
        let (low, high) = bootstrap.interval(means).bounds.unwrap();
        let standard_error = (33.25f64 / 400.0).sqrt();
        assert!(((high - low) / standard_error - 3.92).abs() < 0.2, "{}", (high - low) / standard_error);
    }

    #[test]
    fn too_many_undefined_draws_give_no_interval() {
        let bootstrap = Bootstrap::default();
        let interval = bootstrap.interval([f64::NAN, f64::NAN, 1.0]);
        assert_eq!(interval, Interval { bounds: None, undefined_draws: 2 });
        assert_eq!(bootstrap.interval([f64::NAN, 1.0, 1.0]).bounds, Some((1.0, 1.0)));
    }

    #[test]
    fn quantiles_are_numpys() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert!((quantile(&sorted, 0.9) - 6.8).abs() < 1e-12);
    }
}
