//! A note as the program gets it, with the places of everything in it.

use super::dice::Dice;
use super::grammar::{Grammar, Surface};
use super::plants::dates::House;
use super::plants::names::strip_accents;
use super::plants::numbers::scanned;
use super::plants::{Class, Knowledge, Piece};
use std::ops::Range;

/// An identifier in a note.
pub struct Planted {
    /// Characters of the note, the whole identifier.
    pub range: Range<usize>,
    /// Those that must be hidden.
    pub secret: Vec<usize>,
    pub class: Class,
    pub style: &'static str,
    pub knowledge: Knowledge,
}

/// A word that is no identifier.
pub struct Word {
    pub range: Range<usize>,
    /// The kind of trap, `clinical word`, `number`, or `other word`.
    pub kind: &'static str,
}

impl Word {
    pub fn is_clinical(&self) -> bool {
        self.kind != "other word"
    }
}

/// One note.
pub struct Note {
    pub id: String,
    pub kind: &'static str,
    pub surface: &'static str,
    pub house: House,
    pub full_chart: bool,
    pub text: String,
    pub planted: Vec<Planted>,
    pub words: Vec<Word>,
    /// Sentences with identifiers masked.
    pub sentences: Vec<String>,
    /// Sentences with clinical terms masked too: what the grammar alone gives.
    pub skeletons: Vec<String>,
}

/// What a note is, beside its words.
pub struct Nature {
    /// Its place among the grammar's kinds.
    pub kind: usize,
    pub house: House,
    pub full_chart: bool,
}

/// Puts pieces on the page.
pub fn set(id: String, nature: &Nature, pieces: Vec<Piece>, grammar: &Grammar, dice: &mut Dice) -> Note {
    let kind = &grammar.kinds[nature.kind];
    let surface = &kind.surface;
    let sentences = masked(&pieces, false);
    let skeletons = masked(&pieces, true);
    let mut note = Note {
        id,
        kind: kind.name,
        surface: label(surface),
        house: nature.house,
        full_chart: nature.full_chart,
        text: String::new(),
        planted: Vec::new(),
        words: Vec::new(),
        sentences,
        skeletons,
    };
    let mut chars: Vec<char> = Vec::new();
    for piece in pieces {
        let start = chars.len();
        match piece {
            Piece::Text(text) => {
                chars.extend(cased(&marred(&text, surface, dice), surface));
                words(&chars, start, &mut note.words, |word| match word {
                    _ if grammar.is_clinical(word) => "clinical word",
                    _ if word.contains(|c: char| c.is_ascii_digit()) => "number",
                    _ => "other word",
                });
            }
            Piece::Term(kind, text) => {
                chars.extend(cased(&text, surface));
                words(&chars, start, &mut note.words, |_| kind);
            }
            Piece::Neutral(text) => chars.extend(cased(&text, surface)),
            Piece::Plant(plant) => {
                let mut secret = Vec::new();
                for (c, tells) in plant.chars {
                    for c in cased(&c.to_string(), surface) {
                        if tells {
                            secret.push(chars.len());
                        }
                        chars.push(c);
                    }
                }
                let range = start..chars.len();
                note.planted.push(Planted {
                    range,
                    secret,
                    class: plant.class,
                    style: plant.style,
                    knowledge: plant.knowledge,
                });
            }
        }
    }
    wrap(&mut chars, surface.wrap);
    note.text = chars.into_iter().collect();
    note
}

fn label(surface: &Surface) -> &'static str {
    match surface {
        s if s.case == "upper" => "ALL CAPS",
        s if s.case == "lower" => "lower case",
        s if s.scan > 0 => "scanned",
        s if s.typos > 0 => "mistyped",
        s if s.wrap > 0 => "lines broken",
        _ => "as written",
    }
}

fn cased(text: &str, surface: &Surface) -> Vec<char> {
    let text = if surface.ascii { strip_accents(text) } else { text.to_owned() };
    match surface.case.as_str() {
        "upper" => text.to_uppercase().chars().collect(),
        "lower" => text.to_lowercase().chars().collect(),
        _ => text.chars().collect(),
    }
}

/// Ordinary text with the mistakes of a typist or a scanner.
fn marred(text: &str, surface: &Surface, dice: &mut Dice) -> String {
    if surface.typos == 0 && surface.scan == 0 {
        return text.to_owned();
    }
    let one = |word: &str, dice: &mut Dice| {
        if word.len() < 4 || !word.chars().all(char::is_alphabetic) {
            return word.to_owned();
        }
        if dice.chance(surface.scan as f64 / 1000.0) {
            return scanned(word, dice);
        }
        if dice.chance(surface.typos as f64 / 1000.0) {
            let mut chars: Vec<char> = word.chars().collect();
            let at = 1 + dice.below(chars.len() - 2);
            match dice.below(3) {
                0 => chars.swap(at, at + 1),
                1 => drop(chars.remove(at)),
                _ => chars.insert(at, chars[at]),
            }
            return chars.into_iter().collect();
        }
        word.to_owned()
    };
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            let bare = word.trim_end();
            one(bare, dice) + &word[bare.len()..]
        })
        .collect()
}

/// Records the words that stand from `start` on.
fn words(chars: &[char], start: usize, words: &mut Vec<Word>, kind: impl Fn(&str) -> &'static str) {
    let mut at = start;
    while at < chars.len() {
        if chars[at].is_whitespace() {
            at += 1;
            continue;
        }
        let mut end = at;
        while end < chars.len() && !chars[end].is_whitespace() {
            end += 1;
        }
        let (next, mut range) = (end, at..end);
        while !range.is_empty() && !chars[range.start].is_alphanumeric() {
            range.start += 1;
        }
        while !range.is_empty() && !chars[range.end - 1].is_alphanumeric() {
            range.end -= 1;
        }
        let word: String = chars[range.clone()].iter().collect::<String>().to_lowercase();
        // A degree after a name may go with it or stay.
        if !range.is_empty() && !["rn", "pt", "licsw"].contains(&word.as_str()) {
            words.push(Word { range, kind: kind(&word) });
        }
        at = next;
    }
}

/// Breaks lines at a width, where a space is.
fn wrap(chars: &mut [char], width: usize) {
    if width == 0 {
        return;
    }
    let (mut line, mut space) = (0, None);
    for at in 0..chars.len() {
        match chars[at] {
            '\n' => (line, space) = (at + 1, None),
            ' ' => space = Some(at),
            _ => (),
        }
        if at + 1 - line > width
            && let Some(space) = space.take()
        {
            chars[space] = '\n';
            line = space + 1;
        }
    }
}

/// Sentences with identifiers, and clinical terms if `terms`, replaced by their class.
fn masked(pieces: &[Piece], terms: bool) -> Vec<String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Term(kind, _) if terms => text.push_str(&format!("‹{kind}›")),
            Piece::Term(_, words) => text.push_str(words),
            Piece::Neutral(_) => text.push('‹'),
            Piece::Plant(plant) => text.push_str(&format!("‹{:?}›", plant.class)),
        }
    }
    text.replace(". ", ".\n")
        .lines()
        .map(str::trim)
        .filter(|s| s.split_whitespace().count() > 3)
        .map(str::to_owned)
        .collect()
}
