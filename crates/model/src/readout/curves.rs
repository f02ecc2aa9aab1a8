//! Columns as piecewise-linear curves, so that a linear model in them is an additive model in the numbers.
//!
//! A column of many values becomes hats on knots at quantiles of the values present (all zero where it is
//! missing, which so has an effect of its own); one of few values stays itself. Everything is then centred and
//! scaled by what the fit has seen.

use serde::{Deserialize, Serialize};

/// Quantiles at which the knots of a curve stand.
const KNOTS: [f64; 6] = [0.02, 0.2, 0.4, 0.6, 0.8, 0.98];
/// Columns of fewer distinct values stay linear.
const CURVED_FROM: usize = 12;
/// Rare departures are not blown up beyond what so large a deviation would.
const LEAST_DEVIATION: f64 = 0.1;

/// How a column is to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As it is.
    Line,
    /// As a curve, if it has values enough.
    Curve,
    /// Not at all.
    Out,
}

/// How each column enters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Curves {
    /// Knots by column, increasing; none where it stays linear, or is left out.
    knots: Vec<Vec<f32>>,
    /// Columns that are left out: constant, or all missing.
    left_out: Vec<bool>,
    /// By output.
    centre: Vec<f32>,
    scale: Vec<f32>,
}

impl Curves {
    /// Learns knots, centres and scales from `matrix` (`[rows, width]`). `shape` says how a
    /// column is to enter.
    pub(crate) fn fit(matrix: &[f32], width: usize, shape: impl Fn(usize) -> Shape) -> Self {
        let mut curves = Curves::default();
        for column in 0..width {
            let mut present: Vec<f32> =
                matrix.chunks_exact(width).map(|row| row[column]).filter(|v| v.is_finite()).collect();
            present.sort_unstable_by(f32::total_cmp);
            let distinct =
                usize::from(!present.is_empty()) + present.windows(2).filter(|p| p[0] < p[1]).count();
            let missing = present.len() < matrix.len() / width;
            let tells_nothing = distinct == 0 || (distinct == 1 && !missing);
            curves.left_out.push(tells_nothing || shape(column) == Shape::Out);
            let mut knots = Vec::new();
            if shape(column) == Shape::Curve && distinct >= CURVED_FROM {
                knots = KNOTS.map(|q| present[(q * (present.len() - 1) as f64) as usize]).to_vec();
                knots.dedup();
            }
            curves.knots.push(if knots.len() >= 3 { knots } else { Vec::new() });
        }
        let width_out = curves.width();
        (curves.centre, curves.scale) = (vec![0.0; width_out], vec![1.0; width_out]);
        let mut row_out = vec![0.0; width_out];
        let (mut sum, mut squares) = (vec![0.0_f64; width_out], vec![0.0_f64; width_out]);
        for row in matrix.chunks_exact(width) {
            curves.write(row, &mut row_out);
            for ((x, sum), square) in row_out.iter().zip(&mut sum).zip(&mut squares) {
                *sum += f64::from(*x);
                *square += f64::from(*x) * f64::from(*x);
            }
        }
        let n = (matrix.len() / width).max(1) as f64;
        let mut at = 0;
        for (knots, left_out) in curves.knots.iter().zip(&curves.left_out) {
            let outputs = outputs(knots, *left_out);
            for i in at..at + outputs {
                let mean = sum[i] / n;
                let deviation = (squares[i] / n - mean * mean).max(0.0).sqrt();
                let least = if knots.is_empty() { 1e-6 } else { LEAST_DEVIATION };
                curves.centre[i] = mean as f32;
                curves.scale[i] = deviation.max(least) as f32;
            }
            at += outputs;
        }
        curves
    }

    /// Numbers out.
    pub(crate) fn width(&self) -> usize {
        self.knots.iter().zip(&self.left_out).map(|(knots, left_out)| outputs(knots, *left_out)).sum()
    }

    /// Whether it takes rows of so many columns.
    pub(crate) fn is_sound(&self, columns: usize) -> bool {
        let finite = |v: &[f32]| v.iter().all(|x| x.is_finite());
        self.knots.len() == columns
            && self.left_out.len() == columns
            && self.knots.iter().all(|k| finite(k) && k.is_sorted_by(|a, b| a < b) && k.len() != 1)
            && [self.centre.len(), self.scale.len()] == [self.width(); 2]
            && finite(&self.centre)
            && finite(&self.scale)
            && self.scale.iter().all(|s| *s > 0.0)
    }

    /// Sets `out` to what `row` becomes.
    pub(crate) fn write(&self, row: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        let mut at = 0;
        for ((value, knots), left_out) in row.iter().zip(&self.knots).zip(&self.left_out) {
            let outputs = outputs(knots, *left_out);
            if outputs > 0 && value.is_finite() {
                if knots.is_empty() {
                    out[at] = *value;
                } else {
                    let upper = knots.partition_point(|k| k <= value).clamp(1, knots.len() - 1);
                    let (low, high) = (knots[upper - 1], knots[upper]);
                    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
                    out[at + upper - 1] = 1.0 - share;
                    out[at + upper] = share;
                }
            } else if outputs > 0 && knots.is_empty() {
                // As if it were average.
                out[at] = self.centre[at];
            }
            at += outputs;
        }
        for ((x, centre), scale) in out.iter_mut().zip(&self.centre).zip(&self.scale) {
            *x = (*x - centre) / scale;
        }
    }
}

fn outputs(knots: &[f32], left_out: bool) -> usize {
    match knots.len() {
        _ if left_out => 0,
        0 => 1,
        n => n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_a_partition_of_one_and_missing_is_none_of_it() {
        let mut matrix: Vec<f32> = (0..200).flat_map(|i| [i as f32, (i % 2) as f32, 3.0, f32::NAN]).collect();
        matrix[0] = f32::NAN;
        let curves = Curves::fit(&matrix, 4, |_| Shape::Curve);
        assert_eq!(curves.width(), KNOTS.len() + 1, "the constant and the empty column are left out");
        assert!(curves.is_sound(4) && !curves.is_sound(5));
        let mut sum = vec![0.0_f64; curves.width()];
        for row in matrix.chunks_exact(4) {
            let mut out = vec![0.0; curves.width()];
            curves.write(row, &mut out);
            let raw: Vec<f32> =
                out.iter().zip(&curves.centre).zip(&curves.scale).map(|((x, c), s)| x * s + c).collect();
            let total: f32 = raw[..KNOTS.len()].iter().sum();
            let expected = if row[0].is_nan() { 0.0 } else { 1.0 };
            assert!((total - expected).abs() < 1e-4);
            assert!((raw[KNOTS.len()] - row[1]).abs() < 1e-5);
            sum.iter_mut().zip(&out).for_each(|(s, x)| *s += f64::from(*x));
        }
        assert!(sum.iter().all(|s| s.abs() < 0.02), "centred: {sum:?}");
        let mut out = vec![0.0; curves.width()];
        curves.write(&[1e9, f32::NAN, 0.0, 0.0], &mut out);
        assert!(out.iter().all(|x| x.is_finite()));
    }
}
