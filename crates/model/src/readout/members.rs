//! The members of a stack: how each is fitted with folds left out, then on everything.

use super::binned::Binned;
use super::curves::Curves;
use super::ridge;
use super::trees::{self, Growth, Tree};
use super::{ReadoutOptions, cross_entropy, sigmoid};
use crate::random;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Ridges tried, per row: from the strongest, until it gets worse.
const RIDGES: [f64; 7] = [2.0, 0.7, 0.25, 0.08, 0.025, 0.008, 0.0025];
/// Share of the rows that a boosted tree sees.
const ROW_SHARE: f64 = 0.7;
/// Trees without a better loss on the fold left out after which boosting ends.
const PATIENCE: usize = 80;

/// What members are fitted on.
pub(crate) struct Table<'a> {
    /// `[rows, width]`, NaN where missing.
    pub(crate) matrix: &'a [f32],
    pub(crate) width: usize,
    pub(crate) labels: &'a [bool],
    /// Of each row; boosting alone heeds them, and a stack's are all 1.
    pub(crate) weights: &'a [f32],
    /// Of each row.
    pub(crate) folds: &'a [usize],
    pub(crate) options: &'a ReadoutOptions,
}

/// A member fitted on everything, and what its like said of rows left out.
pub(crate) struct Fitted {
    pub(crate) member: Member,
    pub(crate) chosen: f64,
    /// Logits.
    pub(crate) out_of_fold: Vec<f64>,
}

/// One model of the stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Member {
    /// A sum of curves, one a column.
    Additive { curves: Curves, coefficients: Vec<f64> },
    /// A sum of trees upon a constant logit.
    Boosted { base: f64, trees: Vec<Tree> },
    /// A mean of trees that each say a probability, kept so far from 0 and 1.
    Forest { least: f64, trees: Vec<Tree> },
}

impl Member {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Member::Additive { .. } => "additive",
            Member::Boosted { .. } => "boosted",
            Member::Forest { .. } => "forest",
        }
    }

    pub(crate) fn logit(&self, row: &[f32]) -> f64 {
        let sum = |trees: &[Tree]| trees.iter().map(|t| f64::from(t.answer(row))).sum::<f64>();
        match self {
            Member::Additive { curves, coefficients } => {
                let mut out = vec![0.0; curves.width()];
                curves.write(row, &mut out);
                ridge::logit(coefficients, &out)
            }
            Member::Boosted { base, trees } => base + sum(trees),
            Member::Forest { least, trees } => logit_of(sum(trees) / trees.len() as f64, *least),
        }
    }

    pub(crate) fn is_sound(&self, columns: usize) -> bool {
        match self {
            Member::Additive { curves, coefficients } => {
                curves.is_sound(columns)
                    && coefficients.len() == curves.width() + 1
                    && coefficients.iter().all(|c| c.is_finite())
            }
            Member::Boosted { base, trees } => base.is_finite() && trees.iter().all(|t| t.is_sound(columns)),
            Member::Forest { least, trees } => {
                *least > 0.0 && *least < 0.5 && !trees.is_empty() && trees.iter().all(|t| t.is_sound(columns))
            }
        }
    }
}

fn logit_of(probability: f64, least: f64) -> f64 {
    let p = probability.clamp(least, 1.0 - least);
    (p / (1.0 - p)).ln()
}

impl Table<'_> {
    fn rows(&self) -> usize {
        self.labels.len()
    }
    fn row(&self, row: u32) -> &[f32] {
        &self.matrix[row as usize * self.width..][..self.width]
    }
    fn all(&self) -> Vec<u32> {
        (0..self.rows() as u32).collect()
    }
    fn split(&self, fold: usize) -> (Vec<u32>, Vec<u32>) {
        self.all().into_iter().partition(|row| self.folds[*row as usize] != fold)
    }
    fn loss(&self, logits: &[f64]) -> f64 {
        (0..self.rows()).map(|row| self.loss_of(row, logits[row])).sum()
    }
    fn loss_of(&self, row: usize, logit: f64) -> f64 {
        f64::from(self.weights[row]) * cross_entropy(logit, self.labels[row])
    }
    /// The logit of the labels' mean, a half of each counted in.
    fn base(&self, rows: &[u32]) -> f64 {
        let weight = |row: &u32| f64::from(self.weights[*row as usize]);
        let all: f64 = rows.iter().map(weight).sum();
        let positives: f64 = rows.iter().filter(|r| self.labels[**r as usize]).map(weight).sum();
        ((positives + 0.5) / (all - positives + 0.5)).ln()
    }
    fn key(&self, what: u64, fold: usize) -> u64 {
        random::key(self.options.seed, random::Purpose::Tree, &[what, fold as u64])
    }
}

/// Curves under a ridge.
pub(crate) fn additive(table: &Table<'_>, curves: Curves) -> Fitted {
    let width = curves.width();
    let mut matrix = vec![0.0; table.rows() * width];
    let rows = table.matrix.chunks_exact(table.width);
    rows.zip(matrix.chunks_exact_mut(width)).for_each(|(row, out)| curves.write(row, out));
    let n = table.rows() as f64;
    let fresh = |rows: &[u32]| {
        let mut start = vec![0.0; width + 1];
        start[width] = table.base(rows);
        start
    };
    let splits: Vec<_> = (0..table.options.folds).map(|fold| table.split(fold)).collect();
    let mut starts: Vec<Vec<f64>> = splits.iter().map(|(rows, _)| fresh(rows)).collect();
    let mut best = (f64::INFINITY, RIDGES[0], Vec::new());
    for share in RIDGES {
        let mut logits = vec![0.0; table.rows()];
        for ((rows, left_out), start) in splits.iter().zip(&mut starts) {
            let strength = share * rows.len() as f64;
            *start = ridge::fit((&matrix, width), rows, table.labels, strength, start.clone());
            for row in left_out {
                logits[*row as usize] = ridge::logit(start, &matrix[*row as usize * width..][..width]);
            }
        }
        let loss = table.loss(&logits);
        if loss >= best.0 {
            break;
        }
        best = (loss, share, logits);
    }
    let (_, share, out_of_fold) = best;
    let all = table.all();
    let coefficients = ridge::fit((&matrix, width), &all, table.labels, share * n, fresh(&all));
    Fitted { member: Member::Additive { curves, coefficients }, chosen: share * n, out_of_fold }
}

/// Gradient boosting with as many trees as serve best on the folds left out.
pub(crate) fn boosted(table: &Table<'_>, binned: &Binned) -> Fitted {
    let folds: Vec<(Vec<u32>, Vec<Vec<f64>>)> = (0..table.options.folds)
        .into_par_iter()
        .map(|fold| {
            let (rows, left_out) = table.split(fold);
            let (_, _, curve) = boost((table, binned), &rows, &left_out, table.options.boosted_trees, fold);
            (left_out, curve)
        })
        .collect();
    // Where a fold ended early its last logits stand.
    let longest = folds.iter().map(|(_, curve)| curve.len()).max().unwrap_or(0);
    let at = |trees: usize| {
        let mut logits = vec![0.0; table.rows()];
        for (left_out, curve) in &folds {
            let told = &curve[trees.min(curve.len()) - 1];
            left_out.iter().zip(told).for_each(|(row, logit)| logits[*row as usize] = *logit);
        }
        logits
    };
    let trees = (1..=longest).map(|n| (n, table.loss(&at(n)))).min_by(|a, b| a.1.total_cmp(&b.1));
    let trees = trees.map_or(1, |(n, _)| n);
    let (base, grown, _) = boost((table, binned), &table.all(), &[], trees, table.options.folds);
    Fitted { member: Member::Boosted { base, trees: grown }, chosen: trees as f64, out_of_fold: at(trees) }
}

/// The base, the trees, and after each tree the logits of `left_out`.
fn boost(
    (table, binned): (&Table<'_>, &Binned),
    rows: &[u32],
    left_out: &[u32],
    most: usize,
    fold: usize,
) -> (f64, Vec<Tree>, Vec<Vec<f64>>) {
    let options = table.options;
    let growth = Growth {
        leaves: options.leaves,
        leaf_rows: 20.min(rows.len() / 20).max(1),
        column_share: 0.2,
        ridge: 5.0,
        random_thresholds: false,
    };
    let base = table.base(rows);
    let mut logits = vec![base; table.rows()];
    let (mut gradient, mut curvature) = (vec![0.0_f32; table.rows()], vec![0.0_f32; table.rows()]);
    let (mut grown, mut curve) = (Vec::new(), Vec::new());
    let (mut best, mut since) = (f64::INFINITY, 0);
    for number in 0..most {
        for row in rows {
            let (row, label) = (*row as usize, table.labels[*row as usize]);
            let (p, weight) = (sigmoid(logits[row]), table.weights[row]);
            gradient[row] = weight * (p - f64::from(u8::from(label))) as f32;
            curvature[row] = weight * (p * (1.0 - p)) as f32;
        }
        let key = table.key(1 + number as u64, fold);
        let drawn: Vec<u32> =
            rows.iter().copied().filter(|r| random::uniform(key, u64::from(*r)) < ROW_SHARE).collect();
        let mut tree = trees::grow(binned, drawn, (&gradient, &curvature), &growth, random::mix(key));
        tree.shrink(options.shrinkage as f32);
        for row in rows.iter().chain(left_out) {
            logits[*row as usize] += f64::from(tree.answer(table.row(*row)));
        }
        grown.push(tree);
        if left_out.is_empty() {
            continue;
        }
        let told: Vec<f64> = left_out.iter().map(|r| logits[*r as usize]).collect();
        let loss: f64 = left_out.iter().zip(&told).map(|(r, logit)| table.loss_of(*r as usize, *logit)).sum();
        curve.push(told);
        (best, since) = if loss < best { (loss, 0) } else { (best, since + 1) };
        if since >= PATIENCE {
            break;
        }
    }
    (base, grown, curve)
}

/// Extremely randomised trees.
pub(crate) fn forest(table: &Table<'_>, binned: &Binned) -> Fitted {
    let least = 0.5 / table.rows() as f64;
    let mut out_of_fold = vec![0.0; table.rows()];
    for fold in 0..table.options.folds {
        let (rows, left_out) = table.split(fold);
        let grown = plant((table, binned), &rows, fold);
        for row in left_out {
            let sum: f64 = grown.iter().map(|t| f64::from(t.answer(table.row(row)))).sum();
            out_of_fold[row as usize] = logit_of(sum / grown.len() as f64, least);
        }
    }
    let trees = plant((table, binned), &table.all(), table.options.folds);
    Fitted { chosen: trees.len() as f64, member: Member::Forest { least, trees }, out_of_fold }
}

fn plant((table, binned): (&Table<'_>, &Binned), rows: &[u32], fold: usize) -> Vec<Tree> {
    // With a gradient of −label and a curvature of 1 a leaf says the mean label, and gain is the fall in variance.
    let gradient: Vec<f32> = table.labels.iter().map(|l| -f32::from(u8::from(*l))).collect();
    let curvature = vec![1.0; table.rows()];
    let growth =
        Growth { leaves: usize::MAX, leaf_rows: 5, column_share: 0.1, ridge: 0.0, random_thresholds: true };
    (0..table.options.forest_trees)
        .into_par_iter()
        .map(|number| {
            let key = table.key((1 << 32) + number as u64, fold);
            trees::grow(binned, rows.to_vec(), (&gradient, &curvature), &growth, key)
        })
        .collect()
}
