//! The decoder blocks alone, from embedded tokens to hidden states: what the patient model has in common with
//! Llama (Touvron et al. 2023).
//!
//! With positions by index, grouped queries and no biases a block of [`crate::Model`] is exactly Llama's. A [`Stack`]
//! runs those blocks, out of the same layers, on weights of any origin and in few bits a number, for one sequence at a
//! time with all threads on it; what goes in (vectors of words, say) and what is read from the hidden state is the
//! caller's.

mod quantised;
mod weight_matrix;

pub use quantised::{BLOCK, QuantisedBlock};
pub use weight_matrix::{Bits, WeightMatrix};

use crate::buffer::Buffer;
use crate::config::{Config, Rotary, Size};
use crate::error::{Error, Result};
use crate::layers::attention::{self, Shape};
use crate::layers::cached_attention::KeyValues;
use crate::layers::rotary::Angles;
use crate::layers::{feed_forward, norm};
use crate::real::add_scaled;
use rayon::prelude::*;

/// The shape of a stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackConfig {
    /// Width of the hidden state.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads; `width / heads` is a head's width and even.
    pub heads: usize,
    /// Key and value heads, each shared by `heads / key_value_heads` query heads.
    pub key_value_heads: usize,
    /// Width inside the feed-forward part.
    pub feed_forward: usize,
    /// Most tokens of a sequence.
    pub context: usize,
    /// The base of the rotary periods: pair `i` of `n` turns by `base^(-i/n)` a token.
    pub rotary_base: f64,
    /// Added to the mean square before its root in every norm.
    pub norm_epsilon: f64,
}

/// The weights of one block.
#[derive(Clone, Debug)]
pub struct BlockWeights {
    /// `[width]`.
    pub attention_norm: Vec<f32>,
    /// Queries, keys and values one below the other: `[(heads + 2 · key_value_heads) · head_width, width]`. The pairs
    /// that turn together are `i` and `i + head_width / 2` of a head.
    pub query_key_value: WeightMatrix,
    /// `[width, width]`.
    pub attention_out: WeightMatrix,
    /// `[width]`.
    pub feed_forward_norm: Vec<f32>,
    /// Gate, then up: `[2 · feed_forward, width]`.
    pub gate_up: WeightMatrix,
    /// `[width, feed_forward]`.
    pub down: WeightMatrix,
}

/// A stack of decoder blocks and the norm after them.
#[derive(Debug)]
pub struct Stack {
    /// The same shape as a model's, since the layers ask for that.
    config: Config,
    blocks: Vec<BlockWeights>,
    final_norm: Vec<f32>,
}

/// A sequence as a stack has read it so far: keys and values of every token in every block.
#[derive(Default)]
pub struct Past {
    /// By block, then by key-value head.
    kept: Vec<Vec<KeyValues<f32>>>,
    tokens: usize,
    scratch: Scratch,
}

impl Past {
    /// Tokens read.
    pub fn len(&self) -> usize {
        self.tokens
    }

    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Forgets what was read, and keeps the memory of intermediate results.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.tokens = 0;
    }
}

#[derive(Default)]
struct Scratch {
    product: weight_matrix::Scratch,
    angles: Angles<f32>,
    normed: Buffer<f32>,
    inverse: Buffer<f32>,
    query_key_value: Buffer<f32>,
    by_head: Vec<OfHead>,
    attention: Buffer<f32>,
    gate_up: Buffer<f32>,
    activation: Buffer<f32>,
    branch: Buffer<f32>,
}

/// What attention of one key-value head and its queries works on.
#[derive(Default)]
struct OfHead {
    query_key_value: Buffer<f32>,
    out: Buffer<f32>,
    log_sum: Buffer<f32>,
    scratch: attention::Scratch<f32>,
    scores: Vec<[f32; 16]>,
}

impl Stack {
    /// A stack of these weights.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the shape is none, or the weights are not of that shape.
    pub fn new(shape: StackConfig, blocks: Vec<BlockWeights>, final_norm: Vec<f32>) -> Result<Self> {
        let StackConfig { width, layers, heads, key_value_heads, feed_forward, context, .. } = shape;
        let config = Config {
            width,
            layers,
            heads,
            key_value_heads,
            feed_forward,
            context,
            rotary: Rotary::Index { base: shape.rotary_base },
            norm_epsilon: shape.norm_epsilon,
            ..Config::of_size(Size::Tiny, 2, 0, None, &[])
        };
        config.validate()?;
        let stack = Stack { config, blocks, final_norm };
        stack.check_weights()?;
        Ok(stack)
    }

    fn check_weights(&self) -> Result<()> {
        let Config { width, feed_forward, layers, heads, .. } = self.config;
        let wrong = |part: &str| {
            Err(Error::Configuration(format!("the weights of {part} are not of the stack's shape")))
        };
        if self.blocks.len() != layers {
            return wrong(&format!("{} blocks for {layers}", self.blocks.len()));
        }
        if self.final_norm.len() != width {
            return wrong("the last norm");
        }
        for (l, block) in self.blocks.iter().enumerate() {
            let shape = crate::decoder::attention_shape(&self.config);
            let matrices = [
                (&block.query_key_value, shape.row(), width),
                (&block.attention_out, width, heads * shape.head_width),
                (&block.gate_up, 2 * feed_forward, width),
                (&block.down, width, feed_forward),
            ];
            let norms = [&block.attention_norm, &block.feed_forward_norm];
            if matrices.iter().any(|(m, rows, inner)| (m.rows(), m.inner()) != (*rows, *inner))
                || norms.iter().any(|norm| norm.len() != width)
            {
                return wrong(&format!("block {l}"));
            }
        }
        Ok(())
    }

    /// Reads tokens that follow those of `past`: `x`, `[tokens, width]`, has their vectors and receives their hidden
    /// states after the last norm. Uses all threads of the current rayon pool.
    ///
    /// # Errors
    /// [`Error::Sequence`] if `x` is no whole number of tokens, if the context has no room for them, or if `past` is
    /// another stack's.
    pub fn read(&self, past: &mut Past, x: &mut [f32]) -> Result<()> {
        let config = &self.config;
        let (d, shape) = (config.width, crate::decoder::attention_shape(config));
        let tokens = x.len() / d;
        if tokens == 0 || x.len() != tokens * d {
            return Err(Error::Sequence("its vectors are not of the stack's width, or there are none"));
        }
        if past.tokens + tokens > config.context {
            return Err(Error::Sequence("it is longer than the context"));
        }
        if past.kept.is_empty() {
            past.kept.resize_with(config.layers, || vec![KeyValues::default(); config.key_value_heads]);
        } else if past.kept.len() != config.layers || past.kept[0].len() != config.key_value_heads {
            return Err(Error::Sequence("what was read before was read by another stack"));
        }
        let scratch = &mut past.scratch;
        scratch.angles.set(config, (past.tokens..past.tokens + tokens).map(|index| (index, 0.0)));
        scratch.by_head.resize_with(config.key_value_heads, OfHead::default);
        for (block, kept) in self.blocks.iter().zip(&mut past.kept) {
            let normed = scratch.normed.stale(tokens * d);
            let inverse = scratch.inverse.stale(tokens);
            norm::forward(x, &block.attention_norm, config.norm_epsilon, normed, inverse);
            let qkv = scratch.query_key_value.stale(tokens * shape.row());
            block.query_key_value.multiply(qkv, normed, &mut scratch.product);
            scratch.angles.rotate(qkv, shape.row(), config.heads + config.key_value_heads, false);
            let out = scratch.attention.stale(tokens * d);
            attend(shape, qkv, kept, out, &mut scratch.by_head);
            let branch = scratch.branch.stale(tokens * d);
            block.attention_out.multiply(branch, out, &mut scratch.product);
            add_scaled(x, 1.0, branch);
            norm::forward(x, &block.feed_forward_norm, config.norm_epsilon, normed, inverse);
            let gate_up = scratch.gate_up.stale(tokens * 2 * config.feed_forward);
            block.gate_up.multiply(gate_up, normed, &mut scratch.product);
            let activation = scratch.activation.stale(tokens * config.feed_forward);
            let rows = activation.par_chunks_mut(16 * config.feed_forward);
            rows.zip(gate_up.par_chunks(32 * config.feed_forward)).for_each(|(activation, gate_up)| {
                feed_forward::forward(gate_up, config.feed_forward, activation);
            });
            block.down.multiply(branch, activation, &mut scratch.product);
            add_scaled(x, 1.0, branch);
        }
        let (last, inverse) = (scratch.normed.stale(tokens * d), scratch.inverse.stale(tokens));
        norm::forward(x, &self.final_norm, config.norm_epsilon, last, inverse);
        x.copy_from_slice(last);
        past.tokens += tokens;
        Ok(())
    }

    /// `y = x Wᵀ` for a matrix outside the blocks, such as the one that gives logits: `x` as `[tokens, inner]`, `y` as
    /// `[tokens, rows]`. `past` lends its memory and stays as it is.
    ///
    /// # Panics
    /// If the shapes disagree.
    pub fn multiply(&self, past: &mut Past, matrix: &WeightMatrix, x: &[f32], y: &mut [f32]) {
        matrix.multiply(y, x, &mut past.scratch.product);
    }
}

/// Attention of new tokens, over themselves and over what is kept, to which they are added. Key-value heads go
/// their own ways, each with its queries.
fn attend(shape: Shape, qkv: &[f32], kept: &mut [KeyValues<f32>], out: &mut [f32], by_head: &mut [OfHead]) {
    let (group, width) = (shape.heads / shape.key_value_heads, shape.head_width);
    let alone = Shape { heads: group, key_value_heads: 1, head_width: width };
    let tokens = qkv.len() / shape.row();
    let heads = kept.par_iter_mut().zip(by_head.par_iter_mut()).enumerate();
    heads.for_each(|(head, (kept, of_head))| {
        let rows = of_head.query_key_value.stale(tokens * alone.row());
        let queries = group * width;
        for (row, qkv) in rows.chunks_exact_mut(alone.row()).zip(qkv.chunks_exact(shape.row())) {
            let (query, key_value) = row.split_at_mut(queries);
            query.copy_from_slice(&qkv[head * queries..][..queries]);
            let (key, value) = key_value.split_at_mut(width);
            key.copy_from_slice(&qkv[(shape.heads + head) * width..][..width]);
            value.copy_from_slice(&qkv[(shape.heads + shape.key_value_heads + head) * width..][..width]);
        }
        let out = of_head.out.stale(tokens * queries);
        if kept.len() == 0 && tokens > 1 {
            let log_sum = of_head.log_sum.stale(tokens * group);
            let whole = 0..tokens;
            let segments = std::slice::from_ref(&whole);
            attention::forward(alone, segments, rows, out, log_sum, &mut of_head.scratch);
            rows.chunks_exact(alone.row()).for_each(|row| kept.push(alone, row));
        } else {
            for (row, out) in rows.chunks_exact(alone.row()).zip(out.chunks_exact_mut(queries)) {
                kept.push(alone, row);
                kept.attend(alone, &row[..queries], out, &mut of_head.scores);
            }
        }
    });
    for (head, of_head) in by_head.iter().enumerate() {
        let queries = group * width;
        let rows = of_head.out.filled(tokens * queries).chunks_exact(queries);
        for (out, row) in out.chunks_exact_mut(shape.heads * width).zip(rows) {
            out[head * queries..][..queries].copy_from_slice(row);
        }
    }
}

#[cfg(test)]
mod tests;
