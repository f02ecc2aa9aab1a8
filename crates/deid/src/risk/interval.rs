//! Intervals for shares.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The share.
    pub share: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// The standard normal quantile of 0.975.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval at 95 % (J Am Stat Assoc 1927;22:209) for a share seen in `n` independent trials; `n` may
/// be an effective number.
pub fn wilson(share: f64, n: f64) -> Interval {
    if n <= 0.0 {
        return Interval { share, low: 0.0, high: 1.0 };
    }
    let z2 = Z * Z;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    Interval { share, low: (centre - half).clamp(0.0, share), high: (centre + half).clamp(share, 1.0) }
}

/// Clopper and Pearson's exact interval at 95 % (Biometrika 1934;26:404) for `hits` in `n` draws; (0, 1) for none.
pub fn clopper_pearson(hits: u64, n: u64) -> Interval {
    let (x, total) = (hits as f64, n as f64);
    if n == 0 {
        return Interval { share: f64::NAN, low: 0.0, high: 1.0 };
    }
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p));
    Interval {
        share: x / total,
        low: if hits == 0 { 0.0 } else { quantile(x, total - x + 1.0, 0.025) },
        high: if hits >= n { 1.0 } else { quantile(x + 1.0, total - x, 0.975) },
    }
}

/// The rule of three (Hanley and Lippman-Hand, JAMA 1983;249:1743): after none in `n`, the share is below 3/n with
/// 95 % confidence, one-sided.
pub fn rule_of_three(n: u64) -> f64 {
    (3.0 / n.max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_equal_published_and_defining_values() {
        // SciPy: beta.ppf(0.025, x, n - x + 1), beta.ppf(0.975, x + 1, n - x)
        for (x, n, low, high) in [
            (0, 200, 0.0, 0.018_275_34),
            (1, 200, 0.000_126_581, 0.027_541_90),
            (5, 10, 0.187_086_0, 0.812_914_0),
            (10, 10, 0.691_502_9, 1.0),
        ] {
            let got = clopper_pearson(x, n);
            assert!((got.low - low).abs() < 1e-6 && (got.high - high).abs() < 1e-6, "{got:?}");
        }
        let none = clopper_pearson(0, 0);
        assert_eq!((none.low, none.high), (0.0, 1.0));
        assert_eq!(rule_of_three(300), 0.01);
        // statsmodels: proportion_confint(7, 50, method="wilson")
        let got = wilson(0.14, 50.0);
        assert!((got.low - 0.069_5).abs() < 1e-4 && (got.high - 0.261_9).abs() < 1e-4, "{got:?}");
        assert_eq!(wilson(1.0, 40.0).high, 1.0);
    }

    #[test]
    fn a_bound_is_where_the_tail_is_a_fortieth() {
        // The upper bound solves P(X ≤ x) = 0.025, by the binomial's own sum.
        for (x, n) in [(0u64, 37u64), (3, 60), (20, 45)] {
            let p = clopper_pearson(x, n).high;
            let mut term = (1.0 - p).powi(n as i32);
            let mut tail = 0.0;
            for i in 0..=x {
                tail += term;
                term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            }
            assert!((tail - 0.025).abs() < 1e-6, "{x}/{n}: {tail}");
        }
    }
}
