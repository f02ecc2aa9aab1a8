//! What anyone would count first: how often, how lately and at what level each code is in a record so far. Boosted
//! trees on such a row are the baseline that a model of whole records has to beat.
//!
//! A row holds the age, and of each chosen code: how often ever, how often within a year, the days since it was last
//! told, and of its numbers the last, mean, lowest and highest. Undated facts count, without days. Nothing after the
//! moment is looked at.

use events::{Code, Subject, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

const DAYS_PER_YEAR: f64 = 365.25;
/// Counts ever and within a year, days since.
const OF_COUNTS: usize = 3;
/// Last, mean, lowest, highest.
const OF_VALUES: usize = 4;

/// Counts before how many rows each code stands, to choose the codes.
#[derive(Clone, Debug, Default)]
pub struct CountColumnsBuilder {
    rows: usize,
    /// By code: rows that have it, and rows that have a number of it.
    uses: FxHashMap<SmolStr, (usize, usize)>,
}

impl CountColumnsBuilder {
    /// Adds a subject as known at a moment.
    pub fn add(&mut self, subject: &Subject, time: Time) {
        self.rows += 1;
        let (mut seen, mut valued) = (FxHashSet::default(), FxHashSet::default());
        for event in known(subject, time) {
            let code = event.code.as_str();
            let first = seen.insert(code);
            let first_value = event.numeric_value.and_then(finite).is_some() && valued.insert(code);
            if first || first_value {
                if !self.uses.contains_key(code) {
                    self.uses.insert(SmolStr::new(code), (0, 0));
                }
                if let Some(uses) = self.uses.get_mut(code) {
                    uses.0 += usize::from(first);
                    uses.1 += usize::from(first_value);
                }
            }
        }
    }

    /// The columns of codes that at least `fewest` rows have, the commonest first, until there are `most` columns.
    pub fn build(self, fewest: usize, most: usize) -> CountColumns {
        let mut common: Vec<(SmolStr, (usize, usize))> =
            self.uses.into_iter().filter(|(_, uses)| uses.0 >= fewest.max(1)).collect();
        common.sort_unstable_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        let mut columns = CountColumns { of: FxHashMap::default(), width: 1 };
        for (code, (_, valued)) in common {
            let is_valued = valued >= fewest.max(1);
            let width = OF_COUNTS + if is_valued { OF_VALUES } else { 0 };
            if columns.width + width > most {
                break;
            }
            columns.of.insert(code, Place { column: columns.width, is_valued });
            columns.width += width;
        }
        columns
    }
}

#[derive(Clone, Copy, Debug)]
struct Place {
    column: usize,
    is_valued: bool,
}

/// Which code has which columns.
#[derive(Clone, Debug)]
pub struct CountColumns {
    of: FxHashMap<SmolStr, Place>,
    width: usize,
}

/// Running sums of one code.
#[derive(Clone, Copy, Default)]
struct Tally {
    ever: u32,
    lately: u32,
    last_time: Option<Time>,
    valued: u32,
    last: f64,
    sum: f64,
    low: f64,
    high: f64,
}

impl CountColumns {
    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Codes that have columns.
    pub fn codes(&self) -> usize {
        self.of.len()
    }

    /// Sets `row` (of [`CountColumns::width`] numbers) to what is known of a subject at a moment; NaN where nothing is.
    pub fn write(&self, subject: &Subject, time: Time, row: &mut [f32]) {
        row.fill(f32::NAN);
        if let Some(birth) = subject.birth() {
            row[0] = (time.days_since(birth) / DAYS_PER_YEAR) as f32;
        }
        let mut tallies: FxHashMap<usize, (Tally, bool)> = FxHashMap::default();
        for event in known(subject, time) {
            let Some(place) = self.of.get(event.code.as_str()) else { continue };
            let tally = &mut tallies.entry(place.column).or_insert((Tally::default(), place.is_valued)).0;
            tally.ever += 1;
            if let Some(at) = event.time {
                tally.lately += u32::from(time.days_since(at) <= DAYS_PER_YEAR);
                tally.last_time = tally.last_time.max(Some(at));
            }
            if let Some(value) = event.numeric_value.and_then(finite) {
                (tally.low, tally.high) = match tally.valued {
                    0 => (value, value),
                    _ => (tally.low.min(value), tally.high.max(value)),
                };
                tally.valued += 1;
                tally.last = value;
                tally.sum += value;
            }
        }
        for place in self.of.values() {
            row[place.column..place.column + 2].fill(0.0);
        }
        for (column, (tally, is_valued)) in tallies {
            let out = &mut row[column..];
            out[0] = tally.ever as f32;
            out[1] = tally.lately as f32;
            if let Some(last) = tally.last_time {
                out[2] = time.days_since(last) as f32;
            }
            if is_valued && tally.valued > 0 {
                let told = [tally.last, tally.sum / f64::from(tally.valued), tally.low, tally.high];
                out[OF_COUNTS..].iter_mut().zip(told).for_each(|(out, v)| *out = v as f32);
            }
        }
    }
}

fn finite(value: f32) -> Option<f64> {
    value.is_finite().then_some(f64::from(value))
}

/// What a record says up to a moment, the moment itself included; birth and the end of follow-up aside.
fn known(subject: &Subject, time: Time) -> impl Iterator<Item = &events::Event> {
    subject
        .events()
        .iter()
        .filter(move |e| e.time.is_none_or(|t| t <= time))
        .filter(|e| !matches!(e.code.as_str(), Code::BIRTH | Code::FOLLOWUP_END))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Event;

    fn at(day: f64) -> Time {
        Time::from_micros(0).plus_days(day)
    }

    fn subject() -> Subject {
        let code = |c: &str| Code::new(c);
        Subject::new(
            1,
            vec![
                Event::new(Some(at(-3652.5)), code(Code::BIRTH)),
                Event::new(None, code("GENDER//F")),
                Event::new(Some(at(0.0)), code("LOINC//1")).with_value(3.0),
                Event::new(Some(at(500.0)), code("LOINC//1")).with_value(7.0),
                Event::new(Some(at(500.0)), code("ICD10CM//I10")),
                Event::new(Some(at(600.0)), code("LOINC//1")).with_value(1.0),
            ],
        )
    }

    #[test]
    fn a_row_counts_what_is_known_and_nothing_later() {
        let subject = subject();
        let mut builder = CountColumnsBuilder::default();
        builder.add(&subject, at(500.0));
        let columns = builder.build(1, 100);
        assert_eq!((columns.codes(), columns.width()), (3, 1 + 3 + 3 + 7));
        let mut row = vec![0.0; columns.width()];
        columns.write(&subject, at(500.0), &mut row);
        let of = |code: &str| &row[columns.of[code].column..];
        assert!((row[0] - (3652.5 + 500.0) / 365.25).abs() < 1e-4);
        // Twice ever, once within a year, today; last, mean, lowest, highest.
        assert_eq!(of("LOINC//1")[..7], [2.0, 1.0, 0.0, 7.0, 5.0, 3.0, 7.0]);
        assert_eq!(of("GENDER//F")[..2], [1.0, 0.0]);
        assert!(of("GENDER//F")[2].is_nan(), "an undated fact has no age");
        let mut before = vec![0.0; columns.width()];
        columns.write(&subject, at(499.0), &mut before);
        assert_eq!(before[columns.of["ICD10CM//I10"].column..][..2], [0.0, 0.0]);
        assert_eq!(before[columns.of["LOINC//1"].column], 1.0);
    }

    #[test]
    fn the_commonest_codes_come_first_and_rare_ones_not_at_all() {
        let mut builder = CountColumnsBuilder::default();
        for day in [0.0, 500.0, 700.0] {
            builder.add(&subject(), at(day));
        }
        assert_eq!(builder.clone().build(3, 100).codes(), 2, "one of three rows lacks it");
        let few = builder.build(1, 1 + 3);
        assert_eq!((few.codes(), few.width()), (1, 4));
        assert!(few.of.contains_key("GENDER//F"));
    }
}
