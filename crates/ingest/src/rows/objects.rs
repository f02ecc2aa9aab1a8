//! Rows as JSON objects, a column a name: as callers send them.

use super::{
    EMPTY, Header, NOT_A_NUMBER, NOT_AN_INTEGER, Place, Reason, Row, Rows, admit, moment, names_nobody,
    number_in,
};
use crate::{Error, Sink};
use events::SourceTime;
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::BTreeMap};

const NOT_A_CELL: Reason = "neither text, nor a number, nor null";
const TWICE: Reason = "a column twice, in two spellings of its name";

/// The rows of one table. Columns are known by name in any case; a column that a row lacks is null there.
pub(crate) struct Objects {
    table: &'static str,
    header: Header,
    rows: std::vec::IntoIter<Map<String, Value>>,
    row: Cells,
    line: u64,
}

/// One row's cells, by the header's columns.
struct Cells(Vec<Value>);

impl Objects {
    /// Rows of a table, which is named so in rejections, with the number of the row for the line.
    pub(crate) fn new(table: &'static str, rows: Vec<Map<String, Value>>) -> Self {
        let mut names: Vec<String> = rows.iter().flat_map(Map::keys).map(|name| spelt(name)).collect();
        names.sort_unstable();
        names.dedup();
        let header = Header::new(names.iter().map(String::as_str));
        Objects { table, header, rows: rows.into_iter(), row: Cells(Vec::new()), line: 0 }
    }

    /// The row's cells in the header's order.
    fn cells(&self, row: Map<String, Value>) -> Result<Vec<Value>, Reason> {
        let mut by_name: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in row {
            if matches!(value, Value::Array(_) | Value::Object(_) | Value::Bool(_)) {
                return Err(NOT_A_CELL);
            }
            if by_name.insert(spelt(&name), value).is_some() {
                return Err(TWICE);
            }
        }
        // Both are sorted by name.
        Ok(self.header.names.iter().map(|name| by_name.remove(name).unwrap_or(Value::Null)).collect())
    }
}

fn spelt(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Rows for Objects {
    fn file(&self) -> &str {
        self.table
    }

    fn header(&self) -> &Header {
        &self.header
    }

    fn advance(&mut self, kind: &'static str, sink: &mut dyn Sink) -> Result<bool, Error> {
        while let Some(row) = self.rows.next() {
            self.line += 1;
            match self.cells(row) {
                Ok(cells) => {
                    self.row = Cells(cells);
                    return Ok(true);
                }
                Err(reason) => Place { file: self.table, kind, line: self.line }.reject(sink, "", reason),
            }
        }
        Ok(false)
    }

    fn row(&self) -> &dyn Row {
        &self.row
    }

    fn line(&self) -> u64 {
        self.line
    }
}

impl Cells {
    fn at(&self, column: usize) -> Option<&Value> {
        self.0.get(column).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }
}

impl Row for Cells {
    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Reason> {
        Ok(self.at(column).map(|value| match value {
            Value::String(text) => Cow::Borrowed(text.trim()),
            other => Cow::Owned(other.to_string()),
        }))
    }

    fn integer(&self, column: usize) -> Result<Option<i64>, Reason> {
        let whole = |number: f64| {
            let is_whole = number.fract() == 0.0 && number.abs() < 9.0e15;
            is_whole.then_some(number as i64).ok_or(NOT_AN_INTEGER)
        };
        match self.at(column) {
            None => Ok(None),
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Ok(Some(integer)),
                (None, Some(number)) => whole(number).map(Some),
                (None, None) => Err(NOT_AN_INTEGER),
            },
            Some(Value::String(text)) => {
                // As in a delimited file: `6.0` is 6, and no digit is lost on the way.
                let text = text.trim();
                let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
                whole.map_or(text, |(whole, _)| whole).parse().map(Some).map_err(|_| NOT_AN_INTEGER)
            }
            Some(_) => Err(NOT_AN_INTEGER),
        }
    }

    fn number(&self, column: usize) -> Result<Option<f64>, Reason> {
        match self.at(column) {
            None => Ok(None),
            Some(Value::Number(number)) => number.as_f64().ok_or(NOT_A_NUMBER).and_then(admit).map(Some),
            Some(Value::String(text)) => number_in(text).and_then(admit).map(Some),
            Some(_) => Err(NOT_A_NUMBER),
        }
    }

    fn time(&self, column: usize) -> Result<Option<SourceTime>, Reason> {
        match self.at(column) {
            None => Ok(None),
            Some(Value::String(text)) => moment::parse(text.as_bytes()).map(Some),
            Some(_) => Err(NOT_A_TIME),
        }
    }

    fn key(&self, column: usize, key: &mut String) -> Result<(), Reason> {
        key.clear();
        match (self.integer(column), self.at(column)) {
            (Ok(Some(id)), _) => key.push_str(&id.to_string()),
            (_, Some(Value::String(text))) if !names_nobody(text.trim()) => key.push_str(text.trim()),
            (_, Some(Value::String(_))) => return Err(EMPTY),
            (_, None) => return Err(EMPTY),
            _ => return Err(NOT_AN_INTEGER),
        }
        Ok(())
    }
}

const NOT_A_TIME: Reason = "no date or time as text";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::Collected;
    use serde_json::json;

    fn objects(rows: Value) -> Objects {
        Objects::new("measurement", serde_json::from_value(rows).unwrap())
    }

    #[test]
    fn cells_are_read_by_name_in_any_case_and_whatever_their_type() {
        let mut rows = objects(json!([
            {"Person_ID": 7, "value_as_number": "6.5", "measurement_date": " 2019-03-04 ", "x": ""},
            {"person_id": "7.5", "value_as_number": 1e300, "measurement_date": 20190304, "x": null},
            {"person_id": 7.0, "value_as_number": "NaN"},
            {"person_id": " 7.0 "}
        ]));
        let mut sink = Collected::default();
        let of = |rows: &Objects, name| rows.header().column(name).unwrap();
        let mut key = String::new();
        assert!(rows.advance("measurement", &mut sink).unwrap());
        assert_eq!(
            (rows.row().integer(of(&rows, "person_id")), rows.row().number(of(&rows, "value_as_number"))),
            (Ok(Some(7)), Ok(Some(6.5)))
        );
        assert!(matches!(rows.row().time(of(&rows, "measurement_date")), Ok(Some(SourceTime::Date(_)))));
        assert_eq!(rows.row().text(of(&rows, "x")), Ok(None), "an empty text is null");
        assert!(rows.advance("measurement", &mut sink).unwrap());
        assert_eq!(rows.row().integer(of(&rows, "person_id")), Err(NOT_AN_INTEGER));
        assert!(rows.row().number(of(&rows, "value_as_number")).is_err(), "no f32 holds it");
        assert_eq!(rows.row().time(of(&rows, "measurement_date")), Err(NOT_A_TIME));
        assert!(rows.advance("measurement", &mut sink).unwrap());
        assert_eq!(rows.row().key(of(&rows, "person_id"), &mut key), Ok(()));
        assert_eq!(key, "7", "one person has one key, however it is written");
        assert!(rows.row().number(of(&rows, "value_as_number")).is_err());
        assert!(rows.advance("measurement", &mut sink).unwrap());
        assert_eq!((rows.row().key(of(&rows, "person_id"), &mut key), key.as_str()), (Ok(()), "7"));
        assert!(!rows.advance("measurement", &mut sink).unwrap() && sink.rejections.is_empty());
    }

    #[test]
    fn a_row_that_is_no_row_is_rejected_without_a_word_of_it() {
        let mut rows = objects(json!([
            {"person_id": ["Canary"]}, {"person_id": {"Canary": 1}}, {"person_id": true},
            {"person_id": 1, "PERSON_ID": "Canary"}, {"person_id": 1}
        ]));
        let mut sink = Collected::default();
        assert!(rows.advance("measurement", &mut sink).unwrap());
        assert_eq!((rows.line(), sink.rejections.len()), (5, 4));
        assert!(!format!("{:?}", sink.rejections).contains("Canary"));
        assert!(!rows.advance("measurement", &mut sink).unwrap());
    }
}
