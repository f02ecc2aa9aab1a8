//! `POST /v1/simulate`: a patient's record in, futures drawn by the model out. It takes seconds: few run at once, each ends when
//! its caller leaves, and whoever asks is told how far it is.

use super::{
    Door, Rule,
    ask::{self, read_patient},
    awaited,
    head::Head,
    records::Records,
    risk::codes_of,
};
use crate::{
    AppState, SimulateQuestion, SimulatedPatient,
    error::{ApiError, PredictorFailure},
    frame::{ErrorBody, RequestId},
    late::{Late, Progress},
    wire::{
        DISCLAIMER, FutureAnswer, FutureEventAnswer, ModelSummary, SYNTHETIC_NOTICE, SimulateAnswer,
        SimulateRequest, SimulatedCurve, from_json, records_of,
    },
};
use axum::{
    Extension,
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use govern::access::Scope;
use std::time::Instant;
use tokio::sync::watch;

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/v1/simulate", Rule::Answer(Scope::Predict, ApiError::into_response), post(simulate))]
}

const MOST_TRAJECTORIES: usize = 1000;
const MOST_FUTURES: usize = 20;
const MOST_HORIZONS: usize = 12;

/// Futures of a patient
///
/// Draws futures from where the record ends and answers with how often each code is recorded in them, with standard errors, and
/// with some of the futures themselves, event by event. With `stream` it tells how far it is meanwhile (`event: progress`), then
/// the answer (`event: answer`, whose `id` is the ledger's record) or what went wrong (`event: error`). It ends when the caller leaves.
#[utoipa::path(
    post, path = "/v1/simulate", tag = "prediction",
    request_body(content = SimulateRequest, description = "The patient, and what is told of the futures"),
    responses(
        (status = 200, description = "The futures", content(
            (SimulateAnswer = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request can't be read", body = ErrorBody),
        (status = 401, description = "The key is missing or wrong", body = ErrorBody),
        (status = 404, description = "The model draws no futures", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 422, description = "The record holds no patient whose future could be drawn", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
        (status = 504, description = "No answer in time", body = ErrorBody),
    )
)]
pub(super) async fn simulate(
    state: AppState,
    Extension(id): Extension<RequestId>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = ask::read(&state, &head, body, read).await?;
    // Only now: a caller whose body is on its way holds up nobody.
    let turn = awaited::turn(state.simulations())?;
    let (of, stream) = (asked.question.trajectories, asked.stream);
    let deadline = Instant::now() + state.settings().simulation_timeout;
    let (told, drawn) = watch::channel(0);
    let (predictor, question) = (state.predictor().clone(), asked.question.clone());
    let drawing = awaited::begin(state.clone(), &head.notes, turn, deadline, move |go_on| {
        predictor.simulate(&question, &mut |drawn| {
            told.send_replace(drawn);
            go_on()
        })
    });
    let answer = async move {
        let simulated = drawing.await?;
        if simulated.drawn < of {
            return Err(ApiError::DeadlineExceeded);
        }
        write(&state, &id, &asked, simulated)
    };
    if stream {
        Ok(Late::response(Progress { drawn, of }, answer))
    } else {
        let body = answer.await?;
        Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
    }
}

struct Asked {
    question: SimulateQuestion,
    stream: bool,
}

fn read(state: &AppState, body: &[u8]) -> Result<Asked, ApiError> {
    if !state.predictor().simulates() {
        return Err(ApiError::NoSimulations);
    }
    let (request, records) = match records_of(body)? {
        Some(record) => (from_json::<SimulateRequest>(b"{}", "body")?, Records::whole_body(record)),
        None => {
            let mut request: SimulateRequest = from_json(body, "body")?;
            state.answers_as(request.model.as_deref())?;
            let records = Records::of(request.patient.take(), None)?;
            (request, records)
        }
    };
    let trajectories = within("trajectories", request.trajectories.unwrap_or(100), 1, MOST_TRAJECTORIES)?;
    let futures = within("futures", request.futures.unwrap_or(0), 0, MOST_FUTURES)?;
    let codes = codes_of(state.model(), request.codes.as_deref(), request.kinds.as_deref())?;
    let horizons_days = horizons_of(state, request.horizons_days)?;
    let seed = match request.seed {
        Some(seed) => seed,
        None => {
            let mut bytes = [0; 4];
            getrandom::fill(&mut bytes).map_err(|_| ApiError::Internal)?;
            u32::from_le_bytes(bytes)
        }
    };
    let patient =
        records.read(|record, at| read_patient(state, record, at))?.pop().ok_or(ApiError::Internal)?;
    ask::alive(&patient, || "patient".to_owned())?;
    let question = SimulateQuestion { patient, codes, horizons_days, trajectories, futures, seed };
    Ok(Asked { question, stream: request.stream })
}

fn within(field: &'static str, number: usize, least: usize, most: usize) -> Result<usize, ApiError> {
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(ApiError::invalid(field, format!("must be {least} to {most}")))
    }
}

fn horizons_of(state: &AppState, days: Option<Vec<f64>>) -> Result<Vec<f64>, ApiError> {
    let longest = state.model().description.horizons_days.last().copied().unwrap_or(0.0);
    let days = days.unwrap_or_else(|| vec![365f64.min(longest)]);
    let fits = (1..=MOST_HORIZONS).contains(&days.len())
        && days.iter().all(|days| *days > 0.0 && *days <= longest)
        && days.is_sorted_by(|a, b| a < b);
    if fits {
        Ok(days)
    } else {
        let rule =
            format!("must be 1 to {MOST_HORIZONS} ascending numbers of days above 0 and up to {longest}");
        Err(ApiError::invalid("horizons_days", rule))
    }
}

fn write(
    state: &AppState,
    id: &RequestId,
    asked: &Asked,
    simulated: SimulatedPatient,
) -> Result<Bytes, ApiError> {
    let question = &asked.question;
    if !is_sound(&simulated, question) {
        state.metrics().predictor_failed(PredictorFailure::InvalidAnswer);
        return Err(ApiError::Predictor { kind: PredictorFailure::InvalidAnswer });
    }
    let description = &state.model().description;
    let mut risks: Vec<_> = simulated.risks.iter().collect();
    let last = |estimates: &[crate::SimulatedEstimate]| estimates.last().map_or(0.0, |last| last.probability);
    // The sort is stable: equals stay in the model's order.
    risks.sort_by(|a, b| last(&b.estimates).total_cmp(&last(&a.estimates)));
    let curve = |risk: &&crate::SimulatedCode| {
        let code = &description.codes[risk.code];
        SimulatedCurve {
            code: &code.code,
            description: code.description.as_deref(),
            kind: code.kind,
            // A sum of chances may come out a little above one.
            probability: risk.estimates.iter().map(|at| at.probability.min(1.0) as f32).collect(),
            standard_error: risk
                .estimates
                .iter()
                .map(|at| at.standard_error.map(|error| error as f32))
                .collect(),
        }
    };
    let futures = simulated.futures.into_iter().map(|future| FutureAnswer {
        end: future.end,
        events: future
            .events
            .into_iter()
            .map(|event| FutureEventAnswer {
                days: (event.days * 100.0).round() as f32 / 100.0,
                code: event.code,
                value_rank: event.value_rank,
            })
            .collect(),
    });
    let answer = SimulateAnswer {
        request_id: id.as_str(),
        model: ModelSummary::of(description, state.stage()),
        disclaimer: DISCLAIMER,
        synthetic_notice: description.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
        horizons_days: &question.horizons_days,
        seed: question.seed,
        trajectories: simulated.drawn,
        truncated: simulated.truncated,
        deaths: simulated.deaths,
        risks: risks.iter().map(curve).collect(),
        futures: futures.collect(),
    };
    serde_json::to_vec(&answer).map(Bytes::from).map_err(|_| ApiError::Internal)
}

/// Does the answer speak of the codes and horizons that were asked for, in numbers?
fn is_sound(simulated: &SimulatedPatient, question: &SimulateQuestion) -> bool {
    simulated.futures.len() <= question.futures
        && simulated.risks.len() == question.codes.len()
        && simulated.risks.iter().zip(question.codes.iter()).all(|(risk, code)| {
            risk.code == *code
                && risk.estimates.len() == question.horizons_days.len()
                && risk.estimates.iter().all(|at| {
                    at.probability.is_finite()
                        && at.probability >= 0.0
                        && at.standard_error.is_none_or(|error| error.is_finite() && error >= 0.0)
                })
        })
}
