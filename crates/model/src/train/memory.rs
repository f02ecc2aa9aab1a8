//! How much memory a run takes, told before it is taken.
//!
//! With `P` weights, `V` codes, `R` codes with a risk of their own, width `d`, and 4 bytes a number:
//!
//! - kept all along: weights, two moments, their running average and the best seen: `5 P`;
//! - gradients: `P + V d + 2 R r` once (`R r` without risk vectors of their own for codes that have occurred), and for every further slot the same without the code and feature vectors;
//! - tables and matrices laid out for products: `3 V d + 2 R r` and twice the weights of the blocks; half of these and of `2 V d` once
//!   more for products in bf16, all for bf16x3;
//! - for each thread, its activations: about `L (3 d + q + 2 f) + 9 d + 2 q + f` numbers a token, for the longest stretch
//!   that is worked on at once (`q` the width of queries, keys and values together, `f` the feed-forward's), and
//!   `2 · 128 · V + 128 · R` for the logits of codes and the hazards.

use super::options::TrainOptions;
use crate::config::{Config, HORIZONS};
use crate::decoder::NEAR;
use crate::error::Result;
use crate::heads::ROW_BLOCK;
use crate::panels::Products;
use crate::weights::Layout;

/// Bytes that a run takes, in parts. An estimate: the allocator, the program and the mapped timeline come on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Number of weights.
    pub parameters: usize,
    /// Weights, moments, average and best.
    pub weights: usize,
    /// Partial gradients.
    pub gradients: usize,
    /// Code tables, and matrices laid out for products.
    pub prepared: usize,
    /// Activations, logits and hazards of all threads.
    pub activations: usize,
}

impl Memory {
    /// What training takes where the longest window has `longest` tokens (at most the context), without allocating any
    /// of it.
    ///
    /// # Errors
    /// [`Error::Configuration`](crate::Error::Configuration) and [`Error::Options`](crate::Error::Options) for what
    /// cannot be trained at all.
    pub fn of_training(config: &Config, options: &TrainOptions, longest: usize) -> Result<Memory> {
        config.validate()?;
        options.validate()?;
        let layout = Layout::new(config);
        let (parameters, d) = (layout.len(), config.width);
        let (table, risks) = (config.vocabulary_size * d, config.risk.vectors());
        let codes_alone = layout.code.range().len() + layout.feature.range().len();
        let copies = 4 + usize::from(options.averaging > 0.0);
        let slots = options.gradient_slots;
        let gradients = parameters + table + risks + (slots - 1) * (parameters - codes_alone + table + risks);
        let blocks: usize = layout
            .blocks
            .iter()
            .flat_map(|b| [b.query_key_value, b.attention_out, b.gate_up, b.down])
            .map(|slot| slot.range().len())
            .sum();
        let tokens = options.pack_tokens.max(longest.min(config.context));
        let threads = options.threads.min(slots);
        Ok(Memory {
            parameters,
            weights: 4 * copies * parameters,
            gradients: 4 * gradients,
            prepared: 4 * (3 * table + risks + 2 * blocks)
                + bytes_of_tiles(options.precision) * 2 * (table + blocks),
            activations: 4 * threads * of_thread(config, tokens),
        })
    }

    /// What answering takes for one record at a time on each thread.
    ///
    /// # Errors
    /// [`Error::Configuration`](crate::Error::Configuration).
    pub fn of_inference(config: &Config, threads: usize, longest: usize) -> Result<Memory> {
        config.validate()?;
        let layout = Layout::new(config);
        let (table, risks) = (config.vocabulary_size * config.width, config.risk.vectors());
        let tokens = longest.min(config.context);
        let hazards = 2 * HORIZONS * config.risk.codes.len();
        Ok(Memory {
            parameters: layout.len(),
            weights: 4 * layout.len(),
            gradients: 0,
            prepared: 4 * (2 * table + risks + layout.len() - layout.code.range().len()),
            activations: 4 * threads * (of_thread(config, tokens) + hazards),
        })
    }

    /// All parts.
    pub fn bytes(&self) -> usize {
        self.weights + self.gradients + self.prepared + self.activations
    }
}

/// Bytes for each number of a matrix that is laid out in bfloat16 too.
fn bytes_of_tiles(products: Products) -> usize {
    match products {
        Products::F32 => 0,
        Products::Bf16 => 2,
        Products::Bf16x3 => 4,
    }
}

/// Numbers that one thread holds for `tokens` tokens.
fn of_thread(config: &Config, tokens: usize) -> usize {
    let (d, inner) = (config.width, config.feed_forward);
    let row = d + 2 * config.key_value_heads * config.head_width();
    let kept = config.layers * (3 * d + row + 2 * inner + config.heads + 2);
    let passing = 9 * d + 2 * row + inner;
    let rows = ROW_BLOCK.min(tokens);
    let near = NEAR.min(tokens) * (d + inner);
    let heads = 2 * rows * config.vocabulary_size + rows * config.risk.codes.len();
    // Per code: its bias' gradients, last rank, last place, next occurrence.
    let by_code = 6 * config.vocabulary_size + 2 * config.risk.codes.len();
    // Per token: attention's blocks of scores, and what a pack says of it (about 100 bytes).
    tokens * (kept + passing + 2 * 64 + 25) + near + heads + by_code
}
