//! Streets where capitals tell nothing.

use super::address::is_suffix;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::words;
use std::ops::Range;

/// `77 POPLAR TERRACE` in a line of capitals, and `lives 77 poplar terrace` in a note of small letters, where no capital tells a
/// name: what stands around does.
pub(super) fn find(page: &Page, index: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 3;
    let (length, _) = page.number(index).filter(|(length, _)| *length <= 5)?;
    if !(index + 2..=index + 1 + LONGEST).any(|at| is_suffix(page, at)) {
        return None;
    }
    if page.joined(index)
        && page.before(index).is_some_and(|token| !matches!(token.kind, Kind::Sign(b'(' | b':' | b'"')))
    {
        return None;
    }
    let dwells = page.says(
        index.wrapping_sub(1),
        words![
            "lives",
            "lived",
            "resides",
            "resided",
            "stays",
            "home",
            "addr",
            "address",
            "residing",
            "living",
            "dwells",
            "lodges",
            "domiciled",
        ],
    ) || page.says(index.wrapping_sub(1), words!["at"])
        && page.says(
            index.wrapping_sub(2),
            words![
                "lives",
                "lived",
                "resides",
                "stays",
                "home",
                "house",
                "residing",
                "living",
                "staying",
                "apartment",
            ],
        );
    let written = |case: Case| case == Case::Shout || dwells && case == Case::Lower;
    let name = |at: usize| {
        page.at(at).is_some_and(|token| {
            token.is_word()
                && written(token.case)
                && token.len() > 1
                && !token.class.any(Class::MEASURE | Class::MEDICINE | Class::CLINICAL | Class::NUMBER_WORD)
        })
    };
    let mut at = index + 1;
    while at <= index + LONGEST && name(at) && !(at > index + 1 && is_suffix(page, at)) {
        at += 1;
    }
    let suffix = at > index + 1 && is_suffix(page, at) && written(page.tokens()[at].case);
    let telling = (index + 1..at).any(|at| !page.tokens()[at].class.any(Class::PLAIN)) || length >= 3;
    let led = page.says(
        index.wrapping_sub(1),
        words![
            "to",
            "at",
            "of",
            "from",
            "near",
            "address",
            "addr",
            "home",
            "lives",
            "resides",
            "residence",
            "on"
        ],
    ) || page
        .before(index)
        .is_none_or(|token| token.kind == Kind::Break || token.is(b':') || token.is(b','));
    let followed = page.at(at + 1).is_none_or(|token| {
        token.kind == Kind::Break
            || matches!(token.kind, Kind::Sign(b',' | b'.' | b';' | b')'))
            || token.class.any(Class::ROOM)
    });
    (suffix && (dwells || telling && (led || followed))).then_some(index..at + 1)
}
