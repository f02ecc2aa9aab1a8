//! `POST /v1/reason`: a patient's record in, why and what next out.

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
};
use crate::{
    AppState, ReasonQuestion, ReasonSection,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    record::CallNotes,
    wire::{DISCLAIMER, ModelSummary, ReasonAnswer, ReasonRequest, SYNTHETIC_NOTICE, from_json, records_of},
};
use axum::{
    Extension, Json,
    body::Body,
    response::{IntoResponse, Response},
    routing::post,
};
use govern::access::Scope;

/// Conditions told of where nothing is said, and at most.
const MOST: (usize, usize) = (5, 20);
/// The horizon where nothing is said, in days.
const YEAR: f64 = 365.25;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/v1/reason", Rule::Answer(Scope::Predict, ApiError::into_response), post(reason))]
}

/// Reasons, differential, next tests, patients alike
///
/// Reads one patient's record as `/v1/risk` does and says more than a risk: what moved each risk and how it compares (`risks`), what it
/// may be, unrecorded or imminent (`differential`), which test is expected to tell most (`tests`), and what became of patients like
/// this one, told as a group of at least `k` (`alike`; only where the server has a reference set). Parts of the record stand in the
/// answer, so the ledger keeps its digest alone. Association is not effect.
#[utoipa::path(
    post, path = "/v1/reason", tag = "prediction",
    request_body(content = ReasonRequest, description = "The patient, and what is asked"),
    responses(
        (status = 200, description = "What the model can say", body = ReasonAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "The model gives no reasons", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "The record holds no patient that could be read", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
        (status = 504, description = "No answer in time", body = ErrorBody),
    )
)]
pub(crate) async fn reason(
    state: AppState,
    Extension(id): Extension<RequestId>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    notes.keeps_digest_alone();
    let write = |(), mut answers: Vec<serde_json::Value>| {
        let description = &state.model().description;
        let answer = ReasonAnswer {
            request_id: id.as_str(),
            model: ModelSummary::of(description, state.stage()),
            disclaimer: DISCLAIMER,
            synthetic_notice: description.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
            reasoning: answers.pop().unwrap_or_default(),
        };
        Ok(Json(answer).into_response())
    };
    ask::answer(&state, &head, body, read, |(), _| "patient".to_owned(), write).await
}

fn read(state: &AppState, body: &[u8]) -> Result<Read<ReasonQuestion, ()>, ApiError> {
    let can = state.predictor().reasons();
    if can.is_empty() {
        return Err(ApiError::NoReasoning);
    }
    let (record, request) = match records_of(body)? {
        Some(record) => (record, None),
        None => {
            let request: ReasonRequest<'_> = from_json(body, "body")?;
            state.answers_as(request.model.as_deref())?;
            (request.patient, Some(request))
        }
    };
    let asked = request.as_ref();
    let most = asked.and_then(|request| request.most).unwrap_or(MOST.0);
    if !(1..=MOST.1).contains(&most) {
        return Err(ApiError::invalid("most", "must be at least 1 and at most 20"));
    }
    let horizon = horizon_of(state, asked.and_then(|request| request.horizon_days).unwrap_or(YEAR))?;
    let show = match asked.and_then(|request| request.show.as_ref()) {
        None => can,
        Some(wanted) => {
            if let Some(missing) = wanted.iter().find(|section| !can.contains(section)) {
                return Err(ApiError::invalid(
                    "show",
                    format!(
                        "{} isn't given here; `osler serve --reference` gives patients alike",
                        missing.name()
                    ),
                ));
            }
            wanted.clone()
        }
    };
    if show.is_empty() {
        return Err(ApiError::invalid("show", "names nothing; leave it away for everything"));
    }
    let patient = read_patient(state, record, "patient")?;
    Ok(Read { questions: vec![ReasonQuestion { patient, show, horizon, most }], rest: () })
}

fn horizon_of(state: &AppState, wanted: f64) -> Result<usize, ApiError> {
    let known = &state.model().description.horizons_days;
    // A year has 365 days to some and 365.25 to others.
    let found = known.iter().position(|days| (days - wanted).abs() <= days * 1e-3);
    found.ok_or_else(|| {
        ApiError::invalid("horizon_days", "is not a horizon of the model; /v1/models lists them")
    })
}

impl ReasonSection {
    /// As it is written.
    fn name(self) -> &'static str {
        match self {
            ReasonSection::Risks => "risks",
            ReasonSection::Differential => "differential",
            ReasonSection::Tests => "tests",
            ReasonSection::Alike => "alike",
        }
    }
}
