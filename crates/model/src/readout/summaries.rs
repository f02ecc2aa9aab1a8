//! What a record says of each code so far, as a row of numbers: how often, how lately, and its values' level,
//! range and trend.
//!
//! For every chosen code, over all of the record up to the prediction and over the later half of its time. Values
//! are the ranks that the tokens carry, so that no unit matters. Which codes: those that occur before enough of the
//! training rows. Nothing knows a code's name.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use timeline::Sequence;

/// Columns per code: the whole record's, then the later half's.
const OF_WHOLE: usize = 9;
const OF_LATER: usize = 6;
const PER_CODE: usize = OF_WHOLE + OF_LATER;

/// Keeps a slope over few or close moments small; times run from 0 to 1 over the record.
const SLOPE_RIDGE: f64 = 0.01;

/// Which codes are summarised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summaries {
    time_code: u32,
    /// Increasing.
    codes: Vec<u32>,
}

/// Running sums of one code over one stretch of the record.
#[derive(Clone, Copy)]
struct Tally {
    count: u32,
    valued: u32,
    last_age: f64,
    first: f64,
    last: f64,
    low: f64,
    high: f64,
    sum: f64,
    squares: f64,
    times: f64,
    time_squares: f64,
    products: f64,
}

impl Tally {
    const EMPTY: Tally = Tally {
        count: 0,
        valued: 0,
        last_age: f64::NAN,
        first: f64::NAN,
        last: f64::NAN,
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        sum: 0.0,
        squares: 0.0,
        times: 0.0,
        time_squares: 0.0,
        products: 0.0,
    };

    fn add(&mut self, age: f64, time: f64, value: f64) {
        self.count += 1;
        self.last_age = age;
        if !value.is_finite() {
            return;
        }
        self.valued += 1;
        if self.valued == 1 {
            self.first = value;
        }
        self.last = value;
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        self.sum += value;
        self.squares += value * value;
        self.times += time;
        self.time_squares += time * time;
        self.products += value * time;
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.valued)
    }

    fn deviation(&self) -> f64 {
        (self.squares / f64::from(self.valued) - self.mean().powi(2)).max(0.0).sqrt()
    }

    fn slope(&self) -> f64 {
        let n = f64::from(self.valued);
        let time = self.times / n;
        let covariance = self.products / n - time * self.mean();
        covariance / ((self.time_squares / n - time * time).max(0.0) + SLOPE_RIDGE)
    }

    fn log_count(&self) -> f64 {
        f64::from(self.count).ln_1p()
    }
}

impl Summaries {
    /// The codes that occur before at least `share` of the rows (and before 20 of them, where there are as many),
    /// commonest first until `columns` are full.
    pub(crate) fn choose(time_code: u32, rows: &[(Sequence<'_>, usize)], share: f64, columns: usize) -> Self {
        let mut uses: HashMap<u32, usize> = HashMap::new();
        let mut seen = Vec::new();
        for (sequence, position) in rows {
            seen.clear();
            seen.extend_from_slice(&sequence.code[..=*position]);
            seen.sort_unstable();
            seen.dedup();
            seen.iter().for_each(|code| *uses.entry(*code).or_default() += 1);
        }
        uses.remove(&time_code);
        let fewest = ((share * rows.len() as f64).ceil() as usize).max(20.min(rows.len() / 10)).max(1);
        let mut common: Vec<(usize, u32)> =
            uses.into_iter().filter(|(_, n)| *n >= fewest).map(|(code, n)| (n, code)).collect();
        common.sort_unstable_by_key(|(n, code)| (std::cmp::Reverse(*n), *code));
        common.truncate(columns / PER_CODE);
        let mut codes: Vec<u32> = common.into_iter().map(|(_, code)| code).collect();
        codes.sort_unstable();
        Summaries { time_code, codes }
    }

    /// Numbers in a row.
    pub(crate) fn width(&self) -> usize {
        1 + self.codes.len() * PER_CODE
    }

    /// Whether a column tells of the later half of the record.
    pub(crate) fn is_of_later_half(column: usize) -> bool {
        column > 0 && (column - 1) % PER_CODE >= OF_WHOLE
    }

    /// Whether the codes are in order and below `vocabulary`.
    pub(crate) fn is_sound(&self, vocabulary: usize) -> bool {
        self.codes.is_sorted_by(|a, b| a < b) && self.codes.iter().all(|c| (*c as usize) < vocabulary)
    }

    /// Sets `out` (`[width]`) to the summary of the tokens up to `position`, NaN where there is nothing to tell.
    pub(crate) fn write(&self, sequence: &Sequence<'_>, position: usize, out: &mut [f32]) {
        let begin = sequence.age_days[0];
        let end = sequence.age_days[position];
        let span = (end - begin).max(1e-9);
        let mut whole = vec![Tally::EMPTY; self.codes.len()];
        let mut later = vec![Tally::EMPTY; self.codes.len()];
        for place in 0..=position {
            let Ok(index) = self.codes.binary_search(&sequence.code[place]) else { continue };
            let age = sequence.age_days[place];
            let time = (age - begin) / span;
            let value = f64::from(sequence.value[place]);
            whole[index].add(age, time, value);
            if place >= sequence.static_len && time > 0.5 {
                later[index].add(age, time, value);
            }
        }
        out.fill(f32::NAN);
        if sequence.birth_known {
            out[0] = (end / 365.25) as f32;
        }
        for ((out, whole), later) in out[1..].chunks_exact_mut(PER_CODE).zip(&whole).zip(&later) {
            let (of_whole, of_later) = out.split_at_mut(OF_WHOLE);
            of_whole[0] = whole.log_count() as f32;
            if whole.count > 0 {
                // An hour is the unit below which it does not matter when.
                of_whole[1] = (end - whole.last_age + 1.0 / 24.0).ln() as f32;
            }
            if whole.valued > 0 {
                let told = [
                    whole.last,
                    whole.first,
                    whole.low,
                    whole.high,
                    whole.mean(),
                    whole.deviation(),
                    whole.slope(),
                ];
                of_whole[2..].iter_mut().zip(told).for_each(|(out, v)| *out = v as f32);
            }
            of_later[0] = later.log_count() as f32;
            if later.valued > 0 {
                let told = [later.first, later.low, later.high, later.mean(), later.slope()];
                of_later[1..].iter_mut().zip(told).for_each(|(out, v)| *out = v as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(code: &'a [u32], age: &'a [f64], value: &'a [f32]) -> Sequence<'a> {
        Sequence {
            subject_id: 1,
            code,
            age_days: age,
            value,
            static_len: 1,
            followup_end_age_days: 2000.0,
            died: false,
            birth_known: true,
        }
    }

    #[test]
    fn a_row_tells_level_range_and_trend_and_nothing_later() {
        let code = [2, 5, 0, 5, 0, 5, 7];
        let age = [1000.0, 1000.0, 1040.0, 1040.0, 1100.0, 1100.0, 1100.0];
        let value = [f32::NAN, 0.2, 40.0, 0.4, 60.0, 0.9, f32::NAN];
        let sequence = record(&code, &age, &value);
        let summaries = Summaries::choose(0, &[(sequence, 6)], 0.5, 100);
        assert_eq!(summaries.codes, [2, 5, 7]);
        let mut row = vec![0.0; summaries.width()];
        summaries.write(&sequence, 6, &mut row);
        assert!((row[0] - 1100.0 / 365.25).abs() < 1e-4);
        let of = |code: usize| &row[1 + code * PER_CODE..1 + (code + 1) * PER_CODE];
        let five = of(1);
        assert!((five[0] - 4.0_f32.ln()).abs() < 1e-6, "three times");
        assert!((five[2] - 0.9).abs() < 1e-6 && (five[3] - 0.2).abs() < 1e-6);
        assert!((five[4] - 0.2).abs() < 1e-6 && (five[5] - 0.9).abs() < 1e-6 && (five[6] - 0.5).abs() < 1e-6);
        assert!(five[8] > 0.5, "it rises");
        assert!((five[9] - 2.0_f32.ln()).abs() < 1e-6, "once in the later half");
        assert!(of(0)[2].is_nan() && of(2)[2].is_nan() && of(2)[0] > 0.0);
        // Before the last value was told, the row does not know it.
        summaries.write(&sequence, 3, &mut row);
        assert!((row[1 + PER_CODE + 5] - 0.4).abs() < 1e-6);
    }

    #[test]
    fn codes_are_chosen_by_how_many_rows_have_them() {
        let lives: Vec<(Vec<u32>, Vec<f64>, Vec<f32>)> = (0..100)
            .map(|i| {
                (
                    vec![3, if i < 50 { 4 } else { 6 }, if i == 0 { 9 } else { 5 }],
                    vec![0.0; 3],
                    vec![f32::NAN; 3],
                )
            })
            .collect();
        let rows: Vec<_> = lives.iter().map(|(c, a, v)| (record(c, a, v), 2)).collect();
        assert_eq!(Summaries::choose(0, &rows, 0.02, 1000).codes, [3, 4, 5, 6]);
        assert_eq!(Summaries::choose(0, &rows, 0.02, 2 * PER_CODE).codes, [3, 5]);
    }
}
