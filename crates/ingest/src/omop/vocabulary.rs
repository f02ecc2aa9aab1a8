//! OMOP's vocabulary tables, packed: concept id → `SYSTEM//code`, what it means, and what it is a kind of.
//!
//! A full Athena download has 6–9 million concepts. Held here are 16 bytes and the code per concept, the names in
//! compressed blocks, and 8 bytes per parent, whatever the number of patients. Measured: 6 million concepts (a
//! `concept` file of 644 MB) take 473 MB at their peak and 5 s to load; `concept_relationship` adds up to 256 MB.

use crate::{
    Error, Sink, codes,
    rows::{Reason, Row},
};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Concepts from here on are a site's own.
const FIRST_LOCAL_CONCEPT: u32 = 2_000_000_000;
/// Parents beyond this number are left out (256 MB; Athena's `Is a` and `Maps to` are about 20 million).
const MAX_PARENTS: usize = 32 << 20;
const NAMES_PER_BLOCK: usize = 4096;
/// Consecutive ids that share an entry of the page index.
const PAGE_BITS: u32 = 8;

/// Standard concepts that every CDM uses, whether or not its `concept` table was exported whole.
const STANDARD: &[(u32, &str, &str, &str)] = &[
    (8507, "Gender", "M", "Male"),
    (8532, "Gender", "F", "Female"),
    (8515, "Race", "2", "Asian"),
    (8516, "Race", "3", "Black or African American"),
    (8527, "Race", "5", "White"),
    (8557, "Race", "4", "Native Hawaiian or Other Pacific Islander"),
    (8657, "Race", "1", "American Indian or Alaska Native"),
    (9201, "Visit", "IP", "Inpatient Visit"),
    (9202, "Visit", "OP", "Outpatient Visit"),
    (9203, "Visit", "ER", "Emergency Room Visit"),
    (262, "Visit", "ERIP", "Emergency Room and Inpatient Visit"),
    (38_003_563, "Ethnicity", "Hispanic", "Hispanic or Latino"),
    (38_003_564, "Ethnicity", "Not Hispanic", "Not Hispanic or Latino"),
];

/// Collects vocabulary tables, in any order.
#[derive(Default)]
pub(crate) struct Builder {
    concepts: Concepts,
    vocabulary_ids: FxHashMap<String, u16>,
    block: Vec<u8>,
    parents: Vec<(u32, u32)>,
}

/// The packed vocabulary. Looking a concept up marks it as used, so that only codes that occur are described.
#[derive(Default)]
pub(crate) struct Concepts {
    /// In order of id, once built.
    entries: Vec<Entry>,
    /// First entry of each page of ids, and how many.
    pages: FxHashMap<u32, (u32, u32)>,
    systems: Vec<SmolStr>,
    codes: Vec<u8>,
    names: Vec<Vec<u8>>,
    /// Child and parent, as entry numbers, in order.
    parents: Vec<(u32, u32)>,
    used: Vec<AtomicU64>,
    /// Where what isn't here may be.
    held: Option<Arc<Concepts>>,
}

#[derive(Clone, Copy)]
struct Entry {
    id: u32,
    /// Start of the code in `codes`.
    code: u32,
    /// Which concept this was when read: its name is number `position` over all blocks.
    position: u32,
    system: u16,
    code_length: u8,
}

/// A concept as events carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Concept {
    pub(crate) system: SmolStr,
    pub(crate) code: SmolStr,
}

impl Builder {
    /// One row of `concept`.
    pub(crate) fn concept(
        &mut self,
        row: &dyn Row,
        columns: &ConceptColumns,
    ) -> Result<(), (&'static str, Reason)> {
        let id = row.integer(columns.id).map_err(|reason| ("concept_id", reason))?.unwrap_or(0);
        // Concept 0 is "no matching concept", and means no code.
        let Ok(id) = u32::try_from(id) else { return Err(("concept_id", "id out of range")) };
        if id == 0 {
            return Ok(());
        }
        let vocabulary =
            row.text(columns.vocabulary).map_err(|reason| ("vocabulary_id", reason))?.unwrap_or_default();
        let code = row.text(columns.code).map_err(|reason| ("concept_code", reason))?.unwrap_or_default();
        // A name only describes: one that isn't UTF-8 is left out, and the concept stays.
        let name = row.text(columns.name).ok().flatten().unwrap_or_default();
        self.add(id, &vocabulary, &code, &name)
    }

    fn add(
        &mut self,
        id: u32,
        vocabulary: &str,
        code: &str,
        name: &str,
    ) -> Result<(), (&'static str, Reason)> {
        if vocabulary.is_empty() || code.is_empty() {
            return Err(("concept_code", crate::rows::EMPTY));
        }
        let (system, code) = match codes::known_system(vocabulary) {
            // A site's own vocabulary is named as the site names it.
            None if id >= FIRST_LOCAL_CONCEPT => (SmolStr::new(vocabulary), SmolStr::new(code)),
            _ => codes::harmonise(vocabulary, code),
        };
        let code_length =
            u8::try_from(code.len()).map_err(|_| ("concept_code", "code longer than 255 bytes"))?;
        let start = u32::try_from(self.concepts.codes.len())
            .map_err(|_| ("concept", "vocabulary larger than 4 GB"))?;
        let system = match self.vocabulary_ids.get(system.as_str()) {
            Some(known) => *known,
            None => {
                let next = u16::try_from(self.concepts.systems.len())
                    .map_err(|_| ("vocabulary_id", "more than 65,536"))?;
                self.vocabulary_ids.insert(system.to_string(), next);
                self.concepts.systems.push(system);
                next
            }
        };
        let position = self.concepts.entries.len() as u32; // bounded by `codes` above: each has at least one byte
        self.concepts.codes.extend_from_slice(code.as_bytes());
        self.concepts.entries.push(Entry { id, code: start, position, system, code_length });
        self.block.extend_from_slice(name.as_bytes());
        self.block.push(0);
        if (position as usize + 1).is_multiple_of(NAMES_PER_BLOCK) {
            self.close_block();
        }
        Ok(())
    }

    fn close_block(&mut self) {
        // Compression into memory fails only when memory does; names are then empty, codes still right.
        self.concepts.names.push(zstd::bulk::compress(&self.block, 1).unwrap_or_default());
        self.block.clear();
    }

    /// Has no row of `concept` been taken?
    pub(crate) fn is_empty(&self) -> bool {
        self.concepts.entries.is_empty()
    }

    /// "`child` is a kind of `parent`", or "`child` maps to `parent`".
    pub(crate) fn parent(&mut self, child: i64, parent: i64) {
        if let (Ok(child), Ok(parent)) = (u32::try_from(child), u32::try_from(parent))
            && child != parent
            && child != 0
            && parent != 0
            && self.parents.len() < MAX_PARENTS
        {
            self.parents.push((child, parent));
        }
    }

    /// Sorts and indexes what was collected.
    pub(crate) fn build(mut self) -> Concepts {
        for (id, vocabulary, code, name) in STANDARD {
            let _ = self.add(*id, vocabulary, code, name); // a row of the export itself stands first and wins
        }
        self.close_block();
        let mut concepts = self.concepts;
        concepts.entries.sort_unstable_by_key(|entry| (entry.id, entry.position));
        concepts.entries.dedup_by_key(|entry| entry.id);
        concepts.entries.shrink_to_fit();
        concepts.codes.shrink_to_fit();
        for (at, entry) in concepts.entries.iter().enumerate() {
            concepts.pages.entry(entry.id >> PAGE_BITS).or_insert((at as u32, 0)).1 += 1;
        }
        concepts.used = (0..concepts.entries.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let mut parents = std::mem::take(&mut self.parents);
        parents.retain_mut(|(child, parent)| match (concepts.find(*child), concepts.find(*parent)) {
            (Some(c), Some(p)) => {
                (*child, *parent) = (c as u32, p as u32);
                true
            }
            _ => false,
        });
        parents.sort_unstable();
        parents.dedup();
        parents.shrink_to_fit();
        concepts.parents = parents;
        concepts
    }
}

/// Where the columns of `concept` stand.
pub(crate) struct ConceptColumns {
    pub(crate) id: usize,
    pub(crate) name: usize,
    pub(crate) vocabulary: usize,
    pub(crate) code: usize,
}

impl Concepts {
    /// The concept of an id: `None` for 0 and for ids that the vocabulary tables lack.
    pub(crate) fn get(&self, id: i64) -> Option<Concept> {
        let Some(at) = self.find(u32::try_from(id).ok()?) else { return self.held.as_ref()?.get(id) };
        // Relaxed: only read after all readers are done.
        let mask = 1 << (at % 64);
        if self.used[at / 64].load(Ordering::Relaxed) & mask == 0 {
            self.used[at / 64].fetch_or(mask, Ordering::Relaxed);
        }
        Some(self.concept(at))
    }

    /// The same, with another vocabulary for what isn't in this one.
    pub(crate) fn above(self, held: Option<Arc<Concepts>>) -> Self {
        Concepts { held, ..self }
    }

    /// As [`Concepts::get`], of the first id that is known.
    pub(crate) fn first(&self, ids: [Option<i64>; 2]) -> Option<Concept> {
        ids.into_iter().flatten().find_map(|id| self.get(id))
    }

    /// As [`Concepts::get`], of the first id whose code is of a vocabulary that all share and has its shape; where none is, of the first
    /// that is known.
    pub(crate) fn finest(&self, ids: [Option<i64>; 2]) -> Option<Concept> {
        let is_shared = |id: &i64| {
            self.peek(*id).is_some_and(|concept| {
                events::vocabulary_shape(&concept.system).is_some_and(|fits| fits(&concept.code))
            })
        };
        match ids.into_iter().flatten().find(is_shared) {
            Some(id) => self.get(id),
            None => self.first(ids),
        }
    }

    /// As [`Concepts::get`], without marking it as used.
    fn peek(&self, id: i64) -> Option<Concept> {
        match self.find(u32::try_from(id).ok()?) {
            Some(at) => Some(self.concept(at)),
            None => self.held.as_ref()?.peek(id),
        }
    }

    fn find(&self, id: u32) -> Option<usize> {
        let (start, length) = *self.pages.get(&(id >> PAGE_BITS))?;
        let (start, length) = (start as usize, length as usize);
        self.entries[start..start + length]
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()
            .map(|at| start + at)
    }

    fn concept(&self, at: usize) -> Concept {
        let entry = self.entries[at];
        Concept {
            system: self.systems[usize::from(entry.system)].clone(),
            code: SmolStr::new(self.code_of(entry)),
        }
    }

    fn code_of(&self, entry: Entry) -> &str {
        let start = entry.code as usize;
        // Written from a &str by `add`.
        std::str::from_utf8(&self.codes[start..start + usize::from(entry.code_length)]).unwrap_or_default()
    }

    fn whole(&self, at: usize) -> SmolStr {
        let entry = self.entries[at];
        codes::whole(&self.systems[usize::from(entry.system)], self.code_of(entry))
    }

    fn parents_of(&self, at: usize) -> impl Iterator<Item = usize> {
        let start = self.parents.partition_point(|(child, _)| (*child as usize) < at);
        self.parents[start..]
            .iter()
            .take_while(move |(child, _)| *child as usize == at)
            .map(|(_, p)| *p as usize)
    }

    /// Describes every concept that was looked up, and what those are kinds of, up to the top.
    pub(crate) fn describe_used(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        let mut wanted: Vec<bool> = (0..self.entries.len())
            .map(|at| self.used[at / 64].load(Ordering::Relaxed) >> (at % 64) & 1 == 1)
            .collect();
        let mut frontier: Vec<usize> = (0..wanted.len()).filter(|at| wanted[*at]).collect();
        while let Some(at) = frontier.pop() {
            for parent in self.parents_of(at) {
                if !std::mem::replace(&mut wanted[parent], true) {
                    frontier.push(parent);
                }
            }
        }
        let mut by_block: Vec<usize> = (0..wanted.len()).filter(|at| wanted[*at]).collect();
        by_block.sort_by_key(|at| self.entries[*at].position);
        let mut open: Option<(usize, Vec<u8>)> = None;
        for at in by_block {
            let position = self.entries[at].position as usize;
            let block = position / NAMES_PER_BLOCK;
            if open.as_ref().is_none_or(|(number, _)| *number != block) {
                open = Some((block, self.names.get(block).map(|b| inflate(b)).unwrap_or_default()));
            }
            let names = open.as_ref().map_or(&[][..], |(_, names)| names);
            let name = names.split(|b| *b == 0).nth(position % NAMES_PER_BLOCK).unwrap_or_default();
            let mut parents: Vec<String> =
                self.parents_of(at).map(|parent| self.whole(parent).to_string()).collect();
            parents.sort();
            parents.dedup();
            sink.describe(&self.whole(at), &String::from_utf8_lossy(name), &parents);
        }
        Ok(())
    }
}

fn inflate(block: &[u8]) -> Vec<u8> {
    let mut names = Vec::new();
    match zstd::stream::copy_decode(block, &mut names) {
        Ok(()) => names,
        Err(_) => Vec::new(), // made by `close_block`, in this process
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::Collected;

    #[test]
    fn look_up_describe_and_climb() {
        let mut builder = Builder::default();
        for id in (1..20_000u32).rev() {
            builder.add(id, "SNOMED", &format!("s{id}"), &format!("name {id}")).unwrap();
        }
        builder.add(2_000_000_007, "My Ward/Codes", "x", "local").unwrap();
        builder.add(40, "LOINC", "later", "a second row for one id").unwrap();
        builder.parent(77, 5);
        builder.parent(5, 3);
        builder.parent(5, 999_999);
        let concepts = builder.build();
        assert_eq!(concepts.get(0), None);
        assert_eq!(concepts.get(-1), None);
        assert_eq!(concepts.get(30_000), None);
        assert_eq!(concepts.get(40).unwrap().code, "s40");
        assert_eq!(concepts.get(8532).unwrap().code, "s8532", "the export's own row wins");
        assert_eq!(
            concepts.get(38_003_563).map(|c| codes::whole(&c.system, &c.code)).as_deref(),
            Some("ETHNICITY//HISPANIC")
        );
        assert_eq!(concepts.get(2_000_000_007).unwrap().system, "My Ward/Codes");
        assert_eq!(concepts.first([Some(0), Some(77)]).unwrap().code, "s77");
        let mut sink = Collected::default();
        concepts.describe_used(&mut sink).unwrap();
        let (name, parents) = &sink.descriptions["SNOMED//s77"];
        assert_eq!((name.as_str(), parents.as_slice()), ("name 77", &["SNOMED//s5".to_owned()][..]));
        assert_eq!(sink.descriptions["SNOMED//s5"].1, ["SNOMED//s3"]);
        assert_eq!(sink.descriptions.len(), 7, "{:?}", sink.descriptions.keys());
    }
}
