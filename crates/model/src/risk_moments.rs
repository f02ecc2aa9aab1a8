//! At which moments of a record horizon risk is trained.
//!
//! Risk is asked at a visit that somebody turns up for, and is told of the years after it. Were every visit trained alike,
//! those who come every week, and whose diseases are known, would say most about people who come once a year and whose
//! aren't. So moments count by time: each for the days since the record last stood a day earlier, and one day more, as if
//! dates were drawn and the first moment from each on taken.
//!
//! What a moment counts for must depend on nothing that comes after it, or hazards wouldn't stay what they are (independent
//! sampling: Andersen et al., "Statistical Models Based on Counting Processes", 1993, III.2). So what was drawn stands for
//! the days that are left out, and is not put in proportion to how many days or moments the record goes on to have: with as
//! many equal draws from every record, moments that nothing followed would count most, and hazards come out too low.

use crate::random;

/// Days that a moment counts for besides those that led up to it, and within which moments count as one visit.
const VISIT_DAYS: f64 = 1.0;

/// How many days each moment, by its age in days and in order, stands for, when so many draws are made; 0 where it wasn't
/// drawn. The draws are spread evenly over what all moments count for, from a random start (systematic sampling: Madow 1949).
pub(crate) fn draw(ages_days: &[f64], draws: usize, key: u64) -> Vec<f64> {
    let mut earlier = 0;
    let counts_for: Vec<f64> = ages_days
        .iter()
        .map(|age| {
            while ages_days.get(earlier + 1).is_some_and(|next| *next <= age - VISIT_DAYS) {
                earlier += 1;
            }
            age - ages_days[earlier] + VISIT_DAYS
        })
        .collect();
    if ages_days.len() <= draws {
        return counts_for;
    }
    let step = counts_for.iter().sum::<f64>() / draws as f64;
    let start = random::uniform(key, 0);
    let (mut passed, mut drawn) = (0.0, 0);
    counts_for
        .iter()
        .map(|days| {
            passed += days;
            // Draw number `i` lies at `(start + i) step`.
            let so_far = ((passed / step - start).ceil().max(0.0) as usize).min(draws);
            let new = so_far - drawn;
            drawn = so_far;
            new as f64 * step
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A visit of three moments after 99 days, and one a week later.
    const AGES: [f64; 5] = [0.0, 99.0, 99.01, 99.02, 106.02];
    const COUNT_FOR: [f64; 5] = [1.0, 100.0, 100.01, 100.02, 8.0];

    #[test]
    fn moments_count_for_the_time_that_led_up_to_them() {
        for (days, expected) in draw(&AGES, 5, 1).into_iter().zip(COUNT_FOR) {
            assert!((days - expected).abs() < 1e-9);
        }
        // And on average where only some can be drawn.
        let mut sums = [0.0; 5];
        for key in 0..4_000 {
            let days = draw(&AGES, 3, key);
            assert!(days.iter().filter(|days| **days > 0.0).count() <= 3);
            sums.iter_mut().zip(days).for_each(|(sum, days)| *sum += days / 4_000.0);
        }
        for (mean, expected) in sums.into_iter().zip(COUNT_FOR) {
            // At most one draw of 103 days in each, so that a mean's standard error is at most `√(103 d / 4000)`.
            assert!((mean - expected).abs() < 4.0 * (103.0 * expected / 4_000.0).sqrt(), "{sums:?}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_later_changes_nothing_where_all_are_taken(
            gaps in prop::collection::vec(prop_oneof![Just(0.01), 0.0..1.0, 1.0..4000.0_f64], 2..60), key: u64,
        ) {
            let ages: Vec<f64> = gaps.iter().scan(10_000.0, |age, gap| { *age += gap; Some(*age) }).collect();
            let (whole, cut) = (draw(&ages, 60, key), draw(&ages[..ages.len() - 1], 60, key));
            prop_assert_eq!(&whole[..cut.len()], &cut[..]);
        }

        #[test]
        fn what_is_drawn_stands_for_all_days(
            gaps in prop::collection::vec(prop_oneof![Just(0.01), 0.0..1.0, 1.0..4000.0_f64], 2..60),
            draws in 1_usize..60, key: u64,
        ) {
            let ages: Vec<f64> = gaps.iter().scan(10_000.0, |age, gap| { *age += gap; Some(*age) }).collect();
            let (all, some) = (draw(&ages, ages.len(), key), draw(&ages, draws, key));
            let (all, some) = (all.iter().sum::<f64>(), some.iter().sum::<f64>());
            // The last draw may fall a hair beyond the last moment.
            let missing = 1.0 - some / all;
            prop_assert!(missing.abs() < 1e-9 || (missing - 1.0 / draws as f64).abs() < 1e-9, "{missing}");
        }
    }
}
