//! Embeddings: the same for OpenAI and Azure.

use super::id_of;
use crate::{
    AppState,
    doors::{
        ask::{self, Read, read_patient},
        embed::embedding_width,
        found_record::record_in,
        head::Head,
    },
    engine::EmbedQuestion,
    error::ApiError,
    frame::RequestId,
    record::CallNotes,
    wire::from_json,
};
use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::borrow::Cow;

/// A request for embeddings.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"model": "osler-tiny", "input": [
    "{\"events\": [{\"code\": \"GENDER//F\"}, {\"time\": \"1958-05-01\", \"code\": \"MEDS_BIRTH\"}, {\"time\": \"2019-03-04\", \"code\": \"ICD10CM//E11.9\"}]}"]}))]
pub(crate) struct EmbeddingsRequest<'a> {
    /// The model, as `/openai/v1/models` names it.
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    /// A record as text, or a list of such texts, or of records.
    #[serde(borrow)]
    #[schema(value_type = serde_json::Value)]
    input: &'a RawValue,
    /// `float` (the default) or `base64`.
    #[serde(borrow, default)]
    encoding_format: Option<Cow<'a, str>>,
    /// The model's own width, or nothing.
    #[serde(default)]
    dimensions: Option<u64>,
}

struct Asked {
    as_base64: bool,
    /// Events that were read, for the API's count of what came in.
    events: usize,
}

pub(super) async fn embed(
    state: &AppState,
    id: &RequestId,
    notes: &CallNotes,
    head: &Head,
    body: Body,
) -> Result<Response, ApiError> {
    // Much of the record can be told from a vector.
    notes.keeps_digest_alone();
    let path = |_: &Asked, index| input(index);
    let write = |asked: Asked, vectors: Vec<Vec<f32>>| {
        let entry = |(index, vector): (usize, &Vec<f32>)| {
            let embedding = if asked.as_base64 { base64_of(vector).into() } else { json!(vector) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        };
        let data: Vec<Value> = vectors.iter().enumerate().map(entry).collect();
        Ok(Json(json!({
            "id": id_of("embd", id), "object": "list", "data": data, "model": state.model().description.name,
            "usage": {"prompt_tokens": asked.events, "total_tokens": asked.events}
        }))
        .into_response())
    };
    ask::answer(state, head, body, read, path, write).await
}

fn input(index: usize) -> String {
    format!("input[{index}]")
}

fn read(state: &AppState, body: &[u8]) -> Result<Read<EmbedQuestion, Asked>, ApiError> {
    let request: EmbeddingsRequest<'_> = from_json(body, "body")?;
    state.answers_as(request.model.as_deref())?;
    let width = embedding_width(state)?;
    if request.dimensions.is_some_and(|wanted| wanted != width as u64) {
        return Err(ApiError::invalid(
            "dimensions",
            format!("can only be {width}, the width of the model's state"),
        ));
    }
    let as_base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(ApiError::invalid("encoding_format", "can be float or base64")),
    };
    let records = records(request.input)?;
    let limit = state.settings().max_patients_per_request;
    if records.len() > limit {
        return Err(ApiError::TooManyPatients { limit });
    }
    let read = |(index, record): (usize, Box<RawValue>)| read_patient(state, &record, &input(index));
    let patients = records.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    let events = patients.iter().map(|patient| patient.counts.read).sum();
    let questions = patients.into_iter().map(EmbedQuestion).collect();
    Ok(Read { questions, rest: Asked { as_base64, events } })
}

fn records(input: &RawValue) -> Result<Vec<Box<RawValue>>, ApiError> {
    let json = input.get();
    let items: Vec<&RawValue> =
        if json.starts_with('[') { from_json(json.as_bytes(), "input")? } else { vec![input] };
    if items.is_empty() {
        return Err(ApiError::invalid("input", "holds nothing"));
    }
    let record = |(index, item): (usize, &&RawValue)| match item.get().as_bytes().first() {
        Some(b'{') => Ok((*item).to_owned()),
        Some(b'"') => {
            let text: Cow<'_, str> = from_json(item.get().as_bytes(), &self::input(index))?;
            record_in(&text).ok_or_else(|| ApiError::invalid(self::input(index), NO_RECORD))
        }
        _ => Err(ApiError::invalid(self::input(index), NO_RECORD)),
    };
    items.iter().enumerate().map(record).collect()
}

const NO_RECORD: &str =
    "holds no record; send a FHIR R4 Bundle with one Patient, or {\"events\": [...]} in MEDS terms";

fn base64_of(vector: &[f32]) -> String {
    BASE64_STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}
