//! The page of a comparison of simulated with real futures.

use super::page::{Document, document, escape};
use super::privacy::{answer, methods};
use super::sections::{byline, cell, figure};
use super::svg::{Axis, Board, Ticks};
use crate::generative::{GenerativeReport, Shares, Spread, Survival};
use crate::words;
use std::fmt::Write;

/// Codes and pairs in the tables.
const SHOWN: usize = 40;

/// The whole comparison as one page.
pub(crate) fn html(report: &GenerativeReport) -> String {
    let about = &report.about;
    let title = match (about.title.as_str(), about.dataset.as_str()) {
        ("", "") => "Are simulated futures like the real ones?".to_owned(),
        ("", dataset) => format!("Are simulated futures like the real ones? {dataset}"),
        (title, _) => title.to_owned(),
    };
    let spreads = |id: &str, heading: &str, each: &[Spread]| match each {
        [] => String::new(),
        each => spreads(id, heading, each),
    };
    let body = [
        answer(&report.answer),
        rates(report),
        shares("codes", "How often codes occur", &report.codes),
        shares("pairs", "How often two of the commonest codes occur together", &report.together),
        spreads("gaps", "Days between moments", report.gaps.as_slice()),
        spreads("values", "Values", &report.values),
        spreads("ages", "Age at onset, in years", &report.onset_ages),
        report.survival.as_ref().map(survival).unwrap_or_default(),
        tells(report),
        methods(&facts(report)),
    ]
    .concat();
    document(&Document {
        kicker: "Generative check",
        title: &title,
        byline: &byline(about),
        body: &body,
        synthetic: about.synthetic,
        about: "This report compares futures that a model drew with what followed in one set of records. It is no evidence for other places, times or patients.",
        made_by: &format!(
            "Made by {}. The same numbers are in report.json and report.parquet.",
            if about.tool.is_empty() { "Osler" } else { &about.tool }
        ),
    })
}

fn head(id: &str, heading: &str) -> String {
    format!(r#"<section aria-labelledby="{id}-h"><h2 id="{id}-h">{heading}</h2>"#)
}

fn rates(report: &GenerativeReport) -> String {
    let mut html = head("rates", "How much happens");
    html.push_str(r#"<div class="scroll"><table class="metrics"><thead><tr><th scope="col">A person and year</th><th scope="col" class="n">Real</th><th scope="col" class="n">Simulated</th><th scope="col" class="n">Ratio</th></tr></thead><tbody>"#);
    for rate in &report.rates {
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th>{}{}{}</tr>"#,
            escape(&rate.of),
            cell(&rate.real),
            cell(&rate.simulated),
            cell(&rate.ratio)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn shares(id: &str, heading: &str, of: &Shares) -> String {
    if of.each.is_empty() {
        return String::new();
    }
    let mut html = head(id, heading);
    let _ = write!(
        html,
        "<p>{} compared, {} of them differ (p below 0.05, corrected by Holm). Correlation of the logarithms: {}.</p>",
        words::count(of.compared),
        words::count(of.differing),
        words::with_interval(&of.correlation, 0.95)
    );
    let log = |share: f64| share.max(1e-4).log10();
    let axis = |name| Axis { name, from: -4.0, to: 0.0, ticks: Ticks::Decimals(0) };
    let mut board = Board::new(340.0, 300.0, &axis("Real share (power of ten)"), &axis("Simulated share"));
    board.line("reference", [(-4.0, -4.0), (0.0, 0.0)]);
    of.each.iter().for_each(|s| board.dot("cloud", (log(s.real), log(s.simulated)), 2.5));
    let drawn = board.finish(
        &format!("{id}-d"),
        heading,
        "A dot each: share of simulated stretches against share of real ones, as powers of ten; on the dotted line they are the same.",
    );
    html.push_str(r#"<div class="plots">"#);
    figure(&mut html, &drawn, "Share of stretches, simulated against real");
    let _ = write!(
        html,
        r#"</div><details><summary>The {} commonest</summary><div class="scroll"><table><thead><tr><th scope="col">Code</th><th scope="col" class="n">Real subjects</th><th scope="col" class="n">Real</th><th scope="col" class="n">Simulated</th><th scope="col" class="n">Difference</th><th scope="col" class="n">Corrected p</th></tr></thead><tbody>"#,
        of.each.len().min(SHOWN)
    );
    for share in of.each.iter().take(SHOWN) {
        let _ = write!(
            html,
            r#"<tr><th scope="row"><code>{}</code></th><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td>{}<td class="n">{}</td></tr>"#,
            escape(&share.codes.join(" + ")),
            words::count(share.real_subjects),
            words::percent(share.real),
            words::percent(share.simulated),
            cell(&share.difference),
            words::number(share.p_corrected)
        );
    }
    html.push_str("</tbody></table></div></details></section>");
    html
}

fn spreads(id: &str, heading: &str, each: &[Spread]) -> String {
    let mut html = head(id, heading);
    html.push_str(r#"<div class="scroll"><table><thead><tr><th scope="col">Of</th><th scope="col" class="n">Subjects</th><th scope="col" class="n">Real: 5, 25, 50, 75, 95 %</th><th scope="col" class="n">Simulated</th><th scope="col" class="n">Median, simulated − real</th><th scope="col" class="n">Largest distance</th><th scope="col" class="n">p</th></tr></thead><tbody>"#);
    for spread in each {
        let quantiles = |of: &[f64]| of.iter().map(|q| words::decimals(*q, 1)).collect::<Vec<_>>().join(", ");
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td>{}{}<td class="n">{}</td></tr>"#,
            escape(&spread.of),
            words::count(spread.subjects),
            quantiles(&spread.real),
            quantiles(&spread.simulated),
            cell(&spread.median_difference),
            cell(&spread.distance),
            words::number(spread.p_value)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn survival(of: &Survival) -> String {
    let mut html = head("survival", "Survival");
    let _ = write!(
        html,
        "<p>{} real deaths among {} subjects. At the end {} are alive really, {} in simulation; simulated less real {}.</p>",
        words::count(of.real_deaths),
        words::count(of.subjects),
        words::with_interval(&of.real, 0.95),
        words::with_interval(&of.simulated, 0.95),
        words::with_interval(&of.difference, 0.95)
    );
    let least = of.curve.iter().map(|(_, a, b)| a.min(*b)).fold(1.0, f64::min);
    let end = of.curve.last().map_or(1.0, |p| p.0);
    let mut board = Board::new(
        340.0,
        300.0,
        &Axis { name: "Days", from: 0.0, to: end, ticks: Ticks::Decimals(0) },
        &Axis { name: "Alive", from: (least - 0.05).max(0.0), to: 1.0, ticks: Ticks::Percent },
    );
    board.line("baseline", of.curve.iter().map(|(t, real, _)| (*t, *real)));
    board.line("model", of.curve.iter().map(|(t, _, simulated)| (*t, *simulated)));
    let drawn = board.finish(
        "survival-d",
        "Survival curves",
        "Share alive by days since the start: simulated as a full line, real dashed.",
    );
    html.push_str(r#"<div class="plots">"#);
    figure(&mut html, &drawn, "Full: simulated; dashed: real");
    html.push_str("</div></section>");
    html
}

fn tells(report: &GenerativeReport) -> String {
    let Some(found) = &report.discriminator else { return String::new() };
    let mut html = head("tells", "What gives simulated futures away");
    let _ = write!(
        html,
        "<p>AUC {} over {} subjects. What the classifier goes by, in log odds a standard deviation; above 0 it speaks for simulated.</p><div class=\"scroll\"><table class=\"metrics\"><tbody>",
        words::with_interval(&found.auc, report.bootstrap.confidence),
        words::count(found.subjects)
    );
    for (name, weight) in &found.tells {
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th><td class="n">{}</td></tr>"#,
            escape(name),
            words::number(*weight)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn facts(report: &GenerativeReport) -> Vec<(String, String)> {
    let fact = |name: &str, text: String| (name.to_owned(), text);
    vec![
        fact("Prediction times", report.about.prediction_times.clone()),
        fact(
            "Stretches",
            format!(
                "{} subjects, {} trajectories, over at most {}. Both end where the real observation ends; of who died, who would \
                 have been observed longer isn't known, so their simulated stretches go on to the end of the study.",
                words::count(report.subjects),
                words::count(report.stretches),
                words::horizon(report.horizon_days as f32).unwrap_or_default()
            ),
        ),
        fact(
            "Shares",
            "Whether a subject's real stretch has the code, less the share of its simulated ones that have: mean and normal \
             interval over subjects."
                .to_owned(),
        ),
        fact(
            "Distributions",
            "Each subject's first trajectory. Largest distance of the distribution functions, at 256 steps; p by exchanging \
             real and simulated numbers subject by subject, 500 times."
                .to_owned(),
        ),
        fact(
            "Classifier",
            "Logistic regression with a ridge on the logarithms of the counts of the 60 commonest codes, of events and of \
             moments, and death; five parts by subject. A richer classifier would tell more."
                .to_owned(),
        ),
        fact(
            "Intervals",
            format!(
                "{} percentile intervals over {} bootstrap draws of subjects (seed {}), where not stated otherwise.",
                words::level(report.bootstrap.confidence),
                words::count(report.bootstrap.draws),
                report.bootstrap.seed
            ),
        ),
    ]
}
