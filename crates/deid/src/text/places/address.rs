//! Street addresses, post boxes and postal codes.

use super::{misread, uniform};
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind, Token};
use crate::text::words::{Words, words};
use std::ops::Range;

/// The most tokens of an address's tail: rooms, town, state, code, country.
const TAIL: usize = 20;
/// Streets by themselves in other languages.
const STREET_WORDS: Words = Words::of(&[
    "u", "út", "útja", "utca", "tee", "tér", "str", "strasse", "straße", "weg", "vej", "gade", "väg",
    "ulica", "ul",
]);
/// The most words of a street's name.
const NAME: usize = 5;

/// Finds them.
pub fn find(page: &mut Page) {
    let tokens = page.tokens();
    let mut index = 0;
    while index < tokens.len() {
        if page.is_taken_at(index) {
            index += 1;
            continue;
        }
        let token = &tokens[index];
        let core = match token.kind {
            Kind::Number => box_behind(page, index)
                .or_else(|| prefix_behind(page, index))
                .or_else(|| numbered(page, index))
                .or_else(|| uniform::find(page, index))
                .or_else(|| misread::find(page, index))
                .or_else(|| zip(page, index)),
            Kind::Word
                if token.class.any(Class::ROOM | Class::STREET_PREFIX)
                    || token.len() <= 3 && token.is_capital() =>
            {
                post_box(page, index)
                    .or_else(|| room_first(page, index))
                    .or_else(|| prefixed(page, index))
                    .or_else(|| military(page, index))
                    .or_else(|| street_then_number(page, index))
                    .or_else(|| street_alone(page, index))
            }
            // `lO8 Elm Street`: a house number that begins with a letter.
            Kind::Word if page.joined(index + 1) && page.number(index + 1).is_some() && token.len() <= 2 => {
                misread::find(page, index)
            }
            // Most words are plain and small: no street begins with one but "corner of".
            Kind::Word if !token.is_capital() && token.class.any(Class::PLAIN) => corner(page, index),
            Kind::Word => corner(page, index)
                .or_else(|| military(page, index))
                .or_else(|| street_then_number(page, index))
                .or_else(|| street_alone(page, index)),
            _ => None,
        };
        let Some(core) = core else {
            index += 1;
            continue;
        };
        let end = tail(page, core.end);
        let start = crossing_before(page, core.start);
        page.take(start..end, Identifier::Location);
        index = end.max(index + 1);
    }
}

pub(super) fn is_suffix(page: &Page, at: usize) -> bool {
    page.at(at).is_some_and(|token| token.class.any(Class::STREET_SUFFIX) && token.case != Case::Initial)
}

/// A word that may be part of a street's or town's name.
fn is_name_like(page: &Page, at: usize) -> bool {
    page.at(at).is_some_and(|token| token.is_capital() && token.case != Case::Initial)
        && !page.is_taken_at(at)
}

fn is_unknown(page: &Page, at: usize) -> bool {
    page.at(at).is_some_and(|token| {
        !token.class.any(Class::PLAIN | Class::MEASURE | Class::TITLE | Class::WEEKDAY | Class::MONTH)
            || token.class.any(Class::STREET_PREFIX | Class::PLACE)
    })
}

/// Words ending as streets do in German, Dutch, Swedish, Danish, Norwegian, Finnish and Hungarian.
fn ends_as_street(page: &Page, at: usize) -> bool {
    const ENDINGS: &[&str] = &[
        "strasse", "straße", "gasse", "weg", "gatan", "gata", "vägen", "vej", "gade", "katu", "tie",
        "straat", "laan", "vegen", "veien", "vei", "utca", "stræde", "allee", "platz", "brücke", "kuja",
        "polku", "plein", "gracht", "stigen",
    ];
    let word = page.word(at);
    page.tokens()[at].is_word()
        && word.len() >= 7
        && is_unknown(page, at)
        && ENDINGS.iter().any(|ending| {
            word.len() > ending.len() + 2
                && word.as_bytes()[word.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
        })
}

/// `123 Maple Street`, `12 W. 45th St`, `704 1436 Redbud Drive`, `25615 Tawastintie 72`.
fn numbered(page: &Page, index: usize) -> Option<Range<usize>> {
    let (length, _) = page.number(index).filter(|(length, _)| *length <= 6)?;
    if page.joined(index)
        && page
            .before(index)
            .is_some_and(|token| token.is_word() || matches!(token.kind, Kind::Sign(b'/' | b'.' | b'-')))
    {
        return None;
    }
    let mut at = index + 1;
    if page.at(at).is_some_and(|token| token.case == Case::Initial && !token.spaced) {
        at += 1;
    }
    let mut second = page.number(at).is_some_and(|(length, _)| length <= 5) && page.at(at)?.spaced;
    if second {
        at += 1;
    }
    if page.joined(at) && page.says(at, words!["st", "nd", "rd", "th"]) && is_suffix(page, at + 1) {
        return Some(index..at + 2);
    }
    let first = at;
    let (mut words, mut capitals, mut unknown) = (0, 0, 0);
    while words < NAME {
        let Some(token) = page.at(at) else { break };
        match token.kind {
            Kind::Word if words > 0 && is_suffix(page, at) && (token.is_capital() || capitals > 0) => {
                let mut end = at + 1;
                // "Elm Street Drive", "Park Avenue South"
                while end < at + 3
                    && (is_suffix(page, end) && is_name_like(page, end)
                        || page.says(
                            end,
                            words![
                                "n", "s", "e", "w", "ne", "nw", "se", "sw", "north", "south", "east", "west"
                            ],
                        ) && is_capital(page, end))
                {
                    end += 1;
                }
                return (capitals > 0).then_some(index..end);
            }
            // "518 Árpád fejedelem útja 62", "6076 Piroska u. 97"
            Kind::Word if capitals > 0 && token.class.is_none() => words += 1,
            Kind::Word if capitals > 0 && page.says(at, &STREET_WORDS) => {
                words += 1;
                second = true;
            }
            Kind::Word
                if token.is_capital()
                    || token.class.any(Class::PARTICLE)
                    || (second && token.is_word() && !token.class.any(Class::ORDINARY)) =>
            {
                capitals += usize::from(token.is_capital());
                unknown +=
                    usize::from(is_unknown(page, at) && token.is_capital() && token.case != Case::Initial);
                words += 1;
                if ends_as_street(page, at) {
                    second = true;
                }
            }
            Kind::Number if page.joined(at + 1) && page.says(at + 1, words!["st", "nd", "rd", "th"]) => {
                words += 1;
                capitals += 1;
                at += 1;
            }
            Kind::Sign(b'.' | b'-' | b'\'') if at > first && words > 0 && !token.spaced => {}
            _ => break,
        }
        at += 1;
    }
    // A name between two numbers, none of it a plain word.
    let unit = |token: &Token| token.class.any(Class::MEASURE) || token.is(b'%') || token.is(b'/');
    let decimal = page.joined(at + 1) && page.joined(at + 2) && page.number(at + 2).is_some();
    let counted = decimal || page.joined(at) || page.at(at + 1).is_some_and(unit);
    let closes = page.number(at).is_some_and(|(length, _)| length <= 5) && !counted;
    // "HR 104 RR 18"
    let vitals =
        at == first + 1 && page.tokens()[first].case == Case::Upper && page.tokens()[first].len() <= 4;
    if vitals {
        return None;
    }
    let medicine = (first..at).any(|at| page.tokens()[at].class.any(Class::MEDICINE | Class::CLINICAL));
    let named = words > 0 && unknown > 0 && !medicine && (unknown == words || second || length >= 3);
    let stop = second && page.sign(at + 1, b'.') && page.joined(at + 1);
    (named && closes && length >= 2 && (second || length >= 3 || room(page, at + 1).is_some()))
        .then_some(index..at + 1 + usize::from(stop))
}

fn is_capital(page: &Page, at: usize) -> bool {
    page.at(at).is_some_and(|token| token.is_capital())
}

/// `Rua do Arenque 1634`, `Via dei Fiorentini 17`, `ul. Grochowa 80`, `Avenue Teboulbi`.
fn prefixed(page: &Page, index: usize) -> Option<Range<usize>> {
    let token = page.at(index)?;
    let prefix = token.class.any(Class::STREET_PREFIX);
    if !prefix || !token.is_capital() && !page.says(index, words!["ul", "rua", "rue", "calle"]) {
        return None;
    }
    let mut at = index + 1;
    if page.sign(at, b'.') {
        at += 1;
    }
    let (mut capitals, limit) = (0, at + NAME + 1);
    while at < limit
        && (is_name_like(page, at)
            || page.at(at).is_some_and(|t| {
                t.class.any(Class::PARTICLE)
                    || t.is(b'.')
                    || t.is_word() && t.len() <= 3 && !t.class.any(Class::ORDINARY)
            }))
    {
        capitals += usize::from(is_capital(page, at));
        at += 1;
    }
    (capitals > 0 && page.number(at).is_some_and(|(length, _)| length <= 5)).then_some(index..at + 1)
}

/// `643 ul. Biskupa Bogedaina 118`, `846 31 Rue Al Imam`: numbers before a street whose kind comes first.
fn prefix_behind(page: &Page, index: usize) -> Option<Range<usize>> {
    let mut at = index + 1;
    if page.number(index)?.0 > 5 || page.joined(index) {
        return None;
    }
    at += usize::from(page.number(at).is_some());
    let token = page.at(at)?;
    if !token.class.any(Class::STREET_PREFIX)
        || !token.spaced
        || token.len() < 3 && !page.says(at, words!["ul", "av"])
    {
        return None;
    }
    if let Some(street) = prefixed(page, at) {
        return Some(index..street.end);
    }
    let mut end = at + 1;
    end += usize::from(page.sign(end, b'.'));
    let first = end;
    while end < first + 6
        && page.at(end).is_some_and(|token| {
            token.is_word()
                && (token.is_capital()
                    || token.class.any(Class::PARTICLE)
                    || !token.class.any(Class::ORDINARY))
        })
    {
        end += 1;
    }
    let named = (first..end).any(|at| !page.tokens()[at].class.any(Class::PARTICLE));
    (named && page.says(at, words!["rue", "rua", "via", "calle", "ul", "avenida", "viale", "vicolo"]))
        .then_some(index..end)
}

/// `77009 P.O. Box 255`.
fn box_behind(page: &Page, index: usize) -> Option<Range<usize>> {
    post_box(page, index + 1).map(|found| index..found.end)
}

/// `USNS Bergman, FPO AP 93757`, `APO AA 61487`.
fn military(page: &Page, index: usize) -> Option<Range<usize>> {
    let mut at = index;
    if page.says(at, words!["uss", "usns", "uscgc", "usnv", "usav"]) {
        at += 1;
        while at < index + 5
            && page.at(at).is_some_and(|token| token.is_word())
            && !page.says(at, words!["fpo", "apo", "dpo"])
        {
            at += 1;
        }
        while page.at(at).is_some_and(|token| token.kind == Kind::Break || token.is(b',')) {
            at += 1;
        }
    }
    let post = page.says(at, words!["fpo", "apo", "dpo"])
        && page.says(at + 1, words!["aa", "ae", "ap"])
        && page.number(at + 2).is_some();
    post.then(|| index..plus_four(page, at + 3))
}

/// `Elm Street`, `Lahtinen Road`: a street without a number, named in capitals.
fn street_alone(page: &Page, index: usize) -> Option<Range<usize>> {
    let token = page.at(index)?;
    if token.case != Case::Title
        || token.class.any(Class::PLACE_PREPOSITION | Class::NAME_TRIGGER | Class::STREET_SUFFIX)
    {
        return None;
    }
    let mut at = index + 1;
    while at < index + 4 && page.at(at).is_some_and(|next| next.case == Case::Title && next.spaced) {
        if page.says(
            at,
            words!["street", "avenue", "road", "boulevard", "lane", "blvd", "rd", "parkway", "highway"],
        ) {
            let opens = page.opens_sentence(index) && token.class.any(Class::ORDINARY);
            let clinic = page.at(at + 1).is_some_and(|next| {
                next.class.any(Class::FACILITY | Class::FACILITY_WEAK) && next.is_capital()
            });
            return (!opens && !clinic).then_some(index..at + 1);
        }
        at += 1;
    }
    None
}

/// Where a crossing's first street, "Đoko and ul. Miła 53", begins.
fn crossing_before(page: &Page, start: usize) -> usize {
    let Some(first) = start.checked_sub(2).filter(|_| page.says(start - 1, words!["and"])) else {
        return start;
    };
    let token = &page.tokens()[first];
    let named = token.is_capital() && is_unknown(page, first) && !page.is_taken_at(first);
    match named {
        true if first >= 2 && page.sign(first - 1, b'-') && is_capital(page, first - 2) => first - 2,
        true => first,
        false => start,
    }
}

/// `Villacher Strasse 89`, `Skoanveien 226`; `Joaquin Suarez 2906` after "on" or "at".
fn street_then_number(page: &Page, index: usize) -> Option<Range<usize>> {
    if (index + 1..=index + NAME + 1).all(|at| page.number(at).is_none()) {
        return None;
    }
    if !is_capital(page, index) && !ends_as_street(page, index) || page.tokens()[index].case == Case::Initial
    {
        return None;
    }
    let mut street = ends_as_street(page, index);
    let mut unknown = is_unknown(page, index);
    let mut at = index + 1;
    while at < index + NAME
        && (is_name_like(page, at)
            || page.at(at).is_some_and(|t| {
                t.class.any(Class::PARTICLE) || t.is_word() && t.len() <= 2 && !t.class.any(Class::ORDINARY)
            }))
    {
        street |=
            ends_as_street(page, at) || page.says(at, words!["strasse", "str", "straße", "utca", "u", "út"]);
        unknown &= is_unknown(page, at);
        at += 1;
    }
    if page.sign(at, b'.') && street {
        at += 1;
    }
    let (length, value) = page.number(at)?;
    let after = page.at(at + 1);
    if length > 5
        || after
            .is_some_and(|t| t.class.any(Class::MEASURE) || matches!(t.kind, Kind::Sign(b'%' | b'/' | b':')))
        || page.joined(at)
    {
        return None;
    }
    let located = page.says(index.wrapping_sub(1), words!["on", "at", "of", "to", "and"])
        && unknown
        && !page.tokens()[index].class.any(Class::PLAIN)
        && (at > index + 1 || page.says(index.wrapping_sub(1), words!["at", "on"]))
        && !(1900..2100).contains(&value);
    let stop = page.says(at.wrapping_sub(2), words!["u"]) && page.sign(at + 1, b'.');
    (street || located).then_some(index..at + 1 + usize::from(stop))
}

/// `P.O. Box 12`, `PSC 6293, Box 8158`, `Unit 0822 Box 8858`, `RR 2 Box 5`.
fn post_box(page: &Page, index: usize) -> Option<Range<usize>> {
    let mut at = index;
    if page.says(at, words!["p"]) {
        at += 1;
        at += usize::from(page.sign(at, b'.'));
        if !page.says(at, words!["o"]) {
            return None;
        }
        at += 1;
        at += usize::from(page.sign(at, b'.'));
    } else if page.says(at, words!["po", "gpo", "pmb"]) {
        at += 1;
    } else if page.says(at, words!["psc", "unit", "rr", "cmr", "hc"]) && page.number(at + 1).is_some() {
        at += 2;
        at += usize::from(page.sign(at, b','));
    } else {
        return None;
    }
    if !page.says(at, words!["box"]) {
        return None;
    }
    at += 1;
    at += usize::from(page.sign(at, b'#'));
    page.number(at).map(|_| index..at + 1)
}

/// `Apt. 117 5720 Skoanveien 226`: a room before its street.
fn room_first(page: &Page, index: usize) -> Option<Range<usize>> {
    if !is_capital(page, index) {
        return None;
    }
    let end = room(page, index)?;
    let apartment = page.says(index, words!["apt", "apartment", "suite", "ste", "apto"]);
    (apartment || numbered(page, end).is_some()).then_some(index..end)
}

/// One past a room at `at`: `Apt. 4B`, `Suite 200`, `#12`.
fn room(page: &Page, at: usize) -> Option<usize> {
    let mut next = at;
    if page.sign(next, b'#') {
        next += 1;
    } else if page.at(next)?.class.any(Class::ROOM) {
        next += 1;
        next += usize::from(page.sign(next, b'.'));
        next += usize::from(page.sign(next, b'#'));
    } else {
        return None;
    }
    let token = page.at(next)?;
    if token.is_number() {
        let letter = page.at(next + 1).is_some_and(|t| t.case == Case::Initial && !t.spaced);
        return Some(next + 1 + usize::from(letter));
    }
    if token.case == Case::Initial {
        let number = page.joined(next + 1) && page.number(next + 1).is_some();
        return Some(next + 1 + usize::from(number));
    }
    None
}

/// `the corner of Dalbraut 99 and Frederikke Coves`.
fn corner(page: &Page, index: usize) -> Option<Range<usize>> {
    if !page.says(index, words!["corner"]) || !page.says(index + 1, words!["of"]) {
        return None;
    }
    let mut at = index + 2;
    let (mut and, mut words) = (false, 0);
    while at < index + 16 {
        let Some(token) = page.at(at) else { break };
        let goes = match token.kind {
            Kind::Word if page.says(at, words!["and"]) && !and => {
                and = true;
                true
            }
            Kind::Word => {
                token.is_capital()
                    || is_suffix(page, at)
                    || token.class.any(Class::PARTICLE | Class::STREET_PREFIX)
                    || !token.class.any(Class::PLAIN)
            }
            Kind::Number => true,
            Kind::Sign(b'.' | b'-' | b'\'') => {
                page.at(at + 1).is_some_and(|next| next.is_capital() || next.is_number())
                    || !page.at(at + 1).is_some_and(|n| n.kind == Kind::Break)
                        && page.at(at + 1).is_some()
                        && !token.spaced
                        && page.tokens()[at - 1].len() <= 3
            }
            _ => false,
        };
        if !goes {
            break;
        }
        words += usize::from(token.is_word());
        at += 1;
    }
    let start = index - usize::from(page.says(index.wrapping_sub(1), words!["the"]));
    (words >= 2).then_some(start..at)
}

/// A postal code behind a state: `IL 60601`, `Texas 78701-1234`; `K1A 0B1`, `SW1A 1AA` are left to their labels.
fn zip(page: &Page, index: usize) -> Option<Range<usize>> {
    let (length, _) = page.number(index)?;
    let before = page.before(index)?;
    let state = before.class.any(Class::STATE) && before.is_capital()
        || before.class.any(Class::STATE_LETTERS)
            && (before.case == Case::Upper
                || before.case == Case::Shout
                    && (page.sign(index.wrapping_sub(2), b',')
                        || !page
                            .says(index - 1, words!["in", "or", "me", "ok", "hi", "de", "id", "pa", "co"])));
    if length != 5 || !state || page.joined(index) {
        return None;
    }
    Some(index - 1..plus_four(page, index + 1))
}

fn plus_four(page: &Page, at: usize) -> usize {
    match page.sign(at, b'-')
        && page.joined(at)
        && page.joined(at + 1)
        && page.number(at + 1).is_some_and(|(length, _)| length == 4)
    {
        true => at + 2,
        false => at,
    }
}

/// One past what follows a street: rooms, town, state, code, country, over commas and ends of line.
fn tail(page: &Page, end: usize) -> usize {
    let (mut at, mut last) = (end, end);
    while at - end < TAIL {
        let Some(token) = page.at(at) else { break };
        if page.is_taken_at(at) {
            break;
        }
        if let Some(after) = room(page, at) {
            (at, last) = (after, after);
            continue;
        }
        match token.kind {
            Kind::Sign(b',' | b'>' | b'-' | b'?' | b'|') | Kind::Break => at += 1,
            Kind::Sign(b'.') if at == last && !token.spaced => {
                // The stop of "St." or "u." belongs to the street, where more of the address follows or the text ends.
                let short = page.tokens()[at - 1].is_word() && page.tokens()[at - 1].len() <= 4
                    || page.tokens()[at - 1].is_number()
                        && page.at(at + 1).is_some_and(|t| t.kind == Kind::Break);
                if !short {
                    break;
                }
                at += 1;
            }
            Kind::Number
                if (4..=6).contains(&token.len())
                    || token.len() == 2 && page.at(at + 1).is_some_and(|t| t.kind == Kind::Break) =>
            {
                at = plus_four(page, at + 1);
                last = at;
                if !page
                    .at(at)
                    .is_some_and(|t| t.kind == Kind::Break || t.is_capital() && t.class.any(Class::PLACE))
                {
                    break;
                }
            }
            Kind::Word
                if page
                    .phrase(at)
                    .is_some_and(|phrase| phrase.class.any(Class::PLACE) && token.is_capital()) =>
            {
                at = page.phrase(at).map_or(at + 1, |phrase| phrase.end);
                last = at;
            }
            // "Cyprus (Greek)"
            Kind::Sign(b'(')
                if page.at(at + 1).is_some_and(|next| next.is_capital()) && page.sign(at + 2, b')') =>
            {
                at += 3;
                last = at;
            }
            Kind::Word if place_word(page, at) => {
                at += 1;
                last = at;
            }
            _ => break,
        }
    }
    last
}

/// A word of a town, state or country after a street.
fn place_word(page: &Page, at: usize) -> bool {
    let token = &page.tokens()[at];
    if token.class.any(Class::PARTICLE) && !token.is_capital() {
        return page.at(at + 1).is_some_and(|next| next.is_capital());
    }
    if page.says(at, words!["nan"]) {
        return true;
    }
    if !token.is_capital() && token.case != Case::Shout {
        return false;
    }
    let known = token.class.any(Class::PLACE | Class::STREET_SUFFIX)
        || page
            .at(at + 1)
            .is_some_and(|next| next.class.any(Class::PLACE) && next.is_capital() && next.spaced)
            && token.case == Case::Title
        || token.class.any(Class::STATE_LETTERS) && token.case == Case::Upper;
    let sentence = page.sign(at.wrapping_sub(1), b'.') || page.tokens()[at - 1].kind == Kind::Break;
    known && !(sentence && token.class.any(Class::ORDINARY))
        || token.case == Case::Upper
            && !page.says(at, words!["MRN", "DOB", "SSN", "PHONE", "FAX", "TEL", "ID"])
        || !token.class.any(Class::PLAIN | Class::NAME_TRIGGER | Class::TITLE | Class::WEEKDAY | Class::MONTH)
            && token.case != Case::Initial
        || page.at(at - 1).is_some_and(|before| before.class.any(Class::PLACE) || before.case == Case::Upper)
            && token.class.any(Class::PLACE | Class::NAME)
            && !sentence
        || token.case == Case::Initial && page.at(at + 1).is_none_or(|t| t.kind == Kind::Break || t.is(b'.'))
}
