//! Policies: readable TOML, three of them shipped in the program, a site's own beside them.

mod contradictions;
mod file;
mod identifiers;
mod local;
#[cfg(test)]
mod tests;

pub use contradictions::PolicyError;
pub use file::{DateMethod, FreeText, Identifier, Label, Zip};

use crate::dates::Offsets;
use events::Code;
use file::File;
use local::LocalSystems;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

/// What to do with each field. Validated when made: no policy contradicts its label.
#[derive(Clone, Debug)]
pub struct Policy {
    file: File,
    text: String,
    fields: FxHashSet<SmolStr>,
    systems: FxHashSet<SmolStr>,
    contract_fields: FxHashSet<SmolStr>,
    local: LocalSystems,
    offsets: Offsets,
    /// Codes were judged before, by who made a model of them.
    judged: bool,
}

const SHIPPED: [(&str, &str); 3] = [
    ("safe-harbor", include_str!("../../policies/safe-harbor.toml")),
    ("expert-determination", include_str!("../../policies/expert-determination.toml")),
    ("limited-data-set", include_str!("../../policies/limited-data-set.toml")),
];

impl Policy {
    /// The shipped policy for expert determination.
    pub fn expert_determination() -> Self {
        match Self::named("expert-determination") {
            Ok(policy) => policy,
            Err(error) => unreachable!("the shipped policy is tested: {error}"),
        }
    }

    /// The names of the shipped policies.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A shipped policy by name.
    ///
    /// # Errors
    /// When none has this name.
    pub fn named(name: &str) -> Result<Self, PolicyError> {
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((_, text)) => Self::from_toml(text),
            None => Err(PolicyError::Unknown(name.to_owned())),
        }
    }

    /// A policy from its TOML.
    ///
    /// # Errors
    /// When it is not readable, has a key or value that no policy has, or contradicts its label.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let file: File = toml::from_str(text)
            .map_err(|e| PolicyError::Syntax(events::misread(text, e.span(), e.message())))?;
        Self::from_file(file, text)
    }

    /// The same policy, but that free text passes as stated.
    ///
    /// # Errors
    /// When that contradicts its label.
    pub fn with_text(&self, free_text: FreeText, whitelist: bool) -> Result<Self, PolicyError> {
        let mut file = self.file.clone();
        file.text.free_text = free_text;
        file.text.whitelist = whitelist;
        Self::from_file(file, &self.text)
    }

    /// The same policy, which tells the codes of these systems of a site's own (what a source calls each, and its name), whoever
    /// else holds them: for records that are asked about and not written, where a model's makers have judged its codes.
    ///
    /// # Errors
    /// When a name is none, or another system's.
    pub fn with_judged_systems<'s>(
        self,
        systems: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Self, PolicyError> {
        match LocalSystems::judged(systems) {
            Ok(local) => Ok(Policy { local, judged: true, ..self }),
            Err(problem) => Err(PolicyError::Setting { name: self.file.name, problem }),
        }
    }

    fn from_file(file: File, text: &str) -> Result<Self, PolicyError> {
        let offsets = match file.dates.method {
            DateMethod::Shift => Offsets::new(
                file.dates.shift_days.unwrap_or(0),
                file.dates.keep_weekday,
                file.dates.keep_season,
            ),
            _ => Offsets::default(),
        };
        contradictions::check(&file, &offsets)?;
        let local = LocalSystems::new(&file.codes.local)
            .map_err(|problem| PolicyError::Setting { name: file.name.clone(), problem })?;
        Ok(Policy {
            local,
            fields: file.fields.allow.iter().cloned().collect(),
            systems: file.codes.systems.iter().cloned().collect(),
            contract_fields: file.codes.contract_fields.iter().cloned().collect(),
            text: text.to_owned(),
            offsets,
            file,
            judged: false,
        })
    }

    /// The policy's own name.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// Which rule of HIPAA it is written for.
    pub fn label(&self) -> Label {
        self.file.label
    }

    /// Where subjects' numbers come from.
    pub fn identifier(&self) -> Identifier {
        self.file.subjects.identifier
    }

    /// What becomes of dates.
    pub fn dates(&self) -> DateMethod {
        self.file.dates.method
    }

    /// By how many days at most the end of follow-up is moved earlier.
    pub fn blur_followup_days(&self) -> u32 {
        self.file.dates.blur_followup_days
    }

    /// The oldest age that is told, in years, if there is one: 90 stands for 90 and older.
    pub fn oldest_age_years(&self) -> Option<u32> {
        self.file.dates.oldest_age_years
    }

    /// What becomes of ZIP codes.
    pub fn zip(&self) -> Zip {
        self.file.geography.zip
    }

    /// What becomes of free text (`text.free_text`).
    pub fn free_text(&self) -> FreeText {
        self.file.text.free_text
    }

    /// Whether of free text only known clinical words pass (`text.whitelist`).
    pub fn whitelist(&self) -> bool {
        self.file.text.whitelist
    }

    /// How many subjects must share a source's words for a code before they pass.
    pub fn description_subjects(&self) -> u32 {
        self.file.text.description_subjects
    }

    /// How many subjects must hold a code for it to pass as it is (`codes.fewest_subjects`, and that of its system if it is of
    /// the site's own); 0 where none must.
    pub fn fewest_subjects(&self, code: &Code) -> u32 {
        self.file.codes.fewest_subjects.max(self.local.fewest_subjects(code))
    }

    /// Whether it depends on others how a subject's codes are told.
    pub fn asks_who_holds_codes(&self) -> bool {
        self.file.codes.fewest_subjects > 0 || self.local.asks_who_holds_codes()
    }

    /// The systems of the site's own (`codes.local`): what readers call each, and what it is told as.
    pub fn local_systems(&self) -> Vec<(SmolStr, SmolStr)> {
        self.local.names()
    }

    /// The policy as written, for `osler deid policy show` and for its digest.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn allows_field(&self, path: &str) -> bool {
        self.fields.contains(path)
    }

    /// Whether `codes.systems` names this system, whose shape is known.
    pub fn names_system(&self, system: &str) -> bool {
        self.allows_system(system) && crate::codes::shape(system).is_some()
    }

    pub(crate) fn allows_system(&self, system: &str) -> bool {
        self.systems.contains(system)
    }

    pub(crate) fn local(&self) -> &LocalSystems {
        &self.local
    }

    pub(crate) fn is_contract_field(&self, path: &str) -> bool {
        self.contract_fields.contains(path)
    }

    /// Whether a code that passes in this field by contract alone may come from a cell of a patient's row: in OMOP it comes from the
    /// vocabulary.
    pub(crate) fn is_contract_of_rows(&self, path: &str) -> bool {
        !self.judged
            && ["meds.", "table."].iter().any(|prefix| path.starts_with(prefix))
            && self.is_contract_field(path)
    }

    /// Is a code of a system that neither `codes.systems` nor `codes.local` names?
    pub(crate) fn is_unnamed(&self, code: &Code) -> bool {
        let system = code.as_str().split_once("//").map_or("", |(system, _)| system);
        !code.is_reserved()
            && !self.allows_system(system)
            && system != "ZIP3"
            && !self.local.is_a_name(system)
    }

    /// How many subjects are counted of a code that passes by contract; 0 of one that is named, or looks like a code.
    pub(crate) fn fewest_subjects_of_words(&self, code: &Code) -> u32 {
        match !self.judged && crate::codes::is_words(code.as_str()) && self.is_unnamed(code) {
            true => self.description_subjects(),
            false => 0,
        }
    }

    pub(crate) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    pub(crate) fn generalise(&self) -> &FxHashMap<SmolStr, usize> {
        &self.file.codes.generalise
    }
}
