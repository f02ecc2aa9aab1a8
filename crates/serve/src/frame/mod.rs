//! What surrounds every door: a request id, measures, one line of log, security headers, and the error's body.

mod outcome;
mod request_id;

pub(crate) use request_id::RequestId;

use crate::{
    Models,
    doors::Rule,
    error::ApiError,
    metrics::Metrics,
    record::ORIGIN_HEADERS,
    traces::{Asked, RequestTrace, parent_of},
};
use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use govern::access::Scope;
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

/// The one shape of every error, but for FHIR's doors.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(example = json!({"error": {"code": "unreadable_patient", "message": "patient: the Bundle holds no Patient resource; add the patient whose record it is", "request_id": "0f8fad5bd9cb469fa16570867728950e"}}))]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorDetail {
    /// A stable word for programs.
    code: &'static str,
    /// A sentence for people. It never repeats what was sent.
    message: String,
    /// The id to report.
    request_id: String,
}

/// The outermost layer.
pub(crate) async fn frame(State(models): State<Models>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let metrics = &models.common().metrics;
    let mut record = Record::new(&request, id.clone(), metrics.clone());
    let _in_flight = metrics.request_started();
    request.extensions_mut().insert(id.clone());
    let is_fhir = request.uri().path().starts_with("/fhir/");
    let is_azure = is_azure(request.uri().path());
    let trace = traced(&models, &request, &id);
    let answering = without_panic(next.run(request));
    let (mut response, traced) = match trace {
        None => (answering.await, None),
        Some(trace) => {
            let (response, steps) = trace.during(answering).await;
            (response, Some((trace, steps)))
        }
    };
    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        write_error(&mut response, error, &id, is_fhir);
        if is_azure {
            response.headers_mut().insert(AZURE_ERROR_CODE, HeaderValue::from_static(error.row().1));
        }
        record.error = Some(error.row().1);
    }
    if let Some((trace, steps)) = traced {
        trace.answered(&response, error.as_ref(), steps);
    }
    secure(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(RequestId::HEADER, value);
    }
    record.answered(&response);
    response
}

/// Where Azure's clients look for an error's code.
const AZURE_ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// Is this one of Azure AI Model Inference's addresses, or of Azure's deployments?
fn is_azure(path: &str) -> bool {
    matches!(path, "/chat/completions" | "/embeddings" | "/info") || path.starts_with("/openai/deployments/")
}

/// The trace of a request, where requests are traced. Probes and measures, which come every few seconds, are not.
fn traced(models: &Models, request: &Request, id: &RequestId) -> Option<RequestTrace> {
    let governance = models.default().governance();
    let traces = governance.traces.as_ref()?;
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let rule = route.and_then(|route| models.default().rule(route));
    if matches!(rule, Some(Rule::Probe | Rule::Service(Scope::Metrics))) {
        return None;
    }
    let asked = Asked {
        method: known_method(request.method()),
        route: route.unwrap_or("unmatched").to_owned(),
        request_id: id.as_str().to_owned(),
    };
    Some(traces.begin(asked, parent_of(request.headers()), (governance.clock)()))
}

/// A door that panics is answered for, and the connection lives on.
pub(crate) async fn without_panic(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        // After a panic the future is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(ApiError::Internal.into_response()),
        }
    })
    .await
}

impl ApiError {
    /// The one shape of errors.
    pub(crate) fn body(&self, request_id: &str) -> String {
        let (_, code, message) = self.row();
        let detail = ErrorDetail { code, message: message.into_owned(), request_id: request_id.to_owned() };
        // Strings alone: it can't fail.
        serde_json::to_string(&ErrorBody { error: detail }).unwrap_or_default()
    }
}

/// In the one shape of errors, or, where a FHIR client waits, as an OperationOutcome.
fn write_error(response: &mut Response, error: &ApiError, id: &RequestId, is_fhir: bool) {
    let (status, code, message) = error.row();
    let mut written = if is_fhir {
        outcome::write(status, code, &message)
    } else {
        (status, [(header::CONTENT_TYPE, "application/json")], error.body(id.as_str())).into_response()
    };
    let of_errors = [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::CONNECTION, header::ALLOW];
    for name in of_errors.into_iter().chain(ORIGIN_HEADERS) {
        for value in response.headers().get_all(&name) {
            written.headers_mut().append(&name, value.clone());
        }
    }
    *response = written;
}

/// Headers for answers that hold patients' risks: nothing is cached, framed, sniffed or sent on. A page that
/// brings its own content security policy keeps it.
fn secure(headers: &mut HeaderMap) {
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What is known of a request, for the measures and the log: never anything that it carries.
struct Record {
    id: RequestId,
    route: String,
    method: &'static str,
    bytes_in: u64,
    started: Instant,
    metrics: Arc<Metrics>,
    error: Option<&'static str>,
    done: bool,
}

/// The status in measures and log for a caller who left before the answer, as nginx has it.
const CALLER_LEFT: u16 = 499;

impl Record {
    fn new(request: &Request, id: RequestId, metrics: Arc<Metrics>) -> Self {
        let route =
            request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
        let bytes_in = request.body().size_hint().exact().unwrap_or(0);
        let method = known_method(request.method());
        Record { id, route, method, bytes_in, started: Instant::now(), metrics, error: None, done: false }
    }

    fn answered(mut self, response: &Response) {
        self.done = true;
        let bytes_out = response.body().size_hint().exact().unwrap_or(0);
        self.state(response.status().as_u16(), bytes_out);
    }

    fn state(&self, status: u16, bytes_out: u64) {
        let took = self.started.elapsed();
        self.metrics.request_answered(&self.route, self.method, status, took);
        tracing::info!(
            request_id = self.id.as_str(),
            method = self.method,
            route = self.route,
            status,
            error = self.error,
            ms = milliseconds(took),
            bytes_in = self.bytes_in,
            bytes_out,
            "request"
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.done {
            self.state(CALLER_LEFT, 0);
        }
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 100.0
}

/// The method, or `other`: a caller can make up as many as they like, and a measure must not grow with them.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
