//! Canaries: does a model remember what it was shown once, four or sixteen times?
//!
//! Random sequences are planted in the training data, and their likelihood is ranked among others of the same shape that
//! were not. Exposure is `log2(all) − log2(rank)` (Carlini et al. 2019, definition 2 with the rank estimated by
//! sampling, section 4.3): what is not remembered has an exposure of 1.44 bits on average, whatever the model.

use super::Estimate;
use crate::bootstrap::Bootstrap;
use crate::evaluation::estimate;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma};

/// Canaries that were planted equally often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryGroup {
    /// How often each was in the training data; 0 for controls, which were not.
    pub repeats: u32,
    /// How many there are.
    pub canaries: usize,
    /// Sequences that were not planted, to rank them among.
    pub references: usize,
    /// The exposure of each, in bits.
    pub exposures: Vec<f64>,
    /// Their mean.
    pub mean: Estimate,
    /// The largest exposure that so many references can show.
    pub largest_possible: f64,
    /// How many are likelier than every reference: their exposure may be larger than can be shown.
    pub at_the_largest: usize,
    /// The chance of so large a mean if none is remembered.
    pub p_value: Option<f64>,
}

/// The exposure of a sequence in bits, from its log-likelihood and those of references of the same shape.
pub fn exposure(log_likelihood: f64, references: &[f64]) -> f64 {
    // Ties count against the canary: equal is not remembered.
    let rank = 1 + references.iter().filter(|other| **other >= log_likelihood).count();
    ((references.len() + 1) as f64).log2() - (rank as f64).log2()
}

/// Measures canaries that were planted equally often.
pub fn canaries(
    repeats: u32,
    log_likelihoods: &[f64],
    references: &[f64],
    bootstrap: &Bootstrap,
) -> CanaryGroup {
    let exposures: Vec<f64> = log_likelihoods.iter().map(|l| exposure(*l, references)).collect();
    let n = exposures.len();
    let mean = |counts: Option<&[u32]>| {
        let of = |i: usize| counts.map_or(1.0, |counts| f64::from(counts[i]));
        exposures.iter().enumerate().map(|(i, e)| of(i) * e).sum::<f64>() / n as f64
    };
    let largest_possible = ((references.len() + 1) as f64).log2();
    CanaryGroup {
        repeats,
        canaries: n,
        references: references.len(),
        mean: estimate(mean(None), bootstrap.replicate(n, |counts| mean(Some(counts))), bootstrap),
        largest_possible,
        at_the_largest: exposures.iter().filter(|e| **e >= largest_possible - 1e-9).count(),
        p_value: p_value(&exposures),
        exposures,
    }
}

/// Of a canary that is not remembered every rank is as likely as any other, so that its exposure in natural units is
/// exponential with mean 1 (but for the grain of the ranks, which makes it a little smaller), and the sum of
/// `n` of them Gamma(n, 1).
fn p_value(exposures: &[f64]) -> Option<f64> {
    let gamma = Gamma::new(exposures.len() as f64, 1.0).ok()?;
    Some(gamma.sf(exposures.iter().sum::<f64>() * std::f64::consts::LN_2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    #[test]
    fn exposure_is_the_rank_in_bits() {
        let references: Vec<f64> = (0..1023).map(f64::from).collect();
        assert_eq!(exposure(5000.0, &references), 10.0);
        assert_eq!(exposure(-1.0, &references), 0.0);
        // One reference is likelier: rank 2 of 1024.
        assert_eq!(exposure(1021.5, &references), 9.0);
        assert_eq!(exposure(1022.0, &references), 9.0, "a tie is not remembered");
    }

    #[test]
    fn what_is_not_remembered_is_seldom_taken_for_remembered() {
        let mut rng = StdRng::seed_from_u64(3);
        let (mut alarms, mut sum) = (0, 0.0);
        for _ in 0..400 {
            let references: Vec<f64> = (0..1023).map(|_| rng.random()).collect();
            let drawn: Vec<f64> = (0..8).map(|_| rng.random()).collect();
            let group = canaries(1, &drawn, &references, &Bootstrap { draws: 0, ..Bootstrap::default() });
            alarms += usize::from(group.p_value.unwrap() < 0.01);
            sum += group.mean.value.unwrap();
        }
        assert!(alarms <= 12, "{alarms} of 400 at 1 %");
        assert!((sum / 400.0 - std::f64::consts::LOG2_E).abs() < 0.1, "{}", sum / 400.0);
        let remembered = canaries(16, &[2.0; 8], &[0.5; 1023], &Bootstrap::default());
        assert!(remembered.p_value.unwrap() < 1e-6);
        assert_eq!((remembered.at_the_largest, remembered.mean.low), (8, Some(10.0)));
    }
}
