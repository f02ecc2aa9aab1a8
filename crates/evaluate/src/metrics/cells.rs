//! Where a threshold may be told: counts of a few subjects would be told with what came of those whom it flags.
//!
//! A figure at a threshold (a net benefit, a point of a curve, the edge of a bar) gives with the totals how many of the flagged
//! had the outcome. So one rule holds for all of them.

use super::scored::Scored;
use rustc_hash::FxHashSet;

/// How many subjects stand behind what came of those whom a threshold flags: only rows whose outcome is known count, since from
/// figures of few known among many flagged the few could be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) flagged: usize,
    /// Not flagged.
    pub(crate) others: usize,
    /// Flagged, with the outcome.
    pub(crate) with: usize,
    /// Flagged, without it.
    pub(crate) without: usize,
    /// Not flagged, with the outcome: who is missed.
    pub(crate) others_with: usize,
    /// Not flagged, without it.
    pub(crate) others_without: usize,
}

/// One to fewer than the least: nobody is no small group.
pub(crate) fn is_few(count: usize, least: usize) -> bool {
    (1..least).contains(&count)
}

impl Cells {
    /// Of rows with a known outcome, at or above a threshold or below.
    pub(crate) fn of(scored: &Scored, threshold: f64) -> Self {
        let count = |is: &dyn Fn(bool, bool) -> bool| {
            let rows =
                (0..scored.len()).filter(|i| is(scored.probability[*i] >= threshold, scored.outcome[*i]));
            rows.map(|i| scored.cluster[i]).collect::<FxHashSet<u32>>().len()
        };
        Cells {
            flagged: count(&|flagged, _| flagged),
            others: count(&|flagged, _| !flagged),
            with: count(&|flagged, outcome| flagged && outcome),
            without: count(&|flagged, outcome| flagged && !outcome),
            others_with: count(&|flagged, outcome| !flagged && outcome),
            others_without: count(&|flagged, outcome| !flagged && !outcome),
        }
    }

    /// Of two groups together.
    pub(crate) fn and(self, more: Cells) -> Self {
        Cells {
            flagged: self.flagged + more.flagged,
            others: self.others + more.others,
            with: self.with + more.with,
            without: self.without + more.without,
            others_with: self.others_with + more.others_with,
            others_without: self.others_without + more.others_without,
        }
    }

    /// Why nothing may be told of what came of the flagged, if that is so.
    pub(crate) fn withheld(self, least: usize) -> Option<String> {
        if is_few(self.flagged, least) {
            Some(format!("fewer than {least} subjects are flagged"))
        } else if is_few(self.others, least) {
            Some(format!("all but fewer than {least} subjects are flagged"))
        } else if is_few(self.with, least) {
            Some(format!("fewer than {least} of the flagged have the outcome"))
        } else if is_few(self.without, least) {
            Some(format!("all but fewer than {least} of the flagged have the outcome"))
        } else if is_few(self.others_with, least) {
            Some(format!("fewer than {least} of those who aren't flagged have the outcome"))
        } else if is_few(self.others_without, least) {
            Some(format!("all but fewer than {least} of those who aren't flagged have the outcome"))
        } else {
            None
        }
    }
}

/// How many subjects stand between two thresholds: all, with the outcome and without.
#[derive(Default)]
struct Between {
    all: FxHashSet<u32>,
    of: [FxHashSet<u32>; 2],
}

impl Between {
    fn add(&mut self, scored: &Scored, row: usize) {
        self.all.insert(scored.cluster[row]);
        self.of[usize::from(scored.outcome[row])].insert(scored.cluster[row]);
    }

    /// Whether no more people could make them a few.
    fn is_enough(&self, least: usize) -> bool {
        self.of.iter().all(|of| of.len() >= least)
    }

    fn is_few(&self, least: usize) -> bool {
        [&self.all, &self.of[0], &self.of[1]].into_iter().any(|of| is_few(of.len(), least))
    }
}

/// Which thresholds may be told of rows in falling order of risk: so chosen that between any two of them, as above the highest and
/// below the lowest, there are never a few.
pub(crate) struct Borders<'s> {
    scored: &'s Scored,
    /// By how many rows are flagged, from none to all.
    told: Vec<bool>,
}

impl<'s> Borders<'s> {
    /// Those of `first`, by how many rows they flag, that can be told beside the ones before them; and as many others as there is
    /// room for between them, from the highest risk on.
    pub(crate) fn of(scored: &'s Scored, least: usize, first: &[usize]) -> Self {
        let mut made = Self::among(scored, least, first);
        let fixed: Vec<usize> = (0..=scored.len()).filter(|rows| made.told[*rows]).collect();
        for ends in fixed.windows(2) {
            made.fill(ends[0], ends[1], least);
        }
        made
    }

    /// Those of `first` alone, and none and all.
    pub(crate) fn among(scored: &'s Scored, least: usize, first: &[usize]) -> Self {
        let mut told = vec![false; scored.len() + 1];
        told[0] = true;
        told[scored.len()] = true;
        let is_few = |from: usize, to: usize| {
            let mut between = Between::default();
            let mut rows = from..to;
            while let Some(row) = rows.next().filter(|_| !between.is_enough(least)) {
                between.add(scored, row);
            }
            between.is_few(least)
        };
        for &rows in first {
            let above = (0..=rows).rev().find(|i| told[*i]).unwrap_or(0);
            let below = (rows..told.len()).find(|i| told[*i]).unwrap_or(scored.len());
            told[rows] = told[rows] || !(is_few(above, rows) || is_few(rows, below));
        }
        Borders { scored, told }
    }

    /// Tells what can be told between two that are.
    fn fill(&mut self, from: usize, to: usize, least: usize) {
        let scored = self.scored;
        // Whether a few lie between each and the lower end.
        let mut below = vec![false; to - from];
        let mut between = Between::default();
        for row in (from..to).rev() {
            between.add(scored, row);
            below[row - from] = between.is_few(least);
        }
        let mut between = Between::default();
        for rows in from + 1..to {
            between.add(scored, rows - 1);
            let is_tie = scored.probability[rows - 1] == scored.probability[rows];
            if !is_tie && !below[rows - from] && !between.is_few(least) {
                self.told[rows] = true;
                between = Between::default();
            }
        }
    }

    /// May it be told what comes of flagging at or above this risk?
    pub(crate) fn is_told(&self, threshold: f64) -> bool {
        self.told[flagged_at(self.scored, threshold)]
    }

    /// The same of flagging so many rows.
    pub(crate) fn is_told_of(&self, rows: usize) -> bool {
        self.told[rows]
    }

    /// The lowest risks that are flagged where it may be told, falling; not of nobody.
    pub(crate) fn thresholds(&self) -> impl Iterator<Item = f64> {
        (1..self.told.len()).filter(|rows| self.told[*rows]).map(|rows| self.scored.probability[rows - 1])
    }
}

/// How many rows have this risk or a higher one.
pub(crate) fn flagged_at(scored: &Scored, threshold: f64) -> usize {
    scored.probability.partition_point(|p| *p >= threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Row;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn between_borders_there_are_never_a_few(
            rows in prop::collection::vec((0u32..60, any::<bool>(), 0u32..24), 0..120),
            first in prop::collection::vec(0u32..25, 0..4),
            least in 1usize..6,
        ) {
            let rows = rows.into_iter().map(|(cluster, outcome, risk)| Row {
                probability: f64::from(risk) / 24.0, outcome, weight: 1.0, cluster,
            });
            let scored = Scored::new(rows).unwrap();
            let thresholds: Vec<f64> = first.into_iter().map(|risk| f64::from(risk) / 24.0).collect();
            let first: Vec<usize> = thresholds.iter().map(|t| flagged_at(&scored, *t)).collect();
            let borders = Borders::of(&scored, least, &first);
            let told: Vec<usize> = (0..=scored.len()).filter(|rows| borders.is_told_of(*rows)).collect();
            let few = |from: usize, to: usize, outcome: Option<bool>| {
                let of = (from..to).filter(|i| outcome.is_none_or(|is| scored.outcome[*i] == is));
                is_few(of.map(|i| scored.cluster[i]).collect::<FxHashSet<u32>>().len(), least)
            };
            for (n, from) in told.iter().enumerate() {
                for to in &told[n + 1..] {
                    let any = [None, Some(false), Some(true)].into_iter().any(|outcome| few(*from, *to, outcome));
                    // Of all that is no border between anything.
                    prop_assert!(!any || (*from, *to) == (0, scored.len()), "{from} to {to}");
                }
            }
            // What is asked for first and can be told alone is.
            if let [one, ..] = thresholds[..] {
                prop_assert_eq!(borders.is_told(one), Cells::of(&scored, one).withheld(least).is_none()
                    || [0, scored.len()].contains(&first[0]));
            }
        }
    }

    #[test]
    fn a_few_are_told_in_no_cell() {
        // Of 200, of whom 60 have the outcome.
        let cells = |flagged: usize, with: usize| {
            let (others, without) = (200 - flagged, flagged - with);
            let (others_with, others_without) = (60 - with, 140 - without);
            Cells { flagged, others, with, without, others_with, others_without }.withheld(10)
        };
        for told in [cells(0, 0), cells(200, 60), cells(20, 10), cells(20, 0), cells(150, 60)] {
            assert_eq!(told, None);
        }
        for few in [cells(3, 3), cells(197, 60), cells(30, 3), cells(30, 21), cells(100, 57), cells(170, 35)]
        {
            assert!(few.unwrap().contains("fewer than 10"));
        }
        let missed = cells(100, 57).unwrap();
        assert_eq!(missed, "fewer than 10 of those who aren't flagged have the outcome");
    }
}
