//! What an evaluation found: the contents of `report.json`.

use super::fairness::Fairness;
use super::operating::OperatingPoint;
use super::options::About;
use super::peer::Beside;
use super::recalibrated::Recalibrated;
use super::timed::{IntegratedBrier, TimedPerformance};
use crate::audit::Audit;
use crate::bootstrap::Bootstrap;
use crate::error::Result;
use crate::metrics::calibration::CalibrationGroup;
use crate::metrics::delong::DeLong;
use crate::metrics::ranking::CurvePoint;
use crate::metrics::utility::NetBenefit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the report's JSON shape.
pub(super) const FORMAT: u32 = 2;

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// Version of this shape.
    pub format: u32,
    /// Data, model and method.
    pub about: About,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Subjects with the outcome (and without) below which a task isn't measured.
    pub min_events: usize,
    /// The same below which a subgroup is suppressed.
    pub small_cell: usize,
    /// How many patients a clinician is taken to look after.
    pub patients_per_clinician: f64,
    /// What was found, in plain sentences, the most important first.
    pub answer: Vec<String>,
    /// All tasks together.
    pub summary: Summary,
    /// Each task and horizon, most events first.
    pub tasks: Vec<TaskReport>,
    /// Tasks with too few events to measure.
    pub unmeasured: Vec<Unmeasured>,
    /// The Brier score over several horizons, for tasks that have them.
    pub integrated_brier: Vec<IntegratedBrier>,
    /// Leakage and shortcuts that were looked for, and found.
    pub audit: Audit,
    /// What became of logged predictions, in silent running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<crate::silent::Silent>,
}

impl EvaluationReport {
    /// The report as JSON, `report.json`.
    pub fn to_json(&self) -> Result<String> {
        let mut value = serde_json::to_value(self)?;
        value["tripod_ai"] = serde_json::to_value(crate::tripod::items(self))?;
        Ok(serde_json::to_string_pretty(&value)?)
    }

    /// A report from its JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// The report as one self-contained page, `report.html`.
    pub fn to_html(&self) -> String {
        crate::report::html(self)
    }
}

/// A number with its interval, or the reason why there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value on all rows.
    pub value: Option<f64>,
    /// Lower bound.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
    /// Bootstrap draws in which it was undefined, and which the interval leaves out.
    #[serde(default)]
    pub undefined_draws: usize,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How one predictor did on one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Area under the ROC curve, over rows whose outcome is known.
    pub auroc: Estimate,
    /// Average precision (area under the precision–recall curve).
    pub average_precision: Estimate,
    /// Brier score over rows whose outcome is known.
    pub brier: Estimate,
    /// 1 − Brier / Brier of the prevalence.
    pub brier_scaled: Estimate,
    /// Brier score weighted by the inverse probability of censoring, over all rows; equals `brier` when nothing
    /// is censored.
    pub brier_ipcw: Estimate,
    /// Mean negative log-likelihood, in nats.
    pub log_loss: Estimate,
    /// Observed over expected events.
    pub observed_expected: Estimate,
    /// Calibration intercept, slope held at 1.
    pub calibration_intercept: Estimate,
    /// Calibration slope.
    pub calibration_slope: Estimate,
    /// The intercept of the model that has the slope.
    pub recalibration_intercept: Estimate,
    /// Integrated calibration index: mean distance between risk and smooth observed risk.
    pub integrated_calibration_index: Estimate,
}

/// The model against the baseline, on the same rows and the same draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// AUROC, model minus baseline: above 0 the model is better.
    pub auroc: Estimate,
    /// Average precision, model minus baseline.
    pub average_precision: Estimate,
    /// Brier score, model minus baseline: below 0 the model is better.
    pub brier: Estimate,
}

/// The baseline beside the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How the baseline did.
    pub baseline: Performance,
    /// Model minus baseline.
    pub difference: Difference,
    /// DeLong's comparison of the AUROCs, which takes rows as independent.
    pub delong: Option<DeLong>,
}

/// One task at one horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// The task, a label set's name or a code.
    pub task: String,
    /// What it is called.
    pub name: String,
    /// The horizon in days; 0 where the task has its own.
    pub horizon_days: f32,
    /// Rows: subjects at prediction times.
    pub rows: usize,
    /// Distinct subjects.
    pub subjects: usize,
    /// Rows whose outcome isn't known by the horizon.
    pub censored: usize,
    /// Rows whose outcome came true.
    pub events: usize,
    /// Share of events among the rows whose outcome is known; `None` where none is.
    pub prevalence: Option<f64>,
    /// Share of events among all rows by the horizon, censored ones stood in for by those like them.
    pub observed_risk: Option<f64>,
    /// Are calibration and utility weighted by the inverse probability of censoring?
    pub censoring_weighted: bool,
    /// What a reader must know to read this task's numbers.
    pub notes: Vec<String>,
    /// The model.
    pub model: Performance,
    /// The baseline, when every row has its probability.
    pub comparison: Option<Comparison>,
    /// Beside other predictors, where they were given.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// What is left when something is taken from the histories; only for the tasks with the most events.
    #[serde(default)]
    pub altered: BTreeMap<String, Beside>,
    /// By sex and by age.
    pub subgroups: Vec<Subgroup>,
    /// Ranking in time; only for the tasks with the most events, where times and a horizon are known.
    pub timed: Option<TimedPerformance>,
    /// What acting at thresholds would mean; only for the tasks with the most events.
    pub operating: Vec<OperatingPoint>,
    /// What recalibration would bring; only for the tasks with the most events.
    pub recalibrated: Vec<Recalibrated>,
    /// For whom it works less well; only for the tasks with the most events.
    pub fairness: Option<Fairness>,
    /// What the plots are drawn from; only for the tasks with the most events.
    pub curves: Option<Curves>,
}

/// A part of the subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subgroup {
    /// What it is divided by: `sex` or `age`.
    pub by: String,
    /// Which part.
    pub group: String,
    /// Rows whose outcome is known; `None` where a small count could be told from it.
    pub rows: Option<usize>,
    /// Events; `None` where a small count could be told from it.
    pub events: Option<usize>,
    /// Is it too small to be measured?
    pub suppressed: bool,
    /// AUROC of the model.
    pub auroc: Option<Estimate>,
    /// AUROC of the baseline.
    pub baseline_auroc: Option<Estimate>,
    /// Observed over expected events.
    pub observed_expected: Option<Estimate>,
    /// Brier score.
    pub brier: Option<Estimate>,
}

/// What the plots are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// ROC and precision–recall points of the model, highest threshold first; none at a threshold whose outcome is withheld, here and in
    /// all below.
    pub model: Vec<CurvePoint>,
    /// The same of the baseline.
    pub baseline: Vec<CurvePoint>,
    /// Calibration by groups of risk.
    pub calibration: Vec<CalibrationGroup>,
    /// The smooth calibration curve with its band.
    pub smooth: Vec<SmoothPoint>,
    /// How risks are spread.
    pub histogram: Histogram,
    /// Net benefit of the model.
    pub decision: Vec<NetBenefit>,
    /// Net benefit of the baseline.
    pub baseline_decision: Vec<NetBenefit>,
}

/// A point of the smooth calibration curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmoothPoint {
    /// Predicted risk.
    pub predicted: f64,
    /// Smooth observed risk.
    pub observed: f64,
    /// Lower bound of the band at this risk.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
}

/// Shares of rows by risk, in bins of equal width from 0 to `top`. Where few lie in one, they stand in the next
/// below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The upper end of the last bin.
    pub top: f64,
    /// Share of all rows with an event, by bin.
    pub events: Vec<f64>,
    /// Share of all rows without one, by bin.
    pub others: Vec<f64>,
}

/// A task with too few events to measure; counts below the limit are not given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unmeasured {
    /// The task.
    pub task: String,
    /// What it is called.
    pub name: String,
    /// The horizon in days.
    pub horizon_days: f32,
    /// Why it wasn't measured.
    pub reason: String,
}

/// All tasks together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Tasks measured.
    pub tasks: usize,
    /// Median AUROC of the model.
    pub median_auroc: Option<f64>,
    /// Median AUROC of the baseline.
    pub median_baseline_auroc: Option<f64>,
    /// Median of observed over expected.
    pub median_observed_expected: Option<f64>,
    /// Tasks in which the whole interval of the AUROC's difference lies above 0.
    pub better: usize,
    /// Tasks in which it lies below 0.
    pub worse: usize,
    /// Tasks in which it holds 0.
    pub undecided: usize,
}

impl Summary {
    pub(super) fn of(tasks: &[TaskReport]) -> Self {
        let median = |values: Vec<f64>| {
            let mut values = values;
            values.sort_unstable_by(f64::total_cmp);
            (!values.is_empty()).then(|| crate::bootstrap::quantile(&values, 0.5))
        };
        let mut summary = Summary {
            tasks: tasks.len(),
            median_auroc: median(tasks.iter().filter_map(|t| t.model.auroc.value).collect()),
            median_baseline_auroc: median(
                tasks.iter().filter_map(|t| t.comparison.as_ref()?.baseline.auroc.value).collect(),
            ),
            median_observed_expected: median(
                tasks.iter().filter_map(|t| t.model.observed_expected.value).collect(),
            ),
            ..Summary::default()
        };
        for difference in tasks.iter().filter_map(|t| t.comparison.as_ref()).map(|c| &c.difference.auroc) {
            match (difference.low, difference.high) {
                (Some(low), _) if low > 0.0 => summary.better += 1,
                (_, Some(high)) if high < 0.0 => summary.worse += 1,
                (Some(_), Some(_)) => summary.undecided += 1,
                _ => {}
            }
        }
        summary
    }
}
