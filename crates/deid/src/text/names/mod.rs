//! People's names by dictionary and context, with what is a name only in another sense kept.
//!
//! Capitals are read in runs. A run is a name when a word of it is a known name, when what stands around it says
//! so, or when nobody knows its words; not when an eponym's noun follows ("disease", "catheter").

mod context;
mod likeness;
mod lowercase;

use super::Identifier;
use super::lexicon::Class;
use super::page::Page;
use super::token::{Case, Kind};
use crate::text::words::words;
use context::Left;
use likeness::likeness;
use std::ops::Range;

/// The most tokens of a run.
const LONGEST: usize = 16;

/// Finds them. `keys` is a buffer.
pub fn find(page: &mut Page, keys: &mut Vec<u64>) {
    keys.clear();
    let tokens = page.tokens();
    let mut index = 0;
    let mut last_name: Option<usize> = None;
    while index < tokens.len() {
        if page.is_taken_at(index) || !tokens[index].is_word() {
            index += 1;
            continue;
        }
        // The second part of what was judged as one: "Salter-Harris".
        let inner =
            index > 1 && page.joined(index) && page.sign(index - 1, b'-') && tokens[index - 2].is_capital();
        if inner {
            index += 1;
            continue;
        }
        // "Miller Fisher", "Sister Mary Joseph nodule"
        let said = page.phrase(index).filter(|phrase| {
            phrase.class.any(Class::EPONYM | Class::MEDICINE) && !page.is_taken(index..phrase.end)
        });
        if let Some(phrase) = said {
            index = phrase.end;
            continue;
        }
        let continues = last_name.is_some_and(|end| continues_list(page, end, index));
        let found = match tokens[index].is_capital() || tokens[index].class.any(Class::TITLE) {
            true => capitals(page, index, continues),
            false => None,
        }
        .or_else(|| lowercase::find(page, index));
        let Some((range, identifier)) = found else {
            index += 1;
            continue;
        };
        let range = bridge(page, last_name, range, identifier);
        let end = range.end;
        remember(page, range.clone(), identifier, keys);
        page.take(range, identifier);
        last_name = (identifier == Identifier::Name).then_some(end);
        index = end.max(index + 1);
    }
    again(page, keys);
}

/// Whether only a comma, "and" or the like stands between a name's end and `index`.
fn continues_list(page: &Page, end: usize, index: usize) -> bool {
    let between = end..index;
    (1..=2).contains(&between.len())
        && between.clone().all(|at| {
            page.sign(at, b',')
                || page.sign(at, b'&')
                || page.sign(at, b'/')
                || page.says(at, words!["and", "or"])
        })
}

/// "Smith, John" is one name.
fn bridge(page: &Page, last: Option<usize>, range: Range<usize>, identifier: Identifier) -> Range<usize> {
    let Some(end) = last.filter(|_| identifier == Identifier::Name) else { return range };
    let before = &page.tokens()[end - 1];
    let first = &page.tokens()[range.start];
    let alone = end < 2 || !page.tokens()[end - 2].is_word() || !page.is_taken(end - 2..end - 1);
    let comma = range.start == end + 1 && page.sign(end, b',');
    let inverted = before.class.any(Class::FAMILY) && first.class.any(Class::GIVEN) && range.len() <= 3;
    match comma && alone && inverted {
        true => end - 1..range.end,
        false => range,
    }
}

/// Remembers the words of a name, so that the same ones are found where nothing around them tells.
fn remember(page: &Page, range: Range<usize>, identifier: Identifier, keys: &mut Vec<u64>) {
    if identifier != Identifier::Name || keys.len() > 512 {
        return;
    }
    for token in &page.tokens()[range] {
        let tells = token.is_word() && token.len() > 2 && token.case != Case::Initial;
        if tells
            && !token.class.any(Class::TITLE | Class::CREDENTIAL | Class::CLINICAL | Class::MEDICINE)
            && !keys.contains(&token.key)
        {
            keys.push(token.key);
        }
    }
}

/// The words of names found, wherever else they stand in capitals.
fn again(page: &mut Page, keys: &mut [u64]) {
    if keys.is_empty() {
        return;
    }
    keys.sort_unstable();
    let tokens = page.tokens();
    for (index, token) in tokens.iter().enumerate() {
        let written = token.is_word() && (token.is_capital() || token.case == Case::Shout);
        if written && !page.is_taken_at(index) && keys.binary_search(&token.key).is_ok() {
            let plain = token.class.any(Class::PLAIN);
            let another = context::eponym(page, index, index + 1)
                || plain
                    && (page.opens_sentence(index) && !context::person_follows(page, index + 1)
                        || token.case == Case::Shout);
            if !another {
                page.take(index..index + 1, Identifier::Name);
            }
        }
    }
}

/// A run of capitals from `index`, judged.
fn capitals(page: &Page, index: usize, continues: bool) -> Option<(Range<usize>, Identifier)> {
    let (start, body) = match title(page, index) {
        Some(body) => (index, body),
        None => (index, index),
    };
    let titled = body > start;
    if !titled && !page.tokens()[index].is_capital() {
        return None;
    }
    let left = match titled {
        true => Left::Title,
        false => context::left(page, index, continues),
    };
    let mut run = read(page, body, left);
    if run.words == 0 {
        return None;
    }
    run.end = context::credentials(page, run.end, &mut run.credentialed);
    let identifier = judge(page, body, &run, left)?;
    let mut end = run.end;
    // "Hauta-aho"
    if page.sign(end, b'-')
        && page.joined(end)
        && page.joined(end + 1)
        && page.at(end + 1).is_some_and(|token| token.class.is_none() && token.is_word() && token.len() > 2)
    {
        end += 2;
    }
    if identifier == Identifier::Location {
        end = super::places::code_after(page, end);
    }
    Some((start..end, identifier))
}

/// One past a title at `index`, with what parts it from a name.
fn title(page: &Page, index: usize) -> Option<usize> {
    // "14Fr."
    if page.joined(index) && page.before(index).is_some_and(|before| before.is_number()) {
        return None;
    }
    let mut at = index;
    while page.at(at).is_some_and(|token| token.class.any(Class::TITLE) && token.case != Case::Initial)
        && at - index < 6
    {
        at += 1;
        at += usize::from(page.sign(at, b'.') && page.joined(at));
    }
    let token = page.at(at)?;
    let abbreviated = at > index && page.sign(at - 1, b'.');
    let capital = token.is_capital() && !token.class.any(Class::WEEKDAY | Class::MONTH);
    // "dr smith": a title in small letters before a known name.
    let small = token.is_word() && token.class.any(Class::NAME) && !token.class.any(Class::PLAIN);
    let called = abbreviated || page.tokens()[index].is_capital() || small;
    let pepper = page.says(at, words!["pepper", "scholl"]);
    (at > index
        && token.spaced | abbreviated
        && (capital || small)
        && called
        && !pepper
        && !page.is_taken(index..at + 1))
    .then_some(at)
}

/// A run of words that may be a name.
#[derive(Default)]
struct Run {
    end: usize,
    /// Words, initials left out.
    words: usize,
    initials: usize,
    /// The most that one of its words is like a name.
    most: i32,
    /// The least.
    least: i32,
    given: bool,
    /// A common given name, then a common family name.
    pair: bool,
    credentialed: bool,
    hyphens: usize,
    eponyms: usize,
}

fn read(page: &Page, body: usize, left: Left) -> Run {
    let mut run = Run { end: body, most: -1, least: 9, ..Run::default() };
    let mut at = body;
    let mut given_before = false;
    while at - body < LONGEST {
        let Some(token) = page.at(at) else { break };
        if page.is_taken_at(at) {
            break;
        }
        let first = at == body;
        let hyphen = at > body && page.sign(at - 1, b'-');
        if !token.is_word() || !first && !token.spaced && !hyphen && !page.sign(at - 1, b'.') {
            break;
        }
        let loud = token.case == Case::Upper && !first && page.tokens()[at - 1].case == Case::Upper;
        if loud
            && token.class.any(Class::PARTICLE)
            && page.at(at + 1).is_some_and(|next| next.case == Case::Upper)
        {
            at += 1;
            continue;
        }
        let particle = token.class.any(Class::PARTICLE) && !token.is_capital();
        if particle {
            if first
                || !(page.at(at + 1).is_some_and(|next| next.is_capital())
                    || page.at(at + 1).is_some_and(|next| next.class.any(Class::PARTICLE))
                        && page.at(at + 2).is_some_and(|next| next.is_capital()))
                || likeness(page, at - 1) < 1 && !page.tokens()[at - 1].class.any(Class::PARTICLE)
            {
                break;
            }
            at += 1;
            continue;
        }
        let small_titled = left == Left::Title
            && token.case == Case::Lower
            && token.class.any(Class::NAME)
            && !token.class.any(Class::PLAIN);
        if !token.is_capital() && !small_titled {
            break;
        }
        if token.case == Case::Initial {
            // "John D.", "J. Smith", "J.S."; not "Vitamin D", "I".
            let lone_i = page.word(at) == "I" || page.word(at) == "A" && !page.sign(at + 1, b'.');
            if lone_i && !page.sign(at + 1, b'.') || first && !initials_lead(page, at, left) {
                break;
            }
            run.initials += 1;
            at += 1;
            // The stop is the initial's, unless a sentence ends with it; then nothing is lost.
            if page.sign(at, b'.') && page.joined(at) {
                at += 1;
            }
            run.end = at;
            if page.tokens()[at - 1].possessive {
                break;
            }
            continue;
        }
        let like = likeness(page, at);
        // After a given name or a title, a plain word in capitals is a family name: "Anna Winters", "Dr. Payne".
        let carried = given_before
            && page.tokens()[at - 1].is_word()
            && !token.class.any(
                Class::RELATION
                    | Class::NAME_TRIGGER
                    | Class::PERSON_VERB
                    | Class::EPONYM_NOUN
                    | Class::FACILITY
                    | Class::FACILITY_WEAK
                    | Class::MEDICINE
                    | Class::WEEKDAY
                    | Class::MONTH,
            )
            && token.case == Case::Title
            && (token.class.any(Class::NAME) || !token.class.any(Class::CLINICAL))
            && !page.at(at + 1).is_some_and(|next| next.is_capital() && next.spaced);
        // "a patient, Lily A.,"
        let initialed = first
            && token.class.any(Class::GIVEN)
            && token.case == Case::Title
            && page.at(at + 1).is_some_and(|next| next.case == Case::Initial)
            && page.sign(at + 2, b'.')
            && page.joined(at + 2)
            && !token.class.any(Class::CLINICAL | Class::MEDICINE);
        let led = initialed
            || first && left.is_strong() && token.class.any(Class::NAME)
            || first
                && left == Left::Title
                && token.case == Case::Title
                && !token.class.any(Class::FACILITY | Class::CLINICAL);
        if like < 0 && !carried && !led {
            break;
        }
        run.pair |= given_before && token.class.any(Class::LAST_COMMON);
        given_before = token.class.any(Class::FIRST_COMMON)
            || token.class.any(Class::GIVEN) && like >= 2
            || given_before && hyphen;
        run.given |= token.class.any(Class::GIVEN);
        run.words += 1;
        run.hyphens += usize::from(hyphen);
        run.eponyms += usize::from(token.class.any(Class::EPONYM));
        run.most = run.most.max(like.max(0));
        run.least = run.least.min(like);
        at += 1;
        run.end = at;
        if token.possessive {
            break;
        }
        if page.sign(at, b'-')
            && page.joined(at)
            && page.joined(at + 1)
            && page.at(at + 1).is_some_and(|next| next.is_capital())
        {
            at += 1;
        }
    }
    // A title or a trigger and initials alone: "Mr. W.", "patient J.S."
    if run.words == 0 && run.initials > 0 && (left == Left::Title || left == Left::Named && run.initials >= 2)
    {
        run.words = 1;
    }
    run
}

/// Whether a run may open with an initial: "J. Smith", "J.S." after a trigger, "Mr. W."
fn initials_lead(page: &Page, at: usize, left: Left) -> bool {
    let stop = page.sign(at + 1, b'.') && page.joined(at + 1);
    let mut next = at + 1 + usize::from(stop);
    while stop
        && page.at(next).is_some_and(|token| token.case == Case::Initial)
        && page.sign(next + 1, b'.')
        && next - at < 8
    {
        next += 2;
    }
    let name = page.at(next).is_some_and(|token| {
        token.is_capital()
            && token.case != Case::Upper
            && (token.class.any(Class::NAME) || likeness(page, next) >= 1)
            && !token.class.any(Class::CLINICAL | Class::MEDICINE)
    }) && !context::eponym(page, next, next + 1);
    left == Left::Title || stop && name || stop && left == Left::Named && next > at + 2
}

/// Whether a run is a name, or a place that nobody listed.
fn judge(page: &Page, body: usize, run: &Run, left: Left) -> Option<Identifier> {
    if left == Left::Title {
        return Some(Identifier::Name);
    }
    let full = run.words >= 2 && run.given;
    if !(full && run.hyphens == 0) && context::eponym(page, body, run.end)
        || run.eponyms == run.words && run.hyphens > 0
    {
        return None;
    }
    let token = &page.tokens()[body];
    let single = run.words == 1 && run.initials == 0;
    let located = context::located(page, body);
    let place_or_name = match located && single && !token.class.any(Class::COMMON)
        || located && !token.class.any(Class::GIVEN)
    {
        true => Identifier::Location,
        false => Identifier::Name,
    };
    // "Liletta 52 mg": a medicine that no list has.
    let dosed = page.number(run.end).is_some()
        && (run.end + 1..run.end + 4)
            .any(|at| page.at(at).is_some_and(|next| next.class.any(Class::MEASURE)));
    // "Heather 28 Day Pack", "Camila 0.35 mg": a medicine that is called as people are.
    if dosed && single && !run.credentialed && left == Left::Open && !page.opens_line(body)
        || dosed && run.most < 3 && single
    {
        return None;
    }
    let named = run.credentialed
        || run.initials > 0 && run.words > 0
        || run.pair
        || run.most >= 2 && run.words >= 2
        || left.is_strong() && run.most >= 0;
    if named {
        return Some(Identifier::Name);
    }
    // "Glu 110"
    let measured =
        single && page.number(run.end).is_some() && token.len() <= 5 && token.possessive.eq(&false);
    match run.most {
        2.. => Some(place_or_name),
        1 if dosed || measured => None,
        1 if run.words >= 2 => Some(place_or_name),
        1 => unknown(page, body, run.end).then_some(place_or_name),
        _ => plain(page, body, run.end).then_some(Identifier::Name),
    }
}

/// Whether one word that nobody knows is a name: where no sentence opens, or a person is spoken of.
fn unknown(page: &Page, body: usize, end: usize) -> bool {
    let spoken_of = context::person_follows(page, end);
    let ends = page.at(end).is_none_or(|token| token.kind == Kind::Break);
    match page.opens_sentence(body) {
        true => spoken_of || ends && (page.opens_line(body) || page.sign(body.wrapping_sub(1), b'?')),
        false => {
            let article = page
                .says(body.wrapping_sub(1), words!["the", "a", "an", "this", "these", "any", "each", "no"]);
            spoken_of || !article || !page.word(body).is_ascii()
        }
    }
}

/// Whether one common name that is a plain word too is a name: "Mark said", "told Grace".
fn plain(page: &Page, body: usize, end: usize) -> bool {
    let token = &page.tokens()[body];
    let barred = Class::CLINICAL | Class::MEDICINE | Class::EPONYM | Class::MONTH;
    let beside = page.at(end).is_some_and(|next| next.is_capital() && next.spaced)
        || page.before(body).is_some_and(|before| before.is_capital() || before.is_number());
    if !token.class.any(Class::COMMON) || token.class.any(barred) || beside || token.case != Case::Title {
        return false;
    }
    match page.opens_sentence(body) {
        true => {
            token.class.any(Class::FIRST_COMMON)
                && page.says(
                    end,
                    words!["said", "says", "lives", "states", "reports", "denies", "was", "is", "has"],
                )
        }
        // "Head and Neck": what is written with capitals for another reason has a neighbour that is.
        false => {
            token.class.any(Class::FIRST_COMMON) || !page.at(end + 1).is_some_and(|next| next.is_capital())
        }
    }
}
