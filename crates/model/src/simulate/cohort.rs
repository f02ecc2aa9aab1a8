//! Trajectories that go on together: each round draws what comes next for all of them, then reads it.

use super::draw::{self, Draws};
use super::heads::Heads;
use super::prefix::{Opening, Prefix};
use super::risk::{Outcomes, Risks};
use super::step::{Step, Stepper, Suffix};
use super::{Ending, SimulateOptions, Trajectory};
use crate::packed::Parameters;
use crate::patient_state::Token;
use crate::real::{exponentiate, vectorised};
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;
use std::sync::Arc;

/// One trajectory under way.
pub(crate) struct Rollout {
    /// Which prefix it goes on from.
    pub(crate) subject: usize,
    pub(crate) trajectory: Trajectory,
    pub(crate) risks: Risks,
    draws: Draws,
    suffix: Suffix,
    age_days: f64,
    seen: FxHashSet<u32>,
    ranks: FxHashMap<u32, f32>,
}

/// What comes next.
enum Next {
    Wait,
    Code(u32),
    /// The model leaves no possible code; the record ends.
    Nothing,
}

/// The memory of one thread.
#[derive(Default)]
pub(crate) struct Cohort {
    heads: Heads,
    stepper: Stepper,
    hidden: Vec<f32>,
}

impl Cohort {
    /// Runs the trajectories of some subjects to their ends: for each member the prefix and the numbers.
    pub(crate) fn run(
        &mut self,
        p: Parameters<'_, f32>,
        prefixes: &[Prefix],
        members: &[(usize, Range<usize>)],
        options: &SimulateOptions,
    ) -> Vec<Rollout> {
        let mut rollouts = Vec::new();
        let outcomes = Arc::new(Outcomes::new(p.config, options));
        self.hidden.clear();
        for (subject, numbers) in members {
            let prefix = &prefixes[*subject];
            for number in numbers.clone() {
                rollouts.push(Rollout::new(*subject, prefix, number, (options, &outcomes)));
                self.hidden.extend_from_slice(&prefix.hidden);
            }
        }
        let mut active: Vec<usize> = (0..rollouts.len()).collect();
        if members.iter().any(|(subject, _)| prefixes[*subject].opening == Opening::Nothing) {
            // Rows of the hidden state are those of the active ones.
            let goes_on = |i: &usize| prefixes[rollouts[*i].subject].opening != Opening::Nothing;
            let width = p.config.width;
            let kept: Vec<usize> = active.iter().copied().filter(goes_on).collect();
            self.hidden =
                kept.iter().flat_map(|i| &self.hidden[i * width..(i + 1) * width]).copied().collect();
            active = kept;
        }
        while !active.is_empty() {
            let next = self.draw_codes(p, prefixes, &mut rollouts, &active, (options, &outcomes));
            let tokens = self.draw_tokens(p, prefixes, &mut rollouts, &active, next, options);
            let mut steps = Vec::with_capacity(active.len());
            let mut going: Vec<bool> = vec![false; rollouts.len()];
            for (i, token) in active.iter().zip(&tokens) {
                let Some((token, _)) = token else { continue };
                let prefix = &prefixes[rollouts[*i].subject];
                going[*i] = rollouts[*i].take(p, *token, prefix, options);
            }
            let mut read: Vec<Option<(Token, f32)>> = vec![None; rollouts.len()];
            active.iter().zip(tokens).for_each(|(i, token)| read[*i] = token);
            for (i, rollout) in rollouts.iter_mut().enumerate() {
                if let (true, Some((token, previous))) = (going[i], read[i]) {
                    let Rollout { subject, suffix, .. } = rollout;
                    steps.push(Step { subject: *subject, token, previous, suffix });
                }
            }
            active.retain(|i| going[*i]);
            if !active.is_empty() {
                self.stepper.run(p, prefixes, &mut steps, &mut self.hidden);
            }
        }
        rollouts
    }

    /// Draws what kind of token comes next for each active trajectory, and adds to its risks.
    fn draw_codes(
        &mut self,
        p: Parameters<'_, f32>,
        prefixes: &[Prefix],
        rollouts: &mut [Rollout],
        active: &[usize],
        (options, outcomes): (&SimulateOptions, &Outcomes),
    ) -> Vec<Next> {
        let vocabulary = p.config.vocabulary_size;
        let waits = |rollout: &Rollout| {
            rollout.trajectory.tokens.is_empty() && prefixes[rollout.subject].opening == Opening::Wait
        };
        let rows: Vec<usize> = (0..active.len()).filter(|row| !waits(&rollouts[active[*row]])).collect();
        let logits = self.heads.next_codes(p, &self.hidden, &rows);
        let repeat = p.layout.head_repeat.of(p.weights);
        let mut next: Vec<Next> = active.iter().map(|_| Next::Wait).collect();
        for (weights, row) in logits.chunks_exact_mut(vocabulary).zip(&rows) {
            let rollout = &mut rollouts[active[*row]];
            let prefix = &prefixes[rollout.subject];
            for code in prefix.seen.iter().chain(&rollout.seen) {
                weights[*code as usize] += repeat[*code as usize] + repeat[vocabulary];
            }
            let (_, sum) = vectorised(
                #[inline(always)]
                || exponentiate(weights),
            );
            let mut total = f64::from(sum);
            let mut forbid = |code: u32| {
                total -= f64::from(std::mem::take(&mut weights[code as usize]));
            };
            options.impossible.iter().for_each(|code| forbid(*code));
            // Time that has just passed is followed by an event, and a first moment has one.
            if rollout.trajectory.tokens.last().is_none_or(|last| last.code == p.config.time_code) {
                forbid(p.config.time_code);
            }
            let elapsed = rollout.age_days - prefix.last_age_days;
            rollout.risks.add(weights, total, elapsed);
            if options.avoided.is_some() {
                for code in outcomes.codes() {
                    total -= f64::from(std::mem::take(&mut weights[code as usize]));
                }
            }
            next[*row] = match draw::index(weights, total.max(0.0), rollout.draws.next()) {
                Some(code) if code as u32 == p.config.time_code => Next::Wait,
                Some(code) => Next::Code(code as u32),
                None => Next::Nothing,
            };
        }
        next
    }

    /// Draws the waits and values that belong to what comes next; none for trajectories that have ended. With a
    /// token comes the code's last rank, which its value is read beside.
    fn draw_tokens(
        &mut self,
        p: Parameters<'_, f32>,
        prefixes: &[Prefix],
        rollouts: &mut [Rollout],
        active: &[usize],
        next: Vec<Next>,
        options: &SimulateOptions,
    ) -> Vec<Option<(Token, f32)>> {
        let mut tokens: Vec<Option<(Token, f32)>> = vec![None; active.len()];
        let (mut waiting, mut valued) = (Vec::new(), Vec::new());
        for (row, next) in next.iter().enumerate() {
            let rollout = &mut rollouts[active[row]];
            match next {
                Next::Wait => waiting.push(row),
                Next::Nothing => rollout.trajectory.ending = Ending::Record,
                Next::Code(code) => {
                    let previous = rollout.last_rank(&prefixes[rollout.subject], *code);
                    let token = Token { code: *code, age_days: rollout.age_days, value: f32::NAN };
                    tokens[row] = Some((token, previous));
                    let share = options.valued_share.get(*code as usize).copied().unwrap_or(0.0);
                    if share > 0.0 && rollout.draws.next() < f64::from(share) {
                        valued.push((row, *code, previous));
                    }
                }
            }
        }
        let edges = &p.config.waiting_time_edges_days;
        let hazards = self.heads.waits(p, &self.hidden, &waiting);
        for (hazards, row) in hazards.chunks_exact(edges.len() + 1).zip(&waiting) {
            let rollout = &mut rollouts[active[*row]];
            let end = prefixes[rollout.subject].last_age_days + options.longest_horizon_days();
            let first = rollout.trajectory.tokens.is_empty();
            let must_end = options.event_first && first;
            let wait = draw::wait(edges, hazards, end - rollout.age_days, must_end, rollout.draws.next());
            if must_end {
                rollout.trajectory.weight *= wait.within;
            }
            match wait.days {
                Some(days) => {
                    let age_days = (rollout.age_days + days).min(end);
                    let value = (days as f32).max(f32::MIN_POSITIVE);
                    tokens[*row] = Some((Token { code: p.config.time_code, age_days, value }, f32::NAN));
                }
                None => rollout.trajectory.ending = Ending::Horizon,
            }
        }
        if !valued.is_empty() {
            let (bins, sums) = self.heads.values(p, &self.hidden, &valued);
            for ((bins, sum), (row, ..)) in bins.chunks_exact(p.config.value.bins).zip(sums).zip(&valued) {
                let draws = &mut rollouts[active[*row]].draws;
                let uniforms = (draws.next(), draws.next());
                if let Some((token, _)) = &mut tokens[*row] {
                    token.value = draw::rank(bins, f64::from(sum), uniforms);
                }
            }
        }
        tokens
    }
}

impl Rollout {
    fn new(
        subject: usize,
        prefix: &Prefix,
        number: usize,
        (options, outcomes): (&SimulateOptions, &Arc<Outcomes>),
    ) -> Self {
        Rollout {
            subject,
            trajectory: Trajectory {
                number,
                tokens: Vec::new(),
                length: 0,
                weight: 1.0,
                ending: if prefix.opening == Opening::Nothing { Ending::Death } else { Ending::Horizon },
            },
            risks: Risks::new(outcomes, options),
            draws: Draws::new(options.seed, prefix.subject_id, number as u64),
            suffix: Suffix::default(),
            age_days: prefix.last_age_days,
            seen: FxHashSet::default(),
            ranks: FxHashMap::default(),
        }
    }

    /// The last rank of a code, or NaN.
    fn last_rank(&self, prefix: &Prefix, code: u32) -> f32 {
        self.ranks.get(&code).or_else(|| prefix.ranks.get(&code)).copied().unwrap_or(f32::NAN)
    }

    /// Gives back what only going on needs.
    pub(crate) fn finish(&mut self, options: &SimulateOptions) {
        self.suffix = Suffix::default();
        (self.seen, self.ranks) = Default::default();
        if !options.keep_tokens {
            self.trajectory.tokens = Vec::new();
        }
    }

    /// Takes a token in; whether the trajectory goes on.
    fn take(
        &mut self,
        p: Parameters<'_, f32>,
        token: Token,
        prefix: &Prefix,
        options: &SimulateOptions,
    ) -> bool {
        self.age_days = token.age_days;
        self.trajectory.tokens.push(token);
        self.trajectory.length += 1;
        if token.code != p.config.time_code {
            self.risks.occurs(token.code, token.age_days - prefix.last_age_days);
            if !prefix.seen.contains(&token.code) {
                self.seen.insert(token.code);
            }
            if token.value.is_finite() {
                self.ranks.insert(token.code, token.value);
            }
            if Some(token.code) == p.config.death_code {
                self.trajectory.ending = Ending::Death;
                return false;
            }
        }
        if self.trajectory.length >= options.most_tokens {
            self.trajectory.ending = Ending::Truncated;
            return false;
        }
        true
    }
}
