//! Tar archives, streamed: entries are handed out one after another and never unpacked to disk.

use super::{
    OpenedEntry,
    open::{Peeked, damage, open_entry},
    safe_name::{safe_name, table_name},
};
use crate::Error;
use std::{
    io::{self, BufReader, Cursor, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

/// Entries up to this size are handed out whole.
const WHOLE_BYTES: u64 = 1 << 20;
const BLOCK_BYTES: usize = 256 << 10;
const BLOCKS_AHEAD: usize = 4;
const ENTRIES_AHEAD: usize = 4;

/// An opened archive.
pub(crate) struct Archive {
    safe_name: String,
    reader: Peeked,
}

/// One file of an archive.
pub(crate) struct Entry {
    pub safe_name: String,
    pub table_name: String,
    content: Content,
}

/// The bytes of an entry.
enum Content {
    /// All of them.
    Whole(Vec<u8>),
    /// As they come; the archive waits until they are taken or given up.
    Stream(Receiver<io::Result<Vec<u8>>>),
}

impl Archive {
    pub(super) fn new(safe_name: String, reader: Peeked) -> Self {
        Archive { safe_name, reader }
    }

    /// The entries whose table name is wanted, and the work that reads the archive, to be run on a thread of
    /// its own: decompression and reading go on beside each other.
    pub(crate) fn entries(
        self,
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> (Receiver<io::Result<Entry>>, impl FnOnce() + Send + 'static) {
        let (send, receive) = sync_channel(ENTRIES_AHEAD);
        let work = move || {
            let Archive { safe_name, reader } = self;
            if let Err(error) = walk(&safe_name, reader, &wanted, &send) {
                // Nobody listens any more: the run has ended otherwise.
                let _ = send.send(Err(damage("tar", error)));
            }
        };
        (receive, work)
    }
}

fn walk(
    archive_name: &str,
    reader: Peeked,
    wanted: &dyn Fn(&str) -> bool,
    send: &SyncSender<io::Result<Entry>>,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(BufReader::with_capacity(BLOCK_BYTES, reader));
    let mut position = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.into_owned();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        position += 1;
        if path.iter().any(|part| part.as_encoded_bytes().starts_with(b".") && part.len() > 1) {
            continue;
        }
        let table_name = table_name(&name);
        if !wanted(&table_name) {
            continue;
        }
        let safe_name = format!("{archive_name}!{}", safe_name(&name, position));
        if entry.size() <= WHOLE_BYTES {
            let mut bytes = Vec::with_capacity(entry.size() as usize);
            entry.read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < entry.size() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if send.send(Ok(Entry { safe_name, table_name, content: Content::Whole(bytes) })).is_err() {
                return Ok(());
            }
        } else {
            let (send_block, blocks) = sync_channel(BLOCKS_AHEAD);
            if send.send(Ok(Entry { safe_name, table_name, content: Content::Stream(blocks) })).is_err() {
                return Ok(());
            }
            stream(&mut entry, &send_block)?;
        }
    }
    Ok(())
}

/// Sends an entry in blocks until it ends or nobody takes them.
fn stream(entry: &mut tar::Entry<'_, impl Read>, send: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut missing = entry.size();
    while missing > 0 {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let read = entry.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block);
        match read {
            Ok(0) | Err(_) => {
                let cause = read.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                let cause = damage("tar", cause);
                let kind = cause.kind();
                let _ = send.send(Err(cause));
                return Err(kind.into());
            }
            Ok(read) => missing = missing.saturating_sub(read as u64),
        }
        if send.send(Ok(block)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

impl Entry {
    /// Is the entry in memory, so that any thread may read it at leisure?
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.content, Content::Whole(_))
    }

    /// Opens the entry, decompressed should it be compressed within the archive. `promised`: does its name say that it
    /// holds records of the format?
    ///
    /// # Errors
    /// When its first bytes cannot be read, or it is not what its name says.
    pub(crate) fn open(self, promised: bool) -> Result<OpenedEntry, Error> {
        let reader: Box<dyn Read + Send> = match self.content {
            Content::Whole(bytes) => Box::new(Cursor::new(bytes)),
            Content::Stream(blocks) => Box::new(Blocks { blocks, current: Cursor::default() }),
        };
        open_entry(self.safe_name, self.table_name, promised, reader)
    }
}

struct Blocks {
    blocks: Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.current.read(buffer)? {
                0 => match self.blocks.recv() {
                    Ok(block) => self.current = Cursor::new(block?),
                    Err(_) => return Ok(0),
                },
                read => return Ok(read),
            }
        }
    }
}
