//! Visits, and the inpatient stays that date what is coded at discharge.

use super::{event, identities::Named, present, vocabulary::Concepts, without_code};
use crate::{
    Error, Sink,
    rows::{EMPTY, Failure, InField, Quiet, Reason, Row, Rows, each_row, first_time, moment, origin},
};
use events::{SourceFact, SourceTime, Time};
use smol_str::SmolStr;
use std::borrow::Cow;

/// Visits in which a patient stays: their end is an event, and a discharge. Beside each the kind of visit that it is told as, at its start
/// and its end: places have codes of other vocabularies, and `VISIT_END` has a word for none of them.
const STAYS: &[(i64, i64)] = &[
    (9201, INPATIENT),    // Inpatient Visit
    (9203, EMERGENCY),    // Emergency Room Visit
    (262, 262),           // Emergency Room and Inpatient Visit
    (8717, INPATIENT),    // Inpatient Hospital
    (8971, INPATIENT),    // Inpatient Psychiatric Facility
    (8920, INPATIENT),    // Comprehensive Inpatient Rehabilitation Facility
    (32_037, INPATIENT),  // Intensive Care
    (581_379, INPATIENT), // Inpatient Critical Care Facility
    (8870, EMERGENCY),    // Emergency Room – Hospital
];
const INPATIENT: i64 = 9201;
const EMERGENCY: i64 = 9203;

/// The kind of visit that a visit of this concept is, if it is a stay.
fn stay(concept: Option<i64>) -> Option<i64> {
    let concept = concept?;
    STAYS.iter().find(|(id, _)| *id == concept).map(|(_, kind)| *kind)
}

/// The end of what began at `start`, as it is read from a row's columns; `None` where there is none, or one that stands for "still
/// open", which `open` is then told.
fn end_of(
    row: &dyn Row,
    ends: &[usize],
    start: SourceTime,
    open: &mut dyn FnMut(),
) -> Result<Option<SourceTime>, Reason> {
    match first_time(row, ends) {
        Ok(Some(end)) if !moment::is_open_end(start, end) => Ok(Some(match (start, end) {
            // Of one day, known by the date alone at its start: it can't have ended before.
            (SourceTime::Date(day), SourceTime::DateTime(_)) if moment::day(end) == Some(day) => start,
            _ => end,
        })),
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(moment::OUT_OF_RANGE | moment::PAST_RANGE) => {
            open();
            Ok(None)
        }
        Err(reason) => Err(reason),
    }
}

/// Does an end come before the start? By the day, where either is known by the day alone.
fn is_before(end: SourceTime, start: SourceTime) -> bool {
    match (start, end) {
        (SourceTime::DateTime(start), SourceTime::DateTime(end)) => end < start,
        _ => moment::day(end) < moment::day(start),
    }
}

/// The ends of inpatient stays by visit: 24 bytes each.
#[derive(Default)]
pub(super) struct Stays {
    ends: Vec<(i64, SourceTime)>,
}

impl Stays {
    /// Takes the stays out of `visit_occurrence`. Its rows are counted and rejected when they are read for events.
    pub(super) fn load(&mut self, rows: &mut dyn Rows) -> Result<(), Error> {
        let visit = rows.header().require(rows.file(), "visit_occurrence_id")?;
        let concept = rows.header().require(rows.file(), "visit_concept_id")?;
        let starts = present(rows, &["visit_start_datetime", "visit_start_date"])?;
        let ends = present(rows, &["visit_end_datetime", "visit_end_date"])?;
        // The first of two readings says nothing about the table.
        each_row(rows, "visit_occurrence", &mut Quiet, |row, _| {
            let stays = stay(row.integer(concept).ok().flatten()).is_some();
            if let (true, Ok(Some(visit)), Ok(Some(start))) =
                (stays, row.integer(visit), first_time(row, &starts))
                && let Ok(Some(end)) = end_of(row, &ends, start, &mut || {})
            {
                self.ends.push((visit, end));
            }
            Ok(())
        })
    }

    pub(super) fn sorted(mut self) -> Self {
        self.ends.sort_by_key(|(visit, end)| (*visit, at(*end)));
        self.ends.shrink_to_fit();
        self
    }

    /// When the stay ended that this visit was, if it was one.
    pub(super) fn end(&self, visit: i64) -> Option<SourceTime> {
        let after = self.ends.partition_point(|(id, _)| *id <= visit);
        self.ends[..after].last().filter(|(id, _)| *id == visit).map(|(_, end)| *end)
    }
}

/// The moment at which a fact stands in a timeline.
pub(super) fn at(time: SourceTime) -> Option<Time> {
    match time {
        SourceTime::Static => None,
        SourceTime::Date(time) => Some(time.end_of_day()),
        SourceTime::DateTime(time) => Some(time),
    }
}

/// `visit_occurrence` and `visit_detail`: `VISIT//…` at the start; at the end of a stay `VISIT_END//…`, and where the
/// patient went.
pub(super) fn read(
    table: &'static str,
    rows: &mut dyn Rows,
    concepts: &Concepts,
    identities: bool,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let header = rows.header().clone();
    let named = Named::of(&header, identities);
    let prefix = table.strip_suffix("_occurrence").unwrap_or(table);
    let column = |suffix: &str| header.column(&format!("{prefix}_{suffix}"));
    let person = header.require(rows.file(), "person_id")?;
    let concept = header.require(rows.file(), &format!("{prefix}_concept_id"))?;
    let [record, source] = [header.column(&format!("{table}_id")), column("source_concept_id")];
    let starts = present(rows, &[&format!("{prefix}_start_datetime"), &format!("{prefix}_start_date")])?;
    let ends: Vec<usize> = [column("end_datetime"), column("end_date")].into_iter().flatten().collect();
    let discharge =
        ["discharged_to_concept_id", "discharge_to_concept_id"].iter().find_map(|name| header.column(name));
    let mut key = String::new();
    each_row(rows, table, sink, |row, sink| {
        row.key(person, &mut key).in_field("person_id")?;
        named.read(row, &key, sink)?;
        let id = row.integer(concept).in_field("visit_concept_id")?;
        let source = optional(row, source).in_field("visit_source_concept_id")?;
        let start =
            first_time(row, &starts).and_then(|time| time.ok_or(EMPTY)).in_field("visit_start_date")?;
        let record = record_id(row, record);
        // The visit's kind comes first here: the source's concept names a ward or clinic, not what kind of visit it is.
        let stay = stay(id).filter(|_| table == "visit_occurrence");
        let Some(kind) = concepts.first([stay.or(id), source]) else {
            return without_code(table, "visit_concept_id", [id, source], sink);
        };
        let from = origin_of(table, "", &record, &kind.code, &start);
        let mut open = || sink.ignore(table, moment::STILL_OPEN);
        let end = end_of(row, &ends, start, &mut open).in_field("visit_end_date")?;
        let mut end_event = event("visit_occurrence.end", start, kind.clone(), 0);
        sink.fact(&key, SourceFact::Event(event(table, start, kind, from)))?;
        let Some(end) = end else { return Ok(()) };
        if is_before(end, start) {
            return Err(Failure::Field("visit_end_date", "a visit that ends before it starts"));
        }
        if stay.is_some() {
            end_event.time = end;
            end_event.system = SmolStr::new_static("VISIT_END");
            end_event.origin = origin_of(table, "end", &record, &end_event.code, &end);
            sink.fact(&key, SourceFact::Event(end_event))?;
        }
        let went = optional(row, discharge).in_field("discharged_to_concept_id")?;
        if let Some(place) = went.and_then(|id| concepts.get(id)) {
            let path = "visit_occurrence.discharged_to_concept_id";
            let from = origin_of(table, path, &record, &place.code, &end);
            sink.fact(&key, SourceFact::Event(event(path, end, place, from)))?;
        }
        Ok(())
    })
}

/// An integer of a column that the table may lack.
pub(super) fn optional(row: &dyn Row, column: Option<usize>) -> Result<Option<i64>, crate::rows::Reason> {
    column.map_or(Ok(None), |column| row.integer(column))
}

/// What identifies a row, or nothing.
pub(super) fn record_id(row: &dyn Row, column: Option<usize>) -> Cow<'_, str> {
    match column.map(|column| row.text(column)) {
        Some(Ok(Some(id))) if id != "0" => id,
        _ => Cow::Borrowed(""),
    }
}

/// As [`origin`]; 0 for a row without an identifier, which can't be told from its like.
pub(super) fn origin_of(table: &str, field: &str, record: &str, code: &str, time: &SourceTime) -> u64 {
    if record.is_empty() { 0 } else { origin(table, field, record, code, time) }
}
