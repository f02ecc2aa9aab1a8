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

    /// Is it one of the three words that stand without a system, [`Code::BIRTH`], [`Code::DEATH`] and [`Code::FOLLOWUP_END`]?
    pub fn is_reserved(&self) -> bool {
        matches!(self.as_str(), Self::BIRTH | Self::DEATH | Self::FOLLOWUP_END)
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

/// The name of a coding system of which only its URI is known: `URI:` and the URI in one spelling (lower case, `http`, without
/// version and closing slash).
///
/// ```
/// # use events::system_of_uri;
/// assert_eq!(system_of_uri("https://Hospital.example/lab/|2024"), "URI:http://hospital.example/lab");
/// ```
pub fn system_of_uri(uri: &str) -> SmolStr {
    format_smolstr!("URI:{}", one_spelling_of_uri(uri))
}

/// A URI in the spelling that [`system_of_uri`] gives it.
pub fn one_spelling_of_uri(uri: &str) -> SmolStr {
    let uri = uri.trim();
    let uri = uri.split_once('|').map_or(uri, |(uri, _version)| uri);
    let lower = SmolStr::new(uri.trim_end_matches('/').to_ascii_lowercase());
    match lower.strip_prefix("https://") {
        Some(rest) => format_smolstr!("http://{rest}"),
        None => lower,
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
