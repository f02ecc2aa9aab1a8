//! Who of a population is who in the records made from it.
//!
//! Truth knows people by their place in the population. Records that went through `osler ingest` know them by a pseudonym,
//! and their dates are moved. With the site's key both can be worked out again, in memory; nothing of it is written.

use anyhow::{Context, Result, bail};
use deid::{DateMethod, Deidentifier, Key, Policy};
use events::Time;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Who is who.
pub struct Join {
    of: HashMap<i64, (i64, i32)>,
}

/// As much of a line of `truth.ndjson` as is needed.
#[derive(Deserialize)]
struct Person {
    subject_id: i64,
    patient_id: String,
}

impl Join {
    /// Finds the people of a population's truth among `known` subjects: by the key that the records were de-identified with,
    /// or as they are numbered if none is given.
    pub fn new(truth: &Path, known: &HashSet<i64>, key: Option<(&Key, Policy)>) -> Result<Self> {
        let of: HashMap<i64, (i64, i32)> = match key {
            None => known.iter().map(|id| (*id, (*id, 0))).collect(),
            Some((key, policy)) => {
                if policy.dates() == DateMethod::YearOnly {
                    bail!(
                        "the records tell years alone ({} policy), so no moment of the truth can be found in them; grade records \
                         of another policy",
                        policy.name()
                    );
                }
                let deidentifier = Deidentifier::new(policy, key)?;
                pseudonyms(truth, known, &deidentifier)?
            }
        };
        Ok(Join { of })
    }

    /// How many people of the population the records hold.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// The subject in the records, and where a moment of his life stands there.
    pub fn place(&self, person: i64, time: Time) -> Option<(i64, Time)> {
        let (subject, days) = self.of.get(&person)?;
        Some((*subject, time.plus_days(f64::from(*days))))
    }
}

/// Records made from FHIR are keyed by the patient's id there, those made from MEDS by the number.
fn pseudonyms(
    truth: &Path,
    known: &HashSet<i64>,
    deidentifier: &Deidentifier,
) -> Result<HashMap<i64, (i64, i32)>> {
    let path = truth.join("truth.ndjson");
    let file = std::fs::File::open(&path).with_context(|| {
        format!("cannot read {}, which tells who is who; `osler synth` writes it", path.display())
    })?;
    let mut found = HashMap::new();
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        let person: Person =
            serde_json::from_str(&line).ok().with_context(|| format!("{} is damaged", path.display()))?;
        let keys = [person.patient_id, person.subject_id.to_string()];
        let key = keys.into_iter().find(|key| known.contains(&deidentifier.pseudonym(key)));
        if let Some(key) = key {
            found.insert(person.subject_id, (deidentifier.pseudonym(&key), deidentifier.offset_days(&key)));
        }
    }
    Ok(found)
}
