//! Attention of several consecutive tokens of one record, head by head in tiles.
//!
//! A tile is some tokens by one or two lines of sixteen: keys first, then columns of values, which are summed in registers
//! over all blocks. With twelve tokens and two lines that is 14 loads for 24 multiplications, as in
//! [`panels`](crate::panels).

use super::super::kept::{BLOCK, Line};
use super::{Attend, Scratch, softmax::softmax};
use crate::layers::attention::Shape;
use crate::panels::{PANEL, each_row};
use pulp::Simd;

impl<L: Line> Attend<'_, L> {
    /// Tokens `done .. done + R`.
    #[inline(always)]
    pub(super) fn many<S: Simd, const W: usize, const P: usize, const R: usize>(
        &mut self,
        simd: S,
        done: usize,
    ) {
        let Shape { heads, key_value_heads, head_width: d } = self.shape;
        let (group, row, lines) =
            (heads / key_value_heads, self.shape.row(), self.kept.shape().value_lines());
        let first = self.first + done;
        let blocks = (first + R).div_ceil(BLOCK);
        // A tile that is wider than what there is does the last line twice, into a place of its own.
        let stride = blocks.next_multiple_of(P);
        let Scratch { queries, scores, .. } = &mut *self.scratch;
        let scale = 1.0 / (d as f32).sqrt();
        queries.resize(queries.len().max(R * d), 0.0);
        scores.resize(scores.len().max(R * stride), [0.0; PANEL]);
        let (queries, scores) = (&mut queries[..R * d], &mut scores[..R * stride]);
        for head in 0..heads {
            let key_head = head / group;
            for (r, query) in queries.chunks_exact_mut(d).enumerate() {
                let from = &self.rows[(done + r) * row + head * d..][..d];
                query.iter_mut().zip(from).for_each(|(query, from)| *query = from * scale);
            }
            for block in (0..blocks).step_by(P) {
                let keys: [&[L]; P] = std::array::from_fn(
                    #[inline(always)]
                    |p| {
                        let (keys, _) = self.kept.block(self.layer, (block + p).min(blocks - 1));
                        &keys[key_head * d..(key_head + 1) * d]
                    },
                );
                let mut sums = [[[simd.splat_f32s(0.0); W]; P]; R];
                // SAFETY: there are `R` queries of `d` numbers, and `d` keys.
                unsafe { add_products::<S, L, W, P, R>(simd, &mut sums, (queries, d), (keys, d)) };
                each_row!(R, r => {
                    for p in 0..P {
                        let line = &mut scores[r * stride + block + p];
                        S::as_mut_simd_f32s(line).0.copy_from_slice(&sums[r][p]);
                    }
                });
            }
            let mut inverses = [0.0; R];
            for (r, (row, inverse)) in scores.chunks_exact_mut(stride).zip(&mut inverses).enumerate() {
                *inverse = 1.0 / softmax::<S, W>(simd, row, first + r + 1);
            }
            for line in (0..lines).step_by(P) {
                let mut sums = [[[simd.splat_f32s(0.0); W]; P]; R];
                for block in 0..blocks {
                    let (_, values) = self.kept.block(self.layer, block);
                    let tokens = BLOCK.min(first + R - block * BLOCK);
                    let values: [&[L]; P] = std::array::from_fn(
                        #[inline(always)]
                        |p| {
                            let line = (line + p).min(lines - 1);
                            &values[(key_head * lines + line) * BLOCK..][..BLOCK]
                        },
                    );
                    let weights = &scores.as_flattened()[block * BLOCK..];
                    // SAFETY: there are `R` rows of weights, the last of which begins `(R − 1) stride` lines further and has
                    // `BLOCK` numbers from here on; a block has `BLOCK` values.
                    unsafe {
                        add_products::<S, L, W, P, R>(
                            simd,
                            &mut sums,
                            (weights, stride * PANEL),
                            (values, tokens),
                        );
                    }
                }
                each_row!(R, r => {
                    let inverse = simd.splat_f32s(inverses[r]);
                    let out = &mut self.out[((done + r) * heads + head) * d..][..d];
                    for (p, out) in out.chunks_mut(PANEL).skip(line).take(P).enumerate() {
                        let mut line = [0.0; PANEL];
                        let (vectors, _) = S::as_mut_simd_f32s(&mut line);
                        for w in 0..W {
                            vectors[w] = simd.mul_f32s(sums[r][p][w], inverse);
                        }
                        out.copy_from_slice(&line[..out.len()]);
                    }
                });
            }
        }
    }
}

/// Adds to `sums` the products of `R` rows, `apart` from each other, with the first `steps` lines of `P` panels.
///
/// # Safety
/// Each row must have `steps` numbers, each panel as many lines.
// Indices rather than iterators: what has an address does not stay in registers.
#[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
#[inline(always)]
unsafe fn add_products<S: Simd, L: Line, const W: usize, const P: usize, const R: usize>(
    simd: S,
    sums: &mut [[[S::f32s; W]; P]; R],
    (rows, apart): (&[f32], usize),
    (panels, steps): ([&[L]; P], usize),
) {
    // A pointer for three rows: the next two are one and two strides further, which an address can say by itself.
    let rows: [*const f32; 4] = std::array::from_fn(
        #[inline(always)]
        |i| rows.as_ptr().wrapping_add(3 * i * apart),
    );
    for step in 0..steps {
        let mut b = [[simd.splat_f32s(0.0); W]; P];
        for p in 0..P {
            // SAFETY: as the caller promises.
            let line = unsafe { panels[p].get_unchecked(step) }.widen();
            let (vectors, _) = S::as_simd_f32s(&line);
            for w in 0..W {
                b[p][w] = vectors[w];
            }
        }
        each_row!(R, r => {
            // SAFETY: as the caller promises.
            let a = simd.splat_f32s(unsafe { *rows[r / 3].add(r % 3 * apart + step) });
            for p in 0..P {
                for w in 0..W {
                    sums[r][p][w] = simd.mul_add_e_f32s(a, b[p][w], sums[r][p][w]);
                }
            }
        });
    }
}
