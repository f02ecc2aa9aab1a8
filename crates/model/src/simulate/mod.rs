//! Futures drawn from the model, token by token, from where records stand.
//!
//! A record is read once and its keys and values are shared by all of its trajectories. Trajectories of several
//! subjects go on together. What is drawn is a function of seed, subject and the trajectory's number; how they are
//! put together depends on the subjects and the options alone, so that any number of threads draws the same.
//!
//! The conventions are the likelihood's ([`crate::LogLikelihood`]). Everything at the record's last moment is known,
//! so time passes first; a record that closes with a `TIME` goes on waiting from there. `TIME` is followed by an
//! event, death ends the record, and with death absent nothing else does but the horizon or the limit on tokens.

mod cohort;
mod draw;
mod heads;
mod prefix;
mod risk;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use heads::Heads;
pub(crate) use prefix::Prefix;
pub use risk::{Estimate, SimulatedRisk};

use crate::error::{Error, Result};
use crate::model::Model;
use crate::pack::check_sequence;
use crate::patient_state::Token;
use cohort::{Cohort, Rollout};
use rayon::prelude::*;
use risk::Tally;
use std::ops::Range;
use timeline::Sequence;

/// Trajectories that go on together on one thread.
const COHORT: usize = 64;
/// Keys and values of prefixes held at once, in bytes; at least one subject's are held.
const PREFIX_BYTES: usize = 128 << 20;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// Trajectories a subject.
    pub trajectories: usize,
    /// The seed.
    pub seed: u64,
    /// Horizons in days, increasing; trajectories end at the last.
    pub horizons_days: Vec<f64>,
    /// Tokens after which a trajectory is cut off and reported as [`Ending::Truncated`]; at most half the
    /// context.
    pub most_tokens: usize,
    /// Codes whose risks are wanted; what is narrower than a code counts as it.
    pub outcomes: Vec<u32>,
    /// Draw trajectories without this code and narrower ones, and reckon its risk by REACH; `outcomes` is then not looked at.
    pub avoided: Option<u32>,
    /// Draw the first wait within the longest horizon, and weigh trajectories by the chance of that: where little
    /// happens, no trajectory is spent on nothing happening at all.
    pub event_first: bool,
    /// Codes that are never drawn: those that no timeline has. One may be an outcome where something narrower is drawn.
    pub impossible: Vec<u32>,
    /// For each code the chance that it comes with a value; missing ones are 0. The model draws which value.
    pub valued_share: Vec<f32>,
    /// Whether the trajectories' tokens are wanted, or the risks alone.
    pub keep_tokens: bool,
}

impl Default for SimulateOptions {
    fn default() -> Self {
        SimulateOptions {
            trajectories: 100,
            seed: 0,
            horizons_days: vec![365.25],
            most_tokens: 512,
            outcomes: Vec::new(),
            avoided: None,
            event_first: false,
            impossible: Vec::new(),
            valued_share: Vec::new(),
            keep_tokens: true,
        }
    }
}

/// Why a trajectory ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The longest horizon was reached.
    Horizon,
    /// Death, in the trajectory or before it.
    Death,
    /// The limit on tokens was reached first.
    Truncated,
    /// No possible code was left to draw.
    Record,
}

/// One drawn future.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Its number among the subject's, from 0.
    pub number: usize,
    /// What follows the record's last token; empty unless kept.
    pub tokens: Vec<Token>,
    /// How many tokens were drawn.
    pub length: usize,
    /// By how much it counts; 1 unless the first wait was drawn within the horizon.
    pub weight: f64,
    /// Why it ends.
    pub ending: Ending,
}

/// One subject's trajectories and what they say of its risks.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The trajectories, by number.
    pub trajectories: Vec<Trajectory>,
    /// One entry an outcome.
    pub risks: Vec<SimulatedRisk>,
}

impl SimulateOptions {
    fn longest_horizon_days(&self) -> f64 {
        self.horizons_days.last().copied().unwrap_or(0.0)
    }

    fn outcomes_asked(&self) -> Vec<u32> {
        self.avoided.map_or_else(|| self.outcomes.clone(), |code| vec![code])
    }

    fn validate(&self, model: &Model) -> Result<()> {
        let check = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(Error::Options(what.to_owned())) }
        };
        let vocabulary = model.config.vocabulary_size;
        let inside = |code: &u32| (*code as usize) < vocabulary && *code != model.config.time_code;
        check((1..=1 << 24).contains(&self.trajectories), "trajectories must be 1 to 16,777,216")?;
        check(
            !self.horizons_days.is_empty()
                && self.horizons_days.iter().all(|h| h.is_finite() && *h > 0.0)
                && self.horizons_days.is_sorted_by(|a, b| a < b),
            "horizons_days must be positive and increase",
        )?;
        check(
            (1..=model.config.context / 2).contains(&self.most_tokens),
            "most_tokens must be at least 1 and at most half the model's context",
        )?;
        check(
            self.outcomes_asked().iter().chain(&self.impossible).all(inside),
            "outcomes and impossible codes must be codes of the vocabulary other than TIME",
        )?;
        let mut impossible = rustc_hash::FxHashSet::default();
        check(
            self.impossible.iter().all(|code| impossible.insert(*code)),
            "each code may be impossible once",
        )?;
        let mut asked = rustc_hash::FxHashSet::default();
        check(
            self.outcomes_asked().iter().all(|code| asked.insert(*code)),
            "each code may be an outcome once",
        )?;
        // A category that no timeline holds happens when what is narrower does.
        let happens = |code: &u32| {
            !impossible.contains(code)
                || model.config.risk.narrower_than(*code).any(|narrower| !impossible.contains(&narrower))
        };
        check(
            asked.iter().all(happens),
            "an outcome can never happen: no timeline holds it, nor anything narrower",
        )
    }
}

impl Model {
    /// Draws futures of records from their last tokens on, and estimates risks from them.
    ///
    /// Memory beyond what is returned: the prefixes' keys and values (128 MB of them at a time, or one subject's),
    /// and for each thread those of 64 trajectories of at most [`SimulateOptions::most_tokens`] tokens
    /// (`2 · layers · key_value_heads · head_width` numbers of 4 bytes a token).
    ///
    /// # Errors
    /// [`Error::Options`] for options that cannot be followed, [`Error::Sequence`] for an unusable sequence.
    pub fn simulate(&self, starts: &[Sequence<'_>], options: &SimulateOptions) -> Result<Vec<Simulated>> {
        options.validate(self)?;
        let mut simulated = Vec::with_capacity(starts.len());
        let context = self.config.context - options.most_tokens;
        let bytes = 2 * self.config.layers * self.config.key_value_heads * self.config.head_width() * 4;
        let most = (PREFIX_BYTES / bytes).max(1);
        let mut held = 0;
        let together = |_: &Sequence<'_>, next: &Sequence<'_>| {
            held += next.len().min(context);
            let fits = held < most;
            held = if fits { held } else { 0 };
            fits
        };
        for starts in starts.chunk_by(together) {
            let prefixes = self.prefixes(starts, context)?;
            simulated.extend(self.futures(&prefixes, options, usize::MAX, &mut |_| true));
        }
        Ok(simulated)
    }

    /// [`Model::simulate`] of one record, for somebody who waits for it: now and then `go_on` is told how many trajectories were drawn
    /// so far, and says whether to draw more. What was drawn until it said no is returned; drawn to the end it is what
    /// [`Model::simulate`] gives.
    ///
    /// # Errors
    /// As [`Model::simulate`].
    pub fn simulate_watched(
        &self,
        start: &Sequence<'_>,
        options: &SimulateOptions,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Simulated> {
        options.validate(self)?;
        let prefixes = self.prefixes(&[*start], self.config.context - options.most_tokens)?;
        let together = rayon::current_num_threads();
        let mut simulated = self.futures(&prefixes, options, together, go_on);
        simulated.pop().ok_or(Error::Sequence("it has no tokens"))
    }

    /// Reads records, leaving room in the context for what is drawn.
    fn prefixes(&self, starts: &[Sequence<'_>], context: usize) -> Result<Vec<Prefix>> {
        starts.iter().try_for_each(|sequence| check_sequence(&self.config, sequence))?;
        let states = self.read_within(starts, context)?;
        let both: Vec<_> = starts.iter().zip(states).collect();
        Ok(both.into_par_iter().map(|(sequence, state)| Prefix::new(&self.config, sequence, state)).collect())
    }

    /// Draws `together` cohorts at a time, and asks after each time whether to go on.
    fn futures(
        &self,
        prefixes: &[Prefix],
        options: &SimulateOptions,
        together: usize,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Vec<Simulated> {
        let mut simulated: Vec<(Vec<Trajectory>, Tally)> =
            prefixes.iter().map(|_| (Vec::new(), Tally::new(options))).collect();
        let mut drawn = 0;
        for jobs in cohorts(prefixes.len(), options.trajectories).chunks(together.max(1)) {
            let rollouts: Vec<Vec<Rollout>> = jobs
                .par_iter()
                .map(|members| {
                    thread_local! {
                        static COHORT: std::cell::RefCell<Cohort> = std::cell::RefCell::default();
                    }
                    let run = |cohort: &mut Cohort| {
                        let mut rollouts = cohort.run(self.parameters_view(), prefixes, members, options);
                        rollouts.iter_mut().for_each(|rollout| rollout.finish(options));
                        rollouts
                    };
                    COHORT.with_borrow_mut(run)
                })
                .collect();
            for rollout in rollouts.into_iter().flatten() {
                let (trajectories, tally) = &mut simulated[rollout.subject];
                tally.add(&rollout.risks, rollout.trajectory.weight);
                trajectories.push(rollout.trajectory);
                drawn += 1;
            }
            if !go_on(drawn) {
                break;
            }
        }
        let finish = |(trajectories, tally): (Vec<Trajectory>, Tally)| Simulated {
            trajectories,
            risks: tally.risks(options),
        };
        simulated.into_iter().map(finish).collect()
    }
}

/// Who goes on together: each member a subject and the numbers of its trajectories.
fn cohorts(subjects: usize, trajectories: usize) -> Vec<Vec<(usize, Range<usize>)>> {
    let share = trajectories.div_ceil(trajectories.div_ceil(COHORT));
    let mut cohorts: Vec<Vec<(usize, Range<usize>)>> = Vec::new();
    let mut room = 0;
    for subject in 0..subjects {
        let mut begin = 0;
        while begin < trajectories {
            let part = begin..(begin + share).min(trajectories);
            begin = part.end;
            if room < part.len() {
                cohorts.push(Vec::new());
                room = COHORT;
            }
            room -= part.len();
            if let Some(cohort) = cohorts.last_mut() {
                cohort.push((subject, part));
            }
        }
    }
    cohorts
}
