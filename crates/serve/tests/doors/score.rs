//! Managed endpoints and MLflow.

use crate::{
    call::{get, post, send, service},
    fake::record,
};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

fn first_risk(row: &Value) -> (&str, f64) {
    let risk = &row["risks"][0];
    (risk["code"].as_str().unwrap(), risk["cumulative_incidence"][5].as_f64().unwrap())
}

#[tokio::test]
async fn every_form_of_a_frame_gives_the_server_s_own_numbers() {
    let service = service();
    let patient = record(&["ICD10CM//E11.9"]);
    let own = post(&service, "/v1/risk", &patient).await.json();
    let own = first_risk(&own["patients"][0]);
    let text = patient.to_string();
    for input in [
        json!({"columns": ["patient"], "index": [0], "data": [[patient]]}),
        json!({"columns": ["mrn", "patient"], "index": [0], "data": [["canary", text]]}),
        json!({"columns": ["anything"], "data": [[patient]]}),
        json!([{"patient": patient}]),
        json!([{"patient": text}]),
        json!([patient]),
        json!([text]),
    ] {
        let answer = post(&service, "/score", &json!({"input_data": input, "params": {"top": 2}})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let rows = answer.json();
        assert_eq!(rows.as_array().unwrap().len(), 1);
        assert_eq!(rows[0]["risks"].as_array().unwrap().len(), 2);
        assert_eq!(first_risk(&rows[0]), own);
        assert!(rows[0]["disclaimer"].is_string() && rows[0]["model"]["digest"].is_string());
        for name in ["dataframe_split", "dataframe_records", "instances", "inputs"] {
            let answer = post(&service, "/invocations", &json!({ name: input })).await.json();
            assert_eq!(first_risk(&answer["predictions"][0]), own, "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_no_frame_of_patients_is_refused_by_row() {
    let service = service();
    let patient = record(&[]);
    for (input, said) in [
        (json!([]), "no row"),
        (json!({"columns": ["a", "b"], "data": [[1, 2]]}), "column named patient"),
        (json!({"columns": ["a", "patient"], "data": [["x", patient], ["x"]]}), "row[1]"),
        (json!([patient, {"patient": "Ann Canary"}]), "row[1]"),
        (json!([patient, 7]), "row[1]"),
        (json!("Ann Canary"), "frame"),
    ] {
        let error =
            post(&service, "/score", &json!({ "input_data": input })).await.error(400, "invalid_request");
        assert!(error.contains(said) && !error.contains("Canary"), "{error}");
    }
    let deep = format!("{{\"events\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    post(&service, "/score", &json!({"input_data": [{"patient": deep}]})).await.error(400, "json_too_deep");
    post(&service, "/score", &json!({"input_data": [{"patient": {"events": []}}]}))
        .await
        .error(422, "unreadable_patient");
    post(&service, "/score", &json!({"input_data": vec![&patient; 257]}))
        .await
        .error(400, "too_many_patients");
    post(&service, "/invocations", &json!({"inputs": [patient], "instances": []}))
        .await
        .error(400, "invalid_request");
    post(&service, "/score", &json!({"input_data": [patient], "params": {"top": 0}}))
        .await
        .error(400, "invalid_request");
}

#[tokio::test]
async fn the_deployment_that_is_named_must_be_here() {
    let service = service();
    let body = json!({"input_data": [record(&[])]}).to_string();
    let ask = async |name: &str| {
        let request = Request::post("/score")
            .header("content-type", "application/json")
            .header("azureml-model-deployment", name)
            .body(Body::from(body.clone()))
            .unwrap();
        send(&service, request).await
    };
    assert_eq!(ask("osler-tiny").await.status, 200);
    ask("../osler-tiny").await.error(404, "no_such_model");
    assert_eq!(get(&service, "/ping").await.status, 200);
    assert_eq!(get(&service, "/health").await.status, 200);
    assert_eq!(get(&service, "/version").await.text, "2026.1");
}
