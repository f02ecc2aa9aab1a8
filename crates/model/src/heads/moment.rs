//! What is known, besides the state, where risk is asked.

use crate::config::Config;
use crate::layers::basis::between_knots;
use crate::pack::Pack;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

/// Knots of the piecewise-linear curve over a measurement's rank.
pub(crate) const KNOTS: usize = 5;
/// What a code that has occurred, and a last rank, count for. A record holds a hundred of the former, and each of their
/// weights moves by the learning rate a step whatever its gradient; these keep what they add up to in proportion.
const OF_CODE: f32 = 0.15;
const OF_RANK: f32 = 0.7;
/// Knots over the time since the record began, and over the time since the last event.
const SINCE_KNOTS: usize = 8;
const GAP_KNOTS: usize = 6;
/// Different codes of a record of some length: growing to so many on the way would cost as much as going over it.
const SOME_CODES: usize = 96;
/// The longest time that is told apart from longer ones, in days: a century.
const LONGEST_DAYS: f64 = 36_525.0;

/// A moment of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    /// Codes that have occurred, `TIME` aside, in the order in which they first did, each followed by the broader ones that have
    /// a risk ([`crate::RiskConfig::broader`]): who has a narrower code has those.
    pub(crate) seen: Vec<u32>,
    /// Measured codes with their last ranks, in the order in which they were first measured.
    pub(crate) last_ranks: Vec<(u32, f32)>,
    /// Age, where birth is known.
    pub(crate) age_days: Option<f64>,
    /// Days since the record began, and since the last event.
    pub(crate) since_days: (f64, f64),
}

impl Moment {
    /// After some tokens, each a code and a value, or NaN; so many days after the record began.
    pub(crate) fn after(
        config: &Config,
        tokens: impl Iterator<Item = (u32, f32)>,
        (age_days, since_start_days): (Option<f64>, f64),
    ) -> Self {
        let mut moment = Moment { age_days, since_days: (since_start_days, 0.0), ..Moment::default() };
        let codes = tokens.size_hint().1.map_or(SOME_CODES, |most| most.min(SOME_CODES));
        let mut seen: FxHashSet<u32> = FxHashSet::with_capacity_and_hasher(codes, FxBuildHasher);
        // Where a code's last rank stands.
        let mut ranked: FxHashMap<u32, usize> = FxHashMap::with_capacity_and_hasher(codes, FxBuildHasher);
        for (code, value) in tokens {
            if code == config.time_code {
                moment.since_days.1 += f64::from(value.max(0.0));
                continue;
            }
            moment.since_days.1 = 0.0;
            if seen.insert(code) {
                moment.seen.push(code);
                let broader = config.risk.broader_than(code).iter().copied();
                moment.seen.extend(broader.filter(|code| seen.insert(*code)));
            }
            if value.is_finite() {
                let place = *ranked.entry(code).or_insert_with(|| {
                    moment.last_ranks.push((code, value));
                    moment.last_ranks.len() - 1
                });
                moment.last_ranks[place].1 = value.clamp(0.0, 1.0);
            }
        }
        moment
    }

    /// Right after a row of a pack whose segment is there from its beginning, of all that its record holds until then: a window
    /// bounds what the blocks read, not what is known.
    pub(crate) fn at(config: &Config, pack: &Pack, row: usize) -> Self {
        let age_days = pack.birth_known[row].then(|| pack.age_days[row]);
        let when = (age_days, pack.since_start_days[row]);
        Moment::after(config, pack.until(row), when)
    }

    /// Rows of `risk.direct` that the moment adds up, and what each counts for: one for each code that has occurred, the knots
    /// about each last rank, then those about how long the record is and how long ago its last event.
    pub(crate) fn features(&self, config: &Config) -> Vec<(usize, f32)> {
        let Some(direct) = &config.risk.direct else { return Vec::new() };
        let mut features: Vec<(usize, f32)> = self.seen.iter().map(|c| (*c as usize, OF_CODE)).collect();
        for (code, rank) in &self.last_ranks {
            if let Ok(index) = direct.measured.binary_search(code) {
                let (lower, low, high) = between_knots(f64::from(*rank), KNOTS);
                let row = config.vocabulary_size + index * KNOTS + lower;
                features.extend([(row, OF_RANK * low as f32), (row + 1, OF_RANK * high as f32)]);
            }
        }
        let mut first = feature_rows(config) - SINCE_KNOTS - GAP_KNOTS;
        for (days, knots) in [(self.since_days.0, SINCE_KNOTS), (self.since_days.1, GAP_KNOTS)] {
            let position = days.max(0.0).ln_1p() / LONGEST_DAYS.ln_1p();
            let (lower, low, high) = between_knots(position, knots);
            features.extend([(first + lower, low as f32), (first + lower + 1, high as f32)]);
            first += knots;
        }
        features
    }
}

/// Rows of `risk.direct`.
pub(crate) fn feature_rows(config: &Config) -> usize {
    config
        .risk
        .direct
        .as_ref()
        .map_or(0, |direct| config.vocabulary_size + direct.measured.len() * KNOTS + SINCE_KNOTS + GAP_KNOTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DirectEffects, Size};
    use crate::pack::Targets;
    use crate::window::Window;

    #[test]
    fn a_window_does_not_bound_what_is_known() {
        let mut config = Config::of_size(Size::Tiny, 10, 0, Some(1), &[4, 5]);
        config.risk.broader = [(7, vec![5])].into();
        // Static facts, then moments of one event each; in between, stretches that a `TIME` or two go through.
        let n = 60;
        let code: Vec<u32> =
            (0..n).map(|i| if i > 2 && i % 3 > 0 { 0 } else { 2 + (i as u32 * 7 / 3) % 8 }).collect();
        let value: Vec<f32> = (0..n)
            .map(|i| match code[i] {
                0 => 1.5 + i as f32,
                6.. => (i % 11) as f32 / 10.0,
                _ => f32::NAN,
            })
            .collect();
        let age_days: Vec<f64> = (0..n)
            .scan(9_000.0, |age, i| {
                *age += if code[i] == 0 { f64::from(value[i]) } else { 0.0 };
                Some(*age)
            })
            .collect();
        let sequence = timeline::Sequence {
            subject_id: 1,
            code: &code,
            age_days: &age_days,
            value: &value,
            static_len: 3,
            followup_end_age_days: age_days[n - 1] + 10.0,
            died: false,
            birth_known: true,
        };
        let mut pack = Pack::default();
        for context in [4, 5, 6, 9, 16, 40, 100] {
            for last in [3, 10, 31, 32, 33, n - 1] {
                // Others before and after, which say nothing of this one.
                pack.clear();
                let window = Window::ending_at(&sequence, last, context);
                for other in [
                    Window::ending_at(&sequence, 2, context),
                    window,
                    Window::ending_at(&sequence, 5, context),
                ] {
                    pack.push(&config, &sequence, other, Targets::default());
                }
                let row = pack.segments[1].end - 1;
                let when = (Some(age_days[last]), age_days[last] - age_days[0]);
                let whole = Moment::after(&config, (0..=last).map(|i| (code[i], value[i])), when);
                let mut found = Moment::at(&config, &pack, row);
                assert!((found.since_days.1 - whole.since_days.1).abs() < 1e-3, "{context}, {last}");
                found.since_days.1 = whole.since_days.1;
                assert_eq!(found, whole, "{context}, {last}");
            }
        }
    }

    #[test]
    fn what_was_measured_last_counts() {
        let mut config = Config::of_size(Size::Tiny, 10, 0, Some(1), &[4, 5]);
        config.risk.direct = Some(DirectEffects { measured: vec![5, 7], ..DirectEffects::default() });
        let tokens = [(2, f32::NAN), (7, 0.25), (0, 30.0), (5, f32::NAN), (7, 0.9), (5, f32::NAN), (8, 0.5)];
        let moment = Moment::after(&config, tokens.into_iter(), (Some(1.0), 31.0));
        assert_eq!(moment.seen, [2, 7, 5, 8]);
        assert_eq!(moment.last_ranks, [(7, 0.9), (8, 0.5)]);
        assert_eq!(moment.since_days, (31.0, 0.0));
        let features = moment.features(&config);
        let codes: Vec<_> = features[..4].iter().map(|f| f.0).collect();
        assert_eq!(codes, [2, 7, 5, 8]);
        // Code 7 is the second measured one, and 0.9 lies in its last stretch; code 8 has no curve.
        assert_eq!(features[4..6].iter().map(|f| f.0).collect::<Vec<_>>(), [10 + KNOTS + 3, 10 + KNOTS + 4]);
        assert!((features[4].1 / features[5].1 - 0.4 / 0.6).abs() < 1e-5);
        // Between two knots each, the time since the record began and since the last event, of which none has passed.
        let since = 10 + 2 * KNOTS;
        assert!(features[6..8].iter().all(|(row, _)| (since..since + SINCE_KNOTS).contains(row)));
        assert_eq!(features[8], (since + SINCE_KNOTS, 1.0));
        assert!(features.iter().all(|(row, _)| *row < feature_rows(&config)));
        config.risk.broader = [(7, vec![5]), (8, vec![4, 5])].into();
        let moment = Moment::after(&config, tokens.into_iter(), (Some(1.0), 31.0));
        assert_eq!(moment.seen, [2, 7, 5, 8, 4], "who has a narrower code has the broader, once");
        assert_eq!(moment.last_ranks, [(7, 0.9), (8, 0.5)]);
        config.risk.direct = None;
        assert!(moment.features(&config).is_empty() && feature_rows(&config) == 0);
    }
}
