use crate::{
    call::{get, post, post_text, send, service, service_with},
    fake::{FakePredictor, record},
};
use axum::{body::Body, http::Request};
use serde_json::json;
use serve::ServeSettings;
use std::{sync::Arc, time::Duration};

fn slow(milliseconds: u64) -> Arc<FakePredictor> {
    Arc::new(FakePredictor { slow: Duration::from_millis(milliseconds), ..Default::default() })
}

#[tokio::test]
async fn a_body_too_large_is_refused_announced_or_not() {
    let service = service_with(Arc::default(), ServeSettings { max_body_bytes: 1000, ..Default::default() });
    let body = "x".repeat(1001);
    post_text(&service, "/v1/risk", body.clone()).await.error(413, "body_too_large");
    let request = Request::post("/v1/risk")
        .header("content-type", "application/json")
        .header("content-length", "1001")
        .body(Body::empty())
        .unwrap();
    send(&service, request).await.error(413, "body_too_large");
    post_text(&service, "/v1/risk", "x".repeat(1000)).await.error(400, "invalid_json");
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let service = service();
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let request = kind
            .into_iter()
            .fold(Request::post("/v1/risk"), |request, kind| request.header("content-type", kind));
        send(&service, request.body(Body::from(record(&[]).to_string())).unwrap())
            .await
            .error(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn json_that_nests_too_deep_is_refused_before_it_is_parsed() {
    let service = service();
    let nested = |depth: usize| format!("{{\"patient\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    post_text(&service, "/v1/risk", nested(1_000_000)).await.error(400, "json_too_deep");
    post_text(&service, "/v1/risk", nested(63)).await.error(400, "invalid_request");
}

#[tokio::test]
async fn too_many_patients_are_refused() {
    let service =
        service_with(Arc::default(), ServeSettings { max_patients_per_request: 2, ..Default::default() });
    let patient = record(&[]);
    let message = post(&service, "/v1/risk", &json!({"patients": [patient, patient, patient]})).await;
    message.error(400, "too_many_patients");
    assert_eq!(post(&service, "/v1/risk", &json!({"patients": [patient, patient]})).await.status, 200);
}

#[tokio::test]
async fn a_body_that_never_ends_times_out() {
    let settings = ServeSettings { body_timeout: Duration::from_millis(50), ..Default::default() };
    let service = service_with(Arc::default(), settings);
    let (_open, reader) = tokio::io::duplex(64);
    let request =
        Request::post("/v1/risk").header("content-type", "application/json").body(stalled(reader)).unwrap();
    send(&service, request).await.error(408, "body_timeout");
}

/// A body that sends nothing for as long as the other end of `reader` is open.
pub fn stalled(reader: tokio::io::DuplexStream) -> Body {
    struct Stalled(#[allow(dead_code)] tokio::io::DuplexStream);
    impl axum::body::HttpBody for Stalled {
        type Data = bytes::Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
    Body::new(Stalled(reader))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_429_with_a_time_to_come_back() {
    let settings =
        ServeSettings { queue_capacity: 2, max_patients_per_request: 2, max_batch: 1, ..Default::default() };
    let service = service_with(slow(150), settings);
    let record = record(&[]);
    let pair = json!({"patients": [record, record]});
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (service, pair) = (service.clone(), pair.clone());
            tokio::spawn(async move { post(&service, "/v1/risk", &pair).await })
        })
        .collect();
    let (mut answered, mut refused) = (0, 0);
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 200 {
            answered += 1;
        } else {
            answer.error(429, "overloaded");
            assert_eq!(answer.header("retry-after"), "1");
            refused += 1;
        }
    }
    assert!(answered >= 1 && refused >= 1, "{answered} answered, {refused} refused");
    assert_eq!(post(&service, "/v1/risk", &pair).await.status, 200, "and it recovers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_than_may_be_under_way_are_429_before_their_body_is_read() {
    let service = service_with(slow(200), ServeSettings { max_in_flight: 1, ..Default::default() });
    let first = tokio::spawn({
        let service = service.clone();
        async move { post(&service, "/v1/risk", &record(&[])).await.status }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    let (_open, reader) = tokio::io::duplex(64);
    let request =
        Request::post("/v1/risk").header("content-type", "application/json").body(stalled(reader)).unwrap();
    send(&service, request).await.error(429, "overloaded");
    assert_eq!(get(&service, "/health/ready").await.status, 200, "other doors stay open");
    assert_eq!(first.await.unwrap(), 200);
}

#[tokio::test]
async fn bodies_share_a_bounded_memory_and_give_it_back() {
    let settings = ServeSettings { max_body_bytes: 4096, max_buffered_bytes: 4096, ..Default::default() };
    let service = service_with(Arc::default(), settings);
    for _ in 0..5 {
        post_text(&service, "/v1/risk", "x".repeat(4000)).await.error(400, "invalid_json");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_too_long_is_504() {
    let predictor = slow(300);
    let settings = ServeSettings { request_timeout: Duration::from_millis(80), ..Default::default() };
    let service = service_with(predictor.clone(), settings);
    post(&service, "/v1/risk", &record(&[])).await.error(504, "deadline_exceeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_is_not_predicted_for() {
    let predictor = slow(200);
    let service = service_with(predictor.clone(), ServeSettings { max_batch: 1, ..Default::default() });
    let call = || {
        let service = service.clone();
        tokio::spawn(async move { post(&service, "/v1/risk", &record(&[])).await.status })
    };
    let first = call();
    tokio::time::sleep(Duration::from_millis(60)).await;
    let second = call();
    tokio::time::sleep(Duration::from_millis(60)).await;
    second.abort();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(call().await.unwrap(), 200);
    assert_eq!(predictor.batches.lock().unwrap().len(), 2, "the second was never asked about");
    let metrics = get(&service, "/metrics").await.text;
    assert!(
        metrics.contains("status=\"499\"} 1") && metrics.contains("osler_abandoned_total 1"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_of_many_requests_share_batches() {
    let predictor = slow(20);
    let service = service_with(predictor.clone(), ServeSettings::default());
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { post(&service, "/v1/risk", &record(&[])).await.status })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let batches = predictor.batches.lock().unwrap();
    assert_eq!(batches.iter().sum::<usize>(), 40);
    assert!(batches.len() < 20 && batches.iter().all(|size| *size <= 32), "{batches:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_patient_that_breaks_the_model_breaks_it_for_itself_alone() {
    let service = service_with(slow(50), ServeSettings::default());
    let calls: Vec<_> = (0..12)
        .map(|index| {
            let service = service.clone();
            let codes: &[&str] = if index == 7 { &["TEST//PANIC"] } else { &[] };
            let body = record(codes);
            tokio::spawn(async move { post(&service, "/v1/risk", &body).await.status.as_u16() })
        })
        .collect();
    for (index, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), if index == 7 { 500 } else { 200 }, "request {index}");
    }
}

/// What is sent small and held large is counted before it is built.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_too_long_is_refused_at_every_door_that_reads_a_body() {
    const MOST: usize = 200_000;
    let service = service();
    let kept = post(&service, "/v1/patients", &record(&[])).await.json();
    let kept = format!("/v1/patients/{}", kept["patient_id"].as_str().unwrap());
    let mut doors: Vec<(String, serde_json::Value)> = crate::leash::answering()
        .into_iter()
        .map(|route| {
            let path = route.path.replace("{id}", "osler-patient-view").replace("{name}", "osler-tiny");
            (path.replace("/v1/patients/{patient}", &kept), crate::leash::body_for(&route))
        })
        .collect();
    doors.push(("/v1/patients".into(), record(&[])));
    doors.push((format!("{kept}/events"), record(&[])));
    doors.push(("/cds-services/osler-patient-view/feedback".into(), json!({"feedback": []})));
    let with = |body: &serde_json::Value, held: usize| {
        let text = body.to_string();
        format!("{{\"more\":[{}{{}}],{}", "{},".repeat(held - 1), &text[1..])
    };
    for (path, body) in &doors {
        let at_most = post_text(&service, path, with(body, MOST)).await;
        assert_ne!(at_most.status, 413, "{path} {}", at_most.text);
        post_text(&service, path, with(body, MOST + 1)).await.error(413, "too_many_entries");
    }
    // A record that is a text within the request, entries of a Bundle, rows, messages.
    let list = |held: usize| serde_json::Value::from(vec![json!({}); held]);
    let bundle = |held: usize| {
        let mut bundle = crate::fhir::bundle();
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries.resize(held, json!({}));
        bundle
    };
    for (held, status) in [(MOST, 200), (MOST + 1, 413)] {
        let sent = bundle(held);
        assert_eq!(post(&service, "/fhir/$risk", &sent).await.status.as_u16(), status);
        let chat = json!({"messages": [{"role": "user", "content": sent.to_string()}]});
        assert_eq!(post(&service, "/chat/completions", &chat).await.status.as_u16(), status);
        let omop = json!({"omop": {"person": [{"person_id": 6, "year_of_birth": 1958}], "measurement": list(held),
            "condition_occurrence": [{"condition_concept_id": 2}],
            "concept": [{"concept_id": 2, "vocabulary_id": "ICD10CM", "concept_code": "I10"}]}});
        assert_eq!(post(&service, "/v1/risk", &omop).await.status.as_u16(), status);
    }
    for (held, status) in [(1_000, 200), (1_001, 400)] {
        let mut messages = vec![json!({"role": "user"}); held - 1];
        messages.push(json!({"role": "user", "content": record(&["ICD10CM//I10"]).to_string()}));
        for (path, field) in [("/chat/completions", "messages"), ("/openai/v1/responses", "input")] {
            let answer = post(&service, path, &json!({field: messages})).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.text);
        }
    }
}
