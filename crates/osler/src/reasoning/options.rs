//! Options: what treatments did for patients like this one, in these records.

use super::case::Case;
use super::decisions::{self, Question};
use super::features::MODIFIERS;
use super::rules::{Against, Rules};
use super::table::Table;
use ::evaluate::effects::{
    Contrast, Effects, Modified, Overlap, PatientEffect, Refusal, Sensitivity, Settings, effects,
};
use anyhow::Result;
use events::Subject;
use serde::Serialize;

/// What was found for one treatment.
#[derive(Clone, Debug, Serialize)]
pub struct Treatment {
    /// Its codes begin so.
    pub treatment: String,
    /// What the record holds against it.
    pub contraindications: Vec<Against>,
    /// The guideline that takes it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_choice: Option<String>,
    /// What it did, or why nothing can be said.
    #[serde(flatten)]
    pub said: Said,
}

/// What can be said of a treatment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// An estimate.
    Estimate(Box<Estimate>),
    /// Why there is none.
    Refused(String),
}

/// An estimate, and what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// Decisions untreated and treated.
    pub decisions: [usize; 2],
    /// Those whose outcome is known.
    pub known: usize,
    /// The difference of risks over all comparable patients, treated less untreated.
    pub average: Contrast,
    /// Mean risks untreated and treated.
    pub risks: [f64; 2],
    /// The plain difference, which holds whatever decided treatment.
    pub naive: Contrast,
    /// For patients like this one, or why not.
    pub patient: Option<ForPatient>,
    /// Whether the arms have people in common.
    pub overlap: Overlap,
    /// How strong something unmeasured would have to be; none where the risk of an arm isn't safely above zero.
    pub sensitivity: Option<Sensitivity>,
    /// Root mean square of effects, in standard errors, of treatments that can do nothing: near one if the method holds here.
    pub placebo_deviation: Option<f64>,
    /// Outcomes that the treatment can't change: the difference found, which should hold zero.
    pub negative_controls: Vec<Control>,
    /// What to be wary of, in words.
    pub warnings: Vec<String>,
}

/// For patients like this one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForPatient {
    /// An estimate.
    Estimate(PatientEffect),
    /// Why there is none.
    Refused(Refusal),
}

/// An outcome that the treatment can't change.
#[derive(Clone, Debug, Serialize)]
pub struct Control {
    /// Its codes begin so.
    pub outcome: String,
    /// The difference found; none where it can't be estimated.
    pub difference: Option<Contrast>,
}

/// What is asked of options.
pub struct Asked<'a> {
    /// Condition, treatments and outcome, by how their codes begin.
    pub condition: &'a str,
    /// The candidates.
    pub treatments: &'a [String],
    /// The outcome.
    pub outcome: &'a str,
    /// Outcomes that no candidate can change.
    pub controls: &'a [String],
    /// Days within which a treatment is begun.
    pub grace_days: f64,
    /// Days of follow-up.
    pub horizon_days: f64,
    /// How effects are estimated.
    pub settings: Settings,
}

/// What each candidate did for patients like this one, among `people`, who don't include the patient.
pub fn options(
    case: &Case<'_>,
    people: &[&Subject],
    rules: &Rules,
    asked: &Asked<'_>,
) -> Result<Vec<Treatment>> {
    let one = |treatment: &String| -> Result<Treatment> {
        Ok(Treatment {
            contraindications: rules.against(case, treatment),
            first_choice: rules.first(asked.condition, treatment).map(str::to_owned),
            said: said(case, people, treatment, asked)?,
            treatment: treatment.clone(),
        })
    };
    asked.treatments.iter().map(one).collect()
}

fn said(case: &Case<'_>, people: &[&Subject], treatment: &str, asked: &Asked<'_>) -> Result<Said> {
    let question = |outcome: &str| Question {
        condition: asked.condition.to_owned(),
        treatment: treatment.to_owned(),
        outcome: outcome.to_owned(),
        grace_days: asked.grace_days,
        horizon_days: asked.horizon_days,
    };
    let record = decisions::now(case);
    if let Some(because) = question(asked.outcome).not_for(&record) {
        return Ok(Said::Refused(because.to_owned()));
    }
    let table = Table::new(case.directory, people, question(asked.outcome))?;
    let cohort = table.cohort();
    let found = match effects(&cohort, &asked.settings) {
        Ok(found) => found,
        Err(refused) => return Ok(Said::Refused(refused.to_string())),
    };
    let patient = match table.patient(case)? {
        None => None,
        Some(row) => {
            let modified = Modified::fit(&cohort, &found, &MODIFIERS)?;
            Some(match modified.patient(&cohort, &found, &row)? {
                Ok(effect) => ForPatient::Estimate(effect),
                Err(refusal) => ForPatient::Refused(refusal),
            })
        }
    };
    let mut negative_controls = Vec::new();
    for outcome in asked.controls {
        let cohort = Table::new(case.directory, people, question(outcome))?.cohort();
        let settings = Settings { placebos: 0, ..asked.settings };
        let difference = effects(&cohort, &settings).ok().map(|found| found.average);
        negative_controls.push(Control { outcome: outcome.clone(), difference });
    }
    let mut warnings = warnings(&found, &table, &negative_controls);
    let since = decisions::first(&record, asked.condition).map_or(0.0, |first| case.at.days_since(first));
    if since > asked.grace_days.max(1.0) {
        warnings.push(format!(
            "the condition has been on record for {since:.0} days, and the people compared decided at its first record"
        ));
    }
    Ok(Said::Estimate(Box::new(Estimate {
        decisions: found.overlap.rows,
        known: cohort.outcomes.iter().filter(|o| o.is_some()).count(),
        average: found.average,
        risks: found.risks,
        naive: found.naive,
        patient,
        placebo_deviation: found.placebo_deviation(),
        sensitivity: found.sensitivity,
        overlap: found.overlap,
        negative_controls,
        warnings,
    })))
}

fn warnings(found: &Effects, table: &Table<'_>, controls: &[Control]) -> Vec<String> {
    let mut warnings = Vec::new();
    let (treatment, outcome) = table.known();
    if !treatment {
        warnings.push("the model knows no risk of this treatment: it adjusts for less".to_owned());
    }
    if !outcome {
        warnings.push("the model knows no risk of this outcome: it adjusts for less".to_owned());
    }
    for control in controls {
        if control.difference.is_some_and(|difference| difference.excludes_zero()) {
            warnings.push(format!(
                "{} seems changed too, which the treatment can't change: something that isn't in the record decides both",
                control.outcome
            ));
        }
    }
    if found.placebo_deviation().is_some_and(|deviation| deviation > 1.6) {
        warnings.push(
            "treatments that can do nothing seem to do something: the intervals are too narrow here"
                .to_owned(),
        );
    }
    if found.overlap.outside > 0.2 {
        warnings.push(format!(
            "{:.0} % of the people have no counterpart in the other arm and are left out",
            100.0 * found.overlap.outside
        ));
    }
    let sensitive = found.sensitivity.filter(|s| found.average.excludes_zero() && s.interval < 1.5);
    if let Some(sensitivity) = sensitive {
        warnings.push(format!(
            "something unmeasured that goes with treatment and outcome by a risk ratio of {:.2} each would explain this away",
            sensitivity.interval
        ));
    }
    warnings
}
