//! `patients`: birth, death, and sex, race, ethnicity, marital status and ZIP code as static facts.

use super::identities::Named;
use crate::{
    Error, Sink, codes,
    rows::{EMPTY, Failure, InField, Rows, each_row, moment, origin},
};
use events::{Code, SourceEvent, SourceFact, SourceTime, SourceValue};
use smol_str::SmolStr;

const TABLE: &str = "patients";

pub(super) fn read(rows: &mut dyn Rows, identities: bool, sink: &mut dyn Sink) -> Result<(), Error> {
    let header = rows.header().clone();
    let patient = header.require(rows.file(), "id")?;
    let birth = header.require(rows.file(), "birthdate")?;
    let death = header.column("deathdate");
    let facts = [
        ("patients.gender", "GENDER", header.column("gender")),
        ("patients.race", "RACE", header.column("race")),
        ("patients.ethnicity", "ETHNICITY", header.column("ethnicity")),
        ("patients.marital", "MARITAL", header.column("marital")),
        ("patients.zip", "ZIP", header.column("zip")),
    ];
    let named = Named::of(&header, identities);
    let mut key = String::new();
    each_row(rows, TABLE, sink, |row, sink| {
        row.key(patient, &mut key).in_field("id")?;
        named.read(row, &key, sink)?;
        let born = row.time(birth).in_field("birthdate")?.ok_or(Failure::Field("birthdate", EMPTY))?;
        let died = death.map_or(Ok(None), |column| row.time(column)).in_field("deathdate")?;
        sink.fact(&key, fact("patients.birthdate", &key, moment::birth(born), "", Code::BIRTH))?;
        if let Some(died) = died {
            sink.fact(&key, fact("patients.deathdate", &key, died, "", Code::DEATH))?;
        }
        for (path, system, column) in facts {
            let Some(word) = column.map_or(Ok(None), |column| row.text(column)).in_field(path)? else {
                continue;
            };
            let (_, word) = codes::harmonise(system, &word);
            sink.fact(&key, fact(path, &key, SourceTime::Static, system, &word))?;
        }
        Ok(())
    })
}

fn fact(path: &'static str, key: &str, time: SourceTime, system: &'static str, code: &str) -> SourceFact {
    SourceFact::Event(SourceEvent {
        path: SmolStr::new_static(path),
        time,
        system: SmolStr::new_static(system),
        code: SmolStr::new(code),
        display: None,
        value: SourceValue::None,
        unit: None,
        origin: origin(TABLE, path, key, code, &time),
    })
}
