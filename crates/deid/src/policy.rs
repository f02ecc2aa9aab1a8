//! Policies, as readable TOML shipped in the program.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

/// What to do with each field. Validated when made.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) raw: RawPolicy,
    pub(crate) fields: FxHashSet<SmolStr>,
    pub(crate) systems: FxHashSet<SmolStr>,
    pub(crate) contract_fields: FxHashSet<SmolStr>,
    text: String,
}

/// Why a policy was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not TOML, or a key that no policy has.
    #[error("the policy is not readable: {0}")]
    Syntax(Box<toml::de::Error>),
    /// A setting contradicts the policy's label.
    #[error("policy `{label}`: {problem}")]
    Contradiction {
        /// The policy's name.
        label: String,
        /// Which rule it breaks.
        problem: &'static str,
    },
    /// No policy of this name is shipped.
    #[error("no policy is named `{0}`; known is expert-determination")]
    Unknown(String),
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPolicy {
    pub(crate) name: String,
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "subjects")]
    _subjects: Subjects,
    pub(crate) dates: Dates,
    pub(crate) text: Text,
    codes: Codes,
    fields: Fields,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Subjects {
    #[serde(rename = "identifier")]
    _identifier: Identifier,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Identifier {
    KeyedPseudonym,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dates {
    pub(crate) shift_days: u32,
    pub(crate) oldest_age_years: u32,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    #[serde(rename = "free_text")]
    _free_text: FreeText,
    pub(crate) description_subjects: u32,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FreeText {
    Drop,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    systems: Vec<SmolStr>,
    contract_fields: Vec<SmolStr>,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    allow: Vec<SmolStr>,
}

const EXPERT_DETERMINATION: &str = include_str!("../policies/expert-determination.toml");

impl Policy {
    /// The shipped policy for expert determination.
    pub fn expert_determination() -> Self {
        match Self::from_toml(EXPERT_DETERMINATION) {
            Ok(policy) => policy,
            Err(error) => unreachable!("the shipped policy is tested: {error}"),
        }
    }

    /// A shipped policy by name.
    ///
    /// # Errors
    /// When none has this name.
    pub fn named(name: &str) -> Result<Self, PolicyError> {
        match name {
            "expert-determination" => Ok(Self::expert_determination()),
            _ => Err(PolicyError::Unknown(name.to_owned())),
        }
    }

    /// A policy from its TOML.
    ///
    /// # Errors
    /// When it is not readable, or contradicts its label.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let raw: RawPolicy = toml::from_str(text).map_err(|e| PolicyError::Syntax(Box::new(e)))?;
        let contradiction = |problem| Err(PolicyError::Contradiction { label: raw.name.clone(), problem });
        if raw.name != "expert-determination" {
            return Err(PolicyError::Unknown(raw.name));
        }
        if raw.dates.shift_days == 0 {
            return contradiction("dates.shift_days is 0, so dates would pass as they are");
        }
        if raw.dates.shift_days > 3650 {
            return contradiction(
                "dates.shift_days is above 3650, so times would leave the range that is kept",
            );
        }
        if raw.dates.oldest_age_years > 90 {
            return contradiction("dates.oldest_age_years is above 90, so ages over 89 would be told apart");
        }
        if raw.text.description_subjects < 2 {
            return contradiction("text.description_subjects is below 2, so one subject's words could pass");
        }
        let fields = raw.fields.allow.iter().cloned().collect();
        let systems = raw.codes.systems.iter().cloned().collect();
        let contract_fields = raw.codes.contract_fields.iter().cloned().collect();
        Ok(Policy { raw, fields, systems, contract_fields, text: text.to_owned() })
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// How many subjects must share a source's words for a code before they pass.
    pub fn description_subjects(&self) -> u32 {
        self.raw.text.description_subjects
    }

    /// The policy as written, for `osler deid policy show` and for its digest.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_the_label_is_refused() {
        for (from, to, word) in [
            ("shift_days = 365", "shift_days = 0", "shift_days"),
            ("oldest_age_years = 90", "oldest_age_years = 120", "oldest_age"),
            ("description_subjects = 10", "description_subjects = 1", "description_subjects"),
        ] {
            let text = EXPERT_DETERMINATION.replace(from, to);
            assert_ne!(text, EXPERT_DETERMINATION);
            let error = Policy::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        let typo = EXPERT_DETERMINATION.replace("shift_days", "shift_dayz");
        assert!(Policy::from_toml(&typo).is_err());
    }
}
