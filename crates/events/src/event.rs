//! One event, and one subject's record.

use crate::{Code, Time};
use smol_str::SmolStr;
use std::cmp::Ordering;

/// One fact about a subject: what, when, and how much. The subject's id is held once, by [`Subject`].
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it was known; `None` for static facts (sex, race).
    pub time: Option<Time>,
    /// What it is.
    pub code: Code,
    /// How much, in `unit`.
    pub numeric_value: Option<f32>,
    /// What it says, where a policy let text pass.
    pub text_value: Option<Box<str>>,
    /// The unit of `numeric_value` in UCUM, where known.
    pub unit: Option<SmolStr>,
}

impl Event {
    /// An event without a value.
    pub fn new(time: Option<Time>, code: Code) -> Self {
        Event { time, code, numeric_value: None, text_value: None, unit: None }
    }

    /// The same event with a value.
    pub fn with_value(mut self, value: f32) -> Self {
        self.numeric_value = Some(value);
        self
    }

    /// The same event with a unit.
    pub fn with_unit(mut self, unit: &str) -> Self {
        self.unit = Some(SmolStr::new(unit));
        self
    }

    /// The order on disk: static first, then time, then code, value, unit and text, so that the same record
    /// has the same bytes whatever order it was read in.
    pub fn canonical_order(&self, other: &Event) -> Ordering {
        let value = |e: &Event| e.numeric_value.map(total_order_key);
        self.time
            .cmp(&other.time)
            .then_with(|| rank(&self.code).cmp(&rank(&other.code)))
            .then_with(|| self.code.cmp(&other.code))
            .then_with(|| value(self).cmp(&value(other)))
            .then_with(|| self.unit.cmp(&other.unit))
            .then_with(|| self.text_value.cmp(&other.text_value))
    }
}

/// Birth opens its moment; death and the end of follow-up close theirs.
fn rank(code: &Code) -> u8 {
    match code.as_str() {
        Code::BIRTH => 0,
        Code::DEATH => 2,
        Code::FOLLOWUP_END => 3,
        _ => 1,
    }
}

fn total_order_key(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

/// Administrative sex as recorded, in the codes that every reader of sources writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Sex {
    /// `GENDER//F`
    Female,
    /// `GENDER//M`
    Male,
    /// Anything else, or nothing.
    Unknown,
}

/// One subject's record: events in canonical order (static facts first, then by time).
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The subject's id, a keyed pseudonym after de-identification.
    pub id: i64,
    events: Vec<Event>,
}

impl Subject {
    /// A subject; the events are put in canonical order.
    pub fn new(id: i64, mut events: Vec<Event>) -> Self {
        events.sort_by(Event::canonical_order);
        Subject { id, events }
    }

    /// The events, in canonical order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events, owned, in canonical order.
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// The time of birth, if recorded.
    pub fn birth(&self) -> Option<Time> {
        self.time_of(Code::BIRTH)
    }

    /// The time of death, if recorded.
    pub fn death(&self) -> Option<Time> {
        self.time_of(Code::DEATH)
    }

    /// The end of follow-up: the last `OSLER_FOLLOWUP_END` (a source may tell of several periods of observation), or death where that
    /// came before; where a source tells no end, death if recorded, else the last event.
    ///
    /// What is on record after an end that a source tells is of no use for outcomes: others of whom it would be known, had it
    /// happened, can't be told from those of whom it wouldn't. So a death after it doesn't lengthen follow-up.
    pub fn followup_end(&self) -> Option<Time> {
        let ends = self.events.iter().filter(|e| e.code.as_str() == Code::FOLLOWUP_END);
        let told = ends.filter_map(|e| e.time).max();
        match (told, self.death()) {
            (Some(end), Some(death)) => Some(end.min(death)),
            (end, death) => end.or(death).or_else(|| self.events.last().and_then(|e| e.time)),
        }
    }

    /// Administrative sex, from `GENDER//F` or `GENDER//M`.
    pub fn sex(&self) -> Sex {
        for event in &self.events {
            match event.code.as_str() {
                "GENDER//F" => return Sex::Female,
                "GENDER//M" => return Sex::Male,
                _ => {}
            }
        }
        Sex::Unknown
    }

    fn time_of(&self, code: &str) -> Option<Time> {
        self.events.iter().find(|e| e.code.as_str() == code).and_then(|e| e.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_periods_of_observation_the_last_ends_follow_up() {
        let end = |year| Event::new(Time::from_ymd(year, 1, 1), Code::followup_end());
        let visit = Event::new(Time::from_ymd(2012, 1, 1), Code::of("VISIT", "AMB"));
        let subject = Subject::new(1, vec![end(2015), visit, end(2010)]);
        assert_eq!(subject.followup_end(), Time::from_ymd(2015, 1, 1));
    }

    #[test]
    fn follow_up_ends_with_death_or_where_the_source_says_whichever_is_first() {
        let end = Event::new(Time::from_ymd(2015, 1, 1), Code::followup_end());
        let dies = |year| Event::new(Time::from_ymd(year, 6, 1), Code::death());
        let of = |events: Vec<Event>| Subject::new(1, events).followup_end();
        assert_eq!(of(vec![end.clone(), dies(2012)]), Time::from_ymd(2012, 6, 1));
        assert_eq!(of(vec![end, dies(2018)]), Time::from_ymd(2015, 1, 1));
        assert_eq!(of(vec![dies(2018)]), Time::from_ymd(2018, 6, 1));
    }

    #[test]
    fn order_is_total_and_independent_of_input_order() {
        let t = Time::from_ymd(2020, 1, 1);
        let make = |value: f32| Event::new(t, Code::of("LOINC", "1")).with_value(value);
        let events = vec![
            Event::new(t, Code::death()),
            make(2.0),
            make(-3.0),
            make(f32::NAN),
            Event::new(t, Code::birth()),
            Event::new(None, Code::of("GENDER", "M")),
        ];
        let mut reversed = events.clone();
        reversed.reverse();
        let (a, b) = (Subject::new(1, events), Subject::new(1, reversed));
        let codes = |s: &Subject| {
            s.events().iter().map(|e| (e.code.clone(), e.numeric_value.map(f32::to_bits))).collect::<Vec<_>>()
        };
        assert_eq!(codes(&a), codes(&b));
        assert_eq!(a.events()[0].code.as_str(), "GENDER//M");
        assert_eq!(a.events()[1].code.as_str(), Code::BIRTH);
        assert_eq!(a.events()[2].numeric_value, Some(-3.0));
        assert_eq!(a.events().last().unwrap().code.as_str(), Code::DEATH);
        assert_eq!(a.sex(), Sex::Male);
    }
}
