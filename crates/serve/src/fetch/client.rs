//! One request to one FHIR server, and what of its answer is taken.

use super::FhirServers;
use fetch::{Base, Token};
use http_body_util::Full;
use hyper::{
    Request, StatusCode,
    body::Bytes,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING},
};

/// Why nothing was fetched, in words that may stand in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No address, or none that may be opened.
    Address,
    /// It didn't take the connection, or its certificate isn't trusted.
    Connection,
    /// It took too long.
    Late,
    /// It answered that the token opens nothing.
    Refused,
    /// Another status than 200, a redirect among them.
    Status,
    /// No FHIR JSON, or more than may be taken.
    Answer,
}

impl Failure {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Failure::Address => "no address that may be opened",
            Failure::Connection => "no connection",
            Failure::Late => "too late",
            Failure::Refused => "the token was refused",
            Failure::Status => "another status than 200",
            Failure::Answer => "no FHIR JSON, or too much",
        }
    }
}

impl From<fetch::Failure> for Failure {
    fn from(failure: fetch::Failure) -> Self {
        match failure {
            fetch::Failure::Address => Failure::Address,
            fetch::Failure::Late => Failure::Late,
            _ => Failure::Connection,
        }
    }
}

impl FhirServers {
    /// Asks a server for `target` (path and query), and gives the answer's body.
    pub(super) async fn get(&self, base: &Base, target: &str, token: &Token) -> Result<Bytes, Failure> {
        let request = Request::get(target)
            .header(ACCEPT, "application/fhir+json")
            .header(AUTHORIZATION, token.header().ok_or(Failure::Refused)?)
            .body(Full::default())
            .map_err(|_| Failure::Address)?;
        let answer = self.network.send(base, request).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failure::Refused),
            _ => return Err(Failure::Status),
        }
        if !matches!(answer.media_type().as_str(), "application/fhir+json" | "application/json")
            || !answer.header(CONTENT_ENCODING).is_empty()
        {
            return Err(Failure::Answer);
        }
        answer.bytes(self.limits.answer_bytes).await?.ok_or(Failure::Answer)
    }
}
