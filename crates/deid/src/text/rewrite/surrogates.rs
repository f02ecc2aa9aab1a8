//! Words and numbers that stand in for what was found, in its shape.

use crate::text::{Identifier, fold::words};
use std::sync::LazyLock;

/// Words that stay within names, addresses and organisations: they say what, not which.
const KEPT: &[&str] = &[
    "dr",
    "mr",
    "mrs",
    "ms",
    "miss",
    "prof",
    "md",
    "rn",
    "np",
    "pa",
    "do",
    "phd",
    "jr",
    "sr",
    "ii",
    "iii",
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "drive",
    "lane",
    "ln",
    "boulevard",
    "blvd",
    "court",
    "ct",
    "place",
    "pl",
    "way",
    "apt",
    "apartment",
    "unit",
    "suite",
    "ste",
    "floor",
    "room",
    "po",
    "box",
    "north",
    "south",
    "east",
    "west",
    "hospital",
    "clinic",
    "center",
    "centre",
    "medical",
    "health",
    "general",
    "memorial",
    "university",
    "of",
    "the",
    "and",
    "inc",
    "llc",
    "ltd",
    "group",
    "associates",
    "county",
    "city",
    "department",
    "care",
    "nursing",
    "home",
];

struct Words {
    given: Vec<&'static str>,
    family: Vec<&'static str>,
    place: Vec<&'static str>,
    profession: Vec<&'static str>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let of = |kind: &str| -> Vec<&'static str> {
        let lines = include_str!("surrogates.txt").lines();
        let line = lines.filter_map(|line| line.split_once(' ')).find(|(first, _)| *first == kind);
        line.map(|(_, words)| words.split(' ').collect()).unwrap_or_default()
    };
    Words { given: of("given"), family: of("family"), place: of("place"), profession: of("profession") }
});

/// What makes two mentions the same number: its letters and digits.
pub(super) fn comparable(found: &str) -> String {
    found.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Appends what stands in for `found`, the same for the same seed.
pub(super) fn replace(found: &str, identifier: Identifier, seed: u64, out: &mut String) {
    let mut draw = Draw(seed);
    match identifier {
        Identifier::Name => person(found, &mut draw, out),
        Identifier::Location => by_words(found, &WORDS.place, &mut draw, out),
        Identifier::Organization => by_words(found, &WORDS.family, &mut draw, out),
        Identifier::Profession => out.push_str(draw.of(&WORDS.profession)),
        Identifier::Email => {
            let name = draw.of(&WORDS.given).to_lowercase();
            out.push_str(&format!("{name}{}@example.org", draw.below(1000)));
        }
        Identifier::Url => out.push_str(&format!("https://example.org/{}", draw.below(1_000_000))),
        // Addresses and numbers that are set aside for examples: RFC 5737, RFC 3849, and the NANP's 555-0100.
        Identifier::IpAddress if found.contains(':') => {
            out.push_str(&format!("2001:db8::{:x}", draw.below(65_536)))
        }
        Identifier::IpAddress => out.push_str(&format!("192.0.2.{}", draw.below(256))),
        Identifier::Phone | Identifier::Fax => phone(found, &mut draw, out),
        // No such number begins with 000.
        Identifier::SocialSecurityNumber => shaped(found, &mut draw, 3, out),
        _ => shaped(found, &mut draw, 0, out),
    }
}

/// Letters and digits drawn anew where letters and digits stood; the first `zeros` digits are 0.
fn shaped(found: &str, draw: &mut Draw, mut zeros: usize, out: &mut String) {
    for character in found.chars() {
        out.push(match character {
            digit if digit.is_numeric() && zeros > 0 => {
                zeros -= 1;
                '0'
            }
            digit if digit.is_numeric() => char::from(b'0' + draw.below(10) as u8),
            letter if letter.is_uppercase() => char::from(b'A' + draw.below(26) as u8),
            letter if letter.is_alphabetic() => char::from(b'a' + draw.below(26) as u8),
            other => other,
        });
    }
}

/// The last seven digits become 555-01xx, of which nobody is the subscriber.
fn phone(found: &str, draw: &mut Draw, out: &mut String) {
    let digits = found.chars().filter(char::is_ascii_digit).count();
    let mut at = 0;
    for character in found.chars() {
        if !character.is_ascii_digit() {
            out.push(character);
            continue;
        }
        let from_end = digits - at;
        at += 1;
        out.push(match from_end {
            5..=7 => '5',
            4 => '0',
            3 => '1',
            _ => char::from(b'0' + draw.below(10) as u8),
        });
    }
}

/// Each part of a name by another of its kind; titles stay, initials stay initials.
fn person(found: &str, draw: &mut Draw, out: &mut String) {
    let comma = found.find(',');
    let words: Vec<(usize, usize)> = words(found).collect();
    let last = words.len().saturating_sub(1);
    let mut copied = 0;
    for (at, &(start, end)) in words.iter().enumerate() {
        out.push_str(&found[copied..start]);
        let word = &found[start..end];
        let is_family = comma.map_or(at == last, |comma| start < comma);
        copied = end;
        if KEPT.contains(&word.to_lowercase().as_str()) || (word == "s" && at > 0) {
            out.push_str(word);
        } else if word.chars().count() == 1 {
            out.push(char::from(b'A' + draw.below(26) as u8));
        } else if word.chars().all(|c| !c.is_alphabetic()) {
            shaped(word, draw, 0, out);
        } else {
            out.push_str(&cased(draw.of(if is_family { &WORDS.family } else { &WORDS.given }), word));
        }
    }
    out.push_str(&found[copied..]);
}

/// Words that say which by others, numbers by numbers; words that say what stay.
fn by_words(found: &str, instead: &[&'static str], draw: &mut Draw, out: &mut String) {
    let mut copied = 0;
    for (start, end) in words(found) {
        out.push_str(&found[copied..start]);
        let word = &found[start..end];
        copied = end;
        if KEPT.contains(&word.to_lowercase().as_str()) {
            out.push_str(word);
        } else if word.bytes().any(|byte| byte.is_ascii_digit()) || word.chars().count() < 3 {
            shaped(word, draw, 0, out);
        } else {
            out.push_str(&cased(draw.of(instead), word));
        }
    }
    out.push_str(&found[copied..]);
}

/// In the case of what is written.
fn cased(name: &str, written: &str) -> String {
    let mut letters = written.chars().filter(|c| c.is_alphabetic());
    let capital = letters.next().is_some_and(char::is_uppercase);
    let shouted = letters.next().is_some_and(char::is_uppercase);
    match (capital, shouted) {
        (true, true) => name.to_uppercase(),
        (true, false) => name.to_owned(),
        (false, _) => name.to_lowercase(),
    }
}

/// Numbers from a seed that nobody knows: SplitMix64 (Steele, Lea and Flood 2014).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit.max(1)
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        let at = self.below(words.len() as u64) as usize;
        words.get(at).copied().unwrap_or_default()
    }
}
