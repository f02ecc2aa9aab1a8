//! A look that most words of a note don't get past.

/// The first two letters, last letter and length of the words that something begins with, as a set that may say yes too
/// often and never says no wrongly. Eight kilobytes: few words of a note pass that are in no chart.
pub(super) struct Shapes(Box<[u64; WORDS_OF_BITS]>);

const WORDS_OF_BITS: usize = 1024;

impl Default for Shapes {
    fn default() -> Self {
        Shapes(Box::new([0; WORDS_OF_BITS]))
    }
}

impl Shapes {
    #[inline]
    fn bit(word: &[u8]) -> usize {
        let lower = |byte: Option<&u8>| byte.copied().unwrap_or_default().to_ascii_lowercase();
        let shape = [lower(word.first()), lower(word.get(1)), lower(word.last()), word.len() as u8];
        // The upper bits of a product by the golden ratio: Knuth's multiplicative hash.
        (u32::from_le_bytes(shape).wrapping_mul(0x9e37_79b1) >> 16) as usize
    }

    /// Adds a folded word.
    pub(super) fn add(&mut self, word: &str) {
        for of in [word, &format!("{word}s")] {
            let bit = Self::bit(of.as_bytes());
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether one of them may be this word, as it is written.
    #[inline]
    pub(super) fn possible(&self, word: &str) -> bool {
        // What is not ASCII folds to something else.
        self.hold(word.as_bytes()) || !word.is_ascii()
    }

    /// The same of an ASCII word.
    #[inline]
    pub(super) fn hold(&self, word: &[u8]) -> bool {
        let bit = Self::bit(word);
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }
}
