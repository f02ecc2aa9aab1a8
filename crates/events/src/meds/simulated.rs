//! What a simulation writes: trajectories, which are nobody's, and the risks estimated from them.

use super::predictions::{ROWS, columns};
use super::table::TableWriter;
use super::{Error, schema};
use crate::{Event, Prediction, Time};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use std::path::Path;
use std::sync::Arc;

/// A prediction estimated from trajectories.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedPrediction {
    /// The prediction; its probability is the estimate.
    pub prediction: Prediction,
    /// The estimate's standard error, over trajectories; none for a single one.
    pub standard_error: Option<f64>,
    /// What the model says of the same without simulating.
    pub direct_probability: f64,
}

/// Writes simulated predictions: the columns of predictions, `standard_error` and `direct_probability`.
pub struct SimulatedPredictionWriter(TableWriter);

impl SimulatedPredictionWriter {
    /// Starts a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        TableWriter::create(path, schema::simulated_predictions()).map(SimulatedPredictionWriter)
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, rows: &[SimulatedPrediction]) -> Result<(), Error> {
        for chunk in rows.chunks(ROWS) {
            let predictions: Vec<Prediction> = chunk.iter().map(|row| row.prediction.clone()).collect();
            let mut columns = columns(&predictions);
            columns.push(Arc::new(chunk.iter().map(|row| row.standard_error).collect::<Float64Array>()));
            let direct = chunk.iter().map(|row| Some(row.direct_probability));
            columns.push(Arc::new(direct.collect::<Float64Array>()));
            self.0.write(columns)?;
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

/// One drawn future of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedTrajectory<'a> {
    /// The subject from whose record it goes on.
    pub subject_id: i64,
    /// The moment from which it does.
    pub prediction_time: Time,
    /// Its number among the subject's.
    pub number: usize,
    /// Why it ends, in a word.
    pub ending: &'a str,
    /// By how much it counts.
    pub weight: f64,
    /// Its events, dated, by time.
    pub events: Vec<Event>,
}

/// Writes trajectories: their events (MEDS columns, and which trajectory they belong to) and how each ended. Every
/// row says that it is synthetic.
pub struct TrajectoryWriter {
    events: TableWriter,
    endings: TableWriter,
}

impl TrajectoryWriter {
    /// Starts `trajectories.parquet` and `endings.parquet` in a directory.
    ///
    /// # Errors
    /// When they cannot be created.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        Ok(TrajectoryWriter {
            events: TableWriter::create(&dir.join("trajectories.parquet"), schema::trajectories())?,
            endings: TableWriter::create(&dir.join("endings.parquet"), schema::endings())?,
        })
    }

    /// Writes some trajectories.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&mut self, trajectories: &[SimulatedTrajectory<'_>]) -> Result<(), Error> {
        let synthetic = |n: usize| -> ArrayRef { Arc::new(BooleanArray::from(vec![true; n])) };
        for chunk in trajectories.chunks(ROWS) {
            let each = || chunk.iter();
            self.endings.write(vec![
                Arc::new(each().map(|t| Some(t.subject_id)).collect::<Int64Array>()),
                Arc::new(
                    each().map(|t| Some(t.prediction_time.micros())).collect::<TimestampMicrosecondArray>(),
                ),
                Arc::new(each().map(|t| Some(t.number as i32)).collect::<Int32Array>()),
                Arc::new(each().map(|t| Some(t.ending)).collect::<StringArray>()),
                Arc::new(each().map(|t| Some(t.weight)).collect::<Float64Array>()),
                synthetic(chunk.len()),
            ])?;
        }
        let all: Vec<(&SimulatedTrajectory<'_>, &Event)> =
            trajectories.iter().flat_map(|t| t.events.iter().map(move |event| (t, event))).collect();
        for chunk in all.chunks(ROWS) {
            let each = || chunk.iter();
            self.events.write(vec![
                Arc::new(each().map(|(t, _)| Some(t.subject_id)).collect::<Int64Array>()),
                Arc::new(
                    each()
                        .map(|(t, _)| Some(t.prediction_time.micros()))
                        .collect::<TimestampMicrosecondArray>(),
                ),
                Arc::new(each().map(|(t, _)| Some(t.number as i32)).collect::<Int32Array>()),
                Arc::new(
                    each().map(|(_, e)| e.time.map(|t| t.micros())).collect::<TimestampMicrosecondArray>(),
                ),
                Arc::new(each().map(|(_, e)| Some(e.code.as_str())).collect::<StringArray>()),
                Arc::new(each().map(|(_, e)| e.numeric_value).collect::<Float32Array>()),
                Arc::new(each().map(|(_, e)| e.unit.as_deref()).collect::<StringArray>()),
                synthetic(chunk.len()),
            ])?;
        }
        Ok(())
    }

    /// Closes the files.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        self.events.finish()?;
        self.endings.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meds::{read_predictions, table};
    use crate::{Code, Sex};

    #[test]
    fn predictions_are_read_back_as_any_others_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("predictions.parquet");
        let prediction = Prediction {
            subject_id: 3,
            prediction_time: Time::from_micros(5),
            task: "ICD10CM//I50".into(),
            horizon_days: 365.25,
            boolean_value: None,
            observed_days: Some(4.0),
            predicted_boolean_probability: 0.25,
            baseline_probability: None,
            age_years: Some(60.0),
            sex: Sex::Female,
        };
        let row = SimulatedPrediction {
            prediction: prediction.clone(),
            standard_error: Some(0.01),
            direct_probability: 0.2,
        };
        let mut writer = SimulatedPredictionWriter::create(&path).unwrap();
        writer.write(&[row]).unwrap();
        writer.finish().unwrap();
        assert_eq!(read_predictions(&path).unwrap(), [prediction]);
        let batch = table::open(&path).unwrap().next().unwrap().unwrap();
        let direct = table::column::<Float64Array>(&path, &batch, "direct_probability").unwrap();
        assert_eq!(direct.value(0), 0.2);
    }

    #[test]
    fn every_row_of_a_trajectory_says_that_it_is_synthetic() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = TrajectoryWriter::create(dir.path()).unwrap();
        let event = |micros| Event::new(Some(Time::from_micros(micros)), Code::of("ICD10CM", "I50"));
        let trajectory = |number, events| SimulatedTrajectory {
            subject_id: 9,
            prediction_time: Time::from_micros(1),
            number,
            ending: "horizon",
            weight: 0.5,
            events,
        };
        writer.write(&[trajectory(0, vec![]), trajectory(1, vec![event(7), event(8)])]).unwrap();
        writer.finish().unwrap();
        for (name, rows) in [("trajectories.parquet", 2), ("endings.parquet", 2)] {
            let path = dir.path().join(name);
            let batch = table::open(&path).unwrap().next().unwrap().unwrap();
            assert_eq!(batch.num_rows(), rows, "{name}");
            let synthetic = table::column::<BooleanArray>(&path, &batch, "synthetic").unwrap();
            assert_eq!(synthetic.true_count(), rows, "{name}");
        }
    }
}
