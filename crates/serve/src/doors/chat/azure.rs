//! Azure AI Model Inference.

use super::{
    completion, converse,
    embeddings::{EmbeddingsRequest, embed},
    request::{Asked, ChatRequest},
};
use crate::{
    AppState,
    doors::head::Head,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    record::CallNotes,
};
use axum::{Extension, Json, body::Body, response::Response};
use serde_json::{Value, json};

/// Chat, as Azure AI Model Inference has it
///
/// As `/openai/v1/chat/completions`. Parameters that aren't known are ignored, whatever `extra-parameters` says.
#[utoipa::path(
    post, path = "/chat/completions", tag = "chat",
    request_body(content = ChatRequest),
    responses(
        (status = 200, description = "A chat completion, or its chunks as server-sent events"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such model here", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn azure_chat(
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

/// Embeddings of patients, as Azure AI Model Inference has them
///
/// As `/openai/v1/embeddings`; `encoding_format` may be `float` or `base64`.
#[utoipa::path(
    post, path = "/embeddings", tag = "chat",
    request_body(content = EmbeddingsRequest),
    responses(
        (status = 200, description = "Embeddings"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such model here", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn azure_embeddings(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    embed(&state, &id, &notes, &head, body).await
}

/// What answers here, as Azure AI Model Inference asks
#[utoipa::path(
    get, path = "/info", tag = "chat",
    responses(
        (status = 200, description = "The model"),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
    )
)]
pub(in crate::doors) async fn azure_info(state: AppState) -> Json<Value> {
    let name = &state.model().description.name;
    Json(json!({"model_name": name, "model_type": "chat_completion", "model_provider_name": "osler"}))
}
