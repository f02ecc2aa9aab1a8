//! Risk files: every code's risk at every event of a subject, compact.

use super::table::TableWriter;
use super::{Error, schema};
use crate::Time;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float32Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use std::path::Path;
use std::sync::Arc;

/// Writes one row for each moment of a subject and each code: `subject_id`, `prediction_time`, `code` (a
/// dictionary), and a column of probabilities, rounded to five digits, for each horizon, such as `risk_1y`.
pub struct RiskWriter {
    table: TableWriter,
    codes: Arc<StringArray>,
    columns: Columns,
}

/// Rows that wait to be written.
struct Columns {
    subject: Vec<i64>,
    time: Vec<i64>,
    code: Vec<i32>,
    risks: Vec<Vec<f32>>,
}

/// Rows per write.
const ROWS: usize = 64 * 1024;

impl RiskWriter {
    /// Starts a file for these codes and these names of horizons.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path, codes: &[&str], horizons: &[&str]) -> Result<Self, Error> {
        let columns = Columns {
            subject: Vec::new(),
            time: Vec::new(),
            code: Vec::new(),
            risks: vec![Vec::new(); horizons.len()],
        };
        let codes = Arc::new(codes.iter().map(Some).collect::<StringArray>());
        let dense: Vec<String> = horizons.iter().map(|horizon| format!("risk_{horizon}")).collect();
        let table = TableWriter::with_dense(path, schema::risks(horizons), &dense)?;
        Ok(RiskWriter { table, codes, columns })
    }

    /// Takes the risks at one moment: for each code, in the order they were given, one number a horizon.
    ///
    /// # Panics
    /// If the numbers are not codes × horizons.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push<'a>(
        &mut self,
        subject_id: i64,
        time: Time,
        rows: impl Iterator<Item = &'a [f32]>,
    ) -> Result<(), Error> {
        let columns = &mut self.columns;
        let begin = columns.code.len();
        for (code, risks) in rows.enumerate() {
            assert_eq!(risks.len(), columns.risks.len(), "one risk for each horizon");
            columns.subject.push(subject_id);
            columns.time.push(time.micros());
            columns.code.push(code as i32);
            columns.risks.iter_mut().zip(risks).for_each(|(column, risk)| column.push(rounded(*risk)));
        }
        assert_eq!(columns.code.len() - begin, self.codes.len(), "one row for each code");
        if columns.code.len() >= ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let columns = &mut self.columns;
        let code = Int32Array::from(std::mem::take(&mut columns.code));
        let code = DictionaryArray::<Int32Type>::new(code, self.codes.clone());
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(std::mem::take(&mut columns.subject))),
            Arc::new(TimestampMicrosecondArray::from(std::mem::take(&mut columns.time))),
            Arc::new(code),
        ];
        for risks in &mut columns.risks {
            arrays.push(Arc::new(Float32Array::from(std::mem::take(risks))));
        }
        self.table.write(arrays)
    }

    /// Closes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        self.table.finish()
    }
}

/// To 16 bits after the leading one, a relative error below 1e-5: what lies beyond is noise that cannot be compressed.
fn rounded(risk: f32) -> f32 {
    const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - 16;
    if !risk.is_finite() {
        return risk;
    }
    f32::from_bits(((risk.to_bits() + (1 << (DROPPED - 1))) >> DROPPED) << DROPPED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meds::table;

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("risks.parquet");
        let codes: Vec<String> = (0..700).map(|i| format!("ICD10CM//C{i}")).collect();
        let names: Vec<&str> = codes.iter().map(String::as_str).collect();
        let mut writer = RiskWriter::create(&path, &names, &["1y", "5y"]).unwrap();
        let risk = |moment: usize, code: usize| [moment as f32 / 1e3, code as f32 / 1e3];
        for moment in 0..200 {
            let rows: Vec<[f32; 2]> = (0..700).map(|code| risk(moment, code)).collect();
            let time = Time::from_micros(moment as i64);
            writer.push(moment as i64 / 3, time, rows.iter().map(<[f32; 2]>::as_slice)).unwrap();
        }
        writer.finish().unwrap();
        let mut row = 0;
        for batch in table::open(&path).unwrap() {
            let batch = batch.unwrap();
            let subject = table::column::<Int64Array>(&path, &batch, "subject_id").unwrap();
            let code = table::column::<DictionaryArray<Int32Type>>(&path, &batch, "code").unwrap();
            let words = code.values().as_any().downcast_ref::<StringArray>().unwrap();
            let five = table::column::<Float32Array>(&path, &batch, "risk_5y").unwrap();
            for i in 0..batch.num_rows() {
                let (moment, place) = (row / 700, row % 700);
                assert_eq!(subject.value(i), moment as i64 / 3);
                assert_eq!(words.value(code.keys().value(i) as usize), codes[place]);
                let (found, given) = (five.value(i), risk(moment, place)[1]);
                assert!((found - given).abs() <= 1e-5 * given, "{found} {given}");
                row += 1;
            }
        }
        assert_eq!(row, 200 * 700);
        assert_eq!([0.0, 0.5, 1.0].map(rounded), [0.0, 0.5, 1.0]);
        assert!(rounded(1.0 - f32::EPSILON / 2.0) <= 1.0);
    }
}
