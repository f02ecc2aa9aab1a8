//! `/v1/patients`: what is kept of a patient, as its caller is told.

use crate::RecordCounts;
use serde::Serialize;
use utoipa::ToSchema;

/// A patient that is kept.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"request_id": "0f8fad5bd9cb469fa16570867728950e", "patient_id": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
    "events": 213, "added": {"read": 2, "rejected": 0, "unknown_codes": 0}, "expires_in_seconds": 3600}))]
pub(crate) struct KeptAnswer<'a> {
    /// The id of this call, also in the header `x-request-id` and in the server's log.
    pub(crate) request_id: &'a str,
    /// The patient's name here: it is good for this key and this server alone, until the server ends.
    pub(crate) patient_id: &'a str,
    /// Events in the record that is kept.
    pub(crate) events: usize,
    /// What became of the events that were sent; those that the record had already are not counted.
    pub(crate) added: Option<AddedCounts>,
    /// For how long the patient is kept if nobody asks about it.
    pub(crate) expires_in_seconds: u64,
}

/// What became of the events that were sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedCounts {
    /// Events added.
    read: usize,
    /// Entries that could not be read, or that the policy doesn't allow.
    rejected: usize,
    /// Events, among those added, with a code that the model doesn't know.
    unknown_codes: usize,
}

impl From<RecordCounts> for AddedCounts {
    fn from(counts: RecordCounts) -> Self {
        AddedCounts { read: counts.read, rejected: counts.rejected, unknown_codes: counts.unknown_codes }
    }
}
