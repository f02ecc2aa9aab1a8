//! Stays in hospital: diagnoses of one are coded at discharge, wherever in the sources its Encounter stands.
//!
//! A Condition may be read before the Encounter that it belongs to, in another file or on another thread. Its
//! event therefore waits, with the encounter written into its system, until all has been read.

use crate::time;
use events::{SourceEvent, SourceTime};
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};
use std::sync::{Mutex, PoisonError};

/// Begins the system of an event that waits for its stay. No coding system can have this name.
const WAITING: &str = "\u{0}Stay/";
/// Hexadecimal digits of an encounter's digest.
const DIGITS: usize = 16;

/// When inpatient stays ended, by encounter.
#[derive(Default)]
pub(super) struct Stays {
    ends: Mutex<FxHashMap<u64, SourceTime>>,
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
    /// Notes when a stay ended; of two ends of one stay the later. `false` when `most` others are held already.
    pub(super) fn note(&self, encounter_id: &str, end: SourceTime, most: usize) -> bool {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let room = ends.len() < most;
        match ends.get_mut(&digest(encounter_id)) {
            Some(known) => {
                if time::known_at(*known) < time::known_at(end) {
                    *known = end;
                }
                true
            }
            None if room => {
                ends.insert(digest(encounter_id), end);
                true
            }
            None => false,
        }
    }

    /// Puts an event that waits for its stay to its time: where it was recorded, but not before the stay ended.
    pub(super) fn complete(&self, event: &mut SourceEvent) {
        let Some(rest) = event.system.strip_prefix(WAITING) else { return };
        let (Some(digits), Some(system)) = (rest.get(..DIGITS), rest.get(DIGITS..)) else { return };
        let encounter = u64::from_str_radix(digits, 16).unwrap_or_default();
        let system = SmolStr::new(system);
        let end = self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&encounter).copied();
        if let Some(end) = end
            && time::known_at(event.time) < time::known_at(end)
        {
            event.time = end;
        }
        event.system = system;
    }
}

fn digest(encounter_id: &str) -> u64 {
    let digest = blake3::hash(encounter_id.as_bytes());
    u64::from_le_bytes(*digest.as_bytes().first_chunk().unwrap_or(&[0; 8]))
}
