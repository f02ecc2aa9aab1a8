//! Ed25519 (RFC 8032): who signed a checkpoint, and who approved a model.

use crate::{Error, hex};
use ed25519_dalek::Signer;
use serde::{Deserialize, Serialize, de};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// A secret key.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| Error::Random)?;
        Ok(SigningKey(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// From the 64 hexadecimal digits of [`SigningKey::to_hex`].
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let seed = Zeroizing::new(
            hex::decode::<32>(text.trim())
                .ok_or(Error::Malformed("a signing key is 64 hexadecimal digits on one line"))?,
        );
        Ok(SigningKey(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// As it is kept in a file that only its owner can read.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_bytes()))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` as one of `domain`, so that no other signature of the key can stand for it.
    pub(crate) fn sign(&self, domain: &str, message: &[u8]) -> Signature {
        Signature(self.0.sign(&signed(domain, message)).to_bytes())
    }

    /// A key for digests that only the holder of this key can make or check.
    pub fn digest_key(&self) -> [u8; 32] {
        blake3::derive_key("osler 2026 input digests of the ledger", self.0.as_bytes())
    }

    /// The same for digests of callers, which are no digests of inputs.
    pub(crate) fn caller_key(&self) -> [u8; 32] {
        blake3::derive_key("osler 2026 callers of the ledger", self.0.as_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(‹redacted›)")
    }
}

fn signed(domain: &str, message: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), b"\0", message].concat()
}

/// The public half of a [`SigningKey`]: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    pub(crate) fn verifies(&self, domain: &str, message: &[u8], signature: &Signature) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(&signed(domain, message), &ed25519_dalek::Signature::from_bytes(&signature.0))
                .is_ok()
        })
    }
}

/// A signature: 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

macro_rules! written_in_hex {
    ($type:ident, $wrong:literal) => {
        impl FromStr for $type {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                hex::decode(text.trim()).map($type).ok_or(Error::Malformed($wrong))
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

written_in_hex!(PublicKey, "a public key is 64 hexadecimal digits");
written_in_hex!(Signature, "a signature is 128 hexadecimal digits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_its_key_its_domain_and_its_message() {
        let key = SigningKey::from_hex(&SigningKey::new().unwrap().to_hex()).unwrap();
        let public: PublicKey = key.public().to_string().parse().unwrap();
        let signature = key.sign("a", b"message");
        assert!(public.verifies("a", b"message", &signature));
        assert!(!public.verifies("b", b"message", &signature));
        assert!(!public.verifies("a", b"massage", &signature));
        assert!(!SigningKey::new().unwrap().public().verifies("a", b"message", &signature));
        assert!(!format!("{key:?}").contains(&*key.to_hex()));
    }
}
