//! Attention of new tokens over what is kept, theirs included.
//!
//! One token's queries go over all heads of a block before the next block: keys, and then values, are read once and in
//! order, which is what decoding is bound by. Several tokens of one record go by tiles ([`many`]).

mod many;
mod softmax;

use super::kept::{BLOCK, Kept, Line};
use crate::layers::attention::Shape;
use crate::panels::PANEL;
use pulp::Simd;
use softmax::softmax;

type Sixteen = [f32; PANEL];

/// The memory of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    queries: Vec<f32>,
    /// `[heads or rows, blocks]`.
    scores: Vec<Sixteen>,
    /// `[heads, value lines]`.
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
            16 => self.run::<S, 1, 2, 12>(simd),
            8 => self.run::<S, 2, 1, 6>(simd),
            4 => self.run::<S, 4, 1, 2>(simd),
            _ => self.run::<S, PANEL, 1, 1>(simd),
        }
    }
}

impl<L: Line> Attend<'_, L> {
    /// `W` vectors make a line; tiles are at most `R` rows high and `P` lines wide.
    #[inline(always)]
    fn run<S: Simd, const W: usize, const P: usize, const R: usize>(mut self, simd: S) {
        let tokens = self.rows.len() / self.shape.row();
        let mut done = 0;
        while done < tokens {
            match tokens - done {
                left if R > 1 && left >= R => {
                    self.many::<S, W, P, R>(simd, done);
                    done += R;
                }
                4.. if R > 4 => {
                    self.many::<S, W, P, 4>(simd, done);
                    done += 4;
                }
                _ => {
                    self.one::<S, W>(simd, done);
                    done += 1;
                }
            }
        }
    }

    /// Token `done`.
    #[inline(always)]
    fn one<S: Simd, const W: usize>(&mut self, simd: S, done: usize) {
        let Shape { heads, key_value_heads, head_width: d } = self.shape;
        let (group, row, lines) =
            (heads / key_value_heads, self.shape.row(), self.kept.shape().value_lines());
        let visible = self.first + done + 1;
        let blocks = visible.div_ceil(BLOCK);
        let Scratch { queries, scores, sums } = &mut *self.scratch;
        let scale = 1.0 / (d as f32).sqrt();
        queries.clear();
        queries.extend(self.rows[done * row..][..heads * d].iter().map(|q| q * scale));
        scores.resize(scores.len().max(heads * blocks), [0.0; PANEL]);
        sums.clear();
        sums.resize(heads * lines, [0.0; PANEL]);
        // The last block first, which has just been written to.
        let last = blocks - 1;
        for turn in 0..blocks {
            let block = if turn == 0 { last } else { turn - 1 };
            let (keys, _) = self.kept.block(self.layer, block);
            let ahead = match turn {
                next if next < last => Ahead::of(self.kept.block(self.layer, next).0),
                _ => Ahead::of(self.kept.block(self.layer, 0).1),
            };
            for key_head in 0..key_value_heads {
                let keys = &keys[key_head * d..(key_head + 1) * d];
                let mut ahead = ahead.from(key_head * d);
                for head in key_head * group..(key_head + 1) * group {
                    let query = &queries[head * d..][..d];
                    let products = products::<S, W, L>(simd, query, keys, std::mem::take(&mut ahead));
                    let line = &mut scores[head * blocks + block];
                    S::as_mut_simd_f32s(line).0.copy_from_slice(&products);
                }
            }
        }
        for head in 0..heads {
            let row = &mut scores[head * blocks..][..blocks];
            // The query has been used; its place holds what the sums are to be divided by.
            queries[head * d] = softmax::<S, W>(simd, row, visible);
        }
        for block in 0..blocks {
            let (_, values) = self.kept.block(self.layer, block);
            let tokens = BLOCK.min(visible - block * BLOCK);
            let ahead = match block + 1 {
                next if next < blocks => Ahead::of(self.kept.block(self.layer, next).1),
                _ => {
                    let keys = self.next.and_then(|next| next.keys_to_write(self.layer));
                    keys.map_or(Ahead::default(), Ahead::of)
                }
            };
            for key_head in 0..key_value_heads {
                let values = &values[key_head * lines * BLOCK..][..lines * BLOCK];
                let mut ahead = ahead.from(key_head * lines * BLOCK);
                for head in key_head * group..(key_head + 1) * group {
                    let weights = &scores[head * blocks + block];
                    let sums = &mut sums[head * lines..][..lines];
                    let ahead = std::mem::take(&mut ahead);
                    add_weighted::<S, W, L>(simd, weights, (values, tokens), sums, ahead);
                }
            }
        }
        for head in 0..heads {
            let inverse = 1.0 / queries[head * d];
            let out = &mut self.out[(done * heads + head) * d..][..d];
            for (out, sum) in out.iter_mut().zip(sums[head * lines..][..lines].as_flattened()) {
                *out = sum * inverse;
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
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            // Into the second cache level: the first has room for two dozen lines under way, which is half of what memory could
            // bring meanwhile.
            // SAFETY: a hint that reads nothing and faults nowhere; every x86-64 processor has the instruction.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(self.0.wrapping_add(i).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = i;
    }
}

/// The products of a query with sixteen keys.
#[inline(always)]
fn products<S: Simd, const W: usize, L: Line>(
    simd: S,
    query: &[f32],
    keys: &[L],
    ahead: Ahead<L>,
) -> [S::f32s; W] {
    // One chain of sums would wait for its last addition, so there are four.
    let mut sums = [[simd.splat_f32s(0.0); W]; CHAINS];
    let (groups, rest) = keys.as_chunks::<CHAINS>();
    let (query_groups, query_rest) = query.as_chunks::<CHAINS>();
    for (p, (keys, query)) in groups.iter().zip(query_groups).enumerate() {
        for c in 0..CHAINS {
            ahead.ask(CHAINS * p + c);
            add_product::<S, W, L>(simd, &mut sums[c], &keys[c], query[c]);
        }
    }
    for (line, q) in rest.iter().zip(query_rest) {
        add_product::<S, W, L>(simd, &mut sums[0], line, *q);
    }
    in_one(simd, sums)
}

/// `sums += factor · line`.
#[inline(always)]
fn add_product<S: Simd, const W: usize, L: Line>(simd: S, sums: &mut [S::f32s; W], line: &L, factor: f32) {
    let line = line.widen();
    let (vectors, _) = S::as_simd_f32s(&line);
    let factor = simd.splat_f32s(factor);
    for w in 0..W {
        sums[w] = simd.mul_add_e_f32s(factor, vectors[w], sums[w]);
    }
}

/// Sums that are worked on at the same time for one row.
const CHAINS: usize = 4;

#[inline(always)]
fn in_one<S: Simd, const W: usize>(simd: S, sums: [[S::f32s; W]; CHAINS]) -> [S::f32s; W] {
    std::array::from_fn(
        #[inline(always)]
        |w| {
            let (a, b) = (simd.add_f32s(sums[0][w], sums[1][w]), simd.add_f32s(sums[2][w], sums[3][w]));
            simd.add_f32s(a, b)
        },
    )
}

/// Adds the first `tokens` values of a head in a block (`[lines, BLOCK]`), times a row's weights, to their sums.
#[inline(always)]
fn add_weighted<S: Simd, const W: usize, L: Line>(
    simd: S,
    weights: &Sixteen,
    (values, tokens): (&[L], usize),
    sums: &mut [Sixteen],
    ahead: Ahead<L>,
) {
    for (c, (values, sum)) in values.chunks_exact(BLOCK).zip(sums).enumerate() {
        let (sum, _) = S::as_mut_simd_f32s(sum);
        let mut total = [[simd.splat_f32s(0.0); W]; CHAINS];
        total[0].copy_from_slice(sum);
        // Indices that are constants leave the sums in registers.
        let groups = values.as_chunks::<CHAINS>().0.iter().zip(weights.as_chunks::<CHAINS>().0);
        for (g, (lines, weights)) in groups.take(tokens / CHAINS).enumerate() {
            for t in 0..CHAINS {
                ahead.ask(c * BLOCK + g * CHAINS + t);
                add_product::<S, W, L>(simd, &mut total[t], &lines[t], weights[t]);
            }
        }
        for t in tokens / CHAINS * CHAINS..tokens {
            ahead.ask(c * BLOCK + t);
            add_product::<S, W, L>(simd, &mut total[0], &values[t], weights[t]);
        }
        sum.copy_from_slice(&in_one(simd, total));
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
        let (mut kept, mut scratch) = (Kept::<L>::new(of, &of.memory::<L>()), Scratch::default());
        let mut worst = 0.0_f64;
        for (rows, expected) in single(&qkv).chunks(step * shape.row()).zip(whole.chunks(step * width)) {
            let (first, new) = (kept.len(), rows.len() / shape.row());
            kept.reserve(new);
            kept.write_new(1, rows.chunks_exact(shape.row()).map(|row| &row[width..]));
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
