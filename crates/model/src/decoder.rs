//! The stack of blocks: from embedded tokens to the final hidden state, and back.
//!
//! A block is `x ← x + out(attention(rotate(qkv(norm(x)))))`, then `x ← x + down(silu(gate) · up)` of another
//! norm. Forward keeps each block's input, its rotated queries, keys and values, attention's output, the middle
//! residual and the gates; everything else is cheaper to compute again than to keep.

use crate::buffer::Buffer;
use crate::config::Config;
use crate::layers::attention;
use crate::layers::dropout::Dropout;
use crate::layers::rotary::Angles;
use crate::layers::{feed_forward, norm};
use crate::pack::Pack;
use crate::packed::{PackedBlock, Parameters};
use crate::panels::{Panels, multiply, weight_gradient};
use crate::real::{Real, add_scaled, vectorised};
use crate::weights::BlockSlots;
use std::ops::Range;

/// Rows that go through a run of layers before the next rows do, so that what becomes of them stays in the second cache
/// level: sixteen tiles of a product, and a multiple of the four numbers that dropout draws together.
pub(crate) const NEAR: usize = 192;

/// The rows of `tokens`, [`NEAR`] at a time.
fn near(tokens: usize) -> impl Iterator<Item = Range<usize>> {
    (0..tokens).step_by(NEAR).map(move |begin| begin..(begin + NEAR).min(tokens))
}

/// Where rows of `width` numbers lie.
fn at(rows: &Range<usize>, width: usize) -> Range<usize> {
    rows.start * width..rows.end * width
}

/// What one block keeps for backward, per token.
#[derive(Default)]
struct Kept<T> {
    input: Buffer<T>,
    input_inverse: Buffer<T>,
    query_key_value: Buffer<T>,
    attention: Buffer<T>,
    log_sum: Buffer<T>,
    middle: Buffer<T>,
    middle_inverse: Buffer<T>,
    gate_up: Buffer<T>,
}

/// The memory of a stack; one per thread.
#[derive(Default)]
pub(crate) struct Decoder<T> {
    kept: Vec<Kept<T>>,
    last: Buffer<T>,
    last_inverse: Buffer<T>,
    hidden: Buffer<T>,
    angles: Angles<T>,
    attention: attention::Scratch<T>,
    normed: Buffer<T>,
    activation: Buffer<T>,
    branch: Buffer<T>,
    d_normed: Buffer<T>,
    d_activation: Buffer<T>,
    d_row: Buffer<T>,
    d_attention: Buffer<T>,
    gradient: Panels<T>,
}

/// Places of dropout masks; two per block.
fn places(block: usize) -> (u64, u64) {
    (1 + 2 * block as u64, 2 + 2 * block as u64)
}

impl<T: Real> Decoder<T> {
    /// The first block's input for `tokens` tokens, to be written by the embedding.
    pub(crate) fn input(&mut self, config: &Config, tokens: usize) -> &mut [T] {
        self.kept.resize_with(config.layers, Kept::default);
        self.kept[0].input.stale(tokens * config.width)
    }

    /// The final hidden state, after its norm: `[tokens, width]`.
    pub(crate) fn hidden(&self, config: &Config, tokens: usize) -> &[T] {
        self.hidden.filled(tokens * config.width)
    }

    /// Runs the stack over [`Decoder::input`].
    pub(crate) fn forward(&mut self, p: Parameters<'_, T>, pack: &Pack, dropout: Dropout) {
        let Parameters { config, layout, weights, .. } = p;
        let (tokens, d) = (pack.tokens(), config.width);
        self.angles.set(config, pack.index.iter().copied().zip(pack.since_start_days.iter().copied()));
        dropout.apply(0, self.kept[0].input.filled_mut(tokens * d));
        for (l, slots) in layout.blocks.iter().enumerate() {
            let block = &p.forward.blocks[l];
            self.attention_forward(config, (slots, weights, block), pack, l);
            self.after_attention(config, (slots, weights, block), tokens, l, dropout);
        }
        let hidden = self.hidden.stale(tokens * d);
        let inverse = self.last_inverse.stale(tokens);
        norm::forward(
            self.last.filled(tokens * d),
            layout.final_norm.of(weights),
            config.norm_epsilon,
            hidden,
            inverse,
        );
    }

    fn attention_forward(
        &mut self,
        config: &Config,
        (slots, weights, block): (&BlockSlots, &[T], &PackedBlock<T>),
        pack: &Pack,
        l: usize,
    ) {
        let (tokens, d, shape) = (pack.tokens(), config.width, attention_shape(config));
        let kept = &mut self.kept[l];
        let inverse = kept.input_inverse.stale(tokens);
        let input = kept.input.filled(tokens * d);
        let qkv = kept.query_key_value.stale(tokens * shape.row());
        let turned = config.heads + config.key_value_heads;
        for rows in near(tokens) {
            let normed = self.normed.stale(rows.len() * d);
            let (input, inverse) = (&input[at(&rows, d)], &mut inverse[rows.clone()]);
            norm::forward(input, slots.attention_norm.of(weights), config.norm_epsilon, normed, inverse);
            let qkv = &mut qkv[at(&rows, shape.row())];
            multiply(qkv, normed, &block.query_key_value);
            if !slots.query_key_value_bias.is_empty() {
                let bias = slots.query_key_value_bias.of(weights);
                qkv.chunks_exact_mut(shape.row()).for_each(|row| add_scaled(row, T::ONE, bias));
            }
            self.angles.rotate_from(rows.start, qkv, (shape.row(), turned), false);
        }
        let out = kept.attention.stale(tokens * d);
        let log_sum = kept.log_sum.stale(tokens * config.heads);
        attention::forward(shape, &pack.segments, qkv, out, log_sum, &mut self.attention);
    }

    /// Attention's last product, then the feed-forward part.
    fn after_attention(
        &mut self,
        config: &Config,
        (slots, weights, block): (&BlockSlots, &[T], &PackedBlock<T>),
        tokens: usize,
        l: usize,
        dropout: Dropout,
    ) {
        let (d, inner) = (config.width, config.feed_forward);
        let (now, next) = self.kept.split_at_mut(l + 1);
        let Kept { input, attention, middle, middle_inverse, gate_up, .. } = &mut now[l];
        let (input, out) = (input.filled(tokens * d), attention.filled(tokens * d));
        let middle = middle.stale(tokens * d);
        let inverse = middle_inverse.stale(tokens);
        let gate_up = gate_up.stale(tokens * 2 * inner);
        let target = next.first_mut().map_or(&mut self.last, |kept| &mut kept.input).stale(tokens * d);
        for rows in near(tokens) {
            let (of_rows, first) = (at(&rows, d), rows.start * d);
            let branch = self.branch.stale(rows.len() * d);
            multiply(branch, &out[of_rows.clone()], &block.attention_out);
            dropout.apply_from(places(l).0, first, branch);
            let middle = &mut middle[of_rows.clone()];
            sum(middle, &input[of_rows.clone()], branch);
            let normed = self.normed.stale(rows.len() * d);
            let (weight, inverse) = (slots.feed_forward_norm.of(weights), &mut inverse[rows.clone()]);
            norm::forward(middle, weight, config.norm_epsilon, normed, inverse);
            let gate_up = &mut gate_up[at(&rows, 2 * inner)];
            multiply(gate_up, normed, &block.gate_up);
            let activation = self.activation.stale(rows.len() * inner);
            feed_forward::forward(gate_up, inner, activation);
            multiply(branch, activation, &block.down);
            dropout.apply_from(places(l).1, first, branch);
            sum(&mut target[of_rows], middle, branch);
        }
    }

    /// Turns `d_hidden` into the gradient of [`Decoder::input`] in `dx` and adds to the weights' gradient.
    pub(crate) fn backward(
        &mut self,
        p: Parameters<'_, T>,
        pack: &Pack,
        dropout: Dropout,
        (d_hidden, dx, gradient): (&[T], &mut [T], &mut [T]),
    ) {
        let Parameters { config, layout, weights, .. } = p;
        let (tokens, d) = (pack.tokens(), config.width);
        self.gradient.set_products(p.forward.head.products());
        dx.fill(T::ZERO);
        let (last, inverse) = (self.last.filled(tokens * d), self.last_inverse.filled(tokens));
        let weight = layout.final_norm.of(weights);
        norm::backward(d_hidden, last, weight, inverse, dx, layout.final_norm.of_mut(gradient));
        for (l, slots) in layout.blocks.iter().enumerate().rev() {
            let of_block = (slots, weights, &p.backward.blocks[l]);
            self.feed_forward_backward(config, of_block, tokens, l, dropout, (dx, gradient));
            self.attention_backward(config, of_block, pack, l, dropout, (dx, gradient));
        }
        dropout.apply(0, dx);
    }

    fn feed_forward_backward(
        &mut self,
        config: &Config,
        (slots, weights, block): (&BlockSlots, &[T], &PackedBlock<T>),
        tokens: usize,
        l: usize,
        dropout: Dropout,
        (dx, gradient): (&mut [T], &mut [T]),
    ) {
        let (d, inner) = (config.width, config.feed_forward);
        let kept = &mut self.kept[l];
        let d_branch = self.branch.stale(tokens * d);
        let gate_up = kept.gate_up.filled_mut(tokens * 2 * inner);
        let activation = self.activation.stale(tokens * inner);
        let normed = self.normed.stale(tokens * d);
        let (middle, inverse) = (kept.middle.filled(tokens * d), kept.middle_inverse.filled(tokens));
        let weight = slots.feed_forward_norm.of(weights);
        for rows in near(tokens) {
            let of_rows = at(&rows, d);
            let (dx, d_branch) = (&mut dx[of_rows.clone()], &mut d_branch[of_rows.clone()]);
            d_branch.copy_from_slice(dx);
            dropout.apply_from(places(l).1, of_rows.start, d_branch);
            let d_activation = self.d_activation.stale(rows.len() * inner);
            multiply(d_activation, d_branch, &block.down);
            let gate_up = &mut gate_up[at(&rows, 2 * inner)];
            feed_forward::backward(gate_up, inner, d_activation, &mut activation[at(&rows, inner)]);
            let (middle, inverse) = (&middle[of_rows.clone()], &inverse[rows.clone()]);
            norm::again(middle, weight, inverse, &mut normed[of_rows]);
            let d_normed = self.d_normed.stale(rows.len() * d);
            multiply(d_normed, gate_up, &block.gate_up);
            norm::backward(d_normed, middle, weight, inverse, dx, slots.feed_forward_norm.of_mut(gradient));
        }
        weight_gradient(slots.down.of_mut(gradient), (d_branch, activation), (d, inner), &mut self.gradient);
        let target = slots.gate_up.of_mut(gradient);
        weight_gradient(target, (gate_up, normed), (2 * inner, d), &mut self.gradient);
    }

    fn attention_backward(
        &mut self,
        config: &Config,
        (slots, weights, block): (&BlockSlots, &[T], &PackedBlock<T>),
        pack: &Pack,
        l: usize,
        dropout: Dropout,
        (dx, gradient): (&mut [T], &mut [T]),
    ) {
        let (tokens, d, shape) = (pack.tokens(), config.width, attention_shape(config));
        let kept = &mut self.kept[l];
        let d_branch = self.branch.stale(tokens * d);
        d_branch.copy_from_slice(dx);
        dropout.apply(places(l).0, d_branch);
        let (qkv, out) =
            (kept.query_key_value.filled(tokens * shape.row()), kept.attention.filled(tokens * d));
        weight_gradient(slots.attention_out.of_mut(gradient), (d_branch, out), (d, d), &mut self.gradient);
        let d_out = self.d_attention.stale(tokens * d);
        multiply(d_out, d_branch, &block.attention_out);
        let d_qkv = self.d_row.stale(tokens * shape.row());
        let log_sum = kept.log_sum.filled(tokens * config.heads);
        attention::backward(shape, &pack.segments, (qkv, out, log_sum), d_out, d_qkv, &mut self.attention);
        let normed = self.normed.stale(tokens * d);
        let (input, inverse) = (kept.input.filled(tokens * d), kept.input_inverse.filled(tokens));
        let weight = slots.attention_norm.of(weights);
        let turned = config.heads + config.key_value_heads;
        for rows in near(tokens) {
            let of_rows = at(&rows, d);
            let d_qkv = &mut d_qkv[at(&rows, shape.row())];
            self.angles.rotate_from(rows.start, d_qkv, (shape.row(), turned), true);
            if !slots.query_key_value_bias.is_empty() {
                norm::bias_backward(d_qkv, slots.query_key_value_bias.of_mut(gradient));
            }
            let (input, inverse) = (&input[of_rows.clone()], &inverse[rows.clone()]);
            norm::again(input, weight, inverse, &mut normed[of_rows.clone()]);
            let d_normed = self.d_normed.stale(rows.len() * d);
            multiply(d_normed, d_qkv, &block.query_key_value);
            let (dx, d_weight) = (&mut dx[of_rows], slots.attention_norm.of_mut(gradient));
            norm::backward(d_normed, input, weight, inverse, dx, d_weight);
        }
        let target = slots.query_key_value.of_mut(gradient);
        weight_gradient(target, (d_qkv, normed), (shape.row(), d), &mut self.gradient);
    }
}

/// The shapes of a configuration's attention.
pub(crate) fn attention_shape(config: &Config) -> attention::Shape {
    attention::Shape {
        heads: config.heads,
        key_value_heads: config.key_value_heads,
        head_width: config.head_width(),
    }
}

fn sum<T: Real>(target: &mut [T], a: &[T], b: &[T]) {
    vectorised(
        #[inline(always)]
        || {
            for ((t, a), b) in target.iter_mut().zip(a).zip(b) {
                *t = *a + *b;
            }
        },
    );
}
