//! `/v1/patients`: records that are left here, so that a further event costs a step and not a whole record.

pub(super) mod about;

use super::{
    Door, Rule,
    ask::{self, read_patient, read_patient_onto},
    head::Head,
    records::Records,
};
use crate::{
    AppState, Patient, RecordCounts,
    access::not_retired,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    record::CallNotes,
    uuid::new_uuid,
    wire::{EmbedRequest, KeptAnswer, PatientRecord, from_json, record_of, records_of},
};
use axum::{
    Extension, Json,
    body::Body,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use govern::access::Scope;
use std::sync::Arc;
use tokio::{sync::OwnedMutexGuard, time::timeout};

pub(super) fn doors() -> Vec<Door> {
    let told = Rule::Recorded(Scope::Predict);
    let answers = Rule::Answer(Scope::Predict, ApiError::into_response);
    vec![
        Door::new("/v1/patients", told, post(create)),
        Door::new("/v1/patients/{patient}", told, get(state_of).delete(delete)),
        Door::new("/v1/patients/{patient}/events", told, post(append)),
        Door::new("/v1/patients/{patient}/risk", answers, post(about::patient_risk)),
        Door::new("/v1/patients/{patient}/embed", answers, post(about::patient_embed)),
    ]
}

/// Keep a patient
///
/// Reads a record as `/v1/risk` does and keeps it, de-identified, in memory, for the key that sent it. Events can be added and risks
/// asked for by the id that is answered. A patient that nobody asks about for an hour goes, and so does the one used longest ago when
/// there is no more room; a server that is started anew keeps nobody. After a model was exchanged the record is read anew by
/// the next, at the next question.
#[utoipa::path(
    post, path = "/v1/patients", tag = "patients",
    request_body(content = EmbedRequest, description = "One patient, as `patient` or as the body itself"),
    responses(
        (status = 201, description = "The patient is kept", body = KeptAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 413, description = "The body, or the record, is too large", body = ErrorBody),
        (status = 422, description = "The record holds no patient that could be predicted for", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
    )
)]
pub(super) async fn create(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    not_retired(&state)?;
    let patient = ask::read(&state, &head, body, |state, body| {
        let records = match records_of(body)? {
            Some(record) => Records::whole_body(record),
            None => {
                let request: EmbedRequest<'_> = from_json(body, "body")?;
                state.answers_as(request.model.as_deref())?;
                if request.patients.is_some() {
                    return Err(ApiError::invalid("patients", "can't be kept together; send one patient"));
                }
                Records::of(request.patient, None)?
            }
        };
        records.read(|record, at| read_patient(state, record, at))?.pop().ok_or(ApiError::Internal)
    })
    .await?;
    let added = Some(patient.counts);
    let (kept, weighed) = (new_uuid()?, state.kept().weighed(patient.clone())?);
    notes.is_about_kept(&kept);
    let (of, owner, name) = (state.clone(), head.asker.clone(), kept.clone());
    notes.once_recorded(move || of.kept().put(&owner, &name, weighed));
    Ok((StatusCode::CREATED, told(&state, &id, &kept, &patient, added)).into_response())
}

/// What is kept of a patient
///
/// How many events, and for how long.
#[utoipa::path(
    get, path = "/v1/patients/{patient}", tag = "patients",
    params(("patient" = String, Path, description = "As `POST /v1/patients` named it", example = "4e0a3a1e-3283-4575-ab82-028d55fe2719")),
    responses(
        (status = 200, description = "The patient is kept", body = KeptAnswer),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such patient is kept for this key", body = ErrorBody),
    )
)]
pub(super) async fn state_of(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    Path(kept): Path<String>,
    head: Head,
) -> Result<Response, ApiError> {
    let patient = state.kept().get(&head.asker, &kept)?;
    notes.is_about_kept(&kept);
    Ok(told(&state, &id, &kept, &patient, None).into_response())
}

/// Keep a patient no longer
#[utoipa::path(
    delete, path = "/v1/patients/{patient}", tag = "patients",
    params(("patient" = String, Path, description = "As `POST /v1/patients` named it", example = "4e0a3a1e-3283-4575-ab82-028d55fe2719")),
    responses(
        (status = 204, description = "Nothing is kept of the patient any more"),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such patient is kept for this key", body = ErrorBody),
    )
)]
pub(super) async fn delete(
    state: AppState,
    Extension(notes): Extension<CallNotes>,
    Path(kept): Path<String>,
    head: Head,
) -> Result<StatusCode, ApiError> {
    let turn = turn(&state, &head, &kept).await?;
    notes.is_about_kept(&kept);
    notes.once_recorded(move || {
        let _turn = turn;
        state.kept().delete(&head.asker, &kept);
    });
    Ok(StatusCode::NO_CONTENT)
}

/// Add events to a patient that is kept
///
/// A Bundle of further resources (the Patient need not be among them), or `events`. What the record has already, to the last field, is
/// not added again, so a call whose answer was lost can be repeated. Another patient's Bundle, another birth or sex, and events after
/// death are refused.
#[utoipa::path(
    post, path = "/v1/patients/{patient}/events", tag = "patients",
    params(("patient" = String, Path, description = "As `POST /v1/patients` named it", example = "4e0a3a1e-3283-4575-ab82-028d55fe2719")),
    request_body(content = PatientRecord, description = "What is added", example = json!({"events": [
        {"time": "2024-06-02T11:05:00", "code": "LOINC//33762-6", "numeric_value": 940, "unit": "pg/mL"}]})),
    responses(
        (status = 200, description = "The events are added", body = KeptAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such patient is kept for this key", body = ErrorBody),
        (status = 413, description = "The body, or the record, is too large", body = ErrorBody),
        (status = 422, description = "The events can't be added to this record", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
    )
)]
pub(super) async fn append(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    Path(kept): Path<String>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    not_retired(&state)?;
    // Whoever isn't kept needs no body.
    state.kept().turn(&head.asker, &kept)?;
    notes.is_about_kept(&kept);
    let (owner, name) = (head.asker.clone(), kept.clone());
    let turn = turn(&state, &head, &kept);
    let (patient, weighed, added, turn) =
        ask::read_after(&state, &head, body, turn, move |state, body, turn| {
            let record = record_of(body)?;
            let before = state.kept().get(&owner, &name)?;
            let read = read_patient_onto(state, record, Some(&before), "body")?;
            let added = read.counts;
            let counts = sum(before.counts, added);
            let after = Arc::new(Patient { counts, ..Arc::unwrap_or_clone(read) });
            Ok((after.clone(), state.kept().weighed(after)?, added, turn))
        })
        .await?;
    let (of, owner, name) = (state.clone(), head.asker.clone(), kept.clone());
    notes.once_recorded(move || {
        let _turn = turn;
        of.kept().replace(&owner, &name, weighed);
    });
    Ok(told(&state, &id, &kept, &patient, Some(added)).into_response())
}

/// The turn at changing a patient: what another call of the same caller adds is on record, and there, before this one reads the patient.
async fn turn(state: &AppState, head: &Head, kept: &str) -> Result<OwnedMutexGuard<()>, ApiError> {
    let turn = state.kept().turn(&head.asker, kept)?;
    let waiting = timeout(state.settings().request_timeout, turn.lock_owned());
    waiting.await.map_err(|_| ApiError::DeadlineExceeded)
}

fn sum(a: RecordCounts, b: RecordCounts) -> RecordCounts {
    RecordCounts {
        read: a.read + b.read,
        rejected: a.rejected + b.rejected,
        unknown_codes: a.unknown_codes + b.unknown_codes,
    }
}

fn told(
    state: &AppState,
    id: &RequestId,
    kept: &str,
    patient: &Patient,
    added: Option<RecordCounts>,
) -> Response {
    Json(KeptAnswer {
        request_id: id.as_str(),
        patient_id: kept,
        events: patient.subject.events().len(),
        added: added.map(Into::into),
        expires_in_seconds: state.kept().idle().as_secs(),
    })
    .into_response()
}
