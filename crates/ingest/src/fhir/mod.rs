//! FHIR R4: Bundles and bulk NDJSON, told apart by content.
//!
//! - One event per fact, coded by the preferred of its codings (see `systems`). What did not happen (cancelled,
//!   not done, refuted, entered in error) gives no event, and is counted.
//! - Times are the wall clock as written; a date without a time stands for its day (see [`crate::time`]).
//! - The subject is the patient that a resource refers to, by whichever form of reference.
//! - Names, addresses, telecoms and identifiers of people are read only where notes are to be cleaned of them,
//!   as identities, not as events.
//! - A Device by itself says no time at which it was put to use, so that none is read.

mod bundle;
mod care;
mod condition;
mod document;
mod encounter;
mod fuzz;
mod identities;
mod json;
mod medication;
mod observation;
mod paths;
mod patient;
mod record;
mod reference;
mod resource;
mod single;
mod stays;
mod stream;
mod systems;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod version_tests;
mod wire;

pub use fuzz::fuzz_fhir;
pub use paths::FHIR_PATHS;
pub use single::{FhirSubject, fhir_bundle_chart, fhir_bundle_subject};
pub use systems::FHIR_SYSTEMS;

use crate::{
    Error, Input, Limits, Place, Rejection, Sink, Version,
    directory::Directory,
    pipeline::{Piece, Pieces},
    version::{Settled, newest},
};
use bundle::{Bundle, BundleIndex, Deletion, Held, Resource};
use events::{SourceFact, SourceTime};
use record::{Chosen, Halt, MEDICATION_REFERENCE, Record, Stamp};
use reference::{Target, target};
use rustc_hash::FxHashMap;
use stays::Stays;
use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError, RwLock},
};
use stream::{HEAD_BYTES, Layout, Lines, Next};

const NO_RESOURCE_TYPE: &str = "no resourceType";

#[derive(Default)]
struct Withdrawn {
    of: FxHashMap<u64, Vec<Version>>,
    held: usize,
}

/// Reads FHIR. Threads share it, and with it the Medications and the stays that were found.
pub(crate) struct FhirReader<'a> {
    limits: &'a Limits,
    /// Are people and places to be known by name?
    identities: bool,
    medications: Mutex<Medications>,
    stays: Stays,
    /// Resources that were withdrawn by someone who named no subject.
    withdrawn: RwLock<Withdrawn>,
    directory: Directory,
}

impl<'a> FhirReader<'a> {
    /// A reader of facts, and with `identities` of who is named in them.
    pub(crate) fn new(limits: &'a Limits, identities: bool) -> Self {
        FhirReader {
            limits,
            identities,
            medications: Mutex::default(),
            stays: Stays::default(),
            withdrawn: RwLock::default(),
            directory: Directory::default(),
        }
    }

    /// Reads an input, whatever its layout; `false` when it holds no JSON objects and its name doesn't promise
    /// any.
    pub(crate) fn read_input(
        &self,
        input: Input,
        pieces: &Pieces,
        sink: &mut dyn Sink,
    ) -> Result<bool, Error> {
        let Input { safe_name, table_name, mut reader } = input;
        let failed = |e: io::Error| Error::read(&safe_name, &e);
        let file: Arc<str> = safe_name.as_str().into();
        let source = sink.source();
        let mut head = Vec::with_capacity(HEAD_BYTES);
        reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        match stream::layout(&head) {
            Layout::Lines => {
                let (max_line, max_document) = (self.limits.max_line_bytes, self.limits.max_document_bytes);
                let mut lines = Lines::new(head, reader, max_line, max_document);
                while !pieces.is_stopped() {
                    match lines.next().map_err(failed)? {
                        Next::Lines(first_line, bytes) => {
                            if let Some(line) = cut_off(first_line, &bytes) {
                                return Err(Error::CutOff { file: file.to_string(), line });
                            }
                            let piece = Piece::Lines { source, file: Arc::clone(&file), first_line, bytes };
                            if let Some(Piece::Lines { bytes, .. }) = pieces.offer(piece) {
                                self.read_lines(&file, first_line, &bytes, sink)?;
                            }
                        }
                        Next::TooLong(line) => reject(sink, &file, line, "", "line too long"),
                        Next::End => break,
                    }
                }
                Ok(true)
            }
            Layout::Document if stream::is_array(&head) => match is_json_by_name(&table_name) {
                true => Err(Error::NotAsNamed {
                    file: safe_name,
                    found: "it is one JSON array, and FHIR comes as Bundles or as one resource to a line",
                    remedy: "write it as lines: jq -c '.[]' FILE > NEW.ndjson",
                }),
                false => Ok(false),
            },
            Layout::Document => {
                let most = self.limits.max_document_bytes;
                let rest = (most + 1).saturating_sub(head.len());
                reader.by_ref().take(rest as u64).read_to_end(&mut head).map_err(failed)?;
                if head.len() > most {
                    reject(sink, &file, 0, "", "document too large");
                    return Ok(true);
                }
                let promised = is_json_by_name(&table_name);
                let piece = Piece::Document { source, file: Arc::clone(&file), promised, bytes: head };
                if let Some(Piece::Document { bytes, .. }) = pieces.offer(piece) {
                    self.read_document(&file, promised, &bytes, sink)?;
                }
                Ok(true)
            }
            Layout::Empty if is_json_by_name(&table_name) => {
                sink.ignore("file", "holds nothing");
                Ok(true)
            }
            Layout::Empty => Ok(false),
            Layout::Other if is_json_by_name(&table_name) => Err(Error::NotAsNamed {
                file: safe_name,
                found: "it is no JSON, as its name says",
                remedy: "restore it from the export, or leave it out",
            }),
            Layout::Other => Ok(false),
        }
    }

    /// Reads whole lines.
    pub(crate) fn read_lines(
        &self,
        file: &str,
        first_line: u64,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let bytes = match first_line {
            1 => bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes),
            _ => bytes,
        };
        for (line, number) in bytes.split(|&byte| byte == b'\n').zip(first_line..) {
            let line = line.trim_ascii();
            if !line.is_empty() {
                self.read_json(file, number, line, sink).map_err(|e| Error::spill(&e))?;
            }
        }
        Ok(())
    }

    /// Reads one document: a Bundle, or a single resource.
    pub(crate) fn read_document(
        &self,
        file: &str,
        promised: bool,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
        let checked = json::check_whole(bytes, self.limits.max_json_depth);
        // What can't be taken may have been cut in the middle of a character.
        let is_closed = checked.map_or_else(|_| json::is_closed(bytes), |(_, is_closed)| is_closed);
        if promised && !is_closed {
            return Err(Error::CutOff { file: file.to_owned(), line: 1 });
        }
        self.read_checked(file, 1, checked.map(|(text, _)| text), sink).map_err(|e| Error::spill(&e))
    }

    fn read_json(&self, file: &str, line: u64, json: &[u8], sink: &mut dyn Sink) -> io::Result<()> {
        self.read_checked(file, line, json::check(json, self.limits.max_json_depth), sink)
    }

    fn read_checked(
        &self,
        file: &str,
        line: u64,
        checked: Result<&str, &'static str>,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let text = match checked {
            Ok(text) => text,
            Err(reason) => {
                reject(sink, file, line, "", reason);
                return Ok(());
            }
        };
        match json::resource_type(text) {
            Ok(kind) if kind == "Bundle" => self.read_bundle(file, line, text, sink),
            Ok(kind) => {
                let place = Place { source: sink.source(), line, entry: 0 };
                self.read_resource(file, (line, place), &kind, text, None, None, sink)
            }
            Err(NO_RESOURCE_TYPE) if is_of_the_export_itself(text) => {
                sink.ignore("bulk export", "its log or manifest, not a resource");
                Ok(())
            }
            Err(reason) => {
                reject(sink, file, line, "", reason);
                Ok(())
            }
        }
    }

    fn read_bundle(&self, file: &str, line: u64, text: &str, sink: &mut dyn Sink) -> io::Result<()> {
        let bundle: Bundle<'_> = match json::parse(text) {
            Ok(bundle) => bundle,
            Err(reason) => {
                reject(sink, file, line, "Bundle", reason);
                return Ok(());
            }
        };
        let source = sink.source();
        let held = bundle.held();
        let index = BundleIndex::new(&held);
        let place = |number| Place { source, line, entry: number };
        let mut number = 0;
        for held in &held {
            let resource = match held {
                Held::Resource(resource) => resource,
                Held::Deletion(deletion) => {
                    self.read_deletion(file, line, deletion, place(deletion.number), sink);
                    continue;
                }
                Held::Nothing => {
                    sink.ignore("Bundle", "an entry without a resource");
                    continue;
                }
            };
            number += 1;
            match &resource.kind {
                Ok(kind) => {
                    let standing = (number, place(resource.number));
                    self.read_resource(
                        file,
                        standing,
                        kind,
                        resource.text,
                        Some(&index),
                        Some(resource),
                        sink,
                    )?;
                }
                Err(reason) => reject(sink, file, number, "Bundle", reason),
            }
        }
        Ok(())
    }

    /// Notes that a resource is no more: what came before of it is withdrawn, whoever's it is.
    fn read_deletion(&self, file: &str, line: u64, deletion: &Deletion, place: Place, sink: &mut dyn Sink) {
        sink.read();
        let named = deletion.of.as_ref().and_then(|(kind, id)| Some((resource::known_type(kind)?, id)));
        let Some((kind, id)) = named else {
            return reject(sink, file, line, "Bundle", "a deletion that names no resource");
        };
        let Stamp { updated, number } = deletion.stamp;
        let version = Version { resource: record::identity(kind, id), updated, number, place };
        match self.withdraw(version) {
            true => sink.ignore(kind, "deleted: the versions before count no more"),
            false => reject(sink, file, line, "Bundle", "more deletions than may be kept"),
        }
    }

    fn withdraw(&self, version: Version) -> bool {
        let mut withdrawn = self.withdrawn.write().unwrap_or_else(PoisonError::into_inner);
        let room = withdrawn.held < self.limits.max_deletions;
        if room {
            withdrawn.held += 1;
            withdrawn.of.entry(version.resource).or_default().push(version);
        }
        room
    }

    /// Adds what withdrew a resource without naming its subject.
    pub(crate) fn withdrawn(&self, resource: u64, versions: &mut Vec<Version>) {
        let withdrawn = self.withdrawn.read().unwrap_or_else(PoisonError::into_inner);
        versions.extend(withdrawn.of.get(&resource).into_iter().flatten());
    }

    #[expect(clippy::too_many_arguments, reason = "where the resource stands, and what it is")]
    fn read_resource(
        &self,
        file: &str,
        (line, place): (u64, Place),
        kind: &str,
        text: &str,
        bundle: Option<&BundleIndex>,
        entry: Option<&Resource<'_>>,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let url_id = match entry.and_then(|entry| entry.full_url).map(target) {
            Some(Target::Resource { id, .. }) => Some(id),
            _ => None,
        };
        let Some(kind) = resource::known_type(kind) else {
            reject(sink, file, line, "", "not a resource type of FHIR R4");
            return Ok(());
        };
        sink.read();
        let mut record = Record::new(file, (line, place), kind, bundle, entry, sink);
        if self.identities {
            identities::read(&mut record, text, url_id, &self.directory, self.limits.max_directory)?;
        }
        let read = match kind {
            "AllergyIntolerance" => condition::read_allergy(&mut record, text),
            "CarePlan" => care::read_care_plan(&mut record, text),
            "Condition" => condition::read(&mut record, text),
            "Coverage" => patient::read_coverage(&mut record, text),
            "DiagnosticReport" => document::read_report(&mut record, text),
            "DocumentReference" => document::read(&mut record, text),
            "Encounter" => encounter::read(&mut record, text).and_then(|stay| self.note_stay(&record, stay)),
            "FamilyMemberHistory" => condition::read_family_history(&mut record, text),
            "ImagingStudy" => care::read_imaging_study(&mut record, text),
            "Immunization" => care::read_immunization(&mut record, text),
            "Medication" => medication::define(&mut record, text).and_then(|(id, chosen)| {
                let (chosen, said) = chosen.map_or_else(|halt| (None, Err(halt)), |chosen| (chosen, Ok(())));
                self.define(id, record.version().unwrap_or_default(), chosen)?;
                said
            }),
            "MedicationAdministration" => medication::read_administration(&mut record, text),
            "MedicationDispense" => medication::read_dispense(&mut record, text),
            "MedicationRequest" => medication::read_request(&mut record, text),
            "MedicationStatement" => medication::read_statement(&mut record, text),
            "Observation" => observation::read(&mut record, text),
            "Patient" => patient::read(&mut record, text, url_id),
            "Procedure" => care::read_procedure(&mut record, text),
            "ServiceRequest" => care::read_service_request(&mut record, text),
            "Device" => Err(Halt::Ignore("says no time at which it was put to use")),
            _ => Err(Halt::Ignore("resource type is not read")),
        };
        if !matches!(read, Err(Halt::Sink(_))) && resource::gives_facts(kind) {
            // What was withdrawn needs no subject; anything else without one is rejected.
            let of_nobody = record.nothing_came(text, url_id)?;
            if let (Some(version), Err(Halt::Ignore(_))) = (of_nobody, &read)
                && !self.withdraw(version)
            {
                record.reject("", "more deletions than may be kept");
            }
        }
        match read {
            Ok(()) => Ok(()),
            Err(Halt::Reject { field, reason }) => {
                record.reject(field, reason);
                Ok(())
            }
            Err(Halt::Ignore(reason)) => {
                record.ignore(reason);
                Ok(())
            }
            Err(Halt::Sink(error)) => Err(error),
        }
    }

    /// Keeps a Medication for the references to it; of several with one id the newest is asked, whichever was read first. `None` was
    /// entered in error, or has no code.
    fn define(&self, id: String, version: Version, chosen: Option<Chosen>) -> Result<(), Halt> {
        let mut medications = self.medications.lock().unwrap_or_else(PoisonError::into_inner);
        let room = medications.held < self.limits.max_medications;
        let known = medications.of.entry(id).or_default();
        let is_copy = |(other, as_known): &&mut (Version, Option<Chosen>)| {
            (other.updated, other.number, as_known) == (version.updated, version.number, &mut chosen.clone())
        };
        if let Some((copy, _)) = known.iter_mut().find(is_copy) {
            copy.place = copy.place.max(version.place);
            return Ok(());
        }
        if !room {
            return record::reject("Medication.id", "more Medications than may be kept");
        }
        known.push((version, chosen));
        medications.held += 1;
        Ok(())
    }

    /// The code of the newest version of a Medication, unless it was entered in error or deleted.
    fn medication(&self, id: &str) -> Option<Chosen> {
        let medications = self.medications.lock().unwrap_or_else(PoisonError::into_inner);
        let known = medications.of.get(id)?;
        let mut versions: Vec<Version> = known.iter().map(|(version, _)| *version).collect();
        self.withdrawn(versions[0].resource, &mut versions);
        let newest = newest(&versions)?;
        known.iter().find(|(version, _)| *version == newest)?.1.clone()
    }

    fn note_stay(&self, record: &Record<'_>, stay: Option<(String, SourceTime)>) -> Result<(), Halt> {
        match stay.zip(record.version()) {
            Some(((id, end), version)) if !self.stays.note(&id, version, end, self.limits.max_stays) => {
                Err(Halt::Ignore("more stays than may be kept: its diagnoses stand where they were recorded"))
            }
            _ => Ok(()),
        }
    }

    /// Completes a fact that refers to a resource read elsewhere: a drug its Medication, a diagnosis its stay.
    pub(crate) fn complete(&self, fact: &mut SourceFact, settled: &Settled) -> Result<(), Rejection> {
        let event = match fact {
            SourceFact::Event(event) => event,
            SourceFact::Identity(identity) => {
                self.directory.complete(identity);
                return Ok(());
            }
            SourceFact::Label(_) => return Ok(()),
        };
        self.stays.complete(event, settled);
        if event.system != MEDICATION_REFERENCE {
            return Ok(());
        }
        match self.medication(event.code.as_str()) {
            Some(chosen) => {
                (event.system, event.code, event.display) = (chosen.system, chosen.code, chosen.display);
                Ok(())
            }
            None => Err(Rejection {
                file: String::new(),
                line: 0,
                kind: "Medication",
                field: event.path.to_string(),
                reason: "refers to a Medication without a code, retracted, or not among the sources",
            }),
        }
    }
}

/// Medications by their ids, with the code of each version.
#[derive(Default)]
struct Medications {
    held: usize,
    of: FxHashMap<String, Vec<(Version, Option<Chosen>)>>,
}

/// Rejects a line or an entry of which not even the resource is known, and counts it.
fn reject(sink: &mut dyn Sink, file: &str, line: u64, kind: &'static str, reason: &'static str) {
    sink.read();
    sink.reject(Rejection { file: file.to_owned(), line, kind, field: String::new(), reason });
}

pub(crate) fn is_json_by_name(table_name: &str) -> bool {
    [".json", ".ndjson", ".jsonl"].iter().any(|end| table_name.ends_with(end))
}

/// The line that a file's end cuts off, if these lines end with it: only the last line of a file lacks its end.
fn cut_off(first_line: u64, lines: &[u8]) -> Option<u64> {
    let last = lines.rsplit(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    let is_cut = last.starts_with(b"{") && !json::is_closed(last);
    is_cut.then(|| first_line + memchr::memchr_iter(b'\n', lines).count() as u64)
}

/// A bulk export comes with a log and a manifest beside its resources.
fn is_of_the_export_itself(text: &str) -> bool {
    ["exportId", "transactionTime"].iter().any(|key| sonic_rs::get(text, &[*key]).is_ok())
}
