//! What was found, as a whole: the contents of `report.json`, and the answer in words.

use super::{
    DifferentialGrade, EffectGrade, EffectSummary, Estimator, MODEL, OBSERVER, RiskGrades, RiskSummary,
    Settings, effects_summary,
};
use crate::bootstrap::Bootstrap;
use crate::error::Result;
use crate::evaluation::{About, Estimate};
use crate::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the report's JSON shape.
const FORMAT: u32 = 1;

/// Grades of a model's reasoning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeReport {
    /// Version of this shape.
    pub format: u32,
    /// Data and model.
    pub about: About,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// What was found, in plain sentences.
    pub answer: Vec<String>,
    /// Risks, ranking and calibration, and how early.
    pub risks: RiskGrades,
    /// Disease that is there and not on record.
    pub differential: DifferentialGrade,
    /// Effects of treatments, each.
    pub effects: Vec<EffectGrade>,
    /// Effects of treatments together.
    pub effects_together: EffectSummary,
    /// What was not graded, and why.
    pub not_graded: Vec<(String, String)>,
    /// How it was graded: a name and sentences.
    pub methods: Vec<(String, String)>,
}

/// What isn't measured of predictors since they say nothing of somebody, by predictor and horizon.
fn silences(risks: &RiskGrades) -> Vec<(String, String)> {
    let mut of: BTreeMap<(u64, &str), Vec<String>> = BTreeMap::new();
    for grade in &risks.each {
        for (name, people) in &grade.silent {
            let said = format!("{} ({people} of {} people)", grade.name, grade.people);
            of.entry((grade.horizon_days.round() as u64, name.as_str())).or_default().push(said);
        }
    }
    of.into_iter()
        .map(|((days, name), silent)| {
            let because = format!(
                "it says nothing of some people and isn't measured there, nor has it a mean AUC over the commonest if they are among them: {}",
                silent.join(", ")
            );
            (format!("{name}, within {days} days"), because)
        })
        .collect()
}

impl GradeReport {
    /// Says what was found.
    pub fn new(
        about: About,
        settings: &Settings,
        (risks, differential, effects): (RiskGrades, DifferentialGrade, Vec<EffectGrade>),
        mut not_graded: Vec<(String, String)>,
        methods: Vec<(String, String)>,
    ) -> Self {
        not_graded.extend(silences(&risks));
        let effects_together = effects_summary(&effects, settings);
        let answer = answer(&risks, &differential, &effects_together);
        GradeReport {
            format: FORMAT,
            about,
            bootstrap: settings.bootstrap,
            answer,
            risks,
            differential,
            effects,
            effects_together,
            not_graded,
            methods,
        }
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// When a number can't be written.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// A report from its JSON.
    ///
    /// # Errors
    /// When it isn't one.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// The report as one self-contained page.
    pub fn to_html(&self) -> String {
        crate::report::grading_html(self)
    }
}

fn answer(risks: &RiskGrades, differential: &DifferentialGrade, effects: &EffectSummary) -> Vec<String> {
    let mut said: Vec<String> = risks.summaries.iter().map(of_risks).collect();
    if said.is_empty() && !risks.each.is_empty() {
        said.push("No risk rests on enough events to be graded.".to_owned());
    }
    said.extend(of_differential(differential));
    said.extend(of_effects(effects));
    said
}

fn of_risks(summary: &RiskSummary) -> String {
    let horizon = words::horizon(summary.horizon_days as f32).unwrap_or_default();
    let share = &summary.share;
    let auc = |name: &str| summary.mean_auc.get(name).map_or_else(|| words::NOTHING.to_owned(), words::value);
    let few = match summary.conditions < summary.wanted {
        true => format!(" ({} were asked for; the others have too few events)", summary.wanted),
        false => String::new(),
    };
    format!(
        "Within {horizon}, over {} conditions{few}, the model reaches {} of the excess AUC that the optimal observer has: a mean AUC of {} \
         against {}. {} of {} calibration slopes lie between 0.9 and 1.1.",
        summary.conditions,
        shares(share),
        auc(MODEL),
        auc(OBSERVER),
        summary.slopes_within,
        summary.conditions
    )
}

/// A share with its interval, as percentages.
pub(crate) fn shares(estimate: &Estimate) -> String {
    let (Some(value), low, high) = (estimate.value, estimate.low, estimate.high) else {
        return words::NOTHING.to_owned();
    };
    match low.zip(high) {
        Some((low, high)) => format!(
            "{} (95 % interval {} to {})",
            words::percent(value),
            words::percent(low),
            words::percent(high)
        ),
        None => words::percent(value),
    }
}

fn of_differential(grade: &DifferentialGrade) -> Option<String> {
    let (model, observer) = (grade.predictors.get(MODEL)?, grade.predictors.get(OBSERVER)?);
    Some(format!(
        "Of {} diseases that were there and on no record, the model's differential has {} first and {} among the first five; the optimal \
         observer's {} and {}.",
        words::count(grade.cases),
        words::share(model.first.value),
        words::share(model.first_five.value),
        words::share(observer.first.value),
        words::share(observer.first_five.value)
    ))
}

fn of_effects(summary: &EffectSummary) -> Option<String> {
    if summary.questions == 0 {
        return None;
    }
    let mut text = format!(
        "Of {} questions about a treatment, {} were refused for want of comparable people. Of those answered, the doubly robust interval \
         holds the true mean effect in {} of {}, the naive difference's in {} of {}.",
        summary.questions,
        summary.refused,
        summary.held[0],
        summary.held[1],
        summary.naive_held[0],
        summary.naive_held[1]
    );
    let error = |name: &str| summary.estimators.get(name).and_then(|e: &Estimator| e.error.value);
    if let (Some(own), Some(naive), Some(none)) =
        (error("doubly robust, by patient"), error("naive difference"), error("no effect"))
    {
        text.push_str(&format!(
            " A patient's own effect is off by {} (root mean square); the naive difference by {}, taking every effect for nothing by {}.",
            words::number(own),
            words::number(naive),
            words::number(none)
        ));
    }
    if summary.placebo_held[1] > 0 {
        text.push_str(&format!(
            " Of {} placebo comparisons, {} intervals hold zero; the naive difference's {}.",
            summary.placebo_held[1], summary.placebo_held[0], summary.placebo_naive_held[0]
        ));
    }
    Some(text)
}
