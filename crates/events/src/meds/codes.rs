//! `metadata/codes.parquet`: what codes mean.

use super::table::{self, TableWriter};
use super::{Error, schema};
use arrow_array::builder::{BooleanBuilder, ListBuilder, StringBuilder};
use arrow_array::{Array, BooleanArray, ListArray, StringArray};
use std::path::Path;
use std::sync::Arc;

/// One code's meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CodeMetadata {
    /// The whole code, `SYSTEM//code`.
    pub code: String,
    /// What it means, in words.
    pub description: Option<String>,
    /// Codes that are broader, nearest first.
    pub parents: Vec<String>,
    /// Whether it is recorded only as something else than a condition (a procedure, a visit's type, a plan, a device): a code of
    /// SNOMED CT doesn't tell. A column of our own, `is_procedure`; no where it is missing.
    pub is_procedure: bool,
}

pub(super) fn write_codes(path: &Path, codes: &[CodeMetadata]) -> Result<(), Error> {
    let mut writer = TableWriter::create(path, schema::codes())?;
    let (mut code, mut description) = (StringBuilder::new(), StringBuilder::new());
    let mut parents = ListBuilder::new(StringBuilder::new());
    let mut is_procedure = BooleanBuilder::new();
    for entry in codes {
        code.append_value(&entry.code);
        description.append_option(entry.description.as_deref());
        for parent in &entry.parents {
            parents.values().append_value(parent);
        }
        parents.append(!entry.parents.is_empty());
        is_procedure.append_value(entry.is_procedure);
    }
    writer.write(vec![
        Arc::new(code.finish()),
        Arc::new(description.finish()),
        Arc::new(parents.finish()),
        Arc::new(is_procedure.finish()),
    ])?;
    writer.finish()
}

/// Reads the code metadata of the MEDS data set at `root`; empty when it has none.
///
/// # Errors
/// When the file is not readable as MEDS code metadata.
pub fn read_codes(root: &Path) -> Result<Vec<CodeMetadata>, Error> {
    let path = root.join("metadata").join("codes.parquet");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut codes = Vec::new();
    for batch in table::open(&path)? {
        let batch = batch.map_err(|e| (path.clone(), e))?;
        let code = table::column::<StringArray>(&path, &batch, "code")?;
        table::no_nulls(&path, code, "code")?;
        let description = table::optional_column::<StringArray>(&path, &batch, "description")?;
        let parents = table::optional_column::<ListArray>(&path, &batch, "parent_codes")?;
        let is_procedure = table::optional_column::<BooleanArray>(&path, &batch, "is_procedure")?;
        for row in 0..batch.num_rows() {
            let parents = match parents {
                Some(list) if list.is_valid(row) => {
                    let values = list.value(row);
                    let values = values.as_any().downcast_ref::<StringArray>().ok_or(Error::Column {
                        path: path.clone(),
                        column: "parent_codes",
                        problem: "is not a list of strings",
                    })?;
                    values.iter().flatten().map(str::to_owned).collect()
                }
                _ => Vec::new(),
            };
            codes.push(CodeMetadata {
                code: code.value(row).to_owned(),
                description: description.filter(|d| d.is_valid(row)).map(|d| d.value(row).to_owned()),
                parents,
                is_procedure: is_procedure.is_some_and(|is| is.is_valid(row) && is.value(row)),
            });
        }
    }
    Ok(codes)
}
