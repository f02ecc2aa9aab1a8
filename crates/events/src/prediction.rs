//! Predictions: MEDS label columns with a probability beside them.

use crate::{Sex, Time};
use smol_str::SmolStr;

/// One prediction, with what an evaluation needs to know of it.
///
/// On disk the columns are MEDS's label columns plus `predicted_boolean_probability` (so that
/// meds-evaluation reads them) and the further fields under their own names.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The subject.
    pub subject_id: i64,
    /// The last moment whose facts were used.
    pub prediction_time: Time,
    /// The task: a label set's name, or the code whose first onset is predicted, or "CODE (again)" for the next occurrence.
    pub task: SmolStr,
    /// The horizon in days; 0 where the task has its own.
    pub horizon_days: f32,
    /// What came true, where known: `None` when censored before the horizon without the outcome.
    pub boolean_value: Option<bool>,
    /// Days from `prediction_time` to the outcome, or to the end of what is known of it.
    pub observed_days: Option<f32>,
    /// The model's probability, in `[0, 1]`.
    pub predicted_boolean_probability: f64,
    /// The age-and-sex baseline's probability for the same row.
    pub baseline_probability: Option<f64>,
    /// Age at `prediction_time`, in years.
    pub age_years: Option<f32>,
    /// Administrative sex.
    pub sex: Sex,
}
