//! Patients that nobody is, for the console to show: from the synthetic population.

use crate::model_directory::ModelDirectory;
use anyhow::Result;
use serde_json::{Value, json};
use serve::Example;
use std::io::Write;
use std::sync::{Arc, Mutex};
use synth::{Population, Settings, write_fhir};

/// A seed that no demo trains on by default.
const SEED: u64 = 0x0510;
/// How many people to choose from.
const CANDIDATES: u64 = 24;
/// How many to show.
const SHOWN: usize = 4;

/// Example patients, if the model was trained on a synthetic population: to others they would mean little.
pub fn patients(directory: &ModelDirectory) -> Result<Vec<Example>> {
    if !directory.manifest.synthetic {
        return Ok(Vec::new());
    }
    let population = Population::new(Settings { subjects: CANDIDATES, seed: SEED, ..Settings::default() })?;
    let lines: Arc<Mutex<Vec<u8>>> = Arc::default();
    let mut open = |_: &str| -> std::io::Result<Box<dyn Write>> { Ok(Box::new(Shared(lines.clone()))) };
    write_fhir(&population, &mut open, 1, &|_| {})?;
    let bytes = std::mem::take(&mut *lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let resources: Vec<Value> =
        bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let mut examples: Vec<(usize, Example)> = resources
        .iter()
        .filter(|r| r["resourceType"] == "Patient" && r.get("deceasedDateTime").is_none())
        .filter_map(|patient| example(patient, &resources))
        .collect();
    // The fullest records show most.
    examples.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    Ok(examples.into_iter().take(SHOWN).map(|(_, example)| example).collect())
}

fn example(patient: &Value, resources: &[Value]) -> Option<(usize, Example)> {
    let reference = format!("Patient/{}", patient["id"].as_str()?);
    let of_patient = |r: &&Value| {
        r["subject"]["reference"] == reference.as_str() || r["patient"]["reference"] == reference.as_str()
    };
    let mine: Vec<&Value> = std::iter::once(patient).chain(resources.iter().filter(of_patient)).collect();
    let conditions: Vec<&str> = mine
        .iter()
        .filter(|r| r["resourceType"] == "Condition")
        .filter_map(|r| r["code"]["coding"][0]["display"].as_str())
        .collect();
    let gender = patient["gender"].as_str().unwrap_or("person");
    let born = patient["birthDate"].as_str()?.get(..4)?;
    let mut named: Vec<&str> = Vec::new();
    for condition in &conditions {
        if !named.contains(condition) && named.len() < 3 {
            named.push(condition);
        }
    }
    let entries: Vec<Value> = mine.iter().map(|r| json!({ "resource": r })).collect();
    Some((
        conditions.len(),
        Example {
            title: format!("Synthetic {gender}, born {born}"),
            description: if named.is_empty() {
                "no condition on record".to_owned()
            } else {
                named.join(", ")
            },
            patient: json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }),
        },
    ))
}

/// One growing buffer behind many writers.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
