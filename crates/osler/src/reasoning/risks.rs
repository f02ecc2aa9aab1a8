//! Early detection: what may come, against what age and sex say, against others, and over time.

use super::Named;
use super::case::{Case, day};
use super::evidence::{Attribution, Pieces, Wanted};
use super::validation::{Known, Validation};
use crate::model_directory::ModelDirectory;
use ::evaluate::tasks::{Landmark, StudyWindow, prediction_times};
use anyhow::Result;
use events::{Sex, Subject};
use model::HORIZON_DAYS;
use serde::Serialize;
use timeline::TokenizedSubject;

/// Fewest people of the same sex and about the same age that a percentile is taken among.
const LEAST_ALIKE: usize = 50;
/// Years within which age is about the same.
const ALIKE_YEARS: f64 = 5.0;
/// Earlier moments told of.
const TREND: usize = 8;

/// Risks of other people, one moment each.
#[derive(Default)]
pub struct Reference {
    people: Vec<(Sex, Option<f64>, Vec<f32>)>,
}

impl Reference {
    /// The risks of some people, each at the first visit after a random date, within one horizon.
    pub fn of(
        directory: &ModelDirectory,
        people: &[&Subject],
        codes: &[u32],
        horizon: usize,
    ) -> Result<Self> {
        let end = StudyWindow::of(people.iter().copied()).map(|window| window.end);
        let Some(study_end) = end else { return Ok(Reference { people: Vec::new() }) };
        let landmark = Landmark::RandomVisit { study_end, leave_days: 1.0, minimum_history_days: 0.0 };
        let tokens: Vec<(Sex, TokenizedSubject)> = people
            .iter()
            .flat_map(|s| prediction_times(s, &landmark, 1).into_iter().map(move |time| (*s, time)))
            .map(|(subject, time)| (subject.sex(), directory.tokenizer.tokenize_until(subject, time)))
            .filter(|(_, tokens)| !tokens.code.is_empty())
            .collect();
        let sequences: Vec<_> = tokens.iter().map(|(_, tokens)| tokens.as_sequence()).collect();
        let tables = directory.model.risk(&sequences, Some(codes))?;
        let person = |((sex, tokens), table): (&(Sex, TokenizedSubject), &model::RiskTable)| {
            let age = tokens.age_days.last().filter(|_| tokens.birth_known).map(|days| days / 365.25);
            (*sex, age, table.rows().map(|(_, row)| row[horizon]).collect())
        };
        Ok(Reference { people: tokens.iter().zip(&tables).map(person).collect() })
    }

    /// The share of people with a lower risk, among how many, and whether those are of the same sex and age.
    fn percentile(&self, case: &Case<'_>, place: usize, risk: f32) -> Option<Percentile> {
        let alike = |(sex, age, _): &&(Sex, Option<f64>, Vec<f32>)| {
            *sex == case.sex() && age.zip(case.age_years()).is_some_and(|(a, b)| (a - b).abs() <= ALIKE_YEARS)
        };
        let like: Vec<_> = self.people.iter().filter(alike).collect();
        let same_age_and_sex = like.len() >= LEAST_ALIKE;
        let chosen: Vec<_> = if same_age_and_sex { like } else { self.people.iter().collect() };
        let below = chosen.iter().filter(|(_, _, risks)| risks[place] < risk).count();
        let people = chosen.len();
        (people >= LEAST_ALIKE).then(|| Percentile {
            percent: 100.0 * below as f64 / people as f64,
            people,
            same_age_and_sex,
        })
    }
}

/// Where a risk stands among others'.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentile {
    /// Percent of them with a lower risk.
    pub percent: f64,
    /// How many they are.
    pub people: usize,
    /// Whether they are of the same sex and within five years of age; else they are everybody in the reference set.
    pub same_age_and_sex: bool,
}

/// The risk at an earlier moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Earlier {
    /// Which day.
    pub day: String,
    /// The risk then, within the same horizon from there.
    pub risk: f64,
}

/// A watched condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlyDetection {
    /// Which.
    #[serde(flatten)]
    pub condition: Named,
    /// The chance that it is recorded within each horizon, death competing.
    pub risks: Vec<f64>,
    /// The same by age and sex alone, where there is a reference.
    pub references: Vec<Option<f64>>,
    /// The horizon that the rest speaks of, in days.
    pub horizon_days: f64,
    /// Where the risk stands among others'.
    pub percentile: Option<Percentile>,
    /// The risk at earlier moments of the record, the first to the last.
    pub trend: Vec<Earlier>,
    /// What validation knows of such a risk.
    pub validated: Option<Known>,
    /// What moved it.
    pub evidence: Attribution,
}

/// The watched conditions that aren't in the record yet, highest risk first.
pub fn early_detection(
    case: &Case<'_>,
    watched: &[u32],
    pieces: &Pieces,
    (reference, validation): (&Reference, &Validation),
    wanted: Wanted,
    most: usize,
) -> Result<Vec<EarlyDetection>> {
    let table = case.risk(watched)?;
    let mut open: Vec<(usize, u32, [f32; HORIZON_DAYS.len()])> = table
        .rows()
        .enumerate()
        .filter(|(_, (code, _))| !case.has(*code))
        .map(|(place, (code, row))| (place, code, *row))
        .collect();
    open.sort_by(|a, b| b.2[wanted.horizon].total_cmp(&a.2[wanted.horizon]));
    open.truncate(most);
    let codes: Vec<u32> = open.iter().map(|(_, code, _)| *code).collect();
    let sequence = case.tokens.as_sequence();
    let moments: Vec<(usize, events::Time)> = case.tokens.moments().collect();
    let step = moments.len().div_ceil(TREND).max(1);
    let mut told: Vec<_> = moments.iter().rev().step_by(step).copied().collect();
    told.reverse();
    let places: Vec<usize> = told.iter().map(|(place, _)| *place).collect();
    let earlier = case.directory.model.risk_at(&sequence, &places, Some(&codes))?;
    let evidence = Attribution::of(case, pieces, &codes, wanted)?;
    let each = open.into_iter().zip(evidence).enumerate().map(|(i, ((place, code, row), evidence))| {
        let condition = Named::of(case.vocabulary(), code);
        let at = |(table, (_, time)): (&model::RiskTable, &(usize, events::Time))| Earlier {
            day: day(*time),
            risk: table.rows().nth(i).map_or(f64::NAN, |(_, row)| f64::from(row[wanted.horizon])),
        };
        EarlyDetection {
            risks: row.iter().map(|p| f64::from(*p)).collect(),
            references: HORIZON_DAYS.iter().map(|days| case.reference(code, *days)).collect(),
            horizon_days: HORIZON_DAYS[wanted.horizon],
            percentile: reference.percentile(case, place, row[wanted.horizon]),
            trend: earlier.iter().zip(&told).map(at).collect(),
            validated: validation.of(&condition.code, wanted.horizon, f64::from(row[wanted.horizon])),
            condition,
            evidence,
        }
    });
    Ok(each.collect())
}
