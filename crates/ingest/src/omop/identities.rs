//! Who is named in the tables: source values of persons, their addresses, their providers and places of care.
//!
//! Read only when notes are to be cleaned, and only to find the same words in them.

use crate::{
    Error, Sink,
    directory::{Directory, fact, identity, reference},
    rows::{Header, InField, Row, Rows, each_row},
};
use events::{IdentityKind, SourceTime};
use std::io;

/// The tables whose rows are pointed at.
pub(super) const TABLES: &[&str] = &["location", "care_site", "provider"];

/// What a row of `location` says, by the column.
const ADDRESS: &[(&str, IdentityKind)] = &[
    ("address_1", IdentityKind::AddressLine),
    ("address_2", IdentityKind::AddressLine),
    ("city", IdentityKind::City),
    ("county", IdentityKind::City),
    ("zip", IdentityKind::PostalCode),
];

/// Keeps the names of `location`, `care_site` or `provider`.
pub(super) fn read(
    table: &'static str,
    rows: &mut dyn Rows,
    directory: &Directory,
    most: usize,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let header = rows.header().clone();
    let (id_field, fields): (_, Vec<&str>) = match table {
        "location" => ("location_id", ADDRESS.iter().map(|(column, _)| *column).collect()),
        "care_site" => ("care_site_id", vec!["care_site_name"]),
        _ => ("provider_id", vec!["provider_name"]),
    };
    let id = header.require(rows.file(), id_field)?;
    let columns: Vec<(usize, &str)> =
        fields.iter().filter_map(|field| Some((header.column(field)?, *field))).collect();
    each_row(rows, table, sink, |row, _| {
        let Some(id) = row.integer(id).in_field(id_field)? else { return Ok(()) };
        for &(column, field) in &columns {
            if let Some(text) = row.text(column).in_field(id_field)? {
                directory.note(format!("{field}/{id}"), text.trim(), most);
            }
        }
        Ok(())
    })
}

/// The columns of a person's, a visit's or a note's row that say or point at who is named in it.
#[derive(Default)]
pub(super) struct Named {
    source_value: Option<usize>,
    location: Option<usize>,
    provider: Option<usize>,
    care_site: Option<usize>,
    wanted: bool,
}

impl Named {
    /// The columns, or none of them where identities aren't wanted.
    pub(super) fn of(header: &Header, wanted: bool) -> Self {
        if !wanted {
            return Named::default();
        }
        Named {
            source_value: header.column("person_source_value"),
            location: header.column("location_id"),
            provider: header.column("provider_id"),
            care_site: header.column("care_site_id"),
            wanted,
        }
    }

    /// Hands over a date of birth.
    pub(super) fn born(&self, born: SourceTime, key: &str, sink: &mut dyn Sink) -> io::Result<()> {
        match born {
            SourceTime::Date(time) | SourceTime::DateTime(time) if self.wanted => {
                let day = time.to_string();
                match identity(IdentityKind::BirthDate, day.get(..10).unwrap_or_default()) {
                    Some(identity) => sink.fact(key, fact(identity)),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Hands over what a row says. A cell that can't be read names nobody.
    pub(super) fn read(&self, row: &dyn Row, key: &str, sink: &mut dyn Sink) -> io::Result<()> {
        if let Some(column) = self.source_value
            && let Ok(Some(text)) = row.text(column)
            && let Some(identity) = identity(IdentityKind::RecordNumber, &text)
        {
            sink.fact(key, fact(identity))?;
        }
        let id = |column: Option<usize>| column.and_then(|column| row.integer(column).ok().flatten());
        if let Some(location) = id(self.location) {
            for (field, kind) in ADDRESS {
                sink.fact(key, fact(reference(*kind, &format!("{field}/{location}"))))?;
            }
        }
        if let Some(provider) = id(self.provider) {
            sink.fact(key, fact(reference(IdentityKind::OtherName, &format!("provider_name/{provider}"))))?;
        }
        if let Some(site) = id(self.care_site) {
            sink.fact(key, fact(reference(IdentityKind::Organization, &format!("care_site_name/{site}"))))?;
        }
        Ok(())
    }
}
