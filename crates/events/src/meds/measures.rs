//! A report's numbers as one long table.

use super::table::TableWriter;
use super::{Error, schema};
use arrow_array::{Float32Array, Float64Array, StringArray, UInt64Array};
use std::path::Path;
use std::sync::Arc;

/// One number of a report, with its interval and how many stand behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasureRow<'a> {
    /// What was asked.
    pub task: &'a str,
    /// The horizon in days, where there is one.
    pub horizon_days: Option<f32>,
    /// Of whom.
    pub group: &'a str,
    /// Which number.
    pub metric: &'a str,
    /// The number, if it is defined.
    pub value: Option<f64>,
    /// Lower bound.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
    /// Rows or subjects behind it, unless withheld.
    pub n: Option<u64>,
}

/// Writes the whole table: columns `task`, `horizon_days`, `group`, `metric`, `value`, `low`, `high`, `n`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_measures(path: &Path, rows: &[MeasureRow<'_>]) -> Result<(), Error> {
    let mut writer = TableWriter::create(path, schema::measures())?;
    let each = || rows.iter();
    writer.write(vec![
        Arc::new(each().map(|r| Some(r.task)).collect::<StringArray>()),
        Arc::new(each().map(|r| r.horizon_days).collect::<Float32Array>()),
        Arc::new(each().map(|r| Some(r.group)).collect::<StringArray>()),
        Arc::new(each().map(|r| Some(r.metric)).collect::<StringArray>()),
        Arc::new(each().map(|r| r.value).collect::<Float64Array>()),
        Arc::new(each().map(|r| r.low).collect::<Float64Array>()),
        Arc::new(each().map(|r| r.high).collect::<Float64Array>()),
        Arc::new(each().map(|r| r.n).collect::<UInt64Array>()),
    ])?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meds::table;
    use arrow_array::Array;

    #[test]
    fn absent_numbers_are_null() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.parquet");
        let row = MeasureRow {
            task: "death",
            horizon_days: Some(365.25),
            group: "all",
            metric: "auroc",
            value: Some(0.7),
            low: None,
            high: Some(0.8),
            n: Some(40),
        };
        write_measures(&path, &[row, MeasureRow { value: None, n: None, ..row }]).unwrap();
        let batch = table::open(&path).unwrap().next().unwrap().unwrap();
        let value = table::column::<Float64Array>(&path, &batch, "value").unwrap();
        assert_eq!((value.value(0), value.is_null(1)), (0.7, true));
        assert!(table::column::<Float64Array>(&path, &batch, "low").unwrap().is_null(0));
        assert_eq!(table::column::<UInt64Array>(&path, &batch, "n").unwrap().value(0), 40);
    }
}
