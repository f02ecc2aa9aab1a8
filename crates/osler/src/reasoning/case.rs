//! One patient's record as it was known at a moment, read by a model.

use crate::model_directory::ModelDirectory;
use anyhow::{Context, Result, bail};
use events::{Code, Event, Sex, Subject, Time};
use model::{PatientState, RiskTable, Token};
use std::borrow::Cow;
use timeline::{TokenizedSubject, Vocabulary};

/// A record, ready to be asked about.
pub struct Case<'a> {
    /// The model.
    pub directory: &'a ModelDirectory,
    /// The whole record, with what was taken in since; nothing later than `at` is looked at.
    pub subject: Cow<'a, Subject>,
    /// When it is asked.
    pub at: Time,
    /// What the model reads.
    pub tokens: TokenizedSubject,
    /// What it made of it.
    pub state: PatientState,
}

impl<'a> Case<'a> {
    /// The record as known at `at`, or at its last dated event before death.
    pub fn new(directory: &'a ModelDirectory, subject: &'a Subject, at: Option<Time>) -> Result<Self> {
        let death = subject.death();
        let asked = |event: &&events::Event| {
            ![Code::BIRTH, Code::FOLLOWUP_END].contains(&event.code.as_str())
                && event.time.is_some_and(|time| death.is_none_or(|death| time < death))
        };
        let last = subject.events().iter().filter(asked).filter_map(|e| e.time).max();
        let at = at.or(last).context("the record has no dated event, so there is no moment to ask about")?;
        let tokens = directory.tokenizer.tokenize_until(subject, at);
        if tokens.code.len() == tokens.static_len {
            bail!("the record has no event at or before that moment; give a later --at");
        }
        if tokens.died {
            bail!("the record ends in death by then; give an earlier --at");
        }
        let state = directory.model.read(&[tokens.as_sequence()])?.remove(0);
        Ok(Case { directory, subject: Cow::Borrowed(subject), at, tokens, state })
    }

    /// The vocabulary.
    pub fn vocabulary(&self) -> &'a Vocabulary {
        self.directory.tokenizer.vocabulary()
    }

    /// Age at the moment, where birth is known.
    pub fn age_years(&self) -> Option<f64> {
        self.tokens.birth_known.then(|| self.tokens.age_days.last().map(|days| days / 365.25)).flatten()
    }

    /// Sex, where recorded.
    pub fn sex(&self) -> Sex {
        self.subject.sex()
    }

    /// Risks now.
    pub fn risk(&self, codes: &[u32]) -> Result<RiskTable> {
        Ok(self.directory.model.risk_of(&self.state, Some(codes))?)
    }

    /// Whether a code, or one beneath it, stands in the record by now.
    pub fn has(&self, index: u32) -> bool {
        let vocabulary = self.vocabulary();
        self.tokens.code.iter().any(|code| *code == index || vocabulary.ancestors(*code).any(|a| a == index))
    }

    /// What age and sex alone say.
    pub fn reference(&self, index: u32, days: f64) -> Option<f64> {
        let entry = self.vocabulary().entry(index)?;
        self.directory.reference.probability(entry.code.as_str(), self.sex(), self.age_years(), days)
    }

    /// The token of something happening now.
    pub fn token(&self, code: u32, value: f32) -> Token {
        Token { code, age_days: self.tokens.age_days.last().copied().unwrap_or(0.0), value }
    }

    /// Lets something happen now: for the model as a token, for who reads the record itself as an event.
    pub fn append(&mut self, token: Token, event: Event) -> Result<()> {
        self.directory.model.append(std::slice::from_mut(&mut self.state), &[token])?;
        let mut events = self.subject.events().to_vec();
        events.push(Event { time: Some(self.at), ..event });
        self.subject = Cow::Owned(Subject::new(self.subject.id, events));
        self.tokens.code.push(token.code);
        self.tokens.age_days.push(token.age_days);
        self.tokens.value.push(token.value);
        Ok(())
    }

    /// When a token happened.
    pub fn time_of(&self, place: usize) -> Option<Time> {
        if place < self.tokens.static_len {
            return None;
        }
        Some(self.tokens.origin?.plus_days(self.tokens.age_days[place]))
    }
}

/// The time of a day as one writes it, to the minute where that is all.
pub fn time_of_day(time: Time) -> String {
    const HALF_A_SECOND: f64 = 0.5 / 86_400.0;
    // Ages in days are a little off.
    let written = time.plus_days(HALF_A_SECOND).to_string();
    let time = written.get(11..19).unwrap_or_default();
    time.strip_suffix(":00").unwrap_or(time).to_owned()
}

/// A day as one writes it.
pub fn day(time: Time) -> String {
    let (year, month, day) = time.ymd();
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_minute_or_second() {
        let at = |h, m, s| time_of_day(Time::from_ymd_hms(2024, 10, 1, h, m, s, 0).unwrap().plus_days(-1e-9));
        assert_eq!(at(9, 30, 0), "09:30");
        assert_eq!(at(0, 0, 0), "00:00");
        assert_eq!(at(23, 59, 7), "23:59:07");
    }
}
