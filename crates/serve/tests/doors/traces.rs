//! What a collector is told of a request, and what it isn't.

use crate::{
    call::{Answer, governed, now, send, ungoverned},
    fake::{FakePredictor, record},
    ledger::ledger,
    limits::stalled,
};
use axum::{Router, body::Body, body::Bytes, extract::State, http::Request};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde_json::json;
use serve::{ServeSettings, Traces};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

type Taken = Arc<Mutex<Vec<Vec<u8>>>>;

/// A collector, and what it was told.
async fn collector() -> (String, Taken) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let taken = Taken::default();
    let take = |State(taken): State<Taken>, body: Bytes| async move {
        taken.lock().unwrap().push(body.to_vec());
    };
    let app = Router::new().route("/otlp/v1/traces", axum::routing::post(take)).with_state(taken.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("{address}/otlp"), taken)
}

struct Traced {
    service: Router,
    traces: Traces,
    taken: Taken,
    _dir: tempfile::TempDir,
}

async fn traced(predictor: FakePredictor) -> Traced {
    let (endpoint, taken) = collector().await;
    let traces = Traces::to(&endpoint, &[]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let governance =
        ungoverned().with_traces(traces.clone()).with_ledger(ledger(&dir.path().join("ledger.db")));
    let service = governed(Arc::new(predictor), governance, ServeSettings::default());
    Traced { service, traces, taken, _dir: dir }
}

impl Traced {
    async fn ask(&self, path: &str, body: &serde_json::Value, parent: Option<&str>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(parent) = parent {
            request = request
                .header("traceparent", parent)
                .header("tracestate", "patient=canary")
                .header("baggage", "patient=canary");
        }
        send(&self.service, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        send(&self.service, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Every span that the collector was told of, once all are sent.
    async fn spans(&self) -> Vec<Span> {
        let traces = self.traces.clone();
        tokio::task::spawn_blocking(move || traces.end()).await.unwrap();
        let taken = self.taken.lock().unwrap();
        let requests = taken.iter().map(|bytes| ExportTraceServiceRequest::decode(&bytes[..]).unwrap());
        requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| {
                let named = resource.resource.unwrap().attributes.into_iter().any(|attribute| {
                    attribute.key == "service.name"
                        && attribute.value.unwrap().value == Some(Value::StringValue("osler".into()))
                });
                assert!(named);
                resource.scope_spans
            })
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_with_its_steps_and_nothing_of_a_patient() {
    let slow = FakePredictor { slow: Duration::from_millis(30), ..Default::default() };
    let traced = traced(slow).await;
    let mut body = record(&["ICD10CM//I10"]);
    body["events"][0]["text_value"] = "canary".into();
    let answer = traced.ask("/v1/risk", &body, Some(&format!("00-{TRACE}-{PARENT}-01"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    traced.ask("/v1/patients/canary/risk", &json!({}), None).await.error(404, "no_such_patient");
    traced.ask("/canary", &json!({"canary": 1}), None).await.error(404, "not_found");
    for path in ["/health/live", "/health/ready", "/ping", "/metrics"] {
        traced.get(path).await;
    }
    let spans = traced.spans().await;
    let roots: Vec<&Span> = spans.iter().filter(|span| span.kind() == SpanKind::Server).collect();
    let names: Vec<&str> = roots.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["POST /v1/risk", "POST /v1/patients/{patient}/risk", "POST unmatched"]);
    let risk = roots[0];
    assert_eq!((hex(&risk.trace_id), hex(&risk.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!(attribute(risk, "http.route").as_deref(), Some("/v1/risk"));
    assert_eq!(attribute(risk, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(attribute(risk, "osler.request_id").as_deref(), Some(answer.header("x-request-id")));
    assert_eq!(attribute(risk, "osler.model").as_deref(), Some(answer.header("x-osler-model")));
    assert_eq!(risk.start_time_unix_nano / 1_000, now().micros() as u64);
    let took = risk.end_time_unix_nano - risk.start_time_unix_nano;
    assert!((30_000_000..60_000_000_000).contains(&took), "{took} ns");
    let steps: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id == risk.span_id).collect();
    let names: Vec<&str> = steps.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["receive", "read", "model", "record"]);
    for step in steps {
        assert_eq!(step.trace_id, risk.trace_id);
        assert!(
            step.start_time_unix_nano >= risk.start_time_unix_nano
                && step.end_time_unix_nano <= risk.end_time_unix_nano
        );
    }
    assert_eq!(attribute(roots[1], "error.type").as_deref(), Some("no_such_patient"));
    assert_ne!(roots[1].trace_id, risk.trace_id);
    for bytes in traced.taken.lock().unwrap().iter() {
        for private in ["canary", "I10", "MEDS_BIRTH", "text_value"] {
            let private = private.as_bytes();
            assert!(!bytes.windows(private.len()).any(|window| window.eq_ignore_ascii_case(private)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_callers_who_left_are_told_and_unsampled_traces_are_not() {
    let traced = traced(FakePredictor::default()).await;
    traced.ask("/v1/risk", &record(&["TEST//FAIL"]), None).await.error(500, "predictor_failed");
    traced.ask("/v1/risk", &record(&["ICD10CM//I10"]), Some(&format!("00-{TRACE}-{PARENT}-00"))).await;
    let (_open, reader) = tokio::io::duplex(64);
    let request =
        Request::post("/v1/risk").header("content-type", "application/json").body(stalled(reader)).unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(50), send(&traced.service, request)).await;
    assert!(waited.is_err());
    let spans = traced.spans().await;
    let roots: Vec<&Span> = spans.iter().filter(|span| span.kind() == SpanKind::Server).collect();
    let [failed, left] = roots[..] else { panic!("{} spans", roots.len()) };
    assert_eq!(failed.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(attribute(failed, "error.type").as_deref(), Some("predictor_failed"));
    assert_eq!(attribute(left, "http.response.status_code").as_deref(), Some("499"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nobody_up() {
    let traces = Traces::to("http://127.0.0.1:1", &[]).unwrap();
    let governance = ungoverned().with_traces(traces.clone());
    let service = governed(Arc::default(), governance, ServeSettings::default());
    let begun = Instant::now();
    for _ in 0..200 {
        let request = Request::get("/v1/models").body(Body::empty()).unwrap();
        assert_eq!(send(&service, request).await.status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    tokio::task::spawn_blocking(move || traces.end()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn traces_go_where_an_operator_may_point() {
    for (endpoint, fine) in [
        ("http://localhost:4318", true),
        ("http://127.0.0.1:4318/otlp/", true),
        ("http://collector.example:4318", false),
        ("https://collector.example", false),
        ("grpc://localhost:4317", false),
        ("http://user:canary@localhost:4318", false),
        ("", false),
    ] {
        let made = Traces::to(endpoint, &[]);
        assert_eq!(made.is_ok(), fine, "{endpoint}");
        if let Err(error) = made {
            assert!(!error.to_string().contains("canary"));
        }
    }
}
