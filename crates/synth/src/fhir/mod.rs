//! FHIR R4 as bulk NDJSON: one line a resource, one file a resource type.
//!
//! Subjects are made in parallel and written in order ([`crate::stream`]), so the bytes don't depend on the number
//! of threads and memory doesn't grow with the population.

mod administrative;
mod clinical;
pub(crate) mod note;

use crate::catalogue::Concept;
use crate::error::Error;
use crate::population::{Population, SyntheticSubject};
use crate::site::Site;
use events::{MICROS_PER_DAY, Time};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The resource types written, in this order; a bulk export names its files after them.
pub const RESOURCE_TYPES: [&str; 11] = [
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "Procedure",
    "MedicationRequest",
    "Immunization",
    "DocumentReference",
    "AllergyIntolerance",
    "DiagnosticReport",
    "FamilyMemberHistory",
];

/// Opens the output of one resource type.
pub type Open<'a> = dyn FnMut(&str) -> io::Result<Box<dyn Write>> + 'a;

/// Writes the population as FHIR R4 bulk NDJSON.
///
/// `open` is called once for each of [`RESOURCE_TYPES`]; `threads` of 0 takes as many as there are cores;
/// `progress` is told the number of subjects written so far.
///
/// # Errors
/// [`Error::Write`] naming the resource type, or [`Error::Threads`].
pub fn write_fhir(
    population: &Population,
    open: &mut Open<'_>,
    threads: usize,
    progress: &dyn Fn(usize),
) -> Result<(), Error> {
    let failed = |output: &str| {
        let output = output.to_owned();
        move |source| Error::Write { output, source }
    };
    let mut outputs = Vec::with_capacity(RESOURCE_TYPES.len());
    for name in RESOURCE_TYPES {
        outputs.push(open(name).map_err(failed(name))?);
    }
    let mut done = 0;
    crate::stream::in_order(
        population,
        threads,
        |index| resources(&population.subject(index)),
        |block| {
            for subject in &block {
                for ((bytes, out), name) in subject.0.iter().zip(&mut outputs).zip(RESOURCE_TYPES) {
                    out.write_all(bytes).map_err(failed(name))?;
                }
            }
            done += block.len();
            progress(done);
            Ok::<(), Error>(())
        },
    )?;
    for (out, name) in outputs.iter_mut().zip(RESOURCE_TYPES) {
        out.flush().map_err(failed(name))?;
    }
    Ok(())
}

/// One subject's resources as NDJSON, by resource type.
pub(crate) struct Lines([Vec<u8>; RESOURCE_TYPES.len()]);

impl Lines {
    /// Adds a resource to the lines of its type.
    fn push(&mut self, resource: &Value) {
        let place = RESOURCE_TYPES.iter().position(|name| resource["resourceType"] == **name);
        if let Some(place) = place {
            // A `Vec` takes every byte, and a `Value` always serialises.
            let _ = serde_json::to_writer(&mut self.0[place], resource);
            self.0[place].push(b'\n');
        }
    }
}

/// All resources of one subject.
pub(crate) fn resources(subject: &SyntheticSubject) -> Lines {
    let mut lines = Lines(Default::default());
    lines.push(&administrative::patient(subject));
    for (number, encounter) in subject.record.encounters.iter().enumerate() {
        clinical::encounter(subject, number, encounter, &mut lines);
    }
    administrative::allergies(subject, &mut lines);
    administrative::family_history(subject, &mut lines);
    lines
}

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const ICD10CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const UCUM: &str = "http://unitsofmeasure.org";
/// The second site's own codes of tests.
const SECOND_SITES_TESTS: &str = "https://second-site.example.org/tests";

/// Where a person's record is kept.
fn hospital(subject: &SyntheticSubject) -> &'static str {
    match subject.person.site {
        Site::First => "Brookfield General Hospital (synthetic)",
        Site::Second => "Lakeside Clinic (synthetic)",
    }
}

/// The security label that says that nobody is behind a resource.
fn meta() -> Value {
    json!({"security": [{
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
        "code": "HTEST",
        "display": "test health data"
    }]})
}

fn coded(system: &str, concept: Concept) -> Value {
    coded_as(system, concept.code, concept.display)
}

fn coded_as(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}], "text": display})
}

/// One coding of an HL7 terminology, without text.
fn hl7(code_system: &str, code: &str) -> Value {
    json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{code_system}"), "code": code}]})
}

fn reference(resource_type: &str, id: &str) -> Value {
    json!({"reference": format!("{resource_type}/{id}")})
}

/// The id of a subject's resource: the patient's own, a letter for the type, and numbers.
fn id(subject: &SyntheticSubject, kind: &str, number: usize) -> String {
    format!("{}-{kind}{number}", &subject.key[..23])
}

fn physician(subject: &SyntheticSubject) -> String {
    let (given, family) = subject.identity.physician;
    format!("Dr. {given} {family}")
}

fn date(time: Time) -> String {
    let (year, month, day) = time.ymd();
    format!("{year:04}-{month:02}-{day:02}")
}

/// Date and time at the place of care, which keeps UTC-05:00 all year.
fn date_time(time: Time) -> String {
    let seconds = time.micros().rem_euclid(MICROS_PER_DAY) / 1_000_000;
    format!("{}T{:02}:{:02}:{:02}-05:00", date(time), seconds / 3600, seconds / 60 % 60, seconds % 60)
}
