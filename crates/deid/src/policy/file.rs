//! A policy's file: the keys that it may have. Any other is refused.

use rustc_hash::FxHashMap;
use serde::Deserialize;
use smol_str::SmolStr;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) label: Label,
    #[serde(rename = "version")]
    _version: u32,
    pub(crate) subjects: Subjects,
    pub(crate) dates: Dates,
    #[serde(default)]
    pub(crate) geography: Geography,
    pub(crate) text: Text,
    pub(crate) codes: Codes,
    pub(crate) fields: Fields,
}

/// What a policy claims to be: which rule of HIPAA it is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Label {
    /// 45 CFR 164.514(b)(2).
    SafeHarbor,
    /// 45 CFR 164.514(b)(1).
    ExpertDetermination,
    /// 45 CFR 164.514(e).
    LimitedDataSet,
}

impl Label {
    /// As policies write it.
    pub fn name(self) -> &'static str {
        match self {
            Label::SafeHarbor => "safe-harbor",
            Label::ExpertDetermination => "expert-determination",
            Label::LimitedDataSet => "limited-data-set",
        }
    }

    /// The rule that it names.
    pub fn rule(self) -> &'static str {
        match self {
            Label::SafeHarbor => "45 CFR 164.514(b)(2)",
            Label::ExpertDetermination => "45 CFR 164.514(b)(1)",
            Label::LimitedDataSet => "45 CFR 164.514(e)",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subjects {
    pub(crate) identifier: Identifier,
}

/// Where a subject's number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Identifier {
    /// HKDF of the site's key and the subject's key in the source: the same in every run with one key.
    KeyedPseudonym,
    /// Drawn at random: derived from nothing. Only a crosswalk leads back.
    Random,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dates {
    pub(crate) method: DateMethod,
    pub(crate) shift_days: Option<u32>,
    #[serde(default)]
    pub(crate) keep_weekday: bool,
    #[serde(default)]
    pub(crate) keep_season: bool,
    #[serde(default)]
    pub(crate) blur_followup_days: u32,
    pub(crate) oldest_age_years: Option<u32>,
}

/// What becomes of dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DateMethod {
    /// All dates of a subject move by one offset.
    Shift,
    /// Of every date the year stays: it stands on the year's last day.
    YearOnly,
    /// They stay.
    AsIs,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Geography {
    #[serde(default)]
    pub(crate) zip: Zip,
}

/// What becomes of ZIP codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Zip {
    /// Dropped.
    #[default]
    Drop,
    /// The first three digits where more than 20,000 people live, else 000.
    Zip3,
    /// Five digits.
    Zip5,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub(crate) free_text: FreeText,
    #[serde(default)]
    pub(crate) whitelist: bool,
    pub(crate) description_subjects: u32,
}

/// What becomes of free text: notes, conclusions, string values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FreeText {
    /// No text passes.
    Drop,
    /// What identifies is replaced by what it was: `[NAME]`.
    Tags,
    /// What identifies is replaced by something like it that is made up.
    Surrogates,
    /// What identifies is cut out.
    Removal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    pub(crate) systems: Vec<SmolStr>,
    #[serde(default)]
    pub(crate) contract_fields: Vec<SmolStr>,
    /// How many subjects must hold a code for it to pass as it is; 0 asks for none.
    #[serde(default)]
    pub(crate) fewest_subjects: u32,
    /// Per system: how many characters of a code stay, its dot aside.
    #[serde(default)]
    pub(crate) generalise: FxHashMap<SmolStr, usize>,
    /// Systems of the site's own.
    #[serde(default)]
    pub(crate) local: Vec<LocalSystem>,
}

/// A coding system of the site's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalSystem {
    /// What the source calls it: a URI, a vocabulary's id.
    pub(crate) system: SmolStr,
    /// What it is told as.
    pub(crate) name: SmolStr,
    /// A regular expression that the whole of a code fits.
    pub(crate) shape: String,
    /// How many subjects must hold a code for it to pass.
    #[serde(default = "subjects_of_a_local_code")]
    pub(crate) fewest_subjects: u32,
}

/// As many as must share a description.
fn subjects_of_a_local_code() -> u32 {
    10
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    pub(crate) allow: Vec<SmolStr>,
}
