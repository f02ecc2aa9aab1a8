//! The model beside other predictors: a table and a plot of the differences.

use super::page::escape;
use super::sections::{cell, figure};
use super::svg::{Axis, Board, Ticks};
use crate::evaluation::{Beside, EvaluationReport, TaskReport};
use crate::words;
use std::fmt::Write;

/// Outcomes drawn at most; the table has all.
const DRAWN: usize = 30;
/// Letters of an outcome's name in the plot.
const LONGEST_LABEL: usize = 36;

type Row<'a> = (&'a TaskReport, &'a Beside);

pub(super) fn beside(report: &EvaluationReport) -> String {
    let mut names: Vec<&str> = Vec::new();
    let all = || report.tasks.iter().flat_map(|t| t.beside.iter().map(move |b| (t, b)));
    for (_, b) in all() {
        if !names.contains(&b.name.as_str()) {
            names.push(&b.name);
        }
    }
    let mut html = String::new();
    for (i, name) in names.into_iter().enumerate() {
        let rows: Vec<Row> = all().filter(|(_, b)| b.name == name).collect();
        let name = escape(name);
        let _ = write!(
            html,
            r#"<section aria-labelledby="beside-{i}-h"><h2 id="beside-{i}-h">Beside {name}</h2><p>On the predictions that both make, with the same draws. Differences are model minus {name}: above 0 the model ranks better; for the Brier score below 0 is better. p: that the AUROCs are equal, corrected by Holm over all outcomes of this section and others like it.</p><div class="scroll wide"><table><thead><tr><th scope="col">Outcome</th><th scope="col" class="n">Predictions</th><th scope="col" class="n">Events</th><th scope="col" class="n">AUROC, model</th><th scope="col" class="n">AUROC, {name}</th><th scope="col" class="n">Difference</th><th scope="col" class="n">p, corrected</th><th scope="col" class="n">AUPRC difference</th><th scope="col" class="n">Brier difference</th><th scope="col" class="n">Observed / expected, model</th><th scope="col" class="n">Observed / expected, {name}</th></tr></thead><tbody>"#
        );
        for (task, b) in &rows {
            html.push_str(&row(task, b));
        }
        html.push_str("</tbody></table></div>");
        if rows.len() > 1 {
            let known = rows.iter().filter(|(_, b)| b.difference.auroc.value.is_some());
            let known: Vec<&Row> = known.collect();
            let shown = &known[..known.len().min(DRAWN)];
            let of_all = match rows.len() - shown.len() {
                0 => String::new(),
                _ => {
                    format!("; {} of {} outcomes drawn", words::count(shown.len()), words::count(rows.len()))
                }
            };
            html.push_str(r#"<div class="forest">"#);
            figure(
                &mut html,
                &forest(&format!("beside-{i}"), &name, shown),
                &format!(
                    "Difference in AUROC with its interval; right of the dotted line the model ranks better{of_all}"
                ),
            );
            html.push_str("</div>");
        }
        html.push_str("</section>");
    }
    html
}

fn row(task: &TaskReport, b: &Beside) -> String {
    let left_out = match b.left_out {
        0 => String::new(),
        n => format!("<small>{} not predicted by both</small>", words::count(n)),
    };
    format!(
        r#"<tr><th scope="row">{}</th><td class="n">{}{left_out}</td><td class="n">{}</td>{}{}{}<td class="n">{}</td>{}{}{}{}</tr>"#,
        escape(&words::task(&task.name, task.horizon_days)),
        words::count(b.rows),
        words::count(b.events),
        cell(&b.model.auroc),
        cell(&b.other.auroc),
        cell(&b.difference.auroc),
        b.p_corrected.map_or_else(|| words::NOTHING.to_owned(), |p| words::decimals(p, 3)),
        cell(&b.difference.average_precision),
        cell(&b.difference.brier),
        cell(&b.model.observed_expected),
        cell(&b.other.observed_expected),
    )
}

/// What an outcome is called beside its whiskers: whole if that is short enough, else by its code, its horizon always.
fn label(task: &TaskReport) -> String {
    let whole = words::task(&task.name, task.horizon_days);
    if whole.chars().count() <= LONGEST_LABEL {
        return whole;
    }
    let horizon = words::task("", task.horizon_days).chars().count();
    words::task(&words::shortened(&task.task, LONGEST_LABEL - horizon.min(LONGEST_LABEL)), task.horizon_days)
}

fn forest(id: &str, name: &str, shown: &[&Row]) -> String {
    let bound = shown
        .iter()
        .flat_map(|(_, b)| [b.difference.auroc.low, b.difference.auroc.high, b.difference.auroc.value])
        .flatten()
        .fold(0.02f64, |widest, v| widest.max(v.abs()));
    let to = (bound * 20.0).ceil() / 20.0;
    let n = shown.len() as f64;
    let x = Axis { name: "Difference in AUROC", from: -to, to, ticks: Ticks::Decimals(2) };
    let y = Axis {
        name: "",
        from: 0.0,
        to: n.max(1.0),
        ticks: Ticks::Names(shown.iter().map(|(t, _)| label(t)).collect()),
    };
    let mut board = Board::new(640.0, 52.0 + 26.0 * n, &x, &y);
    board.line("reference", [(0.0, 0.0), (0.0, n)]);
    let mut told = Vec::new();
    for (i, (task, b)) in shown.iter().enumerate() {
        let (middle, d) = (n - i as f64 - 0.5, &b.difference.auroc);
        if let (Some(low), Some(high)) = (d.low, d.high) {
            board.line("whisker", [(low, middle), (high, middle)]);
        }
        if let Some(value) = d.value {
            board.dot("point", (value, middle), 4.0);
        }
        told.push(format!("{}: {}", words::task(&task.name, task.horizon_days), words::value(d)));
    }
    board.finish(
        id,
        &format!("Difference in AUROC, model minus {name}"),
        &format!("Points with intervals, in the order of the table. {}.", told.join("; ")),
    )
}
