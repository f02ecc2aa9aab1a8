//! What an evaluation is told.

use super::peer::Peer;
use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};
use crate::tasks::Alteration;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Of fewer people than this nothing is told that could be of a few.
pub const SMALL_CELL: usize = 10;

/// Settings of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// Tasks that fewer subjects than this had, or are known not to have had, are named, not measured.
    pub min_events: usize,
    /// Subgroups with fewer such subjects are suppressed; of thresholds that flag fewer it isn't said what came of them.
    pub small_cell: usize,
    /// How many tasks, those with the most events, get plots.
    pub detailed_tasks: usize,
    /// Thresholds of the decision curve; empty for ones that follow the risks.
    pub thresholds: Vec<f64>,
    /// How many patients one clinician looks after, for alerts per clinician and day.
    pub patients_per_clinician: f64,
    /// How many days a prediction stands where neither a later one nor a horizon says.
    pub days_per_prediction: Option<f64>,
    /// Other predictors to set beside the model.
    pub peers: Vec<Peer>,
    /// The same model on altered histories, for the audit.
    pub altered: Vec<(Alteration, Peer)>,
    /// Groups of subjects to be fair to, beside sex and age.
    pub attributes: Vec<Attribute>,
    /// What an audit of the records found, to be shown with the numbers.
    pub audit: Option<crate::audit::Audit>,
    /// What the report says of data, model and method.
    pub about: About,
}

/// A property by which subjects are grouped: race, ethnicity, language, payer, site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attribute {
    /// Its name, in lower case.
    pub name: String,
    /// The group of each subject; who is absent is `Not recorded`.
    pub group_of: FxHashMap<i64, SmolStr>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            bootstrap: Bootstrap::default(),
            min_events: 10,
            small_cell: SMALL_CELL,
            detailed_tasks: 12,
            thresholds: vec![],
            patients_per_clinician: 20.0,
            days_per_prediction: None,
            peers: vec![],
            altered: vec![],
            attributes: vec![],
            audit: None,
            about: About::default(),
        }
    }
}

impl Options {
    /// Checks the settings.
    pub fn validate(&self) -> Result<()> {
        self.bootstrap.validate()?;
        if self.thresholds.iter().any(|t| !(0.0..1.0).contains(t)) {
            return Err(Error::Setting {
                setting: "each decision threshold",
                wanted: "0 or more and below 1",
            });
        }
        let positive = |setting, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(Error::Setting { setting, wanted: "a number above 0" }),
        };
        positive("patients per clinician", self.patients_per_clinician)?;
        positive("days per prediction", self.days_per_prediction.unwrap_or(1.0))
    }
}

/// What the report says of data, model and method. Plain text; it is escaped where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The report's title; one is made from the data set's name when empty.
    pub title: String,
    /// The data set's name.
    pub dataset: String,
    /// Are the records synthetic? Then the report says so wherever it is opened.
    pub synthetic: bool,
    /// The model's name.
    pub model: String,
    /// The digest of the model's weights and vocabulary.
    pub model_digest: String,
    /// Which subjects were measured on (`held_out`), and how they were set apart.
    pub split: String,
    /// How prediction times were chosen.
    pub prediction_times: String,
    /// How outcomes were defined.
    pub outcomes: String,
    /// What the baseline is.
    pub baseline: String,
    /// When the report was made, as the caller states it; this room reads no clock.
    pub made: String,
    /// The tool and its version.
    pub tool: String,
    /// What codes and tasks are called, by task.
    pub descriptions: BTreeMap<String, String>,
}

impl About {
    /// What a task is called, or its code when nothing better is known.
    pub fn name_of<'a>(&'a self, task: &'a str) -> &'a str {
        self.descriptions.get(task).map(String::as_str).filter(|d| !d.is_empty()).unwrap_or(task)
    }
}
