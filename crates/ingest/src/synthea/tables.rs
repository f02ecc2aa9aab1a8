//! The tables whose rows are "this code, for this patient, then".

use super::identities::Seen;
use crate::{
    Error, Sink, codes,
    rows::{EMPTY, Failure, InField, Row, Rows, each_row, moment},
    units,
};
use events::{SourceEvent, SourceFact, SourceTime, SourceValue};
use smol_str::SmolStr;

/// One table, as data.
pub(super) struct Table {
    pub(super) name: &'static str,
    time: &'static str,
    code: &'static str,
    display: &'static str,
    /// The coding system where the table has no `SYSTEM` column.
    system: &'static str,
}

pub(super) const TABLES: &[Table] = &[
    table("allergies", "start", "SNOMED"),
    table("careplans", "start", "SNOMED"),
    table("conditions", "start", "SNOMED"),
    table("devices", "start", "SNOMED"),
    table("encounters", "start", "SNOMED"),
    Table {
        code: "procedure_code",
        display: "procedure_description",
        ..table("imaging_studies", "date", "SNOMED")
    },
    table("immunizations", "date", "CVX"),
    table("medications", "start", "RXNORM"),
    table("observations", "date", "LOINC"),
    table("procedures", "start", "SNOMED"),
    table("supplies", "date", "SNOMED"),
];

const fn table(name: &'static str, time: &'static str, system: &'static str) -> Table {
    Table { name, time, code: "code", display: "description", system }
}

/// Every path that events of this format carry, for policies.
pub const SYNTHEA_PATHS: &[&str] = &[
    "patients.birthdate",
    "patients.deathdate",
    "patients.gender",
    "patients.race",
    "patients.ethnicity",
    "patients.marital",
    "patients.zip",
    "allergies",
    "careplans",
    "conditions",
    "devices",
    "encounters",
    "encounters.class",
    "encounters.end",
    "encounters.reason",
    "imaging_studies",
    "immunizations",
    "medications",
    "observations",
    "procedures",
    "supplies",
];

/// What the simulator knows and no record could: left out.
const SIMULATED_ONLY: &[&str] = &["QALY", "DALY", "QOLS"];

pub(super) fn read(
    table: &'static Table,
    rows: &mut dyn Rows,
    identities: bool,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let header = rows.header().clone();
    let patient = header.require(rows.file(), "patient")?;
    // Older exports name the time of a procedure or a device DATE.
    let time = match header.column(table.time) {
        Some(column) => column,
        None => header.require(rows.file(), "date")?,
    };
    let code = match header.column(table.code) {
        Some(column) => Some(column),
        None if table.name == "imaging_studies" => None, // before 2020 they carried no procedure
        None => Some(header.require(rows.file(), table.code)?),
    };
    let [display, system] = [table.display, "system"].map(|name| header.column(name));
    let values = (table.name == "observations").then(|| Values {
        value: header.column("value"),
        unit: header.column("units"),
        kind: header.column("type"),
    });
    let visit = (table.name == "encounters").then(|| Visit {
        class: header.column("encounterclass"),
        end: header.column("stop"),
        reason: header.column("reasoncode"),
        reason_display: header.column("reasondescription"),
    });
    let seen = Seen::of(&header, identities && visit.is_some());
    let mut key = String::new();
    each_row(rows, table.name, sink, |row, sink| {
        row.key(patient, &mut key).in_field("patient")?;
        seen.read(row, &key, sink)?;
        let time = row.time(time).in_field(table.time)?.ok_or(Failure::Field(table.time, EMPTY))?;
        let Some(found) = code.map_or(Ok(None), |column| row.text(column)).in_field(table.code)? else {
            sink.ignore(table.name, "a row without a code");
            return Ok(());
        };
        if SIMULATED_ONLY.contains(&found.as_ref()) {
            sink.ignore(table.name, "known to the simulator alone");
            return Ok(());
        }
        let system = match system.map_or(Ok(None), |column| row.text(column)).in_field("system")? {
            Some(named) => codes::system(&named),
            None => SmolStr::new_static(table.system),
        };
        let mut event = match table.name {
            // As FHIR's reader writes it: an allergy to aspirin must not look like a dose of it.
            "allergies" => {
                event(table.name, time, SmolStr::new_static("ALLERGY"), &codes::whole(&system, found.trim()))
            }
            _ => event(table.name, time, system, &found),
        };
        event.display = text(row, display).in_field(table.display)?;
        if let Some(values) = &values {
            values.read(row, &mut event)?;
        }
        if let Some(visit) = &visit {
            visit.read(row, &key, time, sink)?;
        }
        Ok(sink.fact(&key, SourceFact::Event(event))?)
    })
}

/// `observations`: a number or an answer in words.
struct Values {
    value: Option<usize>,
    unit: Option<usize>,
    kind: Option<usize>,
}

impl Values {
    fn read(&self, row: &dyn Row, event: &mut SourceEvent) -> Result<(), Failure> {
        let Some(value) = self.value else { return Ok(()) };
        let numeric = text(row, self.kind).in_field("type")?.is_none_or(|kind| kind == "numeric");
        if numeric {
            if let Some(number) = row.value(value).in_field("value")? {
                event.value = SourceValue::Number(number);
                event.unit = text(row, self.unit)
                    .in_field("units")?
                    .and_then(|unit| units::known(&unit))
                    .filter(|unit| !unit.is_empty())
                    .map(SmolStr::new_static);
            }
        } else if let Some(answer) = row.text(value).in_field("value")? {
            event.value = SourceValue::Text(answer.into_owned());
        }
        Ok(())
    }
}

/// `encounters`: beside the encounter's own code, `VISIT//…` by class, `VISIT_END//…` for stays, and the reason.
struct Visit {
    class: Option<usize>,
    end: Option<usize>,
    reason: Option<usize>,
    reason_display: Option<usize>,
}

impl Visit {
    fn read(&self, row: &dyn Row, key: &str, start: SourceTime, sink: &mut dyn Sink) -> Result<(), Failure> {
        let end = match self.end.map_or(Ok(None), |column| row.time(column)) {
            Err(moment::OUT_OF_RANGE | moment::PAST_RANGE) => {
                sink.ignore("encounters", moment::STILL_OPEN);
                None
            }
            end => end.in_field("stop")?,
        };
        if let Some(class) = text(row, self.class).in_field("encounterclass")? {
            let class = visit_class(&class);
            let begin = event("encounters.class", start, SmolStr::new_static("VISIT"), class);
            sink.fact(key, SourceFact::Event(begin))?;
            if end.is_some_and(|end| moment::is_open_end(start, end)) {
                sink.ignore("encounters", moment::STILL_OPEN);
            } else if let (Some(end), "IMP" | "EMER") = (end, class) {
                let end = event("encounters.end", end, SmolStr::new_static("VISIT_END"), class);
                sink.fact(key, SourceFact::Event(end))?;
            }
        }
        if let Some(reason) = text(row, self.reason).in_field("reasoncode")? {
            let mut reason = event("encounters.reason", start, SmolStr::new_static("SNOMED"), &reason);
            reason.display = text(row, self.reason_display).in_field("reasondescription")?;
            sink.fact(key, SourceFact::Event(reason))?;
        }
        Ok(())
    }
}

/// Synthea's words for HL7's encounter classes, which its FHIR export writes.
fn visit_class(class: &str) -> &'static str {
    match class.to_ascii_lowercase().as_str() {
        "inpatient" => "IMP",
        "emergency" => "EMER",
        "home" => "HH",
        "virtual" => "VR",
        // Synthea's FHIR export writes wellness, urgent care and outpatient encounters as ambulatory.
        _ => "AMB",
    }
}

fn text(row: &dyn Row, column: Option<usize>) -> Result<Option<SmolStr>, crate::rows::Reason> {
    Ok(column.map_or(Ok(None), |column| row.text(column))?.map(SmolStr::new))
}

fn event(path: &'static str, time: SourceTime, system: SmolStr, code: &str) -> SourceEvent {
    SourceEvent {
        path: SmolStr::new_static(path),
        time,
        system,
        code: SmolStr::new(code),
        display: None,
        value: SourceValue::None,
        unit: None,
        // Rows have no identifier: equal rows may be equal facts that happened twice.
        origin: 0,
    }
}
