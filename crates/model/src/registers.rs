//! Functions of numbers in registers, whatever their width.

use pulp::Simd;

/// `eˣ` as [`Real::exp`](crate::real::Real::exp) has it, with multiplications and additions in one where the processor can:
/// 2 units in the last place, and e⁻⁸⁷ and e⁸⁸ beyond these.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding and subtracting 1.5·2²³ rounds to the nearest integer, which the sum's low bits also hold.
    const ROUND: f32 = 12_582_912.0;
    let x = simd.min_f32s(simd.max_f32s(x, simd.splat_f32s(-87.0)), simd.splat_f32s(88.0));
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
    let x = simd.max_f32s(x, simd.splat_f32s(-86.0));
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
