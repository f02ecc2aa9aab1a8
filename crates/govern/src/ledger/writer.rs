//! The one thread that writes, and how calls share its commits.

use super::{Checkpoint, Link, Record, Store};
use crate::{Clock, Error, SigningKey, stamp};
use std::{
    sync::Arc,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Limits of a ledger.
#[derive(Clone, Copy, Debug)]
pub struct LedgerSettings {
    /// How many records may wait to be written; past it appending is refused.
    pub capacity: usize,
    /// How many records share one commit, at most.
    pub max_group: usize,
    /// A checkpoint is signed after this many entries …
    pub checkpoint_entries: u64,
    /// … or when the oldest entry without one is this old.
    pub checkpoint_after: Duration,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        LedgerSettings {
            capacity: 4096,
            max_group: 512,
            checkpoint_entries: 1000,
            checkpoint_after: Duration::from_secs(60),
        }
    }
}

/// A record that is durable.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// Its place.
    pub link: Link,
    /// How many records shared its commit.
    pub group: usize,
}

struct Waiting {
    record: String,
    answer: oneshot::Sender<Result<Appended, Error>>,
}

/// A ledger that is being written. Dropped, it writes what waits, signs a last checkpoint, and closes.
pub struct Ledger {
    sender: Option<SyncSender<Waiting>>,
    thread: Option<JoinHandle<()>>,
    digest_key: [u8; 32],
}

impl Ledger {
    /// Starts the writer.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        store: Box<dyn Store>,
        key: SigningKey,
        clock: Clock,
        settings: LedgerSettings,
    ) -> Result<Self, Error> {
        let (sender, receiver) = sync_channel(settings.capacity);
        let digest_key = key.digest_key();
        let writer = Writer { store, key, clock, settings, unsigned: 0, oldest_unsigned: None, last: None };
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|source| Error::Io { what: "no thread could be started for the ledger", source })?;
        Ok(Ledger { sender: Some(sender), thread: Some(thread), digest_key })
    }

    /// A hasher for the keyed digest of an input.
    pub fn input_hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.digest_key)
    }

    /// Appends a record; ready when it is durable.
    ///
    /// # Errors
    /// When it isn't: then nothing may be answered.
    pub async fn append(&self, record: &Record) -> Result<Appended, Error> {
        self.send(record)?.await.map_err(|_| Error::LedgerUnavailable)?
    }

    /// [`Ledger::append`], for callers that may wait.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn append_blocking(&self, record: &Record) -> Result<Appended, Error> {
        self.send(record)?.blocking_recv().map_err(|_| Error::LedgerUnavailable)?
    }

    fn send(&self, record: &Record) -> Result<oneshot::Receiver<Result<Appended, Error>>, Error> {
        let record = serde_json::to_string(record)
            .map_err(|_| Error::Malformed("a record can't be written as JSON"))?;
        let (answer, receiver) = oneshot::channel();
        let sender = self.sender.as_ref().ok_or(Error::LedgerUnavailable)?;
        sender.try_send(Waiting { record, answer }).map_err(|error| match error {
            TrySendError::Full(_) => Error::LedgerBusy,
            TrySendError::Disconnected(_) => Error::LedgerUnavailable,
        })?;
        Ok(receiver)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has told its callers by hanging up.
            let _ = thread.join();
        }
    }
}

struct Writer {
    store: Box<dyn Store>,
    key: SigningKey,
    clock: Clock,
    settings: LedgerSettings,
    unsigned: u64,
    oldest_unsigned: Option<Instant>,
    last: Option<Link>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Waiting>) {
        loop {
            let first = match self.oldest_unsigned {
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(since) => {
                    receiver.recv_timeout(self.settings.checkpoint_after.saturating_sub(since.elapsed()))
                }
            };
            match first {
                Ok(first) => self.write(first, receiver),
                Err(RecvTimeoutError::Timeout) => self.sign(),
                Err(RecvTimeoutError::Disconnected) => return self.sign(),
            }
            let due = self.unsigned >= self.settings.checkpoint_entries
                || self
                    .oldest_unsigned
                    .is_some_and(|since| since.elapsed() >= self.settings.checkpoint_after);
            if due {
                self.sign();
            }
        }
    }

    /// One commit for whatever waits by now.
    fn write(&mut self, first: Waiting, receiver: &Receiver<Waiting>) {
        let mut records = vec![first.record];
        let mut answers = vec![first.answer];
        while records.len() < self.settings.max_group
            && let Ok(next) = receiver.try_recv()
        {
            records.push(next.record);
            answers.push(next.answer);
        }
        let group = records.len();
        match self.store.append(&records) {
            Ok(links) => {
                self.unsigned += group as u64;
                self.oldest_unsigned.get_or_insert_with(Instant::now);
                self.last = links.last().copied();
                for (answer, link) in answers.into_iter().zip(links) {
                    // A caller who left is recorded all the same.
                    let _ = answer.send(Ok(Appended { link, group }));
                }
            }
            Err(error) => {
                let reason: Arc<str> = error.to_string().into();
                // Who came meanwhile has waited for the same failure, and is told of it rather than made to wait for the next.
                // All are found before the first is told: who comes after that finds a store that may work again.
                answers
                    .extend(receiver.try_iter().take(self.settings.capacity).map(|waiting| waiting.answer));
                for answer in answers {
                    let _ = answer.send(Err(Error::NotRecorded { reason: reason.clone() }));
                }
            }
        }
    }

    /// Signs where the ledger stands. What fails is tried again with the next entry: entries without a checkpoint
    /// are still chained.
    fn sign(&mut self) {
        let Some(link) = self.last.take() else { return };
        let time = stamp((self.clock)());
        let checkpoint = Checkpoint::sign(self.store.ledger_id(), link, time, &self.key);
        if self.store.keep_checkpoint(&checkpoint).is_ok() {
            self.unsigned = 0;
            self.oldest_unsigned = None;
        } else {
            self.last = Some(link);
            self.oldest_unsigned = Some(Instant::now());
        }
    }
}
