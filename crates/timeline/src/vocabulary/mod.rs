//! Which codes have a token, and what becomes of the others.

mod builder;
mod file;
mod local;

pub use builder::{VocabularyBuilder, VocabularyOptions};
pub use local::{LocalCode, LocalSystem};

use crate::{Error, Hierarchy, ValueDistribution};
use events::Code;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

/// What sort of token an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// One of the reserved four: time, end, unknown, death.
    Special,
    /// A fact without a date (sex, race): never dated in training.
    Static,
    /// Something that happens.
    Event,
    /// Stands for the rarer and unseen codes beneath it, and may never have been a token in training itself.
    Group,
}

/// One token of a vocabulary.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// The code, `SYSTEM//code`, or a reserved word.
    pub code: Code,
    /// What it means, in words.
    pub description: Option<String>,
    /// The nearest broader entry, by index.
    pub parent: Option<u32>,
    /// What sort of token it is.
    pub kind: EntryKind,
    /// Training subjects who have this code or one beneath it.
    pub subjects: u64,
    /// Training events that became this token.
    pub events: u64,
    /// Its values in training, one distribution per unit, by unit.
    pub values: Vec<ValueDistribution>,
    /// Whether it is recorded as something done more often than as anything else, as `codes.parquet` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_procedure: bool,
}

impl Entry {
    /// The training distribution of this code's values in `unit`.
    pub fn distribution(&self, unit: Option<&str>) -> Option<&ValueDistribution> {
        of_unit(&self.values, unit)
    }

    /// The training distribution of its values in the unit that most of them had; the first by unit where two had as many.
    pub fn commonest_values(&self) -> Option<&ValueDistribution> {
        self.values.iter().rev().max_by_key(|distribution| distribution.count)
    }
}

fn of_unit<'a>(values: &'a [ValueDistribution], unit: Option<&str>) -> Option<&'a ValueDistribution> {
    values.iter().find(|distribution| distribution.unit.as_deref() == unit)
}

/// What a code becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Its own token.
    Exact(u32),
    /// The token of the nearest broader code that has one.
    BackedOff(u32),
    /// [`Vocabulary::UNKNOWN`]: not even its system was seen in training.
    Unknown,
}

impl Resolution {
    /// The token.
    pub fn index(self) -> u32 {
        match self {
            Resolution::Exact(index) | Resolution::BackedOff(index) => index,
            Resolution::Unknown => Vocabulary::UNKNOWN,
        }
    }
}

/// The tokens: the reserved four, then all others from the commonest to the rarest by subjects.
///
/// Immutable once built or read; [`Vocabulary::digest`] names it in shards and models.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    entries: Vec<Entry>,
    by_code: FxHashMap<Code, u32>,
    local: Vec<LocalCode>,
    local_systems: Vec<LocalSystem>,
    minimum_subjects: u64,
    training_subjects: u64,
    digest: String,
    digest_bytes: [u8; 32],
}

impl Vocabulary {
    /// Passing time; its value is the gap in days.
    pub const TIME: u32 = 0;
    /// The end of a record: after death there is nothing more. Never in a timeline, since the end of follow-up
    /// is not an event; a model may predict it.
    pub const END: u32 = 1;
    /// A code of which not even the system was seen in training.
    pub const UNKNOWN: u32 = 2;
    /// `MEDS_DEATH`.
    pub const DEATH: u32 = 3;
    /// The codes of the reserved four, in the order of their indices.
    pub const RESERVED: [&'static str; 4] = ["TIME", "END", "UNKNOWN", Code::DEATH];

    /// Checks the entries and indexes them.
    fn new(
        entries: Vec<Entry>,
        mut local: Vec<LocalCode>,
        mut local_systems: Vec<LocalSystem>,
        minimum_subjects: u64,
        training_subjects: u64,
    ) -> Result<Self, Error> {
        check(&entries).map_err(Error::Vocabulary)?;
        let mut by_code = FxHashMap::default();
        by_code.reserve(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if by_code.insert(entry.code.clone(), index as u32).is_some() {
                return Err(Error::Vocabulary(format!("entry {index} repeats the code of an earlier one")));
            }
        }
        local.sort_by(|a, b| a.code.cmp(&b.code));
        local::check(&local, &entries, &by_code).map_err(Error::Vocabulary)?;
        local_systems.sort();
        local::check_systems(&local_systems).map_err(Error::Vocabulary)?;
        let digest = file::digest(&entries, &local, &local_systems, minimum_subjects, training_subjects)?;
        Ok(Vocabulary {
            entries,
            by_code,
            local,
            local_systems,
            minimum_subjects,
            training_subjects,
            digest: digest.to_hex().to_string(),
            digest_bytes: *digest.as_bytes(),
        })
    }

    /// The same tokens at the same indices, and further ones behind them.
    ///
    /// # Errors
    /// When a further one has the code of an earlier one, or a parent that isn't there.
    pub fn with_further(&self, further: impl IntoIterator<Item = Entry>) -> Result<Self, Error> {
        let entries = self.entries.iter().cloned().chain(further).collect();
        self.made_anew(entries, self.local.clone(), self.local_systems.clone())
    }

    /// The same tokens, which another site's codes are read as, besides those that were before; a code told again is told anew.
    ///
    /// # Errors
    /// When a code is told twice or has a token of its own that it isn't read as, or a token isn't there.
    pub fn with_local_codes(&self, mut local: Vec<LocalCode>) -> Result<Self, Error> {
        let told: FxHashSet<Code> = local.iter().map(|local| local.code.clone()).collect();
        local.extend(self.local.iter().filter(|before| !told.contains(&before.code)).cloned());
        self.made_anew(self.entries.clone(), local, self.local_systems.clone())
    }

    /// The same tokens, with what further systems of a site's own are called in its records; a source named again is named anew.
    ///
    /// # Errors
    /// When a source is named twice, or there are too many.
    pub fn with_local_systems(&self, mut systems: Vec<LocalSystem>) -> Result<Self, Error> {
        let told: FxHashSet<SmolStr> = systems.iter().map(|system| system.source.clone()).collect();
        systems.extend(self.local_systems.iter().filter(|before| !told.contains(&before.source)).cloned());
        self.made_anew(self.entries.clone(), self.local.clone(), systems)
    }

    fn made_anew(
        &self,
        entries: Vec<Entry>,
        local: Vec<LocalCode>,
        systems: Vec<LocalSystem>,
    ) -> Result<Self, Error> {
        Self::new(entries, local, systems, self.minimum_subjects, self.training_subjects)
    }

    /// What systems of a site's own are called in its records, and stand here as.
    pub fn local_systems(&self) -> &[LocalSystem] {
        &self.local_systems
    }

    /// What another site's codes are read as, by code.
    pub fn local_codes(&self) -> &[LocalCode] {
        &self.local
    }

    fn local_code(&self, code: &str) -> Option<&LocalCode> {
        self.local.binary_search_by(|local| local.code.as_str().cmp(code)).ok().map(|at| &self.local[at])
    }

    /// Number of tokens, the reserved four included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: the reserved four are always there.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All tokens, by index.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One token.
    pub fn entry(&self, index: u32) -> Option<&Entry> {
        self.entries.get(index as usize)
    }

    /// The token of a code that has its own.
    pub fn index_of(&self, code: &str) -> Option<u32> {
        self.by_code.get(code).copied()
    }

    /// The token of any code: its own, else the one that a local code is read as, else that of the nearest broader code that
    /// has one.
    pub fn resolve(&self, code: &str, hierarchy: &Hierarchy) -> Resolution {
        if let Some(index) = self.read_as(code) {
            return Resolution::Exact(index);
        }
        hierarchy
            .ancestors(code)
            .iter()
            .find_map(|ancestor| self.recorded_index_of(ancestor))
            .map_or(Resolution::Unknown, Resolution::BackedOff)
    }

    /// The token that a code in a record is read as, where it has its own or is a local code.
    pub fn read_as(&self, code: &str) -> Option<u32> {
        self.recorded_index_of(code).or_else(|| self.local_code(code).map(|local| local.token))
    }

    /// As [`Vocabulary::index_of`], but a record that happens to say `TIME` doesn't make time pass.
    fn recorded_index_of(&self, code: &str) -> Option<u32> {
        self.index_of(code).filter(|&index| index >= Self::DEATH)
    }

    /// The broader tokens of a token, nearest first.
    pub fn ancestors(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let parent = move |index: u32| self.entry(index).and_then(|entry| entry.parent);
        std::iter::successors(parent(index), move |&index| parent(index))
    }

    /// The broader tokens of a token, nearest first, but for its system (`LOINC//*`), under which unlike things stand.
    pub fn broader(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        self.ancestors(index).filter(|index| !self.is_system(*index))
    }

    /// Is this token a whole system's?
    pub fn is_system(&self, index: u32) -> bool {
        self.entry(index).is_some_and(|entry| entry.code.as_str().ends_with("//*"))
    }

    /// The rank of a value within its code's training distribution in that unit, in (0, 1); `None` when the
    /// value isn't finite or the unit was never seen in training.
    pub fn rank(&self, index: u32, unit: Option<&str>, value: f32) -> Option<f32> {
        self.entry(index)?.distribution(unit)?.rank(value)
    }

    /// As [`Vocabulary::rank`] for the token that `code` is read as, by [`Vocabulary::distribution_of`].
    pub fn rank_of(&self, code: &str, token: u32, unit: Option<&str>, value: f32) -> Option<f32> {
        self.distribution_of(code, token, unit)?.rank(value)
    }

    /// Among what the values of a code rank that is read as this token: training's values in that unit; in a unit that
    /// training never saw, those of the site that adopted the vocabulary, and so without a unit, where it has its own.
    pub fn distribution_of(&self, code: &str, token: u32, unit: Option<&str>) -> Option<&ValueDistribution> {
        let entry = self.entry(token)?;
        self.local_code(code).and_then(|local| local.distribution(unit)).or_else(|| entry.distribution(unit))
    }

    /// The value at a rank of a code in a unit.
    pub fn rank_to_value(&self, index: u32, unit: Option<&str>, rank: f32) -> Option<f32> {
        Some(self.entry(index)?.distribution(unit)?.value(rank))
    }

    /// How many training subjects a code needs for its own token.
    pub fn minimum_subjects(&self) -> u64 {
        self.minimum_subjects
    }

    /// How many training subjects it was built from.
    pub fn training_subjects(&self) -> u64 {
        self.training_subjects
    }

    /// BLAKE3 of its content, in hexadecimal: the same for the same entries, however the file is laid out.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn digest_bytes(&self) -> &[u8; 32] {
        &self.digest_bytes
    }
}

/// Codes longer than this are refused: no system has any.
const LONGEST_CODE: usize = 1024;

fn check(entries: &[Entry]) -> Result<(), String> {
    if entries.len() < Vocabulary::RESERVED.len() || u32::try_from(entries.len()).is_err() {
        return Err(format!("{} entries, where at least the reserved four are needed", entries.len()));
    }
    for (index, entry) in entries.iter().enumerate() {
        let code = entry.code.as_str();
        let reserved = Vocabulary::RESERVED.get(index);
        if reserved.is_some_and(|&reserved| reserved != code) {
            return Err(format!("entry {index} must be one of the reserved four"));
        }
        if reserved.is_some() != (entry.kind == EntryKind::Special) {
            return Err(format!("entry {index} has a kind that its place doesn't allow"));
        }
        if code.is_empty() || code.len() > LONGEST_CODE {
            return Err(format!("entry {index} has an empty code, or one of more than {LONGEST_CODE} bytes"));
        }
        check_values(&entry.values).map_err(|problem| format!("entry {index} {problem}"))?;
    }
    check_parents(entries)
}

fn check_values(values: &[ValueDistribution]) -> Result<(), String> {
    let units: Vec<Option<&SmolStr>> = values.iter().map(|d| d.unit.as_ref()).collect();
    if !units.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err("has its units out of order, or one twice".into());
    }
    match values.iter().find_map(ValueDistribution::problem) {
        Some(problem) => Err(format!("has values of which {problem}")),
        None => Ok(()),
    }
}

/// Every climb must end at a root, in time linear in the number of entries.
fn check_parents(entries: &[Entry]) -> Result<(), String> {
    let mut ends = vec![false; entries.len()];
    let mut path = Vec::new();
    let mut on_path = vec![false; entries.len()];
    for start in 0..entries.len() {
        let mut at = start;
        while !ends[at] {
            if std::mem::replace(&mut on_path[at], true) {
                return Err(format!("entry {at} is its own ancestor"));
            }
            path.push(at);
            match entries[at].parent {
                Some(parent) if (parent as usize) < entries.len() => at = parent as usize,
                Some(_) => return Err(format!("entry {at} has a parent that isn't there")),
                None => break,
            }
        }
        for at in path.drain(..) {
            ends[at] = true;
            on_path[at] = false;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
