//! What a detector lets through, and what it takes for no reason.

use super::interval::clopper_pearson;
use super::note::{Note, Planted};
use super::plants::{Class, Knowledge};
use std::collections::BTreeMap;
use std::ops::Range;

/// How often something happened, among how many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub of: u64,
    pub hits: u64,
}

impl Count {
    fn add(&mut self, hit: bool) {
        self.of += 1;
        self.hits += u64::from(hit);
    }

    pub fn rate(&self) -> f64 {
        if self.of == 0 { 0.0 } else { self.hits as f64 / self.of as f64 }
    }
}

type Table = BTreeMap<String, Count>;

/// Counts by what they may depend on. Leaks are counted apart for what a program can know (`required`: in the chart,
/// or of a shape) and for what only sense tells.
#[derive(Default)]
pub struct Report {
    pub required: Count,
    pub by_sense: Count,
    /// Of those leaked that are required: nothing of them was found.
    pub wholly: u64,
    pub clinical: Count,
    pub other_words: Count,
    leaks: BTreeMap<&'static str, Table>,
    touched: BTreeMap<&'static str, Table>,
}

/// Which half a kind of note is in. A detector written to the kinds of one half would do worse on the other's.
pub fn half(kind: &str) -> &'static str {
    if blake3::hash(kind.as_bytes()).as_bytes()[0] & 1 == 0 { "first" } else { "second" }
}

impl Report {
    /// Adds one note and the spans of it that a detector found, in characters.
    pub fn add(&mut self, note: &Note, spans: &[Range<usize>]) {
        let hidden = |at: usize| spans.iter().any(|span| span.contains(&at));
        for plant in &note.planted {
            let missed = plant.secret.iter().filter(|at| !hidden(**at)).count();
            self.leak(note, plant, missed > 0, missed == plant.secret.len());
        }
        for word in &note.words {
            let touched = spans.iter().any(|s| s.start < word.range.end && word.range.start < s.end);
            let total = if word.is_clinical() { &mut self.clinical } else { &mut self.other_words };
            total.add(touched);
            let mut count = |table, row: String| {
                self.touched.entry(table).or_default().entry(row).or_default().add(touched)
            };
            count("kind of word", word.kind.to_owned());
            if word.is_clinical() {
                count("template", format!("{} ({})", note.kind, half(note.kind)));
                count("half", half(note.kind).to_owned());
                count("surface", note.surface.to_owned());
            }
        }
    }

    fn leak(&mut self, note: &Note, plant: &Planted, leaked: bool, wholly: bool) {
        let required = plant.knowledge != Knowledge::Sense;
        let mut count =
            |table, row: String| self.leaks.entry(table).or_default().entry(row).or_default().add(leaked);
        let class = format!("{} {:?}", plant.class.letter(), plant.class);
        count(if required { "class" } else { "class, by sense alone" }, class.clone());
        count("knowledge", format!("{:?}", plant.knowledge));
        if !required {
            self.by_sense.add(leaked);
            return;
        }
        self.required.add(leaked);
        self.wholly += u64::from(wholly);
        count("template", format!("{} ({})", note.kind, half(note.kind)));
        count("half", half(note.kind).to_owned());
        count("surface", note.surface.to_owned());
        count("chart", if note.full_chart { "full" } else { "Synthea's" }.to_owned());
        match plant.class {
            Class::Date => {
                count("date style", plant.style.to_owned());
                count("dates of the note", format!("{:?}", note.house));
            }
            class if class.is_name() => count("name style", plant.style.to_owned()),
            _ => count("other style", format!("{class}, {}", plant.style)),
        }
    }

    /// A row's counts of leaks.
    pub fn leaks(&self, table: &str, row: &str) -> Count {
        self.leaks.get(table).and_then(|t| t.get(row)).copied().unwrap_or_default()
    }

    pub fn rows(&self, table: &str) -> impl Iterator<Item = (&String, &Count)> {
        self.leaks.get(table).into_iter().flatten()
    }

    /// All tables; nothing of a note is in them.
    pub fn tables(&self) -> String {
        let totals = [
            ("leaks, required", self.required),
            ("leaks, by sense alone", self.by_sense),
            ("clinical words touched", self.clinical),
            ("other words touched", self.other_words),
        ];
        let mut out = String::new();
        totals.iter().for_each(|(name, count)| out += &line(name, count));
        for (what, tables) in [("leaks", &self.leaks), ("words touched", &self.touched)] {
            for (table, rows) in tables {
                out += &format!("{what} by {table}\n");
                rows.iter().for_each(|(row, count)| out += &line(row, count));
            }
        }
        out
    }
}

/// A row: hits, among how many, the share and its 95 % interval in per cent.
fn line(name: &str, count: &Count) -> String {
    let (low, high) = clopper_pearson(count.hits, count.of);
    let [rate, low, high] = [count.rate(), low, high].map(|share| share * 100.0);
    format!("  {name:<44} {:>6} of {:>7} {rate:8.3} % [{low:.3}, {high:.3}]\n", count.hits, count.of)
}
