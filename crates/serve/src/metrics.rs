//! What is counted, and how Prometheus reads it.

use crate::{
    error::PredictorFailure,
    kept::Removal,
    mirror::Mirrored,
    predictor::{KeptStates, ModelDescription, RecordCounts},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::time::Duration;

/// The media type of [`Metrics::text`].
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    name: String,
    version: String,
    digest: String,
}

/// Every measure of a server. No label ever holds anything that a caller sent.
pub(crate) struct Metrics {
    registry: Registry,
    model: Family<ModelLabels, Gauge>,
    requests: Family<RequestLabels, Counter>,
    duration: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    handshakes_failed: Counter,
    queue_depth: Gauge,
    batch_size: Histogram,
    batch_duration: Histogram,
    abandoned: Counter,
    predictor_errors: Family<KindLabels, Counter>,
    patients: Counter,
    events: Family<OutcomeLabels, Counter>,
    withheld: Counter,
    mirrored: Family<OutcomeLabels, Counter>,
    kept_patients: Gauge,
    kept_patient_bytes: Gauge,
    patients_let_go: Family<KindLabels, Counter>,
    states: Gauge,
    state_bytes: Gauge,
    state_tokens: Family<OutcomeLabels, Gauge>,
    ledger_group: Histogram,
    ledger_duration: Histogram,
    ledger_failures: Counter,
}

/// From half a millisecond, which a cached page takes, to the longest deadline.
fn latency_histogram() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::with_prefix("osler"),
            model: Family::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(latency_histogram as fn() -> Histogram),
            in_flight: Gauge::default(),
            handshakes_failed: Counter::default(),
            queue_depth: Gauge::default(),
            batch_size: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            batch_duration: latency_histogram(),
            abandoned: Counter::default(),
            predictor_errors: Family::default(),
            patients: Counter::default(),
            events: Family::default(),
            withheld: Counter::default(),
            mirrored: Family::default(),
            kept_patients: Gauge::default(),
            kept_patient_bytes: Gauge::default(),
            patients_let_go: Family::default(),
            states: Gauge::default(),
            state_bytes: Gauge::default(),
            state_tokens: Family::default(),
            ledger_group: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            ledger_duration: latency_histogram(),
            ledger_failures: Counter::default(),
        };
        metrics.registered()
    }

    /// From now on these models answer.
    pub(crate) fn models_serve<'a>(&self, models: impl IntoIterator<Item = &'a ModelDescription>) {
        self.model.clear();
        for model in models {
            let labels = ModelLabels {
                name: model.name.clone(),
                version: model.version.clone(),
                digest: model.digest.clone(),
            };
            self.model.get_or_create(&labels).set(1);
        }
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        r.register("model_info", "The models that are served", self.model.clone());
        r.register("http_requests", "Requests answered", self.requests.clone());
        r.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        r.register("http_requests_in_flight", "Requests under way", self.in_flight.clone());
        r.register(
            "tls_handshakes_failed",
            "Connections that were no TLS, took too long over it, or made room for others",
            self.handshakes_failed.clone(),
        );
        r.register("queue_depth", "Patients waiting for the model", self.queue_depth.clone());
        r.register("batch_size", "Patients that the model was asked about at once", self.batch_size.clone());
        r.register_with_unit(
            "batch_duration",
            "Time that the model took for a batch",
            Unit::Seconds,
            self.batch_duration.clone(),
        );
        r.register(
            "abandoned",
            "Patients dropped unanswered: caller gone or deadline passed",
            self.abandoned.clone(),
        );
        r.register("predictor_errors", "Patients for whom the model failed", self.predictor_errors.clone());
        r.register("patients", "Patients answered for", self.patients.clone());
        r.register("record_events", "Events of records sent, by what became of them", self.events.clone());
        r.register(
            "withheld",
            "Answers kept from callers, because of the model's stage",
            self.withheld.clone(),
        );
        r.register(
            "mirrored",
            "Requests of which another model was to be asked silently, by what became of that",
            self.mirrored.clone(),
        );
        r.register("kept_patients", "Patients that callers left here", self.kept_patients.clone());
        r.register("kept_patient_bytes", "Memory that they take", self.kept_patient_bytes.clone());
        r.register(
            "patients_let_go",
            "Patients that are kept no longer, and why",
            self.patients_let_go.clone(),
        );
        r.register("states", "Records that the model need not read again", self.states.clone());
        r.register("state_bytes", "Memory that they take", self.state_bytes.clone());
        r.register(
            "state_tokens",
            "Tokens of records asked about, read or known, since the model was loaded",
            self.state_tokens.clone(),
        );
        r.register("ledger_group", "Calls that shared a commit of the ledger", self.ledger_group.clone());
        r.register_with_unit(
            "ledger_duration",
            "Time that an answer waited for its record to be durable",
            Unit::Seconds,
            self.ledger_duration.clone(),
        );
        r.register(
            "ledger_failures",
            "Answers lost because they couldn't be recorded",
            self.ledger_failures.clone(),
        );
        self
    }

    pub(crate) fn request_started(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn request_answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route: route.to_owned(), method, status }).inc();
        self.duration.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn queue_changed(&self, before: usize, now: usize) {
        self.queue_depth.inc_by(now as i64 - before as i64);
    }

    pub(crate) fn mirrored(&self, outcome: Mirrored) {
        self.mirrored.get_or_create(&OutcomeLabels { outcome: outcome.name() }).inc();
    }

    pub(crate) fn batch_done(&self, patients: usize, took: Duration) {
        self.batch_size.observe(patients as f64);
        self.batch_duration.observe(took.as_secs_f64());
    }

    pub(crate) fn abandoned(&self, patients: usize) {
        self.abandoned.inc_by(patients as u64);
    }

    pub(crate) fn predictor_failed(&self, failure: PredictorFailure) {
        self.predictor_errors.get_or_create(&KindLabels { kind: failure.name() }).inc();
    }

    pub(crate) fn withheld(&self) {
        self.withheld.inc();
    }

    pub(crate) fn patients_kept(&self, patients: usize, bytes: usize) {
        set(&self.kept_patients, patients);
        set(&self.kept_patient_bytes, bytes);
    }

    pub(crate) fn patient_let_go(&self, removal: Removal) {
        let kind = match removal {
            Removal::Expired => "expired",
            Removal::Evicted => "evicted",
            Removal::Deleted => "deleted",
        };
        self.patients_let_go.get_or_create(&KindLabels { kind }).inc();
    }

    pub(crate) fn states_kept(&self, kept: impl Iterator<Item = KeptStates>) {
        let kept = kept.fold(KeptStates::default(), |a, b| KeptStates {
            states: a.states + b.states,
            bytes: a.bytes + b.bytes,
            tokens_reused: a.tokens_reused + b.tokens_reused,
            tokens_read: a.tokens_read + b.tokens_read,
        });
        set(&self.states, kept.states);
        set(&self.state_bytes, kept.bytes);
        for (outcome, tokens) in [("known", kept.tokens_reused), ("read", kept.tokens_read)] {
            self.state_tokens
                .get_or_create(&OutcomeLabels { outcome })
                .set(i64::try_from(tokens).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn recorded(&self, group: usize, took: Duration) {
        self.ledger_group.observe(group as f64);
        self.ledger_duration.observe(took.as_secs_f64());
    }

    pub(crate) fn not_recorded(&self) {
        self.ledger_failures.inc();
    }

    pub(crate) fn patient_answered(&self) {
        self.patients.inc();
    }

    pub(crate) fn record_read(&self, counts: RecordCounts) {
        let known = counts.read.saturating_sub(counts.unknown_codes);
        for (outcome, count) in
            [("known", known), ("unknown_code", counts.unknown_codes), ("rejected", counts.rejected)]
        {
            self.events.get_or_create(&OutcomeLabels { outcome }).inc_by(count as u64);
        }
    }

    /// The measures in OpenMetrics text.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn set(gauge: &Gauge, value: usize) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Counts a request as under way for as long as it lives, however it ends.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
