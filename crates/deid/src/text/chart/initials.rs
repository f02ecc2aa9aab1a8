//! Initials of those whom the chart knows, and what stands around them.

use super::nearby::{acts, word_before};
use super::person::{introduces, introduces_initials};
use crate::text::fold::folded;
use crate::text::page::Page;
use crate::text::token::{Case, Token};
use crate::text::words::words;
use rustc_hash::FxHashSet;
use std::ops::Range;

/// Two to four capitals that may be someone's initials.
pub(super) struct Initials {
    /// The letters alone.
    pub letters: String,
    /// Their bytes in the text, dots included.
    pub range: Range<usize>,
    /// Does a dot stand after all but the last?
    pub is_dotted: bool,
    /// Does a word that introduces a name stand before?
    pub is_introduced: bool,
    /// Does a word stand before that other letters stand behind as well as initials?
    pub is_mentioned: bool,
    /// Is there nothing else in the line, as of a signature?
    pub is_alone: bool,
    /// Do they stand as at the end of an entry: behind a dash or a slash, in brackets, before a degree or a time?
    pub signs: bool,
    /// Does a person's doing follow?
    pub does: bool,
    /// And does a sentence begin here?
    pub acts: bool,
    /// Does no noun follow that they could be said of?
    pub ends_phrase: bool,
    /// Are they the last of a list?
    pub listed: bool,
}

/// Could initials begin with this token? Two to four capitals, or single letters with stops.
pub(super) fn may_be_initials(text: &str, token: &Token) -> bool {
    let (start, end) = (token.start as usize, token.end as usize);
    match token.case {
        Case::Initial | Case::Upper | Case::Shout => end - start <= 4,
        Case::Lower => token.is_word() && end - start == 1 && text.as_bytes().get(end) == Some(&b'.'),
        _ => false,
    }
}

/// Letters that may be initials.
struct Letters {
    letters: [u8; 4],
    count: usize,
    dots: usize,
    end: usize,
}

impl Letters {
    /// Those that begin at `at`: all capitals or none, with stops, and in that case with spaces and a line's end between
    /// if `apart`.
    fn read(text: &str, at: usize, capital: bool, apart: bool) -> Option<Self> {
        let next = |here: usize| text[here..].chars().next();
        let (mut letters, mut end, mut dots, mut here, mut count) = ([0u8; 4], at, 0, at, 0);
        while count < 4
            && let Some(letter) = next(here).filter(|c| c.is_alphabetic() && c.is_uppercase() == capital)
        {
            // Charts' initials are folded: `Š` is `s`.
            letters[count] = match letter {
                letter if letter.is_ascii() => letter as u8,
                letter => *folded(letter.encode_utf8(&mut [0; 4])).as_bytes().first()?,
            };
            count += 1;
            here += letter.len_utf8();
            end = here;
            if next(here) == Some('.') {
                dots += 1;
                here += 1;
                end = here;
                let mut further = text[here..].chars();
                if apart
                    && matches!(further.next(), Some(' ' | '\n'))
                    && further.next().is_some_and(char::is_alphabetic)
                    && further.next() == Some('.')
                {
                    here += 1;
                }
            }
        }
        let stops = next(here).is_none_or(|next| !next.is_alphanumeric());
        let dotted = dots + 1 >= count && dots > 0;
        let shaped = stops && (2..=4).contains(&count) && (dotted || (dots == 0 && capital));
        shaped.then_some(Letters { letters, count, dots, end })
    }

    fn lower(&self) -> [u8; 4] {
        self.letters.map(|letter| letter.to_ascii_lowercase())
    }
}

/// The initials that begin at `at`, if they are some of `known`, in lower case, zeros after them.
pub(super) fn find(page: &Page, at: usize, known: &FxHashSet<[u8; 4]>) -> Option<Initials> {
    let text = page.text();
    let first = text[at..].chars().next()?;
    let capital = first.is_uppercase();
    if !first.is_alphabetic() || text[..at].chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    // `A. M. R.`, and where that is nobody, `H.S.` at a line's end before another's.
    let Letters { letters, count, dots, end } = Letters::read(text, at, capital, true)
        .filter(|read| known.contains(&read.lower()))
        .or_else(|| Letters::read(text, at, capital, false).filter(|read| known.contains(&read.lower())))?;
    let behind = page.tokens().partition_point(|token| (token.start as usize) < end);
    let (before, gap) = word_before(text, at);
    let before = folded(before);
    let close = gap.trim().chars().all(|c| matches!(c, '.' | ':' | '#' | '/' | '&' | ','));
    let is_introduced = introduces(&before) && close;
    let is_mentioned = introduces_initials(&before)
        && close
        && !text[end..].trim_start().starts_with(|c: char| c.is_ascii_digit());
    let does = acts(page, behind);
    let line_before = text[..at].rsplit('\n').next().unwrap_or_default();
    let line_after = text[end..].split('\n').next().unwrap_or_default();
    let opens = line_before.trim_matches([' ', '-', '/', '~', '–', '—', '(', '[']).is_empty();
    let closes = line_after.trim_matches([' ', ')', ']', '.']).is_empty();
    let marked = line_before.trim_end().ends_with(['-', '~', '–', '—', '/', '(', '[']);
    // `3/9 - J.S. - Ward 4`
    let between =
        marked && line_after.trim_start().starts_with(['-', '–', '—']) && line_after.starts_with(' ');
    let degree = [
        " RN", " MD", ", RN", ", MD", " NP", ", NP", " PA", ", PA", " LPN", ", LPN", " DO", ", DO", " RPh",
        ", PT", ", OT",
    ]
    .iter()
    .any(|degree| line_after.starts_with(degree));
    Some(Initials {
        letters: letters[..count].iter().map(|letter| *letter as char).collect(),
        range: at..end,
        is_dotted: dots > 0,
        is_introduced,
        is_mentioned,
        is_alone: opens && closes,
        signs: marked && (closes || line_after.starts_with([')', ']', '/']))
            || degree
            || between
            || opens && line_after.starts_with(':'),
        does,
        acts: (does || dots > 0 && page.says(behind, words!["on"]))
            && (line_before.trim().is_empty() || gap.contains(['.', '\n', ';', ',', ':'])),
        ends_phrase: page.at(behind).is_none_or(|token| !token.is_word() && !token.is_number())
            || page.says(behind, words!["at", "on", "by", "who", "and", "is", "to", "that"]),
        listed: closes && gap.trim_end().ends_with(',')
            || dots > 0 && (gap.contains('&') || text[end..].starts_with('.'))
            // The last word of all, in a note without capitals.
            || dots > 0 && !capital && line_before.ends_with(". ") && text[end..].trim().is_empty(),
    })
}
