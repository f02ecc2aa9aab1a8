//! OpenAI's API and Azure AI Model Inference: chat over a patient's record.
//!
//! No language model is behind these doors. A message must hold a record (a FHIR Bundle, or events in MEDS terms); the
//! answer is composed from the model's numbers, one sentence a number. What can't be read is said, and a Bundle asked
//! for. The conversation is not kept, and questions in prose change nothing.

pub(super) mod azure;
mod completion;
mod compose;
pub(super) mod openai;
mod request;
mod responses;

use super::{
    Door, Rule,
    ask::{on_reader, predict},
};
use crate::{
    AppState,
    body::{nests_within, receive_json},
    error::ApiError,
    frame::RequestId,
    wire::{PatientAnswer, RankBy, read_patient},
};
use axum::{
    body::Body,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use compose::Composed;
use govern::access::Scope;
use request::Asked;
use std::sync::Arc;
use tokio::time::timeout_at;

/// The most risks that an answer speaks of.
const TOP: usize = 5;

pub(super) fn doors() -> Vec<Door> {
    let answer = Rule::Answer(Scope::Chat, ApiError::into_response);
    vec![
        Door::new("/openai/v1/chat/completions", answer, post(openai::openai_chat)),
        Door::new("/openai/v1/responses", answer, post(openai::openai_responses)),
        Door::new("/openai/v1/models", Rule::Service(Scope::Chat), get(openai::openai_models)),
        Door::new("/openai/deployments/{name}/chat/completions", answer, post(openai::deployment_chat)),
        Door::new("/chat/completions", answer, post(azure::azure_chat)),
        Door::new("/info", Rule::Service(Scope::Chat), get(azure::azure_info)),
    ]
}

/// Reads a request by `read`, asks the model if there is a record, and hands what is to be said to `write`.
async fn converse(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    read: fn(&[u8]) -> Result<Asked, ApiError>,
    write: impl FnOnce(&AppState, &Asked, &Composed) -> Response,
) -> Result<Response, ApiError> {
    let admission = state.admit()?;
    let (_permit, deadline, arrival) = (admission.permit, admission.deadline, admission.arrival);
    let work = async {
        let body = receive_json(state, headers, body).await?;
        let (asked, patient) = on_reader(state, move |state| {
            let limit = state.settings().max_json_depth;
            if !nests_within(body.bytes(), limit) {
                return Err(ApiError::TooDeep { limit });
            }
            let asked = read(body.bytes())?;
            let patient = match &asked.record {
                // A record stands as text within a message: its own depth is still to be looked at.
                Some(record) if !nests_within(record.get().as_bytes(), limit) => {
                    return Err(ApiError::TooDeep { limit });
                }
                Some(record) => {
                    let patient = read_patient(&**state.predictor(), record, "messages")?;
                    state.metrics().record_read(patient.counts);
                    Some(Arc::new(patient))
                }
                None => None,
            };
            Ok((asked, patient))
        })
        .await?;
        let model = state.model();
        if asked.model.as_deref().is_some_and(|name| name != model.description.name) {
            return Err(ApiError::NoSuchModel);
        }
        let composed = match patient {
            None => Composed::no_record(),
            Some(patient) => {
                let codes = model.default_codes();
                let patients = [patient];
                let path = |_| "messages".to_owned();
                let risks = predict(state, &patients, &codes, path, deadline, arrival).await?;
                let risk = risks.into_iter().next().ok_or(ApiError::Internal)?;
                let horizons: Vec<usize> = (0..model.description.horizons_days.len()).collect();
                let counts = patients[0].counts;
                let answer = PatientAnswer::of(model, &horizons, counts, risk, RankBy::Excess, TOP);
                Composed::of(&model.description, &answer, asked.json)
            }
        };
        Ok(write(state, &asked, &composed))
    };
    timeout_at(deadline.into(), work).await.unwrap_or(Err(ApiError::DeadlineExceeded))
}

/// Seconds since 1970, as both APIs date their answers.
fn created(state: &AppState) -> i64 {
    (state.governance().clock)().micros().div_euclid(1_000_000)
}

fn id_of(prefix: &str, id: &RequestId) -> String {
    format!("{prefix}-{}", id.as_str())
}

/// Events as every client of both APIs reads them: no comments, no `event:` lines, a space after `data:`.
fn event_stream(events: impl IntoIterator<Item = serde_json::Value>, done: bool) -> Response {
    let mut text = String::new();
    for event in events {
        text.push_str(&format!("data: {event}\n\n"));
    }
    if done {
        text.push_str("data: [DONE]\n\n");
    }
    ([(header::CONTENT_TYPE, "text/event-stream")], text).into_response()
}
