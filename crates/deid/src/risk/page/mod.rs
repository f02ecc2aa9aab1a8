//! The report and the review as pages that need nothing else: no network, readable on paper.

mod answer;
mod plots;
mod review;
mod sections;
mod words;

pub(super) use answer::answer;
pub(super) use review::review;

use super::RiskReport;
use words::escape;

const STYLE: &str = include_str!("style.css");

/// The whole report as one page.
pub(super) fn html(report: &RiskReport) -> String {
    let dataset = escape(&report.about.dataset);
    let body = [
        sections::answer(report),
        sections::adversaries(report),
        sections::classes(report),
        sections::linkage(report),
        sections::sensitive(report),
        sections::cells(report),
        sections::text(report),
        sections::limits(report),
        sections::methods(report),
    ]
    .concat();
    format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Residual risk: {dataset}</title>
<style>{STYLE}</style>
</head>
<body>
{}<a class="skip" href="#answer">Skip to the answer</a>
<header><p class="kicker">Residual risk of re-identification</p><h1>{dataset}</h1>{}</header>
<main>{body}</main>
<footer><p>These are measurements of one data set. Whether the risk is very small depends on who receives it, what else they can know and what they have agreed to; that is the expert’s to determine and to document (45 CFR 164.514(b)(1)). Osler gives no verdict.</p></footer>
</body>
</html>
"##,
        synthetic_banner(report.about.synthetic),
        sections::byline(report),
    )
}

/// Said above everything where nobody is real.
fn synthetic_banner(synthetic: bool) -> &'static str {
    if synthetic {
        r#"<p class="banner" role="note"><strong>Synthetic data.</strong> The people behind these numbers do not exist. They show that the software works; they say nothing about the risk of real records.</p>"#
    } else {
        ""
    }
}
