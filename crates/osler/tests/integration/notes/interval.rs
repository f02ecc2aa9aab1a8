//! Exact intervals of proportions.

use statrs::distribution::{Beta, ContinuousCDF};

/// Clopper and Pearson's 95 % interval of `hits` in `of` (Biometrika 26:404, 1934).
pub fn clopper_pearson(hits: u64, of: u64) -> (f64, f64) {
    let (k, n) = (hits as f64, of as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).expect("both shapes are positive").inverse_cdf(p);
    let low = if hits == 0 { 0.0 } else { quantile(k, n - k + 1.0, 0.025) };
    let high = if hits >= of { 1.0 } else { quantile(k + 1.0, n - k, 0.975) };
    (low, high)
}

/// Against R's `binom.test`.
#[test]
fn intervals_are_those_of_binom_test() {
    for (hits, of, low, high) in [
        (0, 1000, 0.0, 0.003_682_1),
        (5, 1000, 0.001_625_4, 0.011_629_0),
        (1, 10, 0.002_528_6, 0.445_016_1),
        (10, 10, 0.691_502_9, 1.0),
    ] {
        let (l, h) = clopper_pearson(hits, of);
        assert!((l - low).abs() < 2e-6 && (h - high).abs() < 2e-6, "{hits}/{of}: {l} {h}");
    }
}
