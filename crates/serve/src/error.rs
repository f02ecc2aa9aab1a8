//! What can go wrong: for whoever starts the server, and, in one table, for whoever calls it.

use crate::{PatientError, PredictError, body::MOST_ENTRIES};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use govern::{
    access::{IdentityRefusal, Scope, TokenRefusal},
    lifecycle::Stage,
};
use std::{borrow::Cow, io};

/// Why a server could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting under which nothing could be answered.
    #[error("setting {name} {reason}")]
    Setting {
        /// The field of [`crate::ServeSettings`].
        name: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// A model that can't be served.
    #[error("the model can't be served: {reason}")]
    Model {
        /// What is wrong with its description.
        reason: &'static str,
    },
    /// A certificate that can't be shown.
    #[error("TLS is refused: {reason}")]
    Tls {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The system gave no thread.
    #[error("no thread could be started for the model: {0}")]
    Thread(#[source] io::Error),
}

/// Everything that a caller can be told went wrong. Messages say what to do and never repeat what was sent.
#[derive(Clone, Debug)]
pub(crate) enum ApiError {
    InvalidJson {
        line: usize,
        column: usize,
    },
    InvalidRequest {
        path: String,
        reason: Cow<'static, str>,
    },
    TooDeep {
        limit: usize,
    },
    TooManyEntries {
        limit: usize,
    },
    TooManyPatients {
        limit: usize,
    },
    Unauthorized,
    KeyRefused {
        reason: &'static str,
    },
    TokenRefused {
        reason: TokenRefusal,
    },
    IdentityRefused {
        reason: IdentityRefusal,
    },
    NoRole,
    AccessUnavailable,
    WrongScope {
        scope: Scope,
    },
    ModelNotGranted,
    QuotaExceeded {
        seconds: u64,
    },
    Withheld {
        stage: Stage,
    },
    Retired,
    StageUnavailable,
    LedgerBusy,
    LedgerUnavailable,
    NotFound,
    NoSuchModel,
    NoSuchPatient,
    /// The model draws no futures.
    NoSimulations,
    PatientTooLarge {
        limit: usize,
    },
    /// The model gives no embeddings.
    NoEmbeddings,
    /// The model gives no reasons.
    NoReasoning,
    MethodNotAllowed,
    BodyTimeout,
    BodyBroken,
    BodyTooLarge {
        limit: usize,
    },
    UnsupportedMediaType,
    Patient {
        path: String,
        error: PatientError,
    },
    OutOfScope {
        path: String,
        detail: String,
    },
    PreconditionFailed {
        what: Cow<'static, str>,
    },
    Overloaded,
    Internal,
    Predictor {
        kind: PredictorFailure,
    },
    Draining,
    DeadlineExceeded,
    /// Nobody reads this any more but the ledger.
    CallerLeft,
}

/// How a predictor failed its part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PredictorFailure {
    Failed,
    Panicked,
    InvalidAnswer,
}

impl PredictorFailure {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            PredictorFailure::Failed => "failed",
            PredictorFailure::Panicked => "panicked",
            PredictorFailure::InvalidAnswer => "invalid_answer",
        }
    }
}

impl ApiError {
    pub(crate) fn invalid(path: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Self {
        ApiError::InvalidRequest { path: path.into(), reason: reason.into() }
    }

    pub(crate) fn of_prediction(path: String, error: PredictError) -> Self {
        match error {
            PredictError::OutOfScope { detail } => ApiError::OutOfScope { path, detail },
            PredictError::Failed { .. } => ApiError::Predictor { kind: PredictorFailure::Failed },
        }
    }

    /// The table: status, stable code, message.
    pub(crate) fn row(&self) -> (StatusCode, &'static str, Cow<'static, str>) {
        use ApiError as E;
        use StatusCode as S;
        match self {
            E::InvalidJson { line, column } => (
                S::BAD_REQUEST,
                "invalid_json",
                format!("the body isn't valid JSON: see line {line}, column {column}").into(),
            ),
            E::InvalidRequest { path, reason } => {
                (S::BAD_REQUEST, "invalid_request", format!("{path}: {reason}").into())
            }
            E::TooDeep { limit } => {
                (S::BAD_REQUEST, "json_too_deep", format!("the JSON nests deeper than {limit} levels").into())
            }
            E::TooManyEntries { limit } => (
                S::PAYLOAD_TOO_LARGE,
                "too_many_entries",
                format!(
                    "{} more than {limit}; send fewer patients, or a shorter record",
                    if *limit == MOST_ENTRIES { "a list or object holds entries," } else { "the request holds values," }
                )
                .into(),
            ),
            E::TooManyPatients { limit } => (
                S::BAD_REQUEST,
                "too_many_patients",
                format!("one request may hold {limit} patients; send several requests").into(),
            ),
            E::Unauthorized => (
                S::UNAUTHORIZED,
                "unauthorized",
                "send a key that this server granted, as Authorization: Bearer, as api-key, or as the password of \
                 a browser's prompt"
                    .into(),
            ),
            E::KeyRefused { reason } => (S::UNAUTHORIZED, "key_refused", (*reason).into()),
            E::TokenRefused { reason } => (S::UNAUTHORIZED, "token_refused", reason.to_string().into()),
            E::IdentityRefused { reason } => (S::UNAUTHORIZED, "token_refused", reason.to_string().into()),
            E::NoRole => (S::FORBIDDEN, "no_role", IdentityRefusal::Role.to_string().into()),
            E::AccessUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "access_unavailable",
                "the keys, those of the token's issuer, or the tokens that were used can't be looked up at this moment; try again after the time in Retry-After"
                    .into(),
            ),
            E::WrongScope { scope } => (
                S::FORBIDDEN,
                "wrong_scope",
                format!("this key or role may not do that; ask for one with the scope {scope}").into(),
            ),
            E::ModelNotGranted => {
                (S::FORBIDDEN, "model_not_granted", "this key may not ask this model".into())
            }
            E::QuotaExceeded { .. } => (
                S::TOO_MANY_REQUESTS,
                "quota_exceeded",
                "this key has used up its calls; Retry-After says when there are more".into(),
            ),
            E::Withheld { stage } => (
                S::FORBIDDEN,
                "withheld",
                match stage {
                    Stage::Silent => "the model is silent: it was asked and its answer recorded, and nobody is \
                                      answered until it is live"
                        .into(),
                    other => format!(
                        "the model is {other}, not live: its answer was recorded, and is only given to keys that \
                         were granted --trial"
                    )
                    .into(),
                },
            ),
            E::Retired => {
                (S::GONE, "retired", "the model is retired and answers no more; ask another".into())
            }
            E::StageUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "stage_unavailable",
                "whether the model may answer can't be read at this moment; try again after the time in Retry-After"
                    .into(),
            ),
            E::LedgerBusy => (
                S::TOO_MANY_REQUESTS,
                "overloaded",
                "more calls wait to be recorded than the server can hold; try again after the time in \
                 Retry-After"
                    .into(),
            ),
            E::LedgerUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "ledger_unavailable",
                "the call couldn't be recorded, and so is not answered; try again after the time in Retry-After"
                    .into(),
            ),
            E::NotFound => {
                (S::NOT_FOUND, "not_found", "there is no such route; /docs lists those that there are".into())
            }
            E::NoSuchModel => (
                S::NOT_FOUND,
                "no_such_model",
                "no model of that name answers here; /openai/v1/models lists those that do".into(),
            ),
            E::NoSimulations => (
                S::NOT_FOUND,
                "no_simulations",
                "the model that answers here draws no futures; ask it for risks".into(),
            ),
            E::NoSuchPatient => (
                S::NOT_FOUND,
                "no_such_patient",
                "no patient of that id is kept for this key: none was, or nobody asked about it for too long, or it made \
                 room for others, or the server was started anew; send the record again to POST /v1/patients"
                    .into(),
            ),
            E::PatientTooLarge { limit } => (
                S::PAYLOAD_TOO_LARGE,
                "patient_too_large",
                format!(
                    "the record is longer than is kept ({limit} events); leave older events out, or send it with each \
                     question to /v1/risk"
                )
                .into(),
            ),
            E::NoEmbeddings => (
                S::NOT_FOUND,
                "no_embeddings",
                "the model that answers here gives no embeddings; ask it for risks".into(),
            ),
            E::NoReasoning => (
                S::NOT_FOUND,
                "no_reasoning",
                "the model that answers here gives no reasons; ask it for risks".into(),
            ),
            E::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route takes another method; see /docs".into(),
            ),
            E::BodyTimeout => (
                S::REQUEST_TIMEOUT,
                "body_timeout",
                "the body took too long to arrive; send it again, or in smaller parts".into(),
            ),
            E::BodyBroken => {
                (S::BAD_REQUEST, "body_broken", "the body ended before it was complete; send it again".into())
            }
            E::BodyTooLarge { limit } => (
                S::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("the body is larger than {limit} bytes; send fewer patients, or a shorter record")
                    .into(),
            ),
            E::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send Content-Type: application/json or application/fhir+json".into(),
            ),
            E::Patient { path, error } => {
                (S::UNPROCESSABLE_ENTITY, "unreadable_patient", format!("{path}: {error}").into())
            }
            E::OutOfScope { path, detail } => (
                S::UNPROCESSABLE_ENTITY,
                "out_of_scope",
                format!("{path}: the model gives no answer for this patient: {detail}").into(),
            ),
            E::PreconditionFailed { what } => {
                (S::PRECONDITION_FAILED, "precondition_failed", what.clone())
            }
            E::Overloaded => (
                S::TOO_MANY_REQUESTS,
                "overloaded",
                "the server has as much to do as it can hold; try again after the time in Retry-After".into(),
            ),
            E::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "the server failed; nothing was predicted. Report the request id to whoever runs it".into(),
            ),
            E::Predictor { kind } => (
                S::INTERNAL_SERVER_ERROR,
                "predictor_failed",
                format!(
                    "the model {}; nothing was predicted. Report the request id to whoever runs the server",
                    match kind {
                        PredictorFailure::Failed | PredictorFailure::Panicked => "failed",
                        PredictorFailure::InvalidAnswer =>
                            "gave an answer that can't be right, which is withheld",
                    }
                )
                .into(),
            ),
            E::Draining => (
                S::SERVICE_UNAVAILABLE,
                "draining",
                "the server is shutting down; ask another, or later".into(),
            ),
            E::DeadlineExceeded => (
                S::GATEWAY_TIMEOUT,
                "deadline_exceeded",
                "no answer could be given in time; try again, or with fewer patients".into(),
            ),
            E::CallerLeft => (
                // As nginx has it.
                S::from_u16(499).unwrap_or(S::REQUEST_TIMEOUT),
                "caller_left",
                "the caller left before the answer".into(),
            ),
        }
    }
}

/// The status and headers alone, with the error beside them: [`crate::frame`] knows the request's id, and
/// writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.row().0.into_response();
        let headers = response.headers_mut();
        match self {
            ApiError::Overloaded
            | ApiError::Draining
            | ApiError::AccessUnavailable
            | ApiError::StageUnavailable
            | ApiError::LedgerBusy
            | ApiError::LedgerUnavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            ApiError::QuotaExceeded { seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            ApiError::Unauthorized
            | ApiError::KeyRefused { .. }
            | ApiError::TokenRefused { .. }
            | ApiError::IdentityRefused { .. } => {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Osler\""));
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Osler\""));
            }
            // The rest of a body that was refused may still be under way; it isn't worth reading.
            ApiError::BodyTooLarge { .. } | ApiError::BodyTimeout | ApiError::BodyBroken => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}
