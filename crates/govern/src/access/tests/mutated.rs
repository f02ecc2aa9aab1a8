//! Tokens, key sets and settings that a hand or an enemy changed: read or refused, and nobody comes in who wasn't let in.

use super::{
    identity::{FILE, ISSUER, identities, set, signing},
    mutate::mutated,
    *,
};
use crate::access::Identities;

const ROUNDS: usize = 4_000;

fn token_seeds() -> Vec<Vec<u8>> {
    let signed = [(Algorithm::RS256, "rsa"), (Algorithm::ES256, "ec256"), (Algorithm::ES384, "ec")]
        .map(|(algorithm, kid)| sign(algorithm, kid, &identity::claims()));
    let cds = sign(Algorithm::ES384, "ec", &super::claims("once"));
    // Headers without a signature: {"alg":"none"}; {"alg":"RS256","kid":"rsa","crit":["b64"]}; {"alg":"HS256","kid":"rsa"}.
    let heads = [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsImNyaXQiOlsiYjY0Il19",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYSJ9",
    ];
    let claims = signed[0].split('.').nth(1).unwrap().to_owned();
    let others = heads.map(|head| format!("{head}.{claims}.AAAA"));
    signed.into_iter().chain([cds]).chain(others).map(String::into_bytes).collect()
}

fn tokens_are_taken_as_they_were_signed_or_not_at_all(rounds: usize, seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let (identities, tokens, seeds) = (identities(dir.path()), tokens(dir.path()), token_seeds());
    let mut unchanged = 0;
    mutated(&seeds, rounds, seed, |bytes| {
        let token = String::from_utf8_lossy(bytes);
        tokens.are_of(&token);
        let known = identities.lacks(&token, now()).is_none();
        let taken = identities.admit(&token, Some(Scope::Read), now()).is_ok()
            | tokens.admit(&token, PATH, now()).is_ok();
        // One bit more or less, and the signature doesn't fit.
        let is_whole = seeds.iter().any(|seed| seed == bytes);
        assert!(!taken || is_whole, "{token}");
        unchanged += usize::from(taken && known);
    });
    assert!(rounds < ROUNDS || unchanged > 0, "no seed was tried");
}

fn claim_seeds() -> Vec<Vec<u8>> {
    [
        identity::claims(),
        json!({"iss": "https://sso.example", "aud": ["osler", "b"], "sub": "ann.canary@hospital.example", "exp": seconds() + 60,
            "groups": ["governance", 7, null], "oid": "ann.canary"}),
        json!({"iss": ISSUER, "aud": [], "sub": "", "exp": i64::MAX, "nbf": i64::MIN, "roles": "developer", "tid": null}),
    ]
    .map(|claims| claims.to_string().into_bytes())
    .to_vec()
}

fn claims_name_nobody_by_name(rounds: usize, seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let identities = identities(dir.path());
    let mut named = 0;
    mutated(&claim_seeds(), rounds, seed, |bytes| {
        for caller in identities.fuzz_claims(bytes, now()) {
            named += 1;
            // An object's id, or a digest.
            let (_, who) = caller.id.rsplit_once('#').unwrap();
            let digits = who.trim_start_matches("sub:");
            let is_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            assert!(who.len() == 36 && is_digits, "{who}");
            assert!(caller.may(Scope::Read));
        }
    });
    assert!(rounds < ROUNDS || named > 0, "no claims were read");
}

fn key_sets_are_read_or_refused(rounds: usize, seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let seeds = [
        set(&[EC_PUBLIC, EC256_PUBLIC, RSA_PUBLIC]),
        json!({"keys": [serde_json::from_str::<Value>(RSA_PUBLIC).unwrap()]}).to_string().into_bytes(),
        json!({"keys": [{"kty": "RSA", "kid": "rsa", "n": "A".repeat(700), "e": "AQAB"},
            {"kty": "EC", "kid": "ec", "crv": "P-384", "x": "", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": "AA"}]})
        .to_string()
        .into_bytes(),
    ];
    let signed = &token_seeds()[..3];
    let mut taken = 0;
    mutated(&seeds, rounds, seed, |bytes| {
        let identities = Identities::parse(FILE, dir.path(), &signing("1")).unwrap();
        if identities.take_keys(0, bytes, now()).is_ok() {
            taken += 1;
            // Whatever the keys are by now, trying them ends.
            for token in signed {
                let _ = identities.admit(std::str::from_utf8(token).unwrap(), None, now());
            }
        }
    });
    assert!(rounds < ROUNDS || taken > 0, "no set was taken");
}

fn settings_are_read_or_refused(rounds: usize, seed: u64) {
    let dir = Path::new("somewhere");
    let seeds =
        [FILE.as_bytes().to_vec(), FILE.replace("https://login.example/keys", "../keys.json").into_bytes()];
    let mut read = 0;
    mutated(&seeds, rounds, seed, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(identities) = Identities::parse(&text, dir, &signing("1")) {
            read += 1;
            assert!(!identities.keys_at().is_empty(), "nobody is trusted");
            let again = Identities::parse(&text, dir, &signing("2")).unwrap().carrying(&identities);
            assert_eq!(again.keys_at(), identities.keys_at());
        }
    });
    assert!(rounds < ROUNDS || read > 0, "no file was read");
}

#[test]
fn mutations_are_read_or_refused() {
    tokens_are_taken_as_they_were_signed_or_not_at_all(ROUNDS, 1);
    claims_name_nobody_by_name(ROUNDS, 2);
    key_sets_are_read_or_refused(ROUNDS / 4, 3);
    settings_are_read_or_refused(ROUNDS, 4);
}

#[test]
#[ignore = "takes minutes; the same as the fuzz targets where no fuzzer is at hand"]
fn many_mutations_are_read_or_refused() {
    for seed in 10..50 {
        tokens_are_taken_as_they_were_signed_or_not_at_all(20 * ROUNDS, seed);
        claims_name_nobody_by_name(20 * ROUNDS, seed);
        key_sets_are_read_or_refused(ROUNDS, seed);
        settings_are_read_or_refused(5 * ROUNDS, seed);
    }
}
