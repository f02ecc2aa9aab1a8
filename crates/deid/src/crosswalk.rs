//! The crosswalk: which source key a subject's number stands for, encrypted under the site's key.
//!
//! A file is one line of JSON that says what it is and whose, and then chunks: a length (u32, little-endian) and as
//! many bytes sealed with ChaCha20-Poly1305 (RFC 8439). The key is HKDF of the site's key and of a salt of the
//! file's own. A chunk's nonce is its number and whether it is the last, and its associated data the first line, so
//! that chunks can't be left out, put elsewhere, or cut off unseen (the STREAM construction of Hoang et al., 2015).

use crate::policy::Identifier;
use crate::{Key, KeyError};
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use zeroize::Zeroizing;

/// Bytes of entries sealed at once.
const CHUNK: usize = 64 * 1024;
/// Longest first line and sealed chunk that are read.
const LONGEST_LINE: u64 = 1024;
const LONGEST_CHUNK: usize = 4 * 1024 * 1024;

/// Subjects' numbers with the source keys that they stand for. Identified. Takes about 100 bytes a subject.
#[derive(Default)]
pub struct Crosswalk(BTreeMap<i64, Box<str>>);

/// Why a crosswalk was refused. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrosswalkError {
    /// Not a crosswalk.
    #[error("it is not a crosswalk, as `osler ingest --crosswalk` writes it")]
    NotOne,
    /// Written with another key.
    #[error("it was written with the key {written_with}, and the key at hand is {at_hand}")]
    WrongKey {
        /// The id of the key it was written with.
        written_with: String,
        /// The id of the key at hand.
        at_hand: String,
    },
    /// Of the other kind of number.
    #[error("its numbers are of another kind than the policy's ({written} there): take another file")]
    OtherIdentifier {
        /// What it holds.
        written: String,
    },
    /// Changed, or cut off.
    #[error("it was changed or cut off since it was written")]
    Altered,
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] KeyError),
    /// Reading or writing.
    #[error("reading or writing failed: {0}")]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    osler_crosswalk: u32,
    key_id: String,
    identifier: String,
    salt: String,
}

impl Crosswalk {
    /// Notes what a number stands for.
    pub fn insert(&mut self, number: i64, source_key: &str) {
        self.0.insert(number, source_key.into());
    }

    /// The source key that a number stands for.
    pub fn source_key(&self, number: i64) -> Option<&str> {
        self.0.get(&number).map(AsRef::as_ref)
    }

    /// How many subjects it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Source keys with their numbers, to go on from.
    pub fn known(&self) -> impl Iterator<Item = (Box<str>, i64)> {
        self.0.iter().map(|(number, source_key)| (source_key.clone(), *number))
    }

    /// Encrypts it.
    ///
    /// # Errors
    /// When `out` can't be written, or there is no randomness.
    pub fn write(
        &self,
        identifier: Identifier,
        key: &Key,
        out: &mut dyn Write,
    ) -> Result<(), CrosswalkError> {
        let salt = Key::random()?.to_hex();
        let header = Header {
            osler_crosswalk: 1,
            key_id: key.id(),
            identifier: name(identifier).to_owned(),
            salt: salt.clone(),
        };
        let mut line = serde_json::to_string(&header).map_err(|_| CrosswalkError::NotOne)?;
        line.push('\n');
        out.write_all(line.as_bytes())?;
        let cipher = cipher(key, &salt);
        let mut chunk = Zeroizing::new(Vec::with_capacity(CHUNK + 1024));
        let mut number = 0;
        let mut seal = |chunk: &mut Vec<u8>, last: bool| -> Result<(), CrosswalkError> {
            cipher
                .encrypt_in_place(&nonce(number, last), line.as_bytes(), chunk)
                .map_err(|_| CrosswalkError::Altered)?;
            number += 1;
            out.write_all(&(chunk.len() as u32).to_le_bytes())?;
            out.write_all(chunk)?;
            chunk.clear();
            Ok(())
        };
        for (id, source_key) in &self.0 {
            chunk.extend_from_slice(&id.to_le_bytes());
            chunk.extend_from_slice(&(source_key.len() as u32).to_le_bytes());
            chunk.extend_from_slice(source_key.as_bytes());
            if chunk.len() >= CHUNK {
                seal(&mut chunk, false)?;
            }
        }
        seal(&mut chunk, true)
    }

    /// Decrypts one.
    ///
    /// # Errors
    /// When it is none, was written with another key or, with `identifier`, holds numbers of another kind, or was
    /// changed.
    pub fn read(
        identifier: Option<Identifier>,
        key: &Key,
        input: &mut dyn BufRead,
    ) -> Result<Self, CrosswalkError> {
        let mut line = Vec::new();
        io::Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut line)?;
        let header: Header = serde_json::from_slice(&line).map_err(|_| CrosswalkError::NotOne)?;
        if header.osler_crosswalk != 1 {
            return Err(CrosswalkError::NotOne);
        }
        if header.key_id != key.id() {
            return Err(CrosswalkError::WrongKey { written_with: header.key_id, at_hand: key.id() });
        }
        if identifier.is_some_and(|identifier| name(identifier) != header.identifier) {
            return Err(CrosswalkError::OtherIdentifier { written: header.identifier });
        }
        let cipher = cipher(key, &header.salt);
        let mut crosswalk = Crosswalk::default();
        for number in 0.. {
            let mut length = [0; 4];
            input.read_exact(&mut length).map_err(cut_off)?;
            let length = u32::from_le_bytes(length) as usize;
            if length > LONGEST_CHUNK {
                return Err(CrosswalkError::Altered);
            }
            let mut chunk = Zeroizing::new(vec![0; length]);
            input.read_exact(&mut chunk).map_err(cut_off)?;
            let last = input.fill_buf()?.is_empty();
            cipher
                .decrypt_in_place(&nonce(number, last), &line, &mut *chunk)
                .map_err(|_| CrosswalkError::Altered)?;
            crosswalk.take_entries(&chunk).ok_or(CrosswalkError::Altered)?;
            if last {
                break;
            }
        }
        Ok(crosswalk)
    }

    fn take_entries(&mut self, mut rest: &[u8]) -> Option<()> {
        while !rest.is_empty() {
            let (number, tail) = rest.split_first_chunk::<8>()?;
            let (length, tail) = tail.split_first_chunk::<4>()?;
            let (source_key, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            self.insert(i64::from_le_bytes(*number), std::str::from_utf8(source_key).ok()?);
            rest = tail;
        }
        Some(())
    }
}

fn cut_off(error: io::Error) -> CrosswalkError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CrosswalkError::Altered,
        _ => CrosswalkError::Io(error),
    }
}

fn name(identifier: Identifier) -> &'static str {
    match identifier {
        Identifier::KeyedPseudonym => "keyed-pseudonym",
        Identifier::Random => "random",
    }
}

fn cipher(key: &Key, salt: &str) -> ChaCha20Poly1305 {
    let mut bytes = Zeroizing::new([0; 32]);
    key.derivation().fill("crosswalk", salt, bytes.as_mut_slice());
    ChaCha20Poly1305::new(&chacha20poly1305::Key::from(*bytes))
}

fn nonce(number: u32, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..8].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::from(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(key: &Key) -> Vec<u8> {
        let mut crosswalk = Crosswalk::default();
        (0..9000).for_each(|i| crosswalk.insert(i * 7, &format!("MRN-canary-{i}")));
        let mut bytes = Vec::new();
        crosswalk.write(Identifier::Random, key, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn it_is_read_back_with_its_key_alone_and_tells_nothing_without() {
        let (key, other) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
        let bytes = written(&key);
        assert!(!bytes.windows(6).any(|w| w == b"canary"));
        let read = Crosswalk::read(Some(Identifier::Random), &key, &mut &bytes[..]).unwrap();
        assert_eq!(read.len(), 9000);
        assert_eq!(read.source_key(7 * 8999), Some("MRN-canary-8999"));
        assert_eq!(read.source_key(1), None);
        assert_eq!(read.known().count(), 9000);
        let refused = |key: &Key, kind| Crosswalk::read(kind, key, &mut &bytes[..]).err().unwrap();
        assert!(matches!(refused(&other, None), CrosswalkError::WrongKey { .. }));
        let kind = Some(Identifier::KeyedPseudonym);
        assert!(matches!(refused(&key, kind), CrosswalkError::OtherIdentifier { .. }));
        assert_ne!(bytes, written(&key), "a salt of its own each time");
    }

    #[test]
    fn what_is_changed_or_cut_off_is_refused() {
        let key = Key::from_bytes([1; 32]);
        let bytes = written(&key);
        let refused = |bytes: &[u8]| Crosswalk::read(None, &key, &mut &bytes[..]).is_err();
        for at in (0..bytes.len()).step_by(997).chain([0, 5, bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(refused(&changed), "byte {at}");
        }
        let line = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        let first = u32::from_le_bytes(*bytes[line..].first_chunk().unwrap()) as usize;
        assert!(line + 4 + first < bytes.len(), "more than one chunk");
        assert!(refused(&bytes[..line + 4 + first]), "the first chunk is not the last");
        assert!(refused(&bytes[..line]));
        assert!(refused(b"") && refused(b"{}\n") && refused(b"PK\x03\x04"));
        // Even as what only the key's holder can do: the first line exchanged for another file's.
        let other = written(&key);
        assert!(refused(&[&other[..line], &bytes[line..]].concat()));
    }
}
