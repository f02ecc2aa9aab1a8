//! How sure a risk is: what became of those who were told about the same.

use crate::metrics::logit;
use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// How far from a risk another still counts as about the same, in log-odds: half to twice the odds.
const NEAR: f64 = std::f64::consts::LN_2;
/// Fewest people.
const LEAST: usize = 30;

/// What became of the people whose predicted risk lay nearest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ObservedNear {
    /// How many people.
    pub people: usize,
    /// To how many it happened.
    pub events: usize,
    /// The range of their predicted risks.
    pub risks: (f64, f64),
    /// The 95 % interval of the share to whom it happens: Jeffreys' (Brown, Cai and DasGupta, Statistical Science 2001).
    pub interval: (f64, f64),
}

/// The `most` predictions nearest to `risk`, of those with half to twice its odds and known outcomes; none where fewer than 30 are
/// there.
pub fn observed_near(rows: &[(f64, bool)], risk: f64, most: usize) -> Option<ObservedNear> {
    let mut near: Vec<(f64, f64, bool)> =
        rows.iter().map(|(p, outcome)| ((logit(*p) - logit(risk)).abs(), *p, *outcome)).collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    near.retain(|row| row.0 <= NEAR);
    near.truncate(most);
    let people = near.len();
    let events = near.iter().filter(|row| row.2).count();
    let ends = |pick: fn(f64, f64) -> f64| near.iter().map(|row| row.1).reduce(pick);
    let risks = (ends(f64::min)?, ends(f64::max)?);
    if people < LEAST {
        return None;
    }
    let posterior = Beta::new(events as f64 + 0.5, (people - events) as f64 + 0.5).ok()?;
    let low = if events == 0 { 0.0 } else { posterior.inverse_cdf(0.025) };
    let high = if events == people { 1.0 } else { posterior.inverse_cdf(0.975) };
    Some(ObservedNear { people, events, risks, interval: (low, high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_jeffreys_of_the_nearest() {
        // 10 of 100 at one risk, all at another.
        let mut rows: Vec<(f64, bool)> = (0..100).map(|i| (0.1, i < 10)).collect();
        rows.extend((0..100).map(|_| (0.9, true)));
        let near = observed_near(&rows, 0.11, 100).unwrap();
        assert_eq!((near.people, near.events, near.risks), (100, 10, (0.1, 0.1)));
        // scipy.stats.beta(10.5, 90.5).ppf([.025, .975])
        assert!(
            (near.interval.0 - 0.0526).abs() < 1e-3 && (near.interval.1 - 0.1704).abs() < 1e-3,
            "{near:?}"
        );
        assert!(observed_near(&rows, 0.01, 100).is_none(), "nobody was told that");
        assert!(observed_near(&rows[..20], 0.1, 100).is_none(), "too few");
    }
}
