//! Models like the one attacked that were not trained on somebody.

use super::Job;
use super::people::{People, drawn};
use crate::commands::threads;
use crate::commands::train::Interruption;
use crate::model_directory::read_json;
use crate::output::write_whole;
use crate::progress::{Bar, Voice};
use crate::settings_file;
use anyhow::{Context, Result, bail};
use events::Split;
use model::{EvaluationReport, Model, Monitor, Observer, StepReport, Subjects, TrainOptions, Trainable};
use std::ops::ControlFlow;
use timeline::Sequence;

impl Job<'_> {
    /// For everybody, the scores under the reference models that were not trained on them. Models are trained one after
    /// the other; what each says is kept, so that a stopped run goes on with the next.
    pub(super) fn references(&self, people: &People<'_>) -> Result<Vec<Vec<f64>>> {
        let options = self.options()?;
        let mut without: Vec<Vec<f64>> = people.all().map(|_| Vec::new()).collect();
        for number in 0..self.arguments.references {
            let path = self.work.join(format!("reference-{number}.json"));
            let scores: Vec<Option<f64>> = match path.exists() {
                true => read_json(&path)?,
                false => {
                    let scores = self.reference(number, &options, people)?;
                    write_whole(&path, &serde_json::to_vec(&scores)?)?;
                    scores
                }
            };
            if scores.len() != without.len() {
                bail!("{} is not of this audit; remove what the stopped run left", path.display());
            }
            for ((sequence, score), without) in people.all().zip(scores).zip(&mut without) {
                if let (false, Some(score)) = (self.is_trained_on(number, sequence), score) {
                    without.push(score);
                }
            }
        }
        Ok(without)
    }

    /// Every second model has the half that the one before had not, so that everybody is without as many.
    fn is_trained_on(&self, number: usize, sequence: &Sequence<'_>) -> bool {
        let half = drawn(self.arguments.seed, &format!("half {}", number / 2), sequence.subject_id) & 1;
        half == (number % 2) as u64
    }

    /// As the model was trained, without its supervised tasks.
    fn options(&self) -> Result<TrainOptions> {
        let settings = self.directory.manifest.training();
        let options: TrainOptions = serde_json::from_value(settings.map(|s| s["options"].clone()).unwrap_or_default())
            .map_err(|error| settings_file::of_json(&error))
            .context("the model's manifest does not say how it was trained, so no reference can be; give --references 0")?;
        if options.trainable != Trainable::All {
            bail!(
                "the model's records were learned by another model that it went on from; audit that one, or give --references 0"
            );
        }
        Ok(TrainOptions {
            threads: threads(self.arguments.threads),
            checkpoint_every: 100,
            monitor: Monitor::Total,
            ..options
        })
    }

    fn reference(
        &self,
        number: usize,
        options: &TrainOptions,
        people: &People<'_>,
    ) -> Result<Vec<Option<f64>>> {
        let options =
            TrainOptions { seed: drawn(self.arguments.seed, "reference", number as i64), ..options.clone() };
        let pool =
            [Split::Train, Split::HeldOut].into_iter().flat_map(|s| self.timeline.split(s).sequences());
        let train: Subjects<'_> = pool.filter(|s| self.is_trained_on(number, s)).collect();
        let tuning: Subjects<'_> = self.timeline.split(Split::Tuning).sequences().collect();
        let mut config = model::Config { tasks: Vec::new(), ..self.directory.model.config().clone() };
        // What was set after training is no part of it.
        (config.risk.scaled, config.risk.repeats_levelled) = (false, false);
        let mut model = Model::new(config, options.seed)?;
        model.set_marginals(&train);
        let checkpoint = self.work.join(format!("reference-{number}.safetensors"));
        let mut watching = Watching {
            interruption: Interruption::listen()?,
            bar: None,
            voice: self.voice,
            label: format!("reference {} of {}", number + 1, self.arguments.references),
        };
        let (model, outcome) =
            model::train(model, &train, &tuning, &options, Some(&checkpoint), &mut watching)?;
        if outcome.interrupted {
            bail!("stopped in {}; the same command goes on from there", watching.label);
        }
        drop(watching);
        let scores = people.scores(&model, "scoring", self.voice)?;
        if checkpoint.exists() {
            std::fs::remove_file(&checkpoint)
                .with_context(|| format!("cannot remove {}", checkpoint.display()))?;
        }
        Ok(scores)
    }
}

/// Shows how far a reference is.
struct Watching {
    interruption: Interruption,
    bar: Option<Bar>,
    voice: Voice,
    label: String,
}

impl Observer for Watching {
    fn step(&mut self, report: &StepReport) -> ControlFlow<()> {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = self.voice.count("training", report.total_steps);
            bar.begin_at(report.step - 1);
            bar
        });
        bar.set(report.step);
        bar.note(format!("loss {:.3}  ({})", report.losses.total, self.label));
        match self.interruption.is_wanted() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn evaluation(&mut self, _: &EvaluationReport) {}
}
