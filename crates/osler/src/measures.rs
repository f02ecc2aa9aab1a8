//! A report's numbers as a long table beside it.

use anyhow::Result;
use evaluate::Measure;
use events::meds::{self, MeasureRow};
use std::path::Path;

/// The file's name in a report.
pub const FILE: &str = "report.parquet";

/// Writes the table.
pub fn write(path: &Path, measures: &[Measure]) -> Result<()> {
    let rows: Vec<MeasureRow<'_>> = measures
        .iter()
        .map(|m| MeasureRow {
            task: &m.task,
            horizon_days: m.horizon_days,
            group: &m.group,
            metric: &m.metric,
            value: m.value,
            low: m.low,
            high: m.high,
            n: m.n,
        })
        .collect();
    Ok(meds::write_measures(path, &rows)?)
}
