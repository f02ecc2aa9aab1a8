//! Licence plates: short groups of capitals and digits where a plate, a tag or a vehicle is spoken of.

use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::{Words, words};
use std::ops::Range;

/// How far behind its word a plate may stand.
const REACH: usize = 9;
/// Letters and digits of a plate, and of one group.
const LETTERS: std::ops::RangeInclusive<usize> = 4..=8;
const GROUP: usize = 7;
/// How many words back a vehicle may be named before a plate that nothing calls one.
const BACK: usize = 12;

/// Of them, those that are said of other things too: the plate follows at once, or a vehicle is near.
const DOUBTFUL: Words = Words::of(&["tag", "tags", "registration", "reg", "licence", "license", "lic"]);

/// The plate that belongs to the word at `index`.
pub(super) fn find(page: &Page, index: usize) -> Option<Range<usize>> {
    let token = page.at(index)?;
    if token.class.any(Class::PLATE) {
        return called(page, index);
    }
    // A plate that nothing calls one, with a vehicle before it or `plate` behind it.
    let shaped = matches!(token.case, Case::Upper | Case::Initial | Case::Shout)
        && token.len() <= 3
        && (!page.joined(index) || page.sign(index - 1, b'('));
    if shaped && !token.class.any(Class::CODE_SYSTEM | Class::MEASURE | Class::CLINICAL) {
        beside(page, index)
    } else {
        None
    }
}

/// The same for a plate that begins with digits.
pub(super) fn from_number(page: &Page, index: usize) -> Option<Range<usize>> {
    let (length, _) = page.number(index)?;
    if length > 4 || page.joined(index) && !page.sign(index - 1, b'(') {
        return None;
    }
    beside(page, index)
}

fn beside(page: &Page, index: usize) -> Option<Range<usize>> {
    let range = value(page, index, false)?;
    let words = || range.clone().filter(|at| page.tokens()[*at].is_word());
    if words().any(|at| {
        page.tokens()[at].class.any(Class::MEASURE | Class::CLINICAL) && page.tokens()[at].len() > 1
    }) {
        return None;
    }
    let near = (range.end..range.end + 5).any(|at| page.says(at, words!["plate", "plates", "tag", "tags"]));
    let digits: usize = range.clone().filter_map(|at| page.number(at)).map(|(length, _)| length).sum();
    let vehicle = digits >= 3
        && (index.saturating_sub(BACK)..index)
            .rev()
            .take_while(|at| {
                (!page.sign(*at, b'.') || page.joined(at + 1)) && page.tokens()[*at].kind != Kind::Break
            })
            .any(|at| page.tokens()[at].class.any(Class::VEHICLE));
    (near || vehicle).then_some(range)
}

fn called(page: &Page, index: usize) -> Option<Range<usize>> {
    let doubtful = page.says(index, &DOUBTFUL);
    let vehicle = (index.saturating_sub(6)..index + 8).any(|at| {
        page.at(at).is_some_and(|token| token.class.any(Class::VEHICLE))
            || page.says(at, words!["plate", "plates"])
    });
    let (mut at, mut explicit) = (index + 1, false);
    while at - index <= REACH {
        let token = page.at(at)?;
        explicit |=
            token.is(b':') || token.is(b'#') || page.says(at, words!["number", "no", "reads", "is", "num"]);
        if (!doubtful || vehicle || explicit)
            && let Some(range) = value(page, at, (explicit || at == index + 1) && (!doubtful || vehicle))
        {
            return Some(range);
        }
        let connects = match token.kind {
            Kind::Sign(sign) => matches!(
                sign,
                b':' | b'#' | b'.' | b'=' | b'-' | b'(' | b')' | b'"' | b'\'' | b',' | b'/' | b'*'
            ),
            Kind::Break => true,
            Kind::Word => {
                token.case == Case::Lower
                    || page.says(at, words!["plate", "plates", "number", "no", "tag"])
                    || token.class.any(Class::STATE | Class::STATE_LETTERS | Class::NATIONALITY)
            }
            Kind::Number => false,
        };
        if !connects {
            return None;
        }
        at += 1;
    }
    None
}

/// A plate at `at`: groups of capitals and digits, joined, hyphened or spaced. `bare`: letters alone will do.
fn value(page: &Page, at: usize, bare: bool) -> Option<Range<usize>> {
    let shout = page.at(at)?.case == Case::Shout;
    let (mut end, mut letters, mut digits, mut groups) = (at, 0, 0, 0);
    let mut settled = None;
    while let Some(token) = page.at(end) {
        let spaced = end > at && token.spaced && !page.sign(end - 1, b'-');
        match token.kind {
            Kind::Number if token.len() <= 5 => digits += token.len(),
            Kind::Word
                if matches!(token.case, Case::Upper | Case::Initial) && token.len() <= GROUP
                    || token.case == Case::Shout && token.len() <= 4
                    || token.case == Case::Mixed && token.len() <= 3 =>
            {
                letters += token.len()
            }
            Kind::Sign(b'-' | b'*')
                if end > at
                    && page
                        .at(end + 1)
                        .is_some_and(|next| !next.spaced && (next.is_word() || next.is_number())) =>
            {
                end += 1;
                continue;
            }
            // A line may end within a plate.
            Kind::Break
                if end > at && digits == 0 && page.number(end + 1).is_some_and(|(length, _)| length <= 4) =>
            {
                end += 1;
                continue;
            }
            _ => break,
        }
        groups += usize::from(end == at || spaced);
        if groups > 3 || letters + digits > *LETTERS.end() {
            break;
        }
        end += 1;
        let whole = !page.at(end).is_some_and(|next| !next.spaced && (next.is_word() || next.is_number()));
        let enough = LETTERS.contains(&(letters + digits))
            && (digits > 0 && letters > 0
                || bare && !shout && letters == 0 && digits >= 4
                || bare && !shout && digits == 0 && groups == 1);
        let counted = page
            .at(end)
            .is_some_and(|next| next.class.any(Class::MEASURE) && next.case == Case::Lower || next.is(b'%'));
        if whole && enough && !counted {
            settled = Some(end);
        }
    }
    settled.map(|end| at..end).filter(|range| !page.is_taken(range.clone()))
}
