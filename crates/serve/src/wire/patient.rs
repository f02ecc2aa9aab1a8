//! Patients as callers send them: a FHIR R4 Bundle, or events in MEDS terms.

use super::{from_json, time::parse_time};
use crate::{MedsEvent, Patient, PatientError, Predictor, SentRecord, error::ApiError};
use events::{Identified, SourceTime};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One patient's record: a FHIR R4 Bundle, or events in MEDS terms.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "a schema for the documentation; records are read from their raw JSON")]
pub(crate) enum PatientRecord {
    /// A FHIR R4 Bundle.
    Fhir(FhirBundle),
    /// Events in MEDS terms.
    Meds(MedsRecord),
}

/// A FHIR R4 Bundle that holds one Patient and that patient's resources.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "a schema for the documentation; Bundles are read by the predictor")]
pub(crate) struct FhirBundle {
    /// `Bundle`.
    #[serde(rename = "resourceType")]
    #[schema(example = "Bundle")]
    resource_type: String,
    /// The resources, one of them a Patient with a `birthDate`.
    entry: Vec<serde_json::Value>,
}

/// Events in MEDS terms, among them `MEDS_BIRTH`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"events": [
    {"code": "GENDER//F"},
    {"time": "1958-05-01", "code": "MEDS_BIRTH"},
    {"time": "2019-03-04T09:30:00", "code": "LOINC//4548-4", "numeric_value": 7.9, "unit": "%"},
    {"time": "2019-03-04", "code": "ICD10CM//E11.9"}
]}))]
pub(crate) struct MedsRecord {
    events: Vec<MedsRow>,
}

/// One event. Further columns, such as `subject_id`, are ignored.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct MedsRow {
    /// ISO 8601, a date or a date and time; none for static facts such as sex.
    #[serde(default)]
    #[schema(example = "2019-03-04T09:30:00")]
    time: Option<String>,
    /// `SYSTEM//code`, or a reserved word such as `MEDS_BIRTH`.
    #[schema(example = "LOINC//4548-4")]
    code: String,
    /// How much, in `unit`.
    #[serde(default)]
    numeric_value: Option<f64>,
    /// What it says.
    #[serde(default)]
    text_value: Option<String>,
    /// The unit of `numeric_value`, in UCUM.
    #[serde(default)]
    #[schema(example = "%")]
    unit: Option<String>,
}

/// The two fields by which a record's kind is told.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "resourceType", borrow, default)]
    resource_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    events: Option<&'a RawValue>,
}

/// Is this whole body one patient's record, rather than a request that holds some?
pub(crate) fn records_of(body: &[u8]) -> Result<Option<&RawValue>, ApiError> {
    match from_json::<Probe>(body, "body")? {
        Probe { resource_type: None, events: None } => Ok(None),
        _ => from_json(body, "body").map(Some),
    }
}

/// The whole body, which must be a record.
pub(crate) fn record_of(body: &[u8]) -> Result<&RawValue, ApiError> {
    from_json(body, "body")
}

/// Reads one patient, or what is added to a `known` one; `at` says where the record stands in the request.
pub(crate) fn read_patient(
    predictor: &dyn Predictor,
    record: &RawValue,
    known: Option<&Patient>,
    at: &str,
) -> Result<Patient, ApiError> {
    let json = record.get().as_bytes();
    let refused = |error| ApiError::Patient { path: at.to_owned(), error };
    match from_json::<Probe>(json, at)? {
        Probe { resource_type: Some(kind), .. } if kind == "Bundle" => {
            predictor.read(SentRecord::Fhir(Identified::new(json)), known).map_err(refused)
        }
        Probe { resource_type: Some(_), .. } => Err(refused(PatientError::NotABundle)),
        Probe { events: Some(_), .. } => {
            let record: MedsRecord = from_json(json, at)?;
            let rows = record.events.into_iter().enumerate();
            let events =
                rows.map(|(index, row)| meds_event(row, index, at)).collect::<Result<Vec<_>, _>>()?;
            predictor.read(SentRecord::Meds(Identified::new(events)), known).map_err(refused)
        }
        Probe { .. } => Err(ApiError::invalid(
            at,
            "is neither a FHIR Bundle (with resourceType) nor a MEDS record (with events); see /docs",
        )),
    }
}

fn meds_event(row: MedsRow, index: usize, at: &str) -> Result<MedsEvent, ApiError> {
    if row.code.is_empty() {
        return Err(ApiError::invalid(format!("{at}.events[{index}].code"), "is empty"));
    }
    let time = match row.time.as_deref() {
        None => SourceTime::Static,
        Some(text) => parse_time(text).ok_or_else(|| {
            ApiError::invalid(
                format!("{at}.events[{index}].time"),
                "is no ISO 8601 date or time between 1831 and 2200, such as 2019-03-04 or 2019-03-04T09:30:00",
            )
        })?,
    };
    let MedsRow { code, numeric_value, text_value, unit, .. } = row;
    Ok(MedsEvent { time, code, numeric_value, text_value, unit })
}
