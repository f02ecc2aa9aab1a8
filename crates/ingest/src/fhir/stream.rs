//! Cutting a stream into pieces of whole lines, in bounded memory.

use memchr::{memchr, memchr_iter, memrchr};
use std::io::{self, BufRead, Read};

const PIECE_BYTES: usize = 1 << 20;
/// How much of a stream, or of a long line, is looked at to tell what it is.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// What a stream of JSON looks like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One JSON object to a line.
    Lines,
    /// One document over several lines.
    Document,
    /// Nothing but blanks.
    Empty,
    /// Not JSON objects.
    Other,
}

/// Tells the layout from the first bytes. Every line of NDJSON is a whole object, while no line of a document
/// printed over several lines is, except a rare short one.
pub(super) fn layout(head: &[u8]) -> Layout {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let Some(first) = head.iter().find(|byte| !byte.is_ascii_whitespace()) else { return Layout::Empty };
    match first {
        b'{' => {}
        b'[' => return Layout::Document,
        _ => return Layout::Other,
    }
    let whole_object =
        |line: &[u8]| line.starts_with(b"{") && line.trim_ascii_end().ends_with(b"}") && line.len() > 4;
    if breaks_within_a_bundle(head.trim_ascii_start()) {
        return Layout::Document;
    }
    let several_lines = memchr(b'\n', head.trim_ascii_start()).is_some();
    if !several_lines || head.split(|&byte| byte == b'\n').any(whole_object) {
        Layout::Lines
    } else {
        Layout::Document
    }
}

/// Is the first line the beginning of a Bundle, broken where JSON may be? Its entries may each stand on a line of their own.
fn breaks_within_a_bundle(head: &[u8]) -> bool {
    let Some(end) = memchr(b'\n', head) else { return false };
    let line = head[..end].trim_ascii_end();
    matches!(line.last(), Some(b'[' | b'{' | b',')) && memchr::memmem::find(line, b"\"Bundle\"").is_some()
}

/// Is this the beginning of an array?
pub(super) fn is_array(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.trim_ascii_start().starts_with(b"[")
}

/// What comes next of a stream of lines.
pub(super) enum Next {
    /// Whole lines, and the number of the first.
    Lines(u64, Vec<u8>),
    /// A line that was too long, skipped.
    TooLong(u64),
    End,
}

/// A stream of lines.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
    max_line_bytes: usize,
    max_document_bytes: usize,
}

impl Lines {
    /// Lines of `head`, then of `reader`.
    pub(super) fn new(
        head: Vec<u8>,
        reader: Box<dyn BufRead + Send>,
        max_line_bytes: usize,
        max_document_bytes: usize,
    ) -> Self {
        Lines { reader, buffer: head, line: 1, max_line_bytes, max_document_bytes }
    }

    pub(super) fn next(&mut self) -> io::Result<Next> {
        loop {
            let wanted = PIECE_BYTES.max(self.buffer.len() + PIECE_BYTES / 2);
            let missing = wanted - self.buffer.len();
            let read = self.reader.by_ref().take(missing as u64).read_to_end(&mut self.buffer)?;
            if let Some(last) = memrchr(b'\n', &self.buffer) {
                let rest = self.buffer.split_off(last + 1);
                return Ok(self.give(rest));
            }
            if read == 0 {
                return Ok(if self.buffer.is_empty() { Next::End } else { self.give(Vec::new()) });
            }
            let limit = if self.begins_a_bundle() { self.max_document_bytes } else { self.max_line_bytes };
            if self.buffer.len() > limit {
                return self.skip_line();
            }
        }
    }

    fn give(&mut self, rest: Vec<u8>) -> Next {
        let lines = std::mem::replace(&mut self.buffer, rest);
        let first = self.line;
        self.line += memchr_iter(b'\n', &lines).count() as u64;
        Next::Lines(first, lines)
    }

    /// A Bundle on one line is a document, and may be as large as one.
    fn begins_a_bundle(&self) -> bool {
        let head = &self.buffer[..self.buffer.len().min(HEAD_BYTES)];
        memchr::memmem::find(head, b"\"Bundle\"").is_some()
    }

    fn skip_line(&mut self) -> io::Result<Next> {
        self.buffer = Vec::new();
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let (used, found) = match memchr(b'\n', available) {
                Some(at) => (at + 1, true),
                None => (available.len(), false),
            };
            self.reader.consume(used);
            if found {
                break;
            }
        }
        self.line += 1;
        Ok(Next::TooLong(self.line - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn layouts() {
        assert_eq!(layout(b" \n"), Layout::Empty);
        assert_eq!(layout(b"id,name\n"), Layout::Other);
        assert_eq!(layout(b"{\n  \"resourceType\": \"Bundle\",\n"), Layout::Document);
        assert_eq!(layout(b"{\"resourceType\":\"Bundle\",\"entry\":["), Layout::Lines);
        assert_eq!(layout(b"\xef\xbb\xbf{\"id\":1}\n{\"id\":2}\n"), Layout::Lines);
        let entries = b"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n{\"resource\":{\"id\":\"1\"}}\n]}";
        assert_eq!(layout(entries), Layout::Document);
        let lines =
            b"{\"resourceType\":\"Bundle\",\"entry\":[]}\n{\"resourceType\":\"Bundle\",\"entry\":[]}\n";
        assert_eq!(layout(lines), Layout::Lines);
        assert_eq!(layout(b"{\"id\":[\n{\"id\":2}\n"), Layout::Lines);
        assert_eq!(layout(b"{\"id\": broken\n{\"id\":2}\r\n"), Layout::Lines);
        assert_eq!(layout(b"{\"id\":1}"), Layout::Lines);
    }

    fn read(text: &[u8], limit: usize) -> Vec<(u64, usize)> {
        let mut lines = Lines::new(Vec::new(), Box::new(Cursor::new(text.to_vec())), limit, limit);
        let mut found = Vec::new();
        loop {
            match lines.next().unwrap() {
                Next::Lines(first, bytes) => found.push((first, bytes.len())),
                Next::TooLong(line) => found.push((line, 0)),
                Next::End => return found,
            }
        }
    }

    #[test]
    fn pieces_hold_whole_lines_and_long_lines_are_skipped() {
        assert_eq!(read(b"a\nb\nc", 10), [(1, 4), (3, 1)]);
        let long = vec![b'x'; 5 << 20];
        let text = [b"a\n".as_slice(), &long, b"\nb\n"].concat();
        assert_eq!(read(&text, 3 << 20), [(1, 2), (2, 0), (3, 2)]);
        assert_eq!(read(&text, 9 << 20).iter().map(|p| p.1).sum::<usize>(), text.len());
        assert_eq!(read(&long, 1 << 20), [(1, 0)]);
        assert_eq!(read(b"", 10), []);
    }
}
