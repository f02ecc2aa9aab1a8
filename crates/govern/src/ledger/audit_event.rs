//! Calls as FHIR R4 `AuditEvent`s, for the tools that a hospital watches its systems with.

use super::{Call, Entry, Record};
use serde_json::{Value, json};

/// The AuditEvent of an entry (<http://hl7.org/fhir/R4/auditevent.html>), without the answer's content. Every kind
/// of record has one.
///
/// # Errors
/// When the entry's record can't be read.
pub fn audit_event(entry: &Entry) -> Result<Value, serde_json::Error> {
    let record: Record = serde_json::from_str(&entry.record)?;
    let (subtype, action, outcome, agent, entity) = match &record {
        Record::Call(call) => {
            (call.door.clone(), "E", outcome(call.status), call.caller.clone(), call_entities(call))
        }
        Record::Access(change) => (
            format!("access {}", change.change),
            "U",
            "0",
            "administrator".to_owned(),
            vec![entity("key", &change.key, vec![detail("name", &change.name)])],
        ),
        Record::Stage(change) => (
            format!("model {} to {}", change.from, change.to),
            "U",
            "0",
            "governance".to_owned(),
            vec![entity(
                "model",
                &change.model,
                change.approved_by.iter().map(|by| detail("approved by", by)).collect(),
            )],
        ),
        Record::Criteria(registration) => (
            "criteria registered".to_owned(),
            "C",
            "0",
            "governance".to_owned(),
            vec![entity("criteria", &registration.criteria_digest, vec![])],
        ),
    };
    Ok(json!({
        "resourceType": "AuditEvent",
        "id": format!("entry-{}", entry.sequence),
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "RESTful Operation"
        },
        "subtype": [{ "system": "urn:osler:door", "code": subtype }],
        "action": action,
        "recorded": record.time(),
        "outcome": outcome,
        "agent": [{
            "who": { "identifier": { "system": "urn:osler:caller", "value": agent } },
            "requestor": true
        }],
        "source": {
            "observer": { "display": "Osler" },
            "type": [{
                "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
                "code": "4",
                "display": "Application Server"
            }]
        },
        "entity": entity_with_digest(entity, entry)
    }))
}

/// <http://hl7.org/fhir/R4/valueset-audit-event-outcome.html>: success, the caller's mistake, ours.
fn outcome(status: u16) -> &'static str {
    match status {
        0..400 => "0",
        400..500 => "4",
        _ => "8",
    }
}

fn call_entities(call: &Call) -> Vec<Value> {
    let mut details = vec![
        detail("stage", call.model.stage.name()),
        detail("status", &call.status.to_string()),
        detail("withheld", if call.withheld { "true" } else { "false" }),
        detail("latency_ms", &call.latency_ms.to_string()),
        detail("output_digest", &call.output_digest),
    ];
    if let Some(digest) = &call.input_digest {
        details.push(detail("input_digest", digest));
    }
    let mut entities =
        vec![entity("model", &call.model.digest, details), entity("request", &call.request_id, vec![])];
    entities.extend(call.cards.iter().map(|card| entity("card", card, vec![])));
    entities
}

fn entity_with_digest(mut entities: Vec<Value>, entry: &Entry) -> Vec<Value> {
    entities.push(entity("ledger-entry", &entry.digest.to_string(), vec![]));
    entities
}

fn entity(system: &str, value: &str, details: Vec<Value>) -> Value {
    let mut entity = json!({
        "what": { "identifier": { "system": format!("urn:osler:{system}"), "value": value } }
    });
    if !details.is_empty() {
        entity["detail"] = Value::Array(details);
    }
    entity
}

fn detail(name: &str, value: &str) -> Value {
    json!({ "type": name, "valueString": value })
}
