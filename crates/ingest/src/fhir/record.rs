//! One resource on its way to facts: where it stands, whose it is, and what comes of it.

use super::{
    bundle::BundleIndex,
    json,
    reference::{Target, target},
    systems,
    wire::{Coding, Concept, Quantity, Reference, Text},
};
use crate::{Rejection, Sink, time, units};
use events::{SourceEvent, SourceFact, SourceTime, SourceValue};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};
use std::io;

/// The system of a fact whose code is to be looked up among the Medications when all have been read. No
/// coding system can have this name: those are short names, or begin with `URI:`.
pub(super) const MEDICATION_REFERENCE: &str = "\u{0}Medication";

/// Why nothing (more) comes of a resource.
pub(super) enum Halt {
    /// It can't be read.
    Reject { field: &'static str, reason: &'static str },
    /// It was understood, and by intent nothing comes of it.
    Ignore(&'static str),
    /// The sink failed.
    Sink(io::Error),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Halt::Sink(error)
    }
}

pub(super) fn reject<T>(field: &'static str, reason: &'static str) -> Result<T, Halt> {
    Err(Halt::Reject { field, reason })
}

/// Halts when `status` says that it did not happen.
pub(super) fn happened(status: Option<&Text<'_>>, not_these: &[&str]) -> Result<(), Halt> {
    match status {
        Some(status) if not_these.contains(&&**status) => {
            Err(Halt::Ignore("status says that it did not happen"))
        }
        _ => Ok(()),
    }
}

/// A code chosen to stand for a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chosen {
    pub system: SmolStr,
    pub code: SmolStr,
    pub display: Option<SmolStr>,
}

impl Chosen {
    pub(super) fn new(system: &'static str, code: impl Into<SmolStr>) -> Self {
        Chosen { system: SmolStr::new_static(system), code: code.into(), display: None }
    }

    /// The coding that stands for the concept: that of the preferred system, the first among equals.
    pub(super) fn of(concept: &Concept<'_>) -> Option<Self> {
        let preferred =
            |coding: &&Coding<'_>| systems::preference(coding.system.as_deref().unwrap_or_default());
        concept
            .coding
            .iter()
            .filter(|coding| has_code(coding))
            .min_by_key(preferred)
            .and_then(Self::of_coding)
    }

    pub(super) fn of_coding(coding: &Coding<'_>) -> Option<Self> {
        has_code(coding).then(|| Chosen {
            system: systems::system(coding.system.as_deref().unwrap_or_default()),
            code: SmolStr::new(coding.code.as_deref().unwrap_or_default().trim()),
            display: coding.display.as_deref().map(SmolStr::new),
        })
    }

    /// The same code, but as the object of something else: an allergy to it, a relative's, an order of it.
    pub(super) fn within(self, context: &'static str) -> Self {
        let code = format_smolstr!("{}//{}", self.system, self.code);
        Chosen { system: SmolStr::new_static(context), code, display: self.display }
    }
}

fn has_code(coding: &Coding<'_>) -> bool {
    coding.code.as_deref().is_some_and(|code| !code.trim().is_empty())
}

/// One resource being read.
pub(super) struct Record<'a> {
    pub file: &'a str,
    pub line: u64,
    pub kind: &'static str,
    pub bundle: Option<&'a BundleIndex>,
    pub sink: &'a mut dyn Sink,
    /// A digest of the resource's type and id, 0 without an id.
    identity: u64,
    emitted: u64,
}

impl<'a> Record<'a> {
    pub(super) fn new(
        file: &'a str,
        line: u64,
        kind: &'static str,
        bundle: Option<&'a BundleIndex>,
        sink: &'a mut dyn Sink,
    ) -> Self {
        Record { file, line, kind, bundle, sink, identity: 0, emitted: 0 }
    }

    /// Reads the resource's elements.
    pub(super) fn parse<'t, T: Deserialize<'t>>(&self, text: &'t str) -> Result<T, Halt> {
        json::parse(text).map_err(|reason| Halt::Reject { field: "", reason })
    }

    /// Notes the resource's id, so that the same resource read twice is known.
    pub(super) fn identify(&mut self, id: Option<&str>) {
        self.identity = match id {
            Some(id) if !id.is_empty() => {
                let mut hasher = blake3::Hasher::new();
                hasher.update(self.kind.as_bytes()).update(b"/").update(id.as_bytes());
                let digest = hasher.finalize();
                u64::from_le_bytes(*digest.as_bytes().first_chunk().unwrap_or(&[0; 8]))
            }
            _ => 0,
        };
    }

    pub(super) fn reject(&mut self, field: &str, reason: &'static str) {
        self.sink.reject(Rejection {
            file: self.file.to_owned(),
            line: self.line,
            kind: self.kind,
            field: field.to_owned(),
            reason,
        });
    }

    pub(super) fn ignore(&mut self, reason: &'static str) {
        self.sink.ignore(self.kind, reason);
    }

    /// The key of the patient that a reference points at.
    pub(super) fn subject(
        &self,
        reference: Option<&Reference<'_>>,
        field: &'static str,
    ) -> Result<String, Halt> {
        let Some(reference) = reference.and_then(|r| r.reference.as_deref()).filter(|r| !r.is_empty()) else {
            return reject(field, "no reference to a patient");
        };
        match target(reference) {
            Target::Resource { kind: None | Some("Patient"), id } => Ok(self.resolve(id).to_owned()),
            Target::Resource { .. } => Err(Halt::Ignore("about something other than one patient")),
            Target::Contained(_) | Target::Unresolvable => {
                reject(field, "the reference to the patient cannot be resolved")
            }
        }
    }

    /// The id of the resource that a Bundle's full URL stands for.
    pub(super) fn resolve<'i>(&'i self, id: &'i str) -> &'i str {
        self.bundle.and_then(|bundle| bundle.id_of(id)).unwrap_or(id)
    }

    /// The first of these times that is there.
    pub(super) fn time(
        &self,
        candidates: &[Option<&Text<'_>>],
        field: &'static str,
    ) -> Result<SourceTime, Halt> {
        match candidates.iter().flatten().next() {
            Some(text) => time::fhir(text).map_err(|reason| Halt::Reject { field, reason }),
            None => reject(field, "no time"),
        }
    }

    /// The code of a concept that the resource is about.
    pub(super) fn code(&self, concept: Option<&Concept<'_>>) -> Result<Chosen, Halt> {
        concept.and_then(Chosen::of).ok_or(Halt::Ignore("no code, only text or nothing"))
    }

    /// A number that an event can carry, with its unit.
    pub(super) fn quantity(
        &mut self,
        quantity: &Quantity<'_>,
        field: &'static str,
    ) -> Option<(SourceValue, Option<SmolStr>)> {
        let value = self.number(quantity.value?, field)?;
        let coded = quantity.system.as_deref().is_some_and(systems::is_ucum);
        let unit = match (quantity.code.as_deref(), quantity.unit.as_deref()) {
            (Some(code), _) if coded && !code.is_empty() => Some(SmolStr::new(code)),
            (code, unit) => unit.or(code).map(units::ucum).filter(|unit| !unit.is_empty()),
        };
        Some((value, unit))
    }

    pub(super) fn number(&mut self, number: f64, field: &'static str) -> Option<SourceValue> {
        if number.is_finite() && number.abs() <= f64::from(f32::MAX) {
            Some(SourceValue::Number(number))
        } else {
            self.reject(field, "number out of range");
            None
        }
    }

    /// Hands over one event without a value.
    pub(super) fn event(
        &mut self,
        subject: &str,
        path: &'static str,
        time: SourceTime,
        chosen: Chosen,
    ) -> io::Result<()> {
        self.valued_event(subject, path, time, chosen, (SourceValue::None, None))
    }

    /// Hands over one event.
    pub(super) fn valued_event(
        &mut self,
        subject: &str,
        path: &'static str,
        time: SourceTime,
        chosen: Chosen,
        (value, unit): (SourceValue, Option<SmolStr>),
    ) -> io::Result<()> {
        self.emitted += 1;
        let origin = match self.identity {
            0 => 0,
            identity => mixed(identity.wrapping_add(self.emitted.wrapping_mul(0x9e37_79b9_7f4a_7c15))).max(1),
        };
        let Chosen { system, code, display } = chosen;
        let path = SmolStr::new_static(path);
        let event = SourceEvent { path, time, system, code, display, value, unit, origin };
        self.sink.fact(subject, SourceFact::Event(event))
    }
}

/// SplitMix64's finaliser: a bijection, so that the facts of one resource keep distinct origins.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
