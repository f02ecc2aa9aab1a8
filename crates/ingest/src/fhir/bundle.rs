//! Bundles: their entries, and what the entries say about each other.

use super::{
    json,
    record::Chosen,
    reference::{Target, target},
    wire::{Concept, List, Text},
};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use sonic_rs::LazyValue;

/// A Bundle's entries, each still text.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Bundle<'a> {
    pub entry: List<Entry<'a>>,
}

/// One entry.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Entry<'a> {
    pub full_url: Option<Text<'a>>,
    pub resource: Option<LazyValue<'a>>,
}

/// One entry's resource with its type, or why it has none.
pub(super) struct Resource<'t> {
    pub kind: Result<String, &'static str>,
    pub full_url: Option<&'t str>,
    pub text: &'t str,
}

/// What entries of a Bundle need to know of each other.
#[derive(Default)]
pub(super) struct BundleIndex {
    /// Full URLs' ids that differ from the resource's own.
    ids: FxHashMap<String, String>,
    medications: FxHashMap<String, Chosen>,
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
    code: Option<Concept<'a>>,
}

impl<'a> Bundle<'a> {
    /// The resources of the entries that have one.
    pub(super) fn resources(&self) -> Vec<Resource<'_>> {
        self.entry
            .iter()
            .filter_map(|entry| {
                let text = entry.resource.as_ref()?.as_raw_str();
                Some(Resource { kind: json::resource_type(text), full_url: entry.full_url.as_deref(), text })
            })
            .collect()
    }
}

impl BundleIndex {
    pub(super) fn new(resources: &[Resource<'_>]) -> Self {
        let mut index = BundleIndex::default();
        for resource in resources {
            match resource.kind.as_deref() {
                Ok("Patient") => index.note(resource, |index, head: Identity<'_>| {
                    index.patients.extend(head.id.as_deref().map(str::to_owned));
                    head.id
                }),
                Ok("Encounter") => index.note(resource, |_, head: Identity<'_>| head.id),
                Ok("Medication") => index.note(resource, |index, head: MedicationHead<'_>| {
                    let id = head.id?;
                    if let Some(chosen) = head.code.as_ref().and_then(Chosen::of) {
                        index.medications.insert(id.to_string(), chosen);
                    }
                    Some(id)
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
        resource: &Resource<'t>,
        keep: impl Fn(&mut Self, T) -> Option<Text<'t>>,
    ) {
        let Ok(head) = json::parse::<T>(resource.text) else { return };
        if let (Some(id), Some(Target::Resource { id: url_id, .. })) =
            (keep(self, head), resource.full_url.map(target))
            && url_id != &*id
        {
            self.ids.insert(url_id.to_owned(), id.to_string());
        }
    }

    /// The id of the resource that a full URL's id stands for, where they differ.
    pub(super) fn id_of(&self, url_id: &str) -> Option<&str> {
        self.ids.get(url_id).map(String::as_str)
    }

    /// The Bundle's patient, where it is about one.
    pub(super) fn only_patient(&self) -> Option<&str> {
        match self.patients.as_slice() {
            [patient] => Some(patient),
            _ => None,
        }
    }

    /// The code of a Medication of this Bundle.
    pub(super) fn medication(&self, id: &str) -> Option<&Chosen> {
        self.medications.get(id)
    }
}
