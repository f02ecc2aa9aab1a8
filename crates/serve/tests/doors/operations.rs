use crate::{
    call::{get, post, send, service},
    fake::record,
};
use axum::{body::Body, http::Request};

#[tokio::test]
async fn health_models_and_examples() {
    let service = service();
    assert_eq!(get(&service, "/health/live").await.json()["status"], "live");
    assert_eq!(get(&service, "/health/ready").await.json()["status"], "ready");
    let models = get(&service, "/v1/models").await.json();
    let model = &models["models"][0];
    assert_eq!(model["name"], "osler-tiny");
    assert_eq!(model["trained_on"]["synthetic"], true);
    assert_eq!(model["codes"].as_array().unwrap().len(), 18);
    assert_eq!(model["codes"][0]["kind"], "condition");
    assert_eq!(model["horizons_days"][8], 3650);
    assert_eq!(get(&service, "/v1/examples").await.json()["examples"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn unknown_routes_and_methods_have_the_shape_of_errors() {
    let service = service();
    get(&service, "/v1/nothing").await.error(404, "not_found");
    let wrong = get(&service, "/v1/risk").await;
    wrong.error(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "POST");
    post(&service, "/v1/models", &record(&[])).await.error(405, "method_not_allowed");
}

#[tokio::test]
async fn measures_count_what_happened_under_routes_that_don_t_grow() {
    let service = service();
    post(&service, "/v1/risk", &record(&["LOCAL//1"])).await;
    get(&service, "/v1/nothing-a").await;
    get(&service, "/v1/nothing-b").await;
    send(&service, Request::builder().method("CANARY").uri("/v1/risk").body(Body::empty()).unwrap()).await;
    let answer = get(&service, "/metrics").await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        "osler_http_requests_total{route=\"/v1/risk\",method=\"POST\",status=\"200\"} 1",
        "osler_http_requests_total{route=\"/v1/risk\",method=\"other\",status=\"405\"} 1",
        "osler_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 2",
        "osler_http_request_duration_seconds_count{route=\"/v1/risk\"} 2",
        "osler_http_requests_in_flight 1",
        "osler_queue_depth 0",
        "osler_batch_size_count 1",
        "osler_patients_total 1",
        "osler_record_events_total{outcome=\"known\"} 2",
        "osler_record_events_total{outcome=\"unknown_code\"} 1",
        "osler_model_info{name=\"osler-tiny\",version=\"2026.1\"",
        "# EOF",
    ] {
        assert!(answer.text.contains(line), "{line}\n{}", answer.text);
    }
}

#[tokio::test]
async fn answers_forbid_caching_framing_and_sniffing() {
    let service = service();
    for path in ["/", "/docs", "/v1/models", "/nowhere"] {
        let answer = get(&service, path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn a_caller_s_request_id_is_kept_and_a_strange_one_is_not() {
    let service = service();
    let with_id = async |id: &str| {
        let request = Request::get("/health/live").header("x-request-id", id).body(Body::empty()).unwrap();
        send(&service, request).await.header("x-request-id").to_owned()
    };
    assert_eq!(with_id("0f8fad5b-d9cb-469f-a165-70867728950e").await, "0f8fad5b-d9cb-469f-a165-70867728950e");
    assert_ne!(with_id("Ann Canary").await, "Ann Canary");
}
