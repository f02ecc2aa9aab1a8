//! The id that ties an answer to the log.

use crate::uuid::is_uuid;
use axum::http::{HeaderMap, HeaderName};
use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

/// A request's id: the caller's, if it looks like one, or a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
    const ACCEPTED: [HeaderName; 2] = [Self::HEADER, HeaderName::from_static("x-ms-client-request-id")];

    /// Takes over the id of `x-request-id` or `x-ms-client-request-id`, so that a call can be followed through
    /// several systems. Only a UUID, or 32 hexadecimal digits, is taken over: the id goes into the log and the ledger, where no name, date of
    /// birth or number of a person must ever stand.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = Self::ACCEPTED.iter().find_map(|name| headers.get(name)?.to_str().ok());
        match given {
            Some(id) if is_id(id) => RequestId(id.to_owned()),
            _ => RequestId::new(),
        }
    }

    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // An id that is only unique in this process is better than no answer.
            bytes[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        }
        let mut id = String::with_capacity(32);
        for byte in bytes {
            // Writing to a String can't fail.
            let _ = write!(id, "{byte:02x}");
        }
        RequestId(id)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_id(id: &str) -> bool {
    is_uuid(id) || id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_an_id_is_taken_over() {
        let of = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            RequestId::of(&headers).0
        };
        let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(of("x-request-id", uuid), uuid);
        assert_eq!(of("x-ms-client-request-id", uuid), uuid);
        assert_eq!(
            of("x-request-id", "0f8fad5bd9cb469fa16570867728950e"),
            "0f8fad5bd9cb469fa16570867728950e"
        );
        for bad in [
            "Ann-Canary-1950",
            "abc",
            "0f8fad5b d9cb",
            "MRN-0012345",
            "1958-03-01",
            "078-05-1120",
            "19580301",
            "0123456789",
            "1958-03-01-1958-03-01-1958-03-01-1958",
            "0f8fad5b-d9cb-469f-a165-70867728950",
            "0f8fad5bd9cb469fa16570867728950e-195",
            "{0f8fad5b-d9cb-469f-a165-70867728950e}",
        ] {
            let id = of("x-request-id", bad);
            assert_ne!(id, bad);
            assert!(is_id(&id) && id.len() == 32, "{id}");
        }
    }
}
