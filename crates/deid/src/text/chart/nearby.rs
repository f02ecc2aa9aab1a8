//! What stands around a word, where that decides whether it is a name.

use super::person::{introduces, introduces_initials};
use crate::text::fold::folded;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::{Words, words};
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
    // A line may end behind "to", "with", "by".
    let wrapped = gap_before == "\n" && introduces_initials(before);
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
    if shouted {
        let listed = gap_before.contains(',') && ends_line(page, word);
        let met = matches!(before.to_ascii_lowercase().as_str(), "meet" | "met" | "seeing" | "with" | "w")
            && gap_before.trim_matches(['/', ' ', '\n']).is_empty()
            && (met_ends(page, word.next) || acts(page, word.next));
        let kin = gap_before.trim() == "(" && introduces(&folded(before)) && page.sign(word.next, b')');
        return listed || met || kin || begins_sentence(before, gap_before) && acts(page, word.next);
    }
    capital
        && (wrapped || !begins_sentence(before, gap_before) || ends_line(page, word) || acts(page, word.next))
}

/// Does what follows say that a person stood before: a possessive, what people do, kin, another person?
pub(super) fn acts(page: &Page, mut next: usize) -> bool {
    let apart = page.at(next).is_some_and(|token| token.spaced);
    if page.before(next).is_some_and(|token| token.possessive) {
        return true;
    }
    // `Art (uncle)`, `Art, her uncle`
    let whose = page.says(next + 1, words!["her", "his", "their", "the", "my", "pt's"]);
    if page.sign(next, b'(') || page.sign(next, b',') && whose {
        let kin = next + 1 + usize::from(whose);
        return is(page, kin, Class::RELATION) || is(page, kin, Class::KIN);
    }
    if page.says(next, words!["and"]) || page.sign(next, b'&') {
        return page.at(next + 1).is_some_and(|other| {
            other.is_capital()
                && (other.class.any(Class::TITLE | Class::NAME) && !other.class.any(Class::PLAIN)
                    || other.case == Case::Initial && page.sign(next + 2, b'.'))
        });
    }
    const BETWEEN: Words = Words::of(&[
        "also", "still", "now", "again", "never", "always", "often", "then", "not", "only", "just",
        "himself", "herself", "today",
    ]);
    if page.says(next, &BETWEEN)
        || page.at(next).is_some_and(|token| token.is_word() && page.word(next).ends_with("ly"))
    {
        next += 1;
    }
    apart
        && is(page, next, Class::ACT)
        && page.at(next).is_some_and(|token| matches!(token.case, Case::Lower | Case::Shout))
}

/// Does what someone is met with end: a sentence, a clause, the day?
fn met_ends(page: &Page, next: usize) -> bool {
    page.says(next, words!["today", "again", "on", "at"])
        || page.at(next).is_none_or(|token| token.is(b'.') || token.kind == Kind::Break)
}

/// Is the token a word of this class?
fn is(page: &Page, at: usize, class: Class) -> bool {
    page.at(at).is_some_and(|token| token.class.any(class) && token.is_word())
}

/// Does the line end behind it, but for a stop, and not because it was full?
pub(super) fn ends_line(page: &Page, word: &Word) -> bool {
    let stop = usize::from(page.sign(word.next, b',') || page.sign(word.next, b'.'));
    page.at(word.next + stop).is_none_or(|token| token.kind == Kind::Break)
}

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

/// The longest particle that is looked for, in bytes.
pub(super) const LONGEST_PARTICLE: usize = 6;

/// The short word right before a name, as particles stand: apart by a space, a line's end, a hyphen, an apostrophe, or the
/// stop of `St. James`.
pub(super) fn particle_before(text: &str, start: usize) -> Option<Range<usize>> {
    let before = &text[..start];
    let trimmed = before.trim_end_matches([' ', '\n', '\r', '-', '\'', '’', '.']);
    // Most words before a name are longer than any particle.
    let longer = trimmed
        .len()
        .checked_sub(LONGEST_PARTICLE + 1)
        .is_some_and(|from| trimmed.as_bytes()[from..].iter().all(|byte| byte.is_ascii_alphanumeric()));
    if longer {
        return None;
    }
    let gap = &before[trimmed.len()..];
    let from = trimmed
        .rfind(|c: char| !c.is_alphanumeric())
        .map_or(0, |at| at + trimmed[at..].chars().next().map_or(1, char::len_utf8));
    let word = &trimmed[from..];
    // `0'Dea`, of a scanner.
    if word.is_empty() && gap.starts_with(['\'', '’']) && trimmed.ends_with('0') {
        let alone = !trimmed[..trimmed.len() - 1].ends_with(char::is_alphanumeric);
        return alone.then_some(trimmed.len() - 1..trimmed.len());
    }
    // `O'Dea`, `d'Amico`: a letter by itself wants its sign.
    let bound = word.chars().count() > 1 || gap.starts_with(['-', '\'', '’']);
    let stop = !gap.contains('.') || gap.starts_with('.') && word.len() <= 3;
    (!word.is_empty() && word.len() <= LONGEST_PARTICLE && !gap.is_empty() && gap.len() <= 3 && bound && stop)
        .then_some(from..trimmed.len())
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
        ('I', _) => {
            let doing = ["lives", "is", "was", "has", "stays", "resides", "dob", "mrn", "sex", "age", "born"];
            let word = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            (closes || text[..start].is_empty() || doing.iter().any(|w| word.eq_ignore_ascii_case(w)))
                .then_some(stop)
        }
        // In small letters only where nothing follows that it could be part of.
        (_, true) => {
            // `lark, ada a 33f`
            let aged = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let aged = aged.len() < rest.len() && aged.starts_with(['f', 'm', 'y', '/']);
            (aged || closes && !matches!(initial, 'a' | 'i' | 'o' | 'x') && after.starts_with(' '))
                .then_some(stop)
        }
        _ => Some(stop),
    }
}

/// The word before a place, and what stands between; no further than a few bytes back.
pub(super) fn word_before(text: &str, start: usize) -> (&str, &str) {
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

pub(super) fn begins_sentence(before: &str, gap: &str) -> bool {
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
