//! Dates more precise than the year, and ages over 89.
//!
//! Years alone, weekdays alone, times alone and what is relative ("two weeks ago", "last summer") stay.

mod aged;
mod ages;
mod alike;
mod numeric;
mod written;
mod yearless;

use super::Identifier;
use super::lexicon::Class;
use super::page::Page;
use super::token::Kind;
use crate::text::words::words;

/// Years that dates are read in.
const YEARS: std::ops::Range<u64> = 1850..2150;

/// Finds them, in one pass over the tokens, and what only the text's other dates, or `noted`, the day that it
/// was written, show to be some.
pub fn find(page: &mut Page, noted: Option<(i32, u32, u32)>) {
    let tokens = page.tokens();
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        let date = match token.kind {
            Kind::Number => numeric::find(page, index).or_else(|| written::from_number(page, index)),
            Kind::Word if token.class.any(WRITTEN) => written::from_word(page, index),
            Kind::Word if token.initial | 0x20 == b'q' && token.is_quarter(page.word(index)) => {
                written::quarter(page, index)
            }
            _ => None,
        };
        if let Some(date) = date {
            let end = time_after(page, date.end);
            page.take(date.start..end, Identifier::Date);
            index = end;
            continue;
        }
        if (matches!(token.kind, Kind::Number) || token.class.any(Class::NUMBER_WORD))
            && let Some(age) = ages::find(page, index)
        {
            index = age.end;
            page.take(age, Identifier::Age);
            continue;
        }
        if token.class.any(Class::NUMBER_WORD) && ages::telling(page, index) {
            page.take(index..index + 1, Identifier::Age);
        }
        index += 1;
    }
    alike::find(page, noted);
    holidays(page);
}

/// Words that a date may begin with.
const WRITTEN: Class = Class(Class::MONTH.0 | Class::WEEKDAY.0 | Class::SEASON.0 | Class::HOLIDAY.0);

fn holidays(page: &mut Page) {
    for phrase in page.phrases() {
        let capital = page.tokens()[phrase.first].is_capital();
        if phrase.class.any(Class::HOLIDAY) && capital && !page.is_taken(phrase.first..phrase.end) {
            page.take(phrase.first..phrase.end, Identifier::Date);
        }
    }
}

/// A time of day right after a date goes with it: `T11:32`, ` at 3:05 pm`, `, 11:34:35Z`.
fn time_after(page: &Page, end: usize) -> usize {
    let mut at = end;
    if page.sign(at, b',') {
        at += 1;
    }
    if page.says(at, words!["at", "t", "@"]) || page.sign(at, b'@') {
        at += 1;
    }
    let Some((1 | 2, 0..=24)) = page.number(at) else { return end };
    let mut last = at;
    while page.sign(last + 1, b':')
        && page.joined(last + 1)
        && page.number(last + 2).is_some()
        && last - at < 4
    {
        last += 2;
    }
    let half_day = |at: usize| page.says(at, words!["am", "pm"]);
    if last == at && !half_day(at + 1) {
        return end;
    }
    last += 1;
    if page.sign(last, b'.') && page.joined(last) && page.joined(last + 1) && page.number(last + 1).is_some()
    {
        last += 2;
    }
    if half_day(last) || page.says(last, words!["z", "utc", "gmt"]) {
        return last + 1;
    }
    if page.says(last, words!["a", "p"]) && page.sign(last + 1, b'.') && page.says(last + 2, words!["m"]) {
        return last + 3 + usize::from(page.sign(last + 3, b'.'));
    }
    last
}

/// Whether a number is a year in four digits.
fn is_year(page: &Page, index: usize) -> bool {
    page.number(index).is_some_and(|(length, value)| length == 4 && YEARS.contains(&value))
}

/// Whether a number is a day of a month, in one or two digits.
fn is_day(page: &Page, index: usize) -> bool {
    page.number(index).is_some_and(|(length, value)| length <= 2 && (1..=31).contains(&value))
}

/// Whether a number is a month, in one or two digits.
fn is_month(page: &Page, index: usize) -> bool {
    page.number(index).is_some_and(|(length, value)| length <= 2 && (1..=12).contains(&value))
}
