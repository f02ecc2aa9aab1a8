//! Lines of a stream, of which those read last can be read again.

use crate::Error;
use std::io::BufRead;

/// A line longer than this is passed over; what a record's lines take together is held to the same.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// How often, on average, a byte may be read again. Past it lines are given up: no input makes reading slower than linear.
const AGAIN: u64 = 4;

/// The lines of one file.
pub(super) struct Lines {
    file: String,
    reader: Box<dyn BufRead + Send>,
    /// What is read before the reader goes on, and how far it was read.
    again: Vec<u8>,
    at: usize,
    /// Does a line that was passed over follow what is read again?
    then_too_long: bool,
    /// Lines taken so far, the header's too.
    taken: u64,
    /// Bytes that may still be read again.
    allowance: u64,
}

/// What came of asking for a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    Whole,
    /// Passed over: too long to be held.
    TooLong,
    End,
}

impl Lines {
    /// The lines after a header's.
    pub(super) fn after_header(file: String, reader: Box<dyn BufRead + Send>) -> Self {
        Lines {
            file,
            reader,
            again: Vec::new(),
            at: 0,
            then_too_long: false,
            taken: 1,
            allowance: AGAIN * MAX_BYTES as u64,
        }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The number of the line that was taken last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.taken
    }

    /// Appends the next line to `bytes`, its end included.
    pub(super) fn next(&mut self, bytes: &mut Vec<u8>) -> Result<Line, Error> {
        let rest = &self.again[self.at..];
        if !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            bytes.extend_from_slice(&rest[..end]);
            self.at += end;
            self.taken += 1;
            return Ok(Line::Whole);
        }
        if std::mem::take(&mut self.then_too_long) {
            self.taken += 1;
            return Ok(Line::TooLong);
        }
        self.read(bytes)
    }

    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<Line, Error> {
        let (start, mut length, mut ended) = (bytes.len(), 0, false);
        while !ended {
            let buffer = self.reader.fill_buf().map_err(|error| Error::read(&self.file, &error))?;
            if buffer.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', buffer);
            ended = end.is_some();
            let taken = end.map_or(buffer.len(), |end| end + 1);
            length += taken;
            if length <= MAX_BYTES {
                bytes.extend_from_slice(&buffer[..taken]);
            }
            self.reader.consume(taken);
        }
        if length == 0 {
            return Ok(Line::End);
        }
        self.taken += 1;
        if length > MAX_BYTES {
            bytes.truncate(start);
            return Ok(Line::TooLong);
        }
        self.allowance += AGAIN * length as u64;
        Ok(Line::Whole)
    }

    /// Takes back the lines that were read last, and with `too_long` one after them that was passed over. `false` when they
    /// were read again too often, and are given up.
    pub(super) fn take_back(&mut self, lines: &[u8], too_long: bool) -> bool {
        let bytes = lines.len() as u64;
        if bytes > self.allowance {
            return false;
        }
        self.allowance -= bytes;
        if self.at < self.again.len() {
            // All of them came from what was being read again.
            self.at -= lines.len();
        } else {
            self.again.clear();
            self.again.extend_from_slice(lines);
            self.at = 0;
        }
        self.then_too_long |= too_long;
        self.taken -= count(lines) + u64::from(too_long);
        true
    }
}

/// How many lines these bytes are; the last may lack its end.
fn count(lines: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', lines).count() as u64;
    ends + u64::from(lines.last().is_some_and(|last| *last != b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn lines_taken_back_come_again_in_order() {
        let mut lines = Lines::after_header("t".into(), Box::new(Cursor::new(b"a\nb\nc\nd".to_vec())));
        let mut bytes = Vec::new();
        let all = |lines: &mut Lines, n: usize, bytes: &mut Vec<u8>| {
            bytes.clear();
            (0..n).for_each(|_| assert_eq!(lines.next(bytes).unwrap(), Line::Whole));
        };
        all(&mut lines, 3, &mut bytes);
        assert!(lines.take_back(&bytes[2..], false));
        assert_eq!(lines.number(), 2);
        all(&mut lines, 1, &mut bytes);
        assert!(lines.take_back(&bytes, false), "while the rest still waits");
        all(&mut lines, 3, &mut bytes);
        assert_eq!((bytes.as_slice(), lines.number()), (&b"b\nc\nd"[..], 5));
        assert!(lines.take_back(&bytes, true));
        assert_eq!(lines.number(), 1, "the line that was passed over counts");
        all(&mut lines, 3, &mut bytes);
        assert_eq!(lines.next(&mut bytes).unwrap(), Line::TooLong);
        assert_eq!(lines.next(&mut bytes).unwrap(), Line::End);
        lines.allowance = 1;
        assert!(!lines.take_back(b"c\nd", false), "given up");
    }
}
