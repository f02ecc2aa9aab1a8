//! Who may come in.

use crate::{AppState, Error, error::ApiError};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::fmt;

/// The shortest secret that is accepted as a key.
const MIN_SECRET_CHARS: usize = 20;

/// A key that callers must show. Only its BLAKE3 digest is held, and compared in constant time.
#[derive(Clone)]
pub struct AccessKey {
    digest: blake3::Hash,
}

impl AccessKey {
    /// From the text of a key file: the secret itself, or `blake3:` and the 64 hex digits of its digest, so
    /// that the file need not hold the secret. White space around it is ignored.
    ///
    /// # Errors
    /// [`Error::AccessKey`] when the text is neither, or the secret is shorter than 20 characters.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some(hex) = text.strip_prefix("blake3:") {
            let digest = blake3::Hash::from_hex(hex)
                .map_err(|_| Error::AccessKey { reason: "blake3: must be followed by 64 hex digits" })?;
            return Ok(AccessKey { digest });
        }
        if text.chars().any(char::is_whitespace) {
            return Err(Error::AccessKey { reason: "the key must be one word on one line" });
        }
        if text.chars().count() < MIN_SECRET_CHARS {
            return Err(Error::AccessKey { reason: "the key must have at least 20 characters" });
        }
        Ok(AccessKey { digest: blake3::hash(text.as_bytes()) })
    }

    /// Is this the secret? Takes the same time whatever the answer.
    pub fn admits(&self, secret: &[u8]) -> bool {
        // The equality of blake3::Hash is constant-time by its own promise.
        blake3::hash(secret) == self.digest
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(‹redacted›)")
    }
}

/// Lets a request pass when no key is set, the route is a health probe, or the key is shown.
pub(crate) async fn admit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Some(key) = &state.settings().access_key else { return next.run(request).await };
    let probe =
        request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().starts_with("/health/"));
    if probe || shown_secret(request.headers()).is_some_and(|secret| key.admits(&secret)) {
        return next.run(request).await;
    }
    ApiError::Unauthorized.into_response()
}

/// The secret of `Authorization: Bearer`, of `api-key`, or the password of `Authorization: Basic`, which is how
/// a browser lets a person open the console.
fn shown_secret(headers: &HeaderMap) -> Option<Vec<u8>> {
    if let Some(key) = headers.get("api-key") {
        return Some(key.as_bytes().to_vec());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64_STANDARD.decode(credentials.trim()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        return Some(decoded[colon + 1..].to_vec());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_may_hold_the_secret_or_its_digest() {
        let secret = "a-long-enough-secret-0123";
        let plain = AccessKey::parse(&format!("{secret}\n")).unwrap();
        let hashed =
            AccessKey::parse(&format!("blake3:{}", blake3::hash(secret.as_bytes()).to_hex())).unwrap();
        for key in [&plain, &hashed] {
            assert!(key.admits(secret.as_bytes()));
            assert!(!key.admits(b"a-long-enough-secret-0124"));
            assert!(!format!("{key:?}").contains("secret"));
        }
        for bad in ["", "short", "two words that are long enough", "blake3:abc"] {
            let error = AccessKey::parse(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }
}
