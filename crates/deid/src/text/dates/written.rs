//! Dates with words: months, quarters, seasons of a year.

use super::{is_day, is_year};
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::Kind;
use crate::text::words::{Words, words};
use std::ops::Range;

/// Skips stops and commas, and the end of a line before a number: notes are wrapped.
fn over(page: &Page, at: usize, signs: &[u8]) -> usize {
    let at = match signs.iter().any(|sign| page.sign(at, *sign)) {
        true => at + 1,
        false => at,
    };
    let wrapped = page.at(at).is_some_and(|token| token.kind == Kind::Break) && is_year(page, at + 1);
    at + usize::from(wrapped)
}

/// One past an ordinal ending of the number before `at`.
fn ordinal(page: &Page, at: usize) -> usize {
    match page.joined(at) && page.says(at, words!["st", "nd", "rd", "th"]) {
        true => at + 1,
        false => at,
    }
}

/// One past a year at `at`: `2023`, `, 2023`, ` of 2023`, `'23`; `at` itself if there is none.
fn year(page: &Page, at: usize) -> usize {
    let mut next = over(page, at, b",.-/");
    if page.says(next, words!["of", "in"]) {
        next = over(page, next + 1, b"");
    }
    if is_year(page, next) {
        return next + 1;
    }
    if page.sign(at, b'\'') && page.number(at + 1).is_some_and(|(length, _)| length == 2) {
        return at + 2;
    }
    if page.sign(at, b',')
        && page.sign(at + 1, b'\'')
        && page.number(at + 2).is_some_and(|(length, _)| length == 2)
    {
        return at + 3;
    }
    // 12 APR 23: two digits that nothing is counted by.
    let counted = |end: usize| {
        page.at(end).is_some_and(|token| token.class.any(Class::MEASURE) && token.len() > 1 || token.is(b'%'))
            && !page.says(end, words!["in", "pain", "strength", "times", "dose", "doses", "daily"])
            || page.joined(end)
                && page.at(end).is_some_and(|t| {
                    t.is_word() || t.is(b':') && page.joined(end + 1) && page.number(end + 1).is_some()
                })
    };
    if next == at
        && page.number(next).is_some_and(|(length, _)| length == 2)
        && page.before(at).is_some_and(|token| token.class.any(Class::MONTH))
        && !counted(next + 1)
    {
        return next + 1;
    }
    // 12-Apr-23
    if next > at
        && page.joined(next)
        && page.number(next).is_some_and(|(length, _)| length == 2)
        && !page.sign(at, b',')
        && !page.sign(at, b'.')
    {
        return next + 1;
    }
    at
}

/// One past a further day of a range: `-15`, ` to 15`, ` and 16th`, `, 17`.
fn more_days(page: &Page, mut at: usize) -> usize {
    // A longest list keeps the work linear.
    for _ in 0..6 {
        let Some(next) = page.at(at) else { break };
        let joint = next.is(b'-')
            || next.is(b'/')
            || next.is(b'&')
            || page.says(at, words!["to", "and", "through", "thru", "or", "until"])
            || next.is(b',') && !is_year(page, at + 1);
        if !joint || !is_day(page, at + 1) {
            break;
        }
        let end = ordinal(page, at + 2);
        // "April 12 and 3 tablets": a range's end isn't what something is counted by.
        let counted = page
            .at(end)
            .is_some_and(|t| t.class.any(Class::MEASURE) || t.is(b'%') || t.is(b'.') && page.joined(end + 1))
            || page.joined(end)
                && page.at(end).is_some_and(|t| t.is(b':') || t.is(b'/') || t.is_word() || t.is_number());
        if counted {
            break;
        }
        at = end;
    }
    at
}

/// A date that begins with a word: a month, a weekday before a date, a season of a year.
pub fn from_word(page: &Page, index: usize) -> Option<Range<usize>> {
    let class = page.at(index)?.class;
    if class.any(Class::MONTH) {
        // "the fourteenth of March", "March twenty-first"
        let before = if page.says(index.wrapping_sub(1), words!["of"]) {
            index.wrapping_sub(2)
        } else {
            index.wrapping_sub(1)
        };
        if let Some(start) = ordinal_word_before(page, before) {
            return Some(start..year(page, index + 1));
        }
        if let Some(end) = ordinal_word(page, index + 1) {
            return Some(index..year(page, end));
        }
        if let Some(end) = month_first(page, index) {
            return Some(index..end);
        }
    }
    if class.any(Class::WEEKDAY) {
        // A weekday before a date belongs to it; alone it stays.
        let mut next = over(page, over(page, index + 1, b"."), b",");
        if page.says(next, words!["the"]) {
            next += 1;
        }
        let date = match page.at(next)? {
            token if token.is_number() => {
                super::numeric::find(page, next).or_else(|| from_number(page, next))
            }
            token if token.class.any(Class::MONTH) => month_first(page, next).map(|end| next..end),
            _ => None,
        };
        return date.map(|date| index..date.end);
    }
    if class.any(Class::SEASON | Class::HOLIDAY) {
        let mut end = index + 1;
        if page.says(end, words!["of"]) || page.sign(end, b',') {
            end += 1;
        }
        if is_year(page, end) {
            return Some(index..end + 1);
        }
        let end = page
            .phrase(index)
            .filter(|phrase| phrase.class.any(Class::HOLIDAY))
            .map_or(index + 1, |phrase| phrase.end);
        return (class.any(Class::HOLIDAY) && page.at(index)?.is_capital()).then_some(index..end);
    }
    None
}

/// Days of a month in words.
const DAYS: Words = Words::of(&[
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "thirtieth",
]);

/// One past a day in words at `at`.
fn ordinal_word(page: &Page, at: usize) -> Option<usize> {
    if page.says(at, words!["twenty", "thirty"]) {
        let ones = at + 1 + usize::from(page.sign(at + 1, b'-'));
        return page.says(ones, &DAYS).then_some(ones + 1);
    }
    page.says(at, &DAYS).then_some(at + 1)
}

/// Where a day in words that ends with `at` begins.
fn ordinal_word_before(page: &Page, at: usize) -> Option<usize> {
    if !page.says(at, &DAYS) {
        return None;
    }
    let tens = if page.sign(at.wrapping_sub(1), b'-') { at.wrapping_sub(2) } else { at.wrapping_sub(1) };
    Some(if page.says(tens, words!["twenty", "thirty"]) { tens } else { at })
}

/// One past a date that begins with the month at `index`.
fn month_first(page: &Page, index: usize) -> Option<usize> {
    let token = page.at(index)?;
    let word = page.word(index);
    let ambiguous = [
        "may", "march", "mar", "sept", "dec", "jan", "jun", "juli", "august", "mars", "mayo", "april",
        "june", "abril",
    ]
    .iter()
    .any(|month| word.eq_ignore_ascii_case(month));
    let mut at = over(page, index + 1, b".");
    if page.says(at, words!["the"]) {
        at += 1;
    }
    let glued = over(page, at, b"-/,");
    let day_at = if is_day(page, at) { at } else { glued };
    if is_day(page, day_at) {
        let after_day = ordinal(page, day_at + 1);
        // "Voss, April 10/6": a name before another date.
        if page.sign(after_day, b'/') && page.joined(after_day) && page.number(after_day + 1).is_some() {
            return None;
        }
        let end = more_days(page, after_day);
        let with_year = year(page, end);
        if with_year > end {
            return Some(with_year);
        }
        // "may 5 mg", "March 4.5": no day.
        let next = page.at(after_day);
        let counted = next.is_some_and(|t| t.class.any(Class::MEASURE) || t.is(b'%'))
            && !page.says(after_day, words!["in"])
            || page.joined(after_day)
                && next.is_some_and(|t| {
                    (t.is(b':') || t.is(b'/'))
                        && page.joined(after_day + 1)
                        && page.number(after_day + 1).is_some()
                        || t.is_number()
                        || t.is_word() && !t.possessive
                })
            || page.joined(after_day + 1)
                && next.is_some_and(|t| t.is(b'.'))
                && page.number(after_day + 1).is_some();
        let dated = page
            .at(index.wrapping_sub(1))
            .is_some_and(|token| token.class.any(Class::DATE_WORD) && token.is_word());
        let capital = !matches!(token.case, crate::text::token::Case::Lower)
            || !ambiguous
            || after_day > day_at + 1
            || dated;
        if !counted && capital && day_at == at {
            return Some(end);
        }
    }
    let with_year = year(page, at);
    if with_year > at {
        return Some(with_year);
    }
    if page.joined(at) && page.number(at).is_some_and(|(length, _)| length == 4) && is_year(page, at) {
        return Some(at + 1);
    }
    // A month alone: where a preposition or an adjective of time makes it one.
    let whole = word.len() > 4 || matches!(word, "May" | "June" | "July");
    let said = index > 0
        && page.says(
            index - 1,
            words![
                "in", "since", "last", "this", "early", "late", "mid", "of", "until", "by", "next", "during",
                "from", "through", "between", "and", "to", "around", "past", "before", "after", "every",
                "on",
            ],
        )
        || page.sign(index.wrapping_sub(1), b'-')
            && index > 1
            && page.says(index - 2, words!["mid", "early", "late"])
        || page.at(at).is_some_and(|t| t.class.any(Class::MONTH));
    let named = page.at(index + 1).is_some_and(|t| t.is_capital() && !t.class.any(Class::MONTH)) && ambiguous;
    (said && token.is_capital() && whole && !named).then_some(index + 1)
}

/// A date that begins with the number at `index`: `12 April 2023`, `the 12th of April`, `12-Apr-23`, `12APR2023`,
/// `2023 April 12`, `2023Q2`.
pub fn from_number(page: &Page, index: usize) -> Option<Range<usize>> {
    if page.joined(index)
        && page.before(index).is_some_and(|token| token.is_word() || token.is(b'/') || token.is(b'.'))
    {
        return None;
    }
    if is_year(page, index) {
        let at = over(page, index + 1, b"-/,");
        if page.at(at)?.class.any(Class::MONTH) {
            let day = over(page, at + 1, b"-/.");
            if is_day(page, day) {
                return Some(index..ordinal(page, day + 1));
            }
        }
        let quarter = over(page, index + 1, b"-/,");
        return quarter_number(page, quarter).map(|end| index..end);
    }
    if !is_day(page, index) {
        return None;
    }
    let mut at = ordinal(page, index + 1);
    // "12-14 April", "12th and 13th of April"
    let days = more_days(page, at);
    if page.at(days).is_some_and(|t| t.class.any(Class::MONTH)) || page.says(days, words!["of"]) {
        at = days;
    }
    let ordinal_written = at > index + 1;
    let mut month = over(page, at, b"-/.");
    if page.says(month, words!["day"]) {
        month += 1;
    }
    if page.says(month, words!["of"]) {
        month += 1;
    }
    let token = page.at(month)?;
    if !token.class.any(Class::MONTH) {
        return None;
    }
    let after = over(page, month + 1, b".");
    let end = year(page, after);
    // "2 mar" in small letters is a month where a year follows, or where the day is written as a date's.
    // A street that a scanner misread: `4 Mar1gold Avenue`.
    if page.joined(month + 1)
        && page.number(month + 1).is_some_and(|(length, _)| length != 2 && length != 4)
        && page.joined(month + 2)
        && page.at(month + 2).is_some_and(|token| token.is_word())
    {
        return None;
    }
    let padded = page.number(index).is_some_and(|(length, _)| length == 2);
    let told = page.at(index.wrapping_sub(1)).is_some_and(|token| {
        token.is_word()
            && (token.class.any(Class::DATE_WORD) || token.len() > 4 && page.word(index - 1).ends_with("ed"))
    });
    let goes_on = page.at(month + 1).is_some_and(|token| token.is_word());
    if token.case == crate::text::token::Case::Lower
        && !ordinal_written
        && token.len() < 4
        && !page.joined(month)
        && !(end > after && (padded || is_year(page, end - 1) || told))
        && (goes_on || !told)
    {
        return None;
    }
    if end > after {
        return Some(index..end);
    }
    if page.joined(month + 1) && is_year(page, month + 1) {
        return Some(index..month + 2);
    }
    // "2 may": a verb.
    let said = page.says(
        index.wrapping_sub(1),
        words!["on", "since", "until", "from", "by", "of", "the", "dated", "before", "after"],
    );
    let verb = token.case == crate::text::token::Case::Lower
        && page.says(month, words!["may", "mar"])
        && !page.joined(month)
        && !said
        && (goes_on || !told)
        && !ordinal_written;
    (!verb).then_some(index..month + 1)
}

/// `Q2 2023`, `Q2 of 2023`, `second quarter of 2023`.
pub fn quarter(page: &Page, index: usize) -> Option<Range<usize>> {
    if page.says(index, words!["quarter"]) {
        let start = index
            .checked_sub(1)
            .filter(|at| page.says(*at, words!["first", "second", "third", "fourth", "last"]))?;
        let at = index + 1 + usize::from(page.says(index + 1, words!["of"]));
        return is_year(page, at).then_some(start..at + 1);
    }
    let end = quarter_number(page, index)?;
    let at = end
        + usize::from(
            page.says(end, words!["of"])
                || page.sign(end, b'-')
                || page.sign(end, b'/')
                || page.sign(end, b','),
        );
    is_year(page, at).then_some(index..at + 1)
}

/// One past `Q2` at `at`.
fn quarter_number(page: &Page, at: usize) -> Option<usize> {
    let number = page.number(at + 1)?;
    (page.at(at)?.is_word()
        && page.word(at) == "Q"
        && page.joined(at + 1)
        && number.0 == 1
        && (1..=4).contains(&number.1))
    .then_some(at + 2)
}
