//! Dates in digits alone.

use super::{YEARS, is_day, is_month, is_year, yearless};
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::Kind;
use crate::text::words::words;
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
        .or_else(|| spaced(page, index))
        .or_else(|| compact(page, index))
        .or_else(|| two(page, index))
}

/// Which sign joins two numbers at `index` and after it, if one does.
pub(super) fn separator(page: &Page, index: usize) -> Option<u8> {
    let Kind::Sign(sign @ (b'-' | b'/' | b'.')) = page.at(index + 1)?.kind else { return None };
    (page.joined(index + 1) && page.joined(index + 2) && page.number(index + 2).is_some()).then_some(sign)
}

/// Whether a longer number or a unit goes on at `end`.
pub(super) fn goes_on(page: &Page, end: usize) -> bool {
    page.joined(end)
        && page.at(end).is_some_and(|token| {
            token.is_number()
                || matches!(token.kind, Kind::Sign(b'-' | b'/' | b'.' | b'%'))
                    && page.joined(end + 1)
                    && page.number(end + 1).is_some()
                || token.is_word() && !page.says(end, words!["t", "z"])
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
            && !page
                .says(index.wrapping_sub(1), words!["version", "v", "section", "chapter", "release", "step"])
        || short_year && day_and_month(a, b) && first != b'.'
        || page.number(a)?.0 == 2
            && page.number(b)?.0 == 2
            && short_year
            && first != b'.'
            && day_and_month(b, c);
    found.then_some(a..c + 1)
}

/// `12. 4. 2023`, `12 / 04 / 2023`: as in forms, and in Central Europe.
fn spaced(page: &Page, index: usize) -> Option<Range<usize>> {
    let (a, b, c) = (index, index + 2, index + 4);
    let sign =
        [b'.', b'/', b'-'].into_iter().find(|sign| page.sign(a + 1, *sign) && page.sign(b + 1, *sign))?;
    let day = is_day(page, a) && is_month(page, b) || is_month(page, a) && is_day(page, b);
    let year = is_year(page, c) && !goes_on(page, c + 1);
    (day && year && (sign != b'.' || page.joined(a + 1) && page.joined(b + 1))).then_some(a..c + 1)
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
    if page.joined(index + 1) && page.at(index + 1)?.is_word() && !page.says(index + 1, words!["t"]) {
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
    let called_birth = (index.saturating_sub(3)..index)
        .any(|at| page.says(at, words!["dob", "birth", "born", "date", "dod"]));
    if valid(day / 10_000, day / 100 % 100, day % 100) && clock
        || called_birth
            && length == 8
            && (valid(day % 10_000, day / 1_000_000, day / 10_000 % 100)
                || valid(day % 10_000, day / 10_000 % 100, day / 1_000_000))
    {
        let mut end = index + 1;
        if page.says(end, words!["t"])
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

/// `04/2023`, `2023-04`.
fn two(page: &Page, index: usize) -> Option<Range<usize>> {
    let sign = separator(page, index)?;
    let (a, b) = (index, index + 2);
    if sign == b'.' {
        return yearless::dotted(page, index);
    }
    // 3/14-3/16, 3/14-16
    let day =
        |x: usize, y: usize| is_month(page, x) && is_day(page, y) || is_day(page, x) && is_month(page, y);
    if sign == b'/' && page.sign(b + 1, b'-') && page.joined(b + 1) && page.joined(b + 2) && day(a, b) {
        if separator(page, b + 2) == Some(b'/') && day(b + 2, b + 4) && !goes_on(page, b + 5) {
            return Some(a..b + 5);
        }
        let later = is_day(page, b + 2) && page.number(b + 2)?.1 > page.number(b)?.1 && page.number(b)?.1 > 6;
        if later && !goes_on(page, b + 3) && yearless::find(page, index, sign).is_some() {
            return Some(a..b + 3);
        }
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
    yearless::find(page, index, sign)
}
