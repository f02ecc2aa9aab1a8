//! FHIR R4 out: what the resources say, and that they name nobody. That they are valid R4 is for `tests/clients` to say.

use crate::call::{get, post, post_text, service};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

pub fn bundle() -> Value {
    json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "canary-1", "name": [{"family": "Canary"}], "gender": "female",
            "birthDate": "1957-04-12"}},
        {"resource": {"resourceType": "Condition", "onsetDateTime": "2014-09-03",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}}}
    ]})
}

fn of_kind<'a>(bundle: &'a Value, kind: &str) -> &'a Value {
    let entries = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    entries.into_iter().find(|resource| resource["resourceType"] == kind).unwrap()
}

#[tokio::test]
async fn an_answer_holds_the_numbers_of_the_server_s_own_api_and_says_who_made_it() {
    let service = service();
    let answer = post(&service, "/fhir/$risk", &bundle()).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/fhir+json"));
    let answered = answer.json();
    let own = post(&service, "/v1/risk", &json!({"patient": bundle(), "top": 10})).await.json();
    let assessment = of_kind(&answered, "RiskAssessment");
    let predictions = assessment["prediction"].as_array().unwrap();
    let own = own["patients"][0]["risks"].as_array().unwrap();
    assert_eq!(predictions.len(), own.len() * crate::fake::HORIZONS.len());
    for (risk, predictions) in own.iter().zip(predictions.chunks(crate::fake::HORIZONS.len())) {
        for (place, prediction) in predictions.iter().enumerate() {
            let probability = risk["cumulative_incidence"][place].as_f64().unwrap();
            assert!((prediction["probabilityDecimal"].as_f64().unwrap() - 100.0 * probability).abs() < 1e-3);
            let reference = risk["reference"][place].as_f64().unwrap();
            if reference > 1e-3 {
                let ratio = prediction["relativeRisk"].as_f64().unwrap();
                assert!((ratio - probability / reference).abs() < 1e-3 * ratio.max(1.0), "{prediction}");
            }
            let range = &prediction["whenRange"];
            let years = range["high"]["value"].as_f64().unwrap() - range["low"]["value"].as_f64().unwrap();
            assert!((years - crate::fake::HORIZONS[place] / 365.25).abs() < 1e-3, "{prediction}");
        }
    }
    assert!(predictions.iter().all(|prediction| prediction["outcome"]["text"].is_string()));
    for entry in answered["entry"].as_array().unwrap() {
        assert_eq!(entry["resource"]["meta"]["security"][0]["code"], "AIAST", "{entry}");
    }
    // What refers to each other is there.
    let names: Vec<&str> = answered["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["fullUrl"].as_str().unwrap())
        .collect();
    let provenance = of_kind(&answered, "Provenance");
    for reference in [
        &assessment["performer"]["reference"],
        &provenance["target"][0]["reference"],
        &provenance["target"][1]["reference"],
        &provenance["agent"][0]["who"]["reference"],
        &provenance["entity"][0]["what"]["reference"],
        &of_kind(&answered, "GuidanceResponse")["contained"][0]["parameter"][0]["valueReference"]["reference"],
    ] {
        assert!(names.contains(&reference.as_str().unwrap()), "{reference}");
    }
    assert_eq!(provenance["agent"].as_array().unwrap().len(), 1, "no human has looked");
    assert_eq!(assessment["status"], "preliminary");
    let card = of_kind(&answered, "DocumentReference")["content"][0]["attachment"]["data"]
        .as_str()
        .unwrap()
        .to_owned();
    let card = String::from_utf8(BASE64_STANDARD.decode(card).unwrap()).unwrap();
    assert!(card.contains("osler-tiny") && card.contains("synthetic"), "{card}");
}

#[tokio::test]
async fn nobody_is_named() {
    let answer = post(&service(), "/fhir/$risk", &bundle()).await;
    assert!(!answer.text.to_lowercase().contains("canary"), "{}", answer.text);
    assert!(!answer.text.contains("1957"), "{}", answer.text);
}

#[tokio::test]
async fn what_it_can_do_is_said() {
    let statement = get(&service(), "/fhir/metadata").await.json();
    assert_eq!(
        (&statement["resourceType"], &statement["fhirVersion"]),
        (&json!("CapabilityStatement"), &json!("4.0.1"))
    );
    assert_eq!(statement["rest"][0]["operation"][0]["name"], "risk");
}

#[tokio::test]
async fn errors_are_operation_outcomes() {
    let service = service();
    for (body, status, code) in [
        (r#"{"resourceType": "Bundle", "entry": []}"#.to_owned(), 422, "unreadable_patient"),
        (r#"{"resourceType": "Patient", "id": "canary"}"#.to_owned(), 422, "unreadable_patient"),
        ("{".to_owned(), 400, "invalid_json"),
        ("[]".to_owned(), 400, "invalid_request"),
        (format!("{}1{}", "[".repeat(100), "]".repeat(100)), 400, "json_too_deep"),
    ] {
        let answer = post_text(&service, "/fhir/$risk", body).await;
        assert_eq!(answer.json()["resourceType"], "OperationOutcome");
        assert!(!answer.error(status, code).contains("canary"));
    }
    let nowhere = get(&service, "/fhir/Patient/1").await;
    assert_eq!(nowhere.json()["issue"][0]["code"], "not-found");
    get(&service, "/fhir/$risk").await.error(405, "method_not_allowed");
}
