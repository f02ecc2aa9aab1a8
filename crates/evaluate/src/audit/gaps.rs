//! What predictions alone tell: outcomes at the moment of prediction, and performance by the time to the outcome.

use super::{Check, Finding, Severity, finding};
use crate::error::Result;
use crate::evaluation::SMALL_CELL;
use crate::metrics::delong::delong;
use crate::words;
use events::Prediction;
use std::collections::BTreeMap;

/// An outcome nearer than this is at the very moment: a minute, the finest that most records tell.
const MOMENT_DAYS: f64 = 1.0 / 1440.0;
/// A share of outcomes within a day from which on a reader is warned, unless so short a horizon makes it ordinary: twice what comes
/// in a day of it at an even pace.
const WARNED_SHARE: f64 = 0.05;
/// Outcomes named one by one.
const NAMED: usize = 3;
/// Outcomes within this are near, beyond `FAR_DAYS` far.
const NEAR_DAYS: f64 = 1.0;
const FAR_DAYS: f64 = 30.0;
/// A band with fewer outcomes says nothing.
const LEAST: usize = 20;
/// A smaller difference in AUROC between near and far is ordinary.
const ORDINARY: f64 = 0.15;

pub(super) fn at_the_moment(task: &str, rows: &[&Prediction]) -> Option<Finding> {
    let timed = rows.iter().filter(|p| p.boolean_value == Some(true)).filter_map(|p| p.observed_days);
    let (mut events, mut at_once) = (0usize, 0usize);
    for days in timed {
        events += 1;
        at_once += usize::from(f64::from(days) < MOMENT_DAYS);
    }
    (at_once > 0).then(|| {
        finding(
            Check::OrderWithinATimestamp,
            if at_once * 20 >= events { Severity::Serious } else { Severity::Warning },
            Some(task),
            format!(
                "{} of {} outcomes of “{task}” have the time of the prediction itself: what else is recorded at that moment \
                 may be the outcome's own record. Predict earlier, or leave a gap.",
                words::count(at_once),
                words::count(events)
            ),
            &[("outcomes", events as f64), ("at_the_moment", at_once as f64)],
        )
    })
}

/// What comes within a day of the prediction is often on record later in the very visit that is asked about, and not foreseen. Of
/// each task the longest horizon of which that is much.
pub(super) fn within_a_day(tasks: &[(&str, Vec<&Prediction>)]) -> Option<Finding> {
    let mut shares: BTreeMap<&str, (f32, f64)> = BTreeMap::new();
    for (task, rows) in tasks {
        let horizon = rows.first().map_or(0.0, |p| p.horizon_days);
        let events = rows.iter().filter(|p| p.boolean_value == Some(true));
        let days: Vec<f64> = events.filter_map(|p| p.observed_days.map(f64::from)).collect();
        let near = days.iter().filter(|days| **days <= NEAR_DAYS).count();
        let share = near as f64 / days.len().max(1) as f64;
        let even = if horizon > 0.0 { 2.0 * NEAR_DAYS / f64::from(horizon) } else { 0.0 };
        let is_longest = shares.get(task).is_none_or(|(longest, _)| horizon > *longest);
        if near >= SMALL_CELL && share >= WARNED_SHARE.max(even) && is_longest {
            shares.insert(task, (horizon, share));
        }
    }
    let mut told: Vec<(&str, f32, f64)> =
        shares.into_iter().map(|(task, (horizon, share))| (task, horizon, share)).collect();
    told.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(b.0)));
    let named: Vec<String> = told
        .iter()
        .take(NAMED)
        .map(|(task, days, share)| format!("{} of “{}”", words::percent(*share), words::task(task, *days)))
        .collect();
    let more = match told.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and much of {} more", words::count(more)),
    };
    (!told.is_empty()).then(|| {
        finding(
            Check::OutcomesWithinADay,
            Severity::Warning,
            match told[..] {
                [(task, ..)] => Some(task),
                _ => None,
            },
            format!(
                "Within a day of the prediction come {}{more}: on record later in the very visit that is asked about, perhaps, and not \
                 foreseen. Ask at the visit's end, or label with a gap (`gap_days`), and measure again.",
                named.join(", ")
            ),
            &told.iter().map(|(task, _, share)| (*task, *share)).collect::<Vec<_>>(),
        )
    })
}

pub(super) fn by_gap(task: &str, rows: &[&Prediction]) -> Result<Option<Finding>> {
    let others: Vec<f64> = rows
        .iter()
        .filter(|p| p.boolean_value == Some(false))
        .map(|p| p.predicted_boolean_probability)
        .collect();
    let band = |within: &dyn Fn(f64) -> bool| -> Vec<f64> {
        rows.iter()
            .filter(|p| {
                p.boolean_value == Some(true) && p.observed_days.is_some_and(|d| within(f64::from(d)))
            })
            .map(|p| p.predicted_boolean_probability)
            .collect()
    };
    let (near, far) = (band(&|d| d <= NEAR_DAYS), band(&|d| d > FAR_DAYS));
    if near.len() < LEAST || far.len() < LEAST || others.len() < LEAST {
        return Ok(None);
    }
    let auroc = |events: &[f64]| -> Result<Option<(f64, f64)>> {
        let risks: Vec<f64> = events.iter().chain(&others).copied().collect();
        let outcomes: Vec<bool> = (0..risks.len()).map(|i| i < events.len()).collect();
        Ok(delong(&risks, &risks, &outcomes)?.map(|d| (d.first, d.first_standard_error)))
    };
    let (Some((of_near, error_near)), Some((of_far, error_far))) = (auroc(&near)?, auroc(&far)?) else {
        return Ok(None);
    };
    let difference = of_near - of_far;
    let error = error_near.hypot(error_far);
    if difference < ORDINARY || difference < 3.0 * error {
        return Ok(None);
    }
    Ok(Some(finding(
        Check::PerformanceByGap,
        Severity::Warning,
        Some(task),
        format!(
            "“{task}” is foreseen with an AUROC of {} when it comes within a day and {} when it is more than 30 days away: the \
             model may recognise an outcome that is already being dealt with. Measure again with a gap.",
            words::number(of_near),
            words::number(of_far)
        ),
        &[
            ("auroc_within_a_day", of_near),
            ("auroc_beyond_30_days", of_far),
            ("outcomes_within_a_day", near.len() as f64),
            ("outcomes_beyond_30_days", far.len() as f64),
        ],
    )))
}
