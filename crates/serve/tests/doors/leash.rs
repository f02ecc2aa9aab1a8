//! Which stages are answered, over every route that there is.

use crate::{
    call::{Answer, governed, now, post, send, ungoverned},
    fake::{FakePredictor, record},
    ledger::{Eventful, calls, ledger, recorded},
};
use axum::{Router, body::Body, http::Request};
use govern::{
    SigningKey,
    access::{Grant, Keyring, Scope},
    ledger::{Call, Ledger, LedgerSettings, SqliteStore},
};
use serde_json::{Value, json};
use serve::{Access, Route, ServeSettings, Stage, routes};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

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

/// Requests whose answer must fit a schema of the caller's: each is met or not as the model's numbers are.
fn bisecting(maximum: f64) -> Vec<(&'static str, Value)> {
    let numbers = json!({"type": "array", "items": {"type": "number", "maximum": maximum}});
    let risk = json!({"type": "object", "properties": {"cumulative_incidence": numbers}});
    let patient = json!({"type": "object", "properties": {"risks": {"type": "array", "items": risk}}});
    let schema = json!({"type": "object", "properties": {"patient": patient}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    let mut requests: Vec<_> = crate::chat::CHATS
        .iter()
        .map(|path| (*path, crate::chat::with("response_format", format.clone())))
        .collect();
    for path in crate::chat::CHATS {
        let mut tool = crate::chat::with("tool_choice", json!("required"));
        tool["tools"] = json!([{"type": "function", "function": {"name": "take", "parameters": schema}}]);
        requests.push((path, tool));
    }
    let input = record(&["ICD10CM//I10"]).to_string();
    let text = json!({"format": {"type": "json_schema", "name": "a", "schema": schema}});
    requests.push(("/openai/v1/responses", json!({"input": input, "text": text})));
    let tools = json!([{"type": "function", "name": "take", "parameters": schema}]);
    requests
        .push(("/openai/v1/responses", json!({"input": input, "tools": tools, "tool_choice": "required"})));
    requests
}

#[tokio::test]
async fn what_a_silent_model_says_can_t_be_told_from_whether_it_fits_a_schema() {
    let live = recorded(Stage::Live);
    for (maximum, status) in [(1.0, 200), (0.0, 400)] {
        let silent = recorded(Stage::Silent);
        for (path, request) in bisecting(maximum) {
            assert_eq!(post(&live.service, path, &request).await.status, status, "{path}: {request}");
            let answer = post(&silent.service, path, &request).await;
            answer.error(403, "withheld");
            let call = silent.calls().pop().unwrap();
            assert!(call.withheld && call.status == status && call.model.stage == Stage::Silent, "{call:?}");
        }
    }
}

#[tokio::test]
async fn what_a_silent_model_could_not_say_is_withheld_as_what_it_said() {
    let silent = recorded(Stage::Silent);
    for path in ["/v1/risk", "/v1/embed", "/v1/reason", "/v1/simulate"] {
        post(&silent.service, path, &record(&["TEST//PANIC"])).await.error(403, "withheld");
        let call = silent.calls().pop().unwrap();
        assert!(call.withheld && call.status == 500, "{path}: {call:?}");
    }
    // What is wrong with the request is told: the model was not asked.
    post(&silent.service, "/v1/risk", &json!({"patients": []})).await.error(400, "invalid_request");
    assert!(!silent.calls().pop().unwrap().withheld);
}

/// A model whose stage is changed while it is asked.
async fn changed_meanwhile(
    path: &'static str,
    body: Value,
    [before, after]: [Option<Stage>; 2],
    trial: bool,
) -> (Answer, Call) {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
    let grant = Grant { trial, ..Grant::new("test", Scope::ALL) };
    let key = keyring.grant(&grant, now()).unwrap().expose().to_owned();
    let stage = Arc::new(Mutex::new(before));
    let standing = stage.clone();
    let file = dir.path().join("ledger.db");
    let governance = ungoverned()
        .with_access(Access::Keys { keyring, tokens: None, identities: None })
        .with_ledger(ledger(&file))
        .with_stage(Arc::new(move || *standing.lock().unwrap()));
    let slow = FakePredictor { slow: Duration::from_millis(150), ..Default::default() };
    let predictor = Arc::new(slow);
    let service = governed(predictor.clone(), governance, ServeSettings::default());
    let request = Request::post(path).header("content-type", "application/json").header("api-key", key);
    let request = request.body(Body::from(body.to_string())).unwrap();
    let asking = tokio::spawn(async move { send(&service, request).await });
    while predictor.asked.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    *stage.lock().unwrap() = after;
    let answer = asking.await.unwrap();
    let call = calls(&file).pop().unwrap();
    (answer, call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_taken_back_while_it_is_asked_is_not_answered_for() {
    use Stage::{Draft, Live, Retired, Silent, Validated};
    for (after, trial, status, code) in [
        (Some(Silent), false, 403, "withheld"),
        (Some(Silent), true, 403, "withheld"),
        (Some(Validated), false, 403, "withheld"),
        // The answer says that the model is live; the next one will say what it is.
        (Some(Validated), true, 503, "stage_unavailable"),
        (Some(Retired), false, 410, "retired"),
        (None, false, 503, "stage_unavailable"),
    ] {
        let (answer, call) = changed_meanwhile("/v1/risk", record(&[]), [Some(Live), after], trial).await;
        answer.error(status, code);
        assert!(call.withheld && call.status == 200, "{call:?}");
        let stage = after.unwrap_or(Live);
        assert_eq!((answer.header("x-osler-stage"), call.model.stage), (stage.name(), stage));
    }
    // A step that lets more see holds for the next call, and what the answer states is one stage.
    for (before, trial, status) in [(Silent, true, 403), (Draft, true, 200), (Draft, false, 403)] {
        let (answer, call) =
            changed_meanwhile("/v1/risk", record(&[]), [Some(before), Some(Live)], trial).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-osler-stage")), (status, before.name()));
        assert_eq!(call.model.stage, before);
        if status == 200 {
            assert_eq!(answer.json()["model"]["stage"], before.name());
        }
    }
}

#[tokio::test]
async fn a_model_that_is_taken_back_while_its_answer_is_recorded_is_not_answered_for() {
    use Stage::{Live, Retired, Silent};
    for (after, status, code) in
        [(Some(Silent), 403, "withheld"), (Some(Retired), 410, "retired"), (None, 503, "stage_unavailable")]
    {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ledger.db");
        let stage = Arc::new(Mutex::new(Some(Live)));
        let (standing, changed) = (stage.clone(), stage);
        let happens = move || {
            *changed.lock().unwrap() = after;
            Ok(())
        };
        let store = Eventful(SqliteStore::open(&file).unwrap(), Box::new(happens));
        let key = SigningKey::new().unwrap();
        let ledger = Ledger::start(Box::new(store), key, Arc::new(now), LedgerSettings::default()).unwrap();
        let governance =
            ungoverned().with_ledger(ledger).with_stage(Arc::new(move || *standing.lock().unwrap()));
        let service = governed(Arc::default(), governance, ServeSettings::default());
        let answer = post(&service, "/v1/risk", &record(&[])).await;
        answer.error(status, code);
        assert!(!answer.text.contains("cumulative_incidence"), "{}", answer.text);
        let stage = after.unwrap_or(Live);
        let calls = calls(&file);
        let told: Vec<_> = calls.iter().map(|call| (call.withheld, call.model.stage, call.status)).collect();
        assert_eq!(told, [(false, Live, 200), (true, stage, 200)]);
        assert!(calls[0].request_id == calls[1].request_id && calls[1].output.is_none());
        assert!(answer.header("x-osler-ledger").starts_with("2:"));
        assert_eq!(answer.header("x-osler-stage"), stage.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_model_that_is_taken_back_ends_without_an_answer() {
    let body = json!({"patient": record(&[]), "trajectories": 200, "stream": true});
    let stages = [Some(Stage::Live), Some(Stage::Silent)];
    let (answer, call) = changed_meanwhile("/v1/simulate", body, stages, false).await;
    assert!(
        answer.text.contains("event: error") && !answer.text.contains("event: answer"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("withheld") && !answer.text.contains("probability"), "{}", answer.text);
    assert_eq!(answer.header("x-osler-stage"), "", "the answer says it, when it is there");
    assert!(call.withheld && call.model.stage == Stage::Silent, "{call:?}");
}
