//! The doors: one file each, with its route, its handler and its documentation side by side.

mod console;
mod docs;
mod examples;
mod health;
mod metrics;
mod models;
mod openapi;
mod risk;

pub(crate) use openapi::document;

use crate::{AppState, error::ApiError};
use axum::Router;

/// All routes. What matches none of them, or not by this method, is answered in the one shape of errors.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .merge(risk::routes())
        .merge(models::routes())
        .merge(examples::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(openapi::routes())
        .merge(docs::routes())
        .merge(console::routes())
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
}
