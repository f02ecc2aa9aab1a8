//! Reasons, over a stand-in for a model.

use crate::{
    call::{post, service, service_with},
    fake::{FakePredictor, record},
    ledger::recorded,
};
use serde_json::json;
use serve::{ServeSettings, Stage};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn what_is_asked_reaches_the_model_and_what_it_says_the_caller() {
    let service = service();
    let answer = post(&service, "/v1/reason", &record(&["ICD10CM//I10"])).await.json();
    assert_eq!(answer["reasoning"]["asked"], json!(["risks", "differential", "tests"]));
    assert_eq!((&answer["reasoning"]["most"], &answer["model"]["name"]), (&json!(5), &json!("osler-tiny")));
    assert!(answer["disclaimer"].as_str().unwrap().contains("Not a medical device"));
    assert!(answer["synthetic_notice"].is_string());
    let asked =
        json!({"patient": record(&["ICD10CM//I10"]), "show": ["tests"], "horizon_days": 30, "most": 2});
    let said = post(&service, "/v1/reason", &asked).await.json()["reasoning"].clone();
    assert_eq!((&said["asked"], &said["most"]), (&json!(["tests"]), &json!(2)));
    assert_ne!(said["horizon"], answer["reasoning"]["horizon"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let service = service();
    for (asked, at) in [
        (json!({"patient": record(&["ICD10CM//I10"]), "show": ["alike"]}), "show"),
        (json!({"patient": record(&["ICD10CM//I10"]), "show": []}), "show"),
        (json!({"patient": record(&["ICD10CM//I10"]), "most": 0}), "most"),
        (json!({"patient": record(&["ICD10CM//I10"]), "most": 21}), "most"),
        (json!({"patient": record(&["ICD10CM//I10"]), "horizon_days": 31.5}), "horizon_days"),
    ] {
        let message = post(&service, "/v1/reason", &asked).await.error(400, "invalid_request");
        assert!(message.starts_with(&format!("{at}:")), "{message}");
    }
    post(&service, "/v1/reason", &json!({"patients": [record(&["ICD10CM//I10"])]}))
        .await
        .error(400, "invalid_request");
    post(&service, "/v1/reason", &record(&["TEST//NAN"])).await.error(500, "predictor_failed");
    post(&service, "/v1/reason", &record(&["TEST//PANIC"])).await.error(500, "predictor_failed");
    assert_eq!(post(&service, "/v1/reason", &record(&["ICD10CM//I10"])).await.status, 200);
}

#[tokio::test]
async fn the_ledger_keeps_a_digest_and_no_part_of_the_record() {
    let recorded = recorded(Stage::Live);
    let answer = post(&recorded.service, "/v1/reason", &record(&["ICD10CM//I10"])).await;
    assert_eq!(answer.status, 200);
    let call = recorded.calls().pop().unwrap();
    assert!(call.output.is_none(), "{call:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn risks_don_t_wait_for_reasons_and_reasons_end_in_time() {
    let predictor = Arc::new(FakePredictor::default());
    let settings = ServeSettings {
        max_reasonings: 1,
        request_timeout: Duration::from_millis(600),
        ..Default::default()
    };
    let service = service_with(predictor, settings);
    let endless = record(&["TEST//SLOW"]);
    let reasoning = tokio::spawn({
        let (service, endless) = (service.clone(), endless.clone());
        async move { post(&service, "/v1/reason", &endless).await }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(post(&service, "/v1/risk", &record(&["ICD10CM//I10"])).await.status, 200);
    let refused = post(&service, "/v1/reason", &record(&["ICD10CM//I10"])).await;
    refused.error(429, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert!(!reasoning.is_finished());
    reasoning.await.unwrap().error(504, "deadline_exceeded");
    // It was told that nobody waits, and there is a turn again; so it is when a caller leaves.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(post(&service, "/v1/reason", &record(&["ICD10CM//I10"])).await.status, 200);
        let left = tokio::time::timeout(Duration::from_millis(60), post(&service, "/v1/reason", &endless));
        assert!(left.await.is_err());
    }
}

#[tokio::test]
async fn a_record_without_a_moment_to_reason_from_is_out_of_scope() {
    let born = json!({"events": [{"code": "GENDER//F"}, {"code": "MEDS_BIRTH", "time": "1958-03-01"}]});
    let said = post(&service(), "/v1/reason", &born).await.error(422, "out_of_scope");
    assert!(said.contains("no dated event"), "{said}");
}
