//! Rows that could not be read: where and why, never what.

use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// One row or resource that could not be read. Holds no value from the row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Rejection {
    /// The input, by its safe name (see `input`).
    pub file: String,
    /// Line (or record) number, from 1; 0 where the input as a whole is meant.
    pub line: u64,
    /// Resource type or table, where known.
    pub kind: &'static str,
    /// The field that could not be read.
    pub field: String,
    /// Why, in words that carry no value.
    pub reason: &'static str,
}

/// Counts every rejection and lists the first of them in the order of file and line, whatever thread saw
/// them: the list of a run is the same each time.
#[derive(Debug, Default)]
pub(crate) struct RejectionLog {
    counts: FxHashMap<(&'static str, String, &'static str), u64>,
    listed: BTreeSet<Rejection>,
    total: u64,
}

impl RejectionLog {
    pub(crate) fn add(&mut self, rejection: Rejection, most_listed: usize) {
        self.total += 1;
        match self.counts.get_mut(&(rejection.kind, rejection.field.clone(), rejection.reason)) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert((rejection.kind, rejection.field.clone(), rejection.reason), 1);
            }
        }
        self.list(rejection, most_listed);
    }

    pub(crate) fn merge(&mut self, other: RejectionLog, most_listed: usize) {
        self.total += other.total;
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        for rejection in other.listed {
            self.list(rejection, most_listed);
        }
    }

    fn list(&mut self, rejection: Rejection, most_listed: usize) {
        if self.listed.len() < most_listed {
            self.listed.insert(rejection);
        } else if self.listed.last().is_some_and(|last| rejection < *last) {
            self.listed.insert(rejection);
            self.listed.pop_last();
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Counts by kind, field and reason, the commonest first.
    pub(crate) fn counts(&self) -> Vec<crate::RejectionCount> {
        let mut counts: Vec<_> = self
            .counts
            .iter()
            .map(|((kind, field, reason), &count)| crate::RejectionCount {
                kind,
                field: field.clone(),
                reason,
                count,
            })
            .collect();
        counts.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| (a.kind, &a.field, a.reason).cmp(&(b.kind, &b.field, b.reason)))
        });
        counts
    }

    pub(crate) fn listed(self) -> Vec<Rejection> {
        self.listed.into_iter().collect()
    }

    /// The three commonest reasons, for an error message.
    pub(crate) fn commonest(&self) -> String {
        let words: Vec<String> = self
            .counts()
            .iter()
            .take(3)
            .map(|c| {
                let place = if c.field.is_empty() { c.kind } else { &c.field };
                let space = if place.is_empty() { "" } else { ": " };
                format!("{place}{space}{} ({} times)", c.reason, grouped(c.count))
            })
            .collect();
        words.join("; ")
    }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64, reason: &'static str) -> Rejection {
        Rejection { file: "person.csv".into(), line, kind: "person", field: "birth".into(), reason }
    }

    #[test]
    fn the_list_is_bounded_and_does_not_depend_on_who_saw_what() {
        let mut one = RejectionLog::default();
        let (mut left, mut right) = (RejectionLog::default(), RejectionLog::default());
        for line in (1..=50).rev() {
            let reason = if line % 5 == 0 { "no date" } else { "no number" };
            one.add(at(line, reason), 7);
            if line % 3 == 0 { left.add(at(line, reason), 7) } else { right.add(at(line, reason), 7) }
        }
        right.merge(left, 7);
        assert_eq!(right.total(), 50);
        assert_eq!(right.commonest(), "birth: no number (40 times); birth: no date (10 times)");
        assert_eq!(right.counts(), one.counts());
        let listed = right.listed();
        assert_eq!(listed.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(listed, one.listed());
    }
}
