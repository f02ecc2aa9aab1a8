//! Decisions of some people, with what was known before each.

use super::case::Case;
use super::decisions::{self, Decision, Question};
use super::features::Features;
use crate::model_directory::ModelDirectory;
use ::evaluate::effects::Cohort;
use anyhow::Result;
use events::Subject;

/// Decisions about one treatment, each with a row of numbers.
pub struct Table<'a> {
    directory: &'a ModelDirectory,
    question: Question,
    features: Features,
    decisions: Vec<(i64, Decision)>,
    rows: Vec<Vec<f64>>,
}

impl<'a> Table<'a> {
    /// The decisions that some people's records hold.
    pub fn new(directory: &'a ModelDirectory, people: &[&Subject], question: Question) -> Result<Self> {
        let found = people.iter().filter_map(|s| question.decision(s).map(|d| (s.id, d)));
        Self::of(directory, found.collect(), question)
    }

    /// These decisions; those before which nothing was known are left out.
    pub fn of(directory: &'a ModelDirectory, all: Vec<(i64, Decision)>, question: Question) -> Result<Self> {
        let features = Features::new(directory, &question.treatment, &question.outcome);
        let records: Vec<&Subject> = all.iter().map(|(_, d)| &d.before).collect();
        let made = features.rows(directory, &records)?;
        let (decisions, rows) =
            all.into_iter().zip(made).filter_map(|(decision, row)| Some((decision, row?))).unzip();
        Ok(Table { directory, question, features, decisions, rows })
    }

    /// Whose the rows are.
    pub fn subjects(&self) -> impl Iterator<Item = i64> + '_ {
        self.decisions.iter().map(|(subject, _)| *subject)
    }

    /// Whether the model gives risks for the treatment, and for the outcome.
    pub fn known(&self) -> (bool, bool) {
        self.features.known()
    }

    /// As effects are estimated from it.
    pub fn cohort(&self) -> Cohort {
        let mut cohort = Cohort { columns: self.features.columns(), ..Cohort::default() };
        let decisions: Vec<&Decision> = self.decisions.iter().map(|(_, d)| d).collect();
        // Follow-up counts from the decision, through the grace.
        let weights = decisions::weights(&decisions, self.question.horizon_days + self.question.grace_days);
        for (((subject, decision), row), weight) in self.decisions.iter().zip(&self.rows).zip(weights) {
            cohort.push(*subject, decision.treated, decision.follow_up.outcome, row);
            if let Some(last) = cohort.weights.last_mut() {
                *last = weight;
            }
        }
        cohort
    }

    /// A patient's own row, as a decision now would see it.
    pub fn patient(&self, case: &Case<'_>) -> Result<Option<Vec<f64>>> {
        Ok(self.features.rows(self.directory, &[&decisions::now(case)])?.remove(0))
    }
}
