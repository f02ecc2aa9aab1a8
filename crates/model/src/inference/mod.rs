//! Answers without gradients: the forward pass alone, in the precision that was asked for, over whole records or over
//! what is new of them.
//!
//! Unlike training's pass (`decoder`) it keeps nothing of a block but its keys and values, may read on where it stopped,
//! and works out the last block for the tokens that are asked about alone. Tests hold the two passes against each other.

pub(crate) mod attention;
mod blocks;
mod half_panels;
mod int8_panels;
pub(crate) mod kept;
mod likelihood;
mod pass;
mod precision;
mod weights;

pub(crate) use int8_panels::Rounded;
pub(crate) use pass::{AnyKept, Keeper, Reader, Wanted};
pub use precision::{KeptPrecision, Precision, WeightPrecision};
pub(crate) use weights::{Inference, ReducedWeights};
