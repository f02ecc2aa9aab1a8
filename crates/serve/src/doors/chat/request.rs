//! What is asked: the messages, and the record among them.

use crate::{error::ApiError, wire::from_json};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request, read.
pub(super) struct Asked {
    /// The model that the caller names.
    pub(super) model: Option<String>,
    /// The last record in the messages.
    pub(super) record: Option<Box<RawValue>>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// Is the answer to be JSON?
    pub(super) json: bool,
}

/// A chat request. Settings of sampling are accepted and change nothing: an answer is not drawn.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"model": "osler-tiny", "messages": [{"role": "user", "content":
    "{\"events\": [{\"code\": \"GENDER//F\"}, {\"time\": \"1958-05-01\", \"code\": \"MEDS_BIRTH\"}, {\"time\": \"2019-03-04\", \"code\": \"ICD10CM//E11.9\"}]}"}]}))]
pub(crate) struct ChatRequest {
    /// The model, as `/openai/v1/models` names it.
    #[serde(default)]
    model: Option<String>,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    /// `text` or `json_object`. A schema of the caller's own is refused: the answer has one shape.
    #[serde(default)]
    response_format: Option<Format>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tool_choice: Option<serde_json::Value>,
    #[serde(default)]
    n: Option<u32>,
}

/// A request for a response.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct ResponsesRequest {
    /// The model, as `/openai/v1/models` names it.
    #[serde(default)]
    model: Option<String>,
    /// A text, or messages.
    input: Input,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    text: Option<TextOptions>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
enum Input {
    Text(String),
    Messages(Vec<Message>),
}

#[derive(Deserialize, utoipa::ToSchema)]
struct TextOptions {
    #[serde(default)]
    format: Option<Format>,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
}

/// A message; its role is of no matter.
#[derive(Deserialize, utoipa::ToSchema)]
struct Message {
    #[serde(default)]
    content: Option<Content>,
    /// A tool's result, in a request for a response.
    #[serde(default)]
    output: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize, utoipa::ToSchema)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

impl Asked {
    pub(super) fn chat(body: &[u8]) -> Result<Asked, ApiError> {
        let request: ChatRequest = from_json(body, "body")?;
        if request.n.is_some_and(|n| n != 1) {
            return Err(ApiError::invalid("n", "must be 1: the answer to a record is always the same"));
        }
        if request.tool_choice.is_some_and(|choice| choice == "required" || choice.is_object()) {
            return Err(ApiError::invalid("tool_choice", "can't be required: no tools are called here"));
        }
        Ok(Asked {
            json: wants_json(request.response_format)?,
            record: last_record(&request.messages)?,
            model: request.model,
            stream: request.stream.unwrap_or(false),
            include_usage: request.stream_options.is_some_and(|options| options.include_usage),
        })
    }

    pub(super) fn responses(body: &[u8]) -> Result<Asked, ApiError> {
        let request: ResponsesRequest = from_json(body, "body")?;
        let record = match request.input {
            Input::Text(text) => record_in(&text),
            Input::Messages(messages) => last_record(&messages)?,
        };
        Ok(Asked {
            json: wants_json(request.text.and_then(|text| text.format))?,
            record,
            model: request.model,
            stream: request.stream.unwrap_or(false),
            include_usage: false,
        })
    }
}

fn wants_json(format: Option<Format>) -> Result<bool, ApiError> {
    match format.as_ref().map(|format| format.kind.as_str()) {
        None | Some("text") => Ok(false),
        Some("json_object") => Ok(true),
        Some(_) => Err(ApiError::invalid(
            "response_format",
            "can be text or json_object; the answer has one shape, which /docs describes",
        )),
    }
}

fn last_record(messages: &[Message]) -> Result<Option<Box<RawValue>>, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "holds no message"));
    }
    let texts = messages.iter().rev().flat_map(|message| {
        let parts = match &message.content {
            Some(Content::Text(text)) => vec![text.as_str()],
            Some(Content::Parts(parts)) => {
                parts.iter().rev().filter_map(|part| part.text.as_deref()).collect()
            }
            None => vec![],
        };
        message.output.as_deref().into_iter().chain(parts)
    });
    Ok(texts.into_iter().find_map(record_in))
}

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "resourceType", default)]
    resource_type: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    events: Option<serde::de::IgnoredAny>,
}

/// How many places in a text are looked at: text that is mostly brackets is nobody's record.
const MAX_PLACES: usize = 64;

/// The first JSON object within a text that looks like a record, whatever stands around it.
fn record_in(text: &str) -> Option<Box<RawValue>> {
    let mut from = 0;
    for _ in 0..MAX_PLACES {
        let start = from + text.get(from..)?.find('{')?;
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) => {
                if let Ok(Probe { resource_type, events }) = serde_json::from_str(value.get())
                    && (resource_type.is_some() || events.is_some())
                {
                    return Some(value.to_owned());
                }
                from = start + values.byte_offset();
            }
            _ => from = start + 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_within_words_and_fences() {
        let record = r#"{"events":[{"code":"MEDS_BIRTH","time":"1950-01-01"}]}"#;
        for text in [
            record.to_owned(),
            format!("What is this patient's risk?\n```json\n{record}\n```\nThank you {{really}}"),
            format!(r#"{{"question": 1}} {record}"#),
        ] {
            assert_eq!(record_in(&text).unwrap().get(), record, "{text}");
        }
        for text in ["", "hello", "{", "{}", r#"{"events"#, &"{".repeat(100_000)] {
            assert!(record_in(text).is_none());
        }
    }
}
