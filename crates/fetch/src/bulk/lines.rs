//! What is read of a file while it is written: its lines, its digest, and whether each line can be a resource.

use super::{json::Line, manifest::Whole};
use std::{
    io::{self, Write},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// How much may come, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    /// Of this file.
    pub(super) file: u64,
    /// Of all files together.
    pub(super) all: u64,
    /// What all files have.
    pub(super) taken: &'a AtomicU64,
}

/// Passes bytes on to `file` and looks at them.
pub(super) struct Lines<'a, W> {
    file: W,
    bounds: Bounds<'a>,
    bytes: u64,
    lines: u64,
    line: Line,
    wrong: bool,
    digest: blake3::Hasher,
}

/// Inside an `io::Error`: more came than may.
#[derive(Debug, thiserror::Error)]
pub(super) enum Past {
    #[error("past a file's limit")]
    File(u64),
    #[error("past the limit of all files")]
    All(u64),
}

impl<'a, W: Write> Lines<'a, W> {
    pub(super) fn new(file: W, bounds: Bounds<'a>) -> Self {
        Lines {
            file,
            bounds,
            bytes: 0,
            lines: 0,
            line: Line::default(),
            wrong: false,
            digest: blake3::Hasher::new(),
        }
    }

    /// Looks at bytes that are in the file already.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
        let mut pieces = bytes.split(|b| *b == b'\n');
        self.line.look(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.end_line();
            self.line.look(piece);
        }
    }

    /// Bytes of the file so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn end_line(&mut self) {
        if let Some(is_object) = self.line.end() {
            self.lines += 1;
            self.wrong |= !is_object;
        }
    }

    /// What was written; none if a line can't be a resource.
    pub(super) fn finish(mut self) -> Option<Whole> {
        self.end_line();
        let blake3 = self.digest.finalize().to_hex().to_string();
        (!self.wrong).then_some(Whole { bytes: self.bytes, lines: self.lines, blake3 })
    }
}

impl<W: Write> Write for Lines<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let come = bytes.len() as u64;
        if self.bytes + come > self.bounds.file {
            return Err(io::Error::other(Past::File(self.bounds.file)));
        }
        if self.bounds.taken.load(Relaxed) + come > self.bounds.all {
            return Err(io::Error::other(Past::All(self.bounds.all)));
        }
        self.file.write_all(bytes)?;
        self.bounds.taken.fetch_add(come, Relaxed);
        self.look(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> Option<Whole> {
        let taken = AtomicU64::new(0);
        let mut lines = Lines::new(Vec::new(), Bounds { file: 1 << 20, all: 1 << 20, taken: &taken });
        for piece in text.as_bytes().chunks(piece) {
            lines.write_all(piece).unwrap();
        }
        lines.finish()
    }

    #[test]
    fn lines_are_counted_however_they_come() {
        for piece in 1..9 {
            for (text, lines) in [
                ("", 0),
                ("{}", 1),
                ("{}\n", 1),
                ("{\"a\":\"}\"}\r\n\n  \n {} \n{}", 3),
                ("{\"a\":{}}\n{}\n", 2),
            ] {
                let whole = read(text, piece).unwrap();
                assert_eq!((whole.lines, whole.bytes), (lines, text.len() as u64), "{text:?} by {piece}");
                assert_eq!(whole.blake3, blake3::hash(text.as_bytes()).to_hex().to_string());
            }
            for text in
                ["{}\n{\"a\":", "<html>", "{}\n[]\n{}", "\0\0\0", "null", "{this is no json}", "{\"a\":{\n}}"]
            {
                assert_eq!(read(text, piece), None, "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn no_more_comes_than_may() {
        let taken = AtomicU64::new(10);
        for (file, all) in [(4, 99), (99, 14)] {
            taken.store(10, Relaxed);
            let mut lines = Lines::new(Vec::new(), Bounds { file, all, taken: &taken });
            lines.write_all(b"{}\n").unwrap();
            let error = lines.write_all(b"{}").unwrap_err();
            assert!(error.get_ref().unwrap().is::<Past>());
            assert_eq!((lines.file.as_slice(), taken.load(Relaxed)), (b"{}\n".as_slice(), 13));
        }
    }
}
