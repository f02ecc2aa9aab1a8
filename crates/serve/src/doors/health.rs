//! `GET /health/live` and `/health/ready`: for whatever keeps the server running and sends it callers.

use super::{Door, Rule};
use crate::AppState;
use axum::{Json, http::StatusCode, routing::get};

pub(super) fn doors() -> Vec<Door> {
    vec![
        Door::new("/health/live", Rule::Probe, get(live)),
        Door::new("/health/ready", Rule::Probe, get(ready)),
    ]
}

/// How the server is.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct HealthAnswer {
    /// `live`, `ready` or `draining`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Is the server alive?
///
/// Needs no key.
#[utoipa::path(
    get, path = "/health/live", tag = "operations", security(()),
    responses((status = 200, description = "It is", body = HealthAnswer))
)]
async fn live() -> Json<HealthAnswer> {
    Json(HealthAnswer { status: "live" })
}

/// Should callers be sent here?
///
/// Not any more once the server is shutting down. Needs no key.
#[utoipa::path(
    get, path = "/health/ready", tag = "operations", security(()),
    responses(
        (status = 200, description = "They should", body = HealthAnswer),
        (status = 503, description = "The server is shutting down", body = HealthAnswer),
    )
)]
async fn ready(state: AppState) -> (StatusCode, Json<HealthAnswer>) {
    if state.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, Json(HealthAnswer { status: "draining" }))
    } else {
        (StatusCode::OK, Json(HealthAnswer { status: "ready" }))
    }
}
