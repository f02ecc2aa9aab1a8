//! Which test next: how much a result is expected to tell, and when enough is known.
//!
//! A [`Forecast`] is what a predictor says of a test before it is done: how likely each cell of its result is, and the
//! chance of each condition after each. What a test tells of a condition is the mutual information between its result
//! and the condition, `H(Σ_v s_v p_v) − Σ_v s_v H(p_v)` in bits (Lindley, Annals of Mathematical Statistics 1956): never
//! negative, and nothing of it comes from the mere fact that somebody thought of the test, since the mean over results and
//! not today's risk is what results are compared with. Conditions don't exclude each other, so a differential's
//! information is the sum over them: an upper bound of the joint information where they go together.
//!
//! ```
//! use evaluate::diagnosis::Forecast;
//!
//! let useless = Forecast { shares: vec![0.5, 0.5], chances: vec![vec![0.2], vec![0.2]] };
//! let decides = Forecast { shares: vec![0.8, 0.2], chances: vec![vec![0.0], vec![1.0]] };
//! assert!(useless.bits()[0].abs() < 1e-12);
//! assert!((decides.bits()[0] - 0.722).abs() < 1e-3); // all that there is to know
//! ```

mod forecast;
mod observed;
mod plan;
#[cfg(test)]
mod tests;

pub use forecast::Forecast;
pub use observed::{ObservedNear, ToldRisk, observed_near};
pub use plan::{Candidate, Plan, Stop, Worth, best};
