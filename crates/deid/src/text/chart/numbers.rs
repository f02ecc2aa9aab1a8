//! Numbers and addresses of a chart that are compared letter by letter, whatever stands between: telephone and
//! record numbers, dates of birth, e-mail addresses.

use crate::text::Identifier;
use rustc_hash::FxHashMap;

/// Shorter ones would be found in every lab value.
const SHORTEST: usize = 5;
/// How many letters and digits are looked up at once.
const HEAD: usize = 4;
/// Most separators in a row between two parts of one number.
const MOST_SEPARATORS: usize = 3;

/// What to look for: letters and digits alone, lower case.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    keys: Vec<(Box<[u8]>, Identifier)>,
    heads: FxHashMap<[u8; HEAD], Vec<u32>>,
    /// First two letters or digits, so that most words cost no look-up.
    pairs: Pairs,
}

/// A set of pairs of letters and digits, which may say yes too often and never says no wrongly.
#[derive(Debug)]
struct Pairs(Box<[u64; 64]>);

impl Default for Pairs {
    fn default() -> Self {
        Pairs(Box::new([0; 64]))
    }
}

impl Pairs {
    #[inline]
    fn bit(first: u8, second: u8) -> usize {
        (usize::from(first & 63) << 6) | usize::from(second & 63)
    }

    fn add(&mut self, first: u8, second: u8) {
        let bit = Self::bit(first, second);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    #[inline]
    fn possible(&self, first: u8, second: u8) -> bool {
        let bit = Self::bit(first, second);
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }
}

impl Numbers {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a number. Too short ones are left out.
    pub(super) fn add(&mut self, text: &str, identifier: Identifier) {
        let key: Box<[u8]> = text.bytes().filter(u8::is_ascii_alphanumeric).map(outline).collect();
        let Some(head) = key.first_chunk::<HEAD>().copied().filter(|_| key.len() >= SHORTEST) else { return };
        self.pairs.add(head[0], head[1]);
        let of_head = self.heads.entry(head).or_default();
        if !of_head.iter().any(|&known| self.keys[known as usize].0 == key) {
            of_head.push(self.keys.len() as u32);
            self.keys.push((key, identifier));
        }
    }

    /// Adds a telephone number: as written, without its country code, and its last seven digits.
    pub(super) fn add_phone(&mut self, text: &str, identifier: Identifier) {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        self.add(&digits, identifier);
        for length in [10, 7] {
            if digits.len() > length {
                self.add(&digits[digits.len() - length..], identifier);
            }
        }
    }

    /// Adds a date of birth (`YYYY-MM-DD`) in every order of numbers, padded or not. Names of months are the
    /// dates' layer's.
    pub(super) fn add_birth_date(&mut self, iso: &str) {
        let parts: Vec<&str> = iso.get(..10).unwrap_or(iso).split('-').collect();
        let [year, month, day] = parts[..] else { return };
        if [year, month, day].iter().any(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()))
        {
            return;
        }
        let bare = |part: &'_ str| part.trim_start_matches('0').to_owned();
        for (m, d) in [(month.to_owned(), day.to_owned()), (bare(month), bare(day))] {
            for all in [format!("{year}{m}{d}"), format!("{m}{d}{year}"), format!("{d}{m}{year}")] {
                self.add(&all, Identifier::Date);
            }
        }
    }

    /// The number that begins at `start`, and its end. A number ends where its letters and digits end.
    #[inline]
    pub(super) fn at(&self, text: &[u8], start: usize) -> Option<(usize, Identifier)> {
        match self.may_begin(text, start) {
            true => self.longest(text, start),
            false => None,
        }
    }

    /// Whether a number may begin at `start`: two letters or digits that stand together tell at once.
    #[inline]
    fn may_begin(&self, text: &[u8], start: usize) -> bool {
        let Some(&[first, second]) = text.get(start..).and_then(<[u8]>::first_chunk) else { return true };
        let (first, second) = (OUTLINES[usize::from(first)], OUTLINES[usize::from(second)]);
        first == 0 || second == 0 || self.pairs.possible(first, second)
    }

    #[inline(never)]
    fn longest(&self, text: &[u8], start: usize) -> Option<(usize, Identifier)> {
        let mut reading = Reading { text, at: start };
        let mut head = [0; HEAD];
        for byte in &mut head {
            *byte = reading.next()?;
        }
        let candidates = self.heads.get(&head)?;
        let longest = candidates.iter().filter_map(|&key| {
            let (key, identifier) = &self.keys[key as usize];
            let mut reading = reading.clone();
            for &byte in &key[HEAD..] {
                if reading.next() != Some(byte) {
                    return None;
                }
            }
            let ends = text.get(reading.at).is_none_or(|next| !next.is_ascii_alphanumeric() && *next < 0x80);
            ends.then_some((reading.at, *identifier))
        });
        longest.max_by_key(|(end, _)| *end)
    }
}

/// The outlines of ASCII's letters and digits; of other bytes zero.
static OUTLINES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = outline(byte as u8);
        }
        byte += 1;
    }
    table
};

/// A letter in lower case; those that scanners take for digits as these.
const fn outline(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        b'o' => b'0',
        b'l' | b'i' => b'1',
        b's' => b'5',
        b'b' => b'8',
        other => other,
    }
}

/// Letters and digits from a place on, across separators.
#[derive(Clone)]
struct Reading<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reading<'_> {
    #[inline]
    fn next(&mut self) -> Option<u8> {
        for _ in 0..=MOST_SEPARATORS {
            let byte = *self.text.get(self.at)?;
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    self.at += 1;
                    return Some(outline(byte));
                }
                // A line may end within a number: notes are wrapped.
                b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'_' | b':' | b'@' | b'+' | b'#' | b'\n'
                | b'\r' => {
                    self.at += 1;
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(numbers: &Numbers, text: &'t str) -> Vec<&'t str> {
        crate::text::fold::words(text)
            .filter_map(|(start, _)| Some(&text[start..numbers.at(text.as_bytes(), start)?.0]))
            .collect()
    }

    #[test]
    fn separators_do_not_matter_and_borders_do() {
        let mut numbers = Numbers::default();
        numbers.add_phone("+1 (555) 010-2345", Identifier::Phone);
        numbers.add("MRN-00 12", Identifier::MedicalRecordNumber);
        numbers.add("1234", Identifier::MedicalRecordNumber);
        assert_eq!(found(&numbers, "at 555.010.2345,").first(), Some(&"555.010.2345"));
        assert_eq!(found(&numbers, "mrn0012; MRN-00-12"), ["mrn0012", "MRN-00-12"]);
        assert_eq!(found(&numbers, "1234 mrn00123 555\n010 2345")[0], "555\n010 2345");
        assert_eq!(found(&numbers, "555 O1O 2345; 5550102345678"), ["555 O1O 2345", "O1O 2345"]);
    }

    #[test]
    fn a_date_of_birth_is_known_in_every_order() {
        let mut numbers = Numbers::default();
        numbers.add_birth_date("1960-04-05");
        for text in ["04/05/1960", "4-5-1960", "19600405", "05.04.1960", "1960/4/5"] {
            assert_eq!(found(&numbers, text).first(), Some(&text));
        }
        numbers.add_birth_date("1960");
    }
}
