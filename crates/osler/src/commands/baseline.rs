//! `osler baseline`: gradient boosting on counts, for the very rows that a model predicted.

use super::moments::{Learned, Moments};
use super::threads;
use crate::broader;
use crate::manifest::{Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::predictions_file;
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use ::evaluate::baseline::{CountColumns, CountColumnsBuilder};
use ::evaluate::metrics::censoring::{CensoringCurve, FollowUp};
use ::evaluate::metrics::{Scored, ranking};
use ::evaluate::tasks::{Landmark, OnsetTask, SubjectTimeline};
use anyhow::{Result, bail};
use clap::Args;
use events::meds::PredictionWriter;
use events::{Prediction, Split, Subject};
use model::{BoostedTrees, MOST_NUMBERS, ReadoutOptions, Rows};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;
use timeline::Hierarchy;

/// Most columns of counts.
const MOST_COLUMNS: usize = 2048;
/// Share of the training rows that must have a code for it to be counted, and how many at least.
const CODE_SHARE: f64 = 0.005;
const CODE_ROWS: usize = 20;

/// Gradient boosting on counts of codes, to be set beside a model: the baseline that it has to beat.
///
/// For each task and horizon of PREDICTIONS boosted trees are fitted on the training and tuning subjects of EVENTS and asked
/// at the rows of PREDICTIONS. A row holds age and, of each code, how often, how lately, and the last, mean, lowest and
/// highest number. How many trees is decided by cross-validation; who left observation early is made up for by
/// weights. Nobody who is asked about is learned from. Takes up to about 1 GB.
#[derive(Args)]
#[command(after_help = "Examples:
  osler baseline --like predictions --out boosted events
  osler baseline --like predictions --at events/labels/index_date --out boosted events
  osler baseline --like predictions --labels a/labels/in_hospital_death --out boosted a
  osler evaluate --beside boosting=boosted --out report predictions")]
pub struct Arguments {
    /// A directory that `osler predict` wrote: the questions, and the rows to answer.
    #[arg(long, value_name = "PREDICTIONS")]
    pub like: PathBuf,
    /// MEDS labels of the training subjects, for predictions of a task with labels.
    #[arg(long, conflicts_with = "at")]
    pub labels: Option<PathBuf>,
    /// Learn at the times of these MEDS labels instead of at random visits; what the labels say is not looked at.
    #[arg(long)]
    pub at: Option<PathBuf>,
    /// Random visits of each training subject to learn from.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub visits: u64,
    /// The records of those who are asked about, where they are not in EVENTS.
    #[arg(long, value_name = "EVENTS")]
    pub asked: Option<PathBuf>,
    /// Trees at most.
    #[arg(long, default_value_t = ReadoutOptions::default().boosted_trees, value_name = "N")]
    pub trees: usize,
    /// Seed of visits, folds and trees.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; the result does not depend on them. All by default.
    #[arg(long)]
    pub threads: Option<usize>,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote, to learn from.
    pub events: PathBuf,
}

/// Task, and the bits of its horizon in days.
type Question = (SmolStr, u32);

/// The trees of one question, and what cross-validation says of them.
struct Fitted {
    trees: BoostedTrees,
    auroc: f64,
    rows: usize,
}

/// What is learned from.
struct Training {
    columns: CountColumns,
    /// `[rows, columns]`.
    matrix: Vec<f32>,
    subjects: Vec<i64>,
    /// By question, then by row; `None` where a row isn't at risk.
    outcomes: BTreeMap<Question, Vec<Option<FollowUp>>>,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let manifest = self.baseline(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    fn baseline(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let source = Manifest::verify(&self.like, Kind::Predictions)?;
        let predictions = predictions_file::read(&self.like)?;
        if predictions.is_empty() {
            bail!("{} holds no predictions", self.like.display());
        }
        let records = Records::open(&self.events)?;
        let asked = self.asked.as_deref().map(Records::open).transpose()?;
        let output = OutputDirectory::create(&self.out, Kind::Predictions, self.force)?;
        output.keep_like(&self.events)?;
        let training = self.training(&predictions, &records, voice)?;
        let (trees, unanswered) = self.fit(&training, voice)?;
        let answered =
            answer(&predictions, &training.columns, &trees, asked.as_ref().unwrap_or(&records), voice)?;
        if answered.is_empty() {
            bail!(
                "no question could be answered: too few training subjects have the outcomes, or the subjects of {} are in neither \
                 data set",
                self.like.display()
            );
        }
        let mut writer = PredictionWriter::create(&output.path().join("predictions.parquet"))?;
        writer.write(&answered)?;
        writer.finish()?;
        let mut settings = source.settings.clone();
        settings["model"] = format!(
            "Gradient boosting on {} columns of counts, {} rows of {}",
            grouped(training.columns.width() as u64),
            grouped(training.subjects.len() as u64),
            records.manifest.dataset
        )
        .into();
        settings["model_digest"] = "".into();
        settings["boosting"] = serde_json::json!({
            "visits": self.visits, "trees_at_most": self.trees, "seed": self.seed,
            "questions": trees.iter().map(|((task, bits), of)| serde_json::json!({
                "task": task, "horizon_days": f32::from_bits(*bits), "rows": of.rows, "trees": of.trees.trees,
                "cross_validated_auroc": of.auroc,
            })).collect::<Vec<_>>(),
        });
        let manifest = output.finish(Provenance {
            dataset: source.dataset.clone(),
            synthetic: source.synthetic || records.manifest.synthetic,
            settings,
            inputs: [
                Some(source.as_input()),
                Some(records.manifest.as_input()),
                asked.map(|a| a.manifest.as_input()),
            ]
            .into_iter()
            .flatten()
            .collect(),
            counts: serde_json::json!({
                "predictions": answered.len(), "questions": trees.len(), "unanswered": unanswered,
                "training_rows": training.subjects.len(), "columns": training.columns.width(),
            }),
            deidentification: None,
        })?;
        voice.say(format!(
            "{} predictions by boosting in {} → {}",
            grouped(answered.len() as u64),
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }

    fn training(&self, predictions: &[Prediction], records: &Records, voice: Voice) -> Result<Training> {
        let asked_about: HashSet<i64> = predictions.iter().map(|p| p.subject_id).collect();
        let questions: BTreeMap<Question, ()> =
            predictions.iter().map(|p| ((p.task.clone(), p.horizon_days.to_bits()), ())).collect();
        let questions: Vec<Question> = questions.into_keys().collect();
        let supervised = questions.iter().any(|(_, bits)| f32::from_bits(*bits) <= 0.0);
        if supervised != self.labels.is_some() || (supervised && questions.len() > 1) {
            bail!(
                "predictions of one task with labels need --labels, the labels of the training subjects; predictions of onsets \
                 take none"
            );
        }
        let stated = [&self.labels, &self.at].into_iter().flatten().next();
        let shortest =
            questions.iter().map(|(_, bits)| f64::from(f32::from_bits(*bits))).fold(f64::INFINITY, f64::min);
        let learned = Learned { records, splits: &[Split::Train, Split::Tuning], but: &asked_about };
        let moments = Moments::new(&learned, stated, (self.visits, self.seed), shortest)?;
        let each = |visit: &mut dyn FnMut(&Subject) -> Result<()>| learned.each(visit);
        let bar = voice.count("counting", 2 * learned.count());
        let (mut builder, mut rows) = (CountColumnsBuilder::default(), 0);
        each(&mut |subject| {
            for (time, _) in moments.of(subject) {
                builder.add(subject, time);
                rows += 1;
            }
            bar.add(1);
            Ok(())
        })?;
        if rows == 0 {
            bail!(
                "{} holds no training subject with a moment to learn from, apart from those who are asked about",
                self.events.display()
            );
        }
        let fewest = ((CODE_SHARE * rows as f64) as usize).max(CODE_ROWS);
        let columns = builder.build(fewest, MOST_COLUMNS.min((MOST_NUMBERS / rows).max(1)));
        let mut training = Training {
            matrix: vec![0.0; rows * columns.width()],
            subjects: Vec::with_capacity(rows),
            outcomes: questions.iter().map(|q| (q.clone(), Vec::with_capacity(rows))).collect(),
            columns,
        };
        let tasks: BTreeMap<Question, OnsetTask> = questions.iter().map(|q| (q.clone(), onset(q))).collect();
        let hierarchy = Hierarchy::new(&records.codes);
        let broader = broader::by_classification(&hierarchy);
        each(&mut |subject| {
            let timeline = SubjectTimeline::new(subject, &broader);
            for (time, label) in moments.of(subject) {
                let width = training.columns.width();
                let row = training.subjects.len() * width;
                training.columns.write(subject, time, &mut training.matrix[row..row + width]);
                training.subjects.push(subject.id);
                for (question, outcomes) in &mut training.outcomes {
                    outcomes.push(match supervised {
                        true => label.map(|value| FollowUp { outcome: Some(value), observed_days: 0.0 }),
                        false => timeline
                            .label(time, &tasks[question])
                            .map(|l| FollowUp { outcome: l.boolean_value, observed_days: l.observed_days }),
                    });
                }
            }
            bar.add(1);
            Ok(())
        })?;
        Ok(training)
    }

    /// Trees by question, and how many questions have too few outcomes to learn from.
    fn fit(&self, training: &Training, voice: Voice) -> Result<(BTreeMap<Question, Fitted>, usize)> {
        let options = ReadoutOptions {
            boosted_trees: self.trees,
            seed: self.seed,
            threads: threads(self.threads),
            ..ReadoutOptions::default()
        };
        let bar = voice.count("boosting", training.outcomes.len() as u64);
        let width = training.columns.width();
        let (mut fitted, mut unanswered) = (BTreeMap::new(), 0);
        for (question, outcomes) in &training.outcomes {
            let at_risk: Vec<(usize, FollowUp)> =
                outcomes.iter().enumerate().filter_map(|(row, o)| Some((row, (*o)?))).collect();
            let follow_up: Vec<FollowUp> = at_risk.iter().map(|(_, f)| *f).collect();
            let horizon = f64::from(f32::from_bits(question.1));
            let weights = match follow_up.iter().all(|f| f.outcome.is_some()) {
                true => vec![1.0; follow_up.len()],
                false => CensoringCurve::fit(&follow_up, horizon).weights(&follow_up, horizon),
            };
            let known: Vec<(usize, bool, f32)> = at_risk
                .iter()
                .zip(&weights)
                .filter_map(|((row, f), w)| Some((*row, f.outcome?, *w as f32)))
                .filter(|(.., w)| *w > 0.0)
                .collect();
            let matrix: Vec<f32> = known
                .iter()
                .flat_map(|(row, ..)| &training.matrix[row * width..][..width])
                .copied()
                .collect();
            let labels: Vec<bool> = known.iter().map(|k| k.1).collect();
            let rows = Rows {
                matrix: &matrix,
                width,
                labels: &labels,
                weights: &known.iter().map(|k| k.2).collect::<Vec<_>>(),
                subjects: &known.iter().map(|k| training.subjects[k.0]).collect::<Vec<_>>(),
            };
            match BoostedTrees::fit(rows, &options) {
                Ok(trees) => {
                    let auroc = ranking::auroc(&Scored::from_pairs(&trees.out_of_fold, &labels)?);
                    fitted.insert(question.clone(), Fitted { trees, auroc, rows: labels.len() });
                }
                // Too few of one outcome for every fold.
                Err(model::Error::Data(_)) => unanswered += 1,
                Err(error) => return Err(error.into()),
            }
            bar.add(1);
        }
        drop(bar);
        if unanswered > 0 {
            voice.say(format!(
                "{} of {} questions have too few outcomes among the training subjects and stay unanswered",
                grouped(unanswered as u64),
                grouped(training.outcomes.len() as u64)
            ));
        }
        Ok((fitted, unanswered))
    }
}

fn onset((task, bits): &Question) -> OnsetTask {
    // When it is asked is decided elsewhere.
    let landmark = Landmark::EventIndex { index: 0 };
    OnsetTask::of_name(task, f64::from(f32::from_bits(*bits)), landmark)
}

/// The rows of the predictions, with the trees' probability in the model's place.
fn answer(
    predictions: &[Prediction],
    columns: &CountColumns,
    trees: &BTreeMap<Question, Fitted>,
    records: &Records,
    voice: Voice,
) -> Result<Vec<Prediction>> {
    let mut by_subject: HashMap<i64, Vec<&Prediction>> = HashMap::new();
    for prediction in predictions {
        by_subject.entry(prediction.subject_id).or_default().push(prediction);
    }
    let bar = voice.count("predicting", by_subject.len() as u64);
    let mut answered = Vec::with_capacity(predictions.len());
    let mut row = vec![0.0; columns.width()];
    for split in Split::ALL {
        for subject in records.subjects(split)? {
            let subject = subject?;
            let Some(mut asked) = by_subject.remove(&subject.id) else { continue };
            asked.sort_by_key(|p| p.prediction_time);
            let mut at = None;
            for prediction in asked {
                let Some(trees) = trees.get(&(prediction.task.clone(), prediction.horizon_days.to_bits()))
                else {
                    continue;
                };
                if at != Some(prediction.prediction_time) {
                    columns.write(&subject, prediction.prediction_time, &mut row);
                    at = Some(prediction.prediction_time);
                }
                answered.push(Prediction {
                    predicted_boolean_probability: trees.trees.probability(&row)?,
                    ..prediction.clone()
                });
            }
            bar.add(1);
        }
    }
    Ok(answered)
}
