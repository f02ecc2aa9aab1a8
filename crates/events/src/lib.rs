//! The vocabulary of Osler, in the words of [MEDS](https://medical-event-data-standard.github.io).
//!
//! Every other room speaks in these types and nothing here knows any of them. What may enter: what an event,
//! a subject, a code, a label, a prediction or a split *is*, and how MEDS writes it in Parquet. What may not:
//! any source format, any policy, any model, any clock, any configuration.
//!
//! ```
//! use events::{Code, Event, Subject, Time};
//!
//! let birth = Time::from_ymd(1960, 5, 1).unwrap();
//! let subject = Subject::new(7, vec![
//!     Event::new(Some(birth.plus_days(21_915.0)), Code::of("LOINC", "4548-4")).with_value(7.9).with_unit("%"),
//!     Event::new(Some(birth), Code::birth()),
//!     Event::new(None, Code::of("GENDER", "F")),
//! ]);
//! assert_eq!(subject.events()[0].code.as_str(), "GENDER//F"); // static facts first, then by time
//! assert_eq!(subject.birth(), Some(birth));
//! ```

mod code;
mod event;
mod label;
pub mod meds;
mod misread;
mod prediction;
mod privacy;
mod shapes;
mod source;
mod split;
mod time;

pub use code::{Code, one_spelling_of_uri, system_of_uri};
pub use event::{Event, Sex, Subject};
pub use label::Label;
pub use misread::{is_field_name, misread, without_values};
pub use prediction::Prediction;
pub use privacy::{Deidentified, Identified};
pub use shapes::{vocabulary_shape, with_dot};
pub use source::{
    IdentityKind, SourceEvent, SourceFact, SourceIdentity, SourceLabel, SourceSubject, SourceTime,
    SourceValue,
};
pub use split::{Split, SplitFractions};
pub use time::{MICROS_PER_DAY, Time};
