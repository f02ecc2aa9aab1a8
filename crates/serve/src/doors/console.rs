//! `GET /`: the console, where a person sees a patient's risks.

use super::{Door, Rule};
use crate::AppState;
use axum::{response::Response, routing::get};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    let page = get(async |state: AppState| -> Response { state.pages().console.answer() });
    vec![Door::new("/", Rule::Service(Scope::Read), page)]
}
