//! One pass over a text: words, numbers and signs, each classed by a look-up.

use super::lexicon::{Class, Lexicon, Print};

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters, apostrophes between them included; a possessive ending is left out.
    Word,
    /// ASCII digits.
    Number,
    /// One character that is neither. Curly quotes, dashes and no-break spaces are their plain forms; other
    /// characters outside ASCII are zero.
    Sign(u8),
    /// One or more ends of line.
    Break,
}

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// No capital, or a script without them.
    Lower,
    /// `Anna`.
    Title,
    /// `ANNA`.
    Upper,
    /// One capital letter.
    Initial,
    /// `McDonald`, `eGFR`.
    Mixed,
    /// A word of capitals in a line of capitals.
    Shout,
}

/// A token and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last byte, without a possessive ending.
    pub end: u32,
    /// What it is made of.
    pub kind: Kind,
    /// How it is written, where it is a word.
    pub case: Case,
    /// A word's first byte; of others zero.
    pub initial: u8,
    /// Whether white space stands before it.
    pub spaced: bool,
    /// Whether `'s` follows.
    pub possessive: bool,
    /// Whether an apostrophe stands within it.
    pub apostrophe: bool,
    /// Whether a word or a number is ASCII throughout.
    pub ascii: bool,
    /// A word's fingerprint; a number's value where it fits.
    pub key: u64,
    /// What the lexicon knows of it.
    pub class: Class,
}

impl Token {
    /// How many bytes.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it is this sign.
    pub fn is(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Whether it is a word.
    pub fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    /// Whether `word`, its letters, are all x: a mask over digits.
    pub fn is_mask(&self, word: &str) -> bool {
        word.bytes().all(|byte| byte.eq_ignore_ascii_case(&b'x'))
    }

    /// Whether `word`, its letters, is `Q` or `quarter`.
    pub fn is_quarter(&self, word: &str) -> bool {
        word == "Q" || self.len() == 7 && word.eq_ignore_ascii_case("quarter")
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.kind == Kind::Number
    }

    /// Whether it is a word with a capital first.
    pub fn is_capital(&self) -> bool {
        self.is_word() && !matches!(self.case, Case::Lower | Case::Shout)
    }
}

/// Splits `text`, whose length fits 32 bits, into `tokens`.
pub fn tokenize(text: &str, lexicon: &Lexicon, tokens: &mut Vec<Token>) {
    tokens.clear();
    let bytes = text.as_bytes();
    let (mut at, mut spaced) = (0, true);
    while at < bytes.len() {
        let byte = bytes[at];
        let start = at;
        match byte {
            b' ' | b'\t' | 0x0b | 0x0c => {
                at += 1;
                spaced = true;
                continue;
            }
            b'\n' | b'\r' => {
                while at < bytes.len() && bytes[at].is_ascii_whitespace() {
                    at += 1;
                }
                tokens.push(sign(start, at, Kind::Break, spaced));
                spaced = true;
                continue;
            }
            b'0'..=b'9' => {
                let mut value = 0_u64;
                while at < bytes.len() && bytes[at].is_ascii_digit() {
                    value = value.saturating_mul(10).saturating_add(u64::from(bytes[at] - b'0'));
                    at += 1;
                }
                let mut token = sign(start, at, Kind::Number, spaced);
                token.key = value;
                tokens.push(token);
            }
            b'a'..=b'z' | b'A'..=b'Z' => at = word(text, start, spaced, lexicon, tokens),
            0x80.. => {
                let character = text[at..].chars().next().unwrap_or('\0');
                if character.is_alphabetic() {
                    at = word(text, start, spaced, lexicon, tokens);
                } else {
                    at += character.len_utf8();
                    let plain = match character {
                        '‘' | '’' | '‛' | '′' => b'\'',
                        '“' | '”' | '„' | '«' | '»' => b'"',
                        '‐'..='―' | '−' => b'-',
                        '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{3000}' => b' ',
                        _ => 0,
                    };
                    if plain == b' ' {
                        spaced = true;
                        continue;
                    }
                    tokens.push(sign(start, at, Kind::Sign(plain), spaced));
                }
            }
            _ => {
                at += 1;
                tokens.push(sign(start, at, Kind::Sign(byte), spaced));
            }
        }
        spaced = false;
    }
}

fn sign(start: usize, end: usize, kind: Kind, spaced: bool) -> Token {
    Token {
        start: start as u32,
        end: end as u32,
        kind,
        case: Case::Lower,
        initial: 0,
        spaced,
        possessive: false,
        apostrophe: false,
        ascii: kind == Kind::Number,
        key: 0,
        class: Class::NONE,
    }
}

/// Reads a word that begins at `start`; gives where reading goes on.
fn word(text: &str, start: usize, spaced: bool, lexicon: &Lexicon, tokens: &mut Vec<Token>) -> usize {
    let bytes = text.as_bytes();
    // Most words are plain letters: read, written and looked up at once.
    let (mut at, mut capitals, mut print) = (start, 0_u32, Print::default());
    while let Some(&byte) = bytes.get(at).filter(|byte| byte.is_ascii_alphabetic()) {
        capitals += u32::from(byte.is_ascii_uppercase());
        print = print.and(byte);
        at += 1;
    }
    let mut written = Written {
        letters: (at - start) as u32,
        capitals,
        first_capital: bytes[start].is_ascii_uppercase(),
        possessive: false,
        apostrophe: false,
    };
    let mut next = at;
    let more = bytes.get(at).is_some_and(|byte| *byte == b'\'' || *byte >= 0x80);
    if more {
        (at, next) = written.go_on(text, at);
    }
    let mut token = sign(start, at, Kind::Word, spaced);
    (token.case, token.initial) = (written.case(), bytes[start]);
    (token.possessive, token.apostrophe) = (written.possessive, written.apostrophe);
    token.ascii = !more || text[start..at].is_ascii();
    (token.key, token.class) = match more {
        true => lexicon.word(&text[start..at]),
        false => (print.whole, lexicon.ascii(&bytes[start..at], &print)),
    };
    tokens.push(token);
    next
}

/// How a word is written, as far as it is read.
struct Written {
    letters: u32,
    capitals: u32,
    first_capital: bool,
    possessive: bool,
    apostrophe: bool,
}

impl Written {
    /// Reads on from `at`, where an apostrophe or a character outside ASCII stands; gives where the word ends, and where
    /// reading goes on.
    fn go_on(&mut self, text: &str, mut at: usize) -> (usize, usize) {
        let bytes = text.as_bytes();
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii_alphabetic() {
                self.letter(byte.is_ascii_uppercase());
                at += 1;
                continue;
            }
            if byte < 0x80 && byte != b'\'' {
                break;
            }
            let character = text[at..].chars().next().unwrap_or('\0');
            if character == '\'' || character == '’' {
                let after = at + character.len_utf8();
                let mut following = text[after..].chars();
                let (one, two) = (following.next(), following.next());
                if matches!(one, Some('s' | 'S')) && !two.is_some_and(char::is_alphanumeric) {
                    self.possessive = true;
                    return (at, after + 1);
                }
                if !one.is_some_and(char::is_alphabetic) {
                    break;
                }
                self.apostrophe = true;
                at = after;
            } else if is_mark(character) {
                at += character.len_utf8();
            } else if character.is_alphabetic() {
                self.letter(character.is_uppercase());
                at += character.len_utf8();
            } else {
                break;
            }
        }
        (at, at)
    }

    fn letter(&mut self, capital: bool) {
        self.first_capital |= capital && self.letters == 0;
        self.capitals += u32::from(capital);
        self.letters += 1;
    }

    fn case(&self) -> Case {
        match (self.first_capital, self.capitals) {
            (true, 1) if self.letters == 1 => Case::Initial,
            (true, 1) => Case::Title,
            (true, capitals) if capitals == self.letters => Case::Upper,
            (_, 0) => Case::Lower,
            _ => Case::Mixed,
        }
    }
}

/// Accents written as characters of their own.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(&str, Kind, Case, bool)> {
        let mut tokens = Vec::new();
        tokenize(text, &Lexicon::shipped(), &mut tokens);
        tokens
            .iter()
            .map(|t| (&text[t.start as usize..t.end as usize], t.kind, t.case, t.possessive))
            .collect()
    }

    #[test]
    fn words_numbers_and_signs() {
        use Kind::{Break, Number, Sign, Word};
        assert_eq!(
            tokens("Anna O’Brien's BP\n\n 120/80, eGFR É."),
            [
                ("Anna", Word, Case::Title, false),
                ("O’Brien", Word, Case::Mixed, true),
                ("BP", Word, Case::Upper, false),
                ("\n\n ", Break, Case::Lower, false),
                ("120", Number, Case::Lower, false),
                ("/", Sign(b'/'), Case::Lower, false),
                ("80", Number, Case::Lower, false),
                (",", Sign(b','), Case::Lower, false),
                ("eGFR", Word, Case::Mixed, false),
                ("É", Word, Case::Initial, false),
                (".", Sign(b'.'), Case::Lower, false),
            ]
        );
    }
}
