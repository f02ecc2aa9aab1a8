//! `GET /metrics`: for Prometheus.

use super::{Door, Rule};
use crate::{Models, error::ApiError, frame::ErrorBody, metrics::MEDIA_TYPE};
use axum::{
    extract::State,
    http::{HeaderName, header},
    routing::get,
};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/metrics", Rule::Service(Scope::Metrics), get(metrics))]
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
    State(models): State<Models>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let metrics = &models.common().metrics;
    metrics.states_kept(models.all().iter().map(|state| state.predictor().kept_states()));
    let text = metrics.text().map_err(|_| ApiError::Internal)?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text))
}
