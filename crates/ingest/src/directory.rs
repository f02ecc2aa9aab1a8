//! Names that many records point at: practitioners, hospitals, addresses.
//!
//! A record that points at one gives an identity that is a reference; it is replaced by the name when subjects
//! are gathered, when everything has been read.

use events::{IdentityKind, SourceFact, SourceIdentity};
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};
use std::sync::{Mutex, PoisonError};

/// Before the key of a name that stands elsewhere. No name begins with it.
const REFERENCE: char = '\u{0}';
/// Longer ones are no names, and are not looked for.
const LONGEST: usize = 256;

/// Names by what points at them. Threads share it.
#[derive(Default)]
pub(crate) struct Directory(Mutex<FxHashMap<String, SmolStr>>);

impl Directory {
    /// Keeps a name. Of two for one key the first in order is kept, whichever was read first; past `most` keys new
    /// ones are left out.
    pub(crate) fn note(&self, key: String, name: &str, most: usize) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = names.len() < most;
        match names.get_mut(&key) {
            Some(known) if name < known.as_str() => *known = SmolStr::new(name),
            Some(_) => {}
            None if room => drop(names.insert(key, SmolStr::new(name))),
            None => {}
        }
    }

    /// Replaces a reference by the name that it points at, or by nothing where that isn't known.
    pub(crate) fn complete(&self, identity: &mut SourceIdentity) {
        if let Some(key) = identity.text.strip_prefix(REFERENCE) {
            let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            identity.text = names.get(key).cloned().unwrap_or_default();
        }
    }
}

/// An identity that is to be looked up.
pub(crate) fn reference(kind: IdentityKind, key: &str) -> SourceIdentity {
    SourceIdentity { kind, text: format_smolstr!("{REFERENCE}{key}") }
}

/// An identity as the source writes it; `None` for nothing, and for what is too long to be one.
pub(crate) fn identity(kind: IdentityKind, text: &str) -> Option<SourceIdentity> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= LONGEST && !text.starts_with(REFERENCE))
        .then(|| SourceIdentity { kind, text: SmolStr::new(text) })
}

/// As a fact.
pub(crate) fn fact(identity: SourceIdentity) -> SourceFact {
    SourceFact::Identity(identity)
}
