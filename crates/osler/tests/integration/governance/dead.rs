//! Nothing is foretold of whoever is said to be dead, however that is said and whatever door is asked.

use super::Server;
use crate::support::Site;
use serde_json::{Value, json};

/// A woman with hypertension; the text in place of `SAID` is part of her Patient.
const BUNDLE: &str = r#"{"resourceType":"Bundle","type":"collection","entry":[
    {"resource":{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1950-03-01"SAID}},
    {"resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},"onsetDateTime":"2019-03-04",
      "code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I10"}]}}}MORE]}"#;

fn bundle(said: &str, more: &str) -> String {
    BUNDLE.replace("SAID", said).replace("MORE", more)
}

fn rows(death: Value) -> Value {
    json!({"omop": {
        "person": [{"person_id": 6, "gender_concept_id": 8532, "year_of_birth": 1950}],
        "condition_occurrence": [
            {"condition_occurrence_id": 1, "person_id": 6, "condition_concept_id": 2, "condition_start_date": "2019-03-04"}],
        "death": death,
        "concept": [{"concept_id": 2, "concept_name": "x", "vocabulary_id": "ICD10CM", "concept_code": "I10"}]
    }})
}

/// Whole Patients' words for it.
const SAID: [&str; 11] = [
    r#","deceasedDateTime":"2020-02-03""#,
    r#","deceasedDateTime":"unknown""#,
    r#","deceasedDateTime":"01/02/2020""#,
    r#","deceasedDateTime":"""#,
    r#","deceasedDateTime":"2020-13-01""#,
    r#","deceasedDateTime":"2999""#,
    r#","deceasedDateTime":"2190-01-01""#,
    r#","_deceasedDateTime":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#,
    r#","deceasedBoolean":true"#,
    r#","deceased\u0042oolean":true"#,
    r#","\u005fdeceasedDateTime":{"id":"a"}"#,
];

/// Every door that foretells, and a body for it with this record.
fn doors(record: &str) -> Vec<(&'static str, String)> {
    let text = Value::from(format!("What may become of her? {record}"));
    vec![
        ("/v1/risk", format!(r#"{{"patient":{record},"top":3}}"#)),
        ("/v1/simulate", format!(r#"{{"patient":{record},"trajectories":2}}"#)),
        ("/v1/reason", format!(r#"{{"patient":{record},"show":["risks"],"most":1}}"#)),
        ("/score", format!(r#"{{"input_data":[{{"patient":{record}}}]}}"#)),
        ("/invocations", format!(r#"{{"inputs":[{record}]}}"#)),
        ("/chat/completions", format!(r#"{{"messages":[{{"role":"user","content":{text}}}]}}"#)),
        ("/openai/v1/responses", format!(r#"{{"input":{text}}}"#)),
    ]
}

#[test]
fn nothing_is_foretold_of_whoever_is_said_to_be_dead() {
    let site = Site::new();
    let server = Server::start(&site, &[]);
    let refused = |path: &str, body: &str| {
        let answer = server.post(path, "", body);
        let code = [&answer.body["error"]["code"], &answer.body["issue"][0]["details"]["coding"][0]["code"]];
        assert!(
            answer.status == 422 && code.contains(&&json!("out_of_scope")),
            "{path} {} {}",
            answer.status,
            answer.body
        );
    };
    let alive = bundle("", "");
    for (path, body) in doors(&alive) {
        let answer = server.post(path, "", &body);
        assert_eq!(answer.status, 200, "{path} {}", answer.body);
    }
    let mut records: Vec<String> = SAID.iter().map(|said| bundle(said, "")).collect();
    records.push(bundle(SAID[8], r#",{"resource":{"resourceType":7}},null,{"resource":[]}"#));
    for date in [json!("unknown"), json!(null), json!("2020-02-03"), json!("2999-01-01")] {
        records.push(rows(json!([{"person_id": 6, "death_date": date}])).to_string());
    }
    for record in &records {
        for (path, body) in doors(record) {
            refused(path, &body);
        }
        if record.contains("Bundle") {
            refused("/fhir/$risk", record);
        }
    }

    // At the bedside there is no card, and the answer says why.
    let hook = |said: &str| {
        let patient = bundle(said, "");
        let patient = &patient[patient.find(r#"{"resourceType":"Patient""#).unwrap()..];
        let patient = &patient[..patient.find("}},").unwrap() + 1];
        format!(
            r#"{{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
                "context":{{"userId":"Practitioner/1","patientId":"p"}},"prefetch":{{"patient":{patient},
                "conditions":{alive},"observations":null,"medications":null,"procedures":null,"encounters":null,"immunizations":null}}}}"#,
            alive = r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},
                "onsetDateTime":"2019-03-04","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I10"}]}}}]}"#
        )
    };
    for said in SAID {
        let answer = server.post("/cds-services/osler-patient-view", "", &hook(said));
        assert_eq!((answer.status, &answer.body["cards"]), (200, &json!([])), "{said} {}", answer.body);
        assert!(answer.body["extension"]["osler.no-card"].is_string(), "{said} {}", answer.body);
    }

    // Who dies while the record is kept.
    let more: Vec<String> = SAID
        .iter()
        .map(|said| format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Patient","id":"p"{said}}}}}]}}"#))
        .chain([r#"{"events":[{"code":"MEDS_DEATH"}]}"#.to_owned()])
        .collect();
    for more in &more {
        let kept = server.post("/v1/patients", "", &alive);
        let path = format!("/v1/patients/{}", kept.body["patient_id"].as_str().unwrap());
        let risk = || server.post(&format!("{path}/risk"), "", "{}");
        assert_eq!(risk().status, 200);
        let added = server.post(&format!("{path}/events"), "", more);
        assert_eq!(added.status, 200, "{more} {}", added.body);
        refused(&format!("{path}/risk"), "{}");
        let lab =
            r#"{"events":[{"time":"2019-04-01","code":"LOINC//4548-4","numeric_value":7.9,"unit":"%"}]}"#;
        server.post(&format!("{path}/events"), "", lab);
        refused(&format!("{path}/risk"), "{}");
    }
    let kept = server.post("/v1/patients", "", &records[0]);
    refused(&format!("/v1/patients/{}/risk", kept.body["patient_id"].as_str().unwrap()), "{}");
}

#[test]
fn what_the_model_cant_read_is_said_and_nobody_is_foretold_before_birth() {
    let site = Site::new();
    let server = Server::start(&site, &[]);
    let record = |birth: &str, lab: &str| {
        json!({"patient": {"events": [
            {"code": "MEDS_BIRTH", "time": birth},
            {"code": "GENDER//F"},
            {"code": "ICD10CM//T88.9", "time": "2019-03-04"},
            {"code": lab, "time": "2019-03-04", "numeric_value": 7.9, "unit": "[lb_av]"},
        ]}})
        .to_string()
    };
    let answer = server.post("/v1/risk", "", &record("1950-01-01", "LOINC//4548-4"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let events = &answer.body["patients"][0]["events"];
    assert_eq!((&events["broader_codes"], &events["values_unread"]), (&json!(1), &json!(1)), "{events}");
    let answer = server.post("/v1/risk", "", &record("2030-01-01", "LOINC//4548-4"));
    assert_eq!(answer.status, 422, "{}", answer.body);
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("a birth after all else"), "{message}");
}
