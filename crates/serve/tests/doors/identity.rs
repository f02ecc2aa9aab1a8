//! Tokens of an identity provider, at every door that takes a key; and its key sets, which come from where the operator says.

use crate::{
    call::{Answer, now, send, ungoverned},
    fake::{FakePredictor, record},
    ledger::{calls, ledger},
};
use axum::{Router, body::Body, http::Request, response::IntoResponse};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use govern::{
    SigningKey,
    access::{Grant, Identities, Keyring, Scope},
};
use serde_json::{Value, json};
use serve::{Access, AppState, Current, Governance, Route, ServeSettings, SignedIn, Stage, app, routes};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

const ISSUER: &str = "https://login.example/tenant/v2.0";
const PERSON: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
const PUBLIC: &str = include_str!("../../../govern/src/access/testkeys/rsa2048.jwk.json");
const PRIVATE: &str = include_str!("../../../govern/src/access/testkeys/rsa2048.hex");

/// How a provider answers who asks for its keys.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    Keys,
    Error,
    Elsewhere,
    Page,
    TooMuch,
    KeysLate,
}

/// A provider's key set, at an address of this machine.
struct Provider {
    address: String,
    gives: Arc<Mutex<Gives>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn start(gives: Gives) -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (gives, asked) = (Arc::new(Mutex::new(gives)), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (gives.clone(), asked.clone());
        let answer = move |request: Request<Body>| async move {
            // Nothing of the caller's goes to the provider.
            assert!(!request.headers().contains_key("authorization"));
            counted.fetch_add(1, Ordering::SeqCst);
            let keys = public_keys();
            let json = [("content-type", "application/json")];
            let gives = *told.lock().unwrap();
            match gives {
                Gives::Keys => (json, keys).into_response(),
                Gives::KeysLate => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    (json, keys).into_response()
                }
                Gives::Error => (axum::http::StatusCode::BAD_GATEWAY, json, keys).into_response(),
                Gives::Elsewhere => {
                    (axum::http::StatusCode::FOUND, [("location", "http://169.254.169.254/")]).into_response()
                }
                Gives::Page => ([("content-type", "text/html")], keys).into_response(),
                Gives::TooMuch => (json, format!("{keys}{}", " ".repeat(300_000))).into_response(),
            }
        };
        let app = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Provider { address, gives, asked }
    }

    fn gives(&self, gives: Gives) {
        *self.gives.lock().unwrap() = gives;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The provider's key set.
fn public_keys() -> String {
    let key: Value = serde_json::from_str(&PUBLIC.replace("RS384", "RS256")).unwrap();
    json!({ "keys": [key] }).to_string()
}

/// A server that trusts a provider.
struct Site {
    service: Router,
    current: Current,
    key: String,
    seconds: Arc<AtomicI64>,
    ledger: PathBuf,
    dir: tempfile::TempDir,
}

/// An `oidc.toml` as it stands in a directory.
fn signed_in(dir: &Path, file: &str) -> Result<SignedIn, serve::Error> {
    std::fs::write(dir.join("oidc.toml"), file).unwrap();
    let identities = Identities::open(&dir.join("oidc.toml"), &SigningKey::new().unwrap()).unwrap();
    SignedIn::new(identities, &[], now())
}

fn site(provider: &Provider) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
    let grant = Grant { trial: true, ..Grant::new("test", Scope::ALL) };
    let key = keyring.grant(&grant, now()).unwrap().expose().to_owned();
    let file = format!(
        "[[issuer]]\niss = \"{ISSUER}\"\naud = \"api://osler\"\njwks = \"{}/discovery/v2.0/keys\"\n\
         [roles.admin]\nscopes = [\"predict\", \"chat\", \"score\", \"cds\", \"read\", \"metrics\"]\n\
         [roles.clinician]\nscopes = [\"cds\"]\n[roles.developer]\nscopes = [\"predict\"]\nper_minute = 2\n",
        provider.address
    );
    let identities = Some(signed_in(dir.path(), &file).unwrap());
    let seconds = Arc::new(AtomicI64::new(0));
    let clock = seconds.clone();
    let clock = move || now().plus_micros(clock.load(Ordering::SeqCst) * 1_000_000);
    let path = dir.path().join("ledger.db");
    let governance = Governance::open(Arc::new(clock))
        .with_access(Access::Keys { keyring, tokens: None, identities })
        .with_ledger(ledger(&path))
        .with_stage(Arc::new(|| Some(Stage::Live)));
    let state =
        AppState::new(Arc::new(FakePredictor::default()), governance, ServeSettings::default()).unwrap();
    Site { service: app(state.clone()), current: state.into(), key, seconds, ledger: path, dir }
}

impl Site {
    async fn ask(&self, route: &Route, header: &str, value: &str) -> Answer {
        let path = route.path.replace("{id}", "osler-patient-view").replace("{name}", "osler-tiny");
        let request = |method: &str| {
            Request::builder()
                .method(method)
                .uri(&path)
                .header(header, value)
                .header("content-type", "application/json")
                .body(Body::from(record(&[]).to_string()))
                .unwrap()
        };
        let answer = send(&self.service, request("GET")).await;
        if answer.status != 405 { answer } else { send(&self.service, request("POST")).await }
    }

    async fn models(&self, secret: &str) -> Answer {
        let request = Request::get("/v1/models").header("authorization", format!("Bearer {secret}"));
        send(&self.service, request.body(Body::empty()).unwrap()).await
    }

    fn later(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

fn signed(kid: &str, changes: &Value) -> String {
    let seconds = now().micros() / 1_000_000;
    let mut claims = json!({
        "iss": ISSUER, "aud": "api://osler", "oid": PERSON, "sub": "opaque", "exp": seconds + 200_000, "nbf": seconds,
        "name": "Ann Canary", "preferred_username": "ann.canary@hospital.example", "roles": ["admin"]
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = jsonwebtoken::Header {
        kid: Some(kid.into()),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256)
    };
    let digits: Vec<char> = PRIVATE.split_whitespace().flat_map(str::chars).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    let key = jsonwebtoken::EncodingKey::from_rsa_der(&digits.chunks(2).map(byte).collect::<Vec<u8>>());
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn a_role_opens_its_doors_by_whatever_way_a_key_is_shown_and_no_others() {
    let provider = Provider::start(Gives::Keys).await;
    let site = site(&provider);
    let token = |roles: &[&str]| signed("rsa", &json!({ "roles": roles }));
    let (admin, clinician, nobody) = (token(&["admin"]), token(&["clinician"]), token(&["Owner"]));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("anyone:{admin}")));
    for route in routes() {
        let Some(needed) = route.scope else { continue };
        for (header, value) in
            [("authorization", &bearer(&admin)), ("api-key", &admin), ("authorization", &basic)]
        {
            let answer = site.ask(&route, header, value).await;
            assert!(!matches!(answer.status.as_u16(), 401 | 403), "{route:?}: {}", answer.text);
        }
        let answer = site.ask(&route, "authorization", &bearer(&clinician)).await;
        match needed {
            Scope::Cds => assert!(!matches!(answer.status.as_u16(), 401 | 403), "{route:?}: {}", answer.text),
            _ => drop(answer.error(403, "wrong_scope")),
        }
        site.ask(&route, "authorization", &bearer(&nobody)).await.error(403, "no_role");
    }
    assert_eq!(provider.asked(), 1, "its keys were asked for once");
    let recorded = calls(&site.ledger);
    assert!(!recorded.is_empty());
    for call in recorded {
        assert_eq!(call.caller, format!("{ISSUER}#{PERSON}"));
        assert!(!serde_json::to_string(&call).unwrap().to_lowercase().contains("canary"));
    }
}

#[tokio::test]
async fn quotas_are_of_the_person() {
    let provider = Provider::start(Gives::Keys).await;
    let site = site(&provider);
    let risk = routes().into_iter().find(|route| route.path == "/v1/risk").unwrap();
    let of = |oid: &str| bearer(&signed("rsa", &json!({ "roles": ["developer"], "oid": oid })));
    let (one, other) = (of(PERSON), of("00000000-bbbb-cccc-dddd-eeeeeeeeeeee"));
    let mut refused = 0;
    for _ in 0..4 {
        refused += usize::from(site.ask(&risk, "authorization", &one).await.status == 429);
    }
    assert!(refused > 0);
    assert_ne!(site.ask(&risk, "authorization", &other).await.status, 429);
}

#[tokio::test]
async fn a_provider_that_is_away_shuts_out_its_own_alone_and_comes_back_by_itself() {
    let provider = Provider::start(Gives::Error).await;
    let site = site(&provider);
    let token = signed("rsa", &json!({}));
    for gives in [Gives::Error, Gives::Elsewhere, Gives::Page, Gives::TooMuch] {
        provider.gives(gives);
        let answer = site.models(&token).await;
        answer.error(503, "access_unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(site.models(&site.key).await.status, 200, "keys are no affair of the provider's");
        site.later(5);
    }
    assert_eq!(provider.asked(), 4);
    provider.gives(Gives::Keys);
    assert_eq!(site.models(&token).await.status, 200);
    // Gone again: what is known goes on for a day, then nobody is believed.
    provider.gives(Gives::Error);
    site.later(86_000);
    assert_eq!(site.models(&token).await.status, 200);
    site.later(400);
    site.models(&token).await.error(503, "access_unavailable");
    provider.gives(Gives::Keys);
    site.later(60);
    assert_eq!(site.models(&token).await.status, 200);
}

#[tokio::test]
async fn made_up_names_of_keys_keep_nobody_busy() {
    let provider = Provider::start(Gives::KeysLate).await;
    let site = Arc::new(site(&provider));
    // All who come while its keys are asked for are admitted by them.
    let first: Vec<_> = (0..20)
        .map(|_| {
            let site = site.clone();
            tokio::spawn(async move { site.models(&signed("rsa", &json!({}))).await.status })
        })
        .collect();
    for call in first {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(provider.asked(), 1);
    site.later(61);
    for number in 0..50 {
        site.models(&signed(&format!("made up {number}"), &json!({}))).await.error(401, "token_refused");
    }
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn hostile_tokens_are_refused_at_the_door_and_keys_go_on() {
    let provider = Provider::start(Gives::Keys).await;
    let site = site(&provider);
    let good = signed("rsa", &json!({}));
    let part = |value: Value| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = good.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{claims}.", part(json!({"alg": "none", "typ": "JWT", "kid": "rsa"})));
    let by_public_key = {
        let header = jsonwebtoken::Header {
            kid: Some("rsa".into()),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
        };
        let claims: Value =
            serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(PUBLIC.as_bytes()))
            .unwrap()
    };
    for (what, token) in [
        ("expired", signed("rsa", &json!({"exp": now().micros() / 1_000_000 - 61}))),
        ("for another", signed("rsa", &json!({"aud": "api://other"}))),
        ("another issuer", signed("rsa", &json!({"iss": "https://evil.example"}))),
        ("alg none", unsigned),
        ("HS256 by the public key", by_public_key),
        ("unknown kid", signed("nobody", &json!({}))),
        ("huge", signed("rsa", &json!({"padding": "x".repeat(20_000)}))),
        ("dots", "...".to_owned()),
    ] {
        let said = site.models(&token).await.error(401, "token_refused");
        assert!(!said.contains("evil") && !said.contains("Canary"), "{what}: {said}");
    }
    assert_eq!(site.models(&good).await.status, 200);
    assert_eq!(site.models(&site.key).await.status, 200);
}

#[test]
fn key_sets_come_from_where_an_operator_may_point() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("keys.json"), public_keys()).unwrap();
    std::fs::write(dir.path().join("none.json"), r#"{"keys": []}"#).unwrap();
    for (jwks, fine) in [
        ("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/v2.0/keys", true),
        ("http://127.0.0.1:8080/keys", true),
        ("keys.json", true),
        ("none.json", false),
        ("missing.json", false),
        ("http://login.example/keys", false),
        ("ftp://login.example/keys", false),
        ("https://user@login.example/keys", false),
        ("https://login.example/../keys", false),
    ] {
        let file = format!(
            "[[issuer]]\niss = \"{ISSUER}\"\naud = \"osler\"\njwks = \"{jwks}\"\n[roles.admin]\nscopes = [\"read\"]\n"
        );
        std::fs::write(dir.path().join("oidc.toml"), file).unwrap();
        let identities =
            Identities::open(&dir.path().join("oidc.toml"), &SigningKey::new().unwrap()).unwrap();
        let roots = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem();
        assert_eq!(SignedIn::new(identities, roots.as_bytes(), now()).is_ok(), fine, "{jwks}");
    }
}

#[tokio::test]
async fn who_is_believed_is_exchanged_while_the_server_runs() {
    let provider = Provider::start(Gives::Keys).await;
    let site = site(&provider);
    let token = signed("rsa", &json!({}));
    assert_eq!(site.models(&token).await.status, 200);
    assert_eq!(provider.asked(), 1);
    let file = |jwks: &str, role: &str| {
        format!(
            "[[issuer]]\niss = \"{ISSUER}\"\naud = \"api://osler\"\njwks = \"{jwks}\"\n[roles.{role}]\nscopes = [\"read\"]\n"
        )
    };
    let believe = |jwks: &str, role: &str| {
        let next = signed_in(site.dir.path(), &file(jwks, role)).unwrap();
        site.current.believe(Some(next)).unwrap();
    };
    let address = format!("{}/discovery/v2.0/keys", provider.address);

    // The same issuer's keys are known already: it is away, and its tokens are judged by the new roles at once.
    provider.gives(Gives::Error);
    believe(&address, "clinician");
    site.models(&token).await.error(403, "no_role");
    believe(&address, "admin");
    assert_eq!(site.models(&token).await.status, 200);
    assert_eq!(provider.asked(), 1);

    // Keys at another address are others.
    believe(&format!("{}/elsewhere", provider.address), "admin");
    site.models(&token).await.error(503, "access_unavailable");
    assert_eq!(provider.asked(), 2);

    // A file is read when it is named, and again with the next exchange: a key that was taken out opens nothing then.
    let keys = site.dir.path().join("keys.json");
    std::fs::write(&keys, public_keys()).unwrap();
    believe("keys.json", "admin");
    assert_eq!(site.models(&token).await.status, 200);
    std::fs::write(&keys, public_keys().replace("\"rsa\"", "\"another\"")).unwrap();
    assert_eq!(site.models(&token).await.status, 200);
    believe("keys.json", "admin");
    site.models(&token).await.error(401, "token_refused");

    // Nobody is believed any more; keys of ours still are.
    site.current.believe(None).unwrap();
    site.models(&token).await.error(401, "unauthorized");
    assert_eq!(site.models(&site.key).await.status, 200);

    let open = AppState::new(Arc::new(FakePredictor::default()), ungoverned(), ServeSettings::default());
    assert!(Current::from(open.unwrap()).believe(None).is_err());
}
