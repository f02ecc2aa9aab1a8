//! Patients as callers send them: a FHIR R4 Bundle, events in MEDS terms, or rows of the OMOP CDM.

use super::{from_json, time::parse_time};
use crate::{MedsEvent, Patient, PatientError, Predictor, SentRecord, error::ApiError};
use events::{Identified, SourceTime};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One patient's record: a FHIR R4 Bundle, events in MEDS terms, or rows of the OMOP CDM.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "a schema for the documentation; records are read from their raw JSON")]
pub(crate) enum PatientRecord {
    /// A FHIR R4 Bundle.
    Fhir(FhirBundle),
    /// Events in MEDS terms.
    Meds(MedsRecord),
    /// Rows of the OMOP CDM.
    Omop(OmopRecord),
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

/// One person's rows of the OMOP CDM 5.3 or 5.4.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({"omop": {
    "person": [{"person_id": 6, "gender_concept_id": 8532, "year_of_birth": 1958}],
    "condition_occurrence": [{"condition_occurrence_id": 1, "person_id": 6, "condition_concept_id": 320128,
        "condition_start_date": "2019-05-02"}],
    "measurement": [{"measurement_id": 1, "person_id": 6, "measurement_concept_id": 3004410,
        "measurement_date": "2024-01-10", "value_as_number": 6.3, "unit_source_value": "%"}],
    "concept": [
        {"concept_id": 320128, "concept_name": "Essential hypertension", "vocabulary_id": "SNOMED", "concept_code": "59621000"},
        {"concept_id": 3004410, "concept_name": "Hemoglobin A1c", "vocabulary_id": "LOINC", "concept_code": "4548-4"}]
}}))]
#[allow(dead_code, reason = "a schema for the documentation; rows are read by the predictor")]
pub(crate) struct OmopRecord {
    /// Tables by their names in the CDM, each a list of rows or one row, with the CDM's column names: `person`, `visit_occurrence`,
    /// `condition_occurrence`, `drug_exposure`, `procedure_occurrence`, `measurement`, `observation`, `death`, … `concept` says what the
    /// concept ids mean, unless the server holds a vocabulary. Rows whose concept isn't known are counted as rejected.
    omop: std::collections::BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>,
}

/// The fields by which a record's kind is told.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "resourceType", borrow, default)]
    resource_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    events: Option<&'a RawValue>,
    #[serde(borrow, default)]
    omop: Option<&'a RawValue>,
}

/// Is this whole body one patient's record, rather than a request that holds some?
pub(crate) fn records_of(body: &[u8]) -> Result<Option<&RawValue>, ApiError> {
    match from_json::<Probe>(body, "body")? {
        Probe { resource_type: None, events: None, omop: None } => Ok(None),
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
        Probe { events: Some(_), omop: Some(_), .. } => {
            Err(ApiError::invalid(at, "holds both events and omop; send one of them"))
        }
        Probe { omop: Some(rows), .. } => {
            let rows = Identified::new(rows.get().as_bytes());
            predictor.read(SentRecord::Omop(rows), known).map_err(refused)
        }
        Probe { events: Some(_), .. } => {
            let record: MedsRecord = from_json(json, at)?;
            let rows = record.events.into_iter().enumerate();
            let events =
                rows.map(|(index, row)| meds_event(row, index, at)).collect::<Result<Vec<_>, _>>()?;
            predictor.read(SentRecord::Meds(Identified::new(events)), known).map_err(refused)
        }
        Probe { .. } => Err(ApiError::invalid(
            at,
            "is neither a FHIR Bundle (with resourceType), nor a MEDS record (with events), nor rows of OMOP's (with omop); see /docs",
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
