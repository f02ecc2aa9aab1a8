//! Signed statements of where the ledger stood.

use super::{Digest, Link};
use crate::{Error, PublicKey, Signature, SigningKey};
use serde::{Deserialize, Serialize};

const DOMAIN: &str = "osler/ledger/checkpoint/v1";

/// Says, signed, that a ledger's entry had this digest at this time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Which ledger: a random number that it was given when it was begun.
    pub ledger: String,
    /// The entry's number.
    pub sequence: u64,
    /// The entry's digest.
    pub digest: Digest,
    /// When it was signed, RFC 3339, UTC.
    pub time: String,
    /// Who signed.
    pub public_key: PublicKey,
    /// The signature over all that stands before.
    pub signature: Signature,
}

impl Checkpoint {
    /// Signs where a ledger stands.
    pub(crate) fn sign(ledger: &str, link: Link, time: String, key: &SigningKey) -> Self {
        let public_key = key.public();
        let signature = key.sign(DOMAIN, &message(ledger, link, &time, &public_key));
        Checkpoint {
            ledger: ledger.to_owned(),
            sequence: link.sequence,
            digest: link.digest,
            time,
            public_key,
            signature,
        }
    }

    /// As a store kept it, beside the entry's number: to the byte what was written.
    pub(crate) fn kept(sequence: i64, text: &str) -> Result<Self, Error> {
        let changed = || Error::LedgerChanged {
            finding: format!("the checkpoint at entry {sequence} is not as it was written"),
        };
        let checkpoint: Checkpoint = serde_json::from_str(text).map_err(|_| changed())?;
        let written = serde_json::to_string(&checkpoint).map_err(|_| changed())?;
        if written != text || checkpoint.sequence as i64 != sequence {
            return Err(changed());
        }
        Ok(checkpoint)
    }

    /// Checks the signature and, when a key is trusted, that it is the one that signed.
    pub(crate) fn check(&self, ledger: &str, trusted: Option<&PublicKey>) -> Result<(), Error> {
        let changed = |how: &str| Error::LedgerChanged {
            finding: format!("the checkpoint at entry {}: {how}", self.sequence),
        };
        let link = Link { sequence: self.sequence, digest: self.digest };
        if self.ledger != ledger {
            return Err(changed("it is of another ledger"));
        }
        let message = message(&self.ledger, link, &self.time, &self.public_key);
        if !self.public_key.verifies(DOMAIN, &message, &self.signature) {
            return Err(changed("its signature does not fit"));
        }
        match trusted {
            Some(trusted) if *trusted != self.public_key => {
                Err(changed("it is signed by another key than the trusted one"))
            }
            _ => Ok(()),
        }
    }
}

fn message(ledger: &str, link: Link, time: &str, key: &PublicKey) -> Vec<u8> {
    format!("{ledger}\n{link}\n{time}\n{key}").into_bytes()
}
