//! Writes one note: expands the grammar, and asks the cast and the clinic for what it names.

use super::cast::Cast;
use super::clinic;
use super::dice::Dice;
use super::grammar::Grammar;
use super::plants::Piece;
use std::collections::HashSet;

pub struct Writer<'a> {
    pub grammar: &'a Grammar,
    pub kind: usize,
    pub cast: Cast<'a>,
    pub dice: Dice,
    pub pieces: Vec<Piece>,
    /// Alternatives said already, so that a note doesn't repeat itself while others are left.
    said: HashSet<(String, usize)>,
}

impl<'a> Writer<'a> {
    pub fn new(grammar: &'a Grammar, kind: usize, cast: Cast<'a>, dice: Dice) -> Self {
        Writer { grammar, kind, cast, dice, pieces: Vec::new(), said: HashSet::new() }
    }

    /// The whole note.
    pub fn write(mut self) -> Vec<Piece> {
        self.slot("note");
        self.pieces
    }

    /// Adds the grammar's own words, some of them exchanged for others of the same sense.
    fn say(&mut self, text: &str) {
        for part in text.split_inclusive([' ', '\n']) {
            let start = part.find(char::is_alphabetic).unwrap_or(0);
            let end = part
                .rfind(char::is_alphabetic)
                .map_or(0, |at| at + part[at..].chars().next().map_or(0, char::len_utf8));
            let word = part.get(start..end).unwrap_or_default();
            match self.grammar.synonyms(&word.to_lowercase()) {
                Some(group) => {
                    let other = as_cased(word, self.dice.choose::<String>(group));
                    self.text(&format!("{}{other}{}", &part[..start], &part[end..]));
                }
                None => self.text(part),
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(Piece::Text(last)) = self.pieces.last_mut() {
            last.push_str(text);
        } else {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
    }

    fn slot(&mut self, slot: &str) {
        if let Some(rules) = slot.strip_prefix("shuffle:") {
            let mut rules: Vec<&str> = rules.split(',').collect();
            self.dice.shuffle(&mut rules);
            for (i, rule) in rules.into_iter().enumerate() {
                if i > 0 {
                    self.text("\n");
                }
                self.slot(rule.trim());
            }
            return;
        }
        let (slot, between) = match slot.strip_prefix("lines:") {
            Some(slot) => (slot, "\n"),
            None => (slot, " "),
        };
        let (name, times) = match slot.split_once('*') {
            Some((name, range)) => {
                let (low, high) = range.split_once('-').expect("a range is low-high");
                (name, self.dice.from(low.parse().unwrap(), high.parse().unwrap()))
            }
            None => (slot, 1),
        };
        for i in 0..times {
            if i > 0 {
                self.text(between);
            }
            match self.grammar.rule(self.kind, name) {
                Some(alternatives) => {
                    if LED.contains(&name) && self.dice.chance(0.4) {
                        self.slot("lead");
                        self.text(" ");
                    }
                    let fresh: Vec<usize> = (0..alternatives.len())
                        .filter(|i| !self.said.contains(&(name.to_owned(), *i)))
                        .collect();
                    let at = if fresh.is_empty() {
                        self.dice.below(alternatives.len())
                    } else {
                        *self.dice.choose(&fresh)
                    };
                    self.said.insert((name.to_owned(), at));
                    self.expand(&alternatives[at]);
                }
                None => {
                    let pieces = self
                        .cast
                        .slot(name, &mut self.dice)
                        .or_else(|| clinic::slot(name, self.cast.chart, &mut self.dice))
                        .unwrap_or_else(|| panic!("{{{name}}} is no rule and no slot"));
                    self.pieces.extend(pieces);
                }
            }
        }
    }

    fn expand(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['{', '<', '[', '\\']) {
            self.say(&rest[..at]);
            let opening = &rest[at..];
            let (inside, after) = match &opening[..1] {
                "{" => closed(opening, '{', '}'),
                "<" => closed(opening, '<', '>'),
                "[" => closed(opening, '[', ']'),
                _ => {
                    let escaped = opening[1..].chars().next().expect("a character is escaped");
                    (&opening[1..1 + escaped.len_utf8()], &opening[1 + escaped.len_utf8()..])
                }
            };
            match &opening[..1] {
                "{" => self.slot(inside),
                "<" => {
                    let options = options(inside);
                    let chosen = *self.dice.choose(&options);
                    self.expand(chosen);
                }
                "[" => {
                    let (trap, words) = inside.split_once(':').expect("a trap has its kind");
                    self.pieces.push(Piece::Term(trap_kind(trap), words.to_owned()));
                }
                _ => self.text(inside),
            }
            rest = after;
        }
        self.say(rest);
    }
}

/// Rules whose alternatives are sentences, so that other words may come before them.
const LED: &[&str] = &[
    "trap",
    "finding",
    "result",
    "history",
    "plan",
    "opening",
    "social",
    "family",
    "drug_sentence",
    "course",
    "life",
    "talk",
    "body",
    "subj",
    "triage",
    "say",
    "bit",
    "notified",
    "instr",
    "remark",
    "more",
    "review",
    "find",
    "imp",
    "gross",
    "micro",
    "steps",
    "comment",
    "res",
    "fam",
    "certificate",
];

/// A word in the case of another: as written, capitalised, or all capitals.
fn as_cased(like: &str, word: &str) -> String {
    let capitals = like.chars().filter(|c| c.is_uppercase()).count();
    match word.chars().next() {
        Some(first) if capitals == 1 => first.to_uppercase().chain(word.chars().skip(1)).collect(),
        _ if capitals > 1 => word.to_uppercase(),
        _ => word.to_owned(),
    }
}

fn trap_kind(name: &str) -> &'static str {
    const KINDS: [&str; 12] = [
        "word",
        "eponym",
        "drug",
        "lab",
        "score",
        "fraction",
        "dose",
        "relative time",
        "vertebra",
        "measure",
        "term",
        "age",
    ];
    KINDS.iter().find(|kind| **kind == name).unwrap_or_else(|| panic!("{name} is no kind of trap"))
}

/// What stands between a bracket and its partner, and what follows.
fn closed(text: &str, open: char, close: char) -> (&str, &str) {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return (&text[1..at], &text[at + 1..]);
            }
        }
    }
    panic!("{open} without {close}: {text}");
}

/// The options between `<` and `>`, which may hold further choices.
fn options(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut options) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '{' | '[' => depth += 1,
            '>' | '}' | ']' => depth -= 1,
            '|' if depth == 0 => {
                options.push(&text[start..at]);
                start = at + 1;
            }
            _ => (),
        }
    }
    options.push(&text[start..]);
    options
}
