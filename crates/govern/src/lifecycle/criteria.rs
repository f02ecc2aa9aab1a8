//! `criteria.toml`: what an evaluation must show, said before it is made.

use crate::Error;
use serde::Deserialize;
use serde_json::Value;

/// A year has 365 days to some and 365.25 to others: so far may a horizon be from the report's.
const HORIZON_SLACK: f64 = 1e-3;

/// What an evaluation must show.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    criterion: Vec<Criterion>,
    #[serde(skip)]
    digest: String,
}

/// One number of the report, and its bound.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Criterion {
    /// The task, as the report names it.
    task: String,
    /// The horizon in days; 0 where the task has its own.
    #[serde(default)]
    horizon_days: f64,
    /// `auroc`, `observed_expected` … of the model; `difference.auroc` … against the baseline; `subjects`, `events`.
    metric: String,
    /// The number must reach this.
    at_least: Option<f64>,
    /// The number must not pass this.
    at_most: Option<f64>,
    /// Compare the value itself; else the end of its interval that is nearer to failing.
    #[serde(default)]
    point: bool,
}

/// What became of a criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The criterion in words, with the number that was found.
    pub words: String,
    /// Was it met?
    pub met: bool,
}

impl Criteria {
    /// Reads `criteria.toml`.
    ///
    /// # Errors
    /// When it can't be read, or asks for nothing.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Settings { file: "criteria.toml", reason };
        let mut criteria: Criteria = toml::from_str(text)
            .map_err(|error| wrong(events::misread(text, error.span(), error.message())))?;
        if criteria.criterion.is_empty() {
            return Err(wrong("it has no [[criterion]]".into()));
        }
        for criterion in &criteria.criterion {
            let bounds = [criterion.at_least, criterion.at_most];
            if bounds.iter().all(Option::is_none) || bounds.iter().flatten().any(|bound| !bound.is_finite()) {
                return Err(wrong(format!(
                    "the criterion of {} has no at_least and no at_most that is a number",
                    criterion.metric
                )));
            }
        }
        criteria.digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        Ok(criteria)
    }

    /// BLAKE3 of the file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Holds a `report.json` to them. What the report doesn't tell is not met.
    pub fn judge(&self, report: &Value) -> Vec<Finding> {
        self.criterion.iter().map(|criterion| criterion.judge(report)).collect()
    }
}

impl Criterion {
    fn judge(&self, report: &Value) -> Finding {
        let task = report["tasks"].as_array().into_iter().flatten().find(|task| {
            task["task"] == self.task.as_str()
                && task["horizon_days"]
                    .as_f64()
                    .is_some_and(|days| (days - self.horizon_days).abs() <= days * HORIZON_SLACK)
        });
        let bound = |name: &str, bound: Option<f64>, end: &str, holds: fn(f64, f64) -> bool| {
            let bound = bound?;
            let found = task.and_then(|task| self.number(task, end));
            let shown = found.map_or("not in the report".to_owned(), |found| format!("{found:.4}"));
            let words = format!(
                "{} of {} at {} days {name} {bound}: {shown}",
                self.metric, self.task, self.horizon_days
            );
            Some((words, found.is_some_and(|found| holds(found, bound))))
        };
        let parts = [
            bound("at least", self.at_least, "low", |found, bound| found >= bound),
            bound("at most", self.at_most, "high", |found, bound| found <= bound),
        ];
        let parts: Vec<(String, bool)> = parts.into_iter().flatten().collect();
        Finding {
            met: !parts.is_empty() && parts.iter().all(|(_, met)| *met),
            words: parts.into_iter().map(|(words, _)| words).collect::<Vec<_>>().join("; "),
        }
    }

    fn number(&self, task: &Value, end: &str) -> Option<f64> {
        let found = match self.metric.strip_prefix("difference.") {
            Some(metric) => &task["comparison"]["difference"][metric],
            None if matches!(self.metric.as_str(), "subjects" | "events" | "rows") => {
                return task[self.metric.as_str()].as_f64();
            }
            None => &task["model"][self.metric.as_str()],
        };
        found[if self.point { "value" } else { end }].as_f64()
    }
}
