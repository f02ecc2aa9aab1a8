//! Records for tests.

use crate::{Tokenizer, VocabularyBuilder, VocabularyOptions};
use events::{Code, Deidentified, Event, Subject, Time};
use proptest::prelude::*;

/// 1960-01-01.
pub const BIRTH: Time = Time::from_micros(-315_619_200_000_000);

/// An event so many days after [`BIRTH`].
pub fn event(days: f64, code: &str) -> Event {
    Event::new(Some(BIRTH.plus_days(days)), Code::new(code))
}

/// A static fact.
pub fn fact(code: &str) -> Event {
    Event::new(None, Code::new(code))
}

/// A birth at [`BIRTH`].
pub fn birth() -> Event {
    Event::new(Some(BIRTH), Code::birth())
}

/// A de-identified subject.
#[allow(clippy::disallowed_methods)] // Nobody is behind these records.
pub fn subject(id: i64, events: Vec<Event>) -> Deidentified<Subject> {
    Deidentified::vouch(Subject::new(id, events))
}

/// A tokenizer whose vocabulary has every code of the subjects.
pub fn tokenizer(subjects: &[Deidentified<Subject>], minimum_subjects: u64) -> Tokenizer {
    let options = VocabularyOptions { minimum_subjects, ..VocabularyOptions::default() };
    let mut builder = VocabularyBuilder::new(options, &[]).unwrap();
    subjects.iter().for_each(|subject| builder.push(subject));
    Tokenizer::new(builder.finish().unwrap())
}

/// The codes of a sequence, in words.
pub fn words(tokenizer: &Tokenizer, codes: &[u32]) -> String {
    let word = |&index: &u32| tokenizer.vocabulary().entry(index).unwrap().code.to_string();
    codes.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Any record: births, deaths and ends of follow-up in odd places, ties, values, several units, static facts.
pub fn any_subject() -> impl Strategy<Value = Deidentified<Subject>> {
    let code = prop::sample::select(vec![
        "ICD10CM//E11.9",
        "ICD10CM//E11.65",
        "ICD10CM//I10",
        "LOINC//4548-4",
        "LOINC//8867-4",
        "GENDER//F",
        "LOCAL//a//b",
        "bare",
        "TIME",
        Code::BIRTH,
        Code::DEATH,
        Code::FOLLOWUP_END,
    ]);
    let value = prop::option::of(prop_oneof![9 => -50f32..50.0, 1 => Just(f32::NAN)]);
    let unit = prop::option::of(prop::sample::select(vec!["%", "mg/dL"]));
    // Hours, so that ties are common.
    let any_event = (prop::option::weighted(0.9, 0i64..2000), code, value, unit).prop_map(
        |(hours, code, value, unit)| {
            let time = hours.map(|hours| BIRTH.plus_micros(hours * 3_600_000_000));
            Event { numeric_value: value, unit: unit.map(Into::into), ..Event::new(time, Code::new(code)) }
        },
    );
    (any::<i64>(), prop::collection::vec(any_event, 0..60)).prop_map(|(id, events)| subject(id, events))
}
