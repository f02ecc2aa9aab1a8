//! Identifiers in free text: where they are, and what they are.
//!
//! Layers find [`Span`]s, one after the other, in one text: the patient's own chart, shapes with check digits,
//! dates, then names and places by dictionary and context. [`settle`] joins what they found into spans that
//! don't overlap. Nothing here reads a file or keeps a text.

mod span;

pub use span::{Identifier, Span, settle};
