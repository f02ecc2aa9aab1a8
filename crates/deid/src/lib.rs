//! De-identification. The only room that turns an [`events::Identified`] record into an
//! [`events::Deidentified`] one.
//!
//! What may enter: policies, keys, pseudonyms, dates, the shapes of codes and units. What may not: any source
//! format, any file, any model. Nothing identified leaves, not in an error and not in a count: what is dropped
//! is counted by the names of this program's own rules.
//!
//! ```
//! use deid::{Deidentifier, Key, Policy, Tally};
//! use events::{Identified, SourceEvent, SourceFact, SourceSubject, SourceTime, SourceValue, Time};
//!
//! let day = Time::from_ymd(2020, 3, 1).unwrap();
//! let diabetes = SourceFact::Event(SourceEvent {
//!     path: "Condition.code".into(), time: SourceTime::Date(day), system: "ICD10CM".into(), code: "E11.9".into(),
//!     display: None, value: SourceValue::None, unit: None, origin: 0,
//! });
//! let record = Identified::new(SourceSubject { key: "mrn-1".into(), facts: vec![diabetes] });
//!
//! let deidentifier = Deidentifier::new(Policy::expert_determination(), &Key::from_bytes([7; 32]))?;
//! let mut tally = Tally::default();
//! let safe = deidentifier.subject(&record, &mut tally);
//! assert_eq!(safe.subject.events()[0].code.as_str(), "ICD10CM//E11.9");
//! assert_ne!(safe.subject.events()[0].time, Some(day.end_of_day()));
//! # Ok::<(), deid::KeyError>(())
//! ```

mod ages;
pub mod attestation;
mod codes;
pub mod crosswalk;
mod dates;
mod key;
mod life;
mod notes;
mod numbers;
mod policy;
mod rare;
pub mod risk;
mod subject;
mod tally;
pub mod text;
mod units;
pub mod zip3;

pub use key::{Key, KeyError};
pub use notes::Notes;
pub use policy::{DateMethod, FreeText, Identifier, Label, Policy, PolicyError, Zip};
pub use rare::{Holders, Verdicts};
pub use subject::{Deidentifier, SafeRecord};
pub use tally::{FieldTally, Tally};
