//! `osler simulate`: futures drawn from a model, and the risks that they imply.

mod agreement;
mod check;
mod picture;

use super::predict::{self, HORIZON_NAMES, Job};
use super::threads;
use crate::broader;
use crate::code_kind::code_kind;
use crate::manifest::{Kind, Manifest};
use crate::model_directory::ModelDirectory;
use crate::output::{OutputDirectory, Provenance};
use crate::precision::PrecisionArguments;
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use ::evaluate::tasks::{Landmark, OnsetTask, SubjectTimeline, prediction_times};
use ::serve::CodeKind;
use agreement::{Agreement, Pair};
use anyhow::{Context, Result, bail};
use check::{Check, Followed};
use clap::{Args, ValueEnum};
use events::meds::{SimulatedPrediction, SimulatedPredictionWriter, SimulatedTrajectory, TrajectoryWriter};
use events::{Event, Split, Subject, Time};
use model::{Ending, Estimate, HORIZON_DAYS, SimulateOptions, Simulated, Trajectory};
use smol_str::SmolStr;
use std::path::PathBuf;
use std::time::Instant;
use timeline::{EntryKind, TokenizedSubject, Vocabulary};

/// About how many trajectories are held at once.
const TRAJECTORIES_HELD: usize = 32_768;

/// Draw futures of the subjects of EVENTS from a model, and estimate risks from them.
///
/// Each subject's future goes on from one prediction time, chosen as `osler predict` chooses it, until the longest
/// horizon, death, or the limit on tokens. OUT/predictions.parquet is what `osler predict` writes, with standard
/// errors and the model's direct answer beside it; OUT/agreement.json and .svg compare the two;
/// OUT/synthetic holds the trajectories, events of nobody. The same seed draws the same on any number of threads.
#[derive(Args)]
#[command(after_help = "Examples:
  osler simulate --model model --out futures events
  osler simulate --model model --horizons 1y,5y --trajectories 1000 --subjects 500 --out futures events
  osler simulate --model model --codes ICD10CM//I50.9,MEDS_DEATH --estimator reach --out futures events
  osler simulate --model model --check --trajectories 5 --horizons 5y --out futures events
  osler evaluate --out report futures

Estimators (arXiv 2602.03730):
  scope     adds up the chance that each next token is the code; one pool of trajectories for all codes
  counting  the share of trajectories in which the code occurs
  reach     trajectories drawn without the code, and the chance of having met it; a pool for each code")]
pub struct Arguments {
    /// A directory that `osler train` wrote.
    #[arg(long)]
    pub model: PathBuf,
    /// Codes whose risk is wanted: the so-many commonest conditions, `common` (50 and death), `all`, or a list.
    #[arg(long, default_value = "10")]
    pub codes: String,
    /// Horizons: any of 1d, 7d, 30d, 90d, 180d, 1y, 2y, 5y, 10y.
    #[arg(long, alias = "horizon", default_value = "1y", value_delimiter = ',')]
    pub horizons: Vec<String>,
    /// Trajectories a subject (with reach: and code).
    #[arg(long, default_value_t = 100)]
    pub trajectories: usize,
    /// How risks are estimated.
    #[arg(long, value_enum, default_value = "scope")]
    pub estimator: Estimator,
    /// Draw every first wait within the longest horizon and weigh trajectories by the chance of that (reach always
    /// does): more certain where little happens.
    #[arg(long)]
    pub event_first: bool,
    /// Write no trajectories.
    #[arg(long)]
    pub risks_only: bool,
    /// Compare what was drawn with what followed in the records (up to 5 trajectories of 20,000 subjects): OUT/check holds
    /// report.html, .json and .parquet.
    #[arg(long, conflicts_with_all = ["risks_only", "event_first"])]
    pub check: bool,
    /// Tokens after which a trajectory is cut off, and counted as such [default: 512, or half the context].
    #[arg(long)]
    pub most_tokens: Option<usize>,
    /// Days of record that a subject must have before the prediction time.
    #[arg(long, default_value_t = 0.0)]
    pub min_history_days: f64,
    /// No more than so many subjects, by id.
    #[arg(long)]
    pub subjects: Option<u64>,
    /// train, tuning, held_out or all.
    #[arg(long, default_value = "held_out")]
    pub split: String,
    /// Seed of the prediction times and of what is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; what is drawn does not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote.
    pub events: PathBuf,
}

/// How risks are estimated from trajectories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Estimator {
    /// Sums of what was likely.
    Scope,
    /// Shares of trajectories.
    Counting,
    /// Trajectories without the code, and the chance of having met it.
    Reach,
}

/// What was met on the way.
#[derive(Default)]
struct Counts {
    subjects: u64,
    predictions: u64,
    trajectories: u64,
    tokens: u64,
    truncated: u64,
    deaths: u64,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads(self.threads))
            .build()
            .context("no threads to simulate with")?;
        let manifest = pool.install(|| self.simulate(voice))?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it and gives the manifest.
    pub fn simulate(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let asked = self.as_prediction();
        let splits = match self.split.as_str() {
            "all" => Split::ALL.to_vec(),
            name => vec![name.parse().map_err(anyhow::Error::msg)?],
        };
        let records = Records::open(&self.events)?;
        let directory = ModelDirectory::open(&self.model, &records.codes)?;
        let job = Job {
            arguments: &asked,
            directory: &directory,
            others: &[],
            records: &records,
            splits: &splits,
            alteration: None,
            voice,
        };
        let codes = self.chosen_codes(&job)?;
        let mut horizons = job.horizons()?;
        horizons.sort_unstable();
        horizons.dedup();
        let run = Run {
            arguments: self,
            job: &job,
            options: self.options(&directory, &codes, &horizons)?,
            codes,
            horizons,
        };
        if self.check && self.estimator == Estimator::Reach {
            bail!(
                "--check compares trajectories as they come, and reach draws them without a code; take another --estimator"
            );
        }
        let output = OutputDirectory::create(&self.out, Kind::Predictions, self.force)?;
        output.keep_like(&self.events)?;
        let mut check = self.check.then(Check::default);
        let (counts, agreement) = run.go(output.path(), check.as_mut())?;
        agreement.write(output.path())?;
        let mut settings = job.settings()?;
        if let Some(check) = check {
            check.write(&output.path().join("check"), &run, &settings, voice)?;
        }
        for (key, value) in [
            ("estimator", format!("{:?}", self.estimator).to_lowercase().into()),
            ("trajectories", self.trajectories.into()),
            ("event_first", run.options.event_first.into()),
            ("most_tokens", run.options.most_tokens.into()),
            ("subjects", self.subjects.into()),
            (
                "simulated",
                "Probabilities are estimates from simulated futures; everything below synthetic/ is of nobody.".into(),
            ),
        ] {
            settings[key] = value;
        }
        let manifest = output.finish(Provenance {
            dataset: records.manifest.dataset.clone(),
            synthetic: records.manifest.synthetic || directory.manifest.synthetic,
            settings,
            inputs: vec![directory.manifest.as_input(), records.manifest.as_input()],
            counts: serde_json::json!({
                "subjects": counts.subjects, "predictions": counts.predictions, "codes": run.codes.len(),
                "trajectories": counts.trajectories, "tokens": counts.tokens,
                "truncated": counts.truncated, "deaths": counts.deaths,
            }),
            deidentification: None,
        })?;
        agreement.lines().into_iter().take(10).for_each(|line| voice.say(line));
        voice.say(format!(
            "{} trajectories of {} subjects, {} tokens, {} cut off, in {} → {}",
            grouped(counts.trajectories),
            grouped(counts.subjects),
            grouped(counts.tokens),
            grouped(counts.truncated),
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }

    /// The questions that `osler predict` would answer directly.
    fn as_prediction(&self) -> predict::Arguments {
        predict::Arguments {
            model: vec![self.model.clone()],
            labels: None,
            again: false,
            codes: if self.codes.parse::<usize>().is_ok() { "all".to_owned() } else { self.codes.clone() },
            horizons: self.horizons.clone(),
            min_history_days: self.min_history_days,
            at: None,
            every_event: false,
            precision: PrecisionArguments::default(),
            device: gpu::Device::Cpu,
            likelihood: false,
            meds: false,
            altered: false,
            unseen_codes: Default::default(),
            split: self.split.clone(),
            seed: self.seed,
            out: self.out.clone(),
            force: self.force,
            events: self.events.clone(),
        }
    }

    fn chosen_codes(&self, job: &Job<'_>) -> Result<Vec<(u32, SmolStr)>> {
        let vocabulary = job.directory.tokenizer.vocabulary();
        let mut codes = job.codes(vocabulary)?;
        if let Ok(most) = self.codes.parse::<usize>() {
            let subjects = |index: u32| vocabulary.entry(index).map_or(0, |entry| entry.subjects);
            codes.retain(|(index, _)| {
                let entry = vocabulary.entry(*index).filter(|_| *index != Vocabulary::DEATH);
                entry.is_some_and(|entry| code_kind(entry) == CodeKind::Condition)
            });
            codes.sort_by_key(|(index, _)| (std::cmp::Reverse(subjects(*index)), *index));
            codes.truncate(most);
        }
        if codes.is_empty() {
            bail!("no codes to simulate; name some with --codes, or take --codes all");
        }
        Ok(codes)
    }

    fn options(
        &self,
        directory: &ModelDirectory,
        codes: &[(u32, SmolStr)],
        horizons: &[usize],
    ) -> Result<SimulateOptions> {
        let vocabulary = directory.tokenizer.vocabulary();
        let half = directory.model.config().context / 2;
        if self.trajectories == 0 {
            bail!("--trajectories must be at least 1");
        }
        Ok(SimulateOptions {
            trajectories: self.trajectories,
            seed: self.seed,
            horizons_days: horizons.iter().map(|k| HORIZON_DAYS[*k]).collect(),
            most_tokens: self.most_tokens.unwrap_or(half.min(512)),
            outcomes: codes.iter().map(|(index, _)| *index).collect(),
            avoided: None,
            event_first: self.event_first || self.estimator == Estimator::Reach,
            impossible: never_drawn(vocabulary),
            valued_share: valued_shares(vocabulary),
            keep_tokens: !self.risks_only && self.estimator != Estimator::Reach,
        })
    }
}

/// Codes that no timeline holds as something that happens.
pub fn never_drawn(vocabulary: &Vocabulary) -> Vec<u32> {
    let drawn = |(index, entry): &(u32, &timeline::Entry)| match *index {
        Vocabulary::TIME | Vocabulary::DEATH => true,
        _ => entry.events > 0 && !matches!(entry.kind, EntryKind::Static | EntryKind::Special),
    };
    (0..).zip(vocabulary.entries()).filter(|entry| !drawn(entry)).map(|(index, _)| index).collect()
}

/// How often each code comes with a value.
pub fn valued_shares(vocabulary: &Vocabulary) -> Vec<f32> {
    let share = |entry: &timeline::Entry| {
        let count: u64 = entry.values.iter().map(|values| values.count).sum();
        (count as f64 / entry.events.max(1) as f64).min(1.0) as f32
    };
    vocabulary.entries().iter().map(share).collect()
}

/// Subjects by place, what the model saw of them, and what it drew.
type Drawn = Vec<((usize, TokenizedSubject), Simulated)>;

/// One run.
struct Run<'a> {
    arguments: &'a Arguments,
    job: &'a Job<'a>,
    codes: Vec<(u32, SmolStr)>,
    /// Indices into [`HORIZON_DAYS`], increasing.
    horizons: Vec<usize>,
    options: SimulateOptions,
}

impl Run<'_> {
    fn go(&self, out: &std::path::Path, mut check: Option<&mut Check>) -> Result<(Counts, Agreement)> {
        let study_end = self.job.study_end()?;
        let landmark = Landmark::RandomVisit {
            study_end,
            leave_days: self.options.horizons_days[0],
            minimum_history_days: self.arguments.min_history_days,
        };
        let mut predictions = SimulatedPredictionWriter::create(&out.join("predictions.parquet"))?;
        let mut trajectories = match self.options.keep_tokens {
            true => {
                let dir = out.join("synthetic");
                std::fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
                Some(TrajectoryWriter::create(&dir)?)
            }
            false => None,
        };
        let names = self.codes.iter().map(|(_, code)| code.to_string()).collect();
        let horizon_names = self.horizons.iter().map(|k| HORIZON_NAMES[*k]).collect();
        let mut agreement = Agreement::new(names, horizon_names);
        let mut counts = Counts::default();
        let most = self.arguments.subjects.unwrap_or(u64::MAX);
        self.job.chunks("simulating", &mut |chunk| {
            let spots: Vec<(&Subject, Time)> = chunk
                .iter()
                .flat_map(|s| {
                    prediction_times(s, &landmark, self.arguments.seed).into_iter().map(move |t| (&**s, t))
                })
                .take((most - counts.subjects) as usize)
                .collect();
            for spots in spots.chunks((TRAJECTORIES_HELD / self.options.trajectories).max(1)) {
                let drawn =
                    self.part(spots, &mut predictions, trajectories.as_mut(), &mut agreement, &mut counts)?;
                if let Some(check) = check.as_deref_mut() {
                    self.compare(spots, &drawn, check, study_end);
                }
            }
            Ok(())
        })?;
        predictions.finish()?;
        trajectories.map_or(Ok(()), TrajectoryWriter::finish)?;
        Ok((counts, agreement))
    }

    fn part(
        &self,
        spots: &[(&Subject, Time)],
        predictions: &mut SimulatedPredictionWriter,
        trajectories: Option<&mut TrajectoryWriter>,
        agreement: &mut Agreement,
        counts: &mut Counts,
    ) -> Result<Drawn> {
        let directory = self.job.directory;
        let mut tokens: Vec<TokenizedSubject> =
            spots.iter().map(|(s, t)| directory.tokenizer.tokenize_until(s, *t)).collect();
        let usable: Vec<usize> = (0..tokens.len()).filter(|i| !tokens[*i].as_sequence().is_empty()).collect();
        let sequences: Vec<_> = usable.iter().map(|i| tokens[*i].as_sequence()).collect();
        let direct = directory.model.risk(&sequences, Some(&self.options.outcomes))?;
        let broader = broader::by_vocabulary(&directory.tokenizer);
        let mut pools = self.pools(&sequences)?;
        let mut rows = Vec::new();
        for (place, i) in usable.iter().enumerate() {
            let (subject, time) = spots[*i];
            let timeline = SubjectTimeline::new(subject, &broader);
            counts.subjects += 1;
            for (o, (index, code)) in self.codes.iter().enumerate() {
                for (h, k) in self.horizons.iter().enumerate() {
                    let task = OnsetTask::code(code, HORIZON_DAYS[*k], Landmark::EventIndex { index: 0 });
                    let Some(label) = timeline.label(time, &task) else { continue };
                    let estimate = self.estimate(&pools, place, o, h);
                    let baseline = directory.reference.probability(
                        code,
                        label.sex,
                        label.age_years.map(f64::from),
                        HORIZON_DAYS[*k],
                    );
                    let direct = direct[place].of(*index).map_or(f64::NAN, |row| f64::from(row[*k]));
                    // A sum of what was likely may pass one, though its mean does not.
                    let probability = estimate.mean.clamp(0.0, 1.0);
                    agreement.add((o, h), Pair { direct, estimate, outcome: label.boolean_value });
                    rows.push(SimulatedPrediction {
                        prediction: label.predicted(&task, probability, baseline),
                        standard_error: Some(estimate.standard_error).filter(|e| e.is_finite()),
                        direct_probability: direct,
                    });
                }
            }
        }
        counts.predictions += rows.len() as u64;
        predictions.write(&rows)?;
        for trajectory in pools.iter().flatten().flat_map(|s| &s.trajectories) {
            counts.trajectories += 1;
            counts.tokens += trajectory.length as u64;
            counts.truncated += u64::from(trajectory.ending == Ending::Truncated);
            counts.deaths += u64::from(trajectory.ending == Ending::Death);
        }
        if let Some(writer) = trajectories {
            let mut futures = Vec::new();
            for (simulated, i) in pools[0].iter().zip(&usable) {
                let (subject, time) = spots[*i];
                let last = tokens[*i].age_days.last().copied().unwrap_or(0.0);
                let of = |trajectory: &Trajectory| SimulatedTrajectory {
                    subject_id: subject.id,
                    prediction_time: time,
                    number: trajectory.number,
                    ending: word(trajectory.ending),
                    weight: trajectory.weight,
                    events: self.events(trajectory, time, last),
                };
                futures.extend(simulated.trajectories.iter().map(of));
            }
            writer.write(&futures)?;
        }
        Ok(usable
            .into_iter()
            .map(|i| (i, std::mem::take(&mut tokens[i])))
            .zip(pools.swap_remove(0))
            .collect())
    }

    /// What was drawn of some subjects, beside their records.
    fn compare(&self, spots: &[(&Subject, Time)], drawn: &Drawn, check: &mut Check, study_end: Time) {
        let tokenizer = &self.job.directory.tokenizer;
        for ((i, seen), simulated) in drawn {
            let followed = Followed { whole: &tokenizer.tokenize(spots[*i].0), seen, simulated, study_end };
            let longest = self.options.horizons_days.last().copied().unwrap_or(0.0);
            check.add(&followed, tokenizer.vocabulary(), longest);
        }
    }

    /// One pool of trajectories for all codes, or one for each.
    fn pools(&self, sequences: &[timeline::Sequence<'_>]) -> Result<Vec<Vec<Simulated>>> {
        let model = &self.job.directory.model;
        if self.arguments.estimator != Estimator::Reach {
            return Ok(vec![model.simulate(sequences, &self.options)?]);
        }
        let without = |(index, _): &(u32, SmolStr)| {
            let options = SimulateOptions { avoided: Some(*index), ..self.options.clone() };
            Ok(model.simulate(sequences, &options)?)
        };
        self.codes.iter().map(without).collect()
    }

    fn estimate(&self, pools: &[Vec<Simulated>], place: usize, code: usize, horizon: usize) -> Estimate {
        match self.arguments.estimator {
            Estimator::Scope => pools[0][place].risks[code].summed[horizon],
            Estimator::Counting => pools[0][place].risks[code].counted[horizon],
            Estimator::Reach => pools[code][place].risks[0].summed[horizon],
        }
    }

    /// A trajectory's tokens as dated events, values in their code's commonest unit.
    fn events(&self, trajectory: &Trajectory, time: Time, last_age_days: f64) -> Vec<Event> {
        let vocabulary = self.job.directory.tokenizer.vocabulary();
        let events = trajectory.tokens.iter().filter(|token| token.code != Vocabulary::TIME);
        let event = |token: &model::Token| {
            let entry = vocabulary.entry(token.code)?;
            let mut event =
                Event::new(Some(time.plus_days(token.age_days - last_age_days)), entry.code.clone());
            if let Some(values) = entry.commonest_values()
                && token.value.is_finite()
            {
                event.numeric_value = Some(values.value(token.value));
                event.unit = values.unit.clone();
            }
            Some(event)
        };
        events.filter_map(event).collect()
    }
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Horizon => "horizon",
        Ending::Death => "death",
        Ending::Truncated => "truncated",
        Ending::Record => "record",
    }
}
