//! What must be asked before the numbers are believed: the audit, and for whom it works less well.

use super::page::escape;
use super::sections::cell;
use crate::audit::Severity;
use crate::evaluation::{EvaluationReport, Fairness, TaskReport, metric_words};
use crate::words;
use std::fmt::Write;

/// The audit for leakage and shortcuts.
pub(super) fn audit(report: &EvaluationReport) -> String {
    let audit = &report.audit;
    if audit.made.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<section aria-labelledby="audit-h"><h2 id="audit-h">Is it too good to be true?</h2><p>Before the numbers are believed: signs that something reached the model that will not be there when it is used.</p>"#,
    );
    if audit.findings.is_empty() {
        html.push_str("<p>Nothing was found by the checks that were made.</p>");
    } else {
        html.push_str("<ul>");
        for finding in &audit.findings {
            let severity = match finding.severity {
                Severity::Serious => "Serious",
                Severity::Warning => "Warning",
                Severity::Note => "Note",
            };
            let _ = write!(
                html,
                "<li><strong>{severity}: {}.</strong> {}</li>",
                finding.check.words(),
                escape(&finding.what)
            );
        }
        html.push_str("</ul>");
    }
    let list = |checks: &[crate::audit::Check]| {
        checks.iter().map(|c| c.words().to_lowercase()).collect::<Vec<_>>().join("; ")
    };
    let _ = write!(html, "<p><small>Looked for: {}.</small></p>", list(&audit.made));
    if !audit.not_made.is_empty() {
        let _ = write!(
            html,
            "<p class=\"note\">Not looked for, since it needs the records or predictions from altered histories, which were not given: {}.</p>",
            list(&audit.not_made)
        );
    }
    html.push_str("</section>");
    html
}

/// Groups against the largest of their kind.
pub(super) fn fairness(task: &TaskReport) -> String {
    let Some(fairness) = &task.fairness else { return String::new() };
    let mut html = String::from("<h3>Is it fair?</h3>");
    for sentence in &fairness.sentences {
        let _ = write!(html, "<p>{}</p>", escape(sentence));
    }
    html.push_str(&groups(fairness));
    html.push_str(&gaps(fairness));
    html
}

fn groups(fairness: &Fairness) -> String {
    let shown = [
        "auroc",
        "sensitivity",
        "false_positive_rate",
        "positive_predictive_value",
        "flagged_share",
        "observed_expected",
        "recorded_over_age_and_sex",
    ];
    let mut html = format!(
        r#"<details><summary>Groups, flagged at a risk of {} and above</summary><div class="scroll"><table><thead><tr><th scope="col">Group</th><th scope="col" class="n">Predictions</th><th scope="col" class="n">Events</th>"#,
        words::percent(fairness.threshold)
    );
    for metric in shown {
        let _ = write!(html, r#"<th scope="col" class="n">{}</th>"#, metric_words(metric));
    }
    html.push_str("</tr></thead><tbody>");
    let count = |n: Option<usize>| n.map_or_else(|| "not shown".to_owned(), words::count);
    for dimension in &fairness.dimensions {
        for group in &dimension.groups {
            let _ = write!(
                html,
                r#"<tr><th scope="row"><small class="by">{}</small> {}</th>"#,
                escape(&dimension.by),
                escape(&group.group)
            );
            if group.suppressed {
                html.push_str(r#"<td class="suppressed" colspan="9">Too small to be shown</td></tr>"#);
                continue;
            }
            let _ = write!(
                html,
                r#"<td class="n">{}</td><td class="n">{}</td>"#,
                count(group.rows),
                count(group.events)
            );
            for metric in shown {
                html.push_str(&group.metrics.get(metric).map_or_else(|| "<td></td>".to_owned(), cell));
            }
            html.push_str("</tr>");
        }
    }
    html.push_str("</tbody></table></div></details>");
    html
}

fn gaps(fairness: &Fairness) -> String {
    if fairness.tests == 0 {
        return String::new();
    }
    let mut html = String::from(
        r#"<details><summary>Every difference that was tested</summary><div class="scroll"><table><thead><tr><th scope="col">Group</th><th scope="col">Against</th><th scope="col">Metric</th><th scope="col" class="n">Difference</th><th scope="col" class="n">Ratio</th><th scope="col" class="n">Corrected p</th><th scope="col" class="n">Could be found from</th></tr></thead><tbody>"#,
    );
    for dimension in &fairness.dimensions {
        for gap in &dimension.gaps {
            let number = |n: Option<f64>| n.map_or_else(|| words::NOTHING.to_owned(), words::number);
            let _ = write!(
                html,
                r#"<tr><th scope="row">{}</th><td>{}</td><td>{}</td>{}{}<td class="n">{}</td><td class="n">{}</td></tr>"#,
                escape(&gap.group),
                escape(dimension.reference.as_deref().unwrap_or_default()),
                metric_words(&gap.metric),
                cell(&gap.difference),
                cell(&gap.ratio),
                number(gap.p_corrected),
                number(gap.detectable)
            );
        }
    }
    html.push_str("</tbody></table></div></details>");
    html
}
