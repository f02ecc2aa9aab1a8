//! A text as the layers see it, and what they have found so far.

use super::lexicon::{Class, LONGEST_PHRASE, Lexicon, chain};
use super::token::{Case, Kind, Token, tokenize};
use super::words::Words;
use super::{Identifier, Span};
use std::ops::Range;

/// Several words that the lexicon knows as one.
#[derive(Clone, Copy, Debug)]
pub struct Phrase {
    /// Its first token.
    pub first: usize,
    /// One past its last.
    pub end: usize,
    /// What it is.
    pub class: Class,
}

/// Buffers of one text after the other.
#[derive(Default)]
pub struct Scratch {
    tokens: Vec<Token>,
    phrases: Vec<Phrase>,
    pub(super) spans: Vec<Span>,
    pub(super) taken: Vec<bool>,
    pub(super) keys: Vec<u64>,
    /// What the chart told.
    pub(super) charted: Vec<Span>,
}

/// A text, its tokens, and which of them are part of a span.
pub struct Page<'a> {
    text: &'a str,
    lexicon: &'a Lexicon,
    tokens: &'a [Token],
    phrases: &'a [Phrase],
    classes: Class,
    spans: &'a mut Vec<Span>,
    taken: &'a mut Vec<bool>,
}

impl<'a> Page<'a> {
    /// Reads a text.
    pub fn read(text: &'a str, lexicon: &'a Lexicon, scratch: &'a mut Scratch) -> Page<'a> {
        let Scratch { tokens, phrases, spans, taken, .. } = scratch;
        tokenize(text, lexicon, tokens);
        quiet(tokens);
        unwrap(text, tokens);
        find_phrases(tokens, lexicon, phrases);
        spans.clear();
        taken.clear();
        taken.resize(tokens.len(), false);
        let classes = tokens.iter().fold(Class::NONE, |all, token| all | token.class);
        Page { text, lexicon, tokens, phrases, classes, spans, taken }
    }

    /// What the lexicon knows of the token, or of its `letters`, where stops or spaces stand between them.
    pub fn lexicon_class(&self, index: usize, letters: &str) -> Class {
        let token = &self.tokens[index];
        match token.len() == letters.len() {
            true => token.class,
            false => self.lexicon.word(letters).1,
        }
    }

    /// The whole text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// What any of its tokens is.
    pub fn classes(&self) -> Class {
        self.classes
    }

    /// Its tokens.
    pub fn tokens(&self) -> &'a [Token] {
        self.tokens
    }

    /// Its phrases, in order.
    pub fn phrases(&self) -> &'a [Phrase] {
        self.phrases
    }

    /// A token, if there is one.
    pub fn at(&self, index: usize) -> Option<&'a Token> {
        self.tokens.get(index)
    }

    /// The token before.
    pub fn before(&self, index: usize) -> Option<&'a Token> {
        index.checked_sub(1).and_then(|before| self.tokens.get(before))
    }

    /// A token's letters.
    pub fn word(&self, index: usize) -> &'a str {
        let token = &self.tokens[index];
        &self.text[token.start as usize..token.end as usize]
    }

    /// Whether the token is one of these words, whatever its case.
    #[inline]
    pub fn says(&self, index: usize, words: &Words) -> bool {
        self.which(index, words).is_some()
    }

    /// Which of these words the token is, whatever its case.
    #[inline]
    pub fn which(&self, index: usize, words: &Words) -> Option<usize> {
        let token = self.tokens.get(index)?;
        match token.is_word() && words.may_hold(token.initial, token.len()) {
            true => words.place(&self.text.as_bytes()[token.start as usize..token.end as usize]),
            false => None,
        }
    }

    /// A number's digits and value, if the token is a number.
    pub fn number(&self, index: usize) -> Option<(usize, u64)> {
        self.at(index).filter(|token| token.is_number()).map(|token| (token.len(), token.key))
    }

    /// Whether the token is this sign.
    pub fn sign(&self, index: usize, sign: u8) -> bool {
        self.at(index).is_some_and(|token| token.is(sign))
    }

    /// Whether the token stands without space after the one before.
    pub fn joined(&self, index: usize) -> bool {
        self.at(index).is_some_and(|token| !token.spaced && token.kind != Kind::Break) && index > 0
    }

    /// The tokens around one that no white space parts.
    pub fn chunk(&self, index: usize) -> Range<usize> {
        let (mut first, mut end) = (index, index + 1);
        // A longest chunk keeps the work linear.
        while self.joined(first) && self.tokens[first - 1].kind != Kind::Break && index - first < 64 {
            first -= 1;
        }
        while self.joined(end) && end - index < 64 {
            end += 1;
        }
        first..end
    }

    /// Whether any of these tokens is part of a span.
    pub fn is_taken(&self, tokens: Range<usize>) -> bool {
        self.taken[tokens.start.min(self.taken.len())..tokens.end.min(self.taken.len())].contains(&true)
    }

    /// Whether this token is part of a span.
    #[inline]
    pub fn is_taken_at(&self, index: usize) -> bool {
        self.taken.get(index).copied().unwrap_or_default()
    }

    /// Whether a token begins a sentence, a line, a heading's value or a quotation.
    pub fn opens_sentence(&self, index: usize) -> bool {
        let mut index = index;
        while let Some(before) = index.checked_sub(1) {
            match self.tokens[before].kind {
                Kind::Break => return true,
                Kind::Sign(b'.') => {
                    // An abbreviation's stop is none.
                    let abbreviation = before > 0
                        && !self.tokens[before].spaced
                        && (self.tokens[before - 1].case == Case::Initial
                            || self.tokens[before - 1].class.any(Class::TITLE | Class::MONTH)
                            || self.tokens[before - 1].len() <= 2 && self.tokens[before - 1].is_word());
                    return !abbreviation;
                }
                Kind::Sign(b'!' | b'?' | b':' | b';') => return true,
                Kind::Sign(b'"' | b'\'' | b'(' | b'-' | b'*' | b'>' | b'[' | 0) => index = before,
                _ => return false,
            }
        }
        true
    }

    /// Whether a text is only quoted here: whether the line begins with this token.
    pub fn opens_line(&self, index: usize) -> bool {
        self.before(index).is_none_or(|token| token.kind == Kind::Break)
    }

    /// Records an identifier over tokens, possessive endings left out.
    pub fn take(&mut self, tokens: Range<usize>, identifier: Identifier) {
        let (Some(first), Some(last)) =
            (self.tokens.get(tokens.start), tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last)))
        else {
            return;
        };
        self.taken[tokens].fill(true);
        self.spans.push(Span::new(first.start as usize..last.end as usize, identifier));
    }

    /// Where a token ends, its possessive ending included.
    pub fn end_with_possessive(&self, index: usize) -> usize {
        let token = &self.tokens[index];
        let end = token.end as usize;
        match (token.possessive, self.text.as_bytes().get(end)) {
            (true, Some(b'\'')) => end + 2,
            (true, Some(_)) => end + 4,
            _ => end,
        }
    }

    /// A place's name may end in a possessive that is part of it: "St. Mary's".
    pub fn take_whole(&mut self, tokens: Range<usize>, identifier: Identifier) {
        if tokens.is_empty() {
            return;
        }
        let end = self.end_with_possessive(tokens.end - 1);
        self.taken[tokens.clone()].fill(true);
        self.spans.push(Span::new(self.tokens[tokens.start].start as usize..end, identifier));
    }

    /// The class of the phrase that begins at a token, and where it ends.
    pub fn phrase(&self, at: usize) -> Option<Phrase> {
        self.at(at).filter(|token| token.class.any(Class::OPENS_PHRASE))?;
        self.phrases.binary_search_by(|phrase| phrase.first.cmp(&at)).ok().map(|found| self.phrases[found])
    }

    /// Records an identifier over bytes that begin in token `first`; gives one past the last token touched.
    pub fn take_bytes(&mut self, bytes: Range<usize>, first: usize, identifier: Identifier) -> usize {
        let mut end = first;
        while end < self.tokens.len() && (self.tokens[end].start as usize) < bytes.end {
            self.taken[end] = true;
            end += 1;
        }
        self.spans.push(Span::new(bytes, identifier));
        end
    }
}

/// In a line of capitals, capitals say nothing: its words are read as if lower case, but for their classes.
fn quiet(tokens: &mut [Token]) {
    for line in tokens.split_mut(|token| token.kind == Kind::Break) {
        let (mut upper, mut lower) = (0, 0);
        for token in line.iter().filter(|token| token.is_word()) {
            match token.case {
                Case::Upper => upper += 1,
                Case::Lower | Case::Title => lower += 1,
                _ => {}
            }
        }
        if upper >= 3 && upper > 2 * lower {
            for token in line.iter_mut().filter(|token| token.case == Case::Upper) {
                token.case = Case::Shout;
            }
        }
    }
}

/// Widths at which notes are wrapped.
const WRAPPED: std::ops::RangeInclusive<usize> = 48..=132;

/// Takes the ends of lines that a program set out of the way: where the next word wouldn't have fit in the width of
/// the paragraph. What stands on both sides of one is a sentence still.
fn unwrap(text: &str, tokens: &mut Vec<Token>) {
    let bytes = text.as_bytes();
    let (mut line, mut paragraph, mut long, mut kept, mut wrapped) = (0, 0..0, 0, 0, false);
    for at in 0..tokens.len() {
        if tokens[at].kind == Kind::Break {
            let token = tokens[at];
            let (start, end) = (token.start as usize, token.end as usize);
            if end > paragraph.end {
                (paragraph, long) = paragraph_after(text, line);
            }
            let width = paragraph.start;
            let ends = bytes[start..end].iter().filter(|byte| **byte == b'\n').count();
            let next =
                bytes[end..].iter().take(width + 1).take_while(|byte| !byte.is_ascii_whitespace()).count();
            let full =
                WRAPPED.contains(&width) && start - line + 1 + next > width && 2 * (start - line) > width;
            let full = full
                && (long > 1
                    || bytes.get(end).is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
            let listed = matches!(bytes.get(end), Some(b'-' | b'*' | b'#'))
                || bytes[end..].starts_with("•".as_bytes());
            line = end;
            if ends == 1 && full && !listed {
                wrapped = true;
                continue;
            }
        }
        // Until a line's end is taken out all stay where they are.
        if kept < at {
            tokens[kept] = tokens[at];
            tokens[kept].spaced |= std::mem::take(&mut wrapped);
        }
        kept += 1;
    }
    tokens.truncate(kept);
}

/// The width of the paragraph that begins at `start` and where it ends, as a range, and how many of its lines are nearly
/// as long.
fn paragraph_after(text: &str, start: usize) -> (Range<usize>, usize) {
    let (mut width, mut end, mut long) = (0, start, 0);
    for line in text[start..].split_inclusive('\n') {
        let bare = line.trim_end();
        if bare.is_empty() && end > start {
            break;
        }
        // Lines are counted against the longest so far: a line longer than the others begins the count anew.
        if 4 * bare.len() > 5 * width {
            long = 0;
        }
        width = width.max(bare.len());
        long += usize::from(4 * bare.len() >= 3 * width);
        end += line.len();
    }
    (width..end, long)
}

/// The longest phrase at each place, left to right.
fn find_phrases(tokens: &[Token], lexicon: &Lexicon, phrases: &mut Vec<Phrase>) {
    phrases.clear();
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at].class.any(Class::OPENS_PHRASE) {
            at += 1;
            continue;
        }
        let (mut chained, mut words, mut best) = (0, 0, None);
        let mut next = at;
        while next < tokens.len() && words < LONGEST_PHRASE {
            match tokens[next].kind {
                Kind::Word => {
                    chained = chain(chained, tokens[next].key);
                    words += 1;
                    match lexicon.phrase(chained) {
                        Some(class) if class.is_none() => {}
                        Some(class) => best = Some((next + 1, class)),
                        None => break,
                    }
                }
                Kind::Sign(b'.' | b'-' | b'&') if next > at => {}
                _ => break,
            }
            next += 1;
        }
        match best {
            Some((end, class)) => {
                phrases.push(Phrase { first: at, end, class });
                at = end;
            }
            None => at += 1,
        }
    }
}
