//! One subject through the policy.

use crate::key::Derivation;
use crate::{Key, Policy, Tally, codes, dates, units};
use events::{
    Code, Deidentified, Event, Identified, Label, SourceEvent, SourceFact, SourceSubject, SourceTime,
    SourceValue, Subject, Time,
};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

/// Longest description that is counted, in bytes.
const LONGEST_DESCRIPTION: usize = 200;

/// Applies one policy with one key.
pub struct Deidentifier {
    policy: Policy,
    derivation: Derivation,
}

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
    pub fn new(policy: Policy, key: &Key) -> Self {
        Deidentifier { policy, derivation: key.derivation() }
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The subject id that stands for a source key: 63 bits, never negative.
    pub fn pseudonym(&self, source_key: &str) -> i64 {
        (self.derivation.number("pseudonym", source_key) >> 1) as i64
    }

    /// De-identifies one subject. What no rule allows is dropped and counted in `tally`.
    pub fn subject(&self, record: &Identified<SourceSubject>, tally: &mut Tally) -> Deidentified<SafeRecord> {
        let source = record.expose();
        let id = self.pseudonym(&source.key);
        let offset = dates::offset_micros(
            self.derivation.number("date-shift", &source.key),
            self.policy.raw.dates.shift_days,
        );
        let mut events = Vec::with_capacity(source.facts.len());
        let mut labels = Vec::new();
        let mut described = FxHashSet::default();
        for fact in &source.facts {
            match fact {
                SourceFact::Event(event) => match self.event(event, offset, tally) {
                    Ok(safe) => {
                        if let Some(words) = event.display.as_ref().filter(|w| w.len() <= LONGEST_DESCRIPTION)
                        {
                            described.insert((safe.code.clone(), words.clone()));
                        }
                        events.push(safe);
                    }
                    Err(rule) => tally.drop_event(&rule),
                },
                SourceFact::Label(label) => labels.push((
                    label.task.clone(),
                    Label {
                        subject_id: id,
                        prediction_time: label.prediction_time.plus_micros(offset),
                        boolean_value: label.boolean_value,
                    },
                )),
            }
        }
        tally.describe(described);
        tally.ages_top_coded +=
            u64::from(dates::top_code_age(&mut events, self.policy.raw.dates.oldest_age_years));
        tally.subjects += 1;
        tally.events_kept += events.len() as u64;
        tally.labels_kept += labels.len() as u64;
        let safe = SafeRecord { subject: Subject::new(id, events), labels };
        #[expect(clippy::disallowed_methods, reason = "this is the one place that makes it true")]
        Deidentified::vouch(safe)
    }

    /// One event, or the rule that dropped it.
    fn event(&self, event: &SourceEvent, offset: i64, tally: &mut Tally) -> Result<Event, String> {
        if !self.policy.fields.contains(&event.path) {
            return Err(format!("field not allowed: {}", event.path));
        }
        let code = self.code(event)?;
        let mut safe = Event::new(shifted(event.time, offset), code);
        match &event.value {
            SourceValue::None => {}
            SourceValue::Number(value) => {
                safe.numeric_value = Some(*value as f32);
                if let Some(unit) = event.unit.as_deref().filter(|u| !u.is_empty()) {
                    match units::known(unit) {
                        Some(unit) => safe.unit = Some(SmolStr::new(unit)),
                        None => tally.trim("unit not known"),
                    }
                }
            }
            SourceValue::Concept { system, code } => {
                if self.policy.systems.contains(system) && codes::has_shape(system, code) {
                    safe.code = Code::new(format!("{}//{system}//{code}", safe.code));
                } else {
                    tally.trim("coded value without its system's shape");
                }
            }
            SourceValue::Text(_) => tally.trim("free text"),
        }
        Ok(safe)
    }

    fn code(&self, event: &SourceEvent) -> Result<Code, String> {
        let (system, code) = (event.system.as_str(), event.code.as_str());
        let by_contract = self.policy.contract_fields.contains(&event.path);
        if system.is_empty() {
            let reserved = matches!(code, Code::BIRTH | Code::DEATH | Code::FOLLOWUP_END);
            return match reserved || (by_contract && codes::is_plain(code)) {
                true => Ok(Code::new(code)),
                false => Err("code without a system".to_owned()),
            };
        }
        if self.policy.systems.contains(system) {
            return match codes::has_shape(system, code) {
                true => Ok(Code::of(system, code)),
                false => Err(format!("code without the shape of {system}")),
            };
        }
        match by_contract && codes::is_plain(system) && codes::is_plain(code) {
            true => Ok(Code::of(system, code)),
            false => Err("code system not allowed".to_owned()),
        }
    }
}

/// A fact known by its date stands at the end of that day, so that nothing of the day can be predicted from it.
fn shifted(time: SourceTime, offset: i64) -> Option<Time> {
    match time {
        SourceTime::Static => None,
        SourceTime::Date(day) => Some(day.end_of_day().plus_micros(offset)),
        SourceTime::DateTime(time) => Some(time.plus_micros(offset)),
    }
}

#[cfg(test)]
mod tests;
