//! Reasons, over a stand-in for a model.

use crate::{
    call::{post, service},
    fake::record,
    ledger::recorded,
};
use serde_json::json;
use serve::Stage;

#[tokio::test]
async fn what_is_asked_reaches_the_model_and_what_it_says_the_caller() {
    let service = service();
    let answer = post(&service, "/v1/reason", &record(&["ICD10CM//I10"])).await.json();
    assert_eq!(answer["reasoning"]["asked"], json!(["risks", "differential", "tests"]));
    assert_eq!((&answer["reasoning"]["most"], &answer["model"]["name"]), (&json!(5), &json!("osler-tiny")));
    assert!(answer["disclaimer"].as_str().unwrap().contains("Not a medical device"));
    assert!(answer["synthetic_notice"].is_string());
    let asked = json!({"patient": record(&[]), "show": ["tests"], "horizon_days": 30, "most": 2});
    let said = post(&service, "/v1/reason", &asked).await.json()["reasoning"].clone();
    assert_eq!((&said["asked"], &said["most"]), (&json!(["tests"]), &json!(2)));
    assert_ne!(said["horizon"], answer["reasoning"]["horizon"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let service = service();
    for (asked, at) in [
        (json!({"patient": record(&[]), "show": ["alike"]}), "show"),
        (json!({"patient": record(&[]), "show": []}), "show"),
        (json!({"patient": record(&[]), "most": 0}), "most"),
        (json!({"patient": record(&[]), "most": 21}), "most"),
        (json!({"patient": record(&[]), "horizon_days": 31.5}), "horizon_days"),
    ] {
        let message = post(&service, "/v1/reason", &asked).await.error(400, "invalid_request");
        assert!(message.starts_with(&format!("{at}:")), "{message}");
    }
    post(&service, "/v1/reason", &json!({"patients": [record(&[])]})).await.error(400, "invalid_request");
    post(&service, "/v1/reason", &record(&["TEST//NAN"])).await.error(500, "predictor_failed");
    post(&service, "/v1/reason", &record(&["TEST//PANIC"])).await.error(500, "predictor_failed");
    assert_eq!(post(&service, "/v1/reason", &record(&[])).await.status, 200);
}

#[tokio::test]
async fn the_ledger_keeps_a_digest_and_no_part_of_the_record() {
    let recorded = recorded(Stage::Live);
    let answer = post(&recorded.service, "/v1/reason", &record(&["ICD10CM//I10"])).await;
    assert_eq!(answer.status, 200);
    let call = recorded.calls().pop().unwrap();
    assert!(call.output.is_none(), "{call:?}");
}
