//! The model that is served, with what the doors look up in its description.

use crate::{CodeKind, Error, ModelDescription};
use std::{collections::HashMap, sync::Arc};

/// A model's description, checked and indexed.
pub(crate) struct ServedModel {
    pub(crate) description: ModelDescription,
    /// Numbers in an embedding, where it gives them.
    pub(crate) embedding_width: Option<usize>,
    index_of: HashMap<String, usize>,
    default_codes: Arc<[usize]>,
}

impl ServedModel {
    pub(crate) fn new(description: ModelDescription, embedding_width: Option<usize>) -> Result<Self, Error> {
        let horizons = &description.horizons_days;
        if horizons.is_empty() {
            return Err(Error::Model { reason: "it has no horizons" });
        }
        if !horizons.iter().all(|days| days.is_finite() && *days > 0.0) {
            return Err(Error::Model { reason: "a horizon is not a positive number of days" });
        }
        if horizons.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::Model { reason: "its horizons are not in ascending order" });
        }
        if embedding_width == Some(0) {
            return Err(Error::Model { reason: "its embeddings hold no number" });
        }
        let index_of: HashMap<String, usize> =
            description.codes.iter().enumerate().map(|(index, code)| (code.code.clone(), index)).collect();
        if index_of.len() != description.codes.len() {
            return Err(Error::Model { reason: "it names a code twice" });
        }
        let mut default_codes = of_kinds(&description, &[CodeKind::Condition]);
        if default_codes.is_empty() {
            let codes = description.codes.iter().enumerate();
            default_codes = codes.filter(|(_, code)| !code.category).map(|(index, _)| index).collect();
        }
        Ok(ServedModel { description, embedding_width, index_of, default_codes })
    }

    /// The index of a code, if the model gives risks for it.
    pub(crate) fn index_of(&self, code: &str) -> Option<usize> {
        self.index_of.get(code).copied()
    }

    /// The conditions, categories aside, or every code of a model that knows no conditions.
    pub(crate) fn default_codes(&self) -> Arc<[usize]> {
        self.default_codes.clone()
    }

    /// The codes of these kinds, categories aside.
    pub(crate) fn codes_of(&self, kinds: &[CodeKind]) -> Arc<[usize]> {
        of_kinds(&self.description, kinds)
    }
}

fn of_kinds(description: &ModelDescription, kinds: &[CodeKind]) -> Arc<[usize]> {
    let codes = description.codes.iter().enumerate();
    codes.filter(|(_, code)| kinds.contains(&code.kind) && !code.category).map(|(index, _)| index).collect()
}
