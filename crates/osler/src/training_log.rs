//! `training.jsonl` and the picture of its curves. No clock in it: the same run gives the same bytes.

use anyhow::{Context, Result};
use model::{EvaluationReport, StepReport};
use plotters::prelude::*;
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
        let curve = |kind: &str| -> Vec<(f64, f64)> {
            lines
                .iter()
                .filter(|((_, k), _)| k == kind)
                .filter_map(|((step, _), v)| Some((*step as f64, v["losses"]["total"].as_f64()?)))
                .collect()
        };
        draw(&curve("step"), &curve("tuning"), picture)
            .map_err(|error| anyhow::anyhow!("cannot draw {}: {error}", picture.display()))
    }
}

/// Loss by step: training in grey, tuning in blue.
fn draw(train: &[(f64, f64)], tuning: &[(f64, f64)], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let all = || train.iter().chain(tuning).filter(|p| p.1.is_finite());
    let last = all().map(|p| p.0).fold(1.0, f64::max);
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.1), h.max(p.1)));
    if low >= high {
        return Ok(std::fs::write(path, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")?);
    }
    let root = SVGBackend::new(path, (800, 450)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(20)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..last, low..high)?;
    chart.configure_mesh().x_desc("step").y_desc("loss (training grey, tuning blue)").draw()?;
    chart.draw_series(LineSeries::new(train.iter().copied(), RGBColor(170, 170, 170)))?;
    chart.draw_series(LineSeries::new(tuning.iter().copied(), RGBColor(20, 90, 180).stroke_width(2)))?;
    chart.draw_series(tuning.iter().map(|p| Circle::new(*p, 3, RGBColor(20, 90, 180).filled())))?;
    root.present()?;
    Ok(())
}
