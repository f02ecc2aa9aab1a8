//! Where the model stands, and who let it.

use super::Entry;
use super::evidence::{Evidence, SourceId};
use crate::commands::{digest_of, name_of};
use crate::governance_directory::GovernanceDirectory;
use crate::lifecycle::{history, history_path};
use crate::manifest::Manifest;
use anyhow::Result;
use govern::lifecycle::Stage;
use std::path::PathBuf;

/// A model's standing, by its signed history.
pub struct Standing {
    /// The stage.
    pub stage: Stage,
    /// Each step in words.
    pub(super) steps: Vec<(String, String)>,
    /// The history's file; none for a model that has taken no step.
    pub source: Option<SourceId>,
}

impl Standing {
    /// Reads and checks the history; gives the file that holds it, if there is one.
    pub fn of(directory: &GovernanceDirectory, manifest: &Manifest) -> Result<(Self, PathBuf)> {
        let digest = digest_of(manifest);
        let history = history(directory, &digest, &name_of(manifest))?;
        let steps = history
            .told()
            .map(|(time, from, to, reason, roles)| {
                (format!("{from} → {to}"), format!("{time}, approved by {}: {reason}", roles.join(", ")))
            })
            .collect();
        let standing = Standing { stage: history.stage(), steps, source: None };
        Ok((standing, history_path(directory, &digest)))
    }

    /// What the card says of it.
    pub fn entries(&self, evidence: &Evidence) -> Vec<Entry> {
        let Some(source) = self.source else {
            return vec![Entry::not_stated(
                "Approvals",
                "the governance directory holds no step of this model, so it is a draft",
            )];
        };
        let mut entries = vec![evidence.told("Release stage", self.stage.name(), source, "/steps")];
        let each = self.steps.iter().enumerate();
        entries.extend(each.map(|(i, (step, told))| {
            evidence.told(&format!("Step {step}"), told.clone(), source, &format!("/steps/{i}"))
        }));
        entries
    }
}
