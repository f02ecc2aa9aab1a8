//! The population as its users see it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use base64::Engine;
use events::{Code, Subject};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use synth::therapy::{Feature, Therapy};
use synth::{Condition, Population, RESOURCE_TYPES, Settings, write_fhir};

fn population(subjects: u64, seed: u64) -> Population {
    Population::new(Settings { subjects, seed, ..Settings::default() }).unwrap()
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn export(population: &Population, threads: usize) -> BTreeMap<String, Vec<u8>> {
    let mut outputs: BTreeMap<String, Shared> = BTreeMap::new();
    let mut open = |name: &str| {
        let out = Shared::default();
        outputs.insert(name.to_owned(), out.clone());
        Ok(Box::new(out) as Box<dyn Write>)
    };
    write_fhir(population, &mut open, threads, &|_| {}).unwrap();
    outputs.into_iter().map(|(name, out)| (name, out.0.lock().unwrap().clone())).collect()
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let population = population(150, 4);
    let (one, three) = (export(&population, 1), export(&population, 3));
    assert_eq!(one.len(), RESOURCE_TYPES.len());
    for (name, bytes) in &one {
        assert!(bytes == &three[name], "{name} differs");
        assert!(!bytes.is_empty(), "no {name}");
    }
}

#[test]
fn a_subject_depends_on_seed_and_index_alone() {
    let (small, large) = (population(5, 9), population(5_000, 9));
    let of = |p: &Population, index| synth::meds::subject(&p.subject(index));
    assert_eq!(of(&small, 3), of(&large, 3));
    assert_ne!(of(&small, 3), of(&population(5, 10), 3));
}

#[test]
fn resources_are_labelled_resolve_and_stay_within_the_record() {
    let population = population(80, 2);
    let mut ids = HashSet::new();
    let mut references = Vec::new();
    for (name, bytes) in export(&population, 2) {
        for line in std::str::from_utf8(&bytes).unwrap().lines() {
            let resource: Value = serde_json::from_str(line).unwrap();
            assert_eq!(resource["resourceType"], name.as_str());
            assert_eq!(resource["meta"]["security"][0]["code"], "HTEST");
            let id = resource["id"].as_str().unwrap();
            assert!(id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            assert!(ids.insert(format!("{name}/{id}")), "{name}/{id} twice");
            collect_references(&resource, &mut references);
        }
    }
    assert!(references.len() > 1_000);
    for reference in references {
        assert!(ids.contains(&reference), "{reference} leads nowhere");
    }
    for index in 0..population.len() {
        let subject = population.subject(index);
        let record = &subject.record;
        assert!(record.until <= population.settings().extract_date);
        for encounter in &record.encounters {
            assert!(
                record.from <= encounter.end
                    && encounter.start <= encounter.end
                    && encounter.end <= record.until
            );
            assert!(encounter.values.iter().all(|v| v.time <= record.until && v.value.is_finite()));
        }
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "reference" => found.push(text.clone()),
                    _ => collect_references(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

fn last_value(subject: &Subject, code: &str, before: events::Time) -> Option<f32> {
    let earlier = |e: &&events::Event| e.code.as_str() == code && e.time.is_some_and(|t| t < before);
    subject.events().iter().rev().find(earlier).and_then(|e| e.numeric_value)
}

/// Area under the curve by pairs, ties counted half.
fn area_under_curve(cases: &[f32], controls: &[f32]) -> f64 {
    let mut wins = 0.0;
    for case in cases {
        for control in controls {
            wins += if case > control { 1.0 } else { f64::from(u8::from(case == control)) / 2.0 };
        }
    }
    wins / (cases.len() * controls.len()) as f64
}

/// The record foretells disease, but doesn't give it away: in people of 40 to 75, the last HbA1c known half a year
/// before diagnosis of diabetes, against the last known three years before the end of an undiagnosed record.
#[test]
fn laboratory_values_foretell_without_giving_away() {
    let (mut cases, mut controls) = (Vec::new(), Vec::new());
    for subject in population(4_000, 11).subjects() {
        let (Some(birth), Some(end)) = (subject.birth(), subject.followup_end()) else { continue };
        let diagnosis =
            subject.events().iter().find(|e| e.code.as_str() == "ICD10CM//E11.9").and_then(|e| e.time);
        let landmark = diagnosis.map_or(end.plus_days(-3.0 * 365.25), |time| time.plus_days(-183.0));
        let age = landmark.days_since(birth) / 365.25;
        if !(40.0..75.0).contains(&age) {
            continue;
        }
        if let Some(value) = last_value(&subject, "LOINC//4548-4", landmark) {
            if diagnosis.is_some() { cases.push(value) } else { controls.push(value) }
        }
    }
    let area = area_under_curve(&cases, &controls);
    println!("{} cases, {} controls, AUC of the last HbA1c {area:.3}", cases.len(), controls.len());
    assert!(cases.len() > 30 && (0.72..0.98).contains(&area), "{} cases, AUC {area:.3}", cases.len());
}

#[test]
fn records_are_of_a_size_that_trains_quickly_and_cover_all_ages() {
    let subjects = population(1_500, 3).subjects();
    let events = subjects.iter().map(|s| s.events().len()).sum::<usize>() as f64 / subjects.len() as f64;
    let deaths = subjects.iter().filter(|s| s.death().is_some()).count() as f64 / subjects.len() as f64;
    println!("{events:.0} events a subject, {:.1} % die on record", 100.0 * deaths);
    assert!((80.0..300.0).contains(&events), "{events} events a subject");
    assert!((0.02..0.25).contains(&deaths), "{deaths} die");
    for subject in &subjects {
        let closed = subject.events().last().map(|e| e.code.as_str());
        assert!(matches!(closed, Some(Code::DEATH | Code::FOLLOWUP_END)), "{closed:?} ends a record");
    }
    let ages = |low: f64, high: f64| {
        let age = |s: &Subject| -> Option<f64> { Some(s.followup_end()?.days_since(s.birth()?)) };
        subjects.iter().filter(|s| age(s).is_some_and(|days| (low..high).contains(&(days / 365.25)))).count()
    };
    for (low, high) in [(0.0, 18.0), (18.0, 45.0), (45.0, 65.0), (65.0, 80.0), (80.0, 110.0)] {
        assert!(ages(low, high) > 40, "only {} between {low} and {high}", ages(low, high));
    }
}

#[test]
fn contradictory_settings_are_refused() {
    let swapped = Settings {
        records_from: Settings::default().extract_date,
        extract_date: Settings::default().records_from,
        ..Settings::default()
    };
    assert!(Population::new(swapped).is_err());
    assert!(Population::new(Settings { leaving_per_year: 1.0, ..Settings::default() }).is_err());
}

#[test]
fn a_failing_output_is_named() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("disk full"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut open = |name: &str| {
        Ok(if name == "Condition" { Box::new(Full) as Box<dyn Write> } else { Box::new(io::sink()) })
    };
    let error = write_fhir(&population(3, 1), &mut open, 1, &|_| {}).unwrap_err();
    assert_eq!(error.to_string(), "can't write Condition: disk full");
}

#[test]
fn truth_tells_the_whole_life_on_one_line_a_subject() {
    let population = population(20, 5);
    let mut out = Vec::new();
    synth::write_truth(&population, 2, &mut out).unwrap();
    let lines: Vec<Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 20);
    for (index, truth) in lines.iter().enumerate() {
        assert_eq!(truth["subject_id"], index as u64 + 1);
        assert!(truth["death_age"].as_f64() >= truth["last_age"].as_f64());
    }
}

/// How many years after each visit for a complaint a condition came on record, where it did.
fn complaints_then(population: &Population, code: &str, condition: Condition) -> (usize, usize) {
    let (mut visits, mut followed) = (0, 0);
    for index in 0..population.len() {
        let subject = population.subject(index);
        for encounter in &subject.record.encounters {
            if encounter.diagnoses.iter().all(|d| d.concept.code != code) {
                continue;
            }
            let age = encounter.start.days_since(subject.birth) / 365.25;
            visits += 1;
            let soon = age..age + 30.0 / 365.25;
            followed += usize::from(subject.life.of(condition).any(|o| soon.contains(&o.diagnosis_age)));
        }
    }
    (visits, followed)
}

#[test]
fn no_complaint_tells_of_what_has_not_begun() {
    let population = population(6_000, 8);
    for (code, condition) in
        [("R07.9", Condition::MyocardialInfarction), ("R42", Condition::Stroke), ("R06.2", Condition::Asthma)]
    {
        let (visits, followed) = complaints_then(&population, code, condition);
        println!("{code}: {visits} visits, {followed} followed within a month");
        assert!(visits > 20 && followed * 10 <= visits, "{code}: {followed} of {visits}");
    }
}

#[test]
fn what_is_decided_from_is_on_record_before_the_decision_and_the_prescription_after() {
    let population = population(600, 12);
    let (mut decisions, mut prescriptions) = (0, 0);
    for index in 0..population.len() {
        let subject = population.subject(index);
        let seen = subject
            .life
            .decisions
            .iter()
            .filter(|d| subject.enrolment_age < d.age && d.age < subject.last_age - 1e-4);
        for decision in seen {
            let time = subject.time_at(decision.age);
            let therapy = Therapy::all()[decision.therapy];
            let of_it = |e: &&synth::record::Encounter| e.known().days_since(time).abs() < 1e-5;
            let Some(encounter) = subject.record.encounters.iter().find(of_it) else {
                panic!("no encounter at the decision on {}", therapy.name)
            };
            decisions += 1;
            for (measure, value) in &decision.basis {
                let stated = |v: &&synth::record::Value| v.measure == *measure && v.value == *value;
                let found = encounter.values.iter().find(stated).map(|v| v.time);
                assert!(found.is_some_and(|v| v < encounter.known()), "{measure:?} for {}", therapy.name);
            }
            if therapy.reasons.iter().any(|(feature, _)| *feature == Feature::Smoking) {
                assert!(encounter.smoking.is_some(), "{}", therapy.name);
            }
            if decision.given && !encounter.died {
                assert!(encounter.prescriptions.contains(&therapy.drug) && encounter.prescribed() > time);
                prescriptions += 1;
            }
        }
    }
    assert!(decisions > 200 && prescriptions > 50, "{decisions}, {prescriptions}");
}

#[test]
fn episodes_before_enrolment_are_told_at_the_first_visit() {
    let population = population(2_000, 6);
    let mut told = 0;
    for index in 0..population.len() {
        let subject = population.subject(index);
        let Some(first) = subject.record.encounters.first() else { continue };
        for (condition, code) in [
            (Condition::MyocardialInfarction, "I25.2"),
            (Condition::Stroke, "Z86.73"),
            (Condition::GastrointestinalBleed, "Z87.19"),
        ] {
            let had = subject.life.known_age(condition) < subject.enrolment_age;
            let says = first.diagnoses.iter().any(|d| d.concept.code == code);
            assert_eq!(had, says, "{code}");
            told += usize::from(says);
        }
    }
    assert!(told > 50, "{told}");
}

#[test]
fn a_site_writes_under_its_own_name_and_in_its_own_units() {
    let settings = Settings { subjects: 60, seed: 14, second_site: 1.0, ..Settings::default() };
    let files = export(&Population::new(settings).unwrap(), 2);
    let each = |name: &str| -> Vec<Value> {
        std::str::from_utf8(&files[name]).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let mut glycated = 0;
    for note in each("DocumentReference") {
        let data = note["content"][0]["attachment"]["data"].as_str().unwrap();
        let text = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Lakeside Clinic") && !text.contains("Brookfield"), "{text}");
        let line = text.lines().find(|line| line.starts_with("HbA1c"));
        assert!(line.is_none_or(|line| line.ends_with("mmol/mol.")), "{line:?}");
        glycated += usize::from(line.is_some());
    }
    assert!(glycated > 0);
    for observation in each("Observation").iter().filter(|o| o["code"]["coding"][0]["code"] == "GAD7") {
        assert_eq!(observation["category"][0]["coding"][0]["code"], "survey");
    }
}
