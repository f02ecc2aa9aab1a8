//! The doors: one file each, with its route, its handler and its documentation side by side.

mod ask;
mod awaited;
mod cds;
mod chat;
mod console;
mod docs;
mod embed;
mod examples;
mod fhir;
mod found_record;
mod head;
mod health;
mod metrics;
mod models;
mod openapi;
mod patients;
mod reason;
mod records;
mod risk;
mod score;
mod simulate;

pub(crate) use openapi::document;

use crate::{Models, error::ApiError};
use axum::{Router, response::Response, routing::MethodRouter};
use govern::access::Scope;
use std::collections::HashMap;

/// A door: a path, what it asks of callers, and who answers. A route can't be added without saying all three.
pub(crate) struct Door {
    path: &'static str,
    rule: Rule,
    handler: MethodRouter<Models>,
}

impl Door {
    fn new(path: &'static str, rule: Rule, handler: MethodRouter<Models>) -> Self {
        Door { path, rule, handler }
    }
}

/// What a door asks of callers, and what becomes of its answers.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// A health probe: open to everyone.
    Probe,
    /// Tells nothing of a patient.
    Service(Scope),
    /// Tells what a model says of a patient: recorded, and answered only when the model's stage allows. What the
    /// caller gets instead is made here.
    Answer(Scope, fn(ApiError) -> Response),
    /// Tells the server something: recorded.
    Recorded(Scope),
}

impl Rule {
    pub(crate) const fn scope(self) -> Option<Scope> {
        match self {
            Rule::Probe => None,
            Rule::Service(scope) | Rule::Recorded(scope) | Rule::Answer(scope, _) => Some(scope),
        }
    }
}

/// A route of the server, for tests and documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its path, `{…}` for what varies.
    pub path: &'static str,
    /// What a key must be granted to use it; none for health probes.
    pub scope: Option<Scope>,
    /// Does it tell what a model says of a patient?
    pub answers: bool,
}

/// Every route that there is.
pub fn routes() -> Vec<Route> {
    let route = |door: Door| Route {
        path: door.path,
        scope: door.rule.scope(),
        answers: matches!(door.rule, Rule::Answer(..)),
    };
    doors().into_iter().map(route).collect()
}

/// The rule of every path.
pub(crate) fn rules() -> HashMap<&'static str, Rule> {
    doors().into_iter().map(|door| (door.path, door.rule)).collect()
}

fn doors() -> Vec<Door> {
    [
        risk::doors(),
        embed::doors(),
        reason::doors(),
        patients::doors(),
        simulate::doors(),
        fhir::doors(),
        cds::doors(),
        chat::doors(),
        score::doors(),
        models::doors(),
        examples::doors(),
        health::doors(),
        metrics::doors(),
        openapi::doors(),
        docs::doors(),
        console::doors(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All routes. What matches none of them, or not by this method, is answered in the one shape of errors.
pub(crate) fn router() -> Router<Models> {
    doors()
        .into_iter()
        .fold(Router::new(), |router, door| router.route(door.path, door.handler))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
}
