//! An answer as FHIR R4 resources, labelled as HL7's AI Transparency guide (1.0.0-ballot) has it: the assessment and the guidance, the
//! device that made them, its model card, and where they come from.
//!
//! The subject is told in words: the record is de-identified when the model reads it, and its answer must not name anybody. Who
//! asked knows whom they asked about, and sets the subject.

use super::coding::concept;
use crate::{
    ModelDescription,
    error::ApiError,
    uuid::new_uuid,
    wire::{DISCLAIMER, PatientAnswer, SYNTHETIC_NOTICE, is_oldest},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use govern::lifecycle::Stage;
use serde_json::{Value, json};

const GUIDE: &str = "http://hl7.org/fhir/uv/aitransparency";
const DAYS_PER_YEAR: f64 = 365.25;

/// What an answer is made from.
pub(super) struct Answered<'a> {
    pub(super) model: &'a ModelDescription,
    pub(super) stage: Stage,
    pub(super) request_id: &'a str,
    /// RFC 3339.
    pub(super) now: &'a str,
    pub(super) patient: PatientAnswer<'a>,
}

/// All of it, as a collection.
pub(super) fn bundle(answered: &Answered<'_>) -> Result<Value, ApiError> {
    let names =
        (0..5).map(|_| Ok(format!("urn:uuid:{}", new_uuid()?))).collect::<Result<Vec<String>, ApiError>>()?;
    let [risk, guidance, device, card, provenance] = names.as_slice() else { return Err(ApiError::Internal) };
    let resources = [
        (risk, risk_assessment(answered, device)),
        (guidance, guidance_response(answered, device, risk)),
        (device, ai_device(answered, card)),
        (card, model_card(answered)),
        (provenance, ai_provenance(answered, [risk, guidance], device, card)),
    ];
    let entries: Vec<Value> = resources
        .into_iter()
        .map(|(name, mut resource)| {
            // The security label by which any reader can tell that a machine says so.
            resource["meta"] = json!({ "security": [asserted_by_ai()] });
            json!({ "fullUrl": name, "resource": resource })
        })
        .collect();
    Ok(json!({
        "resourceType": "Bundle", "meta": { "security": [asserted_by_ai()] }, "type": "collection",
        "timestamp": answered.now, "entry": entries
    }))
}

fn asserted_by_ai() -> Value {
    json!({
        "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
        "code": "AIAST", "display": "Artificial Intelligence asserted"
    })
}

fn subject() -> Value {
    json!({ "type": "Patient", "display": "the patient whose record was sent" })
}

fn notes(model: &ModelDescription) -> Vec<Value> {
    let synthetic = model.trained_on.synthetic.then_some(SYNTHETIC_NOTICE);
    [Some(DISCLAIMER), synthetic].into_iter().flatten().map(|text| json!({ "text": text })).collect()
}

fn risk_assessment(answered: &Answered<'_>, device: &str) -> Value {
    let Answered { model, patient, .. } = answered;
    let mut predictions = Vec::new();
    for risk in &patient.risks {
        for (place, (days, probability)) in
            model.horizons_days.iter().zip(&risk.cumulative_incidence).enumerate()
        {
            let again = if risk.already_recorded { " again" } else { "" };
            let mut prediction = json!({
                "outcome": concept(risk.code, risk.description),
                // R4 has percentages here, up to 100.
                "probabilityDecimal": rounded(f64::from(*probability) * 100.0),
                "rationale": format!("recorded{again} within {days} days of the last event of the record, death competing"),
            });
            if let Some(age) = patient.age_years.map(f64::from) {
                let years = |age: f64| json!({ "value": rounded(age), "unit": "years", "system": "http://unitsofmeasure.org", "code": "a" });
                prediction["whenRange"] = match is_oldest(age) {
                    // How much older nobody here knows, and so no age by which it ends.
                    true => json!({ "low": years(age) }),
                    false => json!({ "low": years(age), "high": years(age + days / DAYS_PER_YEAR) }),
                };
            }
            let reference = risk.reference.as_ref().and_then(|curve| curve.get(place)).filter(|p| **p > 1e-6);
            if let Some(reference) = reference {
                prediction["relativeRisk"] = rounded(f64::from(probability / reference));
            }
            predictions.push(prediction);
        }
    }
    let events = &patient.events;
    json!({
        "resourceType": "RiskAssessment",
        "identifier": [{ "system": "urn:osler:request", "value": answered.request_id }],
        // Nobody has looked at it.
        "status": "preliminary",
        "method": { "text": format!("{} {}, {}", model.name, model.version, model.digest) },
        "subject": subject(),
        "occurrenceDateTime": answered.now,
        "performer": { "reference": device },
        "prediction": predictions,
        "mitigation": format!(
            "Rests on {} of {} events that were read; {} entries could not be read, and {} have codes that the model doesn't know. \
             relativeRisk is to people of the same age and sex in the training data.",
            events.used, events.read, events.rejected, events.unknown_codes
        ),
        "note": notes(model),
    })
}

fn guidance_response(answered: &Answered<'_>, device: &str, risk: &str) -> Value {
    let assessment = json!({ "name": "assessment", "valueReference": { "reference": risk } });
    json!({
        "resourceType": "GuidanceResponse",
        "contained": [{ "resourceType": "Parameters", "id": "output", "parameter": [assessment] }],
        "requestIdentifier": { "system": "urn:osler:request", "value": answered.request_id },
        "moduleUri": format!("urn:osler:model:{}", answered.model.digest),
        "status": "success",
        "subject": subject(),
        "occurrenceDateTime": answered.now,
        "performer": { "reference": device },
        "note": notes(answered.model),
        "outputParameters": { "reference": "#output" },
    })
}

fn ai_device(answered: &Answered<'_>, card: &str) -> Value {
    let model = answered.model;
    let kind = |code: &str, display: &str| json!({ "coding": [{ "system": format!("{GUIDE}/CodeSystem/AIdeviceTypeCS"), "code": code, "display": display }] });
    json!({
        "resourceType": "Device",
        "extension": [
            {
                "url": format!("{GUIDE}/StructureDefinition/aitransparency.AIKind"),
                "valueCodeableConcept": kind("Deep-Learning-Models", "Deep Learning Models")
            },
            {
                "url": format!("{GUIDE}/StructureDefinition/aitransparency.modelCardDescription"),
                "valueReference": { "reference": card }
            }
        ],
        "identifier": [{ "system": "urn:osler:model", "value": model.digest }],
        "status": "active",
        "deviceName": [{ "name": model.name, "type": "model-name" }],
        "type": kind("Artificial-Intelligence", "All kinds of Artificial Intelligence"),
        "version": [{ "value": model.version }],
        "note": [{ "text": format!("stage: {}", answered.stage.name()) }],
    })
}

/// What is known of the model here; a card from all evidence is another document.
fn model_card(answered: &Answered<'_>) -> Value {
    let model = answered.model;
    let trained = &model.trained_on;
    let mut markdown = format!(
        "# {}\n\n- version {}\n- digest `{}`\n- stage {}\n- trained on {}{}{}\n- {} codes, horizons {:?} days\n- looks at the last {} \
         tokens\n\n{DISCLAIMER}\n",
        model.name,
        model.version,
        model.digest,
        answered.stage.name(),
        trained.name,
        if trained.synthetic { " (synthetic)" } else { "" },
        trained.subjects.map_or_else(String::new, |subjects| format!(", {subjects} subjects")),
        model.codes.len(),
        model.horizons_days,
        model.context_events,
    );
    if trained.synthetic {
        markdown += &format!("\n{SYNTHETIC_NOTICE}\n");
    }
    let coded = |code: &str, display: &str| json!({ "coding": [{ "system": format!("{GUIDE}/CodeSystem/AIinputsCS"), "code": code, "display": display }] });
    json!({
        "resourceType": "DocumentReference",
        "identifier": [{ "system": "urn:osler:model", "value": model.digest }],
        "status": "current",
        "type": coded("AIModelCard", "AI Model-Card"),
        "category": [coded("AIModelCardMarkdownFormat", "Markdown Format")],
        "content": [{ "attachment": { "contentType": "text/markdown", "data": BASE64_STANDARD.encode(markdown) } }],
    })
}

fn ai_provenance(answered: &Answered<'_>, targets: [&String; 2], device: &str, card: &str) -> Value {
    let role = json!({
        "coding": [{ "system": format!("{GUIDE}/CodeSystem/AIdeviceTypeCS"), "code": "Artificial-Intelligence" }]
    });
    let author = json!({
        "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
            "code": "author", "display": "Author"
        }]
    });
    let input = json!({ "system": "urn:osler:request", "value": answered.request_id });
    // No human agent: nobody verified this. Whoever does adds themselves, in a Provenance of their own.
    json!({
        "resourceType": "Provenance",
        "target": targets.map(|target| json!({ "reference": target })),
        "occurredDateTime": answered.now,
        "recorded": answered.now,
        "reason": [{ "coding": [asserted_by_ai()] }],
        "agent": [{ "type": author, "role": [role], "who": { "reference": device } }],
        "entity": [
            { "role": "derivation", "what": { "reference": card } },
            { "role": "source", "what": { "identifier": input, "display": "the record that was sent, which is not kept" } }
        ],
    })
}

/// Four places after the point: more would claim more than a single-precision estimate says.
fn rounded(number: f64) -> Value {
    json!((number * 1e4).round() / 1e4)
}
