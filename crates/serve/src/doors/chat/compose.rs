//! Words for numbers: each sentence holds what it rests on.

use super::{
    TOP,
    request::{Place, Shape},
};
use crate::{
    ModelDescription,
    error::ApiError,
    wire::{DISCLAIMER, PatientAnswer, RiskCurve, SYNTHETIC_NOTICE, age_in_words},
};
use serde_json::json;

/// Why there is no record that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// No message holds one.
    Record,
    /// What was said after the newest one gives another patient.
    Another,
    /// The newest one can't be read.
    Unreadable,
    /// The newest message that holds any holds several, of different people as far as can be told.
    Several,
    /// The tool that was to fetch it brought none.
    Unfetched,
}

impl Lack {
    /// What the caller is told.
    fn words(self) -> String {
        let why = match self {
            Lack::Record => "I read records, not prose.",
            Lack::Another => {
                "There is no record of the patient whom the last messages give; I say nothing of an older one."
            }
            Lack::Unreadable => {
                "The newest message that should hold a record holds none that can be read; I say nothing of an older one."
            }
            Lack::Several => {
                "The newest message with a record holds several that may be of different people; I say nothing of either."
            }
            Lack::Unfetched => "The tool brought no record; I say nothing of an older one.",
        };
        format!(
            "{why} Send the patient's record in a message of yours or a tool's: a FHIR R4 Bundle (JSON) with one Patient, or {{\"events\": [...]}} in MEDS terms."
        )
    }
}

/// The horizon of the sentences, in days: that of the model's that is nearest.
const HORIZON_DAYS: f64 = 365.0;

/// An answer, in pieces that a stream sends one by one.
pub(super) struct Composed {
    pub(super) pieces: Vec<String>,
    /// Events that were read, for the API's count of what came in.
    pub(super) events: usize,
}

impl Composed {
    /// Nothing is said: a tool is called.
    pub(super) fn nothing() -> Self {
        Composed { pieces: Vec::new(), events: 0 }
    }

    pub(super) fn no_record(shape: &Shape, lack: Lack) -> Result<Self, ApiError> {
        let words = lack.words();
        let piece = match shape {
            Shape::Text => words,
            Shape::Json => json!({ "message": words }).to_string(),
            // Nothing of the answer that the schema describes is known.
            Shape::Schema(_) => return Err(ApiError::invalid("messages", words)),
        };
        Ok(Composed { pieces: vec![piece], events: 0 })
    }

    pub(super) fn of(
        model: &ModelDescription,
        answer: &PatientAnswer<'_>,
        place: Place,
        shape: &Shape,
    ) -> Result<Self, ApiError> {
        let events = answer.events.used;
        let body = || {
            json!({
                "disclaimer": DISCLAIMER,
                "synthetic_notice": model.trained_on.synthetic.then_some(SYNTHETIC_NOTICE),
                "horizons_days": model.horizons_days,
                "record": { "message": place.number, "of_messages": place.of },
                "patient": answer,
            })
        };
        let pieces = match shape {
            Shape::Text => sentences(model, answer, place),
            Shape::Json => vec![body().to_string()],
            Shape::Schema(schema) => vec![schema.pick(&body())?.to_string()],
        };
        Ok(Composed { pieces, events })
    }

    pub(super) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// What the APIs count as tokens: events in, words out.
    pub(super) fn usage(&self) -> (usize, usize) {
        let words = self.pieces.iter().map(|piece| piece.split_whitespace().count()).sum();
        (self.events, words)
    }
}

fn sentences(model: &ModelDescription, answer: &PatientAnswer<'_>, at: Place) -> Vec<String> {
    let distance = |days: &f64| (days / HORIZON_DAYS).ln().abs();
    let horizons = model.horizons_days.iter().enumerate();
    let Some((place, days)) = horizons.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b))) else {
        return vec![DISCLAIMER.to_owned()];
    };
    let mut pieces = Vec::new();
    let record = format!("the record in message {} of {}", at.number, at.of);
    // Above others' alone, where there are others.
    let reference =
        |risk: &RiskCurve<'_>| risk.reference.as_ref().and_then(|curve| curve.get(place)).copied();
    let age = answer.age_years.filter(|_| answer.risks.iter().any(|risk| reference(risk).is_some()));
    let is_told = |risk: &&RiskCurve<'_>| {
        let own = risk.cumulative_incidence.get(place);
        !risk.already_recorded
            && (age.is_none() || own.zip(reference(risk)).is_some_and(|(own, others)| *own > others))
    };
    pieces.push(match age {
        Some(age) => format!(
            "Risks within {days:.0} days of the last event of {record}, at the age of {}, that lie furthest above those of others of the same age and sex:\n",
            age_in_words(age)
        ),
        None => format!("Highest risks within {days:.0} days of the last event of {record}:\n"),
    });
    let mut told: Vec<&RiskCurve<'_>> = answer.risks.iter().filter(is_told).collect();
    if age.is_some() {
        let above = |risk: &RiskCurve<'_>| {
            risk.cumulative_incidence
                .get(place)
                .zip(reference(risk))
                .map_or(0.0, |(own, others)| own - others)
        };
        told.sort_by(|a, b| above(b).total_cmp(&above(a)));
    }
    told.truncate(TOP);
    if age.is_some() && told.is_empty() {
        pieces.push("None lies above that of others of the same age and sex.\n".to_owned());
    }
    for risk in told {
        let Some(own) = risk.cumulative_incidence.get(place) else { continue };
        let name = risk.description.unwrap_or(risk.code);
        let beside = match reference(risk) {
            Some(reference) => format!("; {} for age and sex alone", percent(reference)),
            None => String::new(),
        };
        pieces.push(format!("- {name} ({}): {}{beside}.\n", risk.code, percent(*own)));
    }
    let events = &answer.events;
    if 2 * events.broader_codes > events.used || events.values_unread > 0 {
        pieces.push(format!(
            "Of {} events the model knows the code by a broader one alone, and of {} the value can't be placed. ",
            events.broader_codes, events.values_unread
        ));
    }
    pieces.push(format!(
        "This rests on {} of {} events that were read; {} entries could not be read, and {} have codes that the model doesn't know. These are one model's estimates, without intervals. ",
        answer.events.used, answer.events.read, answer.events.rejected, answer.events.unknown_codes
    ));
    if model.trained_on.synthetic {
        pieces.push(format!("{SYNTHETIC_NOTICE} "));
    }
    pieces.push(DISCLAIMER.to_owned());
    pieces
}

fn percent(risk: f32) -> String {
    format!("{:.1} %", risk * 100.0)
}
