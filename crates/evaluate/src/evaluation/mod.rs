//! From predictions to a report: grouped by task and horizon, measured, compared and summed up.

mod answer;
mod fairness;
mod measure;
mod operating;
mod options;
mod outcome;
mod peer;
mod recalibrated;
mod subgroups;
mod task;
mod timed;

pub(crate) use fairness::metric_words;
pub use fairness::{Dimension, FAIRNESS_METRICS, Fairness, Gap, Group};
pub(crate) use measure::estimate;
pub use operating::OperatingPoint;
pub use options::{About, Attribute, Options, SMALL_CELL};
pub use outcome::{
    Comparison, Curves, Difference, Estimate, EvaluationReport, Histogram, Performance, SmoothPoint,
    Subgroup, Summary, TaskReport, Unmeasured,
};
pub use peer::{Beside, Peer};
pub use recalibrated::Recalibrated;
pub use task::{TaskOutcome, evaluate_task};
pub use timed::{IntegratedBrier, TimedPerformance};

use crate::audit::{Auditor, Finding};
use crate::error::{Error, Result};
use crate::tasks::Alteration;
use events::Prediction;
use rayon::prelude::*;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Measures every task and horizon among the predictions.
///
/// A task with too few events is named and counted as such, not measured. Errors: no predictions, a probability
/// that isn't one, a setting that can't be worked with.
pub fn evaluate(predictions: &[Prediction], options: &Options) -> Result<EvaluationReport> {
    options.validate()?;
    if predictions.is_empty() {
        return Err(Error::NoPredictions);
    }
    // f32 horizons are not ordered; their bits are, for numbers of 0 or more.
    let mut groups: BTreeMap<(&SmolStr, u32), Vec<&Prediction>> = BTreeMap::new();
    for prediction in predictions {
        groups.entry((&prediction.task, prediction.horizon_days.to_bits())).or_default().push(prediction);
    }
    let groups: Vec<(&str, f32, Vec<&Prediction>)> =
        groups.into_iter().map(|((task, bits), rows)| (task.as_str(), f32::from_bits(bits), rows)).collect();
    // Plots are for the tasks with the most events.
    let mut by_events: Vec<(usize, usize)> = groups
        .iter()
        .enumerate()
        .map(|(i, (_, _, rows))| (rows.iter().filter(|p| p.boolean_value == Some(true)).count(), i))
        .collect();
    by_events.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut detailed = vec![false; groups.len()];
    for &(_, i) in by_events.iter().take(options.detailed_tasks) {
        detailed[i] = true;
    }
    let mut audit = match &options.audit {
        Some(audit) => audit.clone(),
        None => Auditor::new(predictions, options.detailed_tasks, options.min_events)?.finish(),
    };
    let outcomes = groups
        .par_iter()
        .zip(detailed)
        .map(|((task, horizon_days, rows), detailed)| {
            evaluate_task(task, *horizon_days, rows, detailed, options)
        })
        .collect::<Result<Vec<_>>>()?;
    // What isn't measured at a horizon isn't summed up over several either.
    let measured = groups.iter().zip(&outcomes);
    let measured = measured.filter(|(_, outcome)| matches!(outcome, TaskOutcome::Measured(_)));
    let integrated = timed::integrated_brier(measured.map(|(group, _)| group), options);
    let mut report = assemble(outcomes, options);
    report.integrated_brier = integrated;
    if !options.altered.is_empty() {
        audit.add_altered(altered_findings(&report.tasks));
    }
    report.answer.extend(answer::audit(&audit));
    report.audit = audit;
    Ok(report)
}

fn altered_findings(tasks: &[TaskReport]) -> Vec<Finding> {
    let of_task = |task: &TaskReport| {
        let each = Alteration::ALL.into_iter().filter_map(|a| Some((a, task.altered.get(a.name())?)));
        each.filter_map(|(a, beside)| crate::audit::altered(task, a, beside)).collect::<Vec<_>>()
    };
    tasks.iter().flat_map(of_task).collect()
}

/// Puts measured tasks together, most events first. With [`evaluate_task`] it serves callers who hold one task's
/// predictions in memory at a time.
pub fn assemble(outcomes: Vec<TaskOutcome>, options: &Options) -> EvaluationReport {
    let (mut tasks, mut unmeasured) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            TaskOutcome::Measured(task) => tasks.push(*task),
            TaskOutcome::Unmeasured(task) => unmeasured.push(task),
        }
    }
    tasks.sort_by(|a, b| {
        b.events
            .cmp(&a.events)
            .then_with(|| a.task.cmp(&b.task))
            .then(a.horizon_days.total_cmp(&b.horizon_days))
    });
    peer::correct(&mut tasks);
    let summary = Summary::of(&tasks);
    let mut answer = answer::sentences(&tasks, &unmeasured, &summary, options);
    answer.extend(answer::beside(&tasks, options));
    EvaluationReport {
        format: outcome::FORMAT,
        about: options.about.clone(),
        bootstrap: options.bootstrap,
        min_events: options.min_events,
        small_cell: options.small_cell,
        patients_per_clinician: options.patients_per_clinician,
        answer,
        summary,
        tasks,
        unmeasured,
        integrated_brier: vec![],
        audit: options.audit.clone().unwrap_or_default(),
        silent: None,
    }
}
