//! Attention of new tokens over what was kept of earlier ones.
//!
//! Keys are kept transposed, sixteen tokens to a line, so that one query is set against sixteen keys at a time
//! without sums across a register; values as rows. What is kept is read whole once
//! a step: `2 · key_value_heads · head_width` numbers a token, which is what decoding is bound by.

use crate::layers::attention::Shape;
use crate::real::{Real, exponentiate, vectorised};

/// Tokens per block of keys.
const BLOCK: usize = 16;

/// Keys and values of one sequence in one layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyValues<T> {
    /// `[blocks, key_value_heads · head_width, BLOCK]`.
    keys: Vec<[T; BLOCK]>,
    /// `[tokens, key_value_heads · head_width]`.
    values: Vec<T>,
    tokens: usize,
}

impl<T: Real> KeyValues<T> {
    /// Tokens kept.
    pub(crate) fn len(&self) -> usize {
        self.tokens
    }

    /// Appends a token's keys and values, from its row of queries, keys and values.
    pub(crate) fn push(&mut self, shape: Shape, row: &[T]) {
        let width = shape.key_value_heads * shape.head_width;
        let (key, value) = (&row[shape.heads * shape.head_width..][..width], &row[row.len() - width..]);
        let place = self.tokens % BLOCK;
        if place == 0 {
            self.keys.resize(self.keys.len() + width, [T::ZERO; BLOCK]);
        }
        let block = self.keys.len() - width;
        for (line, key) in self.keys[block..].iter_mut().zip(key) {
            line[place] = *key;
        }
        self.values.extend_from_slice(value);
        self.tokens += 1;
    }

    /// Attention of one token's queries (`[heads · head_width]`) over all tokens kept, into `out` of that shape.
    pub(crate) fn attend(&self, shape: Shape, query: &[T], out: &mut [T], scores: &mut Vec<[T; BLOCK]>) {
        let (d, width) = (shape.head_width, shape.key_value_heads * shape.head_width);
        let group = shape.heads / shape.key_value_heads;
        scores.resize(self.tokens.div_ceil(BLOCK), [T::ZERO; BLOCK]);
        let scale = T::of(1.0 / (d as f64).sqrt());
        for (head, (query, out)) in query.chunks_exact(d).zip(out.chunks_exact_mut(d)).enumerate() {
            let column = head / group * d;
            vectorised(
                #[inline(always)]
                || {
                    for (scores, block) in scores.iter_mut().zip(self.keys.chunks_exact(width)) {
                        *scores = products(query, &block[column..column + d], scale);
                    }
                    let (_, sum) = exponentiate(&mut scores.as_flattened_mut()[..self.tokens]);
                    let weights = &scores.as_flattened()[..self.tokens];
                    weighted_sum(weights, &self.values[column..], width, T::ONE / sum, out);
                },
            );
        }
    }
}

/// A query's products with sixteen keys.
#[inline(always)]
fn products<T: Real>(query: &[T], keys: &[[T; BLOCK]], scale: T) -> [T; BLOCK] {
    // Two sums at a time, since each waits for its last addition.
    let mut sums = [[T::ZERO; BLOCK]; 2];
    let (queries, rest) = query.as_chunks::<2>();
    let (pairs, rest_keys) = keys.as_chunks::<2>();
    for (q, k) in queries.iter().zip(pairs) {
        for half in 0..2 {
            for lane in 0..BLOCK {
                sums[half][lane] += q[half] * k[half][lane];
            }
        }
    }
    for (q, k) in rest.iter().zip(rest_keys) {
        for lane in 0..BLOCK {
            sums[0][lane] += *q * k[lane];
        }
    }
    std::array::from_fn(
        #[inline(always)]
        |lane| (sums[0][lane] + sums[1][lane]) * scale,
    )
}

/// `out = share · Σ weight · value`, values in rows `stride` apart.
#[inline(always)]
fn weighted_sum<T: Real>(weights: &[T], values: &[T], stride: usize, share: T, out: &mut [T]) {
    let (chunks, rest) = out.as_chunks_mut::<BLOCK>();
    for (part, out) in chunks.iter_mut().enumerate() {
        let mut sums = [[T::ZERO; BLOCK]; 2];
        let (pairs, odd) = weights.as_chunks::<2>();
        for (weights, rows) in pairs.iter().zip(values.chunks(2 * stride)) {
            let (even, odd) = (&rows[part * BLOCK..][..BLOCK], &rows[stride + part * BLOCK..][..BLOCK]);
            for lane in 0..BLOCK {
                sums[0][lane] += weights[0] * even[lane];
                sums[1][lane] += weights[1] * odd[lane];
            }
        }
        if let [weight] = odd {
            let row = &values[(weights.len() - 1) * stride + part * BLOCK..][..BLOCK];
            for lane in 0..BLOCK {
                sums[0][lane] += *weight * row[lane];
            }
        }
        for lane in 0..BLOCK {
            out[lane] = (sums[0][lane] + sums[1][lane]) * share;
        }
    }
    let first = chunks.len() * BLOCK;
    for (i, out) in rest.iter_mut().enumerate() {
        let terms = weights.iter().zip(values.chunks(stride));
        *out = terms.map(|(weight, row)| *weight * row[first + i]).sum::<T>() * share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::wave;
    use crate::layers::attention;

    #[test]
    fn token_by_token_is_attention_over_the_whole() {
        for shape in [
            Shape { heads: 4, key_value_heads: 2, head_width: 3 },
            Shape { heads: 2, key_value_heads: 2, head_width: 36 },
        ] {
            let tokens = 2 * BLOCK + 5;
            let qkv = wave(tokens * shape.row(), 0.3);
            let width = shape.heads * shape.head_width;
            let (mut whole, mut log_sum) = (vec![0.0; tokens * width], vec![0.0; tokens * shape.heads]);
            let whole_record = 0..tokens;
            let segments = std::slice::from_ref(&whole_record);
            let mut scratch = attention::Scratch::default();
            attention::forward(shape, segments, &qkv, &mut whole, &mut log_sum, &mut scratch);
            let (mut kept, mut scores, mut out) = (KeyValues::default(), Vec::new(), vec![0.0; width]);
            for (row, expected) in qkv.chunks_exact(shape.row()).zip(whole.chunks_exact(width)) {
                kept.push(shape, row);
                kept.attend(shape, &row[..width], &mut out, &mut scores);
                for (found, expected) in out.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-12);
                }
            }
        }
    }
}
