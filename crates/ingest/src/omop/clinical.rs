//! The tables whose rows are "this concept, for this person, then": conditions, drugs, procedures, devices,
//! measurements, observations, specimens; and notes.

use super::{
    columns::ClinicalTable,
    event,
    identities::Named,
    present,
    visits::{Stays, at, optional, origin_of, record_id},
    vocabulary::{Concept, Concepts},
    without_code,
};
use crate::{
    Error, Sink,
    rows::{EMPTY, Header, InField, Reason, Row, Rows, each_row, first_time},
    units,
};
use events::{SourceFact, SourceTime, SourceValue};
use smol_str::SmolStr;

/// `condition_type_concept_id`s and `condition_status_concept_id`s of diagnoses that are made known at discharge,
/// by coders, for the bill.
const CODED_AT_DISCHARGE: &[i64] = &[
    32_019,     // EHR billing diagnosis
    32_821,     // EHR billing record
    32_823,     // EHR discharge record
    32_824,     // EHR discharge summary
    32_853,     // Inpatient claim
    32_854,     // Inpatient claim detail
    32_855,     // Inpatient claim header
    32_896,     // Discharge diagnosis (status)
    32_903,     // Primary discharge diagnosis (status)
    32_909,     // Secondary discharge diagnosis (status)
    38_000_183, // Inpatient detail – primary
    38_000_184, // Inpatient detail – 1st position
    38_000_199, // Inpatient header – primary
    38_000_200, // Inpatient header – 1st position
    38_000_201, // Inpatient header – 2nd position
];

pub(super) fn read(
    table: &'static ClinicalTable,
    rows: &mut dyn Rows,
    concepts: &Concepts,
    stays: &Stays,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let header = rows.header().clone();
    let person = header.require(rows.file(), "person_id")?;
    let concept = header.require(rows.file(), table.concept)?;
    let source = header.column(table.source_concept);
    let record = header.column(table.key);
    let times = present(rows, table.times)?;
    let values = table.has_values.then(|| Values::of(&header));
    let discharge = (table.name == "condition_occurrence").then(|| Discharge::of(&header));
    let date_field = table.times[table.times.len() - 1];
    let mut key = String::new();
    each_row(rows, table.name, sink, |row, sink| {
        row.key(person, &mut key).in_field("person_id")?;
        let mut time = first_time(row, &times).and_then(|time| time.ok_or(EMPTY)).in_field(date_field)?;
        let standard = row.integer(concept).in_field(table.concept)?;
        let source = optional(row, source).in_field(table.source_concept)?;
        let Some(found) = concepts.finest([source, standard]) else {
            return without_code(table.name, table.concept, [source, standard], sink);
        };
        if let Some(discharge) = &discharge {
            time = discharge.known_at(row, time, stays);
        }
        let from = origin_of(table.name, "", &record_id(row, record), &found.code, &time);
        let mut event = event(table.name, time, found, from);
        if let Some(values) = &values {
            event.value = values.value(row, concepts).in_field("value_as_number")?;
            if matches!(event.value, SourceValue::Number(_)) {
                event.unit = values.unit(row, concepts).in_field("unit_concept_id")?;
            }
        }
        Ok(sink.fact(&key, SourceFact::Event(event))?)
    })
}

/// `note`: its text, under its class.
pub(super) fn read_note(
    rows: &mut dyn Rows,
    concepts: &Concepts,
    identities: bool,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    const TABLE: &str = "note";
    let header = rows.header().clone();
    let named = Named::of(&header, identities);
    let person = header.require(rows.file(), "person_id")?;
    let text = header.require(rows.file(), "note_text")?;
    let [class, kind, record] =
        ["note_class_concept_id", "note_type_concept_id", "note_id"].map(|name| header.column(name));
    let times = present(rows, &["note_datetime", "note_date"])?;
    let mut key = String::new();
    each_row(rows, TABLE, sink, |row, sink| {
        row.key(person, &mut key).in_field("person_id")?;
        let time = first_time(row, &times).and_then(|time| time.ok_or(EMPTY)).in_field("note_date")?;
        named.read(row, &key, sink)?;
        let class = optional(row, class).in_field("note_class_concept_id")?;
        let kind = optional(row, kind).in_field("note_type_concept_id")?;
        let Some(text) = row.text(text).in_field("note_text")? else {
            sink.ignore(TABLE, "a note without text");
            return Ok(());
        };
        let concept = concepts.first([class, kind]).unwrap_or(Concept {
            system: SmolStr::new_static("NOTE"),
            code: SmolStr::new_static("UNCLASSIFIED"),
        });
        let from = origin_of(TABLE, "", &record_id(row, record), &concept.code, &time);
        let mut event = event("note.note_text", time, concept, from);
        event.value = SourceValue::Text(text.into_owned());
        Ok(sink.fact(&key, SourceFact::Event(event))?)
    })
}

/// Where `measurement` and `observation` keep values.
struct Values {
    number: Option<usize>,
    concept: Option<usize>,
    text: Option<usize>,
    unit_concept: Option<usize>,
    unit_source: Option<usize>,
}

impl Values {
    fn of(header: &Header) -> Self {
        Values {
            number: header.column("value_as_number"),
            concept: header.column("value_as_concept_id"),
            text: header.column("value_as_string"),
            unit_concept: header.column("unit_concept_id"),
            unit_source: header.column("unit_source_value"),
        }
    }

    /// A number before a concept before text.
    fn value(&self, row: &dyn Row, concepts: &Concepts) -> Result<SourceValue, Reason> {
        if let Some(number) = self.number.map_or(Ok(None), |column| row.value(column))? {
            return Ok(SourceValue::Number(number));
        }
        if let Some(Concept { system, code }) = optional(row, self.concept)?.and_then(|id| concepts.get(id)) {
            return Ok(SourceValue::Concept { system, code });
        }
        let text = self.text.map_or(Ok(None), |column| row.text(column))?;
        Ok(text.map_or(SourceValue::None, |text| SourceValue::Text(text.into_owned())))
    }

    /// The unit's concept; else the unit as the source wrote it, provided that it is a known spelling of one.
    fn unit(&self, row: &dyn Row, concepts: &Concepts) -> Result<Option<SmolStr>, Reason> {
        if let Some(concept) = optional(row, self.unit_concept)?.and_then(|id| concepts.get(id)) {
            return Ok(Some(units::ucum(&concept.code)).filter(|unit| !unit.is_empty()));
        }
        let text = self.unit_source.map_or(Ok(None), |column| row.text(column))?;
        Ok(text.and_then(|text| units::known(&text)).filter(|unit| !unit.is_empty()).map(SmolStr::new_static))
    }
}

/// What tells that a diagnosis was coded at discharge, and from which stay.
struct Discharge {
    visit: Option<usize>,
    kind: Option<usize>,
    status: Option<usize>,
}

impl Discharge {
    fn of(header: &Header) -> Self {
        Discharge {
            visit: header.column("visit_occurrence_id"),
            kind: header.column("condition_type_concept_id"),
            status: header.column("condition_status_concept_id"),
        }
    }

    /// The later of the condition's start and the end of its stay, for what is coded at discharge.
    fn known_at(&self, row: &dyn Row, start: SourceTime, stays: &Stays) -> SourceTime {
        let coded = |column| {
            optional(row, column).ok().flatten().is_some_and(|id: i64| CODED_AT_DISCHARGE.contains(&id))
        };
        if !coded(self.kind) && !coded(self.status) {
            return start;
        }
        match optional(row, self.visit).ok().flatten().and_then(|visit| stays.end(visit)) {
            Some(end) if at(end) > at(start) => end,
            _ => start,
        }
    }
}
