//! One patient's document, for whoever answers about one patient at a time.

use super::{FhirReader, json};
use crate::{
    Error, Limits, Rejection, Sink, Version,
    version::{Read, Settled},
};
use events::{Identified, SourceFact, SourceSubject};
use rustc_hash::FxHashSet;
use std::{collections::BTreeMap, io};

/// One patient, read.
#[derive(Debug)]
pub struct FhirSubject {
    /// The facts.
    pub subject: Identified<SourceSubject>,
    /// What could not be read.
    pub rejections: Vec<Rejection>,
    /// Is the patient said to have died? The facts hold a death only where it could be read since when.
    pub said_dead: bool,
}

/// Reads one patient's record from a FHIR document: a Bundle, or a resource by itself. Rejections name the
/// document as `document`, and entries by number. One that says nothing but that a patient has died is that patient's, without facts.
///
/// # Errors
/// When the document is no FHIR JSON within the limits, or holds facts about no patient, or about several.
pub fn fhir_bundle_subject(bytes: &[u8], limits: &Limits) -> Result<FhirSubject, Error> {
    subject(bytes, limits, false)
}

/// Reads one patient's FHIR document with who is named in it, to look for them in the patient's notes. Resources that
/// can't be read name nobody.
///
/// # Errors
/// As [`fhir_bundle_subject`].
pub fn fhir_bundle_chart(bytes: &[u8], limits: &Limits) -> Result<Identified<SourceSubject>, Error> {
    Ok(subject(bytes, limits, true)?.subject.map(|mut subject| {
        let mut seen = FxHashSet::default();
        subject.facts.retain(|fact| match fact {
            SourceFact::Identity(identity) => !identity.text.is_empty() && seen.insert(identity.clone()),
            _ => true,
        });
        subject
    }))
}

fn subject(bytes: &[u8], limits: &Limits, identities: bool) -> Result<FhirSubject, Error> {
    if bytes.len() > limits.max_document_bytes {
        return Err(Error::Document { reason: "it is larger than a document may be" });
    }
    let text = json::check(bytes.trim_ascii(), limits.max_json_depth);
    text.and_then(json::resource_type).map_err(|reason| Error::Document { reason })?;

    let reader = FhirReader::new(limits, identities);
    let mut sink = Collected::default();
    reader.read_document("document", false, bytes, &mut sink)?;
    let Collected { mut subjects, without, mut rejections, dead } = sink;
    if subjects.is_empty() {
        subjects.extend(dead.iter().filter_map(|(key, _)| Some((key.clone()?, Vec::new()))));
    }
    let found = subjects.len();
    let one = subjects.pop_first().filter(|_| found == 1);
    let Some((key, mut facts)) = one else { return Err(Error::NotOneSubject { found }) };
    if facts.len() > limits.max_facts_per_subject {
        return Err(Error::Document { reason: "it holds more facts than one subject may have" });
    }
    let found = Found { facts: &facts, without: without.get(&key).map_or(&[], Vec::as_slice) };
    let settled = Settled::new(&found, &|resource, versions| reader.withdrawn(resource, versions));
    let mut at = 0;
    facts.retain(|_| {
        at += 1;
        settled.counts(at - 1)
    });
    let stands =
        |version: &Version| settled.newest(version.resource).is_none_or(|newest| newest == version.place);
    // Who isn't named may be the patient.
    let is_patient = |of: &Option<String>| of.as_ref().is_none_or(|of| *of == key);
    let said_dead = dead.iter().any(|(of, version)| is_patient(of) && version.as_ref().is_none_or(stands));
    if facts.is_empty() && !said_dead {
        return Err(Error::NotOneSubject { found: 0 });
    }
    let facts = facts.into_iter().filter_map(|(_, mut fact)| match reader.complete(&mut fact, &settled) {
        Ok(()) => Some(fact),
        Err(rejection) => {
            rejections.push(rejection);
            None
        }
    });
    let facts = facts.collect();
    Ok(FhirSubject { subject: Identified::new(SourceSubject { key, facts }), rejections, said_dead })
}

/// What was found about the document's patient: facts, and after them the versions that give none.
struct Found<'a> {
    facts: &'a [(Option<Version>, SourceFact)],
    without: &'a [Version],
}

impl Read for Found<'_> {
    fn len(&self) -> usize {
        self.facts.len() + self.without.len()
    }

    fn version(&self, at: usize) -> Option<Version> {
        match self.facts.get(at) {
            Some((version, _)) => *version,
            None => self.without.get(at - self.facts.len()).copied(),
        }
    }

    fn is_fact(&self, at: usize) -> bool {
        at < self.facts.len()
    }

    fn is_same(&self, a: usize, b: usize) -> bool {
        self.facts.get(a).map(|(_, fact)| fact) == self.facts.get(b).map(|(_, fact)| fact)
    }
}

fn put<T>(subjects: &mut BTreeMap<String, Vec<T>>, subject: &str, found: T) {
    match subjects.get_mut(subject) {
        Some(of_subject) => of_subject.push(found),
        None => {
            subjects.insert(subject.to_owned(), vec![found]);
        }
    }
}

#[derive(Default)]
pub(super) struct Collected {
    pub subjects: BTreeMap<String, Vec<(Option<Version>, SourceFact)>>,
    /// Versions that give no facts, by subject.
    pub without: BTreeMap<String, Vec<Version>>,
    pub rejections: Vec<Rejection>,
    /// Who was said to have died, by which version.
    pub dead: Vec<(Option<String>, Option<Version>)>,
}

impl Sink for Collected {
    fn fact(&mut self, subject: &str, fact: SourceFact) -> io::Result<()> {
        put(&mut self.subjects, subject, (None, fact));
        Ok(())
    }

    fn versioned(&mut self, subject: &str, version: &Version, fact: Option<SourceFact>) -> io::Result<()> {
        match fact {
            Some(fact) => put(&mut self.subjects, subject, (Some(*version), fact)),
            None => put(&mut self.without, subject, *version),
        }
        Ok(())
    }

    fn said_dead(&mut self, subject: Option<&str>, version: Option<&Version>) {
        self.dead.push((subject.map(str::to_owned), version.copied()));
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    fn read(&mut self) {}

    fn describe(&mut self, _: &str, _: &str, _: &[String]) {}
}
