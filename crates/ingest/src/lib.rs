//! Records in: FHIR R4, OMOP CDM, MEDS, Synthea CSV, and any other table through a mapping file.
//!
//! [`ingest`] reads a hospital's own export, in whatever of these formats it comes, and hands over its subjects
//! one after another, each with all of its facts, in memory that does not grow with the export. What may enter
//! this room: how each source writes a fact, and what keeps a run bounded, complete and repeatable (opening,
//! spilling, gathering, counting). What may not: any policy of what may pass on. Everything that leaves is
//! [`Identified`](events::Identified), and only de-identification has a reason to open it.
//!
//! ```
//! use ingest::{Format, Options, Progress, ingest};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (source, spill) = (tempfile::tempdir()?, tempfile::tempdir()?);
//! std::fs::write(source.path().join("Patient.ndjson"), concat!(
//!     r#"{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1960-05-01"}"#, "\n",
//! ))?;
//! let options = Options::new(Format::Fhir, vec![source.path().into()], spill.path().into());
//! // In earnest the route is a keyed hash of the subject's key.
//! let route = |key: &str| key.bytes().fold(0, |route: u64, byte| route.wrapping_mul(31) + u64::from(byte));
//! let mut facts = 0;
//! let summary = ingest(&options, &route, &Progress::default(), &mut |subjects| {
//!     facts += subjects.iter().map(|subject| subject.expose().facts.len()).sum::<usize>();
//!     Ok::<(), std::io::Error>(())
//! })?;
//! assert_eq!((summary.subjects, summary.facts, facts), (1, 2, 2));
//! # Ok(())
//! # }
//! ```

pub mod codes;
mod directory;
mod error;
mod fhir;
mod input;
mod limits;
mod meds;
mod omop;
mod pipeline;
mod progress;
mod rejection;
mod rows;
mod sink;
mod spill;
mod summary;
mod synthea;
mod table;
mod time;
pub mod units;
mod version;

pub use error::{Error, Interrupted};
#[doc(hidden)]
pub use fhir::fuzz_fhir;
pub use fhir::{FHIR_PATHS, FHIR_SYSTEMS, FhirSubject, fhir_bundle_chart, fhir_bundle_subject};
pub use input::Input;
pub use limits::Limits;
pub use meds::MEDS_PATHS;
#[doc(hidden)]
pub use omop::fuzz_omop_row;
pub use omop::{OMOP_PATHS, OmopSubject, OmopVocabulary, omop_rows_subject};
pub use pipeline::{Each, Format, Options, ingest, ingest_after};
pub use progress::{Phase, Progress};
pub use rejection::Rejection;
pub use sink::Sink;
pub use summary::{Description, Ignored, InputDigest, RejectionCount, Summary};
pub use synthea::SYNTHEA_PATHS;
#[doc(hidden)]
pub use table::fuzz_mapping;
pub use table::{Mapping, TABLE_PATHS};
pub use version::{Place, Version};
