//! Chat completions, whole and as a stream: the same for OpenAI and Azure.

use super::{compose::Composed, created, event_stream, id_of, request::Asked};
use crate::{AppState, frame::RequestId};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

pub(super) fn write(state: &AppState, id: &RequestId, asked: &Asked, composed: &Composed) -> Response {
    let (id, created) = (id_of("chatcmpl", id), created(state));
    let model = &state.model().description.name;
    let (input, output) = composed.usage();
    let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
    if !asked.stream {
        let message = json!({"role": "assistant", "content": composed.text()});
        let choice = json!({"index": 0, "finish_reason": "stop", "logprobs": null, "message": message});
        let answer = json!({
            "id": id, "object": "chat.completion", "created": created, "model": model,
            "choices": [choice], "usage": usage
        });
        return Json(answer).into_response();
    }
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model,
            "choices": choices, "usage": usage
        })
    };
    let part = |delta: Value, finish: Value| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), Value::Null)
    };
    let mut chunks = vec![part(json!({"role": "assistant", "content": ""}), Value::Null)];
    chunks.extend(composed.pieces.iter().map(|piece| part(json!({ "content": piece }), Value::Null)));
    chunks.push(part(json!({}), json!("stop")));
    if asked.include_usage {
        chunks.push(chunk(json!([]), usage));
    }
    event_stream(chunks, true)
}
