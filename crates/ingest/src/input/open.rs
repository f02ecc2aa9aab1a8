//! Opening: decompression and archives, told by their first bytes rather than by their names.

use super::{Archive, Digesting, Input, SourceFile};
use crate::{Error, Progress};
use std::{
    error, fmt,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
};

const BUFFER: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: [u8; 4] = *b"PAR1";
const ZIP: [u8; 4] = *b"PK\x03\x04";
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

/// What an opened file turned out to be.
pub(crate) enum Opened {
    /// One input.
    Single(Input),
    /// A Parquet file, at its beginning.
    Parquet(File),
    /// Many, in a tar archive.
    Archive(Archive),
}

/// What an entry of an archive turned out to be.
pub(crate) enum OpenedEntry {
    /// A stream of bytes.
    Single(Input),
    /// A whole Parquet file.
    Parquet(bytes::Bytes),
}

/// Could a file of this name be an archive? Its content says whether it is.
pub(crate) fn may_be_archive(table_name: &str) -> bool {
    table_name.ends_with(".tar") || table_name.ends_with(".tgz")
}

/// Opens a file, whatever it is wrapped in; its digest is taken as it is read. `promised`: does its name say that it
/// holds records of the format?
///
/// # Errors
/// When it cannot be opened, or is not what its name says.
pub(crate) fn open(
    source: &SourceFile,
    promised: bool,
    progress: &Progress,
) -> Result<(Opened, Digesting), Error> {
    let failed = |e: io::Error| Error::read(&source.safe_name, &e);
    let file = File::open(&source.path).map_err(failed)?;
    let (digesting, reader) = Digesting::new(file, progress).map_err(failed)?;
    let name = Named { safe_name: &source.safe_name, table_name: &source.table_name, promised };
    let mut reader = name.unwrapped(Box::new(reader))?;
    let opened = if name.is_parquet(&mut reader)? {
        // A handle of its own: positions of handles made from one another are shared.
        Opened::Parquet(File::open(&source.path).map_err(failed)?)
    } else if is_tar(&mut reader).map_err(failed)? {
        Opened::Archive(Archive::new(source.safe_name.clone(), reader))
    } else if may_be_archive(&source.table_name) {
        return Err(name.refused("it is no tar archive, as its name says", RESTORE));
    } else {
        Opened::Single(Input {
            safe_name: source.safe_name.clone(),
            table_name: source.table_name.clone(),
            reader: reader.into_buffered(),
        })
    };
    Ok((opened, digesting))
}

const RESTORE: &str = "restore it from the export, or leave it out";

/// A file's content, held against its name.
struct Named<'a> {
    safe_name: &'a str,
    table_name: &'a str,
    promised: bool,
}

impl Named<'_> {
    fn refused(&self, found: &'static str, remedy: &'static str) -> Error {
        Error::NotAsNamed { file: self.safe_name.to_owned(), found, remedy }
    }

    fn unwrapped(&self, raw: Box<dyn Read + Send>) -> Result<Peeked, Error> {
        let failed = |e: io::Error| Error::read(self.safe_name, &e);
        let mut raw = Peeked::new(raw);
        let is_empty = raw.peek(1).map_err(failed)?.is_empty();
        if is_empty && may_be_archive(self.table_name) {
            return Err(self.refused("it is empty, which no archive is", RESTORE));
        }
        if is_empty && self.says_compressed() {
            return Err(self.refused("it is empty, which no compressed file is", RESTORE));
        }
        self.refuse_other_kinds(&mut raw)?;
        let mut reader = decompress(Box::new(raw)).map_err(failed)?;
        self.refuse_other_kinds(&mut reader)?;
        Ok(reader)
    }

    fn says_compressed(&self) -> bool {
        let name = self.safe_name.to_lowercase();
        [".gz", ".zst", ".zstd", ".tgz"].iter().any(|end| name.ends_with(end))
    }

    fn refuse_other_kinds(&self, reader: &mut Peeked) -> Result<(), Error> {
        let head = reader.peek(ZIP.len()).map_err(|e| Error::read(self.safe_name, &e))?;
        if self.promised && (head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff")) {
            const REMEDY: &str = "write it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW";
            return Err(self.refused("it is text in UTF-16, and UTF-8 is read", REMEDY));
        }
        if (self.promised || is_zip_by_name(self.table_name)) && head == ZIP {
            return Err(
                self.refused("it is a zip archive, which is not opened", "unpack it, and give the folder")
            );
        }
        Ok(())
    }

    fn is_parquet(&self, reader: &mut Peeked) -> Result<bool, Error> {
        let head = reader.peek(PARQUET.len()).map_err(|e| Error::read(self.safe_name, &e))?;
        if head == PARQUET {
            return Ok(true);
        }
        if self.promised && self.table_name.ends_with(".parquet") {
            let found = if head.is_empty() {
                "it is empty, which no Parquet file is"
            } else {
                "it is no Parquet file, as its name says"
            };
            return Err(self.refused(found, RESTORE));
        }
        Ok(false)
    }
}

/// Does the name say that the file is a zip archive, which is told rather than opened?
pub(crate) fn is_zip_by_name(table_name: &str) -> bool {
    // What isn't known to be a format keeps its case.
    table_name.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("zip"))
}

/// The bytes within gzip or zstd, or as they are.
pub(super) fn decompress(raw: Box<dyn Read + Send>) -> io::Result<Peeked> {
    let mut raw = Peeked::new(raw);
    let magic = raw.peek(ZSTD.len())?;
    if magic.starts_with(&GZIP) {
        let inner = flate2::bufread::MultiGzDecoder::new(raw.into_buffered());
        Ok(Peeked::new(Box::new(Wrapped { inner, container: "gzip" })))
    } else if magic.starts_with(&ZSTD) {
        let inner = zstd::stream::read::Decoder::with_buffer(raw.into_buffered())?;
        Ok(Peeked::new(Box::new(Wrapped { inner, container: "zstd" })))
    } else {
        Ok(raw)
    }
}

fn is_tar(reader: &mut Peeked) -> io::Result<bool> {
    Ok(reader.peek(TAR_MAGIC.end)?.get(TAR_MAGIC).is_some_and(|magic| magic == b"ustar"))
}

/// A reader whose first bytes have been looked at.
pub(super) struct Peeked {
    head: Cursor<Vec<u8>>,
    rest: Box<dyn Read + Send>,
}

impl Peeked {
    fn new(rest: Box<dyn Read + Send>) -> Self {
        Peeked { head: Cursor::default(), rest }
    }

    /// The first `length` bytes, or all there are when there are fewer. Only before anything is read.
    fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        let head = self.head.get_mut();
        let missing = length.saturating_sub(head.len());
        self.rest.by_ref().take(missing as u64).read_to_end(head)?;
        Ok(head)
    }

    fn into_buffered(self) -> Box<dyn BufRead + Send> {
        Box::new(BufReader::with_capacity(BUFFER, self))
    }
}

impl Read for Peeked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 => self.rest.read(buffer),
            read => Ok(read),
        }
    }
}

/// An entry of an archive, decompressed. Parquet is read from its end, so that it has to be held in memory.
pub(super) fn open_entry(
    safe_name: String,
    table_name: String,
    promised: bool,
    raw: Box<dyn Read + Send>,
) -> Result<OpenedEntry, Error> {
    let name = Named { safe_name: &safe_name, table_name: &table_name, promised };
    let mut reader = name.unwrapped(raw)?;
    if name.is_parquet(&mut reader)? {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|e| Error::read(&safe_name, &e))?;
        return Ok(OpenedEntry::Parquet(bytes.into()));
    }
    Ok(OpenedEntry::Single(Input { safe_name, table_name, reader: reader.into_buffered() }))
}

/// Marks errors of a decoder as damage to its container.
struct Wrapped<R> {
    inner: R,
    container: &'static str,
}

impl<R: Read> Read for Wrapped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| damage(self.container, error))
    }
}

/// An error of reading a container: damage, unless the file under it failed.
pub(crate) fn damage(container: &'static str, error: io::Error) -> io::Error {
    let of_the_file_itself = error.raw_os_error().is_some()
        || error.kind() == io::ErrorKind::Interrupted
        || error.get_ref().is_some_and(|inner| inner.is::<Damage>());
    if of_the_file_itself { error } else { io::Error::new(error.kind(), Damage(container)) }
}

/// Inside an `io::Error`: the named container is damaged.
#[derive(Debug)]
pub(crate) struct Damage(&'static str);

impl Damage {
    /// The container that an error says is damaged.
    pub(crate) fn of(error: &io::Error) -> Option<&'static str> {
        error.get_ref()?.downcast_ref::<Damage>().map(|damage| damage.0)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged {} data", self.0)
    }
}

impl error::Error for Damage {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decompress(Box::new(Cursor::new(bytes)))?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn containers_are_told_by_content_and_may_have_several_members() {
        assert_eq!(read(b"{}".to_vec()).unwrap(), b"{}");
        assert_eq!(read(Vec::new()).unwrap(), b"");
        assert_eq!(read([gzip(b"one"), gzip(b"two")].concat()).unwrap(), b"onetwo");
        let frame = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
        assert_eq!(read([frame(b"one"), frame(b"two")].concat()).unwrap(), b"onetwo");
    }

    #[test]
    fn a_truncated_container_is_named() {
        let noise: Vec<u8> = (0..9000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for (whole, container) in [(gzip(&noise), "gzip"), (zstd::encode_all(&noise[..], 1).unwrap(), "zstd")]
        {
            for length in [whole.len() - 1, whole.len() / 2, 5] {
                let error = read(whole[..length].to_vec()).unwrap_err();
                assert_eq!(Damage::of(&error), Some(container), "{length}");
            }
        }
    }
}
