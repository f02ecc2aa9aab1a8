//! CDS Hooks, held to the specification's rules.

use crate::{
    call::{Answer, get, governed, now, post, send, service, service_with, ungoverned},
    fake::FakePredictor,
    ledger::recorded,
};
use axum::{body::Body, http::Request};
use govern::access::{Keyring, Tokens};
use serde_json::{Value, json};
use serve::{Access, ServeSettings, Stage};
use std::sync::Arc;

pub const PATH: &str = "/cds-services/osler-patient-view";

fn resource(kind: &str, rest: Value) -> Value {
    let mut resource = json!({"resourceType": kind, "subject": {"reference": "Patient/p"}});
    for (name, value) in rest.as_object().unwrap() {
        resource[name] = value.clone();
    }
    json!({ "resource": resource })
}

fn condition(code: &str) -> Value {
    let coding = json!({"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code});
    resource("Condition", json!({"onsetDateTime": "2019-03-04", "code": {"coding": [coding]}}))
}

fn bundle(entries: Vec<Value>) -> Value {
    json!({"resourceType": "Bundle", "type": "searchset", "entry": entries})
}

/// A call that is answered with a card: the laboratory value raises a risk.
pub fn call() -> Value {
    let coding = json!({"system": "http://loinc.org", "code": "33762-6"});
    let value = json!({"value": 940.0, "unit": "pg/mL"});
    let observation =
        json!({"effectiveDateTime": "2024-06-02", "valueQuantity": value, "code": {"coding": [coding]}});
    json!({
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": "https://ehr.example/r4",
        "context": {"userId": "Practitioner/1", "patientId": "p"},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1954-05-01"},
            "conditions": bundle(vec![condition("I10")]),
            "observations": bundle(vec![resource("Observation", observation)]),
            "medications": null, "procedures": null, "encounters": null, "immunizations": null
        }
    })
}

fn with(path: &[&str], value: Value) -> Value {
    let mut call = call();
    let mut place = &mut call;
    for name in path {
        place = &mut place[*name];
    }
    *place = value;
    call
}

fn without(path: &[&str], name: &str) -> Value {
    let mut call = call();
    let mut place = &mut call;
    for name in path {
        place = &mut place[*name];
    }
    place.as_object_mut().unwrap().remove(name);
    call
}

/// The specification's rules on cards.
fn check_card(card: &Value) {
    let summary = card["summary"].as_str().unwrap();
    assert!((1..140).contains(&summary.chars().count()), "{summary}");
    assert_eq!(card["indicator"], "info");
    assert!(!card["source"]["label"].as_str().unwrap().is_empty());
    assert_eq!(card["uuid"].as_str().unwrap().len(), 36);
    assert!(card.get("suggestions").is_none() && card.get("links").is_none());
    for reason in card["overrideReasons"].as_array().unwrap() {
        assert!(!reason["display"].as_str().unwrap().is_empty());
    }
    assert!(card["detail"].as_str().unwrap().contains("a clinician decides"));
}

#[tokio::test]
async fn each_hook_has_a_service_with_templates_that_suffice() {
    let service = service();
    let services = get(&service, "/cds-services").await.json();
    let services = services["services"].as_array().unwrap();
    let hooks: Vec<_> = services.iter().map(|s| s["hook"].as_str().unwrap()).collect();
    assert_eq!(
        hooks,
        ["patient-view", "order-select", "order-sign", "encounter-start", "encounter-discharge"]
    );
    for described in services {
        for field in ["id", "title", "description", "usageRequirements"] {
            assert!(!described[field].as_str().unwrap().is_empty());
        }
        // An EHR that fills in the templates, and sends nothing else, gets an answer.
        let mut call = call();
        call["hook"] = described["hook"].clone();
        call["context"] = json!({
            "userId": "Practitioner/1", "patientId": "p", "encounterId": "e", "selections": [],
            "draftOrders": {"resourceType": "Bundle", "entry": []}
        });
        let prefetch = call["prefetch"].as_object_mut().unwrap();
        let templates = described["prefetch"].as_object().unwrap();
        prefetch.retain(|key, _| templates.contains_key(key));
        assert_eq!(prefetch.len(), templates.len(), "the test fills in every template");
        for template in templates.values() {
            assert!(template.as_str().unwrap().contains("{{context.patientId}}"));
        }
        let path = format!("/cds-services/{}", described["id"].as_str().unwrap());
        let answer = post(&service, &path, &call).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let cards = answer.json();
        let [card] = &cards["cards"].as_array().unwrap()[..] else { panic!("{cards}") };
        check_card(card);
        assert!(card["summary"].as_str().unwrap().contains("within a year"), "{card}");
    }
}

#[tokio::test]
async fn nothing_that_stands_out_is_no_card() {
    let answer = post(&service(), PATH, &with(&["prefetch", "observations"], Value::Null)).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"cards": []})));
}

#[tokio::test]
async fn data_that_lacks_is_a_precondition_that_failed() {
    let service = service();
    let outcome = json!({"resourceType": "OperationOutcome", "issue": []});
    let no_birth = json!({"resourceType": "Patient", "id": "p"});
    for call in [
        without(&[], "prefetch"),
        without(&["prefetch"], "patient"),
        without(&["prefetch"], "conditions"),
        with(&["prefetch", "patient"], Value::Null),
        with(&["prefetch", "conditions"], outcome.clone()),
        with(&["prefetch", "patient"], no_birth),
    ] {
        post(&service, PATH, &call).await.error(412, "precondition_failed");
    }
    // Data that may lack is told on the card.
    let mut gaps = with(&["prefetch", "procedures"], outcome);
    gaps["prefetch"].as_object_mut().unwrap().remove("encounters");
    gaps["prefetch"]["observations"]["link"] = json!([{"relation": "next", "url": "https://ehr.example/2"}]);
    let answer = post(&service, PATH, &gaps).await.json();
    let detail = answer["cards"][0]["detail"].as_str().unwrap();
    for told in ["Without procedures", "Without encounters", "Not all observations were sent"] {
        assert!(detail.contains(told), "{detail}");
    }
}

#[tokio::test]
async fn calls_that_break_the_rules_are_refused_by_place_and_without_their_content() {
    let service = service();
    for (call, path) in [
        (with(&["hook"], json!("order-sign")), "body.hook"),
        (with(&["hookInstance"], json!("Ann Canary")), "body.hookInstance"),
        (without(&[], "hookInstance"), "hookInstance"),
        (without(&["context"], "patientId"), "patientId"),
        (with(&["context", "userId"], json!("")), "userId"),
        (with(&["context", "patientId"], json!("canary")), "prefetch.patient"),
        (with(&["prefetch", "patient", "id"], json!("canary")), "prefetch.patient"),
        (with(&["prefetch", "conditions"], json!({"resourceType": "Canary"})), "prefetch.conditions"),
        (with(&["prefetch", "conditions"], json!("Canary")), "prefetch.conditions"),
        (
            {
                let mut call = without(&[], "fhirServer");
                call["fhirAuthorization"] = json!({"access_token": "canary"});
                call
            },
            "fhirServer",
        ),
    ] {
        let said = post(&service, PATH, &call).await.error(400, "invalid_request");
        assert!(said.contains(path) && !said.to_lowercase().contains("canary"), "{path}: {said}");
    }
    let sign = "/cds-services/osler-order-sign";
    let said =
        post(&service, sign, &with(&["hook"], json!("order-sign"))).await.error(400, "invalid_request");
    assert!(said.contains("draftOrders"), "{said}");
    for stray in [
        "/cds-services/nobody",
        "/cds-services/..%2f..%2fetc%2fpasswd",
        "/cds-services/osler-patient-view%00",
    ] {
        post(&service, stray, &call()).await.error(404, "not_found");
    }
    let deep = format!("{{\"hook\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    crate::call::post_text(&service, PATH, deep).await.error(400, "json_too_deep");
}

#[tokio::test]
async fn the_server_that_a_call_names_is_never_opened() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/r4", listener.local_addr().unwrap());
    let mut call = without(&["prefetch"], "observations");
    call["fhirServer"] = json!(address);
    call["fhirAuthorization"] =
        json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "", "subject": "s"});
    assert_eq!(post(&service(), PATH, &call).await.status, 200);
    assert!(listener.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn feedback_is_recorded_beside_the_card_and_without_free_text() {
    let recorded = recorded(Stage::Live);
    let answer = post(&recorded.service, PATH, &call()).await.json();
    let card = answer["cards"][0]["uuid"].as_str().unwrap();
    let feedback = json!({"feedback": [{
        "card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-26T10:00:00Z",
        "overrideReason": {"reason": {"code": "known", "system": "x"}, "userComment": "Ann Canary is well"}
    }]});
    let path = format!("{PATH}/feedback");
    let answer = post(&recorded.service, &path, &feedback).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let calls = recorded.calls();
    assert_eq!((&calls[0].cards, &calls[1].cards), (&vec![card.to_owned()], &vec![card.to_owned()]));
    let kept = calls[1].feedback.as_ref().unwrap();
    assert_eq!(kept[0]["reason"], "known");
    assert_eq!(kept[0]["commented"], true);
    assert_eq!(kept[0]["time"], "2026-11-26T10:00:00Z");
    assert!(!serde_json::to_string(&calls).unwrap().contains("Canary"));
    let mut telling = feedback.clone();
    telling["feedback"][0]["overrideReason"]["reason"]["code"] = json!("Canary-078-05-1120");
    telling["feedback"][0]["outcomeTimestamp"] = json!("078-05-1120");
    assert_eq!(post(&recorded.service, &path, &telling).await.status, 200);
    let kept = recorded.calls().pop().unwrap().feedback.unwrap();
    assert_eq!((&kept[0]["reason"], &kept[0]["time"]), (&json!("other"), &Value::Null), "{kept}");
    for bad in [
        json!({"feedback": []}),
        json!({"feedback": [{"card": "canary", "outcome": "accepted"}]}),
        json!({"feedback": [{"card": card, "outcome": "ignored"}]}),
        json!({}),
    ] {
        post(&recorded.service, &path, &bad).await.error(400, "invalid_request");
    }
    post(&recorded.service, "/cds-services/nobody/feedback", &feedback).await.error(404, "not_found");
}

#[tokio::test]
async fn signed_tokens_open_the_doors_of_cds_hooks_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(&dir.path().join("access.db")).unwrap();
    let key = include_str!("../../../govern/src/access/testkeys/p384.jwk.json");
    std::fs::write(dir.path().join("ehr.json"), format!("{{\"keys\":[{key}]}}")).unwrap();
    let issuers = "audience = \"https://osler.example\"\n[[issuer]]\niss = \"https://ehr.example\"\njwks = \"ehr.json\"\n";
    std::fs::write(dir.path().join("issuers.toml"), issuers).unwrap();
    let issuers = dir.path().join("issuers.toml");
    drop(Tokens::open(&issuers).unwrap());
    let used = rusqlite::Connection::open(dir.path().join("used_tokens.db")).unwrap();
    let others = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 199998)
        INSERT INTO used SELECT randomblob(32), ?1 FROM n";
    used.execute(others, [now().micros() / 1_000_000 + 60]).unwrap();
    let tokens = Some(Tokens::open(&issuers).unwrap());
    let predictor: Arc<FakePredictor> = Arc::default();
    let governance = ungoverned()
        .with_access(Access::Keys { keyring, tokens, identities: None })
        .with_stage(Arc::new(|| Some(Stage::Live)));
    let service = governed(predictor, governance, ServeSettings::default());
    let token = |path: &str, jti: &str| {
        let seconds = now().micros() / 1_000_000;
        let claims = json!({
            "iss": "https://ehr.example", "aud": format!("https://osler.example{path}"),
            "iat": seconds, "exp": seconds + 300, "jti": jti
        });
        let header = jsonwebtoken::Header {
            kid: Some("ec".into()),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES384)
        };
        let hexadecimal = include_str!("../../../govern/src/access/testkeys/p384.hex");
        let digits: Vec<char> = hexadecimal.split_whitespace().flat_map(str::chars).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
        let key = jsonwebtoken::EncodingKey::from_ec_der(&digits.chunks(2).map(byte).collect::<Vec<u8>>());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    let show = async |path: &str, token: &str, body: &Value| -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        send(&service, request).await
    };
    let good = token(PATH, "1");
    assert_eq!(show(PATH, &good, &call()).await.status, 200);
    let said = show(PATH, &good, &call()).await.error(401, "token_refused");
    assert!(said.contains("used before"), "{said}");
    // There is room for one more until those before it are over.
    assert_eq!(show(PATH, &token(PATH, "last"), &call()).await.status, 200);
    let full = show(PATH, &token(PATH, "full"), &call()).await;
    full.error(503, "access_unavailable");
    assert_eq!(full.header("retry-after"), "1");
    let elsewhere = token("/cds-services/osler-order-sign", "2");
    show(PATH, &elsewhere, &call()).await.error(401, "token_refused");
    show("/v1/risk", &token("/v1/risk", "3"), &crate::fake::record(&[])).await.error(401, "unauthorized");
}

#[tokio::test]
async fn an_overloaded_server_says_when_to_come_again() {
    let slow = FakePredictor { slow: std::time::Duration::from_millis(200), ..Default::default() };
    let service = service_with(Arc::new(slow), ServeSettings { max_in_flight: 1, ..Default::default() });
    let first = tokio::spawn({
        let service = service.clone();
        async move { post(&service, PATH, &call()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    let refused = post(&service, PATH, &call()).await;
    refused.error(429, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(first.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_card_says_as_of_when_it_holds() {
    let card = post(&service(), PATH, &call()).await.json()["cards"][0].clone();
    let summary = card["summary"].as_str().unwrap();
    assert!(summary.contains("within a year of 2024-06-02:"), "{summary}");
    let detail = card["detail"].as_str().unwrap();
    assert!(detail.contains("| Recorded within a year of 2024-06-02 |"), "{detail}");
    let told = "As of the last event on file, 2024-06-02, at the age of 70.1: **2.5 years ago**, and nothing is known";
    assert!(detail.contains(told), "{detail}");
}

#[tokio::test]
async fn of_the_dead_and_of_whom_nothing_is_known_there_is_no_card_and_why_is_told() {
    let mut born_alone = with(&["prefetch", "observations"], Value::Null);
    born_alone["prefetch"]["conditions"] = bundle(vec![]);
    for (call, why) in [
        (born_alone, "no dated event beside birth"),
        (with(&["prefetch", "patient", "deceasedBoolean"], json!(true)), "not since when"),
        (with(&["prefetch", "patient", "deceasedDateTime"], json!("2024-07-01")), "ends in death"),
    ] {
        let recorded = recorded(Stage::Live);
        let answer = post(&recorded.service, PATH, &call).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer["cards"], json!([]));
        assert!(answer["extension"]["osler.no-card"].as_str().unwrap().contains(why), "{answer}");
        assert_eq!(recorded.calls().pop().unwrap().output, Some(answer));
        assert!(recorded.predictor.batches.lock().unwrap().is_empty(), "the model was not asked");
    }
}
