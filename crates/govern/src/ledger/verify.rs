//! Is the ledger what was written?

use super::{Checkpoint, Link, Record, Store, store::does_not_follow};
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
    let checkpoints = store.checkpoints(0)?;
    let last = walk(store, Link::BEGINNING, &checkpoints, expected)?;
    store.check_storage()?;
    let signed = checkpoints.last().map_or(0, |c: &Checkpoint| c.sequence);
    Ok(Verified {
        entries: last.sequence,
        last,
        checkpoints: checkpoints.len(),
        unsigned: last.sequence - signed,
    })
}

/// Walks the end of a ledger: at least its last `entries`, from the checkpoint before them on; the whole of a shorter one. It takes as long
/// for a large ledger as for a small one, and doesn't see what was changed further back.
///
/// # Errors
/// As [`verify`].
pub fn verify_end(store: &dyn Store, entries: u64, trusted: Option<PublicKey>) -> Result<(), Error> {
    let expected = Expectations { trusted, noted: Vec::new() };
    let from = store.last()?.sequence.saturating_sub(entries);
    let checkpoints = store.checkpoints(from.saturating_sub(entries))?;
    // There is none where none could be signed for that long; then the whole is walked.
    match checkpoints.iter().rposition(|checkpoint| checkpoint.sequence <= from) {
        Some(place) => {
            let start = Link { sequence: checkpoints[place].sequence, digest: checkpoints[place].digest };
            walk(store, start, &checkpoints[place..], &expected).map(drop)
        }
        None => walk(store, Link::BEGINNING, &store.checkpoints(0)?, &expected).map(drop),
    }
}

/// Follows the chain from `start`, which must be there, to the end. Gives the last entry.
fn walk(
    store: &dyn Store,
    start: Link,
    checkpoints: &[Checkpoint],
    expected: &Expectations,
) -> Result<Link, Error> {
    let changed = |finding: String| Error::LedgerChanged { finding };
    for checkpoint in checkpoints {
        checkpoint.check(store.ledger_id(), expected.trusted.as_ref())?;
    }
    let mut claims: Vec<(Link, &'static str)> = checkpoints
        .iter()
        .map(|c| (Link { sequence: c.sequence, digest: c.digest }, "a signed checkpoint"))
        .chain(expected.noted.iter().map(|link| (*link, "what was noted")))
        .filter(|(link, _)| start == Link::BEGINNING || link.sequence > start.sequence)
        .collect();
    claims.sort_by_key(|(link, _)| link.sequence);
    let mut claims = claims.into_iter().peekable();
    let not_as_claimed = |claim: Link, whose: &str| {
        changed(format!("entry {} is not the one that {whose} speaks of", claim.sequence))
    };
    if start != Link::BEGINNING
        && store
            .entries(start.sequence, 1)?
            .first()
            .is_none_or(|there| (there.sequence, there.digest) != (start.sequence, start.digest))
    {
        return Err(not_as_claimed(start, "a signed checkpoint"));
    }
    let mut link = start;
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
                return Err(does_not_follow(entry.sequence));
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
                    return Err(not_as_claimed(claim, whose));
                }
            }
        }
    }
    match claims.next() {
        Some((claim, whose)) => Err(changed(format!(
            "it ends at entry {}, but {whose} speaks of entry {}: its last entries were cut off",
            link.sequence, claim.sequence
        ))),
        None => Ok(link),
    }
}
