//! How sure a risk is: what became of those who were told about the same.

use crate::metrics::censoring::FollowUp;
use crate::metrics::logit;
use crate::metrics::share::known_share;
use rustc_hash::FxHashSet;
use serde::Serialize;

/// How far from a risk another still counts as about the same, in log-odds: half to twice the odds.
const NEAR: f64 = std::f64::consts::LN_2;
/// Fewest people of whom it is known.
const LEAST: usize = 30;

/// A risk that somebody was told, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToldRisk {
    /// Whose it is.
    pub subject: i64,
    /// The risk.
    pub risk: f64,
    /// What is known by the horizon.
    pub follow_up: FollowUp,
}

/// What became of the people whose predicted risk lay nearest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ObservedNear {
    /// How many people.
    pub people: usize,
    /// Of how many it is known whether it happened by the horizon; the others left before.
    pub known: usize,
    /// To how many it is known to have happened. Their share among those of whom it is known is too high where people leave early.
    pub events: usize,
    /// The share to whom it happens by the horizon, those who left before allowed for ([`crate::metrics::share`]).
    pub share: f64,
    /// The range of their predicted risks.
    pub risks: (f64, f64),
    /// The 95 % interval of the share.
    pub interval: (f64, f64),
}

/// The `most` people whose risks were nearest to `risk`, of those with half to twice its odds; none where it is known of fewer than
/// 30 whether it happened, or where too few were watched up to the horizon. Of somebody who was told several the nearest counts.
pub fn observed_near(told: &[ToldRisk], risk: f64, most: usize, horizon_days: f64) -> Option<ObservedNear> {
    let distance = |row: &ToldRisk| (logit(row.risk) - logit(risk)).abs();
    let mut near: Vec<&ToldRisk> = told.iter().filter(|row| distance(row) <= NEAR).collect();
    near.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    let mut seen = FxHashSet::default();
    near.retain(|row| seen.insert(row.subject));
    near.truncate(most);
    let follow_up: Vec<FollowUp> = near.iter().map(|row| row.follow_up).collect();
    let outcomes = || follow_up.iter().filter_map(|row| row.outcome);
    if outcomes().count() < LEAST {
        return None;
    }
    let ends = |pick: fn(f64, f64) -> f64| near.iter().map(|row| row.risk).reduce(pick);
    let share = known_share(&follow_up, horizon_days)?;
    Some(ObservedNear {
        people: near.len(),
        known: outcomes().count(),
        events: outcomes().filter(|o| *o).count(),
        share: share.share,
        risks: (ends(f64::min)?, ends(f64::max)?),
        interval: share.interval,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(subject: i64, risk: f64, happened: bool) -> ToldRisk {
        let observed_days = if happened { 50.0 } else { 365.0 };
        ToldRisk { subject, risk, follow_up: FollowUp { outcome: Some(happened), observed_days } }
    }

    #[test]
    fn the_interval_is_jeffreys_of_the_nearest() {
        // 10 of 100 at one risk, all at another.
        let mut rows: Vec<ToldRisk> = (0..100).map(|i| told(i, 0.1, i < 10)).collect();
        rows.extend((100..200).map(|i| told(i, 0.9, true)));
        let near = observed_near(&rows, 0.11, 100, 365.0).unwrap();
        assert_eq!((near.people, near.known, near.events, near.risks), (100, 100, 10, (0.1, 0.1)));
        // scipy.stats.beta(10.5, 90.5).ppf([.025, .975])
        assert!(
            (near.interval.0 - 0.0526).abs() < 1e-3 && (near.interval.1 - 0.1704).abs() < 1e-3,
            "{near:?}"
        );
        assert!(observed_near(&rows, 0.01, 100, 365.0).is_none(), "nobody was told that");
        assert!(observed_near(&rows[..20], 0.1, 100, 365.0).is_none(), "too few");
    }

    #[test]
    fn somebody_counts_once_and_who_left_counts_as_a_person() {
        let mut rows: Vec<ToldRisk> = (0..400).map(|i| told(i % 20, 0.1, i < 10)).collect();
        assert!(observed_near(&rows, 0.1, 200, 365.0).is_none(), "twenty people");
        rows.extend((20..30).map(|i| told(i, 0.1, false)));
        rows.extend((30..60).map(|i| ToldRisk {
            follow_up: FollowUp { outcome: None, observed_days: 10.0 },
            ..told(i, 0.1, false)
        }));
        let near = observed_near(&rows, 0.1, 200, 365.0).unwrap();
        assert_eq!((near.people, near.known), (60, 30));
        rows.retain(|row| row.subject != 29);
        assert!(observed_near(&rows, 0.1, 200, 365.0).is_none(), "it is known of 29");
    }
}
