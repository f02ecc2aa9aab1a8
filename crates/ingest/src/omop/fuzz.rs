//! Any bytes, read as OMOP tables.

use super::{CLINICAL_TABLES, OmopLoader, SINGLE, VOCABULARY};
use crate::{Input, rows::Quiet};
use std::io::Cursor;

/// Reads the bytes as a table: the first byte says which, and whether the rest has a header of its own or follows
/// this one, which names columns of every table.
pub fn fuzz_omop_row(bytes: &[u8]) {
    const HEADER: &[u8] = b"person_id,concept_id,concept_name,vocabulary_id,concept_code,year_of_birth,birth_datetime,\
        gender_concept_id,visit_occurrence_id,visit_concept_id,visit_start_date,visit_end_datetime,visit_detail_concept_id,\
        visit_detail_start_date,condition_concept_id,condition_start_datetime,condition_type_concept_id,drug_concept_id,\
        drug_exposure_start_date,measurement_concept_id,measurement_date,value_as_number,value_as_concept_id,unit_concept_id,\
        unit_source_value,observation_concept_id,observation_date,value_as_string,death_date,note_text,note_date,\
        observation_period_end_date\n";
    let Some((first, rest)) = bytes.split_first() else { return };
    let tables: Vec<&str> = CLINICAL_TABLES
        .iter()
        .map(|table| table.name)
        .chain(SINGLE.iter().chain(VOCABULARY).copied())
        .collect();
    let table = tables[usize::from(*first >> 1) % tables.len()];
    let text = if first & 1 == 0 { [HEADER, rest].concat() } else { rest.to_vec() };
    let input = || Input {
        safe_name: table.to_owned(),
        table_name: table.to_owned(),
        reader: Box::new(Cursor::new(text.clone())),
    };
    // Whether a file can be read at all is not asked here: only that nothing panics.
    let mut loader = OmopLoader::default();
    let _ = loader.load(input(), &mut Quiet);
    let reader = loader.build(false, &crate::Limits::default());
    let _ = reader.read(input(), &mut Quiet);
    let _ = reader.describe(&mut Quiet);
}
