//! The eighteen identifiers of 45 CFR 164.514(b)(2)(i), planted one by one wherever a record can hold them: they come
//! out nowhere, under any policy. docs/deid-safe-harbor.md names these tests.

use crate::support::Site;
use serde_json::{Value, json};

const SNOMED: &str = "http://snomed.info/sct";
const POLICIES: [&str; 3] = ["safe-harbor", "expert-determination", "limited-data-set"];

fn concept(code: &str) -> Value {
    json!({"coding": [{"system": SNOMED, "code": code}]})
}

/// A record that holds `identifier` in every field that could be mistaken for something else, and `patient` (more
/// elements of the Patient) and `resources` besides.
fn record(identifier: &str, patient: Value, resources: Vec<Value>) -> String {
    let subject = json!({"reference": "Patient/p1", "display": identifier});
    let narrative = json!({"status": "generated", "div": format!("<div>{identifier}</div>")});
    let mut person = json!({"resourceType": "Patient", "id": "p1", "birthDate": "1960-02-03", "gender": "female", "text": narrative});
    person.as_object_mut().unwrap().extend(patient.as_object().unwrap().clone());
    let mut all = vec![
        person,
        json!({"resourceType": "Condition", "id": identifier, "subject": subject, "onsetDateTime": "2019-07-01", "code": concept("44054006"),
            "text": narrative, "note": [{"text": identifier}], "contained": [{"resourceType": "Practitioner", "id": "c", "name": [{"text": identifier}]}]}),
        json!({"resourceType": "Condition", "id": "c2", "subject": subject, "onsetDateTime": "2019-07-01",
            "code": {"coding": [{"system": SNOMED, "code": "73211009", "display": identifier}], "text": identifier}}),
        json!({"resourceType": "Condition", "id": "c3", "subject": subject, "onsetDateTime": "2019-07-01", "code": concept(identifier)}),
        json!({"resourceType": "Condition", "id": "c4", "subject": subject, "onsetDateTime": "2019-07-01",
            "code": {"coding": [{"system": format!("http://{identifier}.example.org"), "code": identifier}]}}),
        json!({"resourceType": "Observation", "id": "o1", "status": "final", "subject": subject, "effectiveDateTime": "2019-07-01",
            "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}, "valueString": identifier}),
        json!({"resourceType": "Observation", "id": "o2", "status": "final", "subject": subject, "effectiveDateTime": "2019-07-01",
            "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}, "valueQuantity": {"value": 7.5, "unit": identifier, "code": identifier}}),
        json!({"resourceType": "DocumentReference", "id": "d1", "status": "current", "subject": subject, "date": "2019-07-01T00:00:00Z", "description": identifier,
            "type": {"coding": [{"system": "http://loinc.org", "code": "34117-2"}]},
            "content": [{"attachment": {"contentType": "text/plain", "title": identifier, "url": identifier, "data": base64(identifier)}}]}),
        json!({"resourceType": "DiagnosticReport", "id": "r1", "status": "final", "subject": subject, "effectiveDateTime": "2019-07-01", "conclusion": identifier,
            "code": {"coding": [{"system": "http://loinc.org", "code": "58410-2"}]}}),
    ];
    all.extend(resources);
    all.iter().map(|resource| format!("{resource}\n")).collect()
}

/// Base64 (RFC 4648) with padding.
fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.as_bytes()
        .chunks(3)
        .flat_map(|chunk| {
            let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
            (0..4).map(move |i| match i <= chunk.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]),
                false => '=',
            })
        })
        .collect()
}

/// Ingests the record of each identifier under each policy, and looks for it in everything that is written and said.
#[track_caller]
fn come_out_nowhere(
    identifiers: &[&str],
    patient: &dyn Fn(&str) -> Value,
    resources: &dyn Fn(&str) -> Vec<Value>,
) {
    let site = Site::new();
    for (i, identifier) in identifiers.iter().enumerate() {
        let file = format!("in{i}/{}.ndjson", identifier.replace(['/', ':', '?'], "_"));
        site.file(&file, record(identifier, patient(identifier), resources(identifier)));
        for policy in POLICIES {
            let out = format!("{policy}-{i}");
            let output = site.succeed(&format!(
                "ingest --from fhir --key site.key --policy {policy} --max-rejected 1 --out {out} in{i}"
            ));
            let events = site.events(&out);
            assert!(events.iter().map(|s| s.events().len()).sum::<usize>() >= 5, "the rest came through");
            let codes = events::meds::read_codes(&site.path(&out)).unwrap();
            let mut told = format!("{events:?} {codes:?}");
            told += &String::from_utf8_lossy(&output.stdout);
            told += &String::from_utf8_lossy(&output.stderr);
            for file in site.all_files().iter().filter(|f| f.starts_with(site.path(&out))) {
                told += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
            }
            assert!(!told.contains(identifier), "{identifier} passes {policy}");
        }
    }
}

fn nothing(_: &str) -> Vec<Value> {
    Vec::new()
}

fn telecom(identifier: &str) -> Value {
    json!({"telecom": [{"system": "phone", "value": identifier}, {"system": "fax", "value": identifier}, {"system": "email", "value": identifier},
        {"system": "url", "value": identifier}, {"system": "other", "value": identifier}],
        "contact": [{"telecom": [{"system": "phone", "value": identifier}]}]})
}

fn numbered(identifier: &str) -> Value {
    json!({"identifier": [{"type": {"text": identifier}, "system": format!("urn:oid:{identifier}"), "value": identifier}]})
}

#[test]
fn a_names_of_patient_relatives_and_clinicians() {
    let patient = |name: &str| {
        json!({"name": [{"family": name, "given": [name], "text": name}],
            "contact": [{"name": {"family": name}, "organization": {"display": name}}],
            "generalPractitioner": [{"display": name}], "managingOrganization": {"display": name},
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": name}]})
    };
    let others = |name: &str| {
        vec![
            json!({"resourceType": "RelatedPerson", "id": "rp", "patient": {"reference": "Patient/p1"}, "name": [{"text": name}]}),
            json!({"resourceType": "Practitioner", "id": "pr", "name": [{"family": name}]}),
            json!({"resourceType": "FamilyMemberHistory", "id": "f1", "status": "completed", "patient": {"reference": "Patient/p1"}, "date": "2019-03-07",
                "name": name, "condition": [{"code": concept("44054006")}], "relationship": {"text": name}}),
        ]
    };
    come_out_nowhere(&["Quillfeather", "Zyxandra Quillfeather-Ibáñez"], &patient, &others);
}

#[test]
fn b_places_smaller_than_a_state() {
    let patient = |place: &str| {
        json!({"address": [{"use": "home", "line": [place], "city": place, "district": place, "text": place, "state": place, "postalCode": place,
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/geolocation", "extension": [{"url": "latitude", "valueDecimal": 42.36}]}]}],
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": {"city": place}}]})
    };
    let location = |place: &str| {
        vec![
            json!({"resourceType": "Location", "id": "l1", "name": place, "address": {"city": place}}),
            json!({"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": "Patient/p1"}, "class": {"code": "AMB"},
                "period": {"start": "2019-07-01T08:00:00Z"}, "location": [{"location": {"display": place}}], "serviceProvider": {"display": place}}),
        ]
    };
    come_out_nowhere(&["Quillfeather Lane 7", "Old Canary Hospital", "Canaryville"], &patient, &location);
}

#[test]
fn d_e_f_telephone_fax_and_e_mail() {
    come_out_nowhere(&["+1-617-555-0147", "6175550147", "zyxandra@canary.example"], &telecom, &nothing);
}

#[test]
fn g_to_k_social_security_record_plan_account_and_licence_numbers() {
    let coverage = |number: &str| {
        vec![
            json!({"resourceType": "Coverage", "id": "cov", "status": "active", "beneficiary": {"reference": "Patient/p1"}, "subscriberId": number,
                "dependent": number, "class": [{"type": {"text": "group"}, "value": number}], "payor": [{"display": number}], "period": {"start": "2019-01-01"},
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EHCPOL"}]}}),
            json!({"resourceType": "Account", "id": "acc", "subject": [{"reference": "Patient/p1"}], "identifier": [{"value": number}], "name": number}),
        ]
    };
    come_out_nowhere(
        &["123-45-6789", "MRN-0047113", "0047113456", "XWH123456789", "ACCT-99812", "MD-LIC-5521"],
        &numbered,
        &coverage,
    );
}

#[test]
fn l_vehicles_and_plates() {
    come_out_nowhere(&["1HGCM82633A004352", "MA-7XY-231"], &numbered, &nothing);
}

#[test]
fn m_devices_and_serial_numbers() {
    let device = |serial: &str| {
        vec![
            json!({"resourceType": "Device", "id": "dv", "patient": {"reference": "Patient/p1"}, "serialNumber": serial, "lotNumber": serial, "modelNumber": serial,
                "distinctIdentifier": serial, "udiCarrier": [{"deviceIdentifier": serial, "carrierHRF": serial}], "type": concept("72506001")}),
            json!({"resourceType": "Immunization", "id": "im", "status": "completed", "patient": {"reference": "Patient/p1"}, "occurrenceDateTime": "2019-03-03",
                "lotNumber": serial, "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]}}),
        ]
    };
    come_out_nowhere(&["SN-88C41-0092", "(01)00844588003288(21)10987654d321"], &numbered, &device);
}

#[test]
fn n_o_web_and_network_addresses() {
    come_out_nowhere(
        &["https://canary.example/zyxandra", "203.0.113.77", "2001:db8::77:1"],
        &telecom,
        &nothing,
    );
}

#[test]
fn p_q_biometrics_and_photographs() {
    let photo = |data: &str| {
        json!({"photo": [{"contentType": "image/jpeg", "data": base64(data), "url": data, "title": data}],
            "identifier": [{"value": data}]})
    };
    let media = |data: &str| {
        vec![
            json!({"resourceType": "Media", "id": "me", "status": "completed", "subject": {"reference": "Patient/p1"},
            "content": {"contentType": "image/jpeg", "data": base64(data)}}),
        ]
    };
    come_out_nowhere(&["fingerprint-7f3a9c", "face-of-zyxandra.jpg"], &photo, &media);
}

#[test]
fn r_other_numbers_uids_and_times_in_ids() {
    // A UID of DICOM holds a serial number and a time, a UUID of version 1 the time and the machine.
    let study = |uid: &str| {
        vec![
            json!({"resourceType": "ImagingStudy", "id": uid, "status": "available", "subject": {"reference": "Patient/p1"}, "started": "2019-03-09",
            "identifier": [{"system": "urn:dicom:uid", "value": format!("urn:oid:{uid}")}], "procedureCode": [concept("77477000")],
            "series": [{"uid": uid, "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}, "instance": [{"uid": uid}]}]}),
        ]
    };
    come_out_nowhere(
        &[
            "1.2.840.113619.2.55.3.604688119.929.1551958201.267",
            "7d444840-9dc0-11d1-b245-5ffdce74fad2",
            "ACC-2019-00017",
        ],
        &numbered,
        &study,
    );
}

#[test]
fn subjects_keys_pass_nowhere_neither_sequential_nor_timed() {
    // Records numbered in the order of registration, and by UUIDs that tell when: neither the keys nor their order
    // are to be seen in the numbers that stand for them.
    let site = Site::new();
    let keys: Vec<String> = (0..40)
        .map(|i| format!("{}", 4_711_300 + i))
        .chain((0..40).map(|i| format!("7d4448{i:02}-9dc0-11d1-b245-5ffdce74fad2")))
        .collect();
    let lines: String = keys
        .iter()
        .map(|key| {
            format!(
                "{}\n",
                json!({"resourceType": "Patient", "id": key, "birthDate": "1960-02-03", "gender": "male"})
            )
        })
        .collect();
    site.file("in/records.ndjson", lines);
    for policy in POLICIES {
        let output = site.succeed(&format!(
            "ingest --from fhir --key site.key --policy {policy} --splits 1,0,0 --crosswalk {policy}.crosswalk --out {policy} in"
        ));
        let ids: Vec<i64> = site.events(policy).iter().map(|s| s.id).collect();
        assert_eq!(ids.len(), keys.len());
        let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
        for file in site.all_files().iter().filter(|f| f.starts_with(site.path(policy))) {
            told += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
        }
        assert!(keys.iter().all(|key| !told.contains(key.as_str())), "{policy}");
        // In the order of the numbers, the keys are in no order: of 79 neighbours about half ascend.
        let subjects = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        let back = site.succeed(&format!(
            "deid reidentify --crosswalk {policy}.crosswalk --key site.key --ledger ledger --reason test --subject {subjects}"
        ));
        let back = String::from_utf8(back.stdout).unwrap();
        let order: Vec<&str> = back.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
        let ascending = order.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((20..60).contains(&ascending), "{policy}: {ascending} of 79 ascend");
    }
}

#[test]
fn columns_of_omop_that_identify_are_not_read() {
    let canary = "Quillfeather-0047113";
    let site = Site::new();
    let table = |name: &str, text: &str| {
        site.file(&format!("cdm/{name}.csv"), text.replace("CANARY", canary));
    };
    table(
        "concept",
        "concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,concept_code\n\
        8507,MALE,Gender,Gender,Gender,M\n201826,Type 2 diabetes mellitus,Condition,SNOMED,Finding,44054006\n\
        2000000001,CANARY,Condition,CANARY,Ward,CANARY\n44814637,Note,Type,LOINC,Note,34117-2\n",
    );
    table(
        "person",
        "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,race_concept_id,ethnicity_concept_id,location_id,provider_id,care_site_id,person_source_value,gender_source_value\n\
        1,8507,1960,2,3,0,0,1,1,1,CANARY,CANARY\n",
    );
    table(
        "location",
        "location_id,address_1,city,state,zip,county,location_source_value\n1,CANARY,CANARY,CANARY,CANARY,CANARY,CANARY\n",
    );
    table("provider", "provider_id,provider_name,npi,dea\n1,CANARY,CANARY,CANARY\n");
    table("care_site", "care_site_id,care_site_name,care_site_source_value\n1,CANARY,CANARY\n");
    table(
        "condition_occurrence",
        "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_source_value,condition_source_concept_id,stop_reason\n\
        1,1,201826,2019-07-01,CANARY,0,CANARY\n2,1,2000000001,2019-07-02,CANARY,0,CANARY\n",
    );
    table(
        "observation",
        "observation_id,person_id,observation_concept_id,observation_date,value_as_string,observation_source_value,value_source_value,unit_source_value,qualifier_source_value\n\
        1,1,201826,2019-07-03,CANARY,CANARY,CANARY,CANARY,CANARY\n",
    );
    table(
        "device_exposure",
        "device_exposure_id,person_id,device_concept_id,device_exposure_start_date,unique_device_id,production_id,device_source_value\n\
        1,1,201826,2019-07-04,CANARY,CANARY,CANARY\n",
    );
    table(
        "note",
        "note_id,person_id,note_date,note_type_concept_id,note_class_concept_id,note_title,note_text,note_source_value\n\
        1,1,2019-07-05,44814637,44814637,CANARY,CANARY,CANARY\n",
    );
    let output = site
        .succeed("ingest --from omop --key site.key --policy safe-harbor --max-rejected 1 --out events cdm");
    let events = site.events("events");
    let codes = events::meds::read_codes(&site.path("events")).unwrap();
    assert!(events[0].events().iter().any(|e| e.code.as_str() == "SNOMED//44054006"), "{events:?}");
    let mut told = format!("{events:?} {codes:?} {}", String::from_utf8_lossy(&output.stdout));
    for file in site.all_files().iter().filter(|f| f.starts_with(site.path("events"))) {
        told += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
    }
    assert!(!told.contains("Quillfeather") && !told.contains("0047113"), "{told}");
}
