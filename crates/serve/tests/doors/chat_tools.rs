//! Schemas and tools of the caller's: a record is fetched by a tool, an answer is picked by a schema, and nothing is made up.

use crate::{
    call::{post, service},
    chat::{CHATS, events, with},
    fake::record,
    ledger::recorded,
};
use serde_json::{Value, json};
use serve::Stage;

const RESPONSES: &str = "/openai/v1/responses";

fn fetch() -> Value {
    let parameters = json!({"type": "object", "properties": {"patient_id": {"type": "string"}},
        "required": ["patient_id"], "additionalProperties": false});
    json!({"name": "get_record", "description": "A patient's record", "parameters": parameters})
}

fn tools() -> Value {
    json!([{"type": "function", "function": fetch()}])
}

fn question(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}], "tools": tools()})
}

fn schema() -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["patient"], "properties": {"patient": {
        "type": "object", "additionalProperties": false, "required": ["risks"], "properties": {"risks": {
            "type": "array", "maxItems": 2, "items": {"type": "object", "required": ["code", "cumulative_incidence"],
                "additionalProperties": false, "properties": {"code": {"type": "string"},
                    "cumulative_incidence": {"type": "array", "items": {"type": "number"}}}}}}}}})
}

#[tokio::test]
async fn a_tool_fetches_the_record_and_its_result_is_answered() {
    let service = service();
    for path in CHATS {
        let mut asked = question("What may become of Patient/ab-12?");
        let answer = post(&service, path, &asked).await.json();
        let choice = &answer["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["content"]),
            (&json!("tool_calls"), &Value::Null)
        );
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!((&call["type"], &call["function"]["name"]), (&json!("function"), &json!("get_record")));
        let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments, json!({"patient_id": "ab-12"}));
        // As a client goes on.
        let messages = asked["messages"].as_array_mut().unwrap();
        messages.push(choice["message"].clone());
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": record(&["ICD10CM//I10"]).to_string()}));
        let answer = post(&service, path, &asked).await.json();
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        assert!(
            answer["choices"][0]["message"]["content"].as_str().unwrap().contains("ICD10CM//"),
            "{answer}"
        );
        // A tool that brings no record isn't asked for ever.
        asked["messages"][2]["content"] = json!("no such patient");
        let answer = post(&service, path, &asked).await.json();
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{answer}");
    }
}

#[tokio::test]
async fn nothing_is_said_of_another_patient_s_record() {
    let service = service();
    let bundle = |id: &str| {
        let mut bundle = crate::fhir::bundle();
        bundle["entry"][0]["resource"]["id"] = json!(id);
        bundle
    };
    assert_eq!(bundle("p")["entry"][0]["resource"]["resourceType"], "Patient");
    let of = |id: &str| json!({"role": "user", "content": format!("Patient/{id}: {}", bundle(id))});
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let example = format!("Records look like {}", record(&["ICD10CM//I10"]));
    let about_b = said("user", "And what of Patient/b?");
    let earlier = said("assistant", "...");
    let outcome = json!({"resourceType": "OperationOutcome", "issue": []}).to_string();
    let cut = bundle("c").to_string();
    let cut = format!("Now this one: {}", &cut[..cut.len() - 3]);
    // What was said, and which message's record is answered for; else the patient who is fetched, or nobody.
    for (messages, answered, fetched) in [
        (json!([said("system", &example), about_b]), None, Some("b")),
        (json!([said("developer", &example), about_b]), None, Some("b")),
        (json!([said("assistant", &example), about_b]), None, Some("b")),
        (json!([said("system", &example), said("user", "What of her?")]), None, None),
        (json!([of("p"), earlier, about_b]), None, Some("b")),
        (json!([of("p"), about_b, said("tool", &outcome)]), None, None),
        (json!([of("p"), about_b, said("tool", "not found")]), None, None),
        (json!([of("p"), said("tool", "not found")]), None, None),
        // Nor later on: what the tool was asked for is unknown.
        (
            json!([
                of("p"),
                earlier,
                said("user", "fetch the next patient"),
                said("tool", "{\"error\":\"no\"}"),
                said("user", "well?")
            ]),
            None,
            Some("p"),
        ),
        (
            json!([of("p"), earlier, said("user", "And of https://ehr.example/Patient?_id=b")]),
            None,
            Some("b"),
        ),
        (json!([of("p"), earlier, said("user", "And of patient/b2?")]), None, Some("b2")),
        (json!([of("p"), earlier, said("user", &cut)]), None, Some("p")),
        (json!([of("p"), earlier, said("user", "And in ten years?")]), Some("message 1 of 3"), None),
        (
            json!([of("p"), earlier, said("user", "And Patient/p in ten years?")]),
            Some("message 1 of 3"),
            None,
        ),
        (json!([of("p"), about_b, said("tool", &bundle("b").to_string())]), Some("message 3 of 3"), None),
        (
            json!([
                of("p"),
                about_b,
                said("tool", &record(&["ICD10CM//I10"]).to_string()),
                earlier,
                said("user", "More of Patient/b")
            ]),
            Some("message 3 of 5"),
            None,
        ),
        (
            json!([of("p"), about_b, said("tool", &bundle("b").to_string()), said("user", "And Patient/p?")]),
            None,
            Some("p"),
        ),
    ] {
        for (path, body) in [
            (CHATS[0], json!({"messages": messages, "tools": tools()})),
            (CHATS[2], json!({"messages": messages, "tools": tools(), "tool_choice": "auto"})),
        ] {
            let answer = post(&service, path, &body).await.json();
            let message = &answer["choices"][0]["message"];
            let text = message["content"].as_str().unwrap_or_default();
            let call = message["tool_calls"][0]["function"]["arguments"].as_str();
            match (answered, fetched) {
                (Some(place), _) => {
                    assert!(text.contains(place) && text.contains(" %"), "{messages}: {message}")
                }
                (None, Some(id)) => {
                    assert_eq!(call, Some(&*json!({"patient_id": id}).to_string()), "{messages}: {message}")
                }
                (None, None) => {
                    assert!(
                        call.is_none() && !text.contains('%') && text.contains("Send the patient's record"),
                        "{messages}: {message}"
                    );
                }
            }
        }
    }
    // Several people in one message; of one person twice is as good as once.
    let two = |second: &str| {
        let content = format!("{} {}", bundle("a"), bundle(second));
        json!({"messages": [said("user", &content)]})
    };
    let answer = post(&service, CHATS[0], &two("b")).await.json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(!text.contains('%') && text.contains("may be of different people"), "{text}");
    let answer = post(&service, CHATS[0], &two("a")).await.json();
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains(" %"), "{answer}");
    let format = with("response_format", json!({"type": "json_object"}));
    let answer = post(&service, CHATS[0], &format).await.json();
    let content: Value =
        serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(content["record"], json!({"message": 2, "of_messages": 2}));
}

#[tokio::test]
async fn a_call_is_streamed_in_the_shapes_of_both_apis() {
    let service = service();
    let mut asked = question("Patient/1");
    asked["stream"] = json!(true);
    let chunks = events(&post(&service, CHATS[0], &asked).await);
    let deltas: Vec<&Value> =
        chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]).collect();
    let call = deltas.iter().find(|call| call.is_object()).unwrap();
    assert_eq!(
        (&call["index"], &call["function"]["arguments"]),
        (&json!(0), &json!("{\"patient_id\":\"1\"}"))
    );
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");

    let mut tool = fetch();
    tool["type"] = json!("function");
    let asked = json!({"input": "Patient/1", "tools": [tool], "stream": true});
    let answer = post(&service, RESPONSES, &asked).await;
    let last = answer.text.trim_end().rsplit("data: ").next().unwrap();
    let item = &serde_json::from_str::<Value>(last).unwrap()["response"]["output"][0];
    assert_eq!((&item["type"], &item["name"]), (&json!("function_call"), &json!("get_record")));
    let output = json!([
        {"role": "user", "content": "Patient/1"}, item,
        {"type": "function_call_output", "call_id": item["call_id"], "output": record(&["ICD10CM//I10"]).to_string()}
    ]);
    let answer = post(&service, RESPONSES, &json!({"input": output})).await.json();
    assert!(answer["output"][0]["content"][0]["text"].as_str().unwrap().contains("ICD10CM//"), "{answer}");
}

#[tokio::test]
async fn nothing_is_called_by_guessing() {
    let service = service();
    let prose = post(&service, CHATS[0], &question("What of Ann Canary?")).await.json();
    assert_eq!(prose["choices"][0]["finish_reason"], "stop");
    let mut must = question("What of Ann Canary?");
    must["tool_choice"] = json!("required");
    let said = post(&service, CHATS[0], &must).await.error(400, "invalid_request");
    assert!(said.starts_with("tool_choice:") && !said.contains("Canary"), "{said}");
}

#[tokio::test]
async fn the_ledger_keeps_no_patient_s_id_of_a_call() {
    let live = recorded(Stage::Live);
    let answer = post(&live.service, CHATS[0], &question("Patient/canary-77")).await;
    assert!(answer.text.contains("canary-77"));
    let call = live.calls().pop().unwrap();
    assert_eq!((call.status, call.output.is_none()), (200, true));
    assert_ne!(call.output_digest, blake3::hash(answer.text.as_bytes()).to_hex().to_string(), "keyed");
    assert_eq!(call.output_digest.len(), 64);
    assert!(!serde_json::to_string(&call).unwrap().contains("canary"));
}

#[tokio::test]
async fn a_schema_picks_of_the_answer_by_every_door() {
    let service = service();
    for path in CHATS {
        let format = json!({"type": "json_schema", "json_schema": {"name": "risks", "strict": true, "schema": schema()}});
        let answer = post(&service, path, &with("response_format", format)).await.json();
        let content: Value =
            serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
        let risks = content["patient"]["risks"].as_array().unwrap();
        assert_eq!(
            (risks.len(), risks[0].as_object().unwrap().len(), content.as_object().unwrap().len()),
            (2, 2, 1)
        );
    }
    let format = json!({"type": "json_schema", "name": "risks", "schema": schema()});
    let body = json!({"input": record(&["ICD10CM//I10"]).to_string(), "text": {"format": format}});
    let answer = post(&service, RESPONSES, &body).await.json();
    let content: Value =
        serde_json::from_str(answer["output"][0]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(content["patient"]["risks"].as_array().unwrap().len(), 2);
    let impossible = json!({"type": "json_schema", "json_schema": {"schema": {"required": ["diagnosis"]}}});
    let said =
        post(&service, CHATS[0], &with("response_format", impossible)).await.error(400, "invalid_request");
    assert!(said.contains("fields there are") && !said.contains("diagnosis"), "{said}");
}

#[tokio::test]
async fn a_tool_that_must_be_called_gets_the_answer() {
    let service = service();
    let tool = json!([{"type": "function", "function": {"name": "note_risks", "parameters": schema()}}]);
    let mut asked = with("tools", tool);
    asked["tool_choice"] = json!({"type": "function", "function": {"name": "note_risks"}});
    let answer = post(&service, CHATS[0], &asked).await.json();
    let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&call["name"], arguments["patient"]["risks"].as_array().unwrap().len()),
        (&json!("note_risks"), 2)
    );
}
