//! What does a trained model give away of those it was trained on?
//!
//! Four attacks, each a pure function of scores that the caller reads from a model: membership inference
//! ([`membership()`]), canaries ([`canaries`]), the nearest records of simulated patients ([`neighbours()`]) and attribute
//! inference ([`attribute_inference`]). [`PrivacyReport::new`] says what they found, and with what power.
//!
//! An attack that finds nothing proves nothing: a better one may. An attack that finds something proves it.

mod answer;
mod attributes;
mod exposure;
mod membership;
mod neighbours;

pub use attributes::{AttributeInference, Guess, attribute_inference};
pub use exposure::{CanaryGroup, canaries, exposure};
pub use membership::{FALSE_POSITIVE_RATES, Found, Membership, likelihood_ratio, membership};
pub use neighbours::{Neighbours, Profile, neighbours};

use crate::audit::Severity;
use crate::bootstrap::Bootstrap;
use crate::error::Result;
use crate::evaluation::{About, Estimate};
use crate::measures::Measure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the report's JSON shape.
const FORMAT: u32 = 1;

/// One of the attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attack {
    /// Was somebody's record trained on?
    MembershipInference,
    /// Is a planted sequence remembered?
    Canaries,
    /// Are simulated patients near-copies of training records?
    NearestNeighbours,
    /// Is a sensitive code told to who knows the rest?
    AttributeInference,
}

impl Attack {
    /// All of them.
    pub const ALL: [Attack; 4] = [
        Attack::MembershipInference,
        Attack::Canaries,
        Attack::NearestNeighbours,
        Attack::AttributeInference,
    ];

    /// What a reader calls it.
    pub fn words(self) -> &'static str {
        match self {
            Attack::MembershipInference => "Membership inference",
            Attack::Canaries => "Planted canaries",
            Attack::NearestNeighbours => "Nearest records of simulated patients",
            Attack::AttributeInference => "Attribute inference",
        }
    }
}

/// Something that the model gives away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrivacyFinding {
    /// Which attack.
    pub attack: Attack,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen, in a sentence.
    pub what: String,
    /// The numbers behind it.
    pub evidence: BTreeMap<String, f64>,
}

/// What the attacks measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attacks {
    /// Membership inference, an entry an attack.
    pub membership: Vec<Membership>,
    /// Canaries, by how often they were planted.
    pub canaries: Vec<CanaryGroup>,
    /// The nearest records of simulated patients.
    pub neighbours: Option<Neighbours>,
    /// Attribute inference, an entry a code.
    pub attributes: Vec<AttributeInference>,
    /// Attacks that were not made, with the reason.
    pub not_made: Vec<(Attack, String)>,
    /// How each was made, for the methods: a name and sentences.
    pub methods: Vec<(String, String)>,
    /// A control: the model was trained on none of those who are called its training subjects, so that nothing is there to
    /// be found.
    #[serde(default)]
    pub control: bool,
}

/// The audit: the contents of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrivacyReport {
    /// Version of this shape.
    pub format: u32,
    /// Data and model.
    pub about: About,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// What was found, in plain sentences, the most important first.
    pub answer: Vec<String>,
    /// What the model gives away, the gravest first.
    pub findings: Vec<PrivacyFinding>,
    /// The attacks.
    pub attacks: Attacks,
}

impl PrivacyReport {
    /// Says what the attacks found.
    pub fn new(about: About, bootstrap: Bootstrap, attacks: Attacks) -> Self {
        let findings = answer::findings(&attacks);
        let answer = answer::sentences(&attacks, &findings, &bootstrap);
        PrivacyReport { format: FORMAT, about, bootstrap, answer, findings, attacks }
    }

    /// Findings that ask for action: warnings and serious ones.
    pub fn alarms(&self) -> usize {
        self.findings.iter().filter(|f| f.severity > Severity::Note).count()
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// When a number can't be written.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// The report as one self-contained page.
    pub fn to_html(&self) -> String {
        crate::report::privacy_html(self)
    }

    /// Every number with an interval, as rows of a long table.
    pub fn measures(&self) -> Vec<Measure> {
        let mut rows = Vec::new();
        let exactly = |value: Option<f64>| Estimate { value, ..Estimate::default() };
        for attack in &self.attacks.membership {
            let task = format!("membership inference: {}", attack.attack);
            let n = Some(attack.members + attack.outsiders);
            rows.push(Measure::of(&task, "all", "auc", &attack.auc, n));
            rows.push(Measure::of(&task, "all", "detectable_auc", &exactly(attack.detectable_auc), n));
            for found in &attack.found {
                let metric = format!("true_positive_rate_at_{}", found.false_positive_rate);
                rows.push(Measure::of(&task, "all", &metric, &found.true_positive_rate, n));
            }
        }
        for group in &self.attacks.canaries {
            let (part, n) = (format!("repeats={}", group.repeats), Some(group.canaries));
            rows.push(Measure::of("canaries", &part, "exposure_bits", &group.mean, n));
            rows.push(Measure::of("canaries", &part, "p_value", &exactly(group.p_value), n));
        }
        if let Some(near) = &self.attacks.neighbours {
            let (task, n) = ("nearest neighbours", Some(near.simulated));
            for (metric, estimate) in [
                ("nearest_in_training", &near.nearest_in_training),
                ("nearest_in_training_expected", &exactly(Some(near.expected))),
                ("p_value", &exactly(near.p_value)),
                ("distance_to_training", &near.distance_to_training),
                ("distance_to_held_out", &near.distance_to_held_out),
                ("distance_ratio", &near.ratio),
                ("copies_of_training", &exactly(Some(near.copies_of_training as f64))),
                ("copies_of_held_out", &exactly(Some(near.copies_of_held_out as f64))),
            ] {
                rows.push(Measure::of(task, "all", metric, estimate, n));
            }
        }
        for code in &self.attacks.attributes {
            let task = format!("attribute inference: {}", code.code);
            let (a, b) = (code.training.0 + code.training.1, code.held_out.0 + code.held_out.1);
            rows.push(Measure::of(&task, "training", "auc", &code.training_auc, Some(a)));
            rows.push(Measure::of(&task, "held_out", "auc", &code.held_out_auc, Some(b)));
            rows.push(Measure::of(&task, "training − held_out", "auc", &code.difference, Some(a + b)));
        }
        rows
    }
}

#[cfg(test)]
mod tests;
