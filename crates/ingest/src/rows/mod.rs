//! Rows of a table, whichever file format they stand in: what OMOP, MEDS, Synthea and mapped tables share.
//!
//! A reader asks a [`Row`] for a column as text, integer, number or time; a delimited file and a Parquet file
//! answer alike, so that each source's rules are written once.

mod columnar;
mod delimited;
mod lines;
pub(crate) mod moment;
mod objects;
mod quiet;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use columnar::Columnar;
pub(crate) use delimited::Delimited;
pub(crate) use objects::Objects;
pub(crate) use quiet::Quiet;

use crate::{Error, Rejection, Sink};
use events::SourceTime;
use std::{borrow::Cow, hash::Hasher};

/// Why a field could not be read, in words that carry no value.
pub(crate) type Reason = &'static str;

pub(crate) const NOT_UTF8: Reason =
    "not UTF-8; where the file is Latin-1, convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW";
pub(crate) const NOT_A_NUMBER: Reason = "not a number";
pub(crate) const NOT_AN_INTEGER: Reason = "not an integer";
pub(crate) const NUMBER_TOO_LARGE: Reason = "number too large";
pub(crate) const EMPTY: Reason = "empty";

/// A number as text has it.
pub(crate) fn number_in(text: &str) -> Result<f64, Reason> {
    text.trim().parse().map_err(|_| NOT_A_NUMBER)
}

/// The number of a bound (`<5`, `>= 90`).
fn bound_in(text: &str) -> Result<f64, Reason> {
    let bounds = ["<=", ">=", "<", ">", "≤", "≥"];
    let bound = bounds.iter().find_map(|sign| text.trim().strip_prefix(sign)).ok_or(NOT_A_NUMBER)?;
    number_in(bound)
}

/// One row of a table. Columns are addressed by their place in the [`Header`]; an empty or null cell is `None`.
pub(crate) trait Row {
    /// The cell as text, without surrounding blanks.
    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Reason>;

    /// The cell as an integer; `12.0` is one.
    fn integer(&self, column: usize) -> Result<Option<i64>, Reason>;

    /// The cell as a finite number that an f32 can hold.
    fn number(&self, column: usize) -> Result<Option<f64>, Reason>;

    /// As [`Row::number`], of what was measured. Of a bound, as laboratories write what lies outside of what they can measure, the
    /// bound stands for the value, as in FHIR's comparators. Of a time or an age a bound tells no moment.
    fn value(&self, column: usize) -> Result<Option<f64>, Reason> {
        match (self.number(column), self.text(column)) {
            (Err(NOT_A_NUMBER), Ok(Some(text))) => bound_in(&text).and_then(admit).map(Some),
            (number, _) => number,
        }
    }

    /// The cell as a date or a date with a time, of a plausible year.
    fn time(&self, column: usize) -> Result<Option<SourceTime>, Reason>;

    /// The cell as a list of texts; only columnar files have such.
    fn texts(&self, column: usize) -> Result<Vec<String>, Reason> {
        Ok(self.text(column)?.map(Cow::into_owned).into_iter().collect())
    }

    /// Writes the subject's key into `key`: integers in plain digits whatever they were written like (`7`, `7.0`, `007`), so that one
    /// subject has one key in all tables and formats. Words for "nothing" (`NA`, `NULL`) are no key.
    fn key(&self, column: usize, key: &mut String) -> Result<(), Reason> {
        use std::fmt::Write as _;
        key.clear();
        if let Ok(Some(id)) = self.integer(column) {
            let _ = write!(key, "{id}"); // writing to a String cannot fail
            return Ok(());
        }
        match self.text(column)? {
            Some(text) if !names_nobody(&text) => {
                key.push_str(&text);
                Ok(())
            }
            _ => Err(EMPTY),
        }
    }

    /// As [`Row::key`], of tables in which the key may be no number, whatever it looks like: digits that begin with a zero are as they
    /// stand, since record numbers `007` and `7` may be two people's.
    fn key_as_written(&self, column: usize, key: &mut String) -> Result<(), Reason> {
        match self.text(column) {
            Ok(Some(text)) if is_padded(&text) => {
                key.clear();
                key.push_str(&text);
                Ok(())
            }
            _ => self.key(column, key),
        }
    }
}

/// Are these digits that begin with a zero? As a subject's key they are no number.
pub(crate) fn is_padded(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

/// Does a cell say, as exports do, that there is nothing in it? As a subject's key it would make one subject of all who lack theirs.
fn names_nobody(cell: &str) -> bool {
    const NOTHING: &[&str] = &[
        "#N/A", "<NA>", "N/A", "NA", "NAN", "NULL", "NaN", "None", "Null", "\\N", "n/a", "na", "nan", "none",
        "null",
    ];
    NOTHING.binary_search(&cell).is_ok()
}

/// A table, one row at a time.
pub(crate) trait Rows {
    /// The file's safe name.
    fn file(&self) -> &str;

    /// The names of the columns.
    fn header(&self) -> &Header;

    /// Moves to the next row that is well formed; the others are rejected under `kind`.
    ///
    /// # Errors
    /// When the stream breaks off or is damaged.
    fn advance(&mut self, kind: &'static str, sink: &mut dyn Sink) -> Result<bool, Error>;

    /// The current row.
    fn row(&self) -> &dyn Row;

    /// The line (or record) on which the current row began, from 1.
    fn line(&self) -> u64;
}

/// Why a row gave no fact.
pub(crate) enum Failure {
    /// A field that could not be read: the row is rejected.
    Field(&'static str, Reason),
    /// The sink could not take a fact: the run ends.
    Sink(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Sink(error)
    }
}

/// Names the field of a failed cell.
pub(crate) trait InField<T> {
    fn in_field(self, field: &'static str) -> Result<T, Failure>;
}

impl<T> InField<T> for Result<T, Reason> {
    fn in_field(self, field: &'static str) -> Result<T, Failure> {
        self.map_err(|reason| Failure::Field(field, reason))
    }
}

/// Reads a table to its end: what fails in a row rejects the row, what fails in the sink ends the run.
pub(crate) fn each_row(
    rows: &mut dyn Rows,
    kind: &'static str,
    sink: &mut dyn Sink,
    mut read: impl FnMut(&dyn Row, &mut dyn Sink) -> Result<(), Failure>,
) -> Result<(), Error> {
    while rows.advance(kind, sink)? {
        sink.read();
        match read(rows.row(), sink) {
            Ok(()) => {}
            Err(Failure::Field(field, reason)) => {
                Place { file: rows.file(), kind, line: rows.line() }.reject(sink, field, reason);
            }
            Err(Failure::Sink(error)) => return Err(Error::spill(&error)),
        }
    }
    Ok(())
}

/// The first of several time columns that holds one. An unreadable date-time gives way to a readable date.
pub(crate) fn first_time(row: &dyn Row, columns: &[usize]) -> Result<Option<SourceTime>, Reason> {
    let mut problem = None;
    for column in columns {
        match row.time(*column) {
            Ok(Some(time)) => return Ok(Some(moment::midnight_is_a_date(time))),
            Ok(None) => {}
            Err(reason) => problem = Some(reason),
        }
    }
    problem.map_or(Ok(None), Err)
}

/// The names of a table's columns, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    names: Vec<String>,
}

impl Header {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Header { names: names.map(|name| name.trim().to_lowercase()).collect() }
    }

    /// The place of a column, by its name in any case.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n.eq_ignore_ascii_case(name.trim()))
    }

    /// As [`Header::column`], for a column without which the table can't be read.
    pub(crate) fn require(&self, file: &str, name: &str) -> Result<usize, Error> {
        self.column(name).ok_or_else(|| Error::Table {
            file: file.to_owned(),
            reason: format!(
                "there is no column {:?}; check the export against the table's first line",
                name.trim()
            ),
        })
    }

    /// How many columns there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Where a row stands, for rejections.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) line: u64,
}

impl Place<'_> {
    pub(crate) fn reject(&self, sink: &mut dyn Sink, field: &str, reason: Reason) {
        sink.reject(Rejection {
            file: self.file.to_owned(),
            line: self.line,
            kind: self.kind,
            field: field.to_owned(),
            reason,
        });
    }
}

/// A number as every reader admits it: finite, and within what an event's f32 can hold.
pub(crate) fn admit(number: f64) -> Result<f64, Reason> {
    if !number.is_finite() {
        Err(NOT_A_NUMBER)
    } else if number.abs() > f64::from(f32::MAX) {
        Err(NUMBER_TOO_LARGE)
    } else {
        Ok(number)
    }
}

/// A digest of the record and field that a fact came from; never 0, which means "unknown".
pub(crate) fn origin(table: &str, field: &str, record: &str, code: &str, time: &SourceTime) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    for part in [table, field, record, code] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff); // not in UTF-8, so that parts can't run into each other
    }
    hasher.write_i64(match time {
        SourceTime::Static => i64::MIN,
        SourceTime::Date(time) | SourceTime::DateTime(time) => time.micros(),
    });
    // SplitMix64's finaliser: Fx alone leaves low bits poorly mixed.
    let mut hash = hasher.finish();
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_stands_for_the_value() {
        for (text, number) in [("<5", 5.0), ("< 0.01", 0.01), (">=90", 90.0), (" ≤3", 3.0), ("> -2", -2.0)]
        {
            assert_eq!((bound_in(text), number_in(text)), (Ok(number), Err(NOT_A_NUMBER)), "{text}");
        }
        assert_eq!([" 7.5 ", "-2"].map(number_in), [Ok(7.5), Ok(-2.0)]);
        for text in ["<", "<<5", "5<", "12,9", "", "= 5"] {
            assert_eq!((bound_in(text), number_in(text)), (Err(NOT_A_NUMBER), Err(NOT_A_NUMBER)), "{text}");
        }
    }
}
