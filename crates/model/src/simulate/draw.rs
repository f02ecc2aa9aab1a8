//! Draws from the distributions that the heads give.

use crate::heads::waiting_time::time_in;
use crate::random::{self, Purpose};

/// The random numbers of one trajectory: a function of seed, subject and number, whatever runs beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    key: u64,
    drawn: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64, subject_id: i64, number: u64) -> Self {
        Draws { key: random::key(seed, Purpose::Trajectory, &[subject_id as u64, number]), drawn: 0 }
    }

    /// Uniform on (0, 1).
    pub(crate) fn next(&mut self) -> f64 {
        self.drawn += 1;
        random::uniform(self.key, self.drawn)
    }
}

/// An index drawn in proportion to `weights`, of which `total` is the sum. None if nothing has weight.
pub(crate) fn index(weights: &[f32], total: f64, uniform: f64) -> Option<usize> {
    let target = uniform * total;
    let mut sum = 0.0;
    let mut last = None;
    for (i, weight) in weights.iter().enumerate() {
        if *weight > 0.0 {
            sum += f64::from(*weight);
            last = Some(i);
            if sum > target {
                break;
            }
        }
    }
    // What rounding leaves over belongs to the last.
    last
}

/// A wait drawn from a piecewise-exponential distribution by inversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wait {
    /// How long, in days; none if nothing happens within the limit.
    pub(crate) days: Option<f64>,
    /// The chance that it ends within the limit.
    pub(crate) within: f64,
}

/// Draws a wait under log-hazards per day on the intervals that `edges` cut. A wait beyond `limit` days is none;
/// with `ends`, waits that end within the limit are drawn alone, and [`Wait::within`] is the weight of having
/// done so.
pub(crate) fn wait(edges: &[f64], log_hazards: &[f32], limit: f64, ends: bool, uniform: f64) -> Wait {
    let hazard = |j: usize| f64::from(log_hazards[j]).exp();
    let cumulative: f64 = (0..log_hazards.len()).map(|j| hazard(j) * time_in(edges, j, limit)).sum();
    let within = -(-cumulative).exp_m1();
    let share = if ends { within } else { 1.0 };
    // The cumulative hazard at which the wait ends: S(t) = 1 − u · share.
    let mut left = -(-uniform * share).ln_1p();
    if !ends && left > cumulative {
        return Wait { days: None, within };
    }
    for j in 0..log_hazards.len() {
        let begin = if j == 0 { 0.0 } else { edges[j - 1] };
        let passed = hazard(j) * time_in(edges, j, limit);
        if left <= passed {
            let days = (begin + left / hazard(j)).min(limit);
            return Wait { days: Some(days.max(f64::MIN_POSITIVE)), within };
        }
        left -= passed;
    }
    // Rounding alone leads here.
    Wait { days: (within > 0.0).then_some(limit), within }
}

/// A rank drawn from a histogram of equal bins over (0, 1).
pub(crate) fn rank(weights: &[f32], total: f64, (bin, inside): (f64, f64)) -> f32 {
    let bin = index(weights, total, bin).unwrap_or(0);
    (((bin as f64 + inside) / weights.len() as f64) as f32).clamp(1e-6, 1.0 - 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [f64; 3] = [0.5, 2.0, 10.0];
    const LOG_HAZARDS: [f32; 4] = [-1.0, 0.2, -2.0, -4.0];

    fn survival(days: f64) -> f64 {
        (-(0..4).map(|j| f64::from(LOG_HAZARDS[j]).exp() * time_in(&EDGES, j, days)).sum::<f64>()).exp()
    }

    #[test]
    fn waits_follow_their_distribution() {
        let mut draws = Draws::new(3, -9, 1);
        let n = 20_000;
        let waits: Vec<_> = (0..n).map(|_| wait(&EDGES, &LOG_HAZARDS, 20.0, false, draws.next())).collect();
        for days in [0.2, 0.5, 1.0, 3.0, 12.0, 20.0] {
            let found = waits.iter().filter(|w| w.days.is_none_or(|d| d > days)).count() as f64 / n as f64;
            let expected = survival(days);
            assert!((found - expected).abs() < 0.012, "{days}: {found} for {expected}");
        }
        assert!((waits[0].within - (1.0 - survival(20.0))).abs() < 1e-9);
    }

    #[test]
    fn a_wait_that_must_end_is_the_same_distribution_cut_off() {
        let (limit, n) = (1.5, 20_000);
        let mut draws = Draws::new(4, 2, 1);
        let within = 1.0 - survival(limit);
        let waits: Vec<_> =
            (0..n).map(|_| wait(&EDGES, &LOG_HAZARDS, limit, true, draws.next()).days.unwrap()).collect();
        assert!(waits.iter().all(|d| *d > 0.0 && *d <= limit));
        for days in [0.2, 0.5, 1.0] {
            let found = waits.iter().filter(|d| **d <= days).count() as f64 / n as f64;
            let expected = (1.0 - survival(days)) / within;
            assert!((found - expected).abs() < 0.012, "{days}: {found} for {expected}");
        }
    }

    #[test]
    fn hazards_of_nothing_and_of_everything_are_borne() {
        assert_eq!(wait(&EDGES, &[-200.0; 4], 1e4, false, 0.999).days, None);
        let soon = wait(&EDGES, &[60.0; 4], 1e4, false, 0.5).days.unwrap();
        assert!(soon > 0.0 && soon < 1e-9);
        assert!(wait(&EDGES, &[-200.0; 4], 1e4, true, 0.5).within < 1e-60);
        assert_eq!(index(&[0.0; 3], 0.0, 0.5), None);
        assert_eq!(index(&[0.0, 1.0, 0.0], 1.0, 0.999_999), Some(1));
    }
}
