//! One subject's events as tokens.

use crate::record::Record;
use crate::{Hierarchy, Resolution, Sequence, Vocabulary};
use events::meds::CodeMetadata;
use events::{Code, Event, MICROS_PER_DAY, Subject, Time};

/// Turns subjects into tokens by a vocabulary.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    hierarchy: Hierarchy,
    unseen: Unseen,
}

/// What becomes of a code without a token of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unseen {
    /// The token of the nearest broader code, or [`Vocabulary::UNKNOWN`] where there is none.
    #[default]
    Parent,
    /// [`Vocabulary::UNKNOWN`] at once.
    Unknown,
    /// Nothing: as if it had not happened.
    Ignored,
}

/// One subject as tokens, owned. The fields are those of [`Sequence`].
#[derive(Clone, Debug, Default)]
pub struct TokenizedSubject {
    /// The subject.
    pub subject_id: i64,
    /// Vocabulary index per token.
    pub code: Vec<u32>,
    /// Age in days per token.
    pub age_days: Vec<f64>,
    /// Gap in days, rank, or NaN per token.
    pub value: Vec<f32>,
    /// How many leading tokens are static.
    pub static_len: usize,
    /// The moment from which age counts: birth, or the first dated event.
    pub origin: Option<Time>,
    /// Age in days at the end of follow-up.
    pub followup_end_age_days: f64,
    /// Whether follow-up ended in death.
    pub died: bool,
    /// Whether ages count from birth.
    pub birth_known: bool,
    /// What was met on the way.
    pub counts: TokenizationCounts,
}

/// What tokenization met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TokenizationCounts {
    /// Events that became a token, death included.
    pub events: u64,
    /// Of them, static facts.
    pub undated_events: u64,
    /// Of them, those that became the token of a broader code.
    pub backed_off: u64,
    /// Of them, those of which not even the system is known.
    pub unknown: u64,
    /// Of them, those with a number.
    pub numeric_values: u64,
    /// Of the numbers, those that got no rank, since their code and unit had none in training or they aren't finite.
    pub numeric_values_without_rank: u64,
    /// Of the events, those dated before birth and moved to it.
    pub before_birth: u64,
    /// Events dated after death, which became no token.
    pub after_death: u64,
    /// Events of a whole record dated after the end of follow-up that its source tells, which became no token.
    pub after_followup: u64,
}

impl std::ops::AddAssign for TokenizationCounts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.undated_events += other.undated_events;
        self.backed_off += other.backed_off;
        self.unknown += other.unknown;
        self.numeric_values += other.numeric_values;
        self.numeric_values_without_rank += other.numeric_values_without_rank;
        self.before_birth += other.before_birth;
        self.after_death += other.after_death;
        self.after_followup += other.after_followup;
    }
}

impl TokenizedSubject {
    /// The tokens, borrowed.
    pub fn as_sequence(&self) -> Sequence<'_> {
        Sequence {
            subject_id: self.subject_id,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: self.static_len,
            followup_end_age_days: self.followup_end_age_days,
            died: self.died,
            birth_known: self.birth_known,
        }
    }

    /// The moments at which the subject has dated events, death's aside: the last token of each, and when it is.
    pub fn moments(&self) -> impl Iterator<Item = (usize, Time)> {
        (self.static_len..self.code.len()).filter_map(|place| {
            let event = |place: usize| self.code.get(place).is_some_and(|code| *code != Vocabulary::TIME);
            let last = event(place) && !event(place + 1) && self.code[place] != Vocabulary::DEATH;
            last.then(|| self.origin.map(|origin| (place, origin.plus_days(self.age_days[place]))))?
        })
    }

    fn clear(&mut self) {
        self.code.clear();
        self.age_days.clear();
        self.value.clear();
        self.static_len = 0;
        self.counts = TokenizationCounts::default();
    }

    fn push(&mut self, code: u32, age_days: f64, value: f32) {
        self.code.push(code);
        self.age_days.push(age_days);
        self.value.push(value);
    }

    /// Lets time pass up to `age_days`.
    fn pass_time(&mut self, gap_days: f64, age_days: f64) {
        self.push(Vocabulary::TIME, age_days, gap_days as f32);
    }
}

impl Tokenizer {
    /// A tokenizer for a vocabulary. Codes without a token fall back by the built-in classifications.
    pub fn new(vocabulary: Vocabulary) -> Self {
        Tokenizer { vocabulary, hierarchy: Hierarchy::default(), unseen: Unseen::default() }
    }

    /// The same tokenizer, which does this with codes that have no token of their own.
    pub fn with_unseen(mut self, unseen: Unseen) -> Self {
        self.unseen = unseen;
        self
    }

    /// The same tokenizer with another vocabulary.
    pub fn with_vocabulary(mut self, vocabulary: Vocabulary) -> Self {
        self.vocabulary = vocabulary;
        self
    }

    /// The same tokenizer, which also knows the parents in a data set's code metadata: that of the training
    /// data, or of a site whose codes the training never saw.
    pub fn with_code_metadata<'a>(mut self, metadata: impl IntoIterator<Item = &'a CodeMetadata>) -> Self {
        self.hierarchy = Hierarchy::new(metadata);
        self
    }

    /// The vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What is broader than a code.
    pub fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    /// A whole record, to the end of its follow-up.
    pub fn tokenize(&self, subject: &Subject) -> TokenizedSubject {
        let mut tokens = TokenizedSubject::default();
        self.tokenize_into(subject, None, &mut tokens);
        tokens
    }

    /// A record as it was known at `prediction_time`: events at that moment are in, nothing later is, and
    /// follow-up ends there. When the last event lies before it, a closing `TIME` token says for how long
    /// nothing has happened since. A record that ended in death by then is the whole record.
    pub fn tokenize_until(&self, subject: &Subject, prediction_time: Time) -> TokenizedSubject {
        let mut tokens = TokenizedSubject::default();
        self.tokenize_into(subject, Some(prediction_time), &mut tokens);
        tokens
    }

    /// A record as somebody who asks now knows it: all that is on record is history, what its source tells after the end of follow-up
    /// too. Ends with its last event.
    pub fn tokenize_history(&self, subject: &Subject) -> TokenizedSubject {
        let tells = |event: &&Event| !matches!(event.code.as_str(), Code::BIRTH | Code::FOLLOWUP_END);
        let last = subject.events().iter().filter(tells).filter_map(|event| event.time).next_back();
        let mut tokens = TokenizedSubject::default();
        self.tokenize_into(subject, last, &mut tokens);
        tokens
    }

    /// As [`Tokenizer::tokenize`] or, with a prediction time, [`Tokenizer::tokenize_until`], into tokens that
    /// are cleared first, so that their memory serves again.
    pub fn tokenize_into(&self, subject: &Subject, until: Option<Time>, out: &mut TokenizedSubject) {
        out.clear();
        out.subject_id = subject.id;
        let record = Record::of(subject, until);
        out.died = record.death.is_some();
        out.birth_known = record.birth.is_some();
        out.counts.after_death = record.after_death;
        out.counts.after_followup = record.after_followup;

        for event in record.undated_facts().filter(|event| self.keeps(event)) {
            self.push_fact(event, 0.0, out);
        }
        out.static_len = out.code.len();
        out.counts.undated_events = out.static_len as u64;

        let first_dated = record.dated_facts().next().and_then(|event| event.time).or(record.death);
        let origin = record.birth.or(first_dated).or(until).or(record.followup_end);
        out.origin = origin;
        let origin = origin.unwrap_or(Time::from_micros(0));
        // What is dated before birth happened, at the latest, at birth.
        let clamp = |time: Time| time.max(origin);

        let mut now: Option<Time> = None;
        for event in record.dated_facts().filter(|event| self.keeps(event)) {
            if let Some(time) = event.time {
                out.counts.before_birth += u64::from(time < origin);
                let age_days = move_to(clamp(time), &mut now, origin, out);
                self.push_fact(event, age_days, out);
            }
        }
        if let Some(death) = record.death {
            out.counts.before_birth += u64::from(death < origin);
            let age_days = move_to(clamp(death), &mut now, origin, out);
            out.push(Vocabulary::DEATH, age_days, f32::NAN);
            out.counts.events += 1;
        }

        let last = now.unwrap_or(origin);
        let end = record.death.or(until).or(record.followup_end).unwrap_or(last).max(last);
        if until.is_some() && now.is_some() && !out.died && end > last {
            move_to(end, &mut now, origin, out);
        }
        out.followup_end_age_days = days_between(origin, end);

        // Static facts stand where the record opens; without a dated event that is where it closes.
        let opening = out.age_days.get(out.static_len).copied().unwrap_or(out.followup_end_age_days);
        out.age_days[..out.static_len].fill(opening);
    }

    fn push_fact(&self, event: &Event, age_days: f64, out: &mut TokenizedSubject) {
        let resolution = self.resolve(&event.code);
        let counts = &mut out.counts;
        counts.events += 1;
        let rank = match resolution {
            Resolution::Exact(index) => event.numeric_value.and_then(|value| {
                self.vocabulary.rank_of(event.code.as_str(), index, event.unit.as_deref(), value)
            }),
            // A rank within another code's distribution would say nothing true.
            Resolution::BackedOff(_) => {
                counts.backed_off += 1;
                None
            }
            Resolution::Unknown => {
                counts.unknown += 1;
                None
            }
        };
        if event.numeric_value.is_some() {
            counts.numeric_values += 1;
            counts.numeric_values_without_rank += u64::from(rank.is_none());
        }
        out.push(resolution.index(), age_days, rank.unwrap_or(f32::NAN));
    }

    fn resolve(&self, code: &Code) -> Resolution {
        match self.vocabulary.resolve(code.as_str(), &self.hierarchy) {
            Resolution::BackedOff(_) if self.unseen == Unseen::Unknown => Resolution::Unknown,
            resolution => resolution,
        }
    }

    fn keeps(&self, event: &Event) -> bool {
        self.unseen != Unseen::Ignored || matches!(self.resolve(&event.code), Resolution::Exact(_))
    }
}

/// Moves on to `time`, with a `TIME` token unless that is where the record stands or opens; the age there.
fn move_to(time: Time, now: &mut Option<Time>, origin: Time, out: &mut TokenizedSubject) -> f64 {
    let age_days = days_between(origin, time);
    if let Some(before) = *now
        && time > before
    {
        out.pass_time(days_between(before, time), age_days);
    }
    *now = Some(time);
    age_days
}

/// Exact to the microsecond, and safe for times at the ends of an i64.
fn days_between(earlier: Time, later: Time) -> f64 {
    (i128::from(later.micros()) - i128::from(earlier.micros())) as f64 / MICROS_PER_DAY as f64
}

#[cfg(test)]
mod tests;
