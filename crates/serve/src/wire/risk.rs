//! `POST /v1/risk`: what is asked and what is answered.

use super::{ModelSummary, whole_days};
use crate::{CodeKind, PatientRisk, RecordCounts, model::ServedModel};
use events::Sex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, cmp::Ordering};
use utoipa::ToSchema;

/// What every clinical answer says of itself.
pub(crate) const DISCLAIMER: &str = "Not a medical device. These are a statistical model's estimates from the record that was sent, not a diagnosis; a clinician decides.";

/// What an answer says besides, when the model never saw a real patient.
pub(crate) const SYNTHETIC_NOTICE: &str =
    "The model was trained on synthetic patients. Its numbers say nothing about real people.";

/// Who is asked about, and what.
///
/// A body that is itself a FHIR Bundle, or an object with `events`, asks about that one patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "patient": {"events": [
        {"code": "GENDER//F"},
        {"time": "1958-05-01", "code": "MEDS_BIRTH"},
        {"time": "2019-03-04T09:30:00", "code": "LOINC//4548-4", "numeric_value": 7.9, "unit": "%"}
    ]},
    "horizons_days": [365, 1825],
    "top": 5
}))]
pub(crate) struct RiskRequest<'a> {
    /// The model that is asked, as `/v1/models` names it; the server's default, if left away.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub(crate) model: Option<Cow<'a, str>>,
    /// One patient.
    #[serde(borrow, default)]
    #[schema(value_type = Option<super::PatientRecord>)]
    pub(crate) patient: Option<&'a RawValue>,
    /// Several patients, answered in the same order. Send this or `patient`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<super::PatientRecord>>)]
    pub(crate) patients: Option<Vec<&'a RawValue>>,
    /// Only these codes, of those that `/v1/models` lists; all of them are answered unless `top` is given.
    #[serde(default)]
    pub(crate) codes: Option<Vec<String>>,
    /// Codes of these kinds; conditions, when neither `codes` nor `kinds` is given.
    #[serde(default)]
    pub(crate) kinds: Option<Vec<CodeKind>>,
    /// Only these of the model's horizons, in days.
    #[serde(default)]
    pub(crate) horizons_days: Option<Vec<f64>>,
    /// How many risks per patient, at least 1.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(crate) top: Option<usize>,
    /// What puts a code first.
    #[serde(default)]
    pub(crate) rank_by: RankBy,
}

/// What puts a code before another, at the horizon of those asked for that is nearest to a year. Codes that are
/// in the record already come after all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RankBy {
    /// The highest risk.
    #[default]
    Risk,
    /// The highest risk over that of people of the same age and sex.
    Ratio,
    /// The highest risk beyond that of people of the same age and sex.
    Excess,
}

/// The risks of one or several patients.
#[derive(Serialize, ToSchema)]
pub(crate) struct RiskAnswer<'a> {
    /// The id of this call, also in the header `x-request-id` and in the server's log.
    pub(crate) request_id: &'a str,
    /// Which model answered.
    pub(crate) model: ModelSummary<'a>,
    /// What this is, and who decides.
    #[schema(example = json!(DISCLAIMER))]
    pub(crate) disclaimer: &'static str,
    /// A warning, when the model was trained on synthetic patients.
    pub(crate) synthetic_notice: Option<&'static str>,
    /// The horizons of every curve, in days.
    #[serde(serialize_with = "whole_days")]
    #[schema(example = json!([365, 1825]))]
    pub(crate) horizons_days: &'a [f64],
    /// The patients, in the order of the request.
    pub(crate) patients: Vec<PatientAnswer<'a>>,
}

/// The oldest age that is told: of whoever is older the birth was moved there, and it stands for itself and all above.
pub const OLDEST_AGE_YEARS: f64 = 90.0;
/// Whole days and years of 365.25 days leave a moved birth so far from it.
const MOVED_SLACK_YEARS: f64 = 0.01;

/// Does this age stand for itself and all above?
pub(crate) fn is_oldest(age_years: f64) -> bool {
    age_years >= OLDEST_AGE_YEARS - MOVED_SLACK_YEARS
}

/// An age as it is told: that of the oldest stands for all above.
pub fn told_age(age_years: f64) -> f64 {
    match is_oldest(age_years) {
        true => OLDEST_AGE_YEARS,
        false => (age_years * 10.0).round() / 10.0,
    }
}

/// An age as people read it.
pub(crate) fn age_in_words(age_years: f32) -> String {
    match is_oldest(age_years.into()) {
        true => format!("{OLDEST_AGE_YEARS:.0} or older"),
        false => format!("{age_years:.1}"),
    }
}

/// One patient's risks.
#[derive(Serialize, ToSchema)]
pub(crate) struct PatientAnswer<'a> {
    /// Age at the last event of the record, in years; 90 stands for 90 and older.
    #[schema(example = 63.2)]
    pub(crate) age_years: Option<f32>,
    /// Administrative sex.
    sex: SexAnswer,
    /// What became of the record's events.
    pub(crate) events: EventCounts,
    /// The risks, ranked.
    pub(crate) risks: Vec<RiskCurve<'a>>,
    /// How many further codes were left off.
    risks_omitted: usize,
}

/// Administrative sex.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SexAnswer {
    Female,
    Male,
    Unknown,
}

/// What became of the record's events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventCounts {
    /// Events read.
    pub(crate) read: usize,
    /// Those of them that the model looked at.
    pub(crate) used: usize,
    /// Entries that could not be read, or that the policy doesn't allow.
    pub(crate) rejected: usize,
    /// Events, among those read, with a code that the model doesn't know.
    pub(crate) unknown_codes: usize,
    /// Events with a code that the model knows by a broader one alone (`ICD10CM//C34.90` as `ICD10CM//C34`, or as any diagnosis).
    pub(crate) broader_codes: usize,
    /// Values that the model can't place, in a unit or of a code that it never saw with values: that they were measured counts, what
    /// they were doesn't.
    pub(crate) values_unread: usize,
}

/// The risk that a code is recorded, over time, with death as a competing event.
#[derive(Serialize, ToSchema)]
pub(crate) struct RiskCurve<'a> {
    /// `SYSTEM//code`.
    #[schema(example = "ICD10CM//I50.9")]
    pub(crate) code: &'a str,
    /// What it means, where known.
    #[schema(example = "Heart failure, unspecified")]
    pub(crate) description: Option<&'a str>,
    /// What sort of thing it is.
    kind: CodeKind,
    /// Is it in the record already? Then the curve is about it being recorded again.
    pub(crate) already_recorded: bool,
    /// The probability at each of `horizons_days`.
    #[schema(example = json!([0.061, 0.214]))]
    pub(crate) cumulative_incidence: Vec<f32>,
    /// The same for people of this age and sex in the training data, where known.
    #[schema(example = json!([0.019, 0.083]))]
    pub(crate) reference: Option<Vec<f32>>,
}

impl<'a> PatientAnswer<'a> {
    /// Ranks a patient's risks and keeps the first `top`, at the model's horizons with these indices.
    pub(crate) fn of(
        model: &'a ServedModel,
        horizons: &[usize],
        counts: RecordCounts,
        risk: PatientRisk,
        rank_by: RankBy,
        top: usize,
    ) -> Self {
        let pivot = nearest_to_a_year(&model.description.horizons_days, horizons);
        let mut ranked: Vec<_> =
            risk.codes.into_iter().map(|code| (rank(&code, pivot, rank_by), code)).collect();
        // The sort is stable: equals stay in the model's order.
        ranked.sort_by(|(a, code_a), (b, code_b)| {
            code_a
                .already_recorded
                .cmp(&code_b.already_recorded)
                .then(b.partial_cmp(a).unwrap_or(Ordering::Equal))
        });
        let risks_omitted = ranked.len().saturating_sub(top);
        ranked.truncate(top);
        let at = |curve: &[f64]| horizons.iter().map(|horizon| curve[*horizon] as f32).collect::<Vec<f32>>();
        let risks = ranked.into_iter().map(|(_, risk)| {
            let code = &model.description.codes[risk.code];
            RiskCurve {
                code: &code.code,
                description: code.description.as_deref(),
                kind: code.kind,
                already_recorded: risk.already_recorded,
                cumulative_incidence: at(&risk.cumulative_incidence),
                reference: risk.reference.as_deref().map(at),
            }
        });
        PatientAnswer {
            age_years: risk.age_years.filter(|age| age.is_finite()).map(|age| told_age(age.into()) as f32),
            sex: match risk.sex {
                Sex::Female => SexAnswer::Female,
                Sex::Male => SexAnswer::Male,
                Sex::Unknown => SexAnswer::Unknown,
            },
            events: EventCounts {
                read: counts.read,
                used: risk.events_used,
                rejected: counts.rejected,
                unknown_codes: risk.unknown_codes,
                broader_codes: risk.broader_codes,
                values_unread: risk.values_unread,
            },
            risks: risks.collect(),
            risks_omitted,
        }
    }
}

fn rank(code: &crate::CodeRisk, pivot: usize, by: RankBy) -> f64 {
    let risk = code.cumulative_incidence[pivot];
    match (by, code.reference.as_ref().map(|reference| reference[pivot])) {
        (RankBy::Risk, _) => risk,
        (_, None) => f64::NEG_INFINITY,
        (RankBy::Ratio, Some(reference)) => {
            // Below one in a million nobody's ratio means anything.
            risk / reference.max(1e-6)
        }
        (RankBy::Excess, Some(reference)) => risk - reference,
    }
}

fn nearest_to_a_year(days: &[f64], horizons: &[usize]) -> usize {
    let distance = |horizon: &usize| (days[*horizon] / 365.25).ln().abs();
    horizons.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
}
