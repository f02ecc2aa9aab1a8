//! The plots, each from numbers that are also in the JSON.

use super::svg::{Axis, Board, Ticks};
use crate::evaluation::{Curves, Subgroup, TaskReport};
use crate::metrics::ranking::CurvePoint;
use crate::metrics::utility::NetBenefit;
use crate::words;

const SIDE: f64 = 340.0;
const HEIGHT: f64 = 300.0;

fn share(name: &str) -> Axis<'_> {
    Axis { name, from: 0.0, to: 1.0, ticks: Ticks::Decimals(1) }
}

pub(super) fn roc(id: &str, task: &TaskReport, curves: &Curves) -> String {
    let mut board = Board::new(SIDE, HEIGHT, &share("1 − specificity"), &share("Sensitivity"));
    board.line("reference", [(0.0, 0.0), (1.0, 1.0)]);
    let path = |points: &[CurvePoint]| {
        std::iter::once((0.0, 0.0))
            .chain(points.iter().map(|p| (1.0 - p.specificity, p.sensitivity)))
            .collect::<Vec<_>>()
    };
    if !curves.baseline.is_empty() {
        board.line("baseline", path(&curves.baseline));
    }
    board.line("model", path(&curves.model));
    let description = format!(
        "Sensitivity against 1 minus specificity over all thresholds. Area under the curve: model {}{}.",
        words::value(&task.model.auroc),
        beside(task, |p| &p.auroc)
    );
    board.finish(id, &format!("ROC curve, {}", words::task(&task.name, task.horizon_days)), &description)
}

pub(super) fn precision_recall(id: &str, task: &TaskReport, curves: &Curves) -> String {
    let mut board =
        Board::new(SIDE, HEIGHT, &share("Sensitivity (recall)"), &share("Positive predictive value"));
    if let Some(prevalence) = task.prevalence {
        board.line("reference", [(0.0, prevalence), (1.0, prevalence)]);
    }
    let path = |points: &[CurvePoint]| {
        let first = points.first().map(|p| (0.0, p.positive_predictive_value));
        first
            .into_iter()
            .chain(points.iter().map(|p| (p.sensitivity, p.positive_predictive_value)))
            .collect::<Vec<_>>()
    };
    board.line("baseline", path(&curves.baseline));
    board.line("model", path(&curves.model));
    let description = format!(
        "Positive predictive value against sensitivity over all thresholds; the dotted line is the prevalence, {}. \
         Average precision: model {}{}.",
        words::share(task.prevalence),
        words::value(&task.model.average_precision),
        beside(task, |p| &p.average_precision)
    );
    board.finish(
        id,
        &format!("Precision–recall curve, {}", words::task(&task.name, task.horizon_days)),
        &description,
    )
}

pub(super) fn calibration(id: &str, task: &TaskReport, curves: &Curves) -> String {
    let highest = curves
        .calibration
        .iter()
        .flat_map(|g| [g.predicted, g.high])
        .chain(curves.smooth.iter().flat_map(|p| [p.predicted, p.observed]))
        .fold(0.0, f64::max);
    let top = (highest * 1.04).clamp(1e-4, 1.0);
    let axis = |name| Axis { name, from: 0.0, to: top, ticks: Ticks::Percent };
    let mut board = Board::new(SIDE, HEIGHT, &axis("Predicted risk"), &axis("Observed risk"));
    board.line("reference", [(0.0, 0.0), (top, top)]);
    let band: Vec<(f64, f64, f64)> =
        curves.smooth.iter().filter_map(|p| Some((p.predicted, p.low?, p.high?))).collect();
    board.band("band", &band);
    board.line("model", curves.smooth.iter().map(|p| (p.predicted, p.observed)));
    for group in &curves.calibration {
        board.line("whisker", [(group.predicted, group.low), (group.predicted, group.high)]);
        board.dot("point", (group.predicted, group.observed), 3.4);
    }
    let groups: Vec<String> = curves
        .calibration
        .iter()
        .map(|g| {
            format!("{} predicted, {} observed", words::percent(g.predicted), words::percent(g.observed))
        })
        .collect();
    let description = format!(
        "Observed against predicted risk: a smooth curve with its band, and {} groups of risk with intervals. The \
         dotted line is perfect agreement. Groups: {}.",
        groups.len(),
        groups.join("; ")
    );
    board.finish(id, &format!("Calibration, {}", words::task(&task.name, task.horizon_days)), &description)
}

pub(super) fn histogram(id: &str, task: &TaskReport, curves: &Curves) -> String {
    let histogram = &curves.histogram;
    let tallest = histogram.events.iter().zip(&histogram.others).map(|(e, o)| e + o).fold(0.0, f64::max);
    let x = Axis { name: "Predicted risk", from: 0.0, to: histogram.top, ticks: Ticks::Percent };
    let y =
        Axis { name: "Share of predictions", from: 0.0, to: tallest.max(1e-4) * 1.05, ticks: Ticks::Percent };
    let mut board = Board::new(SIDE, HEIGHT, &x, &y);
    let width = histogram.top / histogram.events.len() as f64;
    for (bin, (events, others)) in histogram.events.iter().zip(&histogram.others).enumerate() {
        let (from, to) = ((bin as f64 + 0.08) * width, (bin as f64 + 0.92) * width);
        board.bar("others", (from, 0.0), (to, *others));
        board.bar("events", (from, *others), (to, others + events));
    }
    let description = format!(
        "How predicted risks are spread, events stacked on non-events; the last bar holds all risks of {} and more. \
         Where a few stand at either end they are drawn with the bar next to them.",
        words::percent(histogram.top)
    );
    board.finish(
        id,
        &format!("Spread of risks, {}", words::task(&task.name, task.horizon_days)),
        &description,
    )
}

pub(super) fn decision(id: &str, task: &TaskReport, curves: &Curves) -> String {
    let to = curves.decision.iter().map(|p| p.threshold).fold(0.0, f64::max).max(1e-4);
    let top = curves.decision.iter().map(|p| p.model.max(p.everyone)).fold(1e-6, f64::max) * 1.05;
    let x = Axis { name: "Threshold risk", from: 0.0, to, ticks: Ticks::Percent };
    let y = Axis { name: "Net benefit per person", from: -0.2 * top, to: top, ticks: Ticks::Percent };
    let mut board = Board::new(SIDE, HEIGHT, &x, &y);
    board.line("reference", [(0.0, 0.0), (to, 0.0)]);
    let above = |points: &[NetBenefit], of: fn(&NetBenefit) -> f64| {
        // What falls below the frame would be drawn along its edge.
        points.iter().map(|p| (p.threshold, of(p))).take_while(|p| p.1 > -0.2 * top).collect::<Vec<_>>()
    };
    board.line("everyone", above(&curves.decision, |p| p.everyone));
    board.line("baseline", above(&curves.baseline_decision, |p| p.model));
    board.line("model", above(&curves.decision, |p| p.model));
    let best = curves.decision.iter().filter(|p| p.model > p.everyone.max(0.0) + 1e-12).map(|p| p.threshold);
    let (low, high) = best.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
    let found = if low <= high {
        format!(
            "Acting by the model is worth more between {} and {}.",
            words::percent(low),
            words::percent(high)
        )
    } else {
        "Acting by the model is nowhere worth more.".to_owned()
    };
    let description = format!(
        "Net benefit of acting by the model, by age and sex, on everyone (grey) and on no one (dotted), over thresholds. \
         {found}"
    );
    board.finish(id, &format!("Decision curve, {}", words::task(&task.name, task.horizon_days)), &description)
}

/// AUROC with interval of each subgroup that is large enough, model above baseline.
pub(super) fn forest(id: &str, task: &TaskReport) -> String {
    let shown: Vec<&Subgroup> = task.subgroups.iter().filter(|g| g.auroc.is_some()).collect();
    let lows =
        shown.iter().flat_map(|g| [&g.auroc, &g.baseline_auroc]).flatten().filter_map(|e| e.low.or(e.value));
    let from = (lows.fold(0.5, f64::min) * 20.0).floor() / 20.0;
    let rows = shown.len() as f64;
    let names = shown.iter().map(|g| g.group.clone()).collect();
    let x = Axis { name: "AUROC", from, to: 1.0, ticks: Ticks::Decimals(2) };
    let y = Axis { name: "", from: 0.0, to: rows.max(1.0), ticks: Ticks::Names(names) };
    let mut board = Board::new(560.0, 52.0 + 30.0 * rows, &x, &y);
    if let Some(overall) = task.model.auroc.value {
        board.line("reference", [(overall, 0.0), (overall, rows)]);
    }
    let mut told = Vec::new();
    for (i, group) in shown.iter().enumerate() {
        let middle = rows - i as f64 - 0.5;
        let drawn = [
            (&group.auroc, 0.14, "whisker", "point"),
            (&group.baseline_auroc, -0.14, "whisker-b", "point-b"),
        ];
        for (estimate, shift, whisker, point) in drawn {
            let Some((estimate, value)) = estimate.as_ref().and_then(|e| Some((e, e.value?))) else {
                continue;
            };
            if let (Some(low), Some(high)) = (estimate.low, estimate.high) {
                board.line(whisker, [(low, middle + shift), (high, middle + shift)]);
            }
            board.dot(point, (value, middle + shift), 4.0);
        }
        told.push(format!("{}: {}", group.group, group.auroc.as_ref().map(words::value).unwrap_or_default()));
    }
    let title = format!("AUROC by subgroup, {}", words::task(&task.name, task.horizon_days));
    board.finish(
        id,
        &title,
        &format!("Points with intervals, in the order of the table. {}.", told.join("; ")),
    )
}

/// AUROC of model against baseline, one dot per task.
pub(super) fn model_against_baseline(id: &str, tasks: &[TaskReport]) -> String {
    let pairs: Vec<(f64, f64, usize)> = tasks
        .iter()
        .filter_map(|t| Some((t.comparison.as_ref()?.baseline.auroc.value?, t.model.auroc.value?, t.events)))
        .collect();
    let lowest = pairs.iter().flat_map(|p| [p.0, p.1]).fold(0.5, f64::min);
    let from = (lowest * 10.0).floor() / 10.0;
    let axis = |name| Axis { name, from, to: 1.0, ticks: Ticks::Decimals(1) };
    let mut board = Board::new(420.0, 400.0, &axis("AUROC of age and sex"), &axis("AUROC of the model"));
    board.line("reference", [(from, from), (1.0, 1.0)]);
    for (baseline, model, events) in &pairs {
        board.dot("cloud", (*baseline, *model), (1.5 + (*events as f64).sqrt() / 12.0).min(7.0));
    }
    let above = pairs.iter().filter(|p| p.1 > p.0).count();
    let description = format!(
        "One dot per outcome and horizon, larger with more events. {above} of {} lie above the dotted line, where the \
         model ranks better than age and sex.",
        pairs.len()
    );
    board.finish(id, "AUROC of model against age and sex", &description)
}

/// How AUROCs are spread over tasks, model and baseline in outline.
pub(super) fn auroc_spread(id: &str, tasks: &[TaskReport]) -> String {
    const BINS: usize = 25;
    let model: Vec<f64> = tasks.iter().filter_map(|t| t.model.auroc.value).collect();
    let baseline: Vec<f64> =
        tasks.iter().filter_map(|t| t.comparison.as_ref()?.baseline.auroc.value).collect();
    let from = (model.iter().chain(&baseline).copied().fold(0.5, f64::min) * 10.0).floor() / 10.0;
    let width = (1.0 - from) / BINS as f64;
    let bins = |values: &[f64]| {
        let mut bins = [0usize; BINS];
        for v in values {
            bins[(((v - from) / width) as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let (model_bins, baseline_bins) = (bins(&model), bins(&baseline));
    let tallest = model_bins.iter().chain(&baseline_bins).copied().max().unwrap_or(1) as f64;
    let x = Axis { name: "AUROC", from, to: 1.0, ticks: Ticks::Decimals(1) };
    let y = Axis { name: "Outcomes", from: 0.0, to: tallest * 1.05, ticks: Ticks::Decimals(0) };
    let mut board = Board::new(420.0, 400.0, &x, &y);
    for (bin, count) in model_bins.iter().enumerate() {
        let left = from + bin as f64 * width;
        board.bar("others", (left + 0.08 * width, 0.0), (left + 0.92 * width, *count as f64));
    }
    if !baseline.is_empty() {
        let outline = baseline_bins.iter().enumerate().flat_map(|(bin, count)| {
            let left = from + bin as f64 * width;
            [(left, *count as f64), (left + width, *count as f64)]
        });
        board.line("baseline", outline.collect::<Vec<_>>());
    }
    let description = format!(
        "Histogram of AUROC over {} outcomes: bars for the model, dashed outline for age and sex.",
        model.len()
    );
    board.finish(id, "Spread of AUROC", &description)
}

fn beside(
    task: &TaskReport,
    of: fn(&crate::evaluation::Performance) -> &crate::evaluation::Estimate,
) -> String {
    task.comparison
        .as_ref()
        .map_or_else(String::new, |c| format!(", age and sex {}", words::value(of(&c.baseline))))
}
