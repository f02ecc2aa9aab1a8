//! The share of people to whom something happens, with its interval.

use super::censoring::{CensoringCurve, FollowUp};
use statrs::distribution::{Beta, ContinuousCDF};

/// A share among people of whom some left before it was known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownShare {
    /// The share to whom it happens by the horizon, death competing: who is known stands also for those like them who left
    /// before (weights of [`CensoringCurve`]; the same as Aalen and Johansen's estimate).
    pub share: f64,
    /// Its 95 % interval: [`jeffreys`], for as many people as the weights are worth, (Σw)² / Σw² (Kish, Survey Sampling 1965).
    pub interval: (f64, f64),
}

/// The share by `horizon_days`; none where of nobody it is known.
pub fn known_share(rows: &[FollowUp], horizon_days: f64) -> Option<KnownShare> {
    let weights = CensoringCurve::fit(rows, horizon_days).weights(rows, horizon_days);
    let all: f64 = weights.iter().sum();
    if all <= 0.0 {
        return None;
    }
    let happened = rows.iter().zip(&weights).filter(|(row, _)| row.outcome == Some(true));
    let share = (happened.map(|(_, w)| w).sum::<f64>() / all).min(1.0);
    let worth = all * all / weights.iter().map(|w| w * w).sum::<f64>();
    Some(KnownShare { share, interval: jeffreys(share * worth, worth, 0.95) })
}

/// Jeffreys' interval of a share of which `events` of `people` were seen: its ends are 0 where nobody, and 1 where everybody, had
/// it (Brown, Cai and DasGupta, Statistical Science 2001). The numbers need not be whole.
pub fn jeffreys(events: f64, people: f64, confidence: f64) -> (f64, f64) {
    let others = (people - events).max(0.0);
    let tail = (1.0 - confidence) / 2.0;
    let Ok(posterior) = Beta::new(events + 0.5, others + 0.5) else { return (0.0, 1.0) };
    let low = if events <= 0.0 { 0.0 } else { posterior.inverse_cdf(tail) };
    let high = if others <= 0.0 { 1.0 } else { posterior.inverse_cdf(1.0 - tail) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    #[test]
    fn jeffreys_as_scipy_has_it() {
        // scipy.stats.beta(10.5, 90.5).ppf([.025, .975])
        let (low, high) = jeffreys(10.0, 100.0, 0.95);
        assert!((low - 0.0526).abs() < 1e-3 && (high - 0.1704).abs() < 1e-3, "{low} {high}");
        assert_eq!((jeffreys(0.0, 9.0, 0.95).0, jeffreys(9.0, 9.0, 0.95).1), (0.0, 1.0));
        assert_eq!(jeffreys(0.0, 0.0, 0.95), (0.0, 1.0), "nothing is known of nobody");
    }

    #[test]
    fn without_censoring_it_is_the_plain_share() {
        let row = |outcome: bool| FollowUp {
            outcome: Some(outcome),
            observed_days: if outcome { 3.0 } else { 10.0 },
        };
        let rows: Vec<FollowUp> = (0..40).map(|i| row(i % 4 == 0)).collect();
        let known = known_share(&rows, 10.0).unwrap();
        assert!((known.share - 0.25).abs() < 1e-12);
        assert_eq!(known.interval, jeffreys(10.0, 40.0, 0.95));
        assert_eq!(known_share(&[FollowUp { outcome: None, observed_days: 1.0 }], 10.0), None);
    }

    /// A risk of a tenth within five years; people leave evenly over eight.
    #[test]
    fn who_leaves_early_neither_moves_the_share_nor_breaks_the_interval() {
        let (mut rng, mut held, mut mean) = (StdRng::seed_from_u64(5), 0, 0.0);
        let runs = 500;
        for _ in 0..runs {
            let rows: Vec<FollowUp> = (0..200)
                .map(|_| {
                    let onset = 5.0 * (1.0 - rng.random::<f64>()).ln() / 0.9f64.ln();
                    let leaves = 8.0 * rng.random::<f64>();
                    match onset.min(5.0) <= leaves {
                        true => FollowUp { outcome: Some(onset <= 5.0), observed_days: onset.min(leaves) },
                        false => FollowUp { outcome: None, observed_days: leaves },
                    }
                })
                .collect();
            let known = known_share(&rows, 5.0).unwrap();
            mean += known.share / f64::from(runs);
            held += i32::from(known.interval.0 <= 0.1 && 0.1 <= known.interval.1);
        }
        assert!((mean - 0.1).abs() < 0.004, "{mean}");
        // Of 500 at 95 %, 460 is three and a half standard errors below.
        assert!(held >= 460, "{held} of {runs}");
    }
}
