//! OpenTelemetry: one span a request, with the steps that it took, sent by OTLP to where the operator says. Off unless he does.
//!
//! A span says which door was asked, what came of it and how long each step took. It holds nothing of a request's path, query, headers or
//! body but the request's id and the ids of the trace that the caller began (`traceparent`); `tracestate` and `baggage`, in which a caller may
//! write what it likes, are not read.

mod otlp;
mod parent;

use crate::{Error, error::ApiError};
use axum::response::Response;
use events::Time;
use opentelemetry::{
    Context, KeyValue,
    trace::{Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

pub(crate) use parent::parent_of;

/// Where spans go.
#[derive(Clone)]
pub struct Traces(Arc<Provider>);

struct Provider {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// To a collector that takes OTLP over HTTP at `endpoint`, such as `http://localhost:4318`, with the certificates (PEM) of whom to trust
    /// in TLS. Spans wait in a queue that is bounded; what has no room there is left out.
    ///
    /// # Errors
    /// When the endpoint isn't an address that may be asked, or the certificates can't be read.
    pub fn to(endpoint: &str, roots: &[u8]) -> Result<Self, Error> {
        let provider = otlp::provider(endpoint, roots)?;
        let tracer = provider.tracer("osler");
        Ok(Traces(Arc::new(Provider { provider, tracer })))
    }

    /// Sends what waits, and ends. Takes up to five seconds, in which the thread waits.
    pub fn end(&self) {
        if self.0.provider.shutdown().is_err() {
            tracing::warn!("the last traces could not be sent");
        }
    }

    /// A request that begins now.
    pub(crate) fn begin(&self, request: Asked, parent: Option<SpanContext>, now: Time) -> RequestTrace {
        RequestTrace { traces: self.clone(), request, parent, now, begun: Instant::now(), told: None }
    }
}

/// What is told of a request when it comes.
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) route: String,
    pub(crate) request_id: String,
}

tokio::task_local! {
    static STEPS: RefCell<Vec<Step>>;
}

#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    begun: Instant,
    took: Duration,
}

/// Does something, and tells the request's trace how long it took, if it has one.
pub(crate) async fn step<T>(name: &'static str, doing: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = doing.await;
    // Outside of a traced request there is nobody to tell.
    let _ = STEPS.try_with(|steps| steps.borrow_mut().push(Step { name, begun, took: begun.elapsed() }));
    done
}

/// Does something on a task of its own, and gives the steps that it took.
pub(crate) async fn noted<T>(doing: impl Future<Output = T>) -> (T, Steps) {
    let noted = async {
        let done = doing.await;
        (done, Steps(STEPS.with(RefCell::take)))
    };
    STEPS.scope(RefCell::default(), noted).await
}

/// Tells the request's trace, if it has one, of steps that were taken on another task.
pub(crate) fn took(steps: Steps) {
    let _ = STEPS.try_with(|all| all.borrow_mut().extend(steps.0));
}

/// A request under way. Dropped without an answer, its caller has left.
pub(crate) struct RequestTrace {
    traces: Traces,
    request: Asked,
    parent: Option<SpanContext>,
    now: Time,
    begun: Instant,
    told: Option<Told>,
}

struct Told {
    status: u16,
    error: Option<&'static str>,
    model: Option<(String, String)>,
    steps: Vec<Step>,
}

/// What was taken on the way to an answer.
pub(crate) struct Steps(Vec<Step>);

impl RequestTrace {
    /// Answers the request, and notes the steps that it takes.
    pub(crate) async fn during(&self, answering: impl Future<Output = Response>) -> (Response, Steps) {
        noted(answering).await
    }

    /// It was answered.
    pub(crate) fn answered(mut self, response: &Response, error: Option<&ApiError>, steps: Steps) {
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        self.told = Some(Told {
            status: response.status().as_u16(),
            error: error.map(|error| error.row().1),
            model: header("x-osler-model").zip(header("x-osler-stage")),
            steps: steps.0,
        });
    }

    fn at(&self, moment: Instant) -> SystemTime {
        let micros = u64::try_from(self.now.micros()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros) + moment.saturating_duration_since(self.begun)
    }
}

/// As in the log, for a caller who left before the answer.
const CALLER_LEFT: u16 = 499;

impl Drop for RequestTrace {
    fn drop(&mut self) {
        let left = Told { status: CALLER_LEFT, error: Some("caller_left"), model: None, steps: Vec::new() };
        let told = self.told.take().unwrap_or(left);
        let tracer = &self.traces.0.tracer;
        let Asked { method, route, request_id } = &self.request;
        let mut attributes = vec![
            KeyValue::new("http.request.method", *method),
            KeyValue::new("http.route", route.clone()),
            KeyValue::new("http.response.status_code", i64::from(told.status)),
            KeyValue::new("osler.request_id", request_id.clone()),
        ];
        attributes.extend(told.error.map(|error| KeyValue::new("error.type", error)));
        if let Some((model, stage)) = told.model {
            attributes.extend([KeyValue::new("osler.model", model), KeyValue::new("osler.stage", stage)]);
        }
        let above = match self.parent.take() {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let mut span = SpanBuilder::from_name(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_start_time(self.at(self.begun))
            .with_attributes(attributes)
            .start_with_context(tracer, &above);
        if told.status >= 500 {
            span.set_status(Status::error(told.error.unwrap_or("internal")));
        }
        let within = Context::new().with_remote_span_context(span.span_context().clone());
        for step in told.steps {
            SpanBuilder::from_name(step.name)
                .with_start_time(self.at(step.begun))
                .start_with_context(tracer, &within)
                .end_with_timestamp(self.at(step.begun + step.took));
        }
        span.end_with_timestamp(self.at(Instant::now()));
    }
}
