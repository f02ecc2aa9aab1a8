//! OpenAI's and Azure's chat, in the shapes that their clients read.

use crate::{
    call::{Answer, get, post, service},
    fake::record,
    ledger::recorded,
};
use serde_json::{Value, json};
use serve::Stage;

pub const CHATS: [&str; 3] =
    ["/openai/v1/chat/completions", "/openai/deployments/osler-tiny/chat/completions", "/chat/completions"];

pub fn request() -> Value {
    let text = format!("What may become of this patient?\n```json\n{}\n```", record(&["ICD10CM//E11.9"]));
    json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]})
}

pub fn with(name: &str, value: Value) -> Value {
    let mut request = request();
    request[name] = value;
    request
}

/// The events of a stream, without the end's mark.
pub fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert!(!answer.text.contains('\r'));
    let blocks = answer.text.strip_suffix("\n\n").unwrap().split("\n\n");
    let data = blocks.map(|block| block.strip_prefix("data: ").expect("nothing but data lines"));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn each_sentence_holds_a_code_or_a_figure_of_the_model() {
    let service = service();
    for path in CHATS {
        let answer = post(&service, path, &request()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert_eq!((&answer["object"], &answer["model"]), (&"chat.completion".into(), &"osler-tiny".into()));
        let choice = &answer["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["role"]),
            (&"stop".into(), &"assistant".into())
        );
        assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
        let text = choice["message"]["content"].as_str().unwrap();
        assert!(text.contains("Not a medical device") && text.contains("synthetic patients"), "{text}");
        let risks: Vec<_> = text.lines().filter(|line| line.starts_with("- ")).collect();
        assert!(
            !risks.is_empty() && risks.iter().all(|line| line.contains("//") || line.contains("MEDS_DEATH"))
        );
        // The same numbers as the server's own API gives.
        let body = json!({"patient": record(&["ICD10CM//E11.9"]), "top": 1, "rank_by": "excess", "horizons_days": [365]});
        let own = post(&service, "/v1/risk", &body).await.json();
        let first = &own["patients"][0]["risks"][0];
        let figure = format!("{:.1} %", first["cumulative_incidence"][0].as_f64().unwrap() * 100.0);
        assert!(
            risks[0].contains(&figure) && risks[0].contains(first["code"].as_str().unwrap()),
            "{}",
            risks[0]
        );
    }
}

#[tokio::test]
async fn only_what_lies_above_others_is_said_to() {
    let service = service();
    // A code that raises nobody's risk here.
    for (codes, above) in [(&["LOINC//20150-9"][..], 0), (&["LOINC//33762-6"][..], 1)] {
        let messages = json!([{"role": "user", "content": record(codes).to_string()}]);
        let answer = post(&service, CHATS[0], &json!({"messages": messages})).await.json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("- ")).collect();
        assert_eq!(text.contains("None lies above"), above == 0, "{text}");
        assert!(lines.len() >= above && (above > 0 || lines.is_empty()), "{text}");
        for line in lines {
            let percents: Vec<f64> =
                line.split(" %").filter_map(|part| part.rsplit(' ').next()?.parse().ok()).collect();
            assert!(percents.len() == 2 && percents[0] >= percents[1], "{line}");
        }
    }
}

#[tokio::test]
async fn a_stream_holds_the_same_words_in_pieces() {
    let service = service();
    let whole = post(&service, CHATS[0], &request()).await.json();
    let mut streamed = with("stream", json!(true));
    streamed["stream_options"] = json!({"include_usage": true});
    let answer = post(&service, CHATS[0], &streamed).await;
    assert!(answer.text.ends_with("data: [DONE]\n\n"));
    let events = events(&answer);
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"]);
    let last = events.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn json_when_asked_and_what_cannot_be_met_is_refused() {
    let service = service();
    let answer =
        post(&service, CHATS[0], &with("response_format", json!({"type": "json_object"}))).await.json();
    let content: Value =
        serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(content["patient"]["risks"][0]["cumulative_incidence"].is_array(), "{content}");
    for (name, value) in [
        ("response_format", json!({"type": "json_schema", "json_schema": {}})),
        ("tool_choice", json!("required")),
        ("n", json!(2)),
        ("messages", json!([])),
        ("messages", json!("Ann Canary")),
    ] {
        let said = post(&service, CHATS[0], &with(name, value)).await.error(400, "invalid_request");
        assert!(!said.contains("Canary"), "{said}");
    }
}

#[tokio::test]
async fn prose_is_not_understood_and_that_is_said() {
    let service = service();
    let prose = json!([{"role": "user", "content": "My patient Ann Canary has a cough. What is it?"}]);
    let answer = post(&service, CHATS[0], &with("messages", prose)).await;
    assert_eq!(answer.status, 200);
    let text = answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert!(text.contains("FHIR R4 Bundle") && !text.contains("Canary"), "{text}");
    let empty = json!([{"role": "tool", "content": "{\"resourceType\": \"Bundle\", \"entry\": []}"}]);
    post(&service, CHATS[0], &with("messages", empty)).await.error(422, "unreadable_patient");
    let deep = format!("{{\"events\": {}1{}}}", "[".repeat(100), "]".repeat(100));
    let deep = json!([{"role": "user", "content": deep}]);
    post(&service, CHATS[0], &with("messages", deep)).await.error(400, "json_too_deep");
}

#[tokio::test]
async fn other_models_are_not_here() {
    let service = service();
    post(&service, CHATS[0], &with("model", json!("gpt-4"))).await.error(404, "no_such_model");
    assert_eq!(post(&service, CHATS[0], &with("model", json!("osler-tiny"))).await.status, 200);
    for name in ["gpt-4", "..%2f..%2fetc%2fpasswd", "%00"] {
        let path = format!("/openai/deployments/{name}/chat/completions");
        let answer = post(&service, &path, &request()).await;
        answer.error(404, "no_such_model");
        assert_eq!(answer.header("x-ms-error-code"), "no_such_model");
    }
    let answer = post(&service, "/embeddings", &json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-ms-error-code")), (400, "invalid_request"));
    assert_eq!(post(&service, CHATS[0], &json!({})).await.header("x-ms-error-code"), "");
    assert_eq!(get(&service, "/openai/v1/models").await.json()["data"][0]["id"], "osler-tiny");
    assert_eq!(get(&service, "/info").await.json()["model_type"], "chat_completion");
}

#[tokio::test]
async fn responses_whole_and_streamed() {
    let service = service();
    let mut body = json!({"model": "osler-tiny", "input": [{"role": "user", "content": [
        {"type": "input_text", "text": record(&["ICD10CM//E11.9"]).to_string()}]}]});
    let whole = post(&service, "/openai/v1/responses", &body).await.json();
    assert_eq!((&whole["object"], &whole["status"]), (&"response".into(), &"completed".into()));
    let text = whole["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Not a medical device"));
    body["stream"] = json!(true);
    let streamed = post(&service, "/openai/v1/responses", &body).await;
    let mut deltas = String::new();
    for block in streamed.text.strip_suffix("\n\n").unwrap().split("\n\n") {
        let (event, data) = block.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(event.strip_prefix("event: ").unwrap(), data["type"]);
        deltas += data["delta"].as_str().unwrap_or_default();
    }
    assert_eq!(deltas, text);
}

#[tokio::test]
async fn a_stream_is_recorded_before_it_leaves_and_withheld_like_any_answer() {
    let live = recorded(Stage::Live);
    let answer = post(&live.service, CHATS[2], &with("stream", json!(true))).await;
    let call = live.calls().pop().unwrap();
    assert_eq!(call.output, Some(answer.text.clone().into()));
    let silent = recorded(Stage::Silent);
    let answer = post(&silent.service, CHATS[2], &with("stream", json!(true))).await;
    answer.error(403, "withheld");
    assert!(silent.calls()[0].output.as_ref().unwrap().as_str().unwrap().contains("%"));
}
