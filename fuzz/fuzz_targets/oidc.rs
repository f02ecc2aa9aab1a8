#![no_main]
//! Any bytes, read as `oidc.toml`, as a key set, as claims that an issuer signed, and as a token.

use govern::{
    SigningKey,
    access::{Identities, Scope},
};
use std::{path::Path, sync::OnceLock};

const FILE: &str = include_str!("../seeds/oidc/entra.toml");
const KEY: &str = include_str!("../../crates/govern/src/access/testkeys/rsa2048.jwk.json");

fn opened(text: &str) -> Option<Identities> {
    static SIGNING: OnceLock<SigningKey> = OnceLock::new();
    let signing = SIGNING.get_or_init(|| SigningKey::from_hex(&"1".repeat(64)).expect("a key"));
    Identities::parse(text, Path::new(""), signing).ok()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static KNOWN: OnceLock<Identities> = OnceLock::new();
    let now = events::Time::from_ymd(2026, 11, 27).expect("a date");
    let known = KNOWN.get_or_init(|| {
        let known = opened(FILE).expect("a file");
        let set = format!("{{\"keys\": [{}]}}", KEY.replace("RS384", "RS256"));
        known.take_keys(0, set.as_bytes(), now).expect("a key set");
        known
    });
    let text = String::from_utf8_lossy(bytes);
    opened(&text);
    known.fuzz_claims(bytes, now);
    known.lacks(&text, now);
    // Nobody but the issuer can sign by its key.
    assert!(known.admit(&text, Some(Scope::Read), now).is_err());
    // Into another, whose keys nobody needs afterwards.
    if let Some(other) = opened(FILE) {
        let _ = other.take_keys(0, bytes, now);
    }
});
