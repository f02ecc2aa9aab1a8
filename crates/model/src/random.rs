//! Random numbers as a function of what they are for.
//!
//! Nothing here has state: a number is a hash of a key and a counter. Training can so stop and resume at any
//! step, on any number of threads, and draw what it would have drawn.

/// A key from a seed and the coordinates of a use (`[epoch, subject]`, `[step, layer]`, …).
pub(crate) fn key(seed: u64, purpose: Purpose, coordinates: &[u64]) -> u64 {
    coordinates
        .iter()
        .fold(mix(seed ^ mix(purpose as u64)), |state, c| mix(state ^ mix(c.wrapping_add(0x9e37))))
}

/// What random numbers are for; streams of different purposes are independent.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(crate) enum Purpose {
    Initial = 1,
    Order = 2,
    WindowOffset = 3,
    RiskSample = 4,
    Dropout = 5,
    Landmark = 6,
    EarlierLabel = 7,
    Trajectory = 16,
    Bootstrap = 8,
    Fold = 9,
    Tree = 10,
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
#[inline(always)]
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The `counter`-th number of a key, uniform on (0, 1).
pub(crate) fn uniform(key: u64, counter: u64) -> f64 {
    ((mix(key ^ mix(counter)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// The `counter`-th number of a key, standard normal (Box and Muller 1958).
pub(crate) fn normal(key: u64, counter: u64) -> f64 {
    let radius = (-2.0 * uniform(key, 2 * counter).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(key, 2 * counter + 1)).cos()
}

/// A number below `bound`.
pub(crate) fn below(key: u64, counter: u64, bound: usize) -> usize {
    ((uniform(key, counter) * bound as f64) as usize).min(bound.saturating_sub(1))
}

/// Shuffles in place (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], key: u64) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(key, i as u64, i + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_the_moments_of_normals() {
        let key = key(7, Purpose::Initial, &[1]);
        let draws: Vec<f64> = (0..100_000).map(|i| normal(key, i)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 1e5;
        let fourth = draws.iter().map(|x| x.powi(4)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03 && (fourth - 3.0).abs() < 0.2);
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_depends_on_its_key() {
        let mut a: Vec<u32> = (0..100).collect();
        let mut b = a.clone();
        shuffle(&mut a, key(1, Purpose::Order, &[0]));
        shuffle(&mut b, key(1, Purpose::Order, &[1]));
        assert_ne!(a, b);
        a.sort_unstable();
        assert_eq!(a, (0..100).collect::<Vec<_>>());
    }
}
