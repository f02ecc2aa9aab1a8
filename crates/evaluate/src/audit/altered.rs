//! What is left of the performance when something is taken from the history?

use super::{Check, Finding, Severity, finding};
use crate::evaluation::{Beside, TaskReport};
use crate::tasks::Alteration;
use crate::words;

/// Share of the AUROC above chance that a model may owe to the last visit before a reader is warned.
const MOST_FROM_LAST_VISIT: f64 = 0.5;

/// `beside` holds the model as it is and, as the other, on the altered history.
pub(crate) fn altered(task: &TaskReport, alteration: Alteration, beside: &Beside) -> Option<Finding> {
    let (whole, rest) = (beside.model.auroc.value?, beside.other.auroc.value?);
    let difference = &beside.difference.auroc;
    let lost = (whole - rest) / (whole - 0.5);
    let is_sure = difference.low.is_some_and(|low| low > 0.0);
    let name = words::task(&task.name, task.horizon_days);
    let numbers = format!(
        "AUROC {} instead of {}, on {} predictions (difference {}{})",
        words::number(rest),
        words::number(whole),
        words::count(beside.rows),
        words::value(difference),
        words::interval(difference).map(|i| format!(", {i}")).unwrap_or_default()
    );
    let (check, severity, what) = match alteration {
        Alteration::ShuffledTimes if is_sure => (
            Check::ShuffledTimes,
            Severity::Note,
            format!("{name}, with the times of the history shuffled: {numbers}."),
        ),
        Alteration::ShuffledTimes => (
            Check::ShuffledTimes,
            Severity::Note,
            format!(
                "{name}, with the times of the history shuffled: {numbers}. Nothing shows that the model uses when things happened."
            ),
        ),
        Alteration::WithoutLastVisit if is_sure && lost > MOST_FROM_LAST_VISIT => (
            Check::LastVisit,
            Severity::Warning,
            format!(
                "{name}, without the last day of the history: {numbers}. Most of what the model knows stands on that day; see that it is not \
                 the outcome's own work-up."
            ),
        ),
        Alteration::WithoutLastVisit => (
            Check::LastVisit,
            Severity::Note,
            format!("{name}, without the last day of the history: {numbers}."),
        ),
    };
    Some(finding(
        check,
        severity,
        Some(&task.task),
        what,
        &[("auroc", whole), ("auroc_altered", rest), ("difference", whole - rest), ("share_lost", lost)],
    ))
}
