//! Who is named in a patient's resources: names, addresses, telecoms, identifiers, wherever they stand.
//!
//! Read only when notes are to be cleaned, and only to find the same words in them. The walk goes by the names
//! of FHIR's elements, whatever the resource, since a name that is overlooked here stays in a note.

use super::{
    record::Record,
    reference::{Target, target},
};
use crate::directory::{self, Directory};
use events::{IdentityKind, SourceIdentity};
use smol_str::{SmolStr, format_smolstr};
use sonic_rs::{JsonContainerTrait, JsonValueTrait, Value};
use std::io;

/// Hands over every identity in a resource about one patient. A resource that can't be read gives none: it is
/// rejected where its facts are read.
pub(super) fn read(
    record: &mut Record<'_>,
    text: &str,
    url_id: Option<&str>,
    directory: &Directory,
    most: usize,
) -> io::Result<()> {
    let Ok(root) = sonic_rs::from_str::<Value>(text) else { return Ok(()) };
    if let (Some(name), Some(id)) = (own_name(record.kind, &root), root["id"].as_str()) {
        directory.note(format!("{}/{id}", record.kind), &name, most);
    }
    let Some(subject) = subject(record, &root, url_id) else { return Ok(()) };
    let own = record.kind == "Patient";
    let mut found = Vec::new();
    walk(&root, "", if own { IdentityKind::Name } else { IdentityKind::OtherName }, &mut found);
    if let (true, Some(born)) = (own, root["birthDate"].as_str()) {
        push(&mut found, IdentityKind::BirthDate, born);
    }
    if let (Some(name), "Organization" | "Location") = (root["name"].as_str(), record.kind) {
        push(&mut found, IdentityKind::Organization, name);
    }
    for identity in found {
        record.sink.fact(&subject, directory::fact(identity))?;
    }
    Ok(())
}

/// Whose resource it is. What belongs to nobody belongs to the one patient of its Bundle.
fn subject(record: &Record<'_>, root: &Value, url_id: Option<&str>) -> Option<String> {
    if record.kind == "Patient" {
        return record.key(root["id"].as_str().or(url_id)).map(str::to_owned);
    }
    for element in ["subject", "patient", "beneficiary", "individual"] {
        if let Some(reference) = root[element]["reference"].as_str()
            && let Target::Resource { kind: None | Some("Patient"), id } = target(reference)
        {
            return Some(record.resolve("Patient", id).to_owned());
        }
    }
    record.bundle.and_then(|bundle| bundle.only_patient()).map(str::to_owned)
}

fn own_name(kind: &str, root: &Value) -> Option<SmolStr> {
    match kind {
        "Practitioner" => root["name"].as_array().and_then(|names| names.first()).and_then(person),
        "Organization" | "Location" => root["name"].as_str().map(SmolStr::new),
        _ => None,
    }
}

fn walk(value: &Value, key: &str, name: IdentityKind, found: &mut Vec<SourceIdentity>) {
    if let Some(elements) = value.as_array() {
        for element in elements {
            walk(element, key, name, found);
        }
    } else if let Some(object) = value.as_object() {
        let text = |field| value.get(field).and_then(|v| v.as_str());
        match key {
            "name" => match person(value) {
                Some(person) => push(found, name, &person),
                None => texts(&value["text"], &mut |text| push(found, name, text)),
            },
            "address" | "valueAddress" => address(value, found),
            "telecom" | "valueContactPoint" => telecom(value, found),
            "identifier" | "valueIdentifier" => {
                if let Some(number) = text("value") {
                    push(found, IdentityKind::RecordNumber, number);
                }
            }
            // A reference that is one of these is a place or a person, not a fact about the patient.
            _ => reference(value, key, found),
        }
        if text("url").is_some_and(|url| url.ends_with("mothersMaidenName"))
            && let Some(maiden) = text("valueString")
        {
            push(found, IdentityKind::OtherName, maiden);
        }
        for (field, child) in object {
            match (field, child.as_str()) {
                ("subscriberId", Some(number)) => push(found, IdentityKind::PlanNumber, number),
                ("serialNumber" | "distinctIdentifier" | "carrierHRF" | "deviceIdentifier", Some(number)) => {
                    push(found, IdentityKind::DeviceNumber, number);
                }
                (_, Some(_)) => {}
                // A contact's or a relative's name is not the patient's own.
                ("contact" | "contained" | "link", None) => {
                    walk(child, field, IdentityKind::OtherName, found)
                }
                (_, None) => walk(child, field, name, found),
            }
        }
    }
}

/// `family, given given` of a HumanName, or its text.
fn person(name: &Value) -> Option<SmolStr> {
    let family = name["family"].as_str().unwrap_or_default().trim();
    let mut given = String::new();
    texts(&name["given"], &mut |part| {
        given.push(' ');
        given.push_str(part.trim());
    });
    match (family.is_empty(), given.is_empty()) {
        (true, true) => name["text"].as_str().map(SmolStr::new),
        (false, true) => Some(SmolStr::new(family)),
        (true, false) => Some(SmolStr::new(given.trim())),
        (false, false) => Some(format_smolstr!("{family},{given}")),
    }
}

fn address(address: &Value, found: &mut Vec<SourceIdentity>) {
    for (field, kind) in [
        ("line", IdentityKind::AddressLine),
        ("text", IdentityKind::AddressLine),
        ("city", IdentityKind::City),
        ("district", IdentityKind::City),
        ("postalCode", IdentityKind::PostalCode),
    ] {
        texts(&address[field], &mut |text| push(found, kind, text));
    }
}

fn telecom(telecom: &Value, found: &mut Vec<SourceIdentity>) {
    let Some(value) = telecom["value"].as_str() else { return };
    let kind = match telecom["system"].as_str() {
        Some("email") => IdentityKind::Email,
        Some("url") => IdentityKind::Url,
        _ if value.contains('@') => IdentityKind::Email,
        _ => IdentityKind::Phone,
    };
    push(found, kind, value);
}

/// What a reference to a person or a place calls it; without a display, the reference, to be looked up.
fn reference(value: &Value, key: &str, found: &mut Vec<SourceIdentity>) {
    let pointed = value.get("reference").and_then(|r| r.as_str());
    let display = value.get("display").and_then(|d| d.as_str()).filter(|d| !d.trim().is_empty());
    let Some(kind) = party(pointed, key) else { return };
    match (display, pointed.map(target)) {
        (Some(display), _) => push(found, kind, display),
        (None, Some(Target::Resource { kind: Some(of), id })) => {
            found.push(directory::reference(kind, &format!("{of}/{id}")));
        }
        _ => {}
    }
}

/// Whether a reference points at a person or a place: by its target's type, else by the element's name.
fn party(pointed: Option<&str>, key: &str) -> Option<IdentityKind> {
    let kind = pointed.and_then(|pointed| match target(pointed) {
        Target::Resource { kind, .. } => kind,
        // A search (`Practitioner?identifier=…`) begins with the type.
        _ => pointed.split_once('?').map(|(kind, _)| kind.rsplit('/').next().unwrap_or(kind)),
    });
    match kind {
        Some("Practitioner" | "PractitionerRole" | "RelatedPerson" | "Person") => {
            Some(IdentityKind::OtherName)
        }
        Some("Patient") => Some(IdentityKind::Name),
        Some("Organization" | "Location" | "HealthcareService") => Some(IdentityKind::Organization),
        Some(_) => None,
        None => match key {
            "individual"
            | "actor"
            | "performer"
            | "requester"
            | "author"
            | "recorder"
            | "asserter"
            | "enterer"
            | "informationSource"
            | "generalPractitioner"
            | "provider"
            | "member"
            | "who"
            | "party"
            | "interpreter"
            | "resultsInterpreter"
            | "attester"
            | "authenticator"
            | "operator" => Some(IdentityKind::OtherName),
            "subject" | "patient" | "beneficiary" | "subscriber" | "policyHolder" => Some(IdentityKind::Name),
            "serviceProvider"
            | "custodian"
            | "payor"
            | "insurer"
            | "organization"
            | "managingOrganization"
            | "location"
            | "facility"
            | "onBehalfOf"
            | "origin"
            | "destination" => Some(IdentityKind::Organization),
            _ => None,
        },
    }
}

/// Every string of an element that may be one or several.
fn texts(value: &Value, take: &mut dyn FnMut(&str)) {
    if let Some(text) = value.as_str() {
        take(text);
    } else if let Some(elements) = value.as_array() {
        elements.iter().filter_map(|element| element.as_str()).for_each(take);
    }
}

fn push(found: &mut Vec<SourceIdentity>, kind: IdentityKind, text: &str) {
    found.extend(directory::identity(kind, text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(json: &str) -> Vec<String> {
        let mut found = Vec::new();
        walk(&sonic_rs::from_str(json).unwrap(), "", IdentityKind::Name, &mut found);
        found.iter().map(|i| format!("{:?} {}", i.kind, i.text)).collect()
    }

    #[test]
    fn a_patient_is_known_by_all_that_the_resource_says() {
        let found = identities(
            r#"{"name":[{"family":"Núñez Rey","given":["Ana","M."]},{"text":"Annie"}],
                "telecom":[{"system":"phone","value":"555-0100"},{"value":"a@b.org"}],
                "address":[{"line":["1 Elm St","Apt 2"],"city":"Salem","postalCode":"01970","state":"MA"}],
                "identifier":[{"value":"MRN-1"}],
                "extension":[{"url":"http://x/patient-mothersMaidenName","valueString":"Rey"}],
                "contact":[{"name":{"family":"Roe","given":["Jo"]}}],
                "generalPractitioner":[{"reference":"Practitioner/7"}]}"#,
        );
        assert_eq!(
            found,
            [
                "Name Núñez Rey, Ana M.",
                "Name Annie",
                "Phone 555-0100",
                "Email a@b.org",
                "AddressLine 1 Elm St",
                "AddressLine Apt 2",
                "City Salem",
                "PostalCode 01970",
                "RecordNumber MRN-1",
                "OtherName Rey",
                "OtherName Roe, Jo",
                "OtherName \0Practitioner/7",
            ]
        );
    }

    #[test]
    fn clinical_displays_are_no_identities() {
        let found = identities(
            r#"{"subject":{"reference":"Patient/1","display":"Ana Rey"},
                "encounter":{"reference":"Encounter/2","display":"Visit"},
                "reasonReference":[{"reference":"Condition/3","display":"Asthma"}],
                "participant":[{"individual":{"reference":"Practitioner?identifier=npi|9","display":"Dr. Bo Li"}}],
                "code":{"coding":[{"code":"1","display":"Aspirin"}]},
                "serviceProvider":{"reference":"urn:uuid:4","display":"Salem Clinic"}}"#,
        );
        assert_eq!(found, ["Name Ana Rey", "OtherName Dr. Bo Li", "Organization Salem Clinic"]);
    }
}
