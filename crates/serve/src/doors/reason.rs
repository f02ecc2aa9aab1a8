//! `POST /v1/reason`: a patient's record in, why and what next out.

use super::{
    Door, Rule,
    ask::{self, read_patient},
    awaited,
    head::Head,
};
use crate::{
    AppState, ReasonQuestion, ReasonSection,
    error::{ApiError, PredictorFailure},
    frame::{ErrorBody, RequestId},
    record::CallNotes,
    traces::step,
    wire::{DISCLAIMER, ModelSummary, ReasonAnswer, ReasonRequest, SYNTHETIC_NOTICE, from_json, records_of},
};
use axum::{
    Extension, Json,
    body::Body,
    response::{IntoResponse, Response},
    routing::post,
};
use govern::access::Scope;
use std::time::Instant;
use tokio::time::timeout_at;

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
/// answer, so the ledger keeps its digest alone. Association is not effect. It takes seconds: few are answered at once, and risks wait for none
/// of them.
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
    let deadline = Instant::now() + state.settings().request_timeout;
    let question = ask::read(&state, &head, body, read).await?;
    let turn = awaited::turn(state.reasonings())?;
    let predictor = state.predictor().clone();
    let said = awaited::begin(state.clone(), &notes, turn, deadline, move |go_on| {
        predictor.reason(&question, go_on)
    });
    let said = step("model", timeout_at(deadline.into(), said)).await;
    let reasoning = said.unwrap_or(Err(ApiError::DeadlineExceeded))?;
    if !reasoning.is_object() {
        state.metrics().predictor_failed(PredictorFailure::InvalidAnswer);
        return Err(ApiError::Predictor { kind: PredictorFailure::InvalidAnswer });
    }
    state.metrics().patient_answered();
    let description = &state.model().description;
    let answer = ReasonAnswer {
        request_id: id.as_str(),
        model: ModelSummary::of(description, state.stage()),
        disclaimer: DISCLAIMER,
        synthetic_notice: description.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
        reasoning,
    };
    Ok(Json(answer).into_response())
}

fn read(state: &AppState, body: &[u8]) -> Result<ReasonQuestion, ApiError> {
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
    ask::alive(&patient, || "patient".to_owned())?;
    if patient.last_event().is_none() {
        let detail =
            "the record holds no dated event beside birth, so there is no moment to reason from".into();
        return Err(ApiError::OutOfScope { path: "patient".into(), detail });
    }
    Ok(ReasonQuestion { patient, show, horizon, most })
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
