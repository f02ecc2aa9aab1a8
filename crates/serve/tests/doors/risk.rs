use crate::{
    call::{post, post_text, service, service_with},
    fake::{FakePredictor, HORIZONS, record},
};
use serde_json::{Value, json};
use serve::{Predictor, ServeSettings};
use std::sync::Arc;

fn codes(patient: &Value) -> Vec<&str> {
    patient["risks"].as_array().unwrap().iter().map(|risk| risk["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bundle_and_meds_events_are_answered_with_curves_and_provenance() {
    let service = service();
    for example in FakePredictor::default().examples() {
        let answer = post(&service, "/v1/risk", &json!({ "patient": example.patient })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        assert_eq!(body["model"]["stage"], "validated");
        assert!(body["model"]["digest"].as_str().unwrap().starts_with("blake3:"));
        assert!(body["disclaimer"].as_str().unwrap().contains("a clinician decides"));
        assert!(body["synthetic_notice"].as_str().unwrap().contains("synthetic"));
        assert_eq!(body["request_id"], answer.header("x-request-id"));
        assert_eq!(body["horizons_days"], json!([1, 7, 30, 90, 180, 365, 730, 1825, 3650]));
        let patient = &body["patients"][0];
        assert!((55.0..70.0).contains(&patient["age_years"].as_f64().unwrap()));
        // Conditions alone, when nothing is asked for: haemoglobin A1c isn't one.
        assert_eq!(patient["risks"].as_array().unwrap().len(), 16);
        for risk in patient["risks"].as_array().unwrap() {
            let curve: Vec<f64> = serde_json::from_value(risk["cumulative_incidence"].clone()).unwrap();
            assert_eq!(curve.len(), HORIZONS.len());
            assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]));
            assert_eq!(risk["reference"].as_array().unwrap().len(), HORIZONS.len());
        }
    }
}

#[tokio::test]
async fn a_record_may_be_the_whole_body() {
    let service = service();
    for example in FakePredictor::default().examples() {
        let whole = post(&service, "/v1/risk", &example.patient).await.json();
        let wrapped = post(&service, "/v1/risk", &json!({ "patient": example.patient })).await.json();
        assert_eq!(whole["patients"], wrapped["patients"]);
    }
}

#[tokio::test]
async fn several_patients_are_answered_in_order() {
    let patients = [record(&[]), record(&["ICD10CM//I10"]), record(&["ICD10CM//E11.9", "LOCAL//1"])];
    let body = post(&service(), "/v1/risk", &json!({ "patients": patients, "codes": ["ICD10CM//I10"] }))
        .await
        .json();
    let recorded: Vec<_> =
        body["patients"].as_array().unwrap().iter().map(|p| &p["risks"][0]["already_recorded"]).collect();
    assert_eq!(recorded, [false, true, false]);
    let events = &body["patients"][2]["events"];
    let expected = json!({
        "read": 4, "used": 3, "rejected": 0, "unknown_codes": 1, "broader_codes": 0, "values_unread": 0
    });
    assert_eq!(events, &expected);
}

#[tokio::test]
async fn codes_kinds_horizons_and_top_narrow_the_answer() {
    let service = service();
    let ask = async |options: Value| {
        let mut body = options;
        body["patient"] = record(&["SNOMED//77176002", "ICD10CM//J44.9"]);
        post(&service, "/v1/risk", &body).await.json()
    };
    let chosen = ask(
        json!({"codes": ["MEDS_DEATH", "ICD10CM//I10", "MEDS_DEATH"], "horizons_days": [1826.25, 365.25]}),
    )
    .await;
    assert_eq!(chosen["horizons_days"], json!([365, 1825]));
    assert_eq!(codes(&chosen["patients"][0]).len(), 2);
    assert_eq!(chosen["patients"][0]["risks"][0]["cumulative_incidence"].as_array().unwrap().len(), 2);
    assert_eq!(codes(&ask(json!({"kinds": ["measurement"]})).await["patients"][0]), ["LOINC//4548-4"]);

    // A category is told to who names it, to nobody else.
    let category = ask(json!({"codes": ["ICD10CM//N18"]})).await;
    assert_eq!(codes(&category["patients"][0]), ["ICD10CM//N18"]);
    let all = ask(json!({"top": 1000})).await;
    let patient = &all["patients"][0];
    assert!(!codes(patient).contains(&"ICD10CM//N18") && codes(patient).contains(&"ICD10CM//N18.3"));
    assert_eq!(patient["risks_omitted"], 0);
    // What is recorded already comes last, however likely it is to be recorded again.
    assert_eq!(codes(patient).last(), Some(&"ICD10CM//J44.9"));
    let top = ask(json!({"top": 3})).await;
    assert_eq!(codes(&top["patients"][0]), codes(patient)[..3]);
    assert_eq!(top["patients"][0]["risks_omitted"], 13);
    let at_a_year: Vec<f64> = patient["risks"].as_array().unwrap()[..15]
        .iter()
        .map(|r| r["cumulative_incidence"][5].as_f64().unwrap())
        .collect();
    assert!(at_a_year.is_sorted_by(|a, b| a >= b), "{at_a_year:?}");
    // A smoker's lung cancer is rare, and stands out all the more.
    assert_eq!(codes(&ask(json!({"top": 1, "rank_by": "ratio"})).await["patients"][0]), ["ICD10CM//C34.90"]);
    // Pneumonia adds the most to what people of his age have anyway.
    assert_eq!(codes(&ask(json!({"top": 1, "rank_by": "excess"})).await["patients"][0]), ["ICD10CM//J18.9"]);
}

#[tokio::test]
async fn a_model_of_real_patients_carries_no_synthetic_notice() {
    let service =
        service_with(Arc::new(FakePredictor { real: true, ..Default::default() }), ServeSettings::default());
    let body = post(&service, "/v1/risk", &record(&[])).await.json();
    assert_eq!(body["synthetic_notice"], Value::Null);
    assert_eq!(body["model"]["trained_on"]["synthetic"], false);
}

#[tokio::test]
async fn requests_that_can_t_be_read_say_where() {
    let service = service();
    let patient = record(&[]);
    for (body, wanted) in [
        (json!({}), "send a patient"),
        (json!({"patient": patient, "patients": [patient]}), "either patient or patients"),
        (json!({"patients": []}), "patients: holds no patient"),
        (json!({"patients": [patient, {"name": "Canary"}]}), "patients[1]: is neither"),
        (json!({"patient": patient, "top": 0}), "top: must be at least 1"),
        (json!({"patient": patient, "top": "Canary"}), "body.top: expected"),
        (json!({"patient": patient, "codes": ["ICD10CM//I10", "Canary"]}), "codes[1]: is not among"),
        (json!({"patient": patient, "codes": []}), "none of the codes"),
        (
            json!({"patient": patient, "codes": ["MEDS_DEATH"], "kinds": ["condition"]}),
            "either codes or kinds",
        ),
        (json!({"patient": patient, "kinds": ["medication"]}), "none of the codes"),
        (json!({"patient": patient, "horizons_days": [365, 366]}), "horizons_days[1]: is not a horizon"),
        (json!({"patient": patient, "horizons_days": []}), "holds no horizon"),
        (json!({"patient": patient, "horizon": 5}), "a field that isn't known"),
        (json!({"patient": {"events": [{"code": ""}]}}), "patient.events[0].code: is empty"),
        (
            json!({"patient": {"events": [{"code": "A//1", "time": "Canary"}]}}),
            "patient.events[0].time: is no ISO 8601",
        ),
        (json!({"patient": {"events": [{"code": 7}]}}), "patient.events[0].code: expected a string"),
        (json!({"patient": {"events": [{"time": null}]}}), "missing field `code`"),
        (json!({"events": {"Canary": 1}}), "body.events: expected a sequence"),
        (json!([1, 2]), "body"),
        (json!("Canary"), "body"),
    ] {
        let message = post(&service, "/v1/risk", &body).await.error(400, "invalid_request");
        assert!(message.contains(wanted), "{body}: {message}");
        assert!(!message.contains("Canary"), "{message}");
    }
    for body in ["", "{", "{\"patient\": Canary}", "\u{feff}{}", "{\"patient\":{\"events\":[]}} trailing"] {
        let message = post_text(&service, "/v1/risk", body).await.error(400, "invalid_json");
        assert!(message.contains("line 1") && !message.contains("Canary"), "{message}");
    }
    let not_utf8 = post_text(&service, "/v1/risk", b"{\"patient\":\"\xff\xfe\"}".to_vec()).await;
    assert_eq!(not_utf8.status, 400, "{}", not_utf8.text);
}

#[tokio::test]
async fn records_that_hold_no_patient_are_unprocessable() {
    let service = service();
    let patient = json!({"resource": {"resourceType": "Patient", "birthDate": "1950-01-01"}});
    for (record, wanted) in [
        (json!({"resourceType": "Patient"}), "must be a Bundle"),
        (json!({"resourceType": "Bundle", "entry": []}), "no Patient resource"),
        (json!({"resourceType": "Bundle"}), "can't be read"),
        (json!({"resourceType": "Bundle", "entry": [patient, patient]}), "2 patients"),
        (
            json!({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}),
            "no date of birth",
        ),
        (json!({"events": []}), "no date of birth"),
    ] {
        let body = json!({"patients": [patient_record(), record]});
        let message = post(&service, "/v1/risk", &body).await.error(422, "unreadable_patient");
        assert!(message.starts_with("patients[1]: ") && message.contains(wanted), "{message}");
    }
}

fn patient_record() -> Value {
    record(&[])
}

#[tokio::test]
async fn a_model_that_fails_is_an_error_and_the_server_stays() {
    let service = service();
    for (code, wanted) in [
        ("TEST//PANIC", "predictor_failed"),
        ("TEST//READ_PANIC", "predictor_failed"),
        ("TEST//FAIL", "predictor_failed"),
        ("TEST//NAN", "predictor_failed"),
    ] {
        let message = post(&service, "/v1/risk", &record(&[code])).await.error(500, wanted);
        assert!(!message.contains("on demand"), "{message}");
    }
    let message =
        post(&service, "/v1/risk", &record(&["TEST//OUT_OF_SCOPE"])).await.error(422, "out_of_scope");
    assert!(message.starts_with("body: the model gives no answer"), "{message}");
    assert_eq!(post(&service, "/v1/risk", &record(&[])).await.status, 200);
    let metrics = crate::call::get(&service, "/metrics").await.text;
    for line in [
        "osler_predictor_errors_total{kind=\"panicked\"} 2",
        "osler_predictor_errors_total{kind=\"failed\"} 1",
        "osler_predictor_errors_total{kind=\"invalid_answer\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn nothing_is_foretold_of_the_dead() {
    let service = service();
    let dead = record(&["ICD10CM//I10", "MEDS_DEATH"]);
    for path in ["/v1/risk", "/v1/simulate", "/v1/reason"] {
        let said = post(&service, path, &dead).await.error(422, "out_of_scope");
        assert!(said.starts_with("patient:") || said.starts_with("body:"), "{said}");
        assert!(said.contains("ends in death"), "{said}");
    }
    let several = json!({"patients": [record(&[]), dead]});
    let said = post(&service, "/v1/risk", &several).await.error(422, "out_of_scope");
    assert!(said.starts_with("patients[1]:"), "{said}");
    for (path, body) in [
        ("/score", json!({"input_data": [{"patient": dead}]})),
        ("/invocations", json!({"inputs": [dead]})),
        ("/chat/completions", json!({"messages": [{"role": "user", "content": dead.to_string()}]})),
    ] {
        post(&service, path, &body).await.error(422, "out_of_scope");
    }
    let kept = post(&service, "/v1/patients", &dead).await.json();
    let path = format!("/v1/patients/{}/risk", kept["patient_id"].as_str().unwrap());
    post(&service, &path, &json!({})).await.error(422, "out_of_scope");
    // What was is told: a vector, which foretells nothing.
    assert_eq!(post(&service, "/v1/embed", &dead).await.status, 200);
    let mut bundle = crate::fhir::bundle();
    for resource in bundle["entry"].as_array_mut().unwrap() {
        if resource["resource"]["resourceType"] == "Patient" {
            resource["resource"]["deceasedBoolean"] = json!(true);
        }
    }
    let said = post(&service, "/fhir/$risk", &bundle).await.error(422, "out_of_scope");
    assert!(said.contains("not since when"), "{said}");
    let kept = post(&service, "/v1/patients", &bundle).await.json();
    let path = format!("/v1/patients/{}", kept["patient_id"].as_str().unwrap());
    let more = json!({"events": [{"time": "2025-01-01", "code": "ICD10CM//I10"}]});
    assert_eq!(post(&service, &format!("{path}/events"), &more).await.status, 200);
    post(&service, &format!("{path}/risk"), &json!({})).await.error(422, "out_of_scope");
    let text = bundle.to_string().replace("\"deceasedBoolean\":true", "\"deceasedBoolean\":false");
    assert_eq!(crate::call::post_text(&service, "/fhir/$risk", text).await.status, 200);
}

#[tokio::test]
async fn an_age_past_ninety_is_told_as_ninety_or_older_at_every_door() {
    let service = service();
    let born = |year: i32| {
        json!({"events": [{"code": "GENDER//F"}, {"time": format!("{year}-03-01"), "code": "MEDS_BIRTH"},
            {"time": "2020-03-02", "code": "ICD10CM//I10"}, {"time": "2020-03-02", "code": "LOINC//33762-6"}]})
    };
    for (year, told, json_age) in
        [(1925, "90 or older", 90.0), (1930, "90 or older", 90.0), (1931, "89.0", 89.0)]
    {
        let record = born(year);
        let chat = json!({"messages": [{"role": "user", "content": record.to_string()}]});
        let answer = post(&service, "/chat/completions", &chat).await.json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(text.contains(&format!("at the age of {told},")), "{text}");
        let risk = post(&service, "/v1/risk", &record).await.json();
        assert_eq!(risk["patients"][0]["age_years"], json!(json_age));

        let mut bundle = crate::fhir::bundle();
        bundle["entry"][0]["resource"]["birthDate"] = json!(format!("{year}-03-01"));
        bundle["entry"][1]["resource"]["onsetDateTime"] = json!("2020-03-02");
        let answer = post(&service, "/fhir/$risk", &bundle).await.json();
        let entries = answer["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
        let assessment =
            entries.into_iter().find(|resource| resource["resourceType"] == "RiskAssessment").unwrap();
        let range = &assessment["prediction"][0]["whenRange"];
        assert_eq!(range["low"]["value"].as_f64().unwrap().floor(), json_age, "{range}");
        assert_eq!(range.get("high").is_none(), told == "90 or older", "{range}");

        let mut call = crate::cds::call();
        call["prefetch"]["patient"]["birthDate"] = json!(format!("{}-06-01", year + 4));
        let answer = post(&service, crate::cds::PATH, &call).await.json();
        let card = answer["cards"][0]["detail"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(card.contains(&format!("at the age of {told}")), "{card}");
    }
}
