//! Bundles: their entries, and what the entries say about each other.

use super::{
    json,
    record::{Chosen, Stamp},
    reference::{Target, target},
    wire::{Concept, List, Text},
};
use crate::{Place, Version, time};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use sonic_rs::{JsonValueTrait, LazyValue};

/// A Bundle, its entries' resources still text. What only tells of versions may be of any shape.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Bundle<'a> {
    r#type: Option<LazyValue<'a>>,
    meta: Option<LazyValue<'a>>,
    timestamp: Option<LazyValue<'a>>,
    pub entry: List<Entry<'a>>,
}

/// One entry.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Entry<'a> {
    pub full_url: Option<Text<'a>>,
    pub resource: Option<LazyValue<'a>>,
    request: Option<LazyValue<'a>>,
    response: Option<LazyValue<'a>>,
}

/// What an entry holds.
pub(super) enum Held<'t> {
    Resource(Resource<'t>),
    /// Word that a resource was deleted.
    Deletion(Deletion),
    /// Neither.
    Nothing,
}

/// One entry's resource with its type, or why it has none.
pub(super) struct Resource<'t> {
    pub kind: Result<String, &'static str>,
    pub full_url: Option<&'t str>,
    pub text: &'t str,
    /// What it is known by where its own id means nothing: a new resource's id is its sender's, as it pleases.
    pub key: Option<&'t str>,
    pub stamp: Stamp,
    /// The entry's number in order of time.
    pub number: u32,
}

/// A resource that was deleted.
pub(super) struct Deletion {
    /// Its type and id, where the entry names one resource.
    pub of: Option<(String, String)>,
    pub stamp: Stamp,
    pub number: u32,
}

/// What entries of a Bundle need to know of each other.
#[derive(Default)]
pub(super) struct BundleIndex {
    /// Full URLs' ids that differ from what the resource is known by.
    ids: FxHashMap<String, String>,
    /// What new resources are known by, by their types and own ids; `None` where several have one id.
    new: FxHashMap<(&'static str, String), Option<String>>,
    /// The newest version of each; without a code it still counts, and no older one for it.
    medications: FxHashMap<String, (Version, Option<Chosen>)>,
    patients: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Identity<'a> {
    id: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct MedicationHead<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    code: Option<Concept<'a>>,
}

impl<'a> Bundle<'a> {
    /// What the entries hold, in their order.
    pub(super) fn held(&self) -> Vec<Held<'_>> {
        let kind = self.r#type.as_ref().and_then(|kind| kind.as_str());
        let numbers = 0..u32::MAX;
        self.entry
            .iter()
            .zip(numbers)
            // A history begins with what is newest.
            .map(
                |(entry, number)| {
                    if kind == Some("history") { (entry, u32::MAX - number) } else { (entry, number) }
                },
            )
            .map(|(entry, number)| self.entry(kind, entry, number))
            .collect()
    }

    fn entry<'s>(&'s self, kind: Option<&str>, entry: &'s Entry<'a>, number: u32) -> Held<'s> {
        let method = entry.request.as_ref().and_then(|request| request.get("method"));
        let method = method.as_ref().and_then(|method| method.as_str());
        let named = entry.named();
        let full_url = entry.full_url.as_deref();
        let mut stamp = entry.stamp();
        if method == Some("DELETE") {
            // The Bundle was made when all of its deletions were known.
            let made = Stamp::of(self.meta.as_ref()).updated;
            let timestamp = || time::instant(self.timestamp.as_ref()?.as_str()?);
            stamp.updated = stamp.updated.or(made).or_else(timestamp);
            return Held::Deletion(Deletion { of: named, stamp, number });
        }
        let Some(resource) = &entry.resource else { return Held::Nothing };
        let is_new = matches!(kind, Some("transaction" | "batch"))
            && !(matches!(method, Some("PUT" | "PATCH")) && named.is_some());
        let key =
            full_url.and_then(|url| url.strip_prefix("urn:uuid:")).filter(|id| is_new && !id.is_empty());
        let text = resource.as_raw_str();
        Held::Resource(Resource { kind: json::resource_type(text), full_url, text, key, stamp, number })
    }
}

impl Entry<'_> {
    /// Type and id of the one resource that the request names, else the full URL.
    fn named(&self) -> Option<(String, String)> {
        let url = self.request.as_ref().and_then(|request| request.get("url"));
        let url = url.as_ref().and_then(|url| url.as_str()).or(self.full_url.as_deref())?;
        match target(url) {
            Target::Resource { kind: Some(kind), id } => Some((kind.to_owned(), id.to_owned())),
            _ => None,
        }
    }

    /// The version that a server says it was.
    fn stamp(&self) -> Stamp {
        let said = |field| self.response.as_ref().and_then(|response| response.get(field));
        let modified = said("lastModified");
        let tag = said("etag");
        let tag = tag.as_ref().and_then(|tag| tag.as_str()).unwrap_or_default();
        Stamp {
            updated: modified.and_then(|modified| time::instant(modified.as_str()?)),
            number: tag.trim_start_matches("W/").trim_matches('"').parse().ok(),
        }
    }
}

impl BundleIndex {
    pub(super) fn new<'t>(held: &[Held<'t>]) -> Self {
        let mut index = BundleIndex::default();
        for held in held {
            let Held::Resource(resource) = held else { continue };
            match resource.kind.as_deref() {
                Ok("Patient") => index.note("Patient", resource, |index, head: Identity<'t>| {
                    index.patients.extend(resource.key.or(head.id.as_deref()).map(str::to_owned));
                    head.id
                }),
                Ok("Encounter") => index.note("Encounter", resource, |_, head: Identity<'t>| head.id),
                Ok("Medication") => index.note("Medication", resource, |index, head: MedicationHead<'t>| {
                    if let Some(id) = resource.key.or(head.id.as_deref()) {
                        let code =
                            head.code.as_ref().filter(|_| head.status.as_deref() != Some("entered-in-error"));
                        index.medication_named(id, resource, head.meta.as_ref(), code.and_then(Chosen::of));
                    }
                    head.id
                }),
                _ => {}
            }
        }
        index
    }

    /// Reads the head of a resource; `keep` keeps of it what is needed and returns the id. One that can't be
    /// read is rejected when its turn comes.
    fn note<'t, T: Deserialize<'t>>(
        &mut self,
        kind: &'static str,
        resource: &Resource<'t>,
        keep: impl Fn(&mut Self, T) -> Option<Text<'t>>,
    ) {
        let Ok(head) = json::parse::<T>(resource.text) else { return };
        let Some(id) = keep(self, head) else { return };
        match (resource.key, resource.full_url.map(target)) {
            (Some(key), _) if key != &*id => {
                let known = self.new.entry((kind, id.to_string())).or_insert_with(|| Some(key.to_owned()));
                if known.as_deref() != Some(key) {
                    *known = None;
                }
            }
            (None, Some(Target::Resource { id: url_id, .. })) if url_id != &*id => {
                self.ids.insert(url_id.to_owned(), id.to_string());
            }
            _ => {}
        }
    }

    /// Of several Medications with one id the newest is kept.
    fn medication_named(
        &mut self,
        id: &str,
        resource: &Resource<'_>,
        meta: Option<&LazyValue<'_>>,
        chosen: Option<Chosen>,
    ) {
        let own = Stamp::of(meta);
        let version = Version {
            resource: 0,
            updated: own.updated.or(resource.stamp.updated),
            number: own.number.or(resource.stamp.number),
            place: Place { entry: resource.number, ..Place::default() },
        };
        if self
            .medications
            .get(id)
            .is_none_or(|(known, _)| crate::version::newest(&[*known, version]) == Some(version))
        {
            self.medications.insert(id.to_owned(), (version, chosen));
        }
    }

    /// What the resource of this type that a reference calls `id` is known by, where that differs.
    pub(super) fn key_of(&self, kind: &'static str, id: &str) -> Option<&str> {
        if let Some(id) = self.ids.get(id) {
            return Some(id);
        }
        if self.new.is_empty() {
            return None;
        }
        self.new.get(&(kind, id.to_owned()))?.as_deref()
    }

    /// The Bundle's patient, where it is about one.
    pub(super) fn only_patient(&self) -> Option<&str> {
        match self.patients.as_slice() {
            [patient] => Some(patient),
            _ => None,
        }
    }

    /// The code of a Medication of this Bundle. One without a code is left to what all sources say of it.
    pub(super) fn medication(&self, id: &str) -> Option<&Chosen> {
        self.medications.get(id).and_then(|(_, chosen)| chosen.as_ref())
    }
}
