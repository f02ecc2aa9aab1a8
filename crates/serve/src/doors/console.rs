//! `GET /`: the console, where a person sees a patient's risks.

use super::{Door, Rule};
use crate::AppState;
use axum::{extract::State, response::Response, routing::get};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    let page = get(async |State(state): State<AppState>| -> Response { state.pages().console.answer() });
    vec![Door::new("/", Rule::Service(Scope::Read), page)]
}
