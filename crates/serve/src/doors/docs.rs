//! `GET /docs`: the doors, for people.

use super::{Door, Rule};
use crate::AppState;
use axum::{response::Response, routing::get};
use govern::access::Scope;

pub(super) fn doors() -> Vec<Door> {
    let page = get(async |state: AppState| -> Response { state.pages().docs.answer() });
    vec![Door::new("/docs", Rule::Service(Scope::Read), page)]
}
