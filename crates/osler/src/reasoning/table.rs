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
    kept: Vec<usize>,
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
        let (kept, rows) = with_rows(made);
        let mut places = kept.iter().peekable();
        let is_kept = |(place, decision)| places.next_if(|kept| **kept == place).map(|_| decision);
        let decisions = all.into_iter().enumerate().filter_map(is_kept).collect();
        Ok(Table { directory, question, features, decisions, rows, kept })
    }

    /// Which of the decisions the rows are of, by their places among those that were given: somebody may have several.
    pub fn kept(&self) -> &[usize] {
        &self.kept
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

/// The rows that could be made, and their places.
fn with_rows(made: Vec<Option<Vec<f64>>>) -> (Vec<usize>, Vec<Vec<f64>>) {
    made.into_iter().enumerate().filter_map(|(place, row)| Some((place, row?))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_the_places_of_their_decisions() {
        let (kept, rows) = with_rows(vec![Some(vec![1.0]), None, Some(vec![3.0])]);
        assert_eq!((kept, rows), (vec![0, 2], vec![vec![1.0], vec![3.0]]));
    }
}
