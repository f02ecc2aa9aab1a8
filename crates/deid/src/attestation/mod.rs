//! `attestation.json`: what was done to a data set, by which policy and key, signed.
//!
//! The signature (Ed25519, RFC 8032) covers every file by way of a Merkle root. Its key is derived from the site's
//! key: one secret to keep, a public key that stays the same for as long as the site's key does, and nobody can
//! vouch for a data set who could not have made it. Who has no key can still rewrite a data set whole and sign it
//! with a key of his own; that is seen only by who knows the site's public key and compares ([`Attestation::read`]).

mod merkle;
mod statement;

pub use merkle::{Leaf, merkle_root};
pub use statement::{Darts, Files, List, PolicyStatement, Quarantined, SYNTHETIC, Statement};

use crate::Key;
use crate::key::hex;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is signed begins with this, so that no other signature of the key can stand for one.
const DOMAIN: &[u8] = b"osler/attestation/v1\0";

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// What is stated.
    pub statement: Statement,
    /// Who states it.
    pub public_key: PublicKey,
    signature: Hex<64>,
}

/// Why an attestation was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttestationError {
    /// Not one, or not to the byte what was written.
    #[error("it is not as osler wrote it: something in it was changed")]
    Malformed,
    /// The signature is not that of the key over the statement.
    #[error("its signature does not fit: the statement, the key or the signature was changed")]
    Signature,
    /// Signed, but by another key.
    #[error(
        "it is signed by the key {found}, not by the trusted key {trusted}: another site made this data set, or \
         someone made it anew"
    )]
    NotTrusted {
        /// Who signed.
        found: PublicKey,
        /// Who should have.
        trusted: PublicKey,
    },
}

impl Attestation {
    /// Signs a statement with the key that is derived from a site's key.
    ///
    /// # Errors
    /// When the statement can't be written as JSON, which no statement of this program is.
    pub fn sign(statement: Statement, key: &Key) -> Result<Self, AttestationError> {
        let signing = signing_key(key);
        let signature = signing.sign(&signed_bytes(&statement)?);
        Ok(Attestation {
            statement,
            public_key: PublicKey(Hex(signing.verifying_key().to_bytes())),
            signature: Hex(signature.to_bytes()),
        })
    }

    /// The file's content.
    ///
    /// # Errors
    /// As [`Attestation::sign`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, AttestationError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|_| AttestationError::Malformed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads an attestation, and checks its signature and, with a trusted key, who signed. Whether the files are
    /// those that it states is for the caller to see.
    ///
    /// # Errors
    /// When it isn't, to the byte, what was signed, or not by the trusted key.
    pub fn read(bytes: &[u8], trusted: Option<&PublicKey>) -> Result<Self, AttestationError> {
        let attestation: Attestation =
            serde_json::from_slice(bytes).map_err(|_| AttestationError::Malformed)?;
        // White space, the case of a digit, a key twice: what would be read alike is not alike.
        if attestation.to_bytes()? != bytes {
            return Err(AttestationError::Malformed);
        }
        let key =
            VerifyingKey::from_bytes(&attestation.public_key.0.0).map_err(|_| AttestationError::Signature)?;
        let signature = Signature::from_bytes(&attestation.signature.0);
        key.verify_strict(&signed_bytes(&attestation.statement)?, &signature)
            .map_err(|_| AttestationError::Signature)?;
        match trusted {
            Some(trusted) if *trusted != attestation.public_key => {
                Err(AttestationError::NotTrusted { found: attestation.public_key, trusted: trusted.clone() })
            }
            _ => Ok(attestation),
        }
    }
}

fn signing_key(key: &Key) -> SigningKey {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    key.derivation().fill("attestation-signing", "", seed.as_mut_slice());
    SigningKey::from_bytes(&seed)
}

fn signed_bytes(statement: &Statement) -> Result<Vec<u8>, AttestationError> {
    let json = serde_json::to_vec(statement).map_err(|_| AttestationError::Malformed)?;
    Ok([DOMAIN, &json].concat())
}

/// The public half of a site's signing key: 64 hexadecimal digits. No secret; what it verifies, its site made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(Hex<32>);

impl PublicKey {
    /// The public key that goes with a site's key.
    pub fn of(key: &Key) -> Self {
        PublicKey(Hex(signing_key(key).verifying_key().to_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Hex::parse(text.trim())
            .map(PublicKey)
            .ok_or("a public key is 64 hexadecimal digits on one line, as `osler key public` writes it")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that JSON carries in lower-case hexadecimal, and in no other form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        if text.len() != 2 * N {
            return None;
        }
        let digit = |c: u8| (c as char).to_digit(16).filter(|_| !c.is_ascii_uppercase());
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Some(Hex(bytes))
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Hex::parse(&text).ok_or_else(|| serde::de::Error::custom("not lower-case hexadecimal"))
    }
}

#[cfg(test)]
mod tests;
