//! What the patient has, had, reacts to, or has in the family: Condition, AllergyIntolerance,
//! FamilyMemberHistory.

use super::{
    paths,
    record::{Chosen, Halt, Record, happened},
    reference::{Target, target},
    stays,
    systems::own,
    wire::{Concept, List, Period, Reference, Text},
};
use serde::Deserialize;
use sonic_rs::LazyValue;

const NOT_SO: &[&str] = &["refuted", "entered-in-error"];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Condition<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    verification_status: Option<Concept<'a>>,
    category: List<Concept<'a>>,
    code: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    encounter: Option<Reference<'a>>,
    onset_date_time: Option<Text<'a>>,
    onset_period: Option<Period<'a>>,
    recorded_date: Option<Text<'a>>,
}

/// A condition stands at the date on which it was recorded, else at its onset. A diagnosis of an inpatient stay
/// stands no earlier than the stay's end, for it is coded at discharge; the Encounter may be anywhere in the
/// sources.
pub(super) fn read(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let condition: Condition<'_> = record.parse(text)?;
    record.identify(condition.id.as_deref(), condition.meta.as_ref());
    verified(condition.verification_status.as_ref())?;
    let subject = record.subject(condition.subject.as_ref(), "Condition.subject")?;
    let onset = condition.onset_period.as_ref().and_then(|period| period.start.as_ref());
    let candidates = [condition.recorded_date.as_ref(), condition.onset_date_time.as_ref(), onset];
    let recorded = record.time(&candidates, "Condition.recordedDate")?;
    let chosen = record.code(condition.code.as_ref())?;
    let is_encounter_diagnosis = condition.category.iter().any(|c| c.is_any_of(&["encounter-diagnosis"]));
    let encounter = condition.encounter.as_ref().filter(|_| is_encounter_diagnosis);
    let chosen = match encounter.and_then(|encounter| encounter.reference.as_deref()).map(target) {
        Some(Target::Resource { id, .. }) => {
            Chosen { system: stays::waiting(record.resolve("Encounter", id), &chosen.system), ..chosen }
        }
        _ => chosen,
    };
    Ok(record.event(&subject, paths::CONDITION_CODE, recorded, chosen)?)
}

fn verified(status: Option<&Concept<'_>>) -> Result<(), Halt> {
    if status.is_some_and(|status| status.is_any_of(NOT_SO)) {
        return Err(Halt::Ignore("verification status says that it is not so"));
    }
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Allergy<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    verification_status: Option<Concept<'a>>,
    code: Option<Concept<'a>>,
    patient: Option<Reference<'a>>,
    onset_date_time: Option<Text<'a>>,
    onset_period: Option<Period<'a>>,
    recorded_date: Option<Text<'a>>,
}

/// `ALLERGY//RXNORM//1191`: an allergy to aspirin must not look like a dose of it.
pub(super) fn read_allergy(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let allergy: Allergy<'_> = record.parse(text)?;
    record.identify(allergy.id.as_deref(), allergy.meta.as_ref());
    verified(allergy.verification_status.as_ref())?;
    let subject = record.subject(allergy.patient.as_ref(), "AllergyIntolerance.patient")?;
    let onset = allergy.onset_period.as_ref().and_then(|period| period.start.as_ref());
    let candidates = [allergy.recorded_date.as_ref(), allergy.onset_date_time.as_ref(), onset];
    let at = record.time(&candidates, "AllergyIntolerance.recordedDate")?;
    let chosen = record.code(allergy.code.as_ref())?.within(own::ALLERGY);
    Ok(record.event(&subject, paths::ALLERGY_CODE, at, chosen)?)
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct FamilyHistory<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    patient: Option<Reference<'a>>,
    date: Option<Text<'a>>,
    condition: List<FamilyCondition<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct FamilyCondition<'a> {
    code: Option<Concept<'a>>,
}

/// `FAMILY_HISTORY//SNOMED//…`: a relative's disease must not look like the patient's.
pub(super) fn read_family_history(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let history: FamilyHistory<'_> = record.parse(text)?;
    record.identify(history.id.as_deref(), history.meta.as_ref());
    happened(history.status.as_ref(), &["entered-in-error", "health-unknown"])?;
    let subject = record.subject(history.patient.as_ref(), "FamilyMemberHistory.patient")?;
    let at = record.time(&[history.date.as_ref()], "FamilyMemberHistory.date")?;
    for chosen in history.condition.iter().filter_map(|c| Chosen::of(c.code.as_ref()?)) {
        let chosen = chosen.within(own::FAMILY_HISTORY);
        record.event(&subject, paths::FAMILY_CONDITION, at, chosen)?;
    }
    Ok(())
}
