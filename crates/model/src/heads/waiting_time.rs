//! How long until the next event: a piecewise-exponential distribution whose log-hazards are linear in the
//! state.
//!
//! With hazards `λ_j` per day on intervals `(t_j, t_{j+1}]`, the last one open, and `e_j(t)` the time spent in
//! interval `j` until `t`: the density is `λ_{j(t)} · exp(−Σ λ_j e_j(t))`, the survival `exp(−Σ λ_j e_j(t))`
//! (Friedman 1982). A gap that ended contributes the density, one cut off by the end of follow-up the survival.

use super::{gather, scatter_add};
use crate::buffer::Buffer;
use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::pack::WaitingTime;
use crate::real::{Real, add_scaled};

/// Scratch of this head.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    hidden: Buffer<T>,
    d_hidden: Buffer<T>,
    hazards: Buffer<T>,
}

/// Where gradients go, each multiplied by `scale`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) scale: f64,
    pub(crate) d_hidden: &'a mut [T],
    pub(crate) d_weight: &'a mut [T],
    pub(crate) d_bias: &'a mut [T],
}

/// The negative log-likelihood (density per day) of the targets, summed. `weight` is `[intervals, width]`.
pub(crate) fn run<T: Real>(
    edges: &[f64],
    (weight, bias): (&[T], &[T]),
    hidden: &[T],
    targets: &[WaitingTime],
    gradient: Option<Gradient<'_, T>>,
    scratch: &mut Scratch<T>,
) -> f64 {
    let intervals = bias.len();
    let (n, width) = (targets.len(), weight.len() / intervals);
    if n == 0 {
        return 0.0;
    }
    let rows = scratch.hidden.stale(n * width);
    gather(hidden, width, targets.iter().map(|t| t.row), rows);
    let rows = Matrix::new(rows, n, width);
    let weight = Matrix::new(weight, intervals, width);
    let hazards = scratch.hazards.stale(n * intervals);
    multiply(MatrixMut::new(hazards, n, intervals), rows, weight.t());
    let scale = gradient.as_ref().map_or(T::ZERO, |g| T::of(g.scale));
    let mut loss = 0.0;
    for (row, target) in hazards.chunks_exact_mut(intervals).zip(targets) {
        add_scaled(row, T::ONE, bias);
        let ended = (!target.censored).then(|| interval_of(edges, target.days));
        for (j, log_hazard) in row.iter_mut().enumerate() {
            let expected = log_hazard.exp() * T::of(time_in(edges, j, target.days));
            loss += expected.to_f64();
            let mut d = expected;
            if ended == Some(j) {
                loss -= log_hazard.to_f64();
                d -= T::ONE;
            }
            *log_hazard = d * scale;
        }
    }
    if let Some(gradient) = gradient {
        let d_hazards = Matrix::new(hazards, n, intervals);
        crate::layers::norm::bias_backward(hazards, gradient.d_bias);
        multiply_add(MatrixMut::new(gradient.d_weight, intervals, width), d_hazards.t(), rows);
        let d_rows = scratch.d_hidden.stale(n * width);
        multiply(MatrixMut::new(d_rows, n, width), d_hazards, weight);
        scatter_add(d_rows, width, targets.iter().map(|t| t.row), gradient.d_hidden);
    }
    loss
}

/// How much of a wait rounding may add: gaps are kept in 32 bits.
const ROUNDING: f64 = 1e-6;

/// The interval that holds `days`. A wait of exactly an edge (an hour, a week, as records like them) ends the interval before
/// it: in the one after it no time would have passed, and the likelihood would have no bound.
pub(crate) fn interval_of(edges: &[f64], days: f64) -> usize {
    edges.partition_point(|edge| edge * (1.0 + ROUNDING) < days)
}

/// Days spent in interval `j` by a wait of `days`.
pub(crate) fn time_in(edges: &[f64], j: usize, days: f64) -> f64 {
    let begin = if j == 0 { 0.0 } else { edges[j - 1] };
    let end = edges.get(j).copied().unwrap_or(f64::INFINITY);
    (days.min(end) - begin).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_gradient, wave};

    const EDGES: [f64; 3] = [0.5, 2.0, 10.0];

    fn targets() -> Vec<WaitingTime> {
        [(0, 0.1, false), (1, 3.0, false), (1, 25.0, true), (2, 2.0, false)]
            .map(|(row, days, censored)| WaitingTime { row, days, censored })
            .into()
    }

    #[test]
    fn gradient_is_the_derivative() {
        let (weight, bias, hidden) = (wave(16, 0.0), wave(4, 1.0), wave(12, 2.0));
        let targets = targets();
        let loss = |w: &[f64], b: &[f64], h: &[f64]| {
            0.3 * run(&EDGES, (w, b), h, &targets, None, &mut Scratch::default())
        };
        let (mut d_weight, mut d_bias, mut d_hidden) = (vec![0.0; 16], vec![0.0; 4], vec![0.0; 12]);
        let gradient =
            Gradient { scale: 0.3, d_hidden: &mut d_hidden, d_weight: &mut d_weight, d_bias: &mut d_bias };
        run(&EDGES, (&weight, &bias), &hidden, &targets, Some(gradient), &mut Scratch::default());
        assert_gradient(&weight, &d_weight, |x| loss(x, &bias, &hidden));
        assert_gradient(&bias, &d_bias, |x| loss(&weight, x, &hidden));
        assert_gradient(&hidden, &d_hidden, |x| loss(&weight, &bias, x));
    }

    #[test]
    fn a_wait_of_exactly_an_edge_has_passed_through_its_interval() {
        let minutes = [1.0, 5.0, 15.0, 30.0, 60.0, 10_080.0];
        let edges = minutes.map(|m: f64| m / 1440.0);
        for (j, edge) in edges.iter().enumerate() {
            // As a token keeps it.
            let days = f64::from(*edge as f32);
            assert_eq!(interval_of(&edges, days), j);
            assert!(time_in(&edges, j, days) > 0.99 * (edge - if j == 0 { 0.0 } else { edges[j - 1] }));
        }
        // So the best hazard is a finite one.
        let loss = |log_hazard: f64| {
            let bias = [-30.0, -30.0, -30.0, log_hazard, -30.0, -30.0, -30.0];
            let target = [WaitingTime { row: 0, days: edges[3], censored: false }];
            run(&edges, (&[0.0; 7], &bias), &[0.0], &target, None, &mut Scratch::default())
        };
        let best = -(edges[3] - edges[2]).ln();
        assert!(loss(best) < loss(best - 0.5) && loss(best) < loss(best + 0.5));
    }

    #[test]
    fn the_density_integrates_to_one() {
        let bias = [0.5_f64, -1.0, -2.0, -1.5];
        let likelihood = |days: f64, censored: bool| {
            let target = [WaitingTime { row: 0, days, censored }];
            (-run(&EDGES, (&[0.0; 4], &bias), &[0.0], &target, None, &mut Scratch::default())).exp()
        };
        let step = 1e-3;
        let mass: f64 = (0..60_000).map(|i| likelihood((f64::from(i) + 0.5) * step, false) * step).sum();
        assert!((mass + likelihood(60.0, true) - 1.0).abs() < 1e-4, "{mass}");
    }
}
