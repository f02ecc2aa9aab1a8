//! Tokens of an identity provider, in Entra ID's shape and against it.

use super::*;
use crate::{
    SigningKey,
    access::{Identities, IdentityRefusal, KeysAt, Lack},
};

pub(super) const ISSUER: &str = "https://login.example/11111111-2222-3333-4444-555555555555/v2.0";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const PERSON: &str = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee";

pub(super) const FILE: &str = r#"
[[issuer]]
iss = "https://login.example/11111111-2222-3333-4444-555555555555/v2.0"
aud = ["api://osler", "99999999-8888-7777-6666-555555555555"]
tid = "11111111-2222-3333-4444-555555555555"
jwks = "https://login.example/keys"
[[issuer]]
iss = "https://sso.example"
aud = "osler"
jwks = "sso.json"
roles_claim = "groups"

[roles.developer]
scopes = ["predict", "read"]
trial = true
per_minute = 10
[roles.clinician]
values = ["Osler.Clinician"]
scopes = ["cds", "read", "predict"]
models = ["ward"]
per_minute = 60
[roles.governance]
scopes = ["read", "metrics"]
"#;

pub(super) fn signing(digit: &str) -> SigningKey {
    SigningKey::from_hex(&digit.repeat(64)).unwrap()
}

fn open(dir: &Path, text: &str) -> Result<Identities, crate::Error> {
    open_under(dir, text, &signing("1"))
}

fn open_under(dir: &Path, text: &str, signing: &SigningKey) -> Result<Identities, crate::Error> {
    std::fs::write(dir.join("oidc.toml"), text).unwrap();
    Identities::open(&dir.join("oidc.toml"), signing)
}

pub(super) fn set(keys: &[&str]) -> Vec<u8> {
    // As Entra has it: without `alg`, and with members that nobody here knows.
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| {
            let mut key: Value = serde_json::from_str(key).unwrap();
            key.as_object_mut().unwrap().remove("alg");
            key["issuer"] = ISSUER.into();
            key["x5c"] = json!(["MII"]);
            key
        })
        .collect();
    let mut all = vec![json!({"kty": "XYZ", "kid": "of a kind to come"})];
    all.extend(keys);
    json!({ "keys": all }).to_string().into_bytes()
}

pub(super) fn identities(dir: &Path) -> Identities {
    identities_under(dir, &signing("1"))
}

fn identities_under(dir: &Path, signing: &SigningKey) -> Identities {
    let identities = open_under(dir, FILE, signing).unwrap();
    identities.take_keys(0, &set(&[EC_PUBLIC, EC256_PUBLIC, RSA_PUBLIC]), now()).unwrap();
    identities.take_keys(1, &set(&[EC256_PUBLIC]), now()).unwrap();
    identities
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "api://osler", "tid": TENANT, "oid": PERSON, "sub": "x7-opaque",
        "iat": seconds(), "nbf": seconds(), "exp": seconds() + 3600, "ver": "2.0",
        "name": "Ann Canary", "preferred_username": "ann.canary@hospital.example", "roles": ["Osler.Clinician"]
    })
}

fn with(changes: Value) -> String {
    let mut changed = claims();
    for (name, value) in changes.as_object().unwrap() {
        changed[name] = value.clone();
    }
    sign(Algorithm::RS256, "rsa", &changed)
}

#[test]
fn a_role_opens_its_doors_and_the_ledger_learns_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let identities = identities(dir.path());
    for (algorithm, kid) in [(Algorithm::RS256, "rsa"), (Algorithm::ES256, "ec256"), (Algorithm::ES384, "ec")]
    {
        let token = sign(algorithm, kid, &claims());
        for _ in 0..2 {
            let caller = identities.admit(&token, Some(Scope::Cds), now()).unwrap();
            assert!(caller.may(Scope::Cds) && caller.may(Scope::Read) && !caller.may(Scope::Metrics));
            assert!(
                caller.may_ask("ward", "") && !caller.may_ask("other", "") && !caller.may_try("ward", "")
            );
            assert_eq!(caller.id, format!("{ISSUER}#aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"));
            assert!(!format!("{caller:?}").to_lowercase().contains("canary"));
        }
    }
    let token = with(json!({"aud": "99999999-8888-7777-6666-555555555555"}));
    assert!(identities.admit(&token, None, now()).is_ok());
}

#[test]
fn whoever_has_no_object_id_is_told_by_a_digest_that_nobody_without_the_key_can_guess() {
    let dir = tempfile::tempdir().unwrap();
    let (one, again) = (identities(dir.path()), identities(dir.path()));
    let elsewhere = identities_under(dir.path(), &signing("2"));
    let claims = json!({
        "iss": "https://sso.example", "aud": ["osler", "other"], "sub": "ann.canary@hospital.example", "oid": "ann.canary",
        "exp": seconds() + 60, "groups": "governance"
    });
    let caller = |identities: &Identities, claims: &Value| {
        identities.admit(&sign(Algorithm::ES256, "ec256", claims), Some(Scope::Read), now()).unwrap().id
    };
    let id = caller(&one, &claims);
    let digest = id.strip_prefix("https://sso.example#sub:").unwrap();
    assert!(digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let said = b"https://sso.example\nann.canary@hospital.example";
    assert_ne!(digest, &blake3::hash(said).to_hex()[..32], "a list of addresses would do");
    let of_inputs = blake3::keyed_hash(&signing("1").digest_key(), said).to_hex();
    assert_ne!(digest, &of_inputs[..32], "the key of inputs is for inputs");
    assert_eq!(caller(&again, &claims), id, "the server was started again");
    assert_ne!(caller(&elsewhere, &claims), id, "another site's key");
    let mut other = claims.clone();
    other["sub"] = "ben.canary@hospital.example".into();
    assert_ne!(caller(&one, &other), id);
}

#[test]
fn roles_add_up_at_the_doors_that_each_opens() {
    let dir = tempfile::tempdir().unwrap();
    let identities = identities(dir.path());
    let both = with(json!({"roles": ["developer", "Osler.Clinician", "somebody else's"]}));
    let at = |door| identities.admit(&both, Some(door), now()).unwrap();
    // A clinician who is a developer too isn't shown drafts at the bedside.
    let bedside = at(Scope::Cds);
    assert!(bedside.may(Scope::Cds) && !bedside.may_try("ward", "") && !bedside.may_ask("draft", ""));
    assert_eq!(bedside.quota().per_minute, Some(60));
    let desk = at(Scope::Predict);
    assert!(desk.may(Scope::Predict) && desk.may_try("draft", "") && desk.may_ask("draft", ""));
    assert_eq!(desk.quota().per_minute, Some(60), "the freest of them");
    assert!(!at(Scope::Metrics).may(Scope::Metrics));
}

#[test]
fn several_roles_allow_no_more_of_a_model_than_one_of_them_does() {
    const HEAD: &str = r#"
        [[issuer]]
        iss = "https://sso.example"
        aud = "osler"
        jwks = "sso.json"
        [roles.clinician]
        scopes = ["predict"]
    "#;
    let dir = tempfile::tempdir().unwrap();
    // What clinician and developer hold; then of each model whether it may be asked, and tried out.
    for (clinician, developer, tiny, cand) in [
        ("models = [\"tiny\"]", "models = [\"cand\"]\ntrial = true", (true, false), (true, true)),
        ("models = [\"tiny\"]", "trial = true", (true, true), (true, true)),
        ("", "models = [\"cand\"]\ntrial = true", (true, false), (true, true)),
        ("models = [\"tiny\"]\ntrial = true", "models = [\"cand\"]", (true, true), (true, false)),
        ("models = [\"tiny\"]", "models = [\"cand\"]", (true, false), (true, false)),
        ("models = [\"tiny\"]", "models = [\"tiny\"]\ntrial = true", (true, true), (false, false)),
    ] {
        let file = format!("{HEAD}{clinician}\n[roles.developer]\nscopes = [\"predict\"]\n{developer}\n");
        let identities = open_under(dir.path(), &file, &signing("1")).unwrap();
        identities.take_keys(0, &set(&[RSA_PUBLIC]), now()).unwrap();
        let token = sign(
            Algorithm::RS256,
            "rsa",
            &json!({"iss": "https://sso.example", "aud": "osler", "sub": "x", "exp": seconds() + 60,
                "roles": ["clinician", "developer"]}),
        );
        let caller = identities.admit(&token, Some(Scope::Predict), now()).unwrap();
        assert_eq!(caller.name, "clinician developer");
        for (model, wanted) in [("tiny", tiny), ("cand", cand)] {
            let got = (caller.may_ask(model, ""), caller.may_try(model, ""));
            assert_eq!(got, wanted, "{clinician} and {developer}: {model}");
        }
    }
}

#[test]
fn every_other_token_of_a_provider_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let identities = identities(dir.path());
    let unsigned = |alg: &str| {
        let part = |value: Value| base64(value.to_string().as_bytes());
        format!("{}.{}.", part(json!({"alg": alg, "typ": "JWT", "kid": "rsa"})), part(claims()))
    };
    let good = with(json!({}));
    let (head, rest) = good.split_once('.').unwrap();
    let signature = rest.split_once('.').unwrap().1;
    let mut admin = claims();
    admin["roles"] = json!(["admin"]);
    let altered = format!("{head}.{}.{signature}", base64(admin.to_string().as_bytes()));
    let critical = {
        let header = Header {
            kid: Some("rsa".into()),
            crit: Some(vec!["b64".into()]),
            ..Header::new(Algorithm::RS256)
        };
        encode(&header, &claims(), &EncodingKey::from_rsa_der(&bytes(RSA_PRIVATE))).unwrap()
    };
    let no_kid =
        encode(&Header::new(Algorithm::RS256), &claims(), &EncodingKey::from_rsa_der(&bytes(RSA_PRIVATE)))
            .unwrap();
    use IdentityRefusal as R;
    for (what, token, refusal) in [
        ("alg none", unsigned("none"), R::Algorithm),
        ("alg nOnE", unsigned("nOnE"), R::Algorithm),
        ("HS256 by the public key", sign(Algorithm::HS256, "rsa", &claims()), R::Algorithm),
        ("HS384 by the public key", sign(Algorithm::HS384, "rsa", &claims()), R::Algorithm),
        ("RS384", sign(Algorithm::RS384, "rsa", &claims()), R::Algorithm),
        ("RS256 by an EC key's id", sign(Algorithm::RS256, "ec", &claims()), R::Algorithm),
        ("ES256 by the P-384 key's id", sign(Algorithm::ES256, "ec", &claims()), R::Algorithm),
        ("unknown kid", sign(Algorithm::RS256, "nobody", &claims()), R::Key),
        ("no kid", no_kid, R::Key),
        ("words that must be understood", critical, R::Malformed),
        ("another issuer's key", with(json!({"iss": "https://sso.example"})), R::Key),
        ("unknown issuer", with(json!({"iss": "https://evil.example"})), R::Issuer),
        ("issuer with a slash more", with(json!({"iss": format!("{ISSUER}/")})), R::Issuer),
        ("wrong audience", with(json!({"aud": "api://other"})), R::Audience),
        ("no audience", with(json!({"aud": []})), R::Audience),
        ("audience of another shape", with(json!({"aud": {"api://osler": 1}})), R::Malformed),
        ("another tenant", with(json!({"tid": "00000000-2222-3333-4444-555555555555"})), R::Tenant),
        ("no tenant", with(json!({"tid": null})), R::Tenant),
        ("expired", with(json!({"exp": seconds() - 61})), R::Time),
        ("not valid yet", with(json!({"nbf": seconds() + 61})), R::Time),
        ("no end", with(json!({"exp": null})), R::Malformed),
        ("an end that overflows", with(json!({"exp": 1e300})), R::Malformed),
        ("no subject", with(json!({"sub": null})), R::Malformed),
        ("no role", with(json!({"roles": null})), R::Role),
        ("no known role", with(json!({"roles": ["clinician", "Owner"]})), R::Role),
        ("roles of another shape", with(json!({"roles": {"developer": true}})), R::Role),
        ("a role in the wrong claim", with(json!({"roles": [], "groups": ["developer"]})), R::Role),
        ("altered", altered, R::Signature),
        ("cut off", good[..good.len() - 4].to_owned(), R::Signature),
        ("nonsense", "nonsense".to_owned(), R::Malformed),
        ("huge", with(json!({"padding": "a".repeat(100_000)})), R::Malformed),
    ] {
        assert_eq!(identities.admit(&token, Some(Scope::Read), now()), Err(refusal), "{what}");
    }
    assert!(identities.admit(&good, Some(Scope::Read), now()).is_ok());
}

#[test]
fn a_clock_that_ran_ahead_and_was_set_back_holds_no_key_set_up() {
    let dir = tempfile::tempdir().unwrap();
    let identities = open(dir.path(), FILE).unwrap();
    let (token, ahead) = (with(json!({})), later(400 * 86_400));
    assert!(identities.may_ask(0, ahead));
    identities.take_keys(0, &set(&[EC_PUBLIC]), ahead).unwrap();
    // What was read in a future that isn't known to come is read anew, and not believed until it is.
    assert_eq!(identities.lacks(&token, now()), Some((0, Lack::Key)));
    assert_eq!(identities.admit(&token, None, now()), Err(IdentityRefusal::Unavailable));
    assert!(identities.may_ask(0, now()) && !identities.may_ask(0, later(30)));
    identities.take_keys(0, &set(&[RSA_PUBLIC]), now()).unwrap();
    identities.admit(&token, None, now()).unwrap();
    // By a little it is no matter.
    identities.admit(&token, None, later(-30)).unwrap();
}

#[test]
fn key_sets_are_asked_for_when_they_lack_something_and_not_more_often() {
    let dir = tempfile::tempdir().unwrap();
    let identities = open(dir.path(), FILE).unwrap();
    let token = with(json!({}));
    // None is held yet.
    assert_eq!(identities.admit(&token, None, now()), Err(IdentityRefusal::Unavailable));
    assert_eq!(identities.lacks(&token, now()), Some((0, Lack::Key)));
    assert!(
        identities.may_ask(0, now()) && !identities.may_ask(0, later(4)) && identities.may_ask(0, later(5))
    );
    identities.take_keys(0, &set(&[RSA_PUBLIC]), later(5)).unwrap();
    assert_eq!(identities.lacks(&token, later(5)), None);
    identities.admit(&token, None, later(5)).unwrap();
    // A key that isn't in it, by a thousand names.
    let unknown = |kid: &str| sign(Algorithm::RS256, kid, &claims());
    assert_eq!(identities.lacks(&unknown("a"), later(6)), Some((0, Lack::Key)));
    let asked = (6..126).filter(|second| identities.may_ask(0, later(*second))).count();
    assert_eq!(asked, 2, "once a minute");
    // What came back is none: those before go on.
    for nonsense in [&b"<html>"[..], b"{}", b"{\"keys\":[]}", &set(&[])] {
        assert!(identities.take_keys(0, nonsense, later(200)).is_err());
    }
    identities.admit(&token, None, later(201)).unwrap();
    // Old, then too old.
    assert_eq!(identities.lacks(&token, later(3605)), Some((0, Lack::Age)));
    let long = with(json!({"exp": seconds() + 200_000}));
    identities.admit(&long, None, later(86_404)).unwrap();
    assert_eq!(identities.lacks(&long, later(86_405)), Some((0, Lack::Key)));
    assert_eq!(identities.admit(&long, None, later(86_405)), Err(IdentityRefusal::Unavailable));
    // A key that was taken back is gone with the next set.
    identities.take_keys(0, &set(&[EC_PUBLIC]), later(86_406)).unwrap();
    assert_eq!(identities.admit(&long, None, later(86_406)), Err(IdentityRefusal::Key));
    // Others' tokens ask for nothing.
    for token in ["nonsense", "a.b.c", &with(json!({"iss": "https://evil.example"}))] {
        assert_eq!(identities.lacks(token, now()), None);
    }
}

#[test]
fn keys_that_are_weak_or_for_something_else_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let identities = open(dir.path(), FILE).unwrap();
    let changed = |changes: Value| {
        let mut key: Value = serde_json::from_str(RSA_PUBLIC).unwrap();
        key.as_object_mut().unwrap().remove("alg");
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        json!({ "keys": [key] }).to_string().into_bytes()
    };
    for changes in [
        json!({"use": "enc"}),
        json!({"n": "AQAB".repeat(42)}),
        json!({"alg": "RS512"}),
        json!({"kty": "oct", "k": "AQAB"}),
    ] {
        assert!(identities.take_keys(0, &changed(changes.clone()), now()).is_err(), "{changes}");
    }
    identities.take_keys(0, &changed(json!({})), now()).unwrap();
}

#[test]
fn files_that_leave_something_open_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = "[[issuer]]\niss = \"https://a.example\"\naud = \"osler\"\njwks = \"keys.json\"\n";
    let role = "[roles.clinician]\nscopes = [\"read\"]\n";
    let good = open(dir.path(), &format!("{issuer}{role}")).unwrap();
    assert_eq!(good.keys_at(), [KeysAt::File(dir.path().join("keys.json"))]);
    for (text, named) in [
        (String::new(), "no role"),
        (role.to_owned(), "no issuer"),
        (issuer.to_owned(), "no role"),
        (format!("{issuer}[roles.doctor]\nscopes = [\"read\"]\n"), "developer, clinician, governance, admin"),
        (format!("{issuer}[roles.admin]\nscopes = []\n"), "needs scopes"),
        (format!("{issuer}[roles.admin]\nscopes = [\"all\"]\n"), "unknown variant"),
        (
            format!("{issuer}{role}[roles.admin]\nscopes = [\"read\"]\nvalues = [\"clinician\"]\n"),
            "another role's",
        ),
        (format!("{issuer}{role}per_minute = 0\n"), "at least 1"),
        (format!("{issuer}{issuer}{role}"), "twice"),
        (format!("{}{role}", issuer.replace("\"osler\"", "\"\"")), "iss and aud"),
        (format!("{}{role}", issuer.replace("a.example", "a.example/{tenantid}")), "one tenant"),
        (format!("{issuer}algorithms = [\"none\"]\n{role}"), "unknown field"),
    ] {
        let error = open(dir.path(), &text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(named), "{text}: {error}");
    }
}
