//! The rule that a model is set beside: age, sex and the last values, learned from other records.

use crate::broader;
use crate::model_directory::ModelDirectory;
use crate::reasoning::{commonest_measurements, last_rank};
use crate::records::Records;
use ::evaluate::grading::Rule;
use ::evaluate::tasks::{Landmark, OnsetTask, StudyWindow, SubjectTimeline, prediction_times};
use anyhow::Result;
use events::{Deidentified, Sex, Split, Subject, Time};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};
use timeline::TokenizedSubject;

/// Measurements whose last value is looked at.
const MEASURED: usize = 20;
/// Fewest events that a rule is learned from.
const LEAST: usize = 10;
/// People that a rule is learned from, at most.
const MOST: usize = 10_000;

/// Rules by condition and horizon.
pub struct LastValues {
    measured: Vec<u32>,
    rules: HashMap<(SmolStr, u64), Rule>,
    /// People learned from.
    pub people: usize,
    /// People who were left out, since they are graded.
    pub left_out: usize,
}

/// Who somebody is in records: the number alone may be another's in another population.
pub type Who = (i64, Option<Time>);

impl LastValues {
    /// Learns rules from training subjects who aren't graded, each at the first visit after a random date with a year of history.
    pub fn learn(
        directory: &ModelDirectory,
        records: &Records,
        questions: &[(SmolStr, f64)],
        graded: &HashSet<Who>,
    ) -> Result<Self> {
        let mut left_out = 0;
        let mut people: Vec<Deidentified<Subject>> = Vec::new();
        for subject in records.subjects(Split::Train)? {
            let subject = subject?;
            match graded.contains(&(subject.id, subject.birth())) {
                true => left_out += 1,
                false => people.push(subject),
            }
            if people.len() == MOST {
                break;
            }
        }
        let measured = commonest_measurements(directory.tokenizer.vocabulary(), MEASURED);
        let mut learned = LastValues { measured, rules: HashMap::new(), people: 0, left_out };
        let Some(window) = StudyWindow::of(people.iter().map(|s| &**s)) else { return Ok(learned) };
        let landmark =
            Landmark::RandomVisit { study_end: window.end, leave_days: 365.25, minimum_history_days: 365.25 };
        let mut rows: Vec<Vec<f64>> = Vec::new();
        let mut outcomes: Vec<Vec<Option<bool>>> = vec![Vec::new(); questions.len()];
        let tasks: Vec<OnsetTask> =
            questions.iter().map(|(code, days)| OnsetTask::code(code, *days, landmark.clone())).collect();
        let broader = broader::by_vocabulary(&directory.tokenizer);
        for subject in &people {
            let timeline = SubjectTimeline::new(subject, &broader);
            for time in prediction_times(subject, &landmark, 1) {
                rows.push(learned.row(subject, &directory.tokenizer.tokenize_until(subject, time)));
                for (list, task) in outcomes.iter_mut().zip(&tasks) {
                    list.push(timeline.label(time, task).and_then(|label| label.boolean_value));
                }
            }
        }
        learned.people = rows.len();
        for ((code, days), outcomes) in questions.iter().zip(outcomes) {
            let known = rows.iter().zip(outcomes).filter_map(|(row, outcome)| Some((row.clone(), outcome?)));
            let (rows, outcomes): (Vec<Vec<f64>>, Vec<bool>) = known.unzip();
            if outcomes.iter().filter(|o| **o).count() >= LEAST {
                learned.rules.insert((code.clone(), days.to_bits()), Rule::fit(&rows, &outcomes)?);
            }
        }
        Ok(learned)
    }

    /// Age, its square, sex, and each measurement's last rank and whether there is one.
    pub fn row(&self, subject: &Subject, tokens: &TokenizedSubject) -> Vec<f64> {
        let age = tokens.age_days.last().filter(|_| tokens.birth_known).map_or(50.0, |days| days / 365.25);
        let female = match subject.sex() {
            Sex::Female => 1.0,
            Sex::Male => 0.0,
            Sex::Unknown => 0.5,
        };
        let mut row = vec![age / 10.0, (age / 10.0).powi(2), female];
        for code in &self.measured {
            let rank = last_rank(tokens, *code);
            row.extend([rank.unwrap_or(0.5), f64::from(u8::from(rank.is_some()))]);
        }
        row
    }

    /// What the rule says; NaN where there was too little to learn one from.
    pub fn says(&self, code: &SmolStr, horizon_days: f64, row: &[f64]) -> f64 {
        let rule = self.rules.get(&(code.clone(), horizon_days.to_bits()));
        rule.map_or(f64::NAN, |rule| rule.probability(row))
    }
}
