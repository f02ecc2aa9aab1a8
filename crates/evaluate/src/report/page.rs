//! The page around the sections.

use super::{beside, sections, silent, tripod, trust, ward};
use crate::evaluation::EvaluationReport;

const STYLE: &str = include_str!("style.css");

/// The whole report as one page.
pub(crate) fn html(report: &EvaluationReport) -> String {
    let body = [
        sections::answer(report),
        silent::section(report.silent.as_ref()),
        trust::audit(report),
        sections::overview(report),
        beside::beside(report),
        ward::integrated(report),
        sections::tasks(report),
        sections::unmeasured(report),
        sections::methods(report),
        tripod::section(report),
        sections::reading(),
    ]
    .concat();
    document(&Document {
        kicker: "Evaluation report",
        title: &sections::title(report),
        byline: &sections::byline(&report.about),
        body: &body,
        synthetic: report.about.synthetic,
        about: "This report describes how a model's predictions agreed with recorded outcomes in one set of records. It is no evidence for other places, times or patients, and no substitute for a clinician's judgement.",
        made_by: &sections::made_by(report),
    })
}

/// What a page is made of; `byline`, `body` and `about` are HTML, the rest is text.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// What kind of page it is, above the title.
    pub kicker: &'a str,
    /// The title.
    pub title: &'a str,
    /// Facts below the title.
    pub byline: &'a str,
    /// Sections; one of them has the id `answer`.
    pub body: &'a str,
    /// Whether the records are made up.
    pub synthetic: bool,
    /// What the page is, and isn't.
    pub about: &'a str,
    /// By what it was made.
    pub made_by: &'a str,
}

/// A page that needs nothing else: no network, no script.
pub fn document(page: &Document<'_>) -> String {
    let banner = if page.synthetic {
        r#"<p class="banner" role="note"><strong>Synthetic data.</strong> The records behind these numbers are simulated. They show that the software works; they say nothing about patients.</p>"#
    } else {
        ""
    };
    let (title, byline, body) = (escape(page.title), page.byline, page.body);
    format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
{banner}<a class="skip" href="#answer">Skip to the answer</a>
<header><p class="kicker">{}</p><h1>{title}</h1>{byline}</header>
<main>{body}</main>
<footer><p><strong>Not a medical device.</strong> {}</p><p>{}</p></footer>
</body>
</html>
"##,
        escape(page.kicker),
        page.about,
        escape(page.made_by),
    )
}

/// Text made safe inside elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
