//! The answer first: what was found, in sentences that a physician can act on.

use super::options::Options;
use super::outcome::{Estimate, Summary, TaskReport, Unmeasured};
use super::peer::tallies;
use crate::audit::{Audit, Severity};
use crate::words;

pub(super) fn sentences(
    tasks: &[TaskReport],
    unmeasured: &[Unmeasured],
    summary: &Summary,
    options: &Options,
) -> Vec<String> {
    let mut said = match tasks {
        [] => vec![format!(
            "Nothing could be measured: no outcome had at least {} subjects with an event and as many without.",
            options.min_events
        )],
        [task] => of_one(task, options),
        [most_events, ..] => {
            let mut said = vec![of_many(summary)];
            said.extend(levels_far_off(tasks));
            said.extend(of_one(most_events, options));
            said
        }
    };
    if !unmeasured.is_empty() && !tasks.is_empty() {
        let n = unmeasured.len();
        said.push(format!(
            "{} further {} too few events to be measured.",
            words::count(n),
            if n == 1 { "outcome has" } else { "outcomes have" }
        ));
    }
    said
}

fn of_many(summary: &Summary) -> String {
    let mut text = format!("{} outcomes and horizons were measured", words::count(summary.tasks));
    if let Some(auroc) = summary.median_auroc {
        text.push_str(&format!("; the model's median AUROC is {}", words::number(auroc)));
        if let Some(baseline) = summary.median_baseline_auroc {
            text.push_str(&format!(", against {} from age and sex alone", words::number(baseline)));
        }
    }
    text.push('.');
    let compared = summary.better + summary.worse + summary.undecided;
    if compared > 0 {
        text.push_str(&format!(
            " Beyond chance it ranks better than age and sex in {}, worse in {}; in {} the interval leaves it open \
             (intervals are for each outcome alone, not corrected for their number).",
            summary.better, summary.worse, summary.undecided
        ));
    }
    text
}

/// Beyond this ratio of observed to expected, or its inverse, a risk's level is far off.
const FAR_OFF: f64 = 2.0;
/// Outcomes named whose levels are.
const NAMED: usize = 3;

/// The outcomes whose risks are wrong by more than a factor of two, the whole interval long.
fn levels_far_off(tasks: &[TaskReport]) -> Option<String> {
    let far = |task: &&TaskReport| {
        let ratio = &task.model.observed_expected;
        ratio.low.is_some_and(|low| low > FAR_OFF) || ratio.high.is_some_and(|high| high < 1.0 / FAR_OFF)
    };
    let mut off: Vec<(&TaskReport, f64)> = tasks
        .iter()
        .filter(far)
        .filter_map(|task| Some((task, task.model.observed_expected.value?)))
        .collect();
    off.sort_by(|a, b| b.1.max(1e-9).ln().abs().total_cmp(&a.1.max(1e-9).ln().abs()));
    let named = off.iter().take(NAMED).map(|(task, ratio)| {
        let name = words::task(&task.name, task.horizon_days);
        format!("“{name}” ({} observed for each expected)", words::number(*ratio))
    });
    let named: Vec<String> = named.collect();
    (!off.is_empty()).then(|| {
        format!(
            "In {} of {} the risks are too high or too low by more than a factor of two: {}{}.",
            words::count(off.len()),
            words::count(tasks.len()),
            named.join(", "),
            if off.len() > NAMED { " and others" } else { "" }
        )
    })
}

fn of_one(task: &TaskReport, options: &Options) -> Vec<String> {
    let confidence = options.bootstrap.confidence;
    let subjects =
        format!("{} {}", words::count(task.subjects), plural(task.subjects, "subject", "subjects"));
    let who = if task.rows == task.subjects {
        format!("Among {subjects}")
    } else {
        format!("Among {} predictions for {subjects}", words::count(task.rows))
    };
    let outcome = words::task(&task.name, task.horizon_days);
    let mut first = match task.censored {
        0 => format!(
            "{who}, {} {} had the outcome “{outcome}”.",
            words::count(task.events),
            plural(task.events, "case", "cases"),
        ),
        censored => {
            let allowing = task.observed_risk.filter(|_| task.censoring_weighted);
            let allowing = allowing.map_or_else(String::new, |risk| {
                format!("; allowing for the others, {}", words::percent(risk))
            });
            format!(
                "{who}, {} of the {} of whom it is known had the outcome “{outcome}”{allowing}.",
                words::count(task.events),
                words::count(task.rows - censored),
            )
        }
    };
    first.push_str(&match &task.comparison {
        None => format!(
            " The model ranks those who will have it above those who will not with an AUROC of {}; no baseline was given \
             to compare it with.",
            words::with_interval(&task.model.auroc, confidence)
        ),
        Some(comparison) => {
            let verdict = match side_of(&comparison.difference.auroc, 0.0) {
                Side::Above => "ranks them better than age and sex alone",
                Side::Below => "ranks them worse than age and sex alone",
                Side::Around => "cannot be told apart from age and sex alone in ranking them",
                Side::Unknown => "is shown beside age and sex alone",
            };
            format!(
                " The model {verdict}: AUROC {} against {}.",
                words::with_interval(&task.model.auroc, confidence),
                words::with_interval(&comparison.baseline.auroc, confidence),
            )
        }
    });
    let mut said = vec![first];
    said.extend(calibration(task));
    said
}

/// How the model does beside each other predictor.
pub(super) fn beside(tasks: &[TaskReport], options: &Options) -> Vec<String> {
    tallies(tasks, options)
        .into_iter()
        .map(|tally| match tally.outcomes {
            0 => format!("Beside {} too few events are shared to compare anything.", tally.name),
            1 => of_one_beside(tasks, &tally.name, options),
            n => format!(
                "Beside {} on {} outcomes, allowing for their number: the model ranks better in {}, worse in {}; in {} nothing \
                 is shown.",
                tally.name,
                words::count(n),
                tally.better,
                tally.worse,
                n - tally.better - tally.worse
            ),
        })
        .collect()
}

fn of_one_beside(tasks: &[TaskReport], name: &str, options: &Options) -> String {
    let Some(b) = tasks.iter().flat_map(|t| &t.beside).find(|b| b.name == name) else { return String::new() };
    let verdict = match side_of(&b.difference.auroc, 0.0) {
        Side::Above => "the model ranks better",
        Side::Below => "the model ranks worse",
        Side::Around | Side::Unknown => "no difference in ranking is shown",
    };
    format!(
        "Beside {name}, {verdict}: AUROC {} against {}, a difference of {}.",
        words::value(&b.model.auroc),
        words::value(&b.other.auroc),
        words::with_interval(&b.difference.auroc, options.bootstrap.confidence)
    )
}

/// What the audit says, where it says something that must come before the numbers.
pub(super) fn audit(audit: &Audit) -> Option<String> {
    let serious = audit.findings.iter().filter(|f| f.severity == Severity::Serious).count();
    match (audit.alarms(), serious) {
        (0, _) => None,
        (alarms, 0) => Some(format!(
            "The audit for leakage has {} {} to be explained before these numbers are believed.",
            words::count(alarms),
            plural(alarms, "warning", "warnings")
        )),
        (_, serious) => Some(format!(
            "The audit for leakage has {} serious {}: these numbers can't be believed until {} explained.",
            words::count(serious),
            plural(serious, "finding", "findings"),
            plural(serious, "it is", "they are")
        )),
    }
}

fn calibration(task: &TaskReport) -> Option<String> {
    let ratio = &task.model.observed_expected;
    let slope = &task.model.calibration_slope;
    let of_ratio = words::number(ratio.value?);
    let level = match side_of(ratio, 1.0) {
        Side::Above => "Its risks are too low on average",
        Side::Below => "Its risks are too high on average",
        Side::Around => "On average its risks agree with what happened",
        Side::Unknown => "Its risks compare with what happened as follows",
    };
    let mut text = format!("{level}: for each case expected, {of_ratio} were observed");
    if let Some(interval) = words::interval(ratio) {
        text.push_str(&format!(" ({interval})"));
    }
    if let Some(value) = slope.value {
        let spread = match side_of(slope, 1.0) {
            Side::Above => "they differ too little between subjects",
            Side::Below => {
                "they are too extreme, too high for those at high risk and too low for those at low risk"
            }
            Side::Around | Side::Unknown => "nothing speaks for their being too extreme or too alike",
        };
        let interval = words::interval(slope).map(|i| format!(", {i}")).unwrap_or_default();
        text.push_str(&format!("; {spread} (calibration slope {}{interval})", words::number(value)));
    }
    text.push('.');
    Some(text)
}

enum Side {
    Above,
    Below,
    Around,
    Unknown,
}

/// On which side of a reference does the whole interval lie?
fn side_of(estimate: &Estimate, reference: f64) -> Side {
    match (estimate.low, estimate.high) {
        (Some(low), _) if low > reference => Side::Above,
        (_, Some(high)) if high < reference => Side::Below,
        (Some(_), Some(_)) => Side::Around,
        _ => Side::Unknown,
    }
}

fn plural<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}
