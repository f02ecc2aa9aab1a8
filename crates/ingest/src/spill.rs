//! Facts on their way from readers to subjects: bucketed by route, held in little memory, encrypted on disk.
//!
//! A bucket holds a range of routes, so that buckets in ascending order give subjects in ascending order.
//! What fits into the buffers never touches the disk.

mod gather;
mod record;
mod vault;

pub(crate) use gather::{Batch, Gather, KEY_DIGITS};

use crate::{Error, Version};
use events::SourceFact;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use vault::Vault;

const BUCKETS: usize = 256;
/// Number and length before each sealed chunk.
const FRAME_HEADER: usize = 12;

/// A set of buckets over one range of routes.
pub(crate) struct Spill {
    dir: PathBuf,
    vault: Arc<Vault>,
    /// What the names of this spill's files begin with.
    prefix: String,
    /// How many low bits of the route a bucket spans.
    shift: u32,
    buckets: Vec<Bucket>,
    spilled: Arc<AtomicU64>,
}

struct Bucket {
    /// Bytes of records, before encryption.
    bytes: AtomicU64,
    lowest: AtomicU64,
    highest: AtomicU64,
    memory: Mutex<Vec<Vec<u8>>>,
    /// Held while a chunk is appended to the bucket's file.
    disk: Mutex<OnDisk>,
}

#[derive(Default)]
struct OnDisk {
    chunks: u64,
}

impl Spill {
    /// A spill over all routes, in a directory that belongs to the caller.
    pub(crate) fn new(dir: &Path) -> Result<Self, Error> {
        Ok(Self::over(dir, Arc::new(Vault::new()?), "spill-".into(), 56, Arc::default()))
    }

    fn over(dir: &Path, vault: Arc<Vault>, prefix: String, shift: u32, spilled: Arc<AtomicU64>) -> Self {
        let empty = || Bucket {
            bytes: AtomicU64::new(0),
            lowest: AtomicU64::new(u64::MAX),
            highest: AtomicU64::new(0),
            memory: Mutex::default(),
            disk: Mutex::default(),
        };
        let buckets = std::iter::repeat_with(empty).take(BUCKETS).collect();
        Spill { dir: dir.to_owned(), vault, prefix, shift, buckets, spilled }
    }

    /// A spill for the records of one bucket of this one, over the routes that really occur there.
    fn within(&self, bucket: usize) -> Self {
        let differing = self.lowest(bucket) ^ self.highest(bucket);
        let shift = (64 - differing.leading_zeros()).saturating_sub(8);
        let prefix = format!("{}{bucket:02x}-", self.prefix);
        Self::over(&self.dir, Arc::clone(&self.vault), prefix, shift, Arc::clone(&self.spilled))
    }

    /// A writer that holds up to `budget` bytes before it spills.
    pub(crate) fn writer(&self, budget: usize) -> SpillWriter<'_> {
        SpillWriter {
            spill: self,
            buffers: vec![Vec::new(); BUCKETS],
            ranges: vec![(u64::MAX, 0); BUCKETS],
            held: 0,
            budget,
        }
    }

    /// Bytes written to disk so far.
    pub(crate) fn spilled_bytes(&self) -> u64 {
        self.spilled.load(Relaxed)
    }

    fn bytes(&self, bucket: usize) -> u64 {
        self.buckets[bucket].bytes.load(Relaxed)
    }

    fn lowest(&self, bucket: usize) -> u64 {
        self.buckets[bucket].lowest.load(Relaxed)
    }

    fn highest(&self, bucket: usize) -> u64 {
        self.buckets[bucket].highest.load(Relaxed)
    }

    fn place(&self, bucket: usize) -> String {
        format!("{}{bucket:02x}", self.prefix)
    }

    fn append(&self, bucket: usize, mut chunk: Vec<u8>) -> Result<(), Error> {
        let place = self.place(bucket);
        let number = self.vault.seal(&place, &mut chunk)?;
        let length =
            u32::try_from(chunk.len()).map_err(|_| Error::Spill { kind: io::ErrorKind::InvalidData })?;
        let mut on_disk = self.buckets[bucket].disk.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(self.dir.join(&place))?;
            let mut header = [0; FRAME_HEADER];
            header[..8].copy_from_slice(&number.to_be_bytes());
            header[8..].copy_from_slice(&length.to_be_bytes());
            file.write_all(&header)?;
            file.write_all(&chunk)
        };
        write().map_err(|e| Error::spill(&e))?;
        on_disk.chunks += 1;
        self.spilled.fetch_add((FRAME_HEADER + chunk.len()) as u64, Relaxed);
        Ok(())
    }

    /// Shows every chunk of a bucket, in memory and on disk, decrypted; the order is not defined.
    fn chunks(&self, bucket: usize, show: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let of = &self.buckets[bucket];
        let chunks = of.disk.lock().unwrap_or_else(PoisonError::into_inner).chunks;
        if chunks > 0 {
            let place = self.place(bucket);
            let file = File::open(self.dir.join(&place)).map_err(|e| Error::spill(&e))?;
            let mut file = BufReader::with_capacity(1 << 16, file);
            let mut chunk = Vec::new();
            for _ in 0..chunks {
                let mut header = [0; FRAME_HEADER];
                file.read_exact(&mut header).map_err(|e| Error::spill(&e))?;
                let (number, length) = header.split_at(8);
                let number = u64::from_be_bytes(number.try_into().map_err(|_| Error::SpillAltered)?);
                let length = u32::from_be_bytes(length.try_into().map_err(|_| Error::SpillAltered)?);
                chunk.clear();
                // `take` rather than a buffer of the stated length: the length is not authenticated yet.
                let read = file.by_ref().take(length.into()).read_to_end(&mut chunk);
                if read.map_err(|e| Error::spill(&e))? != length as usize {
                    return Err(Error::SpillAltered);
                }
                self.vault.open(&place, number, &mut chunk)?;
                show(&chunk)?;
            }
        }
        for chunk in of.memory.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            show(chunk)?;
        }
        Ok(())
    }

    /// Gives back a bucket's memory and disk.
    fn clear(&self, bucket: usize) {
        let of = &self.buckets[bucket];
        of.memory.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut on_disk = of.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if on_disk.chunks > 0 {
            // A file that stays is unreadable without the key, and the directory is removed by its owner.
            let _ = fs::remove_file(self.dir.join(self.place(bucket)));
            on_disk.chunks = 0;
        }
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        for bucket in 0..BUCKETS {
            self.clear(bucket);
        }
    }
}

/// One thread's way into a [`Spill`].
pub(crate) struct SpillWriter<'s> {
    spill: &'s Spill,
    buffers: Vec<Vec<u8>>,
    ranges: Vec<(u64, u64)>,
    /// Memory of the buffers, room included.
    held: usize,
    budget: usize,
}

impl SpillWriter<'_> {
    /// Takes one fact, with the version of a resource that it is of; without a fact, the word that the version gives
    /// none.
    pub(crate) fn push(
        &mut self,
        route: u64,
        key: &str,
        version: Option<&Version>,
        fact: Option<&SourceFact>,
    ) -> Result<(), Error> {
        let bucket = self.bucket(route);
        let before = self.buffers[bucket].capacity();
        let buffer = &mut self.buffers[bucket];
        record::append(buffer, route, key, version, fact).map_err(|e| Error::spill(&e))?;
        self.count(bucket, route, before)
    }

    fn push_record(&mut self, record: &record::Record<'_>) -> Result<(), Error> {
        let bucket = self.bucket(record.route);
        let before = self.buffers[bucket].capacity();
        self.buffers[bucket].extend_from_slice(record.bytes);
        self.count(bucket, record.route, before)
    }

    fn bucket(&self, route: u64) -> usize {
        (route >> self.spill.shift) as usize & (BUCKETS - 1)
    }

    fn count(&mut self, bucket: usize, route: u64, before: usize) -> Result<(), Error> {
        let range = &mut self.ranges[bucket];
        *range = (range.0.min(route), range.1.max(route));
        self.held += self.buffers[bucket].capacity() - before;
        if self.held > self.budget { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.settle();
        for bucket in 0..BUCKETS {
            let chunk = std::mem::take(&mut self.buffers[bucket]);
            if !chunk.is_empty() {
                self.spill.append(bucket, chunk)?;
            }
        }
        self.held = 0;
        Ok(())
    }

    /// Adds this writer's sizes and ranges to the buckets'.
    fn settle(&mut self) {
        for (bucket, buffer) in self.buffers.iter().enumerate() {
            let of = &self.spill.buckets[bucket];
            of.bytes.fetch_add(buffer.len() as u64, Relaxed);
            of.lowest.fetch_min(self.ranges[bucket].0, Relaxed);
            of.highest.fetch_max(self.ranges[bucket].1, Relaxed);
        }
    }

    /// Leaves what is still in memory to the spill, there if nothing was ever too much, else on disk: a large run
    /// has better uses for the memory.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if self.spill.spilled_bytes() > 0 {
            return self.flush();
        }
        self.settle();
        for (bucket, buffer) in self.buffers.iter_mut().enumerate() {
            if !buffer.is_empty() {
                let mut memory =
                    self.spill.buckets[bucket].memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.push(std::mem::take(buffer));
            }
        }
        Ok(())
    }
}
