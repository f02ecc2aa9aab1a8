//! What the heads say at some states, as weights to draw from.

use crate::buffer::Buffer;
use crate::heads::gather;
use crate::layers::embedding::previous_basis;
use crate::matrix::{Matrix, MatrixMut, multiply as product, multiply_add};
use crate::packed::Parameters;
use crate::panels::multiply;
use crate::real::{Real, add_scaled, exponentiate};

/// The memory of one thread.
#[derive(Default)]
pub(crate) struct Heads {
    rows: Buffer<f32>,
    logits: Buffer<f32>,
    codes: Buffer<f32>,
    previous: Buffer<f32>,
    inner: Buffer<f32>,
}

impl Heads {
    /// Logits of the next code at `rows` of `hidden` (`[_, width]`), the part for codes that have occurred not yet
    /// added: `[rows, vocabulary]`.
    pub(crate) fn next_codes(
        &mut self,
        p: Parameters<'_, f32>,
        hidden: &[f32],
        rows: &[usize],
    ) -> &mut [f32] {
        let vocabulary = p.config.vocabulary_size;
        let chosen = self.rows.stale(rows.len() * p.config.width);
        gather(hidden, p.config.width, rows.iter().copied(), chosen);
        let logits = self.logits.stale(rows.len() * vocabulary);
        if !rows.is_empty() {
            multiply(logits, chosen, &p.forward.head);
            let bias = p.layout.head_bias.of(p.weights);
            logits.chunks_exact_mut(vocabulary).for_each(|row| add_scaled(row, 1.0, bias));
        }
        logits
    }

    /// Log-hazards per day of the wait at `rows`: `[rows, intervals]`.
    pub(crate) fn waits(&mut self, p: Parameters<'_, f32>, hidden: &[f32], rows: &[usize]) -> &[f32] {
        let (n, width, intervals) = (rows.len(), p.config.width, p.config.waiting_time_intervals());
        let chosen = self.rows.stale(n * width);
        gather(hidden, width, rows.iter().copied(), chosen);
        let hazards = self.logits.stale(n * intervals);
        let bias = p.layout.waiting_bias.of(p.weights);
        hazards.chunks_exact_mut(intervals).for_each(|row| row.copy_from_slice(bias));
        let weight = Matrix::new(p.layout.waiting.of(p.weights), intervals, width);
        multiply_add(MatrixMut::new(hazards, n, intervals), Matrix::new(chosen, n, width), weight.t());
        hazards
    }

    /// Weights of the bins of the next value, given the codes at `rows` and their last ranks (NaN without):
    /// `[rows, bins]`, and the sum of each row. The formula is that of [`crate::heads::value`].
    pub(crate) fn values(
        &mut self,
        p: Parameters<'_, f32>,
        hidden: &[f32],
        asked: &[(usize, u32, f32)],
    ) -> (&[f32], Vec<f32>) {
        let Parameters { config, layout, weights, .. } = p;
        let (n, d, rank, bins) = (asked.len(), config.width, config.value.rank, config.value.bins);
        let basis = config.value.knots + 1;
        let chosen = self.rows.stale(n * d);
        gather(hidden, d, asked.iter().map(|a| a.0), chosen);
        let codes = self.codes.stale(n * d);
        gather(&p.tables.code_table, d, asked.iter().map(|a| a.1 as usize), codes);
        let previous = self.previous.stale(n * basis);
        for (out, (_, _, rank)) in previous.chunks_exact_mut(basis).zip(asked) {
            previous_basis(*rank, out);
        }
        let inner = self.inner.stale(n * rank);
        let bias = layout.value_hidden_bias.of(weights);
        inner.chunks_exact_mut(rank).for_each(|row| row.copy_from_slice(bias));
        for (x, slot, width) in [
            (&*chosen, layout.value_state, d),
            (&*codes, layout.value_code, d),
            (&*previous, layout.value_previous, basis),
        ] {
            let weight = Matrix::new(slot.of(weights), rank, width);
            multiply_add(MatrixMut::new(inner, n, rank), Matrix::new(x, n, width), weight.t());
        }
        inner.iter_mut().for_each(|x| *x *= Real::sigmoid(*x));
        let logits = self.logits.stale(n * bins);
        let weight = Matrix::new(layout.value_histogram.of(weights), bins, rank);
        product(MatrixMut::new(logits, n, bins), Matrix::new(inner, n, rank), weight.t());
        let bias = layout.value_histogram_bias.of(weights);
        let sums = logits.chunks_exact_mut(bins).map(|row| {
            add_scaled(row, 1.0, bias);
            exponentiate(row).1
        });
        let sums = sums.collect();
        (logits, sums)
    }
}
