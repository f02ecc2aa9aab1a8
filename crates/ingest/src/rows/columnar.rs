//! Rows of a Parquet file, batch by batch.

use super::{Header, NOT_AN_INTEGER, Reason, Row, Rows, admit, moment, number_in};
use crate::{Error, Sink};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{
        Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use chrono::{Offset, TimeZone};
use events::{MICROS_PER_DAY, SourceTime, Time};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    file::reader::ChunkReader,
};
use std::borrow::Cow;

const BATCH_ROWS: usize = 4096;
/// The tz database's names are shorter; what is longer isn't told whole.
const LONGEST_ZONE: usize = 40;

/// A Parquet file, read one row at a time; of its columns only those wanted are decoded.
pub(crate) struct Columnar {
    file: String,
    header: Header,
    batches: ParquetRecordBatchReader,
    columns: Vec<Cells>,
    place: Place,
}

struct Place {
    row: usize,
    rows: usize,
    line: u64,
}

impl Columnar {
    /// Opens a file and keeps the columns whose lower-case name `wanted` says yes to.
    pub(crate) fn open<R: ChunkReader + 'static>(
        file: &str,
        source: R,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let (header, batches, unknown) = contained(|| {
            let builder = ParquetRecordBatchReaderBuilder::try_new(source).ok()?;
            let fields = builder.schema().fields();
            let kept: Vec<usize> =
                (0..fields.len()).filter(|at| wanted(&fields[*at].name().to_lowercase())).collect();
            let unknown = kept.iter().find_map(|at| {
                let zone = unknown_zone(fields[*at].data_type())?;
                Some(format!(
                    "column {:?} holds times of the zone {:?}, which the tz database doesn't have; write it with UTC or an offset (+01:00)",
                    fields[*at].name(),
                    zone.chars().take(LONGEST_ZONE).collect::<String>()
                ))
            });
            let header = Header::new(kept.iter().map(|at| fields[*at].name().as_str()));
            let mask = ProjectionMask::roots(builder.parquet_schema(), kept);
            let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().ok()?;
            Some((header, batches, unknown))
        })
        .ok_or_else(|| damaged(file))?;
        if let Some(reason) = unknown {
            return Err(Error::Table { file: file.to_owned(), reason });
        }
        Ok(Columnar {
            file: file.to_owned(),
            header,
            batches,
            columns: Vec::new(),
            place: Place { row: 0, rows: 0, line: 0 },
        })
    }
}

impl Rows for Columnar {
    fn file(&self) -> &str {
        &self.file
    }

    fn header(&self) -> &Header {
        &self.header
    }

    fn line(&self) -> u64 {
        self.place.line
    }

    fn row(&self) -> &dyn Row {
        self
    }

    fn advance(&mut self, _kind: &'static str, _sink: &mut dyn Sink) -> Result<bool, Error> {
        self.place.row += 1;
        while self.place.line == 0 || self.place.row >= self.place.rows {
            let next = contained(|| match self.batches.next() {
                None => Some(None),
                Some(batch) => batch.ok().map(|batch| Some((batch.num_rows(), cells(&batch)))),
            });
            match next.ok_or_else(|| damaged(&self.file))? {
                None => return Ok(false),
                Some((rows, columns)) => {
                    self.columns = columns;
                    (self.place.row, self.place.rows) = (0, rows);
                    if rows > 0 {
                        break;
                    }
                }
            }
        }
        self.place.line += 1;
        Ok(true)
    }
}

/// Runs the decoder, which meets some damaged files with a panic instead of an error: here both are `None`, after
/// which the file is not read on.
fn contained<T>(decode: impl FnOnce() -> Option<T>) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)).ok().flatten()
}

fn damaged(file: &str) -> Error {
    Error::Table {
        file: file.to_owned(),
        reason: "not readable as Parquet (uncompressed, Snappy, gzip, LZ4 or Zstandard); copy or export the file again".to_owned(),
    }
}

fn cells(batch: &RecordBatch) -> Vec<Cells> {
    batch.columns().iter().map(Cells::of).collect()
}

/// A column, brought to one of few shapes when its batch is loaded.
enum Cells {
    Integers(arrow_array::Int64Array),
    Numbers(arrow_array::Float64Array),
    Text(ArrayRef),
    /// `true` or `false`.
    Flags(arrow_array::BooleanArray),
    Encoded {
        keys: Vec<Option<usize>>,
        values: Box<Cells>,
    },
    /// Microseconds since the epoch.
    Times(arrow_array::Int64Array),
    /// Days since the epoch.
    Dates(arrow_array::Int64Array),
    Lists(ArrayRef),
    /// A type that tables of this kind have no use for.
    Other,
}

/// What a clock on the wall of the column's zone showed at each of its instants, in microseconds: as text with an offset is read,
/// so that a day begins at midnight where it was lived. Nothing for a zone that nobody knows.
fn wall_clock(instants: &arrow_array::Int64Array, zone: &str) -> Option<arrow_array::Int64Array> {
    let zone = zone_of(zone)?;
    Some(instants.unary(|micros| {
        let instant = chrono::DateTime::from_timestamp_micros(micros).map(|instant| instant.naive_utc());
        let east =
            instant.map_or(0, |instant| zone.offset_from_utc_datetime(&instant).fix().local_minus_utc());
        micros.saturating_add(i64::from(east) * 1_000_000)
    }))
}

/// A zone by its name in the tz database, whatever the case of its letters, or by its offset: `Z`, `+01:00`, `UTC+1`.
fn zone_of(name: &str) -> Option<arrow_array::timezone::Tz> {
    let name = name.trim();
    let begins_upper = |part: &str| {
        let mut cased = part.to_ascii_lowercase();
        cased.get_mut(..1).map(str::make_ascii_uppercase);
        cased
    };
    let cased = name.split('/').map(|part| part.split('_').map(begins_upper).collect::<Vec<_>>().join("_"));
    let offset = || {
        let from_utc =
            name.get(..3).filter(|utc| ["utc", "gmt"].iter().any(|zone| utc.eq_ignore_ascii_case(zone)));
        let (sign, clock) = name.strip_prefix(from_utc?)?.trim().split_at_checked(1)?;
        let (hours, minutes) = clock.split_once(':').unwrap_or((clock, "00"));
        let two = |digits: &str| matches!(digits.len(), 1 | 2).then(|| format!("{digits:0>2}"));
        format!("{sign}{}:{}", two(hours)?, two(minutes)?).parse().ok()
    };
    if name.eq_ignore_ascii_case("z") {
        return "UTC".parse().ok();
    }
    let known = name.parse().or_else(|_| name.to_ascii_uppercase().parse());
    known.or_else(|_| cased.collect::<Vec<_>>().join("/").parse()).ok().or_else(offset)
}

/// The zone of a column of times that nobody knows, if it has such a one.
fn unknown_zone(kind: &DataType) -> Option<&str> {
    match kind {
        DataType::Timestamp(_, Some(zone)) if zone_of(zone).is_none() => Some(zone),
        _ => None,
    }
}

impl Cells {
    fn of(array: &ArrayRef) -> Self {
        macro_rules! integers {
            ($type:ty) => {
                Cells::Integers(array.as_primitive::<$type>().unary(|v| v as i64))
            };
        }
        macro_rules! times {
            ($type:ty, $zone:expr, $micros:expr) => {{
                let times = array.as_primitive::<$type>().unary($micros);
                match $zone {
                    Some(zone) => wall_clock(&times, zone).map_or(Cells::Other, Cells::Times),
                    None => Cells::Times(times),
                }
            }};
        }
        match array.data_type() {
            DataType::Int8 => integers!(Int8Type),
            DataType::Int16 => integers!(Int16Type),
            DataType::Int32 => integers!(Int32Type),
            DataType::Int64 => integers!(Int64Type),
            DataType::UInt8 => integers!(UInt8Type),
            DataType::UInt16 => integers!(UInt16Type),
            DataType::UInt32 => integers!(UInt32Type),
            DataType::UInt64 => {
                Cells::Integers(array.as_primitive::<UInt64Type>().unary_opt(|v| i64::try_from(v).ok()))
            }
            DataType::Float32 => Cells::Numbers(array.as_primitive::<Float32Type>().unary(f64::from)),
            DataType::Float64 => Cells::Numbers(array.as_primitive::<Float64Type>().clone()),
            DataType::Decimal128(_, scale) => {
                let divisor = 10f64.powi(i32::from(*scale));
                let decimals = array.as_primitive::<arrow_array::types::Decimal128Type>();
                Cells::Numbers(decimals.unary(|v| v as f64 / divisor))
            }
            DataType::Boolean => Cells::Flags(array.as_boolean().clone()),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Cells::Text(array.clone()),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let places = dictionary.normalized_keys();
                let keys =
                    places.into_iter().enumerate().map(|(row, key)| (!array.is_null(row)).then_some(key));
                Cells::Encoded { keys: keys.collect(), values: Box::new(Cells::of(dictionary.values())) }
            }
            DataType::Timestamp(TimeUnit::Second, zone) => {
                times!(TimestampSecondType, zone, |v: i64| v.saturating_mul(1_000_000))
            }
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                times!(TimestampMillisecondType, zone, |v: i64| v.saturating_mul(1000))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                times!(TimestampMicrosecondType, zone, |v: i64| v)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                times!(TimestampNanosecondType, zone, |v: i64| v.div_euclid(1000))
            }
            DataType::Date32 => Cells::Dates(array.as_primitive::<Date32Type>().unary(i64::from)),
            DataType::List(_) => Cells::Lists(array.clone()),
            _ => Cells::Other,
        }
    }

    fn texts(&self, row: usize) -> Result<Vec<String>, Reason> {
        match self {
            Cells::Lists(array) if array.is_null(row) => Ok(Vec::new()),
            Cells::Lists(array) => {
                let values = array.as_list::<i32>().value(row);
                let cells = Cells::of(&values);
                let texts = (0..values.len()).map(|at| cells.text(at).map(|text| text.map(Cow::into_owned)));
                texts.filter_map(Result::transpose).collect()
            }
            _ => Ok(self.text(row)?.map(Cow::into_owned).into_iter().collect()),
        }
    }

    fn text(&self, row: usize) -> Result<Option<Cow<'_, str>>, Reason> {
        let text = match self {
            Cells::Text(array) if array.is_null(row) => None,
            Cells::Text(array) => Some(Cow::Borrowed(match array.data_type() {
                DataType::Utf8 => array.as_string::<i32>().value(row),
                DataType::LargeUtf8 => array.as_string::<i64>().value(row),
                _ => array.as_string_view().value(row),
            })),
            Cells::Flags(array) => {
                array.is_valid(row).then(|| Cow::Borrowed(if array.value(row) { "true" } else { "false" }))
            }
            Cells::Integers(array) => array.is_valid(row).then(|| Cow::Owned(array.value(row).to_string())),
            Cells::Numbers(array) => array.is_valid(row).then(|| Cow::Owned(array.value(row).to_string())),
            Cells::Encoded { keys, values } => match keys[row] {
                Some(key) => return values.text(key),
                None => None,
            },
            Cells::Times(array) if array.is_null(row) => None,
            Cells::Dates(array) if array.is_null(row) => None,
            Cells::Times(_) | Cells::Dates(_) | Cells::Lists(_) | Cells::Other => return Err("not text"),
        };
        Ok(text.and_then(|text| match text {
            Cow::Borrowed(text) => Some(text.trim()).filter(|t| !t.is_empty()).map(Cow::Borrowed),
            owned => Some(owned),
        }))
    }

    fn integer(&self, row: usize) -> Result<Option<i64>, Reason> {
        match self {
            Cells::Integers(array) => Ok(array.is_valid(row).then(|| array.value(row))),
            Cells::Numbers(array) if array.is_null(row) || array.value(row).is_nan() => Ok(None),
            Cells::Numbers(array) => {
                let number = array.value(row);
                // Beyond 2^53 a double no longer names one integer.
                if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
                    Ok(Some(number as i64))
                } else {
                    Err(NOT_AN_INTEGER)
                }
            }
            Cells::Encoded { keys, values } => keys[row].map_or(Ok(None), |key| values.integer(key)),
            _ => match self.text(row)? {
                None => Ok(None),
                Some(text) => text.parse().map(Some).map_err(|_| NOT_AN_INTEGER),
            },
        }
    }

    fn number(&self, row: usize) -> Result<Option<f64>, Reason> {
        match self {
            Cells::Integers(array) => Ok(array.is_valid(row).then(|| array.value(row) as f64)),
            // Data frames write a missing number as NaN.
            Cells::Numbers(array) if array.is_null(row) || array.value(row).is_nan() => Ok(None),
            Cells::Numbers(array) => admit(array.value(row)).map(Some),
            Cells::Encoded { keys, values } => keys[row].map_or(Ok(None), |key| values.number(key)),
            _ => match self.text(row)? {
                None => Ok(None),
                Some(text) => number_in(&text).and_then(admit).map(Some),
            },
        }
    }

    fn time(&self, row: usize) -> Result<Option<SourceTime>, Reason> {
        let time = match self {
            Cells::Times(array) => {
                array.is_valid(row).then(|| SourceTime::DateTime(Time::from_micros(array.value(row))))
            }
            Cells::Dates(array) => array.is_valid(row).then(|| {
                SourceTime::Date(Time::from_micros(array.value(row).saturating_mul(MICROS_PER_DAY)))
            }),
            Cells::Encoded { keys, values } => return keys[row].map_or(Ok(None), |key| values.time(key)),
            Cells::Text(_) => match self.text(row)? {
                Some(text) => Some(moment::parse(text.as_bytes())?),
                None => None,
            },
            _ => return Err(moment::NOT_A_TIME),
        };
        time.map(moment::plausible).transpose()
    }
}

impl Row for Columnar {
    fn texts(&self, column: usize) -> Result<Vec<String>, Reason> {
        self.columns.get(column).map_or(Ok(Vec::new()), |cells| cells.texts(self.place.row))
    }

    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Reason> {
        self.columns.get(column).map_or(Ok(None), |cells| cells.text(self.place.row))
    }

    fn integer(&self, column: usize) -> Result<Option<i64>, Reason> {
        self.columns.get(column).map_or(Ok(None), |cells| cells.integer(self.place.row))
    }

    fn number(&self, column: usize) -> Result<Option<f64>, Reason> {
        self.columns.get(column).map_or(Ok(None), |cells| cells.number(self.place.row))
    }

    fn time(&self, column: usize) -> Result<Option<SourceTime>, Reason> {
        self.columns.get(column).map_or(Ok(None), |cells| cells.time(self.place.row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::TimestampMillisecondArray;
    use std::sync::Arc;

    /// 2020-07-01T03:30Z and 2020-01-01T03:30Z, as a column of some zone shows them.
    fn shown(zone: Option<&str>) -> Vec<Result<Option<SourceTime>, Reason>> {
        let column =
            TimestampMillisecondArray::from(vec![Some(1_593_574_200_000), Some(1_577_849_400_000), None]);
        let column: ArrayRef = match zone {
            Some(zone) => Arc::new(column.with_timezone(zone)),
            None => Arc::new(column),
        };
        let cells = Cells::of(&column);
        (0..3).map(|row| cells.time(row)).collect()
    }

    fn at(text: &str) -> Result<Option<SourceTime>, Reason> {
        moment::parse(text.as_bytes()).map(Some)
    }

    #[test]
    fn an_instant_in_a_zone_is_what_a_clock_there_showed() {
        for zone in [None, Some("UTC"), Some("+00:00"), Some("Z"), Some("z"), Some("utc"), Some("GMT+0")] {
            assert_eq!(
                shown(zone),
                [at("2020-07-01T03:30:00"), at("2020-01-01T03:30:00"), Ok(None)],
                "{zone:?}"
            );
        }
        // Summer and winter; the evening before.
        let new_york = [at("2020-06-30T23:30:00"), at("2019-12-31T22:30:00"), Ok(None)];
        for zone in ["America/New_York", "america/new_york", "AMERICA/NEW_YORK"] {
            assert_eq!(shown(Some(zone)), new_york, "{zone}");
        }
        for zone in ["+05:30", "UTC+5:30", "utc+05:30"] {
            let there = [at("2020-07-01T09:00:00"), at("2020-01-01T09:00:00"), Ok(None)];
            assert_eq!(shown(Some(zone)), there, "{zone}");
        }
        assert_eq!(shown(Some("UTC-1"))[0], at("2020-07-01T02:30:00"));
        for zone in ["Nowhere/At_All", "", "UTC+", "UTC+é", "UTC+123", "é/é", "MS"] {
            assert_eq!(shown(Some(zone))[0], Err(moment::NOT_A_TIME), "{zone}");
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_is_named() {
        let column: ArrayRef =
            Arc::new(TimestampMillisecondArray::from(vec![Some(0)]).with_timezone("Mars/Base"));
        let batch = RecordBatch::try_from_iter([("time", column)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let open = |wanted: &'static str| {
            Columnar::open("a.parquet", bytes::Bytes::from(bytes.clone()), move |column| column == wanted)
                .err()
        };
        let error = open("time").unwrap().to_string();
        assert!(error.contains("\"time\"") && error.contains("\"Mars/Base\""), "{error}");
        assert!(open("other").is_none(), "what isn't read may be as it likes");
    }
}
