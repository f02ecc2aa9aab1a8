//! The mapping file as it is written: raw, every key optional that may be left out, unknown keys refused.

use super::shape::{Amount, OneOrMany, WordOr};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    #[serde(default)]
    #[allow(dead_code)] // for readers of the file
    pub(super) description: Option<String>,
    /// The moment that offsets count from, as a date or date and time.
    pub(super) index: Option<Spanned<String>>,
    pub(super) table: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) files: Spanned<Vec<String>>,
    pub(super) delimiter: Option<Spanned<String>>,
    pub(super) subject: Spanned<Subject>,
    /// Cells that say "missing", in every column of the table.
    #[serde(default)]
    pub(super) missing: Vec<String>,
    #[serde(default)]
    pub(super) event: Vec<Event>,
    #[serde(default)]
    pub(super) wide: Vec<Wide>,
    #[serde(default)]
    pub(super) label: Vec<Label>,
    #[serde(default)]
    pub(super) identity: Vec<Identity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    pub(super) column: Option<String>,
    pub(super) file_stem: Option<bool>,
    pub(super) row: Option<SubjectRow>,
}

/// A row of the file that says whose the following rows are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectRow {
    pub(super) column: String,
    pub(super) is: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) code: Spanned<WordOr<CodeColumn>>,
    pub(super) time: Spanned<WordOr<TimeTable>>,
    #[serde(default)]
    pub(super) when: OneOrMany<When>,
    pub(super) value: Option<Spanned<WordOr<ValueColumn>>>,
    pub(super) unit: Option<Spanned<WordOr<UnitColumn>>>,
    /// The column that identifies the row.
    pub(super) id: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wide {
    pub(super) time: Spanned<WordOr<TimeTable>>,
    #[serde(default)]
    pub(super) when: OneOrMany<When>,
    pub(super) columns: Spanned<BTreeMap<String, WordOr<Rule>>>,
    pub(super) id: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    pub(super) task: String,
    pub(super) time: Spanned<WordOr<TimeTable>>,
    #[serde(default)]
    pub(super) when: OneOrMany<When>,
    pub(super) column: Spanned<String>,
    #[serde(rename = "true")]
    pub(super) yes: Vec<String>,
    #[serde(rename = "false")]
    pub(super) no: Vec<String>,
}

/// What a cell says of who the subject is, or of who else is named in the record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) kind: Kind,
    /// The column, or several that make one: family name first, then given names; or the parts of a line in order.
    pub(super) column: Spanned<OneOrMany<String>>,
    #[serde(default)]
    pub(super) when: OneOrMany<When>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Name,
    OtherName,
    Organization,
    Address,
    City,
    PostalCode,
    Phone,
    Email,
    Url,
    RecordNumber,
    PlanNumber,
    DeviceNumber,
}

/// A row counts when the column's cell is one of these, or none of those.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) column: String,
    pub(super) is: Option<OneOrMany<String>>,
    pub(super) is_not: Option<OneOrMany<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeColumn {
    pub(super) column: String,
    /// The column that says in words what the code means.
    pub(super) display: Option<String>,
    /// Put before codes that `codes` doesn't list.
    pub(super) system: Option<String>,
    /// Only what stands before this is the code.
    pub(super) before: Option<String>,
    /// Only what stands after this is the code.
    pub(super) after: Option<String>,
    #[serde(default)]
    pub(super) codes: BTreeMap<String, WordOr<Rule>>,
    #[serde(default)]
    pub(super) ignore: Vec<String>,
    /// What becomes of a code that is neither listed nor ignored.
    pub(super) unlisted: Option<Unlisted>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unlisted {
    Keep,
    Ignore,
    Reject,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) code: Option<String>,
    pub(super) description: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    /// Answers to whole codes; the event then has no value.
    pub(super) answers: Option<BTreeMap<String, String>>,
    /// Cells that say "missing", for this code alone.
    #[serde(default)]
    pub(super) missing: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueColumn {
    pub(super) column: String,
    #[serde(default)]
    pub(super) text: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitColumn {
    pub(super) column: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeTable {
    pub(super) timestamp: Option<String>,
    pub(super) date: Option<String>,
    pub(super) format: Option<OneOrMany<String>>,
    pub(super) clock: Option<String>,
    pub(super) years: Option<Amount>,
    pub(super) days: Option<Amount>,
    pub(super) hours: Option<Amount>,
    pub(super) minutes: Option<Amount>,
    pub(super) years_before: Option<Amount>,
    pub(super) days_before: Option<Amount>,
    /// A date or time in place of the mapping's index.
    pub(super) from: Option<String>,
    /// A column of the same row that holds the date or time to count from.
    pub(super) from_column: Option<String>,
}
