//! Products with weights of 8 bits.
//!
//! A column of weights is kept as integers from −127 to 127 times a scale of its own. Rows are rounded in the same way,
//! each by its own largest magnitude, when they are multiplied; sums of products of integers are exact, so that every
//! instruction set gives the same result.

// Indices rather than iterators: what has an address does not stay in registers.
#![allow(clippy::needless_range_loop)]

use crate::panels::PANEL;

/// Inner places per line: one 32-bit lane holds four of a column.
const GROUP: usize = 4;

/// What is added to a row's integers, so that they are unsigned, as the instruction wants one factor to be.
const OFFSET: i32 = 128;

/// Four rows of a panel: `[column][place]`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Quad([i8; PANEL * GROUP]);

/// A matrix `[inner, columns]` in panels of sixteen columns.
pub(crate) struct Int8Panels {
    quads: Vec<Quad>,
    inner: usize,
    columns: usize,
    /// Per column.
    scales: Vec<f32>,
    /// Per column, [`OFFSET`] times the sum of its integers.
    offsets: Vec<i32>,
}

impl Int8Panels {
    /// Lays out the transpose of `matrix`, which is `[columns, inner]`.
    pub(crate) fn of_transposed(matrix: &[f32], inner: usize) -> Self {
        let columns = matrix.len() / inner;
        let (padded, per_panel) = (columns.next_multiple_of(PANEL), inner.div_ceil(GROUP));
        let mut quads = vec![Quad([0; PANEL * GROUP]); padded / PANEL * per_panel];
        let (mut scales, mut offsets) = (vec![0.0; padded], vec![0; padded]);
        for (column, weights) in matrix.chunks_exact(inner).enumerate() {
            let scale = largest(weights) / 127.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            scales[column] = scale;
            let panel = &mut quads[column / PANEL * per_panel..][..per_panel];
            for (quad, weights) in panel.iter_mut().zip(weights.chunks(GROUP)) {
                for (place, weight) in weights.iter().enumerate() {
                    let integer = (weight * inverse).round_ties_even() as i8;
                    quad.0[column % PANEL * GROUP + place] = integer;
                    offsets[column] += OFFSET * i32::from(integer);
                }
            }
        }
        Int8Panels { quads, inner, columns, scales, offsets }
    }
}

/// The largest magnitude.
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; PANEL];
    let (lines, rest) = values.as_chunks::<PANEL>();
    for line in lines {
        for (lane, value) in lanes.iter_mut().zip(line) {
            let magnitude = value.abs();
            *lane = if magnitude > *lane { magnitude } else { *lane };
        }
    }
    // By halves, which registers can do.
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] = if lanes[i + half] > lanes[i] { lanes[i + half] } else { lanes[i] };
        }
    }
    let mut most = lanes[0];
    for value in rest {
        most = if value.abs() > most { value.abs() } else { most };
    }
    most
}

/// Rows as integers.
#[derive(Default)]
pub(crate) struct Rounded {
    /// `[rows, inner]`, rows padded to whole groups, each integer plus [`OFFSET`].
    integers: Vec<[u8; GROUP]>,
    /// Per row.
    scales: Vec<f32>,
}

impl Rounded {
    fn set(&mut self, x: &[f32], inner: usize) {
        let groups = inner.div_ceil(GROUP);
        let rows = x.len() / inner;
        self.scales.clear();
        self.integers.resize(self.integers.len().max(rows * groups), [0; GROUP]);
        let scales = &mut self.scales;
        let integers = &mut self.integers;
        crate::real::vectorised(
            #[inline(always)]
            || {
                for (x, integers) in x.chunks_exact(inner).zip(integers.chunks_exact_mut(groups)) {
                    let scale = largest(x) / 127.0;
                    scales.push(scale);
                    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                    // Adding and subtracting would round too; the sum's low byte is the integer, plus the offset.
                    const ROUND: f32 = 12_582_912.0 + OFFSET as f32;
                    let integers = integers.as_flattened_mut();
                    for (integer, x) in integers.iter_mut().zip(x) {
                        *integer = (x * inverse + ROUND).to_bits() as u8;
                    }
                    integers[inner..].fill(OFFSET as u8);
                }
            },
        );
    }
}

/// `y = x B` with `x` as `[rows, inner]` and `y` as `[rows, columns]`, in the best way that this processor has.
pub(crate) fn multiply(y: &mut [f32], x: &[f32], weights: &Int8Panels, rounded: &mut Rounded) {
    Way::best().multiply(y, x, weights, rounded);
}

/// A way to multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with its dot products of bytes.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Way {
    fn all() -> impl Iterator<Item = Way> {
        #[cfg(target_arch = "x86_64")]
        let special = [
            (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni"), Way::Vnni),
            (is_x86_feature_detected!("avx2"), Way::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let special: [(bool, Way); 0] = [];
        special.into_iter().filter_map(|(can, way)| can.then_some(way)).chain([Way::Plain])
    }

    fn best() -> Way {
        Way::all().next().unwrap_or(Way::Plain)
    }

    fn multiply(self, y: &mut [f32], x: &[f32], weights: &Int8Panels, rounded: &mut Rounded) {
        let rows = x.len() / weights.inner;
        let fits = x.len() == rows * weights.inner && y.len() == rows * weights.columns;
        assert!(fits, "shapes of a product disagree");
        rounded.set(x, weights.inner);
        match self {
            Way::Plain => plainly(y, rounded, weights),
            // SAFETY: `Way::all` found the instructions, and `rounded` holds as many rows as `y`.
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => unsafe { x86::with_avx2(y, rounded, weights) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Way::Vnni => unsafe { x86::with_vnni(y, rounded, weights) },
        }
    }
}

/// Puts down one row's sums in one panel.
#[inline(always)]
fn put(y: &mut [f32], scale: f32, first: usize, sums: &[i32; PANEL], weights: &Int8Panels) {
    let (scales, offsets) = (&weights.scales[first..][..PANEL], &weights.offsets[first..][..PANEL]);
    let values: [f32; PANEL] = std::array::from_fn(
        #[inline(always)]
        |i| (sums[i] - offsets[i]) as f32 * (scale * scales[i]),
    );
    let n = PANEL.min(weights.columns - first);
    y[first..first + n].copy_from_slice(&values[..n]);
}

fn plainly(y: &mut [f32], rounded: &Rounded, weights: &Int8Panels) {
    let groups = weights.inner.div_ceil(GROUP);
    let rows = rounded.integers.chunks_exact(groups).zip(&rounded.scales);
    for (y, (row, scale)) in y.chunks_exact_mut(weights.columns).zip(rows) {
        for (panel, quads) in weights.quads.chunks_exact(groups).enumerate() {
            let mut sums = [0_i32; PANEL];
            for (a, quad) in row.iter().zip(quads) {
                for (sum, b) in sums.iter_mut().zip(quad.0.as_chunks::<GROUP>().0) {
                    *sum += a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>();
                }
            }
            put(y, *scale, panel * PANEL, &sums, weights);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{GROUP, Int8Panels, PANEL, Quad, Rounded, put};
    use crate::panels::each_row;
    use std::arch::x86_64::*;

    /// Where a tile's rows begin: integers `[rows, groups]` and what becomes of them.
    #[derive(Clone, Copy)]
    struct Rows<'a> {
        integers: &'a [[u8; GROUP]],
        scales: &'a [f32],
        groups: usize,
    }

    impl Rows<'_> {
        fn all<'a>(rounded: &'a Rounded, weights: &Int8Panels) -> Rows<'a> {
            let groups = weights.inner.div_ceil(GROUP);
            let rows = rounded.scales.len();
            Rows { integers: &rounded.integers[..rows * groups], scales: &rounded.scales, groups }
        }

        fn len(&self) -> usize {
            self.scales.len()
        }

        /// Four integers of row `r`, as one number.
        ///
        /// # Safety
        /// `r` must be a row and `p` a group.
        #[inline(always)]
        unsafe fn group(&self, r: usize, p: usize) -> i32 {
            // SAFETY: as the caller promises.
            i32::from_ne_bytes(unsafe { *self.integers.get_unchecked(r * self.groups + p) })
        }
    }

    /// # Safety
    /// The processor must have the instructions; `y` must be `[rows, columns]`.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) unsafe fn with_vnni(y: &mut [f32], rounded: &Rounded, weights: &Int8Panels) {
        let rows = Rows::all(rounded, weights);
        let panels = weights.quads.len() / rows.groups;
        let mut panel = 0;
        while panel < panels {
            let wide = panel + 2 <= panels;
            let mut row = 0;
            while row < rows.len() {
                macro_rules! tile {
                    ($n:expr) => {{
                        // SAFETY: rows and panels lie within the shapes.
                        unsafe {
                            if wide {
                                vnni_tile::<$n, 2>(y, rows, row, panel, weights);
                            } else {
                                vnni_tile::<$n, 1>(y, rows, row, panel, weights);
                            }
                        }
                        row += $n;
                    }};
                }
                match rows.len() - row {
                    12.. => tile!(12),
                    8.. => tile!(8),
                    4.. => tile!(4),
                    _ => tile!(1),
                }
            }
            panel += if wide { 2 } else { 1 };
        }
    }

    /// # Safety
    /// As above, and rows `row .. row + R` and panels `panel .. panel + P` must exist.
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn vnni_tile<const R: usize, const P: usize>(
        y: &mut [f32],
        rows: Rows<'_>,
        row: usize,
        panel: usize,
        weights: &Int8Panels,
    ) {
        let groups = rows.groups;
        let quads: [&[Quad]; P] = std::array::from_fn(|p| &weights.quads[(panel + p) * groups..][..groups]);
        // A pointer for three rows: the next two are one and two strides further, which an address can say by itself.
        let apart = groups * GROUP;
        let begin = rows.integers.as_ptr().cast::<u8>().wrapping_add(row * apart);
        let integers: [*const u8; 4] = std::array::from_fn(|i| begin.wrapping_add(3 * i * apart));
        let mut sums = [[_mm512_setzero_si512(); P]; R];
        for p in 0..groups {
            let b: [__m512i; P] = std::array::from_fn(|i| {
                // SAFETY: a quad is one aligned register, and there are `groups` of them.
                unsafe { _mm512_load_si512(quads[i].as_ptr().add(p).cast()) }
            });
            each_row!(R, r => {
                // SAFETY: as the caller promises, rows `row .. row + R` exist, and each has `groups` groups.
                let group = unsafe { integers[r / 3].add(r % 3 * apart + p * GROUP).cast::<i32>().read_unaligned() };
                let a = _mm512_set1_epi32(group);
                for i in 0..P {
                    sums[r][i] = _mm512_dpbusd_epi32(sums[r][i], a, b[i]);
                }
            });
        }
        for i in 0..P {
            let first = (panel + i) * PANEL;
            // SAFETY: scales and offsets are as many as padded columns.
            let (scales, offsets) = unsafe {
                (
                    _mm512_loadu_ps(weights.scales.as_ptr().add(first)),
                    _mm512_loadu_si512(weights.offsets.as_ptr().add(first).cast()),
                )
            };
            let n = PANEL.min(weights.columns - first);
            let whole = ((1_u32 << n) - 1) as __mmask16;
            each_row!(R, r => {
                let sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[r][i], offsets));
                let value = _mm512_mul_ps(sum, _mm512_mul_ps(_mm512_set1_ps(rows.scales[row + r]), scales));
                let y = &mut y[(row + r) * weights.columns + first..][..n];
                // SAFETY: the mask leaves out what the row has no room for.
                unsafe { _mm512_mask_storeu_ps(y.as_mut_ptr(), whole, value) };
            });
        }
    }

    /// # Safety
    /// The processor must have the instructions; `y` must be `[rows, columns]`.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn with_avx2(y: &mut [f32], rounded: &Rounded, weights: &Int8Panels) {
        let rows = Rows::all(rounded, weights);
        for panel in 0..weights.quads.len() / rows.groups {
            let mut row = 0;
            while row < rows.len() {
                // SAFETY: rows and the panel lie within the shapes.
                unsafe {
                    if row + 2 <= rows.len() {
                        avx2_tile::<2>(y, rows, row, panel, weights);
                        row += 2;
                    } else {
                        avx2_tile::<1>(y, rows, row, panel, weights);
                        row += 1;
                    }
                }
            }
        }
    }

    /// The byte product of this instruction set loses what exceeds 16 bits, so bytes become 16-bit numbers first. A
    /// column's sum is then in two neighbouring lanes.
    ///
    /// # Safety
    /// As above, and rows `row .. row + R` and the panel must exist.
    #[target_feature(enable = "avx2")]
    unsafe fn avx2_tile<const R: usize>(
        y: &mut [f32],
        rows: Rows<'_>,
        row: usize,
        panel: usize,
        weights: &Int8Panels,
    ) {
        const PARTS: usize = 4;
        let mut sums = [[_mm256_setzero_si256(); PARTS]; R];
        for (p, quad) in weights.quads[panel * rows.groups..][..rows.groups].iter().enumerate() {
            let a: [__m256i; R] = std::array::from_fn(|r| {
                // SAFETY: as the caller promises.
                let bytes = _mm_set1_epi32(unsafe { rows.group(row + r, p) });
                _mm256_cvtepu8_epi16(bytes)
            });
            for part in 0..PARTS {
                // SAFETY: a quad has four parts of sixteen bytes, aligned.
                let bytes = unsafe { _mm_load_si128(quad.0.as_ptr().cast::<__m128i>().add(part)) };
                let b = _mm256_cvtepi8_epi16(bytes);
                for r in 0..R {
                    sums[r][part] = _mm256_add_epi32(sums[r][part], _mm256_madd_epi16(a[r], b));
                }
            }
        }
        for r in 0..R {
            let mut halves = [0_i32; 2 * PANEL];
            for part in 0..PARTS {
                // SAFETY: eight numbers a part.
                unsafe {
                    _mm256_storeu_si256(halves.as_mut_ptr().cast::<__m256i>().add(part), sums[r][part])
                };
            }
            let line = std::array::from_fn(|i| halves[2 * i] + halves[2 * i + 1]);
            let y = &mut y[(row + r) * weights.columns..][..weights.columns];
            put(y, rows.scales[row + r], panel * PANEL, &line, weights);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_integers_do_not_overflow() {
        let inner = 4096;
        for (x, w) in [(1.0_f32, 1.0_f32), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let weights = Int8Panels::of_transposed(&vec![w; 3 * inner], inner);
            for way in Way::all() {
                let mut y = [0.0; 3];
                way.multiply(&mut y, &vec![x; inner], &weights, &mut Rounded::default());
                assert!(y.iter().all(|y| (y - x * w * inner as f32).abs() < 0.01), "{way:?}: {y:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_way_gives_the_same_and_it_is_near_the_product(
            rows in 0_usize..40, inner in 1_usize..70, columns in 1_usize..60, seed: u32,
        ) {
            let noise = |i: usize, salt: u32| {
                let bits = (i as u32 ^ salt).wrapping_mul(2_654_435_761) ^ seed;
                bits.wrapping_mul(2_246_822_519) as f32 / 2_f32.powi(31) - 1.0
            };
            let x: Vec<f32> = (0..rows * inner).map(|i| 3.0 * noise(i, 0x1000_0000)).collect();
            let matrix: Vec<f32> = (0..columns * inner).map(|i| 0.1 * noise(i, 0x2000_0000)).collect();
            let weights = Int8Panels::of_transposed(&matrix, inner);
            let mut rounded = Rounded::default();
            let mut expected = vec![f32::NAN; rows * columns];
            Way::Plain.multiply(&mut expected, &x, &weights, &mut rounded);
            for way in Way::all() {
                let mut y = vec![f32::NAN; rows * columns];
                way.multiply(&mut y, &x, &weights, &mut rounded);
                prop_assert_eq!(&y, &expected, "{:?}", way);
            }
            for (i, y) in expected.iter().enumerate() {
                let (a, b) = (&x[i / columns * inner..][..inner], &matrix[i % columns * inner..][..inner]);
                let exact: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum();
                // Half a step of each factor, at most, in every term.
                let bound = (inner as f32 * 1.05 * largest(a) * largest(b) / 127.0).max(1e-6);
                prop_assert!((f64::from(*y) - exact).abs() <= f64::from(bound));
            }
        }
    }
}
