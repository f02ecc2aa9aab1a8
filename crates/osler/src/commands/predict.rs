//! `osler predict`: a model's probabilities for subjects of a data set.

mod job;
mod likelihood;
mod meds_files;
mod onsets;
mod read_as;
mod settings;
mod task;

pub(super) use job::Job;

use crate::manifest::{Kind, Manifest};
use crate::model_directory::{ModelDirectory, UnseenCodes};
use crate::output::{OutputDirectory, Provenance};
use crate::precision::PrecisionArguments;
use crate::progress::{Voice, seconds};
use crate::records::Records;
use ::evaluate::tasks::Alteration;
use anyhow::{Context, Result, bail};
use clap::Args;
use events::Split;
use events::meds::{self, PredictionWriter};
use model::HORIZON_DAYS;
use std::path::PathBuf;
use std::time::Instant;

/// The horizons as one writes them, in the order of [`HORIZON_DAYS`].
pub(super) const HORIZON_NAMES: [&str; HORIZON_DAYS.len()] =
    ["1d", "7d", "30d", "90d", "180d", "1y", "2y", "5y", "10y"];

/// What the subject's own rate so far says of recurrences, beside the predictions.
pub(super) const OWN_RATE_FILE: &str = "own_rate.parquet";

/// Where predictions from altered histories are, below the others.
pub(super) const ALTERED_DIRECTORY: &str = "altered";

/// Predict for the subjects of EVENTS: first onsets of codes, when they come again, or a task that the model was trained for.
///
/// Each prediction sees facts up to and including its prediction time and nothing later. By default there is one
/// prediction time a subject, the first moment of the first visit after a random date, drawn without looking at what follows; what
/// that visit writes down later counts as what came after (--at asks at other moments, such as its end). Who has
/// a code already is not asked about it, unless --again asks just them when it comes the next time. OUT/predictions.parquet holds MEDS label columns, the probability, and
/// the age-and-sex baseline beside it.
#[derive(Args)]
#[command(after_help = "Examples:
  osler predict --model model --out predictions events
  osler predict --model model --codes ICD10CM//I50.9,MEDS_DEATH --horizons 1y,5y --out predictions events
  osler predict --model model --at events/labels/index_date --horizons 1y,5y --out predictions events
  osler predict --model model --again --at labels/discharges --codes VISIT//IMP --horizons 30d --out again events
  osler predict --model model --labels events/labels/in_hospital_death --split all --out predictions events
  osler predict --model one --model two --labels events/labels/in_hospital_death --out predictions events
  osler predict --model model --every-event --codes all --horizons 1y --out risks events
  osler predict --model model --likelihood --precision int8 --out likelihood events")]
pub struct Arguments {
    /// A directory that `osler train` wrote. Given several times, with --labels: the mean of the models' logits.
    #[arg(long, required = true)]
    pub model: Vec<PathBuf>,
    /// MEDS labels of a task that the model was trained for: predict at their times.
    #[arg(long, conflicts_with_all = ["codes", "horizons"])]
    pub labels: Option<PathBuf>,
    /// Predict onsets at the times of these MEDS labels instead of at one random visit a subject; what the labels say is
    /// not looked at.
    #[arg(long, conflicts_with_all = ["labels", "every_event", "likelihood", "min_history_days"])]
    pub at: Option<PathBuf>,
    /// Ask those who have a code already when it comes again (another admission, say) instead of those who haven't. Beside the
    /// predictions OUT/own_rate.parquet holds what each subject's own rate so far says, and `osler evaluate` compares both.
    #[arg(long, conflicts_with_all = ["labels", "every_event", "likelihood", "altered"])]
    pub again: bool,
    /// Codes to predict: `common` (the 50 commonest conditions, and death), `all`, or a list.
    #[arg(long, default_value = "common")]
    pub codes: String,
    /// Horizons: any of 1d, 7d, 30d, 90d, 180d, 1y, 2y, 5y, 10y.
    #[arg(long, default_value = "1y", value_delimiter = ',')]
    pub horizons: Vec<String>,
    /// Days of record that a subject must have before the prediction time.
    #[arg(long, default_value_t = 0.0)]
    pub min_history_days: f64,
    /// Instead: risks.parquet with every code's risk right after every moment at which a subject has events
    /// (columns subject_id, prediction_time, code, risk_1y …), whoever has the code already included.
    #[arg(long, conflicts_with = "labels")]
    pub every_event: bool,
    /// Instead: the log-likelihood of the records themselves. OUT/likelihood.json holds the mean per event with
    /// its interval, OUT/likelihood.parquet every event's (subject_id, time, code, and what the code, its time and
    /// its value had).
    #[arg(long, conflicts_with_all = ["codes", "horizons", "labels", "every_event"])]
    pub likelihood: bool,
    /// Also OUT/altered/: what the model says with the times of each history shuffled, and without its last day. `osler evaluate`
    /// then tells what is left of the performance. Takes three times as long.
    #[arg(long, conflicts_with_all = ["every_event", "likelihood"])]
    pub altered: bool,
    /// Also OUT/meds/: a file per task and horizon with MEDS's columns alone and known outcomes, as meds-evaluation reads them.
    #[arg(long, conflicts_with_all = ["every_event", "likelihood"])]
    pub meds: bool,
    /// What becomes of codes that the model never saw, where a history has them; the likelihood always takes the parent.
    #[arg(long, value_enum, default_value_t)]
    pub unseen_codes: UnseenCodes,
    /// train, tuning, held_out or all.
    #[arg(long, default_value = "held_out")]
    pub split: String,
    /// Seed of the prediction times.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// In which numbers.
    #[command(flatten)]
    pub precision: PrecisionArguments,
    /// Where to compute: auto, cpu, vulkan:0, cuda:0 (auto: a graphics processor if this build can use one).
    #[arg(long, default_value_t = gpu::Device::Auto)]
    pub device: gpu::Device,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote.
    pub events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let manifest = self.predict(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it and gives the manifest.
    pub fn predict(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let splits = match self.split.as_str() {
            "all" => Split::ALL.to_vec(),
            name => vec![name.parse().map_err(anyhow::Error::msg)?],
        };
        let records = Records::open(&self.events)?;
        let unseen = if self.likelihood { UnseenCodes::Parent } else { self.unseen_codes };
        let open = |dir: &PathBuf| -> Result<ModelDirectory> {
            let directory = ModelDirectory::open(dir, &records.codes)?.with_unseen(unseen, &records.codes)?;
            directory.with_precision(self.precision.precision())?.on(self.device)
        };
        let directories: Vec<ModelDirectory> = self.model.iter().map(open).collect::<Result<_>>()?;
        let Some((directory, others)) = directories.split_first() else { bail!("give a --model") };
        if !others.is_empty() && self.labels.is_none() {
            bail!(
                "several models answer together for a supervised task alone; give --labels, or one --model"
            );
        }
        let output = OutputDirectory::create(&self.out, Kind::Predictions, self.force)?;
        output.keep_like(&self.events)?;
        let job = Job {
            arguments: self,
            directory,
            others,
            records: &records,
            splits: &splits,
            alteration: None,
            voice,
        };
        let (counts, told) = if self.likelihood {
            job.likelihood(output.path())?
        } else if self.every_event {
            job.every_event(&output.path().join("risks.parquet"))?
        } else {
            let done = job.predictions(&output.path().join("predictions.parquet"))?;
            if self.altered {
                let dir = output.path().join(ALTERED_DIRECTORY);
                std::fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
                for alteration in Alteration::ALL {
                    let job = Job { alteration: Some(alteration), ..job };
                    job.predictions(&dir.join(alteration.name()).with_extension("parquet"))?;
                }
            }
            if self.meds {
                let predictions = meds::read_predictions(&output.path().join("predictions.parquet"))?;
                meds_files::write(&predictions, &output.path().join("meds"))?;
            }
            done
        };
        let read_as = read_as::told(&counts["events_read"]);
        let nothing = (counts["predictions"] == 0).then(|| job.why_none(&counts));
        let manifest = output.finish(Provenance {
            dataset: records.manifest.dataset.clone(),
            synthetic: records.manifest.synthetic || directories.iter().any(|d| d.manifest.synthetic),
            settings: job.settings()?,
            inputs: directories
                .iter()
                .map(|d| d.manifest.as_input())
                .chain([records.manifest.as_input()])
                .collect(),
            counts,
            deidentification: None,
        })?;
        read_as.into_iter().chain(nothing).for_each(|line| voice.say(line));
        voice.say(format!("{told} in {} → {}", seconds(started.elapsed()), self.out.display()));
        Ok(manifest)
    }
}

impl Job<'_> {
    /// Onsets, or a task with labels, to a file.
    fn predictions(&self, path: &std::path::Path) -> Result<(serde_json::Value, String)> {
        let mut writer = PredictionWriter::create(path)?;
        let done = match &self.arguments.labels {
            Some(labels) => self.task(labels, &mut writer)?,
            None if self.arguments.again => {
                let mut own_rate = PredictionWriter::create(&path.with_file_name(OWN_RATE_FILE))?;
                let done = self.onsets(&mut writer, Some(&mut own_rate))?;
                own_rate.finish()?;
                done
            }
            None => self.onsets(&mut writer, None)?,
        };
        writer.finish()?;
        Ok(done)
    }
}
