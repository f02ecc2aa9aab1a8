//! Patients like this one: whose record the model takes for most alike, and what became of them.

use super::Named;
use super::case::Case;
use crate::broader;
use crate::model_directory::ModelDirectory;
use ::evaluate::alike::{Became, NoGroup, Others};
use ::evaluate::metrics::censoring::FollowUp;
use ::evaluate::tasks::{Landmark, OnsetTask, StudyWindow, SubjectTimeline, prediction_times};
use anyhow::Result;
use events::{Sex, Subject};
use model::HORIZON_DAYS;
use serde::Serialize;
use timeline::TokenizedSubject;

/// Other people, each at one moment, and what became of them by code and horizon.
pub struct People {
    others: Others,
    ages: Vec<Option<f64>>,
    sexes: Vec<Sex>,
    /// `[conditions, people]`; none for who had it already.
    outcomes: Vec<Vec<Option<FollowUp>>>,
    conditions: Vec<u32>,
    horizon_days: f64,
    k: usize,
}

/// The group, or why none is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alike {
    /// What is told.
    Group(AlikeGroup),
    /// Why nothing is.
    Refused(NoGroup),
}

/// Those most alike, told as a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlikeGroup {
    /// How many they are.
    pub people: usize,
    /// Among how many they were chosen.
    pub among: usize,
    /// Nothing is told of fewer.
    pub k: usize,
    /// The share of the others who lie nearer to the rest than this patient: near one for somebody unusual.
    pub unusual: f64,
    /// Quartiles of their ages, rounded to five years.
    pub ages_years: Option<[f64; 3]>,
    /// How many are women; none where that or the rest would be fewer than `k`.
    pub women: Option<usize>,
    /// Within how many days.
    pub horizon_days: f64,
    /// What became of them, the most frequent first.
    pub became: Vec<AlikeOutcome>,
}

/// One thing that became of them, or didn't.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlikeOutcome {
    /// What.
    #[serde(flatten)]
    pub condition: Named,
    /// To how many.
    #[serde(flatten)]
    pub counts: Became,
}

impl People {
    /// Some people, each at the first visit after a random date that leaves the horizon to be watched where it can.
    pub fn of(
        directory: &ModelDirectory,
        people: &[&Subject],
        conditions: &[u32],
        (horizon, k): (usize, usize),
    ) -> Result<Self> {
        let horizon_days = HORIZON_DAYS[horizon];
        let conditions: Vec<u32> =
            conditions.iter().copied().chain(directory.model.config().death_code).collect();
        let mut made = People {
            others: Others::new(&[]),
            ages: Vec::new(),
            sexes: Vec::new(),
            outcomes: vec![Vec::new(); conditions.len()],
            conditions,
            horizon_days,
            k,
        };
        let Some(window) = StudyWindow::of(people.iter().copied()) else { return Ok(made) };
        let study_end = window.end;
        let landmark =
            Landmark::RandomVisit { study_end, leave_days: horizon_days, minimum_history_days: 0.0 };
        let mut tokens: Vec<TokenizedSubject> = Vec::new();
        let vocabulary = directory.tokenizer.vocabulary();
        let broader = broader::by_vocabulary(&directory.tokenizer);
        for subject in people {
            let timeline = SubjectTimeline::new(subject, &broader);
            for time in prediction_times(subject, &landmark, 2) {
                let known = directory.tokenizer.tokenize_until(subject, time);
                if known.as_sequence().is_empty() {
                    continue;
                }
                made.ages.push(known.age_days.last().filter(|_| known.birth_known).map(|days| days / 365.25));
                made.sexes.push(subject.sex());
                for (outcomes, index) in made.outcomes.iter_mut().zip(&made.conditions) {
                    let code = vocabulary.entry(*index).map_or("", |e| e.code.as_str());
                    let task = OnsetTask::code(code, horizon_days, landmark.clone());
                    outcomes.push(timeline.label(time, &task).map(|label| label.follow_up()));
                }
                tokens.push(known);
            }
        }
        let sequences: Vec<_> = tokens.iter().map(TokenizedSubject::as_sequence).collect();
        made.others = Others::new(&directory.model.states(&sequences)?);
        Ok(made)
    }

    /// The `most` people who are most alike, told as a group.
    pub fn alike(&self, case: &Case<'_>, most: usize, shown: usize) -> Result<Alike> {
        let state = case.directory.model.states(&[case.tokens.as_sequence()])?.remove(0);
        let group = match self.others.group(&state, most, self.k) {
            Ok(group) => group,
            Err(refused) => return Ok(Alike::Refused(refused)),
        };
        let open = self.conditions.iter().enumerate().filter(|(_, code)| !case.has(**code));
        let mut became: Vec<AlikeOutcome> = open
            .filter_map(|(place, code)| {
                let outcomes = group.places.iter().map(|person| self.outcomes[place][*person]);
                let counts = Became::of(outcomes, self.horizon_days, self.k)
                    .filter(|counts| counts.events != Some(0) && counts.share != Some(0.0))?;
                Some(AlikeOutcome { condition: Named::of(case.vocabulary(), *code), counts })
            })
            .collect();
        let share = |o: &AlikeOutcome| o.counts.share.unwrap_or(0.0);
        became.sort_by(|a, b| {
            share(b).total_cmp(&share(a)).then_with(|| a.condition.code.cmp(&b.condition.code))
        });
        became.truncate(shown);
        let women = group.places.iter().filter(|person| self.sexes[**person] == Sex::Female).count();
        let small = |count: usize| count > 0 && count < self.k;
        Ok(Alike::Group(AlikeGroup {
            people: group.places.len(),
            among: self.others.len(),
            k: self.k,
            unusual: group.unusual,
            ages_years: self.ages_of(&group.places),
            women: (!small(women) && !small(group.places.len() - women)).then_some(women),
            horizon_days: self.horizon_days,
            became,
        }))
    }

    /// Quartiles to five years: an age to the day would be somebody's.
    fn ages_of(&self, places: &[usize]) -> Option<[f64; 3]> {
        let mut ages: Vec<f64> = places.iter().filter_map(|person| self.ages[*person]).collect();
        if ages.len() < self.k {
            return None;
        }
        ages.sort_by(f64::total_cmp);
        Some(
            [0.25, 0.5, 0.75]
                .map(|share| (::evaluate::bootstrap::quantile(&ages, share) / 5.0).round() * 5.0),
        )
    }
}
