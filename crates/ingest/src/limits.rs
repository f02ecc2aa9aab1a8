//! Every bound that keeps a run's memory and time finite, in one place.

/// Bounds on what is read. The defaults suit a machine with 4 GB of memory.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest line of NDJSON, in bytes; longer lines are rejected, and skipped in bounded memory.
    pub max_line_bytes: usize,
    /// Largest FHIR Bundle (one JSON document), in bytes.
    pub max_document_bytes: usize,
    /// Deepest nesting of JSON.
    pub max_json_depth: usize,
    /// Most facts of one subject; a subject with more is rejected whole.
    pub max_facts_per_subject: usize,
    /// Most bytes that one subject's facts may take in the spill; a subject with more is rejected whole.
    pub max_subject_bytes: usize,
    /// Most rejections that are listed one by one; all are counted.
    pub max_rejections_listed: usize,
    /// Most code descriptions kept from vocabulary tables.
    pub max_descriptions: usize,
    /// Most Medication resources kept to resolve `medicationReference`.
    pub max_medications: usize,
    /// Most ends of inpatient stays kept, so that diagnoses coded at discharge stand there; about 100 bytes each.
    pub max_stays: usize,
    /// Most deletions kept that name a resource and not whose it is; about 100 bytes each.
    pub max_deletions: usize,
    /// Most practitioners, organisations and locations kept by name, to look for in notes.
    pub max_directory: usize,
    /// Memory for facts that wait to be spilled, over all threads, in bytes.
    pub spill_buffer_bytes: usize,
    /// Largest group of subjects that is gathered in memory at once, in bytes as spilled; larger ones are
    /// divided on disk first.
    pub gather_bytes: usize,
    /// About how many facts are handed to the consumer at once.
    pub batch_facts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_line_bytes: 64 << 20,
            max_document_bytes: 1 << 30,
            max_json_depth: 64,
            max_facts_per_subject: 2_000_000,
            max_subject_bytes: 1 << 30,
            max_rejections_listed: 10_000,
            max_descriptions: 2_000_000,
            max_medications: 1_000_000,
            max_stays: 4_000_000,
            max_deletions: 4_000_000,
            max_directory: 1_000_000,
            spill_buffer_bytes: 16 << 20,
            gather_bytes: 32 << 20,
            batch_facts: 4_096,
        }
    }
}
