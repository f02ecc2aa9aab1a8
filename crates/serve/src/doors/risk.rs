//! `POST /v1/risk`: a patient's record in, the course of risks out.

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
    records::{Paths, Records},
};
use crate::{
    AppState, Patient, PatientRisk, RiskQuestion,
    error::ApiError,
    frame::{ErrorBody, RequestId},
    model::ServedModel,
    wire::{
        DISCLAIMER, ModelSummary, PatientAnswer, RankBy, RiskAnswer, RiskRequest, SYNTHETIC_NOTICE,
        from_json, records_of,
    },
};
use axum::{
    Extension, Json,
    body::Body,
    response::{IntoResponse, Response},
    routing::post,
};
use govern::access::Scope;
use std::sync::Arc;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/v1/risk", Rule::Answer(Scope::Predict, ApiError::into_response), post(risk))]
}

/// Risks of a patient, over time
///
/// Reads one or several patients' records (FHIR R4 Bundles, events in MEDS terms, or rows of the OMOP CDM), de-identifies them in
/// memory and answers, for each code and horizon, with the probability that the code is recorded within the
/// horizon, death being a competing event, beside that of people of the same age and sex. Records are not kept.
#[utoipa::path(
    post, path = "/v1/risk", tag = "prediction",
    request_body(content = RiskRequest, description = "The patients, and what is asked about them"),
    responses(
        (status = 200, description = "The risks", body = RiskAnswer),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 408, description = "The body took too long to arrive", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body isn't said to be JSON", body = ErrorBody),
        (status = 422, description = "A record holds no patient that could be predicted for", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
        (status = 500, description = "The model or the server failed", body = ErrorBody),
        (status = 503, description = "The server is shutting down", body = ErrorBody),
        (status = 504, description = "No answer in time", body = ErrorBody),
    )
)]
async fn risk(
    state: AppState,
    Extension(id): Extension<RequestId>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let path = |asked: &Asked, index| asked.paths.of(index);
    let write = |asked, risks| Ok(write(&state, &id, asked, risks));
    ask::answer(&state, &head, body, read, path, write).await
}

/// What the answer needs of a request.
pub(super) struct Asked {
    patients: Vec<Arc<Patient>>,
    paths: Paths,
    wanted: Wanted,
}

/// What a request wants to know of its patients.
pub(super) struct Wanted {
    codes: Arc<[usize]>,
    horizons: Vec<usize>,
    top: usize,
    rank_by: RankBy,
}

impl Wanted {
    pub(super) fn of(state: &AppState, request: &RiskRequest<'_>) -> Result<Self, ApiError> {
        state.answers_as(request.model.as_deref())?;
        let model = state.model();
        if request.top == Some(0) {
            return Err(ApiError::invalid("top", "must be at least 1"));
        }
        let chosen = request.codes.is_some();
        let codes = codes_of(model, request.codes.as_deref(), request.kinds.as_deref())?;
        let horizons = horizons_of(model, request.horizons_days.as_deref())?;
        let top = request.top.unwrap_or(if chosen { usize::MAX } else { state.settings().default_top });
        Ok(Wanted { codes, horizons, top, rank_by: request.rank_by })
    }

    /// The questions about these patients.
    pub(super) fn about(self, patients: Vec<Arc<Patient>>, paths: Paths) -> Read<RiskQuestion, Asked> {
        let question = |patient: &Arc<Patient>| RiskQuestion::new(patient.clone(), self.codes.clone());
        let questions = patients.iter().map(question).collect();
        Read { questions, rest: Asked { patients, paths, wanted: self } }
    }
}

fn read(state: &AppState, body: &[u8]) -> Result<Read<RiskQuestion, Asked>, ApiError> {
    let (request, records) = match records_of(body)? {
        Some(record) => (from_json::<RiskRequest>(b"{}", "body")?, Records::whole_body(record)),
        None => {
            let mut request: RiskRequest = from_json(body, "body")?;
            let records = Records::of(request.patient.take(), request.patients.take())?;
            (request, records)
        }
    };
    records.check_number(state.settings())?;
    let wanted = Wanted::of(state, &request)?;
    let patients = records.read(|record, at| read_patient(state, record, at))?;
    Ok(wanted.about(patients, records.paths))
}

pub(super) fn codes_of(
    model: &ServedModel,
    codes: Option<&[String]>,
    kinds: Option<&[crate::CodeKind]>,
) -> Result<Arc<[usize]>, ApiError> {
    let chosen = match (codes, kinds) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("body", "send either codes or kinds")),
        (None, None) => model.default_codes(),
        (None, Some(kinds)) => model.codes_of(kinds),
        (Some(codes), None) => {
            let mut chosen = Vec::with_capacity(codes.len());
            for (index, code) in codes.iter().enumerate() {
                let found = model.index_of(code).ok_or_else(|| {
                    ApiError::invalid(
                        format!("codes[{index}]"),
                        "is not among the codes that the model gives risks for; /v1/models lists them",
                    )
                })?;
                if !chosen.contains(&found) {
                    chosen.push(found);
                }
            }
            chosen.into()
        }
    };
    if chosen.is_empty() {
        return Err(ApiError::invalid(
            "body",
            "the model gives risks for none of the codes or kinds asked for",
        ));
    }
    Ok(chosen)
}

/// A year has 365 days to some and 365.25 to others: so far may a horizon be from the model's own.
const HORIZON_SLACK: f64 = 1e-3;

fn horizons_of(model: &ServedModel, days: Option<&[f64]>) -> Result<Vec<usize>, ApiError> {
    let known = &model.description.horizons_days;
    let Some(days) = days else { return Ok((0..known.len()).collect()) };
    let mut horizons = Vec::with_capacity(days.len());
    for (index, wanted) in days.iter().enumerate() {
        let found =
            known.iter().position(|day| (day - wanted).abs() <= day * HORIZON_SLACK).ok_or_else(|| {
                ApiError::invalid(
                    format!("horizons_days[{index}]"),
                    "is not a horizon of the model; /v1/models lists them",
                )
            })?;
        horizons.push(found);
    }
    horizons.sort_unstable();
    horizons.dedup();
    if horizons.is_empty() {
        return Err(ApiError::invalid("horizons_days", "holds no horizon"));
    }
    Ok(horizons)
}

pub(super) fn write(state: &AppState, id: &RequestId, asked: Asked, risks: Vec<PatientRisk>) -> Response {
    let model = state.model();
    let description = &model.description;
    let wanted = &asked.wanted;
    let horizons_days: Vec<f64> =
        wanted.horizons.iter().map(|index| description.horizons_days[*index]).collect();
    let patients = asked.patients.iter().zip(risks);
    let answer = RiskAnswer {
        request_id: id.as_str(),
        model: ModelSummary::of(description, state.stage()),
        disclaimer: DISCLAIMER,
        synthetic_notice: description.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
        horizons_days: &horizons_days,
        patients: patients
            .map(|(patient, risk)| {
                PatientAnswer::of(model, &wanted.horizons, patient.counts, risk, wanted.rank_by, wanted.top)
            })
            .collect(),
    };
    Json(answer).into_response()
}
