//! Rows of the OMOP CDM, wherever a record may stand.

use crate::call::{post, post_text, service};
use serde_json::{Value, json};

fn rows() -> Value {
    json!({"omop": {
        "person": [{"person_id": 6, "gender_concept_id": 8532, "year_of_birth": 1958}],
        "condition_occurrence": [
            {"condition_occurrence_id": 1, "person_id": 6, "condition_concept_id": 2, "condition_start_date": "2019-03-04"}],
        "concept": [{"concept_id": 2, "concept_name": "x", "vocabulary_id": "ICD10CM", "concept_code": "I10"}]
    }})
}

#[tokio::test]
async fn rows_are_a_record_at_every_door() {
    let service = service();
    let meds = json!({"events": [{"time": "1958-07-01", "code": "MEDS_BIRTH"}, {"time": "2019-03-04", "code": "ICD10CM//I10"}]});
    let risks = |body: Value| {
        let service = service.clone();
        async move {
            let answer = post(&service, "/v1/risk", &body).await;
            assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
            answer.json()["patients"].clone()
        }
    };
    let wanted = risks(json!({ "patient": meds })).await;
    assert_eq!(risks(json!({ "patient": rows() })).await, wanted);
    assert_eq!(risks(json!({ "patients": [rows()] })).await, wanted);
    assert_eq!(risks(rows()).await, wanted, "the body itself");
    assert_eq!(post(&service, "/v1/embed", &rows()).await.status.as_u16(), 200);
    let framed = json!({"input_data": {"columns": ["patient"], "data": [[rows()]]}});
    assert_eq!(post(&service, "/score", &framed).await.status.as_u16(), 200);
    let chat =
        json!({"messages": [{"role": "user", "content": format!("What may become of her? {}", rows())}]});
    let answer = post(&service, "/chat/completions", &chat).await;
    let said = answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert!(!said.contains("I read records, not prose"), "{said}");
    let kept = post(&service, "/v1/patients", &rows()).await;
    assert!(kept.json()["patient_id"].is_string(), "{}", kept.text);
}

#[tokio::test]
async fn what_are_no_rows_of_one_person_is_refused_without_a_word_of_it() {
    let service = service();
    let two = json!({"omop": {"person": [{"person_id": 1, "year_of_birth": 1950}, {"person_id": 2, "year_of_birth": 1950}]}});
    for (record, code) in [
        (json!({"omop": {}}), "unreadable_patient"),
        (json!({"omop": {"person": []}}), "unreadable_patient"),
        (two, "unreadable_patient"),
        (json!({"omop": {"person": [{"person_id": 1}]}}), "unreadable_patient"),
    ] {
        post(&service, "/v1/risk", &json!({ "patient": record })).await.error(422, code);
    }
    let both = json!({"omop": {"person": []}, "events": []});
    let message = post(&service, "/v1/risk", &json!({ "patient": both })).await.error(400, "invalid_request");
    assert!(message.contains("both events and omop"), "{message}");
    let none = json!({"rows": {"person": "Canary"}});
    let message = post(&service, "/v1/risk", &json!({ "patient": none })).await.error(400, "invalid_request");
    assert!(message.contains("rows of OMOP's (with omop)") && !message.contains("Canary"), "{message}");
    let deep = format!("{{\"patient\": {{\"omop\": {}{}}}}}", "[".repeat(100), "]".repeat(100));
    post_text(&service, "/v1/risk", deep).await.error(400, "json_too_deep");
    let large = format!("{{\"omop\": {{\"person\": [{{\"x\": \"{}\"}}]}}}}", "x".repeat(17 << 20));
    post_text(&service, "/v1/risk", large).await.error(413, "body_too_large");
}

#[tokio::test]
async fn the_description_says_how() {
    let description = crate::call::get(&service(), "/openapi.json").await.json();
    let schema = &description["components"]["schemas"]["OmopRecord"];
    assert!(schema["properties"]["omop"].is_object(), "{schema}");
    let example = if schema["example"].is_object() { &schema["example"] } else { &schema["examples"][0] };
    assert!(example["omop"]["concept"].is_array(), "{schema}");
}
