//! Lists of words that a token is compared with.

/// Some words, and what most others differ from all of them by.
pub struct Words {
    /// A bit for each first byte, by its last five bits, case aside.
    initials: u32,
    /// A bit for each length in bytes; the last one for all longer ones.
    lengths: u32,
    words: &'static [&'static str],
}

/// Every length from here on counts as this one.
const LONGEST: usize = 31;

impl Words {
    /// Of these words, none of them empty.
    pub const fn of(words: &'static [&'static str]) -> Words {
        let (mut initials, mut lengths, mut at) = (0, 0, 0);
        while at < words.len() {
            let word = words[at].as_bytes();
            initials |= 1 << (word[0] & 31);
            lengths |= 1 << if word.len() < LONGEST { word.len() } else { LONGEST };
            at += 1;
        }
        Words { initials, lengths, words }
    }

    /// Whether a word that begins with this byte and is that many bytes long may be one of them.
    #[inline]
    pub fn may_hold(&self, initial: u8, length: usize) -> bool {
        self.initials >> (initial & 31) & 1 == 1 && self.lengths >> length.min(LONGEST) & 1 == 1
    }

    /// Which of them a word is, whatever its case.
    #[inline(never)]
    pub fn place(&self, word: &[u8]) -> Option<usize> {
        self.words.iter().position(|one| one.len() == word.len() && word.eq_ignore_ascii_case(one.as_bytes()))
    }
}

/// A list of words, made when the program is compiled.
macro_rules! words {
    ($($word:literal),+ $(,)?) => {
        const { &$crate::text::words::Words::of(&[$($word),+]) }
    };
}
pub(in crate::text) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_held_whatever_its_case_and_no_other_is() {
        const LIST: &Words = words!["mrn", "út", "Account"];
        let holds = |word: &str| {
            let bytes = word.as_bytes();
            let held = LIST.place(bytes).is_some();
            assert!(!held || LIST.may_hold(bytes[0], bytes.len()));
            held
        };
        assert!(["MRN", "mrn", "account", "ACCOUNT", "út"].into_iter().all(holds));
        assert!(!["mr", "mrns", "nrm", "ut", "accoun"].into_iter().any(holds));
        let long = "x".repeat(40);
        assert!(!LIST.may_hold(long.as_bytes()[0], long.len()));
    }
}
