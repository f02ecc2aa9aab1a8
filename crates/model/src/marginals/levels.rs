//! How much more, or less, happens after the moments at which risk is asked than incidence by age and sex says.
//!
//! Moments stand where something has just happened, so that within a day or a week much more follows; and a code that has
//! occurred occurs again at a rate of its own. Both have a maximum-likelihood value in closed form, observed over expected
//! (Holford 1980), shrunk towards what all codes together show.

use crate::config::{Config, HORIZONS};
use crate::data::TrainingData;
use crate::heads::moment::Moment;
use crate::heads::reference;
use crate::heads::risk;
use crate::pack::{Pack, RiskTarget, Targets, check_sequence};
use crate::random;
use crate::window::Window;
use timeline::{LandmarkOptions, TokenBuffer, with_landmarks};

/// Moments looked at in each record.
const MOMENTS: usize = 8;
/// Hazards worked out at most; of more records some are passed over.
const MOST_HAZARDS: usize = 400_000_000;
/// Onsets that all codes together count for in each code's own ratio.
const PRIOR: f64 = 2.0;

/// Occurrences observed and expected.
pub(super) struct Levels<'a> {
    config: &'a Config,
    rates: &'a [f32],
    /// First occurrences, `[HORIZONS, codes]`.
    first: Vec<Ratio>,
    /// Of codes that had occurred before, `[HORIZONS, codes]`.
    again: Vec<Ratio>,
    hazards: Vec<f32>,
    /// Moments looked at, and days that they stand for.
    moments: f64,
    days: f64,
}

#[derive(Clone, Copy, Default)]
struct Ratio {
    observed: f64,
    expected: f64,
}

impl Ratio {
    fn sum<'r>(all: impl Iterator<Item = &'r Ratio>) -> Ratio {
        all.fold(Ratio::default(), |sum, r| Ratio {
            observed: sum.observed + r.observed,
            expected: sum.expected + r.expected,
        })
    }

    /// The ratio as if, beside what was counted, [`PRIOR`] onsets had been seen where the prior ratio lets expect as many.
    fn shrunk_to(self, prior: f64) -> f64 {
        (self.observed + PRIOR) / (self.expected + PRIOR / prior)
    }
}

impl<'a> Levels<'a> {
    /// `rates`: log-rates a day, `[reference::ROWS, codes]`.
    pub(super) fn new(config: &'a Config, rates: &'a [f32]) -> Self {
        let cells = HORIZONS * config.risk.codes.len();
        Levels {
            config,
            rates,
            first: vec![Ratio::default(); cells],
            again: vec![Ratio::default(); cells],
            hazards: vec![0.0; config.risk.codes.len()],
            moments: 0.0,
            days: 0.0,
        }
    }

    /// Looks at moments of the records, or of as many of them as the work allows.
    pub(super) fn add_all(&mut self, data: &dyn TrainingData) {
        let codes = self.config.risk.codes.len();
        let each = (data.len() * MOMENTS * HORIZONS).saturating_mul(codes);
        let (mut pack, mut buffer) = (Pack::default(), TokenBuffer::default());
        for index in (0..data.len()).step_by(each.div_ceil(MOST_HAZARDS).max(1)) {
            let sequence = data.sequence(index);
            if check_sequence(self.config, &sequence).is_err() {
                continue;
            }
            let key = random::mix(index as u64);
            let sequence = with_landmarks(&sequence, &LandmarkOptions::default(), key, &mut buffer);
            let window = Window::ending_at(&sequence, sequence.len() - 1, self.config.context);
            pack.clear();
            pack.push(
                self.config,
                &sequence,
                window,
                Targets { risk: Some((MOMENTS, key)), ..Targets::default() },
            );
            for target in &pack.risks {
                self.add(&pack, target);
            }
        }
    }

    fn add(&mut self, pack: &Pack, target: &RiskTarget) {
        let codes = self.config.risk.codes.len();
        let moment = Moment::at(self.config, pack, target.row);
        let places = reference::places(self.config, &moment);
        let counts_for = target.stands_for_days;
        self.moments += 1.0;
        self.days += counts_for;
        let occurrences = &pack.occurrences[target.occurrences.clone()];
        let seen: Vec<usize> = moment.seen.iter().filter_map(|c| self.config.risk_index(*c)).collect();
        for (k, place) in places.into_iter().enumerate() {
            let whole = risk::exposure(k, target.followup_days);
            if whole <= 0.0 {
                break;
            }
            self.hazards.fill(0.0);
            reference::add(self.rates, place, &mut self.hazards);
            let (first, again) =
                (&mut self.first[k * codes..][..codes], &mut self.again[k * codes..][..codes]);
            for (ratio, log) in first.iter_mut().zip(&self.hazards) {
                ratio.expected += f64::from(log.exp()) * whole * counts_for;
            }
            for index in &seen {
                let expected = f64::from(self.hazards[*index].exp()) * whole * counts_for;
                first[*index].expected -= expected;
                again[*index].expected += expected;
            }
            for (index, days) in occurrences {
                let index = *index as usize;
                let ratio = if seen.contains(&index) { &mut again[index] } else { &mut first[index] };
                let after = whole - risk::exposure(k, *days);
                ratio.expected -= f64::from(self.hazards[index].exp()) * after * counts_for;
                ratio.observed += if risk::interval_of(*days) == Some(k) { counts_for } else { 0.0 };
            }
        }
    }

    /// `[HORIZONS, codes]`, what to add to log-hazards; and `[codes + HORIZONS]`, what to add where a code has occurred.
    pub(super) fn biases(mut self) -> (Vec<f32>, Vec<f32>) {
        // What is shrunk is shrunk by how many moments were seen: the mean moment is to count for one.
        let each = if self.days > 0.0 { self.moments / self.days } else { 1.0 };
        for ratio in self.first.iter_mut().chain(&mut self.again) {
            *ratio = Ratio { observed: ratio.observed * each, expected: ratio.expected * each };
        }
        let codes = self.config.risk.codes.len();
        let mut bias = Vec::with_capacity(HORIZONS * codes);
        for row in self.first.chunks_exact(codes) {
            let all = Ratio::sum(row.iter()).shrunk_to(1.0);
            bias.extend(row.iter().map(|ratio| ratio.shrunk_to(all).ln() as f32));
        }
        // What is expected of codes that have occurred, given the biases; then what all of them show, and each.
        let again: Vec<Ratio> = self
            .again
            .iter()
            .zip(&bias)
            .map(|(ratio, bias)| Ratio { expected: ratio.expected * f64::from(bias.exp()), ..*ratio })
            .collect();
        let of_code = |c: usize| Ratio::sum(again.iter().skip(c).step_by(codes));
        let all = Ratio::sum(again.iter()).shrunk_to(1.0);
        let by_code: Vec<f64> = (0..codes).map(|c| of_code(c).shrunk_to(all).ln()).collect();
        let by_interval = again.chunks_exact(codes).map(|row| {
            let each = row.iter().zip(&by_code);
            let each: Vec<Ratio> =
                each.map(|(r, by_code)| Ratio { expected: r.expected * by_code.exp(), ..*r }).collect();
            Ratio::sum(each.iter()).shrunk_to(1.0).ln()
        });
        let repeat = by_code.iter().copied().chain(by_interval).map(|x| x as f32).collect();
        (bias, repeat)
    }
}
