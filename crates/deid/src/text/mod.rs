//! Identifiers in free text: where they are, and what they are.
//!
//! Layers find [`Span`]s, one after the other, in one text: the patient's own chart, shapes with check digits,
//! dates, then names and places by dictionary and context. [`settle`] joins what they found into spans that
//! don't overlap. Nothing here reads a file or keeps a text.
//!
//! ```
//! use deid::text::{Finder, Identifier, Scratch, settle};
//!
//! let finder = Finder::shipped();
//! let text = "Seen by Dr. Anna Nowak on 4 May 2021 for Parkinson's disease.";
//! let (mut scratch, mut spans) = (Scratch::default(), Vec::new());
//! finder.find(text, &mut scratch, &mut spans);
//! settle(&mut spans);
//! let found: Vec<_> = spans.iter().map(|span| (&text[span.range()], span.identifier)).collect();
//! assert_eq!(found, [("Dr. Anna Nowak", Identifier::Name), ("4 May 2021", Identifier::Date)]);
//! ```

mod chart;
mod cleaner;
mod dates;
mod finder;
mod fold;
mod lexicon;
mod names;
mod page;
mod places;
mod professions;
mod rewrite;
mod shapes;
mod span;
mod token;
mod whitelist;
mod words;

pub use chart::Chart;
pub use cleaner::{Cleaned, Cleaner};
pub use finder::{Finder, Known, Settings};
pub use page::Scratch;
pub use rewrite::{DateTreatment, Rewriter, Rewritten, Treatment};
pub use span::{Identifier, Span, settle};
