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
    let call = |arguments: &str, status: &str| {
        let name = asked.call.as_ref().map(|call| &call.name);
        json!({"type": "function_call", "id": id_of("fc", id), "call_id": id_of("call", id), "name": name,
            "arguments": arguments, "status": status})
    };
    let text = composed.text();
    let item = match &asked.call {
        Some(made) => call(&made.arguments, "completed"),
        None => message("completed", json!([part(&text)])),
    };
    let whole = response("completed", json!([item]));
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
    let added = match &asked.call {
        Some(_) => call("", "in_progress"),
        None => message("in_progress", json!([])),
    };
    let mut events = vec![
        json!({"type": "response.created", "response": response("in_progress", json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": added}),
    ];
    match &asked.call {
        Some(made) => {
            let of_call = |kind: &str, name: &str| json!({"type": kind, "item_id": id_of("fc", id), "output_index": 0, name: made.arguments});
            events.push(of_call("response.function_call_arguments.delta", "delta"));
            let mut done = of_call("response.function_call_arguments.done", "arguments");
            done["name"] = made.name.as_str().into();
            events.push(done);
        }
        None => {
            events.push(at("response.content_part.added", json!({ "part": part("") })));
            let delta = |piece| at("response.output_text.delta", json!({"delta": piece, "logprobs": []}));
            events.extend(composed.pieces.iter().map(delta));
            events.push(at("response.output_text.done", json!({"text": text, "logprobs": []})));
            events.push(at("response.content_part.done", json!({ "part": part(&text) })));
        }
    }
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
    events.push(json!({"type": "response.completed", "response": whole}));
    let mut stream = String::new();
    for (number, mut event) in events.into_iter().enumerate() {
        event["sequence_number"] = number.into();
        // This API names its events on a line of their own; the chat's clients would fail on that.
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        stream.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    }
    ([(header::CONTENT_TYPE, "text/event-stream")], stream).into_response()
}
