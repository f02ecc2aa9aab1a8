//! What a door that asks the model takes from a request beside its body.

use crate::record::CallNotes;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use govern::access::Caller;
use std::{convert::Infallible, ops::Deref, sync::Arc};

/// The headers, and who asks.
pub(super) struct Head {
    headers: HeaderMap,
    /// The caller's id, as the ledger has it.
    pub(super) asker: Arc<str>,
    /// What the ledger is told of the call.
    pub(super) notes: CallNotes,
}

impl Deref for Head {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        &self.headers
    }
}

impl<S: Sync> FromRequestParts<S> for Head {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let asker = match parts.extensions.get::<Caller>() {
            Some(caller) => caller.id.as_str().into(),
            None => Caller::local().id.into(),
        };
        let notes = parts.extensions.get::<CallNotes>().cloned().unwrap_or_default();
        Ok(Head { headers: parts.headers.clone(), asker, notes })
    }
}
