//! Who may come in, and where.

use crate::{Access, AppState, Models, doors::Rule, error::ApiError};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use govern::{
    access::{Caller, Refusal, Scope, TokenRefusal},
    lifecycle::Stage,
};

/// Lets a request pass when its door is a probe, or its caller is known and may use the door. Everything else,
/// routes that don't exist among them, is refused before anything of it is read.
pub(crate) async fn admit(State(models): State<Models>, mut request: Request, next: Next) -> Response {
    match caller(models.default(), &request) {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Who calls. What is shared by all models is enough to tell.
fn caller(state: &AppState, request: &Request) -> Result<Option<Caller>, ApiError> {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let rule = path.and_then(|path| state.rule(path));
    if matches!(rule, Some(Rule::Probe)) {
        return Ok(None);
    }
    let now = (state.governance().clock)();
    let scope = rule.and_then(Rule::scope);
    let caller = identify(state, request, scope)?;
    if let Some(scope) = scope
        && !caller.may(scope)
    {
        return Err(ApiError::WrongScope { scope });
    }
    state
        .governance()
        .quotas
        .spend(&caller.id, caller.quota(), now)
        .map_err(|seconds| ApiError::QuotaExceeded { seconds })?;
    Ok(Some(caller))
}

/// Refuses a caller who may not ask this model, and a model that answers nobody any more.
pub(crate) fn may_ask(caller: &Caller, state: &AppState) -> Result<(), ApiError> {
    let model = &state.model().description;
    if !caller.may_ask(&model.name, &model.digest) {
        return Err(ApiError::ModelNotGranted);
    }
    not_retired(state)
}

/// Refuses for a model that answers nobody any more, or of which that can't be told at this moment.
pub(crate) fn not_retired(state: &AppState) -> Result<(), ApiError> {
    match state.known_stage() {
        None => Err(ApiError::StageUnavailable),
        Some(Stage::Retired) => Err(ApiError::Retired),
        Some(_) => Ok(()),
    }
}

fn identify(state: &AppState, request: &Request, scope: Option<Scope>) -> Result<Caller, ApiError> {
    let Access::Keys { keyring, tokens } = &state.governance().access else { return Ok(Caller::local()) };
    let now = (state.governance().clock)();
    let secret = shown_secret(request.headers()).ok_or(ApiError::Unauthorized)?;
    if let Some(tokens) = tokens
        && scope == Some(Scope::Cds)
        && let Ok(token) = std::str::from_utf8(&secret)
        && token.contains('.')
    {
        return tokens.admit(token, request.uri().path(), now).map_err(|reason| match reason {
            TokenRefusal::Unavailable => ApiError::AccessUnavailable,
            reason => ApiError::TokenRefused { reason },
        });
    }
    keyring.admit(&secret, now).map_err(|refusal| match refusal {
        Refusal::Unknown => ApiError::Unauthorized,
        Refusal::Expired => ApiError::KeyRefused { reason: "this key has expired; ask for a new one" },
        Refusal::Revoked => ApiError::KeyRefused { reason: "this key was revoked; ask for a new one" },
        Refusal::Unavailable => ApiError::AccessUnavailable,
    })
}

/// The secret of `Authorization: Bearer`, of `api-key`, or the password of `Authorization: Basic`, which is how
/// a browser lets a person open the console.
fn shown_secret(headers: &HeaderMap) -> Option<Vec<u8>> {
    if let Some(key) = headers.get("api-key") {
        return Some(key.as_bytes().to_vec());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64_STANDARD.decode(credentials.trim()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        return Some(decoded[colon + 1..].to_vec());
    }
    None
}
