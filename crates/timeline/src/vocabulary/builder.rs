//! A vocabulary from the training subjects, in one pass.

use super::{Entry, EntryKind, Vocabulary};
use crate::hierarchy::built_in_title;
use crate::record::Record;
use crate::values::Sketch;
use crate::{Error, Hierarchy, ValueDistribution};
use events::meds::CodeMetadata;
use events::{Code, Deidentified, Event, Subject};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

/// How a vocabulary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VocabularyOptions {
    /// How many training subjects a code needs for its own token, and its values in a unit for a distribution.
    /// Also a threshold of privacy: nothing that fewer subjects have is written down.
    pub minimum_subjects: u64,
    /// About how many knots a value distribution has.
    pub knots: usize,
    /// Whether broader codes get a token that no training event became, so that a code first met elsewhere
    /// lands near its meaning.
    pub unused_groups: bool,
    /// Distinct codes that are counted one by one; those met after that many count for their broader codes
    /// alone. Bounds memory at roughly 300 bytes a code, besides values.
    pub maximum_codes: usize,
    /// Units of a code whose values are described; values in later ones have no rank.
    pub maximum_units: usize,
}

impl Default for VocabularyOptions {
    fn default() -> Self {
        VocabularyOptions {
            minimum_subjects: 10,
            knots: 128,
            unused_groups: true,
            maximum_codes: 1 << 22,
            maximum_units: 16,
        }
    }
}

/// Counts training subjects one by one, in memory bounded by the number of distinct codes.
///
/// The order of the subjects matters only to the last digits of value ranks of codes with more than 1,024
/// values; the same order gives the same vocabulary.
pub struct VocabularyBuilder {
    options: VocabularyOptions,
    hierarchy: Hierarchy,
    descriptions: FxHashMap<SmolStr, String>,
    procedures: FxHashSet<SmolStr>,
    ids: FxHashMap<Code, usize>,
    tracked: Vec<Tracked>,
    death: Tracked,
    subjects: u64,
    /// Events of codes that came after `maximum_codes` others and have no broader code that is counted.
    unknown_events: u64,
}

/// One code, as far as it was counted.
#[derive(Default)]
struct Tracked {
    code: Option<Code>,
    /// Broader codes, nearest first; found when the code first occurs itself.
    ancestors: Option<Box<[usize]>>,
    /// Subjects who have the code itself.
    own: SubjectCount,
    /// Subjects who have the code or one beneath it.
    beneath: SubjectCount,
    events: u64,
    undated_events: u64,
    values: Vec<UnitValues>,
}

struct UnitValues {
    unit: Option<SmolStr>,
    subjects: SubjectCount,
    sketch: Sketch,
}

/// Counts each subject once, as long as a subject's events come together.
#[derive(Clone, Copy, Default)]
struct SubjectCount {
    count: u64,
    last: u64,
}

impl SubjectCount {
    fn see(&mut self, subject: u64) {
        if self.last != subject {
            self.last = subject;
            self.count += 1;
        }
    }
}

impl VocabularyBuilder {
    /// A builder that knows the data set's code metadata (`metadata/codes.parquet`).
    ///
    /// # Errors
    /// When an option is out of range.
    pub fn new<'a>(
        options: VocabularyOptions,
        metadata: impl IntoIterator<Item = &'a CodeMetadata> + Clone,
    ) -> Result<Self, Error> {
        let refuse = |option, problem| Err(Error::Options { option, problem });
        if options.minimum_subjects == 0 {
            return refuse("minimum_subjects", "must be at least 1");
        }
        if !(8..=1024).contains(&options.knots) {
            return refuse("knots", "must be between 8 and 1024");
        }
        if options.maximum_codes == 0 || u32::try_from(options.maximum_codes).is_err() {
            return refuse("maximum_codes", "must be between 1 and 4294967295");
        }
        let descriptions = metadata
            .clone()
            .into_iter()
            .filter_map(|code| Some((SmolStr::new(&code.code), code.description.clone()?)))
            .collect();
        let procedures = metadata.clone().into_iter().filter(|code| code.is_procedure);
        let procedures = procedures.map(|code| SmolStr::new(&code.code)).collect();
        Ok(VocabularyBuilder {
            options,
            hierarchy: Hierarchy::new(metadata),
            descriptions,
            procedures,
            ids: FxHashMap::default(),
            tracked: Vec::new(),
            death: Tracked::default(),
            subjects: 0,
            unknown_events: 0,
        })
    }

    /// Counts one training subject. Nobody of the other splits may come here.
    pub fn push(&mut self, subject: &Deidentified<Subject>) {
        self.subjects += 1;
        let record = Record::of(subject, None);
        for event in record.facts() {
            self.count(event);
        }
        if record.death.is_some() {
            self.death.own.see(self.subjects);
            self.death.events += 1;
        }
    }

    fn count(&mut self, event: &Event) {
        let subject = self.subjects;
        let Some(id) = self.id_of(&event.code) else {
            self.count_untracked(&event.code);
            return;
        };
        self.expand(id);
        let tracked = &mut self.tracked[id];
        tracked.events += 1;
        tracked.undated_events += u64::from(event.time.is_none());
        if tracked.own.last != subject {
            tracked.own.see(subject);
            tracked.beneath.see(subject);
            let ancestors = tracked.ancestors.take();
            for &ancestor in ancestors.iter().flatten() {
                self.tracked[ancestor].beneath.see(subject);
            }
            self.tracked[id].ancestors = ancestors;
        }
        if let Some(value) = event.numeric_value.filter(|value| value.is_finite()) {
            self.tracked[id].see_value(value, event.unit.as_ref(), subject, self.options.maximum_units);
        }
    }

    /// The event counts for its nearest broader code that is known, the subject for all of them.
    fn count_untracked(&mut self, code: &Code) {
        let known = self.hierarchy.ancestors(code.as_str());
        let mut known =
            known.iter().filter_map(|ancestor| self.ids.get(ancestor.as_str()).copied()).peekable();
        match known.peek() {
            Some(&nearest) => self.tracked[nearest].events += 1,
            None => self.unknown_events += 1,
        }
        for ancestor in known {
            self.tracked[ancestor].beneath.see(self.subjects);
        }
    }

    fn id_of(&mut self, code: &Code) -> Option<usize> {
        if let Some(&id) = self.ids.get(code) {
            return Some(id);
        }
        if self.tracked.len() >= self.options.maximum_codes || code.as_str().is_empty() {
            return None;
        }
        let id = self.tracked.len();
        self.tracked.push(Tracked { code: Some(code.clone()), ..Tracked::default() });
        self.ids.insert(code.clone(), id);
        Some(id)
    }

    fn expand(&mut self, id: usize) {
        if self.tracked[id].ancestors.is_none()
            && let Some(code) = self.tracked[id].code.clone()
        {
            let ancestors = self.hierarchy.ancestors(code.as_str());
            let ids = ancestors.iter().filter_map(|ancestor| self.id_of(&Code::new(ancestor))).collect();
            self.tracked[id].ancestors = Some(ids);
        }
    }

    /// The vocabulary.
    ///
    /// # Errors
    /// [`Error::NoTrainingSubjects`] when nobody was counted.
    pub fn finish(mut self) -> Result<Vocabulary, Error> {
        if self.subjects == 0 {
            return Err(Error::NoTrainingSubjects);
        }
        let least = self.options.minimum_subjects;
        let enters = |tracked: &Tracked| {
            let code = tracked.code.as_ref().map_or("", Code::as_str);
            tracked.beneath.count >= least && !Vocabulary::RESERVED.contains(&code)
        };
        let entered: Vec<bool> = self.tracked.iter().map(enters).collect();
        let tokens = self.tokens_by_target(&entered);

        let mut order: Vec<usize> = (0..self.tracked.len())
            .filter(|&id| entered[id] && (self.options.unused_groups || tokens[id].events > 0))
            .collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&self.tracked[a], &self.tracked[b]);
            b.beneath.count.cmp(&a.beneath.count).then_with(|| a.code.cmp(&b.code))
        });
        let first = Vocabulary::RESERVED.len();
        let index: FxHashMap<SmolStr, u32> = order
            .iter()
            .enumerate()
            .filter_map(|(at, &id)| {
                Some((SmolStr::new(self.tracked[id].code.as_ref()?.as_str()), (first + at) as u32))
            })
            .collect();

        let mut entries = self.reserved_entries();
        for &id in &order {
            let tracked = std::mem::take(&mut self.tracked[id]);
            if let Some(entry) = self.entry(tracked, &tokens[id], &index) {
                entries.push(entry);
            }
        }
        cut_cycles(&mut entries);
        Vocabulary::new(entries, Vec::new(), Vec::new(), least, self.subjects)
    }

    /// How many events, and undated events, each entered code stands for.
    fn tokens_by_target(&mut self, entered: &[bool]) -> Vec<Tokens> {
        let mut tokens = vec![Tokens::default(); self.tracked.len()];
        for (id, tracked) in self.tracked.iter().enumerate() {
            let ancestors = tracked.ancestors.iter().flatten().copied();
            match std::iter::once(id).chain(ancestors).find(|&target| entered[target]) {
                Some(target) => {
                    tokens[target].events += tracked.events;
                    tokens[target].undated += tracked.undated_events;
                }
                None => self.unknown_events += tracked.events,
            }
        }
        tokens
    }

    fn reserved_entries(&self) -> Vec<Entry> {
        let descriptions = ["time passes", "the record ends", "a code of an unknown system", "death"];
        let counts = [(0, 0), (0, 0), (0, self.unknown_events), (self.death.own.count, self.death.events)];
        Vocabulary::RESERVED
            .iter()
            .zip(descriptions)
            .zip(counts)
            .map(|((code, description), (subjects, events))| Entry {
                code: Code::new(code),
                description: Some(description.to_owned()),
                parent: None,
                kind: EntryKind::Special,
                subjects,
                events,
                values: Vec::new(),
                is_procedure: false,
            })
            .collect()
    }

    fn entry(&self, tracked: Tracked, tokens: &Tokens, index: &FxHashMap<SmolStr, u32>) -> Option<Entry> {
        let least = self.options.minimum_subjects;
        let code = tracked.code?;
        let kind = if tokens.events > 0 && tokens.undated == tokens.events {
            EntryKind::Static
        } else if tracked.own.count >= least {
            EntryKind::Event
        } else {
            EntryKind::Group
        };
        let parent = self.hierarchy.ancestors(code.as_str()).iter().find_map(|a| index.get(a).copied());
        let description = self.descriptions.get(code.as_str()).cloned();
        let mut values: Vec<ValueDistribution> = tracked
            .values
            .into_iter()
            .filter(|unit| unit.subjects.count >= least)
            .map(|u| ValueDistribution::from_sketch(&u.sketch, u.unit, u.subjects.count, self.options.knots))
            .collect();
        values.sort_by(|a, b| a.unit.cmp(&b.unit));
        Some(Entry {
            description: description.or_else(|| built_in_title(code.as_str()).map(str::to_owned)),
            parent,
            kind,
            subjects: tracked.beneath.count,
            events: tokens.events,
            values,
            is_procedure: self.procedures.contains(code.as_str()),
            code,
        })
    }
}

#[derive(Clone, Copy, Default)]
struct Tokens {
    events: u64,
    undated: u64,
}

impl Tracked {
    fn see_value(&mut self, value: f32, unit: Option<&SmolStr>, subject: u64, maximum_units: usize) {
        let at = self.values.iter().position(|values| values.unit.as_ref() == unit);
        let at = match at {
            Some(at) => at,
            None if self.values.len() < maximum_units => {
                self.values.push(UnitValues {
                    unit: unit.cloned(),
                    subjects: SubjectCount::default(),
                    sketch: Sketch::default(),
                });
                self.values.len() - 1
            }
            None => return,
        };
        self.values[at].subjects.see(subject);
        self.values[at].sketch.insert(value);
    }
}

/// A data set's metadata may say that two codes are each broader than the other; the climb then ends at the
/// one whose parent comes later in the vocabulary.
fn cut_cycles(entries: &mut [Entry]) {
    let mut state = vec![0u32; entries.len()];
    for start in 0..entries.len() {
        let mark = start as u32 + 1;
        let mut at = start;
        while state[at] == 0 {
            state[at] = mark;
            match entries[at].parent.map(|parent| parent as usize) {
                Some(parent) if state[parent] == mark => entries[at].parent = None,
                Some(parent) => at = parent,
                None => {}
            }
        }
    }
}
