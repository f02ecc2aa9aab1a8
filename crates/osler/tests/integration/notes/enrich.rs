//! Charts as a hospital has them: Synthea's lack contacts, insurers' numbers, accounts, devices, and all names are
//! of two kinds. Half of the charts get what is missing, and names that are harder.

use super::chart::resources;
use super::dice::Dice;
use super::plants::names::{Person, Sex};
use super::plants::{Class, numbers};
use super::pools;
use serde_json::{Value, json};

/// Gives a chart contacts, numbers, devices and a new name; other charts stay as they are.
///
/// Returns whether it did.
pub fn enrich(bundle: &mut Value, dice: &mut Dice) -> bool {
    if dice.chance(0.5) {
        return false;
    }
    let Some(patient) = resources(bundle, "Patient").next() else { return false };
    let sex = if patient["gender"] == "female" { Sex::Female } else { Sex::Male };
    let reference = json!({"reference": format!("urn:uuid:{}", patient["id"].as_str().unwrap_or_default())});
    let name = &patient["name"][0];
    let old = (
        name["given"][0].as_str().unwrap_or_default().to_owned(),
        name["family"].as_str().unwrap_or_default().to_owned(),
    );
    let renamed =
        if dice.chance(0.6) { pools::hard_person(sex, dice) } else { Person::new(&old.0, &old.1, sex) };
    let full = (format!("{} {}", old.0, old.1), format!("{} {}", renamed.given, renamed.family));
    replace(bundle, &full.0, &full.1);

    let mail = numbers::email_of(&renamed, dice);
    let contact = pools::relative(&renamed, dice);
    let relative = pools::relative(&renamed, dice);
    let kin = |role: &str, person: &Person, dice: &mut Dice| {
        json!({
            "relationship": [{"text": role}],
            "name": {"family": person.family, "given": [person.given]},
            "gender": if person.sex == Sex::Female { "female" } else { "male" },
            "telecom": [{"system": "phone", "value": dice.pattern("555-899-9999")}],
        })
    };
    let mut related = kin(relative.0, &relative.1, dice);
    related["name"] = json!([related["name"]]);
    related["resourceType"] = json!("RelatedPerson");
    related["id"] = json!("related-1");
    related["patient"] = reference.clone();
    let contact = kin(contact.0, &contact.1, dice);
    let mobile = dice.pattern("857-899-9999");
    let mrn = numbers::invented(Class::Mrn, dice);
    for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
        let patient = &mut entry["resource"];
        if patient["resourceType"] != "Patient" {
            continue;
        }
        let mut given = vec![json!(renamed.given)];
        given.extend(renamed.middle.as_ref().map(|m| json!(m)));
        patient["name"][0]["given"] = json!(given);
        patient["name"][0]["family"] = json!(renamed.family);
        if let Some(suffix) = &renamed.suffix {
            patient["name"][0]["suffix"] = json!([suffix]);
        }
        if let Some(maiden) = patient["name"].as_array_mut().and_then(|names| names.get_mut(1)) {
            maiden["given"] = json!([renamed.given]);
        }
        let telecom = patient["telecom"].as_array_mut();
        if let Some(telecom) = telecom {
            telecom.push(json!({"system": "phone", "use": "mobile", "value": mobile}));
            telecom.push(json!({"system": "email", "value": mail}));
        }
        if let Some(identifiers) = patient["identifier"].as_array_mut() {
            identifiers.insert(0, json!({
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
                "system": "urn:oid:1.2.36.146.595.217.0.1", "value": mrn,
            }));
        }
        patient["contact"] = json!([contact]);
    }
    let serial = numbers::invented(Class::Device, dice);
    let more = [
        related,
        json!({"resourceType": "Coverage", "id": "coverage-1", "status": "active", "beneficiary": reference,
            "subscriberId": numbers::invented(Class::Plan, dice), "payor": [{"display": "private"}]}),
        json!({"resourceType": "Account", "id": "account-1", "status": "active", "subject": [reference],
            "identifier": [{"value": numbers::invented(Class::Account, dice)}]}),
        json!({"resourceType": "Device", "id": "device-1", "status": "active", "patient": reference,
            "serialNumber": serial, "udiCarrier": [{"carrierHRF": numbers::udi(&serial, dice)}]}),
    ];
    if let Some(entries) = bundle["entry"].as_array_mut() {
        entries.extend(more.into_iter().map(|resource| json!({"resource": resource})));
    }
    true
}

/// Replaces words in every string.
fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(list) => list.iter_mut().for_each(|v| replace(v, from, to)),
        Value::Object(map) => map.values_mut().for_each(|v| replace(v, from, to)),
        _ => (),
    }
}
