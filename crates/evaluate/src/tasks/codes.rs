//! Which codes count as one outcome.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A set of codes: some exactly, some by how they begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSet {
    /// Whole codes, such as `ICD10CM//E11.9`.
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
