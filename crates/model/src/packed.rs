//! The weights as the engine multiplies with them: laid out in panels, anew whenever they have changed.

use crate::config::Config;
use crate::derived::Derived;
use crate::panels::{Panels, Products};
use crate::real::Real;
use crate::weights::Layout;
use rayon::prelude::*;

/// What is computed with: shape, weights, and what was prepared from them.
#[derive(Clone, Copy)]
pub(crate) struct Parameters<'a, T> {
    pub(crate) config: &'a Config,
    pub(crate) layout: &'a Layout,
    pub(crate) weights: &'a [T],
    pub(crate) tables: &'a Derived<T>,
    pub(crate) forward: &'a Packed<T>,
    /// Empty except in training.
    pub(crate) backward: &'a Packed<T>,
}

/// Everything that is computed from the weights before they are used, and again when they have changed.
pub(crate) struct Prepared<T> {
    pub(crate) tables: Derived<T>,
    forward: Packed<T>,
    backward: Packed<T>,
    /// Whether gradients are wanted too; what they need costs the memory of the weights once more.
    pub(crate) training: bool,
    /// How products with the matrices are worked out.
    pub(crate) products: Products,
}

impl<T: Real> Prepared<T> {
    pub(crate) fn new((config, layout): (&Config, &Layout), weights: &[T], training: bool) -> Self {
        let tables = Derived::zeros(config);
        let mut prepared = Prepared {
            tables,
            forward: Packed::default(),
            backward: Packed::default(),
            training,
            products: Products::default(),
        };
        prepared.update((config, layout), weights);
        prepared
    }

    pub(crate) fn update(&mut self, (config, layout): (&Config, &Layout), weights: &[T]) {
        self.tables.compute(config, layout, weights);
        let Prepared { tables, forward, backward, training, products } = self;
        let shape = (config, layout, *products);
        if *training {
            rayon::join(
                || forward.set_forward(shape, weights, tables),
                || backward.set_backward(shape, weights, tables),
            );
        } else {
            forward.set_forward(shape, weights, tables);
            *backward = Packed::default();
        }
    }

    pub(crate) fn with<'a>(
        &'a self,
        (config, layout): (&'a Config, &'a Layout),
        weights: &'a [T],
    ) -> Parameters<'a, T> {
        let Prepared { tables, forward, backward, .. } = self;
        Parameters { config, layout, weights, tables, forward, backward }
    }
}

/// The matrices of one block.
#[derive(Clone, Default)]
pub(crate) struct PackedBlock<T> {
    pub(crate) query_key_value: Panels<T>,
    pub(crate) attention_out: Panels<T>,
    pub(crate) gate_up: Panels<T>,
    pub(crate) down: Panels<T>,
}

/// The matrices of the stack and of the next event's head, in one orientation.
#[derive(Clone, Default)]
pub(crate) struct Packed<T> {
    pub(crate) blocks: Vec<PackedBlock<T>>,
    pub(crate) head: Panels<T>,
}

impl<T: Real> Packed<T> {
    /// For `y = x Wᵀ`.
    fn set_forward(&mut self, shape: (&Config, &Layout, Products), weights: &[T], tables: &Derived<T>) {
        self.each(shape, weights, tables, |panels, matrix, inner| {
            panels.set_transposed(matrix, matrix.len() / inner, inner);
        });
    }

    /// For `dx = dy W`.
    fn set_backward(&mut self, shape: (&Config, &Layout, Products), weights: &[T], tables: &Derived<T>) {
        self.each(shape, weights, tables, |panels, matrix, inner| {
            panels.set(matrix, matrix.len() / inner, inner);
        });
    }

    /// Calls `lay_out` with each matrix, stored as `[out, inner]`, and its `inner`.
    fn each(
        &mut self,
        (config, layout, products): (&Config, &Layout, Products),
        weights: &[T],
        tables: &Derived<T>,
        lay_out: impl Fn(&mut Panels<T>, &[T], usize) + Sync,
    ) {
        let d = config.width;
        let lay_out = |panels: &mut Panels<T>, matrix: &[T], inner| {
            panels.set_products(products);
            lay_out(panels, matrix, inner);
            panels.lay_out_tiles();
        };
        self.blocks.resize_with(config.layers, PackedBlock::default);
        let blocks = || {
            self.blocks.par_iter_mut().zip(&layout.blocks).for_each(|(block, slots)| {
                lay_out(&mut block.query_key_value, slots.query_key_value.of(weights), d);
                lay_out(&mut block.attention_out, slots.attention_out.of(weights), d);
                lay_out(&mut block.gate_up, slots.gate_up.of(weights), d);
                lay_out(&mut block.down, slots.down.of(weights), config.feed_forward);
            });
        };
        rayon::join(blocks, || lay_out(&mut self.head, tables.head(layout, weights), d));
    }
}
