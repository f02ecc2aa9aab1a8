//! Addresses, cities and organisations of a chart: sequences of words.

use super::{Ordinary, Shapes};
use crate::text::fold::{folded, scanned, words};
use crate::text::{Identifier, Span};
use rustc_hash::FxHashMap;

/// Words of a street by their usual short forms: United States Postal Service, Publication 28, appendix C.
const STREETS: &[(&str, &str)] = &[
    ("street", "st"),
    ("avenue", "ave"),
    ("av", "ave"),
    ("road", "rd"),
    ("drive", "dr"),
    ("lane", "ln"),
    ("boulevard", "blvd"),
    ("court", "ct"),
    ("place", "pl"),
    ("square", "sq"),
    ("terrace", "ter"),
    ("circle", "cir"),
    ("highway", "hwy"),
    ("parkway", "pkwy"),
    ("apartment", "apt"),
    ("unit", "apt"),
    ("suite", "ste"),
    ("trail", "trl"),
    ("crescent", "cres"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("saint", "st"),
    ("mount", "mt"),
    ("fort", "ft"),
    ("way", "wy"),
    ("crossing", "xing"),
    ("alley", "aly"),
    ("annex", "anx"),
    ("arcade", "arc"),
    ("bayou", "byu"),
    ("beach", "bch"),
    ("bend", "bnd"),
    ("bluff", "blf"),
    ("branch", "br"),
    ("bridge", "brg"),
    ("brook", "brk"),
    ("bypass", "byp"),
    ("camp", "cp"),
    ("canyon", "cyn"),
    ("causeway", "cswy"),
    ("center", "ctr"),
    ("centre", "ctr"),
    ("cliff", "clf"),
    ("club", "clb"),
    ("common", "cmn"),
    ("corner", "cor"),
    ("course", "crse"),
    ("cove", "cv"),
    ("creek", "crk"),
    ("crossroad", "xrd"),
    ("curve", "curv"),
    ("dale", "dl"),
    ("divide", "dv"),
    ("estate", "est"),
    ("expressway", "expy"),
    ("extension", "ext"),
    ("falls", "fls"),
    ("ferry", "fry"),
    ("field", "fld"),
    ("flat", "flt"),
    ("ford", "frd"),
    ("forest", "frst"),
    ("forge", "frg"),
    ("fork", "frk"),
    ("freeway", "fwy"),
    ("garden", "gdn"),
    ("gardens", "gdns"),
    ("gateway", "gtwy"),
    ("glen", "gln"),
    ("green", "grn"),
    ("grove", "grv"),
    ("harbor", "hbr"),
    ("haven", "hvn"),
    ("hill", "hl"),
    ("hollow", "holw"),
    ("inlet", "inlt"),
    ("junction", "jct"),
    ("key", "ky"),
    ("knoll", "knl"),
    ("lake", "lk"),
    ("landing", "lndg"),
    ("light", "lgt"),
    ("loaf", "lf"),
    ("lock", "lck"),
    ("lodge", "ldg"),
    ("manor", "mnr"),
    ("meadow", "mdw"),
    ("meadows", "mdws"),
    ("mill", "ml"),
    ("mission", "msn"),
    ("mountain", "mtn"),
    ("neck", "nck"),
    ("orchard", "orch"),
    ("overpass", "opas"),
    ("passage", "psge"),
    ("pine", "pne"),
    ("plain", "pln"),
    ("plaza", "plz"),
    ("point", "pt"),
    ("port", "prt"),
    ("prairie", "pr"),
    ("radial", "radl"),
    ("ranch", "rnch"),
    ("rapid", "rpd"),
    ("rest", "rst"),
    ("ridge", "rdg"),
    ("river", "riv"),
    ("route", "rte"),
    ("shoal", "shl"),
    ("shore", "shr"),
    ("skyway", "skwy"),
    ("spring", "spg"),
    ("station", "sta"),
    ("stravenue", "stra"),
    ("stream", "strm"),
    ("summit", "smt"),
    ("throughway", "trwy"),
    ("trace", "trce"),
    ("track", "trak"),
    ("tunnel", "tunl"),
    ("turnpike", "tpke"),
    ("underpass", "upas"),
    ("union", "un"),
    ("valley", "vly"),
    ("viaduct", "via"),
    ("view", "vw"),
    ("village", "vlg"),
    ("ville", "vl"),
    ("vista", "vis"),
    ("well", "wl"),
    ("heights", "hts"),
];

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

/// Shorter words may be anything, misread.
const SHORTEST_MISREAD: usize = 4;
/// Most bytes between two words of a phrase.
const FARTHEST: usize = 4;

/// Sequences of folded words.
#[derive(Default)]
pub(super) struct Phrases {
    by_first: FxHashMap<Box<str>, Vec<Phrase>>,
    /// First words as a scanner might have read them.
    misread: FxHashMap<Box<str>, Box<str>>,
}

struct Phrase {
    /// The words after the first.
    rest: Box<[Box<str>]>,
    identifier: Identifier,
}

impl Phrases {
    pub(super) fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    pub(super) fn add_city(&mut self, text: &str, shapes: &mut Shapes) {
        let city = canonical(text);
        let bare = city.strip_suffix(&["county".to_owned()]).unwrap_or(&city);
        self.add(bare, Identifier::Location, shapes);
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
        for end in telling.max(2)..name.len() {
            self.add(&name[..end], Identifier::Organization, shapes);
        }
    }

    fn add(&mut self, phrase: &[String], identifier: Identifier, shapes: &mut Shapes) {
        let Some((first, rest)) = phrase.split_first() else { return };
        // A number or a letter by itself is no address.
        if rest.is_empty() && (first.len() < 3 || first.bytes().all(|b| b.is_ascii_digit())) {
            return;
        }
        let rest: Box<[Box<str>]> = rest.iter().map(|word| word.as_str().into()).collect();
        for first in spellings(first) {
            shapes.add(first);
            let house_number = rest.len() > 1 && first.bytes().any(|byte| byte.is_ascii_digit());
            if first.chars().count() >= SHORTEST_MISREAD || house_number {
                self.misread.insert(scanned(first).into(), first.into());
            }
            let phrases = self.by_first.entry(first.into()).or_default();
            if !phrases.iter().any(|known| known.rest == rest) {
                phrases.push(Phrase { rest: rest.clone(), identifier });
            }
        }
    }

    /// The first word that this may be, misread.
    pub(super) fn misread(&self, scanned: &str) -> Option<&str> {
        self.misread.get(scanned).map(AsRef::as_ref)
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
        let longest = phrases
            .iter()
            .filter_map(|phrase| {
                let end = phrase.end(text, end)?;
                let alone = phrase.rest.is_empty();
                (!alone || stands_alone(&text[start..end], first, ordinary))
                    .then_some((end, phrase.identifier))
            })
            .max_by_key(|(end, _)| *end);
        if let Some((end, identifier)) = longest {
            spans.push(Span::new(start..end, identifier));
        }
    }
}

impl Phrase {
    /// Where it ends when its first word ends at `end`.
    fn end(&self, text: &str, mut end: usize) -> Option<usize> {
        let mut following = words(&text[end..]);
        let from = end;
        for want in &self.rest {
            let (start, stop) = following.next()?;
            let between = &text[end..from + start];
            // A line may end within an address.
            if between.len() > FARTHEST || !is_word(&folded(&text[from + start..from + stop]), want) {
                return None;
            }
            end = from + stop;
        }
        Some(end)
    }
}

/// The same word: in its short form, or misread.
fn is_word(word: &str, want: &str) -> bool {
    let misread = |form: &str| form.len() >= 3 && scanned(word) == scanned(form);
    short(word) == want || spellings(want).any(misread)
}

/// One word that is a city only where it is written as one: with a capital, or where it is nothing else.
fn stands_alone(word: &str, folded: &str, ordinary: &Ordinary<'_>) -> bool {
    word.chars().next().is_some_and(char::is_uppercase) || !ordinary(folded)
}

/// Folded words, streets in their short forms.
fn canonical(text: &str) -> Vec<String> {
    words(text).map(|(start, end)| short(&folded(&text[start..end])).to_owned()).collect()
}

fn short(word: &str) -> &str {
    STREETS.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short)
}

/// A first word in all its forms: `st`, `street`, `saint`.
fn spellings(word: &str) -> impl Iterator<Item = &str> {
    let long = STREETS.iter().filter(move |(_, short)| *short == word).map(|(long, _)| *long);
    std::iter::once(word).chain(long)
}
