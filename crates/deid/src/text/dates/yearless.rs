//! Days without their year, `3/14` and `14.03.`, which scores, shares and values look like: what stands around decides,
//! and where it doesn't, the dates that the text has anyway.

use super::numeric::separator;
use super::{is_day, is_month, is_year};
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind, Token};
use crate::text::words::{Words, words};
use std::ops::Range;

/// Of the words that stand before a date, those that a score may follow too: they count where the number can be no usual share.
const DOUBTFUL: Words = Words::of(&[
    "was", "is", "of", "as", "had", "cultures", "culture", "cx", "bcx", "ucx", "her", "him", "lab", "labs",
    "dose", "by", "her", "week", "day", "out", "reported", "given", "last", "done", "next",
]);
/// Behind a share whatever its parts.
const ALWAYS_SHARED: Words = Words::of(&[
    "nodes", "node", "lymph", "cores", "points", "positive", "bottles", "fields", "correct", "lobes", "sem",
    "murmur", "strength", "reflexes", "items", "teeth",
]);

/// `4/12`, `12/4`, `04-12` that begin at `index`, parted by `sign`.
pub(super) fn find(page: &Page, index: usize, sign: u8) -> Option<Range<usize>> {
    let (a, b) = (index, index + 2);
    if !is_day_and_month(page, a, b) {
        return None;
    }
    let found = a..b + 1;
    if sign == b'-' {
        // Ranges of doses and days are written so too.
        let padded = page.word(a).len() == 2
            && page.word(b).len() == 2
            && [a, b].iter().any(|at| page.word(*at).starts_with('0'));
        let said = page.says(
            index.wrapping_sub(1),
            words!["on", "dated", "since", "date", "seen", "admitted", "discharged", "due", "dos"],
        );
        let number_before = page
            .before(index)
            .is_some_and(|token| token.is(b'-') || token.is_word() && !token.class.any(Class::ORDINARY));
        return ((padded && !number_before || said) && !is_counted(page, b)).then_some(found);
    }
    // No share of something is written with a zero before it, nor with so many parts.
    let padded = [a, b].iter().any(|at| page.word(*at).starts_with('0'));
    let odd = !is_share(page, a, b);
    let scored = !is_taken_out(page, index)
        && if odd || padded { scored_within(page, index, 2) } else { scored_within(page, index, 4) };
    if is_counted(page, b)
        || scored && !padded
        || !(odd || padded) && is(page, b + 1, Class::SHARED)
        || page.says(b + 1, &ALWAYS_SHARED)
    {
        // A day that something was done on stays one behind a score: "pain better since 3/14".
        let since = page.says(index.wrapping_sub(1), words!["on", "since", "dated", "until", "from"])
            && !is_counted(page, b)
            && (odd || !scored_within(page, index, 2));
        return (since || weekday_before(page, index)).then_some(found);
    }
    let said = is_said(page, index, b);
    (said || padded || weekday_before(page, index) || is_range(page, index) || odd && is_capable(page, index))
        .then_some(found)
}

/// Is it written as a share may be: no more of something than there are, in a usual number of parts?
pub(super) fn is_share(page: &Page, a: usize, b: usize) -> bool {
    let (Some((_, part)), Some((_, whole))) = (page.number(a), page.number(b)) else { return false };
    part <= whole && (whole <= 6 || matches!(whole, 8..=10 | 12 | 15 | 20 | 21 | 24 | 27 | 28 | 30))
}

/// More parts than there are, or an unusual number of them, where no value stands before.
fn is_capable(page: &Page, index: usize) -> bool {
    !page.before(index).is_some_and(|token| {
        token.is_number()
            || token.is(b'/')
            || token.is(b'=')
            || token.class.any(Class::MEASURE | Class::EPONYM)
            || token.case == Case::Initial
    }) && page.number(index).is_some_and(|(_, part)| part <= 12)
        || page.before(index).is_none_or(|token| token.kind == Kind::Break || token.is(b'('))
}

pub(super) fn is_day_and_month(page: &Page, a: usize, b: usize) -> bool {
    is_month(page, a) && is_day(page, b) || is_day(page, a) && is_month(page, b)
}

/// Does a word before or behind say that a day is meant?
fn is_said(page: &Page, index: usize, b: usize) -> bool {
    let share = is_share(page, index, b);
    let mut before = index.wrapping_sub(1);
    while page.at(before).is_some_and(|token| {
        matches!(token.kind, Kind::Sign(b'(' | b':' | b'~' | b'@' | b'"' | b',' | b'.') | Kind::Break)
    }) {
        before = before.wrapping_sub(1);
    }
    let adjoins = before.wrapping_add(1) == index
        || page.tokens().get(before.wrapping_add(1)).is_some_and(|t| !t.is(b',') && !t.is(b'.'));
    let says = |at: usize| is(page, at, Class::DATE_WORD) && !(share && page.says(at, &DOUBTFUL));
    let hyphened = page.sign(before.wrapping_sub(1), b'-') || page.sign(before.wrapping_sub(1), b'/');
    let word = adjoins && (says(before) || hyphened && page.says(before, words!["up", "c", "u"]));
    // What someone did: `extubated 11/2`.
    let verb = adjoins
        && page.at(before).is_some_and(|token| {
            token.is_word() && token.len() > 4 && token.case != Case::Upper && {
                let word = page.word(before).as_bytes();
                word[word.len() - 2..].eq_ignore_ascii_case(b"ed")
            }
        });
    // Behind a telephone number, a signature, or the date that it is set against.
    let placed = placed(page, index, b);
    let two_back = index > 1
        && page.says(
            index - 2,
            words!["on", "dated", "since", "until", "from", "date", "dos", "dob", "week", "w", "as"],
        )
        && !page.says(index - 1, words!["of", "a", "is", "was", "at", "by"])
        && !share
        || index > 1
            && page.says(index - 1, words!["of"])
            && page.says(
                index - 2,
                words![
                    "week",
                    "wk",
                    "as",
                    "am",
                    "pm",
                    "morning",
                    "evening",
                    "night",
                    "afternoon",
                    "note",
                    "visit",
                    "labs",
                    "date",
                    "ct",
                    "mri",
                    "echo",
                    "letter",
                ],
            );
    let time = page.number(b + 1).is_some_and(|(length, _)| length <= 2)
        && page.sign(b + 2, b':')
        && page.joined(b + 2)
        || page.number(b + 1).is_some_and(|(length, value)| {
            length == 4
                && value < 2400
                && value % 100 < 60
                && !is_year(page, b + 1)
                && page.before(index).is_none_or(|token| token.kind == Kind::Break)
        })
        || page.sign(b + 1, b'@');
    let weekday = page
        .at(b + 1 + usize::from(page.sign(b + 1, b'(')))
        .is_some_and(|token| token.class.any(Class::WEEKDAY) && token.is_word());
    // An entry of a diary: `3/14: slept well`, `3/14 - called`.
    let entry = page.before(index).is_none_or(|token| {
        token.kind == Kind::Break
            || token.is(b'*')
            || token.is(b'-') && (index < 2 || page.tokens()[index - 2].kind == Kind::Break)
    }) && (page.sign(b + 1, b':')
        || page.sign(b + 1, b'-')
        || page.at(b + 1).is_some_and(|t| t.is_word() && !share));
    let bracketed = page.sign(index.wrapping_sub(1), b'(')
        && page.sign(b + 1, b')')
        && (!share
            || is(page, index.wrapping_sub(2), Class::DATE_WORD)
                && !page.says(index.wrapping_sub(2), &DOUBTFUL));
    let range = ranges(page, b + 1);
    word || verb
        || is_taken_out(page, index)
        || placed
        || two_back
        || time
        || weekday
        || entry
        || bracketed
        || range
        || is(page, b + 1, Class::DATE_DONE)
            && !(share && page.says(b + 1, words!["at", "lab", "labs", "exam"]))
}

/// `3/14 - 3/16`, `3/14 to 3/16`, `3/14 and 3/16`: another day behind.
fn ranges(page: &Page, at: usize) -> bool {
    let joint = page.sign(at, b'-') || page.says(at, words!["to", "through", "thru", "until"]);
    joint && separator(page, at + 1) == Some(b'/') && is_day_and_month(page, at + 1, at + 3)
}

/// The end of a range whose beginning was found.
fn is_range(page: &Page, index: usize) -> bool {
    index > 1
        && (page.sign(index - 1, b'-')
            || page.sign(index - 1, b'&')
            || page.says(index - 1, words!["to", "and", "through", "thru", "until", "or"])
            || page.sign(index - 1, b','))
        && page.is_taken(index - 2..index - 1)
        && page.tokens()[index - 2].is_number()
}

fn weekday_before(page: &Page, index: usize) -> bool {
    let at = index.wrapping_sub(1);
    let at = if page.sign(at, b',') || page.sign(at, b'.') || page.sign(at, b'(') {
        at.wrapping_sub(1)
    } else {
        at
    };
    page.at(at).is_some_and(|token| token.class.any(Class::WEEKDAY) && token.is_word())
}

/// Is it counted in something?
pub(super) fn is_counted(page: &Page, b: usize) -> bool {
    let unit = |token: &Token| {
        token.class.any(Class::MEASURE)
            && !page.says(b + 1, words!["in", "c", "m", "l", "u", "k", "pain", "strength"])
            || token.is(b'%')
    };
    page.at(b + 1).is_some_and(unit)
        || page.joined(b + 1)
            && page.at(b + 1).is_some_and(|token| {
                token.is_word()
                    || token.is(b'-') && page.at(b + 2).is_some_and(|t| t.is_word() && page.joined(b + 2))
            })
}

/// Does a score, a scale or a share stand shortly before, in the same sentence?
pub(super) fn scored_within(page: &Page, index: usize, reach: usize) -> bool {
    for at in (index.saturating_sub(reach)..index).rev() {
        let token = &page.tokens()[at];
        if token.is(b'.') && token.end as usize != page.tokens()[at + 1].start as usize || token.is(b';') {
            return false;
        }
        if is(page, at, Class::SCORE) {
            return true;
        }
        // "Gleason 3/4", but "Hickman pulled 3/4" and "Hickman line out 3/4".
        let eponym = token.class.any(Class::EPONYM) && !token.class.any(Class::PLAIN);
        if eponym && !(at + 1..index).any(|at| is_done(page, at)) {
            return true;
        }
    }
    false
}

/// Does a day stand here whatever its numbers: at the end of a signature, behind a telephone number, against another date?
fn placed(page: &Page, index: usize, b: usize) -> bool {
    let ends = page.at(b + 1).is_none_or(|token| token.kind == Kind::Break)
        || page.sign(b + 1, b'.')
            && page.at(b + 2).is_none_or(|token| {
                token.kind == Kind::Break || token.is_capital() || token.case == Case::Shout
            });
    let Some(before) = page.before(index) else { return false };
    let telephoned = before.is_number()
        && before.len() >= 4
        && (before.len() >= 7
            || page.at(index.wrapping_sub(2)).is_some_and(|token| token.is(b'-') || token.is_number()))
        && (page.joined(b + 1) || ends);
    let credential = before.class.any(Class::CREDENTIAL) && before.case != Case::Lower
        || before.is(b'.') && index > 1 && page.tokens()[index - 2].case == Case::Initial;
    let name = before.is_word()
        && before.case != Case::Lower
        && before.class.any(Class::NAME)
        && !before.class.any(Class::EPONYM | Class::MEASURE | Class::CLINICAL);
    // `approved, Voss, Edda 3/4`: who, behind a comma, at the line's end.
    let line = (0..index).rev().take_while(|at| page.tokens()[*at].kind != Kind::Break).take(9);
    let signed =
        ends && (credential || name) && line.into_iter().any(|at| page.sign(at, b',') || page.sign(at, b':'));
    let set = page.says(index - 1, words!["not", "vs", "versus", "against"])
        || page.says(index - 1, words!["than", "of"])
            && page.says(index.wrapping_sub(2), words!["rather", "instead"]);
    let of_days = page.sign(b + 1, b':')
        || (index.saturating_sub(8)..index)
            .any(|at| page.is_taken_at(at) || page.number(at).is_some_and(|(length, _)| length == 8));
    telephoned || signed || set && of_days && !scored_within(page, index, 4)
}

/// What is done to a line, a tube or a stitch on a day.
fn is_done(page: &Page, at: usize) -> bool {
    let Some(token) = page.at(at).filter(|token| token.is_word()) else { return false };
    let word = page.word(at).as_bytes();
    page.says(at, words!["out", "in", "d/c", "dc", "withdrawn", "taken", "put", "sent"])
        || token.len() > 4 && word[word.len() - 2..].eq_ignore_ascii_case(b"ed")
}

/// `pulled 3/4`, `line out 3/4`: something was taken out, behind the fluid or the tube that a sentence speaks of.
fn is_taken_out(page: &Page, index: usize) -> bool {
    let device =
        |at: usize| page.at(at).is_some_and(|token| token.class.any(Class::EPONYM | Class::DEVICE_WORD));
    page.says(index.wrapping_sub(1), words!["out"])
        && (index.saturating_sub(5)..index - 1).any(|at| device(at) || is_done(page, at))
}

/// `12.04.`, in a sentence that goes on after it.
pub(super) fn dotted(page: &Page, index: usize) -> Option<Range<usize>> {
    let (a, b, dot) = (index, index + 2, index + 3);
    let two_digits = page.number(b)?.0 == 2;
    if !is_day(page, a) || !is_month(page, b) {
        return None;
    }
    // A second sign behind the stop: it is the date's, and no sentence's.
    let twice = page.sign(dot, b'.')
        && page.joined(dot)
        && page.joined(dot + 1)
        && page
            .at(dot + 1)
            .is_some_and(|token| matches!(token.kind, Kind::Sign(b'.' | b';' | b':' | b',' | b')')));
    let stops = page.sign(dot, b'.') && page.joined(dot) && (!page.joined(dot + 1) || twice);
    let next = page.at(dot + 1);
    let value = page.before(index).is_some_and(|token| {
        token.class.any(Class::CLINICAL | Class::MEASURE)
            || token.case == Case::Upper && !is(page, index - 1, Class::DATE_WORD)
    }) || page.says(index.wrapping_sub(1), words!["ph", "was", "is", "of", "were"]);
    let goes_on = !value
        && next.is_some_and(|token| {
            token.is_word() && !token.is_capital() && !token.class.any(Class::MEASURE)
                || token.is(b'-')
                || token.is(b',')
                || token.is(b')')
        });
    let range = page.sign(dot, b'.') && page.sign(dot + 1, b'-');
    let said = is_day_said(page, index);
    // At a sentence's end it is a date after what someone did, and a value after what was measured or is.
    let done = page.before(index).is_some_and(|token| {
        token.is_word() && token.case == Case::Lower && !token.class.any(Class::CLINICAL | Class::MEASURE)
    }) && !page.says(
        index.wrapping_sub(1),
        words!["was", "is", "of", "at", "were", "to", "or", "about", "x", "now", "then", "than"],
    ) && page.number(a)?.0 == 2;
    // A signature's end: `Ada Lark, MD 12.04.`
    let signed = page.before(index).is_some_and(|token| {
        token.class.any(Class::CREDENTIAL) && token.case != Case::Lower
            || token.is(b'.') && index > 1 && page.tokens()[index - 2].case == Case::Initial
            || token.is_capital()
                && token.class.any(Class::NAME)
                && !token.class.any(Class::PLAIN | Class::EPONYM | Class::MEASURE)
    }) && next.is_none_or(|token| token.kind == Kind::Break || token.is_capital());
    let padded = page.number(a)?.0 == 2;
    let found = two_digits
        && stops
        && (goes_on || done || twice || padded && (signed || !is_valued(page, index, dot + 1)))
        || range && two_digits
        || said && stops && (two_digits || page.number(b)?.1 < 10)
        || weekday_before(page, index) && (stops || two_digits);
    found.then_some(a..dot + usize::from(page.sign(dot, b'.') && page.joined(dot)))
}

/// Does what stands around `12.04.` say that something was measured or counted?
fn is_valued(page: &Page, index: usize, next: usize) -> bool {
    let counted = page.at(next).is_some_and(|token| {
        token.is_number() || token.class.any(Class::MEASURE) || token.is(b'%') || token.is(b'/')
    });
    let mut before = index;
    while let Some(at) = before.checked_sub(1)
        && matches!(page.tokens()[at].kind, Kind::Sign(b':' | b'=' | b'~' | b'(' | b'<' | b'>'))
    {
        before = at;
    }
    let Some(what) = page.before(before) else { return counted };
    let measured = match what.kind {
        Kind::Break => false,
        Kind::Number => true,
        Kind::Sign(sign) => !matches!(sign, b'.' | b';' | b'-' | b'*'),
        Kind::Word => {
            what.class.any(
                Class::CLINICAL
                    | Class::MEASURE
                    | Class::SCORE
                    | Class::VITAL
                    | Class::MEDICINE
                    | Class::CODE_SYSTEM,
            ) || matches!(what.case, Case::Upper | Case::Initial | Case::Mixed)
                && !is(page, before - 1, Class::DATE_WORD)
                || page.says(
                    before - 1,
                    words![
                        "ph", "was", "is", "of", "were", "at", "to", "or", "about", "x", "now", "then",
                        "than", "by", "from", "and", "version", "section", "item", "step", "only", "around",
                        "level", "levels", "value"
                    ],
                )
        }
    };
    counted || measured
}

/// `on 12.04`, `since 3.4.`
pub(super) fn is_day_said(page: &Page, index: usize) -> bool {
    page.says(
        index.wrapping_sub(1),
        words![
            "on",
            "since",
            "until",
            "till",
            "dated",
            "am",
            "vom",
            "seit",
            "bis",
            "ab",
            "dne",
            "od",
            "do",
            "le",
            "du",
            "el",
            "den",
            "admitted",
            "discharged",
            "due",
            "date",
        ],
    )
}

/// Is the token a word of this class?
pub(super) fn is(page: &Page, at: usize, class: Class) -> bool {
    page.at(at).is_some_and(|token| token.class.any(class) && token.is_word())
}
