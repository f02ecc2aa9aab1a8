//! Delimited text: comma, tab, semicolon or bar, quoted or not, header in any case, one bounded record in memory.

use super::{Header, NOT_A_NUMBER, NOT_AN_INTEGER, NOT_UTF8, Place, Reason, Row, Rows, admit, moment};
use crate::{Error, Input, Sink};
use csv_core::ReadRecordResult;
use events::SourceTime;
use std::{
    borrow::Cow,
    io::{BufRead, Read},
};

/// A record longer than this is rejected; an unclosed quote would otherwise take the rest of the file into memory.
const MAX_RECORD_BYTES: usize = 16 << 20;
const MAX_HEADER_BYTES: u64 = 1 << 20;
const MAX_COLUMNS: usize = 10_000;

/// A delimited file, read one record at a time.
pub(crate) struct Delimited {
    file: String,
    header: Header,
    reader: Box<dyn BufRead + Send>,
    core: csv_core::Reader,
    record: Record,
    line: u64,
    /// The last byte that was read.
    last: u8,
    /// Did the file end in the middle of the current record?
    unfinished: Option<Unfinished>,
}

/// How a record ends that no line end ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    Bare,
    InQuotes,
}

/// The current record.
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl Delimited {
    /// Reads the header. The delimiter is `delimiter`, or the one that the header holds most of. Tab-delimited files
    /// are read without quoting, as OHDSI's Athena writes them.
    pub(crate) fn open(input: Input, delimiter: Option<u8>) -> Result<Self, Error> {
        let Input { safe_name: file, mut reader, .. } = input;
        let mut first = Vec::new();
        (&mut reader)
            .take(MAX_HEADER_BYTES)
            .read_until(b'\n', &mut first)
            .map_err(|error| Error::read(&file, &error))?;
        if first.is_empty() {
            let reason = "it is empty, without the line that names its columns; restore it from the export, or leave it out";
            return Err(Error::Table { file, reason: reason.to_owned() });
        }
        let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
        let delimiter = delimiter.unwrap_or_else(|| likely_delimiter(first));
        let text = String::from_utf8_lossy(first);
        let names = text
            .trim_end_matches(['\r', '\n'])
            .split(char::from(delimiter))
            .map(|name| name.trim().trim_matches('"'));
        let header = Header::new(names);
        let core = csv_core::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter != b'\t').build();
        let record = Record { bytes: vec![0; 4096], ends: vec![0; header.len() + 1], fields: 0 };
        Ok(Delimited { file, header, reader, core, record, line: 1, last: b'\n', unfinished: None })
    }

    fn read_record(&mut self) -> Result<Outcome, Error> {
        let (mut written, mut fields, mut too_long) = (0, 0, false);
        loop {
            let input = self.reader.fill_buf().map_err(|error| Error::read(&self.file, &error))?;
            let is_end = input.is_empty();
            // A line end that the file lacks tells by what it does whether a quote is open.
            let ends_here = is_end && !matches!(self.last, b'\n' | b'\r');
            let (result, consumed, output, ends) = self.core.read_record(
                if ends_here { &b"\n"[..] } else { input },
                &mut self.record.bytes[written..],
                &mut self.record.ends[fields..],
            );
            if ends_here {
                if consumed > 0 {
                    self.last = b'\n';
                }
                match result {
                    ReadRecordResult::Record => self.unfinished = Some(Unfinished::Bare),
                    ReadRecordResult::InputEmpty => self.unfinished = Some(Unfinished::InQuotes),
                    _ => {} // no room yet
                }
            } else if consumed > 0 {
                self.last = input[consumed - 1];
                self.reader.consume(consumed);
            }
            written += output;
            fields += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.record.bytes.len() < MAX_RECORD_BYTES => {
                    let longer = self.record.bytes.len() * 2;
                    self.record.bytes.resize(longer, 0);
                }
                ReadRecordResult::OutputEndsFull if self.record.ends.len() < MAX_COLUMNS => {
                    let longer = self.record.ends.len() * 2 + 8;
                    self.record.ends.resize(longer, 0);
                }
                ReadRecordResult::OutputFull => (written, too_long) = (0, true),
                ReadRecordResult::OutputEndsFull => (fields, too_long) = (0, true),
                ReadRecordResult::Record if too_long => return Ok(Outcome::TooLong),
                ReadRecordResult::Record => {
                    self.record.fields = fields;
                    return Ok(Outcome::Complete);
                }
                ReadRecordResult::End if too_long => return Ok(Outcome::TooLong),
                ReadRecordResult::End => return Ok(Outcome::End),
            }
        }
    }
}

impl Rows for Delimited {
    fn file(&self) -> &str {
        &self.file
    }

    fn header(&self) -> &Header {
        &self.header
    }

    fn row(&self) -> &dyn Row {
        &self.record
    }

    fn line(&self) -> u64 {
        self.line
    }

    /// Moves to the next record that has as many fields as the header; the others are rejected, once per line that
    /// they covered, so that an unclosed quote counts for all that it swallowed.
    ///
    /// # Errors
    /// When the stream breaks off, or ends in the middle of a record.
    fn advance(&mut self, kind: &'static str, sink: &mut dyn Sink) -> Result<bool, Error> {
        loop {
            // The header's line was taken before csv-core began to count from 1.
            self.line = self.core.line() + 1;
            let outcome = self.read_record()?;
            let lacks_fields = self.record.fields < self.header.len();
            match (&outcome, self.unfinished) {
                (Outcome::Complete, Some(unfinished)) if lacks_fields || unfinished == Unfinished::InQuotes => {
                    return Err(Error::CutOff { file: self.file.clone(), line: self.line });
                }
                _ => {}
            }
            let problem = match outcome {
                Outcome::End => return Ok(false),
                Outcome::TooLong => "record too long, or a quote that is never closed",
                Outcome::Complete if self.record.fields == self.header.len() => return Ok(true),
                Outcome::Complete => "not as many fields as the header",
            };
            let covered = (self.core.line() + 1).saturating_sub(self.line).max(1);
            for line in self.line..self.line + covered {
                sink.read();
                Place { file: &self.file, kind, line }.reject(sink, "", problem);
            }
        }
    }
}

enum Outcome {
    Complete,
    TooLong,
    End,
}

impl Record {
    /// A field's bytes, without surrounding blanks; `None` when it is empty or says null.
    fn field(&self, column: usize) -> Option<&[u8]> {
        if column >= self.fields {
            return None;
        }
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        let field = self.bytes.get(start..self.ends[column])?.trim_ascii();
        match field {
            b"" | b"NULL" | b"null" | b"\\N" => None,
            field => Some(field),
        }
    }

    /// As [`Record::field`], where `NA` and `NaN` say null too.
    fn quantity(&self, column: usize) -> Option<&[u8]> {
        self.field(column).filter(|field| !matches!(*field, b"NA" | b"NaN" | b"nan" | b"N/A"))
    }

    #[cfg(test)]
    pub(crate) fn of(fields: &[&str]) -> Self {
        let mut record = Record { bytes: Vec::new(), ends: Vec::new(), fields: fields.len() };
        for field in fields {
            record.bytes.extend_from_slice(field.as_bytes());
            record.ends.push(record.bytes.len());
        }
        record
    }
}

impl Row for Record {
    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Reason> {
        self.field(column)
            .map(|field| std::str::from_utf8(field).map(Cow::Borrowed).map_err(|_| NOT_UTF8))
            .transpose()
    }

    fn integer(&self, column: usize) -> Result<Option<i64>, Reason> {
        let Some(field) = self.quantity(column) else { return Ok(None) };
        // Exports through data frames write integers as 12.0.
        let digits = match memchr::memchr(b'.', field) {
            Some(dot) if field[dot + 1..].iter().all(|b| *b == b'0') => &field[..dot],
            Some(_) => return Err(NOT_AN_INTEGER),
            None => field,
        };
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or(NOT_AN_INTEGER)
    }

    fn number(&self, column: usize) -> Result<Option<f64>, Reason> {
        let Some(field) = self.quantity(column) else { return Ok(None) };
        let number =
            std::str::from_utf8(field).ok().and_then(|text| text.parse().ok()).ok_or(NOT_A_NUMBER)?;
        admit(number).map(Some)
    }

    fn time(&self, column: usize) -> Result<Option<SourceTime>, Reason> {
        self.quantity(column).map(moment::parse).transpose()
    }
}

fn likely_delimiter(header: &[u8]) -> u8 {
    let count = |delimiter: u8| memchr::memchr_iter(delimiter, header).count();
    // On equal counts the later wins, so that a header of one column is read as comma-delimited.
    [b'|', b';', b'\t', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::{Collected, input};

    fn rows(text: &[u8]) -> (Vec<Vec<String>>, Collected) {
        let mut sink = Collected::default();
        let mut table = Delimited::open(input("t.csv", text), None).unwrap();
        let mut rows = Vec::new();
        while table.advance("t", &mut sink).unwrap() {
            let columns = 0..table.header().len();
            rows.push(
                columns
                    .map(|c| table.row().text(c).map_or("?".into(), |t| t.unwrap_or_default().into_owned()))
                    .collect(),
            );
        }
        (rows, sink)
    }

    #[test]
    fn dialects_agree() {
        let want = vec![vec!["1".to_owned(), "b".to_owned()], vec!["2".to_owned(), String::new()]];
        for text in [
            "A,B\n1,b\n2,\n",
            "\u{feff}\"a\",\"b\"\r\n\"1\",\"b\"\r\n2,\r\n",
            "a\tb\n1\tb\n2\t\\N",
            "a|b\n1|b\n2|NULL\n",
            "a;b\n1;b\n\n2;\n",
        ] {
            let (rows, sink) = rows(text.as_bytes());
            assert_eq!(rows, want, "{text:?}");
            assert!(sink.rejections.is_empty());
        }
    }

    #[test]
    fn quotes_in_tab_delimited_files_are_letters() {
        let (rows, _) = rows(b"id\tname\n1\t5\" tube\n2\tother\n");
        assert_eq!(rows[0][1], "5\" tube");
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_swallowing_quote_counts_for_every_line() {
        let (rows, sink) = rows(b"a,b\n1,2\n3,\"4\n5,6\n7,8\n");
        assert_eq!(rows.len(), 2, "the record that the quote opens ends with the file");
        assert!(sink.rejections.is_empty());
        let (rows, sink) = self::rows(b"a,b\n1,2\n\"3,4\n5,6\n7,8\n");
        assert_eq!(rows.len(), 1);
        assert_eq!(sink.rejections.len(), 3, "{:?}", sink.rejections);
        assert_eq!(sink.rejections[0].line, 3);
    }

    #[test]
    fn a_record_that_the_end_of_the_file_cuts_off_is_an_error() {
        let end = |text: &[u8]| {
            let mut table = Delimited::open(input("t.csv", text), None).unwrap();
            let mut sink = Collected::default();
            let mut rows = 0;
            loop {
                match table.advance("t", &mut sink) {
                    Ok(true) => rows += 1,
                    Ok(false) => return (rows, sink.rejections.len(), None),
                    Err(Error::CutOff { line, .. }) => return (rows, sink.rejections.len(), Some(line)),
                    Err(error) => panic!("{error}"),
                }
            }
        };
        assert_eq!(end(b"a,b\n1,2\n3"), (1, 0, Some(3)));
        assert_eq!(end(b"a,b\n1,2\n3,\"4"), (1, 0, Some(3)), "in the middle of a quote");
        assert_eq!(end(b"a,b\n1,2\n\"3\n,4"), (1, 0, Some(3)));
        assert_eq!(end(b"a\tb\n1\t2\n3"), (1, 0, Some(3)));
        for whole in ["a,b\n1,2\n3,4", "a,b\n1,2\n3,", "a,b\n1,2\n3,\"4\"", "a,b\r\n1,2\r\n3,4\r\n"] {
            assert_eq!(end(whole.as_bytes()), (2, 0, None), "{whole:?}");
        }
        assert_eq!(end(b"a,b\n1,2\n3\n"), (1, 1, None), "a short line with its end is a short line");
        assert_eq!(end(b"a,b"), (0, 0, None));
        assert!(matches!(Delimited::open(input("t.csv", b""), None), Err(Error::Table { .. })));
    }

    #[test]
    fn long_records_are_rejected_in_bounded_memory() {
        let mut text = b"a,b\n1,\"".to_vec();
        text.resize(MAX_RECORD_BYTES * 2, b'x');
        text.extend_from_slice(b"\"\n3,4\n");
        let (rows, sink) = rows(&text);
        assert_eq!(rows, [["3", "4"]]);
        assert_eq!(sink.rejections.len(), 1);
    }

    #[test]
    fn ragged_rows_and_bad_fields() {
        let (rows, sink) = rows(b"a,b\n1\n1,2,3\n4,\xff\n");
        assert_eq!(rows, [["4", "?"]]);
        assert_eq!(sink.rejections.iter().map(|r| r.line).collect::<Vec<_>>(), [2, 3]);
        let record = Record::of(&["12.0", "12.5", "1e308", "inf", "NA", "-3", "x"]);
        assert_eq!(record.integer(0), Ok(Some(12)));
        assert_eq!(record.integer(1), Err(NOT_AN_INTEGER));
        assert_eq!(record.number(2), Err(super::super::NUMBER_TOO_LARGE));
        assert_eq!(record.number(3), Err(NOT_A_NUMBER));
        assert_eq!(record.number(4), Ok(None));
        assert_eq!(record.integer(5), Ok(Some(-3)));
        assert_eq!(record.number(6), Err(NOT_A_NUMBER));
        assert_eq!(record.integer(99), Ok(None));
    }
}
