//! Causal attention with grouped queries over packed sequences.
//!
//! Work goes in blocks of query rows against the keys up to the block's end, so only the lower triangle is
//! computed, and probabilities are never kept: backward recomputes them from the kept log-sums (Dao et al. 2022).

use crate::buffer::Buffer;
use crate::panels::{Left, Panels, Target};
use crate::real::{Real, dot, exponentiate_scaled, vectorised};
use std::ops::Range;

/// Query rows per block: a multiple of a tile's rows, few enough that little above the diagonal is computed.
const BLOCK: usize = 48;

/// Shapes of one attention layer. Rows hold queries, keys and values side by side:
/// `[heads · width | key_value_heads · width | key_value_heads · width]`.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) heads: usize,
    pub(crate) key_value_heads: usize,
    pub(crate) head_width: usize,
}

impl Shape {
    pub(crate) fn row(self) -> usize {
        (self.heads + 2 * self.key_value_heads) * self.head_width
    }
    fn key_column(self, head: usize) -> usize {
        (self.heads + head / (self.heads / self.key_value_heads)) * self.head_width
    }
    fn value_column(self, head: usize) -> usize {
        self.key_column(head) + self.key_value_heads * self.head_width
    }
    /// Where keys and values of a head begin for the segment that begins at token `start`.
    fn key_and_value_at(self, start: usize, head: usize) -> (usize, usize) {
        let from = start * self.row();
        (from + self.key_column(head), from + self.value_column(head))
    }
    /// Whether a head is the first that shares its keys and values.
    fn is_first_of_group(self, head: usize) -> bool {
        head.is_multiple_of(self.heads / self.key_value_heads)
    }
    fn scale<T: Real>(self) -> T {
        T::of(1.0 / (self.head_width as f64).sqrt())
    }
}

/// Places that are worked on for the first `visible` of `seen`: up to a whole number of lanes, since what is left over after
/// vectors would cost as much as they do. What lies beyond `visible` is thrown away.
fn whole_lanes(visible: usize, seen: usize) -> usize {
    visible.next_multiple_of(16).min(seen)
}

/// Scratch: scores of one block and their gradient, and one segment's keys and values of one head laid out.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    scores: Buffer<T>,
    d_scores: Buffer<T>,
    /// `[head_width, tokens]` both.
    keys_across: Panels<T>,
    values_across: Panels<T>,
    /// `[tokens, head_width]` both.
    keys: Panels<T>,
    values: Panels<T>,
    /// `[block, head_width]` both.
    queries: Panels<T>,
    d_out: Panels<T>,
}

/// `qkv`: `[tokens, row]`; `out`: `[tokens, heads · head_width]`; `log_sum`: `[tokens, heads]`, the log of each
/// softmax's denominator.
pub(crate) fn forward<T: Real>(
    shape: Shape,
    segments: &[Range<usize>],
    qkv: &[T],
    out: &mut [T],
    log_sum: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let (row, width, out_row) = (shape.row(), shape.head_width, shape.heads * shape.head_width);
    let Scratch { scores, keys_across, values, .. } = scratch;
    for segment in segments {
        for head in 0..shape.heads {
            if shape.is_first_of_group(head) {
                let (key_at, value_at) = shape.key_and_value_at(segment.start, head);
                keys_across.set_transposed_strided(&qkv[key_at..], (segment.len(), width), row);
                values.set_strided(&qkv[value_at..], (segment.len(), width), row);
            }
            for begin in segment.clone().step_by(BLOCK) {
                let end = (begin + BLOCK).min(segment.end);
                let (queries, seen) = (end - begin, end - segment.start);
                let scores = scores.stale(queries * seen);
                T::product(
                    Target::set(scores, seen),
                    Left::rows(&qkv[begin * row + head * width..], (queries, width), row),
                    keys_across.first(width, seen),
                );
                let sums = &mut [T::ZERO; BLOCK][..queries];
                vectorised(
                    #[inline(always)]
                    || {
                        for (i, (scores, sum)) in scores.chunks_exact_mut(seen).zip(&mut *sums).enumerate() {
                            let visible = begin + i + 1 - segment.start;
                            let whole = whole_lanes(visible, seen);
                            scores[visible..whole].fill(T::of(f64::NEG_INFINITY));
                            let max;
                            (max, *sum) = exponentiate_scaled(&mut scores[..whole], shape.scale());
                            scores[visible..].fill(T::ZERO);
                            log_sum[(begin + i) * shape.heads + head] = max + T::of(sum.to_f64().ln());
                        }
                    },
                );
                let out = &mut out[begin * out_row + head * width..];
                T::product(
                    Target::set(out, out_row),
                    Left::rows(scores, (queries, seen), seen),
                    values.first(seen, width),
                );
                // Dividing a head's output costs less than dividing its probabilities.
                for (out, sum) in out.chunks_mut(out_row).zip(&*sums) {
                    let inverse = T::ONE / *sum;
                    out[..width].iter_mut().for_each(|y| *y *= inverse);
                }
            }
        }
    }
}

/// Sets `d_qkv` from `d_out`. With `P` the probabilities: `dV = Pᵀ dO`, `dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O))`,
/// `dQ = s·dS K`, `dK = s·dSᵀ Q`.
pub(crate) fn backward<T: Real>(
    shape: Shape,
    segments: &[Range<usize>],
    (qkv, out, log_sum): (&[T], &[T], &[T]),
    d_out: &[T],
    d_qkv: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let (row, width, out_row) = (shape.row(), shape.head_width, shape.heads * shape.head_width);
    let s = scratch;
    d_qkv.fill(T::ZERO);
    for segment in segments {
        for head in 0..shape.heads {
            let (key_at, value_at) = shape.key_and_value_at(segment.start, head);
            if shape.is_first_of_group(head) {
                let whole = (segment.len(), width);
                s.keys_across.set_transposed_strided(&qkv[key_at..], whole, row);
                s.values_across.set_transposed_strided(&qkv[value_at..], whole, row);
                s.keys.set_strided(&qkv[key_at..], whole, row);
            }
            for begin in segment.clone().step_by(BLOCK) {
                let end = (begin + BLOCK).min(segment.end);
                let (queries, seen) = (end - begin, end - segment.start);
                let (query_at, out_at) = (begin * row + head * width, begin * out_row + head * width);
                let block = (queries, width);
                s.queries.set_strided(&qkv[query_at..], block, row);
                s.d_out.set_strided(&d_out[out_at..], block, out_row);
                let scores = s.scores.stale(queries * seen);
                let d_scores = s.d_scores.stale(queries * seen);
                let query = Left::rows(&qkv[query_at..], block, row);
                T::product(Target::set(scores, seen), query, s.keys_across.first(width, seen));
                let d_block = Left::rows(&d_out[out_at..], block, out_row);
                T::product(Target::set(d_scores, seen), d_block, s.values_across.first(width, seen));
                vectorised(
                    #[inline(always)]
                    || {
                        let scale = shape.scale::<T>();
                        let rows =
                            scores.chunks_exact_mut(seen).zip(d_scores.chunks_exact_mut(seen)).enumerate();
                        for (i, (scores, d_scores)) in rows {
                            let visible = begin + i + 1 - segment.start;
                            let at = out_at + i * out_row;
                            let shared = dot(&out[at..at + width], &d_out[at..at + width]);
                            let log_sum = log_sum[(begin + i) * shape.heads + head];
                            let whole = whole_lanes(visible, seen);
                            let by = (scale, log_sum, shared);
                            T::probabilities(&mut scores[..whole], &mut d_scores[..whole], by);
                            scores[visible..].fill(T::ZERO);
                            d_scores[visible..].fill(T::ZERO);
                        }
                    },
                );
                let probabilities = Left::columns(scores, (seen, queries), seen);
                T::product(Target::add(&mut d_qkv[value_at..], row), probabilities, s.d_out.all());
                let d_rows = Left::rows(d_scores, (queries, seen), seen);
                T::product(Target::set(&mut d_qkv[query_at..], row), d_rows, s.keys.first(seen, width));
                let d_columns = Left::columns(d_scores, (seen, queries), seen);
                T::product(Target::add(&mut d_qkv[key_at..], row), d_columns, s.queries.all());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_gradient, wave};

    const SHAPE: Shape = Shape { heads: 4, key_value_heads: 2, head_width: 3 };

    fn run(qkv: &[f64], segments: &[Range<usize>]) -> (Vec<f64>, Vec<f64>) {
        let tokens = qkv.len() / SHAPE.row();
        let (mut out, mut log_sum) = (vec![0.0; tokens * 12], vec![0.0; tokens * 4]);
        forward(SHAPE, segments, qkv, &mut out, &mut log_sum, &mut Scratch::default());
        (out, log_sum)
    }

    #[test]
    fn forward_is_the_definition() {
        let tokens = BLOCK + 9;
        let qkv = wave(tokens * SHAPE.row(), 0.0);
        let (out, _) = run(&qkv, std::slice::from_ref(&(0..tokens)));
        for (t, head) in [(0, 0), (5, 1), (BLOCK + 3, 2), (tokens - 1, 3)] {
            let q = &qkv[t * 24 + head * 3..][..3];
            let weight =
                |j: usize| (dot(q, &qkv[j * 24 + SHAPE.key_column(head)..][..3]) / 3_f64.sqrt()).exp();
            let total: f64 = (0..=t).map(weight).sum();
            for c in 0..3 {
                let expected: f64 =
                    (0..=t).map(|j| weight(j) / total * qkv[j * 24 + SHAPE.value_column(head) + c]).sum();
                assert!((out[t * 12 + head * 3 + c] - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn packed_segments_do_not_see_each_other() {
        let qkv = wave(11 * SHAPE.row(), 0.4);
        let (packed, _) = run(&qkv, &[0..4, 4..11]);
        let (second, _) = run(&qkv[4 * SHAPE.row()..], std::slice::from_ref(&(0..7)));
        assert_eq!(&packed[4 * 12..], second);
    }

    #[test]
    fn backward_is_the_derivative() {
        let tokens = BLOCK + 5;
        let segments = [0..7, 7..tokens];
        let (qkv, d_out) = (wave(tokens * SHAPE.row(), 0.2), wave(tokens * 12, 1.2));
        let (out, log_sum) = run(&qkv, &segments);
        let mut d_qkv = vec![f64::NAN; qkv.len()];
        backward(SHAPE, &segments, (&qkv, &out, &log_sum), &d_out, &mut d_qkv, &mut Scratch::default());
        assert_gradient(&qkv, &d_qkv, |qkv| dot(&run(qkv, &segments).0, &d_out));
    }
}
