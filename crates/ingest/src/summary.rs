//! What a run read, for its manifest and its user.

use crate::Rejection;
use std::collections::BTreeMap;

/// One source file as it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct InputDigest {
    /// The file's safe name.
    pub name: String,
    /// Its size in bytes, as it lies on disk.
    pub bytes: u64,
    /// BLAKE3 of those bytes, in hexadecimal.
    pub blake3: String,
}

/// How often a field was rejected for a reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RejectionCount {
    /// Resource type or table.
    pub kind: &'static str,
    /// The field.
    pub field: String,
    /// Why.
    pub reason: &'static str,
    /// How often.
    pub count: u64,
}

/// How often something was read of which by intent nothing comes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ignored {
    /// Resource type or table.
    pub kind: &'static str,
    /// Why.
    pub reason: &'static str,
    /// How often.
    pub count: u64,
}

impl Ignored {
    /// Is this of facts whose concept no vocabulary has a code for?
    pub fn lacks_a_concept(&self) -> bool {
        self.reason == crate::omop::NO_CONCEPT
    }
}

/// What a code means, from the source's own vocabulary.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Description {
    /// In words.
    pub description: String,
    /// Whole codes of its parents.
    pub parents: Vec<String>,
    /// Whether the source says that it is of something done, not a condition.
    pub is_procedure: bool,
}

/// What a run read.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The source files that were read, in the order of their names.
    pub inputs: Vec<InputDigest>,
    /// Files in the sources that are none of the format's, and were not read.
    pub files_skipped: u64,
    /// Rows or resources read.
    pub rows: u64,
    /// Rows, resources or fields rejected.
    pub rejected: u64,
    /// Rows or resources of records of which something was rejected, each once: what the ceiling is about.
    pub rejected_rows: u64,
    /// How often what was rejected, the commonest first.
    pub rejection_counts: Vec<RejectionCount>,
    /// The first rejections, by file and line.
    pub rejections: Vec<Rejection>,
    /// What was read of which by intent nothing comes.
    pub ignored: Vec<Ignored>,
    /// Subjects handed on.
    pub subjects: u64,
    /// Facts handed on.
    pub facts: u64,
    /// Subjects of whom something is told beside the end of follow-up; the others are written nowhere.
    pub subjects_with_facts: u64,
    /// Subjects handed on without a birth.
    pub subjects_without_birth: u64,
    /// Subjects handed on without a sex.
    pub subjects_without_sex: u64,
    /// Facts read twice (overlapping exports), of which one was kept.
    pub duplicates: u64,
    /// Versions of resources of which a newer one was kept, or that were deleted.
    pub displaced: u64,
    /// Subjects whose keys begin with a zero, and those with shorter keys of digits that don't, where there are both: `007` and `7` count
    /// as two, and may be one.
    pub keys_of_two_forms: Option<(u64, u64)>,
    /// Bytes written to the encrypted spill.
    pub spilled_bytes: u64,
    /// What codes mean, by whole code.
    #[serde(skip)]
    pub descriptions: BTreeMap<String, Description>,
}
