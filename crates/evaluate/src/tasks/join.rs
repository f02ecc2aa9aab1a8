//! Labels that someone else made, joined to predictions.

use crate::error::{Error, Result};
use events::{Label, Prediction, Time};
use rustc_hash::{FxHashMap, FxHashSet};

/// How a join went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Predictions that have a label now.
    pub matched: usize,
    /// Predictions of the task without a label.
    pub predictions_without_label: usize,
    /// Labels without a prediction of the task. They are lost to the evaluation: more than a few deserve a look.
    pub labels_without_prediction: usize,
}

/// Gives the predictions of `task` their labels, by subject and prediction time. Predictions of other tasks
/// stay as they are. `Error::ContradictoryLabels` when a subject and time is labelled both ways.
pub fn attach_labels(predictions: &mut [Prediction], task: &str, labels: &[Label]) -> Result<Joined> {
    let mut by_key: FxHashMap<(i64, Time), bool> = FxHashMap::default();
    let mut contradictory = FxHashSet::default();
    for label in labels {
        let key = (label.subject_id, label.prediction_time);
        if by_key.insert(key, label.boolean_value).is_some_and(|other| other != label.boolean_value) {
            contradictory.insert(key);
        }
    }
    if !contradictory.is_empty() {
        return Err(Error::ContradictoryLabels { count: contradictory.len() });
    }
    let mut joined = Joined::default();
    let mut used = FxHashSet::default();
    for prediction in predictions.iter_mut().filter(|p| p.task == task) {
        let key = (prediction.subject_id, prediction.prediction_time);
        prediction.boolean_value = by_key.get(&key).copied();
        if prediction.boolean_value.is_some() {
            joined.matched += 1;
            used.insert(key);
        } else {
            joined.predictions_without_label += 1;
        }
    }
    joined.labels_without_prediction = by_key.len() - used.len();
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Sex;

    fn prediction(subject_id: i64, task: &str) -> Prediction {
        Prediction {
            subject_id,
            prediction_time: Time::from_micros(5),
            task: task.into(),
            horizon_days: 0.0,
            boolean_value: None,
            observed_days: None,
            predicted_boolean_probability: 0.5,
            baseline_probability: None,
            age_years: None,
            sex: Sex::Unknown,
        }
    }

    fn label(subject_id: i64, micros: i64, boolean_value: bool) -> Label {
        Label { subject_id, prediction_time: Time::from_micros(micros), boolean_value }
    }

    #[test]
    fn joins_by_subject_and_time() {
        let mut predictions = vec![prediction(1, "death"), prediction(2, "death"), prediction(1, "other")];
        let labels = [label(1, 5, true), label(2, 6, true), label(1, 5, true)];
        let joined = attach_labels(&mut predictions, "death", &labels).unwrap();
        assert_eq!(joined, Joined { matched: 1, predictions_without_label: 1, labels_without_prediction: 1 });
        assert_eq!(predictions.iter().map(|p| p.boolean_value).collect::<Vec<_>>(), [Some(true), None, None]);
        let contradictory = [label(1, 5, true), label(1, 5, false)];
        assert!(matches!(
            attach_labels(&mut predictions, "death", &contradictory),
            Err(Error::ContradictoryLabels { count: 1 })
        ));
    }
}
