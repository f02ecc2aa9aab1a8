//! Visits, and the inpatient stays that date what is coded at discharge.

use super::{event, identities::Named, present, vocabulary::Concepts, without_code};
use crate::{
    Error, Sink,
    rows::{EMPTY, Failure, InField, Quiet, Row, Rows, each_row, first_time, origin},
};
use events::{SourceFact, SourceTime, Time};
use smol_str::SmolStr;
use std::borrow::Cow;

/// Visits in which a patient stays: their end is an event, and a discharge.
const STAYS: &[i64] = &[
    9201,    // Inpatient Visit
    9203,    // Emergency Room Visit
    262,     // Emergency Room and Inpatient Visit
    8717,    // Inpatient Hospital
    8971,    // Inpatient Psychiatric Facility
    8920,    // Comprehensive Inpatient Rehabilitation Facility
    32_037,  // Intensive Care
    581_379, // Inpatient Critical Care Facility
    8870,    // Emergency Room – Hospital
];

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
        let ends = present(rows, &["visit_end_datetime", "visit_end_date"])?;
        // The first of two readings says nothing about the table.
        each_row(rows, "visit_occurrence", &mut Quiet, |row, _| {
            let stays = row.integer(concept).ok().flatten().is_some_and(|id| STAYS.contains(&id));
            if let (true, Ok(Some(visit)), Ok(Some(end))) =
                (stays, row.integer(visit), first_time(row, &ends))
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
        let Some(kind) = concepts.first([id, source]) else {
            return without_code(table, "visit_concept_id", [id, source], sink);
        };
        let from = origin_of(table, "", &record, &kind.code, &start);
        let end = first_time(row, &ends).in_field("visit_end_date")?;
        let mut end_event = event("visit_occurrence.end", start, kind.clone(), 0);
        sink.fact(&key, SourceFact::Event(event(table, start, kind, from)))?;
        let Some(end) = end else { return Ok(()) };
        if at(end) < at(start) {
            return Err(Failure::Field("visit_end_date", "a visit that ends before it starts"));
        }
        if table == "visit_occurrence" && id.is_some_and(|id| STAYS.contains(&id)) {
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
