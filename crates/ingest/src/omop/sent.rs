//! One patient's rows as a caller sends them: an object with a list of rows for each table of the CDM.

use super::{
    CLINICAL_TABLES, NO_CONCEPT, NOT_READ, OmopLoader, SINGLE, UNKNOWN_CONCEPT, VOCABULARY,
    vocabulary::Concepts,
};
use crate::{
    Error, Limits, Progress, Rejection, Sink,
    input::{self, Opened},
    rows::{Columnar, Delimited, Objects, Rows, moment},
};
use events::{Identified, SourceFact, SourceSubject, SourceTime, Time};
use rustc_hash::FxHashSet;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::Path,
    sync::Arc,
};

/// Concepts that are held for rows to come, so that callers need not send what their concept ids mean.
#[derive(Clone)]
pub struct OmopVocabulary(Arc<Concepts>);

impl OmopVocabulary {
    /// Reads the table `concept` from a file: delimited, plain or compressed, or Parquet. Says how many concepts it holds.
    ///
    /// # Errors
    /// As [`OmopVocabulary::load`].
    pub fn read(path: &Path) -> Result<(Self, usize), Error> {
        let files = input::list(&[path.to_owned()])?;
        let file = match &files[..] {
            [file] => file,
            _ => return Err(Error::Rows { reason: "one file is wanted, the table `concept`" }),
        };
        let (opened, _) = input::open(file, true, &Progress::default())?;
        match opened {
            Opened::Single(input) => Self::load(input),
            Opened::Parquet(source) => {
                Self::from_rows(&mut Columnar::open(&file.safe_name, source, |_| true)?)
            }
            Opened::Archive(_) => Err(Error::Rows { reason: "an archive; unpack it" }),
        }
    }

    /// Loads `concept`, delimited (`.csv`, `.tsv`), and says how many concepts it holds. Their names are held too: about 80 bytes a concept
    /// in all.
    ///
    /// # Errors
    /// A damaged file, or one without the columns of `concept`.
    pub fn load(concept: crate::Input) -> Result<(Self, usize), Error> {
        Self::from_rows(&mut Delimited::open(concept, None, |_| false)?)
    }

    fn from_rows(rows: &mut dyn Rows) -> Result<(Self, usize), Error> {
        let mut loader = OmopLoader::default();
        let mut sink = Collected::default();
        let file = rows.file().to_owned();
        loader.load_rows("concept", rows, &mut sink)?;
        let concepts = loader.vocabulary.build();
        let held = sink.rows.saturating_sub(sink.rejections.len());
        if held == 0 {
            return Err(Error::Table { file, reason: "it holds no concept".to_owned() });
        }
        Ok((OmopVocabulary(Arc::new(concepts)), held))
    }
}

impl fmt::Debug for OmopVocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OmopVocabulary")
    }
}

/// One patient, read.
#[derive(Debug)]
pub struct OmopSubject {
    /// The facts.
    pub subject: Identified<SourceSubject>,
    /// Rows that could not be read, by table and number.
    pub rejections: Vec<Rejection>,
    /// Is the person said to have died? The facts hold a death only where it could be read since when.
    pub said_dead: bool,
    /// Rows whose concepts are 0, or in no row of `concept`: they give nothing.
    pub unmapped: usize,
}

/// Reads one patient's rows: `{"person": {…}, "measurement": [{…}, …], "concept": [{…}, …], …}`, each table a list of rows or one
/// row, columns as the CDM 5.3 or 5.4 names them, in any case. What concept ids mean is said by the table `concept` among the rows, or by the
/// `vocabulary`; a row of the former wins.
///
/// # Errors
/// When it is no such object within the limits, names a table that the CDM doesn't have, lacks a column that a table can't be read
/// without, or holds facts about no person, or about several.
pub fn omop_rows_subject(
    json: &[u8],
    vocabulary: Option<&OmopVocabulary>,
    limits: &Limits,
) -> Result<OmopSubject, Error> {
    if json.len() > limits.max_document_bytes {
        return Err(Error::Rows { reason: "it is larger than a document may be" });
    }
    let mut tables = tables(json, limits.max_facts_per_subject.min(MOST_ROWS))?;
    // Whatever a row of this table says of when, it says that.
    let dead: BTreeSet<Option<String>> =
        tables.get("death").map_or_else(BTreeSet::new, |rows| rows.iter().map(person_of).collect());
    let mut sink = Collected::default();
    let mut loader = OmopLoader::default();
    for table in VOCABULARY {
        if let Some(rows) = tables.remove(table) {
            loader.load_rows(table, &mut Objects::new(table, rows), &mut sink)?;
        }
    }
    if let Some(visits) = tables.get("visit_occurrence").filter(|rows| !rows.is_empty()) {
        let rows = &mut Objects::new("visit_occurrence", visits.clone());
        loader.load_rows("visit_occurrence", rows, &mut sink)?;
    }
    let reader = loader.build_above(vocabulary.map(|held| Arc::clone(&held.0)), limits);
    // Counts are of the patient's rows.
    sink = Collected { rejections: sink.rejections, ..Collected::default() };
    for (table, rows) in tables {
        if !rows.is_empty() && !NOT_READ.contains(&table) {
            reader.read_rows(table, &mut Objects::new(table, rows), &mut sink)?;
        }
    }
    let Collected { mut subjects, rejections, unmapped, .. } = sink;
    if subjects.is_empty() {
        subjects.extend(dead.iter().flatten().map(|key| (key.clone(), Vec::new())));
    }
    let found = subjects.len();
    let one = subjects.pop_first().filter(|_| found == 1);
    let Some((key, mut facts)) = one else { return Err(Error::NotOneSubject { found }) };
    // Of a row that doesn't say whose it is, the patient may be.
    let said_dead = dead.contains(&None) || dead.contains(&Some(key.clone()));
    if facts.len() > limits.max_facts_per_subject {
        return Err(Error::Rows { reason: "it holds more facts than one subject may have" });
    }
    // Of facts of one origin the earliest is kept, as where facts are gathered from files.
    facts.sort_by_key(time_of);
    let mut origins = FxHashSet::default();
    facts.retain(|fact| match fact {
        SourceFact::Event(event) => event.origin == 0 || origins.insert(event.origin),
        SourceFact::Label(_) | SourceFact::Identity(_) => true,
    });
    Ok(OmopSubject {
        subject: Identified::new(SourceSubject { key, facts }),
        rejections,
        said_dead,
        unmapped,
    })
}

/// Whose row it is, where that can be told: by the key that the person's other rows have, however the number is written.
fn person_of(row: &Map<String, Value>) -> Option<String> {
    let (_, id) = row.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("person_id"))?;
    let row = [("person_id".to_owned(), id.clone())].into_iter().collect();
    let mut rows = Objects::new("death", vec![row]);
    let mut key = String::new();
    let is_told =
        rows.advance("death", &mut Collected::default()).ok()? && rows.row().key(0, &mut key).is_ok();
    is_told.then_some(key)
}

fn time_of(fact: &SourceFact) -> Option<Time> {
    match fact {
        SourceFact::Event(event) => moment::day(event.time).map(|day| match event.time {
            SourceTime::DateTime(time) => time,
            _ => day,
        }),
        SourceFact::Label(_) | SourceFact::Identity(_) => None,
    }
}

type Tables = BTreeMap<&'static str, Vec<Map<String, Value>>>;

/// The tables by name. What they hold is bounded before it is taken.
fn tables(json: &[u8], most_rows: usize) -> Result<Tables, Error> {
    let (rows, problem) = (Cell::new(0), Cell::new(NOT_TABLES));
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = AllTables { rows: &rows, most_rows, problem: &problem }.deserialize(&mut deserializer);
    // serde's own words may hold what was found, and are not passed on.
    let tables = read.map_err(|_| Error::Rows { reason: problem.get() })?;
    deserializer.end().map_err(|_| Error::Rows { reason: NOT_TABLES })?;
    Ok(tables)
}

const NOT_TABLES: &str = "`omop` must be an object of tables, each a list of rows, and each row an object";
const NO_SUCH_TABLE: &str =
    "`omop` names a table that the CDM doesn't have, or one twice; names are those of CDM 5.4, in lower case";
const TOO_MANY_ROWS: &str = "it holds more rows than one subject may have facts, or than 200,000";
/// The most rows that a caller may send, in all tables: each takes some hundred bytes to hold, however few it took to send.
const MOST_ROWS: usize = 200_000;

/// The table's name as this program knows it.
fn known(name: &str) -> Option<&'static str> {
    let clinical = CLINICAL_TABLES.iter().map(|table| table.name);
    clinical.chain(SINGLE.iter().chain(VOCABULARY).chain(NOT_READ).copied()).find(|known| *known == name)
}

struct AllTables<'a> {
    rows: &'a Cell<usize>,
    most_rows: usize,
    problem: &'a Cell<&'static str>,
}

impl<'de> DeserializeSeed<'de> for AllTables<'_> {
    type Value = Tables;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tables, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AllTables<'_> {
    type Value = Tables;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tables, A::Error> {
        let mut tables = Tables::new();
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let Some(table) = known(&name).filter(|table| !tables.contains_key(table)) else {
                self.problem.set(NO_SUCH_TABLE);
                return Err(A::Error::custom(""));
            };
            let rows = map.next_value_seed(OneTable { all: &self })?;
            tables.insert(table, rows);
        }
        Ok(tables)
    }
}

struct OneTable<'a, 'b> {
    all: &'a AllTables<'b>,
}

impl OneTable<'_, '_> {
    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        let before = self.all.rows.get();
        if before < self.all.most_rows {
            self.all.rows.set(before + 1);
            return Ok(());
        }
        self.all.problem.set(TOO_MANY_ROWS);
        Err(E::custom(""))
    }
}

impl<'de> DeserializeSeed<'de> for OneTable<'_, '_> {
    type Value = Vec<Map<String, Value>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneTable<'_, '_> {
    type Value = Vec<Map<String, Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows, or a row")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(row) = rows.next_element::<Map<String, Value>>()? {
            self.count()?;
            all.push(row);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        self.count()?;
        let mut row = Map::new();
        while let Some((name, value)) = map.next_entry()? {
            row.insert(name, value);
        }
        Ok(vec![row])
    }
}

#[derive(Default)]
struct Collected {
    subjects: BTreeMap<String, Vec<SourceFact>>,
    rejections: Vec<Rejection>,
    rows: usize,
    unmapped: usize,
}

impl Sink for Collected {
    fn fact(&mut self, subject: &str, fact: SourceFact) -> io::Result<()> {
        match self.subjects.get_mut(subject) {
            Some(facts) => facts.push(fact),
            None => {
                self.subjects.insert(subject.to_owned(), vec![fact]);
            }
        }
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) {
        match rejection.reason {
            UNKNOWN_CONCEPT => self.unmapped += 1,
            _ => self.rejections.push(rejection),
        }
    }

    fn read(&mut self) {
        self.rows += 1;
    }

    fn describe(&mut self, _: &str, _: &str, _: &[String]) {}

    fn ignore(&mut self, _: &'static str, reason: &'static str) {
        self.unmapped += usize::from(reason == NO_CONCEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::input;
    use serde_json::json;

    fn read(tables: &Value) -> Result<OmopSubject, Error> {
        omop_rows_subject(tables.to_string().as_bytes(), None, &Limits::default())
    }

    fn codes(read: &OmopSubject) -> Vec<String> {
        let facts = read.subject.expose().facts.iter();
        let mut codes: Vec<String> = facts
            .filter_map(|fact| match fact {
                SourceFact::Event(event) => Some(crate::codes::whole(&event.system, &event.code).to_string()),
                _ => None,
            })
            .collect();
        codes.sort();
        codes
    }

    fn patient() -> Value {
        json!({
            "person": {"person_id": 6, "gender_concept_id": 8532, "year_of_birth": 1963},
            "concept": [
                {"concept_id": 2, "concept_name": "Essential hypertension", "vocabulary_id": "ICD10CM", "concept_code": "I10"},
                {"concept_id": 3, "concept_name": "HbA1c", "vocabulary_id": "LOINC", "concept_code": "4548-4"}
            ],
            "condition_occurrence": [
                {"condition_occurrence_id": 1, "person_id": 6, "condition_concept_id": 0, "condition_source_concept_id": 2,
                 "condition_start_date": "2011-01-01"},
                {"condition_occurrence_id": 2, "person_id": 6, "condition_concept_id": 777, "condition_start_date": "2011-01-02"}
            ],
            "measurement": [
                {"measurement_id": 1, "person_id": "6", "measurement_concept_id": 3, "measurement_date": "2012-02-03",
                 "value_as_number": 6.5, "unit_source_value": "%"},
                {"measurement_id": 2, "person_id": 6, "measurement_concept_id": 3, "measurement_date": "yesterday"}
            ],
            "cost": [{"cost_id": 1, "anything": "Canary"}]
        })
    }

    #[test]
    fn rows_give_what_the_files_would() {
        let read = read(&patient()).unwrap();
        assert_eq!(codes(&read), ["GENDER//F", "ICD10CM//I10", "LOINC//4548-4", "MEDS_BIRTH"]);
        assert_eq!((read.unmapped, read.rejections.len()), (1, 1));
        assert_eq!((read.rejections[0].file.as_str(), read.rejections[0].line), ("measurement", 2));
        assert_eq!(read.subject.expose().key, "6");
    }

    #[test]
    fn of_two_deaths_the_earlier_is_kept() {
        let mut tables = patient();
        tables["death"] = json!([{"person_id": 6, "death_date": "2013-02-05"}, {"person_id": 6, "death_date": "2013-02-03"}]);
        let read = read(&tables).unwrap();
        let deaths = read.subject.expose().facts.iter().filter_map(|fact| match fact {
            SourceFact::Event(event) if event.code == "MEDS_DEATH" => moment::day(event.time),
            _ => None,
        });
        assert_eq!(deaths.collect::<Vec<_>>(), [Time::from_ymd(2013, 2, 3).unwrap()]);
    }

    #[test]
    fn a_row_of_deaths_says_that_somebody_died_whatever_it_says_of_when() {
        assert!(!read(&patient()).unwrap().said_dead);
        for date in [json!("2013-02-03"), json!("unknown"), json!(null), json!(""), json!("2999-01-01")] {
            let row = json!({"person_id": 6, "death_date": date});
            let mut tables = patient();
            tables["death"] = json!([row]);
            assert!(read(&tables).unwrap().said_dead, "{date}");
            let alone = read(&json!({ "death": row })).unwrap();
            assert!(alone.said_dead && alone.subject.expose().key == "6", "{date}");
        }
        // Of another person nothing that can be read, and of nobody in particular.
        for (of, dead) in [
            (json!(7), false),
            (json!("6.0"), true),
            (json!(6.0), true),
            (json!(null), true),
            (json!("?"), false),
        ] {
            let mut tables = patient();
            tables["death"] = json!([{"person_id": of, "death_date": "unknown"}]);
            assert_eq!(read(&tables).unwrap().said_dead, dead, "{of}");
            tables["death"] =
                json!([{"person_id": 7, "death_date": "unknown"}, {"person_id": 6, "death_date": "unknown"}]);
            assert!(read(&tables).unwrap().said_dead, "one of the rows");
        }
        let two =
            json!({"death": [{"person_id": 7, "death_date": "?"}, {"person_id": 8, "death_date": "?"}]});
        assert!(matches!(read(&two), Err(Error::NotOneSubject { found: 2 })));
        let mut tables = patient();
        tables["death"] = json!([]);
        assert!(!read(&tables).unwrap().said_dead);
    }

    #[test]
    fn a_vocabulary_that_is_held_serves_rows_that_bring_none() {
        const CONCEPT: &str = "concept_id,concept_name,domain_id,vocabulary_id,concept_code\n2,x,Condition,ICD10CM,I11\n3,x,Measurement,LOINC,718-7\n";
        let (held, n) = OmopVocabulary::load(input("concept.csv", CONCEPT.as_bytes())).unwrap();
        assert_eq!(n, 2);
        let mut tables = patient();
        let of = |tables: &Value| {
            codes(&omop_rows_subject(tables.to_string().as_bytes(), Some(&held), &Limits::default()).unwrap())
        };
        assert_eq!(of(&tables)[1..3], ["ICD10CM//I10", "LOINC//4548-4"], "the caller's own rows win");
        tables.as_object_mut().unwrap().remove("concept");
        assert_eq!(of(&tables)[1..3], ["ICD10CM//I11", "LOINC//718-7"]);
        assert!(OmopVocabulary::load(input("concept.csv", b"concept_id,x\n1,2\n")).is_err());
        assert!(
            OmopVocabulary::load(input("concept.csv", CONCEPT.lines().next().unwrap().as_bytes())).is_err()
        );
    }

    #[test]
    fn what_is_no_patients_rows_is_refused_without_a_word_of_it() {
        let reason = |json: &str, limits: &Limits| {
            let error = omop_rows_subject(json.as_bytes(), None, limits).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("Canary"), "{error}");
            error.to_string()
        };
        let limits = Limits::default();
        for json in [
            "[]",
            "3",
            "\"Canary\"",
            "{\"person\": \"Canary\"}",
            "{\"person\": [\"Canary\"]}",
            "{\"person\": [[{}]]}",
            "{\"person\": 3}",
            "{\"person\": [{}]",
            "{} {}",
            "{\"person\": [{\"person_id\": Canary}]}",
        ] {
            assert!(reason(json, &limits).contains("an object of tables"), "{json}");
        }
        for json in [
            "{\"persons\": []}",
            "{\"Canary\": [{}]}",
            "{\"person\": [], \"person\": []}",
            "{\"../person\": []}",
        ] {
            assert!(reason(json, &limits).contains("a table that the CDM doesn't have"), "{json}");
        }
        assert!(
            reason("{}", &limits).contains("no patient")
                || matches!(read(&json!({})), Err(Error::NotOneSubject { found: 0 }))
        );
        let two = json!({"person": [{"person_id": 1, "year_of_birth": 1950, "gender_concept_id": 8532},
            {"person_id": 2, "year_of_birth": 1950, "gender_concept_id": 8532}]});
        assert!(matches!(read(&two), Err(Error::NotOneSubject { found: 2 })));
        let lacks = json!({"measurement": [{"person_id": 6, "Canary": 1}]});
        assert!(reason(&lacks.to_string(), &limits).contains("measurement_concept_id"));
        let few = Limits { max_facts_per_subject: 3, ..Limits::default() };
        assert!(reason(&patient().to_string(), &few).contains("more rows than"));
        // Few bytes each, in several tables.
        let rows = format!("[{}{{}}]", "{},".repeat(60_000));
        let many =
            ["measurement", "observation", "specimen", "note"].map(|table| format!("\"{table}\": {rows}"));
        assert!(reason(&format!("{{{}}}", many.join(",")), &limits).contains("more rows than"));
        let small = Limits { max_document_bytes: 100, ..Limits::default() };
        assert!(reason(&patient().to_string(), &small).contains("larger than"));
        // serde_json's own bound on depth.
        let deep = format!("{{\"person\": [{{\"a\": {}1{}}}]}}", "[".repeat(300), "]".repeat(300));
        assert!(reason(&deep, &limits).contains("an object of tables"));
    }
}
