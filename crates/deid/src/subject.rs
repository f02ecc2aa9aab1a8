//! One subject through the policy.

use crate::dates::{self, Dates};
use crate::key::{Derivation, KeyError};
use crate::life::{AHEAD, APART, Life, Refused, TOO_LATE};
use crate::notes::{self, Notes};
use crate::numbers::Numbers;
use crate::policy::{DateMethod, Identifier, Zip};
use crate::rare::{Holders, Verdicts};
use crate::tally::{FIELD_NOT_ALLOWED, Rule};
use crate::text::{Cleaner, Scratch, Settings, Treatment};
use crate::{Key, Policy, Tally, ages, codes, units, zip3};
use events::{
    Code, Deidentified, Event, Identified, Label, SourceEvent, SourceFact, SourceSubject, SourceValue,
    Subject, Time,
};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;
use std::sync::OnceLock;

/// What labels are counted under that don't pass.
const LABEL: SmolStr = SmolStr::new_static("label");
const HOLDS_A_DATE: &str = "code that passes by contract alone, and holds a date";
const END: SmolStr = SmolStr::new_static("followup_end");
/// Longest description that is counted, in bytes.
const LONGEST_DESCRIPTION: usize = 200;

/// Applies one policy with one key.
pub struct Deidentifier {
    policy: Policy,
    derivation: Derivation,
    numbers: Option<Numbers>,
    /// Where the policy lets text pass.
    cleaner: Option<(Cleaner, Treatment)>,
    /// Which codes enough subjects hold, once they were counted.
    verdicts: OnceLock<Verdicts>,
    /// When the sources were taken at the latest, if that is known.
    taken: Option<Time>,
}

/// A subject's notes, and how many of them were read.
type NotesRead<'a> = (Notes<'a>, Scratch, usize);

/// A subject as it may be written, with the labels that its source stated.
#[derive(Clone, Debug, PartialEq)]
pub struct SafeRecord {
    /// The subject.
    pub subject: Subject,
    /// Task and label.
    pub labels: Vec<(SmolStr, Label)>,
}

impl Deidentifier {
    /// A policy with a key.
    ///
    /// # Errors
    /// When the policy wants random numbers, and the operating system gives none.
    pub fn new(policy: Policy, key: &Key) -> Result<Self, KeyError> {
        Self::with_known_numbers(policy, key, [])
    }

    /// A policy with a key, that goes on with the numbers which a crosswalk tells: only for policies whose
    /// numbers are random.
    ///
    /// # Errors
    /// As [`Deidentifier::new`].
    pub fn with_known_numbers(
        policy: Policy,
        key: &Key,
        known: impl IntoIterator<Item = (Box<str>, i64)>,
    ) -> Result<Self, KeyError> {
        let numbers = match policy.identifier() {
            Identifier::KeyedPseudonym => None,
            Identifier::Random => Some(Numbers::new(known)?),
        };
        let cleaner = notes::cleaner(&policy);
        Ok(Deidentifier {
            policy,
            derivation: key.derivation(),
            numbers,
            cleaner,
            verdicts: OnceLock::new(),
            taken: None,
        })
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The subject id that stands for a source key: 63 bits, never negative. Keyed or random, as the policy says.
    pub fn pseudonym(&self, source_key: &str) -> i64 {
        match &self.numbers {
            Some(numbers) => numbers.of(source_key),
            None => (self.derivation.number("pseudonym", source_key) >> 1) as i64,
        }
    }

    /// What stands for the id of a note: sixteen hexadecimal digits by the site's key, apart from those of subjects.
    pub fn note_pseudonym(&self, id: &str) -> String {
        format!("{:016x}", self.derivation.number("note-id", id))
    }

    /// The whole days that all dates of a subject are moved by, where the policy moves dates; else 0.
    pub fn offset_days(&self, source_key: &str) -> i32 {
        match self.policy.dates() {
            DateMethod::Shift => {
                self.policy.offsets().choose(self.derivation.number("date-shift", source_key))
            }
            DateMethod::YearOnly | DateMethod::AsIs => 0,
        }
    }

    /// Of sources that were taken by then at the latest: ends of follow-up and deaths of more than a year later are none, but in records
    /// that lie there as a whole. Unless that is known, nothing is refused for lying ahead.
    pub fn of_sources_taken(mut self, by: Time) -> Self {
        self.taken = Some(by);
        self
    }

    /// With other settings for what is looked for in text.
    pub fn looking_for(mut self, settings: Settings) -> Self {
        self.cleaner = self.cleaner.map(|(cleaner, treatment)| (cleaner.with(settings), treatment));
        self
    }

    /// How the notes of one subject are cleaned, by what the record says; `None` where the policy lets no text
    /// pass.
    pub fn notes<'a>(&'a self, record: &'a Identified<SourceSubject>) -> Option<Notes<'a>> {
        self.notes_of(record.expose())
    }

    fn notes_of<'a>(&'a self, source: &'a SourceSubject) -> Option<Notes<'a>> {
        let dates = notes::dates(&self.policy, self.dates_of(&source.key), self.refused(source), source);
        Some(Notes::new(self.cleaner.as_ref()?, dates, &self.derivation, source))
    }

    fn dates_of(&self, source_key: &str) -> Dates {
        Dates { method: self.policy.dates(), offset_days: self.offset_days(source_key) }
    }

    /// Who holds which code, for policies that let rare codes pass only as broader ones; else `None`. Every subject is
    /// to be looked at ([`Self::look`]) and [`Self::judge`] to be called before any is de-identified: until then no
    /// code passes. Where codes may come from a patient's row and pass by contract, those in words depend on others too: `paths` are those
    /// that the source's facts can have.
    pub fn holders(&self, paths: &[&str]) -> Option<Holders> {
        let has_words = paths.iter().any(|path| self.policy.is_contract_of_rows(path));
        (has_words || self.policy.asks_who_holds_codes()).then(|| Holders::new(self.policy.clone()))
    }

    /// The codes that a subject would be told with, if all were common, and the subject's number.
    pub fn look(&self, record: &Identified<SourceSubject>) -> (i64, FxHashSet<Code>) {
        let source = record.expose();
        let refused = self.refused(source);
        let codes = source.facts.iter().filter_map(|fact| match fact {
            SourceFact::Event(event)
                if refused.refuses(&event.code, notes::recorded(event.time)).is_none() =>
            {
                self.coded(event).ok().map(|(code, _)| code)
            }
            _ => None,
        });
        (self.pseudonym(&source.key), codes.collect())
    }

    /// Judges by who holds what. A second call changes nothing.
    pub fn judge(&self, holders: Holders) {
        let _ = self.verdicts.set(holders.verdicts());
    }

    /// Which dates of a record can't be: of one life, where the policy looks at ages.
    fn refused(&self, source: &SourceSubject) -> Refused {
        let looks_at_ages = self.policy.oldest_age_years().is_some();
        Refused::of(source, |path| self.policy.allows_field(path), (self.taken, looks_at_ages))
    }

    /// De-identifies one subject. What no rule allows is dropped and counted in `tally`.
    pub fn subject(&self, record: &Identified<SourceSubject>, tally: &mut Tally) -> Deidentified<SafeRecord> {
        let source = record.expose();
        let id = self.pseudonym(&source.key);
        let dates = self.dates_of(&source.key);
        let refused = self.refused(source);
        let mut notes =
            self.notes_of(source).filter(|_| notes::any(source)).map(|notes| (notes, Scratch::default(), 0));
        let mut events = Vec::with_capacity(source.facts.len());
        let mut labels = Vec::new();
        // As the source has them, before they move.
        let (mut last, mut ends) = (None, Vec::new());
        let (mut described, mut unnamed) = (FxHashSet::default(), FxHashSet::default());
        let mut by_contract = FxHashSet::default();
        for fact in &source.facts {
            match fact {
                SourceFact::Event(event) => {
                    match self.event_of(event, (refused, dates), notes.as_mut(), tally) {
                        Ok(safe) => {
                            if let Some(words) =
                                event.display.as_ref().filter(|w| w.len() <= LONGEST_DESCRIPTION)
                            {
                                described.insert((safe.code.clone(), words.clone()));
                            }
                            if let SourceValue::Concept { .. } = event.value {
                                unnamed.extend(self.systems_not_named(event));
                            }
                            match event.code == Code::FOLLOWUP_END {
                                true => ends.extend(notes::recorded(event.time)),
                                false => last = last.max(notes::recorded(event.time)),
                            }
                            if self.policy.is_contract_of_rows(&event.path)
                                && self.policy.is_unnamed(&safe.code)
                            {
                                by_contract.insert(safe.code.clone());
                            }
                            tally.keep_event(&event.path);
                            tally.recorded(&event.path, &safe.code);
                            tally.may_have_got_a_dot(&event.code, &safe.code);
                            events.push(safe);
                        }
                        Err(rule) => {
                            if rule != FIELD_NOT_ALLOWED && ![TOO_LATE, APART, AHEAD].contains(&&*rule) {
                                unnamed.extend(self.systems_not_named(event));
                            }
                            tally.drop_event(&event.path, &rule);
                        }
                    }
                }
                SourceFact::Identity(_) => {}
                SourceFact::Label(label) => match refused.refuses("", Some(label.prediction_time)) {
                    Some(rule) => tally.drop_event(&LABEL, rule),
                    None => {
                        last = last.max(Some(label.prediction_time));
                        labels.push((
                            label.task.clone(),
                            Label {
                                subject_id: id,
                                prediction_time: dates.prediction(label.prediction_time),
                                boolean_value: label.boolean_value,
                            },
                        ));
                    }
                },
            }
        }
        tally.describe(described);
        tally.meet(unnamed);
        tally.pass_by_contract(by_contract);
        tally.end_of_followup(source);
        if self.policy.blur_followup_days() > 0 {
            let most = u64::from(self.policy.blur_followup_days()) + 1;
            Dates::blur_followup(&mut events, self.derivation.number("followup-blur", &source.key) % most);
        }
        if ends.iter().any(|end| refused.is_ahead(*end)) {
            events.retain(|event| event.code.as_str() != Code::FOLLOWUP_END);
            for _ in ends.drain(..) {
                tally.drop_event(
                    &END,
                    "end of who is still watched: one of the ends is more than a year after the sources were taken",
                );
            }
        }
        if let Some(oldest) = self.policy.oldest_age_years() {
            if ends.iter().any(|end| dates::ends_on_no_day(last, *end)) {
                events.retain(|event| event.code.as_str() != Code::FOLLOWUP_END);
                for _ in &ends {
                    tally.drop_event(
                        &END,
                        "end of who is still watched: one of the ends is a day that stands for none",
                    );
                }
            }
            let told = dates.top_code_age(&mut events, &mut labels, oldest);
            tally.ages_top_coded += u64::from(told.changed);
            for _ in 0..told.open_ends {
                tally.drop_event(
                    &END,
                    "end of who is still watched: one of the ends is past the oldest age, and more than 30 years after all else",
                );
            }
            for _ in 0..told.labels_lost {
                tally.drop_event(&LABEL, "asked at an age past the oldest, before facts of that time");
            }
        }
        tally.subjects += 1;
        tally.events_kept += events.len() as u64;
        tally.labels_kept += labels.len() as u64;
        let safe = SafeRecord { subject: Subject::new(id, events), labels };
        #[expect(clippy::disallowed_methods, reason = "this is the one place that makes it true")]
        Deidentified::vouch(safe)
    }

    /// Two parts of one person's record as one: what both hold stands once, and what looks at a whole record (the oldest age that
    /// is told) is applied anew. Both must have come from here under one source key, since their dates are moved alike then alone.
    /// With it, how many events of `more` were new.
    pub fn joined(
        &self,
        record: &Deidentified<Subject>,
        more: Deidentified<Subject>,
    ) -> (Deidentified<Subject>, usize) {
        let mut events = record.events().to_vec();
        let mut more = more.into_inner().into_events();
        let oldest = self.policy.oldest_age_years();
        if let Some(oldest) = oldest {
            let life = Life::of_events(events.iter().chain(&more));
            let is_of_it = |event: &Event| life.refuses(event.code.as_str(), event.time).is_none();
            events.retain(is_of_it);
            more.retain(is_of_it);
            if dates::has_open_end(events.iter().chain(&more), std::iter::empty(), oldest) {
                let is_no_end = |event: &Event| event.code.as_str() != Code::FOLLOWUP_END;
                events.retain(is_no_end);
                more.retain(is_no_end);
            }
        }
        let known = events.len();
        events.extend(more);
        if let Some(oldest) = oldest {
            let dates = Dates { method: self.policy.dates(), offset_days: 0 };
            dates.top_code_age(&mut events, &mut Vec::new(), oldest);
        }
        let mut more = events.split_off(known);
        events.sort_by(Event::canonical_order);
        more.retain(|event| events.binary_search_by(|known| known.canonical_order(event)).is_err());
        let new = more.len();
        events.extend(more);
        #[expect(clippy::disallowed_methods, reason = "both parts were made here, by the same rules")]
        (Deidentified::vouch(Subject::new(record.id, events)), new)
    }

    /// One event of a life, or the rule that dropped it.
    fn event_of(
        &self,
        event: &SourceEvent,
        (refused, dates): (Refused, Dates),
        notes: Option<&mut NotesRead<'_>>,
        tally: &mut Tally,
    ) -> Result<Event, Rule> {
        match refused.refuses(&event.code, notes::recorded(event.time)) {
            Some(rule) if self.policy.allows_field(&event.path) => Err(rule.into()),
            _ => self.event(event, dates, notes, tally),
        }
    }

    /// One event, or the rule that dropped it.
    fn event(
        &self,
        event: &SourceEvent,
        dates: Dates,
        notes: Option<&mut NotesRead<'_>>,
        tally: &mut Tally,
    ) -> Result<Event, Rule> {
        let (mut code, whole) = self.coded(event)?;
        let told = match self.told(&event.path, &code) {
            // What was answered may be rare; that it was asked need not be.
            Err(_) if whole && self.answer_is_local(event) => {
                tally.trim(&event.path, "coded value that too few subjects hold");
                code = self.code(event)?;
                self.told(&event.path, &code)?
            }
            told => told?,
        };
        if told != code {
            tally.trim(&event.path, "code made broader, since too few subjects hold it");
        }
        if !whole {
            tally.trim(&event.path, "coded value without its system's shape");
        }
        let mut safe = Event::new(dates.fact(event.time), told);
        match &event.value {
            // A coded value is part of the code.
            SourceValue::None | SourceValue::Concept { .. } => {}
            SourceValue::Number(value) => {
                let stated = event.unit.as_deref().filter(|unit| !unit.is_empty());
                let unit = stated.and_then(units::known);
                if unit.is_none() && stated.is_some() {
                    tally.trim(&event.path, "unit not known");
                }
                // A word that is no unit makes no measurement of a number.
                match is_like_an_identifier(*value) && unit.as_deref().is_none_or(units::is_bare_number) {
                    true => tally.trim(&event.path, "whole number of seven digits or more without a unit"),
                    false => {
                        safe.numeric_value = Some(*value as f32);
                        safe.unit = unit.map(SmolStr::new);
                    }
                }
            }
            SourceValue::Text(text) => match notes {
                None => tally.trim(&event.path, "free text"),
                Some((notes, scratch, read)) => {
                    let date = notes::recorded(event.time).map(|time| time.ymd());
                    let cleaned = notes.clean(text, date, *read, scratch);
                    *read += 1;
                    for span in &cleaned.spans {
                        tally.trim(&event.path, span.identifier.found_in_text());
                    }
                    safe.text_value = Some(cleaned.rewritten.text.into());
                }
            },
        }
        if let Some(oldest) = self.policy.oldest_age_years()
            && ages::top_code(&mut safe, oldest)
        {
            tally.trim(&event.path, "age past the oldest that is told");
        }
        Ok(safe)
    }

    /// An event's code with its coded value, whatever others hold, and whether the value has its system's shape; or the rule
    /// that drops it.
    fn coded(&self, event: &SourceEvent) -> Result<(Code, bool), Rule> {
        if !self.policy.allows_field(&event.path) {
            return Err(FIELD_NOT_ALLOWED);
        }
        let told = self.code(event)?;
        let SourceValue::Concept { system, code } = &event.value else { return Ok((told, true)) };
        let code = self.generalised(system, code);
        let name = match self.policy.local().name(system) {
            Some(name) => self.policy.local().fits(system, code).then_some(name.as_str()),
            None => {
                (self.policy.allows_system(system) && codes::has_shape(system, code)).then_some(&**system)
            }
        };
        Ok(match name {
            Some(name) => (Code::new(format!("{told}//{name}//{code}")), true),
            None => (told, false),
        })
    }

    /// Is an event's coded value of a system of the site's own?
    fn answer_is_local(&self, event: &SourceEvent) -> bool {
        matches!(&event.value, SourceValue::Concept { system, .. } if self.policy.local().name(system).is_some())
    }

    /// The code, or the broader one that it may be told as.
    fn told(&self, path: &str, code: &Code) -> Result<Code, Rule> {
        let is_words =
            || self.policy.is_contract_of_rows(path) && self.policy.fewest_subjects_of_words(code) > 0;
        if self.policy.fewest_subjects(code) == 0 && !is_words() {
            return Ok(code.clone());
        }
        let told = self.verdicts.get().and_then(|verdicts| verdicts.told(code));
        told.cloned().ok_or("code that too few subjects hold".into())
    }

    fn code(&self, event: &SourceEvent) -> Result<Code, Rule> {
        let by_contract = self.policy.is_contract_field(&event.path);
        let (system, code) = match event.system.as_str() {
            // A whole code may still be a system's; where a contract lets any pass, of one that the policy names.
            "" => match event.code.split_once("//") {
                Some((system, code)) if !by_contract || self.policy.local().name(system).is_some() => {
                    (system, code)
                }
                _ => ("", event.code.as_str()),
            },
            system => (system, event.code.as_str()),
        };
        if system.is_empty() {
            let reserved = matches!(code, Code::BIRTH | Code::DEATH | Code::FOLLOWUP_END);
            return match reserved || (by_contract && codes::is_plain(code)) {
                true if !reserved && codes::holds_a_date(code) => Err(HOLDS_A_DATE.into()),
                true => Ok(Code::new(code)),
                false => Err("code without a system".into()),
            };
        }
        if system == ZIP {
            return self.zip(code);
        }
        if let Some(name) = self.policy.local().name(system) {
            return match self.policy.local().fits(system, code) {
                true => Ok(Code::of(name, code)),
                false => Err(format!("code without the shape of {name}").into()),
            };
        }
        // The object of a role may be a site's own. Its name may hold the separator, its code may not.
        if let Some((inner, code)) = code.rsplit_once("//").filter(|_| codes::is_role(system))
            && let Some(name) = self.policy.local().name(inner)
        {
            return match self.policy.allows_system(system) && self.policy.local().fits(inner, code) {
                true => Ok(Code::new(format!("{system}//{name}//{code}"))),
                false => Err(format!("code without the shape of {name}").into()),
            };
        }
        if self.policy.allows_system(system) {
            let code = events::with_dot(system, if system == STATE { zip3::state(code) } else { code });
            let code = self.generalised(system, &code);
            return match codes::has_shape(system, code) {
                true => Ok(Code::of(system, code)),
                false => Err(format!("code without the shape of {system}").into()),
            };
        }
        match by_contract && codes::is_plain(system) && codes::is_plain(code) {
            true if codes::holds_a_date(system) || codes::holds_a_date(code) => Err(HOLDS_A_DATE.into()),
            true => Ok(Code::of(system, code)),
            false => Err("code system not allowed".into()),
        }
    }

    /// The systems of an event's code and answer that the policy doesn't name, as their reader calls them.
    fn systems_not_named<'e>(&self, event: &'e SourceEvent) -> impl Iterator<Item = &'e str> {
        let by_contract = self.policy.is_contract_field(&event.path);
        let (system, known) = match event.code.rsplit_once("//") {
            Some((inner, _)) if codes::is_role(&event.system) => (inner, codes::shape(inner).is_some()),
            Some(_) if event.system.is_empty() => {
                (event.code.split_once("//").map_or("", |(system, _)| system), by_contract)
            }
            _ => (event.system.as_str(), by_contract || event.system == ZIP),
        };
        let answer = match &event.value {
            SourceValue::Concept { system, .. } => system.as_str(),
            _ => "",
        };
        let named = |system: &str| {
            system.is_empty()
                || codes::shape(system).is_some()
                || READERS_OWN.contains(&system)
                || self.policy.allows_system(system)
                || self.policy.local().name(system).is_some()
        };
        [Some(system).filter(|_| !known), Some(answer)]
            .into_iter()
            .flatten()
            .filter(move |system| !named(system))
    }

    /// The broader code that the policy wants in a code's place.
    fn generalised<'c>(&self, system: &str, code: &'c str) -> &'c str {
        match self.policy.generalise().get(system) {
            Some(&length) => codes::cut(code, length),
            None => code,
        }
    }

    fn zip(&self, zip: &str) -> Result<Code, Rule> {
        let told = match self.policy.zip() {
            Zip::Drop => return Err("ZIP code".into()),
            Zip::Zip3 => zip3::prefix(zip).map(|prefix| Code::of("ZIP3", prefix)),
            Zip::Zip5 => zip3::digits(zip).map(|digits| Code::of("ZIP", digits)),
        };
        told.ok_or("code without the shape of ZIP".into())
    }
}

/// A record number, a telephone number or a date written as one: no measurement without a unit is as long.
fn is_like_an_identifier(value: f64) -> bool {
    value.abs() >= 1e6 && value.fract() == 0.0
}

/// Systems under which readers put what belongs to many, or to themselves: nothing that a site could name as its own.
const READERS_OWN: [&str; 6] = ["V2", "V3", "DOCUMENT", "INTERPRETATION", "UCUM", "URI:"];

/// The system of a fact that is a ZIP code.
const ZIP: &str = "ZIP";
/// The system of states.
const STATE: &str = "STATE";

#[cfg(test)]
mod tests;
