//! OMOP CDM 5.3 and 5.4, delimited text or Parquet, headers in any case.
//!
//! - The code is the source's concept where it is of a vocabulary that all share and has its shape, else the standard concept: the
//!   finer code where it may be told. What is the source's own stands where there is no other. Concept 0 gives no event, and is
//!   counted; a concept without a row in `concept` rejects its row, and sources without any concept are refused. `*_source_value`
//!   columns are free text and are not read, but for
//!   `person_source_value` where notes are to be cleaned of who is named in the tables.
//! - A date-time of exactly midnight counts as a date (see [`crate::rows::moment`]).
//! - Diagnoses coded for discharge or billing stand no earlier than the end of their inpatient stay.
//! - An end more than 10 years after its visit began, or on a day such as 2099-12-31, stands for "still open": it is left out and counted.
//! - Eras are derived and costs are administrative: neither is read.
//!
//! Vocabulary tables and `visit_occurrence` are loaded first, into [`OmopLoader`]; then all other tables, and
//! `visit_occurrence` again, are read in any order and on any thread by [`OmopReader`].

mod clinical;
mod columns;
mod fuzz;
mod identities;
mod person;
mod sent;
mod visits;
mod vocabulary;

pub use columns::OMOP_PATHS;
pub use fuzz::fuzz_omop_row;
pub use sent::{OmopSubject, OmopVocabulary, omop_rows_subject};

use crate::{
    Error, Input, Limits, Sink,
    directory::Directory,
    rows::{Columnar, Delimited, Failure, InField, Rows, each_row},
};
use columns::{CLINICAL_TABLES, is_text};
use events::{SourceEvent, SourceFact, SourceTime, SourceValue};
use parquet::file::reader::ChunkReader;
use smol_str::SmolStr;
use std::sync::Arc;
use visits::Stays;
use vocabulary::{Builder, Concept, ConceptColumns, Concepts};

/// Tables that are known and not read: derived, administrative, or about no patient.
const NOT_READ: &[&str] = &[
    "attribute_definition",
    "care_site",
    "cdm_source",
    "cohort",
    "cohort_definition",
    "concept_class",
    "concept_synonym",
    "condition_era",
    "cost",
    "domain",
    "dose_era",
    "drug_era",
    "drug_strength",
    "episode",
    "episode_event",
    "fact_relationship",
    "location",
    "metadata",
    "note_nlp",
    "payer_plan_period",
    "provider",
    "relationship",
    "source_to_concept_map",
    "vocabulary",
];
const VOCABULARY: &[&str] = &["concept", "concept_ancestor", "concept_relationship"];
const SINGLE: &[&str] =
    &["person", "death", "observation_period", "visit_occurrence", "visit_detail", "note"];

pub(crate) const NO_CONCEPT: &str = "no concept (0 or nothing)";
/// Of a row whose concept ought to be known: a table of concepts that lacks rows would else take events away unseen.
const UNKNOWN_CONCEPT: &str = "a concept without a row in the concept table";

/// The table that a file holds, by its name: `measurement.csv`, `MEASUREMENT_0001.parquet`, `person.part3.csv`.
pub(crate) fn table_of(table_name: &str) -> Option<&'static str> {
    let stem = table_name.trim().to_ascii_lowercase();
    let stem =
        [".csv", ".tsv", ".txt", ".parquet"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(&stem);
    let tables =
        CLINICAL_TABLES.iter().map(|table| &table.name).chain(NOT_READ).chain(VOCABULARY).chain(SINGLE);
    tables
        .filter(|table| {
            stem.strip_prefix(**table).is_some_and(|rest| {
                let letters = rest.replace("part", "").replace("shard", "").replace("chunk", "");
                rest.is_empty()
                    || (!rest.starts_with(char::is_alphanumeric) && !letters.contains(char::is_alphabetic))
            })
        })
        .max_by_key(|table| table.len())
        .copied()
}

/// Collects the tables that are needed before any other can be read.
#[derive(Default)]
pub(crate) struct OmopLoader {
    vocabulary: Builder,
    stays: Stays,
}

impl OmopLoader {
    /// Does the loader want this file? (`visit_occurrence` is wanted here and by the reader.)
    pub(crate) fn wants(table_name: &str) -> bool {
        table_of(table_name).is_some_and(|table| table == "visit_occurrence" || VOCABULARY.contains(&table))
    }

    /// Loads a delimited table.
    ///
    /// # Errors
    /// A damaged file, or one without the columns that its name promises.
    pub(crate) fn load(&mut self, input: Input, sink: &mut dyn Sink) -> Result<(), Error> {
        let table = table_of(&input.table_name).unwrap_or_default();
        self.load_rows(table, &mut Delimited::open(input, None, is_text)?, sink)
    }

    /// Loads a Parquet table.
    ///
    /// # Errors
    /// As [`OmopLoader::load`].
    pub(crate) fn load_parquet<R: ChunkReader + 'static>(
        &mut self,
        safe_name: &str,
        table_name: &str,
        source: R,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let table = table_of(table_name).unwrap_or_default();
        self.load_rows(table, &mut Columnar::open(safe_name, source, |_| true)?, sink)
    }

    fn load_rows(
        &mut self,
        table: &'static str,
        rows: &mut dyn Rows,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let file = rows.file().to_owned();
        let header = rows.header().clone();
        match table {
            "concept" => {
                let columns = ConceptColumns {
                    id: header.require(&file, "concept_id")?,
                    name: header.require(&file, "concept_name")?,
                    vocabulary: header.require(&file, "vocabulary_id")?,
                    code: header.require(&file, "concept_code")?,
                };
                each_row(rows, table, sink, |row, _| {
                    self.vocabulary
                        .concept(row, &columns)
                        .map_err(|(field, reason)| Failure::Field(field, reason))
                })
            }
            "concept_relationship" => {
                let child = header.require(&file, "concept_id_1")?;
                let parent = header.require(&file, "concept_id_2")?;
                let relationship = header.require(&file, "relationship_id")?;
                each_row(rows, table, sink, |row, _| {
                    if row
                        .text(relationship)
                        .in_field("relationship_id")?
                        .is_some_and(|r| r == "Is a" || r == "Maps to")
                    {
                        let child = row.integer(child).in_field("concept_id_1")?.unwrap_or(0);
                        self.vocabulary
                            .parent(child, row.integer(parent).in_field("concept_id_2")?.unwrap_or(0));
                    }
                    Ok(())
                })
            }
            "concept_ancestor" => {
                let parent = header.require(&file, "ancestor_concept_id")?;
                let child = header.require(&file, "descendant_concept_id")?;
                let levels = header.require(&file, "min_levels_of_separation")?;
                each_row(rows, table, sink, |row, _| {
                    if row.integer(levels).in_field("min_levels_of_separation")? == Some(1) {
                        let child = row.integer(child).in_field("descendant_concept_id")?.unwrap_or(0);
                        self.vocabulary
                            .parent(child, row.integer(parent).in_field("ancestor_concept_id")?.unwrap_or(0));
                    }
                    Ok(())
                })
            }
            // What is wrong in a visit is rejected when the reader comes to it.
            "visit_occurrence" => self.stays.load(rows),
            _ => Ok(()),
        }
    }

    /// Has no concept been loaded?
    pub(crate) fn lacks_concepts(&self) -> bool {
        self.vocabulary.is_empty()
    }

    /// The reader of all other tables.
    /// With `identities`, who is named in the tables is handed on too.
    pub(crate) fn build(self, identities: bool, limits: &Limits) -> OmopReader {
        OmopReader { identities, ..self.build_above(None, limits) }
    }

    /// As [`OmopLoader::build`], without identities; what isn't in the tables that were loaded is looked for in a
    /// vocabulary that is `held`.
    pub(crate) fn build_above(self, held: Option<Arc<Concepts>>, limits: &Limits) -> OmopReader {
        OmopReader {
            concepts: self.vocabulary.build().above(held),
            stays: self.stays.sorted(),
            identities: false,
            directory: Directory::default(),
            max_directory: limits.max_directory,
        }
    }
}

/// Reads clinical tables, once vocabulary and stays are known.
pub(crate) struct OmopReader {
    concepts: Concepts,
    stays: Stays,
    identities: bool,
    directory: Directory,
    max_directory: usize,
}

impl OmopReader {
    /// Reads one delimited table; tables that aren't read are counted as ignored.
    ///
    /// # Errors
    /// A damaged file, one without the columns that its name promises, or a sink that fails.
    pub(crate) fn read(&self, input: Input, sink: &mut dyn Sink) -> Result<(), Error> {
        match self.plan(&input.table_name, sink) {
            Some(table) => self.read_rows(table, &mut Delimited::open(input, None, is_text)?, sink),
            None => Ok(()),
        }
    }

    /// Reads one Parquet table.
    ///
    /// # Errors
    /// As [`OmopReader::read`].
    pub(crate) fn read_parquet<R: ChunkReader + 'static>(
        &self,
        safe_name: &str,
        table_name: &str,
        source: R,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match self.plan(table_name, sink) {
            // Free text that is never read needn't be decoded.
            Some(table) => {
                let wanted = |column: &str| match column {
                    "unit_source_value" => true,
                    "person_source_value" => self.identities,
                    _ => !column.ends_with("_source_value"),
                };
                self.read_rows(table, &mut Columnar::open(safe_name, source, wanted)?, sink)
            }
            None => Ok(()),
        }
    }

    /// Describes the codes that occurred. To be called once, after all tables were read.
    ///
    /// # Errors
    /// None at present; the signature leaves room for a sink that fails.
    pub(crate) fn describe(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        self.concepts.describe_used(sink)
    }

    /// Replaces references to providers, places and addresses by what they are called.
    pub(crate) fn complete(&self, fact: &mut SourceFact) {
        if let SourceFact::Identity(identity) = fact {
            self.directory.complete(identity);
        }
    }

    fn plan(&self, table_name: &str, sink: &mut dyn Sink) -> Option<&'static str> {
        let table = table_of(table_name);
        match table {
            Some(table) if VOCABULARY.contains(&table) => None,
            Some(table) if self.identities && identities::TABLES.contains(&table) => Some(table),
            Some(table) if NOT_READ.contains(&table) => {
                sink.ignore(table, "derived, administrative or about no patient");
                None
            }
            None => {
                sink.ignore("file", "not a table of the CDM");
                None
            }
            table => table,
        }
    }

    fn read_rows(&self, table: &'static str, rows: &mut dyn Rows, sink: &mut dyn Sink) -> Result<(), Error> {
        match table {
            "person" => person::read_person(rows, &self.concepts, self.identities, sink),
            "location" | "care_site" | "provider" => {
                identities::read(table, rows, &self.directory, self.max_directory, sink)
            }
            "death" => person::read_death(rows, sink),
            "observation_period" => person::read_observation_period(rows, sink),
            "visit_occurrence" | "visit_detail" => {
                visits::read(table, rows, &self.concepts, self.identities, sink)
            }
            "note" => clinical::read_note(rows, &self.concepts, self.identities, sink),
            _ => match CLINICAL_TABLES.iter().find(|known| known.name == table) {
                Some(table) => clinical::read(table, rows, &self.concepts, &self.stays, sink),
                None => Ok(()),
            },
        }
    }
}

/// An event of a concept, without a value.
fn event(path: &'static str, time: SourceTime, concept: Concept, origin: u64) -> SourceEvent {
    SourceEvent {
        path: SmolStr::new_static(path),
        time,
        system: concept.system,
        code: concept.code,
        display: None,
        value: SourceValue::None,
        unit: None,
        origin,
    }
}

/// An event of a reserved word.
fn reserved(path: &'static str, time: SourceTime, code: &'static str, origin: u64) -> SourceFact {
    let concept = Concept { system: SmolStr::default(), code: SmolStr::new_static(code) };
    SourceFact::Event(event(path, time, concept, origin))
}

/// What becomes of a row whose concepts, the columns of `field` among them, have no code.
fn without_code(
    table: &'static str,
    field: &'static str,
    ids: [Option<i64>; 2],
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    if ids.into_iter().flatten().any(|id| id != 0) {
        return Err(Failure::Field(field, UNKNOWN_CONCEPT));
    }
    sink.ignore(table, NO_CONCEPT);
    Ok(())
}

/// The columns of `names` that the table has, in that order; at least one must be there.
fn present(rows: &dyn Rows, names: &[&str]) -> Result<Vec<usize>, Error> {
    let columns: Vec<usize> = names.iter().filter_map(|name| rows.header().column(name)).collect();
    match names.first() {
        Some(first) if columns.is_empty() => {
            rows.header().require(rows.file(), first).map(|column| vec![column])
        }
        _ => Ok(columns),
    }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
