//! The site's secret, and what is derived from it.

use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 secret bytes. Prints as `‹redacted›`, is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

/// Why a key could not be read. Never holds the text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 64 hexadecimal digits.
    #[error("a key is 64 hexadecimal digits on one line, as `osler key new --out FILE` writes it")]
    Malformed,
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

impl Key {
    /// From 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }

    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// When there is none.
    pub fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
        Ok(Key(bytes))
    }

    /// From 64 hexadecimal digits, surrounding white space ignored.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let text = text.trim().as_bytes();
        if text.len() != 64 {
            return Err(KeyError::Malformed);
        }
        let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8).ok_or(KeyError::Malformed);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Key(bytes))
    }

    /// As 64 hexadecimal digits: for writing the key file, nothing else.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// Names the key without telling it: 8 bytes derived from it, in hexadecimal.
    pub fn id(&self) -> String {
        let mut bytes = [0; 8];
        self.derivation().fill("key-id", "", &mut bytes);
        hex(&bytes)
    }

    /// The key of the split hash: subjects keep their split for as long as the site keeps its key.
    pub fn split_key(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.derivation().fill("split", "", &mut bytes);
        bytes
    }

    pub(crate) fn derivation(&self) -> Derivation {
        Derivation(Hkdf::new(Some(b"osler/deid/v1"), &self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

/// HKDF-SHA256 (RFC 5869), extracted once; expanded per purpose and subject.
pub(crate) struct Derivation(Hkdf<Sha256>);

impl Derivation {
    /// Fills `out` (at most 32 bytes) for a purpose and a subject.
    pub(crate) fn fill(&self, purpose: &str, subject: &str, out: &mut [u8]) {
        // The length separates purpose from subject, so that no two pairs share their info bytes.
        let length = [purpose.len() as u8];
        let result = self.0.expand_multi_info(&[&length, purpose.as_bytes(), subject.as_bytes()], out);
        debug_assert!(result.is_ok(), "32 bytes are within HKDF-SHA256's 8160");
    }

    /// A uniform u64 for a purpose and a subject.
    pub(crate) fn number(&self, purpose: &str, subject: &str) -> u64 {
        let mut bytes = [0; 8];
        self.fill(purpose, subject, &mut bytes);
        u64::from_le_bytes(bytes)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trip_and_refusals() {
        let key = Key::random().unwrap();
        assert_eq!(Key::from_hex(&format!(" {}\n", key.to_hex())).unwrap().0, key.0);
        assert_eq!(Key::from_hex("abc").unwrap_err(), KeyError::Malformed);
        assert_eq!(Key::from_hex(&"g".repeat(64)).unwrap_err(), KeyError::Malformed);
        assert_eq!(format!("{key:?}"), "‹redacted›");
        assert_ne!(key.id(), Key::random().unwrap().id());
    }
}
