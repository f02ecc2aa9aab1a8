//! What is known of words: ordinary, clinical, names, places, and what each does in a sentence.

mod class;
mod fold;
mod lists;

pub use class::Class;
pub use fold::{Print, chain, fingerprint};

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
        if word.is_ascii() {
            let print = word.bytes().fold(Print::default(), Print::and);
            return (print.whole, self.ascii(word.as_bytes(), &print));
        }
        let key = fingerprint(word);
        (key, self.by(key))
    }

    /// The classes of an ASCII word whose fingerprint is known.
    pub fn ascii(&self, word: &[u8], print: &Print) -> Class {
        let class = self.by(print.whole);
        // A rare name that is a plain word's ending, "Findings", is a plain word too; a common one, "Miller", isn't.
        let rare = !class.any(Class::PLAIN | Class::COMMON) && word.len() > 3;
        // "Burns", "Woods": a common last name that is a plain word's plural.
        let plural = class.any(Class::LAST_COMMON)
            && !class.any(Class::FIRST_COMMON)
            && matches!(word, [.., b's' | b'S']);
        match rare || plural {
            true => class | self.of_stems(word, print),
            false => class,
        }
    }

    #[inline]
    fn by(&self, key: u64) -> Class {
        self.words.get(&key).copied().unwrap_or_default()
    }

    /// The class of a phrase by its chained fingerprint; none if no phrase begins so.
    pub fn phrase(&self, chained: u64) -> Option<Class> {
        self.phrases.get(&chained).copied()
    }

    /// What a word is as a regular ending of another.
    fn of_stems(&self, word: &[u8], print: &Print) -> Class {
        const LONGEST: usize = 32;
        const SHORTEST_STEM: usize = 3;
        let length = word.len();
        if length > LONGEST {
            return Class::NONE;
        }
        let before = |last: usize| length.checked_sub(last).map_or(0, |at| word[at].to_ascii_lowercase());
        // The word without its last `less` letters, and with `instead` for them.
        let stem = |less: usize, instead: Option<u8>| {
            if length < less + SHORTEST_STEM {
                return Class::NONE;
            }
            let key = print.without[less - 1];
            self.by(instead.map_or(key, |letter| fold::with(key, letter))) & Class::PLAIN
        };
        match [before(4), before(3), before(2), before(1)] {
            [_, b'i', b'e', b's'] => stem(3, Some(b'y')) | stem(1, None),
            [_, _, b'e', b's'] => stem(2, None) | stem(1, None),
            [_, _, _, b's'] => stem(1, None),
            [_, b'i', b'e', b'd'] => stem(3, Some(b'y')),
            [a, b, b'e', b'd'] => {
                let class = stem(2, None) | stem(1, None);
                if a == b { class | stem(3, None) } else { class }
            }
            // A doubled letter before "ing" is the fifth from the end.
            [b, b'i', b'n', b'g'] => {
                let class = stem(3, None) | stem(3, Some(b'e'));
                if before(5) == b { class | stem(4, None) } else { class }
            }
            [_, _, b'l', b'y'] => stem(2, None),
            [_, _, b'e', b'r'] => stem(2, None) | stem(1, None),
            _ => Class::NONE,
        }
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
