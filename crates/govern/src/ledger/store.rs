//! Where entries are kept: the seam to a database.

use super::{Checkpoint, Digest, Link};
use crate::Error;

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub sequence: u64,
    /// Its record, JSON, to the byte as it was digested.
    pub record: String,
    /// Its digest.
    pub digest: Digest,
}

/// Keeps entries and checkpoints. SQLite does ([`super::SqliteStore`]); another database may.
///
/// A store only adds: it has no way to change or remove. Several processes may hold one, so `append` must find
/// the last entry and add to it in one transaction.
pub trait Store: Send {
    /// Names the ledger.
    fn ledger_id(&self) -> &str;

    /// Adds records after the last entry, all or none, and returns when they are durable, with the link of each.
    ///
    /// # Errors
    /// When they are not durable.
    fn append(&mut self, records: &[String]) -> Result<Vec<Link>, Error>;

    /// Keeps a checkpoint.
    ///
    /// # Errors
    /// When it is not durable.
    fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error>;

    /// Up to `limit` entries, in order, from number `from` on.
    ///
    /// # Errors
    /// When they can't be read.
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, Error>;

    /// All entries that are no calls: changes of access, of criteria, of models. There are few. Each follows from the one before it.
    ///
    /// # Errors
    /// When they can't be read, or one doesn't follow.
    fn changes(&self) -> Result<Vec<Entry>, Error>;

    /// The last entry's link.
    ///
    /// # Errors
    /// When it can't be read.
    fn last(&self) -> Result<Link, Error>;

    /// All checkpoints of entries from this number on, by entry.
    ///
    /// # Errors
    /// When they can't be read.
    fn checkpoints(&self, from: u64) -> Result<Vec<Checkpoint>, Error>;

    /// The database's own check of itself.
    ///
    /// # Errors
    /// [`Error::LedgerChanged`] with what it found.
    fn check_storage(&self) -> Result<(), Error>;
}

/// Entries are numbered from 1. One with another number, by whom it may be, is no entry, and nothing acts on it; here it is named.
pub(super) fn nothing_before_the_first(found: Option<i64>) -> Result<(), Error> {
    match found {
        None => Ok(()),
        Some(sequence) => {
            Err(Error::LedgerChanged { finding: format!("an entry {sequence} was put in before the first") })
        }
    }
}

/// An entry that is acted on must follow from the one before it, whose digest this is, where there is one.
pub(super) fn following(entry: Entry, before: Option<Digest>) -> Result<Entry, Error> {
    let digest = match (entry.sequence, before) {
        (1, None) => Digest::BEGINNING,
        (_, Some(digest)) => digest,
        (sequence, None) => {
            return Err(Error::LedgerChanged {
                finding: format!("the entry before entry {sequence} is missing"),
            });
        }
    };
    let before = Link { sequence: entry.sequence.saturating_sub(1), digest };
    if before.next(entry.record.as_bytes()).digest != entry.digest {
        return Err(does_not_follow(entry.sequence));
    }
    Ok(entry)
}

pub(super) fn does_not_follow(sequence: u64) -> Error {
    Error::LedgerChanged {
        finding: format!(
            "entry {sequence} does not follow from the one before: its record or its digest was changed, or an entry was taken out \
             or put in"
        ),
    }
}

/// A store that fell back to an earlier state (a backup that was played in, a standby that lagged) must not be gone on with: what was
/// answered would be missing, and the chain would hold. `there` is the digest that stands now where this process last wrote.
pub(super) fn not_set_back(written: Link, there: Option<Digest>, last: Link) -> Result<(), Error> {
    if written == Link::BEGINNING || there == Some(written.digest) {
        return Ok(());
    }
    Err(Error::LedgerChanged {
        finding: format!(
            "it ends at entry {}, and entry {written}, which this server has written, isn't there: it was set back to an earlier state",
            last.sequence
        ),
    })
}
