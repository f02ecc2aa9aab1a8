//! What became of logged predictions, for reports of silent running.

use super::page::escape;
use super::sections::cell;
use crate::silent::Silent;
use crate::words;
use std::fmt::Write;

/// The account and the quarters.
pub(super) fn section(silent: Option<&Silent>) -> String {
    let Some(silent) = silent else { return String::new() };
    let mut html = String::from(
        r#"<section aria-labelledby="silent-h"><h2 id="silent-h">Silent running: what counts so far</h2>"#,
    );
    for sentence in silent.sentences() {
        let _ = write!(html, "<p>{}</p>", escape(&sentence));
    }
    html.push_str("<p>A prediction counts once its horizon and the time for reporting are over, whatever its outcome. To count outcomes as they come would count the early ones alone, and show more than there are.</p>");
    if !silent.periods.is_empty() {
        html.push_str(r#"<div class="scroll"><table><caption>By quarter of prediction.</caption><thead><tr><th scope="col">Outcome</th><th scope="col">Quarter</th><th scope="col" class="n">Predictions</th><th scope="col" class="n">Observed / expected</th><th scope="col" class="n">AUROC</th></tr></thead><tbody>"#);
        for period in &silent.periods {
            let _ = write!(
                html,
                r#"<tr><th scope="row">{}</th><td>{}</td><td class="n">{}</td>{}{}</tr>"#,
                escape(&words::task(&period.task, period.horizon_days)),
                period.quarter,
                period.rows.map_or_else(|| words::NOTHING.to_owned(), words::count),
                cell(&period.observed_expected),
                cell(&period.auroc)
            );
        }
        html.push_str("</tbody></table></div>");
    }
    html.push_str("</section>");
    html
}
