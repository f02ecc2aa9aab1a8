//! Several models in one server: each is asked by its name, by whatever means a door has, and held to a stage of its own.

use crate::{
    call::{Answer, get, now, send, ungoverned},
    fake::{FakePredictor, record},
    leash::{answering, body_for, tells_something},
    ledger::{calls, ledger},
};
use axum::{Router, body::Body, http::Request};
use govern::{
    access::{Grant, Keyring, Scope},
    ledger::Call,
};
use serde_json::{Value, json};
use serve::{Access, Governance, Models, Offered, Roles, Route, ServeSettings, Stage, app};
use std::{path::PathBuf, sync::Arc};

pub const DIGESTS: [&str; 2] = ["blake3:aa", "blake3:bb"];

/// Two models, `first` and `second`, and what they were asked.
pub struct Two {
    pub service: Router,
    pub predictors: [Arc<FakePredictor>; 2],
    path: PathBuf,
    _dir: tempfile::TempDir,
}

pub fn fake(which: usize) -> FakePredictor {
    FakePredictor { digest: Some(DIGESTS[which]), ..Default::default() }
}

pub fn two(stages: [Stage; 2], roles: Roles) -> Two {
    two_of([fake(0), fake(1)], stages, roles, ungoverned(), ServeSettings::default())
}

pub fn two_of(
    predictors: [FakePredictor; 2],
    stages: [Stage; 2],
    roles: Roles,
    governance: Governance,
    settings: ServeSettings,
) -> Two {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let predictors = predictors.map(Arc::new);
    let offered = |which: usize| {
        let stage = stages[which];
        let name = ["first", "second"][which];
        Offered::new(predictors[which].clone()).named(name).with_stage(Arc::new(move || Some(stage)))
    };
    let governance = governance.with_ledger(ledger(&path));
    let models = Models::new(vec![offered(0), offered(1)], roles, governance, settings).unwrap();
    Two { service: app(models), predictors, path, _dir: dir }
}

impl Two {
    pub fn calls(&self) -> Vec<Call> {
        calls(&self.path)
    }

    fn asked(&self) -> [usize; 2] {
        self.predictors.each_ref().map(|predictor| predictor.batches.lock().unwrap().len())
    }

    /// Asks at a route; `named` says which model, by every means that the route has.
    async fn ask(&self, route: &Route, named: Option<&str>, key: Option<&str>) -> Vec<(String, Answer)> {
        let mut answers = Vec::new();
        for means in means(route, named) {
            let mut path = route.path.replace("{id}", "osler-patient-view");
            path = path.replace("{name}", means.path.as_deref().unwrap_or("first"));
            if path.contains("{patient}") {
                let keep = format!("/v1/patients?model={}", named.unwrap_or("first"));
                let kept = self.post(&keep, &record(&["ICD10CM//I10"]), &None, key).await;
                path = path.replace("{patient}", kept.json()["patient_id"].as_str().unwrap_or("nobody"));
            }
            if let Some(query) = &means.query {
                path = format!("{path}?model={query}");
            }
            let mut body = body_for(route);
            if let Some(name) = &means.body {
                if body.get("events").is_some() {
                    body = json!({"patient": body});
                }
                body["model"] = json!(name);
            }
            answers.push((
                format!("{} {means:?}", route.path),
                self.post(&path, &body, &means.header, key).await,
            ));
        }
        answers
    }

    async fn post(&self, path: &str, body: &Value, deployment: &Option<String>, key: Option<&str>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(name) = deployment {
            request = request.header("azureml-model-deployment", name);
        }
        if let Some(key) = key {
            request = request.header("api-key", key);
        }
        send(&self.service, request.body(Body::from(body.to_string())).unwrap()).await
    }
}

/// How a request names its model.
#[derive(Debug, Default)]
struct Means {
    path: Option<String>,
    query: Option<String>,
    header: Option<String>,
    body: Option<String>,
}

/// Every means that a route has.
fn means(route: &Route, named: Option<&str>) -> Vec<Means> {
    let Some(name) = named.map(str::to_owned) else { return vec![Means::default()] };
    if route.path.contains("{name}") {
        return vec![Means { path: Some(name), ..Means::default() }];
    }
    // Which model answers an EHR is the site's to say.
    if route.path.starts_with("/cds-services") {
        return vec![Means::default()];
    }
    let mut means = vec![Means { query: Some(name.clone()), ..Means::default() }];
    match route.path {
        "/score" => means.push(Means { header: Some(name), ..Means::default() }),
        "/invocations" | "/fhir/$risk" => {}
        _ => means.push(Means { body: Some(name), ..Means::default() }),
    }
    means
}

fn cds_by_second() -> Roles {
    Roles { cds: Some("second".into()), mirror: None }
}

#[tokio::test]
async fn each_is_asked_by_its_name_at_every_route_by_every_means() {
    let two = two([Stage::Live; 2], Roles::default());
    for route in answering() {
        let is_cds = route.path.starts_with("/cds-services");
        for (named, which) in [(None, 0), (Some("first"), 0), (Some("second"), 1), (Some(DIGESTS[1]), 1)] {
            let which = if is_cds { 0 } else { which };
            for (what, answer) in two.ask(&route, named, None).await {
                assert!(tells_something(&answer), "{what}: {}", answer.text);
                assert_eq!(answer.header("x-osler-model"), DIGESTS[which], "{what}");
                let told = answer.json()["model"]["digest"].as_str().map(str::to_owned);
                assert!(told.is_none_or(|told| told == DIGESTS[which]), "{what}: {}", answer.text);
                assert_eq!(two.calls().pop().unwrap().model.digest, DIGESTS[which], "{what}");
            }
        }
        if !is_cds {
            for (what, answer) in two.ask(&route, Some("../third"), None).await {
                assert!(!answer.text.contains("third"), "{what}: {}", answer.text);
                if route.path.starts_with("/fhir") {
                    assert_eq!(answer.status, 404, "{what}");
                } else if !route.path.contains("{name}") {
                    answer.error(404, "no_such_model");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_silent_one_beside_a_live_one_answers_by_no_route_and_no_means() {
    let two = two([Stage::Live, Stage::Silent], cds_by_second());
    for route in answering() {
        for (what, answer) in two.ask(&route, Some("second"), None).await {
            assert!(!tells_something(&answer), "{what}: {}", answer.text);
            assert_eq!(
                (answer.header("x-osler-model"), answer.header("x-osler-stage")),
                (DIGESTS[1], "silent")
            );
            let call = two.calls().pop().unwrap();
            assert!(call.withheld && call.model.name == "second" && call.status == 200, "{what}: {call:?}");
        }
        let cds = route.path.starts_with("/cds-services");
        for (what, answer) in two.ask(&route, None, None).await {
            assert_eq!(tells_something(&answer), !cds, "{what}: {}", answer.text);
        }
    }
    let asked = two.asked();
    assert!(asked.iter().all(|asked| *asked > 10), "both were scored: {asked:?}");
}

#[tokio::test]
async fn a_silent_default_is_not_answered_for_by_a_live_one_beside_it() {
    let two = two([Stage::Silent, Stage::Live], Roles::default());
    for route in answering() {
        for (what, answer) in two.ask(&route, None, None).await {
            assert!(!tells_something(&answer), "{what}: {}", answer.text);
            assert_eq!(answer.header("x-osler-model"), DIGESTS[0]);
        }
    }
    assert_eq!(two.asked()[1], 0, "nobody asked the other");
}

#[tokio::test]
async fn a_retired_one_answers_nobody_and_the_other_goes_on() {
    let two = two([Stage::Live, Stage::Retired], Roles::default());
    for route in answering().into_iter().filter(|route| !route.path.starts_with("/cds-services")) {
        for (_, answer) in two.ask(&route, Some("second"), None).await {
            answer.error(410, "retired");
        }
        for (what, answer) in two.ask(&route, None, None).await {
            assert!(tells_something(&answer), "{what}: {}", answer.text);
        }
    }
    assert_eq!(two.asked()[1], 0);
}

#[tokio::test]
async fn another_method_is_refused_as_by_one_model() {
    let two = two([Stage::Live; 2], Roles::default());
    for path in ["/v1/risk", "/chat/completions", "/v1/patients"] {
        get(&two.service, path).await.error(405, "method_not_allowed");
        let put = Request::put(path).body(Body::from("x")).unwrap();
        send(&two.service, put).await.error(405, "method_not_allowed");
    }
}

/// Two models, and a key for the second alone.
fn granted_the_second() -> (Two, String, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
    let grant = Grant { models: ["second".to_owned()].into(), ..Grant::new("test", Scope::ALL) };
    let key = keyring.grant(&grant, now()).unwrap().expose().to_owned();
    let governance = ungoverned().with_access(Access::Keys { keyring, tokens: None, identities: None });
    let two =
        two_of([fake(0), fake(1)], [Stage::Live; 2], cds_by_second(), governance, ServeSettings::default());
    (two, key, dir)
}

#[tokio::test]
async fn a_key_for_one_model_keeps_patients_with_no_other() {
    let (two, key, _keys) = granted_the_second();
    let (key, none) = (Some(&*key), None);
    let named = |model: &str| json!({"patient": record(&[]), "model": model});
    two.post("/v1/patients", &named("first"), &none, key).await.error(403, "model_not_granted");
    two.post("/v1/patients?model=first", &record(&[]), &none, key).await.error(403, "model_not_granted");
    assert!(two.calls().is_empty(), "who isn't let in is not on record");
    let info = Request::get("/info").header("api-key", key.unwrap()).body(Body::empty()).unwrap();
    assert_eq!(send(&two.service, info).await.json()["model_name"], "second");
    // Where none is named, it is one that the key may ask.
    for (path, body) in [("/v1/patients", named("second")), ("/v1/patients", record(&[]))] {
        let kept = two.post(path, &body, &none, key).await;
        assert_eq!((kept.status.as_u16(), kept.header("x-osler-model")), (201, DIGESTS[1]), "{}", kept.text);
        let path = format!("/v1/patients/{}", kept.json()["patient_id"].as_str().unwrap());
        let more = json!({"events": [{"time": "2021-01-01", "code": "ICD10CM//I10"}]});
        let added = two.post(&format!("{path}/events"), &more, &none, key).await;
        assert_eq!((added.status.as_u16(), added.header("x-osler-model")), (200, DIGESTS[1]));
        let elsewhere = format!("{path}/events?model=first");
        two.post(&elsewhere, &more, &none, key).await.error(403, "model_not_granted");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said_before_a_model_that_it_doesn_t_name_is_judged() {
    let (two, key, _keys) = granted_the_second();
    let request = Request::post("/v1/risk").header("content-type", "text/plain").header("api-key", &key);
    let body = json!({"patient": record(&[]), "model": "second"}).to_string();
    let answer = send(&two.service, request.body(Body::from(body)).unwrap()).await;
    answer.error(415, "unsupported_media_type");
    for (path, body) in [
        ("/v1/risk", json!({"patient": record(&[]), "model": "third"})),
        ("/v1/risk?model=third", record(&[])),
        ("/v1/patients", json!({"patient": record(&[]), "model": "third"})),
    ] {
        two.post(path, &body, &None, Some(&key)).await.error(404, "no_such_model");
    }
    assert_eq!(two.calls().len(), 4);
    assert_eq!(two.asked(), [0, 0]);
}

#[tokio::test]
async fn a_kept_record_s_unknown_codes_are_counted_by_the_model_that_answers() {
    let second = FakePredictor { unknown: Some("SNOMED"), ..fake(1) };
    let two =
        two_of([fake(0), second], [Stage::Live; 2], Roles::default(), ungoverned(), ServeSettings::default());
    let patient = record(&["LOCAL//1", "LOCAL//2", "SNOMED//3"]);
    let kept = two.post("/v1/patients?model=first", &patient, &None, None).await.json();
    assert_eq!(kept["added"]["unknown_codes"], 2);
    for (model, unknown) in [("first", 2), ("second", 1)] {
        let path = format!("/v1/patients/{}/risk?model={model}", kept["patient_id"].as_str().unwrap());
        let of_kept = two.post(&path, &json!({}), &None, None).await.json();
        let fresh = two.post(&format!("/v1/risk?model={model}"), &patient, &None, None).await.json();
        assert_eq!(of_kept["patients"], fresh["patients"]);
        assert_eq!(of_kept["patients"][0]["events"]["unknown_codes"], unknown, "{model}");
    }
}

#[tokio::test]
async fn a_key_for_one_model_opens_no_other() {
    let (two, key, _keys) = granted_the_second();
    for route in answering() {
        let cds = route.path.starts_with("/cds-services");
        for (what, answer) in two.ask(&route, Some("second"), Some(&key)).await {
            assert!(tells_something(&answer), "{what}: {}", answer.text);
        }
        for (what, answer) in two.ask(&route, None, Some(&key)).await {
            if cds {
                assert!(tells_something(&answer), "{what}: {}", answer.text);
            } else {
                answer.error(403, "model_not_granted");
            }
        }
    }
    assert_eq!(two.asked()[0], 0, "the first was never asked");
}

#[tokio::test]
async fn all_are_listed_and_the_default_is_told() {
    let two = two([Stage::Live, Stage::Silent], Roles::default());
    let models = get(&two.service, "/v1/models").await.json();
    let told: Vec<_> = models["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (&m["name"], &m["stage"], &m["default"]))
        .collect();
    assert_eq!(json!(told), json!([["first", "live", true], ["second", "silent", false]]));
    let listed = get(&two.service, "/openai/v1/models").await.json();
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(json!(ids), json!(["first", "second"]));
    assert_eq!(get(&two.service, "/info?model=second").await.json()["model_name"], "second");
    assert_eq!(get(&two.service, "/info").await.json()["model_name"], "first");
    get(&two.service, "/info?model=third").await.error(404, "no_such_model");
    let measures = get(&two.service, "/metrics").await.text;
    assert!(DIGESTS.iter().all(|digest| measures.contains(digest)), "{measures}");
}

#[tokio::test]
async fn a_body_that_can_t_be_read_is_refused_and_recorded_as_ever() {
    let two = two([Stage::Live; 2], Roles::default());
    for (body, status, code) in
        [("{\"model\": \"second\"", 400, "invalid_json"), ("{\"model\": 7}", 400, "invalid_request")]
    {
        let request = Request::post("/v1/risk").header("content-type", "application/json");
        let answer = send(&two.service, request.body(Body::from(body)).unwrap()).await;
        answer.error(status, code);
        assert_eq!(two.calls().pop().unwrap().status, status);
    }
    let answer = send(&two.service, Request::post("/v1/risk").body(Body::from("{}")).unwrap()).await;
    answer.error(415, "unsupported_media_type");
    assert_eq!(two.calls().pop().unwrap().status, 415);
}

#[test]
fn models_that_could_be_taken_for_each_other_and_roles_of_nobody_are_refused() {
    let refused = |names: [&str; 2], roles: Roles| {
        let offered = names.map(|name| Offered::new(Arc::new(fake(0))).named(name)).into();
        let models = Models::new(offered, roles, ungoverned(), ServeSettings::default());
        models.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(["a", "b"], Roles::default()), "");
    assert!(refused(["a", "a"], Roles::default()).contains("one name"));
    let mirror = |model: &str, share| Roles {
        cds: None,
        mirror: Some(serve::Mirroring { model: model.into(), share }),
    };
    assert!(refused(["a", "b"], mirror("c", 1.0)).contains("mirrored"));
    assert!(refused(["a", "b"], mirror("a", 1.0)).contains("itself"));
    assert!(refused(["a", "b"], mirror("b", 0.0)).contains("share"));
    assert!(refused(["a", "b"], mirror("b", f64::NAN)).contains("share"));
    assert!(refused(["a", "b"], Roles { cds: Some("c".into()), mirror: None }).contains("CDS"));
}
