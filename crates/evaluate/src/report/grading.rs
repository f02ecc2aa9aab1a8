//! The page of grades.

use super::page::{Document, document, escape};
use super::privacy::{answer, methods};
use super::sections::{byline, cell, figure};
use super::svg::{Axis, Board, Ticks};
use crate::evaluation::Estimate;
use crate::grading::{EffectGrade, GradeReport, MODEL, OBSERVER, RiskGrade};
use crate::words;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The whole report as one page.
pub(crate) fn html(report: &GradeReport) -> String {
    let title = match report.about.title.as_str() {
        "" => format!("Is the reasoning right? {}", report.about.dataset),
        title => title.to_owned(),
    };
    let body = [
        answer(&report.answer),
        risks(report),
        early(report),
        differential(report),
        effects(report),
        not_graded(report),
        methods(&report.methods),
    ]
    .concat();
    document(&Document {
        kicker: "Reasoning, graded",
        title: &title,
        byline: &byline(&report.about),
        body: &body,
        synthetic: report.about.synthetic,
        about: "This report grades a model's reasoning against a truth that only a simulation knows. It says how well the methods work in that world, and nothing about patients.",
        made_by: &format!(
            "Made by {}. The same numbers are in report.json.",
            if report.about.tool.is_empty() { "Osler" } else { &report.about.tool }
        ),
    })
}

fn head(id: &str, heading: &str) -> String {
    format!(r#"<section aria-labelledby="{id}-h"><h2 id="{id}-h">{heading}</h2>"#)
}

fn columns(names: &[&str]) -> String {
    let mut html = String::from(r#"<div class="scroll"><table><thead><tr>"#);
    for (i, name) in names.iter().enumerate() {
        let class = if i == 0 { "" } else { r#" class="n""# };
        let _ = write!(html, r#"<th scope="col"{class}>{}</th>"#, escape(name));
    }
    html.push_str("</tr></thead><tbody>");
    html
}

fn row(html: &mut String, name: &str, below: &str, cells: &[String]) {
    let _ = write!(
        html,
        r#"<tr><th scope="row">{}<small>{}</small></th>{}</tr>"#,
        escape(name),
        escape(below),
        cells.concat()
    );
}

fn plain(text: &str) -> String {
    format!(r#"<td class="n">{}</td>"#, escape(text))
}

fn of(map: &BTreeMap<String, Estimate>, name: &str) -> String {
    map.get(name).map_or_else(|| plain(words::NOTHING), cell)
}

fn within(grade: &RiskGrade) -> String {
    words::horizon(grade.horizon_days as f32).map_or_else(String::new, |h| format!("within {h}"))
}

fn risks(report: &GradeReport) -> String {
    let mut html = head("risks", "Risks, against the true chances and the best that the record tells");
    html.push_str(r#"<div class="plots two">"#);
    for summary in &report.risks.summaries {
        let own = report
            .risks
            .each
            .iter()
            .filter(|g| g.horizon_days == summary.horizon_days && g.too_few.is_none());
        let own: Vec<&RiskGrade> = own.collect();
        let each = &own[..own.len().min(summary.wanted)];
        let of_all = match own.len() - each.len() {
            0 => String::new(),
            _ => format!("; {} of {} conditions drawn", each.len(), own.len()),
        };
        let when = words::horizon(summary.horizon_days as f32).unwrap_or_default();
        figure(
            &mut html,
            &dots(each, summary.horizon_days),
            &format!("AUC within {when}: model (filled) and observer (open){of_all}"),
        );
    }
    html.push_str("</div>");
    html.push_str(&columns(&[
        "Condition",
        "People",
        "Events to expect",
        "AUC model",
        "AUC observer",
        "Share of the observer's excess",
        "AUC age and sex",
        "AUC by record",
        "Slope",
        "Observed / expected",
    ]));
    for grade in &report.risks.each {
        let n = [plain(&words::count(grade.people)), plain(&words::decimals(grade.expected_events, 1))];
        let rest = match &grade.too_few {
            Some(_) => vec![r#"<td class="n suppressed" colspan="7">too few</td>"#.to_owned()],
            None => vec![
                of(&grade.auc, MODEL),
                of(&grade.auc, OBSERVER),
                cell(&grade.share),
                of(&grade.auc, "age and sex"),
                cell(&grade.auc_recorded),
                of(&grade.slope, MODEL),
                of(&grade.observed_expected, MODEL),
            ],
        };
        row(&mut html, &grade.name, &within(grade), &[n.as_slice(), &rest].concat());
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn dots(each: &[&RiskGrade], horizon_days: f64) -> String {
    let names = each.iter().map(|g| words::shortened(&g.name, 24)).collect();
    let x = Axis { name: "AUC", from: 0.5, to: 1.0, ticks: Ticks::Decimals(1) };
    let y = Axis { name: "", from: 0.0, to: each.len() as f64, ticks: Ticks::Names(names) };
    let mut board = Board::new(480.0, 60.0 + 19.0 * each.len() as f64, &x, &y);
    for (i, grade) in each.iter().enumerate() {
        let y = each.len() as f64 - i as f64 - 0.5;
        for (name, dot, whisker, y) in
            [(OBSERVER, "point-b", "whisker-b", y - 0.14), (MODEL, "point", "whisker", y + 0.14)]
        {
            let Some(Estimate { value: Some(value), low, high, .. }) = grade.auc.get(name) else { continue };
            if let Some((low, high)) = low.zip(*high) {
                board.line(whisker, [(low, y), (high, y)]);
            }
            board.dot(dot, (*value, y), 3.2);
        }
    }
    let id = format!("auc-{}", horizon_days.round());
    board.finish(
        &id,
        "AUC by condition",
        "The model's and the optimal observer's AUC over all futures, with intervals.",
    )
}

fn early(report: &GradeReport) -> String {
    let measured: Vec<&RiskGrade> = report.risks.each.iter().filter(|g| g.too_few.is_none()).collect();
    if measured.is_empty() {
        return String::new();
    }
    let mut predictors: Vec<&String> = measured.iter().flat_map(|g| g.sensitivity.keys()).collect();
    predictors.sort();
    predictors.dedup();
    let mut html = head("early", "Early detection");
    let _ = write!(
        html,
        "<p>Sensitivity at {} specificity over all futures, by one moment a person; below it the median days from that moment to the record, of those flagged whose condition came to be recorded within the horizon.</p>",
        words::percent(report.risks.specificity)
    );
    let names: Vec<&str> =
        ["Condition", "Recorded"].into_iter().chain(predictors.iter().map(|p| p.as_str())).collect();
    html.push_str(&columns(&names));
    for grade in measured {
        let mut cells = vec![plain(&words::count(grade.recorded_events))];
        for predictor in &predictors {
            let lead =
                grade.lead.get(*predictor).map_or_else(String::new, |lead| match lead.median_days.value {
                    Some(days) => {
                        format!("{days:.0} days before ({} of {} flagged)", lead.flagged, lead.cases)
                    }
                    None => format!("{} of {} flagged", lead.flagged, lead.cases),
                });
            let sensitivity = of(&grade.sensitivity, predictor);
            cells.push(sensitivity.replace("</td>", &format!("<small>{}</small></td>", escape(&lead))));
        }
        row(&mut html, &grade.name, &within(grade), &cells);
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn differential(report: &GradeReport) -> String {
    let grade = &report.differential;
    let mut html = head("differential", "Disease that is there and on no record");
    if let Some(few) = &grade.too_few {
        let _ = write!(html, "<p>Not measured: {}.</p></section>", escape(few));
        return html;
    }
    let _ = write!(
        html,
        "<p>{} such diseases in {} people, each among {} conditions on average; what else was there and unrecorded in the same person isn't counted.</p>",
        words::count(grade.cases),
        words::count(grade.people),
        words::decimals(grade.considered, 1)
    );
    html.push_str(&columns(&[
        "By",
        "First",
        "First three",
        "First five",
        "Mean reciprocal rank",
        "Model less this",
    ]));
    for (name, well) in &grade.predictors {
        let cells = [
            cell(&well.first),
            cell(&well.first_three),
            cell(&well.first_five),
            cell(&well.reciprocal_rank),
            well.model_less_this.as_ref().map_or_else(|| plain(words::NOTHING), cell),
        ];
        row(&mut html, name, "", &cells);
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn effects(report: &GradeReport) -> String {
    if report.effects.is_empty() {
        return String::new();
    }
    let together = &report.effects_together;
    let mut html = head("effects", "Effects of treatments, against what would have been");
    if !together.estimators.is_empty() {
        html.push_str(&columns(&[
            "Estimate, over all decisions answered",
            "Root mean square error by patient",
            "Regret of treating whom it favours",
        ]));
        for (name, estimator) in &together.estimators {
            row(&mut html, name, "", &[cell(&estimator.error), cell(&estimator.regret)]);
        }
        html.push_str("</tbody></table></div>");
    }
    let _ = write!(
        html,
        "<p>A patient's own 95 % interval holds his own true effect in {} of decisions. Of decisions that were truly all but certain {} of {} were refused, of those that were truly open {} of {}.</p>",
        crate::grading::in_shares(&together.patients_covered),
        words::count(together.support.certain[0]),
        words::count(together.support.certain[1]),
        words::count(together.support.open[0]),
        words::count(together.support.open[1]),
    );
    let shown: Vec<&EffectGrade> = report.effects.iter().filter(|g| g.average.is_some()).collect();
    if !shown.is_empty() {
        html.push_str(r#"<div class="forest">"#);
        figure(
            &mut html,
            &forest(&shown),
            "Doubly robust estimate with its interval (filled), naive difference (open), and the truth (bar)",
        );
        html.push_str("</div>");
    }
    html.push_str(&columns(&[
        "Treatment and outcome",
        "Untreated, treated",
        "Events",
        "True mean effect",
        "Doubly robust",
        "Naive",
        "E-value, of the interval",
        "Error by patient",
        "Of no effect",
    ]));
    for grade in &report.effects {
        let name = format!("{} → {}", grade.treatment, grade.outcome);
        let below = format!("in {}{}", grade.condition, if grade.placebo { "; does nothing" } else { "" });
        let mut cells = vec![
            plain(&format!("{}, {}", words::count(grade.decisions[0]), words::count(grade.decisions[1]))),
            plain(&words::count(grade.events)),
        ];
        match &grade.refused {
            Some(why) => {
                cells.push(format!(r#"<td class="suppressed" colspan="6">refused: {}</td>"#, escape(why)))
            }
            None => {
                let interval = |i: &Option<crate::grading::EffectInterval>| {
                    i.map_or_else(
                        || plain(words::NOTHING),
                        |i| {
                            let mark = if i.holds_truth { "" } else { ", misses the truth" };
                            format!(
                                r#"<td class="n">{}<small class="ci">{} to {}{mark}</small></td>"#,
                                words::number(i.value),
                                words::number(i.low),
                                words::number(i.high)
                            )
                        },
                    )
                };
                let error = |name: &str| {
                    grade.estimators.get(name).map_or_else(|| plain(words::NOTHING), |e| cell(&e.error))
                };
                cells.push(plain(&grade.true_mean.map_or_else(|| words::NOTHING.to_owned(), words::number)));
                cells.push(interval(&grade.average));
                cells.push(interval(&grade.naive));
                let e_values = grade.e_values.map(|[value, end]| format!("{value:.2}, {end:.2}"));
                cells.push(plain(&e_values.unwrap_or_else(|| words::NOTHING.to_owned())));
                cells.push(error("doubly robust, by patient"));
                cells.push(error("no effect"));
            }
        }
        row(&mut html, &name, &below, &cells);
    }
    html.push_str("</tbody></table></div></section>");
    html
}

fn forest(each: &[&EffectGrade]) -> String {
    let names =
        each.iter().map(|g| words::shortened(&format!("{} → {}", g.treatment, g.outcome), 40)).collect();
    let ends = each.iter().flat_map(|g| g.average.iter().chain(&g.naive)).flat_map(|i| [i.low, i.high]);
    let (from, to) = ends.fold((-0.05, 0.05), |(a, b): (f64, f64), x| (a.min(x), b.max(x)));
    let x = Axis { name: "Difference of risks, treated less untreated", from, to, ticks: Ticks::Decimals(2) };
    let y = Axis { name: "", from: 0.0, to: each.len() as f64, ticks: Ticks::Names(names) };
    let mut board = Board::new(640.0, 60.0 + 19.0 * each.len() as f64, &x, &y);
    board.line("reference", [(0.0, 0.0), (0.0, each.len() as f64)]);
    for (i, grade) in each.iter().enumerate() {
        let y = each.len() as f64 - i as f64 - 0.5;
        for (interval, dot, whisker, y) in
            [(&grade.naive, "point-b", "whisker-b", y - 0.2), (&grade.average, "point", "whisker", y + 0.1)]
        {
            if let Some(interval) = interval {
                board.line(whisker, [(interval.low, y), (interval.high, y)]);
                board.dot(dot, (interval.value, y), 3.0);
            }
        }
        if let Some(truth) = grade.true_mean {
            board.line("everyone", [(truth, y - 0.4), (truth, y + 0.4)]);
        }
    }
    board.finish("effects", "Effects", "Estimated and true effects of each treatment on each outcome.")
}

fn not_graded(report: &GradeReport) -> String {
    if report.not_graded.is_empty() {
        return String::new();
    }
    let mut html = head("not-graded", "Not graded");
    html.push_str("<ul>");
    for (what, why) in &report.not_graded {
        let _ = write!(html, "<li><strong>{}</strong>: {}</li>", escape(what), escape(why));
    }
    html.push_str("</ul></section>");
    html
}
