use crate::call::{get, post, service};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The text of an element that occurs once.
fn inside<'a>(page: &'a str, tag: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    assert!(page.matches(&open).count() <= 1, "{tag}");
    Some(page.split_once(&open)?.1.split_once(&close)?.0)
}

#[tokio::test]
async fn pages_bring_all_they_need_and_their_policy_admits_just_that() {
    let service = service();
    for path in ["/", "/docs"] {
        let answer = get(&service, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        let policy = answer.header("content-security-policy");
        for tag in ["style", "script"] {
            let Some(text) = inside(&answer.text, tag) else { continue };
            assert!(text.len() > 500, "{path} has no {tag}");
            let digest = BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
            assert!(policy.contains(&format!("{tag}-src 'sha256-{digest}'")), "{path} {tag}: {policy}");
        }
        // Inline attributes would need a looser policy; addresses elsewhere would need a network.
        let without_namespaces = answer.text.replace("http://www.w3.org/2000/svg", "");
        for forbidden in [
            "style=\"",
            " onclick=\"",
            " onload=\"",
            "//cdn",
            "<link rel=\"stylesheet",
            " src=\"http",
            "innerHTML",
        ] {
            assert!(!without_namespaces.contains(forbidden), "{path} contains {forbidden}");
        }
    }
}

#[tokio::test]
async fn the_openapi_document_tells_every_door_and_its_example_works() {
    let service = service();
    let document = get(&service, "/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in [
        "/v1/risk",
        "/v1/models",
        "/v1/examples",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let mut references = Vec::new();
    references_in(&document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "dangling {reference}");
    }
    let schemas = &document["components"]["schemas"];
    let answer = post(&service, "/v1/risk", &schemas["RiskRequest"]["example"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // Every field that is answered is documented, and the other way round.
    agrees(&answer.json(), &schemas["RiskAnswer"], schemas, "RiskAnswer");
    let meds = post(&service, "/v1/risk", &schemas["MedsRecord"]["example"]).await;
    assert_eq!(meds.status, 200, "{}", meds.text);
    agrees(&get(&service, "/v1/models").await.json(), &schemas["ModelsAnswer"], schemas, "ModelsAnswer");
}

fn references_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references_in(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references_in(value, found)),
        _ => {}
    }
}

/// Checks an answer's fields against a schema, through references, lists and parts.
fn agrees(value: &Value, schema: &Value, schemas: &Value, at: &str) {
    if value.is_null() {
        return;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return agrees(value, &schemas[reference.rsplit('/').next().unwrap()], schemas, reference);
    }
    if let Some(choice) =
        schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["$ref"].is_string()))
    {
        return agrees(value, choice, schemas, at);
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| agrees(value, &schema["items"], schemas, at)),
        Value::Object(fields) => {
            let documented = properties(schema, schemas);
            for name in fields.keys() {
                assert!(documented.iter().any(|(known, _)| known == name), "{at}.{name} is not documented");
            }
            for (name, schema) in documented {
                assert!(fields.contains_key(&name), "{at}.{name} is documented and not answered");
                agrees(&fields[&name], &schema, schemas, &format!("{at}.{name}"));
            }
        }
        _ => {}
    }
}

fn properties(schema: &Value, schemas: &Value) -> Vec<(String, Value)> {
    let own = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), schema.clone()));
    let parts =
        schema["allOf"].as_array().into_iter().flatten().flat_map(|part| match part["$ref"].as_str() {
            Some(reference) => properties(&schemas[reference.rsplit('/').next().unwrap()], schemas),
            None => properties(part, schemas),
        });
    own.chain(parts).collect()
}
