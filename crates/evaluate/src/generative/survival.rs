//! Survival after the start, real against simulated.

use super::{Estimate, Pair, Stretch};
use crate::bootstrap::Bootstrap;
use crate::evaluation::estimate;
use serde::{Deserialize, Serialize};

/// Points of the curves.
const POINTS: usize = 40;

/// Two survival curves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    /// Subjects.
    pub subjects: usize,
    /// Real deaths.
    pub real_deaths: usize,
    /// Simulated deaths, over all stretches.
    pub simulated_deaths: usize,
    /// Days, real survival, simulated survival (Kaplan and Meier).
    pub curve: Vec<(f64, f64, f64)>,
    /// Survival at the end, real.
    pub real: Estimate,
    /// Survival at the end, simulated.
    pub simulated: Estimate,
    /// Simulated less real.
    pub difference: Estimate,
}

/// Compares them; none without any death.
pub(super) fn survival(pairs: &[Pair], horizon_days: f64, bootstrap: &Bootstrap) -> Option<Survival> {
    let died = |stretch: &Stretch| stretch.died_days.is_some_and(|days| days <= stretch.observed_days);
    let real_deaths = pairs.iter().filter(|p| died(&p.real)).count();
    let simulated_deaths = pairs.iter().flat_map(|p| &p.simulated).filter(|s| died(s)).count();
    if real_deaths + simulated_deaths == 0 {
        return None;
    }
    // Both sides by time: when, whether by death, whose, and by how much it counts.
    let mut sides: [Vec<(f64, bool, usize, f64)>; 2] = Default::default();
    for (i, pair) in pairs.iter().enumerate() {
        let end = |s: &Stretch| s.died_days.filter(|_| died(s)).unwrap_or(s.observed_days);
        sides[0].push((end(&pair.real), died(&pair.real), i, 1.0));
        let each = 1.0 / pair.simulated.len().max(1) as f64;
        sides[1].extend(pair.simulated.iter().map(|s| (end(s), died(s), i, each)));
    }
    // Deaths before those who leave at the same moment.
    sides.iter_mut().for_each(|side| side.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))));
    let at_days: Vec<f64> = (0..=POINTS).map(|k| horizon_days * k as f64 / POINTS as f64).collect();
    let ones = vec![1; pairs.len()];
    let [real, simulated] = [0, 1].map(|k| kaplan_meier(&sides[k], &ones, &at_days));
    let last = |curve: &[f64]| curve.last().copied().unwrap_or(f64::NAN);
    let draws = bootstrap.replicate(pairs.len(), |counts| {
        [0, 1].map(|k| last(&kaplan_meier(&sides[k], counts, &at_days[POINTS..])))
    });
    let number = |value: f64, of: &dyn Fn(&[f64; 2]) -> f64| estimate(value, draws.iter().map(of), bootstrap);
    Some(Survival {
        subjects: pairs.len(),
        real_deaths,
        simulated_deaths,
        real: number(last(&real), &|d| d[0]),
        simulated: number(last(&simulated), &|d| d[1]),
        difference: number(last(&simulated) - last(&real), &|d| d[1] - d[0]),
        curve: at_days.iter().zip(real.iter().zip(&simulated)).map(|(t, (a, b))| (*t, *a, *b)).collect(),
    })
}

fn kaplan_meier(sorted: &[(f64, bool, usize, f64)], counts: &[u32], at_days: &[f64]) -> Vec<f64> {
    let weight = |row: &(f64, bool, usize, f64)| f64::from(counts[row.2]) * row.3;
    let mut at_risk: f64 = sorted.iter().map(weight).sum();
    let (mut survival, mut next) = (1.0, 0);
    at_days
        .iter()
        .map(|day| {
            while next < sorted.len() && sorted[next].0 <= *day {
                let leaves = weight(&sorted[next]);
                if sorted[next].1 && at_risk > 0.0 {
                    survival *= 1.0 - (leaves / at_risk).min(1.0);
                }
                at_risk -= leaves;
                next += 1;
            }
            survival
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_kaplan_and_meiers() {
        // Death at 1, censored at 2, deaths at 3 and 3 of five: 0.8, 0.8, 0.8 · 2/3 · 1/2.
        let rows = [
            (1.0, true, 0, 1.0),
            (2.0, false, 1, 1.0),
            (3.0, true, 2, 1.0),
            (3.0, true, 3, 1.0),
            (4.0, false, 4, 1.0),
        ];
        let curve = kaplan_meier(&rows, &[1; 5], &[0.5, 1.0, 2.5, 3.0, 9.0]);
        for (got, want) in curve.iter().zip([1.0, 0.8, 0.8, 0.8 / 3.0, 0.8 / 3.0]) {
            assert!((got - want).abs() < 1e-12, "{curve:?}");
        }
    }
}
