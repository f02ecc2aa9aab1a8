//! Which model a request asks. It is found before anything is recorded, and once: a door is given that one and no other.

use crate::{
    AppState, Models,
    body::{Buffered, receive_json, within_bounds},
    error::ApiError,
};
use axum::{
    RequestPartsExt,
    body::Body,
    extract::{FromRequestParts, RawPathParams, Request},
    http::{Method, request::Parts},
};
use serde::Deserialize;
use std::{borrow::Cow, convert::Infallible};

/// The doors whose body may name the model. Others take a record, or a shape of their own, as the whole body: there the model is
/// named in the address (`?model=`), the path or a header.
const NAMED_IN_BODY: [&str; 12] = [
    "/v1/risk",
    "/v1/embed",
    "/v1/reason",
    "/v1/simulate",
    "/v1/patients",
    "/v1/patients/{patient}/risk",
    "/v1/patients/{patient}/embed",
    "/openai/v1/chat/completions",
    "/openai/v1/responses",
    "/openai/v1/embeddings",
    "/chat/completions",
    "/embeddings",
];

/// The model that a request asks, at a door that is recorded. Its body is read only where several models are served, nothing
/// before the body names one, and the door's body may. `unnamed` is the one that is meant where none is named.
pub(crate) async fn of_call(
    models: &Models,
    unnamed: &AppState,
    request: Request,
    path: &str,
) -> (Request, Result<AppState, ApiError>) {
    let (mut parts, body) = request.into_parts();
    let named = before_body(models, &mut parts, path).await;
    // By another method there is no such door, and its body names nothing.
    let reads_body = models.all().len() > 1 && parts.method == Method::POST && NAMED_IN_BODY.contains(&path);
    match named {
        Ok(None) if reads_body => {
            let (body, chosen) = match receive_json(models.default(), &parts.headers, body).await {
                Ok(received) => {
                    let received = received.buffered();
                    let chosen = in_body(models, unnamed, &received).await;
                    (Body::new(received), chosen)
                }
                Err(error) => (Body::empty(), Err(error)),
            };
            (Request::from_parts(parts, body), chosen)
        }
        named => {
            let chosen = named.map(|found| found.unwrap_or_else(|| unnamed.clone()));
            (Request::from_parts(parts, body), chosen)
        }
    }
}

/// The same at a door that tells nothing of a patient.
pub(crate) async fn of_service(
    models: &Models,
    unnamed: &AppState,
    request: Request,
    path: &str,
) -> (Request, Result<AppState, ApiError>) {
    let (mut parts, body) = request.into_parts();
    let named = before_body(models, &mut parts, path).await;
    let chosen = named.map(|found| found.unwrap_or_else(|| unnamed.clone()));
    (Request::from_parts(parts, body), chosen)
}

/// The model that is named before the body, or that the door is for.
async fn before_body(models: &Models, parts: &mut Parts, path: &str) -> Result<Option<AppState>, ApiError> {
    if path.starts_with("/cds-services") {
        return Ok(Some(models.cds().clone()));
    }
    let called = |name: &str| models.called(name).cloned().ok_or(ApiError::NoSuchModel);
    if path.starts_with("/openai/deployments/{name}/") {
        let params = parts.extract::<RawPathParams>().await.map_err(|_| ApiError::NoSuchModel)?;
        let name = params.iter().find_map(|(key, value)| (key == "name").then_some(value));
        return called(name.unwrap_or_default()).map(Some);
    }
    if path == "/score"
        && let Some(name) = parts.headers.get("azureml-model-deployment")
    {
        return called(name.to_str().map_err(|_| ApiError::NoSuchModel)?).map(Some);
    }
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    match pairs.find(|(key, _)| key == "model") {
        Some((_, name)) => called(&name).map(Some),
        None => Ok(None),
    }
}

/// What a body says of the model; whatever else is wrong with it is the door's to say.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
}

/// The model that the body names. Reading may take time, and so is done on a reader's thread.
async fn in_body(models: &Models, unnamed: &AppState, body: &Buffered) -> Result<AppState, ApiError> {
    let state = models.default();
    let turn = state.readers().clone().acquire_owned().await.map_err(|_| ApiError::Draining)?;
    let (bytes, depth) = (body.bytes().clone(), state.settings().max_json_depth);
    let named = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if within_bounds(&bytes, depth).is_err() {
            return None;
        }
        let named: Named<'_> = serde_json::from_slice(&bytes).ok()?;
        named.model.map(Cow::into_owned)
    });
    match named.await.map_err(|_| ApiError::Internal)? {
        Some(name) => models.called(&name).cloned().ok_or(ApiError::NoSuchModel),
        None => Ok(unnamed.clone()),
    }
}

/// A door's state is the model that its request asks.
impl FromRequestParts<Models> for AppState {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, models: &Models) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<AppState>().unwrap_or_else(|| models.default()).clone())
    }
}
