//! Functions of numbers in registers, whatever their width.

use crate::real::Real;
use pulp::{Simd, WithSimd};

/// `eˣ` as [`Real::exp`](crate::real::Real::exp) has it, with multiplications and additions in one where the processor can:
/// 2 units in the last place, and e⁻⁸⁷ and e⁸⁸ beyond these.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding and subtracting 1.5·2²³ rounds to the nearest integer, which the sum's low bits also hold.
    const ROUND: f32 = 12_582_912.0;
    // In this order what is no number stays none, so that a run that diverges is found out.
    let x = simd.min_f32s(simd.splat_f32s(88.0), simd.max_f32s(simd.splat_f32s(-87.0), x));
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(2.121_944_4e-4), r);
    let mut p = simd.splat_f32s(1.987_569_1e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(coefficient));
    }
    let y = simd.add_f32s(simd.mul_add_e_f32s(simd.mul_f32s(p, r), r, r), simd.splat_f32s(1.0));
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let scale = simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.splat_u32s(127 << 23)));
    simd.mul_f32s(y, scale)
}

/// `1 / (1 + e⁻ˣ)`, of −86 below that: within 3e-7 of itself. A division of sixteen numbers takes as long as thirty
/// multiplications, so a guess from the exponent is bettered three times (Newton).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let x = simd.max_f32s(simd.splat_f32s(-86.0), x);
    let negative = simd.sub_f32s(simd.neg_f32s(one), exp(simd, simd.neg_f32s(x)));
    let bits = simd.transmute_u32s_f32s(simd.neg_f32s(negative));
    // Off by a twentieth at most.
    let mut guess = simd.transmute_f32s_u32s(simd.sub_u32s(simd.splat_u32s(0x7ef1_27ea), bits));
    for _ in 0..3 {
        let error = simd.mul_add_e_f32s(negative, guess, one);
        guess = simd.mul_add_e_f32s(guess, error, guess);
    }
    guess
}

/// Replaces a row by `exp(s x − max(s x))` and gives `(max(s x), sum)`.
pub(crate) struct Exponentiate<'a> {
    pub(crate) row: &'a mut [f32],
    /// `s`, positive.
    pub(crate) scale: f32,
}

impl WithSimd for Exponentiate<'_> {
    type Output = (f32, f32);
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f32, f32) {
        let Exponentiate { row, scale } = self;
        // Four chains, since each addition and each comparison waits for the last.
        let mut most = [simd.splat_f32s(row[0]); 4];
        let (vectors, rest) = S::as_mut_simd_f32s(row);
        let (fours, ones) = vectors.as_chunks::<4>();
        for four in fours {
            for (most, x) in most.iter_mut().zip(four) {
                *most = simd.max_f32s(*most, *x);
            }
        }
        for x in ones {
            most[0] = simd.max_f32s(most[0], *x);
        }
        let most = simd.max_f32s(simd.max_f32s(most[0], most[1]), simd.max_f32s(most[2], most[3]));
        let max = rest.iter().fold(simd.reduce_max_f32s(most), |max, x| if *x > max { *x } else { max });
        let (maxes, scales) = (simd.splat_f32s(max), simd.splat_f32s(scale));
        let mut sums = [simd.splat_f32s(0.0); 4];
        let (fours, ones) = vectors.as_chunks_mut::<4>();
        for four in fours {
            for (sum, x) in sums.iter_mut().zip(four) {
                *x = exp(simd, simd.mul_f32s(simd.sub_f32s(*x, maxes), scales));
                *sum = simd.add_f32s(*sum, *x);
            }
        }
        for x in ones {
            *x = exp(simd, simd.mul_f32s(simd.sub_f32s(*x, maxes), scales));
            sums[0] = simd.add_f32s(sums[0], *x);
        }
        let sums = simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
        let mut sum = simd.reduce_sum_f32s(sums);
        for x in rest {
            *x = Real::exp((*x - max) * scale);
            sum += *x;
        }
        (max * scale, sum)
    }
}

/// See [`Real::probabilities`].
pub(crate) struct Probabilities<'a> {
    pub(crate) scores: &'a mut [f32],
    pub(crate) d_scores: &'a mut [f32],
    pub(crate) by: (f32, f32, f32),
}

impl WithSimd for Probabilities<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Probabilities { scores, d_scores, by: (scale, log_sum, shared) } = self;
        let ((xs, rest), (ds, d_rest)) = (S::as_mut_simd_f32s(scores), S::as_mut_simd_f32s(d_scores));
        let (scales, below, shares) =
            (simd.splat_f32s(scale), simd.splat_f32s(-log_sum), simd.splat_f32s(shared));
        for (x, d) in xs.iter_mut().zip(ds) {
            *x = exp(simd, simd.mul_add_e_f32s(*x, scales, below));
            *d = simd.mul_f32s(simd.mul_f32s(*x, simd.sub_f32s(*d, shares)), scales);
        }
        for (x, d) in rest.iter_mut().zip(d_rest) {
            *x = Real::exp(*x * scale - log_sum);
            *d = *x * (*d - shared) * scale;
        }
    }
}

/// Sines and cosines of angles up to [`MOST_TURNED`] in magnitude, without branches, so that loops over it vectorise;
/// within 1e-15. The range is reduced by a multiple of π/2 in three parts (Cody and Waite 1980); polynomials of fdlibm.
#[inline(always)]
pub(crate) fn sin_cos(angle: f64) -> (f64, f64) {
    // Adding and subtracting 1.5·2⁵² rounds to the nearest integer, which the sum's low bits also hold.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let shifted = angle * std::f64::consts::FRAC_2_PI + ROUND;
    let (n, quadrant) = (shifted - ROUND, shifted.to_bits());
    let r =
        angle - n * 1.570_796_326_734_125_6 - n * 6.077_100_506_303_966e-11 - n * 2.022_266_248_711_166_5e-21;
    let z = r * r;
    let mut s = 1.589_690_995_211_55e-10;
    for coefficient in [
        -2.505_076_025_340_686_3e-8,
        2.755_731_370_707_006_8e-6,
        -1.984_126_982_985_795e-4,
        8.333_333_333_322_49e-3,
        -1.666_666_666_666_663_2e-1,
    ] {
        s = s * z + coefficient;
    }
    let mut c = -1.135_964_755_778_819_5e-11;
    for coefficient in [
        2.087_572_321_298_175e-9,
        -2.755_731_435_139_066_3e-7,
        2.480_158_728_947_673e-5,
        -1.388_888_888_887_411e-3,
        4.166_666_666_666_66e-2,
    ] {
        c = c * z + coefficient;
    }
    let (s, c) = (r + r * z * s, 1.0 - 0.5 * z + z * z * c);
    let (sine, cosine) = if quadrant & 1 == 0 { (s, c) } else { (c, s) };
    let sign = |bit: u64| (bit & 2) << 62;
    (
        f64::from_bits(sine.to_bits() ^ sign(quadrant)),
        f64::from_bits(cosine.to_bits() ^ sign(quadrant.wrapping_add(1))),
    )
}

/// The largest angle of [`sin_cos`]: the first part of π/2 has 33 bits, and products with it must be exact.
pub(crate) const MOST_TURNED: f64 = 1.5e6;

#[cfg(test)]
mod tests {
    use super::*;

    fn in_each_width(run: impl Fn(&dyn Fn(Exponentiate<'_>) -> (f32, f32), &dyn Fn(Probabilities<'_>))) {
        run(&|row| pulp::Arch::new().dispatch(row), &|rows| pulp::Arch::new().dispatch(rows));
        run(&|row| row.with_simd(pulp::Scalar), &|rows| rows.with_simd(pulp::Scalar));
        run(&|row| row.with_simd(pulp::Scalar256b), &|rows| rows.with_simd(pulp::Scalar256b));
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            run(&|row| Simd::vectorize(v3, row), &|rows| Simd::vectorize(v3, rows));
        }
    }

    #[test]
    fn softmaxes_and_their_gradients_are_the_definition_in_each_width() {
        let score = |i: usize| ((i * 7919 % 997) as f32 / 997.0 - 0.5) * 30.0;
        let close =
            |found: f32, expected: f64| (f64::from(found) - expected).abs() <= 3e-6 * expected.abs() + 1e-37;
        in_each_width(|exponentiate, probabilities| {
            for n in (1..40).chain([64, 65, 127, 200]) {
                let (scores, scale) = ((0..n).map(score).collect::<Vec<_>>(), 0.7_f32);
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exact = |x: f32| (f64::from(x - most) * f64::from(scale)).exp();
                let mut row = scores.clone();
                let (max, sum) = exponentiate(Exponentiate { row: &mut row, scale });
                assert_eq!(max, most * scale);
                assert!(close(sum, scores.iter().map(|x| exact(*x)).sum()));
                assert!(row.iter().zip(&scores).all(|(found, x)| close(*found, exact(*x))));
                let log_sum = max + sum.ln();
                let (mut row, mut d) = (scores.clone(), scores.iter().map(|x| x.sin()).collect::<Vec<_>>());
                let by = (scale, log_sum, 0.25);
                probabilities(Probabilities { scores: &mut row, d_scores: &mut d, by });
                for ((found, d), x) in row.iter().zip(&d).zip(&scores) {
                    let p = (f64::from(*x) * f64::from(scale) - f64::from(log_sum)).exp();
                    assert!(close(*found, p), "{found} {p}");
                    assert!(close(*d, p * (f64::from(x.sin()) - 0.25) * f64::from(scale)));
                }
            }
        });
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let mut row = [f32::NAN; 33];
        row[3] = 1.0;
        let (_, sum) = pulp::Arch::new().dispatch(Exponentiate { row: &mut row, scale: 1.0 });
        assert!(sum.is_nan());
    }

    #[test]
    fn sines_and_cosines_are_the_librarys() {
        for i in -400_000..400_000 {
            let angle = f64::from(i) * if i % 2 == 0 { 1e-3 } else { 3.748_9 };
            assert!(angle.abs() <= MOST_TURNED);
            let ((sine, cosine), (s, c)) = (sin_cos(angle), angle.sin_cos());
            assert!(
                (sine - s).abs() < 1e-15 && (cosine - c).abs() < 1e-15,
                "{angle}: {sine} {s} {cosine} {c}"
            );
        }
    }
}
