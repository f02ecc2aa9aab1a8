//! A task that models were trained for, at its labels' times.

use super::{Job, read_as};
use crate::commands::moments::labels_by_subject;
use crate::commands::train::task_name;
use crate::progress::grouped;
use anyhow::{Result, bail};
use events::meds::PredictionWriter;
use events::{Label, Prediction, Subject};
use smol_str::SmolStr;
use timeline::{Sequence, TokenizationCounts, TokenizedSubject, Vocabulary};

impl Job<'_> {
    /// A supervised task, at its labels' times.
    pub(super) fn task(
        &self,
        labels: &std::path::Path,
        writer: &mut PredictionWriter,
    ) -> Result<(serde_json::Value, String)> {
        let name = task_name(labels)?;
        for directory in self.directories() {
            let known = directory.tasks();
            if !known.contains(&name.as_str()) {
                bail!(
                    "the model was not trained for `{name}` ({}); train with --labels",
                    if known.is_empty() {
                        "nor for any task".to_owned()
                    } else {
                        format!("it was for {}", known.join(", "))
                    }
                );
            }
        }
        let baseline = self.directory.task_baselines.get(&name);
        let by_subject = labels_by_subject(labels)?;
        let mut rows_written = 0u64;
        let mut read = TokenizationCounts::default();
        self.chunks("predicting", &mut |chunk| {
            let spots: Vec<(&Subject, &Label)> = chunk
                .iter()
                .flat_map(|s| by_subject.get(&s.id).into_iter().flatten().map(move |label| (&**s, label)))
                .collect();
            let (logits, counts) = self.task_logits(&spots, &name)?;
            read += counts;
            let mut rows = Vec::new();
            for ((subject, label), logit) in spots.iter().zip(logits) {
                let Some(logit) = logit else { continue };
                let age_years = subject.birth().map(|b| label.prediction_time.days_since(b) / 365.25);
                rows.push(Prediction {
                    subject_id: subject.id,
                    prediction_time: label.prediction_time,
                    task: SmolStr::new(&name),
                    horizon_days: 0.0,
                    boolean_value: Some(label.boolean_value),
                    observed_days: None,
                    predicted_boolean_probability: 1.0 / (1.0 + (-logit).exp()),
                    baseline_probability: baseline.map(|b| b.probability(age_years, subject.sex())),
                    age_years: age_years.map(|a| a as f32),
                    sex: subject.sex(),
                });
            }
            rows_written += rows.len() as u64;
            writer.write(&rows)?;
            Ok(())
        })?;
        let told = format!("{} predictions of {name}", grouped(rows_written));
        let counts =
            serde_json::json!({ "predictions": rows_written, "events_read": read_as::counted(read) });
        Ok((counts, told))
    }

    /// The mean of the models' logits right before each label's time; none where a record has not begun. And what the models
    /// met on the way.
    fn task_logits(
        &self,
        spots: &[(&Subject, &Label)],
        name: &str,
    ) -> Result<(Vec<Option<f64>>, TokenizationCounts)> {
        let mut read = TokenizationCounts::default();
        let mut sums = vec![0.0; spots.len()];
        let mut known = vec![true; spots.len()];
        for directory in self.directories() {
            let tokens: Vec<TokenizedSubject> =
                spots.iter().map(|(s, label)| self.tokens(directory, s, label.prediction_time)).collect();
            tokens.iter().for_each(|tokens| read += tokens.counts);
            // As in training: right after the last event, before any closing TIME.
            let last =
                |t: &TokenizedSubject| t.as_sequence().code.iter().rposition(|&c| c != Vocabulary::TIME);
            let places: Vec<(usize, Sequence<'_>, usize)> = tokens
                .iter()
                .enumerate()
                .filter_map(|(i, t)| last(t).map(|position| (i, t.as_sequence(), position)))
                .collect();
            let asked: Vec<_> = places.iter().map(|(_, sequence, position)| (*sequence, *position)).collect();
            let mut answered = vec![false; spots.len()];
            for ((i, ..), probability) in places.iter().zip(directory.task_probability(&asked, name)?) {
                let p = f64::from(probability).clamp(1e-7, 1.0 - 1e-7);
                sums[*i] += (p / (1.0 - p)).ln();
                answered[*i] = true;
            }
            known.iter_mut().zip(answered).for_each(|(known, answered)| *known &= answered);
        }
        let n = (1 + self.others.len()) as f64;
        Ok((sums.into_iter().zip(known).map(|(sum, known)| known.then_some(sum / n)).collect(), read))
    }
}
