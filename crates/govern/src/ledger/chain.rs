//! How an entry hangs on the one before.

use crate::{Error, hex};
use serde::{Deserialize, Serialize, de};
use std::{fmt, str::FromStr};

/// What an entry's digest begins with, so that no other digest can stand for one.
const DOMAIN: &str = "osler 2026 ledger entry v1";

/// The digest of an entry, BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// What stands before the first entry.
    pub const BEGINNING: Digest = Digest([0; 32]);
}

/// An entry's number, from 1, and its digest: names the whole ledger up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The entry's number; 0 before the first.
    pub sequence: u64,
    /// The entry's digest.
    pub digest: Digest,
}

impl Link {
    /// Before the first entry.
    pub const BEGINNING: Link = Link { sequence: 0, digest: Digest::BEGINNING };

    /// The link of a record that follows this one.
    pub fn next(&self, record: &[u8]) -> Link {
        let sequence = self.sequence + 1;
        let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
        hasher.update(&self.digest.0).update(&sequence.to_le_bytes()).update(record);
        Link { sequence, digest: Digest(*hasher.finalize().as_bytes()) }
    }
}

/// `17:9f86…`, as [`Link`] is told to people and read back.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.digest)
    }
}

impl FromStr for Link {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong =
            Error::Malformed("an entry is named as NUMBER:DIGEST, such as `osler ledger verify` prints");
        let Some((sequence, digest)) = text.trim().split_once(':') else { return Err(wrong) };
        match (sequence.parse(), digest.parse()) {
            (Ok(sequence), Ok(digest)) => Ok(Link { sequence, digest }),
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        hex::decode(text).map(Digest).ok_or(Error::Malformed("a digest is 64 hexadecimal digits"))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
