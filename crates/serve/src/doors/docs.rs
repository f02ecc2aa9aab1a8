//! `GET /docs`: the doors, for people.

use crate::AppState;
use axum::{Router, extract::State, response::Response, routing::get};

pub(super) fn routes() -> Router<AppState> {
    Router::new().route(
        "/docs",
        get(async |State(state): State<AppState>| -> Response { state.pages().docs.answer() }),
    )
}
