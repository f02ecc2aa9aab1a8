//! Tables computed from the weights before they are used: code vectors with their features, and risk vectors.

use crate::config::Config;
use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::real::{Real, add_scaled, dot};
use crate::weights::{Layout, Slot};

/// The tables, or, of the same shapes, their gradients.
#[derive(Clone, Default)]
pub(crate) struct Derived<T> {
    /// `C`: `[vocabulary, width]`.
    pub(crate) code_table: Vec<T>,
    /// `s_c P C[c]` for the risk codes, `[codes, rank]`; then, where they have vectors of their own once they have occurred,
    /// `P' C[c]`, as many.
    pub(crate) risk_table: Vec<T>,
}

impl<T: Real> Derived<T> {
    /// Zeros.
    pub(crate) fn zeros(config: &Config) -> Self {
        Derived {
            code_table: vec![T::ZERO; config.vocabulary_size * config.width],
            risk_table: vec![T::ZERO; config.risk.vectors()],
        }
    }

    /// `C[c] = E[c] + Σ F[f] / √n` over the `n` features of `c`.
    pub(crate) fn compute(&mut self, config: &Config, layout: &Layout, weights: &[T]) {
        let d = config.width;
        self.code_table.copy_from_slice(layout.code.of(weights));
        let features = layout.feature.of(weights);
        for (row, of_code) in self.code_table.chunks_exact_mut(d).zip(&config.features.by_code) {
            let share = T::of(1.0 / (of_code.len().max(1) as f64).sqrt());
            for feature in of_code {
                add_scaled(row, share, &features[*feature as usize * d..(*feature as usize + 1) * d]);
            }
        }
        let codes = config.risk.codes.len();
        if codes > 0 {
            let chosen = self.risk_codes(config);
            let rank = config.risk.rank;
            for (table, slot) in self.risk_table.chunks_exact_mut(codes * rank).zip(projections(layout)) {
                let project = Matrix::new(slot.of(weights), rank, d);
                multiply(MatrixMut::new(table, codes, rank), Matrix::new(&chosen, codes, d), project.t());
            }
            scale(&mut self.risk_table, rank, layout.risk_scale.of(weights));
        }
    }

    /// Adds to `gradient` what the tables' gradients (`self`) mean for the weights. `tables` are the tables
    /// themselves. The code table's gradient is complete afterwards.
    pub(crate) fn backward(
        &mut self,
        (config, layout): (&Config, &Layout),
        (weights, tables): (&[T], &Derived<T>),
        gradient: &mut [T],
    ) {
        let (d, rank, codes) = (config.width, config.risk.rank, config.risk.codes.len());
        if codes > 0 {
            let chosen = tables.risk_codes(config);
            let scales = layout.risk_scale.of(weights);
            if !scales.is_empty() {
                let mut unscaled = vec![T::ZERO; codes * rank];
                let project = Matrix::new(layout.risk_code.of(weights), rank, d);
                let of_codes = Matrix::new(&chosen, codes, d);
                multiply(MatrixMut::new(&mut unscaled, codes, rank), of_codes, project.t());
                let d_scales = layout.risk_scale.of_mut(gradient).iter_mut();
                let rows = self.risk_table.chunks_exact(rank).zip(unscaled.chunks_exact(rank));
                d_scales.zip(rows).for_each(|(d_scale, (row, unscaled))| *d_scale += dot(row, unscaled));
                scale(&mut self.risk_table, rank, scales);
            }
            let mut d_chosen = vec![T::ZERO; codes * d];
            for (d_table, slot) in self.risk_table.chunks_exact(codes * rank).zip(projections(layout)) {
                let d_table = Matrix::new(d_table, codes, rank);
                let target = MatrixMut::new(slot.of_mut(gradient), rank, d);
                multiply_add(target, d_table.t(), Matrix::new(&chosen, codes, d));
                let project = Matrix::new(slot.of(weights), rank, d);
                multiply_add(MatrixMut::new(&mut d_chosen, codes, d), d_table, project);
            }
            let rows = config.risk.codes.iter().map(|c| *c as usize);
            crate::heads::scatter_add(&d_chosen, d, rows, &mut self.code_table);
        }
        add_scaled(layout.code.of_mut(gradient), T::ONE, &self.code_table);
        let d_features = layout.feature.of_mut(gradient);
        for (row, of_code) in self.code_table.chunks_exact(d).zip(&config.features.by_code) {
            let share = T::of(1.0 / (of_code.len().max(1) as f64).sqrt());
            for feature in of_code {
                add_scaled(&mut d_features[*feature as usize * d..(*feature as usize + 1) * d], share, row);
            }
        }
    }

    /// The vectors that the next event's logits are products with: `[vocabulary, width]`.
    pub(crate) fn head<'a>(&'a self, layout: &Layout, weights: &'a [T]) -> &'a [T] {
        if layout.head.is_empty() { &self.code_table } else { layout.head.of(weights) }
    }

    fn risk_codes(&self, config: &Config) -> Vec<T> {
        let mut chosen = vec![T::ZERO; config.risk.codes.len() * config.width];
        let rows = config.risk.codes.iter().map(|c| *c as usize);
        crate::heads::gather(&self.code_table, config.width, rows, &mut chosen);
        chosen
    }
}

/// What takes a code's vector to its risk vector, before and after it has occurred.
fn projections(layout: &Layout) -> [Slot; 2] {
    [layout.risk_code, layout.risk_repeat_code]
}

/// Each row of `width` times its factor; all as they are where there is none.
fn scale<T: Real>(rows: &mut [T], width: usize, factors: &[T]) {
    for (row, factor) in rows.chunks_exact_mut(width).zip(factors) {
        row.iter_mut().for_each(|x| *x *= *factor);
    }
}
