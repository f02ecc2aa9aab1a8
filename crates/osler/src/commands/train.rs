//! `osler train`: a timeline to a model.

mod carried;
mod interruption;
mod sweep;
mod tasks;

use super::read_out::Tune;
use super::threads;
use crate::canaries::Canaries;
use crate::manifest::{Kind, Manifest};
use crate::memory;
use crate::model_directory::{self, ModelDirectory, TASK_BASELINES_FILE, VOCABULARY_FILE};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Bar, Voice, grouped, seconds};
use crate::settings_file;
use crate::training_log::TrainingLog;
use crate::tuning_check::TuningCheck;
use ::evaluate::baseline::AgeSexLogistic;
use anyhow::{Context, Result, bail};
use carried::Carried;
use clap::Args;
use events::Split;
pub(super) use interruption::Interruption;
use model::engine::Engine;
use model::{
    Config, EvaluationReport, Memory, Model, Monitor, Observer, Optimiser, Products, Rested, Size,
    StepReport, Subjects, TrainOptions, Trainable, TrainingData,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;
pub(super) use tasks::{Tasks, task_name};
use timeline::{Timeline, Vocabulary};

/// As of rows that `osler ingest` rejects.
const MAX_UNPLACED_LABELS: f64 = 0.01;

/// Train the patient model on a timeline.
///
/// Stops early on the tuning split. A stopped run (Ctrl-C, a kill, a full disk) goes on from its last checkpoint when the
/// same command is given again, to the same weights bit for bit; the result does not depend on the number of
/// threads. OUT/curves.svg shows how it went.
///
/// Memory: about 4 bytes times (5 P + G), P the number of weights (told first) and G the partial gradients
/// (training.gradient_slots, 4, times P without the code vectors, and the code table), and for each thread the
/// activations of the longest stretch of a record (at most the context) and 256 rows of logits over the vocabulary. The
/// sum is told before it is taken, and refused where the machine has less.
#[derive(Args)]
#[command(after_help = "Examples:
  osler train --out model timeline
  osler train --size small --epochs 20 --out model timeline
  osler train --events events --labels events/labels/in_hospital_death --out model timeline
  osler train --config train.toml --out model timeline
  osler train --sweep --out sweep timeline    # what would more data, or a larger model, bring?
  osler train --from model --tune stack --events events --labels events/labels/in_hospital_death --out task timeline

--tune says what of a model gone on from may change:
  full    every weight (the default)
  head    the heads of the tasks in --labels, by gradient
  probe   nothing: logistic regression with a ridge on the model's state
  stack   nothing: on the state and on summaries of each code (level, range, trend, how often, how lately) an additive
          model, boosted trees and a forest, joined by cross-validation, for where labels are few
probe and stack use training and tuning subjects alike, split by cross-validation, and want --from a model that was not
trained on the same labels. `osler predict` with several --model averages what they say.

A configuration file holds what the options hold, and more; options given on the command line win:
  size = \"tiny\"
  [model]                 # instead of what the size says: width, layers, heads, key_value_heads,
  width = 96              # feed_forward, context, risk_rank
  heads = 4
  [training]              # every setting of a run; a model's manifest.json lists them all
  epochs = 6
  averaging = 0.995
  [readout]               # with --tune probe or stack
  folds = 5")]
pub struct Arguments {
    /// tiny (about 1 M parameters), small (10 M), base (100 M) or large (1 B), embeddings apart [default: tiny].
    #[arg(long)]
    pub size: Option<Size>,
    /// A TOML file with further settings; see below.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Start from this model's weights (same vocabulary: `osler tokenize --model`). Risks of codes that nobody in the training
    /// records has aren't trained: their own levels stay, and they move with what all risks share.
    #[arg(long)]
    pub from: Option<PathBuf>,
    /// With --from: what may change [default: full].
    #[arg(long, requires = "from")]
    pub tune: Option<Tune>,
    /// MEDS labels of a supervised task to learn beside the records; the directory's name is the task's.
    #[arg(long, requires = "events")]
    pub labels: Vec<PathBuf>,
    /// The events that the timeline was made from; needed to place labels.
    #[arg(long)]
    pub events: Option<PathBuf>,
    /// The share of a task's labels that may be of people who are not among the events, or from before anything was on record,
    /// before the run is refused.
    #[arg(long, default_value_t = MAX_UNPLACED_LABELS)]
    pub max_unplaced_labels: f64,
    /// Weight of the supervised tasks [default: 1].
    #[arg(long)]
    pub task_weight: Option<f64>,
    /// Passes over the data [default: 10].
    #[arg(long)]
    pub epochs: Option<u32>,
    /// An upper bound on steps.
    #[arg(long)]
    pub max_steps: Option<u64>,
    /// Tokens a step [default: 4096].
    #[arg(long)]
    pub batch_tokens: Option<usize>,
    /// Peak learning rate; by default what suits the size, with --from that of the model.
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Steps of linear warm-up [default: 100].
    #[arg(long)]
    pub warmup_steps: Option<u64>,
    /// Decoupled weight decay [default: 0.1].
    #[arg(long)]
    pub weight_decay: Option<f64>,
    /// How weights follow their gradients: adamw, or muon for the blocks' matrices and AdamW for the rest, which takes fewer steps to
    /// the same likelihood, each a little dearer [default: adamw].
    #[arg(long)]
    pub optimiser: Option<Optimiser>,
    /// Share of activations dropped in training [default: 0.1].
    #[arg(long)]
    pub dropout: Option<f64>,
    /// Numbers that products are worked out in [default: f32]. Faster are bf16 (8 significant bits), on a processor that multiplies
    /// bfloat16 (AMD since Zen 4, Intel with AMX), and bf16x3 (16), with AMX; weights, sums and all else stay f32.
    #[arg(long)]
    pub precision: Option<Products>,
    /// Most tokens of one record seen at once; the size's own by default.
    #[arg(long)]
    pub context: Option<usize>,
    /// Evaluate on the tuning split every so many steps; by default after each pass.
    #[arg(long)]
    pub evaluate_every: Option<u64>,
    /// Stop after so many evaluations without improvement, at least 1 [default: 3].
    #[arg(long)]
    pub patience: Option<u32>,
    /// Write a checkpoint every so many steps.
    #[arg(long, default_value_t = 100)]
    pub checkpoint_every: u64,
    /// Plant random sequences of codes, nobody's, in the training data: so many for each of 1, 4 and 16 repeats, or those
    /// of another model's canaries.json. `osler audit` measures whether they are remembered. The model learns them as
    /// it learns records: plant them in a twin of the model that is to be used.
    #[arg(long, value_name = "N|FILE", conflicts_with = "sweep")]
    pub canaries: Option<String>,
    /// Instead of one model: train a ladder of narrower ones on shares of the training subjects, and fit how the loss
    /// falls with both. OUT gets sweep.json and sweep.svg, and says where the runs support no law.
    #[arg(long, conflicts_with_all = ["labels", "events", "from"])]
    pub sweep: bool,
    /// What a sweep may cost, in trainings of the whole size on all data; dearer runs are left out.
    #[arg(long, default_value_t = 4.0, requires = "sweep")]
    pub budget: f64,
    /// The seed [default: 1].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads; the weights do not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Where to compute: auto, cpu, vulkan:0, cuda:0 (auto: a graphics processor if this build can use one).
    #[arg(long, default_value_t = gpu::Device::Auto)]
    pub device: gpu::Device,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output, and lose what a stopped run with other settings left of it.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler tokenize` wrote.
    pub timeline: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        if self.sweep && !matches!(self.device, gpu::Device::Auto | gpu::Device::Cpu) {
            bail!("a sweep computes on the cpu; leave --device away");
        }
        let manifest = if self.sweep { self.sweep(voice)? } else { self.train(voice)? };
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it and gives the manifest.
    pub fn train(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let source = Manifest::verify(&self.timeline, Kind::Timeline)?;
        let timeline = Timeline::open(&self.timeline)?;
        let tasks = self.tasks(&source, &timeline, voice)?;
        let file = self.settings(&tasks)?;
        if let Some(tune @ (Tune::Probe | Tune::Stack)) = self.tune {
            if self.canaries.is_some() {
                bail!("--canaries are planted where records are learned; --tune probe and stack learn none");
            }
            return self.read_out(tune, (&source, &timeline), &tasks, &file, voice);
        }
        let options = file.options.clone();
        if !tasks.names.is_empty() && options.monitor == Monitor::Total && !tasks.are_watched() {
            voice.say("no label is of a tuning person, so the whole loss is watched instead of the tasks'");
        }
        let longest = timeline.split(Split::Train).sequences().map(|s| s.len()).max().unwrap_or(0);
        let start = self.start(&file, timeline.vocabulary(), &tasks.names, (longest, voice))?;
        let device = self.device.resolve();
        let mut settings = serde_json::json!({
            "size": start.size,
            "from": start.from,
            "options": options.clone(),
            "config_blake3": blake3::hash(serde_json::to_string(start.model.config())?.as_bytes()).to_hex().to_string(),
            "timeline": source.output_digest,
            "tasks": tasks.digests,
            // Whose records these are, so that an audit can tell them from others'.
            "events": source.inputs,
            "withheld_codes": source.settings["withheld_codes"],
        });
        let canaries = self
            .canaries
            .as_deref()
            .map(|asked| Canaries::of_argument(asked, options.seed, timeline.vocabulary()))
            .transpose()?;
        let mut copies = Vec::new();
        if let Some(canaries) = &canaries {
            copies = canaries.copies(timeline.vocabulary())?;
            settings["canaries"] = canaries.settings(timeline.split(Split::Train).tokens());
            settings["canaries"]["blake3"] =
                blake3::hash(serde_json::to_string(canaries)?.as_bytes()).to_hex().to_string().into();
        }
        // Devices round differently, so a run does not go on elsewhere than where it began.
        if device != gpu::Device::Cpu {
            settings["device"] = device.to_string().into();
        }
        let subjects = |split: Split| -> Subjects<'_> {
            let mut subjects = Subjects::new();
            for sequence in timeline.split(split).sequences() {
                subjects.push(sequence, tasks.labels.get(&sequence.subject_id).cloned().unwrap_or_default());
            }
            subjects
        };
        let (mut train, tuning) = (subjects(Split::Train), subjects(Split::Tuning));
        let mut model = start.model;
        // Before the device sees what risks count for.
        let rested = start.from.is_some().then(|| model.rest_absent_risks(&train));
        let mut engine = device.open(&model)?;
        let (output, resumed) =
            OutputDirectory::create_or_resume(&self.out, Kind::Model, self.force, &settings)?;
        if resumed {
            voice.say(format!("going on from what a stopped run left of {}", self.out.display()));
        }
        match &rested {
            None => model.set_marginals(&train),
            Some(Rested { codes, .. }) if *codes > 0 && options.risk_weight > 0.0 => voice.say(format!(
                "not trained, since nobody here has the code: {} of the risks",
                grouped(*codes as u64)
            )),
            Some(_) => {}
        }
        copies.iter().for_each(|canary| train.push(canary.as_sequence(), Vec::new()));
        let parameters = model.parameters();
        voice.say(format!(
            "{} parameters, {} training subjects, {} tokens",
            grouped(parameters as u64),
            grouped(timeline.split(Split::Train).len() as u64),
            grouped(timeline.split(Split::Train).tokens()),
        ));
        let checkpoint = output.path().join("checkpoint.safetensors");
        let log_path = output.path().join("training.jsonl");
        let mut observer = Watching::new(TrainingLog::open(&log_path)?, voice)?;
        let run = TrainOptions {
            threads: threads(self.threads),
            checkpoint_every: self.checkpoint_every,
            ..options
        };
        if engine.is_some() {
            voice.say(format!("computing on {device}"));
        }
        let engine = engine.as_deref_mut().map(|engine| -> &mut dyn Engine { engine });
        let data: (&dyn TrainingData, &dyn TrainingData) = (&train, &tuning);
        let trained = model::train_on(engine, model, data, &run, Some(&checkpoint), &mut observer);
        let (mut model, outcome) = match trained {
            Ok(trained) => trained,
            Err(error) => {
                if !checkpoint.exists() {
                    output.discard();
                }
                return Err(error.into());
            }
        };
        if let Some(rested) = rested {
            model.wake(rested);
        }
        let log = observer.close()?;
        if outcome.interrupted {
            return Err(interrupted(outcome.steps));
        }
        if !start.carried.heads.is_empty() {
            model = model.with_task_heads(&start.carried.heads)?;
        }
        log.finish(&log_path, &output.path().join("curves.svg"))?;
        model.save(output.path())?;
        if checkpoint.exists() {
            std::fs::remove_file(&checkpoint)
                .with_context(|| format!("cannot remove {}", checkpoint.display()))?;
        }
        let mut baselines = start.carried.baselines.clone();
        baselines.extend(tasks.baselines.clone());
        self.copy_companions(output.path(), &baselines)?;
        start.carried.write(output.path())?;
        let reference = model_directory::read_json(&output.path().join(super::REFERENCE_FILE))?;
        TuningCheck::of(&model, &timeline, &reference)?.write(output.path())?;
        canaries.map_or(Ok(()), |canaries| canaries.write(output.path()))?;
        let manifest = output.finish(Provenance {
            dataset: source.dataset.clone(),
            synthetic: source.synthetic,
            settings,
            inputs: vec![source.as_input()],
            counts: serde_json::json!({
                "parameters": parameters,
                "steps": outcome.steps,
                "best_step": outcome.best_step,
                "best_tuning_loss": outcome.best_loss.is_finite().then_some(outcome.best_loss),
                "training_subjects": timeline.split(Split::Train).len(),
                "labels": tasks.placed,
                "tasks_not_kept": start.carried.lost,
            }),
            deidentification: None,
        })?;
        let best = if outcome.best_loss.is_finite() && outcome.best_step == 0 && outcome.steps > 0 {
            format!(
                "no step was better for the tuning people than the weights that it began with, which are kept (tuning loss {:.4})",
                outcome.best_loss
            )
        } else if outcome.steps == 0 {
            "nothing was learned, so the weights are those that it began with".into()
        } else if outcome.best_loss.is_finite() {
            format!("best tuning loss {:.4} at step {}", outcome.best_loss, outcome.best_step)
        } else if timeline.split(Split::Tuning).is_empty() {
            "no tuning people to choose by, so the last weights are kept".into()
        } else {
            "the tuning people's records hold nothing of what is watched, so the last weights are kept".into()
        };
        voice.say(format!(
            "{} steps{} in {}, {best} → {}",
            grouped(outcome.steps),
            if outcome.stopped_early { " (stopped early)" } else { "" },
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }

    /// The settings: what suits the size, then the file's, then the command line's.
    fn settings(&self, tasks: &Tasks) -> Result<TrainingFile> {
        let has_tasks = !tasks.names.is_empty();
        let mut file = match &self.config {
            Some(path) => TrainingFile::read(path)?,
            None => TrainingFile::default(),
        };
        // What changes no weight is no part of a recipe.
        for (name, flag) in [("threads", "--threads"), ("checkpoint_every", "--checkpoint-every")] {
            if file.training.contains_key(name) {
                bail!("`{name}` stands in no configuration file; give {flag}");
            }
        }
        file.size = self.size.or(file.size);
        file.model.context = self.context.or(file.model.context);
        let of_size = TrainOptions {
            seed: 1,
            evaluate_first: self.from.is_some(),
            monitor: if tasks.are_watched() { Monitor::Task } else { Monitor::Total },
            ..TrainOptions::for_size(match &self.from {
                Some(dir) => self.size_of(dir, &file)?,
                None => file.size.unwrap_or(Size::Tiny),
            })
        };
        let from_file = overlaid(&of_size, &file.training).with_context(|| {
            format!("{}: [training]", self.config.as_deref().unwrap_or(Path::new("")).display())
        })?;
        file.options = TrainOptions {
            batch_tokens: self.batch_tokens.unwrap_or(from_file.batch_tokens),
            epochs: self.epochs.unwrap_or(from_file.epochs),
            max_steps: self.max_steps.or(from_file.max_steps),
            learning_rate: self.learning_rate.unwrap_or(from_file.learning_rate),
            warmup_steps: self.warmup_steps.unwrap_or(from_file.warmup_steps),
            optimiser: self.optimiser.unwrap_or(from_file.optimiser),
            weight_decay: self.weight_decay.unwrap_or(from_file.weight_decay),
            dropout: self.dropout.unwrap_or(from_file.dropout),
            precision: self.precision.unwrap_or(from_file.precision),
            seed: self.seed.unwrap_or(from_file.seed),
            evaluate_every: self.evaluate_every.or(from_file.evaluate_every),
            patience: self.patience.or(from_file.patience),
            task_weight: self.task_weight.unwrap_or(from_file.task_weight),
            ..from_file
        };
        if file.options.monitor == Monitor::Task && !tasks.are_watched() {
            bail!("monitor = \"task\" has nothing to watch: there is no label of a tuning person");
        }
        if self.tune == Some(Tune::Head) {
            if !has_tasks {
                bail!("--tune head has nothing to tune without --events and --labels");
            }
            // What a frozen model says of the records is none of a head's business.
            let frozen = TrainOptions {
                trainable: Trainable::TaskHeads,
                likelihood_weight: 0.0,
                risk_weight: 0.0,
                ..file.options
            };
            file.options = frozen;
        }
        file.options.validate()?;
        Ok(file)
    }

    /// The size that a model which is gone on from comes nearest to.
    fn size_of(&self, dir: &Path, file: &TrainingFile) -> Result<Size> {
        if file.size.is_some() {
            bail!(
                "a model that is gone on from keeps its size; leave --size away, and `size` in the configuration file"
            );
        }
        Manifest::read(dir, Kind::Model)?;
        let config: Config = model_directory::read_json(&dir.join(model_directory::CONFIG_FILE))?;
        Ok(Size::nearest(config.width))
    }

    /// The model to go on from, if it suits the timeline.
    pub(super) fn open_start(
        &self,
        dir: &Path,
        file: &TrainingFile,
        vocabulary: &Vocabulary,
    ) -> Result<ModelDirectory> {
        let from = ModelDirectory::open(dir, &[])?;
        if file.model != ModelFile::default() {
            bail!("a model that is gone on from keeps its shape; leave --context and [model] away");
        }
        if from.tokenizer.vocabulary().digest() != vocabulary.digest() {
            bail!(
                "{} has another vocabulary than {}; tokenize with --model {}",
                dir.display(),
                self.timeline.display(),
                dir.display()
            );
        }
        Ok(from)
    }

    /// The model to start from; `longest` tokens have the longest record.
    fn start(
        &self,
        file: &TrainingFile,
        vocabulary: &Vocabulary,
        tasks: &[String],
        (longest, voice): (usize, Voice),
    ) -> Result<Start> {
        let options = TrainOptions { threads: threads(self.threads), ..file.options.clone() };
        if let Some(dir) = &self.from {
            let from = self.open_start(dir, file, vocabulary)?;
            check_memory(from.model.config(), &options, longest, voice)?;
            let frozen = file.options.trainable == Trainable::TaskHeads;
            let carried = Carried::of(&from, dir, tasks, frozen)?;
            carried.told().for_each(|told| voice.say(told));
            let model =
                if from.model.config().tasks == tasks { from.model } else { from.model.with_tasks(tasks)? };
            return Ok(Start { model, size: None, from: Some(from.manifest.output_digest), carried });
        }
        let size = file.size.unwrap_or(Size::Tiny);
        let mut config = Config::of_size(
            size,
            vocabulary.len(),
            Vocabulary::TIME,
            Some(Vocabulary::DEATH),
            &model_directory::risk_codes(vocabulary),
        );
        model_directory::describe_codes(&mut config, vocabulary);
        config.tasks = tasks.to_vec();
        file.model.apply(&mut config);
        check_memory(&config, &options, longest, voice)?;
        Ok(Start {
            model: Model::new(config, file.options.seed)?,
            size: Some(size),
            from: None,
            carried: Carried::default(),
        })
    }

    pub(super) fn copy_companions(
        &self,
        out: &Path,
        baselines: &BTreeMap<String, AgeSexLogistic>,
    ) -> Result<()> {
        for name in [VOCABULARY_FILE, super::REFERENCE_FILE] {
            std::fs::copy(self.timeline.join(name), out.join(name))
                .with_context(|| format!("cannot copy {name} to {}", out.display()))?;
        }
        if !baselines.is_empty() {
            let path = out.join(TASK_BASELINES_FILE);
            std::fs::write(&path, serde_json::to_vec_pretty(baselines)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// What a configuration file may hold.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrainingFile {
    size: Option<Size>,
    #[serde(default)]
    model: ModelFile,
    #[serde(default)]
    training: toml::Table,
    /// How a read-out is fitted.
    #[serde(default)]
    pub(super) readout: toml::Table,
    /// What all of it comes to.
    #[serde(skip)]
    options: TrainOptions,
}

/// The shape of a model, where it is not the size's.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    width: Option<usize>,
    layers: Option<usize>,
    heads: Option<usize>,
    key_value_heads: Option<usize>,
    feed_forward: Option<usize>,
    context: Option<usize>,
    risk_rank: Option<usize>,
}

impl TrainingFile {
    fn read(path: &Path) -> Result<Self> {
        settings_file::read(path, "is no training configuration")
    }
}

impl ModelFile {
    fn apply(&self, config: &mut Config) {
        config.width = self.width.unwrap_or(config.width);
        config.layers = self.layers.unwrap_or(config.layers);
        // As many heads of both kinds, unless they are told apart.
        config.key_value_heads = self.key_value_heads.or(self.heads).unwrap_or(config.key_value_heads);
        config.heads = self.heads.unwrap_or(config.heads);
        config.feed_forward = self.feed_forward.unwrap_or(config.feed_forward);
        config.risk.rank = self.risk_rank.unwrap_or(config.risk.rank);
        config.context = self.context.unwrap_or(config.context);
    }
}

/// Options with some settings of a table in place of their own.
pub(super) fn overlaid<T: serde::Serialize + serde::de::DeserializeOwned>(
    options: &T,
    table: &toml::Table,
) -> Result<T> {
    let mut all = serde_json::to_value(options)?;
    let read = |all: &serde_json::Value| serde_json::from_value::<T>(all.clone());
    // One by one, so that the one that can't be taken is named.
    for (name, value) in table {
        all[name] = serde_json::to_value(value)?;
        if let Err(error) = read(&all) {
            let error = settings_file::of_json(&error);
            return Err(if events::is_field_name(name) { error.context(format!("`{name}`")) } else { error });
        }
    }
    Ok(read(&all)?)
}

/// Where training starts.
struct Start {
    model: Model,
    size: Option<Size>,
    from: Option<String>,
    carried: Carried,
}

/// Says what a run will take, and refuses what the machine does not have.
fn check_memory(config: &Config, options: &TrainOptions, longest: usize, voice: Voice) -> Result<()> {
    let needed = Memory::of_training(config, options, longest)?;
    let bytes = needed.bytes() as u64;
    let told = format!(
        "{} weights take about {} in training: {} for weights and moments, {} for gradients, {} for tables, {} for \
         activations",
        grouped(needed.parameters as u64),
        memory::words(bytes),
        memory::words(needed.weights as u64),
        memory::words(needed.gradients as u64),
        memory::words(needed.prepared as u64),
        memory::words(needed.activations as u64),
    );
    match memory::total() {
        Some(total) if bytes > total => bail!(
            "{told}; this machine has {}. Take a smaller --size or --context, fewer --threads, or fewer \
             training.gradient_slots",
            memory::words(total)
        ),
        _ => voice.say(told),
    }
    Ok(())
}

/// What a run says that was stopped on purpose.
fn interrupted(step: u64) -> anyhow::Error {
    anyhow::anyhow!("stopped after step {step}, which is kept; the same command goes on from there")
}

/// Shows and logs what training tells.
struct Watching {
    log: TrainingLog,
    interruption: Interruption,
    bar: Option<Bar>,
    voice: Voice,
    /// What is trained, where there are several.
    label: String,
    tokens: u64,
    tuning: Option<f64>,
    error: Option<anyhow::Error>,
}

impl Watching {
    fn new(log: TrainingLog, voice: Voice) -> Result<Self> {
        let interruption = Interruption::listen()?;
        let (label, tokens, tuning) = (String::new(), 0, None);
        Ok(Watching { log, interruption, bar: None, voice, label, tokens, tuning, error: None })
    }

    /// The log, unless it could not be written.
    fn close(self) -> Result<TrainingLog> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.log),
        }
    }
}

impl Observer for Watching {
    fn step(&mut self, report: &StepReport) -> ControlFlow<()> {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = self.voice.count("training", report.total_steps);
            bar.begin_at(report.step - 1);
            bar
        });
        bar.set(report.step);
        self.tokens += report.tokens as u64;
        let per_second = self.tokens as f64 / bar.elapsed().as_secs_f64().max(1e-3);
        let tuning = self.tuning.map_or(String::new(), |loss| format!(", tuning {loss:.3}"));
        let label = if self.label.is_empty() { String::new() } else { format!("  ({})", self.label) };
        bar.note(format!(
            "loss {:.3}{tuning}, {} tokens/s{label}",
            report.losses.total,
            grouped(per_second as u64)
        ));
        if let Err(error) = self.log.step(report) {
            self.error = Some(error);
        }
        match self.error.is_some() || self.interruption.is_wanted() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn evaluation(&mut self, report: &EvaluationReport) {
        self.tuning = Some(report.losses.total);
        if let Err(error) = self.log.evaluation(report) {
            self.error = Some(error);
        }
    }
}
