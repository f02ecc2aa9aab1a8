//! Random numbers that stay the same: one ChaCha stream for each subject and purpose.
//!
//! A subject's draws depend on the seed, the subject's index and the purpose alone, so subjects can be made in
//! any order by any number of threads, and a new draw for one purpose leaves the others as they were.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, Exp1, StandardNormal};

/// What a stream of draws is for.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Purpose {
    Person = 1,
    Life = 2,
    Care = 3,
    Identity = 4,
    Enrolment = 5,
    /// What befalls one onset: how it is found, what is measured and decided, and when the next may come.
    Onset = 6,
    /// Clocks started anew for a repeated future.
    Future = 7,
    /// An observer's guesses at what can't be seen.
    Observer = 8,
}

/// All streams of one life: each purpose and number has its own, whatever else happens in the life. Two futures
/// of one person under different treatments therefore share every number that they both use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice {
    pub seed: u64,
    pub subject: u64,
    /// Counts rejected lives.
    pub attempt: u32,
    /// 0 for the life that was lived; others for repeated futures.
    pub replicate: u32,
}

impl Dice {
    /// The life that is lived.
    pub fn new(seed: u64, subject: u64, attempt: u32) -> Self {
        Dice { seed, subject, attempt, replicate: 0 }
    }

    /// The stream for a purpose and a number within it.
    pub fn draws(&self, purpose: Purpose, number: u32) -> Draws {
        Draws::keyed(self.seed, self.subject, purpose, [self.attempt, number, self.replicate])
    }
}

/// A stream of draws.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream of one subject, purpose and attempt. `attempt` counts rejected tries.
    pub fn new(seed: u64, subject: u64, purpose: Purpose, attempt: u32) -> Self {
        Self::keyed(seed, subject, purpose, [attempt, 0, 0])
    }

    fn keyed(seed: u64, subject: u64, purpose: Purpose, numbers: [u32; 3]) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&subject.to_le_bytes());
        key[16] = purpose as u8;
        for (place, number) in numbers.into_iter().enumerate() {
            key[20 + 4 * place..24 + 4 * place].copy_from_slice(&number.to_le_bytes());
        }
        Draws(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        Exp1.sample(&mut self.0)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Uniform in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// One of the items, each as likely as the others.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of the items by weight.
    pub fn weighted<'a, T>(&mut self, items: &'a [(T, f64)]) -> &'a T {
        let total: f64 = items.iter().map(|(_, weight)| weight).sum();
        let mut left = self.uniform() * total;
        for (item, weight) in items {
            left -= weight;
            if left < 0.0 {
                return item;
            }
        }
        &items[items.len() - 1].0
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_subject_purpose_and_attempt_and_repeat_themselves() {
        let first = |seed, subject, purpose, attempt| Draws::new(seed, subject, purpose, attempt).bits();
        let base = first(1, 2, Purpose::Life, 0);
        assert_eq!(base, first(1, 2, Purpose::Life, 0));
        assert_ne!(base, first(2, 2, Purpose::Life, 0));
        assert_ne!(base, first(1, 3, Purpose::Life, 0));
        assert_ne!(base, first(1, 2, Purpose::Care, 0));
        assert_ne!(base, first(1, 2, Purpose::Life, 1));
    }

    #[test]
    fn the_algorithm_is_pinned() {
        // A change of this number is a change of every population ever made with a seed.
        assert_eq!(Draws::new(7, 0, Purpose::Person, 0).bits(), PINNED);
    }

    const PINNED: u64 = 11_339_125_048_879_908_982;
}
