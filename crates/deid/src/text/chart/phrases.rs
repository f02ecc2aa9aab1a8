//! Addresses, cities and organisations of a chart: sequences of words.

use super::streets::{Wanted, short, spellings};
use super::{Ordinary, Shapes};
use crate::text::fold::{folded, scanned, words};
use crate::text::{Identifier, Span};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What an organisation's name ends with, and what says little of which it is.
const GENERIC: &[&str] = &[
    "hospital",
    "clinic",
    "center",
    "centre",
    "medical",
    "health",
    "healthcare",
    "inc",
    "llc",
    "pc",
    "corp",
    "ltd",
    "company",
    "co",
    "group",
    "associates",
    "practice",
    "services",
    "service",
    "system",
    "the",
    "of",
    "and",
    "care",
    "home",
    "nursing",
    "rehabilitation",
    "primary",
    "general",
    "community",
    "regional",
    "memorial",
    "university",
    "urgent",
    "family",
    "county",
    "city",
    "state",
    "department",
    "public",
    "private",
    "facility",
    "hospice",
];

/// What houses care for, and how: with the words above they make "mental health", "physical therapy", which are no one's name.
const CARE: &[&str] = &[
    "mental",
    "behavioral",
    "behavioural",
    "internal",
    "physical",
    "occupational",
    "speech",
    "sleep",
    "pain",
    "eye",
    "heart",
    "cancer",
    "breast",
    "skin",
    "joint",
    "spine",
    "kidney",
    "wound",
    "hearing",
    "vision",
    "dental",
    "women",
    "womens",
    "children",
    "childrens",
    "adult",
    "senior",
    "veterans",
    "addiction",
    "recovery",
    "wellness",
    "allergy",
    "asthma",
    "diabetes",
    "infusion",
    "imaging",
    "radiology",
    "oncology",
    "cardiology",
    "pediatric",
    "pediatrics",
    "orthopedic",
    "orthopedics",
    "urology",
    "neurology",
    "dermatology",
    "psychiatry",
    "obstetrics",
    "gynecology",
    "medicine",
    "therapy",
    "surgery",
    "surgical",
    "diagnostic",
    "diagnostics",
    "laboratory",
    "pharmacy",
    "management",
    "outpatient",
    "inpatient",
    "emergency",
];
/// States and countries that towns and counties are called after: told alone they are the state, which may be told. New York
/// and Washington are as often the town.
const WIDER: &[&str] = &[
    "kansas",
    "oklahoma",
    "iowa",
    "missouri",
    "texas",
    "virginia",
    "nevada",
    "michigan",
    "oregon",
    "california",
    "delaware",
    "indiana",
    "ohio",
    "mississippi",
    "arkansas",
    "colorado",
    "idaho",
    "montana",
    "nebraska",
    "wyoming",
    "mexico",
    "panama",
    "guatemala",
    "kuwait",
];

/// Shorter words may be anything, misread.
const SHORTEST_MISREAD: usize = 4;
/// Most bytes between two words of a phrase, white space left out and with it.
const FARTHEST: usize = 3;
const WIDEST: usize = 16;

/// Sequences of folded words.
#[derive(Default)]
pub(super) struct Phrases {
    by_first: FxHashMap<Box<str>, Vec<Phrase>>,
    /// First words as a scanner might have read them.
    misread: FxHashMap<Box<str>, Vec<Box<str>>>,
}

struct Phrase {
    /// The words after the first.
    rest: Arc<[Wanted]>,
    identifier: Identifier,
}

impl Phrases {
    pub(super) fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    pub(super) fn add_city(&mut self, text: &str, shapes: &mut Shapes) {
        let city = canonical(text);
        // What a register adds to a town's name: "Weymouth Town", "Essex County".
        const ADDED: &[&str] = &["county", "town", "township", "city", "village", "borough", "cdp"];
        self.add(&city, Identifier::Location, shapes);
        if let Some((last, bare)) = city.split_last()
            && ADDED.contains(&last.as_str())
            && !bare.is_empty()
            && !matches!(bare, [only] if WIDER.contains(&only.as_str()))
        {
            self.add(bare, Identifier::Location, shapes);
        }
    }

    /// The line, its number and street, and the street alone when it has a name and a kind.
    pub(super) fn add_address(&mut self, text: &str, shapes: &mut Shapes) {
        let line = canonical(text);
        self.add(&line, Identifier::Location, shapes);
        let until_apartment = line.iter().position(|w| matches!(w.as_str(), "apt" | "ste" | "fl" | "rm"));
        let street = &line[..until_apartment.unwrap_or(line.len())];
        let Some((number, name)) = street.split_first() else { return };
        if number.bytes().any(|b| b.is_ascii_digit()) && !name.is_empty() {
            self.add(street, Identifier::Location, shapes);
            // The street with its room: the number may be misread.
            self.add(&line[1..], Identifier::Location, shapes);
            if let Some((_kind, bare)) = name.split_last().filter(|(_, bare)| !bare.is_empty()) {
                // `12 Elm` for `12 Elm Street`, and `Elm Street`.
                self.add(&[std::slice::from_ref(number), bare].concat(), Identifier::Location, shapes);
                self.add(name, Identifier::Location, shapes);
            }
        }
    }

    /// The name, and the name without the words that all such names end with.
    pub(super) fn add_organization(&mut self, text: &str, shapes: &mut Shapes) {
        let name = canonical(text);
        self.add(&name, Identifier::Organization, shapes);
        let telling = name.iter().rposition(|word| !GENERIC.contains(&word.as_str())).map_or(0, |at| at + 1);
        let says_nothing = |word: &String| GENERIC.contains(&word.as_str()) || CARE.contains(&word.as_str());
        let parts = (telling.max(2)..name.len()).filter(|end| !name[..*end].iter().all(says_nothing));
        for end in parts {
            self.add(&name[..end], Identifier::Organization, shapes);
        }
        // `Cove General Hospital` of `Cove General Hospital - Main Campus`.
        // Not "mental health" of "Mental Health Clinic of Hull": a part must end as houses and firms do.
        const HOUSES: &[&str] = &[
            "hospital",
            "clinic",
            "center",
            "centre",
            "hospice",
            "associates",
            "group",
            "inc",
            "llc",
            "pc",
            "corp",
        ];
        let generic = |word: &String| GENERIC.contains(&word.as_str());
        for end in 2..telling.max(2) {
            let part = &name[..end];
            if part.last().is_some_and(|last| HOUSES.contains(&last.as_str())) && !part.iter().all(generic) {
                self.add(part, Identifier::Organization, shapes);
            }
        }
    }

    fn add(&mut self, phrase: &[String], identifier: Identifier, shapes: &mut Shapes) {
        let Some((first, rest)) = phrase.split_first() else { return };
        // A number or a letter by itself is no address.
        if rest.is_empty() && (first.len() < 3 || first.bytes().all(|b| b.is_ascii_digit())) {
            return;
        }
        let rest: Arc<[Wanted]> = rest.iter().map(|word| Wanted::new(word)).collect();
        for first in spellings(first) {
            shapes.add(first);
            let house_number = rest.len() > 1 && first.bytes().any(|byte| byte.is_ascii_digit());
            let several = rest.len() > 1 && first.chars().count() + 1 >= SHORTEST_MISREAD;
            if first.chars().count() >= SHORTEST_MISREAD || house_number || several {
                let known = self.misread.entry(scanned(first).into()).or_default();
                if !known.iter().any(|known| **known == *first) {
                    known.push(first.into());
                }
            }
            let phrases = self.by_first.entry(first.into()).or_default();
            if !phrases.iter().any(|known| known.rest == rest) {
                phrases.push(Phrase { rest: rest.clone(), identifier });
            }
        }
    }

    /// Does a phrase begin with this word?
    pub(super) fn begins(&self, first: &str) -> bool {
        self.by_first.contains_key(first)
    }

    /// The first words that this may be, misread.
    pub(super) fn misread(&self, scanned: &str) -> impl Iterator<Item = &str> {
        self.misread.get(scanned).into_iter().flatten().map(AsRef::as_ref)
    }

    /// Adds the longest phrase that begins with this word.
    pub(super) fn at(
        &self,
        text: &str,
        first: &str,
        (start, end): (usize, usize),
        ordinary: &Ordinary<'_>,
        spans: &mut Vec<Span>,
    ) {
        let Some(phrases) = self.by_first.get(first) else { return };
        // A city right behind a street is one in small letters too.
        let addressed = spans.last().is_some_and(|last| {
            last.identifier == Identifier::Location
                && last.end <= start
                && matches!(text[last.end..start].trim_matches([' ', '\n', '\r']), "" | "," | ".,")
        });
        let longest = phrases
            .iter()
            .filter_map(|phrase| {
                let end = phrase.end(text, (start, end))?;
                let alone = phrase.rest.is_empty();
                (!alone || stands_alone(&text[start..end], first, ordinary) || addressed)
                    .then_some((end, phrase.identifier))
            })
            .max_by_key(|(end, _)| *end);
        if let Some((end, identifier)) = longest {
            let start = match identifier {
                Identifier::Location => with_house_number(text, start),
                _ => start,
            };
            spans.push(Span::new(start..end, identifier));
        }
    }
}

/// A street's span with its house number, where a scanner read letters for digits: `lO Elm Street`.
fn with_house_number(text: &str, start: usize) -> usize {
    const LONGEST: usize = 6;
    let Some(before) = text[..start].strip_suffix([' ', '\n']) else { return start };
    let chunk = before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'|').count();
    let with_digit = before[before.len() - chunk..].bytes().any(|byte| byte.is_ascii_digit());
    let digit = |byte: u8| byte.is_ascii_digit() || b"OoIlSsBbZzGgQqTAE|".contains(&byte);
    let number = match with_digit {
        true => chunk,
        false => before.bytes().rev().take_while(|byte| digit(*byte)).count(),
    };
    let from = before.len() - number;
    let told = before[from..].bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let borders = from == 0
        || !before.as_bytes()[from - 1].is_ascii_alphanumeric() && before.as_bytes()[from - 1] < 0x80;
    if (1..=LONGEST).contains(&number) && told && borders && !before[from..].eq_ignore_ascii_case("is") {
        from
    } else {
        start
    }
}

impl Phrase {
    /// Where it ends when its first word ends at `end`.
    fn end(&self, text: &str, (start, mut end): (usize, usize)) -> Option<usize> {
        let numbered = text[start..end].bytes().any(|byte| byte.is_ascii_digit());
        let from = end;
        let mut following = words(&text[end..]).peekable();
        for (at, want) in self.rest.iter().enumerate() {
            // `#4` for `Apt 4`: what a room is called may be a sign, or left out.
            let &(start, stop) = following.peek()?;
            let between = &text[end..from + start];
            // A line may end within an address.
            if between.trim_matches([' ', '\n', '\r', '\t']).len() > FARTHEST || between.len() > WIDEST {
                return None;
            }
            let word = folded(&text[from + start..from + stop]);
            let last = at + 1 == self.rest.len();
            if !want.is(&word, numbered) {
                if want.is_room && !last {
                    continue;
                }
                return None;
            }
            following.next();
            end = from + stop;
        }
        Some(end)
    }
}

/// One word that is a city only where it is written as one: with a capital, or where it is nothing else.
fn stands_alone(word: &str, folded: &str, ordinary: &Ordinary<'_>) -> bool {
    word.chars().next().is_some_and(char::is_uppercase) || !ordinary(folded)
}

/// Folded words, streets in their short forms.
fn canonical(text: &str) -> Vec<String> {
    words(text).map(|(start, end)| short(&folded(&text[start..end])).to_owned()).collect()
}
