//! How much of what must go was found.

use super::labelled::Labelled;
use deid::text::{Finder, Scratch, Span, settle};
use std::collections::BTreeMap;

/// Counts of one type.
#[derive(Clone, Copy, Default)]
pub struct Count {
    pub total: u64,
    /// Every character covered.
    pub whole: u64,
    /// Any character covered.
    pub any: u64,
}

/// What was measured.
#[derive(Default)]
pub struct Score {
    pub types: BTreeMap<String, Count>,
    /// Texts without anything to find, and those of them where something was found.
    pub clean: u64,
    pub alarmed: u64,
    /// Words of those texts, and spans found in them.
    pub clean_words: u64,
    pub clean_spans: u64,
    /// Words of all texts outside what must go, and those of them that a span touches.
    pub other_words: u64,
    pub other_touched: u64,
}

impl Score {
    /// All types together.
    pub fn sum(&self) -> Count {
        self.sum_of(|_| true)
    }

    /// The types that `which` is true of.
    pub fn sum_of(&self, which: impl Fn(&str) -> bool) -> Count {
        self.types.iter().filter(|(name, _)| which(name)).fold(Count::default(), |sum, (_, count)| Count {
            total: sum.total + count.total,
            whole: sum.whole + count.whole,
            any: sum.any + count.any,
        })
    }
}

/// What a text's spans are.
pub fn spans(finder: &Finder, scratch: &mut Scratch, text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    finder.find(text, scratch, &mut spans);
    settle(&mut spans);
    spans
}

/// Measures; `missed` is told of each label that isn't wholly covered and of each false alarm.
pub fn score<'a>(
    finder: &Finder,
    texts: impl Iterator<Item = &'a Labelled>,
    mut missed: impl FnMut(&Labelled, &str, &str),
) -> Score {
    let (mut score, mut scratch) = (Score::default(), Scratch::default());
    for labelled in texts {
        let spans = spans(finder, &mut scratch, &labelled.text);
        let mut covered = vec![false; labelled.text.len()];
        spans.iter().for_each(|span| covered[span.range()].fill(true));
        let mut labels = vec![false; labelled.text.len()];
        for (range, kind) in &labelled.spans {
            labels[range.clone()].fill(true);
            let count = score.types.entry(kind.clone()).or_default();
            // White space inside a label is nobody's.
            let told = || labelled.text[range.clone()].char_indices().filter(|(_, c)| !c.is_whitespace());
            let whole = told().all(|(at, _)| covered[range.start + at]);
            count.total += 1;
            count.whole += u64::from(whole);
            count.any += u64::from(covered[range.clone()].contains(&true));
            if !whole {
                missed(labelled, kind, &labelled.text[range.clone()]);
            }
        }
        let words = words(&labelled.text);
        score.other_words +=
            words.iter().filter(|word| !labels[(*word).clone()].contains(&true)).count() as u64;
        score.other_touched += words
            .iter()
            .filter(|word| {
                !labels[(*word).clone()].contains(&true) && covered[(*word).clone()].contains(&true)
            })
            .count() as u64;
        if labelled.spans.is_empty() {
            score.clean += 1;
            score.alarmed += u64::from(!spans.is_empty());
            score.clean_words += words.len() as u64;
            score.clean_spans += spans.len() as u64;
            for span in &spans {
                missed(labelled, "(false alarm)", &labelled.text[span.range()]);
            }
        }
    }
    score
}

fn words(text: &str) -> Vec<std::ops::Range<usize>> {
    text.split_whitespace()
        .map(|word| {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            start..start + word.len()
        })
        .collect()
}

/// Wilson's interval of a proportion, 95 %.
pub fn wilson(hits: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (z, n, p) = (1.959_964_f64, n as f64, hits as f64 / n as f64);
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (centre - half, centre + half)
}
