//! The whole state of a run in one safetensors file. Order, samples and dropout are functions of the seed and
//! the step, so weights, moments and a few counters are everything.

use super::optimiser::AdamW;
use super::options::TrainOptions;
use crate::error::{Error, Result};
use crate::files::{self, Tensors};
use crate::model::Model;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Where a run is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    /// Batches done in this epoch.
    pub(crate) batch: usize,
    /// Bits of an f64, for text would round it.
    best_loss: u64,
    pub(crate) best_step: u64,
    pub(crate) worse_evaluations: u32,
    pub(crate) finished: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Progress {
            step: 0,
            epoch: 0,
            batch: 0,
            best_loss: f64::INFINITY.to_bits(),
            best_step: 0,
            worse_evaluations: 0,
            finished: false,
        }
    }
}

impl Progress {
    pub(crate) fn best_loss(&self) -> f64 {
        f64::from_bits(self.best_loss)
    }
    pub(crate) fn set_best(&mut self, loss: f64) {
        self.best_loss = loss.to_bits();
        self.best_step = self.step;
        self.worse_evaluations = 0;
    }
}

/// What a checkpoint holds.
pub(crate) struct State {
    pub(crate) weights: Vec<f32>,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    /// Empty without averaging.
    pub(crate) average: Vec<f32>,
    /// Empty before the first evaluation.
    pub(crate) best: Vec<f32>,
    pub(crate) progress: Progress,
}

pub(crate) fn write(
    path: &Path,
    model: &Model,
    options: &TrainOptions,
    optimiser: &AdamW,
    (average, best): (&[f32], &[f32]),
    progress: &Progress,
) -> Result<()> {
    let progress = serde_json::to_string(progress).map_err(|e| Error::malformed(path, e.to_string()))?;
    let metadata = HashMap::from([
        ("progress".to_owned(), progress),
        ("options".to_owned(), options.fingerprint()),
        ("config".to_owned(), fingerprint(model)),
    ]);
    let tensors = [
        ("weights", model.weights.as_slice()),
        ("first_moment", &optimiser.first),
        ("second_moment", &optimiser.second),
        ("average_weights", average),
        ("best_weights", best),
    ];
    let tensors = tensors.into_iter().map(|(name, values)| (name.to_owned(), vec![values.len()], values));
    files::write_tensors(path, tensors, Some(metadata))
}

impl State {
    /// Reads a checkpoint of the same model and options; others are refused.
    pub(crate) fn read(path: &Path, model: &Model, options: &TrainOptions) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
        let file = Tensors::parse(path, &bytes)?;
        if file.metadata("config")? != fingerprint(model)
            || file.metadata("options")? != options.fingerprint()
        {
            return Err(Error::malformed(
                path,
                "belongs to a run with another model or other options; remove it to start afresh",
            ));
        }
        let progress: Progress = serde_json::from_str(file.metadata("progress")?)
            .map_err(|_| Error::malformed(path, "has a progress record that cannot be read"))?;
        let read = |name: &str, len: usize| {
            let mut values = vec![0.0; len];
            file.read(name, &[len], &mut values).map(|()| values)
        };
        let len = model.weights.len();
        let best = if progress.best_loss().is_finite() { read("best_weights", len)? } else { Vec::new() };
        let average = if options.averaging > 0.0 { read("average_weights", len)? } else { Vec::new() };
        Ok(State {
            average,
            weights: read("weights", len)?,
            first: read("first_moment", len)?,
            second: read("second_moment", len)?,
            best,
            progress,
        })
    }
}

fn fingerprint(model: &Model) -> String {
    let text = format!("{:?}", model.config);
    format!("{:016x}", text.bytes().fold(0, |state, byte| crate::random::mix(state ^ u64::from(byte))))
}
