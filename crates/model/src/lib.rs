//! The patient model: a generative model of timelines, and the cpu engine that trains it and answers with it.
//!
//! A pre-norm decoder over the tokens of a [`timeline::Sequence`] with three heads on shared code vectors: the
//! next event (code, waiting time and value; a proper likelihood), the cumulative incidence of every code at
//! nine horizons with death competing, and the state, on which supervised tasks are read. Forward and backward
//! are derived by hand and written once over the precision, so that tests check them in `f64` against finite
//! differences. Products are this crate's own (`panels`), on weights laid out once a step.
//!
//! What may enter: configuration, weights, layers, heads, training, inference, and their files. What may not:
//! code strings, source formats, terminologies (the caller gives code indices and [`EmbeddingFeatures`]),
//! metrics, clocks, environment, printing.
//!
//! ```
//! use model::{Config, Model, Size, Subjects, TrainOptions, train};
//! use timeline::Sequence;
//!
//! // A vocabulary of four codes: TIME, death, a static fact and a diagnosis.
//! let (code, age_days) = ([2, 3, 0, 3], [9000.0, 9000.0, 9030.0, 9030.0]);
//! let value = [f32::NAN, f32::NAN, 30.0, f32::NAN]; // 30 days pass
//! let life = Sequence {
//!     subject_id: 7, code: &code, age_days: &age_days, value: &value, static_len: 1,
//!     followup_end_age_days: 9400.0, died: false, birth_known: true,
//! };
//! let subjects: Subjects = [life].into_iter().collect();
//!
//! let mut model = Model::new(Config::of_size(Size::Tiny, 4, 0, Some(1), &[3]), 42)?;
//! model.set_marginals(&subjects);
//! let options = TrainOptions { epochs: 1, ..TrainOptions::default() };
//! let (model, _) = train(model, &subjects, &Subjects::new(), &options, None, &mut model::Silent)?;
//!
//! let risk = &model.risk(&[life], None)?[0];
//! let within_a_year = risk.within(3, 365.25).unwrap();
//! assert!((0.0..=1.0).contains(&within_a_year));
//! # Ok::<(), model::Error>(())
//! ```

mod boosted_trees;
mod buffer;
mod config;
mod data;
mod decoder;
mod derived;
pub mod engine;
mod error;
mod event_likelihood;
mod files;
mod further_codes;
#[cfg(test)]
mod gradient_check;
mod heads;
mod infer;
mod inference;
mod layers;
mod marginals;
mod matrix;
mod model;
mod objective;
mod pack;
mod packed;
mod panels;
mod patient_state;
mod random;
mod readout;
mod real;
mod recalibration;
mod registers;
mod risk_moments;
mod scaling;
mod simulate;
pub mod stack;
mod train;
mod weights;
mod window;

pub use boosted_trees::{BoostedTrees, MOST_NUMBERS, Rows};
pub use config::{
    Config, DirectEffects, EmbeddingFeatures, HORIZON_DAYS, HORIZONS, RiskConfig, Rotary, SexCodes, Size,
    ValueConfig,
};
pub use data::{Subjects, TrainingData};
pub use error::{Error, Result};
pub use event_likelihood::{EventLikelihood, EventLikelihoods};
pub use further_codes::FurtherCode;
pub use infer::{LogLikelihood, RiskTable};
pub use inference::{KeptPrecision, Precision, WeightPrecision};
pub use marginals::Rested;
pub use model::{Model, TaskHead};
pub use pack::TaskLabel;
pub use panels::Products;
pub use patient_state::{PatientState, Token};
pub use readout::{MemberReport, Readout, ReadoutOptions, ReadoutReport};
pub use recalibration::{Aftermath, Recalibration, RiskCounts};
pub use scaling::{Interval, Outlook, ScalingLaw, ScalingPoint};
pub use simulate::{Ending, Estimate, SimulateOptions, Simulated, SimulatedRisk, Trajectory};
pub use train::{
    EvaluationReport, LossReport, Memory, Monitor, Observer, Optimiser, Outcome, Silent, StepReport,
    TrainOptions, Trainable, train, train_on,
};
