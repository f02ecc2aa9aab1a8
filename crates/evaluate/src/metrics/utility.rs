//! What acting on a risk is worth: net benefit and the decision curve.
//!
//! Vickers and Elkin, Medical Decision Making 2006. Rows are weighted by the inverse probability of being
//! uncensored, so that censored outcomes don't count as absent.

use super::scored::Scored;
use serde::{Deserialize, Serialize};

/// Net benefit of three policies at one threshold, in true positives per person.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetBenefit {
    /// Act at or above this risk.
    pub threshold: f64,
    /// Acting by the model: TP/n − FP/n × threshold / (1 − threshold).
    pub model: f64,
    /// Acting on everyone.
    pub everyone: f64,
    /// Share of people acted on.
    pub flagged: f64,
}

/// The decision curve at the given thresholds (each within 0 and 1, others are left out); empty without rows.
pub fn decision_curve(scored: &Scored, thresholds: &[f64]) -> Vec<NetBenefit> {
    let (mut total, mut events) = (0.0, 0.0);
    for i in 0..scored.len() {
        total += scored.weight[i];
        events += if scored.outcome[i] { scored.weight[i] } else { 0.0 };
    }
    if total <= 0.0 {
        return Vec::new();
    }
    let prevalence = events / total;
    thresholds
        .iter()
        .filter(|t| (0.0..1.0).contains(*t))
        .map(|&threshold| {
            let (mut true_positive, mut false_positive) = (0.0, 0.0);
            for i in (0..scored.len()).take_while(|&i| scored.probability[i] >= threshold) {
                if scored.outcome[i] {
                    true_positive += scored.weight[i];
                } else {
                    false_positive += scored.weight[i];
                }
            }
            let odds = threshold / (1.0 - threshold);
            NetBenefit {
                threshold,
                model: (true_positive - false_positive * odds) / total,
                everyone: prevalence - (1.0 - prevalence) * odds,
                flagged: (true_positive + false_positive) / total,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_threshold_zero_everyone_is_flagged() {
        let scored = Scored::from_pairs(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
        let curve = decision_curve(&scored, &[0.0, 0.35, 0.9, 1.0]);
        assert_eq!(curve.len(), 3);
        assert_eq!((curve[0].model, curve[0].everyone, curve[0].flagged), (0.5, 0.5, 1.0));
        assert!((curve[1].model - (2.0 / 4.0 - 1.0 / 4.0 * 0.35 / 0.65)).abs() < 1e-15);
        assert_eq!((curve[2].model, curve[2].flagged), (0.0, 0.0));
    }
}
