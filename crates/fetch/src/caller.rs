//! Requests with bounds on time, and what is read of an answer that is an error.

use crate::{Answer, Base, Error, Failure, Link, Network, Step, error::known_code};
use http_body_util::Full;
use hyper::{
    Method, Request,
    body::Bytes,
    header::{AUTHORIZATION, HeaderMap},
};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::timeout;

/// The most bytes of an error's body that are looked at.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// Opens connections, to named servers alone.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) network: Network,
    /// Origins that may be asked.
    pub(crate) named: Vec<Base>,
    /// For the head of an answer, or the whole of a short one.
    pub(crate) answer: Duration,
}

/// One request.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) link: &'a Link,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(
        method: Method,
        link: &'a Link,
        headers: &[(hyper::header::HeaderName, &'static str)],
    ) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), hyper::header::HeaderValue::from_static(value)))
            .collect();
        Ask { method, link, headers, body: Bytes::new() }
    }
}

impl Caller {
    /// May this server be asked?
    pub(crate) fn may_ask(&self, link: &Link) -> bool {
        self.named.contains(link.origin())
    }

    /// A link that a server gave, if it leads where one may ask.
    pub(crate) fn link(&self, step: Step, address: &str, remedy: &'static str) -> Result<Link, Error> {
        let link = Link::parse(address).ok_or(Error::Answer {
            step,
            reason: "the server gave a link that can't be followed: it must be a whole https address (http for a loopback address)",
        })?;
        match self.may_ask(&link) {
            true => Ok(link),
            false => Err(Error::Elsewhere { step, host: link.origin().authority(), remedy }),
        }
    }

    /// Sends a request and gives the answer's head.
    pub(crate) async fn send(&self, ask: &Ask<'_>, token: Option<&crate::Token>) -> Result<Answer, Failure> {
        if !self.may_ask(ask.link) {
            return Err(Failure::Address);
        }
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(ask.link.target())
            .body(Full::new(ask.body.clone()))
            .map_err(|_| Failure::Address)?;
        *request.headers_mut() = ask.headers.clone();
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, token.header().ok_or(Failure::Address)?);
        }
        let sent = self.network.send(ask.link.origin(), request);
        timeout(self.answer, sent).await.map_err(|_| Failure::Late)?
    }

    /// The whole body of an answer that is short.
    pub(crate) async fn body(&self, step: Step, answer: Answer, at_most: usize) -> Result<Bytes, Error> {
        let bytes = timeout(self.answer, answer.bytes(at_most)).await.unwrap_or(Err(Failure::Late));
        bytes
            .map_err(|failure| Error::Unanswered { step, failure })?
            .ok_or(Error::Answer { step, reason: "the answer is larger than it may be" })
    }

    /// The error that an answer is.
    pub(crate) async fn refusal(&self, step: Step, answer: Answer) -> Error {
        let status = answer.status.as_u16();
        let body = self.body(step, answer, MAX_ERROR_BYTES).await.unwrap_or_default();
        Error::Refused { step, status, code: code_of(&body) }
    }
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    issue: Vec<Issue>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    code: String,
}

/// The code of an OperationOutcome's first issue, or of an OAuth error.
pub(crate) fn code_of(body: &[u8]) -> Option<&'static str> {
    let outcome: Outcome = serde_json::from_slice(body).ok()?;
    let code = outcome.issue.first().map_or(&outcome.error, |issue| &issue.code);
    known_code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_a_standard_names_are_told() {
        let of = |body: &str| code_of(body.as_bytes());
        assert_eq!(of(r#"{"issue":[{"code":"transient","diagnostics":"Ann Canary"}]}"#), Some("transient"));
        assert_eq!(of(r#"{"error":"invalid_client","error_description":"Canary"}"#), Some("invalid_client"));
        for body in [r#"{"issue":[{"code":"ann-canary"}]}"#, r#"{"error":"Canary"}"#, "Canary", "", "[]"] {
            assert_eq!(of(body), None, "{body}");
        }
    }
}
