//! Values enter by their rank within the training distribution of their code and unit.

mod sketch;

pub(crate) use sketch::Sketch;

use smol_str::SmolStr;

/// Ranks stay this far from 0 and 1, so that a logit of a rank is always finite.
pub const RANK_MARGIN: f32 = 1e-6;

/// A vocabulary file may hold at most this many knots per distribution.
pub(crate) const MOST_KNOTS: usize = 4096;

/// The training distribution of one code's values in one unit, as knots of its mid-distribution function
/// F(x) − ½ P(X = x) (Parzen, "Quantile probability and statistical data modeling", Statistical Science 2004),
/// joined by straight lines. Ties keep their probability: half of it lies on either side of their rank.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ValueDistribution {
    /// The unit; `None` where the source gave none.
    pub unit: Option<SmolStr>,
    /// Training subjects with such a value.
    pub subjects: u64,
    /// Training values.
    pub count: u64,
    /// Values at the knots, strictly ascending.
    values: Vec<f32>,
    /// Ranks at the knots, strictly ascending, in (0, 1).
    ranks: Vec<f32>,
}

impl ValueDistribution {
    /// The distribution of what a sketch took in, with about `knots` knots. Every value that holds a share of
    /// at least `2 / knots` is a knot, and so are its neighbours; the rest are spread evenly over the ranks.
    pub(crate) fn from_sketch(sketch: &Sketch, unit: Option<SmolStr>, subjects: u64, knots: usize) -> Self {
        let atoms = sketch.weighted();
        let total = sketch.count() as f64;
        let mut mid_ranks = Vec::with_capacity(atoms.len());
        let mut below = 0u64;
        for &(_, weight) in &atoms {
            mid_ranks.push((below as f64 + weight as f64 / 2.0) / total);
            below += weight;
        }
        let mut distribution = ValueDistribution {
            unit,
            subjects,
            count: sketch.count(),
            values: Vec::new(),
            ranks: Vec::new(),
        };
        // Compaction may have dropped the extremes; they are known exactly.
        if let Some((least, _)) = sketch.extremes()
            && atoms.first().is_some_and(|first| first.0 > least)
        {
            distribution.push_knot(least, 0.5 / total);
        }
        for at in chosen(&atoms, &mid_ranks, total, knots) {
            distribution.push_knot(atoms[at].0, mid_ranks[at]);
        }
        if let Some((_, greatest)) = sketch.extremes()
            && atoms.last().is_some_and(|last| last.0 < greatest)
        {
            distribution.push_knot(greatest, 1.0 - 0.5 / total);
        }
        distribution
    }

    fn push_knot(&mut self, value: f32, rank: f64) {
        let rank = (rank as f32).clamp(RANK_MARGIN, 1.0 - RANK_MARGIN);
        // Beyond a million values neighbouring ranks can be one f32; the later knot then adds nothing.
        if self.ranks.last().is_none_or(|&last| rank > last) {
            self.values.push(value);
            self.ranks.push(rank);
        }
    }

    /// The rank of a value, in (0, 1); `None` for a value that isn't finite. Values beyond the training range
    /// take the rank of its end.
    pub fn rank(&self, value: f32) -> Option<f32> {
        value.is_finite().then(|| interpolate(&self.values, &self.ranks, value))
    }

    /// The value at a rank: the inverse of [`ValueDistribution::rank`] within the training range. A NaN rank
    /// is taken as the median.
    pub fn value(&self, rank: f32) -> f32 {
        interpolate(&self.ranks, &self.values, if rank.is_nan() { 0.5 } else { rank })
    }

    /// The knots, as pairs of value and rank, both strictly ascending.
    pub fn knots(&self) -> impl ExactSizeIterator<Item = (f32, f32)> + '_ {
        self.values.iter().copied().zip(self.ranks.iter().copied())
    }

    /// What is wrong with it, for one that was read from a file.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let ascending = |knots: &[f32]| knots.windows(2).all(|pair| pair[0] < pair[1]);
        if self.values.is_empty() || self.values.len() > MOST_KNOTS || self.values.len() != self.ranks.len() {
            Some("a value distribution has no knots, too many, or as many values as it has no ranks")
        } else if !self.values.iter().all(|v| v.is_finite()) || !ascending(&self.values) {
            Some("a value distribution's values are not finite and ascending")
        } else if !self.ranks.iter().all(|r| *r > 0.0 && *r < 1.0) || !ascending(&self.ranks) {
            Some("a value distribution's ranks are not within (0, 1) and ascending")
        } else if self.subjects > self.count {
            Some("a value distribution counts more subjects than values")
        } else {
            None
        }
    }
}

/// Which atoms become knots, ascending.
fn chosen(atoms: &[(f32, u64)], mid_ranks: &[f64], total: f64, knots: usize) -> Vec<usize> {
    if atoms.len() <= knots {
        return (0..atoms.len()).collect();
    }
    let last = atoms.len() - 1;
    let mut at = vec![0, last];
    for (i, &(_, weight)) in atoms.iter().enumerate() {
        if weight as f64 / total >= 2.0 / knots as f64 {
            at.extend([i.saturating_sub(1), i, (i + 1).min(last)]);
        }
    }
    let even = knots / 2;
    for j in 1..even {
        at.push(mid_ranks.partition_point(|&rank| rank < j as f64 / even as f64).min(last));
    }
    at.sort_unstable();
    at.dedup();
    at
}

/// Piecewise linear through (`from[i]`, `to[i]`), `from` strictly ascending and not empty; constant outside.
fn interpolate(from: &[f32], to: &[f32], x: f32) -> f32 {
    let after = from.partition_point(|&knot| knot < x);
    match (after.checked_sub(1), from.get(after)) {
        (_, Some(&knot)) if knot == x => to[after],
        (None, _) => to[0],
        (Some(before), None) => to[before],
        (Some(before), Some(&upper)) => {
            // In f64: the difference of two large f32 can overflow.
            let (lower, upper) = (f64::from(from[before]), f64::from(upper));
            let share = (f64::from(x) - lower) / (upper - lower);
            let (low, high) = (f64::from(to[before]), f64::from(to[after]));
            (low + share * (high - low)) as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distribution(values: &[f32], knots: usize) -> ValueDistribution {
        let mut sketch = Sketch::default();
        values.iter().for_each(|&value| sketch.insert(value));
        ValueDistribution::from_sketch(&sketch, None, 1, knots)
    }

    #[test]
    fn ties_take_the_middle_of_their_share() {
        let d = distribution(&[1.0, 1.0, 1.0, 2.0], 128);
        assert_eq!(d.rank(1.0), Some(0.375));
        assert_eq!(d.rank(2.0), Some(0.875));
        assert_eq!(d.rank(1.5), Some(0.625));
        assert_eq!((d.rank(-9.0), d.rank(9.0)), (Some(0.375), Some(0.875)));
        assert_eq!(d.rank(f32::NAN), None);
        assert_eq!(d.rank(f32::INFINITY), None);
        assert_eq!(distribution(&[7.0], 128).rank(3.0), Some(0.5));
    }

    #[test]
    fn a_heavy_atom_does_not_smear_over_its_neighbours() {
        // Half the values are 0, the others spread over 1..1000.
        let values: Vec<f32> =
            (0..2000).map(|i| if i % 2 == 0 { 0.0 } else { (i / 2) as f32 + 1.0 }).collect();
        let d = distribution(&values, 16);
        assert!((d.rank(0.0).unwrap() - 0.25).abs() < 0.01);
        assert!((d.rank(1.0).unwrap() - 0.5).abs() < 0.01);
        assert!((d.rank(500.0).unwrap() - 0.75).abs() < 0.04);
    }

    #[test]
    fn extremes_survive_a_long_stream() {
        let d = distribution(&(0..100_000).map(|i| i as f32).collect::<Vec<_>>(), 128);
        assert_eq!((d.value(0.0), d.value(1.0)), (0.0, 99_999.0));
        assert!((d.rank(25_000.0).unwrap() - 0.25).abs() < 0.01);
        assert!(d.knots().len() <= 258);
        assert_eq!(d.problem(), None);
        let wide = distribution(&[-f32::MAX, f32::MAX], 128);
        assert_eq!(wide.rank(0.0), Some(0.5));
    }

    proptest! {
        #[test]
        fn ranks_are_monotone_and_within_bounds(
            values in prop::collection::vec(-1e4f32..1e4, 1..400),
            mut asked in prop::collection::vec(-2e4f32..2e4, 2..50),
            knots in 8usize..256,
        ) {
            let d = distribution(&values, knots);
            prop_assert_eq!(d.problem(), None);
            asked.sort_by(f32::total_cmp);
            let ranks: Vec<f32> = asked.iter().map(|&v| d.rank(v).unwrap()).collect();
            prop_assert!(ranks.iter().all(|r| *r > 0.0 && *r < 1.0));
            prop_assert!(ranks.windows(2).all(|pair| pair[0] <= pair[1]));
        }

        #[test]
        fn value_and_rank_invert_each_other(values in prop::collection::vec(-500i32..500, 1..300)) {
            let values: Vec<f32> = values.into_iter().map(|v| v as f32 / 4.0).collect();
            let d = distribution(&values, 128);
            for (value, rank) in d.knots() {
                prop_assert_eq!(d.rank(value), Some(rank));
                prop_assert_eq!(d.value(rank), value);
            }
            for &value in &values {
                let back = d.value(d.rank(value).unwrap());
                prop_assert!((back - value).abs() < 1e-2, "{} became {}", value, back);
            }
        }

        #[test]
        fn exact_below_the_knots(values in prop::collection::vec(-50i32..50, 1..100)) {
            let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
            let d = distribution(&values, 128);
            for &x in &values {
                let below = values.iter().filter(|v| **v < x).count() as f64;
                let equal = values.iter().filter(|v| **v == x).count() as f64;
                let want = (below + equal / 2.0) / values.len() as f64;
                prop_assert!((f64::from(d.rank(x).unwrap()) - want).abs() < 1e-6);
            }
        }
    }
}
