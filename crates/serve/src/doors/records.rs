//! The records of a request to the server's own API: the body itself, `patient`, or `patients`.

use crate::{Patient, ServeSettings, error::ApiError};
use serde_json::value::RawValue;
use std::sync::Arc;

/// The records, unread.
pub(super) struct Records<'a> {
    records: Vec<&'a RawValue>,
    pub(super) paths: Paths,
}

/// How errors name a patient of the request.
#[derive(Clone, Copy)]
pub(super) enum Paths {
    Body,
    Patient,
    Patients,
    /// It was sent before.
    Kept,
}

impl Paths {
    pub(super) fn of(self, index: usize) -> String {
        match self {
            Paths::Body => "body".to_owned(),
            Paths::Patient => "patient".to_owned(),
            Paths::Patients => format!("patients[{index}]"),
            Paths::Kept => "the patient that is kept".to_owned(),
        }
    }
}

impl<'a> Records<'a> {
    /// The body is a record.
    pub(super) fn whole_body(record: &'a RawValue) -> Self {
        Records { records: vec![record], paths: Paths::Body }
    }

    /// What the body's two fields hold; it must be one of them.
    pub(super) fn of(
        patient: Option<&'a RawValue>,
        patients: Option<Vec<&'a RawValue>>,
    ) -> Result<Self, ApiError> {
        match (patient, patients) {
            (Some(record), None) => Ok(Records { records: vec![record], paths: Paths::Patient }),
            (None, Some(records)) => Ok(Records { records, paths: Paths::Patients }),
            (Some(_), Some(_)) => Err(ApiError::invalid("body", "send either patient or patients")),
            (None, None) => Err(ApiError::invalid("body", "send a patient, or patients")),
        }
    }

    /// Refuses none, and more than one request may hold.
    pub(super) fn check_number(&self, settings: &ServeSettings) -> Result<(), ApiError> {
        if self.records.is_empty() {
            return Err(ApiError::invalid("patients", "holds no patient"));
        }
        let limit = settings.max_patients_per_request;
        if self.records.len() > limit { Err(ApiError::TooManyPatients { limit }) } else { Ok(()) }
    }

    /// All of them, read.
    pub(super) fn read(
        &self,
        read: impl Fn(&RawValue, &str) -> Result<Arc<Patient>, ApiError>,
    ) -> Result<Vec<Arc<Patient>>, ApiError> {
        let each = self.records.iter().enumerate();
        each.map(|(index, record)| read(record, &self.paths.of(index))).collect()
    }
}
