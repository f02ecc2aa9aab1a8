//! `GET /`: the console, where a person sees a patient's risks.

use crate::AppState;
use axum::{Router, extract::State, response::Response, routing::get};

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(async |State(state): State<AppState>| -> Response { state.pages().console.answer() }))
}
