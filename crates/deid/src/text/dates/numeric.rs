//! Dates in digits alone.

use super::{YEARS, is_day, is_month, is_year};
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind, Token};
use std::ops::Range;

/// A date in digits that begins with the number at `index`.
pub fn find(page: &Page, index: usize) -> Option<Range<usize>> {
    if page.joined(index)
        && page.before(index).is_some_and(|token| match token.kind {
            Kind::Sign(sign) => {
                matches!(sign, b'.' | b'/' | b'$' | b'#' | b'_')
                    || sign == b'-'
                        && index > 1
                        && page.joined(index - 1)
                        && !page.tokens()[index - 2].is(b'-')
                        && page.number(index - 2).is_some()
            }
            Kind::Word => {
                !(token.len() == 1 && page.word(index - 1).eq_ignore_ascii_case("t")) && token.len() != 3
            }
            _ => false,
        })
    {
        return None;
    }
    range(page, index)
        .or_else(|| three(page, index))
        .or_else(|| compact(page, index))
        .or_else(|| two(page, index))
}

/// Which sign joins two numbers at `index` and after it, if one does.
fn separator(page: &Page, index: usize) -> Option<u8> {
    let Kind::Sign(sign @ (b'-' | b'/' | b'.')) = page.at(index + 1)?.kind else { return None };
    (page.joined(index + 1) && page.joined(index + 2) && page.number(index + 2).is_some()).then_some(sign)
}

/// Whether a longer number or a unit goes on at `end`.
fn goes_on(page: &Page, end: usize) -> bool {
    page.joined(end)
        && page.at(end).is_some_and(|token| {
            token.is_number()
                || matches!(token.kind, Kind::Sign(b'-' | b'/' | b'.' | b'%'))
                    && page.joined(end + 1)
                    && page.number(end + 1).is_some()
                || token.is_word() && !page.says(end, &["t", "z"])
        })
}

/// `4/12/2023`, `12.04.23`, `2023-04-12`, `2023/4/12`.
fn three(page: &Page, index: usize) -> Option<Range<usize>> {
    let first = separator(page, index)?;
    let second = separator(page, index + 2)?;
    let (a, b, c) = (index, index + 2, index + 4);
    // "10-20-30 mg"
    let counted =
        page.at(c + 1).is_some_and(|token| token.class.any(Class::MEASURE)) && page.number(c)?.0 < 4;
    if first != second || goes_on(page, c + 1) || counted {
        return None;
    }
    let day_and_month = |x, y| is_day(page, x) && is_month(page, y) || is_month(page, x) && is_day(page, y);
    let short_year = page.number(c)?.0 == 2;
    let found = is_year(page, a) && day_and_month(b, c)
        || is_year(page, c) && day_and_month(a, b)
        || short_year
            && is_day(page, a)
            && is_month(page, b)
            && first == b'.'
            && !page.says(index.wrapping_sub(1), &["version", "v", "section", "chapter", "release", "step"])
        || short_year && day_and_month(a, b) && first != b'.'
        || page.number(a)?.0 == 2
            && page.number(b)?.0 == 2
            && short_year
            && first != b'.'
            && day_and_month(b, c);
    found.then_some(a..c + 1)
}

/// `12.-16.04.2023`, `12-16.04.2023`, `4/12-4/16/2023`: a range of days before a whole date.
fn range(page: &Page, index: usize) -> Option<Range<usize>> {
    if !is_day(page, index) {
        return None;
    }
    let mut at = index + 1;
    if page.sign(at, b'/') && page.joined(at) && is_day(page, at + 1) {
        at += 2;
    } else if page.sign(at, b'.') && page.joined(at) {
        at += 1 + usize::from(is_month(page, at + 1) && page.joined(at + 1));
        at += usize::from(page.sign(at, b'.') && page.joined(at));
    }
    if !page.sign(at, b'-') {
        return None;
    }
    let last = three(page, at + 1)?;
    Some(index..last.end)
}

/// `20230412`, `20230412T1132`, `202304121132`; `04121950` after "DOB".
fn compact(page: &Page, index: usize) -> Option<Range<usize>> {
    let (length, value) = page.number(index)?;
    if page.joined(index + 1) && page.at(index + 1)?.is_word() && !page.says(index + 1, &["t"]) {
        return None;
    }
    let day = match length {
        8 => value,
        12 => value / 10_000,
        14 => value / 1_000_000,
        _ => return None,
    };
    let valid = |year: u64, month: u64, day: u64| {
        (1900..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    let clock = length == 8 || value / if length == 12 { 100 } else { 10_000 } % 100 < 24;
    let called_birth =
        (index.saturating_sub(3)..index).any(|at| page.says(at, &["dob", "birth", "born", "date", "dod"]));
    if valid(day / 10_000, day / 100 % 100, day % 100) && clock
        || called_birth
            && length == 8
            && (valid(day % 10_000, day / 1_000_000, day / 10_000 % 100)
                || valid(day % 10_000, day / 10_000 % 100, day / 1_000_000))
    {
        let mut end = index + 1;
        if page.says(end, &["t"])
            && page.joined(end)
            && page.joined(end + 1)
            && page.number(end + 1).is_some()
        {
            end += 2;
        }
        return Some(index..end);
    }
    None
}

/// `04/2023`, `2023-04`; and `4/12` where a word before or a time after calls it a day.
fn two(page: &Page, index: usize) -> Option<Range<usize>> {
    let sign = separator(page, index)?;
    let (a, b) = (index, index + 2);
    if sign == b'.' {
        return day_and_month_dotted(page, index);
    }
    if goes_on(page, b + 1) {
        return None;
    }
    if is_month(page, a) && is_year(page, b) && sign == b'/' && YEARS.contains(&page.number(b)?.1)
        || is_month(page, a) && page.number(a)?.0 == 2 && is_year(page, b)
        || is_year(page, a) && is_month(page, b) && page.number(b)?.0 == 2
    {
        return Some(a..b + 1);
    }
    let day = is_month(page, a) && is_day(page, b) || is_day(page, a) && is_month(page, b);
    if !day || sign != b'/' {
        return None;
    }
    let said = (index.saturating_sub(2)..index).any(|at| {
        page.says(
            at,
            &[
                "on",
                "dated",
                "since",
                "until",
                "till",
                "by",
                "from",
                "date",
                "dos",
                "dob",
                "admitted",
                "discharged",
                "thru",
                "through",
                "seen",
                "before",
                "after",
                "visit",
                "of",
                "due",
            ],
        )
    }) && !page.says(index - 1, &["of", "a", "is", "was", "at", "by"])
        || page.before(index).is_some_and(|token| token.class.any(Class::WEEKDAY))
        || page.before(index).is_some_and(|token| token.is(b','))
            && index > 1
            && page.tokens()[index - 2].class.any(Class::WEEKDAY);
    let unit =
        |token: &Token| token.class.any(Class::MEASURE) && !page.says(b + 1, &["in"]) || token.is(b'%');
    let measured = page.at(b + 1).is_some_and(unit)
        || page.says(
            b + 1,
            &["nodes", "lymph", "positive", "cores", "points", "lobes", "levels", "fields", "cycles"],
        )
        || page.says(index.wrapping_sub(1), &["nodes", "cores", "cycle", "week", "level"])
        || page.says(b + 1, &["on", "scale", "strength", "systolic", "murmur", "motor", "intensity", "sem"]);
    // No share of something is written with a zero before it, nor with so many parts; a score may be.
    let padded = [a, b].iter().any(|at| page.word(*at).starts_with('0'));
    let plain =
        (padded || page.number(b)?.1 > 12 && is_month(page, a)) && !is_scored(page, index) && !measured;
    let range_end = index > 1
        && (page.sign(index - 1, b'-') || page.says(index - 1, &["to", "and", "through", "thru"]))
        && page.is_taken(index - 2..index - 1);
    (said && !measured || range_end || plain).then_some(a..b + 1)
}

/// `12.04.`, in a sentence that goes on after it.
fn day_and_month_dotted(page: &Page, index: usize) -> Option<Range<usize>> {
    let (a, b, dot) = (index, index + 2, index + 3);
    let two_digits = page.number(b)?.0 == 2;
    let ends = page.sign(dot, b'.') && page.joined(dot) && !page.joined(dot + 1);
    let goes_on = page.at(dot + 1).is_some_and(|token| {
        token.is_word() && !token.is_capital() && !token.class.any(Class::MEASURE)
            || token.is(b'-')
            || token.is(b',')
    });
    // At a sentence's end it is a date after what someone did, and a value after what was measured or is.
    let done = page.before(index).is_some_and(|token| {
        token.is_word() && token.case == Case::Lower && !token.class.any(Class::CLINICAL | Class::MEASURE)
    }) && !page.says(
        index.wrapping_sub(1),
        &["was", "is", "of", "at", "were", "to", "or", "about", "x", "now", "then"],
    ) && page.number(a)?.0 == 2;
    (two_digits && ends && (goes_on || done) && is_day(page, a) && is_month(page, b)).then_some(a..dot + 1)
}

/// Does a score, a scale or a share stand right before?
fn is_scored(page: &Page, index: usize) -> bool {
    const WORDS: &[&str] = &[
        "score", "scores", "scored", "scale", "gcs", "mmse", "moca", "phq", "gad", "pain", "strength",
        "rated", "total", "vision", "acuity", "out", "apgar", "bp", "grade", "audit", "epds", "nihss",
        "points", "reflexes", "power",
    ];
    (index.saturating_sub(4)..index).any(|at| {
        page.says(at, WORDS)
            || page
                .at(at)
                .is_some_and(|token| token.is_word() && token.case == Case::Upper && token.len() > 1)
    })
}
