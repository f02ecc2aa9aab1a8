//! What becomes of a subject's dates: one offset, or the year alone; and nobody older than the policy's oldest age.

use crate::policy::DateMethod;
use events::{Code, Event, Label, MICROS_PER_DAY, SourceTime, Time};
use smol_str::SmolStr;

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

    /// Moves what lies further back than `oldest_age_years` before the last fact or label to that moment: the birth of the old,
    /// and facts that would tell it. All other intervals stay.
    ///
    /// An end of follow-up counts as a fact, or of the very old the living would be lost sight of where the dead are not; but one
    /// that stands for an open one ([`has_open_end`]) tells that somebody is still watched, and so has no end: all are left
    /// out. A label that stood before the moment moves there too, unless facts that came after it
    /// would then stand at its own time: it is lost.
    pub(crate) fn top_code_age(
        self,
        events: &mut Vec<Event>,
        labels: &mut Vec<(SmolStr, Label)>,
        oldest_age_years: u32,
    ) -> TopCoded {
        let is_end = |event: &Event| event.code.as_str() == Code::FOLLOWUP_END;
        let asked = labels.iter().map(|(_, label)| label.prediction_time);
        let known = events.len();
        if has_open_end(events.iter(), asked.clone(), oldest_age_years) {
            events.retain(|event| !is_end(event));
        }
        let open_ends = (known - events.len()) as u64;
        let times = events.iter().filter_map(|event| event.time).chain(asked);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
            return TopCoded { open_ends, ..TopCoded::default() };
        };
        let border = self.border(last, oldest_age_years);
        let mut told = TopCoded { changed: first < border, labels_lost: 0, open_ends };
        if first < border {
            let known = labels.len();
            let times: Vec<Time> = events.iter().filter_map(|event| event.time).collect();
            labels.retain_mut(|(_, label)| {
                let asked = label.prediction_time;
                let sees_more = asked < border && times.iter().any(|time| asked < *time && *time <= border);
                label.prediction_time = asked.max(border);
                !sees_more
            });
            told.labels_lost = (known - labels.len()) as u64;
            for event in events.iter_mut() {
                event.time = event.time.map(|time| time.max(border));
            }
        }
        told
    }

    /// The first moment that may be told of who was seen last at `last`.
    fn border(self, last: Time, oldest_age_years: u32) -> Time {
        match self.method {
            DateMethod::YearOnly => year_end(last.ymd().0 - oldest_age_years as i32),
            // At a day's beginning, so that the birth tells nothing of the last fact's hour.
            _ => day_from(last.plus_days(-in_days(oldest_age_years))),
        }
    }
}

/// An end of follow-up past the oldest age, and so many years after all else on record, stands for an open one. The years alone
/// tell nothing: who is well has no facts for decades, and is watched all the same.
pub(crate) const OPEN_YEARS: u32 = 30;

/// Days that stand for "no end" in sources, as `ingest` has them.
const NO_END: [(i32, u32, u32); 3] = [(2099, 12, 31), (2100, 12, 31), (2199, 12, 31)];

/// Is a time of a source on a day that stands for "no end"?
pub(crate) fn is_no_end(time: Time) -> bool {
    NO_END.contains(&time.ymd())
}

/// Is an end of follow-up in a source a day that stands for none? What is on record within the year before may end on that day,
/// since some data sets move all dates by a century.
pub(crate) fn ends_on_no_day(last: Option<Time>, end: Time) -> bool {
    is_no_end(end) && last.is_none_or(|last| end.days_since(last) > 366.0)
}

/// Does an end of follow-up lie where an open one does: past the oldest age, counted from the first of all else, and
/// [`OPEN_YEARS`] after the last of it?
pub(crate) fn is_open_end(
    first: Time,
    last: Time,
    end: Time,
    oldest_age_years: u32,
    open_years: u32,
) -> bool {
    end.days_since(first) > in_days(oldest_age_years) && end.days_since(last) > in_days(open_years)
}

/// Does an end of follow-up stand for an open one, as [`is_open_end`] has it?
pub(crate) fn has_open_end<'e>(
    events: impl Iterator<Item = &'e Event> + Clone,
    asked: impl Iterator<Item = Time> + Clone,
    oldest_age_years: u32,
) -> bool {
    let times = |ends: bool| {
        let of = events.clone().filter(move |event| (event.code.as_str() == Code::FOLLOWUP_END) == ends);
        of.filter_map(|event| event.time)
    };
    let others = times(false).chain(asked);
    let (Some(first), Some(last)) = (others.clone().min(), others.max()) else { return false };
    times(true).max().is_some_and(|end| is_open_end(first, last, end, oldest_age_years, OPEN_YEARS))
}

/// What became of a record that tells an age past the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopCoded {
    /// Times were moved.
    pub(crate) changed: bool,
    /// Labels that could not be moved without facts from after them.
    pub(crate) labels_lost: u64,
    /// Ends of follow-up that were left out, since one of them stands for an open one.
    pub(crate) open_ends: u64,
}

/// Whole days in so many years.
fn in_days(years: u32) -> f64 {
    (f64::from(years) * 365.25).floor()
}

/// The moment that stands for a year: on its 31 December, so late that nothing of the year comes after but its last hours, and
/// 365.25 days, which are a year to whoever reads the events, after the one of the year before. At the last second of each year they
/// would be 365 or 366 days apart, and of a leap year nothing would lie within a year of the end of the one before.
pub(crate) fn year_end(year: i32) -> Time {
    const SIX_HOURS: i64 = MICROS_PER_DAY / 4;
    // Sources state no year out of the calendar's range.
    let last_second = Time::from_ymd(year, 12, 31).unwrap_or(Time::MIN).end_of_day();
    last_second.plus_micros(-SIX_HOURS * i64::from(3 - year.rem_euclid(4)))
}

/// The first beginning of a day from `time` on.
fn day_from(time: Time) -> Time {
    Time::from_micros(-(-time.micros()).div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHIFT: Dates = Dates { method: DateMethod::Shift, offset_days: 0 };
    const YEARS: Dates = Dates { method: DateMethod::YearOnly, offset_days: 0 };

    fn top_code(dates: Dates, events: &mut Vec<Event>) -> bool {
        dates.top_code_age(events, &mut Vec::new(), 90).changed
    }

    fn asked(dates: Dates, time: Time) -> (SmolStr, Label) {
        let label = Label { subject_id: 1, prediction_time: dates.prediction(time), boolean_value: true };
        ("death".into(), label)
    }

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
            prop_assert_eq!(told, year_end(time.ymd().0));
            prop_assert!(YEARS.prediction(time) < time);
        }

        #[test]
        fn nobody_is_told_to_be_older_than_ninety_years(
            born in 1850i32..1990,
            ages in prop::collection::vec(0f64..115.0, 1..12),
            asked_at in prop::collection::vec(0f64..115.0, 0..4),
            end in prop::option::of(0f64..240.0),
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
            let mut labels: Vec<_> =
                asked_at.iter().map(|age| asked(dates, birth.plus_days(age * 365.25))).collect();
            // What each label's prediction may see, and no other.
            let seen = |events: &[Event], label: &Label| {
                events.iter().filter(|event| event.time <= Some(label.prediction_time)).count()
            };
            let before: Vec<usize> = labels.iter().map(|(_, label)| seen(&events, label)).collect();
            let end = end.filter(|end| ages.iter().chain(&asked_at).all(|age| age < end));
            events.extend(end.map(|age| Event::new(at(age), Code::followup_end())));
            labels.iter_mut().enumerate().for_each(|(number, (_, label))| label.subject_id = number as i64);
            dates.top_code_age(&mut events, &mut labels, 90);
            for (_, label) in &labels {
                prop_assert_eq!(
                    seen(&events[..ages.len() + usize::from(birth_known)], label),
                    before[label.subject_id as usize]
                );
            }
            let told = events.iter().filter_map(|e| e.time);
            let times: Vec<Time> = told.chain(labels.iter().map(|(_, label)| label.prediction_time)).collect();
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
        assert!(top_code(SHIFT, &mut events));
        let age = events[2].time.unwrap().days_since(events[0].time.unwrap()) / 365.25;
        assert!((89.9..=90.0).contains(&age), "{age}");
        assert_eq!(events[2].time.unwrap().days_since(events[1].time.unwrap()), gap);
        assert!(!top_code(SHIFT, &mut events));
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
        assert!(top_code(YEARS, &mut events));
        let years: Vec<i32> = events.iter().filter_map(|e| e.time).map(|t| t.ymd().0).collect();
        assert_eq!(years, [1913, 1990, 2003]);
    }

    #[test]
    fn successive_years_are_a_year_of_365_25_days_apart() {
        for year in 1901..=2099 {
            assert_eq!(year_end(year).ymd(), (year, 12, 31));
            if year < 2099 {
                assert_eq!(year_end(year + 1).days_since(year_end(year)), 365.25, "{year}");
            }
        }
        for (horizon, years) in [(365.25, 1), (730.5, 2), (1826.25, 5), (3652.5, 10)] {
            let asked = YEARS.prediction(Time::from_ymd(2016, 3, 4).unwrap());
            let onset = YEARS.fact(SourceTime::Date(Time::from_ymd(2015 + years, 2, 3).unwrap()));
            assert_eq!(onset, Some(asked.plus_days(horizon)));
        }
    }

    #[test]
    fn a_label_tells_no_great_age_either() {
        let at = |year| YEARS.fact(SourceTime::Date(Time::from_ymd(year, 3, 4).unwrap()));
        let mut events =
            vec![Event::new(at(1916), Code::birth()), Event::new(at(2001), Code::of("ICD10CM", "I10"))];
        let mut labels = vec![asked(YEARS, Time::from_ymd(2019, 6, 1).unwrap())];
        let told = YEARS.top_code_age(&mut events, &mut labels, 90);
        assert_eq!(told, TopCoded { changed: true, ..TopCoded::default() });
        assert_eq!(labels[0].1.prediction_time.ymd().0, 2018);
        let years: Vec<i32> = events.iter().filter_map(|e| e.time).map(|t| t.ymd().0).collect();
        assert_eq!(years, [1928, 2001]);
    }

    #[test]
    fn a_label_that_moves_sees_nothing_that_came_after_it() {
        let day = |year| Time::from_ymd(year, 3, 4).unwrap();
        let fact = |year| Event::new(Some(day(year)), Code::of("ICD10CM", "I10"));
        // Seen first at about 80, with what was asked then; and long after.
        let record = |asked_in: i32, between: &[i32]| {
            let mut events = vec![Event::new(Some(day(1900)), Code::birth()), fact(2010)];
            events.extend(between.iter().map(|year| fact(*year)));
            let mut labels = vec![asked(SHIFT, day(asked_in))];
            let told = SHIFT.top_code_age(&mut events, &mut labels, 90);
            (told.labels_lost, labels.first().map(|(_, label)| label.prediction_time.ymd().0), events)
        };
        let (lost, time, events) = record(1910, &[1905]);
        assert_eq!((lost, time), (0, Some(1920)));
        assert_eq!(events[0].time, events[2].time);
        let (lost, time, _) = record(1910, &[1905, 1915]);
        assert_eq!((lost, time), (1, None));
        let (lost, time, _) = record(1910, &[1905, 1925]);
        assert_eq!((lost, time), (0, Some(1920)));
    }

    #[test]
    fn who_was_watched_past_ninety_is_told_so_like_who_died_then() {
        let day = |year| Time::from_ymd(year, 3, 4);
        for dates in [SHIFT, YEARS] {
            let told = |last: Code| {
                let at = |year| dates.fact(SourceTime::Date(day(year).unwrap()));
                let mut events = vec![
                    Event::new(at(1920), Code::birth()),
                    Event::new(at(2005), Code::of("ICD10CM", "I10")),
                    Event::new(at(2015), last),
                ];
                assert!(top_code(dates, &mut events));
                events.iter().map(|event| event.time.unwrap().ymd().0).collect::<Vec<_>>()
            };
            assert_eq!(told(Code::followup_end()), [1925, 2005, 2015]);
            assert_eq!(told(Code::death()), told(Code::followup_end()));
        }
    }

    #[test]
    fn an_open_end_of_follow_up_moves_nothing() {
        let day = |year| Time::from_ymd(year, 3, 4);
        let open = Time::from_ymd(2099, 12, 31);
        for dates in [SHIFT, YEARS] {
            let at = |year| dates.fact(SourceTime::Date(day(year).unwrap()));
            let mut events = vec![
                Event::new(at(1950), Code::birth()),
                Event::new(at(1999), Code::of("ICD10CM", "I10")),
                Event::new(at(2019), Code::of("ICD10CM", "I50.9")),
                Event::new(dates.fact(SourceTime::Date(open.unwrap())), Code::followup_end()),
            ];
            let facts = events[..3].to_vec();
            // An earlier period's end is no end of who is still watched.
            events.push(Event::new(at(2010), Code::followup_end()));
            let told = dates.top_code_age(&mut events, &mut Vec::new(), 90);
            assert_eq!((told.changed, told.open_ends), (false, 2));
            assert_eq!(events, facts);
        }
    }

    #[test]
    fn who_is_well_for_decades_is_watched_until_the_end() {
        let day = |year| Time::from_ymd(year, 3, 4).unwrap();
        for dates in [SHIFT, YEARS] {
            let at = |year| dates.fact(SourceTime::Date(day(year)));
            let read = |born: i32, facts: &[i32], end: i32| {
                let mut events = vec![Event::new(at(born), Code::birth())];
                events.extend(facts.iter().map(|year| Event::new(at(*year), Code::of("ICD10CM", "I10"))));
                events.push(Event::new(at(end), Code::followup_end()));
                let stated = events.clone();
                let told = dates.top_code_age(&mut events, &mut Vec::new(), 90);
                (told, events == stated)
            };
            for facts in [&[1990][..], &[], &[1971]] {
                assert_eq!(read(1970, facts, 2024), (TopCoded::default(), true), "{facts:?}");
            }
            assert_eq!(read(1920, &[1960, 1992], 2009), (TopCoded::default(), true));
            let open = (TopCoded { open_ends: 1, ..TopCoded::default() }, false);
            assert_eq!(read(1920, &[1960], 2015), open);
            assert_eq!(read(1970, &[1990], 2199), open);
        }
    }

    #[test]
    fn days_that_stand_for_no_end_are_known() {
        let day = |year, month, day| Time::from_ymd(year, month, day).unwrap();
        let no_end = day(2099, 12, 31);
        assert!(ends_on_no_day(Some(day(2020, 1, 1)), no_end) && ends_on_no_day(None, no_end));
        assert!(ends_on_no_day(None, no_end.end_of_day()));
        assert!(!ends_on_no_day(Some(day(2099, 12, 24)), no_end), "a stay in moved dates");
        assert!(!ends_on_no_day(None, day(2098, 12, 31)));
    }
}
