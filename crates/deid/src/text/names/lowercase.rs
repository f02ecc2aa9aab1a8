//! Names without capitals, or in lines of nothing else.

use super::context;
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::words;
use std::ops::Range;

/// A name at `index`: a given name that is no plain word, with a family name behind it.
pub fn find(page: &Page, index: usize) -> Option<(Range<usize>, Identifier)> {
    let token = page.at(index)?;
    if !matches!(token.case, Case::Lower | Case::Shout) || token.len() < 3 {
        return None;
    }
    let strong = |at: usize| {
        page.at(at).is_some_and(|token| {
            token.is_word()
                && token.len() > 2
                && (token.class.any(Class::COMMON) || !token.class.any(Class::PLACE | Class::EPONYM))
                && token.class.any(Class::NAME)
                && !token.class.any(Class::PLAIN | Class::MONTH | Class::NATIONALITY)
                && !page.is_taken_at(at)
        })
    };
    // Most words are no names.
    if !token.class.any(Class::FIRST_COMMON) && !strong(index) {
        return None;
    }
    let said = page.says(index.wrapping_sub(1), words!["named", "mr", "mrs", "ms", "dr"])
        || page.says(index.wrapping_sub(1), words!["is"]) && page.says(index.wrapping_sub(2), words!["name"])
        || page.sign(index.wrapping_sub(1), b':')
            && page
                .says(index.wrapping_sub(2), words!["name", "patient", "provider", "physician", "attending"]);
    let whole = said
        && token.class.any(Class::FIRST_COMMON)
        && page.at(index + 1).is_some_and(|next| next.class.any(Class::LAST_COMMON) && next.spaced);
    if whole {
        return Some((index..index + 2, Identifier::Name));
    }
    if !strong(index) || !token.class.any(Class::GIVEN) && !said {
        return None;
    }
    let mut at = index + 1;
    // A middle initial.
    if page
        .at(at)
        .is_some_and(|token| token.is_word() && token.len() == 1 && !page.says(at, words!["a", "i"]))
    {
        at += 1;
        at += usize::from(page.sign(at, b'.'));
    }
    let next = page.at(at);
    let spaced = next.is_some_and(|token| token.spaced || page.sign(at - 1, b'.'));
    let family = spaced && strong(at);
    let unknown = spaced
        && next.is_some_and(|token| token.is_word() && token.len() > 3 && token.class.is_none())
        && token.class.any(Class::FIRST_COMMON)
        && token.case == Case::Lower;
    let ambiguous = token.class.any(Class::FIRST_COMMON)
        && next.is_some_and(|token| token.class.any(Class::LAST_COMMON) && token.kind == Kind::Word)
        && spaced;
    if said || family || unknown || ambiguous {
        let end = if family || unknown || ambiguous { at + 1 } else { index + 1 };
        if !context::eponym(page, index, end) {
            return Some((index..end, Identifier::Name));
        }
    }
    // "follow up with patricia"
    let with = page.says(index.wrapping_sub(1), words!["with", "by", "hi", "dear", "tell", "ask", "call"]);
    (with && token.class.any(Class::FIRST_COMMON) && token.case == Case::Lower)
        .then_some((index..index + 1, Identifier::Name))
}
