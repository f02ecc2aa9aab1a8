//! What a synthetic population's records don't tell, as Parquet: for grading, never for reading in.

use anyhow::{Context, Result};
use deid::Deidentifier;
use events::meds::{Column, ColumnsWriter};
use rayon::prelude::*;
use std::path::Path;
use synth::counterfactual::{self, DecisionTruth};
use synth::observer::{self, Effort, RiskTruth};
use synth::site::Site;
use synth::therapy::Outcome;
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
        let site = |subject: &SyntheticSubject| subject.person.site;
        let decided: Vec<_> =
            truths.iter().flat_map(|(s, d, _)| d.iter().map(move |d| (site(s), d))).collect();
        decisions.write(decision_columns(&decided))?;
        let asked: Vec<_> = truths.iter().flat_map(|(s, _, r)| r.iter().map(move |r| (site(s), r))).collect();
        risks.write(risk_columns(&asked))?;
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

/// Writes `subjects.parquet`: who is who. With a de-identifier also by which number a subject goes, and by how many
/// days its dates are moved, after `osler ingest` under that policy and key.
pub fn write_subjects(
    population: &Population,
    source_key: impl Fn(&SyntheticSubject) -> String + Sync,
    deidentifier: Option<&Deidentifier>,
    threads: usize,
    dir: &Path,
) -> Result<()> {
    let mut table = ColumnsWriter::new(&dir.join("subjects.parquet"));
    let columns = |rows: &[(SyntheticSubject, String)]| {
        let mut columns = vec![
            ("subject_id", Column::Integers(rows.iter().map(|(s, _)| s.index as i64 + 1).collect())),
            ("patient_id", texts(rows, |(s, _)| s.key.clone())),
            ("site", texts(rows, |(s, _)| s.person.site.name().to_owned())),
        ];
        if let Some(deidentifier) = deidentifier {
            let ids = rows.iter().map(|(_, key)| deidentifier.pseudonym(key)).collect();
            let days = rows.iter().map(|(_, key)| i64::from(deidentifier.offset_days(key))).collect();
            columns.push(("ingested_subject_id", Column::Integers(ids)));
            columns.push(("ingested_shift_days", Column::Integers(days)));
        }
        columns
    };
    table.write(columns(&[]))?;
    let make = |index| {
        let subject = population.subject(index);
        let key = source_key(&subject);
        (subject, key)
    };
    synth::stream::in_order(population, threads, make, |block| -> Result<()> {
        table.write(columns(&block))?;
        Ok(())
    })?;
    Ok(table.finish()?)
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
        ("code", texts(&rows, |(s, o)| Outcome::Onset(o.condition).code(s.person.site))),
        ("chronic", flags(&rows, |(_, o)| o.condition.is_chronic())),
        ("latent_age", numbers(&rows, |(_, o)| o.latent_age)),
        ("diagnosable_age", numbers(&rows, |(_, o)| or_nan(o.diagnosis_age))),
        ("recorded_age", numbers(&rows, |(_, o)| or_nan(o.finding.known_age))),
        ("latent_time", Column::Times(rows.iter().map(|(s, o)| s.time_at(o.latent_age).micros()).collect())),
        ("enrolment_age", numbers(&rows, |(s, _)| s.enrolment_age)),
        ("last_age", numbers(&rows, |(s, _)| s.last_age)),
        ("stage", texts(&rows, |(_, o)| o.stage().map_or(String::new(), |stage| stage.name.to_owned()))),
    ]
}

fn decision_columns(rows: &[(Site, &DecisionTruth)]) -> Vec<(&'static str, Column)> {
    vec![
        ("subject_id", Column::Integers(rows.iter().map(|(_, r)| r.subject_id).collect())),
        ("time", Column::Times(rows.iter().map(|(_, r)| r.time.micros()).collect())),
        ("condition", texts(rows, |(_, r)| r.indication.profile().name.to_owned())),
        ("condition_code", texts(rows, |(site, r)| Outcome::Onset(r.indication).code(*site))),
        ("therapy", texts(rows, |(_, r)| r.therapy.name.to_owned())),
        ("class", texts(rows, |(_, r)| r.therapy.class.to_owned())),
        ("treatment", texts(rows, |(_, r)| format!("RXNORM//{}", r.therapy.drug.code))),
        ("given", flags(rows, |(_, r)| r.given)),
        ("outcome", texts(rows, |(_, r)| r.outcome.name().to_owned())),
        ("outcome_code", texts(rows, |(site, r)| r.outcome.code(*site))),
        ("horizon_days", numbers(rows, |(_, r)| r.horizon_days)),
        ("outcome_treated", flags(rows, |(_, r)| r.outcome_treated)),
        ("outcome_untreated", flags(rows, |(_, r)| r.outcome_untreated)),
        ("risk_treated", numbers(rows, |(_, r)| r.risk_treated)),
        ("risk_untreated", numbers(rows, |(_, r)| r.risk_untreated)),
        ("difference_error", numbers(rows, |(_, r)| r.difference_error)),
        ("draws", Column::Counts(rows.iter().map(|(_, r)| r.draws).collect())),
        ("propensity", numbers(rows, |(_, r)| r.propensity)),
        ("eligible", flags(rows, |(_, r)| !r.contraindicated)),
        ("contraindicated", flags(rows, |(_, r)| r.contraindicated)),
    ]
}

fn risk_columns(rows: &[(Site, &RiskTruth)]) -> Vec<(&'static str, Column)> {
    vec![
        ("subject_id", Column::Integers(rows.iter().map(|(_, r)| r.subject_id).collect())),
        ("time", Column::Times(rows.iter().map(|(_, r)| r.time.micros()).collect())),
        ("condition", texts(rows, |(_, r)| r.outcome.name().to_owned())),
        ("code", texts(rows, |(site, r)| r.outcome.code(*site))),
        ("horizon_days", numbers(rows, |(_, r)| r.horizon_days)),
        ("true_risk", numbers(rows, |(_, r)| r.true_risk)),
        ("bayes_risk", numbers(rows, |(_, r)| r.bayes_risk)),
        ("bayes_error", numbers(rows, |(_, r)| r.bayes_error)),
        ("bayes_latent", numbers(rows, |(_, r)| r.bayes_latent)),
        ("latent", flags(rows, |(_, r)| r.latent)),
        ("effective_particles", numbers(rows, |(_, r)| r.effective_particles)),
    ]
}
