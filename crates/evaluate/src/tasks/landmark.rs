//! When predictions are made.
//!
//! A prediction time must be chosen without looking past it. Drawing one of a subject's events at random does
//! look past it: who falls ill has more events later, so each of their early events is drawn more rarely. Every
//! rule here is a fixed moment, or the first visit after a moment that was fixed without the record: whether
//! time *t* is chosen can be told at *t*.

use events::{Code, Event, Subject, Time};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

const DAYS_PER_YEAR: f64 = 365.25;

/// The rule by which prediction times are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landmark {
    /// One time per subject: the first visit (dated event) at or after a date drawn uniformly, by a hash of seed
    /// and subject, between `minimum_history_days` after the subject's first dated event and `leave_days` before
    /// the end of the study. The end belongs to the data set, not to the subject, so neither death nor loss
    /// decides who is eligible. Subjects without a visit after their date have no prediction time.
    RandomVisit {
        /// The last moment of the data set's study window (see [`StudyWindow`]).
        study_end: Time,
        /// Potential follow-up that the drawn date must leave, in days; usually the shortest horizon of interest.
        leave_days: f64,
        /// Days of history that the drawn date must have.
        minimum_history_days: f64,
    },
    /// One time per subject: the `index`-th distinct time of the record, counting from 0.
    EventIndex {
        /// Which.
        index: usize,
    },
    /// At birthdays: every age in years that the subject reaches under observation.
    Ages {
        /// Ages in years.
        years: Vec<f64>,
    },
    /// One moment for all subjects under observation then.
    Calendar {
        /// The moment.
        time: Time,
    },
    /// Every so many years from `minimum_history_days` after the first dated event on.
    Every {
        /// Years between prediction times; must be positive.
        years: f64,
        /// Days of history before the first.
        minimum_history_days: f64,
    },
}

/// From when to when a data set has anything to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyWindow {
    /// The first dated event of any subject, births aside.
    pub start: Time,
    /// The last moment at which any subject is known to be under observation.
    pub end: Time,
}

impl StudyWindow {
    /// The window of these subjects; `None` without a dated event.
    pub fn of<'a>(subjects: impl IntoIterator<Item = &'a Subject>) -> Option<Self> {
        subjects.into_iter().fold(None, |window, subject| {
            let (Some(start), Some(end)) = (observation_start(subject), subject.followup_end()) else {
                return window;
            };
            Some(window.map_or(StudyWindow { start, end }, |w: StudyWindow| StudyWindow {
                start: w.start.min(start),
                end: w.end.max(end),
            }))
        })
    }
}

/// Events at which the subject is seen: dated, and neither birth, death, nor the bookkeeping of follow-up.
fn is_visit(event: &Event) -> bool {
    event.time.is_some() && !matches!(event.code.as_str(), Code::BIRTH | Code::DEATH | Code::FOLLOWUP_END)
}

/// The first dated event that is not birth: before it the record is silent, not healthy.
pub(crate) fn observation_start(subject: &Subject) -> Option<Time> {
    subject.events().iter().find(|e| is_visit(e)).and_then(|e| e.time)
}

/// The prediction times of a subject under a rule, rising. Each lies at or after the first dated event and
/// before death; none depends on what happens after it.
pub fn prediction_times(subject: &Subject, landmark: &Landmark, seed: u64) -> Vec<Time> {
    let (Some(start), Some(end)) = (observation_start(subject), subject.followup_end()) else {
        return vec![];
    };
    let death = subject.death();
    // A visit may be the last known moment; a moment without a visit needs observation to go on past it.
    let alive = |time: Time| death.is_none_or(|death| time < death);
    let observed = |time: Time| time >= start && time < end && alive(time);
    match landmark {
        Landmark::RandomVisit { study_end, leave_days, minimum_history_days } => {
            let earliest = start.plus_days(minimum_history_days.max(0.0));
            let latest = study_end.plus_days(-leave_days.max(0.0));
            if latest < earliest {
                return vec![];
            }
            let drawn = earliest.plus_days(latest.days_since(earliest) * uniform(seed, subject.id));
            let visit = subject.events().iter().find(|e| is_visit(e) && e.time >= Some(drawn));
            visit.and_then(|e| e.time).into_iter().filter(|&t| alive(t)).collect()
        }
        Landmark::EventIndex { index } => {
            let mut times: Vec<Time> =
                subject.events().iter().filter(|e| is_visit(e)).filter_map(|e| e.time).collect();
            times.dedup();
            times.get(*index).copied().into_iter().filter(|&t| alive(t)).collect()
        }
        Landmark::Ages { years } => {
            let Some(birth) = subject.birth() else { return vec![] };
            let mut times: Vec<Time> =
                years.iter().map(|y| birth.plus_days(y * DAYS_PER_YEAR)).filter(|&t| observed(t)).collect();
            times.sort_unstable();
            times.dedup();
            times
        }
        Landmark::Calendar { time } => Some(*time).into_iter().filter(|&t| observed(t)).collect(),
        Landmark::Every { years, minimum_history_days } => {
            if *years <= 0.0 {
                return vec![];
            }
            let first = start.plus_days(minimum_history_days.max(0.0));
            (0..)
                .map(|k| first.plus_days(f64::from(k) * years * DAYS_PER_YEAR))
                .take_while(|&t| t < end)
                .filter(|&t| observed(t))
                .collect()
        }
    }
}

/// A number in [0, 1) that belongs to this seed and subject.
fn uniform(seed: u64, subject_id: i64) -> f64 {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&subject_id.to_le_bytes());
    key[16..24].copy_from_slice(b"landmark");
    StdRng::from_seed(key).random::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: f64) -> Time {
        Time::from_ymd(2000, 1, 1).unwrap().plus_days(days)
    }

    fn subject(id: i64, days: &[f64], death: Option<f64>) -> Subject {
        let mut events: Vec<Event> =
            days.iter().map(|&d| Event::new(Some(day(d)), Code::of("LOINC", "1"))).collect();
        events.push(Event::new(Some(day(-10_000.0)), Code::birth()));
        events.extend(death.map(|d| Event::new(Some(day(d)), Code::death())));
        Subject::new(id, events)
    }

    fn random_visit(end: f64) -> Landmark {
        Landmark::RandomVisit { study_end: day(end), leave_days: 365.0, minimum_history_days: 0.0 }
    }

    #[test]
    fn what_happens_later_never_moves_the_choice() {
        // The same past with three futures: nothing more, many more visits, an early death after the visit.
        let past: Vec<f64> = (0..30).map(|i| f64::from(i) * 30.0).collect();
        for id in 0..300 {
            let chosen = prediction_times(&subject(id, &past, None), &random_visit(2000.0), 1);
            let busy: Vec<f64> = past.iter().copied().chain((0..500).map(|i| 870.5 + f64::from(i))).collect();
            let with_busy_future =
                prediction_times(&subject(id, &busy, Some(1500.0)), &random_visit(2000.0), 1);
            if let Some(time) = chosen.first() {
                assert_eq!(with_busy_future.first(), Some(time));
            }
        }
    }

    #[test]
    fn random_visits_spread_and_are_reproducible() {
        let visits: Vec<f64> = (0..200).map(|i| f64::from(i) * 10.0).collect();
        let at = |id: i64, seed| prediction_times(&subject(id, &visits, None), &random_visit(2355.0), seed);
        let mean = (0..400).map(|id| at(id, 3)[0].days_since(day(0.0))).sum::<f64>() / 400.0;
        assert!((mean - 1000.0).abs() < 80.0, "{mean}");
        assert_eq!(at(5, 3), at(5, 3));
        assert!((0..20).any(|id| at(id, 3) != at(id, 4)));
    }

    #[test]
    fn each_rule_keeps_to_the_observed_time() {
        let s = subject(1, &[0.0, 0.0, 100.0, 900.0], Some(900.0));
        let index = |index| prediction_times(&s, &Landmark::EventIndex { index }, 0);
        assert_eq!(
            (index(0), index(1), index(2), index(3)),
            (vec![day(0.0)], vec![day(100.0)], vec![], vec![])
        );
        let ages = Landmark::Ages { years: vec![20.0, 28.0, 29.0, 60.0] };
        assert_eq!(prediction_times(&s, &ages, 0).len(), 2);
        assert_eq!(prediction_times(&s, &Landmark::Calendar { time: day(50.0) }, 0), [day(50.0)]);
        assert!(prediction_times(&s, &Landmark::Calendar { time: day(900.0) }, 0).is_empty());
        let every = Landmark::Every { years: 1.0, minimum_history_days: 100.0 };
        assert_eq!(prediction_times(&s, &every, 0).len(), 3);
        assert!(prediction_times(&Subject::new(2, vec![]), &every, 0).is_empty());
        assert_eq!(StudyWindow::of([&s]), Some(StudyWindow { start: day(0.0), end: day(900.0) }));
    }
}
