use crate::{
    call::{Answer, get, governed, now, send, ungoverned},
    fake::{FakePredictor, record},
};
use axum::{Router, body::Body, http::Request};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use govern::access::{Grant, Keyring, Scope};
use serve::{Access, Route, ServeSettings, routes};
use std::sync::Arc;

/// A server that asks for keys, and what is needed to grant them.
struct Locked {
    service: Router,
    predictor: Arc<FakePredictor>,
    dir: tempfile::TempDir,
}

impl Locked {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
        let governance = ungoverned().with_access(Access::Keys { keyring, tokens: None, identities: None });
        let predictor: Arc<FakePredictor> = Arc::default();
        let service = governed(predictor.clone(), governance, ServeSettings::default());
        Locked { service, predictor, dir }
    }

    fn keyring(&self) -> Keyring {
        Keyring::open(&self.dir.path().join("access.db")).unwrap()
    }

    fn granted(&self, grant: &Grant) -> String {
        self.keyring().grant(grant, now()).unwrap().expose().to_owned()
    }

    /// A key for everything.
    fn key(&self) -> String {
        self.granted(&Grant { trial: true, ..Grant::new("test", Scope::ALL) })
    }

    async fn shown(&self, header: &str, value: &str) -> Answer {
        let request = Request::get("/v1/models").header(header, value).body(Body::empty()).unwrap();
        send(&self.service, request).await
    }

    /// Asks by whichever method the route takes.
    async fn ask(&self, route: &Route, key: &str) -> Answer {
        let path = route.path.replace("{id}", "osler-patient-view").replace("{name}", "osler-tiny");
        let request = |method: &str| {
            Request::builder()
                .method(method)
                .uri(&path)
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .body(Body::from(record(&[]).to_string()))
                .unwrap()
        };
        let answer = send(&self.service, request("GET")).await;
        if answer.status != 405 { answer } else { send(&self.service, request("POST")).await }
    }
}

#[tokio::test]
async fn every_route_but_health_asks_for_a_key() {
    let locked = Locked::new();
    let strays = ["/v1/nowhere", "/health/../v1/models", "/health/nowhere", "/nowhere"];
    let paths = routes().into_iter().filter(|route| route.scope.is_some()).map(|route| route.path);
    for path in strays.into_iter().chain(paths) {
        let answer = get(&locked.service, path).await;
        answer.error(401, "unauthorized");
        let schemes: Vec<_> =
            answer.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(schemes, ["Bearer realm=\"Osler\"", "Basic realm=\"Osler\""]);
    }
    let probes: Vec<_> = routes().into_iter().filter(|route| route.scope.is_none()).collect();
    assert_eq!(
        probes.iter().map(|route| route.path).collect::<Vec<_>>(),
        ["/ping", "/health", "/health/live", "/health/ready"]
    );
    for probe in probes {
        assert_eq!(get(&locked.service, probe.path).await.status, 200, "{}", probe.path);
    }
}

#[tokio::test]
async fn every_route_asks_for_its_own_scope_and_no_other_opens_it() {
    let locked = Locked::new();
    for route in routes() {
        let Some(needed) = route.scope else { continue };
        for scope in Scope::ALL {
            let key = locked.granted(&Grant { trial: true, ..Grant::new("test", [scope]) });
            let answer = locked.ask(&route, &key).await;
            if scope == needed {
                assert!(!matches!(answer.status.as_u16(), 401 | 403), "{route:?} {scope}: {}", answer.text);
            } else {
                let said = answer.error(403, "wrong_scope");
                assert!(said.contains(needed.name()), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn the_key_is_taken_in_each_way_that_clients_send_it() {
    let locked = Locked::new();
    let key = locked.key();
    let basic = |secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("anyone:{secret}")));
    for (header, value) in [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("api-key", key.clone()),
        ("authorization", basic(&key)),
    ] {
        assert_eq!(locked.shown(header, &value).await.status, 200, "{header}: {value}");
    }
    for (header, value) in [
        ("authorization", format!("Bearer {}", &key[..key.len() - 1])),
        ("authorization", format!("Bearer {key}x")),
        ("authorization", "Bearer".to_owned()),
        ("authorization", key.clone()),
        ("authorization", "Basic !!!".to_owned()),
        ("authorization", basic("wrong")),
        ("api-key", "wrong".to_owned()),
        ("api-key", String::new()),
    ] {
        locked.shown(header, &value).await.error(401, "unauthorized");
    }
}

#[tokio::test]
async fn expired_revoked_and_used_up_keys_are_told_apart() {
    let locked = Locked::new();
    let soon = now().plus_micros(1);
    let ended = locked.keyring();
    let past = now().plus_micros(-10);
    let expired =
        ended.grant(&Grant { expires: Some(past.plus_micros(5)), ..Grant::new("old", Scope::ALL) }, past);
    let bearer = |key: &str| format!("Bearer {key}");
    let expired = expired.unwrap();
    locked.shown("authorization", &bearer(expired.expose())).await.error(401, "key_refused");
    let key =
        locked.granted(&Grant { expires: Some(soon), per_minute: Some(1), ..Grant::new("app", Scope::ALL) });
    assert_eq!(locked.shown("api-key", &key).await.status, 200);
    let answer = locked.shown("api-key", &key).await;
    answer.error(429, "quota_exceeded");
    assert_eq!(answer.header("retry-after"), "60");
    let id = key.split('_').nth(1).unwrap();
    locked.keyring().revoke(id, now()).unwrap();
    let said = locked.shown("api-key", &key).await.error(401, "key_refused");
    assert!(said.contains("revoked") && !said.contains(id), "{said}");
}

#[tokio::test]
async fn a_key_for_another_model_asks_this_one_nothing() {
    let locked = Locked::new();
    let mut grant = Grant { trial: true, ..Grant::new("app", Scope::ALL) };
    grant.models.insert("osler-large".into());
    let key = locked.granted(&grant);
    for route in routes().into_iter().filter(|route| route.answers) {
        locked.ask(&route, &key).await.error(403, "model_not_granted");
    }
    assert!(locked.predictor.batches.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_key_nothing_reaches_the_model() {
    let locked = Locked::new();
    crate::call::post(&locked.service, "/v1/risk", &record(&[])).await.error(401, "unauthorized");
    assert!(locked.predictor.batches.lock().unwrap().is_empty());
}
