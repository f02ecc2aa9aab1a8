//! OpenAI's API and Azure AI Model Inference: chat over a patient's record.
//!
//! No language model is behind these doors. A message of the caller's or a tool's must hold a record (a FHIR Bundle, or events in MEDS terms); the
//! answer is composed from the model's numbers, one sentence a number. What can't be read is said, and a Bundle asked
//! for, of the caller's own tool where one can be called without guessing. The conversation is not kept, and questions in
//! prose change nothing.

pub(super) mod azure;
mod completion;
mod compose;
mod embeddings;
pub(super) mod openai;
mod request;
mod responses;
mod schema;
mod tools;

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
};
use crate::{
    AppState, Patient, PatientRisk, RiskQuestion,
    error::ApiError,
    frame::RequestId,
    record::CallNotes,
    wire::{PatientAnswer, RankBy},
};
use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use compose::{Composed, Lack};
use govern::access::Scope;
use request::{Asked, Shape};
use tools::ToolCall;

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
        Door::new("/openai/v1/embeddings", answer, post(openai::openai_embeddings)),
        Door::new("/openai/deployments/{name}/embeddings", answer, post(openai::deployment_embeddings)),
        Door::new("/embeddings", answer, post(azure::azure_embeddings)),
        Door::new("/info", Rule::Service(Scope::Chat), get(azure::azure_info)),
    ]
}

/// Reads a request by `read`, asks the model if there is a record, and hands what is to be said to `write`.
async fn converse(
    state: &AppState,
    notes: &CallNotes,
    head: &Head,
    body: Body,
    read: fn(&[u8]) -> Result<Asked, ApiError>,
    write: impl FnOnce(&AppState, &Asked, &Composed) -> Response,
) -> Result<Response, ApiError> {
    let read = move |state: &AppState, body: &[u8]| {
        let mut asked = read(body)?;
        state.answers_as(asked.model.as_deref())?;
        // Nobody needs it as it was sent any more: it may be as long as the body.
        let record = asked.record.take();
        let patient = record.map(|record| read_patient(state, &record, "messages")).transpose()?;
        let codes = state.model().default_codes();
        let question = patient.iter().map(|patient| RiskQuestion::new(patient.clone(), codes.clone()));
        Ok(Read { questions: question.collect(), rest: (asked, patient) })
    };
    let answered = |rest, risks| Ok((rest, risks));
    let ((mut asked, patient), risks) =
        ask::answer(state, head, body, read, |_, _| "messages".to_owned(), answered).await?;
    if patient.is_none() && asked.call.is_some() {
        // The call holds a patient's id, from the messages.
        notes.keeps_digest_alone();
    }
    let takes_time = asked.give_to.is_some() || matches!(asked.shape, Shape::Schema(_));
    let compose = move |state: &AppState| {
        let composed = composed(state, &mut asked, patient.as_deref(), risks)?;
        Ok((asked, composed))
    };
    // A schema may make for work.
    let (asked, composed) = if takes_time { ask::on_reader(state, compose).await? } else { compose(state)? };
    Ok(write(state, &asked, &composed))
}

/// What is said, of a patient or of there being none.
fn composed(
    state: &AppState,
    asked: &mut Asked,
    patient: Option<&Patient>,
    risks: Vec<PatientRisk>,
) -> Result<Composed, ApiError> {
    let model = state.model();
    match (patient.zip(asked.source.ok()), risks.into_iter().next()) {
        (Some((patient, place)), Some(risk)) => {
            let horizons: Vec<usize> = (0..model.description.horizons_days.len()).collect();
            // Sentences speak of one horizon, and choose by it.
            let is_told = asked.give_to.is_none() && matches!(asked.shape, Shape::Text);
            let most = if is_told { usize::MAX } else { TOP };
            let answer = PatientAnswer::of(model, &horizons, patient.counts, risk, RankBy::Excess, most);
            match asked.give_to.take() {
                Some((name, schema)) => {
                    let arguments =
                        Composed::of(&model.description, &answer, place, &Shape::Schema(schema))?.text();
                    asked.call = Some(ToolCall { name, arguments });
                    Ok(Composed::nothing())
                }
                None => Composed::of(&model.description, &answer, place, &asked.shape),
            }
        }
        (Some(_), None) => Err(ApiError::Internal),
        (None, _) if asked.call.is_some() => Ok(Composed::nothing()),
        (None, _) => Composed::no_record(&asked.shape, asked.source.err().unwrap_or(Lack::Record)),
    }
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
