//! Patients as vectors, by the server's own API and by OpenAI's and Azure's.

use crate::{
    call::{post, service},
    fake::record,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

const DOORS: [&str; 3] =
    ["/openai/v1/embeddings", "/openai/deployments/osler-tiny/embeddings", "/embeddings"];

#[tokio::test]
async fn patients_are_answered_in_order() {
    let service = service();
    let two = json!({"patients": [record(&[]), record(&["ICD10CM//I10"])]});
    let answer = post(&service, "/v1/embed", &two).await.json();
    assert_eq!((answer["width"].as_u64(), &answer["model"]["name"]), (Some(4), &json!("osler-tiny")));
    assert!(answer["synthetic_notice"].is_string());
    let embeddings = answer["embeddings"].as_array().unwrap();
    assert_eq!((embeddings[0][2].as_f64(), embeddings[1][2].as_f64()), (Some(2.0), Some(3.0)));
    let alone = post(&service, "/v1/embed", &record(&["ICD10CM//I10"])).await.json();
    assert_eq!(alone["embeddings"], json!([embeddings[1]]));
}

#[tokio::test]
async fn floats_and_base64_say_the_same_at_every_door() {
    let service = service();
    for door in DOORS {
        let input =
            json!([format!("The patient:\n```json\n{}\n```", record(&[])), record(&["ICD10CM//I10"]),]);
        let floats = post(&service, door, &json!({"input": input, "model": "osler-tiny", "dimensions": 4}))
            .await
            .json();
        let coded = post(&service, door, &json!({"input": input, "encoding_format": "base64"})).await.json();
        assert_eq!((&floats["object"], floats["data"].as_array().unwrap().len()), (&json!("list"), 2));
        assert_eq!(floats["usage"], json!({"prompt_tokens": 5, "total_tokens": 5}));
        for (float, coded) in floats["data"].as_array().unwrap().iter().zip(coded["data"].as_array().unwrap())
        {
            assert_eq!((&float["index"], &float["object"]), (&coded["index"], &json!("embedding")));
            let bytes = BASE64_STANDARD.decode(coded["embedding"].as_str().unwrap()).unwrap();
            let decoded: Vec<f32> =
                bytes.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
            let plain: Vec<f32> =
                float["embedding"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect();
            assert_eq!(plain, decoded);
        }
        assert_eq!(floats["data"][1]["embedding"][2], 3.0);
        let one = post(&service, door, &json!({"input": record(&[]).to_string()})).await.json();
        assert_eq!(one["data"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_embedded_is_said() {
    let service = service();
    let sent = record(&[]).to_string();
    for (asked, at) in [
        (json!({"input": "Ann Canary is ill"}), "input[0]"),
        (json!({"input": [sent, "Ann Canary"]}), "input[1]"),
        (json!({"input": [[1, 2, 3]]}), "input[0]"),
        (json!({"input": []}), "input"),
        (json!({"input": sent, "encoding_format": "int8"}), "encoding_format"),
        (json!({"input": sent, "dimensions": 256}), "dimensions"),
    ] {
        for door in DOORS {
            let message = post(&service, door, &asked).await.error(400, "invalid_request");
            assert!(
                message.starts_with(&format!("{at}:")) && !message.contains("Canary"),
                "{door}: {message}"
            );
        }
    }
    let many: Vec<Value> = (0..257).map(|_| json!(sent)).collect();
    post(&service, "/embeddings", &json!({"input": many})).await.error(400, "too_many_patients");
    post(&service, "/embeddings", &json!({"input": sent, "model": "other"}))
        .await
        .error(404, "no_such_model");
    post(&service, "/openai/deployments/other/embeddings", &json!({"input": sent}))
        .await
        .error(404, "no_such_model");
    post(&service, "/v1/embed", &json!({"patient": {"events": []}, "patients": []}))
        .await
        .error(400, "invalid_request");
    post(&service, "/v1/embed", &json!({})).await.error(400, "invalid_request");
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let deep = json!({"input": format!("{{\"events\": {deep}}}")});
    post(&service, "/embeddings", &deep).await.error(400, "json_too_deep");
}

#[tokio::test]
async fn a_vector_that_is_none_is_withheld_and_one_that_panics_breaks_itself_alone() {
    let service = service();
    for (fault, code) in [
        ("TEST//NAN", "predictor_failed"),
        ("TEST//PANIC", "predictor_failed"),
        ("TEST//FAIL", "predictor_failed"),
    ] {
        post(&service, "/v1/embed", &record(&[fault])).await.error(500, code);
    }
    assert_eq!(post(&service, "/v1/embed", &record(&[])).await.status, 200);
}
