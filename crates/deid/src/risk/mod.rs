//! Residual risk: what remains in de-identified records for somebody who knows something about a person in them.
//!
//! What may enter: de-identified subjects, pushed one after the other. What may not: files, clocks, verdicts.
//! Everything is computed from two passes over the same subjects in the same order: [`Survey`] keeps one row of
//! quasi-identifiers a subject and draws what adversaries may know, [`Matching`] looks for who else fits.
//!
//! ```
//! use deid::risk::{About, Options, Survey};
//! use events::{Code, Event, Subject, Time};
//!
//! let day = |n: f64| Some(Time::from_ymd(2020, 1, 1).unwrap().plus_days(n));
//! let subjects: Vec<Subject> = (0..4)
//!     .map(|i| {
//!         Subject::new(i, vec![
//!             Event::new(None, Code::of("GENDER", if i < 3 { "F" } else { "M" })),
//!             Event::new(day(0.0), Code::of("ICD10CM", "E11.9")),
//!             Event::new(day(i as f64), Code::of("ICD10CM", "I10")),
//!         ])
//!     })
//!     .collect();
//!
//! let mut survey = Survey::new(Options::default()).unwrap();
//! subjects.iter().for_each(|s| survey.add(s));
//! let mut matching = survey.finish();
//! subjects.iter().for_each(|s| matching.add(s));
//! let report = matching.finish(About::default()).unwrap();
//!
//! assert_eq!(report.classes.smallest, 1); // the only man
//! let (codes, gaps) = (&report.uniqueness[0], &report.uniqueness[2]);
//! assert_eq!(codes.known[1].share, 0.0); // all four have both codes
//! assert_eq!(gaps.known[1].share, 1.0); // and all have them at another distance
//! ```

mod adversary;
mod anonymity;
mod block;
mod cells;
mod classes;
mod closeness;
mod diversity;
mod error;
mod interner;
mod interval;
mod linkage;
mod options;
mod page;
mod quasi_identifier;
mod report;
mod review;
mod sensitive;
mod suppress;
mod survey;
mod uniqueness;

pub use adversary::Adversary;
pub use anonymity::{Anonymity, Below, Bucket, Profile, ProfileCell, Without};
pub use cells::SmallCells;
pub use classes::Classes;
pub use closeness::{equal_distance, ordered_distance};
pub use diversity::{Diversity, diversity};
pub use error::Error;
pub use interval::{Interval, clopper_pearson, rule_of_three, wilson};
pub use linkage::{Journalist, Linkage, expected_inverse_population, linkage};
pub use options::Options;
pub use quasi_identifier::QuasiIdentifier;
pub use report::{About, Column, RiskReport, TextContent};
pub use review::{LeakRate, Passage, ReviewSample, Sampler, Verdict, VerdictFile, Verdicts, score};
pub use sensitive::{Attribute, SensitiveGroup};
pub use survey::{Matching, Survey};
pub use uniqueness::{KnownPoints, Uniqueness};

#[cfg(test)]
mod tests;
