//! `GET /v1/models`: what answers here.

use super::{Door, Rule};
use crate::{
    Models,
    frame::ErrorBody,
    wire::{ModelAnswer, ModelsAnswer},
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/v1/models", Rule::Service(Scope::Read), get(models))]
}

/// The models that this server answers with
///
/// With the digest of their weights, their stage, what they were trained on, and every code and horizon that
/// they give risks for.
#[utoipa::path(
    get, path = "/v1/models", tag = "models",
    responses(
        (status = 200, description = "The models", body = ModelsAnswer),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
    )
)]
async fn models(State(models): State<Models>) -> Response {
    let answer = |state| ModelAnswer::of(state, models.default().is(state));
    Json(ModelsAnswer { models: models.all().iter().map(answer).collect() }).into_response()
}
