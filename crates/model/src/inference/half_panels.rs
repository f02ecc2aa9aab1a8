//! Products with weights of 16 bits: the upper half of an `f32` (bfloat16), eight significant bits.
//!
//! Rows stay `f32` and so do the sums; only what has to be read of the weights is halved. Two rows of the matrix share a
//! line, so that either is an `f32` after one shift or mask.

use crate::panels::PANEL;
use pulp::Simd;

/// Two rows of a panel: the first in the lower halves, the second in the upper ones.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Pair([u32; PANEL]);

/// A matrix `[inner, columns]` in panels of sixteen columns.
pub(crate) struct HalfPanels {
    pairs: Vec<Pair>,
    inner: usize,
    columns: usize,
}

/// The nearest bfloat16, ties to even, as the upper half of its `f32`.
fn narrow(value: f32) -> u32 {
    let bits = value.to_bits();
    (bits.wrapping_add(0x7fff + ((bits >> 16) & 1))) >> 16
}

impl HalfPanels {
    /// Lays out the transpose of `matrix`, which is `[columns, inner]`.
    pub(crate) fn of_transposed(matrix: &[f32], inner: usize) -> Self {
        let columns = matrix.len() / inner;
        let per_panel = inner.div_ceil(2);
        let mut pairs = vec![Pair::default(); columns.div_ceil(PANEL) * per_panel];
        for (column, weights) in matrix.chunks_exact(inner).enumerate() {
            let panel = &mut pairs[column / PANEL * per_panel..][..per_panel];
            for (pair, weights) in panel.iter_mut().zip(weights.chunks(2)) {
                let upper = weights.get(1).map_or(0, |w| narrow(*w));
                pair.0[column % PANEL] = narrow(weights[0]) | upper << 16;
            }
        }
        HalfPanels { pairs, inner, columns }
    }
}

/// `y = x B` with `x` as `[rows, inner]` and `y` as `[rows, columns]`; to be handed to a dispatcher.
pub(crate) struct Product<'a> {
    pub(crate) y: &'a mut [f32],
    pub(crate) x: &'a [f32],
    pub(crate) weights: &'a HalfPanels,
}

impl pulp::WithSimd for Product<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 1, 12>(simd),
            8 => self.run::<S, 2, 4>(simd),
            4 => self.run::<S, 4, 2>(simd),
            _ => self.run::<S, PANEL, 1>(simd),
        }
    }
}

impl Product<'_> {
    /// `W` vectors make a line; at most `R` rows go together.
    #[inline(always)]
    fn run<S: Simd, const W: usize, const R: usize>(self, simd: S) {
        let Product { y, x, weights: HalfPanels { pairs, inner, columns } } = self;
        let (inner, columns) = (*inner, *columns);
        let rows = x.len() / inner;
        assert!(x.len() == rows * inner && y.len() == rows * columns, "shapes of a product disagree");
        for (panel, pairs) in pairs.chunks_exact(inner.div_ceil(2)).enumerate() {
            let mut row = 0;
            while row < rows {
                let (y, x) = (&mut y[row * columns..], &x[row * inner..]);
                let shape = (inner, columns, panel * PANEL);
                match rows - row {
                    n if n >= R => {
                        tile::<S, W, R>(simd, y, x, pairs, shape);
                        row += R;
                    }
                    8.. if R > 8 => {
                        tile::<S, W, 8>(simd, y, x, pairs, shape);
                        row += 8;
                    }
                    4.. if R > 4 => {
                        tile::<S, W, 4>(simd, y, x, pairs, shape);
                        row += 4;
                    }
                    _ => {
                        tile::<S, W, 1>(simd, y, x, pairs, shape);
                        row += 1;
                    }
                }
            }
        }
    }
}

/// The first `R` rows of `y` in one panel.
#[inline(always)]
fn tile<S: Simd, const W: usize, const R: usize>(
    simd: S,
    y: &mut [f32],
    x: &[f32],
    pairs: &[Pair],
    (inner, columns, first): (usize, usize, usize),
) {
    let rows: [&[f32]; R] = std::array::from_fn(
        #[inline(always)]
        |r| &x[r * inner..(r + 1) * inner],
    );
    let (sixteen, upper) = (simd.splat_u32s(16), simd.splat_u32s(0xffff_0000));
    let mut sums = [[simd.splat_f32s(0.0); W]; R];
    let whole = inner / 2;
    for (p, pair) in pairs[..whole].iter().enumerate() {
        let (bits, _) = S::as_simd_u32s(&pair.0);
        for w in 0..W {
            let weight = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(bits[w], sixteen));
            for r in 0..R {
                // SAFETY: each row was cut to `inner`, and `2 p + 1` lies below it.
                let a = simd.splat_f32s(unsafe { *rows[r].get_unchecked(2 * p) });
                sums[r][w] = simd.mul_add_e_f32s(a, weight, sums[r][w]);
            }
            let weight = simd.transmute_f32s_u32s(simd.and_u32s(bits[w], upper));
            for r in 0..R {
                // SAFETY: as above.
                let a = simd.splat_f32s(unsafe { *rows[r].get_unchecked(2 * p + 1) });
                sums[r][w] = simd.mul_add_e_f32s(a, weight, sums[r][w]);
            }
        }
    }
    if whole < pairs.len() {
        let (bits, _) = S::as_simd_u32s(&pairs[whole].0);
        for w in 0..W {
            let weight = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(bits[w], sixteen));
            for r in 0..R {
                sums[r][w] = simd.mul_add_e_f32s(simd.splat_f32s(rows[r][inner - 1]), weight, sums[r][w]);
            }
        }
    }
    let n = PANEL.min(columns - first);
    for r in 0..R {
        let mut line = [0.0; PANEL];
        S::as_mut_simd_f32s(&mut line).0.copy_from_slice(&sums[r]);
        y[r * columns + first..][..n].copy_from_slice(&line[..n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulp::WithSimd;

    #[test]
    fn narrowing_rounds_to_the_nearest() {
        assert_eq!(narrow(1.0), 0x3f80);
        assert_eq!(narrow(f32::from_bits(0x3f80_8000)), 0x3f80);
        assert_eq!(narrow(f32::from_bits(0x3f80_8001)), 0x3f81);
        assert_eq!(narrow(f32::from_bits(0x3f81_8000)), 0x3f82);
        assert_eq!(narrow(-2.0), 0xc000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_the_registers_it_is_the_product_with_rounded_weights(
            rows in 0_usize..40, inner in 1_usize..50, columns in 1_usize..40, seed: u32,
        ) {
            let noise = |i: usize, salt: u32| {
                ((i as u32).wrapping_mul(2_654_435_761) ^ seed ^ salt) as f32 / 2_f32.powi(31) - 1.0
            };
            let x: Vec<f32> = (0..rows * inner).map(|i| noise(i, 1)).collect();
            let matrix: Vec<f32> = (0..columns * inner).map(|i| noise(i, 2)).collect();
            let weights = HalfPanels::of_transposed(&matrix, inner);
            let rounded = |w: f32| f64::from(f32::from_bits(narrow(w) << 16));
            let check = |run: &mut dyn FnMut(Product<'_>)| {
                let mut y = vec![f32::NAN; rows * columns];
                run(Product { y: &mut y, x: &x, weights: &weights });
                for (i, y) in y.iter().enumerate() {
                    let (row, column) = (i / columns, i % columns);
                    let terms = (0..inner).map(|p| f64::from(x[row * inner + p]) * rounded(matrix[column * inner + p]));
                    assert!((f64::from(*y) - terms.sum::<f64>()).abs() < 1e-5);
                }
            };
            check(&mut |p| pulp::Arch::new().dispatch(p));
            check(&mut |p| p.with_simd(pulp::Scalar));
            check(&mut |p| p.with_simd(pulp::Scalar128b));
            check(&mut |p| p.with_simd(pulp::Scalar256b));
            check(&mut |p| p.with_simd(pulp::Scalar512b));
            #[cfg(target_arch = "x86_64")]
            if let Some(v3) = pulp::x86::V3::try_new() {
                check(&mut |p| pulp::Simd::vectorize(v3, p));
            }
        }
    }
}
