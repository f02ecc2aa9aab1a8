//! Risks from trajectories, by counting and by summing what was likely.
//!
//! Let `p_t` be the chance that the `t`-th token is the outcome, given the trajectory so far. Over `N`
//! trajectories with weights `w` the risk within a horizon is estimated by the mean of
//!
//! - counting: `w · [the outcome occurs in it]`;
//! - SCOPE: `w · Σ p_t` over the tokens up to the first occurrence. Its mean is the risk because each `p_t` is the
//!   mean of whether token `t` is the outcome; one pool of trajectories serves every outcome.
//! - REACH: `w · (1 − Π (1 − p_t))` over a trajectory drawn with the outcome left out: the chance of meeting it
//!   along a path that is drawn as if it were not met. Never more variable than counting, for given the path it is
//!   counting's mean; it needs a pool for each outcome.
//!
//! (Solo et al. 2026, "Efficient Variance-reduced Estimation from Generative EHR Models: The SCOPE and REACH
//! Estimators", arXiv 2602.03730.) Tokens other than the outcome's, death among them, are the model's own in all
//! three, so all estimate the same cumulative incidence with death competing.

use super::SimulateOptions;
use crate::config::Config;
use std::sync::Arc;

/// The outcomes that are asked for, each with the codes that are one: its own and narrower ones.
pub(crate) struct Outcomes {
    members: Vec<Vec<u32>>,
}

impl Outcomes {
    pub(crate) fn new(config: &Config, options: &SimulateOptions) -> Self {
        let asked = options.outcomes_asked();
        let members = asked
            .into_iter()
            .map(|code| std::iter::once(code).chain(config.risk.narrower_than(code)).collect());
        Outcomes { members: members.collect() }
    }

    /// All codes that are any.
    pub(crate) fn codes(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.iter().flatten().copied()
    }
}

/// One trajectory's part in the risks of the outcomes.
pub(crate) struct Risks {
    outcomes: Arc<Outcomes>,
    horizons_days: Vec<f64>,
    avoids: bool,
    /// Days until the outcome first occurs; infinite without.
    occurred_days: Vec<f64>,
    /// `[outcomes, horizons]`: what each interval between horizons adds to `Σ p_t`, or to `Σ ln(1 − p_t)`.
    sums: Vec<f64>,
}

impl Risks {
    pub(crate) fn new(outcomes: &Arc<Outcomes>, options: &SimulateOptions) -> Self {
        let n = outcomes.members.len();
        Risks {
            horizons_days: options.horizons_days.clone(),
            avoids: options.avoided.is_some(),
            occurred_days: vec![f64::INFINITY; n],
            sums: vec![0.0; n * options.horizons_days.len()],
            outcomes: outcomes.clone(),
        }
    }

    /// The next token is drawn from these weights with this sum, `elapsed` days after the start.
    pub(crate) fn add(&mut self, weights: &[f32], total: f64, elapsed: f64) {
        let horizons = self.horizons_days.len();
        let k = self.horizons_days.partition_point(|horizon| *horizon < elapsed);
        if k == horizons || total <= 0.0 {
            return;
        }
        for (o, members) in self.outcomes.members.iter().enumerate() {
            if self.occurred_days[o].is_infinite() {
                let weight: f64 = members.iter().map(|code| f64::from(weights[*code as usize])).sum();
                let p = (weight / total).min(1.0);
                self.sums[o * horizons + k] += if self.avoids { (-p).ln_1p() } else { p };
            }
        }
    }

    /// A code occurs.
    pub(crate) fn occurs(&mut self, code: u32, elapsed: f64) {
        for (days, members) in self.occurred_days.iter_mut().zip(&self.outcomes.members) {
            if members.contains(&code) {
                *days = days.min(elapsed);
            }
        }
    }
}

/// A mean over trajectories, with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error by the trajectories' spread; NaN for a single one.
    pub standard_error: f64,
}

/// The risks of one code from one subject's trajectories, one a horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedRisk {
    /// The code.
    pub code: u32,
    /// By counting; empty where the code was left out of the trajectories.
    pub counted: Vec<Estimate>,
    /// By SCOPE, or by REACH where the code was left out of the trajectories.
    pub summed: Vec<Estimate>,
}

/// Sums over trajectories, which can be added up.
#[derive(Clone)]
pub(crate) struct Tally {
    n: f64,
    /// `[outcomes, horizons]` of `(Σ x, Σ x²)`.
    counted: Vec<(f64, f64)>,
    summed: Vec<(f64, f64)>,
}

impl Tally {
    pub(crate) fn new(options: &SimulateOptions) -> Self {
        let zeros = vec![(0.0, 0.0); options.outcomes_asked().len() * options.horizons_days.len()];
        Tally { n: 0.0, counted: zeros.clone(), summed: zeros }
    }

    /// Adds one trajectory.
    pub(crate) fn add(&mut self, risks: &Risks, weight: f64) {
        self.n += 1.0;
        let horizons = risks.horizons_days.len();
        for o in 0..risks.occurred_days.len() {
            let mut sum = 0.0;
            for (k, horizon) in risks.horizons_days.iter().enumerate() {
                let place = o * horizons + k;
                sum += risks.sums[place];
                let likely = if risks.avoids { -sum.exp_m1() } else { sum };
                let occurs = if risks.occurred_days[o] <= *horizon { weight } else { 0.0 };
                for (sums, x) in
                    [(&mut self.counted[place], occurs), (&mut self.summed[place], weight * likely)]
                {
                    sums.0 += x;
                    sums.1 += x * x;
                }
            }
        }
    }

    /// The estimates for each outcome.
    pub(crate) fn risks(&self, options: &SimulateOptions) -> Vec<SimulatedRisk> {
        let horizons = options.horizons_days.len();
        let estimate = |(sum, squares): &(f64, f64)| {
            let mean = sum / self.n;
            let variance = ((squares - sum * mean) / (self.n - 1.0)).max(0.0);
            Estimate {
                mean,
                standard_error: if self.n > 1.0 { (variance / self.n).sqrt() } else { f64::NAN },
            }
        };
        let outcomes = options.outcomes_asked();
        let each = outcomes.iter().enumerate().map(|(o, code)| {
            let part = o * horizons..(o + 1) * horizons;
            let estimates = |sums: &[(f64, f64)]| sums[part.clone()].iter().map(estimate).collect();
            SimulatedRisk {
                code: *code,
                counted: if options.avoided.is_some() { Vec::new() } else { estimates(&self.counted) },
                summed: estimates(&self.summed),
            }
        });
        each.collect()
    }
}
