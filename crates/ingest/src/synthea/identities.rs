//! Who is named in the tables: patients by all that they are told apart by, and who treated them where.
//!
//! Read only when notes are to be cleaned, and only to find the same words in them.

use crate::{
    Error, Sink,
    directory::{Directory, fact, identity, reference},
    rows::{Header, InField, Row, Rows, each_row},
};
use events::IdentityKind;
use std::io;

/// The tables whose rows are pointed at, with the column of `encounters` that does and what their names are.
const POINTED_AT: &[(&str, &str, IdentityKind)] = &[
    ("providers", "provider", IdentityKind::OtherName),
    ("organizations", "organization", IdentityKind::Organization),
];

/// What a row of `patients` says, by the column.
const SAID: &[(&str, IdentityKind)] = &[
    ("id", IdentityKind::RecordNumber),
    ("ssn", IdentityKind::RecordNumber),
    ("drivers", IdentityKind::RecordNumber),
    ("passport", IdentityKind::RecordNumber),
    ("maiden", IdentityKind::Name),
    ("address", IdentityKind::AddressLine),
    ("city", IdentityKind::City),
    ("county", IdentityKind::City),
    ("zip", IdentityKind::PostalCode),
];

/// Is the table one that is read for its names alone?
pub(super) fn is_pointed_at(table: &str) -> bool {
    POINTED_AT.iter().any(|(of, _, _)| *of == table)
}

/// Keeps the names of `providers` or `organizations`.
pub(super) fn read(
    table: &'static str,
    rows: &mut dyn Rows,
    directory: &Directory,
    most: usize,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let header = rows.header().clone();
    let id = header.require(rows.file(), "id")?;
    let Some(name) = header.column("name") else { return Ok(()) };
    each_row(rows, table, sink, |row, _| {
        let (id, name) = (row.text(id).in_field("id")?, row.text(name).in_field("name")?);
        if let (Some(id), Some(name)) = (id, name) {
            directory.note(format!("{table}/{id}"), &name, most);
        }
        Ok(())
    })
}

/// The columns of `patients` that say who a patient is.
#[derive(Default)]
pub(super) struct Named {
    said: Vec<(usize, IdentityKind)>,
    family: Option<usize>,
    given: Vec<usize>,
    birthplace: Option<usize>,
}

impl Named {
    /// The columns, or none of them where identities aren't wanted.
    pub(super) fn of(header: &Header, wanted: bool) -> Self {
        if !wanted {
            return Named::default();
        }
        Named {
            said: SAID.iter().filter_map(|(column, kind)| Some((header.column(column)?, *kind))).collect(),
            family: header.column("last"),
            given: ["first", "middle"].iter().filter_map(|column| header.column(column)).collect(),
            birthplace: header.column("birthplace"),
        }
    }

    /// Hands over what a row says. A cell that can't be read names nobody.
    pub(super) fn read(&self, row: &dyn Row, key: &str, sink: &mut dyn Sink) -> io::Result<()> {
        let cell = |column: usize| row.text(column).ok().flatten();
        let mut give = |kind, text: &str| match identity(kind, text) {
            Some(identity) => sink.fact(key, fact(identity)),
            None => Ok(()),
        };
        let given: Vec<_> = self.given.iter().filter_map(|column| cell(*column)).collect();
        match self.family.and_then(cell) {
            Some(family) if !given.is_empty() => {
                give(IdentityKind::Name, &format!("{family}, {}", given.join(" ")))?;
            }
            Some(family) => give(IdentityKind::Name, &family)?,
            None => give(IdentityKind::Name, &given.join(" "))?,
        }
        for (column, kind) in &self.said {
            if let Some(text) = cell(*column) {
                give(*kind, &text)?;
            }
        }
        // "Boston  Massachusetts  US"
        if let Some(place) = self.birthplace.and_then(cell) {
            give(IdentityKind::City, place.split("  ").next().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// The columns of `encounters` that point at who treated a patient, and where.
#[derive(Default)]
pub(super) struct Seen(Vec<(usize, &'static str, IdentityKind)>);

impl Seen {
    /// The columns, or none of them where identities aren't wanted.
    pub(super) fn of(header: &Header, wanted: bool) -> Self {
        let columns = POINTED_AT.iter().filter(|_| wanted);
        Seen(
            columns
                .filter_map(|(table, column, kind)| Some((header.column(column)?, *table, *kind)))
                .collect(),
        )
    }

    /// Hands over what a row points at.
    pub(super) fn read(&self, row: &dyn Row, key: &str, sink: &mut dyn Sink) -> io::Result<()> {
        for (column, table, kind) in &self.0 {
            if let Ok(Some(id)) = row.text(*column) {
                sink.fact(key, fact(reference(*kind, &format!("{table}/{id}"))))?;
            }
        }
        Ok(())
    }
}
