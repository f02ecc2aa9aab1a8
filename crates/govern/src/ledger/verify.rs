//! Is the ledger what was written?

use super::{Checkpoint, Link, Record, Store};
use crate::{Error, PublicKey};

/// How many entries are held at once.
const PAGE: usize = 1000;

/// What the verifier knows from elsewhere. Without it, a ledger that was cut off, or written anew from its
/// beginning with another key, can't be told from a shorter or another one.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// The key that must have signed every checkpoint.
    pub trusted: Option<PublicKey>,
    /// Entries that were noted earlier and must be there.
    pub noted: Vec<Link>,
}

/// A ledger that holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// How many entries.
    pub entries: u64,
    /// The last of them: note it.
    pub last: Link,
    /// How many checkpoints, each signed.
    pub checkpoints: usize,
    /// Entries after the last checkpoint: chained, and not yet signed.
    pub unsigned: u64,
}

/// Walks the whole ledger.
///
/// # Errors
/// [`Error::LedgerChanged`] that names the first entry or checkpoint that doesn't fit.
pub fn verify(store: &dyn Store, expected: &Expectations) -> Result<Verified, Error> {
    let changed = |finding: String| Error::LedgerChanged { finding };
    let checkpoints = store.checkpoints()?;
    let mut claims: Vec<(Link, &'static str)> = checkpoints
        .iter()
        .map(|c| (Link { sequence: c.sequence, digest: c.digest }, "a signed checkpoint"))
        .chain(expected.noted.iter().map(|link| (*link, "what was noted")))
        .collect();
    claims.sort_by_key(|(link, _)| link.sequence);
    let mut claims = claims.into_iter().peekable();
    let mut link = Link::BEGINNING;
    loop {
        let page = store.entries(link.sequence + 1, PAGE)?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            if entry.sequence != link.sequence + 1 {
                return Err(changed(format!("entry {} is missing", link.sequence + 1)));
            }
            let next = link.next(entry.record.as_bytes());
            if next.digest != entry.digest {
                return Err(changed(format!(
                    "entry {} does not follow from the one before: its record or its digest was changed, or \
                     an entry was taken out or put in",
                    entry.sequence
                )));
            }
            if serde_json::from_str::<Record>(&entry.record).is_err() {
                return Err(changed(format!(
                    "entry {} holds no record; it was written by another program or version",
                    entry.sequence
                )));
            }
            link = next;
            while let Some((claim, whose)) = claims.next_if(|(claim, _)| claim.sequence <= link.sequence) {
                if claim != link {
                    return Err(changed(format!(
                        "entry {} is not the one that {whose} speaks of",
                        claim.sequence
                    )));
                }
            }
        }
    }
    if let Some((claim, whose)) = claims.next() {
        return Err(changed(format!(
            "it ends at entry {}, but {whose} speaks of entry {}: its last entries were cut off",
            link.sequence, claim.sequence
        )));
    }
    for checkpoint in &checkpoints {
        checkpoint.check(store.ledger_id(), expected.trusted.as_ref())?;
    }
    store.check_storage()?;
    let signed = checkpoints.last().map_or(0, |c: &Checkpoint| c.sequence);
    Ok(Verified {
        entries: link.sequence,
        last: link,
        checkpoints: checkpoints.len(),
        unsigned: link.sequence - signed,
    })
}
