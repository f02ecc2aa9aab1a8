//! How numbers are spread: gaps, values, ages, real against simulated.

use super::Estimate;
use crate::bootstrap::{Bootstrap, quantile};
use crate::evaluation::estimate;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Steps at which distribution functions are compared.
const STEPS: usize = 256;
/// Exchanges drawn for the test.
const EXCHANGES: usize = 500;
/// Which quantiles are told.
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Two distributions beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Of what: a code, or a name.
    pub of: String,
    /// Real numbers.
    pub real_n: usize,
    /// Simulated numbers.
    pub simulated_n: usize,
    /// Subjects with either.
    pub subjects: usize,
    /// Real quantiles, at [`QUANTILES`].
    pub real: Vec<f64>,
    /// Simulated quantiles.
    pub simulated: Vec<f64>,
    /// The median, simulated less real.
    pub median_difference: Estimate,
    /// The largest distance of the distribution functions (Kolmogorov and Smirnov); above 0 by chance alone.
    pub distance: Estimate,
    /// The chance of so large a distance if real and simulated could be exchanged: by exchanging them, subject by
    /// subject, which is exact however many numbers a subject has.
    pub p_value: f64,
}

/// A subject's numbers, real and simulated.
pub(super) type Numbers = (Vec<f64>, Vec<f64>);

/// Compares them; none where a side has fewer than `fewest` numbers.
pub(super) fn spread(of: &str, subjects: &[Numbers], fewest: usize, bootstrap: &Bootstrap) -> Option<Spread> {
    let subjects: Vec<&Numbers> = subjects.iter().filter(|(a, b)| !(a.is_empty() && b.is_empty())).collect();
    let gather = |side: fn(&Numbers) -> &Vec<f64>| {
        let mut all: Vec<f64> = subjects.iter().flat_map(|numbers| side(numbers).iter().copied()).collect();
        all.sort_unstable_by(f64::total_cmp);
        all
    };
    let (real, simulated) = (gather(|n| &n.0), gather(|n| &n.1));
    if real.len() < fewest || simulated.len() < fewest {
        return None;
    }
    let steps = steps(&real, &simulated);
    let binned: Vec<[Vec<(u16, f32)>; 2]> =
        subjects.iter().map(|(a, b)| [histogram(a, &steps), histogram(b, &steps)]).collect();
    let of_draw = |weight: &dyn Fn(usize) -> f64, exchanged: &dyn Fn(usize) -> bool| {
        let mut sums = [vec![0.0; steps.len()], vec![0.0; steps.len()]];
        for (i, sides) in binned.iter().enumerate() {
            let (weight, exchanged) = (weight(i), usize::from(exchanged(i)));
            for (side, entries) in sides.iter().enumerate() {
                let sum = &mut sums[side ^ exchanged];
                entries.iter().for_each(|(bin, n)| sum[usize::from(*bin)] += weight * f64::from(*n));
            }
        }
        compare(&sums, &steps)
    };
    let (distance, median) = of_draw(&|_| 1.0, &|_| false);
    let draws = bootstrap.replicate(binned.len(), |counts| of_draw(&|i| f64::from(counts[i]), &|_| false));
    let mut rng = StdRng::seed_from_u64(bootstrap.seed ^ 0x7377_6170);
    let mut as_large = 0;
    for _ in 0..EXCHANGES {
        let exchanged: Vec<bool> = binned.iter().map(|_| rng.random()).collect();
        as_large += usize::from(of_draw(&|_| 1.0, &|i| exchanged[i]).0 >= distance - 1e-12);
    }
    Some(Spread {
        of: of.to_owned(),
        real_n: real.len(),
        simulated_n: simulated.len(),
        subjects: subjects.len(),
        real: QUANTILES.map(|q| quantile(&real, q)).to_vec(),
        simulated: QUANTILES.map(|q| quantile(&simulated, q)).to_vec(),
        median_difference: estimate(median, draws.iter().map(|d| d.1), bootstrap),
        distance: estimate(distance, draws.iter().map(|d| d.0), bootstrap),
        p_value: (as_large + 1) as f64 / (EXCHANGES + 1) as f64,
    })
}

/// Upper ends of bins with about as many numbers each.
fn steps(real: &[f64], simulated: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = real.iter().chain(simulated).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let mut steps: Vec<f64> =
        (1..=STEPS).map(|k| all[(k * all.len()).div_ceil(STEPS).min(all.len()) - 1]).collect();
    steps.dedup();
    steps
}

fn histogram(values: &[f64], steps: &[f64]) -> Vec<(u16, f32)> {
    let mut bins: Vec<u16> =
        values.iter().map(|v| steps.partition_point(|s| s < v).min(steps.len() - 1) as u16).collect();
    bins.sort_unstable();
    bins.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f32)).collect()
}

/// The largest distance of the two distribution functions, and the medians' difference (to a bin).
fn compare(sums: &[Vec<f64>; 2], steps: &[f64]) -> (f64, f64) {
    let totals = [sums[0].iter().sum::<f64>(), sums[1].iter().sum::<f64>()];
    if totals.contains(&0.0) {
        return (f64::NAN, f64::NAN);
    }
    let (mut at, mut largest, mut medians) = ([0.0, 0.0], 0.0_f64, [f64::NAN, f64::NAN]);
    for (bin, step) in steps.iter().enumerate() {
        for side in 0..2 {
            at[side] += sums[side][bin] / totals[side];
            if medians[side].is_nan() && at[side] >= 0.5 - 1e-12 {
                medians[side] = *step;
            }
        }
        largest = largest.max((at[0] - at[1]).abs());
    }
    (largest, medians[1] - medians[0])
}
