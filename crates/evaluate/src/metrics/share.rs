//! The share of people to whom something happens, with its interval.

use super::censoring::{FollowUp, weights_for_all};
use statrs::distribution::{Beta, ContinuousCDF};

/// A share among people of whom some left before it was known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownShare {
    /// The share to whom it happens by the horizon, death competing: who is known stands also for those like them who left
    /// before (weights of [`super::censoring::CensoringCurve`]; the same as Aalen and Johansen's estimate).
    pub share: f64,
    /// Its 95 % interval: [`jeffreys`], for as many people as the weights are worth, (Σw)² / Σw² (Kish, Survey Sampling 1965).
    pub interval: (f64, f64),
}

/// The share by `horizon_days`; none where of nobody it is known, or where too few are watched to stand for the others
/// ([`weights_for_all`]).
pub fn known_share(rows: &[FollowUp], horizon_days: f64) -> Option<KnownShare> {
    let weights = weights_for_all(rows, horizon_days)?;
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
    use proptest::prelude::*;
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

    /// Aalen and Johansen's estimate at the horizon, by its definition.
    fn aalen_johansen(rows: &[FollowUp], horizon: f64) -> f64 {
        let free_to_the_end = |row: &FollowUp| row.outcome == Some(false) && row.observed_days >= horizon;
        let ending: Vec<&FollowUp> = rows.iter().filter(|row| !free_to_the_end(row)).collect();
        let mut times: Vec<f64> = ending.iter().map(|row| row.observed_days).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let (mut free, mut share) = (1.0, 0.0);
        for time in times {
            let count = |is: &dyn Fn(&FollowUp) -> bool| ending.iter().filter(|row| is(row)).count() as f64;
            let at_risk = rows.len() as f64 - count(&|row| row.observed_days < time);
            let had = count(&|row| row.observed_days == time && row.outcome == Some(true));
            let died = count(&|row| row.observed_days == time && row.outcome == Some(false));
            share += free * had / at_risk;
            free *= 1.0 - (had + died) / at_risk;
        }
        share
    }

    proptest! {
        /// Nobody is put at the end: where a share is told, it is that of Aalen and Johansen, but for the few of whom nothing is known.
        #[test]
        fn it_is_aalen_and_johansens_estimate_or_none(days in prop::collection::vec((0u32..13, 0u8..3), 1..120)) {
            let rows: Vec<FollowUp> = days
                .into_iter()
                .map(|(day, kind)| FollowUp {
                    outcome: [None, Some(true), Some(false)][usize::from(if day >= 10 { 2 } else { kind })],
                    observed_days: f64::from(day),
                })
                .collect();
            if let Some(known) = known_share(&rows, 10.0) {
                let expected = aalen_johansen(&rows, 10.0);
                prop_assert!((known.share - expected).abs() <= 0.05 * known.share + 1e-9, "{known:?} {expected}");
            }
        }
    }

    #[test]
    fn no_share_where_nobody_is_watched_so_long() {
        // 14 of 200 have it by day 840; all others leave by day 1,000.
        let rows: Vec<FollowUp> = (0..200)
            .map(|i| match i < 14 {
                true => FollowUp { outcome: Some(true), observed_days: f64::from(60 * (i + 1)) },
                false => FollowUp { outcome: None, observed_days: f64::from(800 + i) },
            })
            .collect();
        assert_eq!(known_share(&rows, 1826.25), None);
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
