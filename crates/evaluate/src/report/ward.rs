//! What acting on the risks would mean, ranking in time, strata of risk, and recalibration.

use super::page::escape;
use super::sections::cell;
use crate::evaluation::{EvaluationReport, Performance, TaskReport};
use crate::words;
use std::fmt::Write;

/// The table of thresholds, in a physician's terms.
pub(super) fn operating(task: &TaskReport) -> String {
    if task.operating.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<h3>What acting on it would mean</h3><p>Each row: everyone at or above this risk is flagged. Alerts per clinician and day are for a clinician who looks after as many patients as stated under “How this was measured”.</p><div class="scroll"><table><thead><tr><th scope="col">Flag at risk</th><th scope="col" class="n">Flagged</th><th scope="col" class="n">Of those, with the outcome</th><th scope="col" class="n">Cases found (sensitivity)</th><th scope="col" class="n">Specificity</th><th scope="col" class="n">PPV</th><th scope="col" class="n">NPV</th><th scope="col" class="n">Looked at per case found</th><th scope="col" class="n">Net benefit</th><th scope="col" class="n">Flags per 1,000 patient-days</th><th scope="col" class="n">Alerts per clinician and day</th><th scope="col" class="n">Lead time, median days</th></tr></thead><tbody>"#,
    );
    for point in &task.operating {
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th><td class="n">{}<small>{}</small></td><td class="n">{}</td>"#,
            words::percent(point.threshold),
            words::count(point.flagged),
            words::share(point.flagged_share.value),
            point.true_positives.map_or_else(|| "–".to_owned(), words::count),
        );
        for estimate in [
            &point.sensitivity,
            &point.specificity,
            &point.positive_predictive_value,
            &point.negative_predictive_value,
            &point.number_needed_to_evaluate,
            &point.net_benefit,
            &point.flags_per_1000_patient_days,
            &point.alerts_per_clinician_day,
            &point.lead_time_days,
        ] {
            html.push_str(&cell(estimate));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

/// What happened to those of low, middling and high risk.
pub(super) fn strata(task: &TaskReport) -> String {
    let Some(curves) = task.curves.as_ref().filter(|c| !c.calibration.is_empty()) else {
        return String::new();
    };
    let mut html = String::from(
        r#"<h3>By stratum of risk</h3><div class="scroll"><table><thead><tr><th scope="col">By rising risk</th><th scope="col" class="n">Predictions</th><th scope="col" class="n">Predicted, mean</th><th scope="col" class="n">Observed</th></tr></thead><tbody>"#,
    );
    let all: usize = curves.calibration.iter().map(|group| group.rows).sum();
    let mut below = 0;
    for group in &curves.calibration {
        // Equal risks, and groups too small to be told alone, are joined: a group need not be a tenth.
        let percent = |rows: usize| (100.0 * rows as f64 / all as f64).round();
        let (from, to) = (percent(below), percent(below + group.rows));
        below += group.rows;
        let _ = write!(
            html,
            r#"<tr><th scope="row">{from} to {to}&nbsp;%</th><td class="n">{}</td><td class="n">{}</td><td class="n">{}<small class="ci">{} to {}</small></td></tr>"#,
            words::count(group.rows),
            words::percent(group.predicted),
            words::percent(group.observed),
            words::percent(group.low),
            words::percent(group.high)
        );
    }
    html.push_str("</tbody></table></div>");
    html
}

/// C and dynamic AUC, where times are known.
pub(super) fn timed(task: &TaskReport) -> String {
    let Some(timed) = &task.timed else { return String::new() };
    format!(
        r#"<h3>Ranking in time</h3><div class="scroll"><table class="metrics"><tbody><tr><th scope="row">Time-dependent AUC<small>those with the outcome by the horizon against those free of it, censoring-weighted</small></th>{}</tr><tr><th scope="row">Harrell's C<small>who has it earlier was given the higher risk</small></th>{}</tr><tr><th scope="row">Uno's C<small>the same, censoring-weighted</small></th>{}</tr></tbody></table></div>"#,
        cell(&timed.dynamic_auc),
        cell(&timed.harrell_c),
        cell(&timed.uno_c)
    )
}

/// The effect of recalibration, on subjects that it had not seen.
pub(super) fn recalibrated(task: &TaskReport) -> String {
    if task.recalibrated.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<h3>What recalibration here would bring</h3><p>Fitted on four fifths of these subjects and measured on the fifth, in turn.</p><div class="scroll"><table><thead><tr><th scope="col">Risks</th><th scope="col" class="n">Brier score, censoring-weighted</th><th scope="col" class="n">Observed / expected</th><th scope="col" class="n">Calibration slope</th><th scope="col" class="n">Integrated calibration index</th></tr></thead><tbody>"#,
    );
    let mut row = |name: &str, p: &Performance| {
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th>{}{}{}{}</tr>"#,
            escape(name),
            // Who left before it was known counts in how the corrections were fitted, so here too.
            cell(&p.brier_ipcw),
            cell(&p.observed_expected),
            cell(&p.calibration_slope),
            cell(&p.integrated_calibration_index)
        );
    };
    row("As predicted", &task.model);
    for made in &task.recalibrated {
        let name = match made.method.as_str() {
            "platt" => "Platt (logistic)",
            "platt_by_site" => "Platt, site by site",
            _ => "Isotonic",
        };
        row(name, &made.performance);
    }
    html.push_str("</tbody></table></div>");
    html
}

/// The Brier score over several horizons.
pub(super) fn integrated(report: &EvaluationReport) -> String {
    if report.integrated_brier.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<section aria-labelledby="integrated-h"><h2 id="integrated-h">Over all horizons</h2><div class="scroll"><table><caption>Brier score, censoring-weighted, integrated over the horizons: lower is better.</caption><thead><tr><th scope="col">Outcome</th><th scope="col">Horizons</th><th scope="col" class="n">Predictions</th><th scope="col" class="n">Model</th><th scope="col" class="n">Age and sex</th></tr></thead><tbody>"#,
    );
    for made in &report.integrated_brier {
        let horizons: Vec<String> = made.horizons_days.iter().filter_map(|h| words::horizon(*h)).collect();
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th><td>{}</td><td class="n">{}</td>{}{}</tr>"#,
            escape(&made.name),
            escape(&horizons.join(", ")),
            words::count(made.rows),
            cell(&made.brier),
            made.baseline.as_ref().map_or_else(|| r#"<td class="n">–</td>"#.to_owned(), cell)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}
