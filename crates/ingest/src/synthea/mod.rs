//! Synthea's own CSV export, of any year.
//!
//! Columns are found by name, in any case. Date-times are UTC and kept as written; a bare date stands at its day's end.
//! Conditions of an inpatient encounter are kept at their start: Synthea generates a disease, it does not code a bill.
//! Names, addresses and identifiers aren't read; nor are costs, claims, providers, and the quality-of-life figures
//! (`QALY`, `DALY`, `QOLS`), which only a simulator can know.

mod patients;
mod tables;

pub use tables::SYNTHEA_PATHS;

use crate::{Error, Input, Sink, rows::Delimited};
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

/// Reads one table; tables that aren't read are counted as ignored.
///
/// # Errors
/// A damaged file, one without the columns that its name promises, or a sink that fails.
pub(crate) fn read(input: Input, sink: &mut dyn Sink) -> Result<(), Error> {
    match table_of(&input.table_name) {
        Some("patients") => patients::read(&mut Delimited::open(input, Some(b','))?, sink),
        Some(name) => match TABLES.iter().find(|table| table.name == name) {
            Some(table) => tables::read(table, &mut Delimited::open(input, Some(b','))?, sink),
            None => {
                sink.ignore(name, "administrative, or about no patient");
                Ok(())
            }
        },
        None => {
            sink.ignore("file", "not a table of Synthea's CSV export");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
