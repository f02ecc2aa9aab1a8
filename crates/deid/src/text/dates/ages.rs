//! Ages over 89, in digits and in words.

use super::aged::is_of_a_person;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::{Words, words};
use std::ops::Range;

/// The oldest age that may be told (45 CFR 164.514(b)(2)(i)(C)).
const OLDEST_TOLD: u64 = 89;
/// The oldest that a number is read as an age.
const OLDEST: u64 = 125;
/// How far before a number the word that makes it an age may stand.
const REACH: usize = 8;

/// Words that tell an age over 89 without a number.
const TELLING: Words = Words::of(&[
    "nonagenarian",
    "nonagenarians",
    "centenarian",
    "centenarians",
    "supercentenarian",
    "semisupercentenarian",
]);
/// `94 y`, `94 yo`, `94yoF`.
const YEARS: Words = Words::of(&["year", "years", "yr", "yrs", "y", "y.o", "yro", "jahre", "años"]);
const YEARS_OLD: Words =
    Words::of(&["yo", "yof", "yom", "yow", "yof", "yf", "ym", "yold", "yowf", "yowm", "yobf", "yobm"]);
/// What a person is called behind an age: `94 F`, `94 male`, `94 white lady`.
const SEXES: Words = Words::of(&[
    "f",
    "m",
    "female",
    "male",
    "woman",
    "man",
    "lady",
    "gentleman",
    "wf",
    "wm",
    "bf",
    "bm",
    "hf",
    "hm",
    "af",
    "am",
    "widow",
    "widower",
    "veteran",
    "vet",
    "nun",
    "priest",
    "caucasian",
    "white",
    "black",
    "aaf",
    "aam",
    "grandmother",
    "grandfather",
    "resident",
    "patient",
    "pt",
]);

/// An age over 89 that begins at `index`.
pub fn find(page: &Page, index: usize) -> Option<Range<usize>> {
    if page.joined(index)
        && page.before(index).is_some_and(|token| {
            token.is_word()
                || token.is(b'.') && !(index > 1 && page.says(index - 2, words!["d", "aet"]))
                || token.is(b'/') && !sexed(page, index - 1) && !page.says(index.wrapping_sub(2), words!["w"])
                || token.is(b'$')
                || token.is(b':') && index > 1 && page.number(index - 2).is_some()
                || token.is(b'-')
                    && index > 1
                    && page.joined(index - 1)
                    && !page.tokens()[index - 2].is_word()
        })
    {
        return None;
    }
    let (end, value) = match page.number(index) {
        Some((2 | 3, value)) => (index + 1, value),
        Some(_) => return None,
        None => in_words(page, index)?,
    };
    if !(OLDEST_TOLD + 1..=OLDEST).contains(&value) {
        return None;
    }
    if decade(page, index, end) {
        return Some(index..end + usize::from(page.number(index).is_some()));
    }
    // 94th birthday
    if page.joined(end) && page.says(end, words!["st", "nd", "rd", "th"]) {
        let birthday = (end + 1..end + 3)
            .any(|at| page.says(at, words!["birthday", "bday", "year", "b'day"]))
            || page.says(index.wrapping_sub(1), words!["her", "his", "their"])
                && !page.says(end + 1, words!["percentile"]);
        return birthday.then_some(index..end);
    }
    if page.joined(end)
        && page.number(index).is_some()
        && page.at(end).is_some_and(|t| t.is(b'.') || t.is(b',') || t.is(b':'))
        && page.joined(end + 1)
        && page.number(end + 1).is_some()
    {
        return None;
    }
    let in_digits = page.number(index).is_some();
    let unit = unit(page, end);
    // F/94
    if in_digits && page.sign(index.wrapping_sub(1), b'/') && page.joined(index) {
        return (unit == Unit::None && page.says(index.wrapping_sub(2), words!["f", "m", "female", "male"]))
            .then_some(index..end);
    }
    let listed = page
        .before(index)
        .is_some_and(|token| token.is(b',') || token.is(b'&') || page.says(index - 1, words!["and", "or"]))
        && index > 1
        && page.number(index - 2).is_some_and(|(_, value)| (OLDEST_TOLD + 1..=OLDEST).contains(&value))
        && page.is_taken(index - 2..index - 1);
    let born = page.sign(index.wrapping_sub(1), b'(')
        && !page.at(end).is_some_and(|token| token.is_word())
        && (index.saturating_sub(9)..index).any(|at| page.says(at, words!["dob", "born", "birth", "d.o.b"]));
    let opens = page.opens_sentence(index)
        && (page.says(end, words!["and", "but"]) || page.sign(end, b','))
        && page.says(
            end + 1,
            words![
                "lives",
                "living",
                "still",
                "widowed",
                "married",
                "retired",
                "frail",
                "independent",
                "alone",
                "resides",
            ],
        );
    let aged = unit == Unit::Age
        || unit != Unit::Other && called(page, index)
        || unit == Unit::Years && !lasts(page, index, end)
        || unit == Unit::None
            && (listed || born || opens || behind(page, index, end) || is_of_a_person(page, index, end))
        // "a hundred" is a way of speaking.
        || !in_digits && unit == Unit::None && value != 100;
    aged.then_some(index..end)
}

/// A word that tells an age over 89 by itself.
pub fn telling(page: &Page, index: usize) -> bool {
    page.says(index, &TELLING)
}

/// What an age or something else is counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// `yo`, `years old`, `years of age`.
    Age,
    Years,
    /// Nothing.
    None,
    /// `mg`, `%`, another number.
    Other,
}

fn unit(page: &Page, end: usize) -> Unit {
    let mut at = end;
    while page.sign(at, b'-') && page.joined(at) {
        at += 1;
    }
    // A line may end before the unit.
    at += usize::from(
        at == end && page.at(at).is_some_and(|token| token.kind == Kind::Break) && page.says(at + 1, &YEARS),
    );
    if page.says(at, &YEARS_OLD) {
        return Unit::Age;
    }
    if page.says(at, &YEARS) {
        let mut after = at + 1;
        while page.sign(after, b'-') || page.sign(after, b'/') || page.sign(after, b'.') {
            after += 1;
        }
        after += usize::from(page.at(after).is_some_and(|token| token.kind == Kind::Break));
        let old = page.says(after, words!["old", "o", "olds", "young"])
            && !page.says(after + 1, words!["age"])
            || page.says(after, words!["of"]) && page.says(after + 1, words!["age"])
            || page.says(after, &SEXES);
        return if old { Unit::Age } else { Unit::Years };
    }
    let counted = page.at(at).is_some_and(|token| {
        token.class.any(Class::MEASURE) && !page.says(at, words!["in", "f", "m", "c", "pain"])
            || token.is(b'%')
            || token.is_number()
    }) || page.sign(at, b'/') && page.joined(at) && !sexed(page, at + 1)
        || page.joined(at) && page.at(at).is_some_and(|token| token.is_word() && !page.says(at, &SEXES))
        || page.sign(at, b'-') && page.number(at + 1).is_some();
    if counted { Unit::Other } else { Unit::None }
}

/// `94/F`, `F/94`.
fn sexed(page: &Page, at: usize) -> bool {
    page.says(at, words!["f", "m", "female", "male"])
        || page.says(at.wrapping_sub(1), words!["f", "m", "female", "male"])
}

/// Is it a time that something lasted, not an age: `95 years of data`, `for 95 years`, `100 years ago`?
fn lasts(page: &Page, index: usize, end: usize) -> bool {
    let mut at = end;
    while !page.says(at, &YEARS) && at < end + 3 {
        at += 1;
    }
    page.says(at + 1, words!["ago", "of", "from", "later", "earlier", "experience", "after", "since"])
        || page.says(
            index.wrapping_sub(1),
            words!["for", "over", "past", "last", "within", "next", "every", "x", "the"],
        )
        || page.says(index.wrapping_sub(1), words!["pack"])
}

/// `in her 90s`, `mid-90s`, `early nineties`, of a person.
fn decade(page: &Page, index: usize, end: usize) -> bool {
    let said = page.says(index, words!["nineties"])
        || page.number(index) == Some((2, 90))
            && (page.joined(end) && page.says(end, words!["s"])
                || page.at(index).is_some_and(|token| token.possessive)
                || page.sign(end, b'\'') && page.joined(end) && page.says(end + 1, words!["s"]));
    said && (index.saturating_sub(4)..index).any(|at| {
        page.says(at, words!["her", "his", "their", "my", "your", "age", "aged", "died", "lived", "passed"])
            || page.at(at).is_some_and(|token| token.class.any(Class::RELATION))
    })
}

/// Does a word before call the number an age: `age 94`, `aged about 94`, `Age/Sex: 94`, `ages 91 and 94`,
/// `turned 90`, `age at death: 94`?
fn called(page: &Page, index: usize) -> bool {
    const AGES: Words = Words::of(&[
        "age",
        "aged",
        "ages",
        "turned",
        "turning",
        "turns",
        "turn",
        "aet",
        "aetat",
        "celebrated",
    ]);
    const BETWEEN: Words = Words::of(&[
        "of",
        "is",
        "was",
        "at",
        "about",
        "approximately",
        "approx",
        "sex",
        "gender",
        "years",
        "yrs",
        "yr",
        "y",
        "in",
        "the",
        "death",
        "onset",
        "diagnosis",
        "dx",
        "today",
        "now",
        "and",
        "or",
        "to",
        "when",
        "visit",
        "ripe",
        "old",
        "stated",
        "reported",
        "patient",
        "pt",
        "around",
        "circa",
        "nearly",
        "almost",
        "over",
        "encounter",
        "admission",
        "exam",
        "m",
        "f",
        "male",
        "female",
        "fully",
        "who",
        "has",
        "just",
        "recently",
    ]);
    for at in (index.saturating_sub(REACH)..index).rev() {
        if page.says(at, &AGES) {
            return true;
        }
        let token = &page.tokens()[at];
        let between = page.says(at, &BETWEEN)
            || matches!(
                token.kind,
                Kind::Sign(
                    b':' | b'('
                        | b')'
                        | b'/'
                        | b'-'
                        | b'='
                        | b'~'
                        | b','
                        | b'|'
                        | b'.'
                        | b'\''
                        | b'<'
                        | b'>'
                        | b'*'
                ) | Kind::Break
            )
            || token.is_number();
        if !between {
            return false;
        }
    }
    false
}

/// Does what stands behind make it an age: `a 94 F`, `94 female`, `94 white woman`?
fn behind(page: &Page, index: usize, end: usize) -> bool {
    let slash = usize::from(page.sign(end, b'/'));
    let at = end + slash;
    if !page.says(at, &SEXES) {
        return false;
    }
    let word = page.at(at).is_some_and(|token| token.len() > 2);
    // `T 98 F`
    let heat = (index.saturating_sub(4)..index).any(|at| {
        page.says(
            at,
            words![
                "t",
                "temp",
                "temperature",
                "tm",
                "tmax",
                "tc",
                "fever",
                "febrile",
                "of",
                "at",
                "oral",
                "rectal",
                "max",
            ],
        )
    });
    let capital = page.at(at).is_some_and(|token| token.case != Case::Lower);
    let person = page.opens_sentence(index)
        || page.says(
            index.wrapping_sub(1),
            words![
                "a", "an", "is", "this", "pleasant", "elderly", "frail", "old", "yo", "was", "with", "for"
            ],
        )
        || page.before(index).is_some_and(|token| {
            token.is(b',')
                || token.is(b'(')
                || token.is_capital() && token.class.any(Class::NAME) && !token.class.any(Class::PLAIN)
        });
    // `94F`, `94 M`: a temperature is seldom so low, and never in M.
    let male = page.says(at, words!["m"]);
    let low = page.number(index).is_some_and(|(_, value)| value < 97);
    let alone = capital
        && (male || low || page.joined(at) && person)
        && !page.says(at + 1, words!["mg", "ml", "w", "hz"]);
    !heat
        && (word
            || slash == 1
            || alone
            || capital && person
            || page.says(index.wrapping_sub(1), words!["a", "is"]))
}

/// `ninety`, `ninety-three`, `one hundred and two`, `nineties`.
fn in_words(page: &Page, index: usize) -> Option<(usize, u64)> {
    const ONES: Words = Words::of(&[
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ]);
    if page.says(index, words!["nineties"]) {
        return Some((index + 1, 90));
    }
    const ORDINALS: Words =
        Words::of(&["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]);
    let ones =
        |at: usize| page.which(at, &ONES).or_else(|| page.which(at, &ORDINALS)).map(|place| place as u64 + 1);
    let (mut at, mut value) = (index, 0);
    let hundred = (page.says(at, words!["one", "a"]) && page.says(at + 1, words!["hundred"])).then_some(2);
    if let Some(words) = hundred.or(page.says(at, words!["hundred"]).then_some(1)) {
        (at, value) = (at + words, 100);
        if page.says(at, words!["and"]) && ones(at + 1).is_some() {
            at += 1;
        }
    } else if page.says(at, words!["ninety", "ninetieth", "hundredth"]) {
        (at, value) = (at + 1, 90);
        // A line may end at the hyphen.
        if page.sign(at, b'-')
            && (ones(at + 1).is_some() || ones(at + 2).is_some() && page.tokens()[at + 1].kind == Kind::Break)
        {
            at += 1 + usize::from(ones(at + 1).is_none());
        }
    }
    if value == 0 {
        return None;
    }
    match ones(at).filter(|one| value > 90 || *one < 10) {
        Some(one) => Some((at + 1, value + one)),
        None => Some((at, value)),
    }
}
