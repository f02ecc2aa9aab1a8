//! What stands around a word, where that decides whether it is a name.

use super::person::{introduces, introduces_initials};
use crate::text::fold::folded;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind, Token};
use rustc_hash::FxHashSet;
use std::ops::Range;

/// A word that is one of the chart's names.
pub(super) struct Word {
    pub start: usize,
    pub end: usize,
    /// The token behind it.
    pub next: usize,
    /// Is it also an ordinary word?
    pub is_ordinary: bool,
}

/// Does a word that is one of the chart's names stand as a name here?
pub(super) fn context(page: &Page, word: &Word, has_neighbour: bool) -> bool {
    if has_neighbour {
        return true;
    }
    let text = page.text();
    let written = &text[word.start..word.end];
    let (before, gap_before) = word_before(text, word.start);
    if introduces(&folded(before)) && gap_before.trim().chars().all(|c| matches!(c, '.' | ':' | ',')) {
        return true;
    }
    // `J. Long`
    let initial =
        before.chars().count() == 1 && before.chars().all(char::is_alphabetic) && gap_before.starts_with('.');
    if initial
        && gap_before.trim() == "."
        && written.starts_with(char::is_uppercase) == before.starts_with(char::is_uppercase)
    {
        return true;
    }
    // A field of HL7: FAMILY^GIVEN^M.
    if gap_before.ends_with('^') || text[word.end..].starts_with('^') {
        return true;
    }
    let noun = page.at(word.next).is_some_and(|next| next.class.any(Class::EPONYM_NOUN) && next.is_word());
    if is_eponym(page, word) || word.is_ordinary && noun {
        return false;
    }
    if !word.is_ordinary {
        return true;
    }
    let mut letters = written.chars();
    let capital = letters.next().is_some_and(char::is_uppercase);
    let shouted = capital && letters.all(|c| !c.is_lowercase());
    capital
        && !shouted
        && (!begins_sentence(before, gap_before) || ends_line(page, word) || acts(&text[word.end..]))
}

/// Does what follows say that a person stood before: a possessive, a line's end, what people do?
fn acts(after: &str) -> bool {
    if after.starts_with("'s ") || after.starts_with("’s ") {
        return true;
    }
    let Some(next) = after.strip_prefix(' ') else { return false };
    let end = next.find(|c: char| !c.is_alphabetic()).unwrap_or(next.len());
    VERBS.contains(&&next[..end])
}

/// Does the line end behind it, but for a stop, and not because it was full?
fn ends_line(page: &Page, word: &Word) -> bool {
    let stop = usize::from(page.sign(word.next, b',') || page.sign(word.next, b'.'));
    page.at(word.next + stop).is_none_or(|token| token.kind == Kind::Break)
}

/// What people do in notes.
const VERBS: &[&str] = &[
    "is",
    "was",
    "has",
    "had",
    "says",
    "said",
    "states",
    "stated",
    "reports",
    "reported",
    "denies",
    "denied",
    "asks",
    "asked",
    "called",
    "calls",
    "feels",
    "felt",
    "presents",
    "presented",
    "came",
    "comes",
    "lives",
    "lived",
    "works",
    "worked",
    "agrees",
    "agreed",
    "declines",
    "declined",
    "wants",
    "wanted",
    "thinks",
    "takes",
    "took",
    "tolerated",
    "complains",
    "complained",
    "wishes",
    "understands",
    "understood",
    "does",
    "did",
    "remains",
    "remained",
    "slept",
    "ate",
    "walked",
    "walks",
    "told",
    "tells",
    "needs",
    "needed",
    "requests",
    "requested",
    "attended",
    "signed",
];

/// Do two words stand as parts of one name: apart by a space, a comma, an initial? A word like `will` in lower
/// case is no part of one whose other part has a capital.
pub(super) fn adjoin(text: &str, first: &Word, second: &Word) -> bool {
    let is_lower = |word: &Word| text[word.start..].chars().next().is_some_and(char::is_lowercase);
    let differ = is_lower(first) != is_lower(second);
    if differ && [first, second].iter().any(|word| word.is_ordinary && is_lower(word)) {
        return false;
    }
    let Some(between) = text.get(first.end..second.start).filter(|between| between.len() <= 8) else {
        return false;
    };
    let mut letters = 0;
    for character in between.chars() {
        match character {
            ' ' | '.' | ',' | '-' | '\'' | '’' | '_' | '"' | '(' | ')' | '‐' | '\n' | '^' => {}
            letter if letter.is_alphabetic() => letters += 1,
            _ => return false,
        }
    }
    // A full stop ends a sentence unless an initial stands before it.
    letters == 1 || (letters == 0 && !between.contains(". ") && !between.contains(".\n"))
}

/// A name's span with a first name that the chart doesn't know before it, as a nickname is: `Tilly Rey`.
pub(super) fn with_given(page: &Page, word: &Word, start: usize) -> usize {
    let at = page.tokens().partition_point(|token| (token.end as usize) <= start);
    let Some(before) = page.before(at).filter(|_| !word.is_ordinary) else { return start };
    let given = before.case == Case::Title
        && before.class.any(Class::GIVEN)
        && !before.class.any(Class::PLAIN | Class::MONTH | Class::TITLE);
    let beside = start == before.end as usize + 1 && page.text().as_bytes()[before.end as usize] == b' ';
    if given && beside && !before.possessive { before.start as usize } else { start }
}

/// Most initials on one side of a name.
const MOST_INITIALS: usize = 3;

/// A name's span with the initials beside it: `J. Rey`, `J. M. Rey`, `J Rey`, `Rey, J.`, `Ana M.`, `Rey, Ana A`.
pub(super) fn with_initials(text: &str, mut start: usize, mut end: usize) -> (usize, usize) {
    for _ in 0..MOST_INITIALS {
        match initial_before(text, start) {
            Some(from) => start = from,
            None => break,
        }
    }
    for _ in 0..MOST_INITIALS {
        match initial_after(text, start, end) {
            Some(to) => end = to,
            None => break,
        }
    }
    (start, end)
}

/// Where an initial before a name begins. A line may end between them.
fn initial_before(text: &str, start: usize) -> Option<usize> {
    let before = &text[..start];
    let trimmed = before.trim_end_matches([' ', '\n', '\r']);
    let gap = before.len() - trimmed.len();
    let small = text[start..].starts_with(char::is_lowercase);
    if gap > 2 || before[trimmed.len()..].matches('\n').count() > 1 {
        return None;
    }
    let undotted = trimmed.strip_suffix(['.', '-']).unwrap_or(trimmed);
    let undotted = undotted.strip_suffix('.').unwrap_or(undotted);
    let dotted = undotted.len() < trimmed.len();
    let mut letters = undotted.chars().rev();
    let (initial, previous) = (letters.next()?, letters.next());
    let alone = previous.is_none_or(|p| !p.is_alphanumeric() && p != '\'' && p != '’');
    // In a note without capitals initials have none either. `A` and `I` are words too, and what a slash parts, as in
    // `h/o j rey`, is an abbreviation.
    let written = initial.is_uppercase() || initial.is_alphabetic() && small && dotted;
    let words = !dotted && (matches!(initial, 'A' | 'I') || gap == 0 || previous == Some('/') || small);
    (alone && written && !words).then(|| undotted.len() - initial.len_utf8())
}

/// Where an initial behind a name ends.
fn initial_after(text: &str, start: usize, end: usize) -> Option<usize> {
    let after = &text[end..];
    if let Some(initial) = after.strip_prefix('^') {
        let mut letters = initial.chars();
        let (initial, next) = (letters.next()?, letters.next());
        let alone = initial.is_uppercase() && next.is_none_or(|next| !next.is_alphanumeric());
        return alone.then(|| end + 1 + initial.len_utf8());
    }
    let trimmed = after.strip_prefix(',').unwrap_or(after).trim_start_matches([' ', '\n', '\r']);
    let skipped = after.len() - trimmed.len();
    if !(1..=3).contains(&skipped) || after[..skipped].matches('\n').count() > 1 {
        return None;
    }
    let mut letters = trimmed.chars();
    let (initial, next) = (letters.next()?, letters.next());
    let small = text[start..].starts_with(char::is_lowercase);
    let wrapped = after[..skipped].contains('\n');
    if !(initial.is_uppercase() || small && initial.is_alphabetic()) || wrapped && next != Some('.') {
        return None;
    }
    let stop = end + skipped + initial.len_utf8();
    if next == Some('.') && (initial.is_uppercase() || !matches!(initial, 'a' | 'i')) {
        // A further letter and stop make it an abbreviation: `rey p.o.`
        let abbreviated = !initial.is_uppercase() && letters.next().is_some_and(char::is_alphabetic);
        return (!abbreviated).then_some(stop + 1);
    }
    if next.is_some_and(|next| {
        next.is_alphanumeric() || matches!(next, '\'' | '’' | '/' | '-' | '&' | '+' | '=')
    }) {
        return None;
    }
    let rest = trimmed[initial.len_utf8()..].trim_start_matches(' ');
    let closes = !rest.starts_with(char::is_alphanumeric);
    match (initial, small) {
        // `Rey, Ana A` within a sentence is an initial, since no sentence begins there; `I` is one who speaks.
        ('A', _) => after.starts_with(' ').then_some(stop),
        ('I', _) => closes.then_some(stop),
        // In small letters only where nothing follows that it could be part of.
        (_, true) => {
            (closes && !matches!(initial, 'a' | 'i' | 'o' | 'x') && after.starts_with(' ')).then_some(stop)
        }
        _ => Some(stop),
    }
}

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
    pub acts: bool,
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

/// The initials that begin at `at`, if they are some of `known`, in lower case, zeros after them.
pub(super) fn initials(text: &str, at: usize, known: &FxHashSet<[u8; 4]>) -> Option<Initials> {
    let bytes = text.as_bytes();
    let capital = bytes[at].is_ascii_uppercase();
    if !bytes[at].is_ascii_alphabetic() || at > 0 && is_word(bytes[at - 1]) {
        return None;
    }
    let is_letter: fn(&u8) -> bool = if capital { u8::is_ascii_uppercase } else { u8::is_ascii_lowercase };
    let (mut letters, mut end, mut dots, mut here, mut count) = ([0u8; 4], at, 0, at, 0);
    while count < 4 && bytes.get(here).is_some_and(is_letter) {
        letters[count] = bytes[here];
        count += 1;
        here += 1;
        end = here;
        if bytes.get(here) == Some(&b'.') {
            dots += 1;
            here += 1;
            end = here;
            // A space or a line's end may stand between.
            if matches!(bytes.get(here), Some(b' ' | b'\n')) && bytes.get(here + 2) == Some(&b'.') {
                here += 1;
            }
        }
    }
    let stops = bytes.get(here).is_none_or(|&next| !is_word(next));
    let dotted = dots + 1 >= count && dots > 0;
    let shaped = stops && (2..=4).contains(&count) && (dotted || (dots == 0 && capital));
    if !shaped || !known.contains(&letters.map(|letter| letter.to_ascii_lowercase())) {
        return None;
    }
    let (before, gap) = word_before(text, at);
    let before = folded(before);
    let close = gap.trim().chars().all(|c| matches!(c, '.' | ':' | '#'));
    let is_introduced = introduces(&before) && close;
    let is_mentioned = introduces_initials(&before)
        && close
        && !text[end..].trim_start().starts_with(|c: char| c.is_ascii_digit());
    let line_before = text[..at].rsplit('\n').next().unwrap_or_default();
    let line_after = text[end..].split('\n').next().unwrap_or_default();
    let opens = line_before.trim_matches([' ', '-', '/', '~', '–', '—', '(', '[']).is_empty();
    let closes = line_after.trim_matches([' ', ')', ']', '.']).is_empty();
    let marked = line_before.trim_end().ends_with(['-', '~', '–', '—', '/', '(', '[']);
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
            || opens && line_after.starts_with(':'),
        acts: acts(&text[end..]) && (line_before.trim().is_empty() || gap.contains(['.', '\n', ';'])),
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// The word before a place, and what stands between; no further than a few bytes back.
fn word_before(text: &str, start: usize) -> (&str, &str) {
    const FAR: usize = 40;
    let mut from = start.saturating_sub(FAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let window = &text[from..start];
    let word_end = window.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
    let word_start = window[..word_end]
        .rfind(|c: char| !c.is_alphanumeric())
        .map_or(0, |at| at + window[at..].chars().next().map_or(1, char::len_utf8));
    (&window[word_start..word_end], &window[word_end..])
}

fn begins_sentence(before: &str, gap: &str) -> bool {
    before.is_empty() || gap.contains(['.', '!', '?', '\n', ':', ';', '•', '*', '|', '-', '/'])
}

/// Is it an eponym that its noun, or a score's number, stands behind?
fn is_eponym(page: &Page, word: &Word) -> bool {
    let Some(itself) = word.next.checked_sub(1).and_then(|at| page.at(at)) else { return false };
    if !itself.class.any(Class::EPONYM | Class::EPONYM_ALONE) || itself.end as usize != word.end {
        return false;
    }
    // `Wolff-Parkinson-White syndrome`
    for at in word.next..word.next + 4 {
        let Some(next) = page.at(at) else { return false };
        if next.class.any(Class::EPONYM_NOUN) && next.is_word() {
            return true;
        }
        if !(next.is(b'-') || next.is(b'\'') || next.is_capital() && next.class.any(Class::EPONYM)) {
            return false;
        }
    }
    false
}
