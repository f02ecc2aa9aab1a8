//! One form for every way of writing a word.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest word that is looked up, in bytes; longer runs of letters and digits are no names.
pub(super) const LONGEST_WORD: usize = 64;

/// Folds a word to lower case without accents: `Núñez` → `nunez`, `ØRSTED` → `orsted`. ASCII letters cost a copy.
pub(super) fn fold(word: &str, out: &mut String) {
    out.clear();
    if word.is_ascii() {
        out.push_str(word);
        out.make_ascii_lowercase();
        return;
    }
    for character in word.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match character {
            'ß' => out.push_str("ss"),
            'ø' => out.push('o'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ł' => out.push('l'),
            'đ' | 'ð' => out.push('d'),
            'þ' => out.push_str("th"),
            'ı' => out.push('i'),
            // Lower-casing `İ` leaves its dot as a mark of its own.
            mark if is_combining_mark(mark) => {}
            other => out.push(other),
        }
    }
}

/// [`fold`], as a string of its own.
pub(super) fn folded(word: &str) -> String {
    let mut out = String::new();
    fold(word, &mut out);
    out
}

/// Folds once more by what scanners confuse: `rn` for `m`, `0` for `o`, `1` and `i` for `l`, `5` for `s`.
pub(super) fn scanned(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for character in word.chars() {
        match character {
            '0' => out.push('o'),
            '1' | 'i' => out.push('l'),
            '5' => out.push('s'),
            '8' => out.push('b'),
            '6' => out.push('g'),
            other => out.push(other),
        }
    }
    out.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// The words of a text: runs of letters and digits, with their bytes.
pub(super) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// See [`words`].
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let mut start = self.at;
        while start < bytes.len() {
            match word_character(self.text, start) {
                (true, _) => break,
                (false, width) => start += width,
            }
        }
        let mut end = start;
        while end < bytes.len() {
            match word_character(self.text, end) {
                (true, width) => end += width,
                (false, _) => break,
            }
        }
        self.at = end;
        (start < end).then_some((start, end))
    }
}

/// Does a letter or a digit stand at this byte, and how wide is it? Marks belong to the letter before them.
#[inline]
fn word_character(text: &str, at: usize) -> (bool, usize) {
    let byte = text.as_bytes()[at];
    if byte < 0x80 {
        return (byte.is_ascii_alphanumeric(), 1);
    }
    match text[at..].chars().next() {
        Some(character) => {
            (character.is_alphanumeric() || is_combining_mark(character), character.len_utf8())
        }
        None => (false, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_composition_fold_away() {
        for (word, want) in [
            ("Núñez", "nunez"),
            ("Nu\u{301}n\u{303}ez", "nunez"),
            ("ØRSTED", "orsted"),
            ("Groß", "gross"),
            ("İnan", "inan"),
            ("Łukasz", "lukasz"),
            ("O", "o"),
        ] {
            assert_eq!(folded(word), want);
        }
        assert_eq!(scanned("5rnith"), scanned("smlth"));
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let text = "O'Brien–Núñez, 12b.";
        let found: Vec<&str> = words(text).map(|(s, e)| &text[s..e]).collect();
        assert_eq!(found, ["O", "Brien", "Núñez", "12b"]);
        assert_eq!(words("…").count(), 0);
    }
}
