//! One further token for each of many trajectories: the blocks' work on new tokens alone, over the shared prefix
//! and each trajectory's own tokens.
//!
//! Trajectories of one subject lie side by side, so that their attention over the prefix is two matrix products a
//! head, which read the prefix once for all of them.

use super::prefix::Prefix;
use crate::buffer::Buffer;
use crate::decoder::attention_shape;
use crate::layers::attention::Shape;
use crate::layers::rotary::Angles;
use crate::layers::{embedding, feed_forward, norm};
use crate::matrix::{Matrix, MatrixMut, multiply as product};
use crate::pack::Pack;
use crate::packed::Parameters;
use crate::panels::multiply;
use crate::patient_state::Token;
use crate::real::{add_scaled, dot, exponentiate_scaled, vectorised};

/// Keys and values of a trajectory's own tokens: per layer, rows of `[keys | values]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suffix {
    layers: Vec<Vec<f32>>,
    tokens: usize,
}

/// A token to read, of a trajectory of the `subject`-th prefix.
pub(crate) struct Step<'a> {
    pub(crate) subject: usize,
    pub(crate) token: Token,
    /// The code's last earlier rank, or NaN.
    pub(crate) previous: f32,
    pub(crate) suffix: &'a mut Suffix,
}

/// The memory of one thread.
#[derive(Default)]
pub(crate) struct Stepper {
    pack: Pack,
    embedding: embedding::Cache<f32>,
    angles: Angles<f32>,
    x: Buffer<f32>,
    normed: Buffer<f32>,
    inverse: Buffer<f32>,
    query_key_value: Buffer<f32>,
    attention: Buffer<f32>,
    branch: Buffer<f32>,
    gate_up: Buffer<f32>,
    activation: Buffer<f32>,
    scores: Buffer<f32>,
}

impl Stepper {
    /// Reads one token for each step; `hidden` becomes `[steps, width]`. Steps of one subject lie together.
    pub(crate) fn run(
        &mut self,
        p: Parameters<'_, f32>,
        prefixes: &[Prefix],
        steps: &mut [Step<'_>],
        hidden: &mut Vec<f32>,
    ) {
        let Parameters { config, layout, weights, tables, forward, .. } = p;
        let (n, d, shape) = (steps.len(), config.width, attention_shape(config));
        self.fill_pack(prefixes, steps, config.time_code);
        let x = self.x.stale(n * d);
        let cache = &mut self.embedding;
        embedding::forward((config, layout), (weights, &tables.code_table), &self.pack, x, cache);
        let places = self.pack.index.iter().copied().zip(self.pack.since_start_days.iter().copied());
        self.angles.set(config, places);
        let (normed, inverse) = (self.normed.stale(n * d), self.inverse.stale(n));
        let branch = self.branch.stale(n * d);
        for (l, (slots, block)) in layout.blocks.iter().zip(&forward.blocks).enumerate() {
            norm::forward(x, slots.attention_norm.of(weights), config.norm_epsilon, normed, inverse);
            let qkv = self.query_key_value.stale(n * shape.row());
            multiply(qkv, normed, &block.query_key_value);
            if !slots.query_key_value_bias.is_empty() {
                let bias = slots.query_key_value_bias.of(weights);
                qkv.chunks_exact_mut(shape.row()).for_each(|row| add_scaled(row, 1.0, bias));
            }
            self.angles.rotate(qkv, shape.row(), config.heads + config.key_value_heads, false);
            for (step, row) in steps.iter_mut().zip(qkv.chunks_exact(shape.row())) {
                step.suffix.layers.resize_with(config.layers, Vec::new);
                step.suffix.layers[l].extend_from_slice(&row[d..]);
            }
            let out = self.attention.stale(n * d);
            let mut begin = 0;
            for together in steps.chunk_by(|a, b| a.subject == b.subject) {
                let rows = begin..begin + together.len();
                begin = rows.end;
                let qkv = &qkv[rows.start * shape.row()..rows.end * shape.row()];
                let out = &mut out[rows.start * d..rows.end * d];
                attend(shape, l, (&prefixes[together[0].subject], together), qkv, out, &mut self.scores);
            }
            multiply(branch, out, &block.attention_out);
            add_scaled(x, 1.0, branch);
            norm::forward(x, slots.feed_forward_norm.of(weights), config.norm_epsilon, normed, inverse);
            let gate_up = self.gate_up.stale(n * 2 * config.feed_forward);
            multiply(gate_up, normed, &block.gate_up);
            let activation = self.activation.stale(n * config.feed_forward);
            feed_forward::forward(gate_up, config.feed_forward, activation);
            multiply(branch, activation, &block.down);
            add_scaled(x, 1.0, branch);
        }
        hidden.resize(n * d, 0.0);
        norm::forward(x, layout.final_norm.of(weights), config.norm_epsilon, hidden, inverse);
        steps.iter_mut().for_each(|step| step.suffix.tokens += 1);
    }

    fn fill_pack(&mut self, prefixes: &[Prefix], steps: &[Step<'_>], time_code: u32) {
        let pack = &mut self.pack;
        pack.clear();
        for step in steps {
            let (prefix, token) = (&prefixes[step.subject], step.token);
            pack.code.push(token.code);
            pack.index.push(prefix.tokens + step.suffix.tokens);
            pack.age_days.push(token.age_days);
            pack.since_start_days.push(token.age_days - prefix.start_age_days);
            pack.birth_known.push(prefix.birth_known);
            pack.value.push(token.value);
            pack.previous.push(if token.code == time_code { f32::NAN } else { step.previous });
        }
    }
}

/// Attention of one new token for each trajectory of a subject, over the subject's prefix and its own tokens.
fn attend(
    shape: Shape,
    layer: usize,
    (prefix, steps): (&Prefix, &[Step<'_>]),
    qkv: &[f32],
    out: &mut [f32],
    scores: &mut Buffer<f32>,
) {
    let (d, tokens, n) = (shape.head_width, prefix.tokens, steps.len());
    let (row, out_row) = (shape.row(), shape.heads * shape.head_width);
    let kept = 2 * shape.key_value_heads * d;
    let longest = steps.iter().map(|step| step.suffix.tokens + 1).max().unwrap_or(0);
    let stride = tokens + longest;
    let scale = 1.0 / (d as f32).sqrt();
    for head in 0..shape.heads {
        let group = head / (shape.heads / shape.key_value_heads);
        let (keys, values) = prefix.rows(layer, shape, group);
        let scores = scores.stale(n * stride);
        product(
            MatrixMut::strided(scores, n, tokens, stride),
            Matrix::strided(&qkv[head * d..], n, d, row),
            Matrix::new(keys, tokens, d).t(),
        );
        vectorised(
            #[inline(always)]
            || {
                for ((scores, step), qkv) in
                    scores.chunks_exact_mut(stride).zip(steps).zip(qkv.chunks_exact(row))
                {
                    let own = &step.suffix.layers[layer];
                    let query = &qkv[head * d..(head + 1) * d];
                    let all = tokens + step.suffix.tokens + 1;
                    for (score, kept) in scores[tokens..all].iter_mut().zip(own.chunks_exact(kept)) {
                        *score = dot(query, &kept[group * d..(group + 1) * d]);
                    }
                    let (_, sum) = exponentiate_scaled(&mut scores[..all], scale);
                    let share = 1.0 / sum;
                    scores[..all].iter_mut().for_each(|weight| *weight *= share);
                }
            },
        );
        product(
            MatrixMut::strided(&mut out[head * d..], n, d, out_row),
            Matrix::strided(scores, n, tokens, stride),
            Matrix::new(values, tokens, d),
        );
        vectorised(
            #[inline(always)]
            || {
                let own_part = shape.key_value_heads * d + group * d;
                for ((scores, step), out) in
                    scores.chunks_exact(stride).zip(steps).zip(out.chunks_exact_mut(out_row))
                {
                    let out = &mut out[head * d..(head + 1) * d];
                    let own = step.suffix.layers[layer].chunks_exact(kept);
                    for (weight, kept) in scores[tokens..].iter().zip(own) {
                        add_scaled(out, *weight, &kept[own_part..own_part + d]);
                    }
                }
            },
        );
    }
}
