//! `training.jsonl` and the picture of its curves. No clock in it: the same run gives the same bytes.

use crate::training_curves::{self, Panel};
use anyhow::{Context, Result};
use model::{EvaluationReport, StepReport};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A log that grows while a run goes on, and that a resumed run goes on with.
pub struct TrainingLog {
    path: PathBuf,
    file: File,
}

impl TrainingLog {
    /// Opens or begins a log.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(TrainingLog { path: path.to_owned(), file })
    }

    /// One step.
    pub fn step(&mut self, report: &StepReport) -> Result<()> {
        self.line("step", serde_json::to_value(report)?)
    }

    /// One evaluation on the tuning split.
    pub fn evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        self.line("tuning", serde_json::to_value(report)?)
    }

    fn line(&mut self, kind: &str, mut value: serde_json::Value) -> Result<()> {
        value["kind"] = kind.into();
        writeln!(self.file, "{value}").with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Closes the log: lines that a resumed run wrote again are kept once, and the curves are drawn.
    pub fn finish(self, path: &Path, picture: &Path) -> Result<()> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines: BTreeMap<(u64, String), serde_json::Value> = BTreeMap::new();
        // A line that a kill cut short is one that the resumed run wrote again.
        for value in text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            if let (Some(step), Some(kind)) = (value["step"].as_u64(), value["kind"].as_str()) {
                lines.insert((step, kind.to_owned()), value);
            }
        }
        let mut out = String::new();
        for value in lines.values() {
            out += &format!("{value}\n");
        }
        std::fs::write(path, out).with_context(|| format!("cannot write {}", path.display()))?;
        let curve = |kind: &str, number: &dyn Fn(&serde_json::Value) -> Option<f64>| -> Vec<(f64, f64)> {
            lines
                .iter()
                .filter(|((_, k), _)| k == kind)
                .filter_map(|((step, _), value)| Some((*step as f64, number(value)?)))
                .collect()
        };
        let mut panels: Vec<Panel> = PARTS
            .into_iter()
            .map(|(part, title)| {
                let loss = move |value: &serde_json::Value| value["losses"][part].as_f64();
                Panel { title, training: curve("step", &loss), tuning: curve("tuning", &loss) }
            })
            .collect();
        let rate = |value: &serde_json::Value| value["learning_rate"].as_f64();
        panels.push(Panel { title: "learning rate", training: curve("step", &rate), tuning: Vec::new() });
        let improved = |value: &serde_json::Value| value["improved"].as_bool()?.then_some(1.0);
        let best = curve("tuning", &improved).last().map(|(step, _)| *step);
        training_curves::draw(&panels, best, picture)
            .map_err(|error| anyhow::anyhow!("cannot draw {}: {error}", picture.display()))
    }
}

/// The parts of the loss, by their names in the log.
const PARTS: [(&str, &str); 6] = [
    ("total", "loss"),
    ("code", "which code, per token"),
    ("time", "waiting time, per wait"),
    ("value", "value, per value"),
    ("risk", "horizon risk, per position"),
    ("task", "tasks, per label"),
];
