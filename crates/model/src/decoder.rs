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
use crate::real::{Real, add_scaled};
use crate::weights::BlockSlots;

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
            self.attention_forward(config, (slots, weights, block), pack, l, dropout);
            self.feed_forward(config, (slots, weights, block), tokens, l, dropout);
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
        dropout: Dropout,
    ) {
        let (tokens, d, shape) = (pack.tokens(), config.width, attention_shape(config));
        let kept = &mut self.kept[l];
        let normed = self.normed.stale(tokens * d);
        let inverse = kept.input_inverse.stale(tokens);
        let input = kept.input.filled(tokens * d);
        norm::forward(input, slots.attention_norm.of(weights), config.norm_epsilon, normed, inverse);
        let qkv = kept.query_key_value.stale(tokens * shape.row());
        multiply(qkv, normed, &block.query_key_value);
        if !slots.query_key_value_bias.is_empty() {
            let bias = slots.query_key_value_bias.of(weights);
            qkv.chunks_exact_mut(shape.row()).for_each(|row| add_scaled(row, T::ONE, bias));
        }
        self.angles.rotate(qkv, shape.row(), config.heads + config.key_value_heads, false);
        let out = kept.attention.stale(tokens * d);
        let log_sum = kept.log_sum.stale(tokens * config.heads);
        attention::forward(shape, &pack.segments, qkv, out, log_sum, &mut self.attention);
        let branch = self.branch.stale(tokens * d);
        multiply(branch, out, &block.attention_out);
        dropout.apply(places(l).0, branch);
        let middle = kept.middle.stale(tokens * d);
        sum(middle, kept.input.filled(tokens * d), branch);
    }

    fn feed_forward(
        &mut self,
        config: &Config,
        (slots, weights, block): (&BlockSlots, &[T], &PackedBlock<T>),
        tokens: usize,
        l: usize,
        dropout: Dropout,
    ) {
        let (d, inner) = (config.width, config.feed_forward);
        let kept = &mut self.kept[l];
        let normed = self.normed.stale(tokens * d);
        let inverse = kept.middle_inverse.stale(tokens);
        let middle = kept.middle.filled(tokens * d);
        norm::forward(middle, slots.feed_forward_norm.of(weights), config.norm_epsilon, normed, inverse);
        let gate_up = kept.gate_up.stale(tokens * 2 * inner);
        multiply(gate_up, normed, &block.gate_up);
        let activation = self.activation.stale(tokens * inner);
        feed_forward::forward(gate_up, inner, activation);
        let branch = self.branch.stale(tokens * d);
        multiply(branch, activation, &block.down);
        dropout.apply(places(l).1, branch);
        let (now, next) = self.kept.split_at_mut(l + 1);
        let target = next.first_mut().map_or(&mut self.last, |kept| &mut kept.input);
        sum(target.stale(tokens * d), now[l].middle.filled(tokens * d), branch);
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
        d_branch.copy_from_slice(dx);
        dropout.apply(places(l).1, d_branch);
        let gate_up = kept.gate_up.filled_mut(tokens * 2 * inner);
        let activation = self.activation.stale(tokens * inner);
        feed_forward::forward(gate_up, inner, activation);
        weight_gradient(slots.down.of_mut(gradient), (d_branch, activation), (d, inner), &mut self.gradient);
        multiply(activation, d_branch, &block.down);
        feed_forward::backward(gate_up, inner, activation);
        let normed = self.normed.stale(tokens * d);
        let (middle, inverse) = (kept.middle.filled(tokens * d), kept.middle_inverse.filled(tokens));
        let weight = slots.feed_forward_norm.of(weights);
        norm::again(middle, weight, inverse, normed);
        let target = slots.gate_up.of_mut(gradient);
        weight_gradient(target, (gate_up, normed), (2 * inner, d), &mut self.gradient);
        multiply(normed, gate_up, &block.gate_up);
        norm::backward(normed, middle, weight, inverse, dx, slots.feed_forward_norm.of_mut(gradient));
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
        self.angles.rotate(d_qkv, shape.row(), config.heads + config.key_value_heads, true);
        if !slots.query_key_value_bias.is_empty() {
            norm::bias_backward(d_qkv, slots.query_key_value_bias.of_mut(gradient));
        }
        let normed = self.normed.stale(tokens * d);
        let (input, inverse) = (kept.input.filled(tokens * d), kept.input_inverse.filled(tokens));
        let weight = slots.attention_norm.of(weights);
        norm::again(input, weight, inverse, normed);
        let target = slots.query_key_value.of_mut(gradient);
        weight_gradient(target, (d_qkv, normed), (shape.row(), d), &mut self.gradient);
        multiply(normed, d_qkv, &block.query_key_value);
        norm::backward(normed, input, weight, inverse, dx, slots.attention_norm.of_mut(gradient));
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
    for ((t, a), b) in target.iter_mut().zip(a).zip(b) {
        *t = *a + *b;
    }
}
