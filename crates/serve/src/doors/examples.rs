//! `GET /v1/examples`: patients to try things with.

use super::{Door, Rule};
use crate::{
    AppState,
    error::ApiError,
    frame::ErrorBody,
    wire::{ExampleAnswer, ExamplesAnswer},
};
use axum::{Json, routing::get};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/v1/examples", Rule::Service(Scope::Read), get(examples))]
}

/// Patients to try things with
///
/// They are nobody: each is a record as `POST /v1/risk` takes it. The list may be empty.
#[utoipa::path(
    get, path = "/v1/examples", tag = "models",
    responses(
        (status = 200, description = "The examples", body = ExamplesAnswer),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
    )
)]
async fn examples(state: AppState) -> Result<Json<ExamplesAnswer>, ApiError> {
    let predictor = state.predictor().clone();
    let examples =
        tokio::task::spawn_blocking(move || predictor.examples()).await.map_err(|_| ApiError::Internal)?;
    Ok(Json(ExamplesAnswer { examples: examples.into_iter().map(ExampleAnswer::from).collect() }))
}
