//! Results in registers, by dot products of two bfloat16 with two (AVX512-BF16).
//!
//! Operands lie as the matrix unit has them: a row of the left one holds 32 steps, a row of the right one two steps of sixteen columns.

use super::{EDGE, PAIR, TILE};
use crate::panels::{TileRow, each_row, kernel::keep_apart};
use std::arch::x86_64::*;

/// Whether this processor has them, and what operands are laid out with.
pub(super) fn are_there() -> bool {
    is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16")
}

/// `rows` rows of two tiles of results, `y`, rows `stride` apart: the sum over `steps` tiles of the inner dimension.
///
/// # Safety
/// The operands must hold `steps` tiles, the target the rows with 32 numbers each, of which there must be no more than
/// [`EDGE`], and [`are_there`] must hold.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn product(
    (a, b, steps): (*const TileRow, *const TileRow, usize),
    (y, stride): (*mut f32, usize),
    rows: usize,
    add: bool,
) {
    debug_assert!(rows <= EDGE);
    let mut row = 0;
    while row < rows {
        macro_rules! group {
            ($rows:literal) => {{
                // SAFETY: as the caller promises.
                unsafe { group::<$rows>((a.add(row), b, steps), (y.add(row * stride), stride), add) };
                row += $rows;
            }};
        }
        match rows - row {
            12.. => group!(12),
            8.. => group!(8),
            4.. => group!(4),
            2.. => group!(2),
            _ => group!(1),
        }
    }
}

/// [`product`] for `R` rows: as many sums as registers hold, each step's two lines read once for all.
///
/// # Safety
/// As there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn group<const R: usize>(
    (mut a, mut b, steps): (*const TileRow, *const TileRow, usize),
    (y, stride): (*mut f32, usize),
    add: bool,
) {
    // SAFETY (all below): as the caller promises; vectors of two bfloat16 and of 32-bit numbers are of one size.
    unsafe {
        let dots = |bits: __m512i| std::mem::transmute::<__m512i, __m512bh>(bits);
        let mut sums = [[_mm512_setzero_ps(); 2]; R];
        for _ in 0..steps {
            let (mut left, mut right) = (a.cast::<i32>(), b);
            for _ in 0..4 {
                macro_rules! step {
                    ($at:literal) => {{
                        let first = dots(_mm512_load_si512(right.add($at).cast()));
                        let second = dots(_mm512_load_si512(right.add(TILE + $at).cast()));
                        each_row!(R, r => {
                            let x = dots(_mm512_set1_epi32(*left.add(r * TILE + $at)));
                            sums[r][0] = _mm512_dpbf16_ps(sums[r][0], x, first);
                            sums[r][1] = _mm512_dpbf16_ps(sums[r][1], x, second);
                        });
                    }};
                }
                step!(0);
                step!(1);
                step!(2);
                step!(3);
                (left, right) = (left.add(4), right.add(4));
                keep_apart(&mut left);
                keep_apart(&mut right);
            }
            (a, b) = (a.add(PAIR), b.add(PAIR));
        }
        each_row!(R, r => {
            for (half, sum) in sums[r].into_iter().enumerate() {
                let place = y.add(r * stride + half * TILE);
                let sum = if add { _mm512_add_ps(_mm512_loadu_ps(place), sum) } else { sum };
                _mm512_storeu_ps(place, sum);
            }
        });
    }
}
