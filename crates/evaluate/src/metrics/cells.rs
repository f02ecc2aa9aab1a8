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
        }
    }

    /// Of two groups together.
    pub(crate) fn and(self, more: Cells) -> Self {
        Cells {
            flagged: self.flagged + more.flagged,
            others: self.others + more.others,
            with: self.with + more.with,
            without: self.without + more.without,
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
        } else {
            None
        }
    }
}

/// Which thresholds may be told of rows in falling order of risk.
pub(crate) struct Borders<'s> {
    scored: &'s Scored,
    /// By how many rows are flagged, from none to all.
    told: Vec<bool>,
}

impl<'s> Borders<'s> {
    /// By [`Cells::withheld`], of every threshold at once.
    pub(crate) fn of(scored: &'s Scored, least: usize) -> Self {
        let rows = scored.len();
        let mut others = vec![0; rows + 1];
        let mut seen = FxHashSet::default();
        for i in (0..rows).rev() {
            seen.insert(scored.cluster[i]);
            others[i] = seen.len();
        }
        let (mut flagged, mut of) = (FxHashSet::default(), [FxHashSet::default(), FxHashSet::default()]);
        let mut told = Vec::with_capacity(rows + 1);
        for i in 0..=rows {
            let [without, with] = [&of[0], &of[1]].map(FxHashSet::len);
            let cells = Cells { flagged: flagged.len(), others: others[i], with, without };
            told.push(cells.withheld(least).is_none());
            if i < rows {
                flagged.insert(scored.cluster[i]);
                of[usize::from(scored.outcome[i])].insert(scored.cluster[i]);
            }
        }
        Borders { scored, told }
    }

    /// May it be told what comes of flagging at or above this risk?
    pub(crate) fn is_told(&self, threshold: f64) -> bool {
        self.told[self.scored.probability.partition_point(|p| *p >= threshold)]
    }

    /// The same of flagging so many rows.
    pub(crate) fn is_told_of(&self, rows: usize) -> bool {
        self.told[rows]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Row;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn borders_are_told_as_their_cells_are(
            rows in prop::collection::vec((0u32..12, any::<bool>(), 0u32..6), 0..60),
            least in 1usize..6,
        ) {
            let rows = rows.into_iter().map(|(cluster, outcome, risk)| Row {
                probability: f64::from(risk) / 6.0, outcome, weight: 1.0, cluster,
            });
            let scored = Scored::new(rows).unwrap();
            let borders = Borders::of(&scored, least);
            for risk in 0..8 {
                let threshold = f64::from(risk) / 6.0;
                prop_assert_eq!(
                    borders.is_told(threshold),
                    Cells::of(&scored, threshold).withheld(least).is_none()
                );
            }
        }
    }

    #[test]
    fn a_few_are_told_in_no_cell() {
        let cells = |flagged, others, with, without| Cells { flagged, others, with, without }.withheld(10);
        for told in [cells(0, 90, 0, 0), cells(90, 0, 20, 70), cells(20, 70, 10, 10), cells(20, 70, 0, 20)] {
            assert_eq!(told, None);
        }
        for few in [cells(3, 90, 3, 0), cells(90, 3, 30, 60), cells(30, 60, 3, 27), cells(30, 60, 21, 9)] {
            assert!(few.unwrap().contains("fewer than 10"));
        }
    }
}
