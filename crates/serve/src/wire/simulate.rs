//! `POST /v1/simulate`: what is asked and what is answered.

use super::{ModelSummary, whole_days};
use crate::{CodeKind, FutureEnd};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Whose futures are drawn, and what is told of them. A body that is itself a record asks about that patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "patient": {"events": [
        {"code": "GENDER//F"},
        {"time": "1958-05-01", "code": "MEDS_BIRTH"},
        {"time": "2019-03-04T09:30:00", "code": "LOINC//4548-4", "numeric_value": 7.9, "unit": "%"}
    ]},
    "horizons_days": [365],
    "trajectories": 100,
    "futures": 1
}))]
pub(crate) struct SimulateRequest<'a> {
    /// The model that is asked, as `/v1/models` names it; the server's default, if left away.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub(crate) model: Option<Cow<'a, str>>,
    /// One patient.
    #[serde(borrow, default)]
    #[schema(value_type = Option<super::PatientRecord>)]
    pub(crate) patient: Option<&'a RawValue>,
    /// Only these codes, of those that `/v1/models` lists; conditions otherwise.
    #[serde(default)]
    pub(crate) codes: Option<Vec<String>>,
    /// Codes of these kinds.
    #[serde(default)]
    pub(crate) kinds: Option<Vec<CodeKind>>,
    /// Up to 12 horizons, any number of days up to the longest of the model's, ascending; a year otherwise. Futures are drawn up to
    /// the last.
    #[serde(default)]
    pub(crate) horizons_days: Option<Vec<f64>>,
    /// How many futures are drawn: 1 to 1,000; 100 otherwise.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub(crate) trajectories: Option<usize>,
    /// How many of them are told event by event: up to 20; none otherwise.
    #[serde(default)]
    #[schema(maximum = 20)]
    pub(crate) futures: Option<usize>,
    /// The same seed draws the same futures of the same record by the same model; one is drawn and told otherwise.
    #[serde(default)]
    pub(crate) seed: Option<u32>,
    /// Tell how far it is, as server-sent events, and the answer as the last of them.
    #[serde(default)]
    pub(crate) stream: bool,
}

/// What drawn futures say of a patient.
#[derive(Serialize, ToSchema)]
pub(crate) struct SimulateAnswer<'a> {
    /// The id of this call, also in the header `x-request-id` and in the server's log.
    pub(crate) request_id: &'a str,
    /// Which model answered.
    pub(crate) model: ModelSummary<'a>,
    /// What this is, and who decides.
    pub(crate) disclaimer: &'static str,
    /// A warning, when the model was trained on synthetic patients.
    pub(crate) synthetic_notice: Option<&'static str>,
    /// The horizons of every estimate, in days.
    #[serde(serialize_with = "whole_days")]
    #[schema(example = json!([365]))]
    pub(crate) horizons_days: &'a [f64],
    /// The seed that they were drawn with.
    pub(crate) seed: u32,
    /// Futures drawn.
    pub(crate) trajectories: usize,
    /// Those of them that were cut off before the last horizon, since too much happened in them; risks beyond are too low by them.
    pub(crate) truncated: usize,
    /// Those of them that end in death by the last horizon.
    pub(crate) deaths: usize,
    /// What the futures say of each code, the likeliest at the last horizon first.
    pub(crate) risks: Vec<SimulatedCurve<'a>>,
    /// Some of the futures, event by event.
    pub(crate) futures: Vec<FutureAnswer>,
}

/// How often a code is recorded in the futures, death competing (SCOPE, arXiv 2602.03730).
#[derive(Serialize, ToSchema)]
pub(crate) struct SimulatedCurve<'a> {
    /// `SYSTEM//code`.
    #[schema(example = "ICD10CM//I50.9")]
    pub(crate) code: &'a str,
    /// What it means, where known.
    pub(crate) description: Option<&'a str>,
    /// What sort of thing it is.
    pub(crate) kind: CodeKind,
    /// The estimate at each of `horizons_days`.
    pub(crate) probability: Vec<f32>,
    /// Its standard error by the futures' spread; null where one future was drawn.
    pub(crate) standard_error: Vec<Option<f32>>,
}

/// One future.
#[derive(Serialize, ToSchema)]
pub(crate) struct FutureAnswer {
    /// What happens in it.
    pub(crate) events: Vec<FutureEventAnswer>,
    /// Why it ends: `horizon`, `death`, `truncated`.
    #[schema(value_type = String, example = "horizon")]
    pub(crate) end: FutureEnd,
}

/// Something that happens in a future.
#[derive(Serialize, ToSchema)]
pub(crate) struct FutureEventAnswer {
    /// Days after the record's last event.
    #[schema(example = 41.2)]
    pub(crate) days: f32,
    /// `SYSTEM//code`.
    #[schema(example = "LOINC//4548-4")]
    pub(crate) code: String,
    /// The rank of its value among those of people in training, where it has one: 0 is the lowest, 1 the highest.
    pub(crate) value_rank: Option<f32>,
}
