//! Who the subject is: `person`, `death` and `observation_period`.

use super::{NO_CONCEPT, event, identities::Named, present, reserved, vocabulary::Concepts};
use crate::{
    Error, Place, Sink, Version,
    rows::{EMPTY, Failure, InField, Row, Rows, each_row, first_time, moment, origin},
    version::STILL_WATCHED,
};
use events::{Code, SourceFact, SourceTime, Time};

/// `person`: birth, and sex, race and ethnicity as static facts.
pub(super) fn read_person(
    rows: &mut dyn Rows,
    concepts: &Concepts,
    identities: bool,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    const TABLE: &str = "person";
    let header = rows.header().clone();
    let named = Named::of(&header, identities);
    let person = header.require(rows.file(), "person_id")?;
    let year = header.require(rows.file(), "year_of_birth")?;
    let [month, day, birth] =
        ["month_of_birth", "day_of_birth", "birth_datetime"].map(|name| header.column(name));
    // The demographic words are the standard concepts': sources code them each in their own way.
    let facts = [
        ("person.gender_concept_id", header.column("gender_concept_id")),
        ("person.race_concept_id", header.column("race_concept_id")),
        ("person.ethnicity_concept_id", header.column("ethnicity_concept_id")),
    ];
    let mut key = String::new();
    each_row(rows, TABLE, sink, |row, sink| {
        row.key(person, &mut key).in_field("person_id")?;
        let born = match birth.map_or(Ok(None), |column| row.time(column)) {
            Ok(Some(time)) => Some(moment::birth(time)),
            _ => birth_from_parts(row, year, month, day)?,
        };
        named.read(row, &key, sink)?;
        if let Some(born) = born {
            named.born(born, &key, sink)?;
            sink.fact(
                &key,
                reserved("person.birth", born, Code::BIRTH, origin(TABLE, "birth", &key, "", &born)),
            )?;
        }
        for (path, column) in facts {
            let Some(column) = column else { continue };
            let id = row.integer(column).in_field(path)?;
            match id.and_then(|id| concepts.get(id)) {
                Some(concept) => {
                    let from = origin(TABLE, path, &key, &concept.code, &SourceTime::Static);
                    sink.fact(&key, SourceFact::Event(event(path, SourceTime::Static, concept, from)))?;
                }
                None => sink.ignore(path, NO_CONCEPT),
            }
        }
        if born.is_none() {
            return Err(Failure::Field("year_of_birth", EMPTY));
        }
        Ok(())
    })
}

/// A missing month or day is taken for the first, as OMOP's own conventions do.
fn birth_from_parts(
    row: &dyn Row,
    year: usize,
    month: Option<usize>,
    day: Option<usize>,
) -> Result<Option<SourceTime>, Failure> {
    let part = |column: Option<usize>, field| match column {
        Some(column) => row.integer(column).in_field(field),
        None => Ok(None),
    };
    let Some(year) = part(Some(year), "year_of_birth")? else { return Ok(None) };
    let month = part(month, "month_of_birth")?.filter(|m| *m != 0).unwrap_or(1);
    let day = part(day, "day_of_birth")?.filter(|d| *d != 0).unwrap_or(1);
    let time = match (i32::try_from(year), u32::try_from(month), u32::try_from(day)) {
        (Ok(year), Ok(month), Ok(day)) => Time::from_ymd(year, month, day),
        _ => None,
    };
    let time = time.ok_or(moment::NOT_A_TIME).and_then(|time| moment::plausible(SourceTime::DateTime(time)));
    time.map(Some).in_field("year_of_birth")
}

/// `death`: that and when. Its cause is coded long after, and isn't read. However many rows state it, a person dies once: all have one
/// origin, and of facts of one origin the earliest is kept.
pub(super) fn read_death(rows: &mut dyn Rows, sink: &mut dyn Sink) -> Result<(), Error> {
    read_moment(rows, "death", &["death_datetime", "death_date"], Code::DEATH, sink)
}

/// `observation_period`: its end is the end of follow-up, unless it stands for "no end". A person with several periods has several ends,
/// of which the last counts; one who is still watched has none, whatever periods ended before.
pub(super) fn read_observation_period(rows: &mut dyn Rows, sink: &mut dyn Sink) -> Result<(), Error> {
    let ends = &["observation_period_end_datetime", "observation_period_end_date"];
    read_moment(rows, "observation_period", ends, Code::FOLLOWUP_END, sink)
}

fn read_moment(
    rows: &mut dyn Rows,
    table: &'static str,
    times: &[&'static str],
    code: &'static str,
    sink: &mut dyn Sink,
) -> Result<(), Error> {
    let person = rows.header().require(rows.file(), "person_id")?;
    let columns = present(rows, times)?;
    let starts: Vec<usize> = ["observation_period_start_datetime", "observation_period_start_date"]
        .iter()
        .filter_map(|name| rows.header().column(name))
        .collect();
    let is_period = code == Code::FOLLOWUP_END;
    // A person's closed periods are one version of when they end, and an open one, of which nothing is told, is newer.
    let ends = Version { resource: origin(table, "", "", code, &SourceTime::Static), ..Version::default() };
    let open = Version { place: Place { source: STILL_WATCHED, ..Place::default() }, ..ends };
    let mut key = String::new();
    each_row(rows, table, sink, |row, sink| {
        row.key(person, &mut key).in_field("person_id")?;
        let time = first_time(row, &columns).and_then(|time| time.ok_or(EMPTY));
        let start = first_time(row, &starts).ok().flatten();
        if is_period
            && match time {
                Ok(end) => moment::stands_for_no_end(start, end),
                Err(reason) => reason == moment::PAST_RANGE,
            }
        {
            sink.ignore(table, moment::STILL_OPEN);
            return Ok(sink.versioned(&key, &open, None)?);
        }
        let time = time.in_field(times[times.len() - 1])?;
        let told = if is_period { time } else { SourceTime::Static };
        let fact = reserved(table, time, code, origin(table, "", &key, code, &told));
        match is_period {
            true => Ok(sink.versioned(&key, &ends, Some(fact))?),
            false => Ok(sink.fact(&key, fact)?),
        }
    })
}
