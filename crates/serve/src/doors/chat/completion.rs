//! Chat completions, whole and as a stream: the same for OpenAI and Azure.

use super::{compose::Composed, created, event_stream, id_of, request::Asked};
use crate::{AppState, frame::RequestId};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

pub(super) fn write(state: &AppState, id: &RequestId, asked: &Asked, composed: &Composed) -> Response {
    let (call_id, id, created) = (id_of("call", id), id_of("chatcmpl", id), created(state));
    let model = &state.model().description.name;
    let (input, output) = composed.usage();
    let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
    let finish = if asked.call.is_some() { "tool_calls" } else { "stop" };
    let tool_call = asked.call.as_ref().map(|call| {
        let function = json!({"name": call.name, "arguments": call.arguments});
        json!({"id": call_id, "type": "function", "function": function})
    });
    if !asked.stream {
        let message = match &tool_call {
            Some(call) => json!({"role": "assistant", "content": null, "tool_calls": [call]}),
            None => json!({"role": "assistant", "content": composed.text()}),
        };
        let choice = json!({"index": 0, "finish_reason": finish, "logprobs": null, "message": message});
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
    if let Some(mut call) = tool_call {
        call["index"] = 0.into();
        chunks.push(part(json!({ "tool_calls": [call] }), Value::Null));
    }
    chunks.push(part(json!({}), json!(finish)));
    if asked.include_usage {
        chunks.push(chunk(json!([]), usage));
    }
    event_stream(chunks, true)
}
