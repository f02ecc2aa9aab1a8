//! DeLong's variance of the AUROC, as an independent check on the bootstrap.
//!
//! DeLong, DeLong, Clarke-Pearson, Biometrics 1988; the midrank form of Sun and Xu, IEEE SPL 2014, O(n log n).
//! It takes rows as independent: with several rows per subject the bootstrap by subject is the one to believe.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

/// Two correlated AUROCs on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeLong {
    /// AUROC of the first predictor.
    pub first: f64,
    /// AUROC of the second predictor.
    pub second: f64,
    /// Standard error of the first AUROC.
    pub first_standard_error: f64,
    /// Standard error of the second AUROC.
    pub second_standard_error: f64,
    /// Standard error of the difference.
    pub difference_standard_error: f64,
    /// Two-sided p-value of no difference; 1 when the two rank identically.
    pub p_value: f64,
}

/// Compares two predictors. `None` unless there are at least two events and two non-events.
pub fn delong(first: &[f64], second: &[f64], outcomes: &[bool]) -> Result<Option<DeLong>> {
    for predictor in [first, second] {
        if predictor.len() != outcomes.len() {
            return Err(Error::Lengths {
                what: "probabilities and outcomes",
                left: predictor.len(),
                right: outcomes.len(),
            });
        }
        if let Some(row) = predictor.iter().position(|p| !p.is_finite()) {
            return Err(Error::NotAProbability {
                task: "this comparison".into(),
                row,
                column: "probability",
            });
        }
    }
    let events = outcomes.iter().filter(|&&y| y).count();
    if events < 2 || outcomes.len() - events < 2 {
        return Ok(None);
    }
    let a = placements(first, outcomes);
    let b = placements(second, outcomes);
    let covariance = |x: &Placements, y: &Placements| {
        sample_covariance(&x.events, &y.events) / x.events.len() as f64
            + sample_covariance(&x.others, &y.others) / x.others.len() as f64
    };
    let (var_a, var_b, cov) = (covariance(&a, &a), covariance(&b, &b), covariance(&a, &b));
    let (auc_a, auc_b) = (mean(&a.events), mean(&b.events));
    let variance = (var_a + var_b - 2.0 * cov).max(0.0);
    let standard_error = variance.sqrt();
    let p_value = if standard_error > 1e-12 {
        erfc(((auc_a - auc_b) / standard_error).abs() / std::f64::consts::SQRT_2)
    } else if (auc_a - auc_b).abs() < 1e-12 {
        1.0
    } else {
        0.0
    };
    Ok(Some(DeLong {
        first: auc_a,
        second: auc_b,
        first_standard_error: var_a.max(0.0).sqrt(),
        second_standard_error: var_b.max(0.0).sqrt(),
        difference_standard_error: standard_error,
        p_value,
    }))
}

/// For each event the share of non-events below it, for each non-event the share of events above it.
struct Placements {
    events: Vec<f64>,
    others: Vec<f64>,
}

fn placements(scores: &[f64], outcomes: &[bool]) -> Placements {
    let all = midranks(scores);
    let of = |class: bool| -> (Vec<f64>, Vec<f64>) {
        let scores_of: Vec<f64> =
            scores.iter().zip(outcomes).filter(|(_, y)| **y == class).map(|(s, _)| *s).collect();
        let ranks_of = all.iter().zip(outcomes).filter(|(_, y)| **y == class).map(|(r, _)| *r).collect();
        (ranks_of, midranks(&scores_of))
    };
    let (event_ranks, event_own) = of(true);
    let (other_ranks, other_own) = of(false);
    let (n_events, n_others) = (event_ranks.len() as f64, other_ranks.len() as f64);
    Placements {
        events: event_ranks.iter().zip(event_own).map(|(all, own)| (all - own) / n_others).collect(),
        others: other_ranks.iter().zip(other_own).map(|(all, own)| 1.0 - (all - own) / n_events).collect(),
    }
}

/// Ranks from 1, ties sharing the mean of theirs.
fn midranks(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| scores[i].total_cmp(&scores[j]));
    let mut ranks = vec![0.0; scores.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && scores[order[end]] == scores[order[start]] {
            end += 1;
        }
        for &i in &order[start..end] {
            ranks[i] = (start + end + 1) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sample_covariance(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / (x.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::Bootstrap;
    use crate::metrics::{Scored, ranking};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    #[test]
    fn agrees_with_the_bootstrap_where_rows_are_independent() {
        let mut rng = StdRng::seed_from_u64(3);
        let outcomes: Vec<bool> = (0..800).map(|i| i % 5 == 0).collect();
        let mut noisy = |strength: f64| -> Vec<f64> {
            outcomes
                .iter()
                .map(|&y| (f64::from(u8::from(y)) * strength + rng.random::<f64>()) / (1.0 + strength))
                .collect()
        };
        let (first, second) = (noisy(0.4), noisy(0.2));
        let check = delong(&first, &second, &outcomes).unwrap().unwrap();
        let scored = Scored::from_pairs(&first, &outcomes).unwrap();
        assert!((check.first - ranking::auroc(&scored)).abs() < 1e-12);
        let bootstrap = Bootstrap { draws: 800, seed: 5, confidence: 0.95 };
        let interval = bootstrap
            .interval(bootstrap.replicate(800, |counts| ranking::ranking(&scored, Some(counts)).auroc));
        let (low, high) = interval.bounds.unwrap();
        let ratio = (high - low) / (2.0 * 1.959_964 * check.first_standard_error);
        assert!((ratio - 1.0).abs() < 0.1, "bootstrap/DeLong width {ratio}");
        assert!(check.p_value < 0.05);
    }

    #[test]
    fn identical_predictors_do_not_differ_and_tiny_sets_say_nothing() {
        let p = [0.2, 0.4, 0.4, 0.9, 0.1];
        let y = [false, true, false, true, false];
        assert_eq!(delong(&p, &p, &y).unwrap().unwrap().p_value, 1.0);
        assert_eq!(delong(&p[..3], &p[..3], &y[..3]).unwrap(), None);
    }
}
