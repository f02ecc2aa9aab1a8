//! A name, a date and a record number planted in every field of a FHIR bundle come out nowhere.

use crate::support::Site;
use serde_json::{Value, json};

const NAME: &str = "Zyxandra Quillfeather";
const DATE: &str = "1957-03-14";
const NUMBER: &str = "MRN-0047113-Q";

/// A bundle with at least one of each resource that is read, and fields of every kind.
fn bundle() -> Value {
    let patient = json!({"reference": "Patient/p1", "display": "Ann Example"});
    let concept = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code, "display": "words"}], "text": "words"});
    let (snomed, loinc, icd) =
        ("http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm");
    let rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm";
    let resources = vec![
        json!({"resourceType": "Patient", "id": "p1", "text": {"status": "generated", "div": "<div>words</div>"},
            "identifier": [{"system": "urn:x", "value": "1"}], "name": [{"family": "Example", "given": ["Ann"]}],
            "telecom": [{"system": "phone", "value": "555"}], "gender": "female", "birthDate": "1950-02-03",
            "address": [{"line": ["1 Road"], "city": "Town", "postalCode": "02139"}], "maritalStatus": concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M"),
            "communication": [{"language": concept("urn:ietf:bcp:47", "en"), "preferred": true}],
            "extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                "extension": [{"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}},
                    {"url": "text", "valueString": "White"}]}],
            "contact": [{"name": {"family": "Kin"}}], "deceasedDateTime": "2021-05-01T10:00:00Z"}),
        json!({"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "type": [concept(snomed, "32485007")], "subject": patient, "period": {"start": "2019-01-02T03:04:05Z", "end": "2019-01-05T03:04:05Z"},
            "reasonCode": [concept(snomed, "44054006")], "hospitalization": {"dischargeDisposition": concept("http://terminology.hl7.org/CodeSystem/discharge-disposition", "home")},
            "participant": [{"individual": {"display": "Dr Who"}}], "serviceProvider": {"display": "Place"}}),
        json!({"resourceType": "Condition", "id": "c1", "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
            "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
            "category": [concept("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")],
            "code": concept(icd, "E11.9"), "subject": patient, "encounter": {"reference": "Encounter/e1"}, "onsetDateTime": "2019-01-03", "recordedDate": "2019-01-03",
            "note": [{"text": "words"}]}),
        json!({"resourceType": "Observation", "id": "o1", "status": "final", "code": concept(loinc, "4548-4"), "subject": patient,
            "effectiveDateTime": "2019-02-03T04:05:06Z", "issued": "2019-02-03T04:05:06Z", "valueQuantity": {"value": 7.5, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}}),
        json!({"resourceType": "Observation", "id": "o2", "status": "final", "code": concept(loinc, "85354-9"), "subject": patient, "effectiveDateTime": "2019-02-03",
            "component": [{"code": concept(loinc, "8480-6"), "valueQuantity": {"value": 120, "unit": "mmHg", "code": "mm[Hg]"}}]}),
        json!({"resourceType": "Observation", "id": "o3", "status": "final", "code": concept(loinc, "72166-2"), "subject": patient, "effectiveDateTime": "2019-02-03",
            "valueCodeableConcept": concept(snomed, "266919005")}),
        json!({"resourceType": "Observation", "id": "o4", "status": "final", "code": concept(loinc, "11348-0"), "subject": patient, "effectiveDateTime": "2019-02-03", "valueString": "words"}),
        json!({"resourceType": "Procedure", "id": "pr1", "status": "completed", "code": concept(snomed, "73761001"), "subject": patient, "performedPeriod": {"start": "2019-03-01", "end": "2019-03-01"}}),
        json!({"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "medicationCodeableConcept": concept(rxnorm, "860975"), "subject": patient, "authoredOn": "2019-03-02",
            "dosageInstruction": [{"text": "words"}], "requester": {"display": "Dr Who"}}),
        json!({"resourceType": "Immunization", "id": "i1", "status": "completed", "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "140"), "patient": patient, "occurrenceDateTime": "2019-03-03", "lotNumber": "L1"}),
        json!({"resourceType": "AllergyIntolerance", "id": "a1", "code": concept(snomed, "91935009"), "patient": patient, "recordedDate": "2019-03-04"}),
        json!({"resourceType": "DiagnosticReport", "id": "d1", "status": "final", "code": concept(loinc, "58410-2"), "subject": patient, "effectiveDateTime": "2019-03-05", "conclusion": "words"}),
        json!({"resourceType": "DocumentReference", "id": "dr1", "status": "current", "type": concept(loinc, "34117-2"), "subject": patient, "date": "2019-03-06T00:00:00Z",
            "content": [{"attachment": {"contentType": "text/plain", "data": "d29yZHM=", "title": "words"}}], "description": "words"}),
        json!({"resourceType": "FamilyMemberHistory", "id": "f1", "status": "completed", "patient": patient, "date": "2019-03-07", "name": "Kin Example",
            "relationship": concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH"), "condition": [{"code": concept(snomed, "254837009")}]}),
        json!({"resourceType": "Device", "id": "dv1", "patient": patient, "type": concept(snomed, "72506001"), "serialNumber": "S1", "manufactureDate": "2018-01-01"}),
        json!({"resourceType": "ServiceRequest", "id": "s1", "status": "active", "intent": "order", "code": concept(loinc, "24331-1"), "subject": patient, "authoredOn": "2019-03-08"}),
        json!({"resourceType": "ImagingStudy", "id": "im1", "status": "available", "subject": patient, "started": "2019-03-09", "procedureCode": [concept(snomed, "77477000")],
            "series": [{"uid": "1.2.3", "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}}]}),
        json!({"resourceType": "CarePlan", "id": "cp1", "status": "active", "intent": "plan", "subject": patient, "period": {"start": "2019-03-10"}, "category": [concept(snomed, "734163000")],
            "activity": [{"detail": {"status": "in-progress", "code": concept(snomed, "229065009")}}]}),
    ];
    json!({"resourceType": "Bundle", "type": "collection",
        "entry": resources.into_iter().map(|r| json!({"fullUrl": format!("urn:uuid:{}", r["id"].as_str().unwrap()), "resource": r})).collect::<Vec<_>>()})
}

/// Every leaf of a JSON value, as a pointer.
fn leaves(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(k, v)| leaves(v, format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")), out)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| leaves(v, format!("{at}/{i}"), out)),
        _ => out.push(at),
    }
}

fn assert_clean(what: &str, text: &str) {
    for canary in ["zyxandra", "quillfeather", "1957-03-14", "19570314", "0047113"] {
        assert!(!text.to_lowercase().contains(canary), "{what} holds the canary {canary}");
    }
}

#[test]
fn planted_in_every_field_it_comes_out_nowhere() {
    let site = Site::new();
    let original = bundle();
    let mut pointers = Vec::new();
    leaves(&original, String::new(), &mut pointers);
    let mut planted = 0;
    for (i, pointer) in pointers.iter().enumerate() {
        for (j, canary) in [NAME, DATE, NUMBER].into_iter().enumerate() {
            let mut bundle = original.clone();
            *bundle.pointer_mut(pointer).unwrap() = json!(canary);
            // The file is named after the patient too, as Synthea does.
            site.file(&format!("in/Zyxandra_Quillfeather_{i}_{j}.json"), bundle.to_string());
            planted += 1;
        }
    }
    // And in every field at once, but for what makes it a bundle.
    for (j, canary) in [NAME, DATE, NUMBER].into_iter().enumerate() {
        let mut bundle = original.clone();
        for pointer in &pointers {
            if !pointer.ends_with("/resourceType") && !pointer.ends_with("/reference") {
                *bundle.pointer_mut(pointer).unwrap() = json!(canary);
            }
        }
        site.file(&format!("in/all_{j}.json"), bundle.to_string());
    }
    assert!(planted > 400, "{planted}");

    let output = site.succeed("ingest --from fhir --key site.key --max-rejected 1 --out events in");
    assert_clean("standard output", &String::from_utf8_lossy(&output.stdout));
    assert_clean("standard error", &String::from_utf8_lossy(&output.stderr));
    let subjects = site.events("events");
    assert!(
        subjects.iter().map(|s| s.events().len()).sum::<usize>() > 10,
        "the rest of the record did come through"
    );
    assert_clean("the events", &format!("{subjects:?}"));
    let codes = events::meds::read_codes(&site.path("events")).unwrap();
    assert_clean("the code descriptions", &format!("{codes:?}"));
    for file in site.all_files().iter().filter(|f| !f.starts_with(site.path("in"))) {
        assert_clean(&file.display().to_string(), &String::from_utf8_lossy(&std::fs::read(file).unwrap()));
    }
}

#[test]
fn a_failing_run_tells_nothing_either() {
    let site = Site::new();
    site.file("in/Zyxandra_Quillfeather.ndjson", format!("{{\"resourceType\": \"Patient\", \"id\": \"{NUMBER}\", \"birthDate\": \"{NAME}\"}}\n{NAME} {DATE} {NUMBER}\n").repeat(50));
    let said = site.fail("ingest --from fhir --key site.key --out events in");
    assert_clean("the error", &said);
    assert!(!site.path("events").exists());
}
