//! A text without the identifiers that were found in it.

mod dates;
mod surrogates;
mod years;

pub(crate) use years::Years;

use super::{Identifier, Span};
use crate::key::Derivation;

/// What stands where an identifier stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// `[NAME]`.
    Tags,
    /// Something of the same kind that is nobody's: dates moved with the record, numbers of the same shape, names
    /// that change from mention to mention, so that one that was overlooked hides among them.
    Surrogates,
    /// Nothing.
    Removal,
}

/// What becomes of dates where [`Treatment::Surrogates`] is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTreatment {
    /// Moved by whole days, as the rest of the record is.
    Shift {
        /// The subject's offset.
        days: i64,
        /// The first year that may be told: one before it would tell an age over 89, moved or not. Such dates
        /// become tags.
        earliest: i32,
    },
    /// The year alone; a tag where the year is before this one, since it would tell an age over 89.
    Year {
        /// The first year that may be told.
        earliest: i32,
    },
    /// As they are.
    Keep,
}

impl DateTreatment {
    /// The first year that may be told, where dates don't stay as they are.
    pub(crate) fn earliest(self) -> Option<i32> {
        match self {
            DateTreatment::Shift { earliest, .. } | DateTreatment::Year { earliest } => Some(earliest),
            DateTreatment::Keep => None,
        }
    }
}

/// How one subject's texts are rewritten.
pub struct Rewriter<'a> {
    treatment: Treatment,
    dates: DateTreatment,
    derivation: &'a Derivation,
    subject: &'a str,
}

/// A text as it may pass, and where in it the identifiers stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// Bytes of `text` that stand for each span, in the order of the spans.
    pub places: Vec<std::ops::Range<usize>>,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(
        treatment: Treatment,
        dates: DateTreatment,
        derivation: &'a Derivation,
        subject: &'a str,
    ) -> Self {
        Rewriter { treatment, dates, derivation, subject }
    }

    /// What stands where an identifier stood.
    pub fn treatment(&self) -> Treatment {
        self.treatment
    }

    /// What becomes of dates.
    pub fn dates(&self) -> DateTreatment {
        self.dates
    }

    /// Rewrites one text. `spans` are settled ([`super::settle`]); `year` is that of the text, for dates that don't
    /// say theirs; `note` numbers the subject's texts, so that names vary between them.
    pub fn rewrite(&self, text: &str, spans: &[Span], year: Option<i32>, note: usize) -> Rewritten {
        let mut out = String::with_capacity(text.len());
        let mut places = Vec::with_capacity(spans.len());
        let mut copied = 0;
        for (mention, span) in spans.iter().enumerate() {
            out.push_str(&text[copied..span.start]);
            let start = out.len();
            self.replace(&text[span.range()], span.identifier, year, (note, mention), &mut out);
            places.push(start..out.len());
            copied = span.end;
        }
        out.push_str(&text[copied..]);
        Rewritten { text: out, places }
    }

    fn replace(
        &self,
        found: &str,
        identifier: Identifier,
        year: Option<i32>,
        (note, mention): (usize, usize),
        out: &mut String,
    ) {
        match (self.treatment, identifier) {
            (Treatment::Removal, _) => {}
            (Treatment::Tags, _) => tag(identifier, out),
            (Treatment::Surrogates, Identifier::Date) => match dates::replace(found, self.dates, year) {
                Some(date) => out.push_str(&date),
                None => tag(identifier, out),
            },
            (Treatment::Surrogates, Identifier::Age) => out.push_str("90+"),
            (Treatment::Surrogates, _) => {
                // Numbers stay the same person's number; names don't.
                let about = match identifier {
                    Identifier::Name | Identifier::Location | Identifier::Organization => {
                        format!("{}\u{0}{note}\u{0}{mention}", self.subject)
                    }
                    _ => format!("{}\u{0}{}", self.subject, surrogates::comparable(found)),
                };
                let seed = self.derivation.number("text-surrogate", &about);
                surrogates::replace(found, identifier, seed, out);
            }
        }
    }
}

fn tag(identifier: Identifier, out: &mut String) {
    out.push('[');
    out.push_str(identifier.name());
    out.push(']');
}

#[cfg(test)]
mod tests;
