//! MEDS 0.3 and 0.4: events that another tool made.
//!
//! - Columns are found by name, in any order and any of the types that MEDS's releases used: `subject_id` (0.4, 0.3) or
//!   `patient_id` (before), times in seconds to nanoseconds, codes plain or dictionary-encoded, values f32 or f64.
//! - `SNOMED/65363002`, as OMOP converters of 0.3 wrote codes, becomes `SNOMED//65363002`; a code with a prefix that is
//!   no known vocabulary is kept whole.
//! - Times are kept as they are: such a set has already placed its date-only facts at 23:59:59.
//! - The source's own splits are not: Osler's come from a keyed hash, and stay stable when sources are joined.

use crate::{
    Error, Sink, codes,
    rows::{Columnar, EMPTY, Failure, InField, Row, Rows, each_row},
    units,
};
use events::{SourceEvent, SourceFact, SourceTime, SourceValue};
use parquet::file::reader::ChunkReader;
use smol_str::SmolStr;

/// Every path that events of this format carry, for policies.
pub const MEDS_PATHS: &[&str] = &["meds.code"];

const KIND: &str = "meds";
const COLUMNS: &[&str] = &[
    "subject_id",
    "patient_id",
    "time",
    "code",
    "numeric_value",
    "text_value",
    "unit",
    "description",
    "parent_codes",
    "is_procedure",
];

/// Is this a file of the data set's metadata that describes codes?
pub(crate) fn is_codes(table_name: &str) -> bool {
    table_name.eq_ignore_ascii_case("codes.parquet")
}

/// Is this a file that isn't read (splits, labels)?
pub(crate) fn is_ignored(table_name: &str) -> bool {
    ["subject_splits.parquet", "patient_splits.parquet"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(table_name))
        || !table_name.ends_with(".parquet")
}

/// Reads one file of events, or `codes.parquet`.
///
/// # Errors
/// A damaged file, one without the columns that MEDS asks for, or a sink that fails.
pub(crate) fn read_parquet<R: ChunkReader + 'static>(
    safe_name: &str,
    table_name: &str,
    source: R,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    if is_ignored(table_name) {
        sink.ignore("file", "the source's own splits and metadata");
        return Ok(());
    }
    let mut rows = Columnar::open(safe_name, source, |column| COLUMNS.contains(&column))?;
    if is_codes(table_name) { read_codes(&mut rows, sink) } else { read_events(&mut rows, sink) }
}

fn read_events(rows: &mut dyn Rows, sink: &mut dyn Sink) -> Result<(), Error> {
    let header = rows.header().clone();
    if header.column("prediction_time").is_some() {
        sink.ignore("file", "the source's own labels");
        return Ok(());
    }
    let subject = match header.column("patient_id") {
        Some(column) if header.column("subject_id").is_none() => column,
        _ => header.require(rows.file(), "subject_id")?,
    };
    let time = header.require(rows.file(), "time")?;
    let code = header.require(rows.file(), "code")?;
    let [number, text, unit] = ["numeric_value", "text_value", "unit"].map(|name| header.column(name));
    let mut key = String::new();
    let mut codes = KnownCodes::default();
    each_row(rows, KIND, sink, |row, sink| {
        row.key(subject, &mut key).in_field("subject_id")?;
        let time = row.time(time).in_field("time")?.unwrap_or(SourceTime::Static);
        let whole = row.text(code).in_field("code")?.ok_or(Failure::Field("code", EMPTY))?;
        let (system, code) = codes.split(&whole);
        let value = match number.map_or(Ok(None), |column| row.value(column)).in_field("numeric_value")? {
            Some(number) => SourceValue::Number(number),
            None => match text.map_or(Ok(None), |column| row.text(column)).in_field("text_value")? {
                Some(text) => SourceValue::Text(text.into_owned()),
                None => SourceValue::None,
            },
        };
        let unit = match (&value, unit) {
            (SourceValue::Number(_), Some(column)) => known_unit(row, column)?,
            _ => None,
        };
        let event = SourceEvent {
            path: SmolStr::new_static("meds.code"),
            time,
            system,
            code,
            display: None,
            value,
            unit,
            origin: 0,
        };
        Ok(sink.fact(&key, SourceFact::Event(event))?)
    })
}

/// A `unit` column is an extension of MEDS, and may hold anything: only known spellings pass.
fn known_unit(row: &dyn Row, column: usize) -> Result<Option<SmolStr>, Failure> {
    let unit = row.text(column).in_field("unit")?;
    Ok(unit.and_then(|unit| units::known(&unit)).filter(|unit| !unit.is_empty()).map(SmolStr::new_static))
}

fn read_codes(rows: &mut dyn Rows, sink: &mut dyn Sink) -> Result<(), Error> {
    let header = rows.header().clone();
    let code = header.require(rows.file(), "code")?;
    let [description, parents, procedure] =
        ["description", "parent_codes", "is_procedure"].map(|name| header.column(name));
    let mut codes = KnownCodes::default();
    each_row(rows, "codes", sink, |row, sink| {
        let whole = row.text(code).in_field("code")?.ok_or(Failure::Field("code", EMPTY))?;
        let description = description.map_or(Ok(None), |column| row.text(column)).in_field("description")?;
        let parents = parents.map_or(Ok(Vec::new()), |column| row.texts(column)).in_field("parent_codes")?;
        let parents: Vec<String> = parents.iter().map(|parent| codes.whole(parent)).collect();
        let whole = codes.whole(&whole);
        sink.describe(&whole, &description.unwrap_or_default(), &parents);
        // A column of Osler's own. Of another tool's, that may mean anything by it, a yes is a yes.
        if procedure.map_or(Ok(None), |column| row.text(column)).in_field("is_procedure")?.as_deref()
            == Some("true")
        {
            sink.says_procedure(&whole);
        }
        Ok(())
    })
}

/// The last code split: events of one code often stand together, in dictionary-encoded files always in reach.
#[derive(Default)]
struct KnownCodes {
    last: Option<(String, SmolStr, SmolStr)>,
}

impl KnownCodes {
    fn split(&mut self, whole: &str) -> (SmolStr, SmolStr) {
        if let Some((last, system, code)) = &self.last
            && last == whole
        {
            return (system.clone(), code.clone());
        }
        let (system, code) = codes::split(whole).unwrap_or_else(|| (SmolStr::default(), SmolStr::new(whole)));
        self.last = Some((whole.to_owned(), system.clone(), code.clone()));
        (system, code)
    }

    fn whole(&mut self, whole: &str) -> String {
        let (system, code) = self.split(whole);
        codes::whole(&system, &code).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::Collected;
    use arrow_array::{
        ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array, LargeStringArray,
        RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray, types::Int32Type,
    };
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    fn parquet(columns: Vec<(&str, ArrayRef)>) -> Bytes {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes.into()
    }

    fn read(columns: Vec<(&str, ArrayRef)>) -> Collected {
        let mut sink = Collected::default();
        read_parquet("0.parquet", "0.parquet", parquet(columns), &mut sink).unwrap();
        sink
    }

    #[test]
    fn a_list_of_codes_says_which_are_procedures() {
        let mut sink = Collected::default();
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "code",
                Arc::new(StringArray::from(vec!["SNOMED//80146002", "SNOMED//22298006", "SNOMED/73761001"])),
            ),
            ("is_procedure", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ];
        read_parquet("codes.parquet", "codes.parquet", parquet(columns), &mut sink).unwrap();
        assert_eq!((sink.procedures, sink.rejections.len()), (vec!["SNOMED//80146002".to_owned()], 0));
    }

    const BIRTH: i64 = -1_000_000_000_000_000;

    #[test]
    fn releases_agree() {
        let codes = ["MEDS_BIRTH", "SNOMED/65363002", "Gender/F", "LAB//HGB//g/dL"];
        let first = read(vec![
            ("code", Arc::new(StringArray::from(codes.to_vec()))),
            ("subject_id", Arc::new(Int64Array::from(vec![7, 7, 7, 7]))),
            ("numeric_value", Arc::new(Float32Array::from(vec![None, None, None, Some(13.5)]))),
            (
                "unit",
                Arc::new(StringArray::from(vec![Some("None/No matching concept"), None, None, Some("G/DL")])),
            ),
            ("time", Arc::new(TimestampMicrosecondArray::from(vec![Some(BIRTH), Some(0), None, Some(0)]))),
        ]);
        let dictionary: DictionaryArray<Int32Type> = codes
            .iter()
            .map(|c| c.replace("SNOMED/", "SNOMED//"))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect();
        let second = read(vec![
            ("patient_id", Arc::new(Int64Array::from(vec![7, 7, 7, 7]))),
            (
                "time",
                Arc::new(TimestampNanosecondArray::from(vec![Some(BIRTH * 1000), Some(0), None, Some(999)])),
            ),
            ("code", Arc::new(dictionary)),
            ("numeric_value", Arc::new(Float64Array::from(vec![None, Some(f64::NAN), None, Some(13.5)]))),
            ("unit", Arc::new(LargeStringArray::from(vec![None, None, Some("x"), Some("gm/dl")]))),
        ]);
        assert_eq!(first.lines(), second.lines());
        assert_eq!(
            first.lines(),
            [
                "7 1938-04-24T22:13:20 MEDS_BIRTH",
                "7 1970-01-01T00:00:00 LAB//HGB//g/dL 13.5 [g/dL]",
                "7 1970-01-01T00:00:00 SNOMED//65363002",
                "7 static GENDER//F",
            ]
        );
        assert!(first.rejections.is_empty() && second.rejections.is_empty());
    }

    #[test]
    fn what_cannot_be_is_rejected_by_field() {
        let sink = read(vec![
            ("subject_id", Arc::new(Int64Array::from(vec![Some(1), None, Some(1), Some(1)]))),
            ("time", Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX, 0, 0, 0]))),
            ("code", Arc::new(StringArray::from(vec![Some("A"), Some("A"), None, Some("A")]))),
            ("numeric_value", Arc::new(Float64Array::from(vec![1.0, 1.0, 1.0, 1e308]))),
        ]);
        assert!(sink.facts.is_empty());
        let fields: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.field.as_str())).collect();
        assert_eq!(fields, [(1, "time"), (2, "subject_id"), (3, "code"), (4, "numeric_value")]);
    }

    #[test]
    fn another_file_is_a_clear_error() {
        let mut sink = Collected::default();
        let error =
            read_parquet("0.parquet", "0.parquet", Bytes::from_static(b"PAR1 not really PAR1"), &mut sink);
        assert!(error.unwrap_err().to_string().starts_with("0.parquet: not readable as Parquet"));
        let columns = parquet(vec![("subject_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
        let error = read_parquet("0.parquet", "0.parquet", columns, &mut sink).unwrap_err().to_string();
        assert!(error.contains("no column \"time\""), "{error}");
    }

    #[test]
    fn damaged_files_are_errors_and_never_panic() {
        let whole = parquet(vec![
            ("subject_id", Arc::new(Int64Array::from_iter_values(0..300))),
            ("time", Arc::new(TimestampMicrosecondArray::from_iter_values(0..300))),
            ("code", Arc::new(StringArray::from_iter_values((0..300).map(|n| format!("SNOMED/{}", n % 7))))),
            ("numeric_value", Arc::new(Float32Array::from_iter_values((0..300).map(|n| n as f32)))),
        ]);
        let mut state = 7u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..3000 {
            let mut bytes = whole.to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            if random(8) == 0 {
                bytes.truncate(random(bytes.len()));
            }
            let _ = read_parquet("0.parquet", "0.parquet", Bytes::from(bytes), &mut Collected::default());
        }
    }
}
