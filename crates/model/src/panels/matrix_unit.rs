//! The product on a processor's matrix unit (Intel AMX).
//!
//! The unit multiplies tiles of bfloat16, 16 rows by 32 steps by 16 columns at a time, and sums in 32 bits, at up to sixteen times
//! the rate of 32-bit multiplications. A number is either rounded to bfloat16, or taken as the sum of two,
//! `x ≈ x₁ + x₂`, sixteen significant bits, of whose products `x₁y₁ + x₁y₂ + x₂y₁` are summed (Henry, Tang and Heinecke 2019,
//! arXiv 1904.06376). Numbers below 2⁻¹²⁶ count as zero; of infinity comes NaN.
//!
//! Both operands are laid out in tiles just before they are used: the left one a block of rows at a time (less than a megabyte a
//! thread), the right one 32 columns at a time, unless it was laid out beforehand, as weights are once a step.

use super::{Left, Line, PANEL, Products, Right, Target, TileRow, even_block};
use std::arch::asm;
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

/// Whether this processor has the unit, and this process may use it.
pub(super) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        // CPUID, leaf 7: bit 22 of EDX is bfloat16 tiles, bit 24 tiles.
        let tiles =
            __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & (1 << 22 | 1 << 24) == 1 << 22 | 1 << 24;
        tiles
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16")
            && ask_for_tiles()
    })
}

/// Asks the system to keep tiles when it switches between threads; other systems than Linux have no such call.
fn ask_for_tiles() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: a system call that takes two numbers.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// What a thread needs while it multiplies.
#[derive(Default)]
struct Scratch {
    left: Vec<TileRow>,
    right: Vec<TileRow>,
    /// Results that do not fill their tiles.
    result: Vec<Line<f32>>,
}

/// The product; [`is_there`] must hold.
pub(super) fn product(
    products: Products,
    target: Target<'_, f32>,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
) {
    thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());
    assert!(is_there(), "no matrix unit");
    super::kernel::check(&target, &left, &right);
    SCRATCH.with_borrow_mut(|scratch| {
        // SAFETY: the processor has what the function needs, and `check` held.
        unsafe {
            match products {
                Products::Bf16 => blocks::<1>(target, left, right, scratch),
                Products::Bf16x3 => blocks::<2>(target, left, right, scratch),
                Products::F32 => panic!("32-bit products have no tiles"),
            }
        }
    });
}

/// All tiles are 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

static CONFIGURATION: Configuration = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = 16;
        tile += 1;
    }
    Configuration(bytes)
};

/// Lays out the whole of a right operand; [`is_there`] must hold.
pub(super) fn lay_out(right: Right<'_, f32>, tiles: &mut Vec<TileRow>) {
    assert!(is_there(), "no matrix unit");
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

/// The product with numbers as the sum of `N` parts.
///
/// # Safety
/// [`is_there`] and [`super::kernel::check`] must hold.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn blocks<const N: usize>(
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
    // since `check` held. Nothing but this function's own assembly uses tiles.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, preserves_flags, readonly));
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
                        if rows == EDGE && columns == EDGE {
                            tile_product::<N>((lefts.as_ptr(), rights, steps), (place, stride), add);
                            continue;
                        }
                        let apart = result.as_mut_ptr().cast::<f32>();
                        tile_product::<N>((lefts.as_ptr(), rights, steps), (apart, EDGE), false);
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
        asm!("tilerelease", options(nostack, preserves_flags, nomem));
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

/// The product of a part with a part, four tiles of results.
macro_rules! products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7
         tdpbf16ps tmm2, tmm5, tmm6
         tdpbf16ps tmm3, tmm5, tmm7"
    };
}

macro_rules! load_left {
    ($part:literal) => {
        concat!(
            "tileloadd tmm4, [{a} + {row} + ",
            $part,
            " * 2048]\n",
            "tileloadd tmm5, [{a} + {row} + ",
            $part,
            " * 2048 + 1024]"
        )
    };
}

macro_rules! load_right {
    ($part:literal) => {
        concat!(
            "tileloadd tmm6, [{b} + {row} + ",
            $part,
            " * 2048]\n",
            "tileloadd tmm7, [{b} + {row} + ",
            $part,
            " * 2048 + 1024]"
        )
    };
}

/// Two tiles by two of results, `y`, rows `stride` apart: the sum over `steps` tiles of the inner dimension.
///
/// # Safety
/// The operands must hold `steps` tiles of `N` parts, the target 32 rows of 32 numbers, and tiles must be configured.
#[inline(always)]
unsafe fn tile_product<const N: usize>(
    (a, b, steps): (*const TileRow, *const TileRow, usize),
    (y, stride): (*mut f32, usize),
    add: bool,
) {
    macro_rules! run {
        ($step:literal, $($body:expr),*) => {
            asm!(
                "test {add:e}, {add:e}",
                "jz 3f",
                "tileloadd tmm0, [{y} + {stride}]",
                "tileloadd tmm1, [{y} + {stride} + 64]",
                "tileloadd tmm2, [{lower} + {stride}]",
                "tileloadd tmm3, [{lower} + {stride} + 64]",
                "jmp 2f",
                "3:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                $($body,)*
                concat!("add {a}, ", $step),
                concat!("add {b}, ", $step),
                "dec {steps}",
                "jnz 2b",
                "tilestored [{y} + {stride}], tmm0",
                "tilestored [{y} + {stride} + 64], tmm1",
                "tilestored [{lower} + {stride}], tmm2",
                "tilestored [{lower} + {stride} + 64], tmm3",
                a = inout(reg) a => _,
                b = inout(reg) b => _,
                steps = inout(reg) steps => _,
                y = in(reg) y,
                lower = in(reg) y.wrapping_add(TILE * stride),
                stride = in(reg) stride * size_of::<f32>(),
                row = in(reg) 64_usize,
                add = in(reg) u32::from(add),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            )
        };
    }
    // SAFETY: as the caller promises.
    unsafe {
        match N {
            1 => run!("2048", load_left!(0), load_right!(0), products!()),
            _ => run!(
                "4096",
                load_left!(1),
                load_right!(0),
                products!(),
                load_left!(0),
                products!(),
                load_right!(1),
                products!()
            ),
        }
    }
}
