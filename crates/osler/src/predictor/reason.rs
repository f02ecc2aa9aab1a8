//! What `POST /v1/reason` says: the same as `osler reason`, of a record that came with the question.

use crate::model_directory::ModelDirectory;
use crate::reasoning::{self, Case, People, Pieces, Prices, Reference, TuningCheck, Validation, Wanted};
use crate::records::Records;
use ::evaluate::diagnosis::Plan;
use anyhow::{Result, bail};
use events::{Deidentified, Split, Subject, Time};
use model::HORIZON_DAYS;
use serde_json::{Map, Value, json};
use serve::{ReasonQuestion, ReasonSection};

/// Conditions that are watched, and tests that are tried: the commonest.
const WATCHED: usize = 50;
const TESTS: usize = 40;
/// Parts of the record shown for each condition, and of them reckoned exactly.
const EVIDENCE: (usize, usize) = (6, 9);
/// The horizon of comparisons with other people: a year, by place.
const YEAR: usize = 5;
/// People alike, of whom a group is made.
const ALIKE: usize = 100;
/// Other people's risks that a percentile is taken among.
const PERCENTILE: usize = 400;

/// Whom patients are compared with.
#[derive(Default)]
pub struct Compared {
    reference: Option<Reference>,
    people: Option<People>,
}

impl Compared {
    /// Training subjects of these records; nothing of fewer than `k` of them is ever told.
    pub fn with(directory: &ModelDirectory, records: &Records, (most, k): (usize, usize)) -> Result<Self> {
        let people: Vec<Deidentified<Subject>> =
            records.subjects(Split::Train)?.take(most).collect::<Result<_, _>>()?;
        let people: Vec<&Subject> = people.iter().map(|subject| &**subject).collect();
        let conditions = watched(directory);
        let some = &people[..people.len().min(PERCENTILE)];
        Ok(Compared {
            reference: Some(Reference::of(directory, some, &conditions, YEAR)?),
            people: Some(People::of(directory, &people, &conditions, (YEAR, k))?),
        })
    }

    /// What can be asked for.
    pub fn sections(&self) -> Vec<ReasonSection> {
        let always = [ReasonSection::Risks, ReasonSection::Differential, ReasonSection::Tests];
        always.into_iter().chain(self.people.is_some().then_some(ReasonSection::Alike)).collect()
    }
}

fn watched(directory: &ModelDirectory) -> Vec<u32> {
    let codes = &directory.model.config().risk.codes;
    reasoning::conditions(directory.tokenizer.vocabulary(), codes, WATCHED)
}

/// The parts that were asked for; `go_on` says before each whether anybody still waits for it.
pub fn said(
    directory: &ModelDirectory,
    compared: &Compared,
    question: &ReasonQuestion,
    go_on: &dyn Fn() -> bool,
) -> Result<Value> {
    let case = Case::new(directory, &question.patient.subject, None)?;
    let (conditions, pieces) = (watched(directory), Pieces::of(&case));
    let validation = Validation::default();
    let wanted = Wanted { horizon: question.horizon, most: EVIDENCE.0, exact: EVIDENCE.1 };
    let mut said = Map::new();
    said.insert("age_years".to_owned(), json!(case.age_years().map(serve::told_age)));
    said.insert("horizons_days".to_owned(), json!(HORIZON_DAYS));
    said.insert("cautions".to_owned(), json!(TuningCheck::cautions(directory)));
    for section in &question.show {
        if !go_on() {
            bail!("nobody waits for it any more");
        }
        let (name, part) = match section {
            ReasonSection::Risks => {
                // Other people's risks are within a year.
                let nobody = Reference::default();
                let reference = compared.reference.as_ref().filter(|_| question.horizon == YEAR);
                let beside = (reference.unwrap_or(&nobody), &validation);
                let found =
                    reasoning::early_detection(&case, &conditions, &pieces, beside, wanted, question.most)?;
                ("early_detection", serde_json::to_value(found)?)
            }
            ReasonSection::Differential => {
                let found =
                    reasoning::differential(&case, &conditions, &pieces, &validation, wanted, question.most)?;
                ("differential", serde_json::to_value(found)?)
            }
            ReasonSection::Tests => {
                let tests = reasoning::measurements(&case, TESTS);
                let shown = (question.horizon, 2 * question.most);
                let (prices, plan) = (Prices::default(), Plan::default());
                let found = reasoning::next_tests(&case, (&tests, &conditions), shown, &prices, &plan, 0.0)?;
                ("next_tests", serde_json::to_value(found)?)
            }
            ReasonSection::Alike => {
                let found =
                    compared.people.as_ref().map(|people| people.alike(&case, ALIKE, 2 * question.most));
                ("alike", serde_json::to_value(found.transpose()?)?)
            }
        };
        said.insert(name.to_owned(), part);
    }
    let mut said = said.into();
    days_before(&mut said, case.at);
    Ok(said)
}

/// The record's dates were moved in memory, by days that the caller doesn't know: told is how long before the last event.
fn days_before(value: &mut Value, at: Time) {
    match value {
        Value::Array(each) => each.iter_mut().for_each(|value| days_before(value, at)),
        Value::Object(fields) => {
            if let Some(day) = fields.remove("day") {
                let before =
                    day.as_str().and_then(time_of).map(|day| at.end_of_day().days_since(day.end_of_day()));
                fields.insert("days_before".to_owned(), json!(before.map(f64::round)));
            }
            fields.values_mut().for_each(|value| days_before(value, at));
        }
        _ => {}
    }
}

fn time_of(day: &str) -> Option<Time> {
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    Time::from_ymd(i32::try_from(year).ok()?, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_dates_are_told_as_days_before_the_last_event() {
        let at = Time::from_ymd(2020, 3, 1).unwrap();
        let mut said =
            json!({"trend": [{"day": "2020-02-28", "risk": 0.1}, {"day": "2020-03-01"}], "day": null});
        days_before(&mut said, at);
        assert_eq!(said["trend"][0], json!({"days_before": 2.0, "risk": 0.1}));
        assert_eq!(said["trend"][1], json!({"days_before": 0.0}));
        assert!(!said.to_string().contains("2020"), "{said}");
    }
}
