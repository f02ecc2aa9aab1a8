//! A model's reasoning beside a synthetic population's truth: reads the truth, joins it to records, and asks the model.
//!
//! How grades are reckoned is `evaluate::grading`'s; here is what was asked of whom.

mod decisions;
mod join;
mod moments;
mod rule;
mod truth;

pub use decisions::{EffectsAsked, EffectsFound, effects};
pub use join::Join;
pub use moments::{Asked, PREDICTORS, RANKERS, RULE, moments};
pub use rule::{LastValues, Who};
pub use truth::Truth;
