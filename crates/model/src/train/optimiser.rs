//! AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay.

use super::REDUCTION_BLOCK;
use super::options::{TrainOptions, Trainable};
use crate::real::vectorised;
use crate::weights::Layout;
use rayon::prelude::*;

const EPSILON: f64 = 1e-8;

/// The moments.
pub(crate) struct AdamW {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
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

impl AdamW {
    pub(crate) fn new(len: usize) -> Self {
        AdamW { first: vec![0.0; len], second: vec![0.0; len] }
    }

    /// Step number `step` (from 0) at `(learning rate, gradient scale)`.
    pub(crate) fn update(
        &mut self,
        layout: &Layout,
        weights: &mut [f32],
        gradient: &[f32],
        step: u64,
        (learning_rate, scale): (f64, f64),
        options: &TrainOptions,
    ) {
        let power = i32::try_from(step + 1).unwrap_or(i32::MAX);
        let (correct1, correct2) = (1.0 - options.beta1.powi(power), 1.0 - options.beta2.powi(power));
        let rate = (learning_rate / correct1) as f32;
        let root = (1.0 / correct2).sqrt() as f32;
        let (beta1, beta2, scale) = (options.beta1 as f32, options.beta2 as f32, scale as f32);
        for tensor in &layout.tensors {
            if options.trainable == Trainable::TaskHeads && !tensor.name.starts_with("task.") {
                continue;
            }
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Size};

    #[test]
    fn the_first_step_moves_each_weight_by_the_learning_rate() {
        let config = Config::of_size(Size::Tiny, 4, 0, None, &[]);
        let layout = Layout::new(&config);
        let options = TrainOptions { weight_decay: 0.0, ..TrainOptions::default() };
        let mut weights = vec![1.0; layout.len()];
        let gradient: Vec<f32> = (0..layout.len()).map(|i| if i % 2 == 0 { 0.3 } else { -2.0 }).collect();
        AdamW::new(layout.len()).update(&layout, &mut weights, &gradient, 0, (0.01, 1.0), &options);
        assert!((weights[0] - 0.99).abs() < 1e-6 && (weights[1] - 1.01).abs() < 1e-6);
    }

    #[test]
    fn decay_shrinks_matrices_and_leaves_norms() {
        let config = Config::of_size(Size::Tiny, 4, 0, None, &[]);
        let layout = Layout::new(&config);
        let options = TrainOptions { weight_decay: 0.5, ..TrainOptions::default() };
        let mut weights = vec![1.0; layout.len()];
        AdamW::new(layout.len()).update(
            &layout,
            &mut weights,
            &vec![0.0; layout.len()],
            0,
            (0.1, 1.0),
            &options,
        );
        assert!((layout.code.of(&weights)[0] - 0.95).abs() < 1e-6);
        assert_eq!(layout.final_norm.of(&weights)[0], 1.0);
    }

    #[test]
    fn norms_are_euclidean() {
        assert!((norm(&vec![2.0; 100_000]) - 2.0 * 100_000_f64.sqrt()).abs() < 1e-6);
    }
}
