//! `metadata/codes.parquet`: what codes mean.

use super::table::{self, TableWriter};
use super::{Error, schema};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{Array, ListArray, StringArray};
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
}

pub(super) fn write_codes(path: &Path, codes: &[CodeMetadata]) -> Result<(), Error> {
    let mut writer = TableWriter::create(path, schema::codes())?;
    let (mut code, mut description) = (StringBuilder::new(), StringBuilder::new());
    let mut parents = ListBuilder::new(StringBuilder::new());
    for entry in codes {
        code.append_value(&entry.code);
        description.append_option(entry.description.as_deref());
        for parent in &entry.parents {
            parents.values().append_value(parent);
        }
        parents.append(!entry.parents.is_empty());
    }
    writer.write(vec![
        Arc::new(code.finish()),
        Arc::new(description.finish()),
        Arc::new(parents.finish()),
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
            });
        }
    }
    Ok(codes)
}
