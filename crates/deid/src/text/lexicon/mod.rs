//! What is known of words: ordinary, clinical, names, places, and what each does in a sentence.

mod class;
mod fold;
mod lists;

pub use class::Class;
pub use fold::{chain, fingerprint};

use rustc_hash::FxHashMap;

/// A phrase's longest number of words.
pub const LONGEST_PHRASE: usize = 6;

/// Words and phrases by their fingerprints.
pub struct Lexicon {
    words: FxHashMap<u64, Class>,
    /// By [`chain`]; a phrase's beginnings are there with no class.
    phrases: FxHashMap<u64, Class>,
}

impl Lexicon {
    /// The lists that ship with the program.
    pub fn shipped() -> Self {
        let mut words = FxHashMap::with_capacity_and_hasher(120_000, Default::default());
        let mut phrases = FxHashMap::with_capacity_and_hasher(8_000, Default::default());
        lists::each(|class, entry| {
            let mut parts = entry.split([' ', '-', '.', '&']).filter(|part| !part.is_empty()).peekable();
            let (mut chained, mut first) = (0, None);
            while let Some(part) = parts.next() {
                let part = part.strip_suffix("'s").unwrap_or(part);
                let key = fingerprint(part);
                if first.is_none() && parts.peek().is_none() {
                    *words.entry(key).or_default() |= class;
                    return;
                }
                first.get_or_insert(key);
                chained = chain(chained, key);
                phrases.entry(chained).or_insert(Class::NONE);
            }
            *phrases.entry(chained).or_default() |= class;
            if let Some(first) = first {
                *words.entry(first).or_default() |= Class::OPENS_PHRASE;
            }
        });
        Lexicon { words, phrases }
    }

    /// A word's fingerprint and classes. A regular ending of a plain word is plain.
    pub fn word(&self, word: &str) -> (u64, Class) {
        let key = fingerprint(word);
        let mut class = self.words.get(&key).copied().unwrap_or_default();
        // A rare name that is a plain word's ending, "Findings", is a plain word too; a common one, "Miller", isn't.
        if !class.any(Class::PLAIN | Class::COMMON) && word.len() > 3 && word.is_ascii() {
            class |= self.of_stems(word.as_bytes());
        }
        // "Burns", "Woods": a common last name that is a plain word's plural.
        if class.any(Class::LAST_COMMON)
            && !class.any(Class::FIRST_COMMON)
            && word.ends_with(['s', 'S'])
            && word.is_ascii()
        {
            class |= self.of_stems(word.as_bytes());
        }
        (key, class)
    }

    /// The class of a phrase by its chained fingerprint; none if no phrase begins so.
    pub fn phrase(&self, chained: u64) -> Option<Class> {
        self.phrases.get(&chained).copied()
    }

    /// What a word is as a regular ending of another.
    fn of_stems(&self, word: &[u8]) -> Class {
        let mut class = Class::NONE;
        let mut lower = [0_u8; 32];
        let Some(lower) = lower.get_mut(..word.len()) else { return class };
        for (into, byte) in lower.iter_mut().zip(word) {
            *into = byte.to_ascii_lowercase();
        }
        let mut try_one = |length: usize, instead: &str| {
            if length >= 3
                && let Some(stem) = std::str::from_utf8(&lower[..length]).ok()
            {
                let mut joined = [0_u8; 33];
                joined[..length].copy_from_slice(stem.as_bytes());
                joined[length..length + instead.len()].copy_from_slice(instead.as_bytes());
                if let Ok(stem) = std::str::from_utf8(&joined[..length + instead.len()]) {
                    class |= self.words.get(&fingerprint(stem)).copied().unwrap_or_default() & Class::PLAIN;
                }
            }
        };
        let length = lower.len();
        match &lower[..] {
            [.., b'i', b'e', b's'] => (try_one(length - 3, "y"), try_one(length - 1, ""), ()).2,
            [.., b'e', b's'] => (try_one(length - 2, ""), try_one(length - 1, ""), ()).2,
            [.., b's'] => try_one(length - 1, ""),
            [.., b'i', b'e', b'd'] => try_one(length - 3, "y"),
            [.., a, b, b'e', b'd'] => {
                try_one(length - 2, "");
                try_one(length - 1, "");
                if a == b {
                    try_one(length - 3, "");
                }
            }
            [.., a, b, b'i', b'n', b'g'] => {
                try_one(length - 3, "");
                try_one(length - 3, "e");
                if a == b {
                    try_one(length - 4, "");
                }
            }
            [.., b'l', b'y'] => try_one(length - 2, ""),
            [.., b'e', b'r'] => (try_one(length - 2, ""), try_one(length - 1, ""), ()).2,
            _ => {}
        }
        class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_endings() {
        let lexicon = Lexicon::shipped();
        let class = |word: &str| lexicon.word(word).1;
        assert!(class("Patients").any(Class::ORDINARY));
        assert!(class("reported").any(Class::ORDINARY));
        assert!(class("hypertension").any(Class::PLAIN));
        assert!(class("Atorvastatin").any(Class::MEDICINE));
        assert!(class("JOSÉ").any(Class::FIRST_COMMON));
        assert!(class("Miller").any(Class::LAST_COMMON) && !class("Miller").any(Class::PLAIN));
        assert!(class("Brown").any(Class::LAST_COMMON) && class("Brown").any(Class::ORDINARY));
        assert!(class("Xylbrzq").is_none());
        let (los, angeles) = (fingerprint("Los"), fingerprint("Angeles"));
        assert_eq!(lexicon.phrase(chain(chain(0, los), angeles)), Some(Class::CITY));
        assert_eq!(lexicon.phrase(chain(0, los)), Some(Class::NONE));
    }
}
