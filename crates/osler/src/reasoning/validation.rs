//! What validation at this site knows of a risk: how often it came true, and how early a threshold found it.

use crate::model_directory::read_json;
use ::evaluate::diagnosis::{ObservedNear, ToldRisk, observed_near};
use ::evaluate::metrics::censoring::FollowUp;
use ::evaluate::{Estimate, EvaluationReport};
use anyhow::{Context, Result};
use events::meds;
use model::HORIZON_DAYS;
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// Nearest predictions that an observed share is taken from.
const NEAREST: usize = 200;

/// Predictions that came true or didn't, and the report on them.
#[derive(Default)]
pub struct Validation {
    /// By task and horizon.
    rows: HashMap<(String, usize), Vec<ToldRisk>>,
    report: Option<EvaluationReport>,
}

/// What is known of a risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Known {
    /// How often it came true among the people whose risk was nearest to this one.
    pub observed: Option<ObservedNear>,
    /// The highest threshold that it reaches.
    pub threshold: Option<Reached>,
}

/// A threshold of the report that a risk reaches. Each figure with its interval; none where too few were flagged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Flag at or above this risk.
    pub threshold: f64,
    /// How many predictions were.
    pub flagged: usize,
    /// Share of events flagged there.
    pub sensitivity: Estimate,
    /// Share of non-events not flagged there.
    pub specificity: Estimate,
    /// Share of the flagged that are events.
    pub positive_predictive_value: Estimate,
    /// Median days from the first flag to the recorded outcome.
    pub lead_time_days: Estimate,
}

impl Validation {
    /// Reads what is given: a directory of predictions, and one of a report.
    pub fn read(predictions: Option<&Path>, report: Option<&Path>) -> Result<Self> {
        let mut rows: HashMap<(String, usize), Vec<ToldRisk>> = HashMap::new();
        if let Some(dir) = predictions {
            let file = dir.join("predictions.parquet");
            let path = if file.is_file() { file } else { dir.to_owned() };
            for row in meds::read_predictions(&path)
                .with_context(|| format!("no predictions in {}", dir.display()))?
            {
                let outcome = row.boolean_value;
                // An outcome whose time isn't told counts as one of somebody who was watched throughout.
                let observed_days = match (row.observed_days, outcome) {
                    (Some(days), _) => f64::from(days),
                    (None, Some(_)) => f64::from(row.horizon_days),
                    (None, None) => continue,
                };
                let same = |days: &f64| (days - f64::from(row.horizon_days)).abs() < 0.5;
                let Some(horizon) = HORIZON_DAYS.iter().position(same) else { continue };
                let rows = rows.entry((row.task.to_string(), horizon)).or_default();
                rows.push(ToldRisk {
                    subject: row.subject_id,
                    risk: row.predicted_boolean_probability,
                    follow_up: FollowUp { outcome, observed_days },
                });
            }
        }
        let report = report.map(|dir| read_json(&dir.join("report.json"))).transpose()?;
        Ok(Validation { rows, report })
    }

    /// What is known of a risk of a condition.
    pub fn of(&self, code: &str, horizon: usize, risk: f64) -> Option<Known> {
        let days = HORIZON_DAYS[horizon];
        let rows = self.rows.get(&(code.to_owned(), horizon));
        let observed = rows.and_then(|rows| observed_near(rows, risk, NEAREST, days));
        let task = self.report.as_ref().and_then(|report| {
            report.tasks.iter().find(|t| t.task == code && (f64::from(t.horizon_days) - days).abs() < 0.5)
        });
        let reached = task.and_then(|task| {
            let points = task.operating.iter().filter(|point| point.threshold <= risk);
            points.max_by(|a, b| a.threshold.total_cmp(&b.threshold))
        });
        let threshold = reached.map(|point| Reached {
            threshold: point.threshold,
            flagged: point.flagged,
            sensitivity: point.sensitivity.clone(),
            specificity: point.specificity.clone(),
            positive_predictive_value: point.positive_predictive_value.clone(),
            lead_time_days: point.lead_time_days.clone(),
        });
        (observed.is_some() || threshold.is_some()).then_some(Known { observed, threshold })
    }
}
