//! `osler label`: a task and events to MEDS labels.

use crate::manifest::{FileDigest, Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use ::evaluate::tasks::{
    AcesTask, NothingBroader, OnsetTask, StudyWindow, SubjectTimeline, TaskFile, prediction_times,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use events::{Label, Split, Subject, meds};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// State a task's labels: for whom, when, and what came true.
///
/// FILE is a task in the language of ACES (predicates, trigger, windows; what MEDS-DEV uses), or one of Osler's own for the
/// onset of a condition. What isn't understood is refused with its line. Writes labels.parquet with MEDS's label columns.
#[derive(Args)]
#[command(after_help = "Examples:
  osler label --task readmission.yaml --out labels/readmission events
  osler label --task mortality.yaml --predicates predicates.yaml --out labels/mortality events

A task of Osler's own:
  onset:
    prefixes: [ICD10CM//E11]     # beginnings of codes; `codes` lists whole ones
    horizon_days: 365
    gap_days: 30                 # optional
    lookback_days: 730           # optional; all of the record when absent
    again: true                  # optional; asks those who have had it, when it comes again
    prediction_times: {every_years: 1, minimum_history_days: 180}
                                 # or event: N, ages: [..], date: YYYY-MM-DD, random_visit: true")]
pub struct Arguments {
    /// The task, a YAML file.
    #[arg(long, value_name = "FILE")]
    pub task: PathBuf,
    /// Predicates of this data set that replace or complete an ACES task's own, a YAML file.
    #[arg(long, value_name = "FILE")]
    pub predicates: Option<PathBuf>,
    /// Seed of random prediction times.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The directory to write; its name is the task's.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler ingest` wrote.
    pub events: PathBuf,
}

/// The largest share of prediction times without a known outcome that goes without a caution.
const MOST_UNKNOWN: f64 = 0.05;

/// A task ready to be asked of subjects.
enum Task {
    Aces(AcesTask),
    Onset(OnsetTask, u64),
}

impl Task {
    /// One subject's labels, and how many prediction times had no known outcome.
    fn labels(&self, subject: &Subject) -> (Vec<Label>, u64) {
        match self {
            Task::Aces(task) => (task.labels(subject), 0),
            Task::Onset(task, seed) => {
                let timeline = SubjectTimeline::new(subject, &NothingBroader);
                let (mut labels, mut censored) = (vec![], 0);
                for time in prediction_times(subject, &task.landmark, *seed) {
                    match timeline.label(time, task).map(|l| l.boolean_value) {
                        Some(Some(boolean_value)) => {
                            labels.push(Label {
                                subject_id: subject.id,
                                prediction_time: time,
                                boolean_value,
                            });
                        }
                        Some(None) => censored += 1,
                        None => {}
                    }
                }
                (labels, censored)
            }
        }
    }
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let manifest = self.label(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    fn label(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let task = read(&self.task)?;
        let predicates = self.predicates.as_deref().map(read).transpose()?;
        let parsed = TaskFile::parse(&task, predicates.as_deref())
            .with_context(|| format!("{} can't be used", self.task.display()))?;
        let records = Records::open(&self.events)?;
        let name = self.out.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let task = self.resolve(parsed, &name, &records)?;
        let output = OutputDirectory::create(&self.out, Kind::Labels, self.force)?;
        output.keep_like(&self.events)?;
        let bar = voice.count("labelling", Split::ALL.iter().map(|s| records.count(*s)).sum());
        let (mut labels, mut censored, mut subjects) = (Vec::new(), 0, 0);
        for split in Split::ALL {
            for subject in records.subjects(split)? {
                let subject = subject?;
                let (made, unknown) = task.labels(&subject);
                subjects += u64::from(!made.is_empty());
                labels.extend(made);
                censored += unknown;
                bar.add(1);
            }
        }
        drop(bar);
        if labels.is_empty() && censored > 0 {
            bail!(
                "of {} prediction times in {} the outcome isn't known, and of no other: observation ends before the horizon; a shorter \
                 horizon, or earlier prediction times, can be labelled",
                grouped(censored),
                self.events.display()
            );
        }
        if labels.is_empty() {
            bail!(
                "the task finds nobody in {}; are its codes written as this data set writes them (see metadata/codes.parquet)?",
                self.events.display()
            );
        }
        labels.sort_by_key(|l| (l.subject_id, l.prediction_time, l.boolean_value));
        meds::write_labels(&output.path().join("labels.parquet"), &labels)?;
        let positive = labels.iter().filter(|l| l.boolean_value).count();
        let mut inputs = vec![records.manifest.as_input(), input(&self.task, "task")?];
        if let Some(predicates) = &self.predicates {
            inputs.push(input(predicates, "predicates")?);
        }
        let manifest = output.finish(Provenance {
            dataset: records.manifest.dataset.clone(),
            synthetic: records.manifest.synthetic,
            settings: serde_json::json!({ "task": name, "seed": self.seed }),
            inputs,
            counts: serde_json::json!({
                "labels": labels.len(), "true": positive, "subjects": subjects, "censored": censored,
            }),
            deidentification: None,
        })?;
        let unknown = match censored {
            0 => String::new(),
            n => format!("; {} prediction times whose outcome isn't known have none", grouped(n)),
        };
        voice.say(format!(
            "{} labels of {} subjects, {} true{unknown}, in {} → {}",
            grouped(labels.len() as u64),
            grouped(subjects),
            grouped(positive as u64),
            seconds(started.elapsed()),
            self.out.display()
        ));
        let asked = labels.len() as u64 + censored;
        if censored as f64 > MOST_UNKNOWN * asked as f64 {
            voice.say(format!(
                "Caution: of {} of {} prediction times the outcome isn't known. Outcomes that come early are known sooner than that they \
                 don't come: the share of true labels is too high, and risks learned from them will be. Take a shorter horizon, or \
                 earlier prediction times; or predict a code's own risk (osler predict --codes), which allows for who left.",
                grouped(censored),
                grouped(asked)
            ));
        }
        if positive == 0 {
            voice.say(
                "Caution: no label is true. Are the task's codes written as this data set writes them (see metadata/codes.parquet)?",
            );
        }
        Ok(manifest)
    }

    fn resolve(&self, parsed: TaskFile, name: &str, records: &Records) -> Result<Task> {
        let file = match parsed {
            TaskFile::Aces(task) => return Ok(Task::Aces(task)),
            TaskFile::Onset(file) => file,
        };
        let mut window: Option<StudyWindow> = None;
        if file.needs_study_window() {
            for split in Split::ALL {
                for subject in records.subjects(split)? {
                    let subject = subject?;
                    if let Some(own) = StudyWindow::of([&*subject]) {
                        let all = window.get_or_insert(own);
                        *all = StudyWindow { start: all.start.min(own.start), end: all.end.max(own.end) };
                    }
                }
            }
        }
        Ok(Task::Onset(file.resolve(name, window), self.seed))
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn input(path: &Path, name: &str) -> Result<FileDigest> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(FileDigest {
        path: name.to_owned(),
        bytes: bytes.len() as u64,
        blake3: blake3::hash(&bytes).to_hex().to_string(),
    })
}
