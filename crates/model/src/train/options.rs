//! How to train.

use crate::config::Size;
use crate::error::{Error, Result};
use crate::panels::Products;
use serde::{Deserialize, Serialize};
use timeline::LandmarkOptions;

/// Everything that decides a training run besides the data and the model. Two runs with equal options give equal
/// weights; `threads` and `checkpoint_every` never change the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOptions {
    /// Tokens per step, at least; the window that passes it is the batch's last.
    pub batch_tokens: usize,
    /// Passes over the data.
    pub epochs: u32,
    /// An upper bound on steps.
    pub max_steps: Option<u64>,
    /// How weights follow their gradients.
    pub optimiser: Optimiser,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Share of the peak at the end of the cosine.
    pub final_learning_rate_share: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u64,
    /// Decoupled weight decay on matrices and embeddings, none on norms and biases.
    pub weight_decay: f64,
    /// Decay rate of the gradient's first moment.
    pub beta1: f64,
    /// Decay rate of the second moment.
    pub beta2: f64,
    /// Decay rate of Muon's momentum.
    pub muon_momentum: f64,
    /// Root mean square of what a step of Muon moves a matrix's entries by, in learning rates.
    pub muon_scale: f64,
    /// Largest norm of the whole gradient; longer ones are scaled down to it.
    pub clip_norm: f64,
    /// Share of embedded inputs and of each branch's outputs that is dropped.
    pub dropout: f64,
    /// Decay rate a step of the running average of the weights, which is what is evaluated and kept; 0 keeps the
    /// weights themselves.
    pub averaging: f64,
    /// In training, a label is asked at a moment drawn from the last share of its record instead of always at its
    /// own: for labels that hold all along (an outcome of the stay), not for those about a window of time.
    pub earlier_labels: f64,
    /// Seed of order, windows, samples and dropout.
    pub seed: u64,
    /// Threads to use.
    pub threads: usize,
    /// Independent partial gradients per step. Bounds the useful threads; each costs the memory of one model.
    pub gradient_slots: usize,
    /// Tokens that a thread works on at once.
    pub pack_tokens: usize,
    /// Evaluate on the tuning data every so many steps; after each epoch if absent.
    pub evaluate_every: Option<u64>,
    /// Stop after so many evaluations without improvement in a row, at least 1; never if absent.
    pub patience: Option<u32>,
    /// Evaluate before the first step too, so that no weights are kept that are worse than those that the run began with: for
    /// going on from a model.
    pub evaluate_first: bool,
    /// What must improve.
    pub monitor: Monitor,
    /// Write a checkpoint every so many steps.
    pub checkpoint_every: u64,
    /// Weight of the log-likelihood of codes, waiting times and values per token.
    pub likelihood_weight: f64,
    /// Weight of values within it; 1 is the likelihood proper.
    pub value_weight: f64,
    /// Weight of the horizon-risk loss per moment.
    pub risk_weight: f64,
    /// Weight of the supervised tasks' mean cross-entropy.
    pub task_weight: f64,
    /// Moments per window at which horizon risk is trained, at most; each counts for the time that led up to it.
    pub risk_positions: usize,
    /// Stretches without events in which training stops to ask, so that risk is right some time after the last
    /// event too.
    pub landmarks: LandmarkOptions,
    /// The numbers that products are worked out in, in training and in its evaluations.
    pub precision: Products,
    /// What may change.
    pub trainable: Trainable,
}

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimiser {
    /// AdamW, all of them.
    #[default]
    AdamW,
    /// Muon the matrices of the blocks, AdamW the rest.
    Muon,
}

impl std::str::FromStr for Optimiser {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "adamw" => Ok(Optimiser::AdamW),
            "muon" => Ok(Optimiser::Muon),
            _ => Err(Error::Options("the optimiser must be one of adamw, muon".into())),
        }
    }
}

/// What early stopping watches on the tuning data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The weighted sum that is trained.
    #[default]
    Total,
    /// The supervised tasks' cross-entropy.
    Task,
}

/// Which weights training may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trainable {
    /// All.
    #[default]
    All,
    /// The task heads alone, on a frozen model.
    TaskHeads,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            batch_tokens: 4096,
            epochs: 10,
            max_steps: None,
            optimiser: Optimiser::AdamW,
            learning_rate: 1e-3,
            final_learning_rate_share: 0.05,
            warmup_steps: 100,
            weight_decay: 0.1,
            beta1: 0.9,
            beta2: 0.98,
            muon_momentum: 0.95,
            muon_scale: 0.8,
            clip_norm: 1.0,
            dropout: 0.1,
            averaging: 0.99,
            earlier_labels: 0.0,
            seed: 0,
            threads: 1,
            gradient_slots: 4,
            pack_tokens: 512,
            evaluate_every: None,
            patience: Some(3),
            evaluate_first: false,
            monitor: Monitor::Total,
            checkpoint_every: 500,
            likelihood_weight: 1.0,
            value_weight: 1.0,
            risk_weight: 0.05,
            task_weight: 1.0,
            risk_positions: 128,
            landmarks: LandmarkOptions::default(),
            precision: Products::F32,
            trainable: Trainable::All,
        }
    }
}

impl TrainOptions {
    /// The defaults with the peak learning rate that suits a size: wider models want smaller steps.
    pub fn for_size(size: Size) -> Self {
        let learning_rate = match size {
            Size::Tiny => 2e-3,
            Size::Small => 1e-3,
            Size::Base => 6e-4,
            Size::Large => 3e-4,
        };
        TrainOptions { learning_rate, ..TrainOptions::default() }
    }

    /// Refuses what cannot be followed, before anything is begun.
    ///
    /// # Errors
    /// [`Error::Options`] names the option and what it may be.
    pub fn validate(&self) -> Result<()> {
        let check =
            |holds: bool, what: &str| if holds { Ok(()) } else { Err(Error::Options(what.to_owned())) };
        check(
            self.batch_tokens > 0 && self.pack_tokens > 0,
            "batch_tokens and pack_tokens must be at least 1",
        )?;
        check(self.epochs > 0, "epochs must be at least 1")?;
        check(self.learning_rate > 0.0 && self.learning_rate.is_finite(), "learning_rate must be positive")?;
        check(
            (0.0..=1.0).contains(&self.final_learning_rate_share),
            "final_learning_rate_share must be 0 to 1",
        )?;
        check(
            self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
            "weight_decay must not be negative",
        )?;
        let rate = |r: f64| (0.0..1.0).contains(&r);
        check(rate(self.beta1) && rate(self.beta2), "beta1 and beta2 must be at least 0 and below 1")?;
        check(rate(self.muon_momentum), "muon_momentum must be at least 0 and below 1")?;
        check(self.muon_scale > 0.0 && self.muon_scale.is_finite(), "muon_scale must be positive")?;
        check(self.clip_norm > 0.0, "clip_norm must be positive")?;
        check(rate(self.dropout), "dropout must be at least 0 and below 1")?;
        check(rate(self.averaging), "averaging must be at least 0 and below 1")?;
        check((0.0..=1.0).contains(&self.earlier_labels), "earlier_labels must be 0 to 1")?;
        check((1..=1024).contains(&self.threads), "threads must be 1 to 1024")?;
        check((1..=1024).contains(&self.gradient_slots), "gradient_slots must be 1 to 1024")?;
        check(
            self.evaluate_every != Some(0) && self.checkpoint_every > 0,
            "intervals must be at least 1 step",
        )?;
        check(self.patience != Some(0), "patience must be at least 1 evaluation")?;
        let gaps = &self.landmarks;
        check(
            gaps.minimum_gap_days > 0.0
                && gaps.maximum_gap_days >= gaps.minimum_gap_days
                && gaps.maximum_gap_days.is_finite(),
            "landmarks.minimum_gap_days must be positive, and landmarks.maximum_gap_days no less",
        )?;
        let weights = [self.likelihood_weight, self.value_weight, self.risk_weight, self.task_weight];
        check(weights.iter().all(|w| *w >= 0.0 && w.is_finite()), "loss weights must not be negative")
    }

    /// Warm-up, then a cosine down to the final share.
    pub(crate) fn learning_rate_at(&self, step: u64, total_steps: u64) -> f64 {
        if step < self.warmup_steps {
            return self.learning_rate * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let length = total_steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let progress = ((step - self.warmup_steps) as f64 / length).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        let share = self.final_learning_rate_share;
        self.learning_rate * (share + (1.0 - share) * cosine)
    }

    /// What a checkpoint must agree with: everything that changes the result.
    pub(crate) fn fingerprint(&self) -> String {
        let same = TrainOptions { threads: 1, checkpoint_every: 1, ..self.clone() };
        format!("{same:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_documented() {
        let page = include_str!("../../../../docs/training.md");
        let serde_json::Value::Object(all) = serde_json::to_value(TrainOptions::default()).unwrap() else {
            panic!("options are an object");
        };
        for name in all.keys() {
            assert!(page.contains(&format!("`{name}`")), "{name} is missing from docs/training.md");
        }
    }
}
