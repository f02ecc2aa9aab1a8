//! Timelines: de-identified events as tokens that a model reads.
//!
//! A [`Vocabulary`] is built from the training subjects alone; a [`Tokenizer`] turns subjects into tokens by it:
//! static facts, then groups of simultaneous events with the time between them as a token of its own, values as
//! ranks within their code's training distribution. A [`TimelineWriter`] packs them into memory-mapped shards,
//! and a [`Timeline`] reads them back without copying.
//!
//! What may enter: `Deidentified<Subject>`, and what codes mean. What may not: anything identified, any format of
//! sources, any weight of a model, any clock or random state of the machine: the same input and seed give the
//! same bytes.
//!
//! ```
//! use events::{Code, Deidentified, Event, Split, Subject, Time};
//! use timeline::{Timeline, TimelineWriter, Tokenizer, Vocabulary, VocabularyBuilder, VocabularyOptions, WriteOptions};
//!
//! let birth = Time::from_ymd(1960, 5, 1).unwrap();
//! let subject = Deidentified::vouch(Subject::new(7, vec![
//!     Event::new(None, Code::of("GENDER", "F")),
//!     Event::new(Some(birth), Code::birth()),
//!     Event::new(Some(birth.plus_days(20_000.0)), Code::of("LOINC", "4548-4")).with_value(7.9).with_unit("%"),
//!     Event::new(Some(birth.plus_days(20_010.0)), Code::of("ICD10CM", "E11.9")),
//! ]));
//!
//! let options = VocabularyOptions { minimum_subjects: 1, ..VocabularyOptions::default() };
//! let mut builder = VocabularyBuilder::new(options, &[])?;
//! builder.push(&subject);
//! let tokenizer = Tokenizer::new(builder.finish()?);
//!
//! let directory = tempfile::tempdir().unwrap();
//! let mut writer = TimelineWriter::create(directory.path(), tokenizer, WriteOptions::default())?;
//! writer.push(Split::Train, &subject)?;
//! writer.finish()?;
//!
//! let timeline = Timeline::open(directory.path())?;
//! let sequence = timeline.split(Split::Train).sequence(0);
//! let codes: Vec<&str> = sequence.code.iter()
//!     .filter_map(|&index| timeline.vocabulary().entry(index))
//!     .map(|entry| entry.code.as_str())
//!     .collect();
//! assert_eq!(codes, ["GENDER//F", "LOINC//4548-4", "TIME", "ICD10CM//E11.9"]);
//! assert_eq!(sequence.value[2], 10.0); // ten days passed
//! # Ok::<(), timeline::Error>(())
//! ```

#[cfg(target_endian = "big")]
compile_error!("shards are mapped as they lie on disk, little-endian; a big-endian machine can't read them");

mod adoption;
mod directory;
mod error;
mod hierarchy;
mod landmarks;
mod random;
mod record;
mod sequence;
mod shard;
mod statistics;
#[cfg(test)]
mod testing;
mod tokenizer;
mod values;
mod vocabulary;

pub use adoption::{Pair, adopted, propose, reads_values};
pub use directory::{SplitTimeline, Timeline, TimelineWriter, WriteOptions};
pub use error::{Error, ShardError};
pub use hierarchy::Hierarchy;
pub use landmarks::{LandmarkOptions, with_landmarks};
pub use sequence::{Sequence, TokenBuffer};
#[doc(hidden)]
pub use shard::fuzz_shard;
pub use statistics::{SplitStatistics, TimelineStatistics, TokenLengths};
pub use tokenizer::{TokenizationCounts, TokenizedSubject, Tokenizer, Unseen};
pub use values::{RANK_MARGIN, ValueDistribution};
pub use vocabulary::{
    Entry, EntryKind, LocalCode, LocalSystem, Resolution, Vocabulary, VocabularyBuilder, VocabularyOptions,
};
