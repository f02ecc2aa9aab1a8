//! What of a record can be of one life: a date that stands for "unknown" or "still open" (`2099-12-31`, `1900-01-01`) would
//! make someone of 60 as old as nobody is, and have all of the record moved for it.

use crate::{
    dates::{OPEN_YEARS, is_no_end},
    notes::recorded,
};
use events::{Code, Event, SourceFact, SourceSubject, Time};

/// Nobody is known to have become older than 122.
const LONGEST_YEARS: f64 = 120.0;
/// Past this age what lies so far from all before it, as an open end of follow-up does, is none of the same record either: who was seen
/// last at 35 isn't seen again at 114. Hardly anybody lives so long, while a death at 92 that is taken for a mistake makes immortal.
const GREAT_YEARS: f64 = 110.0;
/// On a day that stands for "no end" it is none past this age.
const OLD_YEARS: f64 = 90.0;
/// What follows on the last fact of a life within so many years is of the same record.
const GAP_YEARS: f64 = 10.0;
const DAYS_PER_YEAR: f64 = 365.25;

/// A fact of after the longest life.
pub(crate) const TOO_LATE: &str = "more than 120 years after birth";
/// A fact long after all others, at a great age.
pub(crate) const APART: &str =
    "past the age of 110 (90 on a day like 2099-12-31), and more than 30 years after all before it";
/// A birth that the record itself refutes.
pub(crate) const TOO_EARLY: &str = "birth more than 120 years before what is recorded";

/// So long after the sources were taken an end of follow-up, or a death, may lie: the rest of a year or contract that is paid for, and
/// dates that another program moved by up to a year.
const AHEAD_DAYS: f64 = 366.0;
/// A death that hasn't happened.
pub(crate) const AHEAD: &str = "death more than a year after the sources were taken";

/// Which dates of a record are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) life: Life,
    /// After this moment nobody has died, and no follow-up has ended.
    pub(crate) ahead: Option<Time>,
}

impl Refused {
    /// Those of a record that was taken by then, as far as that is known; of its life, where that is looked at.
    pub(crate) fn of(
        source: &SourceSubject,
        allows: impl Fn(&str) -> bool + Copy,
        (taken, looks_at_ages): (Option<Time>, bool),
    ) -> Self {
        let ahead = ahead(source, allows, taken);
        let life = if looks_at_ages { Life::of_source(source, allows, ahead) } else { Life::Whole };
        Refused { life, ahead }
    }

    /// The rule by which a fact can't be of this record, if it can't.
    pub(crate) fn refuses(self, code: &str, time: Option<Time>) -> Option<&'static str> {
        if code == Code::DEATH && time.is_some_and(|time| self.is_ahead(time)) {
            return Some(AHEAD);
        }
        self.life.refuses(code, time)
    }

    /// Has what ends or dies then not done so yet?
    pub(crate) fn is_ahead(self, time: Time) -> bool {
        self.ahead.is_some_and(|ahead| time > ahead)
    }
}

/// The moment after which a record has no end and no death: none where all that happened lies about there too, since some data sets
/// move all dates by a century.
fn ahead(source: &SourceSubject, allows: impl Fn(&str) -> bool, taken: Option<Time>) -> Option<Time> {
    let ahead = taken?.plus_days(AHEAD_DAYS);
    let lies_there = source.facts.iter().any(|fact| match fact {
        SourceFact::Event(event) => {
            !matches!(&*event.code, Code::DEATH | Code::FOLLOWUP_END)
                && allows(&event.path)
                && recorded(event.time).is_some_and(|time| time > ahead)
        }
        SourceFact::Label(label) => label.prediction_time > ahead,
        SourceFact::Identity(_) => false,
    });
    (!lies_there).then_some(ahead)
}

/// Which dates of a record can't be of one life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    /// None: birth isn't known, or all lies within a life.
    Whole,
    /// Facts after this moment, after the longest life: they stand apart from all others.
    Until(Time),
    /// Facts after this moment, the last before a long gap that ends at a great age.
    UntilGap(Time),
    /// Birth: the record begins after such a life, or goes on past its end.
    BornLater,
}

impl Life {
    /// By the births that a record states, the times of all else in it but ends of follow-up, and which times may stand for none.
    fn of(
        births: impl Iterator<Item = Time>,
        facts: impl Iterator<Item = Time> + Clone,
        stands_for_none: impl Fn(Time) -> bool,
    ) -> Self {
        let Some(birth) = births.min() else { return Life::Whole };
        let [old, great] = [OLD_YEARS, GREAT_YEARS].map(|years| birth.plus_days(years * DAYS_PER_YEAR));
        let is_late = |time: Time| time > great || time > old && stands_for_none(time);
        if facts.clone().any(is_late) {
            let mut times: Vec<Time> = facts.clone().collect();
            times.sort_unstable();
            let is_gap = |pair: &&[Time]| {
                is_late(pair[1]) && pair[1].days_since(pair[0]) > f64::from(OPEN_YEARS) * DAYS_PER_YEAR
            };
            if let Some(gap) = times.windows(2).find(is_gap) {
                return Life::UntilGap(gap[0]);
            }
        }
        let end = birth.plus_days(LONGEST_YEARS * DAYS_PER_YEAR);
        let Some(late) = facts.clone().filter(|time| *time > end).min() else { return Life::Whole };
        match facts.filter(|time| *time <= end).max() {
            Some(last) if late.days_since(last) > GAP_YEARS * DAYS_PER_YEAR => Life::Until(end),
            _ => Life::BornLater,
        }
    }

    /// Of what was read.
    fn of_source(source: &SourceSubject, allows: impl Fn(&str) -> bool + Copy, ahead: Option<Time>) -> Self {
        let events = source.facts.iter().filter_map(move |fact| match fact {
            SourceFact::Event(event) if allows(&event.path) => {
                let time = recorded(event.time)?;
                let is_ahead = event.code == Code::DEATH && ahead.is_some_and(|ahead| time > ahead);
                (!is_ahead).then_some((event.code.as_str(), time))
            }
            _ => None,
        });
        let asked = source.facts.iter().filter_map(|fact| match fact {
            SourceFact::Label(label) => Some(label.prediction_time),
            _ => None,
        });
        Self::of(births(events.clone()), facts(events).chain(asked), is_no_end)
    }

    /// Of what was de-identified: its dates may have moved, so no day of them stands for none.
    pub(crate) fn of_events<'e>(events: impl Iterator<Item = &'e Event> + Clone) -> Self {
        let events = events.filter_map(|event| event.time.map(|time| (event.code.as_str(), time)));
        Self::of(births(events.clone()), facts(events), |_| false)
    }

    /// The rule by which a fact can't be of this life, if it can't.
    pub(crate) fn refuses(self, code: &str, time: Option<Time>) -> Option<&'static str> {
        match self {
            Life::Until(end) if code != Code::FOLLOWUP_END && time > Some(end) => Some(TOO_LATE),
            Life::UntilGap(end) if code != Code::FOLLOWUP_END && time > Some(end) => Some(APART),
            Life::BornLater if code == Code::BIRTH => Some(TOO_EARLY),
            _ => None,
        }
    }
}

fn births<'e>(events: impl Iterator<Item = (&'e str, Time)>) -> impl Iterator<Item = Time> {
    events.filter(|(code, _)| *code == Code::BIRTH).map(|(_, time)| time)
}

fn facts<'e>(events: impl Iterator<Item = (&'e str, Time)> + Clone) -> impl Iterator<Item = Time> + Clone {
    events.filter(|(code, _)| !matches!(*code, Code::BIRTH | Code::FOLLOWUP_END)).map(|(_, time)| time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(birth: Option<i32>, facts: &[i32]) -> Life {
        let at = |year: &i32| Time::from_ymd(*year, 6, 1).unwrap();
        let births: Vec<Time> = birth.iter().map(at).collect();
        let facts: Vec<Time> = facts.iter().map(at).collect();
        Life::of(births.into_iter(), facts.into_iter(), is_no_end)
    }

    #[test]
    fn what_stands_apart_from_a_life_is_no_part_of_it() {
        let until = |year| Life::UntilGap(Time::from_ymd(year, 6, 1).unwrap());
        assert_eq!(life(Some(1950), &[1990, 2020, 2199]), until(2020));
        assert_eq!(life(Some(1985), &[2099, 1995, 2005, 2020]), until(2020));
        assert_eq!(life(Some(1950), &[2050, 2072]), Life::Until(Time::from_ymd(2070, 6, 1).unwrap()));
        assert_eq!(
            life(Some(1985), &[1986, 2050, 2070, 2081]),
            Life::Whole,
            "a long gap, and an age that is told"
        );
        assert_eq!(life(Some(1920), &[1985, 2012]), Life::Whole);
        assert_eq!(life(Some(1931), &[1990, 2023]), Life::Whole, "seen last at 59, dead at 92");
        assert_eq!(life(Some(1910), &[1975, 2019]), Life::Whole);
        assert_eq!(life(Some(1950), &[1990, 2020]), Life::Whole);
        assert_eq!(life(None, &[1990, 2199]), Life::Whole);
        // Dates of MIMIC.
        assert_eq!(life(Some(2100), &[2150, 2190]), Life::Whole);
    }

    #[test]
    fn a_day_that_stands_for_none_is_of_no_life_past_ninety() {
        let of = |last: Time| {
            let births = Time::from_ymd(1995, 6, 1);
            Life::of(births.into_iter(), [Time::from_ymd(2020, 6, 1).unwrap(), last].into_iter(), is_no_end)
        };
        let no_end = Time::from_ymd(2099, 12, 31).unwrap();
        assert_eq!(of(no_end.end_of_day()), Life::UntilGap(Time::from_ymd(2020, 6, 1).unwrap()));
        assert_eq!(of(no_end.plus_days(-1.0)), Life::Whole);
    }

    #[test]
    fn a_record_that_runs_on_past_a_life_has_another_birth() {
        assert_eq!(life(Some(1900), &[2015, 2019, 2022]), Life::BornLater);
        assert_eq!(life(Some(1850), &[2015]), Life::BornLater);
    }
}
