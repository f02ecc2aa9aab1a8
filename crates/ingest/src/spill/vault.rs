//! Encryption of what is spilled, under a key that never leaves memory.

use crate::Error;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit, Nonce};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use zeroize::Zeroizing;

/// Seals chunks with ChaCha20-Poly1305. Every chunk has a number of its own, which is its nonce; with the
/// bucket's name as associated data, no chunk can stand in for another.
pub(super) struct Vault {
    key: Zeroizing<[u8; 32]>,
    sealed: AtomicU64,
}

impl Vault {
    pub(super) fn new() -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| Error::NoRandomness)?;
        Ok(Vault { key, sealed: AtomicU64::new(0) })
    }

    /// Encrypts `chunk` in place and returns its number.
    pub(super) fn seal(&self, place: &str, chunk: &mut Vec<u8>) -> Result<u64, Error> {
        let number = self.sealed.fetch_add(1, Relaxed);
        self.cipher()
            .encrypt_in_place(&nonce(number), place.as_bytes(), chunk)
            .map_err(|_| Error::SpillAltered)?;
        Ok(number)
    }

    /// Decrypts `chunk` in place.
    pub(super) fn open(&self, place: &str, number: u64, chunk: &mut Vec<u8>) -> Result<(), Error> {
        self.cipher()
            .decrypt_in_place(&nonce(number), place.as_bytes(), chunk)
            .map_err(|_| Error::SpillAltered)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::from(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_opens_only_whole_and_in_its_place() {
        let vault = Vault::new().unwrap();
        let mut chunk = b"Ann Canary".to_vec();
        let number = vault.seal("00", &mut chunk).unwrap();
        assert!(!chunk.windows(6).any(|w| w == b"Canary"));
        let sealed = chunk.clone();
        vault.open("00", number, &mut chunk).unwrap();
        assert_eq!(chunk, b"Ann Canary");
        assert!(vault.open("01", number, &mut sealed.clone()).is_err());
        assert!(vault.open("00", number + 1, &mut sealed.clone()).is_err());
        let mut altered = sealed.clone();
        altered[3] ^= 1;
        assert!(vault.open("00", number, &mut altered).is_err());
    }
}
