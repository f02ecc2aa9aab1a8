//! Reading forward through bytes that someone else wrote, never past their end.

use crate::error::{Error, Result};

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, place: 0 }
    }

    /// Bytes before the next one.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn rest(&self) -> usize {
        self.bytes.len() - self.place
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> Error {
        Error::Malformed { problem: problem.into(), place: self.place }
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let taken = self.bytes[self.place..].get(..n);
        let taken =
            taken.ok_or_else(|| self.malformed(format!("it ends within {n} bytes that must follow")))?;
        self.place += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|i| taken[i]))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of things that take at least `least` bytes each: more than the rest can hold is refused, so that
    /// nobody reserves memory for them.
    pub(super) fn count(&mut self, of: &str, least: usize) -> Result<usize> {
        let before = self.place;
        let count = self.u64()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.rest() / least => Ok(count),
            _ => Err(Error::Malformed {
                problem: format!("{count} {of} cannot be in the {} bytes that follow", self.rest()),
                place: before,
            }),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        let length = self.count("bytes of text", 1)?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("a text that ends here is not UTF-8"))
    }
}
