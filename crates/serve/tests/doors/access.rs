use crate::{
    call::{Answer, get, send, service_with},
    fake::record,
};
use axum::{Router, body::Body, http::Request};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serve::{AccessKey, ServeSettings};
use std::sync::Arc;

const SECRET: &str = "a-secret-of-a-hospital";

fn locked() -> Router {
    let access_key = Some(AccessKey::parse(SECRET).unwrap());
    service_with(Arc::default(), ServeSettings { access_key, ..Default::default() })
}

async fn shown(service: &Router, header: &str, value: &str) -> Answer {
    send(service, Request::get("/v1/models").header(header, value).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_route_but_health_asks_for_the_key() {
    let service = locked();
    for path in [
        "/",
        "/docs",
        "/openapi.json",
        "/metrics",
        "/v1/models",
        "/v1/examples",
        "/v1/risk",
        "/nowhere",
        "/health/../v1/models",
        "/health/nowhere",
    ] {
        let answer = get(&service, path).await;
        answer.error(401, "unauthorized");
        let schemes: Vec<_> =
            answer.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(schemes, ["Bearer realm=\"Osler\"", "Basic realm=\"Osler\""]);
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(get(&service, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_key_is_taken_in_each_way_that_clients_send_it() {
    let service = locked();
    let basic = |secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("anyone:{secret}")));
    for (header, value) in [
        ("authorization", format!("Bearer {SECRET}")),
        ("authorization", format!("bearer {SECRET}")),
        ("api-key", SECRET.to_owned()),
        ("authorization", basic(SECRET)),
    ] {
        assert_eq!(shown(&service, header, &value).await.status, 200, "{header}: {value}");
    }
    for (header, value) in [
        ("authorization", "Bearer a-secret-of-a-hospita".to_owned()),
        ("authorization", format!("Bearer {SECRET}x")),
        ("authorization", "Bearer".to_owned()),
        ("authorization", SECRET.to_owned()),
        ("authorization", "Basic !!!".to_owned()),
        ("authorization", basic("wrong")),
        ("api-key", "wrong".to_owned()),
    ] {
        shown(&service, header, &value).await.error(401, "unauthorized");
    }
}

#[tokio::test]
async fn without_the_key_nothing_reaches_the_model() {
    let predictor: Arc<crate::fake::FakePredictor> = Arc::default();
    let access_key = Some(AccessKey::parse(SECRET).unwrap());
    let service = service_with(predictor.clone(), ServeSettings { access_key, ..Default::default() });
    crate::call::post(&service, "/v1/risk", &record(&[])).await.error(401, "unauthorized");
    assert!(predictor.batches.lock().unwrap().is_empty());
}
