//! l-diversity: how many sensitive values hide a subject in their class.

use super::Classes;
use serde::Serialize;

/// l-diversity over all classes (Machanavajjhala et al., ACM TKDD 2007;1:3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Diversity {
    /// Distinct l: the least number of different values in any class.
    pub distinct: u32,
    /// Entropy l: the least exp(−Σ p ln p) in any class.
    pub entropy: f64,
    /// Recursive (c, 2): every c above this holds, where the most frequent value counts less than c times all others
    /// together, in every class; `None` where a class has one value alone, so that no c does.
    pub recursive_c: Option<f64>,
    /// Subjects in classes with one value alone: whoever finds the class knows the value.
    pub subjects_in_uniform_classes: u64,
}

/// l-diversity of a value a subject. Without subjects all is 0.
pub fn diversity(classes: &Classes, values: &[u32]) -> Diversity {
    let mut found = Diversity {
        distinct: u32::MAX,
        entropy: f64::INFINITY,
        recursive_c: Some(0.0),
        subjects_in_uniform_classes: 0,
    };
    for counts in classes.value_counts(values) {
        let size: u32 = counts.iter().map(|(_, n)| n).sum();
        let most = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
        let share = |n: u32| f64::from(n) / f64::from(size);
        let entropy: f64 = counts.iter().map(|(_, n)| -share(*n) * share(*n).ln()).sum();
        found.distinct = found.distinct.min(counts.len() as u32);
        found.entropy = found.entropy.min(entropy.exp());
        found.recursive_c = found
            .recursive_c
            .filter(|_| most < size)
            .map(|c| c.max(f64::from(most) / f64::from(size - most)));
        if counts.len() == 1 {
            found.subjects_in_uniform_classes += u64::from(size);
        }
    }
    if classes.subjects() == 0 {
        return Diversity { distinct: 0, entropy: 0.0, ..found };
    }
    found
}
