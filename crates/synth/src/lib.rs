//! A synthetic population whose rates are published and whose truth is known.
//!
//! What may enter: how lives run (conditions, death, measurements), how a hospital comes to know of them, and how
//! its record looks in FHIR R4, OMOP or MEDS. What may not: anything read from a real person's record, any file or
//! clock of its own, and anything that models learn from besides the record: the truth is written apart.
//! Every resource carries the label `HTEST`, test health data. Figures and their sources: `docs/synth/README.md`.
//!
//! ```
//! use synth::{Population, Settings, write_fhir};
//!
//! let population = Population::new(Settings { subjects: 3, seed: 7, ..Settings::default() })?;
//! let subjects = population.subjects(); // MEDS-shaped, in memory
//! assert_eq!(subjects[2].id, 3);
//!
//! let mut open = |_resource_type: &str| Ok(Box::new(std::io::sink()) as Box<dyn std::io::Write>);
//! write_fhir(&population, &mut open, 1, &|_done| {})?;
//! # Ok::<(), synth::Error>(())
//! ```

pub mod agreement;
pub mod calibration;
mod care;
pub mod catalogue;
pub mod condition;
mod conditions;
pub mod counterfactual;
pub mod disparity;
mod error;
mod fhir;
mod forward;
pub mod identity;
pub mod life;
pub mod measurement;
pub mod meds;
pub mod mortality;
pub mod observer;
pub mod omop;
pub mod person;
mod physiology;
mod population;
mod random;
mod rates;
pub mod record;
pub mod site;
pub mod stream;
mod therapies;
pub mod therapy;
pub mod truth;

pub use condition::Condition;
pub use error::Error;
pub use fhir::{RESOURCE_TYPES, write_fhir};
pub use omop::write_omop;
pub use population::{Population, Settings, SyntheticSubject};
pub use truth::write_truth;
