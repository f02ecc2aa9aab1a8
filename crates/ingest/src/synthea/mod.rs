//! Synthea's own CSV export, of any year.
//!
//! Columns are found by name, in any case. Date-times are UTC and kept as written; a bare date stands at its day's end.
//! Conditions of an inpatient encounter are kept at their start: Synthea generates a disease, it does not code a bill.
//! Names, addresses and identifiers are read only where notes are to be cleaned of them. Costs, claims, and the
//! quality-of-life figures (`QALY`, `DALY`, `QOLS`), which only a simulator can know, aren't.

mod identities;
mod patients;
mod tables;

pub use tables::SYNTHEA_PATHS;

use crate::{Error, Input, Limits, Sink, directory::Directory, rows::Delimited};
use events::SourceFact;
use tables::TABLES;

/// Tables that are known and not read.
const NOT_READ: &[&str] =
    &["claims", "claims_transactions", "organizations", "payer_transitions", "payers", "providers"];

/// The table that a file holds, by its name.
pub(crate) fn table_of(table_name: &str) -> Option<&'static str> {
    let stem = table_name.trim().to_ascii_lowercase();
    let stem = stem.strip_suffix(".csv").unwrap_or(&stem);
    let tables = TABLES.iter().map(|table| &table.name).chain(NOT_READ);
    tables.chain(&["patients"]).find(|table| **table == stem).copied()
}

/// Reads tables. Threads share it.
pub(crate) struct SyntheaReader {
    /// Are people and places to be known by name?
    identities: bool,
    directory: Directory,
    max_directory: usize,
}

impl SyntheaReader {
    /// A reader of facts, and with `identities` of who is named in the tables.
    pub(crate) fn new(identities: bool, limits: &Limits) -> Self {
        SyntheaReader { identities, directory: Directory::default(), max_directory: limits.max_directory }
    }

    /// Reads one table; tables that aren't read are counted as ignored.
    ///
    /// # Errors
    /// A damaged file, one without the columns that its name promises, or a sink that fails.
    pub(crate) fn read(&self, input: Input, sink: &mut dyn Sink) -> Result<(), Error> {
        let Some(name) = table_of(&input.table_name) else {
            sink.ignore("file", "not a table of Synthea's CSV export");
            return Ok(());
        };
        let open = |input| Delimited::open(input, Some(b','), |_| false);
        match TABLES.iter().find(|table| table.name == name) {
            Some(table) => tables::read(table, &mut open(input)?, self.identities, sink),
            None if name == "patients" => patients::read(&mut open(input)?, self.identities, sink),
            None if self.identities && identities::is_pointed_at(name) => {
                identities::read(name, &mut open(input)?, &self.directory, self.max_directory, sink)
            }
            None => {
                sink.ignore(name, "administrative, or about no patient");
                Ok(())
            }
        }
    }

    /// Replaces references to providers and organisations by their names.
    pub(crate) fn complete(&self, fact: &mut SourceFact) {
        if let SourceFact::Identity(identity) = fact {
            self.directory.complete(identity);
        }
    }
}

#[cfg(test)]
mod tests;
