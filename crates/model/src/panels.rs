//! The products of the layers: many rows against a matrix laid out beforehand, and their weight gradient.
//!
//! A general product packs both operands anew on every call. Here one of them is a weight that is the same for
//! all rows of a step, so it is laid out once per step, in panels of [`PANEL`] columns, and the rows are read as
//! they lie. A tile of the result, [`PANEL`] columns by as many rows as the registers hold, is kept in registers
//! over the whole inner dimension. `docs/lab/engine.md` has what this gains over a general product.

use crate::real::Real;
use pulp::Simd;

/// Columns per panel: one cache line of `f32`.
pub(crate) const PANEL: usize = 16;

/// Rows that go through all panels before the next rows do: few enough that they stay in the second cache level
/// while a panel stays in the first.
const ROW_BLOCK: usize = 96;

/// Most tokens of a weight gradient that are summed in registers before they are added up: as many as a panel
/// may have to stay in the first cache level.
const TOKEN_BLOCK: usize = 384;

/// Most rows of a tile, over all instruction sets.
const MOST_ROWS: usize = 12;

/// One panel's row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line<T>([T; PANEL]);

/// A matrix `[inner, columns]` in panels: the lines of the first [`PANEL`] columns from top to bottom, then those
/// of the next, the last ones filled up with zeros.
#[derive(Clone, Default)]
pub(crate) struct Panels<T> {
    lines: Vec<Line<T>>,
    inner: usize,
    columns: usize,
}

impl<T: Real> Panels<T> {
    fn shape(&mut self, inner: usize, columns: usize) {
        (self.inner, self.columns) = (inner, columns);
        let lines = inner * columns.div_ceil(PANEL);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([T::ZERO; PANEL]));
        }
    }

    /// Lays out `matrix`, `[inner, columns]`.
    pub(crate) fn set(&mut self, matrix: &[T], inner: usize, columns: usize) {
        self.shape(inner, columns);
        for (p, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
            for (panel, values) in row.chunks(PANEL).enumerate() {
                let line = &mut self.lines[panel * inner + p].0;
                match <&[T; PANEL]>::try_from(values) {
                    Ok(values) => *line = *values,
                    Err(_) => {
                        *line = [T::ZERO; PANEL];
                        line[..values.len()].copy_from_slice(values);
                    }
                }
            }
        }
    }

    /// Lays out the transpose of `matrix`, which is `[columns, inner]`.
    pub(crate) fn set_transposed(&mut self, matrix: &[T], columns: usize, inner: usize) {
        self.shape(inner, columns);
        for (rows, lines) in
            matrix.chunks((PANEL * inner).max(1)).zip(self.lines.chunks_exact_mut(inner.max(1)))
        {
            for (p, line) in lines.iter_mut().enumerate() {
                line.0 = [T::ZERO; PANEL];
                for (value, row) in line.0.iter_mut().zip(rows.chunks_exact(inner)) {
                    *value = row[p];
                }
            }
        }
    }

    /// Rows of the matrix.
    pub(crate) fn inner(&self) -> usize {
        self.inner
    }

    fn panels(&self) -> impl Iterator<Item = (usize, &[Line<T>])> {
        (0..self.columns).step_by(PANEL).zip(self.lines.chunks_exact(self.inner.max(1)))
    }
}

/// `y = x B` with `x` as `[rows, inner]`, `B` as `[inner, columns]` and `y` as `[rows, columns]`.
pub(crate) fn multiply<T: Real>(y: &mut [T], x: &[T], b: &Panels<T>) {
    assert!(b.inner > 0 && b.columns > 0, "a product with a matrix that was never laid out");
    let rows = x.len() / b.inner;
    assert!(x.len() == rows * b.inner && y.len() == rows * b.columns, "shapes of a product disagree");
    T::multiply_panels(y, x, b);
}

/// The size of blocks, `most` at most, that cut `n` into parts as equal as can be; at least one.
pub(crate) fn even_block(n: usize, most: usize) -> usize {
    n.div_ceil(n.div_ceil(most).max(1)).max(1)
}

/// Scratch of [`weight_gradient`].
#[derive(Default)]
pub(crate) struct GradientScratch<T> {
    panels: Panels<T>,
    groups: Vec<T>,
}

/// `dW += dyᵀ x` with `dy` as `[tokens, outer]`, `x` as `[tokens, inner]` and `dW` as `[outer, inner]`.
pub(crate) fn weight_gradient<T: Real>(
    d_weight: &mut [T],
    (dy, x): (&[T], &[T]),
    (outer, inner): (usize, usize),
    scratch: &mut GradientScratch<T>,
) {
    let tokens = x.len() / inner.max(1);
    assert!(
        d_weight.len() == outer * inner && dy.len() == tokens * outer && x.len() == tokens * inner,
        "shapes of a weight gradient disagree"
    );
    let block = even_block(tokens, TOKEN_BLOCK);
    for (dy, x) in dy.chunks((block * outer).max(1)).zip(x.chunks((block * inner).max(1))) {
        scratch.panels.set(x, x.len() / inner, inner);
        T::add_outer_product(d_weight, dy, outer, scratch);
    }
}

impl<T: Real> GradientScratch<T> {
    /// The columns of `dy` in groups of `R`: the values of a group for one token after the other, the last group
    /// filled up with zeros.
    #[inline(always)]
    fn group<const R: usize>(&mut self, dy: &[T], outer: usize) {
        let tokens = self.panels.inner;
        let len = outer.div_ceil(R) * tokens * R;
        if self.groups.len() < len {
            self.groups.resize(len, T::ZERO);
        }
        // A few cache lines of each row at a time: a row is as wide as a page, so that single columns would miss.
        const GROUPS: usize = 32;
        for (first, groups) in
            (0..outer).step_by(GROUPS * R).zip(self.groups[..len].chunks_mut(GROUPS * R * tokens))
        {
            for (t, row) in dy.chunks_exact(outer).enumerate() {
                let row = &row[first..outer.min(first + GROUPS * R)];
                let (whole, rest) = row.as_chunks::<R>();
                for (group, values) in whole.iter().enumerate() {
                    groups[group * tokens * R + t * R..][..R].copy_from_slice(values);
                }
                if !rest.is_empty() {
                    let last = &mut groups[whole.len() * tokens * R + t * R..][..R];
                    last.fill(T::ZERO);
                    last[..rest.len()].copy_from_slice(rest);
                }
            }
        }
    }
}

/// [`multiply`] by its definition.
pub(crate) fn multiply_plainly<T: Real>(y: &mut [T], x: &[T], b: &Panels<T>) {
    for (y, x) in y.chunks_exact_mut(b.columns).zip(x.chunks_exact(b.inner)) {
        for (first, panel) in b.panels() {
            let mut sums = [T::ZERO; PANEL];
            for (x, line) in x.iter().zip(panel) {
                for (sum, w) in sums.iter_mut().zip(line.0) {
                    *sum += *x * w;
                }
            }
            let n = PANEL.min(b.columns - first);
            y[first..first + n].copy_from_slice(&sums[..n]);
        }
    }
}

/// Adds the product of `dyᵀ` and the scratch's panels to `d_weight`, by its definition.
pub(crate) fn add_outer_product_plainly<T: Real>(
    d_weight: &mut [T],
    dy: &[T],
    outer: usize,
    scratch: &mut GradientScratch<T>,
) {
    let x = &scratch.panels;
    for (first, panel) in x.panels() {
        let n = PANEL.min(x.columns - first);
        for (dy, line) in dy.chunks_exact(outer).zip(panel) {
            for (o, dy) in dy.iter().enumerate() {
                for (dw, x) in d_weight[o * x.columns + first..][..n].iter_mut().zip(line.0) {
                    *dw += *dy * x;
                }
            }
        }
    }
}

/// [`multiply`] in the widest registers that this processor has.
pub(crate) fn multiply_in_registers(y: &mut [f32], x: &[f32], b: &Panels<f32>) {
    struct Product<'a>(&'a mut [f32], &'a [f32], &'a Panels<f32>);
    impl pulp::WithSimd for Product<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Product(y, x, b) = self;
            match S::F32_LANES {
                16 => product::<S, 1, 12>(simd, y, x, b),
                8 => product::<S, 2, 6>(simd, y, x, b),
                4 => product::<S, 4, 4>(simd, y, x, b),
                _ => multiply_plainly(y, x, b),
            }
        }
    }
    pulp::Arch::new().dispatch(Product(y, x, b));
}

/// Adds the product of `dyᵀ` and the scratch's panels to `d_weight`, in the widest registers that there are.
pub(crate) fn add_outer_product_in_registers(
    d_weight: &mut [f32],
    dy: &[f32],
    outer: usize,
    scratch: &mut GradientScratch<f32>,
) {
    struct Outer<'a>(&'a mut [f32], &'a [f32], usize, &'a mut GradientScratch<f32>);
    impl pulp::WithSimd for Outer<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Outer(d_weight, dy, outer, scratch) = self;
            match S::F32_LANES {
                16 => outer_product::<S, 1, 12>(simd, d_weight, dy, outer, scratch),
                8 => outer_product::<S, 2, 6>(simd, d_weight, dy, outer, scratch),
                4 => outer_product::<S, 4, 4>(simd, d_weight, dy, outer, scratch),
                _ => add_outer_product_plainly(d_weight, dy, outer, scratch),
            }
        }
    }
    pulp::Arch::new().dispatch(Outer(d_weight, dy, outer, scratch));
}

#[inline(always)]
fn product<S: Simd, const V: usize, const R: usize>(simd: S, y: &mut [f32], x: &[f32], b: &Panels<f32>) {
    let blocks = y.chunks_mut(ROW_BLOCK * b.columns).zip(x.chunks(ROW_BLOCK * b.inner));
    for (y, block) in blocks {
        for (first, panel) in b.panels() {
            let tiles = y.chunks_mut(R * b.columns).zip(block.chunks(R * b.inner));
            for (tile, (y, x)) in tiles.enumerate() {
                let next = &block[block.len().min((tile + 1) * R * b.inner)..];
                if first == 0 {
                    // The next rows, too, come from afar the first time that they are read.
                    for line in next.chunks(PANEL).take(R * b.inner / PANEL) {
                        prefetch(&line[0]);
                    }
                }
                if x.len() == R * b.inner {
                    rows::<S, V, R>(simd, y, x, (first, panel), b.columns);
                    continue;
                }
                let (mut y, mut x) = (y, x);
                while x.len() >= 4 * b.inner {
                    rows::<S, V, 4>(simd, y, x, (first, panel), b.columns);
                    (y, x) = (&mut y[4 * b.columns..], &x[4 * b.inner..]);
                }
                for (y, x) in y.chunks_exact_mut(b.columns).zip(x.chunks_exact(b.inner)) {
                    rows::<S, V, 1>(simd, y, x, (first, panel), b.columns);
                }
            }
        }
    }
}

/// The first `R` rows of `y` against one panel.
#[inline(always)]
fn rows<S: Simd, const V: usize, const R: usize>(
    simd: S,
    y: &mut [f32],
    x: &[f32],
    (first, panel): (usize, &[Line<f32>]),
    columns: usize,
) {
    let inner = panel.len();
    for row in y.chunks_exact(columns).take(R) {
        prefetch(&row[first]);
    }
    let x: [&[f32]; R] = std::array::from_fn(
        #[inline(always)]
        |r| &x[r * inner..(r + 1) * inner],
    );
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for (p, line) in panel.iter().enumerate() {
        let b = vectors::<S, V>(line);
        for r in 0..R {
            // SAFETY: each of the rows was cut to the panel's length, which `p` is below.
            let a = simd.splat_f32s(unsafe { *x[r].get_unchecked(p) });
            for v in 0..V {
                sums[r][v] = simd.mul_add_e_f32s(a, b[v], sums[r][v]);
            }
        }
    }
    let n = PANEL.min(columns - first);
    for (y, sums) in y.chunks_exact_mut(columns).zip(&sums) {
        let y = &mut y[first..first + n];
        if n == PANEL {
            for (y, sum) in S::as_mut_simd_f32s(y).0.iter_mut().zip(sums) {
                *y = *sum;
            }
        } else {
            y.copy_from_slice(&line_of::<S, V>(sums).0[..n]);
        }
    }
}

#[inline(always)]
fn outer_product<S: Simd, const V: usize, const R: usize>(
    simd: S,
    d_weight: &mut [f32],
    dy: &[f32],
    outer: usize,
    scratch: &mut GradientScratch<f32>,
) {
    const { assert!(R <= MOST_ROWS) };
    scratch.group::<R>(dy, outer);
    let x = &scratch.panels;
    let groups = scratch.groups.chunks_exact(x.inner * R);
    for (d_weight, group) in d_weight.chunks_mut(R * x.columns).zip(groups) {
        let (group, _) = group.as_chunks::<R>();
        for (first, panel) in x.panels() {
            for row in d_weight.chunks_exact(x.columns) {
                prefetch(&row[first]);
            }
            let mut sums = [[simd.splat_f32s(0.0); V]; R];
            for (line, a) in panel.iter().zip(group) {
                let b = vectors::<S, V>(line);
                for r in 0..R {
                    let a = simd.splat_f32s(a[r]);
                    for v in 0..V {
                        sums[r][v] = simd.mul_add_e_f32s(a, b[v], sums[r][v]);
                    }
                }
            }
            let n = PANEL.min(x.columns - first);
            for (dw, sums) in d_weight.chunks_exact_mut(x.columns).zip(&sums) {
                let dw = &mut dw[first..first + n];
                if n == PANEL {
                    for (dw, sum) in S::as_mut_simd_f32s(dw).0.iter_mut().zip(sums) {
                        *dw = simd.add_f32s(*dw, *sum);
                    }
                } else {
                    for (dw, sum) in dw.iter_mut().zip(line_of::<S, V>(sums).0) {
                        *dw += sum;
                    }
                }
            }
        }
    }
}

/// Asks for a line of the result while the tile is being summed: results do not stay in a near cache from one use
/// to the next, and the wait for them cost a fifth of the time.
#[inline(always)]
fn prefetch(place: &f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that reads nothing; every x86-64 processor has the instruction.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[inline(always)]
fn vectors<S: Simd, const V: usize>(line: &Line<f32>) -> [S::f32s; V] {
    let (vectors, _) = S::as_simd_f32s(&line.0);
    std::array::from_fn(
        #[inline(always)]
        |v| vectors[v],
    )
}

#[inline(always)]
fn line_of<S: Simd, const V: usize>(vectors: &[S::f32s; V]) -> Line<f32> {
    let mut line = Line([0.0; PANEL]);
    for (target, vector) in S::as_mut_simd_f32s(&mut line.0).0.iter_mut().zip(vectors) {
        *target = *vector;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(n: usize, seed: u32) -> Vec<f32> {
        (0..n)
            .map(|i| (((i as u32).wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / (1 << 23) as f32 - 1.0)
            .collect()
    }

    fn exact(
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
            assert!(error < 1e-6 * (inner as f64).sqrt().max(1.0) * 4.0, "{found} for {expected}");
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
            multiply_plainly(&mut y, &x, &panels);
            agree(&y, &expected, inner);

            let b_transposed: Vec<f32> = (0..inner * columns).map(|i| b[i % inner * columns + i / inner]).collect();
            // A second use of the same memory, with a narrower matrix before.
            panels.set(&b[..inner], inner, 1);
            panels.set_transposed(&b_transposed, columns, inner);
            multiply(&mut y, &x, &panels);
            agree(&y, &expected, inner);
        }

        #[test]
        fn weight_gradients_are_their_definition(tokens in 0_usize..600, outer in 1_usize..60, inner in 1_usize..40, seed: u32) {
            let (dy, x) = (values(tokens * outer, seed), values(tokens * inner, !seed));
            let mut expected = exact(|o, t| dy[t * outer + o], |t, i| x[t * inner + i], (outer, tokens, inner));
            expected.iter_mut().for_each(|e| *e += 1.0);
            let mut scratch = GradientScratch::default();
            let mut d_weight = vec![1.0_f32; outer * inner];
            weight_gradient(&mut d_weight, (&dy, &x), (outer, inner), &mut scratch);
            agree(&d_weight, &expected, tokens);
            let mut plain = vec![1.0_f64; outer * inner];
            let wide = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            weight_gradient(&mut plain, (&wide(&dy), &wide(&x)), (outer, inner), &mut GradientScratch::default());
            for (a, b) in plain.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }
    }
}
