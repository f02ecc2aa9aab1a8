//! Drugs asked for, given, handed out and taken; and the Medications that they refer to.

use super::{
    paths,
    record::{Chosen, Halt, MEDICATION_REFERENCE, Record, happened, reject},
    reference::{Target, target},
    wire::{Concept, List, Period, Quantity, Reference, Text},
};
use events::{SourceTime, SourceValue};
use serde::Deserialize;
use smol_str::SmolStr;
use sonic_rs::LazyValue;

/// What the four kinds of drug resources share, and what each has of its own.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Drug<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    intent: Option<Text<'a>>,
    do_not_perform: Option<bool>,
    subject: Option<Reference<'a>>,
    medication_codeable_concept: Option<Concept<'a>>,
    medication_reference: Option<Reference<'a>>,
    contained: List<Medication<'a>>,
    authored_on: Option<Text<'a>>,
    effective_date_time: Option<Text<'a>>,
    effective_period: Option<Period<'a>>,
    date_asserted: Option<Text<'a>>,
    when_handed_over: Option<Text<'a>>,
    when_prepared: Option<Text<'a>>,
    dosage: Option<Dosage<'a>>,
}

/// Of `dosage` only an administration's single object is read; a statement's list of instructions is not.
enum Dosage<'a> {
    Given(Given<'a>),
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Given<'a> {
    dose: Option<Quantity<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Dosage<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = List::<Given<'a>>::deserialize(deserializer)?;
        let mut given = given.into_inner();
        Ok(match given.len() {
            1 => given.pop().map_or(Dosage::Other, Dosage::Given),
            _ => Dosage::Other,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Medication<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    code: Option<Concept<'a>>,
}

pub(super) fn read_request(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let drug = begin(record, text, &["cancelled", "entered-in-error", "draft"])?;
    if drug.do_not_perform == Some(true) {
        return Err(Halt::Ignore("asks that it not be done"));
    }
    if matches!(drug.intent.as_deref(), Some("proposal" | "plan" | "option")) {
        return Err(Halt::Ignore("intent says that it is not an order"));
    }
    let at = record.time(&[drug.authored_on.as_ref()], "MedicationRequest.authoredOn")?;
    emit(record, &drug, at, paths::REQUEST_MEDICATION, "MedicationRequest.subject")
}

pub(super) fn read_administration(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let drug = begin(record, text, &["not-done", "entered-in-error"])?;
    let start = drug.effective_period.as_ref().and_then(|period| period.start.as_ref());
    let field = "MedicationAdministration.effectiveDateTime";
    let at = record.time(&[drug.effective_date_time.as_ref(), start], field)?;
    emit(record, &drug, at, paths::ADMINISTRATION_MEDICATION, "MedicationAdministration.subject")
}

pub(super) fn read_statement(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let drug = begin(record, text, &["not-taken", "entered-in-error", "intended"])?;
    let start = drug.effective_period.as_ref().and_then(|period| period.start.as_ref());
    let candidates = [drug.effective_date_time.as_ref(), start, drug.date_asserted.as_ref()];
    let at = record.time(&candidates, "MedicationStatement.effectiveDateTime")?;
    emit(record, &drug, at, paths::STATEMENT_MEDICATION, "MedicationStatement.subject")
}

pub(super) fn read_dispense(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let drug = begin(record, text, &["cancelled", "declined", "entered-in-error", "preparation"])?;
    let candidates = [drug.when_handed_over.as_ref(), drug.when_prepared.as_ref()];
    let at = record.time(&candidates, "MedicationDispense.whenHandedOver")?;
    emit(record, &drug, at, paths::DISPENSE_MEDICATION, "MedicationDispense.subject")
}

fn begin<'t>(record: &mut Record<'_>, text: &'t str, not_these: &[&str]) -> Result<Drug<'t>, Halt> {
    let drug: Drug<'t> = record.parse(text)?;
    record.identify(drug.id.as_deref(), drug.meta.as_ref());
    happened(drug.status.as_ref(), not_these)?;
    Ok(drug)
}

fn emit(
    record: &mut Record<'_>,
    drug: &Drug<'_>,
    at: SourceTime,
    path: &'static str,
    subject_field: &'static str,
) -> Result<(), Halt> {
    let subject = record.subject(drug.subject.as_ref(), subject_field)?;
    let chosen = chosen(record, drug, path)?;
    let dose = match (&drug.dosage, path) {
        (Some(Dosage::Given(Given { dose: Some(dose) })), paths::ADMINISTRATION_MEDICATION) => {
            record.quantity(dose, "MedicationAdministration.dosage.dose")
        }
        _ => None,
    };
    let value = dose.unwrap_or((SourceValue::None, None));
    Ok(record.valued_event(&subject, path, at, chosen, value)?)
}

/// The drug's code: its own, its contained Medication's, its Bundle's, else a promise to look it up when all
/// Medications of the sources have been read.
fn chosen(record: &Record<'_>, drug: &Drug<'_>, path: &'static str) -> Result<Chosen, Halt> {
    if let Some(chosen) = drug.medication_codeable_concept.as_ref().and_then(Chosen::of) {
        return Ok(chosen);
    }
    let Some(reference) = drug.medication_reference.as_ref().and_then(|r| r.reference.as_deref()) else {
        return Err(Halt::Ignore("no code, only text or nothing"));
    };
    match target(reference) {
        Target::Contained(id) => {
            let contained = drug.contained.iter().find(|m| m.id.as_deref() == Some(id));
            record.code(contained.and_then(|medication| medication.code.as_ref()))
        }
        Target::Resource { kind: None | Some("Medication"), id } => {
            let id = record.resolve("Medication", id);
            Ok(record.bundle.and_then(|bundle| bundle.medication(id)).cloned().unwrap_or_else(|| Chosen {
                system: SmolStr::new_static(MEDICATION_REFERENCE),
                code: SmolStr::new(id),
                display: None,
            }))
        }
        _ => reject(path, "the reference to the medication cannot be resolved"),
    }
}

/// A Medication's id and code, for the references to it; no code where it was entered in error, and why there is none else. Without a
/// code it displaces an older version all the same.
pub(super) fn define(
    record: &mut Record<'_>,
    text: &str,
) -> Result<(String, Result<Option<Chosen>, Halt>), Halt> {
    let medication: Medication<'_> = record.parse(text)?;
    record.identify(medication.id.as_deref(), medication.meta.as_ref());
    let chosen = match medication.status.as_deref() {
        Some("entered-in-error") => Ok(None),
        _ => record.code(medication.code.as_ref()).map(Some),
    };
    match record.key(medication.id.as_deref()) {
        Some(id) => Ok((id.to_owned(), chosen)),
        None => reject("Medication.id", "no id"),
    }
}
