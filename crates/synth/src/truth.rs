//! What really happened, kept apart from the record: for grading, never for reading in.

use crate::condition::Condition;
use crate::error::Error;
use crate::population::{Population, SyntheticSubject};
use serde_json::{Value, json};
use std::io::Write;

/// One subject's truth as a JSON object:
///
/// - `subject_id` (as in MEDS), `patient_id` (FHIR), `birth_date`, ages in years at enrolment, at the end of
///   observation and at death;
/// - `onsets`: every latent onset of the whole life, with the age at diagnosis, null if death came first;
/// - `traits`, `liability`, `family`, `silent_years` and `smoking`: what the hazards were made of.
pub fn of(subject: &SyntheticSubject) -> Value {
    let by_condition = |value: &dyn Fn(Condition) -> Value| -> Value {
        Condition::ALL
            .into_iter()
            .map(|c| (c.profile().name.to_owned(), value(c)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let person = &subject.person;
    let (year, month, day) = subject.birth.ymd();
    json!({
        "subject_id": subject.index + 1,
        "patient_id": subject.key,
        "birth_date": format!("{year:04}-{month:02}-{day:02}"),
        "enrolment_age": subject.enrolment_age,
        "last_age": subject.last_age,
        "death_age": subject.life.death_age,
        "onsets": subject.life.onsets.iter().map(|onset| json!({
            "condition": onset.condition.profile().name,
            "latent_age": onset.latent_age,
            "diagnosis_age": onset.diagnosis_age.is_finite().then_some(onset.diagnosis_age),
            "stage": onset.stage().map(|stage| stage.name),
        })).collect::<Vec<_>>(),
        "traits": person.traits,
        "liability": by_condition(&|c| json!(person.liability[c.index()])),
        "family": by_condition(&|c| json!(person.family[c.index()])),
        "silent_years": by_condition(&|c| json!(person.silent_years[c.index()])),
        "smoking": json!({
            "start": person.smoking.start.is_finite().then_some(person.smoking.start),
            "stop": person.smoking.stop.is_finite().then_some(person.smoking.stop),
        }),
    })
}

/// Writes every subject's truth, one JSON object a line, in order; `threads` of 0 takes as many as there are cores.
///
/// # Errors
/// [`Error::Write`] when the output can't be written, or [`Error::Threads`].
pub fn write_truth(population: &Population, threads: usize, out: &mut dyn Write) -> Result<(), Error> {
    let failed = |source| Error::Write { output: "truth.ndjson".into(), source };
    let make = |index| of(&population.subject(index)).to_string();
    crate::stream::in_order(population, threads, make, |block| {
        block.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(failed)
    })?;
    out.flush().map_err(failed)
}
