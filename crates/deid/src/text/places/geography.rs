//! Towns, counties and, where a policy wants it, countries.

use super::facility::{place, state_after};
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::Case;
use crate::text::words::words;
use std::ops::Range;

/// Finds them.
pub fn find(page: &mut Page, countries: bool) {
    let tokens = page.tokens();
    for (index, token) in tokens.iter().enumerate().skip(1) {
        if matches!(token.initial | 0x20, b'c' | b'p' | b'b')
            && let Some(range) = county(page, index)
            && !page.is_taken(range.clone())
        {
            page.take(range, Identifier::Location);
        }
    }
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        // "from tunisia"
        let small = token.class.any(Class::COUNTRY)
            && !token.is_capital()
            && !token.class.any(Class::PLAIN | Class::NAME);
        if small
            && countries
            && !page.is_taken_at(index)
            && page.before(index).is_some_and(|before| before.class.any(Class::PLACE_PREPOSITION))
        {
            page.take(index..index + 1, Identifier::Location);
        }
        if !token.class.any(Class::PLACE | Class::OPENS_PHRASE) || page.is_taken_at(index) {
            index += 1;
            continue;
        }
        let Some(end) = place(page, index).filter(|end| !page.is_taken(index..*end)) else {
            index += 1;
            continue;
        };
        let whole = state_after(page, end);
        if is_meant(page, index, end, whole > end, countries) {
            let whole = code_after(page, whole);
            page.take(index..whole, Identifier::Location);
            index = whole;
        } else {
            index = end;
        }
    }
}

/// `Waldo County`, `WALDO COUNTY`, `Knox and Waldo Counties`, `Knox Co.`, `County of Waldo`, `waldo county`.
fn county(page: &Page, index: usize) -> Option<Range<usize>> {
    let token = page.at(index).filter(|token| token.is_word())?;
    let kind = page.says(index, words!["county", "counties", "parish", "borough"]);
    let short = token.is_capital() && page.says(index, words!["co", "cty"]);
    if !kind && !short {
        return None;
    }
    let known = |at: usize| page.at(at).is_some_and(|token| token.class.any(Class::CITY));
    let named = |at: usize| {
        page.at(at).is_some_and(|token| {
            token.is_word()
                && (token.class.any(Class::CITY)
                    || token.case == Case::Title
                        && !token.class.any(
                            Class::PLAIN | Class::PLACE_PREPOSITION | Class::NAME_TRIGGER | Class::STATE,
                        ))
                && !token.class.any(Class::MONTH | Class::WEEKDAY)
                && !page.says(at, words!["the", "this", "our", "in", "a", "from", "at", "home"])
        })
    };
    if page.says(index + 1, words!["of"]) && named(index + 2) && !short {
        return Some(index..index + 3);
    }
    let last = index - 1;
    if !named(last) || short && !known(last) {
        return None;
    }
    let mut start = last;
    // "Prince George County", "Knox, Lincoln and Waldo Counties"
    for _ in 0..4 {
        let Some(before) = start.checked_sub(1) else { break };
        if named(before) && page.tokens()[before].case == Case::Title && page.tokens()[start].spaced {
            start = before;
        } else if before > 0
            && named(before - 1)
            && page.says(index, words!["counties"])
            && (page.sign(before, b',') || page.says(before, words!["and", "or"]))
        {
            start = before - 1;
        } else {
            break;
        }
    }
    let stop = usize::from(short && page.sign(index + 1, b'.'));
    Some(start..index + 1 + stop)
}

/// One past a postal code of four or five digits right behind a town.
pub fn code_after(page: &Page, end: usize) -> usize {
    let code = page
        .number(end)
        .is_some_and(|(length, value)| length == 5 || length == 4 && !(1900..2100).contains(&value));
    let counted = page.at(end + 1).is_some_and(|next| {
        next.class.any(Class::MEASURE) || !next.spaced && (next.is(b'/') || next.is(b'%') || next.is(b'-'))
    });
    end + usize::from(code && !counted && !page.joined(end) && !page.is_taken_at(end))
}

/// Whether a place is meant: many towns are words and people too.
fn is_meant(page: &Page, index: usize, end: usize, with_state: bool, countries: bool) -> bool {
    let token = &page.tokens()[index];
    // "Mifflin-St Jeor"
    if page.phrase(index).is_some_and(|phrase| phrase.class.any(Class::EPONYM)) {
        return false;
    }
    let phrase = page
        .phrases()
        .binary_search_by(|phrase| phrase.first.cmp(&index))
        .ok()
        .map(|found| page.phrases()[found]);
    let class = phrase.filter(|phrase| phrase.end == end).map_or(token.class, |phrase| phrase.class);
    // "Stevens-Johnson"
    let hyphened =
        page.sign(end, b'-') && page.joined(end) && page.at(end + 1).is_some_and(|next| next.is_capital())
            || index > 1 && page.sign(index - 1, b'-') && page.joined(index);
    if hyphened {
        return false;
    }
    // "Smith, MD"
    let doctor = end == index + 1
        && token.class.any(Class::COMMON)
        && page.sign(end, b',')
        && page.at(end + 1).is_some_and(|next| next.class.any(Class::CREDENTIAL))
        && page.number(end + 2).is_none();
    if with_state || doctor {
        return !doctor;
    }
    let after = page.at(end);
    if page.tokens()[end - 1].possessive && after.is_some_and(|next| next.class.any(Class::EPONYM_NOUN))
        || after.is_some_and(|next| next.class.any(Class::EPONYM_NOUN) && !next.is_number())
    {
        return false;
    }
    let located = page.before(index).is_some_and(|before| before.class.any(Class::PLACE_PREPOSITION));
    let several = end > index + 1;
    if class.any(Class::CITY) {
        let ambiguous = !several
            && class.any(Class::PLAIN | Class::NAME | Class::EPONYM | Class::MONTH | Class::NATIONALITY)
            || token.case == Case::Upper && token.len() <= 4;
        // A first name may be a town: "to Charlotte", where a name's other signs are.
        return !ambiguous
            || located && !class.any(Class::FIRST_COMMON)
            || located && page.says(index - 1, words!["in", "at", "near"]);
    }
    class.any(Class::COUNTRY)
        && countries
        && !(class.any(Class::ORDINARY | Class::NAME) && !located && !several)
}
