//! `osler train --tune probe|stack`: a supervised task read off a model that stays as it is.

use super::threads;
use super::train::{Arguments, Tasks, TrainingFile, overlaid};
use crate::canaries::Canaries;
use crate::manifest::{Kind, Manifest};
use crate::model_directory::READOUTS_FILE;
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use ::evaluate::metrics::{Row, Scored, ranking};
use anyhow::{Context, Result, bail};
use events::Split;
use model::{Readout, ReadoutOptions};
use std::path::Path;
use std::time::Instant;
use timeline::{Sequence, Timeline};

/// What of a model may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Tune {
    /// Every weight.
    Full,
    /// The heads of the tasks, by gradient.
    Head,
    /// Nothing: logistic regression with a ridge on the state.
    Probe,
    /// Nothing: an additive model, boosted trees and a forest on the state and on summaries of each code.
    Stack,
}

impl Arguments {
    /// Fits read-outs of every task and writes them beside the model they read.
    pub(super) fn read_out(
        &self,
        tune: Tune,
        (source, timeline): (&Manifest, &Timeline),
        tasks: &Tasks,
        file: &TrainingFile,
        voice: Voice,
    ) -> Result<Manifest> {
        let started = Instant::now();
        let Some(dir) = &self.from else { bail!("a read-out needs --from, the model to read") };
        if tasks.names.is_empty() {
            bail!("a read-out needs --events and --labels");
        }
        let from = self.open_start(dir, file, timeline.vocabulary())?;
        if let Some(known) = tasks.names.iter().find(|name| from.model.config().tasks.contains(name)) {
            bail!(
                "{} was itself trained on `{known}`: its states have seen those labels, and cross-validation would flatter; \
                 read a model that was trained without --labels",
                dir.display()
            );
        }
        let defaults = if tune == Tune::Probe { ReadoutOptions::probe() } else { ReadoutOptions::default() };
        let of_file = overlaid(&defaults, &file.readout).with_context(|| {
            format!("{}: [readout]", self.config.as_deref().unwrap_or(Path::new("")).display())
        })?;
        let options = ReadoutOptions {
            seed: self.seed.unwrap_or(of_file.seed),
            threads: threads(self.threads),
            ..of_file
        };
        let settings = serde_json::json!({
            "tune": format!("{tune:?}").to_lowercase(),
            "from": from.manifest.output_digest,
            "readout": options,
            "timeline": source.output_digest,
            "tasks": tasks.digests,
        });
        let output = OutputDirectory::create(&self.out, Kind::Model, self.force)?;
        // Other tasks' read-outs go along; the baselines of theirs too.
        let (mut readouts, mut baselines) = (from.readouts, from.task_baselines);
        baselines.extend(tasks.baselines.clone());
        let mut counts = serde_json::Map::new();
        for (index, name) in tasks.names.iter().enumerate() {
            let (spots, labels) = rows(timeline, tasks, index);
            let (readout, report) = Readout::fit(&from.model, &spots, &labels, &options)
                .with_context(|| format!("the read-out of {name}"))?;
            let row = |(i, p): (usize, &f64)| Row {
                probability: *p,
                outcome: labels[i],
                weight: 1.0,
                cluster: i as u32,
            };
            let scored = Scored::new(report.out_of_fold.iter().enumerate().map(row))?;
            let (auroc, precision) = (ranking::auroc(&scored), ranking::average_precision(&scored));
            voice.say(format!(
                "{name}: {} rows, {} true; cross-validated AUROC {auroc:.3}, AUPRC {precision:.3}, cross-entropy {:.4}",
                grouped(report.rows as u64),
                grouped(report.positives as u64),
                report.cross_entropy
            ));
            let mut told = serde_json::to_value(&report)?;
            told["auroc"] = auroc.into();
            told["auprc"] = precision.into();
            counts.insert(name.clone(), told);
            readouts.insert(name.clone(), readout);
        }
        from.model.save(output.path())?;
        Readout::save(&readouts, &output.path().join(READOUTS_FILE))?;
        self.copy_companions(output.path(), &baselines)?;
        // The weights are the same, and so is what was found of them and what they were planted with.
        from.tuning_check.map_or(Ok(()), |check| check.write(output.path()))?;
        let canaries = dir.join(crate::canaries::FILE);
        if canaries.exists() {
            Canaries::read(&canaries)?.write(output.path())?;
        }
        let manifest = output.finish(Provenance {
            dataset: source.dataset.clone(),
            synthetic: source.synthetic || from.manifest.synthetic,
            settings,
            inputs: vec![source.as_input(), from.manifest.as_input()],
            counts: serde_json::json!({ "cross_validated": counts, "labels": tasks.placed }),
            deidentification: None,
        })?;
        voice.say(format!(
            "{} of {} in {} → {}",
            if tune == Tune::Probe { "a probe" } else { "a stack" },
            tasks.names.join(", "),
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }
}

/// A task's labels of training and tuning subjects, where they stand.
fn rows<'a>(timeline: &'a Timeline, tasks: &Tasks, task: usize) -> (Vec<(Sequence<'a>, usize)>, Vec<bool>) {
    let sequences = [Split::Train, Split::Tuning].map(|split| timeline.split(split).sequences());
    let mut labelled = (Vec::new(), Vec::new());
    for sequence in sequences.into_iter().flatten() {
        let own = tasks.labels.get(&sequence.subject_id).into_iter().flatten();
        for label in own.filter(|l| l.task == task && l.position < sequence.len()) {
            labelled.0.push((sequence, label.position));
            labelled.1.push(label.value);
        }
    }
    labelled
}
