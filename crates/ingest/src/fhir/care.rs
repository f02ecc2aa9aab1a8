//! What was done, asked for or planned: Procedure, Immunization, ServiceRequest, ImagingStudy, CarePlan.

use super::{
    paths,
    record::{Chosen, Halt, Record, happened},
    systems::own,
    wire::{Coding, Concept, List, Period, Reference, Text},
};
use serde::Deserialize;
use sonic_rs::LazyValue;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Procedure<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    code: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    performed_date_time: Option<Text<'a>>,
    performed_period: Option<Period<'a>>,
}

pub(super) fn read_procedure(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let procedure: Procedure<'_> = record.parse(text)?;
    record.identify(procedure.id.as_deref(), procedure.meta.as_ref());
    happened(procedure.status.as_ref(), &["preparation", "not-done", "entered-in-error"])?;
    let subject = record.subject(procedure.subject.as_ref(), "Procedure.subject")?;
    let start = procedure.performed_period.as_ref().and_then(|period| period.start.as_ref());
    let candidates = [procedure.performed_date_time.as_ref(), start];
    let at = record.time(&candidates, "Procedure.performedDateTime")?;
    let chosen = record.code(procedure.code.as_ref())?;
    Ok(record.event(&subject, paths::PROCEDURE_CODE, at, chosen)?)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Immunization<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    vaccine_code: Option<Concept<'a>>,
    patient: Option<Reference<'a>>,
    occurrence_date_time: Option<Text<'a>>,
}

pub(super) fn read_immunization(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let immunization: Immunization<'_> = record.parse(text)?;
    record.identify(immunization.id.as_deref(), immunization.meta.as_ref());
    happened(immunization.status.as_ref(), &["not-done", "entered-in-error"])?;
    let subject = record.subject(immunization.patient.as_ref(), "Immunization.patient")?;
    let candidates = [immunization.occurrence_date_time.as_ref()];
    let at = record.time(&candidates, "Immunization.occurrenceDateTime")?;
    let chosen = record.code(immunization.vaccine_code.as_ref())?;
    Ok(record.event(&subject, paths::IMMUNIZATION_CODE, at, chosen)?)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct ServiceRequest<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    intent: Option<Text<'a>>,
    do_not_perform: Option<bool>,
    code: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    authored_on: Option<Text<'a>>,
    occurrence_date_time: Option<Text<'a>>,
}

/// `ORDER//LOINC//…`: a test asked for must not look like its result.
pub(super) fn read_service_request(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let request: ServiceRequest<'_> = record.parse(text)?;
    record.identify(request.id.as_deref(), request.meta.as_ref());
    happened(request.status.as_ref(), &["draft", "revoked", "entered-in-error"])?;
    if request.do_not_perform == Some(true) {
        return Err(Halt::Ignore("asks that it not be done"));
    }
    if matches!(request.intent.as_deref(), Some("proposal" | "plan" | "option")) {
        return Err(Halt::Ignore("intent says that it is not an order"));
    }
    let subject = record.subject(request.subject.as_ref(), "ServiceRequest.subject")?;
    let candidates = [request.authored_on.as_ref(), request.occurrence_date_time.as_ref()];
    let at = record.time(&candidates, "ServiceRequest.authoredOn")?;
    let chosen = record.code(request.code.as_ref())?.within(own::ORDER);
    Ok(record.event(&subject, paths::SERVICE_CODE, at, chosen)?)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct ImagingStudy<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    subject: Option<Reference<'a>>,
    started: Option<Text<'a>>,
    modality: List<Coding<'a>>,
    procedure_code: List<Concept<'a>>,
    series: List<Series<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Series<'a> {
    modality: Option<Coding<'a>>,
}

/// One event for each procedure, and one for each modality among study and series.
pub(super) fn read_imaging_study(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let study: ImagingStudy<'_> = record.parse(text)?;
    record.identify(study.id.as_deref(), study.meta.as_ref());
    happened(study.status.as_ref(), &["registered", "cancelled", "entered-in-error"])?;
    let subject = record.subject(study.subject.as_ref(), "ImagingStudy.subject")?;
    let at = record.time(&[study.started.as_ref()], "ImagingStudy.started")?;
    for chosen in study.procedure_code.iter().filter_map(Chosen::of) {
        record.event(&subject, paths::IMAGING_PROCEDURE, at, chosen)?;
    }
    let of_series = study.series.iter().filter_map(|series| series.modality.as_ref());
    let mut modalities: Vec<Chosen> =
        study.modality.iter().chain(of_series).filter_map(Chosen::of_coding).collect();
    modalities.sort_unstable();
    modalities.dedup_by(|a, b| (&a.system, &a.code) == (&b.system, &b.code));
    for chosen in modalities {
        record.event(&subject, paths::IMAGING_MODALITY, at, chosen)?;
    }
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct CarePlan<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    intent: Option<Text<'a>>,
    category: List<Concept<'a>>,
    subject: Option<Reference<'a>>,
    period: Option<Period<'a>>,
    created: Option<Text<'a>>,
    activity: List<Activity<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Activity<'a> {
    detail: Option<Detail<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Detail<'a> {
    status: Option<Text<'a>>,
    code: Option<Concept<'a>>,
}

/// One event for each category and each activity, at the plan's beginning. US Core's marker category
/// `assess-plan` says nothing of the patient and is left out.
pub(super) fn read_care_plan(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let plan: CarePlan<'_> = record.parse(text)?;
    record.identify(plan.id.as_deref(), plan.meta.as_ref());
    happened(plan.status.as_ref(), &["draft", "revoked", "entered-in-error"])?;
    if matches!(plan.intent.as_deref(), Some("proposal" | "option")) {
        return Err(Halt::Ignore("intent says that it is not an order"));
    }
    let subject = record.subject(plan.subject.as_ref(), "CarePlan.subject")?;
    let start = plan.period.as_ref().and_then(|period| period.start.as_ref());
    let at = record.time(&[start, plan.created.as_ref()], "CarePlan.period.start")?;
    for category in plan.category.iter().filter(|category| !category.is_any_of(&["assess-plan"])) {
        if let Some(chosen) = Chosen::of(category) {
            record.event(&subject, paths::CARE_PLAN_CATEGORY, at, chosen)?;
        }
    }
    for detail in plan.activity.iter().filter_map(|activity| activity.detail.as_ref()) {
        if happened(detail.status.as_ref(), &["cancelled", "stopped", "entered-in-error"]).is_err() {
            record.ignore("an activity of a plan that did not happen");
        } else if let Some(chosen) = detail.code.as_ref().and_then(Chosen::of) {
            record.event(&subject, paths::CARE_PLAN_ACTIVITY, at, chosen)?;
        }
    }
    Ok(())
}
