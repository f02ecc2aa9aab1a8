//! `osler predict`: a model's probabilities for subjects of a data set.

mod meds_files;

use super::train::task_name;
use crate::manifest::{Kind, Manifest};
use crate::model_directory::{ModelDirectory, UnseenCodes};
use crate::output::{OutputDirectory, Provenance};
use crate::precision::PrecisionArguments;
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use ::evaluate::tasks::{Alteration, Landmark, OnsetTask, StudyWindow, SubjectTimeline, prediction_times};
use ::serve::CodeKind;
use anyhow::{Context, Result, bail};
use clap::Args;
use events::meds::{self, EventLikelihoodRow, LikelihoodWriter, PredictionWriter, RiskWriter};
use events::{Code, Deidentified, Label, Prediction, Split, Subject, Time};
use model::{EventLikelihoods, HORIZON_DAYS, LogLikelihood};
use rayon::prelude::*;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Instant;
use timeline::{EntryKind, Sequence, TokenizedSubject, Vocabulary};

/// The horizons as one writes them, in the order of [`HORIZON_DAYS`].
pub(super) const HORIZON_NAMES: [&str; HORIZON_DAYS.len()] =
    ["1d", "7d", "30d", "90d", "180d", "1y", "2y", "5y", "10y"];

/// About how many rows of [`Arguments::every_event`] are held at once, nine horizons each: 100 MB.
const RISKS_HELD: usize = 2 << 20;

/// Where predictions from altered histories are, below the others.
pub(super) const ALTERED_DIRECTORY: &str = "altered";

/// Subjects predicted together.
const CHUNK: usize = 256;

/// Predict for the subjects of EVENTS: first onsets of codes, or a task that the model was trained for.
///
/// Each prediction sees facts up to and including its prediction time and nothing later. By default there is one
/// prediction time a subject, the first visit after a random date, drawn without looking at what follows. Who has
/// a code already is not asked about it. OUT/predictions.parquet holds MEDS label columns, the probability, and
/// the age-and-sex baseline beside it.
#[derive(Args)]
#[command(after_help = "Examples:
  osler predict --model model --out predictions events
  osler predict --model model --codes ICD10CM//I50.9,MEDS_DEATH --horizons 1y,5y --out predictions events
  osler predict --model model --at events/labels/index_date --horizons 1y,5y --out predictions events
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
            directory.with_precision(self.precision.precision()).on(self.device)
        };
        let directories: Vec<ModelDirectory> = self.model.iter().map(open).collect::<Result<_>>()?;
        let Some((directory, others)) = directories.split_first() else { bail!("give a --model") };
        if !others.is_empty() && self.labels.is_none() {
            bail!(
                "several models answer together for a supervised task alone; give --labels, or one --model"
            );
        }
        let output = OutputDirectory::create(&self.out, Kind::Predictions, self.force)?;
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
        voice.say(format!("{told} in {} → {}", seconds(started.elapsed()), self.out.display()));
        Ok(manifest)
    }
}

pub(super) fn labels_by_subject(path: &std::path::Path) -> Result<HashMap<i64, Vec<Label>>> {
    let mut by_subject: HashMap<i64, Vec<Label>> = HashMap::new();
    for label in meds::read_labels(path)? {
        by_subject.entry(label.subject_id).or_default().push(label);
    }
    Ok(by_subject)
}

/// What every kind of prediction needs.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) directory: &'a ModelDirectory,
    /// Further models whose answers to a task are averaged with its own.
    pub(super) others: &'a [ModelDirectory],
    pub(super) records: &'a Records,
    pub(super) splits: &'a [Split],
    /// What is taken from histories before they are predicted from.
    pub(super) alteration: Option<Alteration>,
    pub(super) voice: Voice,
}

impl Job<'_> {
    pub(super) fn total(&self) -> u64 {
        self.splits.iter().map(|s| self.records.count(*s)).sum()
    }

    /// Calls `each` with chunks of subjects.
    pub(super) fn chunks(
        &self,
        label: &'static str,
        each: &mut dyn FnMut(&[Deidentified<Subject>]) -> Result<()>,
    ) -> Result<()> {
        let bar = self.voice.count(label, self.total());
        let mut chunk = Vec::with_capacity(CHUNK);
        for split in self.splits {
            for subject in self.records.subjects(*split)? {
                chunk.push(subject?);
                if chunk.len() == CHUNK {
                    each(&chunk)?;
                    bar.add(chunk.len() as u64);
                    chunk.clear();
                }
            }
        }
        each(&chunk)
    }

    /// Onsets, or a task with labels, to a file.
    fn predictions(&self, path: &std::path::Path) -> Result<(serde_json::Value, String)> {
        let mut writer = PredictionWriter::create(path)?;
        let done = match &self.arguments.labels {
            Some(labels) => self.task(labels, &mut writer)?,
            None => self.onsets(&mut writer)?,
        };
        writer.finish()?;
        Ok(done)
    }

    /// A record as known at a moment, altered if it is to be.
    fn tokens(&self, directory: &ModelDirectory, subject: &Subject, time: Time) -> TokenizedSubject {
        match self.alteration {
            None => directory.tokenizer.tokenize_until(subject, time),
            Some(alteration) => {
                let altered = alteration.of(subject, time, self.arguments.seed);
                directory.tokenizer.tokenize_until(&altered, time)
            }
        }
    }

    /// Onsets of codes, at one time a subject.
    fn onsets(&self, writer: &mut PredictionWriter) -> Result<(serde_json::Value, String)> {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let codes = self.codes(vocabulary)?;
        let indices: Vec<u32> = codes.iter().map(|(index, _)| *index).collect();
        let horizons = self.horizons()?;
        let shortest = horizons.iter().map(|k| HORIZON_DAYS[*k]).fold(f64::INFINITY, f64::min);
        let landmark = Landmark::RandomVisit {
            study_end: self.study_end()?,
            leave_days: shortest,
            minimum_history_days: self.arguments.min_history_days,
        };
        let tasks: Vec<Vec<(usize, OnsetTask)>> = codes
            .iter()
            .map(|(_, code)| {
                let task = |k: &usize| match code.as_str() {
                    Code::DEATH => OnsetTask::death(HORIZON_DAYS[*k], landmark.clone()),
                    code => OnsetTask::code(code, HORIZON_DAYS[*k], landmark.clone()),
                };
                horizons.iter().map(|k| (*k, task(k))).collect()
            })
            .collect();
        let stated = self.arguments.at.as_deref().map(labels_by_subject).transpose()?;
        let (mut subjects, mut rows_written) = (0u64, 0u64);
        // With many codes, fewer subjects at once.
        let most = (RISKS_HELD / codes.len()).clamp(1, CHUNK);
        self.chunks("predicting", &mut |chunk| {
            for chunk in chunk.chunks(most) {
                let spots: Vec<(&Subject, Time)> = chunk
                    .iter()
                    .flat_map(|s| {
                        let times = match &stated {
                            Some(labels) => {
                                labels.get(&s.id).into_iter().flatten().map(|l| l.prediction_time).collect()
                            }
                            None => prediction_times(s, &landmark, self.arguments.seed),
                        };
                        times.into_iter().map(move |t| (&**s, t))
                    })
                    .collect();
                let tokens: Vec<TokenizedSubject> =
                    spots.iter().map(|(s, t)| self.tokens(self.directory, s, *t)).collect();
                let usable: Vec<usize> =
                    (0..tokens.len()).filter(|i| !tokens[*i].as_sequence().is_empty()).collect();
                let sequences: Vec<_> = usable.iter().map(|i| tokens[*i].as_sequence()).collect();
                let tables = self.directory.model.risk(&sequences, Some(&indices))?;
                let mut rows = Vec::new();
                for (i, table) in usable.into_iter().zip(&tables) {
                    let (subject, time) = spots[i];
                    subjects += 1;
                    let timeline = SubjectTimeline::new(subject);
                    for ((_, risks), ((_, code), tasks)) in table.rows().zip(codes.iter().zip(&tasks)) {
                        for (k, task) in tasks {
                            let Some(label) = timeline.label(time, task) else { continue };
                            let baseline = self.directory.reference.probability(
                                code,
                                label.sex,
                                label.age_years.map(f64::from),
                                HORIZON_DAYS[*k],
                            );
                            rows.push(label.predicted(task, f64::from(risks[*k]), baseline));
                        }
                    }
                }
                rows_written += rows.len() as u64;
                writer.write(&rows)?;
            }
            Ok(())
        })?;
        let told = format!("{} predictions for {} subjects", grouped(rows_written), grouped(subjects));
        Ok((
            serde_json::json!({ "predictions": rows_written, "subjects": subjects, "codes": codes.len() }),
            told,
        ))
    }

    /// The risks of codes right after every moment that has events.
    fn every_event(&self, path: &std::path::Path) -> Result<(serde_json::Value, String)> {
        let codes = self.codes(self.directory.tokenizer.vocabulary())?;
        let indices: Vec<u32> = codes.iter().map(|(index, _)| *index).collect();
        let names: Vec<&str> = codes.iter().map(|(_, code)| code.as_str()).collect();
        let horizons = self.horizons()?;
        let horizon_names: Vec<&str> = horizons.iter().map(|k| HORIZON_NAMES[*k]).collect();
        let mut writer = RiskWriter::create(path, &names, &horizon_names)?;
        let (mut subjects, mut asked_at) = (0u64, 0u64);
        self.chunks("predicting", &mut |chunk| {
            let tokens: Vec<TokenizedSubject> =
                chunk.iter().map(|subject| self.directory.tokenizer.tokenize(subject)).collect();
            let moments: Vec<Vec<(usize, Time)>> = tokens.iter().map(|t| t.moments().collect()).collect();
            subjects += moments.iter().filter(|moments| !moments.is_empty()).count() as u64;
            let most = (RISKS_HELD / codes.len()).max(1);
            let pieces: Vec<(usize, &[(usize, Time)])> =
                moments.iter().enumerate().flat_map(|(i, m)| m.chunks(most).map(move |m| (i, m))).collect();
            let mut held = 0;
            let group_ends = |_: &(usize, &[(usize, Time)]), (_, next): &(usize, &[(usize, Time)])| {
                held += next.len();
                let goes_on = held < most;
                held = if goes_on { held } else { 0 };
                goes_on
            };
            for group in pieces.chunk_by(group_ends) {
                let spots: Vec<(Sequence<'_>, Vec<usize>)> = group
                    .iter()
                    .map(|(i, m)| (tokens[*i].as_sequence(), m.iter().map(|(place, _)| *place).collect()))
                    .collect();
                let tables = self.directory.model.risk_at_each(&spots, Some(&indices))?;
                for ((i, moments), tables) in group.iter().zip(tables) {
                    for ((_, time), table) in moments.iter().zip(&tables) {
                        asked_at += 1;
                        let chosen: Vec<Vec<f32>> =
                            table.rows().map(|(_, row)| horizons.iter().map(|k| row[*k]).collect()).collect();
                        writer.push(chunk[*i].id, *time, chosen.iter().map(Vec::as_slice))?;
                    }
                }
            }
            Ok(())
        })?;
        writer.finish()?;
        let told = format!(
            "risks of {} codes at {} moments of {} subjects",
            grouped(codes.len() as u64),
            grouped(asked_at),
            grouped(subjects)
        );
        let counts = serde_json::json!({ "moments": asked_at, "subjects": subjects, "codes": codes.len() });
        Ok((counts, told))
    }

    /// A supervised task, at its labels' times.
    fn task(
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
        self.chunks("predicting", &mut |chunk| {
            let spots: Vec<(&Subject, &Label)> = chunk
                .iter()
                .flat_map(|s| by_subject.get(&s.id).into_iter().flatten().map(move |label| (&**s, label)))
                .collect();
            let logits = self.task_logits(&spots, &name)?;
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
        Ok((serde_json::json!({ "predictions": rows_written }), told))
    }

    /// Did `osler calibrate` count subjects of a split that is predicted for?
    fn calibrated_on_them(&self) -> bool {
        let counted = |d: &ModelDirectory| {
            let splits = d.manifest.settings["splits"].as_array().cloned().unwrap_or_default();
            !d.manifest.settings["calibrated_from"].is_null()
                && self.splits.iter().any(|split| splits.contains(&split.name().into()))
        };
        self.directories().any(counted)
    }

    fn directories(&self) -> impl Iterator<Item = &ModelDirectory> {
        std::iter::once(self.directory).chain(self.others)
    }

    /// The mean of the models' logits right before each label's time; none where a record has not begun.
    fn task_logits(&self, spots: &[(&Subject, &Label)], name: &str) -> Result<Vec<Option<f64>>> {
        let mut sums = vec![0.0; spots.len()];
        let mut known = vec![true; spots.len()];
        for directory in self.directories() {
            let tokens: Vec<TokenizedSubject> =
                spots.iter().map(|(s, label)| self.tokens(directory, s, label.prediction_time)).collect();
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
        Ok(sums.into_iter().zip(known).map(|(sum, known)| known.then_some(sum / n)).collect())
    }

    /// The log-likelihood of whole records, in nats per event.
    fn likelihood(&self, out: &std::path::Path) -> Result<(serde_json::Value, String)> {
        let mut each: Vec<LogLikelihood> = Vec::new();
        let mut writer = LikelihoodWriter::create(&out.join("likelihood.parquet"))?;
        let model = &self.directory.model;
        self.chunks("reading", &mut |chunk| {
            let tokens: Vec<TokenizedSubject> =
                chunk.iter().map(|subject| self.directory.tokenizer.tokenize(subject)).collect();
            let sequences: Vec<Sequence<'_>> =
                tokens.iter().map(TokenizedSubject::as_sequence).filter(|s| !s.is_empty()).collect();
            let scored: Vec<EventLikelihoods> =
                sequences.par_iter().map(|s| model.event_log_likelihoods(s)).collect::<Result<_, _>>()?;
            each.extend(scored.iter().map(EventLikelihoods::total));
            let mut rows = Vec::new();
            for (tokens, scored) in tokens.iter().filter(|t| !t.code.is_empty()).zip(&scored) {
                rows.extend(self.event_rows(tokens, scored));
            }
            writer.write(&rows)?;
            Ok(())
        })?;
        writer.finish()?;
        let mut total = LogLikelihood::default();
        each.iter().for_each(|one| total.add(one));
        let per_event = |part: fn(&LogLikelihood) -> f64| {
            let ratio = part(&total) / total.events.max(1) as f64;
            // The ratio's standard error by linearisation over subjects (Cochran 1977, section 6.4).
            let residuals: f64 = each.iter().map(|l| (part(l) - ratio * l.events as f64).powi(2)).sum();
            let error = residuals.sqrt() / total.events.max(1) as f64;
            serde_json::json!({ "mean": ratio, "low": ratio - 1.96 * error, "high": ratio + 1.96 * error })
        };
        let found = serde_json::json!({
            "unit": "nats per event; TIME tokens and the censored end are part of the code and time terms",
            "subjects": each.len(),
            "events": total.events,
            "code": per_event(|l| l.code),
            "time": per_event(|l| l.time),
            "code_and_time": per_event(|l| l.code + l.time),
            "value": per_event(|l| l.value),
        });
        let path = out.join("likelihood.json");
        std::fs::write(&path, format!("{found:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let told = format!(
            "{} events of {} subjects, code and time {:.4} nats per event [{:.4}, {:.4}]",
            grouped(total.events as u64),
            grouped(each.len() as u64),
            found["code_and_time"]["mean"].as_f64().unwrap_or(f64::NAN),
            found["code_and_time"]["low"].as_f64().unwrap_or(f64::NAN),
            found["code_and_time"]["high"].as_f64().unwrap_or(f64::NAN),
        );
        Ok((found, told))
    }

    /// One subject's scored events.
    fn event_rows<'a>(
        &'a self,
        tokens: &'a TokenizedSubject,
        scored: &'a EventLikelihoods,
    ) -> impl Iterator<Item = EventLikelihoodRow> + 'a {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let first_age = tokens.age_days.get(tokens.static_len).copied();
        scored.events.iter().filter_map(move |event| {
            let age_days = tokens.age_days[event.position];
            Some(EventLikelihoodRow {
                subject_id: tokens.subject_id,
                time: tokens.origin?.plus_days(age_days),
                code: SmolStr::new(vocabulary.entry(tokens.code[event.position])?.code.as_str()),
                code_log_likelihood: event.code,
                time_log_likelihood: (Some(age_days) != first_age).then_some(event.time),
                value_log_likelihood: event.value,
            })
        })
    }

    /// Codes to predict, by vocabulary index.
    pub(super) fn codes(&self, vocabulary: &Vocabulary) -> Result<Vec<(u32, SmolStr)>> {
        let risk_codes = &self.directory.model.config().risk.codes;
        let entry = |index: u32| vocabulary.entry(index).map(|e| (index, SmolStr::new(e.code.as_str()), e));
        let mut all: Vec<_> = risk_codes
            .iter()
            .filter_map(|i| entry(*i))
            // A group stands for rarer codes together; nobody's record holds it as a code of its own.
            .filter(|(_, _, e)| e.kind != EntryKind::Group)
            .collect();
        let chosen: Vec<(u32, SmolStr)> = match self.arguments.codes.as_str() {
            "all" => all.into_iter().map(|(i, code, _)| (i, code)).collect(),
            "common" => {
                let death = all.iter().find(|(i, ..)| *i == Vocabulary::DEATH).map(|(i, code, _)| (*i, code.clone()));
                all.retain(|(i, code, _)| *i != Vocabulary::DEATH && CodeKind::of(code) == CodeKind::Condition);
                all.sort_by_key(|(i, _, e)| (std::cmp::Reverse(e.subjects), *i));
                all.truncate(50);
                let mut chosen: Vec<_> = all.into_iter().map(|(i, code, _)| (i, code)).chain(death).collect();
                chosen.sort();
                chosen
            }
            list => list
                .split(',')
                .map(|code| {
                    let found = all.iter().find(|(_, c, _)| c == code.trim());
                    found.map(|(i, c, _)| (*i, c.clone())).with_context(|| {
                        format!("the model gives no risk for `{}`; `osler predict --codes all` gives those it knows", code.trim())
                    })
                })
                .collect::<Result<_>>()?,
        };
        if chosen.is_empty() {
            bail!("no codes to predict; name some with --codes, or take --codes all");
        }
        Ok(chosen)
    }

    pub(super) fn horizons(&self) -> Result<Vec<usize>> {
        self.arguments
            .horizons
            .iter()
            .map(|h| {
                let place = HORIZON_NAMES.iter().position(|n| n == h);
                place
                    .with_context(|| format!("unknown horizon {h:?}; known are {}", HORIZON_NAMES.join(", ")))
            })
            .collect()
    }

    /// The last moment at which anybody is under observation.
    pub(super) fn study_end(&self) -> Result<Time> {
        let mut end: Option<Time> = None;
        for split in self.splits {
            for subject in self.records.subjects(*split)? {
                let subject = subject?;
                end = end.max(StudyWindow::of([&*subject]).map(|w| w.end));
            }
        }
        end.with_context(|| format!("{} holds no dated event in that split", self.arguments.events.display()))
    }

    /// What the manifest, and the report after it, say of the method.
    pub(super) fn settings(&self) -> Result<serde_json::Value> {
        let arguments = self.arguments;
        let vocabulary = self.directory.tokenizer.vocabulary();
        let descriptions: BTreeMap<&str, &str> = vocabulary
            .entries()
            .iter()
            .filter_map(|e| Some((e.code.as_str(), e.description.as_deref()?)))
            .collect();
        let (times, outcomes) = match &arguments.labels {
            _ if arguments.every_event => (
                "Every moment at which a subject has events, all events of that moment seen.".to_owned(),
                "None: risks alone.".to_owned(),
            ),
            Some(_) => (
                "As the labels state them.".to_owned(),
                "As the labels state them; nothing is censored.".to_owned(),
            ),
            None if arguments.at.is_some() => (
                "As stated for each subject by a set of labels, whose values are not looked at.".to_owned(),
                "First recorded occurrence within the horizon, among subjects without an earlier one. Death before it counts as no \
                 occurrence; subjects whose follow-up ends earlier are censored."
                    .to_owned(),
            ),
            None => (
                format!(
                    "One a subject: the first visit at or after a date drawn uniformly (seed {}) between {} days after the first \
                     dated event and the end of the study less the shortest horizon, without looking at what follows.",
                    arguments.seed, arguments.min_history_days
                ),
                "First recorded occurrence within the horizon, among subjects without an earlier one. Death before it counts as no \
                 occurrence; subjects whose follow-up ends earlier are censored."
                    .to_owned(),
            ),
        };
        Ok(serde_json::json!({
            "model": self
                .directories()
                .map(|d| format!("{} parameters, trained on {}", grouped(d.model.parameters() as u64), d.manifest.dataset))
                .collect::<Vec<_>>()
                .join("; and "),
            "model_digest": self.directories().map(ModelDirectory::digest).collect::<Vec<_>>().join(" "),
            "split": arguments.split,
            "split_text": format!(
                "{} (by keyed hash of the subject; trained on none of them unless it says train or all{})",
                arguments.split,
                if self.calibrated_on_them() { "; the risks' level was set on some of them" } else { "" }
            ),
            "prediction_times": times,
            "outcomes": outcomes,
            "baseline": match &arguments.labels {
                Some(_) => "Logistic regression on age (restricted cubic spline) and sex, fitted on the training labels.",
                None => "Incidence by sex and five-year age band among the training subjects, death competing.",
            },
            "codes": arguments.codes,
            "unseen_codes": arguments.unseen_codes.name(),
            "horizons": arguments.horizons,
            "precision": arguments.precision.names().0,
            "cache": arguments.precision.names().1,
            "seed": arguments.seed,
            "min_history_days": arguments.min_history_days,
            "descriptions": descriptions,
        }))
    }
}
