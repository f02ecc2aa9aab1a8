//! Who the patient is: Patient, AllergyIntolerance, FamilyMemberHistory.

use super::{ICD10CM, Lines, SNOMED, coded, date, date_time, hl7, hospital, id, meta, physician, reference};
use crate::catalogue::Concept;
use crate::condition::Condition;
use crate::meds::race_code;
use crate::person::Race;
use crate::population::SyntheticSubject;
use events::Sex;
use serde_json::{Value, json};

const OMB: &str = "urn:oid:2.16.840.1.113883.6.238";

fn omb(name: &str, code: &str, display: &str) -> Value {
    json!({
        "url": format!("http://hl7.org/fhir/us/core/StructureDefinition/us-core-{name}"),
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code, "display": display}},
            {"url": "text", "valueString": display}
        ]
    })
}

pub(super) fn patient(subject: &SyntheticSubject) -> Value {
    let identity = &subject.identity;
    let person = &subject.person;
    let race = match person.race {
        Race::White => "White",
        Race::Black => "Black or African American",
        Race::Asian => "Asian",
        Race::AmericanIndian => "American Indian or Alaska Native",
        Race::Other => "Other Race",
    };
    let (ethnicity_code, ethnicity) =
        if person.hispanic { ("2135-2", "Hispanic or Latino") } else { ("2186-5", "Not Hispanic or Latino") };
    let language = match person.language {
        "es" => "Spanish",
        "zh" => "Chinese",
        _ => "English",
    };
    let (city, state, postal_code) = identity.place;
    let (contact_given, kinship, contact_phone) = &identity.contact;
    let (kinship_code, kinship_name) = kinship.code();
    let female = person.sex == Sex::Female;
    let mut patient = json!({
        "resourceType": "Patient",
        "id": subject.key,
        "meta": meta(),
        "extension": [
            omb("race", race_code(person.race), race),
            omb("ethnicity", ethnicity_code, ethnicity),
            {
                "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex",
                "valueCode": if female { "F" } else { "M" }
            }
        ],
        "identifier": [
            {
                "use": "usual",
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR",
                    "display": "Medical Record Number"}]},
                "system": "https://hospital.example.org/mrn",
                "value": identity.medical_record_number
            },
            {
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SS",
                    "display": "Social Security Number"}]},
                "system": "http://hl7.org/fhir/sid/us-ssn",
                "value": identity.social_security_number
            }
        ],
        "active": true,
        "name": [{"use": "official", "family": identity.family, "given": [identity.given, identity.middle]}],
        "telecom": [
            {"system": "phone", "value": identity.phone, "use": "home"},
            {"system": "email", "value": identity.email}
        ],
        "gender": if female { "female" } else { "male" },
        "birthDate": date(subject.birth),
        "address": [{"use": "home", "line": [identity.street], "city": city, "state": state,
            "postalCode": postal_code, "country": "US"}],
        "maritalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
                "code": identity.marital_status.0, "display": identity.marital_status.1}],
            "text": identity.marital_status.1
        },
        "contact": [{
            "relationship": [{"text": kinship_name, "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": kinship_code}]}],
            "name": {"family": identity.family, "given": [contact_given]},
            "telecom": [{"system": "phone", "value": contact_phone}]
        }],
        "communication": [{
            "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": person.language, "display": language}],
                "text": language},
            "preferred": true
        }],
        "generalPractitioner": [{"display": physician(subject)}],
        "managingOrganization": {"display": hospital(subject)}
    });
    if let Some(death) = subject.observed_death() {
        patient["deceasedDateTime"] = date_time(death).into();
    }
    patient
}

pub(super) fn allergies(subject: &SyntheticSubject, lines: &mut Lines) {
    for (number, (allergy, time)) in subject.record.allergies.iter().enumerate() {
        lines.push(&json!({
            "resourceType": "AllergyIntolerance",
            "id": id(subject, "a", number),
            "meta": meta(),
            "clinicalStatus": hl7("allergyintolerance-clinical", "active"),
            "verificationStatus": hl7("allergyintolerance-verification", "confirmed"),
            "type": "allergy",
            "criticality": "low",
            "code": coded(SNOMED, *allergy),
            "patient": reference("Patient", &subject.key),
            "recordedDate": date_time(*time)
        }));
    }
}

/// Relatives' conditions, as asked at the first visit: about two thirds of what is true gets told.
pub(super) fn family_history(subject: &SyntheticSubject, lines: &mut Lines) {
    let Some(first) = subject.record.encounters.first() else { return };
    let relatives = [("FTH", "father"), ("MTH", "mother"), ("NSIB", "natural sibling")];
    for (condition, which) in subject.person.told_family() {
        let (code, display) = match condition {
            Condition::BreastCancer => relatives[1],
            Condition::ProstateCancer => relatives[0],
            _ => relatives[which % relatives.len()],
        };
        let profile = condition.profile();
        lines.push(&json!({
            "resourceType": "FamilyMemberHistory",
            "id": id(subject, "f", condition.index()),
            "meta": meta(),
            "status": "completed",
            "patient": reference("Patient", &subject.key),
            "date": date_time(first.start),
            "relationship": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
                "code": code, "display": display}], "text": display},
            "condition": [{"code": coded(ICD10CM, Concept { code: profile.icd10cm, display: profile.display })}]
        }));
    }
}
