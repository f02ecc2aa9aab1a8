//! A mapping, checked and resolved: what [`super::read`] applies to each row.

use super::{glob, time::Moment};
use crate::Error;
use events::IdentityKind;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// How the tables of a source become facts, read from a mapping file.
///
/// ```
/// # use ingest::Mapping;
/// let mapping = Mapping::from_toml(r#"
///     name = "clinic"
///     [[table]]
///     files = ["labs*.csv"]
///     subject = { column = "patient" }
///     [[table.event]]
///     code = { column = "test", system = "CLINIC" }
///     time = { timestamp = "taken_at" }
///     value = "result"
/// "#).unwrap();
/// assert_eq!(mapping.name(), "clinic");
/// ```
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) name: String,
    pub(super) tables: Vec<Table>,
    pub(super) descriptions: BTreeMap<String, String>,
    pub(super) systems: BTreeSet<String>,
}

/// A column that the mapping names: its place in [`Table::columns`].
pub(super) type Slot = usize;

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) files: Vec<String>,
    pub(super) delimiter: Option<u8>,
    pub(super) columns: Vec<String>,
    pub(super) subject: Subject,
    pub(super) missing: Missing,
    pub(super) events: Vec<EventRule>,
    pub(super) labels: Vec<LabelRule>,
    pub(super) identities: Vec<IdentityRule>,
}

#[derive(Clone, Debug)]
pub(super) enum Subject {
    Column(Slot),
    FileStem,
    Row { column: Slot, is: String, value: Slot },
}

/// Cells that say "missing": as words, and as numbers however they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    pub(super) words: Vec<String>,
    pub(super) numbers: Vec<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct EventRule {
    pub(super) when: Vec<Condition>,
    pub(super) code: CodeSource,
    pub(super) display: Option<Slot>,
    pub(super) moment: Moment,
    pub(super) value: Option<ValueSource>,
    pub(super) unit: UnitSource,
    pub(super) id: Option<Slot>,
}

#[derive(Clone, Debug)]
pub(super) struct LabelRule {
    pub(super) when: Vec<Condition>,
    pub(super) task: SmolStr,
    pub(super) moment: Moment,
    pub(super) column: Slot,
    pub(super) yes: Vec<String>,
    pub(super) no: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct IdentityRule {
    pub(super) when: Vec<Condition>,
    pub(super) kind: IdentityKind,
    pub(super) columns: Vec<Slot>,
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) column: Slot,
    pub(super) words: Vec<String>,
    /// Must the cell be one of `words`, or none of them?
    pub(super) is: bool,
}

#[derive(Clone, Debug)]
pub(super) enum CodeSource {
    Fixed(Target),
    Column {
        column: Slot,
        system: SmolStr,
        before: Option<String>,
        after: Option<String>,
        codes: FxHashMap<String, Target>,
        ignore: FxHashSet<String>,
        unlisted: Unlisted,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Unlisted {
    Keep,
    Ignore,
    Reject,
}

/// What a code becomes, and what its values may be.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) system: SmolStr,
    pub(super) code: SmolStr,
    pub(super) unit: Option<SmolStr>,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
    pub(super) missing: Missing,
    pub(super) answers: FxHashMap<String, (SmolStr, SmolStr)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ValueSource {
    pub(super) column: Slot,
    pub(super) text: bool,
}

#[derive(Clone, Debug)]
pub(super) enum UnitSource {
    None,
    Fixed(SmolStr),
    Column(Slot),
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// [`Error::Table`] with the line and what is wrong there: TOML that cannot be parsed, a key that the language
    /// doesn't have, or a rule that cannot hold.
    pub fn from_toml(text: &str) -> Result<Mapping, Error> {
        super::resolve::resolve(text)
    }

    /// The mapping's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The coding systems of every code that the mapping can make: what a policy that trusts the mapping allows.
    pub fn systems(&self) -> impl Iterator<Item = &str> {
        self.systems.iter().map(String::as_str)
    }

    /// The mapping without its rules for who is named: for runs that let no text pass.
    pub(crate) fn without_identities(&self) -> Mapping {
        let mut mapping = self.clone();
        mapping.tables.iter_mut().for_each(|table| table.identities.clear());
        mapping
    }

    /// What the mapping says that codes mean, by whole code.
    pub fn descriptions(&self) -> &BTreeMap<String, String> {
        &self.descriptions
    }
}

impl Table {
    pub(super) fn matches(&self, table_name: &str) -> bool {
        self.files.iter().any(|pattern| glob::matches(pattern, table_name))
    }

    /// Does the mapping say that this column is free text?
    pub(super) fn is_text(&self, column: &str) -> bool {
        let mut texts = self.events.iter().filter_map(|rule| rule.value.filter(|value| value.text));
        texts.any(|value| self.columns[value.column].eq_ignore_ascii_case(column))
    }

    pub(super) fn names_column(&self, column: &str) -> bool {
        self.columns.iter().any(|named| named.eq_ignore_ascii_case(column))
    }
}

impl Missing {
    pub(super) fn of(words: Vec<String>) -> Self {
        let numbers = words.iter().filter_map(|word| word.trim().parse().ok()).collect();
        Missing { words, numbers }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.words.iter().any(|missing| missing == word)
    }

    pub(super) fn is_number(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }
}
