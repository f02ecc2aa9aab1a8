//! `POST /v1/embed`: a patient's record in, what the model makes of it out, as a vector.

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
    records::{Paths, Records},
};
use crate::{
    AppState,
    engine::EmbedQuestion,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    record::CallNotes,
    wire::{EmbedAnswer, EmbedRequest, ModelSummary, SYNTHETIC_NOTICE, from_json, records_of},
};
use axum::{
    Extension, Json,
    body::Body,
    response::{IntoResponse, Response},
    routing::post,
};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/v1/embed", Rule::Answer(Scope::Predict, ApiError::into_response), post(embed))]
}

/// Patients as vectors
///
/// Reads one or several patients' records as `/v1/risk` does and answers with the model's state after each: the last token's,
/// then the mean over all tokens that the model looks at. Patients whose records look alike to the model lie near each other. A
/// vector says much of the record that it was made from: treat it as the record.
#[utoipa::path(
    post, path = "/v1/embed", tag = "prediction",
    request_body(content = EmbedRequest, description = "The patients"),
    responses(
        (status = 200, description = "The vectors", body = EmbedAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "The model gives no embeddings", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "A record holds no patient that could be read", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
        (status = 504, description = "No answer in time", body = ErrorBody),
    )
)]
pub(crate) async fn embed(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    // Much of the record can be told from a vector.
    notes.keeps_digest_alone();
    let write = |_, embeddings| write(&state, &id, embeddings);
    ask::answer(&state, &head, body, read, |paths: &Paths, index| paths.of(index), write).await
}

pub(super) fn write(
    state: &AppState,
    id: &RequestId,
    embeddings: Vec<Vec<f32>>,
) -> Result<Response, ApiError> {
    let description = &state.model().description;
    let answer = EmbedAnswer {
        request_id: id.as_str(),
        model: ModelSummary::of(description, state.stage()),
        synthetic_notice: description.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
        width: embedding_width(state)?,
        embeddings,
    };
    Ok(Json(answer).into_response())
}

fn read(state: &AppState, body: &[u8]) -> Result<Read<EmbedQuestion, Paths>, ApiError> {
    embedding_width(state)?;
    let records = match records_of(body)? {
        Some(record) => Records::whole_body(record),
        None => {
            let request: EmbedRequest<'_> = from_json(body, "body")?;
            state.answers_as(request.model.as_deref())?;
            Records::of(request.patient, request.patients)?
        }
    };
    records.check_number(state.settings())?;
    let patients = records.read(|record, at| read_patient(state, record, at))?;
    Ok(Read { questions: patients.into_iter().map(EmbedQuestion).collect(), rest: records.paths })
}

/// The width of the model's embeddings, where it gives them.
pub(super) fn embedding_width(state: &AppState) -> Result<usize, ApiError> {
    state.model().embedding_width.ok_or(ApiError::NoEmbeddings)
}
