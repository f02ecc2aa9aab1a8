//! A report as one long table: a row a number, for those who would rather compute with it than read it.

use crate::evaluation::{Estimate, EvaluationReport, Performance, TaskReport};

/// One number of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// What was asked: a task, an attack, a code.
    pub task: String,
    /// The horizon in days, where the task has one.
    pub horizon_days: Option<f32>,
    /// Of whom or of what: `all`, `sex=female`, `threshold=0.05`, `baseline`.
    pub group: String,
    /// Which number.
    pub metric: String,
    /// The number, if it is defined.
    pub value: Option<f64>,
    /// Lower bound of its interval.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
    /// On how many rows or subjects it stands; absent where a small count could be told from it.
    pub n: Option<u64>,
}

impl Measure {
    /// A number with its interval.
    pub(crate) fn of(task: &str, group: &str, metric: &str, estimate: &Estimate, n: Option<usize>) -> Self {
        Measure {
            task: task.to_owned(),
            horizon_days: None,
            group: group.to_owned(),
            metric: metric.to_owned(),
            value: estimate.value,
            low: estimate.low,
            high: estimate.high,
            n: n.map(|n| n as u64),
        }
    }
}

impl EvaluationReport {
    /// Every number with an interval, as rows: tasks in the report's order.
    pub fn measures(&self) -> Vec<Measure> {
        let mut rows = Vec::new();
        for task in &self.tasks {
            let begin = rows.len();
            of_task(task, &mut rows);
            rows[begin..].iter_mut().for_each(|row| row.horizon_days = Some(task.horizon_days));
        }
        for brier in &self.integrated_brier {
            let row = |group, estimate| {
                Measure::of(&brier.task, group, "integrated_brier", estimate, Some(brier.rows))
            };
            rows.push(row("all", &brier.brier));
            rows.extend(brier.baseline.as_ref().map(|baseline| row("baseline", baseline)));
        }
        rows
    }
}

fn of_task(task: &TaskReport, rows: &mut Vec<Measure>) {
    let known = task.rows - task.censored;
    let mut push = |group: &str, metric: &str, estimate: &Estimate, n: Option<usize>| {
        rows.push(Measure::of(&task.task, group, metric, estimate, n));
    };
    let exactly = |value: Option<f64>| Estimate { value, ..Estimate::default() };
    push("all", "events", &exactly(Some(task.events as f64)), Some(task.rows));
    push("all", "censored", &exactly(Some(task.censored as f64)), Some(task.rows));
    push("all", "prevalence", &exactly(task.prevalence), Some(known));
    push("all", "observed_risk", &exactly(task.observed_risk), Some(task.rows));
    for (metric, estimate) in performance(&task.model) {
        push("all", metric, estimate, Some(known));
    }
    if let Some(comparison) = &task.comparison {
        for (metric, estimate) in performance(&comparison.baseline) {
            push("baseline", metric, estimate, Some(known));
        }
        let difference = &comparison.difference;
        for (metric, estimate) in [
            ("auroc", &difference.auroc),
            ("average_precision", &difference.average_precision),
            ("brier", &difference.brier),
        ] {
            push("model − baseline", metric, estimate, Some(known));
        }
    }
    let of_others = task.beside.iter().map(|beside| (beside.name.clone(), beside));
    let of_altered = task.altered.iter().map(|(name, beside)| (format!("altered={name}"), beside));
    for (name, beside) in of_others.chain(of_altered) {
        for (metric, estimate) in performance(&beside.other) {
            push(&name, metric, estimate, Some(beside.rows));
        }
        let difference = &beside.difference;
        for (metric, estimate) in [
            ("auroc", &difference.auroc),
            ("average_precision", &difference.average_precision),
            ("brier", &difference.brier),
        ] {
            push(&format!("model − {name}"), metric, estimate, Some(beside.rows));
        }
    }
    if let Some(timed) = &task.timed {
        push("all", "dynamic_auc", &timed.dynamic_auc, Some(task.rows));
        push("all", "harrell_c", &timed.harrell_c, Some(task.rows));
        push("all", "uno_c", &timed.uno_c, Some(task.rows));
    }
    for point in &task.operating {
        let group = format!("threshold={}", point.threshold);
        for (metric, estimate) in [
            ("flagged_share", &point.flagged_share),
            ("sensitivity", &point.sensitivity),
            ("specificity", &point.specificity),
            ("positive_predictive_value", &point.positive_predictive_value),
            ("negative_predictive_value", &point.negative_predictive_value),
            ("number_needed_to_evaluate", &point.number_needed_to_evaluate),
            ("net_benefit", &point.net_benefit),
            ("alerts_per_clinician_day", &point.alerts_per_clinician_day),
            ("lead_time_days", &point.lead_time_days),
        ] {
            push(&group, metric, estimate, Some(known));
        }
    }
    for recalibrated in &task.recalibrated {
        let group = format!("recalibrated={}", recalibrated.method);
        for (metric, estimate) in performance(&recalibrated.performance) {
            push(&group, metric, estimate, Some(known));
        }
    }
    for part in &task.subgroups {
        let group = format!("{}={}", part.by, part.group);
        let numbers =
            [("auroc", &part.auroc), ("observed_expected", &part.observed_expected), ("brier", &part.brier)];
        for (metric, estimate) in numbers {
            if let Some(estimate) = estimate {
                push(&group, metric, estimate, part.rows);
            }
        }
    }
    for dimension in task.fairness.iter().flat_map(|fairness| &fairness.dimensions) {
        for part in &dimension.groups {
            let group = format!("fairness:{}={}", dimension.by, part.group);
            for (metric, estimate) in &part.metrics {
                push(&group, metric, estimate, part.rows);
            }
        }
        for gap in &dimension.gaps {
            let group = format!("fairness:{}={} − reference", dimension.by, gap.group);
            push(&group, &gap.metric, &gap.difference, None);
        }
    }
}

fn performance(of: &Performance) -> [(&'static str, &Estimate); 11] {
    [
        ("auroc", &of.auroc),
        ("average_precision", &of.average_precision),
        ("brier", &of.brier),
        ("brier_scaled", &of.brier_scaled),
        ("brier_ipcw", &of.brier_ipcw),
        ("log_loss", &of.log_loss),
        ("observed_expected", &of.observed_expected),
        ("calibration_intercept", &of.calibration_intercept),
        ("calibration_slope", &of.calibration_slope),
        ("recalibration_intercept", &of.recalibration_intercept),
        ("integrated_calibration_index", &of.integrated_calibration_index),
    ]
}
