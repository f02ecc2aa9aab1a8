//! Quantitative analyses: how well it does, for whom, and what acting on it would mean.

use super::evidence::{Evidence, Material, SourceId};
use super::words::horizon;
use super::{Entry, Figure, Row, Section, Table};
use ::evaluate::{EvaluationReport, SMALL_CELL, TaskReport};
use serde_json::Value;

/// Outcomes that are told one by one, of each evaluation: those with the most events.
const OUTCOMES: usize = 10;
/// Outcomes of which groups and thresholds are told.
const DETAILED: usize = 3;
/// Outcomes that weren't measured and are named one by one.
const NAMED: usize = 10;

pub fn section(material: &Material) -> Section {
    let evidence = &material.evidence;
    let (mut entries, mut tables) = (Vec::new(), Vec::new());
    match material.tuning_check {
        Some(source) => tuning_check(evidence, source, &mut entries, &mut tables),
        None => entries.push(Entry::not_evaluated(
            "Risks against what happened to the tuning people",
            "the model's directory holds no tuning_check.json",
        )),
    }
    for (source, report) in &material.reports {
        of_report(evidence, *source, report, &mut entries, &mut tables);
    }
    if material.reports.is_empty() {
        entries.push(Entry::not_evaluated(
            "Discrimination, calibration and utility",
            "no evaluation was given (--report)",
        ));
    }
    for (source, report) in &material.grades {
        let each = report.answer.iter().enumerate();
        entries.extend(each.map(|(i, told)| {
            evidence.told("Reasoning, against a known truth", told.clone(), *source, &format!("/answer/{i}"))
        }));
    }
    if material.grades.is_empty() {
        entries.push(Entry::not_evaluated(
            "Reasoning (differential, effects of treatments)",
            "no grades were given (osler grade, --grades)",
        ));
    }
    Section {
        id: "results",
        title: "Quantitative analyses",
        chai: vec!["Key metrics: usefulness, usability and efficacy", "Key metrics: fairness and equity"],
        entries,
        tables,
    }
}

fn tuning_check(evidence: &Evidence, source: SourceId, entries: &mut Vec<Entry>, tables: &mut Vec<Table>) {
    let whole = |place: &str| evidence.at(source, place).and_then(Value::as_u64);
    let people = whole("/people");
    let Some(codes) =
        evidence.at(source, "/codes").and_then(Value::as_array).filter(|codes| !codes.is_empty())
    else {
        entries.push(Entry::not_evaluated(
            "Risks against what happened to the tuning people",
            "there were too few of them",
        ));
        return;
    };
    let within = horizon(evidence.at(source, "/horizon_days").and_then(Value::as_f64).unwrap_or(0.0));
    let mut gain = evidence.number(source, "/gain", people);
    gain.standard_error = evidence.at(source, "/gain_error").and_then(Value::as_f64);
    tables.push(Table {
        title: "The tuning people, whom training was watched by".to_owned(),
        about: format!(
            "Mean logarithmic loss of age and sex alone less the model's, a person, over all conditions{within}: above 0 the model is better. \
             They chose when training stopped, so this is no evaluation."
        ),
        source: evidence.id(source),
        n_of: "people",
        columns: vec!["Gain over age and sex"],
        rows: vec![Row { name: "All conditions together".to_owned(), code: None, n: people, events: None, figures: vec![gain] }],
    });
    let places = told(codes);
    let left_out = match codes.len() - places.len() {
        0 => String::new(),
        n => {
            format!(" {n} that fewer than {SMALL_CELL} of these people had, or all but fewer, are left out.")
        }
    };
    let rows = places.into_iter().take(OUTCOMES).map(|i| {
        let n = whole(&format!("/codes/{i}/people"));
        let number = |name: &str| evidence.number(source, &format!("/codes/{i}/{name}"), n);
        let code = codes[i]["code"].as_str().unwrap_or_default();
        // Earlier versions counted those alone of whom it is known, of expected and observed.
        let happened = if codes[i]["happened"].is_number() { "happened" } else { "events" };
        Row {
            name: codes[i]["description"].as_str().unwrap_or(code).to_owned(),
            code: Some(code.to_owned()),
            n,
            events: whole(&format!("/codes/{i}/events")),
            figures: [happened, "model", "age_and_sex"].map(number).into(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        entries.push(Entry::not_evaluated(
            "Expected and observed among the tuning people",
            "too few of them had any condition",
        ));
        return;
    }
    tables.push(Table {
        title: "Expected and observed among the tuning people".to_owned(),
        about: format!(
            "Conditions{within} with the most events. Numbers of people, those who left before it was known allowed for; no intervals were made \
             of them.{left_out}{}",
            match evidence.at(source, "/levels_set_by_them").and_then(Value::as_bool) {
                Some(true) =>
                    " The model's levels were set by these people, so that this is no test of them.",
                _ => "",
            }
        ),
        source: evidence.id(source),
        n_of: "people",
        columns: vec!["Observed", "Expected by the model", "Expected by age and sex"],
        rows,
    });
}

/// The conditions that don't tell of a few people, those with the most events first. Nobody is no small group.
fn told(codes: &[Value]) -> Vec<usize> {
    let count = |i: usize, name: &str| codes[i][name].as_u64().unwrap_or(0);
    let is_few = |n: u64| (1..SMALL_CELL as u64).contains(&n);
    let is_told = |i: &usize| {
        let events = count(*i, "events");
        !is_few(events) && !is_few(count(*i, "people").saturating_sub(events))
    };
    let mut places: Vec<usize> = (0..codes.len()).filter(is_told).collect();
    places.sort_by_key(|i| std::cmp::Reverse(count(*i, "events")));
    places
}

fn of_report(
    evidence: &Evidence,
    source: SourceId,
    report: &EvaluationReport,
    entries: &mut Vec<Entry>,
    tables: &mut Vec<Table>,
) {
    let confidence = report.bootstrap.confidence;
    let of = About { evidence, source, report, confidence };
    let told = report.answer.iter().enumerate();
    entries
        .extend(told.map(|(i, told)| evidence.told("Found", told.clone(), source, &format!("/answer/{i}"))));
    let most = report.tasks.iter().enumerate().take(OUTCOMES);
    let rows: Vec<Row> = most.map(|(i, task)| of.task(i, task)).collect();
    let more = report.tasks.len() - rows.len();
    if !rows.is_empty() {
        let further = match more {
            0 => String::new(),
            more => format!(" {more} more are in the file."),
        };
        tables.push(Table {
            title: format!("Outcomes: {}", report.about.dataset),
            about: format!("{} Most events first.{further}", of.intervals()),
            source: evidence.id(source),
            n_of: "predictions whose outcome is known",
            columns: vec![
                "AUROC",
                "AUROC of age and sex",
                "Difference",
                "Average precision",
                "Observed / expected",
                "Calibration slope",
                "Brier, weighted for censoring",
            ],
            rows,
        });
    }
    for (i, task) in report.tasks.iter().enumerate().take(DETAILED) {
        tables.extend(of.thresholds(i, task));
        tables.extend(of.groups(i, task));
        let sentences = task.fairness.iter().flat_map(|fairness| &fairness.sentences).enumerate();
        entries.extend(sentences.map(|(j, told)| {
            let place = format!("/tasks/{i}/fairness/sentences/{j}");
            evidence.told(&format!("Fairness, {}", name(task)), told.clone(), source, &place)
        }));
    }
    let unmeasured = report.unmeasured.iter();
    entries.extend(unmeasured.take(NAMED).map(|task| {
        Entry::not_evaluated(
            format!("{}{}", task.name, horizon(f64::from(task.horizon_days))),
            task.reason.clone(),
        )
    }));
    if report.unmeasured.len() > NAMED {
        entries.push(Entry::not_evaluated(
            format!("{} more outcomes", report.unmeasured.len() - NAMED),
            "too few events; the evaluation names them",
        ));
    }
}

fn name(task: &TaskReport) -> String {
    format!("{}{}", task.name, horizon(f64::from(task.horizon_days)))
}

/// One evaluation.
struct About<'a> {
    evidence: &'a Evidence,
    source: SourceId,
    report: &'a EvaluationReport,
    confidence: f64,
}

impl About<'_> {
    fn intervals(&self) -> String {
        match self.report.bootstrap.draws {
            0 => "No intervals were made.".to_owned(),
            draws => format!("{} % intervals over {draws} draws of subjects.", self.confidence * 100.0),
        }
    }

    fn estimate(&self, place: &str, n: Option<u64>) -> Figure {
        self.evidence.estimate(self.source, place, n, self.confidence)
    }

    fn task(&self, i: usize, task: &TaskReport) -> Row {
        let n = Some((task.rows - task.censored) as u64);
        let of = |place: &str| self.estimate(&format!("/tasks/{i}/{place}"), n);
        Row {
            name: name(task),
            code: (task.name != task.task).then(|| task.task.clone()),
            n,
            events: Some(task.events as u64),
            figures: [
                "model/auroc",
                "comparison/baseline/auroc",
                "comparison/difference/auroc",
                "model/average_precision",
                "model/observed_expected",
                "model/calibration_slope",
                "model/brier_ipcw",
            ]
            .map(of)
            .into(),
        }
    }

    /// What acting at thresholds would mean.
    fn thresholds(&self, i: usize, task: &TaskReport) -> Option<Table> {
        let n = Some((task.rows - task.censored) as u64);
        let rows: Vec<Row> = task
            .operating
            .iter()
            .enumerate()
            .map(|(j, point)| Row {
                name: format!("at a risk of {:.2} % or more", point.threshold * 100.0),
                code: None,
                n,
                events: Some(task.events as u64),
                figures: [
                    "flagged_share",
                    "sensitivity",
                    "specificity",
                    "positive_predictive_value",
                    "number_needed_to_evaluate",
                    "alerts_per_clinician_day",
                ]
                .map(|name| self.estimate(&format!("/tasks/{i}/operating/{j}/{name}"), n))
                .into(),
            })
            .collect();
        (!rows.is_empty()).then(|| Table {
            title: format!("What acting would mean: {}", name(task)),
            about: format!(
                "{} A clinician is taken to look after {} patients.",
                self.intervals(),
                self.report.patients_per_clinician
            ),
            source: self.evidence.id(self.source),
            n_of: "predictions whose outcome is known",
            columns: vec![
                "Share flagged",
                "Sensitivity",
                "Specificity",
                "Positive predictive value",
                "To evaluate for one",
                "Alerts a clinician and day",
            ],
            rows,
        })
    }

    /// For whom it works less well.
    fn groups(&self, i: usize, task: &TaskReport) -> Option<Table> {
        let fairness = task.fairness.as_ref()?;
        let single =
            fairness.dimensions.iter().enumerate().filter(|(_, dimension)| !dimension.by.contains(" and "));
        let rows: Vec<Row> = single
            .flat_map(|(j, dimension)| {
                dimension.groups.iter().enumerate().map(move |(k, group)| (j, dimension, k, group))
            })
            .map(|(j, dimension, k, group)| {
                let n = group.rows.map(|n| n as u64);
                let metrics = ["auroc", "sensitivity", "observed_expected", "recorded_over_age_and_sex"];
                let of = |metric: &str| {
                    let place = format!("/tasks/{i}/fairness/dimensions/{j}/groups/{k}/metrics/{metric}");
                    match group.suppressed {
                        false => self.estimate(&place, n),
                        true => Figure {
                            reason: Some("too few to be told".to_owned()),
                            source: self.evidence.id(self.source),
                            place,
                            ..Figure::default()
                        },
                    }
                };
                Row {
                    name: format!("{}: {}", dimension.by, group.group),
                    code: None,
                    n,
                    events: group.events.map(|n| n as u64),
                    figures: metrics.map(of).into(),
                }
            })
            .collect();
        (!rows.is_empty()).then(|| Table {
            title: format!("For whom: {}", name(task)),
            about: format!(
                "{} Flagged is who has a risk of {:.2} % or more. The last column is about the outcomes: how often they are on record, over how \
                 often age and sex alone expect it.",
                self.intervals(),
                fairness.threshold * 100.0
            ),
            source: self.evidence.id(self.source),
            n_of: "predictions whose outcome is known",
            columns: vec!["AUROC", "Sensitivity", "Observed / expected", "Recorded / expected by age and sex"],
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_a_few_had_or_had_not_are_left_out() {
        let of = |people: u64, events: u64| serde_json::json!({ "people": people, "events": events });
        let codes = [of(10, 1), of(200, 9), of(200, 10), of(200, 0), of(200, 193), of(200, 40), of(50, 50)];
        assert_eq!(told(&codes), [6, 5, 2, 3]);
    }
}
