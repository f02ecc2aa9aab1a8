//! Days without their year that only the text's other dates show to be some: written as those are, and near them in time.

use super::is_month;
use super::numeric::{goes_on, separator};
use super::yearless::{is, is_counted, is_day_and_month, is_day_said, is_share, scored_within};
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::words;

/// Days that nothing around them tells, in the way that the text writes its dates, and in their time: what the text's
/// own dates with months show, or `noted`, the day on which it was written.
pub(super) fn find(page: &mut Page, noted: Option<(i32, u32, u32)>) {
    // Most texts have no such number, and are not read for their style.
    let mut style = None;
    let tokens = page.tokens();
    for (index, token) in tokens.iter().enumerate() {
        if !token.is_number() || token.len() > 2 || page.is_taken_at(index) {
            continue;
        }
        let Some(sign) = separator(page, index) else { continue };
        let (a, b) = (index, index + 2);
        let begins = !page.joined(index)
            || page.before(index).is_some_and(|before| {
                matches!(before.kind, Kind::Sign(b'(' | b'-' | b'~' | b'[' | b'"' | b',' | b';' | b':'))
            });
        if !begins || page.is_taken_at(b) || !is_day_and_month(page, a, b) {
            continue;
        }
        let style = &*style.get_or_insert_with(|| Style::of(page, noted));
        if style.months == 0 {
            return;
        }
        let month = |at: usize| page.number(at).map_or(0, |(_, value)| value);
        let found = match sign {
            b'/' => {
                let first = style.month_first && is_month(page, a) && style.has(month(a));
                let last = style.day_first && is_month(page, b) && style.has(month(b));
                let fits = (first || last)
                    && !goes_on(page, b + 1)
                    && !is_counted(page, b)
                    && !is(page, b + 1, Class::SHARED)
                    && !scored_within(page, index, 4);
                // A share in the right month is a share where it stands as one.
                fits.then_some((a..b + 1, !is_share(page, a, b) || stands_free(page, index, b)))
            }
            b'.' if style.dotted => {
                let dot = page.sign(b + 1, b'.') && page.joined(b + 1);
                let fits = is_month(page, b)
                    && style.has(month(b))
                    && page.number(b).is_some_and(|(length, _)| length == 2 || dot);
                let value = page.before(index).is_some_and(|token| {
                    token.is(b'=') || token.is(b'<') || token.is(b'>') || token.class.any(Class::MEASURE)
                }) || page.says(
                    index.wrapping_sub(1),
                    words!["was", "is", "of", "at", "to", "were", "version", "ph"],
                ) || page.at(b + 1 + usize::from(dot)).is_some_and(|token| {
                    token.class.any(Class::MEASURE) && !page.says(b + 1, words!["in"]) || token.is(b'%')
                }) || page.before(index).is_some_and(|token| {
                    token.is_word() && token.case == Case::Upper && !is(page, index - 1, Class::DATE_WORD)
                });
                let longer = dot && page.joined(b + 2) && page.number(b + 2).is_some();
                (fits && !value && !longer && (dot || is_day_said(page, index) && !page.joined(b + 1)))
                    .then_some((a..b + 1 + usize::from(dot), true))
            }
            _ => None,
        };
        if let Some((range, true)) = found {
            page.take(range, Identifier::Date);
        }
    }
}

/// Does a share not usually stand so: at a line's start, in brackets, behind a comma, a colon or a noun?
fn stands_free(page: &Page, index: usize, b: usize) -> bool {
    let before = page.before(index);
    let opens = before.is_none_or(|token| {
        token.kind == Kind::Break || matches!(token.kind, Kind::Sign(b'(' | b':' | b',' | b';' | b'-' | b'@'))
    });
    let closes = page.at(b + 1).is_none_or(|token| {
        token.kind == Kind::Break || matches!(token.kind, Kind::Sign(b')' | b':' | b',' | b';' | b'.'))
    });
    let noun = before.is_some_and(|token| {
        token.is_word()
            && !token.class.any(Class::MEASURE | Class::NUMBER_WORD)
            && !page.says(
                index - 1,
                words!["a", "the", "about", "approximately", "x", "was", "is", "of", "at", "to", "or", "by"],
            )
    });
    opens && closes || noun
}

/// How a text writes dates, and in which months they lie.
struct Style {
    /// A bit for each month.
    months: u16,
    month_first: bool,
    day_first: bool,
    dotted: bool,
}

impl Style {
    fn of(page: &Page, noted: Option<(i32, u32, u32)>) -> Self {
        let mut style = Style { months: 0, month_first: false, day_first: false, dotted: false };
        if let Some((_, month, _)) = noted {
            style.add(u64::from(month));
        }
        let tokens = page.tokens();
        for (index, token) in tokens.iter().enumerate() {
            let is_month = token.class.any(Class::MONTH) && token.is_word();
            if !(is_month || token.is_number()) || !page.is_taken_at(index) {
                continue;
            }
            if is_month {
                if let Some(month) = written_month(page.word(index)) {
                    style.add(month);
                }
                continue;
            }
            let Some(sign) = separator(page, index) else { continue };
            if page.joined(index)
                && index > 1
                && page.is_taken_at(index - 1)
                && page.tokens()[index - 2].is_number()
            {
                continue;
            }
            let (Some((length, first)), Some((_, second))) = (page.number(index), page.number(index + 2))
            else {
                continue;
            };
            if length == 4 {
                if (1..=12).contains(&second) {
                    style.add(second);
                }
            } else if sign == b'.' && (1..=12).contains(&second) {
                style.dotted = true;
                style.add(second);
            } else if sign != b'.' {
                style.month_first |= (1..=12).contains(&first) && second > 12;
                style.day_first |= first > 12 && (1..=12).contains(&second);
                if (1..=12).contains(&first) && second > 12 {
                    style.add(first);
                } else if first > 12 && (1..=12).contains(&second) {
                    style.add(second);
                } else if (1..=12).contains(&first) && (1..=12).contains(&second) {
                    style.add(first);
                    style.add(second);
                }
            }
        }
        // Nothing says which comes first: either may.
        if !style.month_first && !style.day_first {
            (style.month_first, style.day_first) = (true, true);
        }
        style
    }

    /// A month and its neighbours: notes speak of what was shortly before and comes soon.
    fn add(&mut self, month: u64) {
        for month in [month, month % 12 + 1, (month + 10) % 12 + 1] {
            self.months |= 1 << month;
        }
    }

    fn has(&self, month: u64) -> bool {
        self.months >> month & 1 == 1
    }
}

fn written_month(word: &str) -> Option<u64> {
    const BEGINNINGS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let begins = word.get(..3)?;
    BEGINNINGS.iter().position(|month| begins.eq_ignore_ascii_case(month)).map(|month| month as u64 + 1)
}
