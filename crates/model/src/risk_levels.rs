//! Are hazards as high as what happens, at the moments that will be asked about? Their level is set anew, code by code and
//! interval by interval; who ranks above whom within an interval stays.
//!
//! A hazard's bias has a maximum-likelihood value in closed form: with hazards `λ`, exposures `E` and occurrences `O` over
//! some moments, adding `log(O / ΣλE)` makes observed and expected equal (the score equation of a Poisson likelihood with
//! offset, Holford 1980). Few occurrences say little, so the ratio of a code over all intervals has a gamma prior of mean 1,
//! `r = (O + a) / (ΣλE + a)`, and that of each interval one of mean `r`: `log((O_k + a) / (ΣλE_k + a / r))`. A model that
//! is wrong about a disease is mostly so at every horizon, and nine intervals that were each held to 1 would hold the
//! code nine times.

use crate::config::HORIZONS;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::heads::risk;
use crate::inference::Wanted;
use crate::model::Model;
use timeline::Sequence;

/// Log-hazards held at once.
const HELD: usize = 1 << 22;

/// What followed a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aftermath {
    /// Days until observation ended, by death too.
    pub followup_days: f64,
    /// Codes that occurred, as vocabulary indices, with the days until each did for the first time.
    pub occurrences: Vec<(u32, f64)>,
}

/// Occurrences observed and expected, by interval and risk code, among records that did not have the code before.
#[derive(Clone, Debug)]
pub struct RiskLevels {
    /// `[HORIZONS, codes]`.
    observed: Vec<f64>,
    expected: Vec<f64>,
    codes: usize,
}

impl RiskLevels {
    /// Nothing yet.
    pub fn new(model: &Model) -> Self {
        let codes = model.config.risk.codes.len();
        RiskLevels { observed: vec![0.0; HORIZONS * codes], expected: vec![0.0; HORIZONS * codes], codes }
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
            for ((logs, seen), after) in model.log_hazards_after(sequences)?.into_iter().zip(after) {
                self.add_one(model, &logs, &seen, after);
            }
        }
        Ok(())
    }

    fn add_one(&mut self, model: &Model, logs: &[f32], seen: &[u32], after: &Aftermath) {
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
        for index in seen.iter().filter_map(|code| model.config.risk_index(*code)) {
            (until[index], occurs[index]) = (0.0, None);
        }
        for k in 0..HORIZONS {
            for index in 0..self.codes {
                let place = k * self.codes + index;
                self.expected[place] += f64::from(logs[place]).exp() * risk::exposure(k, until[index]);
                self.observed[place] += f64::from(u8::from(occurs[index] == Some(k)));
            }
        }
    }

    /// Onsets of a risk code observed and expected over all intervals; `None` for a code without a risk.
    pub fn of(&self, model: &Model, code: u32) -> Option<(f64, f64)> {
        model.config.risk_index(code).map(|index| self.sums(index))
    }

    fn sums(&self, index: usize) -> (f64, f64) {
        let sum = |of: &[f64]| of.iter().skip(index).step_by(self.codes).sum();
        (sum(&self.observed), sum(&self.expected))
    }
}

impl Model {
    /// The log-hazards after each sequence's last token (`[HORIZONS, codes]`), and the codes seen before.
    fn log_hazards_after(&self, sequences: &[Sequence<'_>]) -> Result<Vec<(Vec<f32>, Vec<u32>)>> {
        let width = self.config.width;
        let spots: Vec<(Sequence<'_>, usize)> =
            sequences.iter().map(|s| (*s, s.len().saturating_sub(1))).collect();
        self.at(&spots, Wanted::Last, |pack, hidden, segment| {
            let row = pack.segments[segment].end - 1;
            let state = &hidden[segment * width..(segment + 1) * width];
            let moment = Moment::at(&self.config, pack, row);
            (self.log_hazards((state, &moment)), moment.seen)
        })
    }

    /// Sets the level of every hazard to what was observed: of each code as if `prior` further onsets had been observed where as
    /// many were expected, of each interval as if that many more had been, in the code's own proportion.
    ///
    /// # Errors
    /// [`Error::Options`] unless `prior` is above 0; [`Error::Data`] for levels of another model.
    pub fn set_risk_levels(&mut self, levels: &RiskLevels, prior: f64) -> Result<()> {
        if !(prior > 0.0 && prior.is_finite()) {
            return Err(Error::Options("the prior must be a number of onsets above 0".into()));
        }
        if levels.codes != self.config.risk.codes.len() {
            return Err(Error::Data("these levels are another model's".into()));
        }
        let ratios: Vec<f64> = (0..levels.codes)
            .map(|index| levels.sums(index))
            .map(|(observed, expected)| (observed + prior) / (expected + prior))
            .collect();
        let bias = self.layout.risk_bias.of_mut(&mut self.weights);
        let counted = levels.observed.iter().zip(&levels.expected);
        for ((bias, ratio), (observed, expected)) in bias.iter_mut().zip(ratios.iter().cycle()).zip(counted) {
            *bias += ((observed + prior) / (expected + prior / ratio)).ln() as f32;
        }
        self.refresh();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, HORIZON_DAYS, Size};
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

    fn counted(model: &Model) -> RiskLevels {
        let (records, after) = lives();
        let sequences: Vec<Sequence<'_>> = records
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
            .collect();
        let mut levels = RiskLevels::new(model);
        levels.add(model, &sequences, &after).unwrap();
        levels
    }

    #[test]
    fn what_is_observed_is_expected_afterwards() {
        let mut model = model();
        let before = counted(&model);
        let (observed, expected) = before.of(&model, 3).unwrap();
        let (_, after) = lives();
        assert_eq!(observed as usize, after.iter().filter(|a| !a.occurrences.is_empty()).count());
        assert!((observed / expected).ln().abs() > 0.5, "there is nothing to mend");
        model.set_risk_levels(&before, 1e-9).unwrap();
        let mended = counted(&model);
        for (k, horizon) in HORIZON_DAYS.iter().enumerate() {
            let place = k * mended.codes;
            let (o, e) = (mended.observed[place], mended.expected[place]);
            // Where nothing was observed the prior alone keeps a hazard from nought.
            assert!((o - e).abs() < 1e-3 * (1.0 + o), "within {horizon} days: {o} observed, {e} expected");
        }
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
        let before = model.layout.risk_bias.of(&model.weights).to_vec();
        model.set_risk_levels(&levels, 10.0).unwrap();
        let (observed, expected) = levels.of(&model, 3).unwrap();
        let ratio = ((observed + 10.0) / (expected + 10.0)).ln();
        let place = model.config.risk_index(3).unwrap();
        let (first, expected) = (levels.observed[place], levels.expected[place]);
        assert!(first < 5.0 && expected < 5.0, "in a day hardly anything happens: {first}, {expected}");
        let moved = f64::from(model.layout.risk_bias.of(&model.weights)[place] - before[place]);
        assert!((moved - ratio).abs() < 0.5 * ratio.abs(), "{moved} where the code moves by {ratio}");
    }

    #[test]
    fn few_onsets_move_little_and_nonsense_is_refused() {
        let mut model = model();
        let levels = counted(&model);
        let bias = |model: &Model| model.layout.risk_bias.of(&model.weights).to_vec();
        let before = bias(&model);
        model.set_risk_levels(&levels, 1e10).unwrap();
        assert!(bias(&model).iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-4));
        for prior in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(model.set_risk_levels(&levels, prior).is_err());
        }
        let other = Model::new(Config::of_size(Size::Tiny, 8, 0, None, &[3]), 1).unwrap();
        assert!(model.set_risk_levels(&RiskLevels::new(&other), 1.0).is_err());
        assert!(RiskLevels::new(&other).add(&model, &[], &[Aftermath::default()]).is_err());
    }
}
