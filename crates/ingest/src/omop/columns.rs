//! The clinical tables of the CDM, as data: which column says what.

/// A table whose rows are "this concept, for this person, then".
pub(crate) struct ClinicalTable {
    /// The table's name, which is also its path for policies.
    pub(crate) name: &'static str,
    /// The column that identifies a row.
    pub(crate) key: &'static str,
    /// The standard concept.
    pub(crate) concept: &'static str,
    /// The source's concept, preferred where it may be told: it is the finer code.
    pub(crate) source_concept: &'static str,
    /// When, the most precise first.
    pub(crate) times: &'static [&'static str],
    /// Has `value_as_number`, `value_as_concept_id`, `value_as_string` and units.
    pub(crate) has_values: bool,
}

/// In the order of the CDM's documentation.
pub(crate) const CLINICAL_TABLES: &[ClinicalTable] = &[
    ClinicalTable {
        name: "condition_occurrence",
        key: "condition_occurrence_id",
        concept: "condition_concept_id",
        source_concept: "condition_source_concept_id",
        times: &["condition_start_datetime", "condition_start_date"],
        has_values: false,
    },
    ClinicalTable {
        name: "drug_exposure",
        key: "drug_exposure_id",
        concept: "drug_concept_id",
        source_concept: "drug_source_concept_id",
        times: &["drug_exposure_start_datetime", "drug_exposure_start_date"],
        has_values: false,
    },
    ClinicalTable {
        name: "procedure_occurrence",
        key: "procedure_occurrence_id",
        concept: "procedure_concept_id",
        source_concept: "procedure_source_concept_id",
        times: &["procedure_datetime", "procedure_date"],
        has_values: false,
    },
    ClinicalTable {
        name: "device_exposure",
        key: "device_exposure_id",
        concept: "device_concept_id",
        source_concept: "device_source_concept_id",
        times: &["device_exposure_start_datetime", "device_exposure_start_date"],
        has_values: false,
    },
    ClinicalTable {
        name: "measurement",
        key: "measurement_id",
        concept: "measurement_concept_id",
        source_concept: "measurement_source_concept_id",
        times: &["measurement_datetime", "measurement_date"],
        has_values: true,
    },
    ClinicalTable {
        name: "observation",
        key: "observation_id",
        concept: "observation_concept_id",
        source_concept: "observation_source_concept_id",
        times: &["observation_datetime", "observation_date"],
        has_values: true,
    },
    ClinicalTable {
        name: "specimen",
        key: "specimen_id",
        concept: "specimen_concept_id",
        source_concept: "specimen_source_concept_id",
        times: &["specimen_datetime", "specimen_date"],
        has_values: false,
    },
];

/// Is this column free text, which may have several lines?
pub(super) fn is_text(column: &str) -> bool {
    matches!(column, "note_text" | "note_title" | "value_as_string" | "sig")
}

/// Every path that events of this format carry, for policies.
pub const OMOP_PATHS: &[&str] = &[
    "person.birth",
    "person.gender_concept_id",
    "person.race_concept_id",
    "person.ethnicity_concept_id",
    "observation_period",
    "death",
    "visit_occurrence",
    "visit_occurrence.end",
    "visit_occurrence.discharged_to_concept_id",
    "visit_detail",
    "condition_occurrence",
    "drug_exposure",
    "procedure_occurrence",
    "device_exposure",
    "measurement",
    "observation",
    "specimen",
    "note.note_text",
];
