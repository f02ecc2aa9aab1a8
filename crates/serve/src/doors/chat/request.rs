//! What is asked: the messages, and the record among them.

use super::{
    compose::Lack,
    schema::Schema,
    tools::{Choice, Tool, ToolCall, Tools, patient_ids},
};
use crate::{body::within_bounds, doors::found_record::records_in, error::ApiError, wire::from_json};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeSet};

/// A request, read.
pub(super) struct Asked {
    /// The model that the caller names.
    pub(super) model: Option<String>,
    /// The record that is asked about.
    pub(super) record: Option<Box<RawValue>>,
    /// Where that stands, or why there is none.
    pub(super) source: Result<Place, Lack>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// What the answer is to be written as.
    pub(super) shape: Shape,
    /// The caller's tool that is to fetch the record, where the messages hold none.
    pub(super) call: Option<ToolCall>,
    /// The caller's tool that is to get the answer as its arguments, where one must be called and there is a record.
    pub(super) give_to: Option<(String, Schema)>,
}

/// A message's place among all, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) of: usize,
}

/// What an answer is written as.
pub(super) enum Shape {
    Text,
    /// The one JSON object that this server answers with.
    Json,
    /// What the caller's schema picks of that object.
    Schema(Schema),
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
    /// `text`, `json_object`, or `json_schema`: the schema picks among the fields of the server's JSON answer, by name.
    #[serde(default)]
    response_format: Option<Format>,
    /// Tools that may fetch the record. One is called when no message holds a record and each of its required arguments
    /// is a patient's id, which a message must give as a reference (`Patient/ID`). Where there is a record and
    /// `tool_choice` leaves one tool that must be called, it is called with the answer, as its parameters pick it.
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    /// `none`, `auto`, `required`, or one tool.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    tool_choice: Option<Choice>,
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
    /// As in a chat request.
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    /// As in a chat request.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    tool_choice: Option<Choice>,
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
    /// Where a chat request holds the schema.
    #[serde(default)]
    json_schema: Option<Named>,
    /// Where a request for a response holds it.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Box<RawValue>>,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct Named {
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Box<RawValue>>,
}

/// A message; a record may stand in a user's, and in a tool's result.
#[derive(Deserialize, utoipa::ToSchema)]
struct Message {
    #[serde(default)]
    role: Option<String>,
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
        let read = Messages(&request.messages).read(Tools::new(request.tools, request.tool_choice)?)?;
        Ok(Asked {
            shape: shape_of(request.response_format)?,
            record: read.record,
            source: read.source,
            call: read.call,
            give_to: read.give_to,
            model: request.model,
            stream: request.stream.unwrap_or(false),
            include_usage: request.stream_options.is_some_and(|options| options.include_usage),
        })
    }

    pub(super) fn responses(body: &[u8]) -> Result<Asked, ApiError> {
        let request: ResponsesRequest = from_json(body, "body")?;
        let tools = Tools::new(request.tools, request.tool_choice)?;
        let read = match request.input {
            Input::Text(text) => {
                let content = Some(Content::Text(text));
                Messages(&[Message { role: None, content, output: None }]).read(tools)?
            }
            Input::Messages(messages) => Messages(&messages).read(tools)?,
        };
        Ok(Asked {
            shape: shape_of(request.text.and_then(|text| text.format))?,
            record: read.record,
            source: read.source,
            call: read.call,
            give_to: read.give_to,
            model: request.model,
            stream: request.stream.unwrap_or(false),
            include_usage: false,
        })
    }
}

fn shape_of(format: Option<Format>) -> Result<Shape, ApiError> {
    let Some(format) = format else { return Ok(Shape::Text) };
    match format.kind.as_str() {
        "text" => Ok(Shape::Text),
        "json_object" => Ok(Shape::Json),
        "json_schema" => {
            let schema = format.json_schema.and_then(|named| named.schema).or(format.schema);
            let schema = schema.ok_or_else(|| ApiError::invalid("response_format", "holds no schema"))?;
            Ok(Shape::Schema(Schema::read(&schema)?))
        }
        _ => Err(ApiError::invalid("response_format", "can be text, json_object or json_schema")),
    }
}

struct Messages<'a>(&'a [Message]);

/// The most messages of a conversation.
const MOST_MESSAGES: usize = 1_000;

struct ReadMessages {
    record: Option<Box<RawValue>>,
    source: Result<Place, Lack>,
    call: Option<ToolCall>,
    give_to: Option<(String, Schema)>,
}

impl Messages<'_> {
    /// The record that is asked about, or the tool that is to fetch it.
    fn read(&self, tools: Tools) -> Result<ReadMessages, ApiError> {
        let last = self.0.last().ok_or_else(|| ApiError::invalid("messages", "holds no message"))?;
        if self.0.len() > MOST_MESSAGES {
            return Err(ApiError::invalid("messages", "holds more than 1000 messages"));
        }
        match self.newest_record() {
            Ok((place, record)) => {
                let source = Ok(Place { number: place + 1, of: self.0.len() });
                Ok(ReadMessages { record: Some(record), source, call: None, give_to: tools.for_answer()? })
            }
            Err(lack) => {
                // A tool that brought no record would bring none the next time either.
                let texts = self.0.iter().rev().flat_map(Message::texts);
                let call = if last.is_result() { None } else { tools.call(texts)? };
                Ok(ReadMessages { record: None, source: Err(lack), call, give_to: None })
            }
        }
    }

    /// The newest record, with its message's place. Nothing is said of an older one where what came after it may speak of somebody else.
    fn newest_record(&self) -> Result<(usize, Box<RawValue>), Lack> {
        for (place, message) in self.0.iter().enumerate().rev() {
            if !message.may_hold_a_record() {
                continue;
            }
            let mut records = message.texts().flat_map(records_in);
            if let Some(record) = records.next() {
                if records.any(|other| !are_of_one(&record, &other)) {
                    return Err(Lack::Several);
                }
                if is_outcome(&record) {
                    return Err(Lack::Unfetched);
                }
                let since = self.0[place + 1..].iter().flat_map(Message::texts).flat_map(patient_ids);
                let since: BTreeSet<&str> = since.collect();
                let is_another = !since.is_empty() && {
                    let of = self.ids_of(place, &record);
                    since.iter().any(|id| !of.contains(*id))
                };
                return if is_another { Err(Lack::Another) } else { Ok((place, record)) };
            }
            if message.texts().any(looks_like_a_record) {
                return Err(Lack::Unreadable);
            }
            // Whatever was said since: a tool that was asked for a record of somebody else brought none.
            if message.is_result() {
                return Err(Lack::Unfetched);
            }
        }
        Err(Lack::Record)
    }

    /// The ids by which the patient of a record may be called: those of its Patients, those that its message gives, and, where a tool
    /// brought it, those that it was asked for.
    fn ids_of(&self, place: usize, record: &RawValue) -> BTreeSet<String> {
        let mut ids = ids_in(record);
        let asked =
            self.0[..place].iter().rev().find(|message| !message.is_result() && !message.is_model_s());
        let asked = asked.filter(|_| self.0[place].is_result());
        let texts = self.0[place..=place].iter().chain(asked).flat_map(Message::texts);
        ids.extend(texts.flat_map(patient_ids).map(str::to_owned));
        ids
    }
}

impl Message {
    /// Is it a tool's result?
    fn is_result(&self) -> bool {
        self.output.is_some() || matches!(self.role.as_deref(), Some("tool" | "function"))
    }

    /// Is it what was answered here, or said to be?
    fn is_model_s(&self) -> bool {
        self.role.as_deref() == Some("assistant")
    }

    /// What the caller's program says to a model (`system`, `developer`), and what one answered, show records at most as examples.
    fn may_hold_a_record(&self) -> bool {
        self.is_result() || matches!(self.role.as_deref(), None | Some("user"))
    }

    /// Its texts, the last first.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = match &self.content {
            Some(Content::Text(text)) => vec![text.as_str()],
            Some(Content::Parts(parts)) => {
                parts.iter().rev().filter_map(|part| part.text.as_deref()).collect()
            }
            None => vec![],
        };
        self.output.as_deref().into_iter().chain(parts)
    }
}

/// Is it a server's word on why it sends nothing?
fn is_outcome(record: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "resourceType", borrow)]
        kind: Cow<'a, str>,
    }
    serde_json::from_str::<Kind<'_>>(record.get()).is_ok_and(|of| of.kind == "OperationOutcome")
}

/// Was a record meant to stand here, though none can be read?
fn looks_like_a_record(text: &str) -> bool {
    ["\"resourceType\"", "\"events\"", "\"omop\""].iter().any(|key| text.contains(key))
}

/// Are two records that stand in one message of one person, as far as that can be told? The same twice is.
fn are_of_one(record: &RawValue, other: &RawValue) -> bool {
    let of = ids_in(record);
    record.get() == other.get() || !of.is_empty() && of == ids_in(other)
}

/// The ids of a Bundle's Patients, or of the Patient that stands alone; none where that can't be read.
fn ids_in(record: &RawValue) -> BTreeSet<String> {
    /// Deeper ones serde_json doesn't read.
    const MOST_LEVELS: usize = 127;
    #[derive(Deserialize)]
    struct Bundle<'a> {
        #[serde(borrow, default)]
        entry: Vec<Entry<'a>>,
    }
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow, default)]
        resource: Option<Resource<'a>>,
    }
    #[derive(Deserialize)]
    struct Resource<'a> {
        #[serde(rename = "resourceType", borrow, default)]
        kind: Cow<'a, str>,
        #[serde(borrow, default)]
        id: Option<Cow<'a, str>>,
    }
    if within_bounds(record.get().as_bytes(), MOST_LEVELS).is_err() {
        return BTreeSet::new();
    }
    let entries =
        serde_json::from_str::<Bundle<'_>>(record.get()).map_or_else(|_| Vec::new(), |bundle| bundle.entry);
    let itself = serde_json::from_str::<Resource<'_>>(record.get()).ok();
    let patients = entries
        .into_iter()
        .filter_map(|entry| entry.resource)
        .chain(itself)
        .filter(|resource| resource.kind == "Patient");
    patients.filter_map(|patient| patient.id.map(Cow::into_owned)).collect()
}
