//! Prediction files: MEDS label columns with `predicted_boolean_probability`, readable by meds-evaluation.

use super::labels::collect_parquet;
use super::table::{self, TableWriter};
use super::{Error, schema};
use crate::{Prediction, Sex, Time};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;

/// Writes predictions as they come.
pub struct PredictionWriter(TableWriter);

impl PredictionWriter {
    /// Starts a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        TableWriter::create(path, schema::predictions()).map(PredictionWriter)
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, rows: &[Prediction]) -> Result<(), Error> {
        for chunk in rows.chunks(ROWS) {
            self.0.write(columns(chunk))?;
        }
        Ok(())
    }

    /// Closes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        self.0.finish()
    }
}

/// Writes predictions with MEDS's columns alone, `predicted_boolean_value` empty, for the tools of others: they refuse
/// columns that they don't know.
///
/// # Errors
/// When the file cannot be written.
pub fn write_meds_predictions(path: &Path, rows: &[&Prediction]) -> Result<(), Error> {
    let mut writer = TableWriter::create(path, schema::meds_predictions())?;
    for chunk in rows.chunks(ROWS) {
        let each = || chunk.iter();
        writer.write(vec![
            Arc::new(each().map(|p| Some(p.subject_id)).collect::<Int64Array>()),
            Arc::new(each().map(|p| Some(p.prediction_time.micros())).collect::<TimestampMicrosecondArray>()),
            Arc::new(each().map(|p| p.boolean_value).collect::<BooleanArray>()),
            Arc::new(each().map(|_| None).collect::<BooleanArray>()),
            Arc::new(each().map(|p| Some(p.predicted_boolean_probability)).collect::<Float64Array>()),
        ])?;
    }
    writer.finish()
}

/// Rows a write.
pub(super) const ROWS: usize = 64 * 1024;

/// The columns of some predictions, in the schema's order.
pub(super) fn columns(rows: &[Prediction]) -> Vec<ArrayRef> {
    let each = || rows.iter();
    vec![
        Arc::new(each().map(|p| Some(p.subject_id)).collect::<Int64Array>()),
        Arc::new(each().map(|p| Some(p.prediction_time.micros())).collect::<TimestampMicrosecondArray>()),
        Arc::new(each().map(|p| p.boolean_value).collect::<BooleanArray>()),
        Arc::new(each().map(|p| Some(p.predicted_boolean_probability)).collect::<Float64Array>()),
        Arc::new(each().map(|p| Some(p.task.as_str())).collect::<StringArray>()),
        Arc::new(each().map(|p| Some(p.horizon_days)).collect::<Float32Array>()),
        Arc::new(each().map(|p| p.observed_days).collect::<Float32Array>()),
        Arc::new(each().map(|p| p.baseline_probability).collect::<Float64Array>()),
        Arc::new(each().map(|p| p.age_years).collect::<Float32Array>()),
        Arc::new(each().map(|p| Some(sex_name(p.sex))).collect::<StringArray>()),
    ]
}

/// Reads predictions from a file, or from every `*.parquet` below a directory. Only MEDS's own columns and
/// the probability are required; others default to unknown.
///
/// # Errors
/// When a file is not readable, or a required column is missing.
pub fn read_predictions(path: &Path) -> Result<Vec<Prediction>, Error> {
    let mut files = Vec::new();
    collect_parquet(path, &mut files)?;
    let mut rows = Vec::new();
    for file in files {
        for batch in table::open(&file)? {
            let batch = batch.map_err(|e| (file.clone(), e))?;
            let subject = table::column::<Int64Array>(&file, &batch, "subject_id")?;
            let time = table::column::<TimestampMicrosecondArray>(&file, &batch, "prediction_time")?;
            let probability = table::column::<Float64Array>(&file, &batch, "predicted_boolean_probability")?;
            table::no_nulls(&file, subject, "subject_id")?;
            table::no_nulls(&file, time, "prediction_time")?;
            table::no_nulls(&file, probability, "predicted_boolean_probability")?;
            let label = table::optional_column::<BooleanArray>(&file, &batch, "boolean_value")?;
            let task = table::optional_column::<StringArray>(&file, &batch, "task")?;
            let horizon = table::optional_column::<Float32Array>(&file, &batch, "horizon_days")?;
            let observed = table::optional_column::<Float32Array>(&file, &batch, "observed_days")?;
            let baseline = table::optional_column::<Float64Array>(&file, &batch, "baseline_probability")?;
            let age = table::optional_column::<Float32Array>(&file, &batch, "age_years")?;
            let sex = table::optional_column::<StringArray>(&file, &batch, "sex")?;
            for row in 0..batch.num_rows() {
                rows.push(Prediction {
                    subject_id: subject.value(row),
                    prediction_time: Time::from_micros(time.value(row)),
                    task: task
                        .filter(|t| t.is_valid(row))
                        .map_or(SmolStr::new_static("task"), |t| SmolStr::new(t.value(row))),
                    horizon_days: horizon.filter(|h| h.is_valid(row)).map_or(0.0, |h| h.value(row)),
                    boolean_value: label.filter(|l| l.is_valid(row)).map(|l| l.value(row)),
                    observed_days: observed.filter(|o| o.is_valid(row)).map(|o| o.value(row)),
                    predicted_boolean_probability: probability.value(row),
                    baseline_probability: baseline.filter(|b| b.is_valid(row)).map(|b| b.value(row)),
                    age_years: age.filter(|a| a.is_valid(row)).map(|a| a.value(row)),
                    sex: sex.filter(|s| s.is_valid(row)).map_or(Sex::Unknown, |s| parse_sex(s.value(row))),
                });
            }
        }
    }
    Ok(rows)
}

fn sex_name(sex: Sex) -> &'static str {
    match sex {
        Sex::Female => "female",
        Sex::Male => "male",
        Sex::Unknown => "unknown",
    }
}

fn parse_sex(name: &str) -> Sex {
    match name {
        "female" => Sex::Female,
        "male" => Sex::Male,
        _ => Sex::Unknown,
    }
}
