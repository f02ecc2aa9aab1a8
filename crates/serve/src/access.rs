//! Who may come in, and where.

use crate::{Access, AppState, Models, doors::Rule, error::ApiError, governance::Believed};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use events::Time;
use govern::{
    access::{Caller, IdentityRefusal, Refusal, Scope, TokenRefusal, Tokens},
    lifecycle::Stage,
};

/// Lets a request pass when its door is a probe, or its caller is known and may use the door. Everything else,
/// routes that don't exist among them, is refused before anything of it is read.
pub(crate) async fn admit(State(models): State<Models>, mut request: Request, next: Next) -> Response {
    match caller(models.default(), Shown::by(models.default(), &request)).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// What a request shows of its caller, at which door.
struct Shown {
    is_probe: bool,
    scope: Option<Scope>,
    path: String,
    secret: Option<Vec<u8>>,
}

impl Shown {
    fn by(state: &AppState, request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let rule = path.and_then(|path| state.rule(path));
        Shown {
            is_probe: matches!(rule, Some(Rule::Probe)),
            scope: rule.and_then(Rule::scope),
            path: request.uri().path().to_owned(),
            secret: shown_secret(request.headers()),
        }
    }
}

/// Who calls. What is shared by all models is enough to tell.
async fn caller(state: &AppState, shown: Shown) -> Result<Option<Caller>, ApiError> {
    if shown.is_probe {
        return Ok(None);
    }
    let caller = identify(state, &shown).await?;
    let now = (state.governance().clock)();
    if let Some(scope) = shown.scope
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

/// May this caller ask this model?
pub(crate) fn is_granted(caller: &Caller, state: &AppState) -> bool {
    let model = &state.model().description;
    caller.may_ask(&model.name, &model.digest)
}

/// Refuses for a model that answers nobody any more, or of which that can't be told at this moment; else says where it stands.
pub(crate) fn not_retired(state: &AppState) -> Result<Stage, ApiError> {
    match state.known_stage() {
        None => Err(ApiError::StageUnavailable),
        Some(Stage::Retired) => Err(ApiError::Retired),
        Some(stage) => Ok(stage),
    }
}

async fn identify(state: &AppState, shown: &Shown) -> Result<Caller, ApiError> {
    let Access::Keys { keyring, .. } = &state.governance().access else {
        return Ok(Caller::local());
    };
    let clock = &state.governance().clock;
    let secret = shown.secret.as_deref().ok_or(ApiError::Unauthorized)?;
    // No key of ours has a point in it.
    if let Ok(token) = std::str::from_utf8(secret)
        && token.contains('.')
    {
        // A request is judged by those who were believed when it came.
        let Believed { tokens, identities } = state.believed();
        let is_cds = shown.scope == Some(Scope::Cds);
        match (tokens, identities) {
            (Some(tokens), None) if is_cds => return by_cds_token(&tokens, token, &shown.path, clock()),
            (Some(tokens), Some(_)) if is_cds && tokens.are_of(token) => {
                return by_cds_token(&tokens, token, &shown.path, clock());
            }
            (_, Some(identities)) => {
                return identities.admit(token, shown.scope, clock).await.map_err(|reason| match reason {
                    IdentityRefusal::Unavailable => ApiError::AccessUnavailable,
                    IdentityRefusal::Role => ApiError::NoRole,
                    reason => ApiError::IdentityRefused { reason },
                });
            }
            _ => {}
        }
    }
    keyring.admit(secret, clock()).map_err(|refusal| match refusal {
        Refusal::Unknown => ApiError::Unauthorized,
        Refusal::Expired => ApiError::KeyRefused { reason: "this key has expired; ask for a new one" },
        Refusal::Revoked => ApiError::KeyRefused { reason: "this key was revoked; ask for a new one" },
        Refusal::Unavailable => ApiError::AccessUnavailable,
    })
}

fn by_cds_token(tokens: &Tokens, token: &str, path: &str, now: Time) -> Result<Caller, ApiError> {
    tokens.admit(token, path, now).map_err(|reason| match reason {
        // Nothing is wrong with a token that there is no room to remember: it is good the next minute.
        TokenRefusal::Unavailable | TokenRefusal::Full => ApiError::AccessUnavailable,
        reason => ApiError::TokenRefused { reason },
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
