//! One resource on its way to facts: where it stands, whose it is, and what comes of it.

use super::{
    bundle::{BundleIndex, Resource},
    json,
    reference::{Target, target},
    systems,
    wire::{Coding, Concept, Quantity, Reference, Text},
};
use crate::{Place, Rejection, Sink, Version, time, units};
use events::{SourceEvent, SourceFact, SourceTime, SourceValue};
use serde::Deserialize;
use smol_str::{SmolStr, format_smolstr};
use sonic_rs::{JsonValueTrait, LazyValue};
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
    place: Place,
    /// What the Bundle says of the resource's version.
    entry: Option<&'a Resource<'a>>,
    /// The version that it is, where it has an id.
    version: Option<Version>,
    emitted: u64,
}

/// What tells versions of a resource apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamp {
    pub updated: Option<i64>,
    pub number: Option<u64>,
}

impl Stamp {
    /// By a `meta`. One that can't be read says nothing.
    pub(super) fn of(meta: Option<&LazyValue<'_>>) -> Self {
        let updated = meta.and_then(|meta| meta.get("lastUpdated"));
        let number = meta.and_then(|meta| meta.get("versionId"));
        Stamp {
            updated: updated.and_then(|updated| time::instant(updated.as_str()?)),
            number: number.and_then(|number| number.as_str()?.parse().ok()),
        }
    }
}

/// A digest of a resource's type and id.
pub(super) fn identity(kind: &str, id: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes()).update(b"/").update(id.as_bytes());
    u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().unwrap_or(&[0; 8]))
}

/// What is read of a resource of which no fact came.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Head<'a> {
    id: Option<LazyValue<'a>>,
    meta: Option<LazyValue<'a>>,
    subject: Option<LazyValue<'a>>,
    patient: Option<LazyValue<'a>>,
    beneficiary: Option<LazyValue<'a>>,
}

impl<'a> Record<'a> {
    pub(super) fn new(
        file: &'a str,
        (line, place): (u64, Place),
        kind: &'static str,
        bundle: Option<&'a BundleIndex>,
        entry: Option<&'a Resource<'a>>,
        sink: &'a mut dyn Sink,
    ) -> Self {
        Record { file, line, kind, bundle, sink, place, entry, version: None, emitted: 0 }
    }

    /// Reads the resource's elements.
    pub(super) fn parse<'t, T: Deserialize<'t>>(&self, text: &'t str) -> Result<T, Halt> {
        json::parse(text).map_err(|reason| Halt::Reject { field: "", reason })
    }

    /// Notes the resource's id, so that the same resource read twice is known, and its versions are.
    pub(super) fn identify(&mut self, id: Option<&str>, meta: Option<&LazyValue<'_>>) {
        let Some(resource) = self.key(id).map(|key| identity(self.kind, key)) else { return };
        let (own, by_entry) = (Stamp::of(meta), self.entry.map(|entry| entry.stamp).unwrap_or_default());
        self.version = Some(Version {
            resource,
            updated: own.updated.or(by_entry.updated),
            number: own.number.or(by_entry.number),
            place: self.place,
        });
    }

    /// What the resource is known by: what its Bundle gives it where its own id means nothing, else that id.
    pub(super) fn key<'i>(&self, id: Option<&'i str>) -> Option<&'i str>
    where
        'a: 'i,
    {
        self.entry.and_then(|entry| entry.key).or(id).filter(|key| !key.is_empty())
    }

    /// The version that it is, where it has an id.
    pub(super) fn version(&self) -> Option<Version> {
        self.version
    }

    /// Says of a resource without facts that its version has none, so that it displaces those before it. Returns the
    /// version when nothing says whose it is.
    pub(super) fn nothing_came(&mut self, text: &str, url_id: Option<&str>) -> io::Result<Option<Version>> {
        if self.emitted > 0 {
            return Ok(None);
        }
        let Ok(head) = json::parse::<Head<'_>>(text) else { return Ok(None) };
        let id = head.id.as_ref().and_then(|id| id.as_str());
        if self.version.is_none() {
            let id = if self.kind == "Patient" { id.or(url_id) } else { id };
            self.identify(id, head.meta.as_ref());
        }
        let Some(version) = self.version else { return Ok(None) };
        if self.kind == "Patient" {
            let Some(subject) = self.key(id.or(url_id)) else { return Ok(None) };
            self.sink.versioned(subject, &version, None)?;
            return Ok(None);
        }
        let Some(reference) = [&head.subject, &head.patient, &head.beneficiary]
            .into_iter()
            .find_map(|element| element.as_ref()?.get("reference"))
        else {
            return Ok(Some(version));
        };
        if let Some(Target::Resource { kind: None | Some("Patient"), id }) = reference.as_str().map(target) {
            let subject = self.resolve("Patient", id).to_owned();
            self.sink.versioned(&subject, &version, None)?;
        }
        Ok(None)
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
            Target::Resource { kind: None | Some("Patient"), id } => {
                Ok(self.resolve("Patient", id).to_owned())
            }
            Target::Resource { .. } => Err(Halt::Ignore("about something other than one patient")),
            Target::Contained(_) | Target::Unresolvable => {
                reject(field, "the reference to the patient cannot be resolved")
            }
        }
    }

    /// What a resource of this type is known by, from what a reference calls it.
    pub(super) fn resolve<'i>(&'i self, kind: &'static str, id: &'i str) -> &'i str {
        self.bundle.and_then(|bundle| bundle.key_of(kind, id)).unwrap_or(id)
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
        let number = self.emitted.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let origin = self.version.map_or(0, |version| mixed(version.resource.wrapping_add(number)).max(1));
        let Chosen { system, code, display } = chosen;
        let path = SmolStr::new_static(path);
        let fact = SourceFact::Event(SourceEvent { path, time, system, code, display, value, unit, origin });
        match &self.version {
            Some(version) => self.sink.versioned(subject, version, Some(fact)),
            None => self.sink.fact(subject, fact),
        }
    }
}

/// SplitMix64's finaliser: a bijection, so that the facts of one resource keep distinct origins.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
