//! Are hazards as high as what happens at the moments that will be asked about, and does what the record says of them count
//! for as much as it should? Their level is set anew, code by code and interval by interval, and of each code the factor on what
//! the record says: logistic recalibration's intercept and slope (Cox, Biometrika 1958; Steyerberg, "Clinical Prediction
//! Models", 2019, ch. 20), for hazards.
//!
//! With hazards `λ exp(b_k + (f − 1) z)`, `z` what the record says, exposures `E` and onsets at `z_i`, the Poisson likelihood with
//! offset (Holford 1980) is, its best levels `b_k = log(O_k / Σ λ E exp((f − 1) z))` put in,
//! `Σ_k (f − 1) Σ_i z_i − O_k log Σ λ E exp((f − 1) z)`: concave in the factor `f`. The sums behind the logarithm are kept at some
//! factors; in between, their logarithms are those of a cubic through the nearest four.
//!
//! Few onsets say little. So it is as if a number of onsets, the prior, had been seen besides just as the model expects them: the
//! ratio of a code over all intervals is `r = (O + a) / (ΣλE + a)`, that of each interval `(O_k + a) / (ΣλE_k + a / r)`, and a
//! factor of few stays near 1; besides, factors are thought to be normal about 1 with a standard deviation of ½. A model that is wrong about a disease is mostly so at every horizon, and nine intervals that
//! were each held to 1 would hold the code nine times.
//!
//! Who has had a code is counted apart, and has levels of its own, found in the same way.
//!
//! People from whom a model learned say that it is surer than it may be of others. So what all of them say of a code's factor
//! is multiplied by one factor for all codes, the likeliest among those who were kept aside, with the same prior for each code.

use crate::config::HORIZONS;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::heads::risk;
use crate::inference::Wanted;
use crate::model::Model;
use crate::weights::Layout;
use timeline::Sequence;

/// Log-hazards held at once.
const HELD: usize = 1 << 21;
/// Factors at which hazards are added up: so many, so far apart, from the first on.
const FACTORS: usize = 12;
const APART: f64 = 0.25;
/// The place of 1 among them.
const ONE: usize = 3;
/// The first and the last.
const LEAST: f64 = APART;
const MOST: f64 = APART * FACTORS as f64;

/// How far factors are thought to lie from 1 before anything is counted, as a standard deviation: where the record says nearly the
/// same of everybody, onsets say nothing of a factor, and chance would take it anywhere.
const SPREAD: f64 = 0.5;

/// What followed a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aftermath {
    /// Days until observation ended, by death too.
    pub followup_days: f64,
    /// Codes that occurred, as vocabulary indices, with the days until each did for the first time.
    pub occurrences: Vec<(u32, f64)>,
}

/// What is set anew, and how readily.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recalibration {
    /// Onsets as the model expects them that count as seen besides, for each code; above 0.
    pub prior: f64,
    /// Whether the factors on what the record says are set too, or levels alone.
    pub slopes: bool,
}

/// What was observed and expected, by interval and risk code: onsets among records that did not have the code before, and
/// recurrences among those that did. Takes 2 kB a risk code.
#[derive(Clone, Debug)]
pub struct RiskCounts {
    codes: usize,
    onsets: Counts,
    recurrences: Counts,
}

/// Occurrences observed and expected, and what records said of them.
#[derive(Clone, Debug)]
struct Counts {
    /// `[HORIZONS, codes]`.
    observed: Vec<f64>,
    /// `[HORIZONS, codes, FACTORS]`.
    expected: Vec<f64>,
    /// What the record said of those observed, added up: `[HORIZONS, codes]`.
    said: Vec<f64>,
}

impl Counts {
    fn new(codes: usize) -> Self {
        let zeros = |len: usize| vec![0.0; len];
        let len = HORIZONS * codes;
        Counts { observed: zeros(len), expected: zeros(len * FACTORS), said: zeros(len) }
    }

    /// Observed and expected of one code, over all intervals.
    fn over_intervals(&self, codes: usize, index: usize) -> (f64, f64) {
        (0..HORIZONS).map(|k| k * codes + index).fold((0.0, 0.0), |(observed, expected), place| {
            (observed + self.observed[place], expected + self.expected[place * FACTORS + ONE])
        })
    }

    /// Adds a moment's stay in one interval: whether the code occurs in it, and what is expected where the record says `said`.
    fn add(&mut self, place: usize, occurs: bool, (said, expected): (f64, f64)) {
        if occurs {
            self.observed[place] += 1.0;
            self.said[place] += said;
        }
        if expected > 0.0 {
            let further = (APART * said).exp();
            let mut at = expected / further.powi(ONE as i32);
            for sum in &mut self.expected[place * FACTORS..(place + 1) * FACTORS] {
                *sum += at;
                at *= further;
            }
        }
    }
}

/// What a model makes of one moment.
struct Answer {
    /// `[HORIZONS, codes]`.
    log_hazards: Vec<f32>,
    /// What the record says of them.
    of_record: Vec<f32>,
    seen: Vec<u32>,
}

impl RiskCounts {
    /// Nothing yet.
    pub fn new(model: &Model) -> Self {
        let codes = model.config.risk.codes.len();
        RiskCounts { codes, onsets: Counts::new(codes), recurrences: Counts::new(codes) }
    }

    /// Adds moments: the model right after each sequence's last token, and what followed.
    ///
    /// # Errors
    /// [`Error::Sequence`] for an unusable sequence, [`Error::Data`] when lengths differ.
    pub fn add(&mut self, model: &Model, sequences: &[Sequence<'_>], after: &[Aftermath]) -> Result<()> {
        if sequences.len() != after.len() {
            return Err(Error::Data("there must be one aftermath for each sequence".into()));
        }
        if self.codes == 0 {
            return Ok(());
        }
        let most = (HELD / (HORIZONS * self.codes)).max(1);
        for (sequences, after) in sequences.chunks(most).zip(after.chunks(most)) {
            for (answer, after) in model.hazards_after(sequences)?.iter().zip(after) {
                self.add_one(model, answer, after);
            }
        }
        Ok(())
    }

    fn add_one(&mut self, model: &Model, answer: &Answer, after: &Aftermath) {
        let mut until = vec![after.followup_days; self.codes];
        let mut occurs = vec![None; self.codes];
        for (code, days) in &after.occurrences {
            for index in model.config.risk_indices(*code) {
                // The first of a broader code's.
                if *days <= until[index] {
                    (until[index], occurs[index]) = (*days, risk::interval_of(*days));
                }
            }
        }
        // Who has it is at no risk of its onset.
        let mut had = vec![false; self.codes];
        for index in answer.seen.iter().filter_map(|code| model.config.risk_index(*code)) {
            had[index] = true;
        }
        for k in 0..HORIZONS {
            for index in 0..self.codes {
                let place = k * self.codes + index;
                let exposure = risk::exposure(k, until[index]);
                let expected =
                    if exposure > 0.0 { f64::from(answer.log_hazards[place]).exp() * exposure } else { 0.0 };
                let counts = if had[index] { &mut self.recurrences } else { &mut self.onsets };
                let said = f64::from(answer.of_record[place]);
                counts.add(place, occurs[index] == Some(k), (said, expected));
            }
        }
    }

    /// Onsets of a risk code observed and expected over all intervals; `None` for a code without a risk.
    pub fn of(&self, model: &Model, code: u32) -> Option<(f64, f64)> {
        Some(self.onsets.over_intervals(self.codes, model.config.risk_index(code)?))
    }

    /// The same of its recurrences, among those who have had it.
    pub fn of_recurrences(&self, model: &Model, code: u32) -> Option<(f64, f64)> {
        Some(self.recurrences.over_intervals(self.codes, model.config.risk_index(code)?))
    }
}

/// What is known of the onsets, or of the recurrences, of one code within one interval.
struct Interval {
    observed: f64,
    /// What the record said of those, added up.
    said: f64,
    /// By factor.
    expected: [f64; FACTORS],
}

impl Interval {
    fn of(counts: &[&Counts], index: usize) -> [Interval; HORIZONS] {
        std::array::from_fn(|k| {
            let sum = |of: &dyn Fn(&Counts, usize) -> f64| -> f64 {
                counts.iter().map(|counts| of(counts, k * (counts.observed.len() / HORIZONS) + index)).sum()
            };
            Interval {
                observed: sum(&|counts, place| counts.observed[place]),
                said: sum(&|counts, place| counts.said[place]),
                expected: std::array::from_fn(|i| sum(&|counts, place| counts.expected[place * FACTORS + i])),
            }
        })
    }

    /// Whether anybody was at risk, and hazards are numbers.
    fn tells(&self) -> bool {
        self.expected.iter().all(|expected| *expected > 0.0 && expected.is_finite())
    }

    /// The logarithm of what is expected at a factor: Lagrange's cubic.
    fn log_expected(&self, factor: f64) -> f64 {
        let place = factor / APART - 1.0;
        let first = (place.floor() as usize).saturating_sub(1).min(FACTORS - 4);
        (first..first + 4)
            .map(|i| {
                let others = (first..first + 4).filter(|j| *j != i);
                let share: f64 = others.map(|j| (place - j as f64) / (i as f64 - j as f64)).product();
                share * self.expected[i].ln()
            })
            .sum()
    }

    fn expected(&self, factor: f64) -> f64 {
        if self.tells() { self.log_expected(factor).exp() } else { self.expected[ONE] }
    }

    /// By how much that grows with the factor: what the record says of an onset to be expected, on average.
    fn mean_said(&self, factor: f64) -> f64 {
        let (low, high) = ((factor - 1e-3).max(LEAST), (factor + 1e-3).min(MOST));
        (self.log_expected(high) - self.log_expected(low)) / (high - low)
    }

    /// The log-likelihood of a factor, with so many onsets besides just as the model expects them at another.
    fn log_likelihood(&self, factor: f64, (prior, at): (f64, f64)) -> f64 {
        let log_expected = self.log_expected(factor);
        let of_prior = prior * (factor * self.mean_said(at) - log_expected);
        factor * self.said - self.observed * log_expected + of_prior
    }
}

/// The log-likelihood of a factor on what the record says of a code, with `prior` onsets besides just as the model expects them at
/// another, over the intervals that tell of it.
fn log_likelihood(intervals: &[Interval], factor: f64, (prior, at): (f64, f64)) -> f64 {
    let telling = || intervals.iter().filter(|interval| interval.tells());
    let expected: f64 = telling().map(|interval| interval.expected[ONE]).sum();
    telling().map(|i| i.log_likelihood(factor, (prior * i.expected[ONE] / expected, at))).sum()
}

/// The likeliest factor on what the record says of a code.
fn factor(intervals: &[Interval], prior: f64) -> f64 {
    if !intervals.iter().any(Interval::tells) {
        return 1.0;
    }
    let of_prior = |factor: f64| ((factor - 1.0) / SPREAD).powi(2) / 2.0;
    likeliest(LEAST, MOST, &|factor| log_likelihood(intervals, factor, (prior, 1.0)) - of_prior(factor))
}

/// What is to be added to log-hazards, by interval: the logarithms of observed over expected at a factor, with the prior.
fn shifts(intervals: &[Interval; HORIZONS], factor: f64, prior: f64) -> [f64; HORIZONS] {
    let expected = intervals.each_ref().map(|interval| interval.expected(factor));
    let observed: f64 = intervals.iter().map(|interval| interval.observed).sum();
    let ratio = (observed + prior) / (expected.iter().sum::<f64>() + prior);
    std::array::from_fn(|k| {
        let shift = ((intervals[k].observed + prior) / (expected[k] + prior / ratio)).ln();
        if shift.is_finite() { shift } else { 0.0 }
    })
}

/// The factor on all codes' factors that is likeliest among people who were kept aside; 1 where they say nothing.
fn common_factor(aside: &Counts, factors: &[f64], prior: f64) -> f64 {
    if aside.observed.iter().all(|observed| *observed == 0.0) {
        return 1.0;
    }
    likeliest(0.25, 2.0, &|common| {
        let of_code = |(index, factor): (usize, &f64)| {
            let moved = (common * factor).clamp(LEAST, MOST);
            log_likelihood(&Interval::of(&[aside], index), moved, (prior, *factor))
        };
        factors.iter().enumerate().map(of_code).sum()
    })
}

/// Where a function is highest that rises to one place and falls from it, by golden sections (Kiefer 1953).
fn likeliest(mut low: f64, mut high: f64, log_likelihood: &dyn Fn(f64) -> f64) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut of_left, mut of_right) = (log_likelihood(left), log_likelihood(right));
    while high - low > 1e-4 {
        if of_left > of_right {
            (high, right, of_right) = (right, left, of_left);
            left = high - golden * (high - low);
            of_left = log_likelihood(left);
        } else {
            (low, left, of_left) = (left, right, of_right);
            right = low + golden * (high - low);
            of_right = log_likelihood(right);
        }
    }
    (low + high) / 2.0
}

impl Model {
    /// What it makes of the moments after each sequence's last token.
    fn hazards_after(&self, sequences: &[Sequence<'_>]) -> Result<Vec<Answer>> {
        let width = self.config.width;
        let spots: Vec<(Sequence<'_>, usize)> =
            sequences.iter().map(|s| (*s, s.len().saturating_sub(1))).collect();
        let shape = (&self.config, &self.layout);
        let tables = (self.weights.as_slice(), self.prepared.tables.risk_table.as_slice());
        self.at(&spots, Wanted::Last, |pack, hidden, segment| {
            let row = pack.segments[segment].end - 1;
            let state = &hidden[segment * width..(segment + 1) * width];
            let moment = Moment::at(&self.config, pack, row);
            let mut of_record = vec![0.0; HORIZONS * self.config.risk.codes.len()];
            risk::of_record(shape, tables, (state, &moment), &mut of_record);
            let mut log_hazards = of_record.clone();
            risk::add_of_everybody(shape, tables.0, &moment, &mut log_hazards);
            Answer { log_hazards, of_record, seen: moment.seen }
        })
    }

    /// The same model with hazards as high as what was observed, of onsets and of recurrences, and, if wanted, what the record says of
    /// onsets counting for as much as it should: by a factor between a quarter and three (a model without vectors of their own for
    /// recurrences has the same factor there). People from whom the model learned are counted apart from those it was
    /// not shown; with one kind alone the other is [`RiskCounts::new`].
    ///
    /// # Errors
    /// [`Error::Options`] unless the prior is above 0; [`Error::Data`] for counts of another model.
    pub fn recalibrated(
        &self,
        learned: &RiskCounts,
        aside: &RiskCounts,
        settings: Recalibration,
    ) -> Result<Self> {
        let Recalibration { prior, slopes } = settings;
        if !(prior > 0.0 && prior.is_finite()) {
            return Err(Error::Options("the prior must be a number of onsets above 0".into()));
        }
        let codes = self.config.risk.codes.len();
        if learned.codes != codes || aside.codes != codes {
            return Err(Error::Data("these counts are another model's".into()));
        }
        let mut model = self.with_places(slopes);
        let (learned_again, aside_again) = (&learned.recurrences, &aside.recurrences);
        let (learned, aside) = (&learned.onsets, &aside.onsets);
        let mut factors = vec![1.0; codes];
        if slopes {
            for (index, of_code) in factors.iter_mut().enumerate() {
                *of_code = factor(&Interval::of(&[learned, aside], index), prior);
            }
            if learned.observed.iter().any(|observed| *observed > 0.0) {
                let common = common_factor(aside, &factors, prior);
                factors.iter_mut().for_each(|factor| *factor = (*factor * common).clamp(LEAST, MOST));
            }
            let scales = model.layout.risk_scale.of_mut(&mut model.weights).iter_mut();
            scales.zip(&factors).for_each(|(scale, factor)| *scale *= *factor as f32);
        }
        let (bias, levels) = (model.layout.risk_bias, model.layout.risk_repeat_level);
        for (index, factor) in factors.iter().enumerate() {
            let of_onsets = shifts(&Interval::of(&[learned, aside], index), *factor, prior);
            // Their biases move recurrences too, which have levels beside.
            let of_again = if self.config.risk.repeats_apart { 1.0 } else { *factor };
            let of_again = shifts(&Interval::of(&[learned_again, aside_again], index), of_again, prior);
            for k in 0..HORIZONS {
                let place = k * codes + index;
                bias.of_mut(&mut model.weights)[place] += of_onsets[k] as f32;
                levels.of_mut(&mut model.weights)[place] += (of_again[k] - of_onsets[k]) as f32;
            }
        }
        model.refresh();
        Ok(model)
    }

    /// The factor on what the record says of a code's onset; `None` for a code without a risk.
    pub fn risk_scale(&self, code: u32) -> Option<f32> {
        let index = self.config.risk_index(code)?;
        Some(self.layout.risk_scale.of(&self.weights).get(index).copied().unwrap_or(1.0))
    }

    /// The same model with places for the levels of recurrences and, if wanted, for each code's factor.
    fn with_places(&self, slopes: bool) -> Self {
        let mut config = self.config.clone();
        config.risk.scaled |= slopes;
        config.risk.repeats_levelled = true;
        let layout = Layout::new(&config);
        // Factors begin at 1, levels at nought.
        let mut weights = layout.initialise(0);
        for tensor in &self.layout.tensors {
            if let Some(to) = layout.tensors.iter().find(|to| to.name == tensor.name) {
                to.slot.of_mut(&mut weights).copy_from_slice(tensor.slot.of(&self.weights));
            }
        }
        Self::assemble(config, layout, weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, HORIZON_DAYS, RiskConfig, Size};
    use crate::random;

    const DEATH: u32 = 5;

    fn model() -> Model {
        let config = Config {
            width: 16,
            layers: 1,
            heads: 2,
            key_value_heads: 2,
            feed_forward: 16,
            ..Config::of_size(Size::Tiny, 8, 0, Some(DEATH), &[3, 4])
        };
        Model::new(config, 1).unwrap()
    }

    type Record = (Vec<u32>, Vec<f64>, Vec<f32>);

    /// 200 records of two visits; every third had code 4. Code 3 follows at a rate a day, code 4 never, follow-up being 100 to
    /// 900 days.
    fn lives() -> (Vec<Record>, Vec<Aftermath>) {
        (0..200u64)
            .map(|subject| {
                let u = |i| random::uniform(random::mix(subject), i);
                let second = if subject % 3 == 0 { 4 } else { 6 };
                let record = (
                    vec![2, 7, 0, second],
                    vec![9e3, 9e3, 9e3 + 30.0, 9e3 + 30.0],
                    vec![f32::NAN, f32::NAN, 30.0, f32::NAN],
                );
                let (followup_days, onset) = (100.0 + 800.0 * u(0), -u(1).ln() * 500.0);
                let occurrences = if onset <= followup_days { vec![(3, onset)] } else { vec![] };
                (record, Aftermath { followup_days, occurrences })
            })
            .unzip()
    }

    fn counted(model: &Model) -> RiskCounts {
        let (records, after) = lives();
        count(model, &records, &after)
    }

    fn sequences(records: &[Record]) -> Vec<Sequence<'_>> {
        records
            .iter()
            .zip(0..)
            .map(|((code, age_days, value), subject_id)| Sequence {
                subject_id,
                code,
                age_days,
                value,
                static_len: 1,
                followup_end_age_days: 20_000.0,
                died: false,
                birth_known: true,
            })
            .collect()
    }

    fn count(model: &Model, records: &[Record], after: &[Aftermath]) -> RiskCounts {
        let mut counts = RiskCounts::new(model);
        counts.add(model, &sequences(records), after).unwrap();
        counts
    }

    const LEVELS: Recalibration = Recalibration { prior: 10.0, slopes: false };

    fn factor_of(model: &Model) -> f64 {
        f64::from(model.risk_scale(3).unwrap())
    }

    #[test]
    fn what_is_observed_is_expected_afterwards() {
        let (_, after) = lives();
        for slopes in [false, true] {
            let model = speaking();
            let (before, none) = (counted(&model), RiskCounts::new(&model));
            let (observed, expected) = before.of(&model, 3).unwrap();
            assert_eq!(observed as usize, after.iter().filter(|a| !a.occurrences.is_empty()).count());
            assert!((observed / expected).ln().abs() > 0.5, "there is nothing to mend");
            let mended = model.recalibrated(&before, &none, Recalibration { prior: 1e-9, slopes }).unwrap();
            let counts = counted(&mended);
            for (k, horizon) in HORIZON_DAYS.iter().enumerate() {
                let place = k * counts.codes;
                let (o, e) = (counts.onsets.observed[place], counts.onsets.expected[place * FACTORS + ONE]);
                // Where nothing was observed the prior alone keeps a hazard from nought.
                assert!(
                    (o - e).abs() < 1e-3 * (1.0 + o),
                    "within {horizon} days: {o} observed, {e} expected"
                );
            }
        }
    }

    #[test]
    fn who_has_had_a_code_is_counted_apart_and_has_levels_of_its_own() {
        for apart in [true, false] {
            let mut model = speaking();
            if !apart {
                let config = Config {
                    risk: RiskConfig { repeats_apart: false, ..model.config.risk.clone() },
                    ..model.config.clone()
                };
                model = Model::new(config, 3).unwrap();
                let direct = model.layout.risk_direct.of_mut(&mut model.weights);
                direct
                    .iter_mut()
                    .zip(0..)
                    .for_each(|(w, i)| *w = 5.0 * random::normal(random::mix(7), i) as f32);
                model.refresh();
            }
            let (records, mut after) = lives();
            // Those who had code 4 have it again, once in 90 days.
            for (i, after) in after.iter_mut().enumerate().filter(|(i, _)| i % 3 == 0) {
                let days = -random::uniform(random::mix(i as u64), 5).ln() * 90.0;
                after.occurrences.extend((days <= after.followup_days).then_some((4, days)));
            }
            let before = count(&model, &records, &after);
            let (observed, expected) = before.of_recurrences(&model, 4).unwrap();
            assert!(observed > 30.0 && (observed / expected).ln().abs() > 0.5, "{observed} of {expected}");
            assert_eq!(before.of(&model, 4).unwrap().0, 0.0, "they are no onsets");
            let settings = Recalibration { prior: 1e-3, slopes: true };
            let mended = model.recalibrated(&before, &RiskCounts::new(&model), settings).unwrap();
            assert!((factor_of(&mended) - 1.0).abs() > 0.05, "onsets' factor moves");
            let counts = count(&mended, &records, &after);
            let index = mended.config.risk_index(4).unwrap();
            for k in 0..HORIZONS {
                let place = k * counts.codes + index;
                let again = &counts.recurrences;
                let (observed, expected) = (again.observed[place], again.expected[place * FACTORS + ONE]);
                assert!(
                    (expected - observed).abs() < 0.02 * (1.0 + observed),
                    "apart {apart}: {observed} of {expected}"
                );
            }
            // Of whom nothing is known, nothing is said, however much onsets moved.
            let before = count(&model, &records, &after);
            let held = Recalibration { prior: 1e9, slopes: false };
            let mut onsets_alone = before.clone();
            onsets_alone.recurrences = Counts::new(before.codes);
            for (counts, settings) in [(&before, held), (&onsets_alone, settings)] {
                if !apart && settings.slopes {
                    continue; // One vector has one factor.
                }
                let mended = model.recalibrated(counts, &RiskCounts::new(&model), settings).unwrap();
                let after = count(&mended, &records, &after);
                let pairs = before.recurrences.expected.iter().zip(&after.recurrences.expected);
                let at_one = pairs.skip(ONE).step_by(FACTORS);
                assert!(at_one.into_iter().all(|(a, b)| (a - b).abs() <= 1e-3 * a), "apart {apart}");
            }
        }
    }

    /// One whose records say something: of each code that has occurred.
    fn speaking() -> Model {
        let mut model = model();
        let direct = model.layout.risk_direct.of_mut(&mut model.weights);
        direct.iter_mut().zip(0..).for_each(|(w, i)| *w = 5.0 * random::normal(random::mix(7), i) as f32);
        model.refresh();
        model
    }

    /// Lives of two visits with some codes each, and onsets of code 3 by a hazard of e⁻⁷ a day in which what the record says,
    /// its mean set to nought, counts `factor` times as much as the model has it.
    fn lives_of(model: &Model, factor: f64, people: u64) -> (Vec<Record>, Vec<Aftermath>) {
        let records: Vec<Record> = (0..people)
            .map(|subject| {
                let u = |i| random::uniform(random::mix(subject), i);
                let mut code = vec![2, 7, 0];
                code.extend((0..4).filter(|i| u(*i) < 0.5).map(|i| [4, 5, 6, 7][i as usize]));
                code.push(6);
                let visits = code.len();
                let age_days = (0..visits).map(|i| if i < 2 { 9e3 } else { 9e3 + 30.0 }).collect();
                let value = (0..visits).map(|i| if i == 2 { 30.0 } else { f32::NAN }).collect();
                (code, age_days, value)
            })
            .collect();
        let index = model.config.risk_index(3).unwrap();
        let codes = model.config.risk.codes.len();
        let answers = model.hazards_after(&sequences(&records)).unwrap();
        let said = |answer: &Answer, k: usize| f64::from(answer.of_record[k * codes + index]);
        let mean: [f64; HORIZONS] =
            std::array::from_fn(|k| answers.iter().map(|a| said(a, k)).sum::<f64>() / people as f64);
        let after = answers
            .iter()
            .zip(0..)
            .map(|(answer, subject)| {
                let mut left = -random::uniform(random::mix(subject), 9).ln();
                let mut onset = None;
                for (k, mean) in mean.iter().enumerate() {
                    let hazard = (factor * (said(answer, k) - mean) - 7.0).exp();
                    let (begin, end) = risk::interval(k);
                    if onset.is_none() && left < hazard * (end - begin) {
                        onset = Some(begin + left / hazard);
                    }
                    left -= hazard * (end - begin);
                }
                let occurrences =
                    onset.filter(|days| *days <= 1000.0).map(|days| (3, days)).into_iter().collect();
                Aftermath { followup_days: 1000.0, occurrences }
            })
            .collect();
        (records, after)
    }

    #[test]
    fn chance_takes_no_factor_far_where_the_record_says_nearly_the_same_of_everybody() {
        let mut model = speaking();
        model.layout.risk_direct.of_mut(&mut model.weights).iter_mut().for_each(|w| *w *= 1e-2);
        model.refresh();
        let none = RiskCounts::new(&model);
        let settings = Recalibration { prior: 1e-3, slopes: true };
        for people in [100, 200, 300] {
            let (records, after) = lives_of(&model, 1.0, people);
            let counts = count(&model, &records, &after);
            let intervals = Interval::of(&[&counts.onsets], model.config.risk_index(3).unwrap());
            let bold = likeliest(LEAST, MOST, &|f| log_likelihood(&intervals, f, (1e-3, 1.0)));
            let found = factor_of(&model.recalibrated(&counts, &none, settings).unwrap());
            assert!((bold - 1.0).abs() > 0.5, "chance alone: {bold}");
            assert!((found - 1.0).abs() < 0.1, "{found}, by chance alone {bold}");
        }
    }

    #[test]
    fn what_the_record_says_counts_for_as_much_as_it_should() {
        let model = speaking();
        let none = RiskCounts::new(&model);
        let all = Recalibration { prior: 1e-3, slopes: true };
        for factor in [0.6, 1.0, 1.9] {
            let (records, after) = lives_of(&model, factor, 10_000);
            let counts = count(&model, &records, &after);
            let found = model.recalibrated(&counts, &none, all).unwrap();
            assert!((factor_of(&found) / factor - 1.0).abs() < 0.08, "{factor}: {}", factor_of(&found));
            // There is nothing left to mend, but for what is thought of factors beforehand.
            let again = found.recalibrated(&count(&found, &records, &after), &none, all).unwrap();
            assert!((factor_of(&again) / factor_of(&found) - 1.0).abs() < 2e-2);
            // With levels alone it stays; a strong prior holds it.
            let levels = model.recalibrated(&counts, &none, LEVELS).unwrap();
            assert_eq!(levels.risk_scale(3), model.risk_scale(3));
            let held = model.recalibrated(&counts, &none, Recalibration { prior: 1e9, ..all }).unwrap();
            assert!((factor_of(&held) - 1.0).abs() < 2e-3, "{}", factor_of(&held));
        }
    }

    #[test]
    fn a_model_without_factors_is_given_them_and_else_stays() {
        let mut config = model().config;
        config.risk.scaled = false;
        let bare = Model::new(config, 1).unwrap();
        assert_eq!(bare.risk_scale(3), Some(1.0));
        let given = bare.with_places(true);
        assert!(given.config.risk.scaled);
        let (records, _) = lives();
        let sequences = sequences(&records);
        assert_eq!(bare.risk(&sequences, None).unwrap(), given.risk(&sequences, None).unwrap());
        assert_eq!(given.risk_scale(3), Some(1.0));
        assert!(given.risk_scale(6).is_none());
    }

    #[test]
    fn nonsense_says_nothing_of_a_factor() {
        let interval = |expected: [f64; FACTORS]| Interval { observed: 3.0, said: 50.0, expected };
        assert_eq!(factor(&[interval([0.0; FACTORS])], 10.0), 1.0);
        let endless = std::array::from_fn(|i| if i < 5 { 1.0 } else { f64::INFINITY });
        assert_eq!(factor(&[interval(endless)], 10.0), 1.0);
    }

    #[test]
    fn who_was_learned_from_does_not_say_how_sure_to_be_of_others() {
        let model = speaking();
        let settings = Recalibration { prior: 1e-3, slopes: true };
        // Known by heart: what the record says counts twice as much as among others, where it counts for three quarters.
        let (records, after) = lives_of(&model, 1.5, 10_000);
        let learned = count(&model, &records, &after);
        let (records, after) = lives_of(&model, 0.75, 5_000);
        let aside = count(&model, &records, &after);
        let found = factor_of(&model.recalibrated(&learned, &aside, settings).unwrap());
        assert!((found / 0.75 - 1.0).abs() < 0.08, "{found}");
        let none = RiskCounts::new(&model);
        let by_heart = factor_of(&model.recalibrated(&learned, &none, settings).unwrap());
        assert!((by_heart / 1.5 - 1.0).abs() < 0.08, "{by_heart}");
        let alone = factor_of(&model.recalibrated(&none, &aside, settings).unwrap());
        assert!((alone / found - 1.0).abs() < 0.02, "{alone} {found}");
    }

    #[test]
    fn who_has_a_code_is_at_no_risk_of_it() {
        let model = model();
        let levels = counted(&model);
        // A constant hazard: what is expected is in proportion to the days at risk.
        let days = |third: bool| -> f64 {
            let (_, after) = lives();
            let of = after.iter().zip(0..).filter(|(_, i)| !third || i % 3 != 0);
            of.map(|(a, _)| a.followup_days.min(HORIZON_DAYS[8])).sum()
        };
        let of = |code| levels.of(&model, code).unwrap();
        assert_eq!((of(4).0, of(DEATH).0), (0.0, 0.0));
        let ratio = (of(4).1 / of(DEATH).1) / (days(true) / days(false));
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
        assert!(levels.of(&model, 6).is_none());
    }

    #[test]
    fn an_interval_with_few_onsets_goes_with_its_code() {
        let mut model = model();
        // Once in 150 days, where it is once in 500.
        model.layout.risk_bias.of_mut(&mut model.weights).iter_mut().for_each(|bias| *bias -= 5.0);
        model.refresh();
        let levels = counted(&model);
        let mended = model.recalibrated(&levels, &RiskCounts::new(&model), LEVELS).unwrap();
        let (observed, expected) = levels.of(&model, 3).unwrap();
        let ratio = ((observed + 10.0) / (expected + 10.0)).ln();
        let place = model.config.risk_index(3).unwrap();
        let (first, expected) =
            (levels.onsets.observed[place], levels.onsets.expected[place * FACTORS + ONE]);
        assert!(first < 5.0 && expected < 5.0, "in a day hardly anything happens: {first}, {expected}");
        let moved = {
            let bias = |model: &Model| model.layout.risk_bias.of(&model.weights)[place];
            f64::from(bias(&mended) - bias(&model))
        };
        assert!((moved - ratio).abs() < 0.5 * ratio.abs(), "{moved} where the code moves by {ratio}");
    }

    #[test]
    fn few_onsets_move_little_and_nonsense_is_refused() {
        let model = model();
        let (counts, none) = (counted(&model), RiskCounts::new(&model));
        let bias = |model: &Model| model.layout.risk_bias.of(&model.weights).to_vec();
        let held = model.recalibrated(&counts, &none, Recalibration { prior: 1e10, slopes: true }).unwrap();
        assert!(bias(&held).iter().zip(&bias(&model)).all(|(a, b)| (a - b).abs() < 1e-4));
        for prior in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(model.recalibrated(&counts, &none, Recalibration { prior, slopes: true }).is_err());
        }
        let other = Model::new(Config::of_size(Size::Tiny, 8, 0, None, &[3]), 1).unwrap();
        assert!(model.recalibrated(&RiskCounts::new(&other), &counts, LEVELS).is_err());
        assert!(RiskCounts::new(&other).add(&model, &[], &[Aftermath::default()]).is_err());
    }
}
