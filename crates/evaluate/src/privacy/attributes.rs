//! Attribute inference: does a model tell more of a sensitive code to who knows the rest of a training record?

use super::Estimate;
use crate::bootstrap::Bootstrap;
use crate::error::Result;
use crate::evaluation::estimate;
use crate::metrics::Scored;
use crate::metrics::ranking::ranking;
use serde::{Deserialize, Serialize};

/// A subject with its score for having the code, and whether it has it.
pub type Guess = (f64, bool);

/// How well a code is told from the rest of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeInference {
    /// The code.
    pub code: String,
    /// What it is called.
    pub name: String,
    /// Training subjects with and without it.
    pub training: (usize, usize),
    /// Held-out subjects with and without it.
    pub held_out: (usize, usize),
    /// AUC among training subjects.
    pub training_auc: Estimate,
    /// AUC among held-out subjects: what medicine alone tells.
    pub held_out_auc: Estimate,
    /// The former less the latter: what was remembered.
    pub difference: Estimate,
}

/// Measures one code. Scores need no scale, only an order.
///
/// # Errors
/// As [`Scored::from_pairs`], which can't fail on ranks.
pub fn attribute_inference(
    (code, name): (&str, &str),
    training: &[Guess],
    held_out: &[Guess],
    bootstrap: &Bootstrap,
) -> Result<AttributeInference> {
    let with = |guesses: &[Guess]| {
        let yes = guesses.iter().filter(|g| g.1).count();
        (yes, guesses.len() - yes)
    };
    let scored = |guesses: &[Guess]| {
        let mut sorted: Vec<f64> = guesses.iter().map(|g| g.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().max(1) as f64;
        let ranks: Vec<f64> =
            guesses.iter().map(|g| sorted.partition_point(|s| *s < g.0) as f64 / last).collect();
        let has: Vec<bool> = guesses.iter().map(|g| g.1).collect();
        Scored::from_pairs(&ranks, &has)
    };
    let (a, b) = (scored(training)?, scored(held_out)?);
    // Subjects of either side are drawn apart, as they were.
    let draw = |of: &Scored, seed: u64| {
        let apart = Bootstrap { seed: bootstrap.seed ^ seed, ..*bootstrap };
        apart.replicate(of.len(), |counts| ranking(of, Some(counts)).auroc)
    };
    let (draws_a, draws_b) = (draw(&a, 1), draw(&b, 2));
    let (at_a, at_b) = (ranking(&a, None).auroc, ranking(&b, None).auroc);
    Ok(AttributeInference {
        code: code.to_owned(),
        name: name.to_owned(),
        training: with(training),
        held_out: with(held_out),
        difference: estimate(at_a - at_b, draws_a.iter().zip(&draws_b).map(|(a, b)| a - b), bootstrap),
        training_auc: estimate(at_a, draws_a, bootstrap),
        held_out_auc: estimate(at_b, draws_b, bootstrap),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses(n: usize, gain: f64) -> Vec<Guess> {
        let noise = |i: usize| ((i * 7919) % 997) as f64 / 997.0;
        (0..n).map(|i| (noise(i) + if i % 3 == 0 { gain } else { 0.0 }, i % 3 == 0)).collect()
    }

    #[test]
    fn what_medicine_tells_is_not_taken_for_memory() {
        let draws = Bootstrap { draws: 300, seed: 2, confidence: 0.95 };
        let same = attribute_inference(("X", "x"), &guesses(300, 0.3), &guesses(300, 0.3), &draws).unwrap();
        assert!(same.held_out_auc.value.unwrap() > 0.7);
        assert_eq!(same.difference.value, Some(0.0));
        assert!(same.difference.low.unwrap() < 0.0 && same.difference.high.unwrap() > 0.0);
        let known = attribute_inference(("X", "x"), &guesses(300, 0.9), &guesses(300, 0.3), &draws).unwrap();
        assert!(known.difference.low.unwrap() > 0.05, "{known:?}");
        assert_eq!(known.training, (100, 200));
        let none = attribute_inference(("X", "x"), &guesses(1, 0.9), &guesses(300, 0.3), &draws).unwrap();
        assert_eq!(none.difference.value, None);
    }
}
