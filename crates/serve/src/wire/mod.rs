//! What travels: requests as callers send them, answers as they get them.

mod embed;
mod json;
mod kept;
mod model;
mod patient;
mod reason;
mod risk;
mod simulate;
mod time;

pub(crate) use embed::{EmbedAnswer, EmbedRequest};
pub(crate) use json::from_json;
pub(crate) use kept::KeptAnswer;
pub(crate) use model::{ExampleAnswer, ExamplesAnswer, ModelAnswer, ModelSummary, ModelsAnswer};
pub(crate) use patient::{FhirBundle, PatientRecord, read_patient, record_of, records_of};
pub(crate) use reason::{ReasonAnswer, ReasonRequest};
pub(crate) use risk::{
    DISCLAIMER, PatientAnswer, RankBy, RiskAnswer, RiskCurve, RiskRequest, SYNTHETIC_NOTICE, age_in_words,
    is_oldest,
};
pub use risk::{OLDEST_AGE_YEARS, told_age};

pub(crate) use time::parse_time;

pub(crate) use simulate::{FutureAnswer, FutureEventAnswer, SimulateAnswer, SimulateRequest, SimulatedCurve};

/// Writes whole numbers of days without a decimal point.
fn whole_days<S: serde::Serializer>(days: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeSeq;
    let mut sequence = serializer.serialize_seq(Some(days.len()))?;
    for day in days {
        if day.fract() == 0.0 && *day < f64::from(u32::MAX) {
            sequence.serialize_element(&(*day as u32))?;
        } else {
            sequence.serialize_element(day)?;
        }
    }
    sequence.end()
}
