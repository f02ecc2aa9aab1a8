//! Calling the application without a socket.

use crate::fake::FakePredictor;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::Value;
use serve::{AppState, Governance, ServeSettings, app};
use std::sync::Arc;
use tower::ServiceExt;

/// An answer, whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts the one shape of errors (at FHIR's doors an OperationOutcome), and returns the message.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> String {
        let body = self.json();
        if body["resourceType"] == "OperationOutcome" {
            let issue = &body["issue"][0];
            assert_eq!(
                (self.status.as_u16(), &issue["details"]["coding"][0]["code"]),
                (status, &code.into()),
                "{body}"
            );
            assert_eq!(
                (&issue["severity"], self.header("content-type")),
                (&"error".into(), "application/fhir+json")
            );
            return issue["diagnostics"].as_str().unwrap().to_owned();
        }
        assert_eq!((self.status.as_u16(), body["error"]["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(body["error"]["request_id"], self.header("x-request-id"));
        assert_eq!(body.as_object().unwrap().len(), 1);
        body["error"]["message"].as_str().unwrap().to_owned()
    }
}

pub fn service_with(predictor: Arc<FakePredictor>, settings: ServeSettings) -> Router {
    governed(predictor, ungoverned(), settings)
}

pub fn governed(predictor: Arc<FakePredictor>, governance: Governance, settings: ServeSettings) -> Router {
    app(AppState::new(predictor, governance, settings).unwrap())
}

/// What every test takes for now.
pub fn now() -> events::Time {
    events::Time::from_ymd(2026, 11, 26).unwrap()
}

pub fn ungoverned() -> Governance {
    Governance::open(Arc::new(now))
}

pub fn service() -> Router {
    service_with(Arc::default(), ServeSettings::default())
}

pub async fn send(service: &Router, request: Request<Body>) -> Answer {
    let (head, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, text }
}

pub async fn get(service: &Router, path: &str) -> Answer {
    send(service, Request::get(path).body(Body::empty()).unwrap()).await
}

pub async fn post_text(service: &Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header("content-type", "application/json").body(body.into()).unwrap();
    send(service, request).await
}

pub async fn post(service: &Router, path: &str, body: &Value) -> Answer {
    post_text(service, path, body.to_string()).await
}
