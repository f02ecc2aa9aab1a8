//! `osler train --sweep`: how the loss falls with the model's size and with the data.

use super::{Arguments, Watching, interrupted};
use crate::manifest::{Kind, Manifest};
use crate::model_directory::{self, read_json};
use crate::output::{OutputDirectory, Provenance, write_whole};
use crate::progress::{Voice, grouped, seconds};
use crate::scaling_picture;
use crate::training_log::TrainingLog;
use anyhow::{Context, Result, bail};
use events::Split;
use model::{Config, Model, ScalingLaw, ScalingPoint, Size, Subjects, TrainOptions, TrainingData};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;
use timeline::{Sequence, Timeline, Vocabulary};

/// The widths of the ladder, as shares of the size's own.
const WIDTHS: [f64; 5] = [0.25, 0.375, 0.5, 0.75, 1.0];
/// The shares of the training subjects, each within the next.
const SHARES: [f64; 4] = [0.125, 0.25, 0.5, 1.0];

/// One run of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Width of the model.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Weights but those of the tables that grow with the vocabulary.
    pub parameters: usize,
    /// All weights.
    pub all_parameters: usize,
    /// Share of the training subjects.
    pub share: f64,
    /// Training subjects.
    pub subjects: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// What it costs at most, in trainings of the whole size on all data.
    pub cost: f64,
    /// What came out, once it has.
    pub result: Option<Finished>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Best loss on the tuning split, in nats.
    pub loss: f64,
    /// At this step.
    pub best_step: u64,
    /// Steps done.
    pub steps: u64,
    /// Whether it was stopped for want of improvement.
    pub stopped_early: bool,
}

/// `sweep.json`.
#[derive(Serialize)]
struct Sweep<'a> {
    law: Option<&'a ScalingLaw>,
    formula: &'static str,
    source: &'static str,
    loss: &'static str,
    budget: f64,
    runs: &'a [Rung],
    beyond_budget: &'a [Rung],
}

impl Arguments {
    /// Trains the ladder and gives the manifest.
    pub(super) fn sweep(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        if self.budget.is_nan() || self.budget <= 0.0 {
            bail!("--budget must be positive");
        }
        let source = Manifest::verify(&self.timeline, Kind::Timeline)?;
        let timeline = Timeline::open(&self.timeline)?;
        let file = self.settings(&super::Tasks::default())?;
        if (super::ModelFile { context: None, ..file.model }) != super::ModelFile::default() {
            bail!("a sweep has a ladder of shapes of its own; leave [model] away, --context aside");
        }
        let size = file.size.unwrap_or(Size::Tiny);
        let options =
            TrainOptions { threads: crate::commands::threads(self.threads), ..file.options.clone() };
        let sequences: Vec<Sequence<'_>> = timeline.split(Split::Train).sequences().collect();
        let tuning: Subjects<'_> = timeline.split(Split::Tuning).sequences().collect();
        if tuning.is_empty() {
            bail!("{} has no tuning subjects, on which a sweep compares its runs", self.timeline.display());
        }
        let config = |width| {
            let mut config = rung_config(size, width, timeline.vocabulary());
            config.context = file.model.context.unwrap_or(config.context);
            config
        };
        let (mut runs, beyond_budget) = within(ladder(&config, &sequences, &options)?, self.budget);
        let longest = sequences.iter().map(Sequence::len).max().unwrap_or(0);
        super::check_memory(&config(1.0), &options, longest, voice)?;
        let settings = serde_json::json!({
            "sweep": size,
            "options": file.options,
            "context": file.model.context,
            "budget": self.budget,
            "timeline": source.output_digest,
        });
        let (output, resumed) =
            OutputDirectory::create_or_resume(&self.out, Kind::Sweep, self.force, &settings)?;
        if resumed {
            voice.say(format!("going on from what a stopped sweep left of {}", self.out.display()));
        }
        let total = runs.len();
        for (index, rung) in runs.iter_mut().enumerate() {
            let dir = output.path().join("runs").join(rung.name());
            let result = dir.join("run.json");
            if result.exists() {
                *rung = read_json(&result)?;
                continue;
            }
            std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
            let subjects: Subjects<'_> = sequences
                .iter()
                .filter(|s| belongs(s.subject_id, options.seed, rung.share))
                .copied()
                .collect();
            let model = Model::new(config(rung.width_share(&config(1.0))), options.seed)?;
            let label = format!("{} of {total}, {}", index + 1, rung.words());
            let begun = Instant::now();
            rung.result = Some(train(
                rung,
                model,
                (&subjects, &tuning),
                &self.of_rung(rung, &options),
                &dir,
                (voice, label.clone()),
            )?);
            write_whole(&result, &serde_json::to_vec_pretty(rung)?)?;
            voice.say(format!(
                "{label}: loss {:.4} in {}",
                rung.result.map_or(f64::NAN, |r| r.loss),
                seconds(begun.elapsed())
            ));
        }
        let points: Vec<ScalingPoint> = runs.iter().filter_map(Rung::point).collect();
        let law = ScalingLaw::fit(&points, options.seed);
        let sweep = Sweep {
            law: law.as_ref(),
            formula: "L(N, D) = E + A / N^alpha + B / D^beta; N: weights without the vocabulary's tables, D: tokens of \
                      the training subjects, each counted once",
            source: "Hoffmann et al. 2022, arXiv 2203.15556, section 3.3; fitted by Huber's loss in nats, intervals by bootstrap over runs",
            loss: "the weighted sum that is trained, on the tuning split, at its best evaluation; one seed a run",
            budget: self.budget,
            runs: &runs,
            beyond_budget: &beyond_budget,
        };
        let path = output.path().join("sweep.json");
        std::fs::write(&path, serde_json::to_vec_pretty(&sweep)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let picture = output.path().join("sweep.svg");
        scaling_picture::draw(&points, law.as_ref(), source.synthetic, &picture)
            .map_err(|error| anyhow::anyhow!("cannot draw {}: {error}", picture.display()))?;
        let manifest = output.finish(Provenance {
            dataset: source.dataset.clone(),
            synthetic: source.synthetic,
            settings,
            inputs: vec![source.as_input()],
            counts: serde_json::json!({ "runs": runs.len(), "beyond_budget": beyond_budget.len() }),
            deidentification: None,
        })?;
        voice.say(words(law.as_ref()));
        if !beyond_budget.is_empty() {
            voice.say(format!(
                "{} dearer runs were left out; --budget {:.1} has room for all",
                beyond_budget.len(),
                runs.iter().chain(&beyond_budget).map(|r| r.cost).sum::<f64>() + 0.05
            ));
        }
        voice.say(format!("{} runs in {} → {}", runs.len(), seconds(started.elapsed()), self.out.display()));
        Ok(manifest)
    }

    /// The options of one run. A small share has few steps: its warm-up takes at most a tenth of them.
    fn of_rung(&self, rung: &Rung, options: &TrainOptions) -> TrainOptions {
        let steps = (rung.tokens / options.batch_tokens).max(1) as u64 * u64::from(options.epochs);
        let steps = options.max_steps.map_or(steps, |most| most.min(steps));
        TrainOptions {
            learning_rate: rung.learning_rate,
            warmup_steps: options.warmup_steps.min(steps / 10),
            checkpoint_every: self.checkpoint_every,
            ..options.clone()
        }
    }
}

fn train(
    rung: &Rung,
    mut model: Model,
    (data, tuning): (&Subjects<'_>, &Subjects<'_>),
    options: &TrainOptions,
    dir: &Path,
    (voice, label): (Voice, String),
) -> Result<Finished> {
    let checkpoint = dir.join("checkpoint.safetensors");
    let log = dir.join("training.jsonl");
    model.set_marginals(data);
    let mut observer = Watching::new(TrainingLog::open(&log)?, voice)?;
    observer.label = label;
    let (_, outcome) = model::train(model, data, tuning, options, Some(&checkpoint), &mut observer)
        .with_context(|| rung.words())?;
    let log_file = observer.close()?;
    if outcome.interrupted {
        return Err(interrupted(outcome.steps));
    }
    log_file.finish(&log, &dir.join("curves.svg"))?;
    if checkpoint.exists() {
        std::fs::remove_file(&checkpoint)
            .with_context(|| format!("cannot remove {}", checkpoint.display()))?;
    }
    Ok(Finished {
        loss: outcome.best_loss,
        best_step: outcome.best_step,
        steps: outcome.steps,
        stopped_early: outcome.stopped_early,
    })
}

impl Rung {
    fn name(&self) -> String {
        format!("width-{}-share-{}", self.width, self.share)
    }

    fn words(&self) -> String {
        format!(
            "width {}, {} weights, {} tokens",
            self.width,
            grouped(self.parameters as u64),
            grouped(self.tokens as u64)
        )
    }

    fn width_share(&self, whole: &Config) -> f64 {
        self.width as f64 / whole.width as f64
    }

    fn point(&self) -> Option<ScalingPoint> {
        let loss = self.result?.loss;
        Some(ScalingPoint { parameters: self.parameters as f64, tokens: self.tokens as f64, loss })
    }
}

/// A model as a share of a size's width; the depth falls with its root.
fn rung_config(size: Size, share: f64, vocabulary: &Vocabulary) -> Config {
    let mut config = Config::of_size(
        size,
        vocabulary.len(),
        Vocabulary::TIME,
        Some(Vocabulary::DEATH),
        &model_directory::risk_codes(vocabulary),
    );
    model_directory::describe_codes(&mut config, vocabulary);
    let whole = config.clone();
    let scaled = |n: usize, by: f64| ((n as f64 * by).round() as usize).max(1);
    config.width = scaled(whole.width, share).next_multiple_of(4);
    let heads = scaled(whole.heads, share);
    let fits = |heads: &usize| config.width.is_multiple_of(2 * heads);
    config.heads = (1..=heads).rev().find(fits).unwrap_or(1);
    let shared = whole.heads / whole.key_value_heads;
    config.key_value_heads =
        if config.heads.is_multiple_of(shared) { config.heads / shared } else { config.heads };
    config.layers = scaled(whole.layers, share.sqrt()).max(2.min(whole.layers));
    config.feed_forward = scaled(whole.feed_forward, share).next_multiple_of(8);
    config.value.rank = scaled(whole.value.rank, share);
    config.risk.rank = scaled(whole.risk.rank, share);
    if let model::Rotary::Time { index_pairs, .. } = &mut config.rotary {
        *index_pairs = (config.width / config.heads / 8).max(1);
    }
    config
}

/// All runs, from the cheapest to the dearest.
fn ladder(
    config: &dyn Fn(f64) -> Config,
    sequences: &[Sequence<'_>],
    options: &TrainOptions,
) -> Result<Vec<Rung>> {
    let amounts: Vec<(f64, usize, usize)> = SHARES
        .into_iter()
        .map(|share| {
            let belonging = sequences.iter().filter(|s| belongs(s.subject_id, options.seed, share));
            let (n, tokens) = belonging.fold((0, 0), |(n, tokens), s| (n + 1, tokens + s.len()));
            (share, n, tokens)
        })
        .collect();
    let whole = config(1.0);
    // Each token passes through all weights but the code vectors, of which logits take all.
    let work =
        |config: &Config| (config.parameters_without_tables() + config.vocabulary_size * config.width) as f64;
    let all = work(&whole) * sequences.iter().map(Sequence::len).sum::<usize>() as f64;
    let mut ladder = Vec::new();
    for width in WIDTHS {
        let config = config(width);
        config.validate()?;
        for (share, subjects, tokens) in amounts.iter().copied().filter(|(_, n, _)| *n > 0) {
            ladder.push(Rung {
                width: config.width,
                layers: config.layers,
                parameters: config.parameters_without_tables(),
                all_parameters: config.parameters(),
                share,
                subjects,
                tokens,
                // Narrower models bear larger steps, here by the root of the width.
                learning_rate: options.learning_rate * (whole.width as f64 / config.width as f64).sqrt(),
                cost: work(&config) * tokens as f64 / all,
                result: None,
            });
        }
    }
    ladder.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    Ok(ladder)
}

/// The cheapest runs that together cost no more than the budget, and the others.
fn within(ladder: Vec<Rung>, budget: f64) -> (Vec<Rung>, Vec<Rung>) {
    let mut spent = 0.0;
    ladder.into_iter().partition(|rung| {
        spent += rung.cost;
        spent <= budget
    })
}

/// Whether a subject is in a share of the data: who is in a smaller one is in the larger ones too.
fn belongs(subject: i64, seed: u64, share: f64) -> bool {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"osler sweep");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&subject.to_le_bytes());
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    (u64::from_le_bytes(first) as f64) < share * 2_f64.powi(64)
}

/// The law in words.
fn words(law: Option<&ScalingLaw>) -> String {
    let Some(law) = law else {
        return "no law is fitted: fewer than two sizes on two amounts of data within the budget".to_owned();
    };
    let twice = |size_times: f64, data_times: f64| {
        law.outlook
            .iter()
            .find(|o| o.size_times == size_times && o.data_times == data_times)
            .map_or(String::new(), |o| {
                format!("{:.4} [{:.4}, {:.4}]", o.loss.estimate, o.loss.low, o.loss.high)
            })
    };
    let mut told = format!(
        "loss = {:.3} + {:.3e} / N^{:.2} + {:.3e} / D^{:.2} over {} runs (residual {:.4}, left out {:.4} nats)\n\
         largest model on all data {}; on four times the data {}; four times the model {}",
        law.irreducible.estimate,
        law.size_factor,
        law.size_exponent.estimate,
        law.data_factor,
        law.data_exponent.estimate,
        law.runs,
        law.residual,
        law.left_out_residual,
        twice(1.0, 1.0),
        twice(1.0, 4.0),
        twice(4.0, 1.0),
    );
    for doubt in &law.doubts {
        told += &format!("\nnot to be relied on: {doubt}");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_nested_and_of_their_size() {
        let count = |share| (0..20_000).filter(|s| belongs(*s, 3, share)).count() as f64 / 20_000.0;
        for share in SHARES {
            assert!((count(share) - share).abs() < 0.01);
        }
        for subject in 0..1000 {
            let within: Vec<bool> = SHARES.iter().map(|share| belongs(subject, 3, *share)).collect();
            assert!(within.is_sorted(), "{within:?}");
        }
    }

    #[test]
    fn a_budget_keeps_the_cheapest() {
        let rung = |cost| Rung {
            width: 8,
            layers: 1,
            parameters: 1,
            all_parameters: 1,
            share: 1.0,
            subjects: 1,
            tokens: 1,
            learning_rate: 1e-3,
            cost,
            result: None,
        };
        let (kept, left) = within(vec![rung(0.1), rung(0.3), rung(0.7), rung(1.0)], 1.0);
        assert_eq!((kept.len(), left.len()), (2, 2));
    }
}
