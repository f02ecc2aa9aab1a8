//! What de-identification did, in counts by field and rule. Holds nothing of a record but words that many subjects
//! share.

use events::{Code, MICROS_PER_DAY, SourceFact, SourceSubject, SourceTime};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;

/// Distinct (code, words) pairs that are counted; later ones are ignored, so memory stays bounded.
const MOST_DESCRIPTIONS: usize = 1_000_000;
/// Distinct systems, of at most so many bytes, that are counted.
const MOST_SYSTEMS: usize = 10_000;
const LONGEST_SYSTEM: usize = 200;
/// Distinct days on which follow-up ends that are counted.
const MOST_DAYS: usize = 100_000;

/// A rule's name, in this program's words.
pub(crate) type Rule = Cow<'static, str>;
/// The rule that drops what the policy's allow-list doesn't name.
pub(crate) const FIELD_NOT_ALLOWED: Rule = Cow::Borrowed("field not allowed");

/// The vocabulary that has codes of all kinds.
const ALL_KINDS: &str = "SNOMED";
/// Fields, whole, whose codes are of what somebody has or had: in FHIR, OMOP and Synthea's tables.
const CONDITIONS: &[&str] = &[
    "Condition.code",
    "DiagnosticReport.conclusionCode",
    "Encounter.reasonCode",
    "condition_occurrence",
    "conditions",
    "encounters.reason",
];
/// What the fields of these begin with doesn't tell what their codes are of: MEDS has one for all, and a mapping makes its own.
const UNTOLD: [&str; 2] = ["meds.", "table."];

/// Counts by field and rule. Tallies of parts add up with [`Tally::merge`].
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Subjects that were de-identified.
    pub subjects: u64,
    /// Events that passed.
    pub events_kept: u64,
    /// Labels that passed.
    pub labels_kept: u64,
    /// Subjects with times that were moved because they tell of an age past the policy's oldest.
    pub ages_top_coded: u64,
    fields: FxHashMap<SmolStr, FieldTally>,
    /// How many subjects' follow-up ends on which day, in days since 1970. Of no output.
    followup_ends: FxHashMap<i64, u64>,
    /// Per code and what a source calls it: how many subjects.
    descriptions: Shared<(Code, SmolStr)>,
    /// Per code of [`ALL_KINDS`]: what fields say that it is.
    kinds: FxHashMap<Code, Kind>,
    /// Codes of patients' rows that passed by contract alone: how many subjects hold each.
    by_contract: Shared<Code>,
    /// How many codes, by system, were written without their dot and got one.
    dotted: BTreeMap<String, u64>,
    /// Systems that the policy doesn't name: how many subjects have codes of each.
    unnamed: Shared<SmolStr>,
}

/// What fields say that a code is, the weakest first: one that says a condition is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Something done, asked or used: a procedure, a visit's type, a plan, a device.
    Other,
    /// The field doesn't say.
    Untold,
    Condition,
}

/// How many subjects share what: a source's words, of which only those leave that enough share.
#[derive(Clone)]
struct Shared<T>(FxHashMap<T, u32>);

impl<T: Eq + Hash> Shared<T> {
    /// Counts so many subjects more; of new things no more than `most` are taken in.
    fn add(&mut self, thing: T, subjects: u32, most: usize) {
        if self.0.len() < most || self.0.contains_key(&thing) {
            *self.0.entry(thing).or_default() += subjects;
        }
    }

    /// What at least so many share, with how many they are; in no order.
    fn by(&self, subjects: u32) -> impl Iterator<Item = (&T, u32)> {
        self.0.iter().filter(move |(_, n)| **n >= subjects).map(|(thing, n)| (thing, *n))
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(FxHashMap::default())
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} counted", self.0.len())
    }
}

/// What became of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldTally {
    /// Events that passed.
    pub kept: u64,
    /// Events dropped, by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// Parts of events dropped or made broader (free text, units that are none), by rule; the event itself passed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trimmed: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn keep_event(&mut self, path: &SmolStr) {
        self.field(path).kept += 1;
    }

    pub(crate) fn drop_event(&mut self, path: &SmolStr, rule: &str) {
        count(&mut self.field(path).dropped, rule);
    }

    pub(crate) fn trim(&mut self, path: &SmolStr, rule: &str) {
        count(&mut self.field(path).trimmed, rule);
    }

    fn field(&mut self, path: &SmolStr) -> &mut FieldTally {
        self.fields.entry(path.clone()).or_default()
    }

    /// Notes on which day the source says that a subject's follow-up ends.
    pub(crate) fn end_of_followup(&mut self, source: &SourceSubject) {
        let last = source.facts.iter().filter_map(|fact| match fact {
            SourceFact::Event(event) if event.code == Code::FOLLOWUP_END => match event.time {
                SourceTime::Date(time) | SourceTime::DateTime(time) => Some(time),
                SourceTime::Static => None,
            },
            _ => None,
        });
        if let Some(last) = last.max()
            && self.followup_ends.len() < MOST_DAYS
        {
            *self.followup_ends.entry(last.micros().div_euclid(MICROS_PER_DAY)).or_default() += 1;
        }
    }

    /// Of the subjects whose follow-up ends, how many it ends for on the commonest day: that day plus a subject's
    /// offset is seen in the output, and who knows the day (of an export, say) knows the offset.
    pub fn subjects_whose_followup_ends_together(&self) -> (u64, u64) {
        let most = self.followup_ends.values().max().copied().unwrap_or(0);
        (most, self.followup_ends.values().sum())
    }

    /// What became of each field, by its path.
    pub fn by_field(&self) -> BTreeMap<String, FieldTally> {
        self.fields.iter().map(|(path, field)| (path.to_string(), field.clone())).collect()
    }

    /// Events dropped, by rule.
    pub fn dropped(&self) -> BTreeMap<String, u64> {
        let mut total = BTreeMap::new();
        for (path, field) in &self.fields {
            for (rule, n) in &field.dropped {
                let rule = match *rule == FIELD_NOT_ALLOWED {
                    true => format!("{rule}: {path}"),
                    false => rule.clone(),
                };
                *total.entry(rule).or_default() += n;
            }
        }
        total
    }

    /// Parts of events dropped, by rule.
    pub fn trimmed(&self) -> BTreeMap<String, u64> {
        let mut total = BTreeMap::new();
        for (rule, n) in self.fields.values().flat_map(|field| &field.trimmed) {
            *total.entry(rule.clone()).or_default() += n;
        }
        total
    }

    /// Counts one subject's codes and what the source calls them.
    pub(crate) fn describe(&mut self, seen: FxHashSet<(Code, SmolStr)>) {
        seen.into_iter().for_each(|pair| self.descriptions.add(pair, 1, MOST_DESCRIPTIONS));
    }

    /// Remembers what the field says that a code is.
    pub(crate) fn recorded(&mut self, path: &str, code: &Code) {
        if code.system() == ALL_KINDS {
            let kind = match path {
                _ if CONDITIONS.contains(&path) => Kind::Condition,
                _ if UNTOLD.iter().any(|prefix| path.starts_with(prefix)) => Kind::Untold,
                _ => Kind::Other,
            };
            match self.kinds.get_mut(code) {
                Some(known) => *known = kind.max(*known),
                None => drop(self.kinds.insert(code.clone(), kind)),
            }
        }
    }

    /// Is a code recorded only as something else than a condition? Of the one vocabulary whose codes don't tell: SNOMED CT has
    /// diseases, procedures and devices. `said` is what the source's own list of codes says, which counts where no field tells.
    pub fn is_procedure(&self, code: &str, said: bool) -> bool {
        match self.kinds.get(code) {
            Some(Kind::Condition) => false,
            Some(Kind::Other) => true,
            Some(Kind::Untold) => said,
            None => said && Code::new(code).system() == ALL_KINDS,
        }
    }

    /// Counts the systems, which the policy doesn't name, of one subject's codes.
    pub(crate) fn meet(&mut self, unnamed: FxHashSet<&str>) {
        let is_plain = |system: &&str| {
            system.len() <= LONGEST_SYSTEM && system.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        let short = unnamed.into_iter().filter(is_plain);
        short.for_each(|system| self.unnamed.add(SmolStr::new(system), 1, MOST_SYSTEMS));
    }

    /// Notes a code that may have got the dot that its source left out.
    pub(crate) fn may_have_got_a_dot(&mut self, source: &str, code: &Code) {
        if matches!(code.system(), "ICD10CM" | "ICD10" | "ICD9CM" | "ICD9PROC")
            && code.as_str().contains('.')
            && !source.contains('.')
        {
            count(&mut self.dotted, code.system());
        }
    }

    /// How many codes, by system, were written without their dot and got one: what only looks like one is among them.
    pub fn dotted(&self) -> &BTreeMap<String, u64> {
        &self.dotted
    }

    /// Counts one subject's codes that passed by contract alone.
    pub(crate) fn pass_by_contract(&mut self, codes: FxHashSet<Code>) {
        codes.into_iter().for_each(|code| self.by_contract.add(code, 1, MOST_DESCRIPTIONS));
    }

    /// How many codes of systems that the policy doesn't name passed, since a MEDS source or a mapping states them, and how many of them fewer
    /// subjects than so many hold. Of OMOP's none is counted: they come from its vocabulary.
    pub fn codes_by_contract(&self, subjects: u32) -> (u64, u64) {
        let all = self.by_contract.by(0).count();
        (all as u64, (all - self.by_contract.by(subjects).count()) as u64)
    }

    /// The systems, as readers call them, whose codes were dropped since the policy doesn't name them, with how many subjects had
    /// any: of those that at least so many had, the commonest first.
    pub fn systems_not_allowed(&self, subjects: u32) -> Vec<(SmolStr, u32)> {
        let mut systems: Vec<_> = self.unnamed.by(subjects).map(|(system, n)| (system.clone(), n)).collect();
        systems.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        systems
    }

    /// Adds another tally to this one.
    pub fn merge(&mut self, other: Tally) {
        self.subjects += other.subjects;
        self.events_kept += other.events_kept;
        self.labels_kept += other.labels_kept;
        self.ages_top_coded += other.ages_top_coded;
        for (day, n) in other.followup_ends {
            *self.followup_ends.entry(day).or_default() += n;
        }
        for (path, field) in other.fields {
            let mine = self.fields.entry(path).or_default();
            mine.kept += field.kept;
            for (rule, n) in field.dropped {
                *mine.dropped.entry(rule).or_default() += n;
            }
            for (rule, n) in field.trimmed {
                *mine.trimmed.entry(rule).or_default() += n;
            }
        }
        for (system, n) in other.dotted {
            *self.dotted.entry(system).or_default() += n;
        }
        for (code, n) in other.by_contract.0 {
            self.by_contract.add(code, n, MOST_DESCRIPTIONS);
        }
        for (system, n) in other.unnamed.0 {
            self.unnamed.add(system, n, MOST_SYSTEMS);
        }
        for (code, kind) in other.kinds {
            let known = self.kinds.entry(code).or_insert(kind);
            *known = kind.max(*known);
        }
        for (pair, n) in other.descriptions.0 {
            self.descriptions.add(pair, n, MOST_DESCRIPTIONS);
        }
    }

    /// The commonest words for each code that at least `subjects` subjects share, sorted by code.
    pub fn descriptions(&self, subjects: u32) -> BTreeMap<String, String> {
        let mut best: BTreeMap<&Code, (u32, &SmolStr)> = BTreeMap::new();
        for ((code, words), n) in self.descriptions.by(subjects) {
            let candidate = (n, words);
            let entry = best.entry(code).or_insert(candidate);
            // Ties by the words themselves, so that the result does not depend on hashing.
            if (n, std::cmp::Reverse(words)) > (entry.0, std::cmp::Reverse(entry.1)) {
                *entry = candidate;
            }
        }
        best.into_iter().map(|(code, (_, words))| (code.to_string(), words.to_string())).collect()
    }
}

fn count(counts: &mut BTreeMap<String, u64>, rule: &str) {
    match counts.get_mut(rule) {
        Some(n) => *n += 1,
        None => drop(counts.insert(rule.to_owned(), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a code is told to be that stands in these fields, and whether its source says "a procedure".
    fn is_procedure(paths: &[&str], said: bool) -> bool {
        let code = Code::of(ALL_KINDS, "22298006");
        let mut tally = Tally::default();
        for path in paths {
            let mut part = Tally::default();
            part.recorded(path, &code);
            tally.merge(part);
        }
        tally.is_procedure(code.as_str(), said)
    }

    #[test]
    fn a_disease_that_visits_are_for_is_a_condition() {
        for reason in ["encounters.reason", "Encounter.reasonCode", "conditions", "condition_occurrence"] {
            assert!(!is_procedure(&[reason], false), "{reason}");
            assert!(
                !is_procedure(&["procedures", "procedures", reason, "procedures"], true),
                "once is enough: {reason}"
            );
        }
        for other in [
            "encounters",
            "Encounter.type",
            "procedures",
            "Procedure.code",
            "procedure_occurrence",
            "careplans",
            "CarePlan.category",
            "devices",
            "device_exposure",
            "supplies",
            "imaging_studies",
            "ImagingStudy.procedureCode",
            "ServiceRequest.code",
        ] {
            assert!(is_procedure(&[other], false), "{other}");
        }
    }

    #[test]
    fn where_no_field_tells_the_source_s_list_of_codes_does() {
        for path in ["meds.code", "table.code"] {
            assert!(!is_procedure(&[path], false) && is_procedure(&[path], true));
            assert!(!is_procedure(&[path, "procedures"], false), "of which one may be a condition's");
        }
        assert!(!Tally::default().is_procedure("ICD10CM//I21", true), "its system tells");
    }
}
