//! Prosecutor, journalist and marketer risk of linking a record to a person by quasi-identifiers.
//!
//! Definitions: El Emam, Guide to the De-Identification of Personal Health Information (2013), chapter 16; Dankar and
//! El Emam, PAIS 2010, for marketer risk. With f_j the size of class j in the data set, F_j in the population, n
//! subjects and J classes.

use super::Classes;
use serde::Serialize;

/// The three risks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Linkage {
    /// max 1/f_j: somebody known to be in the data set, in the smallest class.
    pub prosecutor_maximum: f64,
    /// J/n, the mean of 1/f_j over subjects: somebody known to be in the data set, at random.
    pub prosecutor_average: f64,
    /// Subjects whose 1/f_j is above 0.2, 0.09 (1/11) and 0.05, as shares.
    pub prosecutor_above: Vec<(f64, f64)>,
    /// By assumed sampling fraction: somebody of the population, of whom it isn't known whether they are in.
    pub journalist: Vec<Journalist>,
    /// Σ f_j/F_j / n with F_j = f_j: the share of subjects that are expected to be linked rightly, when all are linked
    /// to a register that holds just these people. Equals `prosecutor_average`.
    pub marketer: f64,
}

/// Journalist and marketer risk where the data set is a random share of the population.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Journalist {
    /// The assumed share of the population that is in the data set.
    pub sampling_fraction: f64,
    /// max E(1/F_j | f_j).
    pub maximum: f64,
    /// Σ f_j E(1/F_j | f_j) / n; also the marketer risk against a register of the whole population.
    pub average: f64,
    /// Is the fraction one that was asked for, rather than one of those always shown?
    pub asked: bool,
}

/// The shares that thresholds are given at: 1/5, 1/11, 1/20.
const ABOVE: [f64; 3] = [1.0 / 5.0, 1.0 / 11.0, 1.0 / 20.0];

/// The risks of these classes, at the asked sampling fraction beside 1, 0.1 and 0.01.
pub fn linkage(classes: &Classes, asked: Option<f64>) -> Linkage {
    let n = classes.subjects().max(1) as f64;
    let average = classes.sizes().len() as f64 / n;
    let mut sizes = classes.sizes().to_vec();
    sizes.sort_unstable();
    let distinct = sizes.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect::<Vec<_>>();
    let above = |limit: f64| {
        let over = |size: u32| 1.0 / f64::from(size) > limit + 1e-12;
        distinct
            .iter()
            .filter(|(size, _)| over(*size))
            .map(|(size, many)| f64::from(*size) * many)
            .sum::<f64>()
            / n
    };
    let mut fractions = vec![1.0, 0.1, 0.01];
    fractions.extend(asked);
    fractions.sort_by(|a, b| b.total_cmp(a));
    fractions.dedup();
    let journalist = fractions
        .into_iter()
        .map(|fraction| {
            let risk = |size: u32| expected_inverse_population(size, fraction);
            Journalist {
                sampling_fraction: fraction,
                maximum: distinct.iter().map(|(size, _)| risk(*size)).fold(0.0, f64::max),
                average: distinct
                    .iter()
                    .map(|(size, many)| f64::from(*size) * many * risk(*size))
                    .sum::<f64>()
                    / n,
                asked: asked == Some(fraction),
            }
        })
        .collect();
    Linkage {
        prosecutor_maximum: if sizes.is_empty() { 0.0 } else { 1.0 / f64::from(classes.smallest()) },
        prosecutor_average: average,
        prosecutor_above: ABOVE.iter().map(|limit| (*limit, above(*limit))).collect(),
        journalist,
        marketer: average,
    }
}

/// E(1/F | f): the expected inverse of a class's size in the population, when f of it are in a sample that took each
/// person with probability π. F given f is negative binomial (Benedetti and Franconi 1998, as in μ-Argus), so that
/// E(1/F | f) = ∫₀¹ u^(f−1) π/(π + (1−π)u) du.
///
/// It lies above π/f, since a class of one in the sample may be one in the population too.
pub fn expected_inverse_population(f: u32, sampling_fraction: f64) -> f64 {
    let (pi, q, f) = (sampling_fraction, 1.0 - sampling_fraction, f64::from(f.max(1)));
    if q <= 0.0 {
        return 1.0 / f;
    }
    if q <= 0.5 {
        // π Σ q^i B(f, i + 1), from 1/(1 − q(1 − u)); each term is below half the last.
        let (mut term, mut sum, mut i) = (1.0 / f, 0.0, 0.0);
        while term > 1e-17 * sum {
            sum += term;
            i += 1.0;
            term *= q * i / (f + i);
        }
        return pi * sum;
    }
    // K_f = ∫ u^(f−1)/(a + u) du with a = π/q < 1: K_1 = −ln π, K_f = 1/(f − 1) − a K_(f−1). Errors shrink by a.
    let a = pi / q;
    let mut k = -pi.ln();
    let mut at = 1.0;
    while at < f {
        k = 1.0 / at - a * k;
        at += 1.0;
    }
    a * k
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same integral by the midpoint rule.
    fn by_quadrature(f: u32, pi: f64) -> f64 {
        let n = 400_000;
        let term = |i: usize| {
            let u = (i as f64 + 0.5) / n as f64;
            u.powi(f as i32 - 1) * pi / (pi + (1.0 - pi) * u)
        };
        (0..n).map(term).sum::<f64>() / n as f64
    }

    #[test]
    fn the_expectation_is_its_integral_and_its_sum() {
        for f in [1, 2, 3, 10, 57] {
            for pi in [0.02, 0.3, 0.499, 0.5, 0.501, 0.9, 1.0] {
                let (got, want) = (expected_inverse_population(f, pi), by_quadrature(f, pi));
                assert!((got - want).abs() < 1e-6 * want, "f {f} π {pi}: {got} {want}");
            }
        }
        // Σ over F ≥ f of C(F−1, f−1) π^f (1−π)^(F−f) / F
        let (f, pi) = (3u32, 0.2f64);
        let mut probability = pi.powi(3);
        let mut sum = 0.0;
        for big in 3..2000u32 {
            sum += probability / f64::from(big);
            probability *= f64::from(big) / f64::from(big - f + 1) * (1.0 - pi);
        }
        assert!((expected_inverse_population(f, pi) - sum).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn journalist_lies_between_scaled_and_prosecutor(
            column in prop::collection::vec(0u32..8, 1..60), fraction in 0.001f64..1.0
        ) {
            let classes = Classes::new(column.len(), [&column[..]]);
            let risk = linkage(&classes, Some(fraction));
            let asked = risk.journalist.iter().find(|j| j.asked).unwrap();
            prop_assert!(asked.average <= risk.prosecutor_average + 1e-12);
            prop_assert!(asked.average >= fraction * risk.prosecutor_average - 1e-12);
            prop_assert!(asked.maximum <= risk.prosecutor_maximum + 1e-12);
            prop_assert_eq!(risk.journalist[0].maximum, risk.prosecutor_maximum);
            prop_assert!((risk.journalist[0].average - risk.prosecutor_average).abs() < 1e-12);
        }
    }
}
