//! What the page says, section by section: the answer, the table, each outcome, the methods.

use super::page::escape;
use super::{plots, trust, ward};
use crate::evaluation::{About, Curves, Estimate, EvaluationReport, Performance, Subgroup, TaskReport};
use crate::words;
use std::fmt::Write;

/// With more outcomes than this, the spread over outcomes is drawn.
const MANY: usize = 6;

pub(super) fn title(report: &EvaluationReport) -> String {
    match (report.about.title.as_str(), report.about.dataset.as_str()) {
        ("", "") => "How well the model predicts".to_owned(),
        ("", dataset) => format!("How well the model predicts: {dataset}"),
        (title, _) => title.to_owned(),
    }
}

pub(super) fn byline(about: &About) -> String {
    let facts = [
        ("Data set", &about.dataset),
        ("Subjects", &about.split),
        ("Model", &about.model),
        ("Model digest", &about.model_digest),
        ("Made", &about.made),
    ];
    let mut list = String::from(r#"<dl class="byline">"#);
    for (name, text) in facts.iter().filter(|f| !f.1.is_empty()) {
        let _ = write!(list, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(text));
    }
    list.push_str("</dl>");
    list
}

pub(super) fn made_by(report: &EvaluationReport) -> String {
    let tool = if report.about.tool.is_empty() { "Osler" } else { &report.about.tool };
    format!("Made by {tool}. The same numbers, with those of the plots, are in report.json.")
}

pub(super) fn answer(report: &EvaluationReport) -> String {
    let mut html =
        String::from(r#"<section id="answer" aria-labelledby="answer-h"><h2 id="answer-h">The answer</h2>"#);
    for (i, sentence) in report.answer.iter().enumerate() {
        let class = if i == 0 { r#" class="lead""# } else { "" };
        let _ = write!(html, "<p{class}>{}</p>", escape(sentence));
    }
    html.push_str("</section>");
    html
}

pub(super) fn overview(report: &EvaluationReport) -> String {
    if report.tasks.is_empty() {
        return String::new();
    }
    let compared = report.tasks.iter().any(|t| t.comparison.is_some());
    let mut html = String::from(
        r#"<section aria-labelledby="overview-h"><h2 id="overview-h">All outcomes</h2><div class="scroll"><table><caption>Most events first. Where some left before the horizon, the risk allows for them. Below each number, its "#,
    );
    let _ = write!(
        html,
        "{} interval over {} draws of subjects.</caption><thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\" class=\"n\">Predictions</th><th scope=\"col\" class=\"n\">Events</th><th scope=\"col\" class=\"n\">AUROC</th>",
        words::level(report.bootstrap.confidence),
        words::count(report.bootstrap.draws),
    );
    if compared {
        html.push_str(
            r#"<th scope="col" class="n">AUROC of age and sex</th><th scope="col" class="n">Difference</th>"#,
        );
    }
    html.push_str(r#"<th scope="col" class="n">AUPRC</th><th scope="col" class="n">Observed / expected</th><th scope="col" class="n">Calibration slope</th></tr></thead><tbody>"#);
    for (i, task) in report.tasks.iter().enumerate() {
        let name = escape(&words::task(&task.name, task.horizon_days));
        let name = if task.curves.is_some() { format!(r##"<a href="#task-{i}">{name}</a>"##) } else { name };
        let code = if task.name == task.task {
            String::new()
        } else {
            format!(" <code>{}</code>", escape(&task.task))
        };
        let _ = write!(
            html,
            r#"<tr><th scope="row">{name}{code}</th><td class="n">{}</td><td class="n">{}<small>{}</small></td>{}"#,
            rows_and_known(task),
            words::count(task.events),
            share_of_events(task),
            cell(&task.model.auroc),
        );
        if compared {
            match &task.comparison {
                Some(c) => {
                    let _ = write!(html, "{}{}", cell(&c.baseline.auroc), cell(&c.difference.auroc));
                }
                None => html.push_str("<td class=\"n\">–</td><td class=\"n\">–</td>"),
            }
        }
        let _ = write!(
            html,
            "{}{}{}</tr>",
            cell(&task.model.average_precision),
            cell(&task.model.observed_expected),
            cell(&task.model.calibration_slope)
        );
    }
    html.push_str("</tbody></table></div>");
    if report.tasks.len() > MANY {
        html.push_str(r#"<div class="plots two">"#);
        if compared {
            figure(
                &mut html,
                &plots::model_against_baseline("all-pairs", &report.tasks),
                "Model against age and sex, a dot per outcome",
            );
        }
        figure(
            &mut html,
            &plots::auroc_spread("all-spread", &report.tasks),
            "Spread of AUROC; dashed: age and sex",
        );
        html.push_str("</div>");
    }
    html.push_str("</section>");
    html
}

/// How many predictions there are, and of how many it is known what came of them.
fn rows_and_known(task: &TaskReport) -> String {
    let known = match task.censored {
        0 => String::new(),
        censored => format!("<small>{} known</small>", words::count(task.rows - censored)),
    };
    format!("{}{known}", words::count(task.rows))
}

/// The share of events among those known, and the observed risk of all where that isn't the same.
fn share_of_events(task: &TaskReport) -> String {
    let of_known = words::share(task.prevalence);
    match task.observed_risk.filter(|_| task.censoring_weighted) {
        Some(risk) => format!("{of_known} of those known; risk {}", words::percent(risk)),
        None => of_known,
    }
}

pub(super) fn tasks(report: &EvaluationReport) -> String {
    let mut html = String::new();
    for (i, task) in report.tasks.iter().enumerate() {
        if let Some(curves) = &task.curves {
            html.push_str(&task_section(i, task, curves));
        }
    }
    html
}

fn task_section(i: usize, task: &TaskReport, curves: &Curves) -> String {
    let heading = escape(&words::task(&task.name, task.horizon_days));
    let mut html = format!(
        r#"<section class="task" id="task-{i}" aria-labelledby="task-{i}-h"><h2 id="task-{i}-h">{heading}</h2>"#
    );
    let _ = write!(
        html,
        "<p>{} predictions for {} subjects; {} events ({} of those with a known outcome); {} censored before the horizon.",
        words::count(task.rows),
        words::count(task.subjects),
        words::count(task.events),
        words::share(task.prevalence),
        words::count(task.censored)
    );
    if let Some(risk) = task.observed_risk.filter(|_| task.censoring_weighted) {
        let _ = write!(html, " Allowing for censoring, the observed risk is {}.", words::percent(risk));
    }
    html.push_str("</p>");
    for note in &task.notes {
        let _ = write!(html, r#"<p class="note">{}</p>"#, escape(note));
    }
    html.push_str(&metrics_table(task));
    let baseline =
        if curves.baseline.is_empty() { "" } else { r#"<span class="key key-b">Age and sex</span>"# };
    let _ = write!(
        html,
        r#"<p class="keys"><span class="key key-m">Model</span>{baseline}</p><div class="plots">"#
    );
    let id = |plot: &str| format!("t{i}-{plot}");
    figure(&mut html, &plots::roc(&id("roc"), task, curves), "ROC curve");
    figure(
        &mut html,
        &plots::precision_recall(&id("pr"), task, curves),
        "Precision and recall; dotted: prevalence",
    );
    figure(
        &mut html,
        &plots::calibration(&id("cal"), task, curves),
        "Calibration: tenths of risk, smooth curve with band",
    );
    figure(&mut html, &plots::histogram(&id("hist"), task, curves), "Spread of risks; dark: events");
    figure(&mut html, &plots::decision(&id("dca"), task, curves), "Decision curve; grey: act on everyone");
    html.push_str("</div>");
    for part in [ward::operating(task), ward::strata(task), ward::timed(task), ward::recalibrated(task)] {
        html.push_str(&part);
    }
    if task.subgroups.iter().any(|g| g.auroc.is_some()) {
        html.push_str(&subgroups(i, task));
    }
    html.push_str(&trust::fairness(task));
    html.push_str("</section>");
    html
}

fn metrics_table(task: &TaskReport) -> String {
    type Metric = (&'static str, &'static str, fn(&Performance) -> &Estimate);
    let metrics: [Metric; 10] = [
        ("AUROC", "ranking: 1 is perfect, 0.5 is chance", |p| &p.auroc),
        ("AUPRC", "average precision; chance is the prevalence", |p| &p.average_precision),
        ("Brier score", "squared error: lower is better", |p| &p.brier),
        ("Brier score, censoring-weighted", "over all predictions", |p| &p.brier_ipcw),
        ("Scaled Brier score", "1 is perfect, 0 is the prevalence for all", |p| &p.brier_scaled),
        ("Log loss", "nats: lower is better", |p| &p.log_loss),
        ("Observed / expected", "1 is right, below 1 risks are too high", |p| &p.observed_expected),
        ("Calibration intercept", "0 is right", |p| &p.calibration_intercept),
        ("Calibration slope", "1 is right, below 1 risks are too extreme", |p| &p.calibration_slope),
        ("Integrated calibration index", "mean distance from the smooth curve", |p| {
            &p.integrated_calibration_index
        }),
    ];
    let mut html = String::from(
        r#"<div class="scroll"><table class="metrics"><thead><tr><th scope="col">Metric</th><th scope="col" class="n">Model</th>"#,
    );
    if task.comparison.is_some() {
        html.push_str(
            r#"<th scope="col" class="n">Age and sex</th><th scope="col" class="n">Difference</th>"#,
        );
    }
    html.push_str("</tr></thead><tbody>");
    for (name, meaning, of) in metrics {
        if name.contains("weighted") && !task.censoring_weighted {
            continue;
        }
        let _ = write!(
            html,
            r#"<tr><th scope="row">{name}<small>{meaning}</small></th>{}"#,
            cell(of(&task.model))
        );
        if let Some(comparison) = &task.comparison {
            let difference = match name {
                "AUROC" => Some(&comparison.difference.auroc),
                "AUPRC" => Some(&comparison.difference.average_precision),
                "Brier score" => Some(&comparison.difference.brier),
                _ => None,
            };
            let difference = difference.map_or_else(|| r#"<td class="n"></td>"#.to_owned(), cell);
            let _ = write!(html, "{}{difference}", cell(of(&comparison.baseline)));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

fn subgroups(i: usize, task: &TaskReport) -> String {
    let mut html = String::from(r#"<h3>Who it works for</h3><div class="forest">"#);
    figure(
        &mut html,
        &plots::forest(&format!("t{i}-forest"), task),
        "AUROC by subgroup; dotted: all subjects",
    );
    html.push_str(
        r#"<div class="scroll"><table><thead><tr><th scope="col">Subgroup</th><th scope="col" class="n">Predictions</th><th scope="col" class="n">Events</th><th scope="col" class="n">AUROC</th><th scope="col" class="n">Observed / expected</th><th scope="col" class="n">Brier score</th></tr></thead><tbody>"#,
    );
    for group in &task.subgroups {
        let by = if group.by == "age" { "Age" } else { "Sex" };
        let _ = write!(
            html,
            r#"<tr><th scope="row"><small class="by">{by}</small> {}</th>"#,
            escape(&group.group)
        );
        if group.suppressed {
            html.push_str(r#"<td class="suppressed" colspan="5">Too small to be shown</td></tr>"#);
        } else {
            html.push_str(&subgroup_cells(group));
        }
    }
    html.push_str("</tbody></table></div></div>");
    html
}

fn subgroup_cells(group: &Subgroup) -> String {
    let count = |n: Option<usize>| n.map_or_else(|| "not shown".to_owned(), words::count);
    let estimate = |e: &Option<Estimate>| cell(e.as_ref().unwrap_or(&Estimate::default()));
    format!(
        r#"<td class="n">{}</td><td class="n">{}</td>{}{}{}</tr>"#,
        count(group.rows),
        count(group.events),
        estimate(&group.auroc),
        estimate(&group.observed_expected),
        estimate(&group.brier)
    )
}

pub(super) fn unmeasured(report: &EvaluationReport) -> String {
    if report.unmeasured.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        r#"<section aria-labelledby="unmeasured-h"><h2 id="unmeasured-h">Not measured</h2><details><summary>"#,
    );
    let _ = write!(
        html,
        "{} outcomes with too little to go by</summary><ul>",
        words::count(report.unmeasured.len())
    );
    for task in &report.unmeasured {
        let name = escape(&words::task(&task.name, task.horizon_days));
        let _ = write!(html, "<li>{name}: {}</li>", escape(&task.reason));
    }
    html.push_str("</ul></details></section>");
    html
}

pub(super) fn methods(report: &EvaluationReport) -> String {
    let about = &report.about;
    let stated = |text: &str| if text.is_empty() { "Not stated.".to_owned() } else { escape(text) };
    let level = words::level(report.bootstrap.confidence);
    let facts = [
        ("Data", stated(&about.dataset)),
        ("Subjects measured on", stated(&about.split)),
        ("Model", format!("{}{}", stated(&about.model), digest(&about.model_digest))),
        ("Prediction times", stated(&about.prediction_times)),
        ("Outcomes", stated(&about.outcomes)),
        ("Baseline", stated(&about.baseline)),
        (
            "Censoring",
            "Who left observation before the horizon without the outcome has no known outcome. Ranking and plain scores leave them out; calibration, net benefit and the weighted Brier score weight the others by the inverse Kaplan–Meier probability of being uncensored (Graf et al. 1999). The weights are held fixed over the draws.".to_owned(),
        ),
        (
            "Intervals",
            format!(
                "{level} percentile intervals over {} bootstrap draws of whole subjects (seed {}). Draws in which a number is undefined are left out and counted in report.json; a number undefined in most draws has no interval. Model and baseline are compared on the same draws. Intervals are not corrected for the number of outcomes. Those of groups in calibration plots are Wilson's.",
                words::count(report.bootstrap.draws),
                report.bootstrap.seed
            ),
        ),
        (
            "Calibration",
            "Intercept with the slope held at 1; slope of a logistic regression of the outcome on logit(risk), risks held 10⁻⁸ away from 0 and 1; smooth curve by lowess (span ⅔, no robustness iterations); integrated calibration index after Austin and Steyerberg 2019.".to_owned(),
        ),
        (
            "Ranking in time",
            "Time-dependent AUC: cumulative cases against dynamic controls at the horizon, weighted by the inverse probability of being uncensored (Uno et al. 2007). Harrell's and Uno's C up to the horizon; who dies without the outcome counts as free of it to the horizon (Wolbers et al. 2009).".to_owned(),
        ),
        (
            "Flags and alerts",
            format!(
                "A prediction stands until the subject's next one, the end of observation or the horizon, whichever comes first. A clinician is taken to look after {} patients. Lead time is from a subject's first flag to the outcome.",
                words::decimals(report.patients_per_clinician, usize::from(report.patients_per_clinician.fract() != 0.0))
            ),
        ),
        (
            "Fairness",
            "Each group against the one of its kind with the most events. Tests by the bootstrap's standard error, corrected by Holm over all differences of the outcome; not the four-fifths rule.".to_owned(),
        ),
        (
            "Small numbers",
            format!(
                "Outcomes that fewer than {} subjects had, or are known not to have had, are not measured. Subgroups with fewer than {} such subjects are suppressed, and where one alone would be, the counts of the smallest other are withheld too.",
                report.min_events, report.small_cell
            ),
        ),
    ];
    let mut html = String::from(
        r#"<section aria-labelledby="methods-h"><h2 id="methods-h">How this was measured</h2><dl class="methods">"#,
    );
    for (name, text) in facts {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{text}</dd></div>");
    }
    html.push_str("</dl></section>");
    html
}

fn digest(digest: &str) -> String {
    if digest.is_empty() { String::new() } else { format!(" <code>{}</code>", escape(digest)) }
}

pub(super) fn reading() -> String {
    r#"<section aria-labelledby="reading-h"><h2 id="reading-h">How to read it</h2><ul>
<li><strong>AUROC</strong> is the chance that someone who will have the outcome was given a higher risk than someone who will not. It says nothing about whether the risks are right.</li>
<li><strong>Calibration</strong> says that: of those given a risk of 10 %, do 10 in 100 have the outcome? Points above the dotted line mean that the model says too little.</li>
<li><strong>AUPRC</strong> depends on how common the outcome is; compare it with the prevalence and the baseline, not between outcomes.</li>
<li><strong>Net benefit</strong> weighs the cases found against the false alarms, at the exchange rate that the threshold implies. A model is worth using at thresholds where its line is the highest.</li>
<li><strong>Age and sex</strong> is what anyone could predict without a model. Only what lies beyond it was learned from the record.</li>
</ul></section>"#
        .to_owned()
}

/// A table cell with a number and, below it, its interval or the reason for its absence.
pub(super) fn cell(estimate: &Estimate) -> String {
    let below = match (words::interval(estimate), &estimate.reason) {
        (Some(interval), _) => format!(r#"<small class="ci">{interval}</small>"#),
        (None, Some(reason)) => format!("<small>{}</small>", escape(reason)),
        (None, None) => String::new(),
    };
    format!(r#"<td class="n">{}{below}</td>"#, words::value(estimate))
}

pub(super) fn figure(html: &mut String, svg: &str, caption: &str) {
    let _ = write!(html, "<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption));
}
