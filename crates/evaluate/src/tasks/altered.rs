//! Histories with something taken from them, to see what a model's performance rests on.

use events::{Code, Event, Subject, Time};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What is taken from a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alteration {
    /// The moments of the history change places: what happened stays, when and in what order doesn't.
    ShuffledTimes,
    /// The last day on which anything was recorded is taken out.
    WithoutLastVisit,
}

impl Alteration {
    /// All of them.
    pub const ALL: [Alteration; 2] = [Alteration::ShuffledTimes, Alteration::WithoutLastVisit];

    /// A name for files.
    pub fn name(self) -> &'static str {
        match self {
            Alteration::ShuffledTimes => "shuffled_times",
            Alteration::WithoutLastVisit => "without_last_visit",
        }
    }

    /// A subject as known at a moment, altered. Undated facts and birth stay; what follows the moment isn't touched. The
    /// draw depends on the seed and the subject alone.
    pub fn of(self, subject: &Subject, time: Time, seed: u64) -> Subject {
        let is_history = |e: &Event| {
            e.time.is_some_and(|t| t <= time)
                && !matches!(e.code.as_str(), Code::BIRTH | Code::DEATH | Code::FOLLOWUP_END)
        };
        let mut events = subject.events().to_vec();
        match self {
            Alteration::ShuffledTimes => {
                let mut times: Vec<Option<Time>> =
                    events.iter().filter(|e| is_history(e)).map(|e| e.time).collect();
                let mut key = [0; 32];
                key[..8].copy_from_slice(&seed.to_le_bytes());
                key[8..16].copy_from_slice(&subject.id.to_le_bytes());
                key[16..23].copy_from_slice(b"shuffle");
                times.shuffle(&mut StdRng::from_seed(key));
                let places = events.iter_mut().filter(|e| is_history(e));
                places.zip(times).for_each(|(event, time)| event.time = time);
            }
            Alteration::WithoutLastVisit => {
                let day = |t: Time| t.micros().div_euclid(MICROS_PER_DAY);
                let last = events.iter().filter(|e| is_history(e)).filter_map(|e| e.time).max().map(day);
                events.retain(|e| !is_history(e) || e.time.map(day) != last);
            }
        }
        Subject::new(subject.id, events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: f64) -> Time {
        Time::from_micros(0).plus_days(day)
    }

    fn subject() -> Subject {
        let mut events = vec![
            Event::new(Some(at(-9000.25)), Code::new(Code::BIRTH)),
            Event::new(None, Code::new("GENDER//F")),
        ];
        events
            .extend((0..40).map(|i| Event::new(Some(at(f64::from(i) + 0.25)), Code::new(format!("A//{i}")))));
        Subject::new(7, events)
    }

    #[test]
    fn shuffling_keeps_what_and_how_many_and_leaves_the_future_alone() {
        let (subject, time) = (subject(), at(20.5));
        let shuffled = Alteration::ShuffledTimes.of(&subject, time, 1);
        let codes = |s: &Subject| {
            let mut codes: Vec<String> = s.events().iter().map(|e| e.code.as_str().to_owned()).collect();
            codes.sort();
            codes
        };
        let times = |s: &Subject| s.events().iter().map(|e| e.time).collect::<Vec<_>>();
        assert_eq!((codes(&subject), times(&subject)), (codes(&shuffled), times(&shuffled)));
        let moved = |s: &Subject, from: f64| {
            s.events().iter().filter(|e| e.time > Some(at(from)) && !subject.events().contains(e)).count()
        };
        assert!(moved(&shuffled, -1.0) > 10);
        assert_eq!(moved(&shuffled, 20.5), 0);
        assert_eq!(shuffled.birth(), subject.birth());
        assert_eq!(times(&Alteration::ShuffledTimes.of(&subject, time, 1)), times(&shuffled));
        assert_ne!(Alteration::ShuffledTimes.of(&subject, time, 2).events(), shuffled.events());
    }

    #[test]
    fn the_last_day_goes_and_nothing_else() {
        let subject = subject();
        let altered = Alteration::WithoutLastVisit.of(&subject, at(20.5), 1);
        assert_eq!(altered.events().len(), subject.events().len() - 1);
        assert!(!altered.events().iter().any(|e| e.code.as_str() == "A//20"));
        // Before anything is recorded there is nothing to take.
        assert_eq!(Alteration::WithoutLastVisit.of(&subject, at(-5.0), 1).events(), subject.events());
    }
}
