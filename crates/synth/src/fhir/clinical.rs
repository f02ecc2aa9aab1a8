//! What was done: Encounter, Condition, Observation, DiagnosticReport, Procedure, MedicationRequest,
//! Immunization and DocumentReference.

use super::{
    CVX, ICD10CM, LOINC, Lines, RXNORM, SECOND_SITES_TESTS, SNOMED, UCUM, coded, coded_as, date, date_time,
    hl7, hospital, id, meta, note, physician, reference,
};
use crate::catalogue::Concept;
use crate::measurement::Measure;
use crate::meds::{SMOKING_QUESTION, smoking_code};
use crate::population::SyntheticSubject;
use crate::record::{Class, Encounter, Value as Measured};
use crate::site::Site;
use base64::Engine;
use serde_json::{Value, json};

/// The most resources of one kind that an encounter can have; ids are numbered with it.
const PER_ENCOUNTER: usize = 100;

pub(super) fn encounter(subject: &SyntheticSubject, number: usize, encounter: &Encounter, lines: &mut Lines) {
    let patient = reference("Patient", &subject.key);
    let encounter_id = id(subject, "e", number);
    let at = reference("Encounter", &encounter_id);
    let numbered = |kind: &str, place: usize| id(subject, kind, number * PER_ENCOUNTER + place);
    let known = encounter.known();

    let conditions: Vec<Value> = (0..encounter.diagnoses.len())
        .map(|place| json!({"condition": reference("Condition", &numbered("c", place)), "rank": place + 1}))
        .collect();
    let mut visit = json!({
        "resourceType": "Encounter",
        "id": encounter_id,
        "meta": meta(),
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": encounter.class.code(), "display": encounter.class.display()},
        "subject": patient,
        "participant": [{"individual": {"display": physician(subject)}}],
        "period": {"start": date_time(encounter.start), "end": date_time(encounter.end)},
        "serviceProvider": {"display": hospital(subject)}
    });
    if !conditions.is_empty() {
        visit["diagnosis"] = conditions.into();
    }
    if encounter.class == Class::Inpatient {
        let code = if encounter.died { "exp" } else { "home" };
        visit["hospitalization"] = json!({"dischargeDisposition": hl7("discharge-disposition", code)});
    }
    lines.push(&visit);

    for (place, diagnosis) in encounter.diagnoses.iter().enumerate() {
        let on_problem_list = diagnosis.first && diagnosis.chronic;
        let category = if on_problem_list { "problem-list-item" } else { "encounter-diagnosis" };
        let mut condition = json!({
            "resourceType": "Condition",
            "id": numbered("c", place),
            "meta": meta(),
            "clinicalStatus": hl7("condition-clinical", if diagnosis.chronic { "active" } else { "resolved" }),
            "verificationStatus": hl7("condition-ver-status", "confirmed"),
            "category": [hl7("condition-category", category)],
            "code": coded_as(ICD10CM, subject.person.site.diagnosis(diagnosis.concept.code), diagnosis.concept.display),
            "subject": patient,
            "encounter": at,
            "recordedDate": date_time(known)
        });
        if on_problem_list {
            condition["onsetDateTime"] = date(diagnosis.onset).into();
        }
        lines.push(&condition);
    }

    observations(subject, encounter, &at, &numbered, lines);

    for (place, procedure) in encounter.procedures.iter().enumerate() {
        lines.push(&json!({
            "resourceType": "Procedure",
            "id": numbered("p", place),
            "meta": meta(),
            "status": "completed",
            "code": coded(SNOMED, *procedure),
            "subject": patient,
            "encounter": at,
            "performedDateTime": date_time(known)
        }));
    }
    for (place, drug) in encounter.prescriptions.iter().enumerate() {
        lines.push(&json!({
            "resourceType": "MedicationRequest",
            "id": numbered("m", place),
            "meta": meta(),
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": coded(RXNORM, *drug),
            "subject": patient,
            "encounter": at,
            "authoredOn": date_time(encounter.prescribed().min(subject.record.until)),
            "requester": {"display": physician(subject)}
        }));
    }
    for (place, vaccine) in encounter.immunizations.iter().enumerate() {
        lines.push(&json!({
            "resourceType": "Immunization",
            "id": numbered("i", place),
            "meta": meta(),
            "status": "completed",
            "vaccineCode": coded(CVX, *vaccine),
            "patient": patient,
            "encounter": at,
            "occurrenceDateTime": date_time(encounter.start),
            "primarySource": true
        }));
    }
    if encounter.has_note {
        let kind = match encounter.class {
            Class::Ambulatory => Concept { code: "11506-3", display: "Progress note" },
            Class::Emergency => Concept { code: "34111-5", display: "Emergency department Note" },
            Class::Inpatient => Concept { code: "18842-5", display: "Discharge summary" },
        };
        let text = note::text(subject, number, encounter);
        lines.push(&json!({
            "resourceType": "DocumentReference",
            "id": id(subject, "d", number),
            "meta": meta(),
            "status": "current",
            "type": coded(LOINC, kind),
            "subject": patient,
            "date": date_time(encounter.end),
            "author": [{"display": physician(subject)}],
            "content": [{"attachment": {
                "contentType": "text/plain; charset=utf-8",
                "data": base64::engine::general_purpose::STANDARD.encode(text)
            }}],
            "context": {"encounter": [at]}
        }));
    }
}

/// A value as its site reports it, in its units.
fn quantity(site: Site, value: &Measured) -> Value {
    let (number, unit) = site.value(value.measure, value.value);
    json!({"value": number, "unit": unit, "system": UCUM, "code": unit})
}

/// A test as its site codes it.
fn test_code(site: Site, measure: Measure) -> Value {
    let test = measure.test();
    let (_, code) = site.test(test);
    let system = if site == Site::First { LOINC } else { SECOND_SITES_TESTS };
    coded_as(system, &code, test.display)
}

fn observations(
    subject: &SyntheticSubject,
    encounter: &Encounter,
    at: &Value,
    numbered: &dyn Fn(&str, usize) -> String,
    lines: &mut Lines,
) {
    let site = subject.person.site;
    let observation = |place: usize, category: &str, code: Value, time: events::Time| {
        json!({
            "resourceType": "Observation",
            "id": numbered("o", place),
            "meta": meta(),
            "status": "final",
            "category": [hl7("observation-category", category)],
            "code": code,
            "subject": reference("Patient", &subject.key),
            "encounter": at,
            "effectiveDateTime": date_time(time)
        })
    };
    for (place, value) in encounter.values.iter().enumerate() {
        let test = value.measure.test();
        match value.measure {
            // Blood pressure is one observation with two components, and diastolic follows systolic.
            Measure::Systolic => {
                let panel =
                    Concept { code: "85354-9", display: "Blood pressure panel with all children optional" };
                let mut pressure = observation(place, "vital-signs", coded(LOINC, panel), value.time);
                pressure["component"] = encounter.values[place..]
                    .iter()
                    .take(2)
                    .filter(|v| matches!(v.measure, Measure::Systolic | Measure::Diastolic))
                    .map(|part| json!({"code": test_code(site, part.measure), "valueQuantity": quantity(site, part)}))
                    .collect();
                lines.push(&pressure);
            }
            Measure::Diastolic => {}
            _ => {
                let category = match value.measure {
                    Measure::Phq9 | Measure::Gad7 | Measure::Mmse => "survey",
                    Measure::FevRatio => "procedure",
                    _ if test.vital => "vital-signs",
                    _ => "laboratory",
                };
                let mut single = observation(place, category, test_code(site, value.measure), value.time);
                single["valueQuantity"] = quantity(site, value);
                lines.push(&single);
            }
        }
    }
    if let Some(smoking) = encounter.smoking {
        let (code, display) = smoking_code(smoking);
        let question = Concept { code: SMOKING_QUESTION, display: "Tobacco smoking status" };
        let mut asked =
            observation(encounter.values.len(), "social-history", coded(LOINC, question), encounter.start);
        asked["valueCodeableConcept"] = coded(SNOMED, Concept { code, display });
        lines.push(&asked);
    }
    for (number, report) in encounter.panels.iter().enumerate() {
        let results: Vec<Value> = encounter
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.panel == Some(number))
            .map(|(place, _)| reference("Observation", &numbered("o", place)))
            .collect();
        lines.push(&json!({
            "resourceType": "DiagnosticReport",
            "id": numbered("r", number),
            "meta": meta(),
            "status": "final",
            "category": [hl7("v2-0074", "LAB")],
            "code": coded(LOINC, report.panel.concept),
            "subject": reference("Patient", &subject.key),
            "encounter": at,
            "effectiveDateTime": date_time(report.time),
            "issued": date_time(report.time),
            "result": results
        }));
    }
}
