//! Likelihood files: how well each event of a record was foreseen.

use super::table::TableWriter;
use super::{Error, schema};
use crate::Time;
use arrow_array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;

/// One event's log-likelihood in nats, given everything before it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventLikelihoodRow {
    /// Whose event.
    pub subject_id: i64,
    /// When.
    pub time: Time,
    /// Which code was scored: the event's own, or the broader one that stands for it.
    pub code: SmolStr,
    /// Which code, given when.
    pub code_log_likelihood: f64,
    /// When, as a density per day; none for the events of the record's first moment, which is given.
    pub time_log_likelihood: Option<f64>,
    /// Which value, as a density over its rank; zero without one.
    pub value_log_likelihood: f64,
}

/// Writes [`EventLikelihoodRow`]s, one a row, columns named as the fields are.
pub struct LikelihoodWriter(TableWriter);

impl LikelihoodWriter {
    /// Starts a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        TableWriter::create(path, schema::likelihoods()).map(LikelihoodWriter)
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, rows: &[EventLikelihoodRow]) -> Result<(), Error> {
        for chunk in rows.chunks(64 * 1024) {
            let each = || chunk.iter();
            self.0.write(vec![
                Arc::new(each().map(|r| Some(r.subject_id)).collect::<Int64Array>()),
                Arc::new(each().map(|r| Some(r.time.micros())).collect::<TimestampMicrosecondArray>()),
                Arc::new(each().map(|r| Some(r.code.as_str())).collect::<StringArray>()),
                Arc::new(each().map(|r| Some(r.code_log_likelihood)).collect::<Float64Array>()),
                Arc::new(each().map(|r| r.time_log_likelihood).collect::<Float64Array>()),
                Arc::new(each().map(|r| Some(r.value_log_likelihood)).collect::<Float64Array>()),
            ])?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meds::table;
    use arrow_array::Array;

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("likelihood.parquet");
        let row = |i: i64| EventLikelihoodRow {
            subject_id: i / 3,
            time: Time::from_micros(i),
            code: SmolStr::new(format!("ICD10CM//I{}", i % 7)),
            code_log_likelihood: -1.0 / i as f64,
            time_log_likelihood: (i % 3 != 0).then_some(-(i as f64)),
            value_log_likelihood: 0.0,
        };
        let rows: Vec<_> = (1..200).map(row).collect();
        let mut writer = LikelihoodWriter::create(&path).unwrap();
        writer.write(&rows[..150]).unwrap();
        writer.write(&rows[150..]).unwrap();
        writer.finish().unwrap();
        let mut back = Vec::new();
        for batch in table::open(&path).unwrap() {
            let batch = batch.unwrap();
            let subject = table::column::<Int64Array>(&path, &batch, "subject_id").unwrap();
            let time = table::column::<TimestampMicrosecondArray>(&path, &batch, "time").unwrap();
            let code = table::column::<StringArray>(&path, &batch, "code").unwrap();
            let floats = |name| table::column::<Float64Array>(&path, &batch, name).unwrap();
            let which = floats("code_log_likelihood");
            let when = floats("time_log_likelihood");
            let value = floats("value_log_likelihood");
            back.extend((0..batch.num_rows()).map(|i| EventLikelihoodRow {
                subject_id: subject.value(i),
                time: Time::from_micros(time.value(i)),
                code: SmolStr::new(code.value(i)),
                code_log_likelihood: which.value(i),
                time_log_likelihood: when.is_valid(i).then(|| when.value(i)),
                value_log_likelihood: value.value(i),
            }));
        }
        assert_eq!(back, rows);
    }
}
