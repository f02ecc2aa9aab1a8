//! Assertions, read by a library that isn't ours.

use super::{SigningKey, assertion::assertion};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use serde_json::Value;
use std::collections::HashSet;

const EC_PRIVATE: &str = include_str!("../../../govern/src/access/testkeys/p384.hex");
const EC_PUBLIC: &str = include_str!("../../../govern/src/access/testkeys/p384.jwk.json");
const RSA_PRIVATE: &str = include_str!("../../../govern/src/access/testkeys/rsa2048.hex");
const RSA_PUBLIC: &str = include_str!("../../../govern/src/access/testkeys/rsa2048.jwk.json");

const NOW: u64 = 1_790_000_000;

fn pem(label: &str, hex: &str) -> String {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let der: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

pub(crate) fn ec_key() -> SigningKey {
    SigningKey::read(pem("PRIVATE KEY", EC_PRIVATE).as_bytes(), Some("k1".to_owned())).unwrap()
}

/// The claims of an assertion whose signature is the key's.
pub(crate) fn claims(token: &str, public: &str, algorithm: Algorithm, audience: &str) -> Value {
    let key = DecodingKey::from_jwk(&serde_json::from_str::<Jwk>(public).unwrap()).unwrap();
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    validation.validate_exp = false;
    decode::<Value>(token, &key, &validation).unwrap().claims
}

#[test]
fn an_assertion_is_signed_by_the_key_and_good_for_minutes_and_once() {
    let rsa = SigningKey::read(pem("RSA PRIVATE KEY", RSA_PRIVATE).as_bytes(), None).unwrap();
    let audience = "https://ehr.example/auth/token";
    for (key, public, algorithm) in
        [(ec_key(), EC_PUBLIC, Algorithm::ES384), (rsa, RSA_PUBLIC, Algorithm::RS384)]
    {
        let mut ids = HashSet::new();
        for _ in 0..3 {
            let token = assertion(&key, "osler", audience, NOW).unwrap();
            let claims = claims(&token, public, algorithm, audience);
            assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("osler"), Some("osler")));
            assert!((NOW + 1..=NOW + 300).contains(&claims["exp"].as_u64().unwrap()));
            assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()));
        }
    }
    let token = assertion(&ec_key(), "osler", audience, NOW).unwrap();
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().kid.as_deref(), Some("k1"));
}

#[test]
fn a_key_may_be_a_json_web_key() {
    let SigningParts { x, y, d } = parts();
    let jwk = format!(r#"{{"kty":"EC","crv":"P-384","kid":"in-the-key","x":"{x}","y":"{y}","d":"{d}"}}"#);
    for text in [jwk.clone(), format!(r#" {{"keys":[{jwk}]}}"#)] {
        let key = SigningKey::read(text.as_bytes(), None).unwrap();
        assert_eq!(key.key_id(), Some("in-the-key"));
        let token = assertion(&key, "osler", "a", NOW).unwrap();
        claims(&token, EC_PUBLIC, Algorithm::ES384, "a");
    }
    let named = SigningKey::read(jwk.as_bytes(), Some("named".to_owned())).unwrap();
    assert_eq!(named.key_id(), Some("named"));
}

struct SigningParts {
    x: String,
    y: String,
    d: String,
}

/// Of the P-384 key: the public halves as published, the private half as it lies in its PKCS #8 (SEC 1 §C.4: after `04 30`).
fn parts() -> SigningParts {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let public: Value = serde_json::from_str(EC_PUBLIC).unwrap();
    let digits: String = EC_PRIVATE.chars().filter(char::is_ascii_hexdigit).collect();
    let at = digits.find("0430").unwrap() + 4;
    let d: Vec<u8> =
        (at..at + 96).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect();
    let text = |name: &str| public[name].as_str().unwrap().to_owned();
    SigningParts { x: text("x"), y: text("y"), d: URL_SAFE_NO_PAD.encode(d) }
}

#[test]
fn what_is_no_such_key_is_refused_and_never_printed() {
    let p256 = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let public_only = EC_PUBLIC.to_owned();
    for file in ["", "Canary", "{}", r#"{"kty":"oct","k":"Canary"}"#, &p256, &public_only, r#"{"keys":[]}"#] {
        let message = SigningKey::read(file.as_bytes(), None).unwrap_err().to_string();
        assert!(message.starts_with("the private key ") && !message.contains("Canary"), "{message}");
    }
    assert_eq!(format!("{:?}", ec_key()), "‹ES384 key›");
}
