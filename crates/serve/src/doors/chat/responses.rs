//! OpenAI's responses, whole and as a stream.

use super::{compose::Composed, created, id_of, request::Asked};
use crate::{AppState, frame::RequestId};
use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

pub(super) fn write(state: &AppState, id: &RequestId, asked: &Asked, composed: &Composed) -> Response {
    let message_id = id_of("msg", id);
    let (input, output) = composed.usage();
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let message = |status: &str, content: Value| json!({"type": "message", "id": message_id, "role": "assistant", "status": status, "content": content});
    let response = |status: &str, items: Value| {
        json!({
            "id": id_of("resp", id), "object": "response", "created_at": created(state), "status": status,
            "model": state.model().description.name, "output": items,
            "parallel_tool_calls": false, "tool_choice": "none", "tools": [],
            "usage": {
                "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
                "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}
            }
        })
    };
    let text = composed.text();
    let whole = response("completed", json!([message("completed", json!([part(&text)]))]));
    if !asked.stream {
        return Json(whole).into_response();
    }
    let place = json!({"item_id": message_id, "output_index": 0, "content_index": 0});
    let at = |kind: &str, rest: Value| {
        let mut event = place.clone();
        event["type"] = kind.into();
        for (name, value) in rest.as_object().into_iter().flatten() {
            event[name.as_str()] = value.clone();
        }
        event
    };
    let mut events = vec![
        json!({"type": "response.created", "response": response("in_progress", json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": message("in_progress", json!([]))}),
        at("response.content_part.added", json!({ "part": part("") })),
    ];
    events.extend(
        composed
            .pieces
            .iter()
            .map(|piece| at("response.output_text.delta", json!({"delta": piece, "logprobs": []}))),
    );
    events.extend([
        at("response.output_text.done", json!({"text": text, "logprobs": []})),
        at("response.content_part.done", json!({ "part": part(&text) })),
        json!({
            "type": "response.output_item.done", "output_index": 0,
            "item": message("completed", json!([part(&text)]))
        }),
        json!({"type": "response.completed", "response": whole}),
    ]);
    let mut stream = String::new();
    for (number, mut event) in events.into_iter().enumerate() {
        event["sequence_number"] = number.into();
        // This API names its events on a line of their own; the chat's clients would fail on that.
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        stream.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    }
    ([(header::CONTENT_TYPE, "text/event-stream")], stream).into_response()
}
