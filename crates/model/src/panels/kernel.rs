//! Tiles of a product in registers.
//!
//! A tile of the result, some rows by one or two panels of columns, is summed in registers over a stretch of the
//! inner dimension. Each step loads the panels' lines once and one number a row. With two panels of sixteen lanes
//! and twelve rows that is 14 loads for 24 multiplications, so that a core which starts two of each a cycle
//! waits for multiplications alone.

use super::{Line, PANEL, Right};
use pulp::Simd;

/// The left operand: row `r` at inner place `p` is `data[r · row + p · step]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a, T> {
    data: &'a [T],
    rows: usize,
    inner: usize,
    row: usize,
    step: usize,
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
    data: &'a mut [T],
    row: usize,
    /// Whether the product is added to what is there.
    add: bool,
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

/// Most steps that are summed in registers before the sums are put down: as many as two panels may have to stay in the
/// first cache level.
const INNER_BLOCK: usize = 256;

/// How many steps ahead of its use a number is asked for, where the steps of a left operand are far apart.
const AHEAD: usize = 12;

fn check<T>(target: &Target<'_, T>, left: &Left<'_, T>, right: &Right<'_, T>) {
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

/// The product in the widest registers that this processor has.
pub(crate) fn product_in_registers(target: Target<'_, f32>, left: Left<'_, f32>, right: Right<'_, f32>) {
    pulp::Arch::new().dispatch(InRegisters(target, left, right));
}

/// A product that waits to be told which registers there are.
pub(crate) struct InRegisters<'a>(
    pub(crate) Target<'a, f32>,
    pub(crate) Left<'a, f32>,
    pub(crate) Right<'a, f32>,
);

impl pulp::WithSimd for InRegisters<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let InRegisters(target, left, right) = self;
        match S::F32_LANES {
            16 => product::<S, 1, 2, 12>(simd, target, left, right),
            8 => product::<S, 2, 1, 6>(simd, target, left, right),
            4 => product::<S, 4, 1, 2>(simd, target, left, right),
            _ => product_plainly(target, left, right),
        }
    }
}

/// `W` vectors make a line, tiles are `P` panels wide and `R` rows high.
#[inline(always)]
fn product<S: Simd, const W: usize, const P: usize, const R: usize>(
    simd: S,
    target: Target<'_, f32>,
    left: Left<'_, f32>,
    right: Right<'_, f32>,
) {
    check(&target, &left, &right);
    let Target { data, row: stride, add } = target;
    let y = data.as_mut_ptr();
    let block = super::even_block(left.inner, INNER_BLOCK);
    let row_block = ROW_BLOCK / R * R;
    for begin in (0..left.rows).step_by(row_block) {
        let end = (begin + row_block).min(left.rows);
        for from in (0..left.inner).step_by(block) {
            let steps = block.min(left.inner - from);
            let add = add || from > 0;
            for panel in (0..right.columns.div_ceil(PANEL)).step_by(P) {
                let wide = P > 1 && (panel + P) * PANEL <= right.columns;
                let mut row = begin;
                let mut next = right.lines.as_ptr().wrapping_add((panel + P) * right.stride + from);
                let after = next.wrapping_add(steps);
                while row < end {
                    let place = Place { row, panel, from, steps, add, next };
                    // A tile asks for an eighth of the next panels' lines; once all were asked for, for the first again.
                    next = next.wrapping_add(steps / 8);
                    next = if next >= after { after.wrapping_sub(steps) } else { next };
                    macro_rules! tile {
                        ($rows:expr) => {{
                            // SAFETY: `check` held, and the tile's rows, panels and steps lie within the shapes.
                            unsafe {
                                if wide {
                                    tile::<S, W, P, $rows>(simd, (y, stride), &left, &right, place);
                                } else {
                                    for panel in panel..(panel + P).min(right.columns.div_ceil(PANEL)) {
                                        let place = Place { panel, ..place };
                                        tile::<S, W, 1, $rows>(simd, (y, stride), &left, &right, place);
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
    row: usize,
    panel: usize,
    from: usize,
    steps: usize,
    add: bool,
    /// Lines that will be wanted.
    next: *const Line<f32>,
}

/// # Safety
/// Rows `place.row .. place.row + R` must be rows of `left` and of the target, panels `place.panel .. place.panel + P`
/// panels of `right`, steps `place.from .. place.from + place.steps` below the inner dimension, and [`check`] must hold.
// Indices rather than iterators or copied slices: what has an address does not stay in registers.
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
#[inline(always)]
unsafe fn tile<S: Simd, const W: usize, const P: usize, const R: usize>(
    simd: S,
    (y, stride): (*mut f32, usize),
    left: &Left<'_, f32>,
    right: &Right<'_, f32>,
    place: Place,
) {
    let far = left.step > 1;
    // SAFETY (all below): as the caller promises, every address lies within its slice.
    unsafe {
        let y = y.add(place.row * stride + place.panel * PANEL);
        let mut lines = right.lines.as_ptr().add(place.panel * right.stride + place.from);
        let mut x = left.data.as_ptr().add(place.row * left.row + place.from * left.step);
        let mut sums = [[[simd.splat_f32s(0.0); W]; P]; R];
        let mut wanted = y.cast_const().wrapping_add(R * stride);
        let mut next = place.next;
        for step in 0..place.steps {
            // The next tile's results and the next panels' lines are asked for bit by bit: all at once they would wait for
            // each other, and this tile's own lines for them.
            if step % 8 == 0 {
                for p in 0..P {
                    prefetch_for_writing(wanted.wrapping_add(p * PANEL));
                    prefetch(next.wrapping_add(p * right.stride).cast());
                }
                wanted = wanted.wrapping_add(stride);
                next = next.wrapping_add(1);
            }
            let mut b = [[simd.splat_f32s(0.0); W]; P];
            for p in 0..P {
                let line: &Line<f32> = &*lines.add(p * right.stride);
                let (vectors, _) = S::as_simd_f32s(&line.0);
                for w in 0..W {
                    b[p][w] = vectors[w];
                }
            }
            if far {
                prefetch(x.wrapping_add(AHEAD * left.step));
            }
            for r in 0..R {
                let a = simd.splat_f32s(*x.add(r * left.row));
                for p in 0..P {
                    for w in 0..W {
                        sums[r][p][w] = simd.mul_add_e_f32s(a, b[p][w], sums[r][p][w]);
                    }
                }
            }
            x = x.wrapping_add(left.step);
            lines = lines.wrapping_add(1);
        }
        for r in 0..R {
            for p in 0..P {
                let first = (place.panel + p) * PANEL;
                let n = PANEL.min(right.columns - first);
                let y = y.add(r * stride + p * PANEL);
                let mut line = Line([0.0; PANEL]);
                if n == PANEL {
                    let y = &mut *y.cast::<[f32; PANEL]>();
                    let (vectors, _) = S::as_mut_simd_f32s(y);
                    for w in 0..W {
                        let sum = sums[r][p][w];
                        vectors[w] = if place.add { simd.add_f32s(vectors[w], sum) } else { sum };
                    }
                } else {
                    let (vectors, _) = S::as_mut_simd_f32s(&mut line.0);
                    for w in 0..W {
                        vectors[w] = sums[r][p][w];
                    }
                    for (i, sum) in line.0[..n].iter().enumerate() {
                        *y.add(i) = if place.add { *y.add(i) + sum } else { *sum };
                    }
                }
            }
        }
    }
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
