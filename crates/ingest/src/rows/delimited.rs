//! Delimited text: comma, tab, semicolon or bar, quoted or not, header in any case, one bounded record in memory.
//!
//! A quote that nobody closed must not swallow the rows after it. So a field of several lines is believed only where it is
//! closed as RFC 4180 has it (a delimiter or the record's end follows) and the record then has as many fields as the header;
//! and, in a column that isn't free text, where none of the further lines is a row by itself. Else the line that opened
//! the quote is rejected, and reading goes on at the next.

use super::{
    Header, NOT_A_NUMBER, NOT_AN_INTEGER, NOT_UTF8, Place, Reason, Row, Rows, admit,
    lines::{Line, Lines, MAX_BYTES},
    moment, number_in,
};
use crate::{Error, Input, Sink};
use events::SourceTime;
use std::{
    borrow::Cow,
    io::{BufRead, Read},
};

const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Lines that a text whose quotes don't close as they should may take with it.
const MAX_TEXT_LINES: usize = 200;

const FIELDS: Reason = "not as many fields as the header";
const TOO_LONG: Reason = "record too long";
const NOT_CLOSED: Reason = "a quote that is never closed, or not where a field ends";
const SWALLOWS: Reason = "a quote that is not closed on its line, with a row on the next";

/// A delimited file, read one record at a time.
pub(crate) struct Delimited {
    header: Header,
    /// By column: may what stands there have several lines?
    is_text: Vec<bool>,
    dialect: Dialect,
    lines: Lines,
    /// The current record's lines as they stand in the file.
    raw: Vec<u8>,
    record: Record,
    line: u64,
}

#[derive(Clone, Copy)]
struct Dialect {
    delimiter: u8,
    quoting: bool,
}

/// The current record.
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Delimited {
    /// Reads the header. The delimiter is `delimiter`, or the one that the header holds most of. Tab-delimited files
    /// are read without quoting, as OHDSI's Athena writes them. `is_text` says by their lower-case names which columns hold free
    /// text.
    pub(crate) fn open(
        input: Input,
        delimiter: Option<u8>,
        is_text: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
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
        // Else the whole table would be its header, and nobody would miss its rows.
        if first.trim_ascii_end().contains(&b'\r') {
            let reason =
                "its lines end in carriage returns alone; write it anew with line feeds (`tr '\\r' '\\n'`)";
            return Err(Error::Table { file, reason: reason.to_owned() });
        }
        let delimiter = delimiter.unwrap_or_else(|| likely_delimiter(first));
        let text = String::from_utf8_lossy(first);
        let names = text
            .trim_end_matches(['\r', '\n'])
            .split(char::from(delimiter))
            .map(|name| name.trim().trim_matches('"'));
        let header = Header::new(names);
        Ok(Delimited {
            is_text: header.names.iter().map(|name| is_text(name)).collect(),
            dialect: Dialect { delimiter, quoting: delimiter != b'\t' },
            lines: Lines::after_header(file, reader),
            raw: Vec::new(),
            record: Record { bytes: Vec::new(), ends: Vec::with_capacity(header.len() + 1) },
            line: 1,
            header,
        })
    }

    /// Reads the record that begins with the line in `raw`, or says why it is none; the lines after the first are then still to
    /// be read, unless `Lines` gives them up.
    fn read_record(&mut self) -> Result<Result<(), Reason>, Error> {
        let first = self.raw.len();
        let mut scan = Scan::default();
        self.record.clear();
        let (problem, too_long) = loop {
            let before = self.raw.len();
            let columns = self.header.len();
            match scan.go_on(&self.raw, self.dialect, columns, &mut self.record) {
                _ if !scan.well_closed && before == first => return self.pass_over_text().map(Err),
                _ if !scan.well_closed => break (NOT_CLOSED, false),
                Scanned::Complete if self.record.ends.len() != columns => break (FIELDS, false),
                Scanned::Complete => return Ok(Ok(())),
                Scanned::Open => {}
            }
            let column = self.record.ends.len();
            match self.lines.next(&mut self.raw)? {
                Line::End => break (NOT_CLOSED, false),
                Line::TooLong => break (TOO_LONG, true),
                Line::Whole if self.raw.len() > MAX_BYTES => break (TOO_LONG, false),
                Line::Whole => {}
            }
            let is_text = self.is_text.get(column).is_some_and(|is_text| *is_text);
            if !is_text && fields(&self.raw[before..], self.dialect, columns) == columns {
                break (SWALLOWS, false);
            }
        };
        self.lines.take_back(&self.raw[first..], too_long);
        Ok(Err(problem))
    }

    /// Passes over the lines after one whose quotes neither close as they should nor pair, up to the one that pairs them: they may be
    /// the rest of its text, and would be taken for rows. Where none of the next [`MAX_TEXT_LINES`] pairs them they are rows after all;
    /// and so they are where the line that would pair them begins a text of its own.
    fn pass_over_text(&mut self) -> Result<Reason, Error> {
        let first = self.raw.len();
        let quotes = |bytes: &[u8]| memchr::memchr_iter(b'"', bytes).count();
        let mut pairs = quotes(&self.raw).is_multiple_of(2);
        for _ in 0..MAX_TEXT_LINES {
            if pairs || self.raw.len() > MAX_BYTES {
                break;
            }
            let before = self.raw.len();
            match self.lines.next(&mut self.raw)? {
                Line::Whole if quotes(&self.raw[before..]).is_multiple_of(2) => {}
                Line::Whole => match odd_quote(&self.raw[before..], self.dialect.delimiter) {
                    Odd::Ends => pairs = true,
                    Odd::Begins => break,
                    Odd::Within => {}
                },
                Line::TooLong => {
                    self.lines.take_back(&self.raw[first..], true);
                    return Ok(NOT_CLOSED);
                }
                Line::End => break,
            }
        }
        if !pairs {
            self.lines.take_back(&self.raw[first..], false);
        }
        Ok(NOT_CLOSED)
    }
}

/// How far the lines of a record were parted into fields.
struct Scan {
    at: usize,
    within: Within,
    /// Is every quote so far closed where its field ends?
    well_closed: bool,
}

impl Default for Scan {
    fn default() -> Self {
        Scan { at: 0, within: Within::Nothing, well_closed: true }
    }
}

enum Within {
    Nothing,
    Plain,
    Quoted,
    /// Past a quote that closes the field, or begins a quote of its own.
    Closing,
}

enum Scanned {
    Complete,
    /// Within a quoted field.
    Open,
}

impl Scan {
    /// Goes on to the end of `raw`, or until there are more than `most` fields.
    fn go_on(&mut self, raw: &[u8], dialect: Dialect, most: usize, record: &mut Record) -> Scanned {
        let Dialect { delimiter, quoting } = dialect;
        loop {
            let rest = raw.get(self.at..).unwrap_or_default();
            match self.within {
                Within::Nothing if quoting && rest.first() == Some(&b'"') => {
                    self.at += 1;
                    self.within = Within::Quoted;
                }
                Within::Nothing => self.within = Within::Plain,
                Within::Plain => {
                    let end = memchr::memchr2(delimiter, b'\n', rest);
                    record.bytes.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
                    record.ends.push(record.bytes.len());
                    match end {
                        Some(end) if rest[end] == delimiter && record.ends.len() <= most => {
                            self.at += end + 1;
                            self.within = Within::Nothing;
                        }
                        _ => return Scanned::Complete,
                    }
                }
                Within::Quoted => match memchr::memchr(b'"', rest) {
                    Some(quote) => {
                        record.bytes.extend_from_slice(&rest[..quote]);
                        self.at += quote + 1;
                        self.within = Within::Closing;
                    }
                    None => {
                        record.bytes.extend_from_slice(rest);
                        self.at = raw.len();
                        return Scanned::Open;
                    }
                },
                Within::Closing if rest.first() == Some(&b'"') => {
                    record.bytes.push(b'"');
                    self.at += 1;
                    self.within = Within::Quoted;
                }
                Within::Closing => {
                    let end = memchr::memchr2(delimiter, b'\n', rest).unwrap_or(rest.len());
                    self.well_closed &= rest[..end].trim_ascii().is_empty();
                    self.within = Within::Plain;
                }
            }
        }
    }
}

/// What the quote without another is for, on a line of which it isn't known whether it began within a text.
#[derive(Debug, PartialEq)]
enum Odd {
    /// The text ends with it: it stands where a field ends, and none begins with it.
    Ends,
    /// A field begins with it, and so the line is none of the text.
    Begins,
    /// It stands among words, as inches do.
    Within,
}

/// By the first quote of those with an even number before them that ends or begins a field.
fn odd_quote(line: &[u8], delimiter: u8) -> Odd {
    let begins = |at: &usize| line[..*at].last().is_none_or(|byte| *byte == delimiter);
    let ends = |at: &usize| {
        let after = &line[at + 1..];
        let end = memchr::memchr2(delimiter, b'\n', after).unwrap_or(after.len());
        after[..end].trim_ascii().is_empty()
    };
    let odd = || memchr::memchr_iter(b'"', line).step_by(2);
    if odd().any(|at| ends(&at) && !begins(&at)) {
        Odd::Ends
    } else if odd().any(|at| begins(&at)) {
        Odd::Begins
    } else {
        Odd::Within
    }
}

/// How many fields a line has by itself, one that stays open counted; no more than one past `most` are counted.
fn fields(line: &[u8], dialect: Dialect, most: usize) -> usize {
    let mut record = Record { bytes: Vec::new(), ends: Vec::new() };
    match Scan::default().go_on(line, dialect, most, &mut record) {
        Scanned::Complete => record.ends.len(),
        Scanned::Open => record.ends.len() + 1,
    }
}

impl Rows for Delimited {
    fn file(&self) -> &str {
        self.lines.file()
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

    /// Moves to the next record that has as many fields as the header; of the others the first line is rejected, and those after
    /// it are read anew. Lines that aren't are rejected too, so that whatever a quote swallowed is counted.
    ///
    /// # Errors
    /// When the stream breaks off, or ends in the middle of a record.
    fn advance(&mut self, kind: &'static str, sink: &mut dyn Sink) -> Result<bool, Error> {
        loop {
            self.raw.clear();
            let begun = self.lines.next(&mut self.raw)?;
            self.line = self.lines.number();
            // Only the last line of a file lacks its end.
            let is_unended = !self.raw.ends_with(b"\n");
            let problem = match begun {
                Line::End => return Ok(false),
                Line::Whole if matches!(&self.raw[..], b"\n" | b"\r\n" | b"\r") => continue,
                Line::TooLong => TOO_LONG,
                Line::Whole => match self.read_record()? {
                    Ok(()) => return Ok(true),
                    Err(problem) => problem,
                },
            };
            if is_unended && !matches!(problem, TOO_LONG) {
                return Err(Error::CutOff { file: self.lines.file().to_owned(), line: self.line });
            }
            for line in self.line..=self.lines.number() {
                sink.read();
                Place { file: self.lines.file(), kind, line }.reject(sink, "", problem);
            }
        }
    }
}

impl Record {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// A field's bytes, without surrounding blanks; `None` when it is empty or says null.
    fn field(&self, column: usize) -> Option<&[u8]> {
        let start = if column == 0 { 0 } else { *self.ends.get(column - 1)? };
        let field = self.bytes.get(start..*self.ends.get(column)?)?.trim_ascii();
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
        let mut record = Record { bytes: Vec::new(), ends: Vec::new() };
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
        let text = std::str::from_utf8(field).map_err(|_| NOT_A_NUMBER)?;
        number_in(text).and_then(admit).map(Some)
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
        let is_text = |column: &str| column == "note";
        let mut table = Delimited::open(input("t.csv", text), None, is_text).unwrap();
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

    fn rejected(sink: &Collected) -> Vec<u64> {
        sink.rejections.iter().map(|rejection| rejection.line).collect()
    }

    #[test]
    fn a_stray_quote_costs_its_own_line() {
        let (rows, sink) = rows(b"a,b\n1,2\n3,\"4\n5,6\n7,8\n");
        assert_eq!(rows, [["1", "2"], ["5", "6"], ["7", "8"]]);
        assert_eq!(rejected(&sink), [3]);
        let (rows, sink) = self::rows(b"a,b\n1,2\n\"3,4\n5,6\n7,8");
        assert_eq!(rows.len(), 3);
        assert_eq!(rejected(&sink), [3]);
        // A second one closes the first, as far as quotes go.
        for second in ["x\"", "\"x", "\"x\"", "x \" y"] {
            let text = format!("a,b,c\n1,2,3\n4,5,\"6\n7,8,9\n10,11,12\n13,14,{second}\n16,17,18\n");
            let (rows, sink) = self::rows(text.as_bytes());
            assert_eq!(rows.len() + rejected(&sink).len(), 6, "{second}: every line is read or counted");
            assert!(rows.len() >= 4 && rejected(&sink)[0] == 3, "{second}: {rows:?}");
        }
        let (_, sink) = self::rows(b"a,b,c\n1,2,\"3\n");
        assert_eq!(rejected(&sink), [2], "the last line too");
    }

    #[test]
    fn one_stray_quote_among_a_thousand_rows() {
        let mut text = "id,concept,source\n".to_owned();
        for id in 0..1000 {
            let source = if id % 897 == 3 { "\"T2DM poorly controlled" } else { "x" };
            text += &format!("{id},201826,{source}\n");
        }
        let (rows, sink) = rows(text.as_bytes());
        assert_eq!((rows.len(), rejected(&sink)), (998, vec![5, 902]));
    }

    #[test]
    fn text_of_several_lines_is_read_where_it_closes_as_it_should() {
        let (rows, sink) = rows(b"id,note\n1,\"Seen, \"\"today\"\".\r\n\r\nNa, K\nWell.\"\r\n2,short\n");
        assert_eq!(rows, [["1", "Seen, \"today\".\r\n\r\nNa, K\nWell."], ["2", "short"]]);
        assert!(sink.rejections.is_empty());
        // In a column that nobody declared, where no line of it could be a row.
        let (rows, sink) = self::rows(b"id,place,n\n1,\"12 Elm St\nSalem\",3\n4,x,5\n");
        assert_eq!(rows, [["1", "12 Elm St\nSalem", "3"], ["4", "x", "5"]]);
        assert!(sink.rejections.is_empty());
        // Opened and never closed: the next text's quote isn't its end.
        let (rows, sink) = self::rows(b"id,note\n1,\"He said\n2,\"Seen.\nWell.\"\n3,fine\n");
        assert_eq!(rows, [["2", "Seen.\nWell."], ["3", "fine"]]);
        assert_eq!(rejected(&sink), [2]);
        let (rows, sink) = self::rows(b"id,note\n1,\"He said\n2,fine\n3,fine\n");
        assert_eq!((rows.len(), rejected(&sink)), (2, vec![2]), "up to the end of the file");
    }

    #[test]
    fn lines_of_a_text_that_closes_badly_are_no_rows() {
        let (rows, sink) =
            rows(b"id,note\nA1,\"He said \"hi\" to\nBob Canary,fine\nthen left\"\nA2,ok\nA3,\"a \"b\" c\"\nA4,ok\n");
        assert_eq!(rows, [["A2", "ok"], ["A4", "ok"]]);
        assert_eq!(rejected(&sink), [2, 3, 4, 6]);
        // With a delimiter among the words.
        let (rows, sink) =
            self::rows(b"id,note\nA1,\"He said \"hi, you\" to\nBob Canary,fine\nthen left\"\nA2,ok\n");
        assert_eq!((rows, rejected(&sink)), (vec![vec!["A2".to_owned(), "ok".to_owned()]], vec![2, 3, 4]));
        // Nothing pairs them: a tube of five inches.
        let many = format!("id,note\n1,\"5\" tube\"\n{}", "2,fine\n".repeat(300));
        let (rows, sink) = self::rows(many.as_bytes());
        assert_eq!((rows.len(), rejected(&sink)), (300, vec![2]));
    }

    #[test]
    fn a_line_that_begins_a_text_ends_none() {
        let (rows, sink) = rows(
            b"day,id,note\n2020-01-01,A1,\"tube 5\" wide, thin\"\n2020-01-02,A2,\"all fine\"\n2020-01-03,A3,\"first line\n\
              2020-01-04,John Canary,called 555\"\n2020-01-05,A5,\"ok\"\n2020-01-06,A6,\"ok\"\n",
        );
        let read: Vec<(&str, &str)> = rows.iter().map(|row| (&*row[1], &*row[2])).collect();
        let text = "first line\n2020-01-04,John Canary,called 555";
        assert_eq!(read, [("A2", "all fine"), ("A3", text), ("A5", "ok"), ("A6", "ok")]);
        assert_eq!(rejected(&sink), [2]);
        for (line, odd) in [
            (&b"then left\"\n"[..], Odd::Ends),
            (b"then left\" \r\n", Odd::Ends),
            (b"a \"b\" c\",4,\"x\"\n", Odd::Ends),
            (b"1,\"x\n", Odd::Begins),
            (b"\"x\n", Odd::Begins),
            (b"1,5\" tube\n", Odd::Within),
        ] {
            assert_eq!(odd_quote(line, b','), odd, "{line:?}");
        }
        // Inches among the words of a text that closes badly.
        let (rows, sink) =
            self::rows(b"id,note\nA1,\"He said \"hi\" to\nBob Canary,used 5\" tubes\nthen left\"\nA2,ok\n");
        assert_eq!(rows, [["A2", "ok"]]);
        assert_eq!(rejected(&sink), [2, 3, 4]);
    }

    #[test]
    fn a_table_with_carriage_returns_alone_is_refused() {
        let open = |text: &[u8]| Delimited::open(input("t.csv", text), None, |_| false).map(|_| ());
        for text in [&b"a,b\r1,2\r3,4\r"[..], b"a,b\r1,2\n3,4\r\n"] {
            let error = open(text).unwrap_err().to_string();
            assert!(error.contains("carriage returns alone"), "{error}");
        }
        assert!(open(b"a,b\r\n1,2\r\n").is_ok());
    }

    #[test]
    fn reading_again_is_bounded() {
        // Each line opens a text that the next one closes, to open another: there are too many fields after 3,000 lines.
        let mut text = "note,".repeat(3000).into_bytes();
        text.extend_from_slice(b"id\n");
        (0..50_000).for_each(|_| text.extend_from_slice(b"x\",\"b\n"));
        let (rows, sink) = rows(&text);
        assert_eq!((rows.len(), rejected(&sink)), (0, (2..50_002).collect::<Vec<_>>()));
    }

    #[test]
    fn a_record_that_the_end_of_the_file_cuts_off_is_an_error() {
        let end = |text: &[u8]| {
            let mut table = Delimited::open(input("t.csv", text), None, |_| false).unwrap();
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
        assert_eq!(end(b"a\tb\n1\t2\n3"), (1, 0, Some(3)));
        for whole in ["a,b\n1,2\n3,4", "a,b\n1,2\n3,", "a,b\n1,2\n3,\"4\"", "a,b\r\n1,2\r\n3,4\r\n"] {
            assert_eq!(end(whole.as_bytes()), (2, 0, None), "{whole:?}");
        }
        assert_eq!(end(b"a,b\n1,2\n3\n"), (1, 1, None), "a short line with its end is a short line");
        assert_eq!(end(b"a,b"), (0, 0, None));
        assert!(matches!(Delimited::open(input("t.csv", b""), None, |_| false), Err(Error::Table { .. })));
    }

    #[test]
    fn long_records_are_rejected_in_bounded_memory() {
        let mut text = b"a,b\n1,\"".to_vec();
        text.resize(MAX_BYTES * 2, b'x');
        text.extend_from_slice(b"\"\n3,4\n");
        let (rows, sink) = rows(&text);
        assert_eq!(rows, [["3", "4"]]);
        assert_eq!(sink.rejections.len(), 1);
        // A text that opens before such a line.
        let (rows, sink) = self::rows(&[b"id,note\n1,\"x\n", &text[4..]].concat());
        assert_eq!(rows, [["3", "4"]]);
        assert_eq!(rejected(&sink), [2, 3]);
    }

    #[test]
    fn record_numbers_with_leading_zeros_are_not_each_others() {
        let record = Record::of(&["007", "7", "7.0", "0", "007.0", "0x"]);
        let key = |column| {
            let mut key = String::new();
            record.key_as_written(column, &mut key).map(|()| key)
        };
        assert_eq!([0, 1, 2, 3, 4, 5].map(|column| key(column).unwrap()), ["007", "7", "7", "0", "7", "0x"]);
        let mut key = String::new();
        for column in [0, 1, 2, 4] {
            assert_eq!(
                record.key(column, &mut key).map(|()| key.as_str()),
                Ok("7"),
                "where keys are integers"
            );
        }
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
