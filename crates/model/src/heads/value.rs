//! The value of the next code: a histogram over its rank.
//!
//! `logits = H · silu(S · state + K · C[code] + P · previous + a) + b`, where `previous` is the basis of the
//! code's last rank seen. Ranks lie in (0, 1) and bins are equal, so a bin's probability times the number of
//! bins is a density.

use super::{gather, scatter_add};
use crate::buffer::Buffer;
use crate::config::Config;
use crate::layers::embedding::previous_basis;
use crate::layers::norm::bias_backward;
use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::pack::ValueTarget;
use crate::real::{Real, add_scaled, exponentiate};
use crate::weights::Layout;

/// Scratch of this head.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    hidden: Buffer<T>,
    codes: Buffer<T>,
    previous: Buffer<T>,
    inner: Buffer<T>,
    activation: Buffer<T>,
    logits: Buffer<T>,
    d_inner: Buffer<T>,
}

/// Where gradients go, each multiplied by `scale`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) scale: f64,
    pub(crate) d_hidden: &'a mut [T],
    pub(crate) d_code_table: &'a mut [T],
    pub(crate) arena: &'a mut [T],
}

/// The negative log-likelihood (density over the rank) of the targets, summed.
pub(crate) fn run<T: Real>(
    (config, layout): (&Config, &Layout),
    (weights, code_table): (&[T], &[T]),
    hidden: &[T],
    targets: &[ValueTarget],
    gradient: Option<Gradient<'_, T>>,
    s: &mut Scratch<T>,
) -> f64 {
    let (n, d, rank, bins) = (targets.len(), config.width, config.value.rank, config.value.bins);
    let basis = config.value.knots + 1;
    if n == 0 {
        return 0.0;
    }
    let rows = s.hidden.stale(n * d);
    gather(hidden, d, targets.iter().map(|t| t.row), rows);
    let codes = s.codes.stale(n * d);
    gather(code_table, d, targets.iter().map(|t| t.code as usize), codes);
    let previous = s.previous.stale(n * basis);
    for (out, target) in previous.chunks_exact_mut(basis).zip(targets) {
        previous_basis(target.previous, out);
    }
    let inner = s.inner.stale(n * rank);
    for row in inner.chunks_exact_mut(rank) {
        row.copy_from_slice(layout.value_hidden_bias.of(weights));
    }
    let state = Matrix::new(layout.value_state.of(weights), rank, d);
    let code = Matrix::new(layout.value_code.of(weights), rank, d);
    let last = Matrix::new(layout.value_previous.of(weights), rank, basis);
    multiply_add(MatrixMut::new(inner, n, rank), Matrix::new(rows, n, d), state.t());
    multiply_add(MatrixMut::new(inner, n, rank), Matrix::new(codes, n, d), code.t());
    multiply_add(MatrixMut::new(inner, n, rank), Matrix::new(previous, n, basis), last.t());
    let activation = s.activation.stale(n * rank);
    for (a, x) in activation.iter_mut().zip(&*inner) {
        *a = *x * x.sigmoid();
    }
    let logits = s.logits.stale(n * bins);
    let histogram = Matrix::new(layout.value_histogram.of(weights), bins, rank);
    multiply(MatrixMut::new(logits, n, bins), Matrix::new(activation, n, rank), histogram.t());
    let scale = gradient.as_ref().map_or(T::ZERO, |g| T::of(g.scale));
    let mut loss = -(n as f64) * (bins as f64).ln();
    for (row, target) in logits.chunks_exact_mut(bins).zip(targets) {
        add_scaled(row, T::ONE, layout.value_histogram_bias.of(weights));
        let bin = bin_of(target.rank, bins);
        let chosen = row[bin];
        let (max, sum) = exponentiate(row);
        loss += (max - chosen).to_f64() + sum.to_f64().ln();
        let factor = scale / sum;
        row.iter_mut().for_each(|p| *p *= factor);
        row[bin] -= scale;
    }
    let Some(gradient) = gradient else { return loss };
    let arena = gradient.arena;
    let d_logits = Matrix::new(logits, n, bins);
    bias_backward(logits, layout.value_histogram_bias.of_mut(arena));
    let into = |slot: &mut [T], a: usize, b: usize, left: Matrix<'_, T>, right: Matrix<'_, T>| {
        multiply_add(MatrixMut::new(slot, a, b), left, right);
    };
    into(layout.value_histogram.of_mut(arena), bins, rank, d_logits.t(), Matrix::new(activation, n, rank));
    let d_inner = s.d_inner.stale(n * rank);
    multiply(MatrixMut::new(d_inner, n, rank), d_logits, histogram);
    for (d, x) in d_inner.iter_mut().zip(&*inner) {
        let gate = x.sigmoid();
        *d *= gate * (T::ONE + *x * (T::ONE - gate));
    }
    bias_backward(d_inner, layout.value_hidden_bias.of_mut(arena));
    let d_inner = Matrix::new(d_inner, n, rank);
    into(layout.value_state.of_mut(arena), rank, d, d_inner.t(), Matrix::new(rows, n, d));
    into(layout.value_code.of_mut(arena), rank, d, d_inner.t(), Matrix::new(codes, n, d));
    into(layout.value_previous.of_mut(arena), rank, basis, d_inner.t(), Matrix::new(previous, n, basis));
    multiply(MatrixMut::new(rows, n, d), d_inner, state);
    scatter_add(rows, d, targets.iter().map(|t| t.row), gradient.d_hidden);
    multiply(MatrixMut::new(codes, n, d), d_inner, code);
    scatter_add(codes, d, targets.iter().map(|t| t.code as usize), gradient.d_code_table);
    loss
}

pub(crate) fn bin_of(rank: f32, bins: usize) -> usize {
    ((f64::from(rank) * bins as f64) as usize).min(bins - 1)
}
