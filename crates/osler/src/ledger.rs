//! A ledger: one line of JSON an entry, each with the digest of the one before, so that no line can be changed,
//! left out or put in between unseen. That the last lines were cut off shows only to who has noted their digest.

use crate::clock;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What the first entry's `previous` is.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, UTC.
    pub time: String,
    /// What was asked for: `reidentify`.
    pub action: String,
    /// `granted`, or why not.
    pub outcome: String,
    /// The id of the key that was used.
    pub key_id: String,
    /// The subjects asked for, by their numbers.
    pub subjects: Vec<i64>,
    /// Why, in the words of who asked.
    pub reason: String,
    /// The digest of the entry before.
    pub previous: String,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(flatten)]
    entry: Entry,
    digest: String,
}

/// A ledger's file, locked for as long as it is open.
pub struct Ledger {
    path: PathBuf,
    file: File,
    last: String,
}

impl Ledger {
    /// Opens a ledger, or begins one, after checking every entry that it has.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file =
            options.open(path).with_context(|| format!("cannot open the ledger {}", path.display()))?;
        file.lock().with_context(|| format!("cannot lock the ledger {}", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text)
            .with_context(|| format!("cannot read the ledger {}", path.display()))?;
        let last = check(&text).with_context(|| format!("the ledger {} is refused", path.display()))?;
        Ok(Ledger { path: path.to_owned(), file, last })
    }

    /// Adds an entry, and comes back when it is on disk. Returns its digest.
    pub fn append(
        &mut self,
        action: &str,
        outcome: &str,
        key_id: &str,
        subjects: &[i64],
        reason: &str,
    ) -> Result<String> {
        let entry = Entry {
            time: clock::timestamp(),
            action: action.to_owned(),
            outcome: outcome.to_owned(),
            key_id: key_id.to_owned(),
            subjects: subjects.to_vec(),
            reason: reason.to_owned(),
            previous: self.last.clone(),
        };
        let digest = digest(&entry)?;
        let line = serde_json::to_string(&Line { entry, digest: digest.clone() })?;
        let failed = || format!("cannot write the ledger {}", self.path.display());
        let before = self.file.metadata().with_context(failed)?.len();
        let written = self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_all());
        if let Err(error) = written {
            // Half a line, as a full disk leaves, would have the whole ledger refused from then on.
            let _ = self.file.set_len(before).and_then(|()| self.file.sync_all());
            return Err(error).with_context(failed);
        }
        self.last.clone_from(&digest);
        Ok(digest)
    }
}

/// The digest of the last entry, when every entry follows from the one before.
fn check(text: &str) -> Result<String> {
    let mut last = BEGINNING.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        bail!("its last line is cut off");
    }
    for (i, line) in text.lines().enumerate() {
        let number = i + 1;
        let read: Line =
            serde_json::from_str(line).ok().with_context(|| format!("line {number} is no entry"))?;
        if read.entry.previous != last || digest(&read.entry)? != read.digest {
            bail!(
                "line {number} does not follow from the one before: an entry was changed, taken out or put in"
            );
        }
        last = read.digest;
    }
    Ok(last)
}

fn digest(entry: &Entry) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"osler/ledger/v1\0").update(&serde_json::to_vec(entry)?);
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_chained_and_every_change_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        for i in 0..3 {
            let mut ledger = Ledger::open(&path).unwrap();
            ledger.append("reidentify", "granted", "ab", &[i], "a reason").unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        for (from, to) in [("a reason", "another"), ("[1]", "[7]"), ("granted", "refused")] {
            assert!(check(&text.replacen(from, to, 1)).is_err());
        }
        let lines: Vec<&str> = text.lines().collect();
        assert!(check(&format!("{}\n{}\n", lines[0], lines[2])).is_err());
        assert!(check(&format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2])).is_err());
        assert!(check(&text[..text.len() - 1]).is_err());
        std::fs::write(&path, text.replace("[1]", "[9]")).unwrap();
        assert!(format!("{:#}", Ledger::open(&path).err().unwrap()).contains("line 2"));
    }
}
