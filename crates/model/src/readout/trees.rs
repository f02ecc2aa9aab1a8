//! Decision trees on binned columns: gradient boosting (Friedman 2001, with the second-order leaves of Chen and
//! Guestrin 2016) and forests of extremely randomised trees (Geurts, Ernst and Wehenkel 2006).
//!
//! A missing value is not filled in: each split sends it to the side where it serves best.

use super::binned::{BINS, Binned, MISSING};
use crate::random;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How one tree is grown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    pub(crate) leaves: usize,
    /// Fewest rows in a leaf.
    pub(crate) leaf_rows: usize,
    /// Share of the columns that a split chooses from, drawn anew for each.
    pub(crate) column_share: f64,
    /// Added to a leaf's curvature: shrinks leaves of few rows.
    pub(crate) ridge: f64,
    /// Whether a column offers one random threshold instead of its best.
    pub(crate) random_thresholds: bool,
}

/// A tree: nodes in order of growth, children side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    /// The left child; the right one follows it; 0 in a leaf.
    children: Vec<u32>,
    /// The column that a node asks.
    column: Vec<u32>,
    /// Values up to it go left.
    threshold: Vec<f32>,
    missing_left: Vec<bool>,
    /// What a leaf says.
    value: Vec<f32>,
}

impl Tree {
    /// What the tree says of a row of column values, NaN where missing.
    pub(crate) fn answer(&self, row: &[f32]) -> f32 {
        let mut node = 0;
        while self.children[node] > 0 {
            let value = row[self.column[node] as usize];
            let left = if value.is_nan() { self.missing_left[node] } else { value <= self.threshold[node] };
            node = self.children[node] as usize + usize::from(!left);
        }
        self.value[node]
    }

    /// Multiplies what every leaf says.
    pub(crate) fn shrink(&mut self, by: f32) {
        self.value.iter_mut().for_each(|v| *v *= by);
    }

    /// Whether it can be walked on rows of so many columns: children lie behind their parents and exist.
    pub(crate) fn is_sound(&self, columns: usize) -> bool {
        let n = self.children.len();
        let same = [self.column.len(), self.threshold.len(), self.missing_left.len(), self.value.len()];
        n > 0
            && same.iter().all(|len| *len == n)
            && self.value.iter().all(|v| v.is_finite())
            && self.threshold.iter().all(|t| !t.is_nan())
            && self.children.iter().zip(&self.column).enumerate().all(|(node, (child, column))| {
                *child == 0
                    || (*child as usize > node && (*child as usize) + 1 < n && (*column as usize) < columns)
            })
    }

    fn push_leaf(&mut self, value: f64) {
        self.children.push(0);
        self.column.push(0);
        self.threshold.push(0.0);
        self.missing_left.push(false);
        self.value.push(value as f32);
    }
}

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    column: usize,
    /// Bins up to it go left.
    bin: u8,
    missing_left: bool,
}

/// A leaf that may yet be split.
struct Open {
    node: usize,
    rows: Vec<u32>,
    split: Option<Split>,
}

/// Sums over the rows of a bin or a side.
#[derive(Clone, Copy, Default)]
struct Sums {
    gradient: f64,
    curvature: f64,
    rows: u32,
}

impl Sums {
    fn plus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient + other.gradient,
            curvature: self.curvature + other.curvature,
            rows: self.rows + other.rows,
        }
    }
    fn minus(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }
    fn add(&mut self, gradient: f32, curvature: f32) {
        self.gradient += f64::from(gradient);
        self.curvature += f64::from(curvature);
        self.rows += 1;
    }
    fn score(self, ridge: f64) -> f64 {
        if self.rows == 0 { 0.0 } else { self.gradient * self.gradient / (self.curvature + ridge) }
    }
}

/// Grows a tree, the most useful split first, on `rows` with the gradient and curvature of the loss by row.
/// Leaves hold `−G / (H + ridge)`.
pub(crate) fn grow(
    binned: &Binned,
    rows: Vec<u32>,
    (gradient, curvature): (&[f32], &[f32]),
    growth: &Growth,
    key: u64,
) -> Tree {
    let sums = |rows: &[u32]| {
        rows.iter().fold(Sums::default(), |s, r| {
            s.plus(Sums {
                gradient: f64::from(gradient[*r as usize]),
                curvature: f64::from(curvature[*r as usize]),
                rows: 1,
            })
        })
    };
    let leaf = |rows: &[u32]| {
        let s = sums(rows);
        if s.rows == 0 { 0.0 } else { -s.gradient / (s.curvature + growth.ridge).max(1e-12) }
    };
    let mut tree = Tree::default();
    tree.push_leaf(leaf(&rows));
    let find = |node: usize, rows: Vec<u32>| {
        let node_key = random::mix(key ^ random::mix(node as u64));
        let split = best_split(binned, (&rows, sums(&rows)), (gradient, curvature), growth, node_key);
        Open { node, rows, split }
    };
    let rows_at_start = rows.len();
    let mut open = vec![find(0, rows)];
    for _ in 1..growth.leaves.min(rows_at_start) {
        let gain = |o: &Open| o.split.map_or(f64::NEG_INFINITY, |s| s.gain);
        let Some(next) = (0..open.len()).max_by(|a, b| gain(&open[*a]).total_cmp(&gain(&open[*b]))) else {
            break;
        };
        let Some(split) = open[next].split else { break };
        let Open { node, rows, .. } = open.swap_remove(next);
        let column = &binned.columns[split.column];
        let (left, right): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(|r| {
            let bin = column.bins[*r as usize];
            if bin == MISSING { split.missing_left } else { bin <= split.bin }
        });
        let child = tree.children.len();
        tree.children[node] = child as u32;
        tree.column[node] = split.column as u32;
        tree.threshold[node] = column.upper_edge(split.bin);
        tree.missing_left[node] = split.missing_left;
        for (place, rows) in [(child, left), (child + 1, right)] {
            tree.push_leaf(leaf(&rows));
            open.push(find(place, rows));
        }
    }
    tree
}

fn best_split(
    binned: &Binned,
    (rows, all): (&[u32], Sums),
    (gradient, curvature): (&[f32], &[f32]),
    growth: &Growth,
    key: u64,
) -> Option<Split> {
    if rows.len() < 2 * growth.leaf_rows.max(1) {
        return None;
    }
    let own: Vec<(f32, f32)> = rows.iter().map(|r| (gradient[*r as usize], curvature[*r as usize])).collect();
    let chosen: Vec<usize> =
        (0..binned.columns.len()).filter(|c| random::uniform(key, *c as u64) < growth.column_share).collect();
    let of_column = |column: &usize| {
        let bins = &binned.columns[*column].bins;
        if growth.random_thresholds {
            let draw = random::uniform(key ^ 0x5bd1, *column as u64);
            return random_split(*column, bins, (rows, &own, all), growth, draw);
        }
        let mut histogram = [Sums::default(); BINS];
        for (row, (g, h)) in rows.iter().zip(&own) {
            histogram[usize::from(bins[*row as usize])].add(*g, *h);
        }
        best_of_column(*column, &histogram, all, growth)
    };
    // Reduced in the columns' order, so that threads do not matter.
    if rows.len() * chosen.len() > 1 << 16 {
        let found: Vec<Option<Split>> = chosen.par_iter().with_min_len(16).map(of_column).collect();
        found.into_iter().fold(None, better)
    } else {
        chosen.iter().map(of_column).fold(None, better)
    }
}

/// The best threshold of a column.
fn best_of_column(column: usize, histogram: &[Sums; BINS], all: Sums, growth: &Growth) -> Option<Split> {
    let missing = histogram[usize::from(MISSING)];
    let mut best: Option<Split> = None;
    let mut below = Sums::default();
    // Up to the last bin itself: then missing values alone go right.
    for (bin, sums) in histogram.iter().enumerate().skip(1).filter(|(_, sums)| sums.rows > 0) {
        below = below.plus(*sums);
        best = better(best, split(column, bin as u8, (below, missing, all), growth));
    }
    best
}

/// A column cut at a threshold drawn between the least and the greatest value present.
fn random_split(
    column: usize,
    bins: &[u8],
    (rows, own, all): (&[u32], &[(f32, f32)], Sums),
    growth: &Growth,
    draw: f64,
) -> Option<Split> {
    let present = rows.iter().map(|row| bins[*row as usize]).filter(|bin| *bin != MISSING);
    let (low, high) = present.fold((u8::MAX, 0), |(low, high), bin| (low.min(bin), high.max(bin)));
    if high == 0 {
        return None;
    }
    let bin = low + (draw * f64::from(high - low)) as u8;
    let (mut below, mut missing) = (Sums::default(), Sums::default());
    for (row, (g, h)) in rows.iter().zip(own) {
        match bins[*row as usize] {
            MISSING => missing.add(*g, *h),
            at if at <= bin => below.add(*g, *h),
            _ => {}
        }
    }
    split(column, bin, (below, missing, all), growth)
}

/// A cut, with missing values on the better side, if it is allowed and gains anything.
fn split(
    column: usize,
    bin: u8,
    (below, missing, all): (Sums, Sums, Sums),
    growth: &Growth,
) -> Option<Split> {
    let whole = all.score(growth.ridge);
    let cut = |missing_left: bool| {
        let left = if missing_left { below.plus(missing) } else { below };
        let right = all.minus(left);
        let gain = left.score(growth.ridge) + right.score(growth.ridge) - whole;
        let allowed = left.rows.min(right.rows) as usize >= growth.leaf_rows.max(1);
        (allowed && gain > 1e-9).then_some(Split { gain, column, bin, missing_left })
    };
    let right = cut(false);
    if missing.rows == 0 { right } else { better(right, cut(true)) }
}

/// The first of the most useful.
fn better(a: Option<Split>, b: Option<Split>) -> Option<Split> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.gain > a.gain { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Growth =
        Growth { leaves: 4, leaf_rows: 1, column_share: 1.0, ridge: 0.0, random_thresholds: false };

    /// Rows `[x, z]` with `x` missing in every fifth; wanted is 3 above 0.5, 1 below, −2 where missing.
    fn steps() -> (Vec<f32>, Vec<f32>) {
        let x = |i: usize| if i.is_multiple_of(5) { f32::NAN } else { (i * 37 % 100) as f32 / 100.0 };
        let matrix: Vec<f32> = (0..100).flat_map(|i| [x(i), (i * 13 % 7) as f32]).collect();
        let wanted = |i| {
            if x(i).is_nan() {
                -2.0
            } else if x(i) > 0.5 {
                3.0
            } else {
                1.0
            }
        };
        (matrix, (0..100).map(wanted).collect())
    }

    #[test]
    fn a_tree_finds_steps_and_what_missing_means() {
        let (matrix, wanted) = steps();
        let binned = Binned::new(&matrix, 2);
        let gradient: Vec<f32> = wanted.iter().map(|y| -y).collect();
        let tree = grow(&binned, (0..100).collect(), (&gradient, &[1.0; 100]), &EXACT, 1);
        assert!(tree.is_sound(2) && !tree.is_sound(0));
        for (row, y) in matrix.chunks_exact(2).zip(&wanted) {
            assert!((tree.answer(row) - y).abs() < 0.25, "{row:?} {y} {}", tree.answer(row));
        }
    }

    #[test]
    fn leaves_keep_their_fewest_rows_and_threads_do_not_matter() {
        let (matrix, wanted) = steps();
        let binned = Binned::new(&matrix, 2);
        let gradient: Vec<f32> = wanted.iter().map(|y| -y).collect();
        for random_thresholds in [false, true] {
            let growth = Growth { leaves: 64, leaf_rows: 20, random_thresholds, ..EXACT };
            let grown = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| grow(&binned, (0..100).collect(), (&gradient, &[1.0; 100]), &growth, 7))
            };
            let tree = grown(1);
            assert_eq!(tree, grown(3));
            let mut rows = std::collections::BTreeMap::new();
            for row in matrix.chunks_exact(2) {
                *rows.entry(tree.answer(row).to_bits()).or_insert(0) += 1;
            }
            assert!(rows.len() > 1 && rows.values().all(|n| *n >= 20), "{rows:?}");
        }
    }

    #[test]
    fn a_tree_that_would_not_end_is_refused() {
        let mut tree = Tree::default();
        (0..3).for_each(|_| tree.push_leaf(0.0));
        tree.children[0] = 1;
        assert!(tree.is_sound(1));
        for hostile in [0, 2, 3, u32::MAX] {
            let mut bad = tree.clone();
            bad.children[1] = hostile.max(1);
            assert!(!bad.is_sound(1));
        }
        tree.value.pop();
        assert!(!tree.is_sound(1));
    }
}
