//! The seeded randomness that notes are written with.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A stream of choices that a seed and some words fix.
pub struct Dice(StdRng);

impl Dice {
    /// Distinct words give independent streams.
    pub fn new(seed: u64, words: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        for word in words {
            hasher.update(&(word.len() as u64).to_le_bytes()).update(word.as_bytes());
        }
        Dice(StdRng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number below `n`, which is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    /// A number from `low` to `high`, both among them.
    pub fn from(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    pub fn choose<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }

    /// Text by a pattern: `9` becomes a digit, `8` one that isn't 0, `A` a capital, `h` a hexadecimal digit;
    /// anything else stands for itself.
    pub fn pattern(&mut self, pattern: &str) -> String {
        pattern
            .chars()
            .map(|c| match c {
                '9' => (b'0' + self.below(10) as u8) as char,
                '8' => (b'1' + self.below(9) as u8) as char,
                'A' => b"ABCDEFGHJKLMNPRSTUVWXYZ"[self.below(23)] as char,
                'h' => b"0123456789abcdef"[self.below(16)] as char,
                other => other,
            })
            .collect()
    }

    /// Text by one of the patterns.
    pub fn any_pattern(&mut self, patterns: &[&str]) -> String {
        let pattern = self.pick(patterns);
        self.pattern(pattern)
    }
}
