//! Silent traffic: another model is asked, after the answer, what the first was asked; its answers are recorded and never seen.

use crate::{
    call::{get, post, ungoverned},
    fake::{FakePredictor, record},
    several::{DIGESTS, Two, fake, two, two_of},
};
use axum::http::Request;
use govern::ledger::Call;
use serde_json::json;
use serve::{Mirroring, Roles, ServeSettings, Stage};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tower::ServiceExt;

fn mirrored(share: f64) -> Roles {
    Roles { cds: None, mirror: Some(Mirroring { model: "second".into(), share }) }
}

impl Two {
    /// The silent calls, once there are so many.
    async fn silent(&self, number: usize) -> Vec<Call> {
        let begun = Instant::now();
        loop {
            let silent: Vec<_> =
                self.calls().into_iter().filter(|call| call.door.ends_with("(mirrored)")).collect();
            if silent.len() >= number {
                return silent;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{} of {number} silent calls", silent.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until so many are counted: that follows the record by a moment.
    async fn until(&self, outcome: &str, number: u64) {
        let begun = Instant::now();
        while self.counted(outcome).await < number {
            assert!(begun.elapsed() < Duration::from_secs(30), "{number} {outcome} were not counted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(self.counted(outcome).await, number, "{outcome}");
    }

    async fn counted(&self, outcome: &str) -> u64 {
        let text = get(&self.service, "/metrics").await.text;
        let start = format!("osler_mirrored_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
    }
}

#[tokio::test]
async fn what_was_answered_is_asked_silently_and_recorded_beside_it() {
    let two = two([Stage::Live, Stage::Silent], mirrored(1.0));
    let risk = post(
        &two.service,
        "/v1/risk",
        &json!({"patient": record(&["ICD10CM//I10"]), "codes": ["ICD10CM//I50.9"]}),
    )
    .await;
    let card = post(&two.service, "/cds-services/osler-patient-view", &crate::cds::call()).await;
    for answer in [&risk, &card] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-osler-model"), DIGESTS[0]);
        assert!(!answer.text.contains(DIGESTS[1]) && !answer.text.contains("second"), "{}", answer.text);
    }
    let silent = two.silent(2).await;
    let answered: Vec<Call> =
        two.calls().into_iter().filter(|call| !call.door.ends_with("(mirrored)")).collect();
    assert_eq!((silent.len(), answered.len()), (2, 2));
    for (silent, answered) in silent.iter().zip(&answered) {
        assert_eq!((silent.model.digest.as_str(), silent.model.stage), (DIGESTS[1], Stage::Silent));
        assert_eq!(silent.request_id, answered.request_id);
        assert_eq!(silent.input_digest, answered.input_digest);
        assert_eq!(silent.door, format!("{} (mirrored)", answered.door));
        assert!(silent.withheld && silent.status == 200 && silent.cards.is_empty());
        assert!(!answered.withheld);
    }
    let told = &silent[0].output.as_ref().unwrap()["patients"][0]["risks"];
    assert_eq!((told.as_array().unwrap().len(), &told[0]["code"]), (1, &"ICD10CM//I50.9".into()));
    assert!(silent[1].output.as_ref().unwrap()["patients"][0]["risks"].as_array().unwrap().len() > 5);
    two.until("recorded", 2).await;
}

#[tokio::test]
async fn neither_other_questions_nor_other_models_nor_refused_calls_are_mirrored() {
    let two = two([Stage::Live, Stage::Live], mirrored(1.0));
    assert_eq!(post(&two.service, "/v1/embed", &record(&[])).await.status, 200);
    assert_eq!(post(&two.service, "/v1/risk?model=second", &record(&[])).await.status, 200);
    post(&two.service, "/v1/risk", &record(&["TEST//OUT_OF_SCOPE"])).await.error(422, "out_of_scope");
    post(&two.service, "/v1/risk", &json!({})).await.error(400, "invalid_request");
    post(&two.service, "/v1/risk", &record(&[])).await;
    two.silent(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(two.silent(1).await.len(), 1, "the last alone");
}

#[tokio::test]
async fn a_share_is_a_share() {
    let two = two([Stage::Live, Stage::Silent], mirrored(0.5));
    for _ in 0..200 {
        post(&two.service, "/v1/risk", &record(&[])).await;
        // Each has time to be asked, so that none is left out.
        while two.counted("recorded").await < two.predictors[1].asked.load(Ordering::Relaxed) as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Five standard errors on either side.
    let recorded = two.silent(1).await.len();
    assert!((65..=135).contains(&recorded), "{recorded}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_room_is_left_out_and_counted_and_callers_do_not_wait() {
    let slow = FakePredictor { slow: Duration::from_millis(1000), ..fake(1) };
    let settings = ServeSettings { max_mirrored: 2, ..Default::default() };
    let two = two_of([fake(0), slow], [Stage::Live, Stage::Silent], mirrored(1.0), ungoverned(), settings);
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(post(&two.service, "/v1/risk", &record(&[])).await.status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "callers waited: {:?}", begun.elapsed());
    two.silent(2).await;
    let (recorded, dropped) = (two.counted("recorded").await, two.counted("dropped").await);
    assert!(dropped >= 1 && recorded + dropped <= 10, "{recorded} recorded, {dropped} dropped");
    assert_eq!(two.predictors[0].asked.load(Ordering::Relaxed), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gives_way_to_callers() {
    let busy = FakePredictor { slow: Duration::from_millis(900), ..fake(0) };
    let settings = ServeSettings { mirror_patience: Duration::from_millis(400), ..Default::default() };
    let two = two_of([busy, fake(1)], [Stage::Live, Stage::Silent], mirrored(1.0), ungoverned(), settings);
    let service = two.service.clone();
    post(&service, "/v1/risk", &record(&[])).await;
    two.silent(1).await;
    // The second caller comes while the first is being answered, so that the model is never idle when the first was.
    let caller = |after: u64| {
        let service = service.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            post(&service, "/v1/risk", &record(&[])).await.status
        })
    };
    let (one, two_) = (caller(0), caller(450));
    assert_eq!((one.await.unwrap(), two_.await.unwrap()), (200.try_into().unwrap(), 200.try_into().unwrap()));
    two.silent(2).await;
    // The first, whose time was over before the model was idle.
    two.until("dropped", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_body_never_comes_keeps_nobody_from_being_asked_silently() {
    let settings = ServeSettings { mirror_patience: Duration::from_secs(2), ..Default::default() };
    let two = two_of([fake(0), fake(1)], [Stage::Live, Stage::Silent], mirrored(1.0), ungoverned(), settings);
    let (_open, reader) = tokio::io::duplex(64);
    let request = Request::post("/v1/risk?model=first").header("content-type", "application/json");
    let trickling =
        tokio::spawn(two.service.clone().oneshot(request.body(crate::limits::stalled(reader)).unwrap()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(post(&two.service, "/v1/risk", &record(&[])).await.status, 200);
    two.until("recorded", 1).await;
    assert!(!trickling.is_finished());
    trickling.abort();
}

#[tokio::test]
async fn a_retired_model_is_asked_nothing() {
    let retired = two([Stage::Live, Stage::Retired], mirrored(1.0));
    post(&retired.service, "/v1/risk", &record(&["ICD10CM//I10"])).await;
    retired.until("dropped", 1).await;
    assert_eq!(retired.predictors[1].asked.load(Ordering::Relaxed), 0);
}
