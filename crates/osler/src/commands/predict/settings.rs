//! What the manifest, and the report after it, say of how predictions were made.

use super::Job;
use crate::manifest::{Kind, Manifest};
use crate::model_directory::ModelDirectory;
use crate::progress::grouped;
use ::evaluate::tasks::recurring_name;
use anyhow::Result;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::path::Path;

/// What the labels leave out, as far as their manifest says.
fn left_out_of(labels: &Path) -> String {
    let told =
        Manifest::read(labels, Kind::Labels).ok().and_then(|manifest| manifest.counts["censored"].as_u64());
    match told {
        Some(0) => " The outcome is known of every prediction time.".to_owned(),
        Some(n) => format!(
            " {} prediction times whose outcome isn't known were left out when the labels were made. Outcomes that come early are known \
             sooner than that they don't come, so that shares among the labels, and risks learned from them, are too high by that.",
            grouped(n)
        ),
        None => " Prediction times whose outcome isn't known are left out where the labels leave them out."
            .to_owned(),
    }
}

impl Job<'_> {
    /// What the manifest, and the report after it, say of the method.
    pub(in crate::commands) fn settings(&self) -> Result<serde_json::Value> {
        let arguments = self.arguments;
        let vocabulary = self.directory.tokenizer.vocabulary();
        let described =
            vocabulary.entries().iter().filter_map(|e| Some((e.code.as_str(), e.description.as_deref()?)));
        let descriptions: BTreeMap<SmolStr, String> = described
            .map(|(code, description)| match arguments.again {
                false => (code.into(), description.to_owned()),
                true => (recurring_name(code), format!("{description}, again")),
            })
            .collect();
        let outcome = match arguments.again {
            false => {
                "First recorded occurrence within the horizon, among subjects without an earlier one. Death before it counts as no \
                 occurrence; subjects whose follow-up ends earlier are censored."
            }
            true => {
                "The next recorded occurrence within the horizon, among subjects who have one already. Death before it counts as no \
                 occurrence; subjects whose follow-up ends earlier are censored."
            }
        };
        let (times, outcomes) = match &arguments.labels {
            _ if arguments.every_event => (
                "Every moment at which a subject has events, all events of that moment seen.".to_owned(),
                "None: risks alone.".to_owned(),
            ),
            Some(labels) => (
                "As the labels state them.".to_owned(),
                format!("As the labels state them.{}", left_out_of(labels)),
            ),
            None if arguments.at.is_some() => (
                "As stated for each subject by a set of labels, whose values are not looked at.".to_owned(),
                outcome.to_owned(),
            ),
            None => (
                format!(
                    "One a subject: the first visit at or after a date drawn uniformly (seed {}) between {} days after the first \
                     dated event and the end of the study less the shortest horizon, without looking at what follows.",
                    arguments.seed, arguments.min_history_days
                ),
                outcome.to_owned(),
            ),
        };
        Ok(serde_json::json!({
            "model": self
                .directories()
                .map(|d| format!("{} parameters, trained on {}", grouped(d.model.parameters() as u64), d.manifest.dataset))
                .collect::<Vec<_>>()
                .join("; and "),
            "model_digest": self.directories().map(ModelDirectory::digest).collect::<Vec<_>>().join(" "),
            "split": arguments.split,
            "split_text": format!(
                "{} (by keyed hash of the subject; trained on none of them unless it says train or all{})",
                arguments.split,
                if self.calibrated_on_them() { "; the risks' level was set on some of them" } else { "" }
            ),
            "prediction_times": times,
            "outcomes": outcomes,
            "baseline": match &arguments.labels {
                Some(_) => "Logistic regression on age (restricted cubic spline) and sex, fitted on the training labels.",
                None if arguments.again => "None: age and sex are counted of onsets.",
                None => "Incidence by sex and five-year age band among the training subjects, death competing.",
            },
            "again": arguments.again,
            "codes": arguments.codes,
            "unseen_codes": arguments.unseen_codes.name(),
            "horizons": arguments.horizons,
            "precision": arguments.precision.names().0,
            "cache": arguments.precision.names().1,
            "seed": arguments.seed,
            "min_history_days": arguments.min_history_days,
            "descriptions": descriptions,
        }))
    }

    /// Did `osler calibrate` count subjects of a split that is predicted for?
    fn calibrated_on_them(&self) -> bool {
        let counted = |settings: &serde_json::Value| {
            let splits = settings["splits"].as_array().cloned().unwrap_or_default();
            !settings["calibrated_from"].is_null()
                && self.splits.iter().any(|split| splits.contains(&split.name().into()))
        };
        self.directories().any(|directory| directory.manifest.settings_back().any(counted))
    }
}
