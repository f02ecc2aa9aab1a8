//! One patient's document, for whoever answers about one patient at a time.

use super::{FhirReader, json};
use crate::{Error, Limits, Rejection, Sink};
use events::{Identified, SourceFact, SourceSubject};
use rustc_hash::FxHashSet;
use std::{collections::BTreeMap, io};

/// Reads one patient's record from a FHIR document: a Bundle, or a resource by itself. Rejections name the
/// document as `document`, and entries by number.
///
/// # Errors
/// When the document is no FHIR JSON within the limits, or holds facts about no patient, or about several.
pub fn fhir_bundle_subject(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(Identified<SourceSubject>, Vec<Rejection>), Error> {
    subject(bytes, limits, false)
}

/// Reads one patient's FHIR document with who is named in it, to look for them in the patient's notes. Resources that
/// can't be read name nobody.
///
/// # Errors
/// As [`fhir_bundle_subject`].
pub fn fhir_bundle_chart(bytes: &[u8], limits: &Limits) -> Result<Identified<SourceSubject>, Error> {
    let (subject, _) = subject(bytes, limits, true)?;
    Ok(subject.map(|mut subject| {
        let mut seen = FxHashSet::default();
        subject.facts.retain(|fact| match fact {
            SourceFact::Identity(identity) => !identity.text.is_empty() && seen.insert(identity.clone()),
            _ => true,
        });
        subject
    }))
}

fn subject(
    bytes: &[u8],
    limits: &Limits,
    identities: bool,
) -> Result<(Identified<SourceSubject>, Vec<Rejection>), Error> {
    if bytes.len() > limits.max_document_bytes {
        return Err(Error::Document { reason: "it is larger than a document may be" });
    }
    let text = json::check(bytes.trim_ascii(), limits.max_json_depth);
    text.and_then(json::resource_type).map_err(|reason| Error::Document { reason })?;

    let reader = FhirReader::new(limits, identities);
    let mut sink = Collected::default();
    reader.read_document("document", bytes, &mut sink)?;
    let Collected { mut subjects, mut rejections } = sink;
    let found = subjects.len();
    let (Some((key, mut facts)), true) = (subjects.pop_first(), found == 1) else {
        return Err(Error::NotOneSubject { found });
    };
    if facts.len() > limits.max_facts_per_subject {
        return Err(Error::Document { reason: "it holds more facts than one subject may have" });
    }
    let mut origins = FxHashSet::default();
    facts.retain_mut(|fact| {
        let is_new = match fact {
            SourceFact::Event(event) => event.origin == 0 || origins.insert(event.origin),
            SourceFact::Label(_) | SourceFact::Identity(_) => true,
        };
        is_new && reader.complete(fact).map_err(|rejection| rejections.push(rejection)).is_ok()
    });
    Ok((Identified::new(SourceSubject { key, facts }), rejections))
}

#[derive(Default)]
pub(super) struct Collected {
    pub subjects: BTreeMap<String, Vec<SourceFact>>,
    pub rejections: Vec<Rejection>,
}

impl Sink for Collected {
    fn fact(&mut self, subject: &str, fact: SourceFact) -> io::Result<()> {
        match self.subjects.get_mut(subject) {
            Some(facts) => facts.push(fact),
            None => {
                self.subjects.insert(subject.to_owned(), vec![fact]);
            }
        }
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    fn read(&mut self) {}

    fn describe(&mut self, _: &str, _: &str, _: &[String]) {}
}
