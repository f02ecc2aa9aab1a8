//! Stays in hospital: diagnoses of one are coded at discharge, wherever in the sources its Encounter stands.
//!
//! A Condition may be read before the Encounter that it belongs to, in another file or on another thread. Its
//! event therefore waits, with the encounter written into its system, until all has been read.

use crate::{Place, Version, time, version::Settled};
use events::{SourceEvent, SourceTime};
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};
use std::{
    cmp::Reverse,
    collections::hash_map::Entry,
    sync::{Mutex, PoisonError},
};

/// Begins the system of an event that waits for its stay. No coding system can have this name.
const WAITING: &str = "\u{0}Stay/";
/// Hexadecimal digits of an encounter's digest.
const DIGITS: usize = 16;

/// When inpatient stays ended, by encounter.
#[derive(Default)]
pub(super) struct Stays(Mutex<Ends>);

#[derive(Default)]
struct Ends {
    of: FxHashMap<u64, Stay>,
    held: usize,
}

/// One stay, with its end as every version of its Encounter says it.
struct Stay {
    resource: u64,
    first: (Place, SourceTime),
    others: Vec<(Place, SourceTime)>,
}

/// Classes of encounters that are stays in a hospital.
pub(super) fn is_inpatient(class: &str) -> bool {
    matches!(class, "IMP" | "ACUTE" | "NONAC" | "OBSENC")
}

/// The system of an event that is to stand no earlier than its stay's end.
pub(super) fn waiting(encounter_id: &str, system: &str) -> SmolStr {
    format_smolstr!("{WAITING}{:0DIGITS$x}{system}", digest(encounter_id))
}

impl Stays {
    /// Notes when a stay ended, by this version of its Encounter. `false` when `most` others are held already.
    pub(super) fn note(&self, encounter_id: &str, version: Version, end: SourceTime, most: usize) -> bool {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.held >= most {
            return false;
        }
        ends.held += 1;
        let said = (version.place, end);
        match ends.of.entry(digest(encounter_id)) {
            Entry::Vacant(free) => {
                free.insert(Stay { resource: version.resource, first: said, others: Vec::new() });
            }
            Entry::Occupied(stay) => stay.into_mut().others.push(said),
        }
        true
    }

    /// Puts an event that waits for its stay to its time: where it was recorded, but not before the stay ended.
    pub(super) fn complete(&self, event: &mut SourceEvent, settled: &Settled) {
        let Some(rest) = event.system.strip_prefix(WAITING) else { return };
        let (Some(digits), Some(system)) = (rest.get(..DIGITS), rest.get(DIGITS..)) else { return };
        let encounter = u64::from_str_radix(digits, 16).unwrap_or_default();
        let system = SmolStr::new(system);
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.of.get(&encounter).and_then(|stay| stay.end(settled));
        if let Some(end) = end
            && time::known_at(event.time) < time::known_at(end)
        {
            event.time = end;
        }
        event.system = system;
    }
}

impl Stay {
    /// When it ended, by the version that counts; where that isn't known, the latest of what was said.
    fn end(&self, settled: &Settled) -> Option<SourceTime> {
        let said = std::iter::once(&self.first).chain(&self.others);
        match settled.newest(self.resource) {
            Some(newest) => said.filter(|(place, _)| *place == newest).map(|(_, end)| *end).next(),
            None => {
                said.max_by_key(|(place, end)| (time::known_at(*end), Reverse(*place))).map(|(_, end)| *end)
            }
        }
    }
}

fn digest(encounter_id: &str) -> u64 {
    let digest = blake3::hash(encounter_id.as_bytes());
    u64::from_le_bytes(*digest.as_bytes().first_chunk().unwrap_or(&[0; 8]))
}
