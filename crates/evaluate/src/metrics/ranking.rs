//! How well risks rank: AUROC, average precision and their curves.

use super::scored::{Counts, Scored};
use serde::{Deserialize, Serialize};

/// Area under the ROC curve, and average precision, from one walk down the ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    /// P(risk of an event > risk of a non-event) + ½ P(equal): ties count half, exactly.
    /// NaN unless both classes are there.
    pub auroc: f64,
    /// Average precision, Σ (R_k − R_{k−1}) P_k over distinct risks, scikit-learn's definition.
    /// NaN without an event.
    pub average_precision: f64,
    /// Rows, with multiplicity.
    pub rows: u64,
    /// Events, with multiplicity.
    pub events: u64,
}

/// The AUROC of the rows; NaN unless both classes are there.
pub fn auroc(scored: &Scored) -> f64 {
    ranking(scored, None).auroc
}

/// The average precision of the rows; NaN without an event.
pub fn average_precision(scored: &Scored) -> f64 {
    ranking(scored, None).average_precision
}

/// Both, in one walk.
pub(crate) fn ranking(scored: &Scored, counts: Counts) -> Ranking {
    let (mut events, mut others) = (0u64, 0u64);
    // Twice the number of concordant pairs, so that ties stay whole numbers.
    let mut concordant2 = 0u128;
    let mut precision_sum = 0.0;
    for_each_tie(scored, counts, |tie| {
        concordant2 += u128::from(tie.others) * u128::from(2 * events + tie.events);
        events += tie.events;
        others += tie.others;
        if tie.events > 0 {
            precision_sum += tie.events as f64 * (events as f64 / (events + others) as f64);
        }
    });
    let pairs2 = 2.0 * events as f64 * others as f64;
    Ranking {
        auroc: if pairs2 > 0.0 { concordant2 as f64 / pairs2 } else { f64::NAN },
        average_precision: if events > 0 { precision_sum / events as f64 } else { f64::NAN },
        rows: events + others,
        events,
    }
}

/// Events and non-events that share one risk.
struct Tie {
    risk: f64,
    events: u64,
    others: u64,
}

fn for_each_tie(scored: &Scored, counts: Counts, mut visit: impl FnMut(Tie)) {
    let rows = scored.len();
    let mut i = 0;
    while i < rows {
        let risk = scored.probability[i];
        let (mut events, mut all) = (0u64, 0u64);
        while i < rows && scored.probability[i] == risk {
            let count = u64::from(scored.count(counts, i));
            all += count;
            events += count * u64::from(scored.outcome[i]);
            i += 1;
        }
        if all > 0 {
            visit(Tie { risk, events, others: all - events });
        }
    }
}

/// One point of the ROC and precision–recall curves: what happens when all at or above `threshold` are flagged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Flag at or above this risk.
    pub threshold: f64,
    /// Share of events that are flagged (recall).
    pub sensitivity: f64,
    /// Share of non-events that are not flagged.
    pub specificity: f64,
    /// Share of the flagged that are events (precision).
    pub positive_predictive_value: f64,
}

/// The operating points at every distinct risk, highest first; empty unless both classes are there.
pub fn curve(scored: &Scored) -> Vec<CurvePoint> {
    let all_events = scored.events() as f64;
    let all_others = scored.len() as f64 - all_events;
    if all_events == 0.0 || all_others == 0.0 {
        return Vec::new();
    }
    let (mut events, mut others) = (0u64, 0u64);
    let mut points = Vec::new();
    for_each_tie(scored, None, |tie| {
        events += tie.events;
        others += tie.others;
        points.push(CurvePoint {
            threshold: tie.risk,
            sensitivity: events as f64 / all_events,
            specificity: 1.0 - others as f64 / all_others,
            positive_predictive_value: events as f64 / (events + others) as f64,
        });
    });
    points
}

/// At most `limit` points of a curve, evenly spaced along its path, ends kept.
pub fn thin(points: &[CurvePoint], limit: usize) -> Vec<CurvePoint> {
    if points.len() <= limit || limit < 2 {
        return points.to_vec();
    }
    // Path length in ROC space: spacing by index would leave the steep part of a rare outcome's curve bare.
    let mut path = Vec::with_capacity(points.len());
    let (mut x, mut y, mut length) = (0.0, 0.0, 0.0);
    for point in points {
        length += (1.0 - point.specificity - x).abs() + (point.sensitivity - y).abs();
        (x, y) = (1.0 - point.specificity, point.sensitivity);
        path.push(length);
    }
    let mut kept = Vec::with_capacity(limit);
    let mut next = 0;
    for (i, point) in points.iter().enumerate() {
        let due = next as f64 * length / (limit - 1) as f64;
        if path[i] >= due || i + 1 == points.len() {
            kept.push(*point);
            next = (path[i] / length * (limit - 1) as f64).floor() as usize + 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_pairs(p: &[f64], y: &[bool]) -> f64 {
        let (mut sum, mut pairs) = (0.0, 0.0);
        for i in 0..p.len() {
            for j in 0..p.len() {
                if y[i] && !y[j] {
                    pairs += 1.0;
                    sum += if p[i] > p[j] {
                        1.0
                    } else if p[i] == p[j] {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
        }
        sum / pairs
    }

    proptest! {
        #[test]
        fn auroc_is_the_share_of_ordered_pairs(rows in prop::collection::vec((0u8..12, any::<bool>()), 2..60)) {
            let p: Vec<f64> = rows.iter().map(|r| f64::from(r.0) / 12.0).collect();
            let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let got = auroc(&Scored::from_pairs(&p, &y).unwrap());
            let want = by_pairs(&p, &y);
            prop_assert!((got.is_nan() && want.is_nan()) || (got - want).abs() < 1e-12);
        }

        #[test]
        fn multiplicities_are_repetition(rows in prop::collection::vec((0u8..9, any::<bool>(), 0u32..4), 2..40)) {
            let p: Vec<f64> = rows.iter().map(|r| f64::from(r.0) / 9.0).collect();
            let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let counts: Vec<u32> = rows.iter().map(|r| r.2).collect();
            let drawn = ranking(&Scored::from_pairs(&p, &y).unwrap(), Some(&counts));
            let repeat = |i: usize| std::iter::repeat_n(i, counts[i] as usize);
            let index: Vec<usize> = (0..rows.len()).flat_map(repeat).collect();
            let p2: Vec<f64> = index.iter().map(|&i| p[i]).collect();
            let y2: Vec<bool> = index.iter().map(|&i| y[i]).collect();
            let repeated = ranking(&Scored::from_pairs(&p2, &y2).unwrap(), None);
            prop_assert_eq!((drawn.rows, drawn.events), (repeated.rows, repeated.events));
            prop_assert!(drawn.auroc.is_nan() == repeated.auroc.is_nan());
            prop_assert!(drawn.auroc.is_nan() || (drawn.auroc - repeated.auroc).abs() < 1e-12);
            prop_assert!(drawn.average_precision.is_nan()
                || (drawn.average_precision - repeated.average_precision).abs() < 1e-12);
        }
    }

    #[test]
    fn known_values_and_one_class() {
        let scored = Scored::from_pairs(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
        assert_eq!(auroc(&scored), 0.75);
        assert!((average_precision(&scored) - 0.833_333_333_333_333_3).abs() < 1e-15);
        let one = Scored::from_pairs(&[0.1, 0.2], &[false, false]).unwrap();
        assert!(auroc(&one).is_nan() && average_precision(&one).is_nan() && curve(&one).is_empty());
        assert!(Scored::from_pairs(&[f64::NAN], &[true]).is_err());
    }

    #[test]
    fn a_thinned_curve_keeps_its_end_and_its_limit() {
        let p: Vec<f64> = (0..5000).map(|i| f64::from(i) / 5000.0).collect();
        let y: Vec<bool> = (0..5000).map(|i| i % 7 == 0 || i > 4900).collect();
        let full = curve(&Scored::from_pairs(&p, &y).unwrap());
        let thinned = thin(&full, 200);
        assert!(thinned.len() <= 201 && thinned.len() > 150, "{}", thinned.len());
        assert_eq!(thinned.last(), full.last());
    }
}
