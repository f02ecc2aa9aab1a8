//! The decoder in pieces that forward and backward both run: embedding, projections, attention over a stretch of
//! queries, the rest of a block, the final norm.
//!
//! A block is cut where memory would otherwise grow with the square of the context: [`attend`] answers
//! [`QUERIES`] rows at a time, against the keys from the first of their segments on.

use crate::upload::Tokens;
use crate::weights::View;
use burn::activation::{silu, softmax};
use burn::{Int, Tensor};
use model::Config;
use std::ops::Range;

/// Queries that attend at once. Scores take `heads · QUERIES · keys` numbers, a few times over in backward.
pub(crate) const QUERIES: usize = 256;

/// A score that no probability is left of.
const NEVER: f32 = -1e30;

/// Tokens in: `[tokens, width]`. See the model's `layers::embedding`; here rows without a value have a basis of zero.
pub(crate) fn embed(w: &View<'_>, tokens: &Tokens) -> Tensor<2> {
    let codes = w.get("embedding.code").select(0, tokens.code.clone());
    let values = product(tokens.value.clone(), w.get("embedding.value_basis"));
    let gates = product(codes.clone(), w.get("embedding.value_gate")).add_scalar(1.0);
    let x = codes
        + tokens.age.clone().matmul(w.get("embedding.age"))
        + tokens.gap.clone().matmul(w.get("embedding.gap"))
        + product(values * gates, w.get("embedding.value_out"));
    tokens.dropout(0, x)
}

/// Rotated queries, rotated keys, and values of block `l`, each `[tokens, heads · head_width]`.
pub(crate) fn project(
    config: &Config,
    w: &View<'_>,
    l: usize,
    tokens: &Tokens,
    x: Tensor<2>,
) -> [Tensor<2>; 3] {
    let normed = norm(config, x, w.get(&format!("blocks.{l}.attention_norm")));
    let of = |name: &str, heads: usize, rotated: bool| {
        let y = product(normed.clone(), w.get(&format!("blocks.{l}.attention.{name}")));
        let bias = format!("blocks.{l}.attention.{name}_bias");
        let y = if w.has(&bias) { y + w.get(&bias) } else { y };
        if rotated { rotate(config, tokens, y, heads) } else { y }
    };
    [
        of("query", config.heads, true),
        of("key", config.key_value_heads, true),
        of("value", config.key_value_heads, false),
    ]
}

fn rotate(config: &Config, tokens: &Tokens, x: Tensor<2>, heads: usize) -> Tensor<2> {
    let (n, pairs) = (tokens.tokens, config.head_width() / 2);
    let x = x.reshape([n, heads, 2 * pairs]);
    let a = x.clone().slice([0..n, 0..heads, 0..pairs]);
    let b = x.slice([0..n, 0..heads, pairs..2 * pairs]);
    let (cosine, sine) = (tokens.cosine.clone(), tokens.sine.clone());
    let turned_a = a.clone() * cosine.clone() - b.clone() * sine.clone();
    let turned_b = b * cosine + a * sine;
    Tensor::cat(vec![turned_a, turned_b], 2).reshape([n, heads * 2 * pairs])
}

/// Stretches of query rows, and the rows of the keys that each can see.
pub(crate) fn stretches(tokens: &Tokens) -> Vec<(Range<usize>, Range<usize>)> {
    (0..tokens.tokens)
        .step_by(QUERIES)
        .map(|begin| {
            let end = (begin + QUERIES).min(tokens.tokens);
            (begin..end, tokens.begin[begin]..end)
        })
        .collect()
}

/// Attention of some query rows over some key rows: `[queries, width]`. Each sees its segment up to itself.
pub(crate) fn attend(
    config: &Config,
    tokens: &Tokens,
    (queries, keys): (&Range<usize>, &Range<usize>),
    [q, k, v]: [Tensor<2>; 3],
) -> Tensor<2> {
    let (n, m) = (queries.len(), keys.len());
    let (shared, width) = (config.key_value_heads, config.head_width());
    let group = config.heads / shared;
    let q = q.reshape([n, shared, group, width]).permute([1, 2, 0, 3]).reshape([shared, group * n, width]);
    let k = k.reshape([m, shared, width]).permute([1, 2, 0]);
    let v = v.reshape([m, shared, width]).permute([1, 0, 2]);
    let scores = q.matmul(k).mul_scalar(1.0 / (width as f32).sqrt()).reshape([shared, group, n, m]);
    let probabilities = softmax(scores + mask(tokens, queries, keys).reshape([1, 1, n, m]), 3);
    let out = probabilities.reshape([shared, group * n, m]).matmul(v);
    out.reshape([shared, group, n, width]).permute([2, 0, 1, 3]).reshape([n, config.width])
}

/// Zero where a query sees a key, else [`NEVER`]: `[queries, keys]`.
fn mask(tokens: &Tokens, queries: &Range<usize>, keys: &Range<usize>) -> Tensor<2> {
    let (n, m) = (queries.len(), keys.len());
    let key: Tensor<2, Int> = tokens.row.clone().slice([0..1, keys.clone()]).expand([n, m]);
    let query = tokens.row.clone().slice([0..1, queries.clone()]).reshape([n, 1]).expand([n, m]);
    let begin = tokens.begin_column.clone().slice([queries.clone(), 0..1]).expand([n, m]);
    let hidden = key.clone().greater(query).bool_or(key.lower(begin));
    hidden.float().mul_scalar(NEVER)
}

/// The rest of block `l`: what comes out of it, given what went in and what attention found.
pub(crate) fn finish(
    config: &Config,
    w: &View<'_>,
    l: usize,
    tokens: &Tokens,
    [x, attention]: [Tensor<2>; 2],
) -> Tensor<2> {
    let get = |name: &str| w.get(&format!("blocks.{l}.{name}"));
    let x = x + tokens.dropout(1 + 2 * l, product(attention, get("attention.out")));
    let normed = norm(config, x.clone(), get("feed_forward_norm"));
    let gate = product(normed.clone(), get("feed_forward.gate"));
    let up = product(normed, get("feed_forward.up"));
    x + tokens.dropout(2 + 2 * l, product(silu(gate) * up, get("feed_forward.down")))
}

/// The final norm.
pub(crate) fn final_norm(config: &Config, w: &View<'_>, x: Tensor<2>) -> Tensor<2> {
    norm(config, x, w.get("final_norm"))
}

fn norm(config: &Config, x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let root = x.clone().square().mean_dim(1).add_scalar(config.norm_epsilon).sqrt();
    x / root * weight
}

/// `x Wᵀ`, the weight stored as `[out, in]`.
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    x.matmul(weight.transpose())
}
