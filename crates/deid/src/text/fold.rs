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

/// Folds once more by what scanners confuse: letters and digits of one outline become one of them, then pairs that
/// stand for a letter (`rn` and `nn` for `m`, `vv` for `w`, `cl` for `d`, `ri` for `n`, `li` for `h`) that letter. What differs by any number of such
/// confusions is the same afterwards.
pub(super) fn scanned(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    scan(word, &mut out);
    out
}

/// [`scanned`], into `out`.
pub(super) fn scan(word: &str, out: &mut String) {
    let outline = |letter: char| match letter {
        '0' | 'q' => 'o',
        '1' | 'i' | 'j' | '|' => 'l',
        '5' => 's',
        'h' | '8' => 'b',
        '6' | '9' => 'g',
        '2' => 'z',
        'e' | '3' => 'c',
        'u' | 'y' => 'v',
        '7' | 'f' => 't',
        '4' => 'a',
        other => other,
    };
    out.clear();
    out.extend(word.chars().map(outline));
    // What pairs make may be part of a pair: `rine` is `nne`, and that `me`.
    while out.as_bytes().windows(2).any(|pair| joined(pair[0], pair[1]).is_some()) {
        let read = std::mem::take(out);
        let mut letters = read.chars().peekable();
        while let Some(letter) = letters.next() {
            let pair = match (u8::try_from(letter), letters.peek().map(|next| u8::try_from(*next))) {
                (Ok(letter), Some(Ok(next))) => joined(letter, next),
                _ => None,
            };
            if pair.is_some() {
                letters.next();
            }
            out.push(pair.unwrap_or(letter));
        }
    }
}

/// The letter that a pair may have been.
fn joined(first: u8, second: u8) -> Option<char> {
    Some(match (first, second) {
        (b'r', b'n') | (b'n', b'n') => 'm',
        (b'v', b'v') => 'w',
        (b'c', b'l') => 'd',
        (b'r', b'l') => 'n',
        (b'l', b'l') => 'b',
        _ => return None,
    })
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
        while let Some(&byte) = bytes.get(start) {
            if IS_WORD[usize::from(byte)] {
                break;
            }
            start += 1;
            if byte >= 0x80 {
                let (is_word, width) = word_character(self.text, start - 1);
                if is_word {
                    start -= 1;
                    break;
                }
                start += width - 1;
            }
        }
        let mut end = start;
        while let Some(&byte) = bytes.get(end) {
            if IS_WORD[usize::from(byte)] {
                end += 1;
            } else if byte >= 0x80
                && let (true, width) = word_character(self.text, end)
            {
                end += width;
            } else {
                break;
            }
        }
        self.at = end;
        (start < end).then_some((start, end))
    }
}

/// ASCII's letters and digits.
static IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// Does a letter or a digit outside ASCII stand at this byte, and how wide is what stands there? Marks belong to the
/// letter before them.
fn word_character(text: &str, at: usize) -> (bool, usize) {
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
