//! The AUROCs of thousands of outcomes under the same bootstrap draws, all draws in one walk.
//!
//! A draw only changes how often each subject counts. So each outcome is sorted once, and one walk up its ranks carries
//! the running count of non-events of every draw side by side: adding a subject's multiplicities is a handful of vector
//! instructions, and only events, the rarer kind, multiply. The draws' multiplicities are made once and shared by all
//! outcomes. Counts are whole numbers, so the result is [`super::ranking::auroc`] of each draw, exactly.

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};

/// Draws carried side by side; their running counts stay in the first-level cache.
const LANES: usize = 64;
/// Subjects at most: running counts have 16 bits, and twice the number of pairs 32.
pub const MOST_SUBJECTS: usize = u16::MAX as usize;

/// The multiplicities of all draws, shared by all outcomes of the same subjects.
pub struct Draws {
    /// By block of draws, then by subject.
    blocks: Vec<Vec<[u8; LANES]>>,
    draws: usize,
    subjects: usize,
}

impl Draws {
    /// Draws `subjects` subjects with replacement, as often as the bootstrap says; the same draws as
    /// [`Bootstrap::replicate`]'s. Memory: subjects × draws bytes.
    ///
    /// # Errors
    /// With more than [`MOST_SUBJECTS`] subjects.
    pub fn new(bootstrap: &Bootstrap, subjects: usize) -> Result<Self> {
        bootstrap.validate()?;
        if subjects > MOST_SUBJECTS {
            return Err(Error::Setting {
                setting: "the number of subjects in a batch",
                wanted: "65,535 or fewer",
            });
        }
        // No multiplicity of a real draw comes near 255.
        let counts = bootstrap.replicate(subjects, |counts| {
            counts.iter().map(|&c| u8::try_from(c).unwrap_or(u8::MAX)).collect::<Vec<u8>>()
        });
        let blocks = counts
            .chunks(LANES)
            .map(|block| {
                (0..subjects)
                    .map(|subject| {
                        let mut lanes = [0; LANES];
                        for (lane, draw) in lanes.iter_mut().zip(block) {
                            *lane = draw[subject];
                        }
                        lanes
                    })
                    .collect()
            })
            .collect();
        Ok(Draws { blocks, draws: counts.len(), subjects })
    }

    /// The AUROC of one outcome in every draw; NaN in draws without both classes. Row `i` is subject `i`'s; an outcome of
    /// `None` leaves the row out.
    ///
    /// # Errors
    /// When lengths differ from the number of subjects, or a risk is not a number.
    pub fn aurocs(&self, risks: &[f32], outcomes: &[Option<bool>]) -> Result<Vec<f64>> {
        for length in [risks.len(), outcomes.len()] {
            if length != self.subjects {
                return Err(Error::Lengths { what: "rows and subjects", left: length, right: self.subjects });
            }
        }
        if let Some(row) = risks.iter().position(|r| !r.is_finite()) {
            return Err(Error::NotAProbability { task: "this outcome".into(), row, column: "probability" });
        }
        let mut order: Vec<(u32, u16, bool)> = risks
            .iter()
            .zip(outcomes)
            .enumerate()
            .filter_map(|(i, (&risk, &outcome))| Some((ascending(risk), i as u16, outcome?)))
            .collect();
        order.sort_unstable_by_key(|row| row.0);
        let mut made = Vec::with_capacity(self.draws);
        for block in &self.blocks {
            let (concordant2, events, others) = walk(&order, block);
            for lane in 0..LANES.min(self.draws - made.len()) {
                let pairs2 = 2.0 * f64::from(events[lane]) * f64::from(others[lane]);
                made.push(if pairs2 > 0.0 { f64::from(concordant2[lane]) / pairs2 } else { f64::NAN });
            }
        }
        Ok(made)
    }
}

/// Bits that are ordered as the numbers are; both zeros alike.
fn ascending(risk: f32) -> u32 {
    let bits = (risk + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// Twice the concordant pairs, the events and the non-events of each draw.
fn walk(order: &[(u32, u16, bool)], counts: &[[u8; LANES]]) -> ([u32; LANES], [u16; LANES], [u16; LANES]) {
    let (mut concordant2, mut events, mut others) = ([0u32; LANES], [0u16; LANES], [0u16; LANES]);
    let mut start = 0;
    while start < order.len() {
        let risk = order[start].0;
        let mut end = start + 1;
        while end < order.len() && order[end].0 == risk {
            end += 1;
        }
        if end - start == 1 {
            let (_, subject, outcome) = order[start];
            let count = &counts[subject as usize];
            if outcome {
                for lane in 0..LANES {
                    concordant2[lane] += u32::from(count[lane]) * (2 * u32::from(others[lane]));
                    events[lane] += u16::from(count[lane]);
                }
            } else {
                for lane in 0..LANES {
                    others[lane] += u16::from(count[lane]);
                }
            }
        } else {
            let (mut tied_events, mut tied_others) = ([0u16; LANES], [0u16; LANES]);
            for &(_, subject, outcome) in &order[start..end] {
                let tied = if outcome { &mut tied_events } else { &mut tied_others };
                for (sum, count) in tied.iter_mut().zip(&counts[subject as usize]) {
                    *sum += u16::from(*count);
                }
            }
            for lane in 0..LANES {
                let below2 = 2 * u32::from(others[lane]) + u32::from(tied_others[lane]);
                concordant2[lane] += u32::from(tied_events[lane]) * below2;
                events[lane] += tied_events[lane];
                others[lane] += tied_others[lane];
            }
        }
        start = end;
    }
    (concordant2, events, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ranking::ranking;
    use crate::metrics::{Row, Scored};
    use proptest::prelude::*;

    proptest! {
        /// Each draw's AUROC is the plain one of that draw, bit for bit.
        #[test]
        fn equals_the_walk_of_each_draw(
            rows in prop::collection::vec((0u8..12, prop::option::of(any::<bool>())), 1..80),
            draws in 1usize..150,
        ) {
            let bootstrap = Bootstrap { draws, seed: 3, confidence: 0.95 };
            let risks: Vec<f32> = rows.iter().map(|r| f32::from(r.0) / 12.0).collect();
            let outcomes: Vec<Option<bool>> = rows.iter().map(|r| r.1).collect();
            let scored = Scored::new(rows.iter().enumerate().filter_map(|(i, r)| Some(Row {
                probability: f64::from(r.0) / 12.0, outcome: r.1?, weight: 1.0, cluster: i as u32,
            }))).unwrap();
            let want = bootstrap.replicate(rows.len(), |counts| ranking(&scored, Some(counts)).auroc);
            let got = Draws::new(&bootstrap, rows.len()).unwrap().aurocs(&risks, &outcomes).unwrap();
            prop_assert_eq!(got.len(), want.len());
            for (g, w) in got.iter().zip(&want) {
                prop_assert!(g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()), "{} {}", g, w);
            }
        }
    }

    #[test]
    fn the_largest_batch_does_not_overflow() {
        let bootstrap = Bootstrap { draws: 2, seed: 1, confidence: 0.95 };
        let risks: Vec<f32> = (0..MOST_SUBJECTS).map(|i| i as f32).collect();
        let outcomes: Vec<Option<bool>> = (0..MOST_SUBJECTS).map(|i| Some(i >= MOST_SUBJECTS / 2)).collect();
        let draws = Draws::new(&bootstrap, MOST_SUBJECTS).unwrap();
        assert_eq!(draws.aurocs(&risks, &outcomes).unwrap(), [1.0, 1.0]);
        assert!(draws.aurocs(&risks[1..], &outcomes).is_err());
        assert!(Draws::new(&bootstrap, MOST_SUBJECTS + 1).is_err());
    }
}
