//! The product in bfloat16, on a processor's matrix unit (Intel AMX) or by its dot products in registers (AVX512-BF16).
//!
//! Either sums in 32 bits. The unit multiplies tiles, 16 rows by 32 steps by 16 columns at a time, at up to sixteen times the rate
//! of 32-bit multiplications; dot products of two steps in registers have twice that rate on processors such as AMD's Zen 4.
//! A number is either rounded to bfloat16, or, on the unit, taken as the sum of two,
//! `x ≈ x₁ + x₂`, sixteen significant bits, of whose products `x₁y₁ + x₁y₂ + x₂y₁` are summed (Henry, Tang and Heinecke 2019,
//! arXiv 1904.06376). Numbers below 2⁻¹²⁶ count as zero; of infinity comes NaN.
//!
//! Both operands are laid out in tiles just before they are used: the left one a block of rows at a time (less than a megabyte a
//! thread), the right one 32 columns at a time, unless it was laid out beforehand, as weights are once a step.

mod dots;
#[cfg(test)]
mod tests;
mod tiles;

use super::{Left, Line, PANEL, Products, Right, Target, TileRow, even_block};
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::sync::OnceLock;

/// Rows of a tile, and columns of a tile of results.
const TILE: usize = 16;

/// Steps of the inner dimension that a tile holds.
const STEPS: usize = 32;

/// Rows, and columns, of the results that are summed at a time: two tiles by two.
const EDGE: usize = 2 * TILE;

/// Most tiles of the inner dimension between two puttings-down of the sums: more, and the right operand's tiles would leave the
/// first cache level for good.
const INNER_BLOCK: usize = 8;

/// Bytes of a block of the left operand: what the second cache level holds besides the rest.
const LEFT_BYTES: usize = 768 << 10;

/// The rows of a pair of tiles.
const PAIR: usize = 2 * TILE;

/// What multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// The matrix unit.
    Tiles,
    /// Dot products in registers; not of numbers in several parts, which 32-bit multiplications outrun.
    Dots,
}

/// The fastest that this processor has, and this process may use.
fn unit() -> Option<Unit> {
    static UNIT: OnceLock<Option<Unit>> = OnceLock::new();
    *UNIT.get_or_init(|| {
        if !dots::are_there() {
            return None;
        }
        Some(if tiles::are_there() { Unit::Tiles } else { Unit::Dots })
    })
}

/// Whether this processor can do `products`.
pub(super) fn can(products: Products) -> bool {
    match products {
        Products::F32 => true,
        Products::Bf16 => unit().is_some(),
        Products::Bf16x3 => unit() == Some(Unit::Tiles),
    }
}

/// What a thread needs while it multiplies.
#[derive(Default)]
struct Scratch {
    left: Vec<TileRow>,
    right: Vec<TileRow>,
    /// Results that do not fill their tiles.
    result: Vec<Line<f32>>,
}

/// The product as the right operand asks for it; [`can`] must hold for its products.
pub(super) fn product(target: Target<'_, f32>, left: Left<'_, f32>, right: Right<'_, f32>) {
    product_by(unit().expect("no bfloat16"), target, left, right);
}

/// [`product`] by a unit that this processor has.
fn product_by(unit: Unit, target: Target<'_, f32>, left: Left<'_, f32>, right: Right<'_, f32>) {
    thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());
    super::kernel::check(&target, &left, &right);
    SCRATCH.with_borrow_mut(|scratch| {
        // SAFETY: the processor has what the function needs, and `check` held.
        unsafe {
            match (right.products, unit) {
                (Products::Bf16, unit) => blocks::<1>(unit, target, left, right, scratch),
                (Products::Bf16x3, Unit::Tiles) => blocks::<2>(unit, target, left, right, scratch),
                (products, unit) => panic!("{products:?} has nothing to do with {unit:?}"),
            }
        }
    });
}

/// Lays out the whole of a right operand; [`can`] must hold for its products.
pub(super) fn lay_out(right: Right<'_, f32>, tiles: &mut Vec<TileRow>) {
    assert!(can(right.products), "no bfloat16");
    // SAFETY: the processor has what the function needs.
    unsafe {
        match right.products {
            Products::Bf16 => lay_out_all::<1>(right, tiles),
            Products::Bf16x3 => lay_out_all::<2>(right, tiles),
            Products::F32 => panic!("32-bit products have no tiles"),
        }
    }
}

/// [`lay_out`] with numbers as the sum of `N` parts: two panels after two, each from top to bottom.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn lay_out_all<const N: usize>(right: Right<'_, f32>, tiles: &mut Vec<TileRow>) {
    let pair = right.inner.div_ceil(STEPS) * N * PAIR;
    tiles.resize(right.columns.div_ceil(EDGE) * pair, TileRow([0; STEPS]));
    for (index, into) in tiles.chunks_exact_mut(pair).enumerate() {
        // SAFETY: the chunk holds all parts of all tiles.
        unsafe { lay_out_panels::<N>(into, &right, index * EDGE / PANEL, (0, right.inner)) };
    }
}

/// The product with numbers as the sum of `N` parts, one if they are [`Unit::Dots`]'s.
///
/// # Safety
/// This processor must have the unit, and [`super::kernel::check`] must hold.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn blocks<const N: usize>(
    unit: Unit,
    target: Target<'_, f32>,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
    scratch: &mut Scratch,
) {
    let Target { data, row: stride, add } = target;
    let tiles = left.inner.div_ceil(STEPS);
    let inner_block = even_block(tiles, INNER_BLOCK);
    let row_block = {
        let most = LEFT_BYTES / (inner_block * N * PAIR * size_of::<TileRow>()) * EDGE;
        even_block(left.rows, most.max(EDGE)).next_multiple_of(EDGE)
    };
    let empty = TileRow([0; STEPS]);
    let pair = inner_block * N * PAIR;
    let Scratch { left: lefts, right: rights, result } = scratch;
    grow(lefts, row_block / EDGE * pair, empty);
    grow(rights, pair, empty);
    grow(result, EDGE * 2, Line([0.0; PANEL]));
    // SAFETY (all below): tiles lie within scratch, which has just grown to hold them; rows, steps and columns within the operands,
    // since `check` held.
    unsafe {
        if unit == Unit::Tiles {
            tiles::configure();
        }
        for begin in (0..left.rows).step_by(row_block) {
            let end = (begin + row_block).min(left.rows);
            for tile in (0..tiles).step_by(inner_block) {
                let steps = inner_block.min(tiles - tile);
                let from = tile * STEPS;
                let to = (from + steps * STEPS).min(left.inner);
                for (rows, into) in (begin..end).step_by(EDGE).zip(lefts.chunks_exact_mut(pair)) {
                    let rows = (rows, (rows + EDGE).min(end));
                    if left.step == 1 {
                        lay_out_rows::<N>(into, &left, rows, (from, to));
                    } else {
                        lay_out_columns::<N>(into, &left, rows, (from, to));
                    }
                }
                let add = add || from > 0;
                for column in (0..right.columns).step_by(EDGE) {
                    let rights = if right.tiles.is_empty() {
                        lay_out_panels::<N>(rights, &right, column / PANEL, (from, to));
                        rights.as_ptr()
                    } else {
                        right.tiles[(column / EDGE * tiles + tile) * N * PAIR..][..steps * N * PAIR].as_ptr()
                    };
                    let columns = EDGE.min(right.columns - column);
                    for (row, lefts) in (begin..end).step_by(EDGE).zip(lefts.chunks_exact(pair)) {
                        let rows = EDGE.min(end - row);
                        let place = data.as_mut_ptr().add(row * stride + column);
                        let operands = (lefts.as_ptr(), rights, steps);
                        let whole = columns == EDGE && (rows == EDGE || unit == Unit::Dots);
                        let apart = result.as_mut_ptr().cast::<f32>();
                        let (to, add_there) =
                            if whole { ((place, stride), add) } else { ((apart, EDGE), false) };
                        match unit {
                            Unit::Tiles => tiles::product::<N>(operands, to, add_there),
                            Unit::Dots => dots::product(operands, to, rows, add_there),
                        }
                        if whole {
                            continue;
                        }
                        for r in 0..rows {
                            let from = std::slice::from_raw_parts(apart.add(r * EDGE), columns);
                            let to = std::slice::from_raw_parts_mut(place.add(r * stride), columns);
                            if add {
                                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                            } else {
                                to.copy_from_slice(from);
                            }
                        }
                    }
                }
            }
        }
        if unit == Unit::Tiles {
            tiles::release();
        }
    }
}

fn grow<T: Copy>(scratch: &mut Vec<T>, len: usize, empty: T) {
    if scratch.len() < len {
        scratch.resize(len, empty);
    }
}

/// The first `n` of sixteen.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    if n >= TILE { !0 } else { (1 << n) - 1 }
}

/// Takes the next part off two vectors, its bits in the upper halves: what is left of them is exact.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn take_part(x: &mut [__m512; 2]) -> [__m512i; 2] {
    let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
    let bits = [_mm512_castps_si512(x[0]), _mm512_castps_si512(x[1])];
    x[0] = _mm512_sub_ps(x[0], _mm512_castsi512_ps(_mm512_and_si512(bits[0], upper)));
    x[1] = _mm512_sub_ps(x[1], _mm512_castsi512_ps(_mm512_and_si512(bits[1], upper)));
    bits
}

/// Lays out rows that lie step by step: for each tile of steps, each part's tile of the first sixteen rows and of the others.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn lay_out_rows<const N: usize>(
    into: &mut [TileRow],
    left: &Left<'_, f32>,
    (begin, end): (usize, usize),
    (from, to): (usize, usize),
) {
    // The upper halves of the first vector's numbers, then of the second's.
    let upper_halves = {
        let mut index = [0_u16; STEPS];
        for (i, place) in index.iter_mut().enumerate() {
            *place = 2 * i as u16 + 1;
        }
        // SAFETY: sixty-four bytes.
        unsafe { _mm512_loadu_si512(index.as_ptr().cast()) }
    };
    for r in 0..EDGE {
        let row = begin + r;
        for (tile, step) in (from..to).step_by(STEPS).enumerate() {
            let n = if row < end { STEPS.min(to - step) } else { 0 };
            let place = left.data.as_ptr().wrapping_add(row * left.row + step);
            // SAFETY: whole, or masked to what lies within the row.
            let mut x = unsafe {
                if n == STEPS {
                    [_mm512_loadu_ps(place), _mm512_loadu_ps(place.add(TILE))]
                } else {
                    let second = first(n.saturating_sub(TILE));
                    [
                        _mm512_maskz_loadu_ps(first(n), place),
                        _mm512_maskz_loadu_ps(second, place.wrapping_add(TILE)),
                    ]
                }
            };
            // SAFETY: the caller's slice holds all parts of all tiles.
            let into = unsafe { into.as_mut_ptr().add(tile * N * PAIR + r) };
            for part in 0..N {
                let packed = if part + 1 == N {
                    nearest(x)
                } else {
                    let bits = take_part(&mut x);
                    _mm512_permutex2var_epi16(bits[0], upper_halves, bits[1])
                };
                // SAFETY: as above.
                unsafe { _mm512_store_si512(into.add(part * PAIR).cast(), packed) };
            }
        }
    }
}

/// The nearest bfloat16 of each number, of the first vector and then of the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn nearest(x: [__m512; 2]) -> __m512i {
    // SAFETY: of the same size.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(x[1], x[0])) }
}

/// The nearest bfloat16 of each number.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn narrow(x: __m512) -> __m256i {
    // SAFETY: of the same size.
    unsafe { std::mem::transmute(_mm512_cvtneps_pbh(x)) }
}

/// The parts of two steps as the right operand has them, of each column the first step's in the lower half and the second's in
/// the upper.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn pairs_of_steps<const N: usize>(mut x: [__m512; 2]) -> [__m512i; N] {
    let mut pairs = [_mm512_setzero_si512(); N];
    for (part, pair) in pairs.iter_mut().enumerate() {
        *pair = if part + 1 == N {
            let lower = _mm512_cvtepu16_epi32(narrow(x[0]));
            let upper = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(narrow(x[1])));
            _mm512_or_si512(lower, upper)
        } else {
            let bits = take_part(&mut x);
            _mm512_mask_mov_epi16(_mm512_srli_epi32::<16>(bits[0]), 0xaaaa_aaaa, bits[1])
        };
    }
    pairs
}

/// Lays out two panels, the second of which may be missing: for each tile of steps, each part's tile of either.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn lay_out_panels<const N: usize>(
    into: &mut [TileRow],
    right: &Right<'_, f32>,
    panel: usize,
    (from, to): (usize, usize),
) {
    for which in 0..2 {
        let there = (panel + which) * PANEL < right.columns;
        let lines: &[Line<f32>] =
            if there { &right.lines[(panel + which) * right.stride..][from..to] } else { &[] };
        let none = Line([0.0; PANEL]);
        for pair in 0..(to - from).div_ceil(STEPS) * TILE {
            let step = 2 * pair;
            let (a, b) = match lines.get(step..step + 2) {
                Some([a, b]) => (a, b),
                _ => (lines.get(step).unwrap_or(&none), &none),
            };
            // SAFETY: a line is sixteen numbers; the caller's slice holds all parts of all tiles.
            unsafe {
                let x = [_mm512_load_ps(a.0.as_ptr()), _mm512_load_ps(b.0.as_ptr())];
                let into = into.as_mut_ptr().add(pair / TILE * N * PAIR + which * TILE + pair % TILE);
                for (part, row) in pairs_of_steps::<N>(x).into_iter().enumerate() {
                    _mm512_store_si512(into.add(part * PAIR).cast(), row);
                }
            }
        }
    }
}

/// Lays out columns, as [`lay_out_rows`] does rows: sixteen of them are paired as a right operand is, and transposed.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn lay_out_columns<const N: usize>(
    into: &mut [TileRow],
    left: &Left<'_, f32>,
    (begin, end): (usize, usize),
    (from, to): (usize, usize),
) {
    for which in 0..2 {
        let row = begin + which * TILE;
        let columns = first(end.saturating_sub(row));
        for (tile, step) in (from..to).step_by(STEPS).enumerate() {
            let mut parts = [[_mm512_setzero_si512(); TILE]; N];
            for pair in 0..TILE {
                let at = step + 2 * pair;
                let place = left.data.as_ptr().wrapping_add(at * left.step + row);
                let (mask_a, mask_b) =
                    (if at < to { columns } else { 0 }, if at + 1 < to { columns } else { 0 });
                // SAFETY: masked to what lies within the operand.
                let x = unsafe {
                    [
                        _mm512_maskz_loadu_ps(mask_a, place),
                        _mm512_maskz_loadu_ps(mask_b, place.wrapping_add(left.step)),
                    ]
                };
                for (rows, of_part) in parts.iter_mut().zip(pairs_of_steps::<N>(x)) {
                    rows[pair] = of_part;
                }
            }
            for (part, rows) in parts.iter().enumerate() {
                let at = (tile * N + part) * PAIR + which * TILE;
                // SAFETY: the caller's slice holds all parts of all tiles.
                unsafe { transpose(rows, into.as_mut_ptr().add(at).cast()) };
            }
        }
    }
}

/// Puts the transpose of sixteen rows of sixteen 32-bit numbers into `into`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn transpose(rows: &[__m512i; TILE], into: *mut __m512i) {
    let mut a = *rows;
    let mut b = a;
    for i in 0..TILE / 2 {
        b[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
    }
    for i in 0..TILE / 4 {
        for half in 0..2 {
            a[4 * i + 2 * half] = _mm512_unpacklo_epi64(b[4 * i + half], b[4 * i + 2 + half]);
            a[4 * i + 2 * half + 1] = _mm512_unpackhi_epi64(b[4 * i + half], b[4 * i + 2 + half]);
        }
    }
    // Each of four rows in a group now holds the numbers of four columns, one group of four rows to a quarter.
    for i in 0..4 {
        let (x0, x1, x2, x3) = (a[i], a[4 + i], a[8 + i], a[12 + i]);
        let (low, high) = (_mm512_shuffle_i32x4::<0x88>(x0, x1), _mm512_shuffle_i32x4::<0xdd>(x0, x1));
        let (low2, high2) = (_mm512_shuffle_i32x4::<0x88>(x2, x3), _mm512_shuffle_i32x4::<0xdd>(x2, x3));
        b[i] = _mm512_shuffle_i32x4::<0x88>(low, low2);
        b[8 + i] = _mm512_shuffle_i32x4::<0xdd>(low, low2);
        b[4 + i] = _mm512_shuffle_i32x4::<0x88>(high, high2);
        b[12 + i] = _mm512_shuffle_i32x4::<0xdd>(high, high2);
    }
    for (r, row) in b.into_iter().enumerate() {
        // SAFETY: as the caller promises.
        unsafe { _mm512_store_si512(into.add(r), row) };
    }
}
