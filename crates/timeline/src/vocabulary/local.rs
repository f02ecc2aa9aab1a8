//! Another site's codes, read as tokens that a vocabulary has.

use super::{Entry, EntryKind, LONGEST_CODE, ValueDistribution, check_values, of_unit};
use events::Code;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

/// A coding system of a site's own: codes that its records state under `source` stand in the vocabulary under `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct LocalSystem {
    /// What readers of its records call it (`URI:http://hospital.example/lab`).
    pub source: SmolStr,
    /// What stands before the codes (`SITE_LAB`).
    pub name: SmolStr,
}

/// `systems` are in order, each source once.
pub(super) fn check_systems(systems: &[LocalSystem]) -> Result<(), String> {
    if systems.len() > MOST_SYSTEMS {
        return Err(format!("{} local systems, of at most {MOST_SYSTEMS}", systems.len()));
    }
    if !systems.windows(2).all(|pair| pair[0].source < pair[1].source) {
        return Err("local systems are out of order, or one is told twice".into());
    }
    match systems.iter().any(|system| system.source.len() + system.name.len() > LONGEST_CODE) {
        true => Err(format!("a local system has more than {LONGEST_CODE} bytes")),
        false => Ok(()),
    }
}

/// A site has at most this many systems of its own.
const MOST_SYSTEMS: usize = 1000;
/// A site has at most this many codes of its own.
const MOST: usize = 1 << 20;

/// A code of a site that adopted the vocabulary, or a code of the vocabulary in the units of that site.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LocalCode {
    /// As the site writes it.
    pub code: Code,
    /// The token that it is read as.
    pub token: u32,
    /// The site's values in units that training never saw for the token, by unit; without a unit also where training has
    /// values without one, since two sites' need not be in the same. A rank among them stands for the same
    /// rank in training, which is right as far as both sites test alike people.
    pub values: Vec<ValueDistribution>,
}

impl LocalCode {
    /// The site's own distribution of values in `unit`.
    pub fn distribution(&self, unit: Option<&str>) -> Option<&ValueDistribution> {
        of_unit(&self.values, unit)
    }
}

/// `local` is in order of code.
pub(super) fn check(
    local: &[LocalCode],
    entries: &[Entry],
    by_code: &FxHashMap<Code, u32>,
) -> Result<(), String> {
    if local.len() > MOST {
        return Err(format!("{} local codes, of at most {MOST}", local.len()));
    }
    if !local.windows(2).all(|pair| pair[0].code < pair[1].code) {
        return Err("local codes are out of order, or one is told twice".into());
    }
    for (at, code) in local.iter().enumerate() {
        let refuse = |problem: &str| Err(format!("local code {at} {problem}"));
        if code.code.as_str().is_empty() || code.code.as_str().len() > LONGEST_CODE {
            return refuse(&format!("is empty, or has more than {LONGEST_CODE} bytes"));
        }
        match entries.get(code.token as usize) {
            None => return refuse("is read as a token that isn't there"),
            Some(entry) if entry.kind == EntryKind::Special => {
                return refuse("is read as one of the reserved four");
            }
            Some(entry)
                if code.values.iter().any(|values| {
                    values.unit.is_some() && entry.distribution(values.unit.as_deref()).is_some()
                }) =>
            {
                return refuse("has values of its own in a unit that training knows");
            }
            Some(_) => {}
        }
        if by_code.get(&code.code).is_some_and(|own| *own != code.token) {
            return refuse("has a token of its own, and is read as another");
        }
        check_values(&code.values).map_err(|problem| format!("local code {at} {problem}"))?;
    }
    Ok(())
}
