//! What a key may do.

use crate::Error;
use events::Time;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Doors that a key may use. Every route of the server but the health probes belongs to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The server's own API: risks.
    Predict,
    /// OpenAI's and Azure's chat and embeddings.
    Chat,
    /// Managed endpoints and MLflow.
    Score,
    /// CDS Hooks and its feedback.
    Cds,
    /// What the server is: models, examples, documentation, the console's page.
    Read,
    /// Measures.
    Metrics,
}

impl Scope {
    /// All, in the order in which they are told.
    pub const ALL: [Scope; 6] =
        [Scope::Predict, Scope::Chat, Scope::Score, Scope::Cds, Scope::Read, Scope::Metrics];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Predict => "predict",
            Scope::Chat => "chat",
            Scope::Score => "score",
            Scope::Cds => "cds",
            Scope::Read => "read",
            Scope::Metrics => "metrics",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Scope::ALL
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or(Error::Malformed("a scope is one of predict, chat, score, cds, read, metrics"))
    }
}

/// What a key is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose it is, for lists and the ledger: an application or a team, never a patient.
    pub name: String,
    /// The doors that it may use.
    pub scopes: BTreeSet<Scope>,
    /// The names or digests of models that it may ask; empty for all.
    pub models: BTreeSet<String>,
    /// May it be answered by models that are not in use yet (`draft`, `validated`)? For developers and validation,
    /// never for the bedside.
    pub trial: bool,
    /// When it ends.
    pub expires: Option<Time>,
    /// Calls a minute.
    pub per_minute: Option<u32>,
    /// Calls a day (UTC).
    pub per_day: Option<u32>,
}

impl Grant {
    /// A grant of these scopes, for all models in use, without an end or a quota.
    pub fn new(name: impl Into<String>, scopes: impl IntoIterator<Item = Scope>) -> Self {
        Grant {
            name: name.into(),
            scopes: scopes.into_iter().collect(),
            models: BTreeSet::new(),
            trial: false,
            expires: None,
            per_minute: None,
            per_day: None,
        }
    }

    /// Does it name this model, or all of them?
    pub(super) fn is_for(&self, name: &str, digest: &str) -> bool {
        self.models.is_empty() || self.models.contains(name) || self.models.contains(digest)
    }

    pub(crate) fn check(&self, now: Time) -> Result<(), Error> {
        let name = self.name.chars().count();
        if !(1..=80).contains(&name) || self.name.chars().any(char::is_control) {
            return Err(Error::Grant("its name must have 1 to 80 printable characters"));
        }
        if self.scopes.is_empty() {
            return Err(Error::Grant("it has no scope; --scope names what it may do"));
        }
        if self.expires.is_some_and(|end| end <= now) {
            return Err(Error::Grant("it would have ended already"));
        }
        if self.per_minute == Some(0) || self.per_day == Some(0) {
            return Err(Error::Grant("a quota must be at least 1"));
        }
        Ok(())
    }
}

/// A key, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Names the key; not secret.
    pub id: String,
    /// What it may do.
    pub grant: Grant,
    /// Since when.
    pub created: Time,
    /// When it was taken back.
    pub revoked: Option<Time>,
}
