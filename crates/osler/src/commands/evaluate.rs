//! `osler evaluate`: predictions to a report.

use crate::manifest::{Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use ::evaluate::bootstrap::Bootstrap;
use ::evaluate::{About, EvaluationReport, Options, tasks};
use anyhow::{Context, Result, bail};
use clap::Args;
use events::meds;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// Measure predictions: discrimination, calibration, intervals, beside age and sex alone.
///
/// Writes report.html (one file, no network needed) and report.json. Intervals are by bootstrap over subjects.
#[derive(Args)]
#[command(after_help = "Examples:
  osler evaluate --out report predictions
  osler evaluate --labels events/labels/in_hospital_death --out report predictions")]
pub struct Arguments {
    /// MEDS labels, for predictions that hold none; the task is the predictions' only one.
    #[arg(long)]
    pub labels: Option<PathBuf>,
    /// Bootstrap draws; 0 gives no intervals.
    #[arg(long, default_value_t = 500)]
    pub draws: usize,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Tasks with fewer events, or fewer non-events, are named but not measured.
    #[arg(long, default_value_t = Options::default().min_events)]
    pub min_events: usize,
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
        let source = Manifest::verify(&self.predictions, Kind::Predictions)?;
        let file = self.predictions.join("predictions.parquet");
        let mut predictions = meds::read_predictions(&file)?;
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
        let output = OutputDirectory::create(&self.out, Kind::Report, self.force)?;
        let options = Options {
            bootstrap: Bootstrap { draws: self.draws, seed: self.seed, ..Bootstrap::default() },
            min_events: self.min_events,
            about: about(&source, self.title.clone()),
            ..Options::default()
        };
        let report = ::evaluate::evaluate(&predictions, &options)?;
        for (name, text) in [("report.html", report.to_html()), ("report.json", report.to_json()?)] {
            let path = output.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let manifest = output.finish(Provenance {
            dataset: source.dataset.clone(),
            synthetic: source.synthetic,
            settings: serde_json::json!({ "draws": self.draws, "seed": self.seed, "min_events": self.min_events }),
            inputs: vec![source.as_input()],
            counts: serde_json::json!({ "predictions": predictions.len(), "tasks": report.tasks.len() }),
            deidentification: None,
        })?;
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
}

/// One task in one line.
fn line(task: &::evaluate::TaskReport) -> String {
    let estimate = |e: &::evaluate::Estimate| match (e.value, e.low, e.high) {
        (Some(v), Some(l), Some(h)) => format!("{v:.3} [{l:.3}, {h:.3}]"),
        (Some(v), ..) => format!("{v:.3}"),
        _ => "–".to_owned(),
    };
    let mut line = format!("{}: AUROC {}", task.task, estimate(&task.model.auroc));
    if let Some(comparison) = &task.comparison {
        line += &format!(" (age+sex {})", estimate(&comparison.baseline.auroc));
    }
    line
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
