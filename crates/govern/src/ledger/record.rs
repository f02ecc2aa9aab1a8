//! What is recorded.

use crate::{lifecycle::Stage, stamp};
use events::Time;
use serde::{Deserialize, Serialize};

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// A call that was let in, and what it was answered.
    Call(Box<Call>),
    /// A change of who may call.
    Access(AccessChange),
    /// A step of a model's life.
    Stage(StageChange),
    /// Criteria, registered before the evaluation that is to meet them.
    Criteria(CriteriaRegistration),
}

/// A call that was let in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// When it came, RFC 3339, UTC.
    pub time: String,
    /// Ties it to the answer's header and to the log.
    pub request_id: String,
    /// Who called: a key's id, `issuer:…` for signed tokens, or `local` where no key is asked for.
    pub caller: String,
    /// The door: method and route.
    pub door: String,
    /// The model that was asked.
    pub model: ModelState,
    /// The keyed digest of the request's body; absent when it did not arrive whole. The key is derived from the
    /// server's signing key: who has it can tell whether a given input was asked, and nobody can try them out.
    pub input_digest: Option<String>,
    /// The answer's status.
    pub status: u16,
    /// Was the answer kept from the caller, because the model's stage allows none?
    pub withheld: bool,
    /// BLAKE3 of the answer's body, before it was withheld.
    pub output_digest: String,
    /// The answer's body, where it is JSON and not longer than the server's limit for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<serde_json::Value>,
    /// From the request's head to the answer, before the record was written.
    pub latency_ms: f64,
    /// The cards that the answer shows, or that feedback speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<String>,
    /// Feedback on cards of earlier calls, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<serde_json::Value>,
    /// The patient that it is about, where the server keeps the record: its random name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_patient: Option<String>,
}

/// The model that was asked, as it stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelState {
    /// Its name.
    pub name: String,
    /// The digest of its weights and settings.
    pub digest: String,
    /// Its stage at that moment.
    pub stage: Stage,
}

/// A change of who may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessChange {
    /// When.
    pub time: String,
    /// `granted`, `rotated` or `revoked`.
    pub change: String,
    /// The key's id; never its secret.
    pub key: String,
    /// What the key is called.
    pub name: String,
}

/// A step of a model's life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageChange {
    /// When.
    pub time: String,
    /// The model's digest.
    pub model: String,
    /// Where it stood.
    pub from: Stage,
    /// Where it stands now.
    pub to: Stage,
    /// The digest of the step as it is kept, with its approvals.
    pub step_digest: String,
    /// The digest of the policy that it was judged by.
    pub policy_digest: String,
    /// Whose approvals it has: `role: public key`.
    pub approved_by: Vec<String>,
}

/// Criteria, registered before the evaluation that is to meet them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriteriaRegistration {
    /// When.
    pub time: String,
    /// BLAKE3 of `criteria.toml`.
    pub criteria_digest: String,
}

impl Record {
    /// A change of who may call.
    pub fn access(time: Time, change: &str, key: &str, name: &str) -> Record {
        Record::Access(AccessChange {
            time: stamp(time),
            change: change.to_owned(),
            key: key.to_owned(),
            name: name.to_owned(),
        })
    }

    /// When it was.
    pub fn time(&self) -> &str {
        match self {
            Record::Call(record) => &record.time,
            Record::Access(record) => &record.time,
            Record::Stage(record) => &record.time,
            Record::Criteria(record) => &record.time,
        }
    }
}
