//! The secret of a key.

use crate::{Error, hex};
use std::fmt;
use zeroize::Zeroizing;

/// What a secret begins with, so that scanners of source code and logs find one that was left there.
const PREFIX: &str = "osler_";

/// A key's secret, `osler_ID_SECRET`. Prints as `‹redacted›`.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new id and a secret for it.
    pub(crate) fn new() -> Result<(String, Secret), Error> {
        let mut id = [0; 6];
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut id)
            .and_then(|()| getrandom::fill(secret.as_mut_slice()))
            .map_err(|_| Error::Random)?;
        let id = hex::encode(&id);
        let text =
            Zeroizing::new(format!("{PREFIX}{id}_{}", *Zeroizing::new(hex::encode(secret.as_slice()))));
        Ok((id, Secret(text)))
    }

    /// The secret, to hand to whom it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

/// The id that a secret names, if it looks like one of ours.
pub(crate) fn id_of(secret: &[u8]) -> Option<&str> {
    let (id, _) = std::str::from_utf8(secret).ok()?.strip_prefix(PREFIX)?.split_once('_')?;
    Some(id)
}

/// What is kept of a secret. Equality of [`blake3::Hash`] takes the same time whatever the answer.
pub(crate) fn digest(secret: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("osler 2026 access keys");
    hasher.update(secret);
    hasher.finalize()
}
