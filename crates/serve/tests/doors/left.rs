//! What was asked or changed is on record though the caller left, and what can't be recorded has changed nothing.

use crate::{
    call::{Answer, get, governed, post, send, ungoverned},
    fake::{FakePredictor, record},
    ledger::{Eventful, calls},
};
use axum::{Router, body::Body, http::Request};
use events::Time;
use govern::{
    Error, SigningKey,
    ledger::{Call, Ledger, LedgerSettings, SqliteStore},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use serve::ServeSettings;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

/// A server whose ledger fails, or takes its time, when told to.
struct Site {
    service: Router,
    failing: Arc<AtomicBool>,
    slow: Arc<AtomicBool>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

fn site(model: FakePredictor) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let (failing, slow): (Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
    let (fails, is_slow) = (failing.clone(), slow.clone());
    let happens = move || {
        if is_slow.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(300));
        }
        if fails.load(Ordering::Relaxed) { Err(Error::LedgerUnavailable) } else { Ok(()) }
    };
    let store = Eventful(SqliteStore::open(&path).unwrap(), Box::new(happens));
    let clock = Arc::new(|| Time::from_micros(0));
    let ledger =
        Ledger::start(Box::new(store), SigningKey::new().unwrap(), clock, LedgerSettings::default()).unwrap();
    let governance = ungoverned().with_ledger(ledger).with_stage(Arc::new(|| Some(serve::Stage::Live)));
    let service = governed(Arc::new(model), governance, ServeSettings::default());
    Site { service, failing, slow, path, _dir: dir }
}

impl Site {
    async fn kept(&self) -> String {
        let answer = post(&self.service, "/v1/patients", &record(&[])).await;
        format!("/v1/patients/{}", answer.json()["patient_id"].as_str().unwrap())
    }

    async fn events(&self, patient: &str) -> Value {
        get(&self.service, patient).await.json()["events"].clone()
    }

    /// The call at this door, as soon as it is on record.
    async fn recorded(&self, door: &str) -> Call {
        for _ in 0..400 {
            if let Some(call) = calls(&self.path).into_iter().find(|call| call.door == door) {
                return call;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{door} isn't on record");
    }

    /// Sends, and leaves after a while.
    async fn leave(&self, path: &str, body: &Value) {
        let (service, path, body) = (self.service.clone(), path.to_owned(), body.clone());
        let sent = tokio::spawn(async move { post(&service, &path, &body).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!sent.is_finished());
        sent.abort();
    }
}

fn more(codes: &[&str]) -> Value {
    let event = |code: &&str| json!({"time": "2021-05-01T09:00:00", "code": code});
    json!({"events": codes.iter().map(event).collect::<Vec<_>>()})
}

async fn delete(service: &Router, path: &str) -> Answer {
    send(service, Request::delete(path).body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_on_record_or_isn_t_made_whenever_its_caller_leaves() {
    let site = site(FakePredictor::default());
    let patient = site.kept().await;
    let door = "POST /v1/patients/{patient}/events";
    // While the record is read: nothing is changed, and the ledger says that somebody tried.
    site.leave(&format!("{patient}/events"), &more(&["TEST//READ_SLOW"])).await;
    let call = site.recorded(door).await;
    assert_eq!((call.status, call.output), (499, Some(json!({"error": "caller_left"}))));
    assert_eq!(site.events(&patient).await, 2);
    // While it is recorded: that goes on, and then it is changed.
    let other = site.kept().await;
    site.slow.store(true, Ordering::Relaxed);
    site.leave(&format!("{other}/events"), &more(&["LOINC//4548-4"])).await;
    site.slow.store(false, Ordering::Relaxed);
    let added = post(&site.service, &format!("{other}/events"), &more(&["LOINC//2160-0"])).await;
    assert_eq!(added.json()["events"], 4, "{}", added.text);
    let of_other = calls(&site.path).into_iter().filter(|call| call.door == door && call.status == 200);
    assert_eq!(of_other.count(), 2);
}

#[tokio::test]
async fn what_can_t_be_recorded_changes_nothing() {
    let site = site(FakePredictor::default());
    let patient = site.kept().await;
    site.failing.store(true, Ordering::Relaxed);
    post(&site.service, &format!("{patient}/events"), &more(&["ICD10CM//I10"]))
        .await
        .error(503, "ledger_unavailable");
    post(&site.service, "/v1/patients", &record(&[])).await.error(503, "ledger_unavailable");
    delete(&site.service, &patient).await.error(503, "ledger_unavailable");
    site.failing.store(false, Ordering::Relaxed);
    assert_eq!(site.events(&patient).await, 2);
    assert!(get(&site.service, "/metrics").await.text.contains("osler_kept_patients 1"));
    let added = post(&site.service, &format!("{patient}/events"), &more(&["ICD10CM//I10"])).await;
    assert_eq!((added.json()["added"]["read"].clone(), added.json()["events"].clone()), (json!(1), json!(3)));
    assert_eq!(delete(&site.service, &patient).await.status, 204);
    get(&site.service, &patient).await.error(404, "no_such_patient");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_added_at_once_is_added_all_of_it() {
    let site = site(FakePredictor::default());
    let patient = site.kept().await;
    let adding = (0..8).map(|number| {
        let (service, path) = (site.service.clone(), format!("{patient}/events"));
        tokio::spawn(
            async move { post(&service, &path, &more(&[&format!("LOINC//{number}-1")])).await.status },
        )
    });
    for added in adding.collect::<Vec<_>>() {
        assert_eq!(added.await.unwrap(), 200);
    }
    assert_eq!(site.events(&patient).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_was_asked_is_on_record_though_nobody_waits_for_its_answer() {
    let site = site(FakePredictor { slow: Duration::from_millis(200), ..Default::default() });
    site.leave("/v1/risk", &record(&[])).await;
    let call = site.recorded("POST /v1/risk").await;
    assert_eq!((call.status, call.output), (499, Some(json!({"error": "caller_left"}))));
    assert!(call.input_digest.is_some());

    site.leave("/v1/reason", &record(&["TEST//SLOW"])).await;
    assert_eq!(site.recorded("POST /v1/reason").await.status, 499);

    let asked = json!({"patient": record(&[]), "trajectories": 1000, "stream": true});
    let request = Request::post("/v1/simulate")
        .header("content-type", "application/json")
        .body(Body::from(asked.to_string()))
        .unwrap();
    let mut body = site.service.clone().oneshot(request).await.unwrap().into_body();
    let told = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(told.starts_with(b"event: progress"));
    drop(body);
    let call = site.recorded("POST /v1/simulate").await;
    assert_eq!((call.status, call.output), (499, Some(json!({"error": "caller_left"}))));
}
