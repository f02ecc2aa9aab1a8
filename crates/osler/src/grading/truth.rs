//! The truth files of a population, joined to the records.

use super::join::Join;
use anyhow::{Context, Result};
use events::Time;
use events::meds::ColumnsFile;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

/// A person at a moment, a condition not on record and a horizon.
#[derive(Clone, Debug)]
pub struct TrueRisk {
    pub time: Time,
    pub condition: SmolStr,
    pub code: SmolStr,
    pub horizon_days: f64,
    pub chance: f64,
    pub observer: f64,
    pub observer_latent: f64,
    pub latent: bool,
    pub effective_particles: f64,
}

/// A decision and one outcome.
#[derive(Clone, Debug)]
pub struct TrueDecision {
    pub subject_id: i64,
    pub time: Time,
    pub given: bool,
    pub risks: [f64; 2],
    pub propensity: f64,
    pub horizon_days: f64,
}

/// What a decision is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct About {
    pub condition: SmolStr,
    pub condition_code: SmolStr,
    pub therapy: SmolStr,
    pub treatment: SmolStr,
    pub outcome: SmolStr,
    pub outcome_code: SmolStr,
}

impl About {
    /// Is the outcome that the condition comes again? What is on record already is no outcome that a record tells.
    pub fn is_recurrence(&self) -> bool {
        self.outcome_code.starts_with(self.condition_code.as_str())
    }
}

/// The truth about the people of some records.
pub struct Truth {
    /// Was anybody of the population observed, here or elsewhere? Of who wasn't no risk is known.
    pub is_anybody_observed: bool,
    /// By subject.
    pub risks: HashMap<i64, Vec<TrueRisk>>,
    /// By what they are about.
    pub decisions: Vec<(About, Vec<TrueDecision>)>,
    /// Codes of conditions that stay, and may have begun unseen.
    pub chronic: HashSet<SmolStr>,
    /// Codes that stand for several conditions, with their names: a site codes by category what the truth tells apart. Nothing of
    /// them is in `risks` or `decisions`.
    pub shared_codes: BTreeMap<SmolStr, BTreeSet<SmolStr>>,
}

impl Truth {
    /// Reads what `osler synth --truth` wrote into a directory.
    pub fn read(dir: &Path, join: &Join) -> Result<Self> {
        let open = |name: &str| {
            let path = dir.join(name);
            ColumnsFile::read(&path)
                .with_context(|| format!("{} can't be read; `osler synth --truth` writes it", path.display()))
        };
        let (onsets, risk_rows, decided) =
            (open("onsets.parquet")?, open("risks.parquet")?, open("decisions.parquet")?);
        let mut pairs = Vec::new();
        for (file, condition, code) in [
            (&onsets, "condition", "code"),
            (&risk_rows, "condition", "code"),
            (&decided, "condition", "condition_code"),
            (&decided, "outcome", "outcome_code"),
        ] {
            pairs.extend(file.texts(code)?.into_iter().zip(file.texts(condition)?));
        }
        let shared_codes = shared(pairs);
        let is_anybody_observed = !risk_rows.integers("subject_id")?.is_empty();
        let (mut risks, mut decisions) = (risks(&risk_rows, join)?, decisions(&decided, join)?);
        for rows in risks.values_mut() {
            rows.retain(|row| !shared_codes.contains_key(&row.code));
        }
        risks.retain(|_, rows| !rows.is_empty());
        decisions.retain(|(about, _)| {
            ![&about.condition_code, &about.outcome_code]
                .into_iter()
                .any(|code| shared_codes.contains_key(code))
        });
        Ok(Truth { is_anybody_observed, risks, decisions, chronic: chronic(&onsets)?, shared_codes })
    }
}

/// Codes that stand for several conditions.
fn shared(pairs: impl IntoIterator<Item = (SmolStr, SmolStr)>) -> BTreeMap<SmolStr, BTreeSet<SmolStr>> {
    let mut of: BTreeMap<SmolStr, BTreeSet<SmolStr>> = BTreeMap::new();
    for (code, condition) in pairs {
        of.entry(code).or_default().insert(condition);
    }
    of.retain(|_, conditions| conditions.len() > 1);
    of
}

fn chronic(file: &ColumnsFile) -> Result<HashSet<SmolStr>> {
    let rows = file.texts("code")?.into_iter().zip(file.flags("chronic")?);
    Ok(rows.filter(|(_, chronic)| *chronic).map(|(code, _)| code).collect())
}

fn risks(file: &ColumnsFile, join: &Join) -> Result<HashMap<i64, Vec<TrueRisk>>> {
    let (people, times) = (file.integers("subject_id")?, file.times("time")?);
    let (conditions, codes) = (file.texts("condition")?, file.texts("code")?);
    let (horizons, chances) = (file.numbers("horizon_days")?, file.numbers("true_risk")?);
    let (observer, observer_latent) = (file.numbers("bayes_risk")?, file.numbers("bayes_latent")?);
    let (latent, particles) = (file.flags("latent")?, file.numbers("effective_particles")?);
    let mut by_subject: HashMap<i64, Vec<TrueRisk>> = HashMap::new();
    for i in 0..people.len() {
        let Some((subject, time)) = join.place(people[i], times[i]) else { continue };
        by_subject.entry(subject).or_default().push(TrueRisk {
            time,
            condition: conditions[i].clone(),
            code: codes[i].clone(),
            horizon_days: horizons[i],
            chance: chances[i],
            observer: observer[i],
            observer_latent: observer_latent[i],
            latent: latent[i],
            effective_particles: particles[i],
        });
    }
    Ok(by_subject)
}

fn decisions(file: &ColumnsFile, join: &Join) -> Result<Vec<(About, Vec<TrueDecision>)>> {
    let (people, times) = (file.integers("subject_id")?, file.times("time")?);
    let (conditions, condition_codes) = (file.texts("condition")?, file.texts("condition_code")?);
    let (therapies, treatments) = (file.texts("therapy")?, file.texts("treatment")?);
    let (outcomes, outcome_codes) = (file.texts("outcome")?, file.texts("outcome_code")?);
    let (horizons, propensities) = (file.numbers("horizon_days")?, file.numbers("propensity")?);
    let (untreated, treated) = (file.numbers("risk_untreated")?, file.numbers("risk_treated")?);
    let given = file.flags("given")?;
    let mut by_question: HashMap<About, Vec<TrueDecision>> = HashMap::new();
    for i in 0..people.len() {
        let Some((subject_id, time)) = join.place(people[i], times[i]) else { continue };
        let about = About {
            condition: conditions[i].clone(),
            condition_code: condition_codes[i].clone(),
            therapy: therapies[i].clone(),
            treatment: treatments[i].clone(),
            outcome: outcomes[i].clone(),
            outcome_code: outcome_codes[i].clone(),
        };
        by_question.entry(about).or_default().push(TrueDecision {
            subject_id,
            time,
            given: given[i],
            risks: [untreated[i], treated[i]],
            propensity: propensities[i],
            horizon_days: horizons[i],
        });
    }
    let mut all: Vec<_> = by_question.into_iter().collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_of_several_conditions_is_told_apart_from_a_code_of_one() {
        let pair = |code: &str, condition: &str| (SmolStr::new(code), SmolStr::new(condition));
        let found = shared([
            pair("ICD10CM//E11", "diabetes"),
            pair("ICD10CM//E11", "retinopathy"),
            pair("ICD10CM//I10", "hypertension"),
            pair("ICD10CM//I10", "hypertension"),
        ]);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["ICD10CM//E11"]);
        assert_eq!(found["ICD10CM//E11"].len(), 2);
    }

    #[test]
    fn a_recurrence_is_no_outcome_that_a_record_tells() {
        let about = |condition: &str, outcome: &str| About {
            condition: "c".into(),
            condition_code: condition.into(),
            therapy: "t".into(),
            treatment: "RXNORM//1".into(),
            outcome: "o".into(),
            outcome_code: outcome.into(),
        };
        assert!(about("ICD10CM//I21.4", "ICD10CM//I21.4").is_recurrence());
        assert!(!about("ICD10CM//I21.4", "ICD10CM//I63.9").is_recurrence());
    }
}
