//! In which numbers a model answers.

/// The numbers that inference multiplies with and keeps. Training is always in `f32`.
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
    /// Rounded to eight significant bits; products are with `f32` rows, in `f32`.
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
