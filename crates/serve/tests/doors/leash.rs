//! Which stages are answered, over every route that there is.

use crate::{
    call::{Answer, governed, now, send, ungoverned},
    fake::{FakePredictor, record},
    ledger::recorded,
};
use axum::{Router, body::Body, http::Request};
use govern::access::{Grant, Keyring, Scope};
use serve::{Access, Route, ServeSettings, Stage, routes};
use std::sync::Arc;

/// A request that each answering door takes. A door without one fails these tests.
pub fn body_for(route: &Route) -> serde_json::Value {
    match route.path {
        "/v1/risk" | "/v1/embed" | "/v1/reason" | "/v1/simulate" => record(&["ICD10CM//I10"]),
        "/v1/patients/{patient}/risk" | "/v1/patients/{patient}/embed" => serde_json::json!({}),
        path if path.ends_with("/chat/completions") => crate::chat::request(),
        "/fhir/$risk" => crate::fhir::bundle(),
        "/score" => serde_json::json!({"input_data": [{"patient": record(&["ICD10CM//I10"])}]}),
        "/invocations" => serde_json::json!({"inputs": [record(&["ICD10CM//I10"])]}),
        path if path.ends_with("/embeddings") => {
            serde_json::json!({"input": [record(&["ICD10CM//I10"]).to_string()]})
        }
        "/openai/v1/responses" => serde_json::json!({"input": record(&["ICD10CM//I10"]).to_string()}),
        "/cds-services/{id}" => crate::cds::call(),
        other => panic!("say here what {other} is asked, so that its leash is tested"),
    }
}

async fn ask(service: &Router, route: &Route, key: Option<&str>) -> Answer {
    let post = async |path: &str, body: serde_json::Value| {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("api-key", key);
        }
        send(service, request.body(Body::from(body.to_string())).unwrap()).await
    };
    let mut path = route.path.replace("{id}", "osler-patient-view").replace("{name}", "osler-tiny");
    if path.contains("{patient}") {
        // Whose record is kept; a retired model takes none.
        let kept = post("/v1/patients", record(&["ICD10CM//I10"])).await;
        path = path.replace("{patient}", kept.json()["patient_id"].as_str().unwrap_or("nobody"));
    }
    post(&path, body_for(route)).await
}

/// Does an answer hold anything that a model said?
pub fn tells_something(answer: &Answer) -> bool {
    if answer.status != 200 {
        return false;
    }
    let body = answer.json();
    body["cards"].as_array().is_none_or(|cards| !cards.is_empty())
}

pub fn answering() -> Vec<Route> {
    routes().into_iter().filter(|route| route.answers).collect()
}

#[tokio::test]
async fn a_silent_model_scores_and_records_and_answers_by_no_route() {
    let recorded = recorded(Stage::Silent);
    for route in answering() {
        let answer = ask(&recorded.service, &route, None).await;
        assert!(!tells_something(&answer), "{route:?}: {}", answer.text);
        assert_eq!(answer.header("x-osler-stage"), "silent");
        let call = recorded.calls().pop().unwrap();
        assert!(call.withheld && call.status == 200 && call.output_digest.len() == 64, "{route:?}: {call:?}");
        // Of a vector, from which much of the record can be told, the digest alone is kept.
        assert_eq!(
            call.output.is_some(),
            !["embed", "reason"].iter().any(|kept| route.path.contains(kept)),
            "{route:?}: {call:?}"
        );
        assert!(call.door.ends_with(route.path));
    }
    assert_eq!(recorded.predictor.batches.lock().unwrap().len(), answering().len(), "each was scored");
}

#[tokio::test]
async fn a_live_model_answers_by_every_route_and_a_retired_one_by_none() {
    let live = recorded(Stage::Live);
    let retired = recorded(Stage::Retired);
    for route in answering() {
        let answer = ask(&live.service, &route, None).await;
        assert!(tells_something(&answer), "{route:?}: {}", answer.text);
        ask(&retired.service, &route, None).await.error(410, "retired");
    }
    assert!(retired.predictor.batches.lock().unwrap().is_empty());
}

#[tokio::test]
async fn models_that_are_not_in_use_yet_answer_keys_for_trials_alone() {
    for stage in [Stage::Draft, Stage::Validated] {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
        let key = |trial| {
            let grant = Grant { trial, ..Grant::new("test", Scope::ALL) };
            keyring.grant(&grant, now()).unwrap().expose().to_owned()
        };
        let (bedside, trial) = (key(false), key(true));
        let access = Access::Keys { keyring, tokens: None, identities: None };
        let governance = ungoverned().with_access(access).with_stage(Arc::new(move || Some(stage)));
        let service = governed(Arc::default(), governance, ServeSettings::default());
        for route in answering() {
            assert!(tells_something(&ask(&service, &route, Some(&trial)).await), "{route:?}");
            let answer = ask(&service, &route, Some(&bedside)).await;
            assert!(!tells_something(&answer), "{route:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_model_of_which_nobody_can_tell_where_it_stands_answers_by_no_route() {
    let predictor = Arc::new(FakePredictor::default());
    let governance = ungoverned().with_stage(Arc::new(|| None));
    let service = governed(predictor.clone(), governance, ServeSettings::default());
    for route in answering() {
        let answer = ask(&service, &route, None).await;
        answer.error(503, "stage_unavailable");
        assert_eq!(answer.header("retry-after"), "1", "{route:?}");
    }
    assert!(predictor.batches.lock().unwrap().is_empty());
}
