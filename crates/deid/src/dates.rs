//! What becomes of a subject's dates: one offset, or the year alone; and nobody older than the policy's oldest age.

use crate::policy::DateMethod;
use events::{Code, Event, MICROS_PER_DAY, SourceTime, Time};

/// Mean length of a year of the Gregorian calendar, in days.
const DAYS_PER_YEAR: f64 = 365.2425;
/// How far from whole years an offset may lie that keeps the season, in days.
const SEASON_DAYS: f64 = 30.0;

/// The whole days that a subject's dates may be moved by, never 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offsets(Vec<i32>);

impl Offsets {
    /// All of ±1 … ±`shift_days`; of them, where the weekday is kept, multiples of 7, and, where the season is,
    /// those within 30 days of whole years.
    pub(crate) fn new(shift_days: u32, keep_weekday: bool, keep_season: bool) -> Self {
        let most = i32::try_from(shift_days).unwrap_or(i32::MAX).min(36_500);
        let in_season = |days: f64| {
            let years = (days / DAYS_PER_YEAR).round();
            (days - years * DAYS_PER_YEAR).abs() <= SEASON_DAYS
        };
        let fits = |days: &i32| {
            *days != 0 && (!keep_weekday || days % 7 == 0) && (!keep_season || in_season(f64::from(*days)))
        };
        Offsets((-most..=most).filter(fits).collect())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The one for a uniform number, in days; 0 when there is none to choose.
    pub(crate) fn choose(&self, uniform: u64) -> i32 {
        match self.0.len() as u64 {
            0 => 0,
            // The bias of the remainder is below 2^-50 for at most 7300 outcomes.
            n => self.0[(uniform % n) as usize],
        }
    }
}

/// A subject's dates on their way through the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dates {
    pub(crate) method: DateMethod,
    pub(crate) offset_days: i32,
}

impl Dates {
    /// When a fact stands. A fact known by its date stands at the end of that day, and one of which the year
    /// alone is told at the end of that year, so that nothing of the day or year can be predicted from it.
    pub(crate) fn fact(self, time: SourceTime) -> Option<Time> {
        match time {
            SourceTime::Static => None,
            SourceTime::Date(day) => Some(self.moved(day.end_of_day())),
            SourceTime::DateTime(time) => Some(self.moved(time)),
        }
    }

    /// When a prediction is made. Where only years are told, at the end of the year before: what is known of the
    /// year itself stands at its end, part of it after the prediction.
    pub(crate) fn prediction(self, time: Time) -> Time {
        match self.method {
            DateMethod::YearOnly => year_end(time.ymd().0 - 1),
            _ => self.moved(time),
        }
    }

    fn moved(self, time: Time) -> Time {
        match self.method {
            DateMethod::Shift => time.plus_micros(i64::from(self.offset_days) * MICROS_PER_DAY),
            DateMethod::YearOnly => year_end(time.ymd().0),
            DateMethod::AsIs => time,
        }
    }

    /// Moves the end of follow-up earlier by `days`, but not past another fact.
    pub(crate) fn blur_followup(events: &mut [Event], days: u64) {
        let is_end = |event: &Event| event.code.as_str() == Code::FOLLOWUP_END;
        let last = events.iter().filter(|e| !is_end(e)).filter_map(|e| e.time).max();
        for event in events.iter_mut().filter(|event| is_end(event)) {
            let earlier = |time: Time| time.plus_micros(-(days as i64 * MICROS_PER_DAY));
            event.time = event.time.map(|time| match last {
                Some(last) if last < time => earlier(time).max(last),
                Some(_) => time,
                None => earlier(time),
            });
        }
    }

    /// Moves what lies further back than `oldest_age_years` before the last fact to that moment: the birth of the
    /// old, and facts that would tell it. Returns whether anything moved. All other intervals stay.
    pub(crate) fn top_code_age(self, events: &mut [Event], oldest_age_years: u32) -> bool {
        let Some(first) = events.iter().filter_map(|e| e.time).min() else { return false };
        let Some(last) = events.iter().filter_map(|e| e.time).max() else { return false };
        let earliest = match self.method {
            DateMethod::YearOnly => year_end(last.ymd().0 - oldest_age_years as i32),
            _ => last.plus_days(-(f64::from(oldest_age_years) * 365.25).floor()),
        };
        if first >= earliest {
            return false;
        }
        let new = match self.method {
            DateMethod::YearOnly => earliest,
            _ => next_day(earliest),
        };
        for event in events.iter_mut().filter(|event| event.time.is_some_and(|time| time < earliest)) {
            event.time = Some(new);
        }
        true
    }
}

/// The last second of a year.
fn year_end(year: i32) -> Time {
    // Sources state no year out of the calendar's range.
    Time::from_ymd(year, 12, 31).unwrap_or(Time::MIN).end_of_day()
}

fn next_day(time: Time) -> Time {
    Time::from_micros(time.micros().div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY + MICROS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHIFT: Dates = Dates { method: DateMethod::Shift, offset_days: 0 };
    const YEARS: Dates = Dates { method: DateMethod::YearOnly, offset_days: 0 };

    proptest! {
        #[test]
        fn offsets_are_within_bounds_and_never_zero(uniform: u64, shift in 1u32..3650) {
            let days = Offsets::new(shift, false, false).choose(uniform);
            prop_assert!(days != 0 && days.unsigned_abs() <= shift);
        }

        #[test]
        fn weekday_and_season_are_kept(uniform: u64, shift in 365u32..3650) {
            let days = Offsets::new(shift, true, true).choose(uniform);
            prop_assert_eq!(days % 7, 0);
            let from_whole_years = (f64::from(days) / DAYS_PER_YEAR).fract().abs() * DAYS_PER_YEAR;
            prop_assert!(from_whole_years.min(DAYS_PER_YEAR - from_whole_years) <= SEASON_DAYS);
        }

        #[test]
        fn of_a_date_only_the_year_is_left(micros in Time::MIN.micros()..Time::MAX.micros()) {
            let time = Time::from_micros(micros);
            let told = YEARS.fact(SourceTime::DateTime(time)).unwrap();
            prop_assert_eq!(told, YEARS.fact(SourceTime::Date(time)).unwrap());
            prop_assert_eq!(told.ymd(), (time.ymd().0, 12, 31));
            prop_assert_eq!(told, told.end_of_day());
            prop_assert!(YEARS.prediction(time) < time);
        }

        #[test]
        fn nobody_is_told_to_be_older_than_ninety_years(
            born in 1850i32..1990,
            ages in prop::collection::vec(0f64..115.0, 1..12),
            birth_known: bool,
            years_only: bool,
        ) {
            let dates = if years_only { YEARS } else { SHIFT };
            let birth = Time::from_ymd(born, 5, 17).unwrap();
            let at = |age: f64| dates.fact(SourceTime::DateTime(birth.plus_days(age * 365.25)));
            let mut events: Vec<Event> = ages.iter().map(|a| Event::new(at(*a), Code::of("ICD10CM", "I10"))).collect();
            if birth_known {
                events.push(Event::new(at(0.0), Code::birth()));
            }
            dates.top_code_age(&mut events, 90);
            let times: Vec<Time> = events.iter().filter_map(|e| e.time).collect();
            let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            prop_assert!(years_only || last.days_since(*first) <= 90.0 * 365.25, "{first} {last}");
            prop_assert!(!years_only || last.ymd().0 - first.ymd().0 <= 90);
        }
    }

    #[test]
    fn both_ends_of_the_offsets_are_reached() {
        let offsets = Offsets::new(2, false, false);
        assert_eq!([0, 1, 2, 3].map(|uniform| offsets.choose(uniform)), [-2, -1, 1, 2]);
    }

    #[test]
    fn nobody_is_older_than_ninety() {
        let birth = Time::from_ymd(1900, 1, 1).unwrap();
        let first = Event::new(Some(birth.plus_days(80.0 * 365.25)), Code::of("ICD10CM", "I10"));
        let last = Event::new(Some(birth.plus_days(97.3 * 365.25)), Code::of("ICD10CM", "I50.9"));
        let gap = last.time.unwrap().days_since(first.time.unwrap());
        let mut events = vec![Event::new(Some(birth), Code::birth()), first, last];
        assert!(SHIFT.top_code_age(&mut events, 90));
        let age = events[2].time.unwrap().days_since(events[0].time.unwrap()) / 365.25;
        assert!((89.9..=90.0).contains(&age), "{age}");
        assert_eq!(events[2].time.unwrap().days_since(events[1].time.unwrap()), gap);
        assert!(!SHIFT.top_code_age(&mut events, 90));
    }

    #[test]
    fn the_end_of_follow_up_moves_earlier_but_past_no_fact() {
        let at = |day| Time::from_ymd(2020, 6, day);
        let told = |days| {
            let mut events = vec![
                Event::new(at(10), Code::of("ICD10CM", "I10")),
                Event::new(at(25), Code::followup_end()),
            ];
            Dates::blur_followup(&mut events, days);
            [events[0].time.unwrap().ymd().2, events[1].time.unwrap().ymd().2]
        };
        assert_eq!([told(0), told(7), told(40)], [[10, 25], [10, 18], [10, 10]]);
    }

    #[test]
    fn a_death_past_ninety_tells_no_birth_year() {
        let at = |year| YEARS.fact(SourceTime::Date(Time::from_ymd(year, 3, 4).unwrap()));
        let mut events = vec![
            Event::new(at(1901), Code::birth()),
            Event::new(at(1990), Code::of("ICD10CM", "I10")),
            Event::new(at(2003), Code::death()),
        ];
        assert!(YEARS.top_code_age(&mut events, 90));
        let years: Vec<i32> = events.iter().filter_map(|e| e.time).map(|t| t.ymd().0).collect();
        assert_eq!(years, [1913, 1990, 2003]);
    }
}
