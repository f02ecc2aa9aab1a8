//! Codes that were left out of training and tuning people's records (`osler tokenize --withhold`).

use crate::manifest::Manifest;
use crate::model_directory;
use anyhow::{Context, Result, bail};
use events::{Deidentified, Subject};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// The file's name in a timeline.
const FILE: &str = "withheld.json";

/// Codes that training must not see.
pub struct Withheld {
    codes: HashSet<String>,
}

impl Withheld {
    /// Those of a list, one a line.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let codes: HashSet<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if codes.is_empty() {
            bail!("{} names no code; one a line is wanted, as ICD10CM//E11.9", path.display());
        }
        Ok(Withheld { codes })
    }

    /// Those that a timeline's records are without, if any.
    pub fn of_timeline(dir: &Path, manifest: &Manifest) -> Result<Option<Self>> {
        if manifest.settings["withheld_codes"].is_null() {
            return Ok(None);
        }
        let path = dir.join(FILE);
        if !path.exists() {
            bail!(
                "{} doesn't say which codes its records are without; tokenize anew with this version of osler",
                dir.display()
            );
        }
        Ok(Some(Withheld { codes: model_directory::read_json(&path)? }))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// A subject without them; those that it had are noted in `met`.
    pub fn left_out_of(
        &self,
        subject: Deidentified<Subject>,
        met: &mut BTreeSet<String>,
    ) -> Deidentified<Subject> {
        subject.map(|subject| {
            let (out, kept): (Vec<_>, Vec<_>) =
                subject.events().iter().partition(|event| self.codes.contains(event.code.as_str()));
            for event in out {
                if !met.contains(event.code.as_str()) {
                    met.insert(event.code.as_str().to_owned());
                }
            }
            Subject::new(subject.id, kept.into_iter().cloned().collect())
        })
    }

    /// Those of the list that no record holds, sorted.
    pub fn unmet<'w>(&'w self, met: &BTreeSet<String>) -> BTreeSet<&'w str> {
        self.codes.iter().map(String::as_str).filter(|code| !met.contains(*code)).collect()
    }

    /// Writes into a timeline which codes were left out: those that were met alone, since a list of a wrong name may hold anything.
    pub fn write(met: &BTreeSet<String>, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        std::fs::write(&path, serde_json::to_vec_pretty(met)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
