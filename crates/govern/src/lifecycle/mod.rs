//! Where a model stands, and who let it.
//!
//! A model's [`History`] is the chain of its [`Step`]s, each with the [`Approval`]s that the site's [`Policy`] asks
//! for and, where it asks for one, the evaluation that met [`Criteria`] which were registered before. Where a model
//! stands is never written down: it follows from the history each time it is read, and a history that isn't, to the
//! byte, what was approved gives no stage at all.

mod approval;
mod criteria;
mod history;
mod policy;
mod stage;

pub use approval::{Approval, Evidence, SignedStep, Step};
pub use criteria::{Criteria, Finding};
pub use history::History;
pub use policy::Policy;
pub use stage::Stage;

#[cfg(test)]
mod tests;
