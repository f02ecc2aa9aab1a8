//! Which codes count as one outcome.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::sync::Arc;

/// What is broader than a code: who has `ICD10CM//E11.9` has `ICD10CM//E11`. Told by classifications, which aren't this room's.
pub trait Broader {
    /// The broader codes of a code, nearest first.
    fn broader(&self, code: &str) -> Arc<[SmolStr]>;
}

/// Every code stands for itself alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingBroader;

impl Broader for NothingBroader {
    fn broader(&self, _: &str) -> Arc<[SmolStr]> {
        Arc::default()
    }
}

/// A set of codes: some exactly, some by how they begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSet {
    /// Whole codes, such as `ICD10CM//E11.9`; where classifications are at hand ([`Broader`]), narrower ones with them.
    #[serde(default)]
    pub codes: Vec<SmolStr>,
    /// Beginnings of codes, such as `ICD10CM//E11`.
    #[serde(default)]
    pub prefixes: Vec<SmolStr>,
}

impl CodeSet {
    /// One code.
    pub fn one(code: impl Into<SmolStr>) -> Self {
        CodeSet { codes: vec![code.into()], prefixes: vec![] }
    }

    /// All codes that begin so.
    pub fn prefix(prefix: impl Into<SmolStr>) -> Self {
        CodeSet { codes: vec![], prefixes: vec![prefix.into()] }
    }

    /// Is the code in the set?
    pub fn contains(&self, code: &str) -> bool {
        self.codes.iter().any(|c| c == code) || self.prefixes.iter().any(|p| code.starts_with(p.as_str()))
    }
}
