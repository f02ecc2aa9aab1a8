//! The softmax of a row of scores, in registers.

use super::Sixteen;
use crate::panels::PANEL;
use crate::registers::exp;
use pulp::Simd;

/// Replaces the first `visible` of a row of scores by `exp(x − max)`, the others by zero, and returns the sum. `W` vectors
/// make a line.
#[inline(always)]
pub(super) fn softmax<S: Simd, const W: usize>(simd: S, row: &mut [Sixteen], visible: usize) -> f32 {
    let whole = visible.div_ceil(PANEL);
    // Up to a whole number of lines, since what is left over after them would cost as much as they do.
    row.as_flattened_mut()[visible..whole * PANEL].fill(f32::NEG_INFINITY);
    let mut most = [simd.splat_f32s(f32::NEG_INFINITY); W];
    for line in &row[..whole] {
        let (vectors, _) = S::as_simd_f32s(line);
        for w in 0..W {
            most[w] = simd.max_f32s(most[w], vectors[w]);
        }
    }
    for w in 1..W {
        most[0] = simd.max_f32s(most[0], most[w]);
    }
    let most = simd.splat_f32s(simd.reduce_max_f32s(most[0]));
    let mut sums = [simd.splat_f32s(0.0); W];
    for line in &mut row[..whole] {
        let (vectors, _) = S::as_mut_simd_f32s(line);
        for w in 0..W {
            vectors[w] = exp(simd, simd.sub_f32s(vectors[w], most));
            sums[w] = simd.add_f32s(sums[w], vectors[w]);
        }
    }
    row.as_flattened_mut()[visible..].fill(0.0);
    for w in 1..W {
        sums[0] = simd.add_f32s(sums[0], sums[w]);
    }
    simd.reduce_sum_f32s(sums[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::WithSimd;

    struct OfRow<'a>(&'a mut [Sixteen], usize);

    impl WithSimd for OfRow<'_> {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            match S::F32_LANES {
                16 => softmax::<S, 1>(simd, self.0, self.1),
                8 => softmax::<S, 2>(simd, self.0, self.1),
                4 => softmax::<S, 4>(simd, self.0, self.1),
                _ => softmax::<S, PANEL>(simd, self.0, self.1),
            }
        }
    }

    /// Scores from far below to far above zero, in rows that end anywhere in a line.
    fn check(run: impl Fn(OfRow<'_>) -> f32) {
        for visible in 1..50 {
            let score = |i: usize| ((i * 7919 % 997) as f32 / 997.0 - 0.5) * (visible * visible) as f32 / 8.0;
            let mut row: Vec<Sixteen> =
                (0..4).map(|line| std::array::from_fn(|i| score(line * PANEL + i))).collect();
            let sum = run(OfRow(&mut row, visible));
            let most = (0..visible).map(score).fold(f32::NEG_INFINITY, f32::max);
            let exact = |i: usize| f64::from(score(i) - most).exp();
            for (i, found) in row.as_flattened().iter().enumerate() {
                let expected = if i < visible { exact(i) } else { 0.0 };
                let error = (f64::from(*found) - expected).abs();
                assert!(error <= 2.4e-7 * expected + 2e-38, "{i} of {visible}: {found} for {expected}");
            }
            let expected: f64 = (0..visible).map(exact).sum();
            assert!((f64::from(sum) - expected).abs() < 1e-6 * expected, "{sum} for {expected}");
        }
    }

    #[test]
    fn it_is_its_definition_in_registers_of_every_width() {
        check(|row| pulp::Arch::new().dispatch(row));
        check(|row| row.with_simd(pulp::Scalar));
        check(|row| row.with_simd(pulp::Scalar128b));
        check(|row| row.with_simd(pulp::Scalar256b));
        check(|row| row.with_simd(pulp::Scalar512b));
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            check(|row| pulp::Simd::vectorize(v3, row));
        }
    }
}
