//! Does it work here, for whom not, and how sure are we? Clinical evaluation of risk predictions.
//!
//! What this room is for: turning records and questions into labels ([`tasks`]), measuring probabilities against
//! what came true ([`metrics`], [`bootstrap`]), asking whether it is too good ([`audit`])
//! and what the model gives away ([`privacy`]), whether its futures are like the real ones ([`generative`]), what came of predictions told to
//! nobody ([`silent`]), grading reasoning where a simulation knows the truth ([`grading`]), saying what age and sex alone would have
//! said ([`baseline`]), and
//! putting it all into a report that a physician can read ([`evaluate`], [`EvaluationReport::to_html`]).
//! Everything is a pure function of its arguments, deterministic given a seed whatever the number of threads.
//! What may not enter: files, clocks, models, and any number that flatters. An undefined number is absent, with
//! its reason.
//!
//! ```
//! use evaluate::{About, Options, evaluate};
//! use events::{Prediction, Sex, Time};
//!
//! let predictions: Vec<Prediction> = (0..200)
//!     .map(|i| Prediction {
//!         subject_id: i,
//!         prediction_time: Time::from_ymd(2020, 1, 1).unwrap(),
//!         task: "ICD10CM//I50".into(),
//!         horizon_days: 365.25,
//!         boolean_value: Some(i % 4 == 0),
//!         observed_days: None,
//!         predicted_boolean_probability: if i % 4 == 0 || i % 7 == 0 { 0.6 } else { 0.1 },
//!         baseline_probability: Some(0.25),
//!         age_years: Some(60.0),
//!         sex: Sex::Female,
//!     })
//!     .collect();
//! let about = About { dataset: "An example".into(), synthetic: true, ..About::default() };
//! let report = evaluate(&predictions, &Options { about, ..Options::default() })?;
//! assert!(report.tasks[0].model.auroc.value.unwrap() > 0.9);
//! assert!(report.to_html().contains("Synthetic data"));
//! # Ok::<(), evaluate::Error>(())
//! ```

pub mod alike;
pub mod audit;
pub mod baseline;
pub mod bootstrap;
pub mod diagnosis;
pub mod effects;
mod error;
mod evaluation;
pub mod generative;
pub mod grading;
mod logistic;
mod measures;
pub mod metrics;
pub mod pages {
    //! Pages and drawings in the reports' own style, for others to make theirs of.
    pub use crate::report::{Axis, Board, Document, Ticks, document, escape};
}
pub mod privacy;
mod report;
pub mod silent;
pub mod tasks;
pub mod tripod;
mod words;

pub use bootstrap::Bootstrap;
pub use error::{Error, Result};
pub use evaluation::{
    About, Attribute, Beside, Comparison, Curves, Difference, Dimension, Estimate, EvaluationReport,
    FAIRNESS_METRICS, Fairness, Gap, Group, Histogram, IntegratedBrier, OperatingPoint, Options, Peer,
    Performance, Recalibrated, SMALL_CELL, SmoothPoint, Subgroup, Summary, TaskOutcome, TaskReport,
    TimedPerformance, Unmeasured, assemble, evaluate, evaluate_task,
};
pub use measures::Measure;
