//! Patients with their notes.

use super::archive::each_bundle;
use super::cast::Cast;
use super::chart::Chart;
use super::dice::Dice;
use super::enrich::enrich;
use super::grammar::Grammar;
use super::note::{self, Nature, Note};
use super::writer::Writer;
use std::path::{Path, PathBuf};

/// A patient: the file with the bundle that the program is given, and the notes.
pub struct Patient {
    pub bundle: PathBuf,
    /// Words that no note may hold outside of what is planted.
    pub telling: Vec<String>,
    pub notes: Vec<Note>,
}

/// Writes `each` notes for every `step`th patient, and the patients' bundles into a directory.
///
/// `None`, after a word about it, if the shared data is absent.
pub fn write(seed: u64, step: usize, each: usize, into: &Path) -> Option<Vec<Patient>> {
    let grammar = Grammar::load();
    let mut patients = Vec::new();
    let present = each_bundle(step, |name, mut bundle| {
        let full_chart = enrich(&mut bundle, &mut Dice::new(seed, &["chart", name]));
        let Some(chart) = Chart::read(&bundle) else { return };
        let path = into.join(format!("{}.json", patients.len()));
        std::fs::write(&path, serde_json::to_vec(&bundle).unwrap()).unwrap();
        let mut dice = Dice::new(seed, &["notes", name]);
        let mut kinds: Vec<usize> = (0..grammar.kinds.len()).collect();
        dice.shuffle(&mut kinds);
        let notes = (0..each)
            .map(|i| {
                let kind = kinds[i % kinds.len()];
                let surface = &grammar.kinds[kind].surface;
                let mut dice = Dice::new(seed, &["note", name, &i.to_string()]);
                let caseless = surface.case == "upper" || surface.case == "lower";
                let cast = Cast::new(&chart, caseless, &mut dice);
                let nature = Nature { kind, house: cast.house(), full_chart };
                let pieces = Writer::new(&grammar, kind, cast, dice).write();
                let dice = &mut Dice::new(seed, &["surface", name, &i.to_string()]);
                let id = format!("{}-{i}", patients.len());
                note::set(id, &nature, pieces, &grammar, dice)
            })
            .collect();
        patients.push(Patient { bundle: path, telling: telling(&chart), notes });
    });
    present.then_some(patients)
}

/// The chart's identifiers that can't be in a note by chance.
fn telling(chart: &Chart) -> Vec<String> {
    let numbers = chart
        .phones
        .iter()
        .chain(&chart.mrns)
        .chain(&chart.emails)
        .chain(&chart.plans)
        .chain(&chart.accounts);
    let mut telling: Vec<String> =
        numbers.chain(chart.ssn.as_ref()).chain(chart.licence.as_ref()).cloned().collect();
    telling.extend(chart.address.as_ref().map(|a| format!("{} {}", a.number, a.road)));
    telling.push(format!("{} {}", chart.patient.given, chart.patient.family));
    telling.iter().map(|t| t.to_lowercase()).collect()
}
