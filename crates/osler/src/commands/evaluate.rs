//! `osler evaluate`: predictions to a report.

mod silent;

use super::predict::{ALTERED_DIRECTORY, HORIZON_NAMES, OWN_RATE_FILE};
use crate::manifest::{FileDigest, Kind, Manifest, digest_file};
use crate::measures;
use crate::output::{OutputDirectory, Provenance};
use crate::predictions_file;
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use ::evaluate::audit::{Audit, Auditor, Severity};
use ::evaluate::bootstrap::Bootstrap;
use ::evaluate::silent::Silent;
use ::evaluate::tasks::Alteration;
use ::evaluate::{About, Attribute, EvaluationReport, Options, Peer, tasks};
use anyhow::{Context, Result, bail};
use clap::Args;
use events::{Prediction, Split, meds};
use govern::ledger::Link;
use model::HORIZON_DAYS;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The file of a report that names the registration before it.
pub const REGISTERED: &str = "registered.txt";

/// Measure predictions: discrimination, calibration, alerts, fairness, leakage, with intervals, beside age and sex alone.
///
/// Writes report.html (one file, no network needed), report.json, and report.parquet (one number a row). Intervals are by bootstrap over subjects.
#[derive(Args)]
#[command(after_help = "Examples:
  osler evaluate --events events --out report predictions
  osler evaluate --thresholds 0.05,0.1,0.2 --patients-per-clinician 12 --out report predictions
  osler evaluate --silent --events events --reporting-delay-days 45 --out report log
  osler evaluate --labels events/labels/in_hospital_death --out report predictions
  osler evaluate --events events --registered 17:9f86… --out report predictions    # what `osler model register` printed
  osler evaluate --beside boosting=boosted --beside 'Cox=cox.parquet' --out report predictions")]
pub struct Arguments {
    /// MEDS labels, for predictions that hold none; the task is the predictions' only one.
    #[arg(long)]
    pub labels: Option<PathBuf>,
    /// Another predictor of the same rows, to be compared in pairs: a directory that `osler predict` wrote, or a Parquet file
    /// with MEDS's subject_id and prediction_time, predicted_boolean_probability and, with several tasks, task and
    /// horizon_days. May be given several times.
    #[arg(long, value_name = "NAME=PREDICTIONS", value_parser = named_path)]
    pub beside: Vec<(String, PathBuf)>,
    /// Bootstrap draws; 0 gives no intervals.
    #[arg(long, default_value_t = 500)]
    pub draws: usize,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Tasks that fewer subjects had, or hadn't, are named but not measured. Below 10 for synthetic records alone.
    #[arg(long, default_value_t = Options::default().min_events)]
    pub min_events: usize,
    /// The records that the predictions are about: adds the audit for leakage code by code, and fairness by race,
    /// ethnicity, language and payer.
    #[arg(long, value_name = "DIR")]
    pub events: Option<PathBuf>,
    /// Thresholds of risk at which to say what acting would mean, with commas; by default those that flag the highest 1 to 20 %.
    #[arg(long, value_delimiter = ',', value_name = "RISK")]
    pub thresholds: Vec<f64>,
    /// How many patients one clinician looks after, for alerts per clinician and day.
    #[arg(long, default_value_t = Options::default().patients_per_clinician, value_name = "N")]
    pub patients_per_clinician: f64,
    /// How many days a prediction stands, where neither a later one nor a horizon says.
    #[arg(long, value_name = "DAYS")]
    pub days_per_prediction: Option<f64>,
    /// PREDICTIONS is a log that told nobody anything, a directory to which `osler predict` adds: measure those whose horizon
    /// and --reporting-delay-days lie behind the newest of --events, by what came true there. Run again on newer events, it
    /// brings its report up to date, without --force.
    #[arg(long, requires = "events", conflicts_with = "labels")]
    pub silent: bool,
    /// How many days it takes until what happened is in the records.
    #[arg(long, default_value_t = 30.0, requires = "silent", value_name = "DAYS")]
    pub reporting_delay_days: f64,
    /// The day of the newest data, such as 2026-03-31, instead of the last event's.
    #[arg(long, requires = "silent", value_name = "DAY")]
    pub as_of: Option<String>,
    /// The registration of the criteria that this evaluation is to meet, as `osler model register` printed it. The report holds it, and
    /// so can be shown to be made after it.
    #[arg(long, value_name = "NUMBER:DIGEST")]
    pub registered: Option<Link>,
    /// The report's title.
    #[arg(long)]
    pub title: Option<String>,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
    /// A directory that `osler predict` wrote.
    pub predictions: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let (report, _) = self.evaluate(voice)?;
        if voice.json {
            println!("{}", report.to_json()?);
        }
        Ok(())
    }

    /// Runs it and gives the report.
    pub fn evaluate(&self, voice: Voice) -> Result<(EvaluationReport, Manifest)> {
        let started = Instant::now();
        let logged = match (self.silent, &self.events) {
            (true, Some(events)) => Some(silent::read(self, events, voice)?),
            _ => None,
        };
        let (source, mut predictions) = match &logged {
            Some(logged) => (logged.source.clone(), logged.predictions.clone()),
            None => {
                let source = Manifest::verify(&self.predictions, Kind::Predictions)?;
                (source, predictions_file::read(&self.predictions)?)
            }
        };
        refuse_few(self.min_events, source.synthetic)?;
        if let Some(labels) = &self.labels {
            let tasks: std::collections::BTreeSet<_> = predictions.iter().map(|p| p.task.clone()).collect();
            let [task] = &tasks.into_iter().collect::<Vec<_>>()[..] else {
                bail!("--labels needs predictions of one task; {} holds several", self.predictions.display());
            };
            let labels = meds::read_labels(labels)?;
            let joined = tasks::attach_labels(&mut predictions, task, &labels)?;
            if joined.labels_without_prediction + joined.predictions_without_label > 0 {
                voice.say(format!(
                    "{} labels have no prediction, {} predictions no label",
                    grouped(joined.labels_without_prediction as u64),
                    grouped(joined.predictions_without_label as u64)
                ));
            }
        }
        let (peers, peer_inputs) = self.peers(&predictions)?;
        let altered = if self.silent { Vec::new() } else { self.altered(&predictions)? };
        let of_records = self
            .events
            .as_deref()
            .map(|dir| OfRecords::read(dir, &predictions, self.min_events, voice))
            .transpose()?;
        // A report of silent running is there to be brought up to date.
        let force = self.force || (self.silent && silent::updates(&self.out));
        let output = OutputDirectory::create(&self.out, Kind::Report, force)?;
        let options = Options {
            bootstrap: Bootstrap { draws: self.draws, seed: self.seed, ..Bootstrap::default() },
            min_events: self.min_events,
            thresholds: self.thresholds.clone(),
            patients_per_clinician: self.patients_per_clinician,
            days_per_prediction: self.days_per_prediction,
            peers,
            altered,
            attributes: of_records.as_ref().map(|r| r.attributes.clone()).unwrap_or_default(),
            audit: of_records.as_ref().map(|r| r.audit.clone()),
            about: about(&source, self.title.clone()),
            ..Options::default()
        };
        let mut report = ::evaluate::evaluate(&predictions, &options)?;
        let mut inputs = vec![source.as_input()];
        if let Some(logged) = logged {
            let periods = ::evaluate::silent::periods(&predictions, &options)?;
            report.silent = Some(Silent { periods, ..logged.silent });
            silent::write_counted(output.path(), &predictions)?;
            inputs = logged.inputs;
        }
        for (name, text) in [("report.html", report.to_html()), ("report.json", report.to_json()?)] {
            let path = output.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        measures::write(&output.path().join(measures::FILE), &report.measures())?;
        if let Some(registered) = &self.registered {
            let path = output.path().join(REGISTERED);
            std::fs::write(&path, format!("{registered}\n"))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let manifest = output.finish(Provenance {
            dataset: source.dataset.clone(),
            synthetic: source.synthetic,
            settings: serde_json::json!({
                "beside": options.peers.iter().map(|peer| &peer.name).collect::<Vec<_>>(),
                "draws": self.draws, "seed": self.seed, "min_events": self.min_events, "thresholds": self.thresholds,
                "patients_per_clinician": self.patients_per_clinician, "days_per_prediction": self.days_per_prediction,
                "silent": self.silent, "reporting_delay_days": self.silent.then_some(self.reporting_delay_days), "as_of": self.as_of,
            }),
            inputs: inputs
                .into_iter()
                .chain(of_records.filter(|_| !self.silent).map(|r| r.input))
                .chain(peer_inputs)
                .collect(),
            counts: serde_json::json!({ "predictions": predictions.len(), "tasks": report.tasks.len() }),
            deidentification: None,
        })?;
        for finding in report.audit.findings.iter().filter(|f| f.severity > Severity::Note) {
            voice.say(format!("{}: {}", finding.check.words(), finding.what));
        }
        for task in report.tasks.iter().take(5) {
            voice.say(line(task));
        }
        voice.say(format!(
            "{} tasks measured on {} predictions in {} → {}",
            report.tasks.len(),
            grouped(predictions.len() as u64),
            seconds(started.elapsed()),
            self.out.join("report.html").display()
        ));
        Ok((report, manifest))
    }

    /// The same model on altered histories, where `osler predict --altered` wrote them.
    fn altered(&self, predictions: &[Prediction]) -> Result<Vec<(Alteration, Peer)>> {
        let dir = self.predictions.join(ALTERED_DIRECTORY);
        let files = Alteration::ALL.map(|a| (a, dir.join(a.name()).with_extension("parquet")));
        files
            .into_iter()
            .filter(|(_, file)| file.is_file())
            .map(|(a, file)| Ok((a, Peer::new(a.name(), &meds::read_predictions(&file)?, predictions)?)))
            .collect()
    }

    /// The other predictors, and where they are from.
    fn peers(&self, predictions: &[Prediction]) -> Result<(Vec<Peer>, Vec<FileDigest>)> {
        let (mut peers, mut inputs) = (Vec::new(), Vec::new());
        let own_rate = self.predictions.join(OWN_RATE_FILE);
        if !self.silent && !predictions.is_empty() && own_rate.is_file() {
            peers.push(Peer::new("own rate so far", &meds::read_predictions(&own_rate)?, predictions)?);
        }
        for (name, path) in &self.beside {
            if peers.iter().any(|p: &Peer| p.name == *name) {
                bail!("two predictors are called `{name}`; give each a name of its own");
            }
            let file = if path.is_dir() {
                inputs.push(Manifest::verify(path, Kind::Predictions)?.as_input());
                predictions_file::path(path)?
            } else {
                let (bytes, blake3) = digest_file(path)?;
                inputs.push(FileDigest { path: "predictions of another".to_owned(), bytes, blake3 });
                path.clone()
            };
            peers.push(Peer::new(name, &meds::read_predictions(&file)?, predictions)?);
        }
        Ok((peers, inputs))
    }
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.trim().is_empty() && !path.is_empty() => {
            Ok((name.trim().to_owned(), path.into()))
        }
        _ => Err("write NAME=PREDICTIONS, such as boosting=boosted".to_owned()),
    }
}

/// Systems whose undated codes group subjects, and what they are called.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("RACE", "race"),
    ("ETHNICITY", "ethnicity"),
    ("LANGUAGE", "language"),
    ("PAYER", "payer"),
    ("SITE", "site"),
];

/// What the records add to an evaluation.
struct OfRecords {
    audit: Audit,
    attributes: Vec<Attribute>,
    input: FileDigest,
}

impl OfRecords {
    fn read(dir: &Path, predictions: &[Prediction], min_events: usize, voice: Voice) -> Result<Self> {
        let records = Records::open(dir)?;
        let mut auditor = Auditor::new(predictions, Options::default().detailed_tasks, min_events)?;
        let mut attributes: Vec<Attribute> = ATTRIBUTES
            .iter()
            .map(|(_, name)| Attribute { name: (*name).to_owned(), ..Attribute::default() })
            .collect();
        let predicted: HashSet<i64> = predictions.iter().map(|p| p.subject_id).collect();
        let mut seen = 0;
        let bar = voice.count("auditing", Split::ALL.iter().map(|s| records.count(*s)).sum());
        for split in Split::ALL {
            for subject in records.subjects(split)? {
                let subject = subject?;
                auditor.subject(split, &subject);
                bar.add(1);
                if !predicted.contains(&subject.id) {
                    continue;
                }
                seen += 1;
                for event in subject.events() {
                    let of = ATTRIBUTES.iter().position(|(system, _)| event.code.system() == *system);
                    if let (Some(of), Some(group)) = (of, event.code.local()) {
                        // Of several, the first in canonical order: undated before dated.
                        attributes[of].group_of.entry(subject.id).or_insert_with(|| group.into());
                    }
                }
            }
        }
        drop(bar);
        if seen < predicted.len() {
            bail!(
                "{} of {} predicted subjects are not in {}; give the events that were predicted from",
                grouped((predicted.len() - seen) as u64),
                grouped(predicted.len() as u64),
                dir.display()
            );
        }
        attributes.retain(|a| !a.group_of.is_empty());
        Ok(OfRecords { audit: auditor.finish(), attributes, input: records.manifest.as_input() })
    }
}

/// One task in one line.
fn line(task: &::evaluate::TaskReport) -> String {
    let estimate = |e: &::evaluate::Estimate| match (e.value, e.low, e.high) {
        (Some(v), Some(l), Some(h)) => format!("{v:.3} [{l:.3}, {h:.3}]"),
        (Some(v), ..) => format!("{v:.3}"),
        _ => "–".to_owned(),
    };
    let mut line = match task.name == task.task || task.name.is_empty() {
        true => task.task.clone(),
        false => format!("{} ({})", task.name, task.task),
    };
    if task.horizon_days > 0.0 {
        let known = HORIZON_DAYS.iter().position(|days| *days as f32 == task.horizon_days);
        line += &known.map_or_else(
            || format!(", {} days", task.horizon_days),
            |place| format!(", {}", HORIZON_NAMES[place]),
        );
    }
    line += &format!(": AUROC {}", estimate(&task.model.auroc));
    if let Some(comparison) = &task.comparison {
        line += &format!(" (age+sex {})", estimate(&comparison.baseline.auroc));
    }
    for beside in &task.beside {
        line += &format!(
            "; beside {}, on {} rows of both: {} and {}, difference {}",
            beside.name,
            grouped(beside.rows as u64),
            estimate(&beside.model.auroc),
            estimate(&beside.other.auroc),
            estimate(&beside.difference.auroc)
        );
    }
    line
}

/// What came of a few people isn't told, but of synthetic ones, who are nobody.
fn refuse_few(min_events: usize, synthetic: bool) -> Result<()> {
    let smallest = Options::default().small_cell;
    if min_events < smallest && !synthetic {
        bail!(
            "--min-events must be {smallest} or more: what came of fewer people isn't told, but of synthetic ones"
        );
    }
    Ok(())
}

fn about(source: &Manifest, title: Option<String>) -> About {
    let text = |key: &str| source.settings[key].as_str().unwrap_or_default().to_owned();
    let descriptions: BTreeMap<String, String> =
        serde_json::from_value(source.settings["descriptions"].clone()).unwrap_or_default();
    About {
        title: title.unwrap_or_default(),
        dataset: source.dataset.clone(),
        synthetic: source.synthetic,
        model: text("model"),
        model_digest: text("model_digest"),
        split: text("split_text"),
        prediction_times: text("prediction_times"),
        outcomes: text("outcomes"),
        baseline: text("baseline"),
        // The time of the predictions, not of the report: the same input gives the same bytes.
        made: source.finished.clone(),
        tool: format!("osler {}", env!("CARGO_PKG_VERSION")),
        descriptions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_a_few_is_told_of_nobody_but_synthetic_people() {
        assert!(refuse_few(9, false).unwrap_err().to_string().contains("--min-events must be 10"));
        assert!(refuse_few(10, false).is_ok() && refuse_few(1, true).is_ok());
    }
}
