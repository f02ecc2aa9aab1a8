//! OpenAI's v1 API, and the form of it that Azure had for deployments.

use super::{
    completion, converse, created,
    embeddings::{EmbeddingsRequest, embed},
    request::{Asked, ChatRequest, ResponsesRequest},
    responses as response_shape,
};
use crate::{
    AppState, Models,
    doors::head::Head,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    record::CallNotes,
};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    response::Response,
};
use serde_json::{Value, json};

/// Chat, as OpenAI has it
///
/// A message must hold a patient's record: a FHIR R4 Bundle or events in MEDS terms, with any words around it. The answer is
/// composed from the model's numbers; no language model is asked. `stream` sends it sentence by sentence. "Tokens" are
/// events in and words out.
#[utoipa::path(
    post, path = "/openai/v1/chat/completions", tag = "chat",
    request_body(content = ChatRequest),
    responses(
        (status = 200, description = "A chat completion, or its chunks as server-sent events"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such model here", body = ErrorBody),
        (status = 422, description = "The record holds no patient that could be predicted for", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn openai_chat(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let write =
        |state: &AppState, asked: &Asked, composed: &_| completion::write(state, &id, asked, composed);
    converse(&state, &notes, &head, body, Asked::chat, write).await
}

/// Chat with a deployment, as Azure OpenAI has it
///
/// The deployment's name is the model's.
#[utoipa::path(
    post, path = "/openai/deployments/{name}/chat/completions", tag = "chat",
    params(("name" = String, Path, description = "The model, as `/openai/v1/models` names it")),
    request_body(content = ChatRequest),
    responses(
        (status = 200, description = "A chat completion, or its chunks as server-sent events"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such deployment", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn deployment_chat(
    state: AppState,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    state.answers_as(Some(&name))?;
    openai_chat(state, Extension(id), Extension(notes), head, body).await
}

/// Responses, as OpenAI has them
///
/// As chat; nothing is stored, whatever `store` says.
#[utoipa::path(
    post, path = "/openai/v1/responses", tag = "chat",
    request_body(content = ResponsesRequest),
    responses(
        (status = 200, description = "A response, or its server-sent events"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such model here", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn openai_responses(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let write =
        |state: &AppState, asked: &Asked, composed: &_| response_shape::write(state, &id, asked, composed);
    converse(&state, &notes, &head, body, Asked::responses, write).await
}

/// Embeddings of patients, as OpenAI has them
///
/// Each input is a text that holds a patient's record (any words around it), or the record itself; the answer is the model's
/// state after it, as a vector: the last token's, then the mean over all. `dimensions` may state its width and nothing else.
#[utoipa::path(
    post, path = "/openai/v1/embeddings", tag = "chat",
    request_body(content = EmbeddingsRequest),
    responses(
        (status = 200, description = "Embeddings, as numbers or as base64 of little-endian 32-bit floats"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such model here", body = ErrorBody),
        (status = 422, description = "A record holds no patient that could be read", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn openai_embeddings(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    embed(&state, &id, &notes, &head, body).await
}

/// Embeddings of patients by a deployment, as Azure OpenAI has them
#[utoipa::path(
    post, path = "/openai/deployments/{name}/embeddings", tag = "chat",
    params(("name" = String, Path, description = "The model, as `/openai/v1/models` names it")),
    request_body(content = EmbeddingsRequest),
    responses(
        (status = 200, description = "Embeddings"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such deployment", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn deployment_embeddings(
    state: AppState,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    state.answers_as(Some(&name))?;
    embed(&state, &id, &notes, &head, body).await
}

/// The models, as OpenAI lists them
#[utoipa::path(
    get, path = "/openai/v1/models", tag = "chat",
    responses(
        (status = 200, description = "The models"),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn openai_models(State(models): State<Models>) -> Json<Value> {
    let entry = |state: &AppState| {
        let name = &state.model().description.name;
        json!({"id": name, "object": "model", "created": created(state), "owned_by": "osler"})
    };
    let all: Vec<Value> = models.all().iter().map(entry).collect();
    Json(json!({"object": "list", "data": all}))
}
