//! The report, as numbers.

use super::anonymity::Anonymity;
use super::cells::SmallCells;
use super::sensitive::Attribute;
use super::uniqueness::Uniqueness;
use super::{LeakRate, Linkage, page};
use serde::Serialize;

/// What the numbers are about.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct About {
    /// The data set's name.
    pub dataset: String,
    /// Whether its records are synthetic.
    pub synthetic: bool,
    /// The de-identification policy that it went through; empty if not known.
    pub policy: String,
    /// The data set's digest.
    pub digest: String,
    /// When the data set was made.
    pub made: String,
    /// The program and its version.
    pub tool: String,
    /// What a review of its text found, where there was one.
    pub review: Option<LeakRate>,
}

/// One quasi-identifier as it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Different values.
    pub values: u64,
    /// The share of subjects without one.
    pub missing: f64,
}

/// Free text in the data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TextContent {
    /// Events with text.
    pub events: u64,
    /// Subjects with any.
    pub subjects: u64,
}

/// The residual risk report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RiskReport {
    /// What was found, in sentences; never a verdict.
    pub answer: Vec<String>,
    /// What it is about.
    pub about: About,
    /// Subjects.
    pub subjects: u64,
    /// Events.
    pub events: u64,
    /// The quasi-identifiers that some subject has.
    pub quasi_identifiers: Vec<Column>,
    /// The quasi-identifiers that nobody has.
    pub absent: Vec<String>,
    /// k-anonymity.
    pub classes: Anonymity,
    /// Prosecutor, journalist and marketer risk.
    pub linkage: Linkage,
    /// Uniqueness given a few known points.
    pub uniqueness: Vec<Uniqueness>,
    /// l-diversity and t-closeness of sensitive codes.
    pub sensitive: Vec<Attribute>,
    /// Small cells.
    pub cells: SmallCells,
    /// Free text.
    pub text: TextContent,
    /// The seed of the draws.
    pub seed: u64,
    /// Counts of a named value below this are not printed.
    pub threshold: u32,
}

impl RiskReport {
    /// The report as one page that needs nothing else.
    pub fn to_html(&self) -> String {
        page::html(self)
    }
}
