//! OMOP CDM 5.4 as CSV: one file a table, with the part of the vocabulary that occurs.
//!
//! Concepts are a site's own (ids from 2,000,000,000) under the names and codes of the public vocabularies, since
//! Athena's numbers aren't ours to give out; those of persons and visits are OMOP's standard ones. Rows are in order
//! of person, and their numbers are the person's times a hundred thousand, plus one for each row.

use crate::error::Error;
use crate::fhir::{Open, note};
use crate::meds;
use crate::person::Race;
use crate::population::{Population, SyntheticSubject};
use crate::record::{Class, Encounter};
use events::{MICROS_PER_DAY, Sex, Time};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;

/// A table and its columns.
struct Table {
    name: &'static str,
    columns: &'static str,
}

/// The tables of persons, in the order of [`Rows`].
const TABLES: [Table; 10] = [
    Table {
        name: "person",
        columns: "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,race_concept_id,ethnicity_concept_id,location_id,provider_id,care_site_id,person_source_value,gender_source_value,gender_source_concept_id,race_source_value,race_source_concept_id,ethnicity_source_value,ethnicity_source_concept_id",
    },
    Table {
        name: "observation_period",
        columns: "observation_period_id,person_id,observation_period_start_date,observation_period_end_date,period_type_concept_id",
    },
    Table {
        name: "visit_occurrence",
        columns: "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime,visit_type_concept_id,provider_id,care_site_id,visit_source_value,visit_source_concept_id,admitted_from_concept_id,admitted_from_source_value,discharged_to_concept_id,discharged_to_source_value,preceding_visit_occurrence_id",
    },
    Table {
        name: "condition_occurrence",
        columns: "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_start_datetime,condition_end_date,condition_end_datetime,condition_type_concept_id,condition_status_concept_id,stop_reason,provider_id,visit_occurrence_id,visit_detail_id,condition_source_value,condition_source_concept_id,condition_status_source_value",
    },
    Table {
        name: "drug_exposure",
        columns: "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_start_datetime,drug_exposure_end_date,drug_exposure_end_datetime,verbatim_end_date,drug_type_concept_id,stop_reason,refills,quantity,days_supply,sig,route_concept_id,lot_number,provider_id,visit_occurrence_id,visit_detail_id,drug_source_value,drug_source_concept_id,route_source_value,dose_unit_source_value",
    },
    Table {
        name: "procedure_occurrence",
        columns: "procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,procedure_datetime,procedure_end_date,procedure_end_datetime,procedure_type_concept_id,modifier_concept_id,quantity,provider_id,visit_occurrence_id,visit_detail_id,procedure_source_value,procedure_source_concept_id,modifier_source_value",
    },
    Table {
        name: "measurement",
        columns: "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,measurement_time,measurement_type_concept_id,operator_concept_id,value_as_number,value_as_concept_id,unit_concept_id,range_low,range_high,provider_id,visit_occurrence_id,visit_detail_id,measurement_source_value,measurement_source_concept_id,unit_source_value,unit_source_concept_id,value_source_value,measurement_event_id,meas_event_field_concept_id",
    },
    Table {
        name: "observation",
        columns: "observation_id,person_id,observation_concept_id,observation_date,observation_datetime,observation_type_concept_id,value_as_number,value_as_string,value_as_concept_id,qualifier_concept_id,unit_concept_id,provider_id,visit_occurrence_id,visit_detail_id,observation_source_value,observation_source_concept_id,unit_source_value,qualifier_source_value,value_source_value,observation_event_id,obs_event_field_concept_id",
    },
    Table {
        name: "death",
        columns: "person_id,death_date,death_datetime,death_type_concept_id,cause_concept_id,cause_source_value,cause_source_concept_id",
    },
    Table {
        name: "note",
        columns: "note_id,person_id,note_date,note_datetime,note_type_concept_id,note_class_concept_id,note_title,note_text,encoding_concept_id,language_concept_id,provider_id,visit_occurrence_id,visit_detail_id,note_source_value,note_event_id,note_event_field_concept_id",
    },
];
const PERSON: usize = 0;
const PERIOD: usize = 1;
const VISIT: usize = 2;
const CONDITION: usize = 3;
const DRUG: usize = 4;
const PROCEDURE: usize = 5;
const MEASUREMENT: usize = 6;
const OBSERVATION: usize = 7;
const DEATH: usize = 8;
const NOTE: usize = 9;

/// "EHR", the type of every record.
const EHR: u32 = 32_817;
/// The first of a site's own concepts.
const FIRST_CONCEPT: u32 = 2_000_000_001;
/// Rows of one person.
const ROWS_OF_A_PERSON: u64 = 100_000;

/// The names of the files, without their ending: the vocabulary's first.
pub fn tables() -> impl Iterator<Item = &'static str> {
    ["concept", "cdm_source"].into_iter().chain(TABLES.iter().map(|table| table.name))
}

/// Writes the population as CSV; `open` is called once for each of [`tables`], `progress` is told how many people
/// are written, `threads` of 0 takes as many as there are cores.
///
/// # Errors
/// [`Error::Write`] naming the table, or [`Error::Threads`].
pub fn write_omop(
    population: &Population,
    open: &mut Open<'_>,
    threads: usize,
    progress: &dyn Fn(usize),
) -> Result<(), Error> {
    let failed = |output: &str| {
        let output = output.to_owned();
        move |source| Error::Write { output, source }
    };
    let concepts = Concepts::new();
    for (name, text) in [("concept", concepts.table()), ("cdm_source", cdm_source(population))] {
        let mut out = open(name).map_err(failed(name))?;
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed(name))?;
    }
    let mut outputs = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        let mut out = open(table.name).map_err(failed(table.name))?;
        writeln!(out, "{}", table.columns).map_err(failed(table.name))?;
        outputs.push(out);
    }
    let mut done = 0;
    let make = |index| Rows::of(&population.subject(index), &concepts);
    crate::stream::in_order(population, threads, make, |block| {
        for rows in &block {
            for ((text, out), table) in rows.text.iter().zip(&mut outputs).zip(&TABLES) {
                out.write_all(text.as_bytes()).map_err(failed(table.name))?;
            }
        }
        done += block.len();
        progress(done);
        Ok::<(), Error>(())
    })?;
    for (out, table) in outputs.iter_mut().zip(&TABLES) {
        out.flush().map_err(failed(table.name))?;
    }
    Ok(())
}

fn cdm_source(population: &Population) -> String {
    let extract = date(population.settings().extract_date);
    format!(
        "cdm_source_name,cdm_source_abbreviation,cdm_holder,source_description,source_documentation_reference,cdm_etl_reference,source_release_date,cdm_release_date,cdm_version,cdm_version_concept_id,vocabulary_version\n\
         Synthetic population (nobody is in it),SYNTHETIC,osler,made by osler synth,,,{extract},{extract},5.4,756265,synthetic\n"
    )
}

/// Every concept that a record may hold, by vocabulary and code.
struct Concepts {
    numbers: HashMap<String, u32>,
    rows: Vec<(String, String, String)>,
}

impl Concepts {
    fn new() -> Self {
        let mut concepts = Concepts { numbers: HashMap::new(), rows: Vec::new() };
        for (code, name) in meds::descriptions() {
            // Answers are concepts of their own here.
            if let Some((vocabulary, local)) = code.rsplit_once("//")
                && vocabulary != meds::SMOKING_ANSWER
            {
                concepts.add(vocabulary, local, &name);
            }
        }
        let units = crate::measurement::TESTS.iter().flat_map(|test| {
            [crate::site::Site::First, crate::site::Site::Second].map(|site| site.value(test.measure, 1.0).1)
        });
        for unit in units {
            concepts.add("UCUM", unit, unit);
        }
        concepts
    }

    fn add(&mut self, vocabulary: &str, code: &str, name: &str) {
        let key = format!("{vocabulary}//{code}");
        if !self.numbers.contains_key(&key) {
            self.numbers.insert(key, FIRST_CONCEPT + self.rows.len() as u32);
            self.rows.push((vocabulary.to_owned(), code.to_owned(), name.to_owned()));
        }
    }

    /// The number of a concept; 0, "no matching concept", for one that isn't there.
    fn of(&self, vocabulary: &str, code: &str) -> u32 {
        self.numbers.get(&format!("{vocabulary}//{code}")).copied().unwrap_or(0)
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,standard_concept,concept_code,valid_start_date,valid_end_date,invalid_reason\n",
        );
        let own = self.rows.iter().enumerate().map(|(place, (vocabulary, code, name))| {
            (FIRST_CONCEPT + place as u32, vocabulary.as_str(), code.as_str(), name.as_str())
        });
        for (id, vocabulary, code, name) in own.chain([(8522, "Race", "9", "Other Race")]) {
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "{id},{},{},{vocabulary},Synthetic,,{},1970-01-01,2099-12-31,",
                quoted(name),
                domain(vocabulary),
                quoted(code)
            );
        }
        text
    }
}

fn domain(vocabulary: &str) -> &'static str {
    match vocabulary {
        "ICD10CM" => "Condition",
        "RXNORM" | "CVX" => "Drug",
        "LOINC" | "LOCAL_LAB" => "Measurement",
        "SNOMED" => "Procedure",
        "UCUM" => "Unit",
        "Race" => "Race",
        _ => "Observation",
    }
}

/// One person's rows, by table.
struct Rows {
    text: [String; TABLES.len()],
    next: u64,
}

impl Rows {
    fn of(subject: &SyntheticSubject, concepts: &Concepts) -> Self {
        let person = subject.index + 1;
        let mut rows = Rows { text: Default::default(), next: person * ROWS_OF_A_PERSON };
        rows.person(subject, person);
        for (number, encounter) in subject.record.encounters.iter().enumerate() {
            rows.encounter(subject, number, encounter, concepts);
        }
        if let Some(first) = subject.record.encounters.first() {
            let payer = concepts.of("PAYER", subject.person.payer.word_at(subject.enrolment_age));
            rows.observe(person, payer, None, first.start);
            for (condition, _) in subject.person.told_family() {
                let told = concepts.of("FAMILY_HISTORY//ICD10CM", condition.profile().icd10cm);
                rows.observe(person, told, None, first.start);
            }
        }
        for (allergy, time) in &subject.record.allergies {
            let concept = concepts.of("ALLERGY//SNOMED", allergy.code);
            rows.observe(person, concept, None, *time);
        }
        if let Some(death) = subject.observed_death() {
            rows.line(DEATH, format_args!("{person},{},{},{EHR},,,", date(death), date_time(death)));
        }
        rows
    }

    fn line(&mut self, table: usize, fields: std::fmt::Arguments<'_>) {
        // Writing to a String can't fail.
        let _ = writeln!(self.text[table], "{fields}");
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn person(&mut self, subject: &SyntheticSubject, person: u64) {
        let (year, month, day) = subject.birth.ymd();
        let (gender, letter) = if subject.person.sex == Sex::Female { (8532, "F") } else { (8507, "M") };
        let race = match subject.person.race {
            Race::White => 8527,
            Race::Black => 8516,
            Race::Asian => 8515,
            Race::AmericanIndian => 8657,
            Race::Other => 8522,
        };
        let ethnicity = if subject.person.hispanic { 38_003_563 } else { 38_003_564 };
        let (birth, key) = (date_time(subject.birth), &subject.key);
        self.line(
            PERSON,
            format_args!(
                "{person},{gender},{year},{month},{day},{birth},{race},{ethnicity},,,,{key},{letter},0,,0,,0"
            ),
        );
        let (from, until) = (date(subject.record.from), date(subject.record.until));
        self.line(PERIOD, format_args!("{person},{person},{from},{until},{EHR}"));
    }

    fn encounter(
        &mut self,
        subject: &SyntheticSubject,
        number: usize,
        encounter: &Encounter,
        concepts: &Concepts,
    ) {
        let person = subject.index + 1;
        let site = subject.person.site;
        let visit = self.number();
        let kind = match encounter.class {
            Class::Ambulatory => 9202,
            Class::Emergency => 9203,
            Class::Inpatient => 9201,
        };
        let (start, end) = (encounter.start, encounter.end);
        self.line(
            VISIT,
            format_args!(
                "{visit},{person},{kind},{},{},{},{},{EHR},,,{},0,,,,,",
                date(start),
                date_time(start),
                date(end),
                date_time(end),
                encounter.class.code()
            ),
        );
        let known = encounter.known();
        for diagnosis in &encounter.diagnoses {
            let code = site.diagnosis(diagnosis.concept.code);
            let (row, concept) = (self.number(), concepts.of("ICD10CM", code));
            self.line(
                CONDITION,
                format_args!(
                    "{row},{person},{concept},{},{},,,{EHR},0,,,{visit},,{code},{concept},",
                    date(known),
                    date_time(known)
                ),
            );
        }
        let prescribed = encounter.prescribed().min(subject.record.until);
        let drugs = encounter.prescriptions.iter().map(|drug| ("RXNORM", drug.code, prescribed));
        let vaccines = encounter.immunizations.iter().map(|vaccine| ("CVX", vaccine.code, start));
        for (vocabulary, code, time) in drugs.chain(vaccines) {
            let (row, concept) = (self.number(), concepts.of(vocabulary, code));
            self.line(
                DRUG,
                format_args!(
                    "{row},{person},{concept},{},{},,,,{EHR},,,,,,,,,{visit},,{code},{concept},,",
                    date(time),
                    date_time(time)
                ),
            );
        }
        for procedure in &encounter.procedures {
            let (row, code) = (self.number(), procedure.code);
            let concept = concepts.of("SNOMED", code);
            self.line(
                PROCEDURE,
                format_args!(
                    "{row},{person},{concept},{},{},,,{EHR},,,,{visit},,{code},{concept},",
                    date(known),
                    date_time(known)
                ),
            );
        }
        if let Some(smoking) = encounter.smoking {
            let question = concepts.of("LOINC", meds::SMOKING_QUESTION);
            let answer = concepts.of("SNOMED", meds::smoking_code(smoking).0);
            self.observe(person, question, Some(answer), start);
        }
        for value in &encounter.values {
            let (system, code) = site.test(value.measure.test());
            let (amount, unit) = site.value(value.measure, value.value);
            let (row, concept, unit_concept) =
                (self.number(), concepts.of(system, &code), concepts.of("UCUM", unit));
            self.line(
                MEASUREMENT,
                format_args!(
                    "{row},{person},{concept},{},{},,{EHR},,{amount},,{unit_concept},,,,{visit},,{code},{concept},{},0,,,",
                    date(value.time),
                    date_time(value.time),
                    quoted(unit)
                ),
            );
        }
        if encounter.has_note {
            let row = self.number();
            let text = quoted(&note::text(subject, number, encounter));
            self.line(
                NOTE,
                format_args!(
                    "{row},{person},{},{},{EHR},0,,{text},0,0,,{visit},,,,",
                    date(end),
                    date_time(end)
                ),
            );
        }
    }

    fn observe(&mut self, person: u64, concept: u32, answer: Option<u32>, time: Time) {
        let row = self.number();
        let answer = answer.map_or(String::new(), |answer| answer.to_string());
        self.line(
            OBSERVATION,
            format_args!(
                "{row},{person},{concept},{},{},{EHR},,,{answer},,,,,,,{concept},,,,,",
                date(time),
                date_time(time)
            ),
        );
    }
}

/// A field of CSV, in quotes where it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn date(time: Time) -> String {
    let (year, month, day) = time.ymd();
    format!("{year:04}-{month:02}-{day:02}")
}

/// The wall clock of the place of care.
fn date_time(time: Time) -> String {
    let seconds = time.micros().rem_euclid(MICROS_PER_DAY) / 1_000_000;
    format!("{} {:02}:{:02}:{:02}", date(time), seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn every_row_has_its_columns_and_a_concept() {
        let settings = Settings { subjects: 60, second_site: 0.5, ..Settings::default() };
        let population = Population::new(settings).unwrap();
        let concepts = Concepts::new();
        let mut seen = [0; TABLES.len()];
        for index in 0..population.len() {
            let rows = Rows::of(&population.subject(index), &concepts);
            for (place, table) in TABLES.iter().enumerate() {
                let columns = table.columns.split(',').count();
                let names: Vec<&str> = table.columns.split(',').collect();
                let of_note = place == NOTE;
                for line in rows.text[place].lines().filter(|_| !of_note) {
                    let fields: Vec<&str> = line.split(',').collect();
                    assert_eq!(fields.len(), columns, "{}: {line}", table.name);
                    let concept = names.iter().position(|name| name.ends_with("_source_concept_id"));
                    if let Some(at) = concept.filter(|_| (CONDITION..=OBSERVATION).contains(&place)) {
                        assert_ne!(fields[at], "0", "{}: {line}", table.name);
                    }
                    seen[place] += 1;
                }
            }
        }
        assert!(seen[..NOTE].iter().all(|rows| *rows > 0), "{seen:?}");
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
