//! The step from a gradient: AdamW (Loshchilov and Hutter 2019: Adam with decoupled weight decay), and Muon for the matrices of
//! the blocks where it is asked for.

mod muon;

use super::REDUCTION_BLOCK;
use super::options::{Optimiser, TrainOptions, Trainable};
use crate::real::vectorised;
use crate::weights::{Layout, Tensor};
use rayon::prelude::*;

const EPSILON: f64 = 1e-8;

/// The moments, in arenas of the weights' layout. Muon has one alone, its momentum.
pub(crate) struct Moments {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

/// What a step is, whatever the tensor.
pub(crate) struct Step<'a> {
    /// From 0.
    pub(crate) number: u64,
    pub(crate) learning_rate: f64,
    /// What the gradient is multiplied by first.
    pub(crate) scale: f64,
    pub(crate) options: &'a TrainOptions,
}

/// The Euclidean norm, summed in a fixed order.
pub(crate) fn norm(gradient: &[f32]) -> f64 {
    let sums: Vec<f64> = gradient
        .par_chunks(REDUCTION_BLOCK)
        .map(|block| {
            block
                .chunks(1024)
                .map(|c| {
                    f64::from(vectorised(
                        #[inline(always)]
                        || crate::real::dot(c, c),
                    ))
                })
                .sum()
        })
        .collect();
    sums.iter().sum::<f64>().sqrt()
}

impl Moments {
    pub(crate) fn new(len: usize) -> Self {
        Moments { first: vec![0.0; len], second: vec![0.0; len] }
    }

    /// One step of all weights that may change.
    pub(crate) fn update(&mut self, layout: &Layout, weights: &mut [f32], gradient: &[f32], step: &Step<'_>) {
        let by_muon = |tensor: &&Tensor| {
            step.options.optimiser == Optimiser::Muon
                && step.options.trainable == Trainable::All
                && tensor.is_block_matrix()
        };
        for tensor in layout.tensors.iter().filter(|tensor| !by_muon(tensor)) {
            if step.options.trainable == Trainable::All || tensor.name.starts_with("task.") {
                self.adamw(tensor, weights, gradient, step);
            }
        }
        // Each is a chain of products, so threads take a tensor each. Tensors lie one after another.
        let (mut weights, mut momentum, mut begin) = (weights, self.first.as_mut_slice(), 0);
        let mut parts = Vec::new();
        for tensor in layout.tensors.iter().filter(by_muon) {
            let range = tensor.slot.range();
            let (own_weights, own_momentum);
            (own_weights, weights) = weights[range.start - begin..].split_at_mut(range.len());
            (own_momentum, momentum) = momentum[range.start - begin..].split_at_mut(range.len());
            begin = range.end;
            parts.push(((tensor.shape[0], tensor.shape[1]), own_weights, &gradient[range], own_momentum));
        }
        parts.into_par_iter().for_each(|(shape, weights, gradient, momentum)| {
            muon::update(shape, (weights, gradient, momentum), step);
        });
    }

    fn adamw(&mut self, tensor: &Tensor, weights: &mut [f32], gradient: &[f32], step: &Step<'_>) {
        let Step { number, learning_rate, scale, options } = *step;
        let power = i32::try_from(number + 1).unwrap_or(i32::MAX);
        let (correct1, correct2) = (1.0 - options.beta1.powi(power), 1.0 - options.beta2.powi(power));
        let rate = (learning_rate / correct1) as f32;
        let root = (1.0 / correct2).sqrt() as f32;
        let (beta1, beta2, scale) = (options.beta1 as f32, options.beta2 as f32, scale as f32);
        let decay = if tensor.decays { 1.0 - (learning_rate * options.weight_decay) as f32 } else { 1.0 };
        let slot = tensor.slot;
        let blocks = slot
            .of_mut(weights)
            .par_chunks_mut(REDUCTION_BLOCK)
            .zip(slot.of(gradient).par_chunks(REDUCTION_BLOCK))
            .zip(slot.of_mut(&mut self.first).par_chunks_mut(REDUCTION_BLOCK))
            .zip(slot.of_mut(&mut self.second).par_chunks_mut(REDUCTION_BLOCK));
        blocks.for_each(|(((weights, gradient), first), second)| {
            vectorised(
                #[inline(always)]
                || {
                    for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
                        let g = *g * scale;
                        *m = beta1 * *m + (1.0 - beta1) * g;
                        *v = beta2 * *v + (1.0 - beta2) * g * g;
                        *w = *w * decay - rate * *m / (v.sqrt() * root + EPSILON as f32);
                    }
                },
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Size};
    use crate::random::{self, Purpose};

    /// Weights of one after a first step at a rate of 0.01, and their layout.
    fn stepped(gradient: impl Fn(usize) -> f32, options: &TrainOptions) -> (Layout, Vec<f32>) {
        let layout = Layout::new(&Config::of_size(Size::Tiny, 4, 0, None, &[]));
        let gradient: Vec<f32> = (0..layout.len()).map(gradient).collect();
        let mut weights = vec![1.0; layout.len()];
        let step = Step { number: 0, learning_rate: 0.01, scale: 1.0, options };
        Moments::new(layout.len()).update(&layout, &mut weights, &gradient, &step);
        (layout, weights)
    }

    #[test]
    fn the_first_step_moves_each_weight_by_the_learning_rate() {
        let options = TrainOptions { weight_decay: 0.0, ..TrainOptions::default() };
        let (_, weights) = stepped(|i| if i % 2 == 0 { 0.3 } else { -2.0 }, &options);
        assert!((weights[0] - 0.99).abs() < 1e-6 && (weights[1] - 1.01).abs() < 1e-6);
    }

    #[test]
    fn decay_shrinks_matrices_and_leaves_norms() {
        for optimiser in [Optimiser::AdamW, Optimiser::Muon] {
            let options = TrainOptions { weight_decay: 0.5, optimiser, ..TrainOptions::default() };
            let (layout, weights) = stepped(|_| 0.0, &options);
            let shrunk =
                |slot: crate::weights::Slot| slot.of(&weights).iter().all(|w| (w - 0.995).abs() < 1e-6);
            assert!(shrunk(layout.code) && shrunk(layout.blocks[0].gate_up));
            assert_eq!(layout.final_norm.of(&weights)[0], 1.0);
        }
    }

    /// Blocks' matrices move by [`TrainOptions::muon_scale`] learning rates, whatever their shape and the gradient's size; all
    /// else moves as with AdamW.
    #[test]
    fn muon_moves_matrices_of_blocks_alone_and_all_alike() {
        let mut options = TrainOptions { weight_decay: 0.0, ..TrainOptions::default() };
        let key = random::key(3, Purpose::Initial, &[]);
        let gradient = |i: usize| 1e-3 * random::normal(key, i as u64) as f32;
        let (layout, by_adamw) = stepped(gradient, &options);
        options.optimiser = Optimiser::Muon;
        let (_, by_muon) = stepped(gradient, &options);
        let mut moved = 0;
        for tensor in &layout.tensors {
            let (adamw, muon) = (tensor.slot.of(&by_adamw), tensor.slot.of(&by_muon));
            if !tensor.is_block_matrix() {
                assert_eq!(adamw, muon, "{}", tensor.name);
                continue;
            }
            moved += 1;
            let mean = muon.iter().map(|w| f64::from(w - 1.0).powi(2)).sum::<f64>() / muon.len() as f64;
            let lengths = mean.sqrt() / (0.01 * options.muon_scale);
            assert!((0.6..1.3).contains(&lengths), "{}: {lengths}", tensor.name);
        }
        assert_eq!(moved, 4 * 7, "query, key, value, out, gate, up and down of four blocks");
    }

    #[test]
    fn norms_are_euclidean() {
        assert!((norm(&vec![2.0; 100_000]) - 2.0 * 100_000_f64.sqrt()).abs() < 1e-6);
    }
}
