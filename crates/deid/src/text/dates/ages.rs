//! Ages over 89, in digits and in words.

use crate::text::lexicon::Class;
use crate::text::page::Page;
use std::ops::Range;

/// The oldest age that may be told (45 CFR 164.514(b)(2)(i)(C)).
const OLDEST_TOLD: u64 = 89;
/// The oldest that a number is read as an age.
const OLDEST: u64 = 125;

/// An age over 89 that begins at `index`.
pub fn find(page: &Page, index: usize) -> Option<Range<usize>> {
    if page.joined(index)
        && page.before(index).is_some_and(|token| token.is_word() || token.is(b'.') || token.is(b'/'))
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
    let mut at = end;
    while page.sign(at, b'-') && page.joined(at) {
        at += 1;
    }
    let years = page.says(at, &["year", "years", "yr", "yrs", "y", "yo", "yof", "yom", "y.o"]);
    let mut after = at + 1;
    while page.sign(after, b'-') || page.sign(after, b'/') || page.sign(after, b'.') {
        after += 1;
    }
    let old = years
        && (page.says(at, &["yo", "yof", "yom"])
            || page.says(after, &["old", "o"]) && !page.says(after + 1, &["age"])
            || page.says(after, &["of"]) && page.says(after + 1, &["age"]));
    let said = (index.saturating_sub(3)..index)
        .any(|before| page.says(before, &["age", "aged", "ages", "turned", "turning", "turns"]))
        && !page.at(at).is_some_and(|token| token.class.any(Class::MEASURE) && !years || token.is(b'%'))
        || page.says(index.wrapping_sub(1), &["a", "is"]) && page.says(at, &["f", "m", "female", "male"]);
    let in_words = page.number(index).is_none();
    let counted =
        page.at(at).is_some_and(|token| token.class.any(Class::MEASURE) && !years || token.is(b'%'));
    let person = is_of_a_person(page, index, at) || (in_words && value > OLDEST_TOLD);
    (old || said || person && !counted).then_some(index..end)
}

/// Does the sentence say that a person is, or died, so old: `she is 94 and`, `died at 94`, `her aunt, 94, has`?
fn is_of_a_person(page: &Page, index: usize, after: usize) -> bool {
    let Some(before) = index.checked_sub(1) else { return false };
    let person = |at: usize| {
        page.says(at, &["he", "she", "they", "who", "patient", "pt", "himself", "herself"])
            || page
                .at(at)
                .is_some_and(|token| token.class.any(Class::RELATION | Class::NAME) && token.is_word())
    };
    let ends = page.at(after).is_none_or(|token| {
        !token.is_word() && !token.is_number() && !token.is(b'/') && !token.is(b'%')
            || page.says(
                after,
                &["and", "or", "but", "with", "who", "now", "when", "from", "of", "in", "after", "at", "on"],
            )
    });
    let life = [
        "died",
        "dying",
        "dies",
        "passed",
        "death",
        "deceased",
        "alive",
        "living",
        "lived",
        "dx",
        "diagnosed",
    ];
    if page.says(before, &["at", "to", "till", "until"]) {
        return ends && (index.saturating_sub(5)..before).any(|at| page.says(at, &life));
    }
    if page.says(before, &["reached", "turned", "nearly", "almost", "past", "over"]) {
        return ends && (index.saturating_sub(4)..before).any(person);
    }
    if page.says(before, &["is", "was", "now", "be", "being"]) {
        return ends && (index.saturating_sub(3)..before).any(person);
    }
    page.sign(before, b',') && before > 0 && person(before - 1) && page.sign(after, b',')
}

/// `ninety`, `ninety-three`, `one hundred and two`.
fn in_words(page: &Page, index: usize) -> Option<(usize, u64)> {
    const ONES: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let ones = |at: usize| (1..ONES.len()).find(|one| page.says(at, &[ONES[*one]])).map(|one| one as u64);
    let (mut at, mut value) = (index, 0);
    let hundred = (page.says(at, &["one", "a"]) && page.says(at + 1, &["hundred"])).then_some(2);
    if let Some(words) = hundred.or(page.says(at, &["hundred"]).then_some(1)) {
        (at, value) = (at + words, 100);
        if page.says(at, &["and"]) && ones(at + 1).is_some() {
            at += 1;
        }
    } else if page.says(at, &["ninety"]) {
        (at, value) = (at + 1, 90);
        if page.sign(at, b'-') && ones(at + 1).is_some() {
            at += 1;
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
