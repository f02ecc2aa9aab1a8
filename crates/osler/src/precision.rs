//! `--precision` and `--cache`: in which numbers a model answers.

use clap::{Args, ValueEnum};
use model::{KeptPrecision, Precision, WeightPrecision};

/// The numbers that a model answers with.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PrecisionArguments {
    /// Numbers that weights are multiplied in: as trained (f32), rounded to 16 bits (bf16), or to 8 (int8), which is
    /// faster and costs a little likelihood.
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: Weights,
    /// Numbers that keys and values of earlier tokens are kept in: f16 takes half the memory.
    #[arg(long, value_enum, default_value = "f32")]
    pub cache: Cache,
}

/// As [`WeightPrecision`].
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Weights {
    /// As trained.
    #[default]
    F32,
    /// Eight significant bits.
    Bf16,
    /// Integers with a scale a column.
    Int8,
}

/// As [`KeptPrecision`].
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Cache {
    /// As computed.
    #[default]
    F32,
    /// Eleven significant bits.
    F16,
}

impl PrecisionArguments {
    /// For the model.
    pub fn precision(self) -> Precision {
        Precision {
            weights: match self.precision {
                Weights::F32 => WeightPrecision::F32,
                Weights::Bf16 => WeightPrecision::Bf16,
                Weights::Int8 => WeightPrecision::Int8,
            },
            kept: match self.cache {
                Cache::F32 => KeptPrecision::F32,
                Cache::F16 => KeptPrecision::F16,
            },
        }
    }

    /// For manifests: weights, then what is kept.
    pub fn names(self) -> (&'static str, &'static str) {
        let weights = match self.precision {
            Weights::F32 => "f32",
            Weights::Bf16 => "bf16",
            Weights::Int8 => "int8",
        };
        let cache = match self.cache {
            Cache::F32 => "f32",
            Cache::F16 => "f16",
        };
        (weights, cache)
    }
}
