//! Attention of new tokens over what is kept, theirs included.
//!
//! One token's queries go over all heads of a block before the next block: keys, and then values, are read once and in
//! order, which is what decoding is bound by. Several tokens of one record go head by head, some rows at a time, so that
//! a head's keys stay near.

use super::kept::{BLOCK, Kept, Line};
use crate::layers::attention::Shape;
use crate::panels::PANEL;
use crate::real::exponentiate;
use pulp::Simd;

type Sixteen = [f32; PANEL];

/// The memory of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    queries: Vec<f32>,
    /// `[heads, rows, blocks]`.
    scores: Vec<Sixteen>,
    /// `[heads, rows, value lines]`.
    sums: Vec<Sixteen>,
}

/// Attention of consecutive tokens of one record in one layer, whose own keys and values are written already.
pub(crate) struct Attend<'a, L> {
    pub(crate) shape: Shape,
    pub(crate) kept: &'a Kept<L>,
    /// The record whose turn is next.
    pub(crate) next: Option<&'a Kept<L>>,
    pub(crate) layer: usize,
    /// The first token's place in the record.
    pub(crate) first: usize,
    /// Rows of queries, keys and values: `[tokens, shape.row()]`.
    pub(crate) rows: &'a [f32],
    /// `[tokens, heads · head_width]`.
    pub(crate) out: &'a mut [f32],
    pub(crate) scratch: &'a mut Scratch,
}

impl<L: Line> pulp::WithSimd for Attend<'_, L> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 1, 8>(simd),
            8 => self.run::<S, 2, 4>(simd),
            4 => self.run::<S, 4, 2>(simd),
            _ => self.run::<S, PANEL, 1>(simd),
        }
    }
}

impl<L: Line> Attend<'_, L> {
    /// `W` vectors make a line; at most `R` rows go together.
    #[inline(always)]
    fn run<S: Simd, const W: usize, const R: usize>(mut self, simd: S) {
        let tokens = self.rows.len() / self.shape.row();
        let mut done = 0;
        while done < tokens {
            if tokens - done >= R {
                self.tile::<S, W, R>(simd, done);
                done += R;
            } else {
                self.tile::<S, W, 1>(simd, done);
                done += 1;
            }
        }
    }

    /// Tokens `done .. done + R`.
    #[inline(always)]
    fn tile<S: Simd, const W: usize, const R: usize>(&mut self, simd: S, done: usize) {
        let Shape { heads, key_value_heads, head_width: d } = self.shape;
        let (group, row, lines) =
            (heads / key_value_heads, self.shape.row(), self.kept.shape().value_lines());
        let first = self.first + done;
        let blocks = (first + R).div_ceil(BLOCK);
        let Scratch { queries, scores, sums } = &mut *self.scratch;
        let scale = 1.0 / (d as f32).sqrt();
        queries.clear();
        for head in 0..heads {
            for r in 0..R {
                let query = &self.rows[(done + r) * row + head * d..][..d];
                queries.extend(query.iter().map(|q| q * scale));
            }
        }
        scores.resize(scores.len().max(heads * R * blocks), [0.0; PANEL]);
        sums.clear();
        sums.resize(heads * R * lines, [0.0; PANEL]);
        let together = if R > 1 { 1 } else { key_value_heads };
        for begin in (0..key_value_heads).step_by(together) {
            let of_pass = begin..begin + together;
            for block in 0..blocks {
                let (keys, _) = self.kept.block(self.layer, block);
                let ahead = match block + 1 {
                    _ if R > 1 => Ahead::default(),
                    next if next < blocks => Ahead::of(self.kept.block(self.layer, next).0),
                    _ => Ahead::of(self.kept.block(self.layer, 0).1),
                };
                for key_head in of_pass.clone() {
                    let keys = &keys[key_head * d..(key_head + 1) * d];
                    let mut ahead = ahead.from(key_head * d);
                    for head in key_head * group..(key_head + 1) * group {
                        let queries = &queries[head * R * d..][..R * d];
                        let products =
                            products::<S, W, R, L>(simd, queries, keys, std::mem::take(&mut ahead));
                        for (r, products) in products.iter().enumerate() {
                            let line = &mut scores[(head * R + r) * blocks + block];
                            S::as_mut_simd_f32s(line).0.copy_from_slice(products);
                        }
                    }
                }
            }
            for head in begin * group..(begin + together) * group {
                for r in 0..R {
                    let row = scores[(head * R + r) * blocks..][..blocks].as_flattened_mut();
                    let visible = first + r + 1;
                    row[visible..].fill(0.0);
                    let (_, sum) = exponentiate(&mut row[..visible]);
                    // The queries have been used; their place holds what the sums are to be divided by.
                    queries[(head * R + r) * d] = sum;
                }
            }
            for block in 0..blocks {
                let (_, values) = self.kept.block(self.layer, block);
                let tokens = BLOCK.min(first + R - block * BLOCK);
                let ahead = match block + 1 {
                    _ if R > 1 => Ahead::default(),
                    next if next < blocks => Ahead::of(self.kept.block(self.layer, next).1),
                    _ => self.next.map_or(Ahead::default(), |next| Ahead::of(next.block(self.layer, 0).0)),
                };
                for key_head in of_pass.clone() {
                    let values = &values[key_head * lines * BLOCK..][..lines * BLOCK];
                    let mut ahead = ahead.from(key_head * lines * BLOCK);
                    for head in key_head * group..(key_head + 1) * group {
                        let weights: [&Sixteen; R] = std::array::from_fn(
                            #[inline(always)]
                            |r| &scores[(head * R + r) * blocks + block],
                        );
                        let sums = &mut sums[head * R * lines..][..R * lines];
                        let ahead = std::mem::take(&mut ahead);
                        add_weighted::<S, W, R, L>(simd, weights, (values, tokens), sums, ahead);
                    }
                }
            }
        }
        for head in 0..heads {
            for r in 0..R {
                let inverse = 1.0 / queries[(head * R + r) * d];
                let out = &mut self.out[((done + r) * heads + head) * d..][..d];
                let sums = sums[(head * R + r) * lines..][..lines].as_flattened();
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = sum * inverse;
                }
            }
        }
    }
}

/// Lines that will be read after those that are being read: they are asked for one by one meanwhile, since a block is
/// shorter than what a processor would need to guess that the next one is wanted, and lies elsewhere.
#[derive(Clone, Copy)]
struct Ahead<L>(*const L);

impl<L> Default for Ahead<L> {
    #[inline(always)]
    fn default() -> Self {
        Ahead(std::ptr::null())
    }
}

impl<L> Ahead<L> {
    #[inline(always)]
    fn of(lines: &[L]) -> Self {
        Ahead(lines.as_ptr())
    }

    /// From line `first` on.
    #[inline(always)]
    fn from(self, first: usize) -> Self {
        if self.0.is_null() { self } else { Ahead(self.0.wrapping_add(first)) }
    }

    /// Asks for line `i`; a cache line that two share, once.
    #[inline(always)]
    fn ask(self, i: usize) {
        #[cfg(target_arch = "x86_64")]
        if !self.0.is_null() && (size_of::<L>() >= 64 || i.is_multiple_of(2)) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a hint that reads nothing and faults nowhere; every x86-64 processor has the instruction.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.0.wrapping_add(i).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = i;
    }
}

/// The products of `R` queries, one after the other, with sixteen keys.
#[inline(always)]
fn products<S: Simd, const W: usize, const R: usize, L: Line>(
    simd: S,
    queries: &[f32],
    keys: &[L],
    ahead: Ahead<L>,
) -> [[S::f32s; W]; R] {
    let d = keys.len();
    let queries: [&[f32]; R] = std::array::from_fn(
        #[inline(always)]
        |r| &queries[r * d..(r + 1) * d],
    );
    // One query's sums wait for their last addition, so two are kept.
    let mut sums = [[[simd.splat_f32s(0.0); W]; R]; 2];
    let (pairs, last) = keys.as_chunks::<2>();
    for (p, pair) in pairs.iter().enumerate() {
        for half in 0..2 {
            ahead.ask(2 * p + half);
            let line = pair[half].widen();
            let (key, _) = S::as_simd_f32s(&line);
            for r in 0..R {
                // SAFETY: each query was cut to the keys' length.
                let q = simd.splat_f32s(unsafe { *queries[r].get_unchecked(2 * p + half) });
                let sums = &mut sums[if R < 4 { half } else { 0 }];
                for w in 0..W {
                    sums[r][w] = simd.mul_add_e_f32s(q, key[w], sums[r][w]);
                }
            }
        }
    }
    for line in last {
        let line = line.widen();
        let (key, _) = S::as_simd_f32s(&line);
        for r in 0..R {
            let q = simd.splat_f32s(queries[r][d - 1]);
            for w in 0..W {
                sums[0][r][w] = simd.mul_add_e_f32s(q, key[w], sums[0][r][w]);
            }
        }
    }
    std::array::from_fn(
        #[inline(always)]
        |r| {
            std::array::from_fn(
                #[inline(always)]
                |w| simd.add_f32s(sums[0][r][w], sums[1][r][w]),
            )
        },
    )
}

/// Adds the first `tokens` values of a head in a block (`[lines, BLOCK]`), times `R` rows' weights, to their sums
/// (`[R, lines]`).
#[inline(always)]
fn add_weighted<S: Simd, const W: usize, const R: usize, L: Line>(
    simd: S,
    weights: [&Sixteen; R],
    (values, tokens): (&[L], usize),
    sums: &mut [Sixteen],
    ahead: Ahead<L>,
) {
    let lines = sums.len() / R;
    for (c, values) in values.chunks_exact(BLOCK).enumerate() {
        let mut total = [[[simd.splat_f32s(0.0); W]; R]; 2];
        for r in 0..R {
            total[0][r].copy_from_slice(S::as_simd_f32s(&sums[r * lines + c]).0);
        }
        for (t, line) in values[..tokens].iter().enumerate() {
            ahead.ask(c * BLOCK + t);
            let line = line.widen();
            let (value, _) = S::as_simd_f32s(&line);
            let total = &mut total[if R < 4 { t % 2 } else { 0 }];
            for r in 0..R {
                // SAFETY: a block has as many tokens as a line has numbers.
                let weight = simd.splat_f32s(unsafe { *weights[r].get_unchecked(t) });
                for w in 0..W {
                    total[r][w] = simd.mul_add_e_f32s(weight, value[w], total[r][w]);
                }
            }
        }
        for r in 0..R {
            let (sum, _) = S::as_mut_simd_f32s(&mut sums[r * lines + c]);
            for w in 0..W {
                sum[w] = simd.add_f32s(total[0][r][w], total[1][r][w]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kept::{Half, KeptShape, Whole};
    use super::*;
    use crate::gradient_check::wave;
    use crate::layers::attention;
    use pulp::WithSimd;

    fn single(values: &[f64]) -> Vec<f32> {
        values.iter().map(|v| *v as f32).collect()
    }

    /// The largest difference from attention over the whole record, in `f64`, when the record is kept `step` tokens
    /// at a time.
    fn worst<L: Line>(shape: Shape, tokens: usize, step: usize, mut run: impl FnMut(Attend<'_, L>)) -> f64 {
        let qkv = wave(tokens * shape.row(), 0.3);
        let width = shape.heads * shape.head_width;
        let (mut whole, mut log_sum) = (vec![0.0; tokens * width], vec![0.0; tokens * shape.heads]);
        let whole_record = 0..tokens;
        let segments = std::slice::from_ref(&whole_record);
        attention::forward(
            shape,
            segments,
            &qkv,
            &mut whole,
            &mut log_sum,
            &mut attention::Scratch::default(),
        );
        let of = KeptShape { layers: 2, heads: shape.key_value_heads, head_width: shape.head_width };
        let (mut kept, mut scratch) = (Kept::<L>::new(of), Scratch::default());
        let mut worst = 0.0_f64;
        for (rows, expected) in single(&qkv).chunks(step * shape.row()).zip(whole.chunks(step * width)) {
            let (first, new) = (kept.len(), rows.len() / shape.row());
            kept.reserve(new);
            for (i, row) in rows.chunks_exact(shape.row()).enumerate() {
                let (keys, values) = row[width..].split_at(shape.key_value_heads * shape.head_width);
                kept.write(1, first + i, keys, values);
            }
            let mut out = vec![f32::NAN; new * width];
            let (kept_now, scratch) = (&kept, &mut scratch);
            run(Attend {
                shape,
                kept: kept_now,
                next: Some(kept_now),
                layer: 1,
                first,
                rows,
                out: &mut out,
                scratch,
            });
            kept.advance(new);
            for (found, expected) in out.iter().zip(expected) {
                worst = worst.max((f64::from(*found) - expected).abs());
            }
        }
        worst
    }

    fn check(mut run: impl FnMut(Attend<'_, Whole>), mut run_half: impl FnMut(Attend<'_, Half>)) {
        for shape in [
            Shape { heads: 4, key_value_heads: 2, head_width: 3 },
            Shape { heads: 2, key_value_heads: 2, head_width: 36 },
            Shape { heads: 3, key_value_heads: 1, head_width: 16 },
        ] {
            for step in [1, 5, 53] {
                let worst_whole = worst::<Whole>(shape, 3 * BLOCK + 5, step, &mut run);
                assert!(worst_whole < 1e-5, "{worst_whole:e}");
                let worst_half = worst::<Half>(shape, 3 * BLOCK + 5, step, &mut run_half);
                assert!(worst_half < 3e-3 && worst_half > 1e-6, "{worst_half:e}");
            }
        }
    }

    #[test]
    fn whatever_the_registers_it_is_attention_over_the_whole() {
        check(|attend| pulp::Arch::new().dispatch(attend), |attend| pulp::Arch::new().dispatch(attend));
        check(|attend| attend.with_simd(pulp::Scalar), |attend| attend.with_simd(pulp::Scalar));
        let four = pulp::Scalar128b;
        check(|attend| attend.with_simd(four), |attend| attend.with_simd(four));
        let eight = pulp::Scalar256b;
        check(|attend| attend.with_simd(eight), |attend| attend.with_simd(eight));
        let sixteen = pulp::Scalar512b;
        check(|attend| attend.with_simd(sixteen), |attend| attend.with_simd(sixteen));
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            check(|attend| pulp::Simd::vectorize(v3, attend), |attend| pulp::Simd::vectorize(v3, attend));
        }
    }
}
