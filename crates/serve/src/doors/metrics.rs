//! `GET /metrics`: for Prometheus.

use crate::{AppState, error::ApiError, frame::ErrorBody, metrics::MEDIA_TYPE};
use axum::{
    Router,
    extract::State,
    http::{HeaderName, header},
    routing::get,
};

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/metrics", get(metrics))
}

/// Measures, for Prometheus
///
/// In OpenMetrics text. No label holds anything that a caller sent.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses(
        (status = 200, description = "The measures", body = String, content_type = "application/openmetrics-text"),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
    )
)]
async fn metrics(
    State(state): State<AppState>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let text = state.metrics().text().map_err(|_| ApiError::Internal)?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text))
}
