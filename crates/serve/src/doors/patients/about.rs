//! What is asked about a patient that is kept.

use crate::{
    AppState,
    doors::{
        ask::{self, Read},
        embed,
        head::Head,
        records::Paths,
        risk,
    },
    engine::EmbedQuestion,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    record::CallNotes,
    wire::{EmbedAnswer, RiskAnswer, RiskRequest, from_json},
};
use axum::{Extension, body::Body, extract::Path, response::Response};
use std::borrow::Cow;

/// What is asked of a patient's vector: nothing but the model.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct KeptEmbedRequest<'a> {
    /// The model that is asked, as `/v1/models` names it; the server's default, if left away.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    model: Option<Cow<'a, str>>,
}

/// Risks of a patient that is kept
///
/// As `/v1/risk` answers; the body holds what that takes beside the patient, or `{}`.
#[utoipa::path(
    post, path = "/v1/patients/{patient}/risk", tag = "patients",
    params(("patient" = String, Path, description = "As `POST /v1/patients` named it", example = "4e0a3a1e-3283-4575-ab82-028d55fe2719")),
    request_body(content = RiskRequest, description = "What is asked; no patient", example = json!({"horizons_days": [365], "top": 5})),
    responses(
        (status = 200, description = "The risks", body = RiskAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such patient is kept for this key", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
        (status = 504, description = "No answer in time", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn patient_risk(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    Path(kept): Path<String>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let patient = state.kept().get(&head.asker, &kept)?;
    notes.is_about_kept(&kept);
    let read = move |state: &AppState, body: &[u8]| {
        let request: RiskRequest<'_> = from_json(body, "body")?;
        if request.patient.is_some() || request.patients.is_some() {
            return Err(ApiError::invalid("body", "holds a patient; this one is kept, so send none"));
        }
        Ok(risk::Wanted::of(state, &request)?.about(vec![patient], Paths::Kept))
    };
    let write = |asked, risks| Ok(risk::write(&state, &id, asked, risks));
    ask::answer(&state, &head, body, read, |_, _| Paths::Kept.of(0), write).await
}

/// A patient that is kept as a vector
///
/// As `/v1/embed` answers; the body is `{}`.
#[utoipa::path(
    post, path = "/v1/patients/{patient}/embed", tag = "patients",
    params(("patient" = String, Path, description = "As `POST /v1/patients` named it", example = "4e0a3a1e-3283-4575-ab82-028d55fe2719")),
    request_body(content = KeptEmbedRequest),
    responses(
        (status = 200, description = "The vector", body = EmbedAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such patient is kept for this key, or the model gives no embeddings", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn patient_embed(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    Path(kept): Path<String>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    // Much of the record can be told from a vector.
    notes.keeps_digest_alone();
    let patient = state.kept().get(&head.asker, &kept)?;
    notes.is_about_kept(&kept);
    let read = move |state: &AppState, body: &[u8]| {
        embed::embedding_width(state)?;
        let request: KeptEmbedRequest<'_> = from_json(body, "body")?;
        state.answers_as(request.model.as_deref())?;
        Ok(Read { questions: vec![EmbedQuestion(patient)], rest: () })
    };
    let write = |(), embeddings| embed::write(&state, &id, embeddings);
    ask::answer(&state, &head, body, read, |(), _| Paths::Kept.of(0), write).await
}
