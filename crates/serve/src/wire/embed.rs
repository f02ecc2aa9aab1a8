//! `POST /v1/embed`: what is asked and what is answered.

use super::ModelSummary;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Who is asked about. A body that is itself a record asks about that one patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"patient": {"events": [
    {"code": "GENDER//F"}, {"time": "1958-05-01", "code": "MEDS_BIRTH"}, {"time": "2019-03-04", "code": "ICD10CM//E11.9"}]}}))]
pub(crate) struct EmbedRequest<'a> {
    /// The model that is asked, as `/v1/models` names it; the server's default, if left away.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub(crate) model: Option<Cow<'a, str>>,
    /// One patient.
    #[serde(borrow, default)]
    #[schema(value_type = Option<super::PatientRecord>)]
    pub(crate) patient: Option<&'a RawValue>,
    /// Several patients, answered in the same order. Send this or `patient`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<super::PatientRecord>>)]
    pub(crate) patients: Option<Vec<&'a RawValue>>,
}

/// Patients as vectors.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmbedAnswer<'a> {
    /// The id of this call, also in the header `x-request-id` and in the server's log.
    pub(crate) request_id: &'a str,
    /// Which model answered.
    pub(crate) model: ModelSummary<'a>,
    /// A warning, when the model was trained on synthetic patients.
    pub(crate) synthetic_notice: Option<&'static str>,
    /// Numbers in a vector.
    #[schema(example = 256)]
    pub(crate) width: usize,
    /// The vectors, in the order of the request.
    pub(crate) embeddings: Vec<Vec<f32>>,
}
