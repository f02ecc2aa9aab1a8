//! In which numbers a model answers.

use crate::error::Result;
use crate::panels::Products;

/// The numbers that inference multiplies with and keeps; for training's see [`Products`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Precision {
    /// Of the matrices in the blocks and of the next event's head.
    pub weights: WeightPrecision,
    /// Of the keys and values that a [`PatientState`](crate::PatientState) holds.
    pub kept: KeptPrecision,
}

/// The precision of weights. `docs/lab/decoding.md` has what each costs in likelihood and gives in speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightPrecision {
    /// As they were trained.
    #[default]
    F32,
    /// As they were trained; products with them are of sixteen significant bits, on a processor's matrix unit
    /// ([`Products::Bf16x3`]).
    Bf16x3,
    /// Rounded to eight significant bits. Products are with `f32` rows, in `f32`; where a processor multiplies such numbers
    /// itself, with rows that are rounded likewise, summed in `f32` ([`Products::Bf16`]).
    Bf16,
    /// Integers of eight bits with a scale a column; rows are rounded likewise, each with a scale of its own, and products
    /// are summed exactly.
    Int8,
}

/// The precision of kept keys and values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptPrecision {
    /// As they were computed.
    #[default]
    F32,
    /// IEEE 754's binary16, eleven significant bits: half the memory.
    F16,
}

impl WeightPrecision {
    /// How products with the matrices in panels are worked out.
    ///
    /// # Errors
    /// [`Error::Options`](crate::Error::Options) where this processor can't.
    pub(crate) fn products(self) -> Result<Products> {
        let products = match self {
            WeightPrecision::Bf16x3 => Products::Bf16x3,
            WeightPrecision::Bf16 if Products::Bf16.check().is_ok() => Products::Bf16,
            WeightPrecision::F32 | WeightPrecision::Bf16 | WeightPrecision::Int8 => Products::F32,
        };
        products.check().map(|()| products)
    }
}
