//! What a treatment did, from records that nobody randomised: doubly robust, with the checks without which such a number is
//! worth nothing.
//!
//! Each row is a moment at which a treatment was or wasn't begun, by whom, and what came of it within a horizon. Two models
//! are cross-fitted by subject: who gets treated (`propensity`), and what happens in each arm (`outcome`). The effect
//! is a risk difference, from the augmented inverse-probability-weighted score (Robins, Rotnitzky and Zhao, JASA 1994;
//! cross-fitting: Chernozhukov et al., Econometrics Journal 2018)
//!
//! `ψ = μ₁ − μ₀ + A w (Y − μ₁) / e − (1 − A) w (Y − μ₀) / (1 − e)`,
//!
//! with `w` the inverse chance of the outcome being known. Its mean is right if either model is; the effect for a
//! patient is the regression of `ψ` on a few modifiers (the DR-learner: Kennedy, Electronic Journal of Statistics
//! 2023). Neither is right if what decided treatment isn't in the record: [`e_value`] says how strong that would have to be,
//! and [`Effects::placebo`] and an outcome that the treatment can't change show whether it is likely.
//!
//! ```
//! use evaluate::effects::{Cohort, Settings, effects};
//!
//! // Sicker people are treated more often and die more often; the treatment does nothing.
//! let mut cohort = Cohort { columns: 1, ..Cohort::default() };
//! for i in 0..2000_i64 {
//!     let sick = i % 2 == 0;
//!     let treated = (i / 2) % 10 < if sick { 7 } else { 3 };
//!     let died = (i / 20) % 10 < if sick { 4 } else { 1 };
//!     cohort.push(i, treated, Some(died), &[f64::from(u8::from(sick))]);
//! }
//! let found = effects(&cohort, &Settings::default())?;
//! assert!(found.naive.value > 0.05, "the treated do worse");
//! assert!(found.average.low < 0.0 && found.average.high > 0.0, "not because of the treatment");
//! # Ok::<(), evaluate::Error>(())
//! ```

mod cohort;
mod modifiers;
mod nuisance;
mod overlap;
mod score;
mod sensitivity;
#[cfg(test)]
mod tests;
mod truth;

pub use cohort::Cohort;
pub use modifiers::{Modified, PatientEffect};
pub use overlap::{Overlap, Refusal};
pub use score::{Contrast, Effects, Settings, effects};
pub use sensitivity::{Sensitivity, bounding_factor, e_value};
pub use truth::{error_of_effects, policy_regret};
