//! What a model that is gone on from leaves to the one that is made of it, beside its weights.
//!
//! Heads and read-outs of supervised tasks are read off its states: where the states stay they stay true, where the weights
//! change they are of another model.

use crate::canaries::{self, Canaries};
use crate::model_directory::{ModelDirectory, READOUTS_FILE};
use ::evaluate::baseline::AgeSexLogistic;
use anyhow::Result;
use model::{Readout, TaskHead};
use std::collections::BTreeMap;
use std::path::Path;

/// What stays true, and what doesn't.
#[derive(Default)]
pub(in crate::commands) struct Carried {
    /// Heads of tasks that are not trained.
    pub(super) heads: Vec<TaskHead>,
    readouts: BTreeMap<String, Readout>,
    /// Of the tasks that are kept.
    pub(super) baselines: BTreeMap<String, AgeSexLogistic>,
    canaries: Option<Canaries>,
    /// By name, tasks that the new model can't be asked about any more, though the old could.
    pub(super) lost: Vec<String>,
    lost_canaries: bool,
}

impl Carried {
    /// Of a model in `dir`, on which `tasks` are trained, its other weights left as they are or not.
    pub(super) fn of(from: &ModelDirectory, dir: &Path, tasks: &[String], frozen: bool) -> Result<Self> {
        let others = || from.tasks().into_iter().filter(|name| !tasks.iter().any(|task| task == name));
        let planted = dir.join(canaries::FILE);
        if !frozen {
            let lost = others().map(str::to_owned).collect();
            return Ok(Carried { lost, lost_canaries: planted.exists(), ..Carried::default() });
        }
        let is_other = |name: &str| others().any(|other| other == name);
        Ok(Carried {
            heads: others().filter_map(|name| from.model.task_head(name)).collect(),
            readouts: from.readouts.clone().into_iter().filter(|(name, _)| is_other(name)).collect(),
            baselines: from.task_baselines.clone().into_iter().filter(|(name, _)| is_other(name)).collect(),
            canaries: if planted.exists() { Some(Canaries::read(&planted)?) } else { None },
            ..Carried::default()
        })
    }

    /// What is lost, in words.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        let tasks = (!self.lost.is_empty()).then(|| {
            format!(
                "not kept, since they were learned on weights that now change: {}; give their --labels to learn them anew, or --tune head to \
                 leave all else as it is",
                self.lost.join(", ")
            )
        });
        let canaries =
            "not kept: the list of canaries that the model was planted with, since it goes on without them";
        tasks.into_iter().chain(self.lost_canaries.then(|| canaries.to_owned()))
    }

    /// Writes what is kept beside the new model.
    pub(super) fn write(&self, out: &Path) -> Result<()> {
        if !self.readouts.is_empty() {
            Readout::save(&self.readouts, &out.join(READOUTS_FILE))?;
        }
        self.canaries.as_ref().map_or(Ok(()), |canaries| canaries.write(out))
    }
}
