mod identity;
#[path = "../../../../fuzz/mutate.rs"]
mod mutate;
mod mutated;

use super::*;
use events::Time;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::path::Path;

fn now() -> Time {
    Time::from_ymd(2026, 11, 26).unwrap()
}

fn seconds() -> i64 {
    now().micros() / 1_000_000
}

fn later(seconds: i64) -> Time {
    now().plus_micros(seconds * 1_000_000)
}

#[test]
fn a_key_opens_what_it_was_granted_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.db");
    let keys = Keyring::open(&path).unwrap();
    let mut grant = Grant::new("ward app", [Scope::Predict]);
    grant.models.insert("osler-tiny".into());
    grant.expires = Some(later(100));
    let secret = keys.grant(&grant, now()).unwrap();
    let caller = keys.admit(secret.expose().as_bytes(), now()).unwrap();
    assert!(
        caller.may(Scope::Predict) && !caller.may(Scope::Cds) && !caller.may_try("osler-tiny", "blake3:00")
    );
    assert!(caller.may_ask("osler-tiny", "blake3:00") && !caller.may_ask("osler-base", "blake3:00"));
    assert_eq!(keys.admit(secret.expose().as_bytes(), later(100)), Err(Refusal::Expired));
    let wrong = format!("{}0", &secret.expose()[..secret.expose().len() - 1]);
    for bad in ["", "osler_", "osler_00_11", "nonsense", wrong.as_str()] {
        if bad != secret.expose() {
            assert_eq!(keys.admit(bad.as_bytes(), now()), Err(Refusal::Unknown), "{bad}");
        }
    }
    // What is on disk doesn't hold the secret, and no one prints it by accident.
    let text = secret.expose().rsplit('_').next().unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()));
    }
    assert!(!format!("{secret:?}").contains(text));
    // Another process revokes it: it opens nothing from then on.
    Keyring::open(&path).unwrap().revoke(&caller.id, now()).unwrap();
    assert_eq!(keys.admit(secret.expose().as_bytes(), now()), Err(Refusal::Revoked));
    assert!(keys.list().unwrap()[0].revoked.is_some());
    assert!(keys.rotate(&caller.id, now(), later(9)).is_err());
    assert!(keys.revoke("nobody", now()).is_err());
}

#[test]
fn a_rotated_key_gives_way_to_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keyring::open(&dir.path().join("access.db")).unwrap();
    let old = keys.grant(&Grant::new("app", [Scope::Cds]), now()).unwrap();
    let id = keys.admit(old.expose().as_bytes(), now()).unwrap().id;
    let new = keys.rotate(&id, now(), later(60)).unwrap();
    for secret in [&old, &new] {
        assert!(keys.admit(secret.expose().as_bytes(), later(59)).unwrap().may(Scope::Cds));
    }
    assert_eq!(keys.admit(old.expose().as_bytes(), later(60)), Err(Refusal::Expired));
    assert!(keys.admit(new.expose().as_bytes(), later(60)).is_ok());
}

#[test]
fn senseless_grants_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keyring::open(&dir.path().join("access.db")).unwrap();
    let good = Grant::new("app", [Scope::Cds]);
    for grant in [
        Grant { name: String::new(), ..good.clone() },
        Grant { name: "a\nb".into(), ..good.clone() },
        Grant { scopes: Default::default(), ..good.clone() },
        Grant { expires: Some(now()), ..good.clone() },
        Grant { per_day: Some(0), ..good.clone() },
    ] {
        assert!(keys.grant(&grant, now()).is_err(), "{grant:?}");
    }
}

#[test]
fn quotas_are_counted_by_the_minute_and_by_the_day() {
    let quotas = Quotas::default();
    let quota = Quota { per_minute: Some(2), per_day: Some(3) };
    for at in [0, 1] {
        quotas.spend("a", quota, later(at)).unwrap();
    }
    assert_eq!(quotas.spend("a", quota, later(20)), Err(40));
    quotas.spend("b", quota, later(20)).unwrap();
    quotas.spend("a", quota, later(60)).unwrap();
    assert_eq!(quotas.spend("a", quota, later(61)), Err(86_400 - 61));
    quotas.spend("a", quota, later(86_400)).unwrap();
    quotas.spend("a", Quota::default(), later(61)).unwrap();
}

/// Keys that were made for this test and are used nowhere else: private ones in DER, hexadecimal.
const EC_PRIVATE: &str = include_str!("testkeys/p384.hex");
const EC_PUBLIC: &str = include_str!("testkeys/p384.jwk.json");
const EC256_PRIVATE: &str = include_str!("testkeys/p256.hex");
const EC256_PUBLIC: &str = include_str!("testkeys/p256.jwk.json");
const RSA_PRIVATE: &str = include_str!("testkeys/rsa2048.hex");
const RSA_PUBLIC: &str = include_str!("testkeys/rsa2048.jwk.json");

const PATH: &str = "/cds-services/osler-patient-view";

fn tokens(dir: &Path) -> Tokens {
    let set = |keys: &[&str]| {
        let keys: Vec<Value> = keys.iter().map(|key| serde_json::from_str(key).unwrap()).collect();
        json!({ "keys": keys }).to_string()
    };
    std::fs::write(dir.join("ehr.json"), set(&[EC_PUBLIC, RSA_PUBLIC])).unwrap();
    std::fs::write(dir.join("other.json"), set(&[RSA_PUBLIC])).unwrap();
    let text = "audience = \"https://osler.example\"\n[[issuer]]\niss = \"https://ehr.example\"\njwks = \"ehr.json\"\n\
                [[issuer]]\niss = \"https://other.example\"\njwks = \"other.json\"\n";
    std::fs::write(dir.join("issuers.toml"), text).unwrap();
    Tokens::open(&dir.join("issuers.toml")).unwrap()
}

fn claims(jti: &str) -> Value {
    json!({
        "iss": "https://ehr.example", "aud": format!("https://osler.example{PATH}"),
        "iat": seconds(), "exp": seconds() + 300, "jti": jti
    })
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.split_whitespace().flat_map(str::chars).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn sign(algorithm: Algorithm, kid: &str, claims: &Value) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    let key = match algorithm {
        Algorithm::ES384 => EncodingKey::from_ec_der(&bytes(EC_PRIVATE)),
        Algorithm::ES256 => EncodingKey::from_ec_der(&bytes(EC256_PRIVATE)),
        Algorithm::HS256 | Algorithm::HS384 => EncodingKey::from_secret(RSA_PUBLIC.as_bytes()),
        _ => EncodingKey::from_rsa_der(&bytes(RSA_PRIVATE)),
    };
    encode(&header, claims, &key).unwrap()
}

#[test]
fn tokens_of_both_algorithms_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    for (algorithm, kid) in [(Algorithm::ES384, "ec"), (Algorithm::RS384, "rsa")] {
        let token = sign(algorithm, kid, &claims(kid));
        let caller = tokens.admit(&token, PATH, now()).unwrap();
        assert!(caller.may(Scope::Cds) && !caller.may(Scope::Predict));
        assert_eq!(caller.id, "issuer:https://ehr.example");
        assert_eq!(tokens.admit(&token, PATH, now()), Err(TokenRefusal::Replayed));
    }
}

#[test]
fn a_token_opens_once_whatever_happens_to_the_server_between() {
    let dir = tempfile::tempdir().unwrap();
    let token = sign(Algorithm::ES384, "ec", &claims("a"));
    let first = tokens(dir.path());
    first.admit(&token, PATH, now()).unwrap();
    // As after kill -9: the first server never got to close anything.
    std::mem::forget(first);
    let second = tokens(dir.path());
    assert_eq!(second.admit(&token, PATH, now()), Err(TokenRefusal::Replayed));
    second.admit(&sign(Algorithm::ES384, "ec", &claims("b")), PATH, now()).unwrap();
    let kept = std::fs::read(dir.path().join("used_tokens.db")).unwrap();
    assert!(!kept.windows(11).any(|bytes| bytes == b"ehr.example"), "digests alone are kept");
}

#[test]
fn when_used_tokens_cannot_be_read_none_opens() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let other = rusqlite::Connection::open(dir.path().join("used_tokens.db")).unwrap();
    other.execute_batch("DROP TABLE used").unwrap();
    let token = sign(Algorithm::ES384, "ec", &claims("a"));
    assert_eq!(tokens.admit(&token, PATH, now()), Err(TokenRefusal::Unavailable));
}

#[test]
fn every_other_token_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let with = |changes: Value| {
        let mut changed = claims("x");
        for (name, value) in changes.as_object().unwrap() {
            changed[name] = value.clone();
        }
        sign(Algorithm::ES384, "ec", &changed)
    };
    let unsigned = |alg: &str| {
        let part = |value: Value| base64(value.to_string().as_bytes());
        format!("{}.{}.", part(json!({"alg": alg, "typ": "JWT", "kid": "ec"})), part(claims("x")))
    };
    let good = with(json!({}));
    let (head, rest) = good.split_once('.').unwrap();
    let altered =
        format!("{head}.{}.{}", base64(claims("y").to_string().as_bytes()), rest.split_once('.').unwrap().1);
    use TokenRefusal as R;
    for (what, token, refusal) in [
        ("alg none", unsigned("none"), R::Algorithm),
        ("alg None", unsigned("None"), R::Algorithm),
        ("hmac by the public key", sign(Algorithm::HS384, "rsa", &claims("x")), R::Algorithm),
        ("RS256", sign(Algorithm::RS256, "rsa", &claims("x")), R::Algorithm),
        ("RS384 by an EC key's id", sign(Algorithm::RS384, "ec", &claims("x")), R::Algorithm),
        ("unknown kid", sign(Algorithm::ES384, "nobody", &claims("x")), R::Key),
        ("another issuer's key", with(json!({"iss": "https://other.example"})), R::Key),
        ("unknown issuer", with(json!({"iss": "https://evil.example"})), R::Issuer),
        ("another address", with(json!({"aud": "https://osler.example/cds-services"})), R::Audience),
        ("no address", with(json!({"aud": []})), R::Audience),
        ("expired", with(json!({"iat": seconds() - 600, "exp": seconds() - 300})), R::Time),
        ("from the future", with(json!({"iat": seconds() + 600, "exp": seconds() + 900})), R::Time),
        ("for a day", with(json!({"exp": seconds() + 86_400})), R::Time),
        ("times that overflow", with(json!({"iat": i64::MIN, "exp": i64::MAX})), R::Time),
        ("no jti", with(json!({"jti": null})), R::Malformed),
        ("altered", altered, R::Signature),
        ("cut off", good[..good.len() - 4].to_owned(), R::Signature),
        ("nonsense", "nonsense".to_owned(), R::Malformed),
        ("long", "a".repeat(100_000), R::Malformed),
    ] {
        assert_eq!(tokens.admit(&token, PATH, now()), Err(refusal), "{what}");
    }
    assert!(tokens.admit(&good, PATH, now()).is_ok(), "none of them used its jti up");
}

#[test]
fn rolled_over_keys_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let mut key: Value = serde_json::from_str(EC_PUBLIC).unwrap();
    key["kid"] = "new".into();
    let token = sign(Algorithm::ES384, "new", &claims("x"));
    assert_eq!(tokens.admit(&token, PATH, now()), Err(TokenRefusal::Key));
    std::fs::write(dir.path().join("ehr.json"), json!({ "keys": [key] }).to_string()).unwrap();
    assert_eq!(tokens.admit(&token, PATH, later(1)), Err(TokenRefusal::Key), "not read again yet");
    assert!(tokens.admit(&token, PATH, later(6)).is_ok());
    // A clock that ran ahead and was set back holds nobody up.
    let other = sign(Algorithm::ES384, "newer", &claims("y"));
    assert_eq!(tokens.admit(&other, PATH, later(400 * 86_400)), Err(TokenRefusal::Key));
    key["kid"] = "newer".into();
    std::fs::write(dir.path().join("ehr.json"), json!({ "keys": [key] }).to_string()).unwrap();
    assert!(tokens.admit(&other, PATH, later(10)).is_ok());
}

#[cfg(unix)]
#[test]
fn a_key_set_that_others_could_write_opens_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(dir.path());
    let (set, settings) = (dir.path().join("ehr.json"), dir.path().join("issuers.toml"));
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let mut key: Value = serde_json::from_str(EC_PUBLIC).unwrap();
    key["kid"] = "new".into();
    std::fs::write(&set, json!({ "keys": [key] }).to_string()).unwrap();
    let token = sign(Algorithm::ES384, "new", &claims("x"));
    for (round, others) in [0o020, 0o002].into_iter().enumerate() {
        mode(&set, 0o644 | others);
        let refused = Tokens::open(&settings).err().unwrap().to_string();
        assert!(refused.contains("ehr.json") && refused.contains("chmod go-w"), "{refused}");
        assert_eq!(
            tokens.admit(&token, PATH, later(10 * (round as i64 + 1))),
            Err(TokenRefusal::Key),
            "read again"
        );
    }
    mode(&set, 0o644);
    // Whoever can write the directory can put another file there.
    mode(dir.path(), 0o777);
    assert!(Tokens::open(&settings).is_err());
    mode(dir.path(), 0o700);
    assert!(Tokens::open(&settings).is_ok() && tokens.admit(&token, PATH, later(40)).is_ok());
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
