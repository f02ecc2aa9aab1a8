//! Codes: `SYSTEM//code`.

use smol_str::{SmolStr, format_smolstr};
use std::fmt;

/// What happened, as `SYSTEM//code` (`ICD10CM//E11.9`, `LOINC//4548-4`) or a reserved word (`MEDS_BIRTH`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Code(SmolStr);

impl Code {
    /// Birth, as MEDS names it.
    pub const BIRTH: &'static str = "MEDS_BIRTH";
    /// Death, as MEDS names it.
    pub const DEATH: &'static str = "MEDS_DEATH";
    /// The end of a subject's follow-up: after it nothing is known, alive or dead.
    pub const FOLLOWUP_END: &'static str = "OSLER_FOLLOWUP_END";

    /// A whole code string.
    pub fn new(code: impl AsRef<str>) -> Self {
        Code(SmolStr::new(code))
    }

    /// `SYSTEM//code`.
    pub fn of(system: &str, code: &str) -> Self {
        Code(format_smolstr!("{system}//{code}"))
    }

    /// [`Code::BIRTH`].
    pub fn birth() -> Self {
        Code(SmolStr::new_static(Self::BIRTH))
    }

    /// [`Code::DEATH`].
    pub fn death() -> Self {
        Code(SmolStr::new_static(Self::DEATH))
    }

    /// [`Code::FOLLOWUP_END`].
    pub fn followup_end() -> Self {
        Code(SmolStr::new_static(Self::FOLLOWUP_END))
    }

    /// The whole code string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first `//`, or the whole of a reserved word.
    pub fn system(&self) -> &str {
        self.0.split_once("//").map_or(&self.0, |(system, _)| system)
    }

    /// The part after the first `//`, if any.
    pub fn local(&self) -> Option<&str> {
        self.0.split_once("//").map(|(_, code)| code)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::borrow::Borrow<str> for Code {
    fn borrow(&self) -> &str {
        &self.0
    }
}
