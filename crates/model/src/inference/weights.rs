//! The matrices that inference multiplies with, in the precision that was asked for.

use super::half_panels::{self, HalfPanels};
use super::int8_panels::{self, Int8Panels, Rounded};
use super::precision::WeightPrecision;
use crate::config::Config;
use crate::derived::Derived;
use crate::packed::{Packed, PackedBlock, Parameters};
use crate::panels::{self, Panels, Products};
use crate::weights::Layout;

/// A matrix of reduced precision.
pub(crate) enum Reduced {
    Half(HalfPanels),
    Int8(Int8Panels),
}

/// All of them: blocks in order, then the next event's head.
pub(crate) struct ReducedWeights {
    blocks: Vec<[Reduced; 4]>,
    head: Reduced,
}

impl ReducedWeights {
    /// The matrices in `precision`; none where those that the model has anyway serve, with their products as they are.
    pub(crate) fn new(
        (precision, products): (WeightPrecision, Products),
        (config, layout): (&Config, &Layout),
        (weights, tables): (&[f32], &Derived<f32>),
    ) -> Option<Self> {
        let lay_out: fn(&[f32], usize) -> Reduced = match precision {
            WeightPrecision::F32 | WeightPrecision::Bf16x3 => return None,
            WeightPrecision::Bf16 if products == Products::Bf16 => return None,
            WeightPrecision::Bf16 => |matrix, inner| Reduced::Half(HalfPanels::of_transposed(matrix, inner)),
            WeightPrecision::Int8 => |matrix, inner| Reduced::Int8(Int8Panels::of_transposed(matrix, inner)),
        };
        let d = config.width;
        let block = |slots: &crate::weights::BlockSlots| {
            [
                lay_out(slots.query_key_value.of(weights), d),
                lay_out(slots.attention_out.of(weights), d),
                lay_out(slots.gate_up.of(weights), d),
                lay_out(slots.down.of(weights), config.feed_forward),
            ]
        };
        let blocks = layout.blocks.iter().map(block).collect();
        Some(ReducedWeights { blocks, head: lay_out(tables.head(layout, weights), d) })
    }
}

/// A matrix to multiply with.
#[derive(Clone, Copy)]
pub(crate) enum Matrix<'a> {
    Whole(&'a Panels<f32>),
    Reduced(&'a Reduced),
}

impl Matrix<'_> {
    /// `y = x B` with `x` as `[rows, inner]` and `y` as `[rows, columns]`.
    pub(crate) fn multiply(self, y: &mut [f32], x: &[f32], rounded: &mut Rounded) {
        match self {
            Matrix::Whole(weights) => panels::multiply(y, x, weights),
            Matrix::Reduced(Reduced::Half(weights)) => {
                pulp::Arch::new().dispatch(half_panels::Product { y, x, weights });
            }
            Matrix::Reduced(Reduced::Int8(weights)) => int8_panels::multiply(y, x, weights, rounded),
        }
    }
}

/// The matrices of one block.
#[derive(Clone, Copy)]
pub(crate) struct BlockMatrices<'a> {
    pub(crate) query_key_value: Matrix<'a>,
    pub(crate) attention_out: Matrix<'a>,
    pub(crate) gate_up: Matrix<'a>,
    pub(crate) down: Matrix<'a>,
}

/// What inference computes with.
#[derive(Clone, Copy)]
pub(crate) struct Inference<'a> {
    pub(crate) parameters: Parameters<'a, f32>,
    pub(crate) reduced: Option<&'a ReducedWeights>,
}

impl<'a> Inference<'a> {
    pub(crate) fn block(self, layer: usize) -> BlockMatrices<'a> {
        match self.reduced {
            None => {
                let PackedBlock { query_key_value, attention_out, gate_up, down } =
                    &self.parameters.forward.blocks[layer];
                BlockMatrices {
                    query_key_value: Matrix::Whole(query_key_value),
                    attention_out: Matrix::Whole(attention_out),
                    gate_up: Matrix::Whole(gate_up),
                    down: Matrix::Whole(down),
                }
            }
            Some(reduced) => {
                let [query_key_value, attention_out, gate_up, down] = &reduced.blocks[layer];
                BlockMatrices {
                    query_key_value: Matrix::Reduced(query_key_value),
                    attention_out: Matrix::Reduced(attention_out),
                    gate_up: Matrix::Reduced(gate_up),
                    down: Matrix::Reduced(down),
                }
            }
        }
    }

    /// The next event's head.
    pub(crate) fn head(self) -> Matrix<'a> {
        let Packed { head, .. } = self.parameters.forward;
        self.reduced.map_or(Matrix::Whole(head), |reduced| Matrix::Reduced(&reduced.head))
    }
}
