//! Causal attention with grouped queries over packed sequences.
//!
//! Work goes in blocks of query rows against the keys up to the block's end, so only the lower triangle is
//! computed, and probabilities are never kept: backward recomputes them from the kept log-sums (Dao et al. 2022).

use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::real::{Real, dot, exponentiate, vectorised};
use std::ops::Range;

/// Query rows per block.
const BLOCK: usize = 64;

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
    fn scale<T: Real>(self) -> T {
        T::of(1.0 / (self.head_width as f64).sqrt())
    }
}

/// Scratch for one block: scores and their gradient.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    scores: crate::buffer::Buffer<T>,
    d_scores: crate::buffer::Buffer<T>,
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
    for segment in segments {
        for head in 0..shape.heads {
            let keys = &qkv[segment.start * row + shape.key_column(head)..];
            let values = &qkv[segment.start * row + shape.value_column(head)..];
            for begin in segment.clone().step_by(BLOCK) {
                let end = (begin + BLOCK).min(segment.end);
                let (queries, seen) = (end - begin, end - segment.start);
                let scores = scratch.scores.stale(queries * seen);
                multiply(
                    MatrixMut::new(scores, queries, seen),
                    shape.scale(),
                    Matrix::strided(&qkv[begin * row + head * width..], queries, width, row),
                    Matrix::strided(keys, seen, width, row).t(),
                );
                vectorised(
                    #[inline(always)]
                    || {
                        for (i, scores) in scores.chunks_exact_mut(seen).enumerate() {
                            let visible = begin + i + 1 - segment.start;
                            scores[visible..].fill(T::ZERO);
                            let (max, sum) = exponentiate(&mut scores[..visible]);
                            let inverse = T::ONE / sum;
                            scores[..visible].iter_mut().for_each(|s| *s *= inverse);
                            log_sum[(begin + i) * shape.heads + head] = max + T::of(sum.to_f64().ln());
                        }
                    },
                );
                multiply(
                    MatrixMut::strided(&mut out[begin * out_row + head * width..], queries, width, out_row),
                    T::ONE,
                    Matrix::new(scores, queries, seen),
                    Matrix::strided(values, seen, width, row),
                );
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
    d_qkv.fill(T::ZERO);
    for segment in segments {
        for head in 0..shape.heads {
            let (key_at, value_at) = (
                segment.start * row + shape.key_column(head),
                segment.start * row + shape.value_column(head),
            );
            for begin in segment.clone().step_by(BLOCK) {
                let end = (begin + BLOCK).min(segment.end);
                let (queries, seen) = (end - begin, end - segment.start);
                let query_at = begin * row + head * width;
                let out_at = begin * out_row + head * width;
                let query = Matrix::strided(&qkv[query_at..], queries, width, row);
                let key = Matrix::strided(&qkv[key_at..], seen, width, row);
                let value = Matrix::strided(&qkv[value_at..], seen, width, row);
                let d_block = Matrix::strided(&d_out[out_at..], queries, width, out_row);
                let scores = scratch.scores.stale(queries * seen);
                let d_scores = scratch.d_scores.stale(queries * seen);
                multiply(MatrixMut::new(scores, queries, seen), shape.scale(), query, key.t());
                multiply(MatrixMut::new(d_scores, queries, seen), T::ONE, d_block, value.t());
                vectorised(
                    #[inline(always)]
                    || {
                        let rows =
                            scores.chunks_exact_mut(seen).zip(d_scores.chunks_exact_mut(seen)).enumerate();
                        for (i, (scores, d_scores)) in rows {
                            let visible = begin + i + 1 - segment.start;
                            let at = out_at + i * out_row;
                            let shared = dot(&out[at..at + width], &d_out[at..at + width]);
                            let log_sum = log_sum[(begin + i) * shape.heads + head];
                            scores[visible..].fill(T::ZERO);
                            d_scores[visible..].fill(T::ZERO);
                            for (s, ds) in scores[..visible].iter_mut().zip(&mut d_scores[..visible]) {
                                let p = (*s - log_sum).exp();
                                *s = p;
                                *ds = p * (*ds - shared);
                            }
                        }
                    },
                );
                let probabilities = Matrix::new(scores, queries, seen);
                let d_scores = Matrix::new(d_scores, queries, seen);
                let into =
                    |d_qkv: &mut [T], at: usize, rows: usize, a: Matrix<'_, T>, b: Matrix<'_, T>, s: T| {
                        multiply_add(MatrixMut::strided(&mut d_qkv[at..], rows, width, row), s, a, b);
                    };
                into(d_qkv, value_at, seen, probabilities.t(), d_block, T::ONE);
                into(d_qkv, query_at, queries, d_scores, key, shape.scale());
                into(d_qkv, key_at, seen, d_scores.t(), query, shape.scale());
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
