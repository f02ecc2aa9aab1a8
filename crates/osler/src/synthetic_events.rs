//! A synthetic population as a MEDS data set: streamed, in order, the same bytes on any number of threads.

use anyhow::Result;
use deid::FieldTally;
use events::meds::{CodeMetadata, DatasetDescription, DatasetSummary, DatasetWriter};
use events::{Code, Deidentified, Split, Subject};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use synth::Population;

/// What was written.
pub struct Written {
    /// Subjects and events by split.
    pub summary: DatasetSummary,
    /// Events by code system.
    pub fields: BTreeMap<String, FieldTally>,
}

/// Writes the whole population under `dir`; `progress` is told how many people are written. A subject's number is
/// its place in the population, from 1, as in `truth/`.
pub fn write(
    population: &Population,
    dataset: &str,
    split: impl Fn(i64) -> Split,
    threads: usize,
    dir: &Path,
    progress: &dyn Fn(u64),
) -> Result<Written> {
    let mut writer = DatasetWriter::create(dir)?;
    let mut codes: HashMap<Code, u64> = HashMap::new();
    let mut done = 0;
    let make = |index| made_up(synth::meds::subject(&population.subject(index)));
    synth::stream::in_order(population, threads, make, |block| -> Result<()> {
        for subject in &block {
            for event in subject.events() {
                match codes.get_mut(event.code.as_str()) {
                    Some(count) => *count += 1,
                    None => _ = codes.insert(event.code.clone(), 1),
                }
            }
            writer.push(split(subject.id), subject)?;
        }
        done += block.len() as u64;
        progress(done);
        Ok(())
    })?;
    let mut fields: BTreeMap<String, FieldTally> = BTreeMap::new();
    for (code, count) in &codes {
        fields.entry(code.system().to_owned()).or_default().kept += count;
    }
    let description = DatasetDescription {
        dataset_name: dataset.to_owned(),
        etl_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let summary = writer.finish(&description, &metadata(codes))?;
    Ok(Written { summary, fields })
}

/// Nobody lived this record, so that nothing in it can identify anybody.
fn made_up(subject: Subject) -> Deidentified<Subject> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the record was made by synth from a seed and is nobody's; its attestation says so"
    )]
    Deidentified::vouch(subject)
}

/// What each code that occurs means, with its broader codes.
fn metadata(codes: HashMap<Code, u64>) -> Vec<CodeMetadata> {
    let mut descriptions: HashMap<String, String> = synth::meds::descriptions().into_iter().collect();
    let mut codes: Vec<Code> = codes.into_keys().collect();
    codes.sort_unstable();
    codes
        .into_iter()
        .map(|code| CodeMetadata {
            description: descriptions.remove(code.as_str()),
            parents: synth::meds::parents(code.as_str()),
            code: code.as_str().to_owned(),
            is_procedure: synth::meds::is_procedure(code.as_str()),
        })
        .collect()
}
