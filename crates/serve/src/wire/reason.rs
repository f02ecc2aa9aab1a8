//! `POST /v1/reason`: what is asked and what is answered.

use super::ModelSummary;
use crate::ReasonSection;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Who is asked about, and what. A body that is itself a record asks everything about that patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "patient": {"events": [
        {"code": "GENDER//F"}, {"time": "1958-05-01", "code": "MEDS_BIRTH"},
        {"time": "2019-03-04T09:30:00", "code": "LOINC//4548-4", "numeric_value": 7.9, "unit": "%"}]},
    "show": ["risks", "differential"], "horizon_days": 365.25, "most": 3}))]
pub(crate) struct ReasonRequest<'a> {
    /// The model that is asked, as `/v1/models` names it; the server's default, if left away.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub(crate) model: Option<Cow<'a, str>>,
    /// The patient: one, since each answer is long.
    #[serde(borrow)]
    #[schema(value_type = super::PatientRecord)]
    pub(crate) patient: &'a RawValue,
    /// Which parts are wanted; all that this server can give, if left away.
    #[serde(default)]
    pub(crate) show: Option<Vec<ReasonSection>>,
    /// The horizon that evidence, differential and tests speak of, one of the model's; a year, if left away.
    #[serde(default)]
    pub(crate) horizon_days: Option<f64>,
    /// How many conditions each part tells of, at most 20; 5, if left away.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 20)]
    pub(crate) most: Option<usize>,
}

/// What the model can say beyond a risk. Parts that weren't asked for are left away.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "request_id": "4f3c…", "model": {"name": "osler-tiny"},
    "disclaimer": "Not a medical device. …",
    "synthetic_notice": "The model was trained on synthetic patients. Its numbers say nothing about real people.",
    "reasoning": {
        "age_years": 60.8, "cautions": [],
        "early_detection": [{"code": "ICD10CM//E11.9", "risks": [0.01, 0.21], "references": [0.001, 0.02],
            "evidence": {
                "events": [{"code": "LOINC//4548-4", "days_before": 0, "log_odds": 2.1, "risk_without": 0.03, "exact": true}],
                "moments": [{"days_before": 0, "time": "09:30", "events": 3, "log_odds": 2.2, "risk_without": 0.03, "exact": true}]}}],
        "differential": {"horizon_days": 365.25, "considered": [{"rank": 1, "code": "ICD10CM//E11.9", "chance": 0.21}], "others": 49}
    }}))]
pub(crate) struct ReasonAnswer<'a> {
    /// The id of this call, also in the header `x-request-id` and in the server's log.
    pub(crate) request_id: &'a str,
    /// Which model answered.
    pub(crate) model: ModelSummary<'a>,
    /// What this is, and isn't.
    pub(crate) disclaimer: &'static str,
    /// A warning, when the model was trained on synthetic patients.
    pub(crate) synthetic_notice: Option<&'static str>,
    /// The same object as `osler reason --json` writes: `early_detection`, `differential`, `next_tests` and `alike` (patients like
    /// this one, told as a group of at least `k`), with `cautions` that come before all of them. Instead of days it tells `days_before`
    /// the record's last event.
    #[schema(value_type = Object)]
    pub(crate) reasoning: serde_json::Value,
}
