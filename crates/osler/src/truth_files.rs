//! What a synthetic population's records don't tell, as Parquet: for grading, never for reading in.

use anyhow::{Context, Result};
use events::meds::{Column, ColumnsWriter};
use rayon::prelude::*;
use std::path::Path;
use synth::counterfactual::{self, DecisionTruth};
use synth::observer::{self, Effort, RiskTruth};
use synth::{Population, SyntheticSubject};

/// Days after a decision within which outcomes count.
const DECISION_HORIZON_DAYS: f64 = 1826.25;
/// Horizons of risks, in days.
const RISK_HORIZONS_DAYS: [f64; 2] = [365.25, 1826.25];
/// People whose truth is worked out before it is written: bounds memory.
const BLOCK: u64 = 256;

/// How much truth to write.
#[derive(Clone, Copy, Debug)]
pub struct TruthSettings {
    /// Futures behind each probability.
    pub draws: u32,
    /// Particles of the observer.
    pub particles: u32,
    /// People, from the first on, whose risks are observed.
    pub observed: u64,
}

/// Writes `onsets.parquet`, `decisions.parquet`, `risks.parquet` and `disparities.json`.
pub fn write(
    population: &Population,
    settings: TruthSettings,
    dir: &Path,
    threads: usize,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?;
    let table = |name: &str| ColumnsWriter::new(&dir.join(name));
    let (mut onsets, mut decisions, mut risks) =
        (table("onsets.parquet"), table("decisions.parquet"), table("risks.parquet"));
    // Empty batches, so that a file without rows has its columns.
    onsets.write(onset_columns(&[]))?;
    decisions.write(decision_columns(&[]))?;
    risks.write(risk_columns(&[]))?;
    let effort = Effort { particles: settings.particles, draws: settings.draws };
    for block in 0..population.len().div_ceil(BLOCK) {
        let people = block * BLOCK..population.len().min((block + 1) * BLOCK);
        let end = people.end;
        let truths: Vec<(SyntheticSubject, Vec<DecisionTruth>, Vec<RiskTruth>)> = pool.install(|| {
            people
                .into_par_iter()
                .map(|index| {
                    let subject = population.subject(index);
                    let decisions = counterfactual::decisions(
                        population,
                        &subject,
                        DECISION_HORIZON_DAYS,
                        settings.draws,
                    );
                    let risks = if index < settings.observed {
                        observer::risks(population, &subject, &RISK_HORIZONS_DAYS, effort)
                    } else {
                        Vec::new()
                    };
                    (subject, decisions, risks)
                })
                .collect()
        });
        let subjects: Vec<&SyntheticSubject> = truths.iter().map(|(subject, ..)| subject).collect();
        onsets.write(onset_columns(&subjects))?;
        decisions.write(decision_columns(&truths.iter().flat_map(|(_, d, _)| d).collect::<Vec<_>>()))?;
        risks.write(risk_columns(&truths.iter().flat_map(|(.., r)| r).collect::<Vec<_>>()))?;
        progress(end);
    }
    onsets.finish()?;
    decisions.finish()?;
    risks.finish()?;
    let disparities: Vec<_> = synth::disparity::ALL
        .iter()
        .map(|disparity| {
            let scale = population.settings().disparity;
            serde_json::json!({
                "group": disparity.group.name(),
                "condition": disparity.condition.profile().name,
                "code": format!("ICD10CM//{}", disparity.condition.profile().icd10cm),
                "share_of_clinic_cases_missed": (scale * disparity.missed).clamp(0.0, 1.0),
                "mean_delay_years": scale * disparity.delay_years,
                "source": disparity.source,
            })
        })
        .collect();
    let path = dir.join("disparities.json");
    std::fs::write(&path, format!("{:#}\n", serde_json::Value::from(disparities)))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn texts<T>(rows: &[T], of: impl Fn(&T) -> String) -> Column {
    Column::Texts(rows.iter().map(of).collect())
}

fn numbers<T>(rows: &[T], of: impl Fn(&T) -> f64) -> Column {
    Column::Numbers(rows.iter().map(of).collect())
}

fn flags<T>(rows: &[T], of: impl Fn(&T) -> bool) -> Column {
    Column::Flags(rows.iter().map(of).collect())
}

/// Every onset of a whole life. Ages in years; NaN for what never came.
fn onset_columns(subjects: &[&SyntheticSubject]) -> Vec<(&'static str, Column)> {
    let rows: Vec<_> =
        subjects.iter().flat_map(|s| s.life.onsets.iter().map(move |onset| (*s, onset))).collect();
    let or_nan = |age: f64| if age.is_finite() { age } else { f64::NAN };
    vec![
        ("subject_id", Column::Integers(rows.iter().map(|(s, _)| s.index as i64 + 1).collect())),
        ("condition", texts(&rows, |(_, o)| o.condition.profile().name.to_owned())),
        ("code", texts(&rows, |(_, o)| format!("ICD10CM//{}", o.condition.profile().icd10cm))),
        ("chronic", flags(&rows, |(_, o)| o.condition.is_chronic())),
        ("latent_age", numbers(&rows, |(_, o)| o.latent_age)),
        ("diagnosable_age", numbers(&rows, |(_, o)| or_nan(o.diagnosis_age))),
        ("recorded_age", numbers(&rows, |(_, o)| or_nan(o.finding.known_age))),
        ("latent_time", Column::Times(rows.iter().map(|(s, o)| s.time_at(o.latent_age).micros()).collect())),
        ("enrolment_age", numbers(&rows, |(s, _)| s.enrolment_age)),
        ("last_age", numbers(&rows, |(s, _)| s.last_age)),
    ]
}

fn decision_columns(rows: &[&DecisionTruth]) -> Vec<(&'static str, Column)> {
    vec![
        ("subject_id", Column::Integers(rows.iter().map(|r| r.subject_id).collect())),
        ("time", Column::Times(rows.iter().map(|r| r.time.micros()).collect())),
        ("condition", texts(rows, |r| r.indication.profile().name.to_owned())),
        ("condition_code", texts(rows, |r| format!("ICD10CM//{}", r.indication.profile().icd10cm))),
        ("therapy", texts(rows, |r| r.therapy.name.to_owned())),
        ("class", texts(rows, |r| r.therapy.class.to_owned())),
        ("treatment", texts(rows, |r| format!("RXNORM//{}", r.therapy.drug.code))),
        ("given", flags(rows, |r| r.given)),
        ("outcome", texts(rows, |r| r.outcome.name().to_owned())),
        ("outcome_code", texts(rows, |r| r.outcome.code())),
        ("horizon_days", numbers(rows, |r| r.horizon_days)),
        ("outcome_treated", flags(rows, |r| r.outcome_treated)),
        ("outcome_untreated", flags(rows, |r| r.outcome_untreated)),
        ("risk_treated", numbers(rows, |r| r.risk_treated)),
        ("risk_untreated", numbers(rows, |r| r.risk_untreated)),
        ("difference_error", numbers(rows, |r| r.difference_error)),
        ("draws", Column::Counts(rows.iter().map(|r| r.draws).collect())),
        ("propensity", numbers(rows, |r| r.propensity)),
        ("eligible", flags(rows, |r| !r.contraindicated)),
        ("contraindicated", flags(rows, |r| r.contraindicated)),
    ]
}

fn risk_columns(rows: &[&RiskTruth]) -> Vec<(&'static str, Column)> {
    vec![
        ("subject_id", Column::Integers(rows.iter().map(|r| r.subject_id).collect())),
        ("time", Column::Times(rows.iter().map(|r| r.time.micros()).collect())),
        ("condition", texts(rows, |r| r.outcome.name().to_owned())),
        ("code", texts(rows, |r| r.outcome.code())),
        ("horizon_days", numbers(rows, |r| r.horizon_days)),
        ("true_risk", numbers(rows, |r| r.true_risk)),
        ("bayes_risk", numbers(rows, |r| r.bayes_risk)),
        ("bayes_error", numbers(rows, |r| r.bayes_error)),
        ("bayes_latent", numbers(rows, |r| r.bayes_latent)),
        ("latent", flags(rows, |r| r.latent)),
        ("effective_particles", numbers(rows, |r| r.effective_particles)),
    ]
}
