//! `--precision` and `--cache`: in which numbers a model answers.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use model::{KeptPrecision, Precision, Products, WeightPrecision};

/// The numbers that a model answers with.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PrecisionArguments {
    /// Numbers that weights are multiplied in: as trained (f32), with 16 significant bits on a processor with a matrix unit
    /// (bf16x3: Intel AMX, on Linux), rounded to 8 significant bits (bf16), or to integers of 8 bits (int8), which is faster
    /// and costs a little likelihood.
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
    /// Sixteen significant bits, on a matrix unit.
    Bf16x3,
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
                Weights::Bf16x3 => WeightPrecision::Bf16x3,
                Weights::Bf16 => WeightPrecision::Bf16,
                Weights::Int8 => WeightPrecision::Int8,
            },
            kept: match self.cache {
                Cache::F32 => KeptPrecision::F32,
                Cache::F16 => KeptPrecision::F16,
            },
        }
    }

    /// For training.
    pub fn products(self) -> Result<Products> {
        match self.precision {
            Weights::F32 => Ok(Products::F32),
            Weights::Bf16x3 => Ok(Products::Bf16x3),
            Weights::Bf16 => Ok(Products::Bf16),
            Weights::Int8 => bail!("training is in f32, bf16x3 or bf16; int8 is for answering"),
        }
    }

    /// For manifests: weights, then what is kept.
    pub fn names(self) -> (&'static str, &'static str) {
        let weights = match self.precision {
            Weights::F32 => "f32",
            Weights::Bf16x3 => "bf16x3",
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
