//! A name in a body appears in no error, log or measure.

use crate::call::{get, post, post_text, send, service};
use axum::{body::Body, http::Request};
use serde_json::json;
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that any thread of the process logs, at every level.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Captured;
    fn make_writer(&'a self) -> Captured {
        self.clone()
    }
}

#[tokio::test]
async fn a_canary_sings_nowhere() {
    const CANARY: &str = "Zebulon";
    let captured = Captured::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(captured.clone())
        .init();
    let service = service();
    let events = |code: &str| {
        json!([{"time": "1960-01-01", "code": "MEDS_BIRTH", "text_value": CANARY},
        {"time": "2020-01-01", "code": code, "text_value": CANARY, "unit": CANARY, CANARY: CANARY}])
    };
    let bundle = |kind: &str, birth: &str| {
        json!({"resourceType": kind, "id": CANARY, CANARY: [CANARY], "entry": [
        {"resource": {"resourceType": "Patient", "birthDate": birth, "name": [{"family": CANARY}]}},
        {"resource": {"resourceType": "Condition", "onsetDateTime": CANARY, "code": {"text": CANARY}}}]})
    };
    let bodies = [
        json!({"events": events(CANARY)}),
        json!({"events": events("TEST//FAIL")}),
        json!({"events": events("TEST//NAN")}),
        json!({"events": events("TEST//OUT_OF_SCOPE")}),
        bundle("Bundle", "1950-01-01"),
        bundle("Bundle", CANARY),
        bundle(CANARY, CANARY),
        json!({"patient": CANARY}),
        json!({"patient": {CANARY: CANARY}}),
        json!({"patients": [{"events": CANARY}]}),
        json!({"patients": [{"events": [{"code": 1, "time": CANARY}, CANARY]}]}),
        json!({"patients": [{"events": [{"code": {CANARY: CANARY}}]}]}),
        json!({"patients": [{"events": [{"code": "A//1", "numeric_value": CANARY}]}]}),
        json!({"patients": [{"events": [{"code": "A//1", "time": CANARY}]}]}),
        json!({"patient": {"events": []}, "codes": [CANARY]}),
        json!({"patient": {"events": []}, "kinds": [CANARY]}),
        json!({"patient": {"events": []}, "rank_by": CANARY}),
        json!({"patient": {"events": []}, CANARY: CANARY}),
        json!(CANARY),
        json!({CANARY: CANARY}),
    ];
    let mut said = String::new();
    for body in &bodies {
        for door in ["/v1/risk", "/v1/patients", "/v1/simulate"] {
            said.push_str(&post(&service, door, body).await.text);
        }
        // The same, cut off at every length near the canary.
        let text = body.to_string();
        let at = text.find(CANARY).unwrap();
        for end in at..=at + CANARY.len() + 2 {
            said.push_str(
                &post_text(&service, "/v1/risk", text.get(..end).unwrap_or(&text).to_owned()).await.text,
            );
        }
    }
    for path in [format!("/{CANARY}"), format!("/v1/models?name={CANARY}")] {
        said.push_str(&get(&service, &path).await.text.replace(&path, ""));
    }
    let request = Request::builder()
        .method(CANARY)
        .uri("/v1/risk")
        .header("x-request-id", CANARY)
        .header("user-agent", CANARY)
        .header("authorization", format!("Bearer {CANARY}"));
    said.push_str(&send(&service, request.body(Body::empty()).unwrap()).await.text);
    said.push_str(&get(&service, "/metrics").await.text);
    assert!(said.contains("unreadable_patient") && said.contains("invalid_json"), "the errors were provoked");
    assert!(!said.contains(CANARY), "answered: {said}");
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.matches("/v1/risk").count() >= bodies.len() && log.contains("predictor_failed"), "{log}");
    assert!(!log.contains(CANARY), "logged: {log}");
}
