//! The engine: forward, and backward in pieces.
//!
//! Each piece (embedding, a block's projections, a stretch of its attention, the rest of the block, the final norm,
//! some targets of a head) is run again on leaves when its gradient is wanted, and Burn differentiates
//! `Σ output · d_output`. So of forward only each block's input and attention's output are kept, and what autodiff
//! records is never more than one piece: memory grows with the context, not with its square. The price is a second
//! forward, a third of the arithmetic of a step.
//!
//! What a code's features add to its vector is added on the host, when weights are loaded, and their gradient taken
//! there: sums over a few rows a code, which a device would do one after the other.

use crate::heads::{Piece, Targets};
use crate::layers;
use crate::upload::Tokens;
use crate::weights::{Places, Sums, View, Weights, read};
use burn::{Device, Tensor};
use model::engine::{Batch, Engine, Parts};
use model::{Config, Error, Model};

const CODE: &str = "embedding.code";
const FEATURE: &str = "embedding.feature";

/// The model on one of Burn's devices.
pub(crate) struct Burn {
    config: Config,
    device: Device,
    weights: Weights,
}

/// What forward keeps for backward.
#[derive(Default)]
struct Kept {
    /// Each block's input, then the last one's output.
    inputs: Vec<Tensor<2>>,
    /// What each block's attention found.
    attention: Vec<Tensor<2>>,
}

impl Burn {
    /// The weights are the model's until [`Engine::load`] is called.
    pub(crate) fn new(device: Device, model: &Model) -> Self {
        let places = Places::new(model.tensors(), &[FEATURE]);
        Burn { config: model.config().clone(), device, weights: Weights::new(places) }
    }

    fn forward(&self, tokens: &Tokens, mut kept: Option<&mut Kept>) -> Tensor<2> {
        let (config, w) = (&self.config, &self.weights.plain());
        let mut x = layers::embed(w, tokens);
        for l in 0..config.layers {
            let attention = self.attention(tokens, layers::project(config, w, l, tokens, x.clone()));
            if let Some(kept) = &mut kept {
                kept.inputs.push(x.clone());
                kept.attention.push(attention.clone());
            }
            x = layers::finish(config, w, l, tokens, [x, attention]);
        }
        if let Some(kept) = kept {
            kept.inputs.push(x.clone());
        }
        layers::final_norm(config, w, x)
    }

    fn attention(&self, tokens: &Tokens, qkv: [Tensor<2>; 3]) -> Tensor<2> {
        let stretches = layers::stretches(tokens);
        let attend = |(queries, keys): &(_, _)| {
            layers::attend(&self.config, tokens, (queries, keys), of_stretch(&qkv, (queries, keys)))
        };
        Tensor::cat(stretches.iter().map(attend).collect(), 0)
    }

    /// The gradient of what a piece makes of its inputs and the weights: the weights' added to `sums`, the inputs'
    /// returned.
    fn differentiate<const N: usize>(
        &self,
        sums: &mut Sums,
        inputs: [Tensor<2>; N],
        piece: impl FnOnce(&View<'_>, [Tensor<2>; N]) -> Tensor<1>,
    ) -> [Tensor<2>; N] {
        let w = self.weights.tracked();
        let leaves = inputs.map(|input| input.autodiff().require_grad());
        let mut gradients = piece(&w, leaves.clone()).backward();
        for (index, leaf) in w.into_leaves() {
            if let Some(gradient) = leaf.grad_remove(&mut gradients) {
                sums.add(index, gradient);
            }
        }
        leaves.map(|leaf| match leaf.grad_remove(&mut gradients) {
            Some(gradient) => gradient,
            None => leaf.without_autodiff().zeros_like(),
        })
    }

    /// The losses of one batch; their gradient, scaled, is added to `sums`.
    fn backward(&self, batch: &Batch<'_>, scales: &Parts, sums: &mut Sums) -> Result<Parts, Error> {
        let config = &self.config;
        let tokens = &Tokens::new(config, batch, true, &self.device);
        let mut kept = Kept::default();
        let hidden = self.forward(tokens, Some(&mut kept));
        let targets = Targets::new(config, batch, &self.device);
        let mut d_hidden = hidden.zeros_like();
        let mut losses = Vec::new();
        for piece in targets.pieces(config) {
            let mut loss = None;
            let [d] = self.differentiate(sums, [hidden.clone()], |w, [hidden]| {
                let each = targets.losses(config, w, &piece, hidden);
                loss = Some(each.clone().without_autodiff());
                each.sum().mul_scalar(piece.part(scales))
            });
            d_hidden = d_hidden + d;
            losses.extend(loss.map(|loss| (piece, loss)));
        }
        let last = kept.inputs.pop().unwrap_or(hidden);
        let [mut dx] =
            self.differentiate(sums, [last], |w, [x]| (layers::final_norm(config, w, x) * d_hidden).sum());
        for l in (0..config.layers).rev() {
            let (Some(x), Some(attention)) = (kept.inputs.pop(), kept.attention.pop()) else { break };
            dx = self.block_backward(l, tokens, [x, attention], dx, sums);
        }
        self.differentiate(sums, [], |w, []| (layers::embed(w, tokens) * dx).sum());
        summed(losses)
    }

    fn block_backward(
        &self,
        l: usize,
        tokens: &Tokens,
        [x, attention]: [Tensor<2>; 2],
        dx: Tensor<2>,
        sums: &mut Sums,
    ) -> Tensor<2> {
        let config = &self.config;
        let [d_before, d_attention] = self.differentiate(sums, [x.clone(), attention], |w, inputs| {
            (layers::finish(config, w, l, tokens, inputs) * dx).sum()
        });
        let qkv = layers::project(config, &self.weights.plain(), l, tokens, x.clone());
        let mut d_queries = Vec::new();
        let [_, mut d_keys, mut d_values] = qkv.each_ref().map(Tensor::zeros_like);
        for (queries, keys) in layers::stretches(tokens) {
            let of = (&queries, &keys);
            let d_out = some_rows(&d_attention, &queries);
            let [dq, dk, dv] = self.differentiate(sums, of_stretch(&qkv, of), |_, qkv| {
                (layers::attend(config, tokens, of, qkv) * d_out).sum()
            });
            d_queries.push(dq);
            // Neighbouring stretches of a segment see the same keys.
            for (sum, d) in [(&mut d_keys, dk), (&mut d_values, dv)] {
                let place = [keys.clone(), 0..sum.dims()[1]];
                let more = some_rows(sum, &keys) + d;
                sum.inplace(|sum| sum.slice_assign(place, more));
            }
        }
        let d_queries = Tensor::cat(d_queries, 0);
        let [d_through] = self.differentiate(sums, [x], |w, [x]| {
            let [q, k, v] = layers::project(config, w, l, tokens, x);
            (q * d_queries).sum() + (k * d_keys).sum() + (v * d_values).sum()
        });
        d_before + d_through
    }

    /// Calls `each` with code, feature and weight, for every feature of every code.
    fn features(&self, mut each: impl FnMut(usize, usize, f32)) {
        for (code, features) in self.config.features.by_code.iter().enumerate() {
            let share = 1.0 / (features.len().max(1) as f64).sqrt();
            features.iter().for_each(|feature| each(code, *feature as usize, share as f32));
        }
    }

    /// `target[a] += share · source[b]` over the rows of two weights of one arena.
    fn add_row(&self, arena: &mut [f32], (target, a): (&str, usize), (source, b): (&str, usize), share: f32) {
        let width = self.config.width;
        let begin = |name| self.weights.places().range(name).map(|range| range.start);
        let (Some(target), Some(source)) = (begin(target), begin(source)) else { return };
        for i in 0..width {
            arena[target + a * width + i] += share * arena[source + b * width + i];
        }
    }
}

impl Engine for Burn {
    fn load(&mut self, weights: &[f32]) -> Result<(), Error> {
        if weights.len() != self.weights.places().len() {
            return Err(Error::Engine("these weights belong to a model of another shape".into()));
        }
        let mut arena = weights.to_vec();
        self.features(|code, feature, share| {
            self.add_row(&mut arena, (CODE, code), (FEATURE, feature), share);
        });
        self.weights.upload(&arena, &self.device);
        Ok(())
    }

    fn losses(&mut self, batch: &Batch<'_>) -> Result<Parts, Error> {
        let tokens = &Tokens::new(&self.config, batch, false, &self.device);
        let hidden = self.forward(tokens, None);
        let targets = Targets::new(&self.config, batch, &self.device);
        let w = &self.weights.plain();
        let of = |piece: Piece| {
            let loss = targets.losses(&self.config, w, &piece, hidden.clone());
            (piece, loss)
        };
        summed(targets.pieces(&self.config).into_iter().map(of).collect())
    }

    fn gradient(
        &mut self,
        batches: &[Batch<'_>],
        scales: &Parts,
        gradient: &mut [f32],
    ) -> Result<Vec<Parts>, Error> {
        let mut sums = Sums::new(self.weights.places());
        let parts: Vec<Parts> =
            batches.iter().map(|batch| self.backward(batch, scales, &mut sums)).collect::<Result<_, _>>()?;
        sums.read(self.weights.places(), gradient).map_err(Error::Engine)?;
        self.features(|code, feature, share| self.add_row(gradient, (FEATURE, feature), (CODE, code), share));
        Ok(parts)
    }

    fn hidden(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, Error> {
        let tokens = &Tokens::new(&self.config, batch, false, &self.device);
        read(self.forward(tokens, None)).map_err(Error::Engine)
    }
}

/// Sums over the targets of each part, in f64 on the host.
fn summed(losses: Vec<(Piece, Tensor<2>)>) -> Result<Parts, Error> {
    let mut parts = Parts::default();
    for (piece, loss) in losses {
        let values = read(loss).map_err(Error::Engine)?;
        *piece.part_mut(&mut parts) += values.into_iter().map(f64::from).sum::<f64>();
    }
    Ok(parts)
}

type Rows = std::ops::Range<usize>;

fn some_rows(x: &Tensor<2>, rows: &Rows) -> Tensor<2> {
    x.clone().slice([rows.clone(), 0..x.dims()[1]])
}

fn of_stretch([q, k, v]: &[Tensor<2>; 3], (queries, keys): (&Rows, &Rows)) -> [Tensor<2>; 3] {
    [some_rows(q, queries), some_rows(k, keys), some_rows(v, keys)]
}
