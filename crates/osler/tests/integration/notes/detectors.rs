//! Detectors of known faults, to show that the measurement finds them, and one that only remembers.

use super::note::Note;
use super::plants::Class;
use std::collections::HashSet;
use std::ops::Range;

/// Knows everything.
pub fn oracle(note: &Note) -> Vec<Range<usize>> {
    note.planted.iter().map(|plant| plant.range.clone()).collect()
}

/// Knows everything but one class.
pub fn blind_to(class: Class, note: &Note) -> Vec<Range<usize>> {
    note.planted.iter().filter(|p| p.class != class).map(|p| p.range.clone()).collect()
}

/// Hides all.
pub fn everything(note: &Note) -> Vec<Range<usize>> {
    std::iter::once(0..note.text.chars().count()).collect()
}

/// Knows everything, and stops short of the last character that tells.
pub fn short_by_one(note: &Note) -> Vec<Range<usize>> {
    note.planted.iter().map(|p| p.range.start..*p.secret.last().expect("something tells")).collect()
}

/// Remembers the two words before and the two after every identifier of the notes that it was shown with their
/// answers, digits masked, and takes up to eight words that stand between any such pair.
pub struct Memory {
    before: HashSet<[String; 2]>,
    after: HashSet<[String; 2]>,
}

impl Memory {
    pub fn of<'a>(notes: impl Iterator<Item = &'a Note>) -> Self {
        let mut memory = Memory { before: HashSet::new(), after: HashSet::new() };
        for note in notes {
            let tokens = tokens(note);
            for plant in &note.planted {
                let Some(first) = tokens.iter().position(|t| t.0.end > plant.range.start) else { continue };
                let last = tokens.iter().rposition(|t| t.0.start < plant.range.end).unwrap_or(first);
                memory.before.insert([word(&tokens, first as i64 - 2), word(&tokens, first as i64 - 1)]);
                memory.after.insert([word(&tokens, last as i64 + 1), word(&tokens, last as i64 + 2)]);
            }
        }
        memory
    }

    pub fn spans(&self, note: &Note) -> Vec<Range<usize>> {
        let tokens = tokens(note);
        let mut spans = Vec::new();
        for first in 0..tokens.len() {
            if !self.before.contains(&[word(&tokens, first as i64 - 2), word(&tokens, first as i64 - 1)]) {
                continue;
            }
            for last in first..(first + 8).min(tokens.len()) {
                if self.after.contains(&[word(&tokens, last as i64 + 1), word(&tokens, last as i64 + 2)]) {
                    spans.push(tokens[first].0.start..tokens[last].0.end);
                    break;
                }
            }
        }
        spans
    }
}

fn word(tokens: &[(Range<usize>, String)], at: i64) -> String {
    usize::try_from(at).ok().and_then(|at| tokens.get(at)).map(|t| t.1.clone()).unwrap_or_default()
}

/// Words by white space, in lower case, with digits masked.
fn tokens(note: &Note) -> Vec<(Range<usize>, String)> {
    let chars: Vec<char> = note.text.chars().collect();
    let mut tokens = Vec::new();
    let mut start = None;
    for at in 0..=chars.len() {
        let inside = at < chars.len() && !chars[at].is_whitespace();
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let text: String = chars[from..at].iter().collect();
                let masked = text.to_lowercase().replace(|c: char| c.is_ascii_digit(), "9");
                tokens.push((from..at, masked));
                start = None;
            }
            _ => (),
        }
    }
    tokens
}
