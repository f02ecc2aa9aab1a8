//! Tiles of a product in registers.
//!
//! A tile of the result, some rows by one or two panels of columns, is summed in registers over a stretch of the
//! inner dimension. Each step loads the panels' lines once and one number a row. With two panels of sixteen lanes
//! and twelve rows that is 14 loads for 24 multiplications, so that a core which starts two of each a cycle
//! waits for multiplications alone.

use super::{Line, PANEL, Right};
use pulp::Simd;
use std::cell::RefCell;

/// The left operand: row `r` at inner place `p` is `data[r · row + p · step]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) inner: usize,
    pub(super) row: usize,
    pub(super) step: usize,
}

impl<'a, T> Left<'a, T> {
    /// `[rows, inner]`, rows `row` apart.
    pub(crate) fn rows(data: &'a [T], (rows, inner): (usize, usize), row: usize) -> Self {
        assert!(rows == 0 || (rows - 1) * row + inner <= data.len(), "rows outside their slice");
        Left { data, rows, inner, row, step: 1 }
    }

    /// The transpose of `[inner, rows]`, whose rows are `step` apart.
    pub(crate) fn columns(data: &'a [T], (rows, inner): (usize, usize), step: usize) -> Self {
        assert!(inner == 0 || (inner - 1) * step + rows <= data.len(), "columns outside their slice");
        Left { data, rows, inner, row: 1, step }
    }
}

/// Where a product goes: `[rows, columns]`, rows `row` apart.
pub(crate) struct Target<'a, T> {
    pub(super) data: &'a mut [T],
    pub(super) row: usize,
    /// Whether the product is added to what is there.
    pub(super) add: bool,
}

impl<'a, T> Target<'a, T> {
    /// Overwrites.
    pub(crate) fn set(data: &'a mut [T], row: usize) -> Self {
        Target { data, row, add: false }
    }

    /// Adds.
    pub(crate) fn add(data: &'a mut [T], row: usize) -> Self {
        Target { data, row, add: true }
    }
}

/// Rows that go through all panels before the next rows do: few enough that what they are made of stays in the second
/// cache level while a panel stays in the first.
const ROW_BLOCK: usize = 264;

/// Most steps that are summed in registers before the sums are put down, for each panel of a tile. With two panels more than
/// the first cache level holds, which costs less than putting sums down twice as often.
const INNER_BLOCK: usize = 256;

/// Steps written out one after the other in a tile's loop, so that addresses are constants and little but
/// multiplications is left.
const UNROLLED: usize = 8;

pub(super) fn check<T>(target: &Target<'_, T>, left: &Left<'_, T>, right: &Right<'_, T>) {
    assert!(left.inner == right.inner, "shapes of a product disagree: {} and {}", left.inner, right.inner);
    let fits = target.row >= right.columns
        && (left.rows == 0 || (left.rows - 1) * target.row + right.columns <= target.data.len());
    assert!(fits, "a product outside its slice");
}

/// The product by its definition.
pub(crate) fn product_plainly<T: crate::real::Real>(
    target: Target<'_, T>,
    left: Left<'_, T>,
    right: Right<'_, T>,
) {
    check(&target, &left, &right);
    for r in 0..left.rows {
        for (first, panel) in right.panels() {
            let mut sums = [T::ZERO; PANEL];
            for (p, line) in panel.iter().enumerate() {
                let x = left.data[r * left.row + p * left.step];
                for (sum, w) in sums.iter_mut().zip(line.0) {
                    *sum += x * w;
                }
            }
            let n = PANEL.min(right.columns - first);
            let place = &mut target.data[r * target.row + first..][..n];
            for (y, sum) in place.iter_mut().zip(sums) {
                *y = if target.add { *y + sum } else { sum };
            }
        }
    }
}

thread_local! {
    /// Room for a block of a transposed left operand, see [`fill_strips`].
    static STRIPS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// The product in the widest registers that this processor has.
pub(crate) fn product_in_registers(target: Target<'_, f32>, left: Left<'_, f32>, right: Right<'_, f32>) {
    STRIPS.with_borrow_mut(|strips| {
        pulp::Arch::new().dispatch(InRegisters { target, left, right, strips });
    });
}

/// A product that waits to be told which registers there are.
pub(crate) struct InRegisters<'a> {
    pub(crate) target: Target<'a, f32>,
    pub(crate) left: Left<'a, f32>,
    pub(crate) right: Right<'a, f32>,
    /// Scratch.
    pub(crate) strips: &'a mut Vec<f32>,
}

impl pulp::WithSimd for InRegisters<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 1, 2, 12>(simd),
            8 => self.run::<S, 2, 1, 6>(simd),
            4 => self.run::<S, 4, 1, 2>(simd),
            _ => product_plainly(self.target, self.left, self.right),
        }
    }
}

impl InRegisters<'_> {
    /// `W` vectors make a line, tiles are `P` panels wide and `R` rows high.
    #[inline(always)]
    fn run<S: Simd, const W: usize, const P: usize, const R: usize>(self, simd: S) {
        let InRegisters { target, left, right, strips } = self;
        check(&target, &left, &right);
        if left.step == 1 {
            return blocks::<S, W, P, R, ALONG>(simd, target, left, right, &mut []);
        }
        if right.columns < STRIPS_FROM {
            return blocks::<S, W, P, R, ACROSS>(simd, target, left, right, &mut []);
        }
        let most = ROW_BLOCK.min(left.rows.next_multiple_of(R)).div_ceil(R)
            * strip_length::<R>((P * INNER_BLOCK).min(left.inner));
        if strips.len() < most {
            strips.resize(most, 0.0);
        }
        blocks::<S, W, P, R, R>(simd, target, left, right, strips);
    }
}

/// How a tile reads its left operand: along rows, each of which lies in memory step by step.
const ALONG: usize = 0;

/// Across rows: steps that lie row by row, a stride apart. Any other number is that stride: a strip so many rows high.
const ACROSS: usize = usize::MAX;

/// From how many columns on a transposed left operand is worth being copied into strips.
const STRIPS_FROM: usize = 96;

/// With so many tiles of rows or fewer, as in decoding, a tile asks for three times as many of the next panels' lines: there are
/// too few tiles to ask for all of them one by one, and weights that come from memory are most of the time.
const FEW_TILES: usize = 3;

/// How many steps ahead of its use a number is asked for, where the steps of a left operand are far apart.
const AHEAD: usize = 12;

/// Numbers left free between strips, so that their beginnings do not meet in one set of the first cache level.
const STRIP_GAP: usize = 16;

/// Numbers from one strip to the next.
#[inline(always)]
const fn strip_length<const R: usize>(steps: usize) -> usize {
    steps * R + STRIP_GAP
}

/// The rows of a transposed left operand are far apart in memory, often by a power of two, so that few of them fit into
/// the first cache level at a time. A block of them is therefore copied, row by row as they lie, into strips as high as a
/// tile. It costs a twentieth of a product with a hundred columns, and less with more.
#[inline(always)]
fn fill_strips<const R: usize>(
    strips: &mut [f32],
    left: &Left<'_, f32>,
    (begin, end): (usize, usize),
    (from, steps): (usize, usize),
) {
    for step in 0..steps {
        let row = &left.data[(from + step) * left.step + begin..][..end - begin];
        let mut at = step * R;
        let mut chunks = row.chunks_exact(R);
        for chunk in &mut chunks {
            strips[at..at + R].copy_from_slice(chunk);
            at += strip_length::<R>(steps);
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            strips[at..at + rest.len()].copy_from_slice(rest);
        }
    }
}

#[inline(always)]
fn blocks<S: Simd, const W: usize, const P: usize, const R: usize, const WAY: usize>(
    simd: S,
    target: Target<'_, f32>,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
    strips: &mut [f32],
) {
    let Target { data, row: stride, add } = target;
    let y = data.as_mut_ptr();
    let block = super::even_block(left.inner, P * INNER_BLOCK);
    let row_block = ROW_BLOCK / R * R;
    let few = left.rows <= FEW_TILES * R;
    for begin in (0..left.rows).step_by(row_block) {
        let end = (begin + row_block).min(left.rows);
        for from in (0..left.inner).step_by(block) {
            let steps = block.min(left.inner - from);
            let add = add || from > 0;
            if WAY == R {
                fill_strips::<R>(strips, &left, (begin, end), (from, steps));
            }
            for panel in (0..right.columns.div_ceil(PANEL)).step_by(P) {
                let wide = P > 1 && (panel + P) * PANEL <= right.columns;
                let mut row = begin;
                let mut next = right.lines.as_ptr().wrapping_add((panel + P) * right.stride + from);
                let after = next.wrapping_add(steps);
                while row < end {
                    let in_block = row - begin;
                    // SAFETY: `check` held, so that the tile's rows and steps lie within the left operand, or within the strips
                    // that were just filled.
                    let (x, apart) = unsafe {
                        match WAY {
                            ALONG => (left.data.as_ptr().add(row * left.row + from), left.row),
                            ACROSS => (left.data.as_ptr().add(row + from * left.step), left.step),
                            _ => (
                                strips.as_ptr().add(in_block / R * strip_length::<R>(steps) + in_block % R),
                                R,
                            ),
                        }
                    };
                    let place = Place { x, apart, row, panel, from, steps, add, next, few };
                    // A tile asks for an eighth of the next panels' lines, or for three; once all were asked for, for the first again.
                    next = next.wrapping_add(steps / 8 * if few { FEW_TILES } else { 1 });
                    next = if next >= after { after.wrapping_sub(steps) } else { next };
                    macro_rules! tile {
                        ($rows:expr) => {{
                            // SAFETY: `check` held, and the tile's rows, panels and steps lie within the shapes.
                            unsafe {
                                if wide {
                                    tile::<S, W, P, $rows, WAY>(simd, (y, stride), &right, place);
                                } else {
                                    for panel in panel..(panel + P).min(right.columns.div_ceil(PANEL)) {
                                        let place = Place { panel, ..place };
                                        tile::<S, W, 1, $rows, WAY>(simd, (y, stride), &right, place);
                                    }
                                }
                            }
                            row += $rows;
                        }};
                    }
                    match end - row {
                        n if n >= R => tile!(R),
                        8.. => tile!(8),
                        4.. => tile!(4),
                        2.. => tile!(2),
                        _ => tile!(1),
                    }
                }
            }
        }
    }
}

/// Where a tile is, and which stretch of the inner dimension it sums.
#[derive(Clone, Copy)]
struct Place {
    /// The first row's number of the first step.
    x: *const f32,
    /// From a row to the next, or, for a tile that reads across rows, from a step to the next.
    apart: usize,
    row: usize,
    panel: usize,
    from: usize,
    steps: usize,
    add: bool,
    /// Lines that will be wanted.
    next: *const Line<f32>,
    /// See [`FEW_TILES`].
    few: bool,
}

/// Writes out the body for each row: an index that is a constant from the first leaves the sums in registers, one that the
/// compiler must unroll a loop for sends them through memory.
macro_rules! each_row {
    ($rows:expr, $r:ident => $body:expr) => {
        each_row!($rows, $r => $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    ($rows:expr, $r:ident => $body:expr, $($at:literal)*) => {{
        $(
            #[allow(non_upper_case_globals)]
            {
                const $r: usize = $at;
                if $r < $rows {
                    $body
                }
            }
        )*
    }};
}
pub(crate) use each_row;

/// A tile of `R` rows, each of which lies in memory step by step, or, with `ACROSS`, of steps that lie row by row.
///
/// # Safety
/// `place.x` must lead to `R` rows of `place.steps` numbers; rows `place.row .. place.row + R` must be rows of the target, panels
/// `place.panel .. place.panel + P` panels of `right`, steps `place.from .. place.from + place.steps` below the inner
/// dimension, and [`check`] must hold.
// Indices rather than iterators or copied slices: what has an address does not stay in registers.
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
#[inline(always)]
unsafe fn tile<S: Simd, const W: usize, const P: usize, const R: usize, const WAY: usize>(
    simd: S,
    (y, stride): (*mut f32, usize),
    right: &Right<'_, f32>,
    place: Place,
) {
    let Place { apart, steps, add, mut next, .. } = place;
    let between = right.stride;
    // SAFETY (all below): as the caller promises, every address lies within its slice.
    unsafe {
        let y = y.add(place.row * stride + place.panel * PANEL);
        let mut lines = right.lines.as_ptr().add(place.panel * between + place.from);
        let mut wanted = y.cast_const().wrapping_add(R * stride);
        // A pointer for three rows: the next two are one and two strides further, which an address can say by itself.
        let mut rows: [*const f32; 4] = std::array::from_fn(|i| place.x.wrapping_add(3 * i * apart));
        let mut sums = [[[simd.splat_f32s(0.0); W]; P]; R];
        macro_rules! step {
            ($at:expr) => {{
                if WAY == ACROSS {
                    prefetch(rows[0].wrapping_add(AHEAD * apart));
                }
                let mut b = [[simd.splat_f32s(0.0); W]; P];
                for p in 0..P {
                    let line: &Line<f32> = &*lines.add(p * between + $at);
                    let (vectors, _) = S::as_simd_f32s(&line.0);
                    for w in 0..W {
                        b[p][w] = vectors[w];
                    }
                }
                each_row!(R, r => {
                    let x = match WAY {
                        ALONG => rows[r / 3].add(r % 3 * apart + $at),
                        ACROSS => rows[0].add(r),
                        height => rows[0].add($at * height + r),
                    };
                    let a = simd.splat_f32s(*x);
                    for p in 0..P {
                        for w in 0..W {
                            sums[r][p][w] = simd.mul_add_e_f32s(a, b[p][w], sums[r][p][w]);
                        }
                    }
                });
                if WAY == ACROSS {
                    rows[0] = rows[0].wrapping_add(apart);
                    keep_apart(&mut rows[0]);
                }
            }};
        }
        macro_rules! go_on {
            ($steps:expr) => {{
                match WAY {
                    ALONG => {
                        for group in rows.iter_mut().take(R.div_ceil(3)) {
                            *group = group.wrapping_add($steps);
                            keep_apart(group);
                        }
                    }
                    ACROSS => {}
                    height => rows[0] = rows[0].wrapping_add($steps * height),
                }
                lines = lines.wrapping_add($steps);
            }};
        }
        let mut rest = steps;
        while rest >= UNROLLED {
            // The next tile's results and the next panels' lines are asked for bit by bit: all at once they would wait for
            // each other, and this tile's own lines for them.
            for p in 0..P {
                prefetch_for_writing(wanted.wrapping_add(p * PANEL));
                prefetch(next.wrapping_add(p * between).cast());
                if place.few {
                    prefetch_farther(next.wrapping_add(p * between + 1).cast());
                    prefetch_farther(next.wrapping_add(p * between + 2).cast());
                }
            }
            wanted = wanted.wrapping_add(stride);
            next = next.wrapping_add(if place.few { FEW_TILES } else { 1 });
            step!(0);
            step!(1);
            step!(2);
            step!(3);
            step!(4);
            step!(5);
            step!(6);
            step!(7);
            go_on!(UNROLLED);
            rest -= UNROLLED;
        }
        while rest > 0 {
            step!(0);
            go_on!(1);
            rest -= 1;
        }
        if (place.panel + P) * PANEL <= right.columns {
            macro_rules! put {
                ($y:ident, $sum:ident => $value:expr) => {
                    each_row!(R, r => {
                        for p in 0..P {
                            let line = &mut *y.add(r * stride + p * PANEL).cast::<[f32; PANEL]>();
                            let (vectors, _) = S::as_mut_simd_f32s(line);
                            for w in 0..W {
                                let ($y, $sum) = (vectors[w], sums[r][p][w]);
                                vectors[w] = $value;
                            }
                        }
                    })
                };
            }
            if add {
                put!(there, sum => simd.add_f32s(there, sum));
            } else {
                put!(_there, sum => sum);
            }
        } else {
            each_row!(R, r => {
                for p in 0..P {
                    let n = PANEL.min(right.columns - (place.panel + p) * PANEL);
                    let mut line = Line([0.0; PANEL]);
                    let (vectors, _) = S::as_mut_simd_f32s(&mut line.0);
                    for w in 0..W {
                        vectors[w] = sums[r][p][w];
                    }
                    put_part(y.add(r * stride + p * PANEL), &line.0[..n], add);
                }
            });
        }
    }
}

/// Puts down the first numbers of a line that the target has no room for.
///
/// # Safety
/// As many numbers as `line` has must be the target's from `y` on.
#[inline(never)]
unsafe fn put_part(y: *mut f32, line: &[f32], add: bool) {
    // SAFETY: as the caller promises.
    let y = unsafe { std::slice::from_raw_parts_mut(y, line.len()) };
    for (y, sum) in y.iter_mut().zip(line) {
        *y = if add { *y + sum } else { *sum };
    }
}

/// Keeps the compiler from working out one pointer from another: it would do so anew at every use, and additions take the
/// places of multiplications.
#[allow(clippy::pointers_in_nomem_asm_block)]
#[inline(always)]
pub(super) fn keep_apart<T>(pointer: &mut *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: no instruction.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) * pointer, options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = pointer;
}

/// Asks for a line that will be wanted: waiting for operands and results that do not stay in a near cache from one use to
/// the next cost a fifth of the time.
///
/// In assembly, since the compiler takes its own prefetch for an access to memory and puts the sums down before each.
#[allow(clippy::pointers_in_nomem_asm_block)]
#[inline(always)]
fn prefetch(place: *const f32) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint that reads nothing and faults nowhere; every x86-64 processor has the instruction.
    unsafe {
        std::arch::asm!("prefetcht0 [{}]", in(reg) place, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// [`prefetch`] into the second cache level.
#[allow(clippy::pointers_in_nomem_asm_block)]
#[inline(always)]
fn prefetch_farther(place: *const f32) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: as for `prefetch`.
    unsafe {
        std::arch::asm!("prefetcht1 [{}]", in(reg) place, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// [`prefetch`] of a line that will be written to.
#[allow(clippy::pointers_in_nomem_asm_block)]
#[inline(always)]
fn prefetch_for_writing(place: *const f32) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: as for `prefetch`; x86-64 processors without the instruction take it for none.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}
