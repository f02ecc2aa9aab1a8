//! How close probabilities come to what happened: Brier score, scaled Brier score, log loss.

use super::scored::{Counts, Scored};

/// Proper scores over the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Mean squared difference between probability and outcome.
    pub brier: f64,
    /// 1 − Brier / Brier of predicting the prevalence for all; NaN when only one class is there.
    pub brier_scaled: f64,
    /// Mean negative log-likelihood, in nats; probabilities are held one machine epsilon (2⁻⁵²) away from 0
    /// and 1, as scikit-learn does.
    pub log_loss: f64,
}

/// The scores of the rows; NaN without a row.
pub fn accuracy(scored: &Scored) -> Accuracy {
    accuracy_of_draw(scored, None)
}

pub(crate) fn accuracy_of_draw(scored: &Scored, counts: Counts) -> Accuracy {
    let (mut rows, mut events, mut squared, mut log) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..scored.len() {
        let count = f64::from(scored.count(counts, i));
        if count == 0.0 {
            continue;
        }
        let p = scored.probability[i];
        let error = if scored.outcome[i] { 1.0 - p } else { p };
        rows += count;
        events += if scored.outcome[i] { count } else { 0.0 };
        squared += count * error * error;
        log += count * scored.log_loss[i];
    }
    let prevalence = events / rows;
    let uninformed = prevalence * (1.0 - prevalence);
    let brier = squared / rows;
    Accuracy {
        brier,
        brier_scaled: if uninformed > 0.0 { 1.0 - brier / uninformed } else { f64::NAN },
        log_loss: log / rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_and_ignorance() {
        let sure = accuracy(&Scored::from_pairs(&[0.0, 1.0], &[false, true]).unwrap());
        assert_eq!((sure.brier, sure.brier_scaled), (0.0, 1.0));
        assert!(sure.log_loss < 1e-15);
        let wrong = accuracy(&Scored::from_pairs(&[1.0, 0.0], &[false, true]).unwrap());
        assert_eq!((wrong.brier, wrong.brier_scaled), (1.0, -3.0));
        assert!((wrong.log_loss - 36.043_653_389_117_15).abs() < 1e-9);
        let flat = accuracy(&Scored::from_pairs(&[0.5; 4], &[false, true, false, true]).unwrap());
        assert_eq!((flat.brier, flat.brier_scaled), (0.25, 0.0));
        assert!(accuracy(&Scored::default()).brier.is_nan());
    }
}
