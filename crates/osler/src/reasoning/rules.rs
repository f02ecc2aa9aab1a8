//! What speaks against a treatment in a record, and what guidelines take first: rules that a site writes.

use super::case::{Case, day};
use crate::settings_file;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A site's rules: TOML with `[[contraindication]]` and `[[first_choice]]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What speaks against treatments.
    #[serde(default)]
    pub contraindication: Vec<Contraindication>,
    /// What is taken first.
    #[serde(default)]
    pub first_choice: Vec<FirstChoice>,
}

/// A code in the record, or the last value of a measurement, that speaks against a treatment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contraindication {
    /// The treatment, by how its codes begin.
    pub treatment: String,
    /// The code that speaks against it, by how it begins.
    pub code: String,
    /// Only if its last value lies below this.
    pub below: Option<f32>,
    /// Only if its last value lies above this.
    pub above: Option<f32>,
    /// Only if it was recorded within so many days.
    pub within_days: Option<f64>,
    /// In words, with its source.
    pub because: String,
}

/// What a guideline takes first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstChoice {
    /// The condition, by how its codes begin.
    pub condition: String,
    /// The treatment, by how its codes begin.
    pub treatment: String,
    /// Which guideline.
    pub source: String,
}

/// What was found in a record against a treatment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// The rule's words.
    pub because: String,
    /// The code found.
    pub code: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f32>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
}

impl Rules {
    /// Reads them.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Rules::default()) };
        settings_file::read(path, "holds no rules")
    }

    /// What speaks against a treatment in a record, as known by now.
    pub fn against(&self, case: &Case<'_>, treatment: &str) -> Vec<Against> {
        let rules =
            self.contraindication.iter().filter(|rule| treatment.starts_with(rule.treatment.as_str()));
        let found = |rule: &Contraindication| {
            let own = case.subject.events().iter().filter(|event| {
                event.code.as_str().starts_with(rule.code.as_str())
                    && event.time.is_none_or(|time| time <= case.at)
            });
            let recent = own.filter(|event| {
                let age = event.time.map(|time| case.at.days_since(time));
                rule.within_days.is_none_or(|days| age.is_some_and(|age| age <= days))
            });
            let asks_value = rule.below.is_some() || rule.above.is_some();
            let last =
                recent.filter(|event| !asks_value || event.numeric_value.is_some()).max_by_key(|e| e.time)?;
            let holds = |value: f32| {
                rule.below.is_none_or(|below| value < below) && rule.above.is_none_or(|above| value > above)
            };
            (!asks_value || last.numeric_value.is_some_and(holds)).then(|| Against {
                because: rule.because.clone(),
                code: last.code.to_string(),
                value: last.numeric_value,
                day: last.time.map(day),
            })
        };
        rules.filter_map(found).collect()
    }

    /// The guideline that takes a treatment of a condition first.
    pub fn first(&self, condition: &str, treatment: &str) -> Option<&str> {
        let rule = self.first_choice.iter().find(|rule| {
            condition.starts_with(rule.condition.as_str()) && treatment.starts_with(rule.treatment.as_str())
        });
        rule.map(|rule| rule.source.as_str())
    }
}
