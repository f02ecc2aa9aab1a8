//! Days without their year, `3/14` and `14.03.`, which scores, shares and values look like: what stands around decides,
//! and where it doesn't, the dates that the text has anyway.

use super::numeric::{goes_on, separator};
use super::{is_day, is_month, is_year};
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind, Token};
use std::ops::Range;

/// Of the words that stand before a date, those that a score may follow too: they count where the number can be no usual share.
const DOUBTFUL: &[&str] = &[
    "was", "is", "of", "as", "had", "cultures", "culture", "cx", "bcx", "ucx", "her", "him", "lab", "labs",
    "dose", "by", "her", "week", "day", "out", "reported", "given", "last", "done", "next",
];
/// Behind a share whatever its parts.
const ALWAYS_SHARED: &[&str] = &[
    "nodes", "node", "lymph", "cores", "points", "positive", "bottles", "fields", "correct", "lobes", "sem",
    "murmur", "strength", "reflexes", "items", "teeth",
];

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
            &["on", "dated", "since", "date", "seen", "admitted", "discharged", "due", "dos"],
        );
        let number_before = page
            .before(index)
            .is_some_and(|token| token.is(b'-') || token.is_word() && !token.class.any(Class::ORDINARY));
        return ((padded && !number_before || said) && !is_counted(page, b)).then_some(found);
    }
    // No share of something is written with a zero before it, nor with so many parts.
    let padded = [a, b].iter().any(|at| page.word(*at).starts_with('0'));
    let odd = !is_share(page, a, b);
    let scored = if odd || padded { scored_within(page, index, 2) } else { scored_within(page, index, 4) };
    if is_counted(page, b)
        || scored && !padded
        || !(odd || padded) && is(page, b + 1, Class::SHARED)
        || page.says(b + 1, ALWAYS_SHARED)
    {
        // A day that something was done on stays one behind a score: "pain better since 3/14".
        let since = page.says(index.wrapping_sub(1), &["on", "since", "dated", "until", "from"])
            && !is_counted(page, b)
            && (odd || !scored_within(page, index, 2));
        return (since || weekday_before(page, index)).then_some(found);
    }
    let said = is_said(page, index, b);
    (said || padded || weekday_before(page, index) || is_range(page, index) || odd && is_capable(page, index))
        .then_some(found)
}

/// Is it written as a share may be: no more of something than there are, in a usual number of parts?
fn is_share(page: &Page, a: usize, b: usize) -> bool {
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

fn is_day_and_month(page: &Page, a: usize, b: usize) -> bool {
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
    let says = |at: usize| is(page, at, Class::DATE_WORD) && !(share && page.says(at, DOUBTFUL));
    let hyphened = page.sign(before.wrapping_sub(1), b'-') || page.sign(before.wrapping_sub(1), b'/');
    let word = adjoins && (says(before) || hyphened && page.says(before, &["up", "c", "u"]));
    // What someone did: `extubated 11/2`.
    let verb = adjoins
        && page.at(before).is_some_and(|token| {
            token.is_word() && token.len() > 4 && token.case != Case::Upper && {
                let word = page.word(before).as_bytes();
                word[word.len() - 2..].eq_ignore_ascii_case(b"ed")
            }
        });
    let two_back = index > 1
        && page.says(
            index - 2,
            &["on", "dated", "since", "until", "from", "date", "dos", "dob", "week", "w", "as"],
        )
        && !page.says(index - 1, &["of", "a", "is", "was", "at", "by"])
        && !share
        || index > 1
            && page.says(index - 1, &["of"])
            && page.says(
                index - 2,
                &[
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
                && !page.says(index.wrapping_sub(2), DOUBTFUL));
    let range = ranges(page, b + 1);
    word || verb
        || two_back
        || time
        || weekday
        || entry
        || bracketed
        || range
        || is(page, b + 1, Class::DATE_DONE) && !(share && page.says(b + 1, &["at", "lab", "labs", "exam"]))
}

/// `3/14 - 3/16`, `3/14 to 3/16`, `3/14 and 3/16`: another day behind.
fn ranges(page: &Page, at: usize) -> bool {
    let joint = page.sign(at, b'-') || page.says(at, &["to", "through", "thru", "until"]);
    joint && separator(page, at + 1) == Some(b'/') && is_day_and_month(page, at + 1, at + 3)
}

/// The end of a range whose beginning was found.
fn is_range(page: &Page, index: usize) -> bool {
    index > 1
        && (page.sign(index - 1, b'-')
            || page.sign(index - 1, b'&')
            || page.says(index - 1, &["to", "and", "through", "thru", "until", "or"])
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
fn is_counted(page: &Page, b: usize) -> bool {
    let unit = |token: &Token| {
        token.class.any(Class::MEASURE)
            && !page.says(b + 1, &["in", "c", "m", "l", "u", "k", "pain", "strength"])
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
fn scored_within(page: &Page, index: usize, reach: usize) -> bool {
    for at in (index.saturating_sub(reach)..index).rev() {
        let token = &page.tokens()[at];
        if token.is(b'.') && token.end as usize != page.tokens()[at + 1].start as usize || token.is(b';') {
            return false;
        }
        if is(page, at, Class::SCORE) || token.class.any(Class::EPONYM) && !token.class.any(Class::PLAIN) {
            return true;
        }
    }
    false
}

/// `12.04.`, in a sentence that goes on after it.
pub(super) fn dotted(page: &Page, index: usize) -> Option<Range<usize>> {
    let (a, b, dot) = (index, index + 2, index + 3);
    let two_digits = page.number(b)?.0 == 2;
    if !is_day(page, a) || !is_month(page, b) {
        return None;
    }
    let stops = page.sign(dot, b'.') && page.joined(dot) && !page.joined(dot + 1);
    let next = page.at(dot + 1);
    let value = page.before(index).is_some_and(|token| {
        token.class.any(Class::CLINICAL | Class::MEASURE)
            || token.case == Case::Upper && !is(page, index - 1, Class::DATE_WORD)
    }) || page.says(index.wrapping_sub(1), &["ph", "was", "is", "of", "were"]);
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
        &["was", "is", "of", "at", "were", "to", "or", "about", "x", "now", "then", "than"],
    ) && page.number(a)?.0 == 2;
    let found = two_digits && stops && (goes_on || done)
        || range && two_digits
        || said && stops && (two_digits || page.number(b)?.1 < 10)
        || weekday_before(page, index) && (stops || two_digits);
    found.then_some(a..dot + usize::from(page.sign(dot, b'.') && page.joined(dot)))
}

/// `on 12.04`, `since 3.4.`
fn is_day_said(page: &Page, index: usize) -> bool {
    page.says(
        index.wrapping_sub(1),
        &[
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

/// Days that nothing around them tells, in the way that the text writes its dates, and in their time: what the text's
/// own dates with months show, or `noted`, the day on which it was written.
pub(super) fn alike(page: &mut Page, noted: Option<(i32, u32, u32)>) {
    let style = Style::of(page, noted);
    if style.months == 0 {
        return;
    }
    let tokens = page.tokens();
    for (index, token) in tokens.iter().enumerate() {
        if !token.is_number() || token.len() > 2 || page.is_taken(index..index + 1) {
            continue;
        }
        let Some(sign) = separator(page, index) else { continue };
        let (a, b) = (index, index + 2);
        let begins = !page.joined(index)
            || page.before(index).is_some_and(|before| {
                matches!(before.kind, Kind::Sign(b'(' | b'-' | b'~' | b'[' | b'"' | b',' | b';' | b':'))
            });
        if !begins || page.is_taken(b..b + 1) || !is_day_and_month(page, a, b) {
            continue;
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
                }) || page
                    .says(index.wrapping_sub(1), &["was", "is", "of", "at", "to", "were", "version", "ph"])
                    || page.at(b + 1 + usize::from(dot)).is_some_and(|token| {
                        token.class.any(Class::MEASURE) && !page.says(b + 1, &["in"]) || token.is(b'%')
                    })
                    || page.before(index).is_some_and(|token| {
                        token.is_word() && token.case == Case::Upper && !is(page, index - 1, Class::DATE_WORD)
                    });
                (fits && !value && (dot || is_day_said(page, index) && !page.joined(b + 1)))
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
                &["a", "the", "about", "approximately", "x", "was", "is", "of", "at", "to", "or", "by"],
            )
    });
    opens && closes || noun
}

/// Is the token a word of this class?
fn is(page: &Page, at: usize, class: Class) -> bool {
    page.at(at).is_some_and(|token| token.class.any(class) && token.is_word())
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
            if !page.is_taken(index..index + 1) {
                continue;
            }
            if token.class.any(Class::MONTH) && token.is_word() {
                if let Some(month) = written_month(page.word(index)) {
                    style.add(month);
                }
                continue;
            }
            if !token.is_number() {
                continue;
            }
            let Some(sign) = separator(page, index) else { continue };
            if page.joined(index)
                && index > 1
                && page.is_taken(index - 1..index)
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
