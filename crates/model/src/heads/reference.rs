//! What age and sex alone let expect: the part of a log-hazard that horizon risk starts from and doesn't train.
//!
//! A table holds log-rates a day of first occurrences, by sex (female, male, unknown) and five-year band of age, and one
//! row for those whose age isn't known. Between the middles of bands the log-rate is linear; the interval between two
//! horizons is asked at its middle, so that a person ages on the way to a distant horizon.

use crate::config::{Config, HORIZONS};
use crate::heads::moment::Moment;
use crate::heads::risk;
use crate::real::{Real, vectorised};

/// Bands of age: 0–4, 5–9, … 100 and over.
pub(crate) const BANDS: usize = 21;
/// Days in a band.
pub(crate) const BAND_DAYS: f64 = 5.0 * 365.25;
/// Female, male, unknown.
pub(crate) const SEXES: usize = 3;
/// Rows of the table; the last is for an unknown age.
pub(crate) const ROWS: usize = SEXES * BANDS + 1;

/// Index of a person's sex: 0 female, 1 male, 2 unknown.
pub(crate) fn sex_of(config: &Config, seen: &[u32]) -> usize {
    let Some(codes) = config.risk.reference else { return 2 };
    let is = |code: Option<u32>| code.is_some_and(|code| seen.contains(&code));
    match (is(codes.female), is(codes.male)) {
        (true, false) => 0,
        (false, true) => 1,
        _ => 2,
    }
}

/// The band of an age.
pub(crate) fn band_of(age_days: f64) -> usize {
    ((age_days / BAND_DAYS).max(0.0) as usize).min(BANDS - 1)
}

/// Where in the table the intervals of a moment stand: a row, and the share that the row after it has.
pub(crate) fn places(config: &Config, moment: &Moment) -> [(usize, f64); HORIZONS] {
    let Some(age) = moment.age_days else { return [(ROWS - 1, 0.0); HORIZONS] };
    let first = sex_of(config, &moment.seen) * BANDS;
    std::array::from_fn(|k| {
        let (begin, end) = risk::interval(k);
        let position = (age + (begin + end) / 2.0) / BAND_DAYS - 0.5;
        let position = position.clamp(0.0, (BANDS - 1) as f64);
        // The last band stands as the upper neighbour alone, so that every row has one.
        let band = (position as usize).min(BANDS - 2);
        (first + band, position - band as f64)
    })
}

/// Adds the log-rates at a place to a row of log-hazards of all codes.
pub(crate) fn add<T: Real>(table: &[T], (row, share): (usize, f64), out: &mut [T]) {
    let codes = out.len();
    let low = &table[row * codes..(row + 1) * codes];
    let high = if share > 0.0 { &table[(row + 1) * codes..(row + 2) * codes] } else { low };
    let share = T::of(share);
    vectorised(
        #[inline(always)]
        || {
            for ((x, low), high) in out.iter_mut().zip(low).zip(high) {
                *x += *low + share * (*high - *low);
            }
        },
    );
}

/// The log-rate of one of `codes` at a place.
pub(crate) fn log_rate(table: &[f32], codes: usize, (row, share): (usize, f64), code: usize) -> f32 {
    let low = table[row * codes + code];
    let high = if share > 0.0 { table[(row + 1) * codes + code] } else { low };
    low + share as f32 * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SexCodes, Size};

    fn config() -> Config {
        let mut config = Config::of_size(Size::Tiny, 10, 0, Some(1), &[4, 5]);
        config.risk.reference = Some(SexCodes { female: Some(2), male: Some(3) });
        config
    }

    #[test]
    fn a_person_ages_on_the_way_to_a_distant_horizon() {
        let config = config();
        let moment = Moment { seen: vec![3, 7], age_days: Some(52.5 * 365.25), ..Moment::default() };
        let places = places(&config, &moment);
        // 52.5 is the middle of the eleventh band of men; 60 lies half a band beyond the next middle.
        assert_eq!(places[0].0, BANDS + 10);
        assert!(places[0].1 < 1e-3);
        assert_eq!(places[8].0, BANDS + 11);
        assert!((places[8].1 - 0.5).abs() < 1e-2, "{}", places[8].1);
    }

    #[test]
    fn every_age_and_sex_has_its_rows() {
        let config = config();
        let sex = |seen: &[u32]| sex_of(&config, seen);
        assert_eq!([sex(&[2]), sex(&[5, 3]), sex(&[5]), sex(&[2, 3])], [0, 1, 2, 2]);
        for age in [None, Some(-5.0), Some(0.0), Some(4e4), Some(1e9)] {
            let moment = Moment { seen: vec![5], age_days: age, ..Moment::default() };
            for (row, share) in places(&config, &moment) {
                assert!(row + usize::from(share > 0.0) < ROWS && (0.0..=1.0).contains(&share), "{age:?}");
                assert!(age.is_some() == (row < ROWS - 1));
            }
        }
    }

    #[test]
    fn log_rates_are_linear_between_bands() {
        let table: Vec<f64> =
            (0..ROWS * 2).map(|i| (i / 2) as f64 * if i % 2 == 0 { 1.0 } else { -2.0 }).collect();
        let mut out = [10.0, 10.0];
        add(&table, (4, 0.25), &mut out);
        assert_eq!(out, [14.25, 1.5]);
        let table: Vec<f32> = table.iter().map(|x| *x as f32).collect();
        assert_eq!(log_rate(&table, 2, (4, 0.25), 1), -8.5);
        assert_eq!(log_rate(&table, 2, (ROWS - 1, 0.0), 0), (ROWS - 1) as f32);
    }
}
