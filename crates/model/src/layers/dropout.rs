//! Dropout whose mask is a function of a key, so that backward needs no memory of it.

use crate::random::mix;
use crate::real::{Real, vectorised};

/// Draws that are made together, each for four values.
const DRAWS: usize = 8;

/// Where a mask is used: the key of the step and pack, and the share dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropout {
    pub(crate) key: u64,
    pub(crate) rate: f64,
}

impl Dropout {
    pub(crate) fn is_off(self) -> bool {
        self.rate <= 0.0
    }

    /// Zeroes a share of the values and scales the rest to keep the mean. The same call on a gradient is the
    /// derivative.
    pub(crate) fn apply<T: Real>(self, place: u64, values: &mut [T]) {
        self.apply_from(place, 0, values);
    }

    /// [`Dropout::apply`] to values of which the first is number `first` of its place, a multiple of four.
    pub(crate) fn apply_from<T: Real>(self, place: u64, first: usize, values: &mut [T]) {
        if self.is_off() {
            return;
        }
        assert!(first.is_multiple_of(4), "a mask is drawn for four values at a time");
        let key = mix(self.key ^ mix(place));
        let threshold = (self.rate * 65_536.0) as u64;
        let scale = T::of(1.0 / (1.0 - threshold as f64 / 65_536.0));
        vectorised(
            #[inline(always)]
            || {
                let (whole, rest) = values.as_chunks_mut::<{ 4 * DRAWS }>();
                for (i, values) in whole.iter_mut().enumerate() {
                    let mut bits = [0; DRAWS];
                    for (j, bits) in bits.iter_mut().enumerate() {
                        *bits = mix(key.wrapping_add((first / 4 + DRAWS * i + j) as u64));
                    }
                    for j in 0..DRAWS {
                        for lane in 0..4 {
                            let value = &mut values[4 * j + lane];
                            *value = kept(*value, bits[j] >> (16 * lane), (threshold, scale));
                        }
                    }
                }
                let done = DRAWS * whole.len();
                for (i, four) in rest.chunks_mut(4).enumerate() {
                    let bits = mix(key.wrapping_add((first / 4 + done + i) as u64));
                    for (lane, value) in four.iter_mut().enumerate() {
                        *value = kept(*value, bits >> (16 * lane), (threshold, scale));
                    }
                }
            },
        );
    }
}

/// A value times `scale` if the lowest sixteen bits say that it stays.
#[inline(always)]
fn kept<T: Real>(value: T, bits: u64, (threshold, scale): (u64, T)) -> T {
    if bits & 0xffff >= threshold { value * scale } else { T::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_share_keeps_the_mean_and_repeats() {
        let dropout = Dropout { key: 5, rate: 0.25 };
        let mut a = vec![1.0_f64; 40_000];
        dropout.apply(1, &mut a);
        let dropped = a.iter().filter(|v| **v == 0.0).count() as f64 / 40_000.0;
        assert!((dropped - 0.25).abs() < 0.01);
        assert!((a.iter().sum::<f64>() / 40_000.0 - 1.0).abs() < 0.02);
        let (mut b, mut c) = (vec![1.0; 40_000], vec![1.0; 40_000]);
        dropout.apply(1, &mut b);
        dropout.apply(2, &mut c);
        assert!(a == b && a != c);
        let mut parts = vec![1.0; 40_000];
        dropout.apply_from(1, 0, &mut parts[..388]);
        dropout.apply_from(1, 388, &mut parts[388..]);
        assert!(a == parts);
    }
}
