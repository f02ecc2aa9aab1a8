//! Every call is recorded before it is answered, and only what the model's stage allows is answered.

use crate::{
    call::{governed, now, post, ungoverned},
    fake::{FakePredictor, record},
};
use axum::Router;
use events::Time;
use govern::{
    Error, SigningKey,
    ledger::{Call, Checkpoint, Entry, Ledger, LedgerSettings, Link, Record, SqliteStore, Store, verify},
};
use serde_json::Value;
use serve::{ServeSettings, Stage};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A server with a ledger, and a stage that can be changed.
pub struct Recorded {
    pub service: Router,
    pub predictor: Arc<FakePredictor>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

pub fn recorded(stage: Stage) -> Recorded {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let governance = ungoverned().with_ledger(ledger(&path)).with_stage(Arc::new(move || Some(stage)));
    let predictor: Arc<FakePredictor> = Arc::default();
    let service = governed(predictor.clone(), governance, ServeSettings::default());
    Recorded { service, predictor, path, _dir: dir }
}

impl Recorded {
    pub fn calls(&self) -> Vec<Call> {
        calls(&self.path)
    }
}

/// The calls in a ledger.
pub fn calls(path: &Path) -> Vec<Call> {
    let entries = SqliteStore::open_to_read(path).unwrap().entries(1, 1000).unwrap();
    let call = |entry: Entry| match serde_json::from_str(&entry.record).unwrap() {
        Record::Call(call) => *call,
        other => panic!("{other:?}"),
    };
    entries.into_iter().map(call).collect()
}

/// A new ledger.
pub fn ledger(path: &Path) -> Ledger {
    let store = SqliteStore::open(path).unwrap();
    let key = SigningKey::from_hex(&"07".repeat(32)).unwrap();
    Ledger::start(Box::new(store), key, Arc::new(now), LedgerSettings::default()).unwrap()
}

#[tokio::test]
async fn a_call_is_recorded_with_what_was_answered() {
    let recorded = recorded(Stage::Live);
    let body = record(&["ICD10CM//I10"]);
    let answer = post(&recorded.service, "/v1/risk", &body).await;
    assert_eq!(answer.status, 200);
    let calls = recorded.calls();
    let [call] = &calls[..] else { panic!("{} calls", calls.len()) };
    assert_eq!((call.door.as_str(), call.status, call.withheld), ("POST /v1/risk", 200, false));
    assert_eq!((call.caller.as_str(), call.model.stage), ("local", Stage::Live));
    assert_eq!(call.request_id, answer.header("x-request-id"));
    assert_eq!(call.output.as_ref(), Some(&answer.json()));
    assert_eq!(call.output_digest, blake3::hash(answer.text.as_bytes()).to_hex().to_string());
    let key = SigningKey::from_hex(&"07".repeat(32)).unwrap().digest_key();
    let digest = blake3::keyed_hash(&key, body.to_string().as_bytes()).to_hex().to_string();
    assert_eq!(call.input_digest, Some(digest));
    assert_eq!(answer.header("x-osler-stage"), "live");
    assert_eq!(answer.header("x-osler-model"), call.model.digest);
    let verified = verify(&SqliteStore::open_to_read(&recorded.path).unwrap(), &Default::default()).unwrap();
    assert_eq!(answer.header("x-osler-ledger"), verified.last.to_string());
}

#[tokio::test]
async fn refused_calls_and_faults_are_recorded_without_what_was_sent() {
    let recorded = recorded(Stage::Live);
    post(&recorded.service, "/v1/risk", &serde_json::json!({"Ann Canary": 1}))
        .await
        .error(400, "invalid_request");
    post(&recorded.service, "/v1/risk", &record(&["TEST//FAIL"])).await.error(500, "predictor_failed");
    post(&recorded.service, "/v1/risk", &record(&["TEST//READ_PANIC"])).await.error(500, "predictor_failed");
    let calls = recorded.calls();
    let told: Vec<_> =
        calls.iter().map(|c| (c.status, c.output.as_ref().unwrap()["error"].clone())).collect();
    let failed = || Value::from("predictor_failed");
    assert_eq!(told, [(400, "invalid_request".into()), (500, failed()), (500, failed())]);
    assert!(!serde_json::to_string(&calls).unwrap().contains("Canary"));
}

#[tokio::test]
async fn a_long_answer_is_kept_by_its_digest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let store = SqliteStore::open(&path).unwrap();
    let key = SigningKey::new().unwrap();
    let ledger = Ledger::start(Box::new(store), key, Arc::new(now), LedgerSettings::default()).unwrap();
    let settings = ServeSettings { max_ledger_output_bytes: 100, ..Default::default() };
    let service = governed(Arc::default(), ungoverned().with_ledger(ledger), settings);
    let answer = post(&service, "/v1/risk", &record(&[])).await;
    assert_eq!(answer.status, 200);
    let entry = &SqliteStore::open_to_read(&path).unwrap().entries(1, 2).unwrap()[0];
    let record: Value = serde_json::from_str(&entry.record).unwrap();
    assert_eq!(record["output"], Value::Null);
    assert_eq!(record["output_digest"], blake3::hash(answer.text.as_bytes()).to_hex().to_string());
}

/// A store to which something happens whenever it is written to.
pub struct Eventful(pub SqliteStore, pub Box<dyn Fn() -> Result<(), Error> + Send>);

impl Store for Eventful {
    fn ledger_id(&self) -> &str {
        self.0.ledger_id()
    }
    fn append(&mut self, records: &[String]) -> Result<Vec<Link>, Error> {
        (self.1)()?;
        self.0.append(records)
    }
    fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.0.keep_checkpoint(checkpoint)
    }
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.0.entries(from, limit)
    }
    fn changes(&self) -> Result<Vec<Entry>, Error> {
        self.0.changes()
    }
    fn last(&self) -> Result<Link, Error> {
        self.0.last()
    }
    fn checkpoints(&self, from: u64) -> Result<Vec<Checkpoint>, Error> {
        self.0.checkpoints(from)
    }
    fn check_storage(&self) -> Result<(), Error> {
        self.0.check_storage()
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_answered() {
    let dir = tempfile::tempdir().unwrap();
    let failing = Arc::new(AtomicBool::new(true));
    let fails = failing.clone();
    let happens = move || if fails.load(Ordering::Relaxed) { Err(Error::LedgerUnavailable) } else { Ok(()) };
    let store = Eventful(SqliteStore::open(&dir.path().join("ledger.db")).unwrap(), Box::new(happens));
    let clock = Arc::new(|| Time::from_micros(0));
    let ledger =
        Ledger::start(Box::new(store), SigningKey::new().unwrap(), clock, LedgerSettings::default()).unwrap();
    let service = governed(Arc::default(), ungoverned().with_ledger(ledger), ServeSettings::default());
    let answer = post(&service, "/v1/risk", &record(&[])).await;
    answer.error(503, "ledger_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.text.contains("cumulative_incidence"));
    failing.store(false, Ordering::Relaxed);
    assert_eq!(post(&service, "/v1/risk", &record(&[])).await.status, 200);
}
