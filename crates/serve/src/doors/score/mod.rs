//! Managed online endpoints (`/score`) and MLflow (`/invocations`): patients as the rows of a frame.

mod frame;

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
};
use crate::{
    AppState, Patient, RiskQuestion,
    error::ApiError,
    frame::ErrorBody,
    model::ServedModel,
    wire::{DISCLAIMER, ModelSummary, PatientAnswer, RankBy, SYNTHETIC_NOTICE},
};
use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use frame::{Asked, InvocationsRequest, ScoreRequest};
use govern::access::Scope;
use serde::Serialize;
use std::sync::Arc;

pub(super) fn doors() -> Vec<Door> {
    let answer = Rule::Answer(Scope::Score, ApiError::into_response);
    vec![
        Door::new("/score", answer, post(score)),
        Door::new("/invocations", answer, post(invocations)),
        // MLflow's server has both.
        Door::new("/ping", Rule::Probe, get(async || "\n")),
        Door::new("/health", Rule::Probe, get(async || "\n")),
        Door::new("/version", Rule::Service(Scope::Score), get(version)),
    ]
}

/// As MLflow wraps its rows.
#[derive(Serialize)]
struct Predictions<'a> {
    predictions: Vec<RowAnswer<'a>>,
}

/// One row's answer.
#[derive(Serialize)]
struct RowAnswer<'a> {
    model: ModelSummary<'a>,
    disclaimer: &'static str,
    synthetic_notice: Option<&'static str>,
    horizons_days: &'a [f64],
    #[serde(flatten)]
    patient: PatientAnswer<'a>,
}

/// Patients as rows, as managed online endpoints have them
///
/// `input_data` is a frame (`columns`, `data`) with a column `patient`, or a list of objects with `patient`; each patient is a record as
/// `/v1/risk` takes it, or the same as text. Answers with a list, one object a row. `params` may hold `top`.
#[utoipa::path(
    post, path = "/score", tag = "frames",
    request_body(content = ScoreRequest),
    responses(
        (status = 200, description = "One object a row"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "The deployment that a header names is not here", body = ErrorBody),
        (status = 422, description = "A record holds no patient that could be predicted for", body = ErrorBody),
    )
)]
pub(super) async fn score(state: AppState, head: Head, body: Body) -> Result<Response, ApiError> {
    let deployment = head.get("azureml-model-deployment").map(|name| name.as_bytes());
    if deployment.is_some_and(|name| !std::str::from_utf8(name).is_ok_and(|name| state.is_called(name))) {
        return Err(ApiError::NoSuchModel);
    }
    answer(&state, &head, body, Asked::score, |rows| Json(rows).into_response()).await
}

/// Patients as rows, as MLflow has them
///
/// One of `dataframe_split`, `dataframe_records`, `instances`, `inputs`, as `/score` takes `input_data`.
#[utoipa::path(
    post, path = "/invocations", tag = "frames",
    request_body(content = InvocationsRequest),
    responses(
        (status = 200, description = "`predictions`, one object a row"),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 422, description = "A record holds no patient that could be predicted for", body = ErrorBody),
    )
)]
pub(super) async fn invocations(state: AppState, head: Head, body: Body) -> Result<Response, ApiError> {
    answer(&state, &head, body, Asked::invocations, |predictions| {
        Json(Predictions { predictions }).into_response()
    })
    .await
}

/// The version of what answers, as MLflow asks
#[utoipa::path(
    get, path = "/version", tag = "frames",
    responses((status = 200, description = "The version", body = String, content_type = "text/plain"))
)]
pub(super) async fn version(state: AppState) -> String {
    state.model().description.version.clone()
}

async fn answer(
    state: &AppState,
    head: &Head,
    body: Body,
    read: fn(&[u8]) -> Result<Asked, ApiError>,
    write: fn(Vec<RowAnswer<'_>>) -> Response,
) -> Result<Response, ApiError> {
    let read = move |state: &AppState, body: &[u8]| {
        let asked = read(body)?;
        let patients = patients(state, &asked)?;
        let codes = state.model().default_codes();
        let question = |patient: &Arc<Patient>| RiskQuestion::new(patient.clone(), codes.clone());
        let questions = patients.iter().map(question).collect();
        Ok(Read { questions, rest: (patients, asked.top.unwrap_or(state.settings().default_top)) })
    };
    let write = |(patients, top): (Vec<Arc<Patient>>, usize), risks| {
        let model = state.model();
        let horizons: Vec<usize> = (0..model.description.horizons_days.len()).collect();
        let rows = patients.iter().zip(risks).map(|(patient, risk)| {
            let answer = PatientAnswer::of(model, &horizons, patient.counts, risk, RankBy::Risk, top);
            row(state, model, answer)
        });
        Ok(write(rows.collect()))
    };
    ask::answer(state, head, body, read, |_, row| path(row), write).await
}

fn row<'a>(state: &AppState, model: &'a ServedModel, patient: PatientAnswer<'a>) -> RowAnswer<'a> {
    let description = &model.description;
    RowAnswer {
        model: ModelSummary::of(description, state.stage()),
        disclaimer: DISCLAIMER,
        synthetic_notice: description.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
        horizons_days: &description.horizons_days,
        patient,
    }
}

fn path(row: usize) -> String {
    format!("row[{row}]")
}

fn patients(state: &AppState, asked: &Asked) -> Result<Vec<Arc<Patient>>, ApiError> {
    let limit = state.settings().max_patients_per_request;
    if asked.rows.len() > limit {
        return Err(ApiError::TooManyPatients { limit });
    }
    let rows = asked.rows.iter().enumerate();
    rows.map(|(index, record)| read_patient(state, record, &path(index))).collect()
}
