//! Client assertions: who asks for a token (SMART App Launch 2, "Client Authentication: Asymmetric").

use super::{NoKey, SigningKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// How long an assertion holds, in seconds. SMART allows 300; less leaves room for a clock that is ahead.
pub(super) const LIFETIME_SECONDS: u64 = 240;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    typ: &'static str,
}

/// No `iat` and no `nbf`: SMART asks for neither, and a server whose clock is behind would refuse them.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    jti: String,
}

/// A signed statement of who asks, for one token endpoint, good once and for minutes. `now` in seconds since 1970.
pub(super) fn assertion(key: &SigningKey, client: &str, audience: &str, now: u64) -> Result<String, NoKey> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random)
        .map_err(|_| NoKey("was not used: the operating system gave no random numbers"))?;
    let header = Header { alg: key.algorithm(), kid: key.key_id(), typ: "JWT" };
    let jti = URL_SAFE_NO_PAD.encode(random);
    let claims = Claims { iss: client, sub: client, aud: audience, exp: now + LIFETIME_SECONDS, jti };
    let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
    let unsigned = part(serde_json::to_vec(&header))
        .and_then(|header| Ok(format!("{header}.{}", part(serde_json::to_vec(&claims))?)))
        .map_err(|_| NoKey("was not used: the assertion is no JSON"))?;
    Ok(format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(key.sign(unsigned.as_bytes())?)))
}
