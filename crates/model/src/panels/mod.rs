//! The products of the layers: many rows against a matrix laid out beforehand, and their weight gradient.
//!
//! A general product packs both operands anew on every call. Here one of them is a weight that is the same for
//! all rows of a step, so it is laid out once per step, in panels of [`PANEL`] columns, and the rows are read as
//! they lie. The one kernel serves all products: with rows for layers, with columns for weight gradients (the transposed
//! operand needs no laying out), with parts of panels for attention. `docs/lab/engine.md` has what this gains over a
//! general product.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod bfloat16;
mod kernel;

pub(crate) use kernel::{Left, Target, each_row, product_in_registers, product_plainly};

use crate::error::{Error, Result};
use crate::real::Real;
use serde::{Deserialize, Serialize};

/// The numbers that the products of training are worked out in. Weights, sums and all else are `f32` in any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Products {
    /// 32 bits, on every processor.
    #[default]
    F32,
    /// Numbers as the sum of two bfloat16, sixteen significant bits, on a processor's matrix unit (Intel AMX).
    Bf16x3,
    /// bfloat16, eight significant bits, on a processor's matrix unit or by its dot products (AVX512-BF16).
    Bf16,
}

impl std::str::FromStr for Products {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f32" => Ok(Products::F32),
            "bf16x3" => Ok(Products::Bf16x3),
            "bf16" => Ok(Products::Bf16),
            _ => Err(Error::Options("the precision must be one of f32, bf16x3, bf16".into())),
        }
    }
}

impl Products {
    /// Refuses what this processor cannot do.
    ///
    /// # Errors
    /// [`Error::Options`].
    pub fn check(self) -> Result<()> {
        if self.can() {
            return Ok(());
        }
        let wants = match self {
            Products::Bf16x3 => {
                "bf16x3 wants a processor with a matrix unit for bfloat16 (Intel AMX, on Linux)"
            }
            _ => {
                "bf16 wants a processor that multiplies bfloat16 (AVX512-BF16, as AMD has since Zen 4, or Intel AMX; on Linux)"
            }
        };
        Err(Error::Options(format!("the precision {wants}, which this one is not; f32 runs everywhere")))
    }

    /// Whether this processor can.
    pub(crate) fn can(self) -> bool {
        #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
        return bfloat16::can(self);
        #[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
        return self == Products::F32;
    }
}

/// Columns per panel: one cache line of `f32`.
pub(crate) const PANEL: usize = 16;

/// Rows that are laid out together.
const ROWS_AT_ONCE: usize = 16;

/// One panel's row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(crate) [T; PANEL]);

/// A row of a tile: 32 bfloat16, of as many steps of the inner dimension, or of two steps in sixteen columns.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct TileRow([u16; 32]);

/// A matrix `[inner, columns]` in panels: the lines of the first [`PANEL`] columns from top to bottom, then those
/// of the next, the last ones filled up with zeros.
#[derive(Clone, Default)]
pub(crate) struct Panels<T> {
    lines: Vec<Line<T>>,
    inner: usize,
    columns: usize,
    products: Products,
    /// The same matrix in tiles of bfloat16; empty unless it was asked for.
    tiles: Vec<TileRow>,
}

impl<T: Real> Panels<T> {
    /// How products with this matrix, and with all that are laid out in its place, are worked out.
    pub(crate) fn set_products(&mut self, products: Products) {
        self.products = products;
    }

    /// Lays the matrix out in tiles too, if its products want that: once here, instead of in each product.
    pub(crate) fn lay_out_tiles(&mut self) {
        if self.products == Products::F32 {
            self.tiles = Vec::new();
        }
        self.tiles.clear();
        T::lay_out_tiles(self);
    }

    /// See [`Panels::set_products`].
    pub(crate) fn products(&self) -> Products {
        self.products
    }

    fn shape(&mut self, inner: usize, columns: usize) {
        (self.inner, self.columns) = (inner, columns);
        let lines = inner * columns.div_ceil(PANEL);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([T::ZERO; PANEL]));
        }
    }

    /// Lays out `matrix`, `[inner, columns]`.
    pub(crate) fn set(&mut self, matrix: &[T], inner: usize, columns: usize) {
        self.set_strided(matrix, (inner, columns), columns);
    }

    /// Lays out a matrix `[inner, columns]` whose rows are `stride` apart.
    pub(crate) fn set_strided(&mut self, matrix: &[T], (inner, columns): (usize, usize), stride: usize) {
        self.shape(inner, columns);
        // A few rows at a time, so that neighbouring lines are written one after the other.
        for begin in (0..inner).step_by(ROWS_AT_ONCE) {
            let rows = begin..(begin + ROWS_AT_ONCE).min(inner);
            for first in (0..columns).step_by(PANEL) {
                let at = first / PANEL * inner;
                let n = PANEL.min(columns - first);
                for (p, line) in rows.clone().zip(&mut self.lines[at + begin..]) {
                    let values = &matrix[p * stride + first..][..n];
                    match <&[T; PANEL]>::try_from(values) {
                        Ok(values) => line.0 = *values,
                        Err(_) => {
                            line.0 = [T::ZERO; PANEL];
                            line.0[..n].copy_from_slice(values);
                        }
                    }
                }
            }
        }
    }

    /// Lays out the transpose of `matrix`, which is `[columns, inner]`.
    pub(crate) fn set_transposed(&mut self, matrix: &[T], columns: usize, inner: usize) {
        self.set_transposed_strided(matrix, (columns, inner), inner);
    }

    /// Lays out the transpose of a matrix `[columns, inner]` whose rows are `stride` apart.
    pub(crate) fn set_transposed_strided(
        &mut self,
        matrix: &[T],
        (columns, inner): (usize, usize),
        stride: usize,
    ) {
        self.shape(inner, columns);
        for (panel, lines) in
            self.lines.chunks_exact_mut(inner.max(1)).take(columns.div_ceil(PANEL)).enumerate()
        {
            let first = panel * PANEL;
            let n = PANEL.min(columns - first);
            let rows: [&[T]; PANEL] = std::array::from_fn(|i| {
                let begin = (first + i.min(n - 1)) * stride;
                &matrix[begin..begin + inner]
            });
            for (p, line) in lines.iter_mut().enumerate() {
                line.0 = std::array::from_fn(|i| rows[i][p]);
                line.0[n..].fill(T::ZERO);
            }
        }
    }

    /// Lays out a matrix `[inner, columns]` of which `panel(index, lines)` writes one panel's lines at a time.
    pub(crate) fn fill(&mut self, inner: usize, columns: usize, panel: impl Fn(usize, &mut [Line<T>])) {
        self.shape(inner, columns);
        let panels = self.lines.chunks_exact_mut(inner.max(1)).take(columns.div_ceil(PANEL));
        panels.enumerate().for_each(|(index, lines)| panel(index, lines));
    }

    /// Rows of the matrix.
    pub(crate) fn inner(&self) -> usize {
        self.inner
    }

    /// All of the matrix.
    pub(crate) fn all(&self) -> Right<'_, T> {
        Right { tiles: &self.tiles, ..self.first(self.inner, self.columns) }
    }

    /// Its first rows and columns.
    pub(crate) fn first(&self, inner: usize, columns: usize) -> Right<'_, T> {
        assert!(inner <= self.inner && columns <= self.columns, "more of a matrix than was laid out");
        let lines = &self.lines[..self.inner * self.columns.div_ceil(PANEL)];
        Right { lines, stride: self.inner, inner, columns, products: self.products, tiles: &[] }
    }
}

/// The right operand of a product: a matrix in panels, or the upper left part of one.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a, T> {
    lines: &'a [Line<T>],
    /// Lines from one panel to the next.
    stride: usize,
    inner: usize,
    columns: usize,
    products: Products,
    /// All of the matrix in tiles, or nothing.
    tiles: &'a [TileRow],
}

impl<T> Right<'_, T> {
    /// The first column and the lines of each panel.
    fn panels(&self) -> impl Iterator<Item = (usize, &[Line<T>])> {
        let panels = self.lines.chunks_exact(self.stride.max(1));
        (0..self.columns).step_by(PANEL).zip(panels.map(|panel| &panel[..self.inner]))
    }
}

/// `y = x B` with `x` as `[rows, inner]`, `B` as `[inner, columns]` and `y` as `[rows, columns]`.
pub(crate) fn multiply<T: Real>(y: &mut [T], x: &[T], b: &Panels<T>) {
    assert!(b.inner > 0 && b.columns > 0, "a product with a matrix that was never laid out");
    let rows = x.len() / b.inner;
    assert!(x.len() == rows * b.inner && y.len() == rows * b.columns, "shapes of a product disagree");
    T::product(Target::set(y, b.columns), Left::rows(x, (rows, b.inner), b.inner), b.all());
}

/// The product as the right operand asks for it.
pub(crate) fn product(target: Target<'_, f32>, left: Left<'_, f32>, right: Right<'_, f32>) {
    match right.products {
        Products::F32 => product_in_registers(target, left, right),
        #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
        _ => bfloat16::product(target, left, right),
        #[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
        _ => panic!("no bfloat16"),
    }
}

/// Lays out in tiles what the panels hold, see [`Panels::lay_out_tiles`].
pub(crate) fn lay_out_tiles(panels: &mut Panels<f32>) {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
    if panels.products != Products::F32 {
        let mut tiles = std::mem::take(&mut panels.tiles);
        bfloat16::lay_out(panels.all(), &mut tiles);
        panels.tiles = tiles;
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
    let _ = panels;
}

/// The size of blocks, `most` at most, that cut `n` into parts as equal as can be; at least one.
pub(crate) fn even_block(n: usize, most: usize) -> usize {
    n.div_ceil(n.div_ceil(most).max(1)).max(1)
}

/// `dW += dyᵀ x` with `dy` as `[tokens, outer]`, `x` as `[tokens, inner]` and `dW` as `[outer, inner]`; `scratch` receives
/// `x` in panels.
pub(crate) fn weight_gradient<T: Real>(
    d_weight: &mut [T],
    (dy, x): (&[T], &[T]),
    (outer, inner): (usize, usize),
    scratch: &mut Panels<T>,
) {
    let tokens = x.len() / inner.max(1);
    assert!(
        d_weight.len() == outer * inner && dy.len() == tokens * outer && x.len() == tokens * inner,
        "shapes of a weight gradient disagree"
    );
    if tokens == 0 {
        return;
    }
    scratch.set(x, tokens, inner);
    T::product(Target::add(d_weight, inner), Left::columns(dy, (outer, tokens), outer), scratch.all());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn values(n: usize, seed: u32) -> Vec<f32> {
        (0..n)
            .map(|i| (((i as u32).wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / (1 << 23) as f32 - 1.0)
            .collect()
    }

    pub(super) fn exact(
        a: impl Fn(usize, usize) -> f32,
        b: impl Fn(usize, usize) -> f32,
        (m, k, n): (usize, usize, usize),
    ) -> Vec<f64> {
        let at = |i, j| (0..k).map(|p| f64::from(a(i, p)) * f64::from(b(p, j))).sum();
        (0..m * n).map(|place| at(place / n, place % n)).collect()
    }

    fn agree(found: &[f32], expected: &[f64], inner: usize) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let error = (f64::from(*found) - expected).abs();
            let most = 4e-6 * ((inner as f64).sqrt().max(1.0) + expected.abs());
            assert!(error < most, "{found} for {expected}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn products_are_their_definition(rows in 0_usize..230, inner in 1_usize..80, columns in 1_usize..70, seed: u32) {
            let (x, b) = (values(rows * inner, seed), values(inner * columns, !seed));
            let expected = exact(|i, p| x[i * inner + p], |p, j| b[p * columns + j], (rows, inner, columns));
            let mut panels = Panels::default();
            panels.set(&b, inner, columns);
            let mut y = vec![f32::NAN; rows * columns];
            multiply(&mut y, &x, &panels);
            agree(&y, &expected, inner);
            y.fill(f32::NAN);
            product_plainly(Target::set(&mut y, columns), Left::rows(&x, (rows, inner), inner), panels.all());
            agree(&y, &expected, inner);

            let b_transposed: Vec<f32> = (0..inner * columns).map(|i| b[i % inner * columns + i / inner]).collect();
            // A second use of the same memory, with a narrower matrix before.
            panels.set(&b[..inner], inner, 1);
            panels.set_transposed(&b_transposed, columns, inner);
            multiply(&mut y, &x, &panels);
            agree(&y, &expected, inner);
        }

        #[test]
        fn weight_gradients_are_their_definition(tokens in 0_usize..600, outer in 1_usize..60, inner in 1_usize..140, seed: u32) {
            let (dy, x) = (values(tokens * outer, seed), values(tokens * inner, !seed));
            let mut expected = exact(|o, t| dy[t * outer + o], |t, i| x[t * inner + i], (outer, tokens, inner));
            expected.iter_mut().for_each(|e| *e += 1.0);
            let mut scratch = Panels::default();
            let mut d_weight = vec![1.0_f32; outer * inner];
            weight_gradient(&mut d_weight, (&dy, &x), (outer, inner), &mut scratch);
            agree(&d_weight, &expected, tokens);
            let mut plain = vec![1.0_f64; outer * inner];
            let wide = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            weight_gradient(&mut plain, (&wide(&dy), &wide(&x)), (outer, inner), &mut Panels::default());
            for (a, b) in plain.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }
    }

    /// Each width of registers that this machine has, on shapes that are cut in every dimension.
    #[test]
    fn every_register_width_agrees() {
        use kernel::InRegisters;
        use pulp::Simd;
        let run = |simd: &dyn Fn(InRegisters<'_>)| {
            let mut strips = Vec::new();
            for (rows, inner, columns) in
                [(1, 1, 1), (13, 300, 47), (290, 33, 33), (29, 700, 64), (31, 270, 130), (300, 17, 97)]
            {
                let (x, b) = (values(rows * inner, 5), values(inner * columns, 6));
                let mut panels = Panels::default();
                panels.set(&b, inner, columns);
                let expected =
                    exact(|i, p| x[i * inner + p], |p, j| b[p * columns + j], (rows, inner, columns));
                let mut y = vec![f32::NAN; rows * columns];
                let left = Left::rows(&x, (rows, inner), inner);
                let (target, right) = (Target::set(&mut y, columns), panels.all());
                simd(InRegisters { target, left, right, strips: &mut strips });
                agree(&y, &expected, inner);
                let x: Vec<f32> = (0..rows * inner).map(|i| x[i % rows * inner + i / rows]).collect();
                y.fill(0.0);
                let left = Left::columns(&x, (rows, inner), rows);
                let (target, right) = (Target::add(&mut y, columns), panels.all());
                simd(InRegisters { target, left, right, strips: &mut strips });
                agree(&y, &expected, inner);
            }
        };
        run(&|product| Simd::vectorize(pulp::Scalar, product));
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = pulp::x86::V3::try_new() {
                run(&|product| Simd::vectorize(simd, product));
            }
            if let Some(simd) = pulp::x86::V4::try_new() {
                run(&|product| Simd::vectorize(simd, product));
            }
        }
    }
}
