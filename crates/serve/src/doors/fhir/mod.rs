//! FHIR R4: what the server can do, and a patient's risks as resources that a record can hold.
//!
//! Errors at these doors are OperationOutcomes.

mod coding;
mod resources;

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
};
use crate::{
    AppState, Patient, PatientRisk, RiskQuestion,
    error::ApiError,
    frame::RequestId,
    wire::{FhirBundle, PatientAnswer, RankBy, record_of},
};
use axum::{
    Extension,
    body::Body,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use govern::{access::Scope, stamp};
use resources::Answered;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most codes that an answer speaks of, each at every horizon: as resources they take much room, and the ledger keeps answers
/// whole up to a limit.
const TOP: usize = 10;

pub(super) fn doors() -> Vec<Door> {
    vec![
        Door::new("/fhir/metadata", Rule::Service(Scope::Read), get(metadata)),
        Door::new("/fhir/$risk", Rule::Answer(Scope::Predict, ApiError::into_response), post(fhir_risk)),
    ]
}

/// What this server can do, as FHIR clients ask
///
/// A CapabilityStatement (R4): one operation, no resources are kept.
#[utoipa::path(
    get, path = "/fhir/metadata", tag = "fhir",
    responses(
        (status = 200, description = "A CapabilityStatement", content_type = "application/fhir+json"),
        (status = 401, description = "The key is missing or wrong (an OperationOutcome)", content_type = "application/fhir+json"),
    )
)]
pub(super) async fn metadata(state: AppState) -> Response {
    let model = &state.model().description;
    let operation = json!({
        "name": "risk", "definition": "urn:osler:operation:risk",
        "documentation": "POST [base]/$risk with a Bundle that holds one Patient and that patient's resources; answers with a Bundle of \
                          RiskAssessment, GuidanceResponse, Device, DocumentReference (model card) and Provenance, each with the security \
                          label AIAST. Nothing is kept."
    });
    fhir(json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": stamp((state.governance().clock)()),
        "kind": "instance",
        "software": { "name": "Osler", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": format!("{} {}", model.name, model.version) },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "implementationGuide": ["http://hl7.org/fhir/uv/aitransparency/ImplementationGuide/hl7.fhir.uv.aitransparency"],
        "rest": [{
            "mode": "server",
            "security": { "description": "A key as Authorization: Bearer" },
            "operation": [operation]
        }]
    }))
}

/// Risks of a patient, as FHIR R4
///
/// Takes a Bundle with one Patient and that patient's resources. The risks are those of `/v1/risk`: percentages, each with the ages between which it
/// holds, beside the ratio to others of the same age and sex. The subject is told in words alone: the record is de-identified before the
/// model reads it. Every resource has the security label AIAST, and the Provenance names no human, since none has looked.
#[utoipa::path(
    post, path = "/fhir/$risk", tag = "fhir",
    request_body(content = FhirBundle, content_type = "application/fhir+json"),
    responses(
        (status = 200, description = "A Bundle of type collection", content_type = "application/fhir+json"),
        (status = 400, description = "The request can't be read (an OperationOutcome)", content_type = "application/fhir+json"),
        (status = 401, description = "The key is missing or wrong (an OperationOutcome)", content_type = "application/fhir+json"),
        (status = 413, description = "The body is too large (an OperationOutcome)", content_type = "application/fhir+json"),
        (status = 415, description = "The body isn't said to be JSON (an OperationOutcome)", content_type = "application/fhir+json"),
        (status = 422, description = "The Bundle holds no patient that could be predicted for (an OperationOutcome)", content_type = "application/fhir+json"),
        (status = 429, description = "Too much to do; Retry-After says when to come again (an OperationOutcome)", content_type = "application/fhir+json"),
    )
)]
pub(super) async fn fhir_risk(
    state: AppState,
    Extension(id): Extension<RequestId>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let write = |patient: Arc<Patient>, risks: Vec<PatientRisk>| {
        let (model, now) = (state.model(), stamp((state.governance().clock)()));
        let risk = risks.into_iter().next().ok_or(ApiError::Internal)?;
        let horizons: Vec<usize> = (0..model.description.horizons_days.len()).collect();
        let answered = Answered {
            model: &model.description,
            stage: state.stage(),
            request_id: id.as_str(),
            now: &now,
            patient: PatientAnswer::of(model, &horizons, patient.counts, risk, RankBy::Risk, TOP),
        };
        Ok(fhir(resources::bundle(&answered)?))
    };
    ask::answer(&state, &head, body, read, |_, _| "body".to_owned(), write).await
}

fn read(state: &AppState, body: &[u8]) -> Result<Read<RiskQuestion, Arc<Patient>>, ApiError> {
    let patient = read_patient(state, record_of(body)?, "body")?;
    let question = RiskQuestion::new(patient.clone(), state.model().default_codes());
    Ok(Read { questions: vec![question], rest: patient })
}

fn fhir(resource: Value) -> Response {
    ([(header::CONTENT_TYPE, "application/fhir+json")], resource.to_string()).into_response()
}
