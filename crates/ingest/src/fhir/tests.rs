//! FHIR in, facts out: each test states resources and the lines that come of them.

use super::{FHIR_PATHS, FHIR_SYSTEMS, FhirReader, single::Collected};
use crate::{Error, Limits, fhir::FhirSubject, fhir_bundle_subject, version::Settled};
use events::{SourceEvent, SourceFact, SourceTime, SourceValue};

/// Reads NDJSON and returns the facts, one line each, and the rejections, one line each.
fn read(ndjson: &str) -> (Vec<String>, Vec<String>) {
    let limits = Limits::default();
    let reader = FhirReader::new(&limits, false);
    let mut sink = Collected::default();
    reader.read_lines("Test.ndjson", 1, ndjson.as_bytes(), &mut sink).unwrap();
    let mut facts = Vec::new();
    for (subject, of_subject) in sink.subjects {
        for (_, mut fact) in of_subject {
            match reader.complete(&mut fact, &Settled::default()) {
                Ok(()) => facts.push(format!("{subject} {}", line(&fact))),
                Err(rejection) => sink.rejections.push(rejection),
            }
        }
    }
    let rejections =
        sink.rejections.iter().map(|r| format!("{}:{} {} {}: {}", r.file, r.line, r.kind, r.field, r.reason));
    (facts, rejections.collect())
}

fn facts(ndjson: &str) -> Vec<String> {
    let (facts, rejections) = read(ndjson);
    assert_eq!(rejections, Vec::<String>::new());
    facts
}

fn line(fact: &SourceFact) -> String {
    let SourceFact::Event(SourceEvent { path, time, system, code, value, unit, .. }) = fact else {
        return "label".into();
    };
    assert!(FHIR_PATHS.contains(&path.as_str()), "{path} is not listed");
    assert!(
        system.is_empty() || system.starts_with("URI:") || FHIR_SYSTEMS.contains(&system.as_str()),
        "{system}"
    );
    let time = match time {
        SourceTime::Static => "always".to_owned(),
        SourceTime::Date(day) => day.to_string()[..10].to_owned(),
        SourceTime::DateTime(at) => at.to_string(),
    };
    let value = match value {
        SourceValue::None => String::new(),
        SourceValue::Number(number) => format!(" = {number}{}", unit.as_deref().unwrap_or_default()),
        SourceValue::Concept { system, code } => format!(" = {system}//{code}"),
        SourceValue::Text(text) => format!(" = {text:?}"),
    };
    let separator = if system.is_empty() { "" } else { "//" };
    format!("{time} {system}{separator}{code}{value} ({path})")
}

/// A resource about patient p, from its further elements in JSON.
fn about_p(kind: &str, elements: &str) -> String {
    format!(r#"{{"resourceType":"{kind}","id":"r","subject":{{"reference":"Patient/p"}},{elements}}}"#)
}

fn coded(system: &str, code: &str) -> String {
    format!(r#"{{"coding":[{{"system":"{system}","code":"{code}"}}]}}"#)
}

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

#[test]
fn who_is_said_to_be_dead_is_known_to_be_whether_or_not_since_when_can_be_read() {
    let said = |patient: &str, more: &str| {
        let bundle = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Patient","id":"p","birthDate":"1950-01-01"{patient}}}}}{more}]}}"#
        );
        fhir_bundle_subject(bundle.as_bytes(), &Limits::default()).unwrap().said_dead
    };
    for dead in [
        r#""deceasedDateTime":"2020-02-03""#,
        r#""deceasedDateTime":"unknown""#,
        r#""deceasedDateTime":"01/02/2020""#,
        r#""deceasedDateTime":"""#,
        r#""deceasedDateTime":"2020-13-01""#,
        r#""deceasedDateTime":"2999""#,
        r#""_deceasedDateTime":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#,
        r#""deceasedBoolean":true"#,
        r#""deceasedBool\u0065an":true"#,
        r#""deceasedBoolean":false,"deceasedDateTime":"unknown""#,
        r#""deceasedAge":{"value":70}"#,
    ] {
        assert!(said(&format!(",{dead}"), ""), "{dead}");
        assert!(
            said(&format!(",{dead}"), r#",{"resource":{"resourceType":7}},null,{"resource":3}"#),
            "{dead}"
        );
        // Nothing but that: what is added to a record that is known.
        let alone = format!(r#"{{"resourceType":"Patient","id":"p",{dead}}}"#);
        let read = fhir_bundle_subject(alone.as_bytes(), &Limits::default()).unwrap();
        assert!(read.said_dead && read.subject.expose().key == "p", "{dead}");
    }
    // Another's death is his.
    let other = r#",{"resource":{"resourceType":"Patient","id":"q","deceasedBoolean":true}}"#;
    assert!(!said("", other));
    assert!(said(r#","deceasedBoolean":true"#, other));
    let two = format!(
        r#"{{"resourceType":"Bundle","entry":[{}{}]}}"#,
        &other[1..],
        other.replace("\"q\"", "\"r\"")
    );
    let two = fhir_bundle_subject(two.as_bytes(), &Limits::default());
    assert!(matches!(two, Err(Error::NotOneSubject { found: 2 })));
    // What makes a Patient unreadable takes nothing back.
    let about = r#"{"resource":{"resourceType":"Condition","subject":{"reference":"Patient/p"},"onsetDateTime":"2019-03-04","code":{"coding":[{"system":"http://snomed.info/sct","code":"38341003"}]}}}"#;
    for patient in [
        r#""id":"p","deceasedBoolean":"true""#,
        r#""id":7,"deceasedBoolean":true"#,
        r#""deceasedBoolean":true"#,
    ] {
        let bundle = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Patient",{patient}}}}},{about}]}}"#
        );
        let read = fhir_bundle_subject(bundle.as_bytes(), &Limits::default()).unwrap();
        assert!(read.said_dead && read.subject.expose().facts.len() == 1, "{patient}");
    }
    for alive in [
        "",
        r#","deceasedBoolean":false"#,
        r#","deceasedBoolean":false,"_deceasedBoolean":{"id":"a"}"#,
        r#","deceasedBoolean":null,"deceasedDateTime":null"#,
        r#","meta":{"versionId":"2"},"deceasedBoolean":false"#,
    ] {
        assert!(!said(alive, ""), "{alive}");
    }
    // A newer version that takes it back.
    let older = r#",{"resource":{"resourceType":"Patient","id":"p","meta":{"versionId":"1"},"gender":"male","deceasedBoolean":true}}"#;
    assert!(!said(r#","meta":{"versionId":"2"}"#, older));
    assert!(said(r#","meta":{"versionId":"0"}"#, older));
}

#[test]
fn a_patient_gives_birth_death_and_demographics_and_nothing_that_identifies() {
    let patient = r#"{"resourceType":"Patient","id":"p","name":[{"family":"Canary"}],"gender":"female",
        "birthDate":"1960-05-01","deceasedDateTime":"2020-02-03T04:05:06-05:00",
        "extension":[
          {"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[
            {"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}},
            {"url":"ombCategory","valueCoding":{"code":"2028-9"}},{"url":"text","valueString":"Canary"}]},
          {"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity","extension":[
            {"url":"ombCategory","valueCoding":{"code":"2186-5"}}]}],
        "maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]},
        "communication":[{"language":{"coding":[{"code":"es"}]}},{"language":{"coding":[{"code":"en-US"}]},"preferred":true}]}"#
        .replace('\n', " ");
    assert_eq!(
        facts(&patient),
        [
            "p 1960-05-01T00:00:00 MEDS_BIRTH (Patient.birthDate)",
            "p 2020-02-03T04:05:06 MEDS_DEATH (Patient.deceasedDateTime)",
            "p always GENDER//F (Patient.gender)",
            "p always RACE//WHITE (Patient.extension.us-core-race)",
            "p always RACE//ASIAN (Patient.extension.us-core-race)",
            "p always ETHNICITY//NON_HISPANIC (Patient.extension.us-core-ethnicity)",
            "p always LANGUAGE//en (Patient.communication.language)",
            "p always MARITAL//M (Patient.maritalStatus)",
        ]
    );
}

#[test]
fn one_patient_has_one_key_whatever_the_reference() {
    for reference in ["Patient/p", "urn:uuid:p", "https://ehr.example/fhir/Patient/p/_history/2"] {
        let condition = format!(
            r#"{{"resourceType":"Condition","subject":{{"reference":"{reference}"}},"recordedDate":"2020-01-02","code":{}}}"#,
            coded(SNOMED, "44054006")
        );
        assert_eq!(facts(&condition), ["p 2020-01-02 SNOMED//44054006 (Condition.code)"]);
    }
    let bundle = r#"{"resourceType":"Bundle","entry":[
        {"fullUrl":"urn:uuid:u","resource":{"resourceType":"Patient","id":"p","gender":"male"}},
        {"resource":{"resourceType":"Immunization","status":"completed","patient":{"reference":"urn:uuid:u"},
          "occurrenceDateTime":"2020","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140"}]}}}]}"#
        .replace('\n', " ");
    assert_eq!(
        facts(&bundle),
        ["p always GENDER//M (Patient.gender)", "p 2020-12-31 CVX//140 (Immunization.vaccineCode)",]
    );
}

#[test]
fn what_did_not_happen_gives_nothing() {
    let refuted = r#""verificationStatus":{"coding":[{"code":"refuted"}]},"recordedDate":"2020-01-01""#;
    for (kind, elements) in [
        ("Condition", format!("{refuted},\"code\":{}", coded(SNOMED, "1"))),
        (
            "Procedure",
            format!(r#""status":"not-done","performedDateTime":"2020","code":{}"#, coded(SNOMED, "1")),
        ),
        ("Observation", format!(r#""status":"cancelled","issued":"2020","code":{}"#, coded(LOINC, "1"))),
        ("Encounter", r#""status":"planned","period":{"start":"2030"},"class":{"code":"AMB"}"#.to_owned()),
        ("MedicationRequest", r#""status":"active","intent":"plan","authoredOn":"2020""#.to_owned()),
        ("MedicationStatement", r#""status":"not-taken","effectiveDateTime":"2020""#.to_owned()),
        ("ServiceRequest", r#""status":"active","doNotPerform":true,"authoredOn":"2020""#.to_owned()),
        ("Claim", r#""status":"active""#.to_owned()),
    ] {
        assert_eq!(facts(&about_p(kind, &elements)), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn the_preferred_coding_stands_for_the_fact() {
    let code = format!(
        r#""recordedDate":"2020-01-01","code":{{"coding":[{{"code":"home-grown","system":"http://h.example/c"}},
        {{"system":"{SNOMED}","code":"44054006"}},{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}}]}}"#
    )
    .replace('\n', " ");
    assert_eq!(facts(&about_p("Condition", &code)), ["p 2020-01-01 ICD10CM//E11.9 (Condition.code)"]);
    let unknown = format!(r#""recordedDate":"2020-01-01","code":{}"#, coded("http://h.example/c", "x"));
    assert_eq!(
        facts(&about_p("Condition", &unknown)),
        ["p 2020-01-01 URI:http://h.example/c//x (Condition.code)"]
    );
}

#[test]
fn observations_carry_values_of_every_kind() {
    let observation = |value: &str| {
        let code = coded(LOINC, "4548-4");
        facts(&about_p(
            "Observation",
            &format!(r#""effectiveDateTime":"2020-01-02T03:04","code":{code},{value}"#),
        ))
    };
    let at = "p 2020-01-02T03:04:00 LOINC//4548-4";
    for (value, line) in [
        (
            r#""valueQuantity":{"value":7.9,"unit":"percent","system":"http://unitsofmeasure.org","code":"%"}"#,
            " = 7.9% (Observation.valueQuantity)",
        ),
        (r#""valueQuantity":{"value":120,"unit":"mmHg"}"#, " = 120mm[Hg] (Observation.valueQuantity)"),
        (r#""valueInteger":3"#, " = 3 (Observation.valueInteger)"),
        (r#""valueBoolean":true"#, " = 1 (Observation.valueBoolean)"),
        (r#""valueString":"positive \"++\"""#, r#" = "positive \"++\"" (Observation.valueString)"#),
        (
            r#""valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"266919005"}]}"#,
            " = SNOMED//266919005 (Observation.valueCodeableConcept)",
        ),
        (r#""valueDateTime":"2020-01-01""#, " (Observation.code)"),
    ] {
        assert_eq!(observation(value), [format!("{at}{line}")]);
    }
    assert!(observation(r#""dataAbsentReason":{"coding":[{"code":"unknown"}]}"#).is_empty());
    let pressure = format!(
        r#""component":[{{"code":{},"valueQuantity":{{"value":130,"unit":"mm[Hg]"}}}},{{"code":{},"valueQuantity":{{"value":80,"unit":"mm[Hg]"}}}}]"#,
        coded(LOINC, "8480-6"),
        coded(LOINC, "8462-4")
    );
    assert_eq!(
        observation(&pressure),
        [
            "p 2020-01-02T03:04:00 LOINC//8480-6 = 130mm[Hg] (Observation.component.valueQuantity)",
            "p 2020-01-02T03:04:00 LOINC//8462-4 = 80mm[Hg] (Observation.component.valueQuantity)",
        ]
    );
}

#[test]
fn a_stay_has_a_beginning_and_an_end_and_its_diagnoses_are_known_at_the_end() {
    let bundle = format!(
        r#"{{"resourceType":"Bundle","entry":[
        {{"fullUrl":"urn:uuid:u-e","resource":{{"resourceType":"Encounter","id":"e","status":"finished",
          "class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"}},"type":[{}],
          "subject":{{"reference":"Patient/p"}},"period":{{"start":"2020-01-01T08:00:00Z","end":"2020-01-05T12:00:00Z"}},
          "hospitalization":{{"dischargeDisposition":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/discharge-disposition","code":"home"}}]}}}}}}}},
        {{"resource":{{"resourceType":"Condition","category":[{{"coding":[{{"code":"encounter-diagnosis"}}]}}],
          "subject":{{"reference":"Patient/p"}},"encounter":{{"reference":"urn:uuid:u-e"}},"recordedDate":"2020-01-01","code":{}}}}},
        {{"resource":{{"resourceType":"Condition","category":[{{"coding":[{{"code":"problem-list-item"}}]}}],
          "subject":{{"reference":"Patient/p"}},"encounter":{{"reference":"Encounter/e"}},"recordedDate":"2020-01-01","code":{}}}}}]}}"#,
        coded(SNOMED, "1"),
        coded(SNOMED, "2"),
        coded(SNOMED, "3")
    )
    .replace('\n', " ");
    assert_eq!(
        facts(&bundle),
        [
            "p 2020-01-01T08:00:00 VISIT//IMP (Encounter.class)",
            "p 2020-01-01T08:00:00 SNOMED//1 (Encounter.type)",
            "p 2020-01-05T12:00:00 VISIT_END//IMP (Encounter.period.end)",
            "p 2020-01-05T12:00:00 DISCHARGE//home (Encounter.hospitalization.dischargeDisposition)",
            "p 2020-01-05T12:00:00 SNOMED//2 (Condition.code)",
            "p 2020-01-01 SNOMED//3 (Condition.code)",
        ]
    );
}

#[test]
fn a_diagnosis_in_bulk_files_waits_for_its_stay_and_only_for_that() {
    let diagnosis = |encounter: &str, recorded: &str, code: &str| {
        about_p(
            "Condition",
            &format!(
                r#""category":[{{"coding":[{{"code":"encounter-diagnosis"}}]}}],"encounter":{{"reference":"Encounter/{encounter}"}},"recordedDate":"{recorded}","code":{}"#,
                coded(SNOMED, code)
            ),
        )
    };
    let encounter = |id: &str, class: &str| {
        format!(
            r#"{{"resourceType":"Encounter","id":"{id}","subject":{{"reference":"Patient/p"}},"class":{{"code":"{class}"}},"period":{{"start":"2020-01-01T08:00:00Z","end":"2020-01-05T12:00:00Z"}}}}"#
        )
    };
    let lines = [
        diagnosis("stay", "2020-01-01", "1"),
        diagnosis("stay", "2020-02-01", "2"),
        diagnosis("visit", "2020-01-01", "3"),
        diagnosis("elsewhere", "2020-01-01", "4"),
        encounter("stay", "IMP"),
        encounter("visit", "AMB"),
    ];
    let facts: Vec<String> =
        facts(&lines.join("\n")).into_iter().filter(|f| f.contains("Condition")).collect();
    assert_eq!(
        facts,
        [
            "p 2020-01-05T12:00:00 SNOMED//1 (Condition.code)",
            "p 2020-02-01 SNOMED//2 (Condition.code)",
            "p 2020-01-01 SNOMED//3 (Condition.code)",
            "p 2020-01-01 SNOMED//4 (Condition.code)",
        ]
    );
}

#[test]
fn medications_are_found_wherever_they_are() {
    let request = |medication: &str| {
        about_p("MedicationRequest", &format!(r#""intent":"order","authoredOn":"2020-01-02",{medication}"#))
    };
    let line = "p 2020-01-02 RXNORM//860975 (MedicationRequest.medication)";
    let code = coded(RXNORM, "860975");
    assert_eq!(facts(&request(&format!(r#""medicationCodeableConcept":{code}"#))), [line]);
    let contained = format!(
        r##""contained":[{{"resourceType":"Medication","id":"m","code":{code}}}],"medicationReference":{{"reference":"#m"}}"##
    );
    assert_eq!(facts(&request(&contained)), [line]);
    let elsewhere = request(r#""medicationReference":{"reference":"Medication/m"}"#);
    let medication = format!(r#"{{"resourceType":"Medication","id":"m","code":{code}}}"#);
    assert_eq!(facts(&format!("{elsewhere}\n{medication}")), [line]);
    assert_eq!(read(&elsewhere).1.len(), 1);
    let given = format!(
        r#""status":"completed","effectiveDateTime":"2020-01-02T08:00:00Z","medicationCodeableConcept":{code},"dosage":{{"dose":{{"value":500,"unit":"mg"}}}}"#
    );
    assert_eq!(
        facts(&about_p("MedicationAdministration", &given)),
        ["p 2020-01-02T08:00:00 RXNORM//860975 = 500mg (MedicationAdministration.medication)"]
    );
}

#[test]
fn what_is_not_the_patients_own_doing_does_not_look_like_it() {
    let of_patient = |kind: &str, elements: &str| {
        format!(r#"{{"resourceType":"{kind}","patient":{{"reference":"Patient/p"}},{elements}}}"#)
    };
    let allergy = of_patient(
        "AllergyIntolerance",
        &format!(r#""recordedDate":"2020-01-01","code":{}"#, coded(RXNORM, "1191")),
    );
    let family = of_patient(
        "FamilyMemberHistory",
        &format!(
            r#""status":"completed","date":"2020-01-01","condition":[{{"code":{}}}]"#,
            coded(SNOMED, "1")
        ),
    );
    let order = about_p(
        "ServiceRequest",
        &format!(
            r#""status":"active","intent":"order","authoredOn":"2020-01-01","code":{}"#,
            coded(LOINC, "2")
        ),
    );
    assert_eq!(
        facts(&format!("{allergy}\n{family}\n{order}")),
        [
            "p 2020-01-01 ALLERGY//RXNORM//1191 (AllergyIntolerance.code)",
            "p 2020-01-01 FAMILY_HISTORY//SNOMED//1 (FamilyMemberHistory.condition.code)",
            "p 2020-01-01 ORDER//LOINC//2 (ServiceRequest.code)",
        ]
    );
}

#[test]
fn notes_are_decoded_and_kept_apart_from_their_type() {
    let note = format!(
        r#""status":"current","date":"2020-01-01T10:00:00Z","type":{},"content":[{{"attachment":{{"contentType":"text/plain","data":"Y291Z2g="}}}}]"#,
        coded(LOINC, "34117-2")
    );
    assert_eq!(
        facts(&about_p("DocumentReference", &note)),
        [
            "p 2020-01-01T10:00:00 LOINC//34117-2 (DocumentReference.type)",
            "p 2020-01-01T10:00:00 LOINC//34117-2 = \"cough\" (DocumentReference.content)",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_rejected_by_line_and_field_and_the_rest_goes_on() {
    let good = about_p("Procedure", &format!(r#""performedDateTime":"2020","code":{}"#, coded(SNOMED, "1")));
    let far =
        about_p("Procedure", &format!(r#""performedDateTime":"9999-12-31","code":{}"#, coded(SNOMED, "1")));
    let huge = about_p(
        "Observation",
        &format!(r#""issued":"2020","code":{},"valueQuantity":{{"value":1e308}}"#, coded(LOINC, "1")),
    );
    let nobody = r#"{"resourceType":"Procedure","performedDateTime":"2020"}"#;
    let cut = &good[..good.len() / 2];
    let mistyped = good.replace(r#""performedDateTime":"2020""#, r#""performedDateTime":{"Canary":1}"#);
    let deep = format!(r#"{{"resourceType":"Patient","a":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let unheard = r#"{"resourceType":"AnnCanary"}"#;
    let ndjson = [&good, &far, &huge, nobody, cut, &mistyped, &deep, unheard, &good].join("\n");
    let (facts, rejections) = read(&ndjson);
    assert_eq!(facts.len(), 2);
    assert_eq!(
        rejections,
        [
            "Test.ndjson:2 Procedure Procedure.performedDateTime: time out of range",
            "Test.ndjson:3 Observation Observation.valueQuantity: number out of range",
            "Test.ndjson:4 Procedure Procedure.subject: no reference to a patient",
            "Test.ndjson:5 Procedure : the JSON ends early",
            "Test.ndjson:6 Procedure : an element has a type that FHIR does not allow there",
            "Test.ndjson:7  : nested too deeply",
            "Test.ndjson:8  : not a resource type of FHIR R4",
        ]
    );
}

#[test]
fn the_same_resource_read_twice_has_the_same_origins_and_facts_of_one_differ() {
    let limits = Limits::default();
    let bundle = format!(
        r#"{{"resourceType":"Bundle","entry":[{{"resource":{0}}},{{"resource":{0}}}]}}"#,
        r#"{"resourceType":"Patient","id":"p","gender":"male","birthDate":"1960-01-01"}"#
    );
    let FhirSubject { subject, rejections, .. } = fhir_bundle_subject(bundle.as_bytes(), &limits).unwrap();
    assert_eq!((subject.expose().facts.len(), rejections.len()), (2, 0));
}

#[test]
fn a_document_for_one_patient_holds_one() {
    let limits = Limits { max_document_bytes: 4096, ..Limits::default() };
    let two = r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"a","gender":"male"}},
        {"resource":{"resourceType":"Patient","id":"b","gender":"male"}}]}"#;
    assert!(matches!(fhir_bundle_subject(two.as_bytes(), &limits), Err(Error::NotOneSubject { found: 2 })));
    let none = br#"{"resourceType":"Bundle"}"#;
    assert!(matches!(fhir_bundle_subject(none, &limits), Err(Error::NotOneSubject { found: 0 })));
    for broken in [&b"{"[..], b"", b"\xff", b"[]", &[b' '; 5000]] {
        assert!(matches!(fhir_bundle_subject(broken, &limits), Err(Error::Document { .. })));
    }
}
