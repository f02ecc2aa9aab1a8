//! Bodies that a hand or an enemy changed, at every door that reads a record: answered or refused, and never with their words.

use crate::{
    call::{get, post_text, service},
    cds, mutate,
};
use axum::{Router, body::Body, http::Request};
use serde_json::{Value, json};

/// A word that stands wherever a caller may write.
const CANARY: &str = "Canary";

fn bundle() -> Value {
    json!({"resourceType": "Bundle", "type": "collection", "id": CANARY, "entry": [
        {"resource": {"resourceType": "Patient", "id": CANARY, "gender": "female", "birthDate": "1957-04-12",
            "name": [{"family": CANARY}]}},
        {"resource": {"resourceType": "Condition", "onsetDateTime": "2014-09-03", "code": {"text": CANARY,
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}}},
        {"resource": {"resourceType": "Observation", "status": "final", "effectiveDateTime": "2024-06-02T08:30:00+02:00",
            "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}, "valueQuantity": {"value": 5.9, "unit": "%"}}}
    ]})
}

fn meds() -> Value {
    json!({"events": [{"code": "GENDER//M"}, {"time": "1960-01-01", "code": "MEDS_BIRTH", "text_value": CANARY},
        {"time": "2020-01-01T08:00:00", "code": "LOINC//4548-4", "numeric_value": 7.9, "unit": "%", "subject_id": CANARY}]})
}

fn omop() -> Value {
    json!({"omop": {
        "person": [{"person_id": 6, "gender_concept_id": 8532, "year_of_birth": 1958, "person_source_value": CANARY}],
        "condition_occurrence": [{"condition_occurrence_id": 1, "person_id": 6, "condition_concept_id": 2, "condition_start_date": "2019-03-04"}],
        "concept": [{"concept_id": 2, "concept_name": CANARY, "vocabulary_id": "ICD10CM", "concept_code": "I10"}]
    }})
}

/// The doors, with what each is asked.
fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let chat = |record: Value| {
        json!({"model": "osler-tiny", "stream": false, "messages": [
            {"role": "system", "content": CANARY}, {"role": "user", "content": format!("Risk of I10 within 5 years? {record}")}]})
    };
    let frame = json!({"input_data": {"columns": ["patient"], "index": [0], "data": [[meds()]]}, "params": {"top": 2}});
    let asked = |record: Value| json!({"patient": record, "codes": ["ICD10CM//I10"], "horizons_days": [30, 365.25], "top": 3});
    let doors = vec![
        ("/v1/risk", vec![asked(bundle()), meds(), json!({"patients": [omop(), meds()]})]),
        (
            "/v1/simulate",
            vec![json!({"patient": bundle(), "trajectories": 64, "seed": 1, "horizons_days": [365]}), meds()],
        ),
        ("/v1/embed", vec![bundle(), json!({"patients": [omop()]})]),
        ("/v1/reason", vec![json!({"patient": bundle(), "show": ["risks"], "horizon_days": 365}), omop()]),
        ("/v1/patients", vec![bundle(), meds()]),
        (
            "/fhir/$risk",
            vec![
                bundle(),
                json!({"resourceType": "Parameters", "parameter": [{"name": "record", "resource": bundle()}]}),
            ],
        ),
        (cds::PATH, vec![cds::call()]),
        ("/openai/v1/chat/completions", vec![chat(bundle()), chat(meds())]),
        (
            "/openai/v1/responses",
            vec![
                json!({"model": "osler-tiny", "input": bundle().to_string()}),
                json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": meds().to_string()}]}]}),
            ],
        ),
        (
            "/openai/v1/embeddings",
            vec![
                json!({"model": "osler-tiny", "input": [bundle().to_string()], "encoding_format": "base64"}),
            ],
        ),
        ("/score", vec![frame.clone(), json!({"input_data": [{"patient": bundle()}]})]),
        (
            "/invocations",
            vec![
                json!({"dataframe_split": frame["input_data"]}),
                json!({"dataframe_records": [{"patient": omop()}]}),
            ],
        ),
    ];
    let bytes = |bodies: Vec<Value>| bodies.iter().map(|body| body.to_string().into_bytes()).collect();
    doors.into_iter().map(|(door, bodies)| (door, bytes(bodies))).collect()
}

async fn tried(service: &Router, rounds: usize, seed: u64) {
    for (door, seeds) in seeds() {
        let mut bodies = Vec::new();
        mutate::mutated(&seeds, rounds, seed, |bytes| bodies.push(bytes.to_vec()));
        let (mut taken, mut refused) = (0, 0);
        for body in bodies {
            let answer = post_text(service, door, body.clone()).await;
            let status = answer.status.as_u16();
            let shown = || format!("{door} {status} {}: {}", answer.text, String::from_utf8_lossy(&body));
            assert!(status < 500, "{}", shown());
            taken += usize::from(status < 300);
            if status >= 300 {
                refused += 1;
                assert!(!answer.text.contains(CANARY), "{}", shown());
            }
        }
        assert!(taken > 0 && refused > 0, "{door}: {taken} taken, {refused} refused");
    }
    assert_eq!(get(service, "/health/ready").await.status, 200);
}

#[tokio::test]
async fn changed_bodies_are_answered_or_refused() {
    tried(&service(), 240, 1).await;
}

#[tokio::test]
async fn changed_headers_are_read_or_passed_over() {
    let seeds: Vec<Vec<u8>> = [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Basic b3NsZXI6b3NsZXJfMDBfMTE=",
        "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJhIn0.AAAA",
        "application/json; charset=utf-8",
        "osler-tiny",
    ]
    .map(|value| value.as_bytes().to_vec())
    .to_vec();
    let mut values = Vec::new();
    mutate::mutated(&seeds, 1_000, 1, |bytes| values.push(bytes.to_vec()));
    let service = service();
    for (at, value) in values.into_iter().enumerate() {
        let names = [
            "traceparent",
            "authorization",
            "api-key",
            "content-type",
            "x-request-id",
            "azureml-model-deployment",
        ];
        let request = Request::post("/v1/risk")
            .header("accept", "application/json")
            .header(names[at % names.len()], value);
        // What HTTP itself lets through no header comes no further.
        let Ok(request) = request.body(Body::from(meds().to_string())) else { continue };
        let answer = crate::call::send(&service, request).await;
        assert!(answer.status.as_u16() < 500, "{}: {}", answer.status, answer.text);
    }
}

#[tokio::test]
#[ignore = "takes minutes; the same as a fuzz target where no fuzzer is at hand"]
async fn many_changed_bodies_are_answered_or_refused() {
    let service = service();
    for seed in 2..42 {
        tried(&service, 2_000, seed).await;
    }
}
