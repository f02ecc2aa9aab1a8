//! TRIPOD+AI (Collins et al., BMJ 2024;385:e078378): which of its items this report answers, where, and what is left for
//! people to write. An item is called answered only where the report itself holds the answer.

use crate::evaluation::EvaluationReport;
use crate::words;
use serde::Serialize;

/// Does the report answer an item?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// Yes, as told.
    Here,
    /// In part: people add what is told.
    InPart,
    /// Nothing that this program knows of answers it.
    NotEvidenced,
}

/// One item of TRIPOD+AI.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// Its number, such as `12e`.
    pub number: &'static str,
    /// What it asks for, in short.
    pub asks: &'static str,
    /// Whether the report answers it.
    pub answered: Answered,
    /// Where, or what is left to say.
    pub told: String,
}

/// All items, in TRIPOD+AI's order.
pub fn items(report: &EvaluationReport) -> Vec<Item> {
    use Answered::{Here, InPart, NotEvidenced};
    let about = &report.about;
    let mut items = Vec::new();
    let mut item = |number, asks, answered, told: String| items.push(Item { number, asks, answered, told });
    let people = || "For the authors.".to_owned();
    // What the caller stated, or nothing.
    let stated = |text: &str, rest: &str| match text.is_empty() {
        true => (NotEvidenced, "Not stated.".to_owned()),
        false => (InPart, format!("{text} {rest}").trim().to_owned()),
    };
    let mut with = |number, asks, (answered, told): (Answered, String)| item(number, asks, answered, told);

    with(
        "1",
        "Title: what is predicted, for whom",
        match about.title.is_empty() {
            true => (NotEvidenced, "No title was given.".to_owned()),
            false => (InPart, about.title.clone()),
        },
    );
    with("2", "Abstract", (InPart, "“The answer”, without background.".to_owned()));
    with("3a–c", "Background: context, intended use, known inequalities in care", (NotEvidenced, people()));
    with("4", "Objectives", (InPart, "An evaluation; what it is for, the authors say.".to_owned()));
    with(
        "5a",
        "Sources of the data",
        stated(&about.dataset, "How representative they are, the authors say."),
    );
    with(
        "5b",
        "Dates of the data",
        (NotEvidenced, "Dates of de-identified records are moved or blunt.".to_owned()),
    );
    with("6a", "Setting and centres", (NotEvidenced, people()));
    with("6b", "Who was eligible", stated(&about.prediction_times, ""));
    with("6c", "Treatments received", (NotEvidenced, people()));
    with(
        "7",
        "Preparation of the data",
        (InPart, "In the manifests of the data set and of the model, by digest.".to_owned()),
    );
    with("8a", "The outcome, and the time to it", stated(&about.outcomes, ""));
    with("8b–c", "Who assessed the outcome, and whether blinded", (Here, "Nobody: outcomes are recorded codes and labels; what the model said was not known when they were recorded, unless it was live.".to_owned()));
    with(
        "9a–c",
        "Predictors: choice, definition, assessors",
        (InPart, "All events of the record before the prediction; in the model's vocabulary.".to_owned()),
    );
    with(
        "10",
        "Sample size, and why it is enough",
        match report.tasks.is_empty() {
            true => (NotEvidenced, "Nothing was measured.".to_owned()),
            false => (
                Here,
                format!(
                    "As many as there were; what that is enough for the intervals say, and of differences between groups “Is it fair?”. Outcomes that fewer than {} subjects had are not measured.",
                    report.min_events
                ),
            ),
        },
    );
    with("11", "Missing data", (InPart, "What isn't recorded is absent from a record, and nothing is filled in. Censoring: see “How this was measured”.".to_owned()));
    with("12a", "Use of the data: learning and measuring", stated(&about.split, ""));
    with(
        "12b–c",
        "Handling of predictors; type and building of the model",
        stated(&about.model, "Settings and training log: in the model's directory."),
    );
    with("12d", "Heterogeneity between centres", by_site(report));
    with("12e", "Measures of performance", (Here, "“How this was measured”.".to_owned()));
    with("12f", "Updating (recalibration) of the model", recalibrated(report));
    with(
        "12g",
        "How predictions were calculated",
        match about.model_digest.is_empty() {
            true => (NotEvidenced, "The model's digest was not stated.".to_owned()),
            false => (Here, format!("By the model {}; {}.", about.model_digest, about.tool)),
        },
    );
    with(
        "13",
        "Imbalance of classes",
        (
            Here,
            "Nothing was over- or undersampled for this measurement; prevalences are in the tables."
                .to_owned(),
        ),
    );
    with("14", "Approaches to fairness", fair(report));
    with(
        "15",
        "What the model puts out",
        (Here, "A probability; flags only at the thresholds that are shown.".to_owned()),
    );
    with("16", "Differences between the data learned from and measured on", audited(report));
    with("17", "Ethical approval", (NotEvidenced, people()));
    with(
        "18a–e",
        "Funding, conflicts of interest, protocol, registration, sharing of data",
        (NotEvidenced, people()),
    );
    with(
        "18f",
        "Sharing of code",
        (
            InPart,
            format!(
                "{} is open; the site's own scripts, the authors say.",
                if about.tool.is_empty() { "The program" } else { &about.tool }
            ),
        ),
    );
    with("19", "Involvement of patients and the public", (NotEvidenced, people()));
    with(
        "20a",
        "Flow of participants",
        match report.tasks.is_empty() {
            true => (NotEvidenced, "Nothing was measured.".to_owned()),
            false => (Here, "Predictions, subjects, events and censored, with each outcome.".to_owned()),
        },
    );
    with("20b–c", "Characteristics of participants, beside those learned from", (InPart, "By sex, age and what else is recorded, under “Who it works for” and “Is it fair?”; those learned from are not described here.".to_owned()));
    with("21", "Numbers in building the model", (InPart, "In the model's manifest.".to_owned()));
    with(
        "22",
        "The full model",
        match about.model_digest.is_empty() {
            true => (NotEvidenced, "The model's digest was not stated.".to_owned()),
            false => (InPart, format!("Weights with the digest {}.", about.model_digest)),
        },
    );
    with(
        "23a",
        "Performance with intervals, in key subgroups too",
        match report.tasks.is_empty() {
            true => (NotEvidenced, "Nothing was measured.".to_owned()),
            false => (
                Here,
                format!(
                    "{} outcomes and horizons, {} in detail.",
                    words::count(report.tasks.len()),
                    words::count(report.tasks.iter().filter(|t| t.curves.is_some()).count())
                ),
            ),
        },
    );
    with("23b", "Heterogeneity in performance", by_site(report));
    with("24", "Results of updating", recalibrated(report));
    with(
        "25",
        "Interpretation, fairness among it",
        (
            InPart,
            "“The answer” says what the numbers show; what they mean for care, the authors say.".to_owned(),
        ),
    );
    with(
        "26",
        "Limitations",
        (InPart, "The audit, the notes with each outcome, and what is said of power.".to_owned()),
    );
    with("27a–c", "Use: poor input, users' skill, next steps", (NotEvidenced, people()));
    items
}

fn by_site(report: &EvaluationReport) -> (Answered, String) {
    let has_sites = report
        .tasks
        .iter()
        .filter_map(|t| t.fairness.as_ref())
        .flat_map(|f| &f.dimensions)
        .any(|d| d.by == "site");
    match has_sites {
        true => (Answered::Here, "By site, under “Is it fair?”.".to_owned()),
        false => (Answered::NotEvidenced, "The records name no site, or one.".to_owned()),
    }
}

fn recalibrated(report: &EvaluationReport) -> (Answered, String) {
    match report.tasks.iter().any(|t| !t.recalibrated.is_empty()) {
        true => (
            Answered::Here,
            "“What recalibration here would bring”: tried on these subjects, not applied to the numbers."
                .to_owned(),
        ),
        false => (Answered::NotEvidenced, "None was tried.".to_owned()),
    }
}

fn fair(report: &EvaluationReport) -> (Answered, String) {
    let mut kinds: Vec<&str> = report
        .tasks
        .iter()
        .filter_map(|t| t.fairness.as_ref())
        .flat_map(|f| &f.dimensions)
        .map(|d| d.by.as_str())
        .filter(|by| !by.contains(" and "))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.is_empty() {
        true => (Answered::NotEvidenced, "No group is recorded.".to_owned()),
        false => (Answered::Here, format!("By {}, and pairs of these.", kinds.join(", "))),
    }
}

fn audited(report: &EvaluationReport) -> (Answered, String) {
    use crate::audit::Check;
    match report.audit.made.contains(&Check::TimeOverlap) {
        true => (
            Answered::InPart,
            "Subjects and years in both: in the audit. Differences in setting, the authors say.".to_owned(),
        ),
        false => (Answered::NotEvidenced, "The records were not given.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{About, Options, evaluate};
    use events::{Prediction, Sex, Time};

    fn report(about: About) -> EvaluationReport {
        let predictions: Vec<Prediction> = (0..200)
            .map(|i| Prediction {
                subject_id: i,
                prediction_time: Time::from_micros(0),
                task: "E11".into(),
                horizon_days: 365.0,
                boolean_value: Some(i % 4 == 0),
                observed_days: Some(400.0),
                predicted_boolean_probability: 0.1 + (i % 7) as f64 / 10.0,
                baseline_probability: None,
                age_years: Some(60.0),
                sex: if i % 2 == 0 { Sex::Female } else { Sex::Male },
            })
            .collect();
        evaluate(&predictions, &Options { about, ..Options::default() }).unwrap()
    }

    #[test]
    fn nothing_is_called_answered_that_is_not_there() {
        let bare = items(&report(About::default()));
        let of = |items: &[Item], number| items.iter().find(|i| i.number == number).unwrap().answered;
        for number in ["3a–c", "5a", "6b", "8a", "12a", "12g", "17", "22", "23b"] {
            assert_eq!(of(&bare, number), Answered::NotEvidenced, "{number}");
        }
        assert_eq!((of(&bare, "14"), of(&bare, "23a")), (Answered::Here, Answered::Here));
        let about = About {
            dataset: "A ward".into(),
            model_digest: "5f1c".into(),
            split: "held out".into(),
            ..About::default()
        };
        let told = items(&report(about));
        assert_eq!((of(&told, "5a"), of(&told, "12g")), (Answered::InPart, Answered::Here));
        assert!(told.iter().all(|i| !i.told.is_empty()));
    }
}
