//! The whole state of a run in one safetensors file. Order, samples and dropout are functions of the seed and
//! the step, so weights, moments and a few counters are everything.

use super::optimiser::Moments;
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

pub(crate) fn write(
    path: &Path,
    model: &Model,
    options: &TrainOptions,
    moments: &Moments,
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
        ("first_moment", &moments.first),
        ("second_moment", &moments.second),
        ("average_weights", average),
        ("best_weights", best),
    ];
    let tensors = tensors.into_iter().map(|(name, values)| (name.to_owned(), vec![values.len()], values));
    files::write_tensors(path, tensors, Some(metadata))
}

/// Reads a checkpoint of the same model and options into what is there, so that a resumed run takes no more memory than a fresh
/// one; others are refused. The average is empty without averaging; the best weights are filled where an evaluation was made.
pub(crate) fn read(
    path: &Path,
    model: &mut Model,
    options: &TrainOptions,
    moments: &mut Moments,
    (average, best): (&mut [f32], &mut Vec<f32>),
) -> Result<Progress> {
    let mut file = Tensors::open(path)?;
    if file.metadata("config")? != fingerprint(model) || file.metadata("options")? != options.fingerprint() {
        return Err(Error::malformed(
            path,
            "belongs to a run with another model or other options; remove it to start afresh",
        ));
    }
    let progress: Progress = serde_json::from_str(file.metadata("progress")?)
        .map_err(|_| Error::malformed(path, "has a progress record that cannot be read"))?;
    if progress.best_loss().is_finite() {
        best.resize(model.weights.len(), 0.0);
    }
    let tensors = [
        ("weights", model.weights.as_mut_slice()),
        ("first_moment", &mut moments.first),
        ("second_moment", &mut moments.second),
        ("average_weights", average),
        ("best_weights", best),
    ];
    for (name, values) in tensors {
        if !values.is_empty() {
            file.read(name, &[values.len()], values)?;
        }
    }
    Ok(progress)
}

fn fingerprint(model: &Model) -> String {
    let text = format!("{:?}", model.config);
    format!("{:016x}", text.bytes().fold(0, |state, byte| crate::random::mix(state ^ u64::from(byte))))
}
