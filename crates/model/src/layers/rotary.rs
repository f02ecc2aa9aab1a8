//! Rotary positions (Su et al. 2021), in continuous time.
//!
//! A pair `(x_i, x_{i + n})` of a head with `n` pairs is turned by an angle that grows with position. Attention
//! then depends on differences of positions alone. Besides the token's index, position can be age in days: the
//! periods of those pairs are log-spaced from hours to lifetimes.

use crate::config::{Config, Rotary};
use crate::real::{Real, vectorised};
use crate::registers::{MOST_TURNED, sin_cos};

/// Cosines and sines per token and pair: `[tokens, pairs]` each.
#[derive(Default)]
pub(crate) struct Angles<T> {
    cosine: Vec<T>,
    sine: Vec<T>,
    pairs: usize,
}

impl<T: Real> Angles<T> {
    /// Angles for tokens at `index` (within their sequence) and `days` (from the sequence's start).
    pub(crate) fn set(&mut self, config: &Config, positions: impl Iterator<Item = (usize, f64)>) {
        let pairs = config.head_width() / 2;
        let speeds = speeds(config.rotary, pairs);
        self.pairs = pairs;
        self.cosine.clear();
        self.sine.clear();
        let mut angles = vec![0.0_f64; pairs];
        for (index, days) in positions {
            for (angle, speed) in angles.iter_mut().zip(&speeds) {
                *angle = match *speed {
                    Speed::PerToken(s) => index as f64 * s,
                    Speed::PerDay(s) => days * s,
                };
            }
            let begin = self.cosine.len();
            self.cosine.resize(begin + pairs, T::ZERO);
            self.sine.resize(begin + pairs, T::ZERO);
            let (cosines, sines) = (&mut self.cosine[begin..], &mut self.sine[begin..]);
            if angles.iter().all(|angle| angle.abs() <= MOST_TURNED) {
                vectorised(
                    #[inline(always)]
                    || {
                        for ((cosine, sine), angle) in cosines.iter_mut().zip(sines).zip(&angles) {
                            let (s, c) = sin_cos(*angle);
                            (*sine, *cosine) = (T::of(s), T::of(c));
                        }
                    },
                );
            } else {
                for ((cosine, sine), angle) in cosines.iter_mut().zip(sines).zip(&angles) {
                    let (s, c) = angle.sin_cos();
                    (*sine, *cosine) = (T::of(s), T::of(c));
                }
            }
        }
    }

    /// The cosines and the sines.
    pub(crate) fn into_tables(self) -> (Vec<T>, Vec<T>) {
        (self.cosine, self.sine)
    }

    /// Turns the first `heads · 2 · pairs` columns of each row in place; `backward` turns the other way, which
    /// is also the derivative.
    pub(crate) fn rotate(&self, rows: &mut [T], stride: usize, heads: usize, backward: bool) {
        self.rotate_from(0, rows, (stride, heads), backward);
    }

    /// [`Angles::rotate`] of rows that begin at the token `first`.
    pub(crate) fn rotate_from(
        &self,
        first: usize,
        rows: &mut [T],
        (stride, heads): (usize, usize),
        backward: bool,
    ) {
        let pairs = self.pairs;
        let (cosine, sine) = (&self.cosine[first * pairs..], &self.sine[first * pairs..]);
        let sign = if backward { -T::ONE } else { T::ONE };
        vectorised(
            #[inline(always)]
            || {
                let angles = cosine.chunks_exact(pairs).zip(sine.chunks_exact(pairs));
                for (row, (cosine, sine)) in rows.chunks_exact_mut(stride).zip(angles) {
                    for head in row[..heads * 2 * pairs].chunks_exact_mut(2 * pairs) {
                        let (a, b) = head.split_at_mut(pairs);
                        for (((a, b), c), s) in a.iter_mut().zip(b).zip(cosine).zip(sine) {
                            let (x, y, s) = (*a, *b, *s * sign);
                            *a = x * *c - y * s;
                            *b = y * *c + x * s;
                        }
                    }
                }
            },
        );
    }
}

enum Speed {
    PerToken(f64),
    PerDay(f64),
}

/// Radians per token or per day for each pair.
fn speeds(rotary: Rotary, pairs: usize) -> Vec<Speed> {
    match rotary {
        Rotary::Index { base } => {
            (0..pairs).map(|i| Speed::PerToken(base.powf(-(i as f64) / pairs as f64))).collect()
        }
        Rotary::Time { index_pairs, base, shortest_period_days, longest_period_days } => {
            let timed = pairs - index_pairs;
            let by_index =
                (0..index_pairs).map(|i| Speed::PerToken(base.powf(-(i as f64) / index_pairs as f64)));
            let by_time = (0..timed).map(|i| {
                let share = if timed > 1 { i as f64 / (timed - 1) as f64 } else { 0.0 };
                let period = shortest_period_days * (longest_period_days / shortest_period_days).powf(share);
                Speed::PerDay(std::f64::consts::TAU / period)
            });
            by_index.chain(by_time).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Size;
    use crate::gradient_check::wave;
    use crate::real::dot;

    #[test]
    fn products_of_turned_vectors_depend_on_differences_of_time_alone() {
        let mut config = Config::of_size(Size::Tiny, 10, 0, None, &[]);
        config.rotary =
            Rotary::Time { index_pairs: 0, base: 1e4, shortest_period_days: 0.5, longest_period_days: 3e4 };
        let width = config.head_width();
        let product = |a: f64, b: f64| {
            let mut angles = Angles::<f64>::default();
            angles.set(&config, [(0, a), (5, b)].into_iter());
            let mut rows = [wave(width, 0.0), wave(width, 1.0)].concat();
            angles.rotate(&mut rows, width, 1, false);
            dot(&rows[..width], &rows[width..])
        };
        assert!((product(10.0, 700.25) - product(20_000.0, 20_690.25)).abs() < 1e-9);
        assert!((product(10.0, 700.25) - product(10.0, 701.25)).abs() > 1e-3);
    }

    #[test]
    fn index_rotation_is_llamas_and_turning_back_restores() {
        let mut config = Config::of_size(Size::Tiny, 10, 0, None, &[]);
        config.rotary = Rotary::Index { base: 10_000.0 };
        let (width, pairs) = (config.head_width(), config.head_width() / 2);
        let mut angles = Angles::<f64>::default();
        angles.set(&config, [(3, 1e9)].into_iter());
        let original = wave(width, 0.5);
        let mut row = original.clone();
        angles.rotate(&mut row, width, 1, false);
        for i in 0..pairs {
            let angle = 3.0 / 10_000_f64.powf(i as f64 / pairs as f64);
            let expected = original[i] * angle.cos() - original[i + pairs] * angle.sin();
            assert!((row[i] - expected).abs() < 1e-12);
        }
        angles.rotate(&mut row, width, 1, true);
        assert!(row.iter().zip(&original).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
