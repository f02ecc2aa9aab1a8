//! Patients that are kept between calls: for whoever left them, for as long as was said, and as if their record had been sent whole.

use crate::{
    call::{Answer, get, governed, now, post, send, service, service_with, ungoverned},
    fake::{FakePredictor, record},
    ledger::recorded,
};
use axum::{Router, body::Body, http::Request};
use govern::access::{Grant, Keyring, Scope};
use serde_json::{Value, json};
use serve::{Access, AppState, Current, ServeSettings, Stage, serve};
use std::{sync::Arc, time::Duration};

async fn kept(service: &Router, record: &Value) -> String {
    let answer = post(service, "/v1/patients", record).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["patient_id"].as_str().unwrap().to_owned()
}

async fn delete(service: &Router, path: &str) -> Answer {
    send(service, Request::delete(path).body(Body::empty()).unwrap()).await
}

fn more(codes: &[&str]) -> Value {
    let events: Vec<_> =
        codes.iter().map(|code| json!({"time": "2021-05-01T09:00:00", "code": code})).collect();
    json!({ "events": events })
}

#[tokio::test]
async fn a_record_that_grew_here_is_answered_as_one_that_was_sent_whole() {
    let service = service();
    let patient = kept(&service, &record(&["ICD10CM//I10"])).await;
    let path = |what: &str| format!("/v1/patients/{patient}{what}");
    let added = post(&service, &path("/events"), &more(&["LOINC//33762-6", "LOCAL//7"])).await;
    let added_json = added.json();
    assert_eq!((added.status.as_u16(), &added_json["events"]), (200, &json!(5)));
    assert_eq!(added_json["added"], json!({"read": 2, "rejected": 0, "unknown_codes": 1}));
    assert_eq!(added_json["expires_in_seconds"], 3600);
    let mut whole = record(&["ICD10CM//I10"]);
    whole["events"]
        .as_array_mut()
        .unwrap()
        .extend(more(&["LOINC//33762-6", "LOCAL//7"])["events"].as_array().unwrap().iter().cloned());
    let asked = json!({"horizons_days": [365], "top": 3});
    let mut sent = asked.clone();
    sent["patient"] = whole.clone();
    let (here, there) =
        (post(&service, &path("/risk"), &asked).await.json(), post(&service, "/v1/risk", &sent).await.json());
    assert_eq!(here["patients"], there["patients"]);
    assert_eq!(here["patients"][0]["events"]["read"], 5);
    let here = post(&service, &path("/embed"), &json!({})).await.json();
    assert_eq!(here["embeddings"], post(&service, "/v1/embed", &whole).await.json()["embeddings"]);
    let metrics = get(&service, "/metrics").await.text;
    assert!(metrics.contains("osler_kept_patients 1"), "{metrics}");
}

#[tokio::test]
async fn adding_twice_is_adding_once_and_bundles_need_no_patient() {
    let service = service();
    let bundle = crate::fhir::bundle();
    let patient = kept(&service, &bundle).await;
    let path = format!("/v1/patients/{patient}/events");
    let before = get(&service, &format!("/v1/patients/{patient}")).await.json()["events"].as_u64().unwrap();
    for added in [1, 0] {
        let answer = post(&service, &path, &more(&["SNOMED//77176002"])).await.json();
        assert_eq!(answer["added"]["read"], added);
        assert_eq!(answer["events"].as_u64().unwrap(), before + 1);
    }
    assert_eq!(post(&service, &path, &bundle).await.json()["added"]["read"], 0, "the same Bundle again");
    let rest = json!({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {
        "resourceType": "Condition", "onsetDateTime": "2024-09-03",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]}}}]});
    assert_eq!(post(&service, &path, &rest).await.json()["added"]["read"], 1);
    let mut other = bundle.clone();
    for entry in other["entry"].as_array_mut().unwrap() {
        if entry["resource"]["resourceType"] == "Patient" {
            entry["resource"]["id"] = "another".into();
        }
    }
    let message = post(&service, &path, &other).await.error(422, "unreadable_patient");
    assert!(message.contains("another patient"), "{message}");
}

#[tokio::test]
async fn a_patient_is_there_for_the_key_that_left_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
    let key = |scopes: &[Scope]| {
        let grant = Grant { trial: true, ..Grant::new("test", scopes.iter().copied()) };
        keyring.grant(&grant, now()).unwrap().expose().to_owned()
    };
    let (ann, bob, reader) = (key(&[Scope::Predict]), key(&[Scope::Predict]), key(&[Scope::Read]));
    let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
    let governance = ungoverned().with_access(Access::Keys { keyring, tokens: None, identities: None });
    let service = governed(Arc::default(), governance, ServeSettings::default());
    let ask = async |method: &str, path: &str, key: &str, body: &Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("api-key", key)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        send(&service, request).await
    };
    let patient = ask("POST", "/v1/patients", &ann, &record(&[])).await.json()["patient_id"].clone();
    let path = format!("/v1/patients/{}", patient.as_str().unwrap());
    let calls = [
        ("GET", path.clone(), json!({})),
        ("POST", format!("{path}/events"), more(&["ICD10CM//I10"])),
        ("POST", format!("{path}/risk"), json!({})),
        ("POST", format!("{path}/embed"), json!({})),
        ("DELETE", path.clone(), json!({})),
    ];
    for (method, path, body) in &calls {
        let theirs = ask(method, path, &bob, body).await;
        let none = ask(method, &path.replace(patient.as_str().unwrap(), "0f8fad5b"), &bob, body).await;
        assert_eq!(
            theirs.error(404, "no_such_patient"),
            none.error(404, "no_such_patient"),
            "another's is as if it weren't there: {method} {path}"
        );
        ask(method, path, &reader, body).await.error(403, "wrong_scope");
    }
    for (method, path, body) in &calls {
        let answer = ask(method, path, &ann, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    }
    ask("GET", &path, &ann, &json!({})).await.error(404, "no_such_patient");
}

#[tokio::test]
async fn what_cannot_be_kept_or_asked_is_said() {
    let settings = ServeSettings { max_kept_events: 4, ..Default::default() };
    let service = service_with(Arc::default(), settings);
    let patient = kept(&service, &record(&["ICD10CM//I10"])).await;
    let path = |what: &str| format!("/v1/patients/{patient}{what}");
    let two = record(&[]);
    post(&service, "/v1/patients", &json!({"patients": [two, two]})).await.error(400, "invalid_request");
    post(&service, "/v1/patients", &json!({})).await.error(400, "invalid_request");
    post(&service, "/v1/patients", &more(&["ICD10CM//I10"])).await.error(422, "unreadable_patient");
    post(&service, "/v1/patients", &record(&["A//1", "A//2", "A//3"])).await.error(413, "patient_too_large");
    post(&service, &path("/events"), &more(&["A//1", "A//2"])).await.error(413, "patient_too_large");
    assert_eq!(get(&service, &path("")).await.json()["events"], 3, "nothing was added");
    post(&service, &path("/events"), &json!({"patient": two})).await.error(400, "invalid_request");
    post(&service, &path("/risk"), &json!({"patient": two})).await.error(400, "invalid_request");
    post(&service, &path("/risk"), &json!({"codes": ["Ann Canary"]})).await.error(400, "invalid_request");
    post(&service, &path("/embed"), &json!({"top": 1})).await.error(400, "invalid_request");
    let deep = format!("{{\"events\": {}1{}}}", "[".repeat(100), "]".repeat(100));
    crate::call::post_text(&service, &path("/events"), deep).await.error(400, "json_too_deep");
    assert_eq!(delete(&service, &path("")).await.status, 204);
    for what in ["", "/events", "/risk", "/embed"] {
        let answer = match what {
            "" => get(&service, &path(what)).await,
            _ => post(&service, &path(what), &json!({})).await,
        };
        let message = answer.error(404, "no_such_patient");
        assert!(message.contains("send the record again to POST /v1/patients"), "{message}");
    }
    delete(&service, &path("")).await.error(404, "no_such_patient");
}

#[tokio::test]
async fn who_is_not_asked_about_for_long_enough_is_gone() {
    let settings = ServeSettings { kept_idle: Duration::from_millis(50), ..Default::default() };
    let service = service_with(Arc::default(), settings);
    let patient = kept(&service, &record(&[])).await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    get(&service, &format!("/v1/patients/{patient}")).await.error(404, "no_such_patient");
    kept(&service, &record(&[])).await;
    let metrics = get(&service, "/metrics").await.text;
    assert!(metrics.contains("osler_patients_let_go_total{kind=\"expired\"} 1"), "{metrics}");
}

#[tokio::test]
async fn every_call_about_a_kept_patient_is_on_record_with_its_name() {
    let recorded = recorded(Stage::Live);
    let patient = kept(&recorded.service, &record(&[])).await;
    let path = |what: &str| format!("/v1/patients/{patient}{what}");
    post(&recorded.service, &path("/events"), &more(&["ICD10CM//I10"])).await;
    post(&recorded.service, &path("/risk"), &json!({})).await;
    post(&recorded.service, &path("/embed"), &json!({})).await;
    delete(&recorded.service, &path("")).await;
    let calls = recorded.calls();
    let doors: Vec<_> = calls.iter().map(|call| call.door.as_str()).collect();
    let of_one = "/v1/patients/{patient}";
    assert_eq!(
        doors,
        [
            "POST /v1/patients".to_owned(),
            format!("POST {of_one}/events"),
            format!("POST {of_one}/risk"),
            format!("POST {of_one}/embed"),
            format!("DELETE {of_one}"),
        ]
    );
    assert!(calls.iter().all(|call| call.kept_patient.as_deref() == Some(&*patient)));
    assert!(calls[1].input_digest.is_some() && calls[3].output.is_none());
}

#[tokio::test]
async fn a_retired_model_is_left_no_patients() {
    let recorded = recorded(Stage::Retired);
    post(&recorded.service, "/v1/patients", &record(&[])).await.error(410, "retired");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_come_at_once_are_all_added() {
    let service = service();
    let patient = kept(&service, &record(&[])).await;
    let calls: Vec<_> = (0..30)
        .map(|number| {
            let (service, path) = (service.clone(), format!("/v1/patients/{patient}/events"));
            tokio::spawn(async move { post(&service, &path, &more(&[&format!("A//{number}")])).await.status })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(get(&service, &format!("/v1/patients/{patient}")).await.json()["events"], 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_in_keeps_nobody_from_deleting_the_patient() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let state =
        AppState::new(Arc::new(FakePredictor::default()), ungoverned(), ServeSettings::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Current::from(state), std::future::pending()));
    let ask = async |request: String| -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let head = "HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json";
    let body = record(&[]).to_string();
    let made = ask(format!("POST /v1/patients {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    let made: Value = serde_json::from_str(made.split_once("\r\n\r\n").unwrap().1).unwrap();
    let path = format!("/v1/patients/{}", made["patient_id"].as_str().unwrap());
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    let begun = format!("POST {path}/events {head}\r\ncontent-length: 500\r\n\r\n{{\"events\":");
    slow.write_all(begun.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let deleting = tokio::time::timeout(Duration::from_secs(5), ask(format!("DELETE {path} {head}\r\n\r\n")));
    assert!(deleting.await.expect("it waits for nobody").contains(" 204 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_is_asked_about_patients_that_were_left_with_the_one_before() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let model = |digest| Arc::new(FakePredictor { digest: Some(digest), ..Default::default() });
    let state = AppState::new(model("blake3:aa"), ungoverned(), ServeSettings::default()).unwrap();
    let current = Current::from(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, current.clone(), std::future::pending()));
    let ask = async |path: &str, body: Value| -> Value {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let body = body.to_string();
        let head = "HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json";
        let request = format!("POST {path} {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let patient =
        ask("/v1/patients", record(&["ICD10CM//I10"])).await["patient_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/patients/{patient}/risk");
    let before = ask(&path, json!({})).await;
    current.exchange(vec![serve::Offered::new(model("blake3:bb"))]).unwrap();
    let after = ask(&path, json!({})).await;
    assert_eq!(
        (&before["model"]["digest"], &after["model"]["digest"]),
        (&json!("blake3:aa"), &json!("blake3:bb"))
    );
    assert_eq!(before["patients"], after["patients"]);
}
