//! One offset a subject, and nobody older than the policy's oldest age.

use events::{Code, Event, MICROS_PER_DAY, Time};

/// The offset for a uniform number: whole days in ±1 … ±`shift_days`, never 0.
pub(crate) fn offset_micros(uniform: u64, shift_days: u32) -> i64 {
    // The bias of the remainder is below 2^-50 for at most 7300 outcomes.
    let days = (uniform % (2 * u64::from(shift_days))) as i64 - i64::from(shift_days);
    (if days >= 0 { days + 1 } else { days }) * MICROS_PER_DAY
}

/// Moves birth later so that no fact lies past `oldest_age_years`. Returns whether it moved. All intervals
/// other than those from birth stay.
pub(crate) fn top_code_age(events: &mut [Event], oldest_age_years: u32) -> bool {
    let is_birth = |e: &Event| e.code.as_str() == Code::BIRTH;
    let Some(birth) = events.iter().filter(|e| is_birth(e)).filter_map(|e| e.time).min() else {
        return false;
    };
    let Some(last) = events.iter().filter_map(|e| e.time).max() else { return false };
    let earliest_birth = last.plus_days(-(f64::from(oldest_age_years) * 365.25).floor());
    if birth >= earliest_birth {
        return false;
    }
    // A fact before the new birth would tell the old one.
    for event in events.iter_mut() {
        if event.time.is_some_and(|time| is_birth(event) || time < earliest_birth) {
            event.time = Some(day_of(earliest_birth));
        }
    }
    true
}

fn day_of(time: Time) -> Time {
    Time::from_micros(time.micros().div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY + MICROS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn offsets_are_whole_days_within_bounds_and_never_zero(uniform: u64, shift in 1u32..3650) {
            let offset = offset_micros(uniform, shift);
            prop_assert_eq!(offset % MICROS_PER_DAY, 0);
            let days = offset / MICROS_PER_DAY;
            prop_assert!(days != 0 && days.abs() <= i64::from(shift));
        }
    }

    #[test]
    fn both_ends_of_the_offset_are_reached() {
        let days = |u| offset_micros(u, 2) / MICROS_PER_DAY;
        assert_eq!([days(0), days(1), days(2), days(3)], [-2, -1, 1, 2]);
    }

    #[test]
    fn nobody_is_older_than_ninety() {
        let birth = Time::from_ymd(1900, 1, 1).unwrap();
        let first = Event::new(Some(birth.plus_days(80.0 * 365.25)), Code::of("ICD10CM", "I10"));
        let last = Event::new(Some(birth.plus_days(97.3 * 365.25)), Code::of("ICD10CM", "I50.9"));
        let gap = last.time.unwrap().days_since(first.time.unwrap());
        let mut events = vec![Event::new(Some(birth), Code::birth()), first, last];
        assert!(top_code_age(&mut events, 90));
        let age = events[2].time.unwrap().days_since(events[0].time.unwrap()) / 365.25;
        assert!((89.9..=90.0).contains(&age), "{age}");
        assert_eq!(events[2].time.unwrap().days_since(events[1].time.unwrap()), gap);
        assert!(!top_code_age(&mut events, 90));
    }
}
