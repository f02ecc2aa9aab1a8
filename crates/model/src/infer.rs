//! Answers: risks, likelihoods, states and task probabilities.

use crate::config::HORIZONS;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::heads::{risk, task};
use crate::inference::Wanted;
use crate::model::Model;
use crate::objective::Losses;
use crate::pack::{Pack, Targets, check_sequence};
use crate::real::{Real, add_scaled};
use crate::window::{self, Window};
use rayon::prelude::*;
use timeline::Sequence;

/// Tokens that one thread answers for at once.
pub(crate) const PACK_TOKENS: usize = 512;

/// Fewest codes whose incidences are worth handing to another thread.
const CURVES: usize = 512;

/// Of so many times fewer codes than there are, hazards are worked out alone.
const FEW: usize = 4;

/// The cumulative incidences of some codes at the nine horizons, with death competing.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskTable {
    codes: Vec<u32>,
    cumulative_incidence: Vec<f32>,
}

impl RiskTable {
    /// A table of `codes`, with a row of [`HORIZONS`] each.
    pub(crate) fn new(codes: Vec<u32>, cumulative_incidence: Vec<f32>) -> Self {
        RiskTable { codes, cumulative_incidence }
    }

    /// The codes, in row order.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// One row per code: the chance that it occurs within each of [`HORIZON_DAYS`](crate::HORIZON_DAYS), before death.
    pub fn rows(&self) -> impl Iterator<Item = (u32, &[f32; HORIZONS])> {
        self.codes.iter().copied().zip(self.cumulative_incidence.as_chunks::<HORIZONS>().0)
    }

    /// A code's row.
    pub fn of(&self, code: u32) -> Option<&[f32; HORIZONS]> {
        let place = self.codes.iter().position(|c| *c == code)?;
        self.cumulative_incidence.as_chunks::<HORIZONS>().0.get(place)
    }

    /// A code's chance within `days`, linear between horizons in the logarithm of survival (a constant hazard
    /// within the interval); none for unknown codes and beyond the last horizon.
    pub fn within(&self, code: u32, days: f64) -> Option<f32> {
        let row = self.of(code)?;
        let k = risk::interval_of(days)?;
        let (begin, end) = risk::interval(k);
        let before = if k == 0 { 0.0 } else { f64::from(row[k - 1]) };
        let share = ((days - begin) / (end - begin)).clamp(0.0, 1.0);
        let (low, high) = ((1.0 - before).max(1e-12).ln(), (1.0 - f64::from(row[k])).max(1e-12).ln());
        Some((1.0 - (low + share * (high - low)).exp()) as f32)
    }
}

/// A sequence's log-likelihood in nats, as it factorises:
///
/// `Σ log P(code_i | past) + Σ log p(gap_i | past, TIME) + log P(TIME | past) S(rest | past) + Σ log p(rank_i | past, code_i)`
///
/// The first sum is over every token after the static facts (the first token is given where there are none),
/// `TIME` among them, which so says that a group of simultaneous events is complete; the second over gaps, with
/// density per day; the third is the survival from the last event to the end of follow-up, absent after death,
/// after which the record ends with certainty; the last over values, with density over the rank in (0, 1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogLikelihood {
    /// Events scored: tokens other than `TIME`.
    pub events: usize,
    /// Tokens scored, `TIME` and the censored end included.
    pub tokens: usize,
    /// Which code.
    pub code: f64,
    /// When: gaps and the censored end.
    pub time: f64,
    /// Which value.
    pub value: f64,
}

impl LogLikelihood {
    /// All parts.
    pub fn total(&self) -> f64 {
        self.code + self.time + self.value
    }

    /// Adds another subject's.
    pub fn add(&mut self, other: &LogLikelihood) {
        self.events += other.events;
        self.tokens += other.tokens;
        self.code += other.code;
        self.time += other.time;
        self.value += other.value;
    }
}

/// A segment's first and last row.
fn ends(pack: &Pack, segment: usize) -> (usize, usize) {
    let rows = &pack.segments[segment];
    (rows.start, rows.end - 1)
}

impl Model {
    /// For each sequence the risk right after its last token, for `codes` or all risk codes: one forward pass
    /// answers every code and horizon. Long sequences keep their static facts and last tokens.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a code without a risk head, [`Error::Sequence`] for an unusable sequence.
    pub fn risk(&self, sequences: &[Sequence<'_>], codes: Option<&[u32]>) -> Result<Vec<RiskTable>> {
        let indices = self.risk_indices(codes)?;
        let (width, last) = (self.config.width, |s: &Sequence<'_>| s.len().saturating_sub(1));
        let spots: Vec<(Sequence<'_>, usize)> = sequences.iter().map(|s| (*s, last(s))).collect();
        self.at(&spots, Wanted::Last, |pack, hidden, segment| {
            let row = pack.segments[segment].end - 1;
            let hidden = &hidden[segment * width..(segment + 1) * width];
            self.risk_table((hidden, &Moment::at(&self.config, pack, row)), &indices)
        })
    }

    /// The risk right after each of some tokens of one sequence (inclusive), as [`Model::risk`] would give it
    /// had the record ended there.
    ///
    /// Where the sequence fits the context, one forward pass answers all positions; longer ones take a pass per
    /// half context, each position seeing at least half a context of history.
    ///
    /// # Errors
    /// As [`Model::risk`]; [`Error::Unknown`] for a position beyond the sequence.
    pub fn risk_at(
        &self,
        sequence: &Sequence<'_>,
        positions: &[usize],
        codes: Option<&[u32]>,
    ) -> Result<Vec<RiskTable>> {
        check_sequence(&self.config, sequence)?;
        if positions.iter().any(|p| *p >= sequence.len()) {
            return Err(Error::Unknown("a position lies beyond the end of its sequence".into()));
        }
        let indices = self.risk_indices(codes)?;
        let mut order: Vec<usize> = (0..positions.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(positions[*i]));
        let width = self.config.width;
        let mut tables: Vec<Option<RiskTable>> = vec![None; positions.len()];
        let mut rest = order.as_slice();
        while let Some(first) = rest.first() {
            let window = Window::ending_at(sequence, positions[*first], self.config.context);
            // Everything fits, or: down to the middle of the window.
            let whole = window.start <= sequence.static_len;
            let lowest = if whole { 0 } else { window.start + (window.end - window.start) / 2 };
            let n = rest.iter().take_while(|i| positions[**i] >= lowest).count().max(1);
            let fill = |pack: &mut Pack| pack.push(&self.config, sequence, window, Targets::default());
            self.with_hidden((Wanted::All, 1), fill, |pack, hidden| {
                for i in &rest[..n] {
                    let row = window.row_of(positions[*i]);
                    tables[*i] = Some(self.risk_table(
                        (&hidden[row * width..(row + 1) * width], &Moment::at(&self.config, pack, row)),
                        &indices,
                    ));
                }
            })?;
            rest = &rest[n..];
        }
        Ok(tables.into_iter().flatten().collect())
    }

    /// [`Model::risk_at`] for many sequences, on all threads.
    ///
    /// # Errors
    /// As [`Model::risk_at`].
    pub fn risk_at_each(
        &self,
        spots: &[(Sequence<'_>, Vec<usize>)],
        codes: Option<&[u32]>,
    ) -> Result<Vec<Vec<RiskTable>>> {
        spots.par_iter().map(|(sequence, positions)| self.risk_at(sequence, positions, codes)).collect()
    }

    /// The log-likelihood of a sequence. See [`LogLikelihood`].
    ///
    /// # Errors
    /// [`Error::Sequence`] for an unusable sequence.
    pub fn log_likelihood(&self, sequence: &Sequence<'_>) -> Result<LogLikelihood> {
        check_sequence(&self.config, sequence)?;
        let mut losses = Losses::default();
        for window in window::scoring(sequence, self.config.context) {
            let targets = Targets { likelihood: true, ..Targets::default() };
            losses.add(&self.losses_of(|pack| pack.push(&self.config, sequence, window, targets))?);
        }
        Ok(LogLikelihood {
            events: losses.events,
            tokens: losses.next_events,
            code: -losses.next_event,
            time: -losses.waiting_time,
            value: -losses.value,
        })
    }

    /// Numbers in a state: twice the width.
    pub fn state_width(&self) -> usize {
        2 * self.config.width
    }

    /// The state after a sequence's last token: the final hidden state there, then its mean over the tokens seen.
    ///
    /// # Errors
    /// [`Error::Sequence`] for an unusable sequence.
    pub fn state(&self, sequence: &Sequence<'_>) -> Result<Vec<f32>> {
        Ok(self.states(std::slice::from_ref(sequence))?.pop().unwrap_or_default())
    }

    /// [`Model::state`] of many sequences.
    ///
    /// # Errors
    /// As [`Model::state`].
    pub fn states(&self, sequences: &[Sequence<'_>]) -> Result<Vec<Vec<f32>>> {
        let width = self.config.width;
        let spots: Vec<(Sequence<'_>, usize)> =
            sequences.iter().map(|s| (*s, s.len().saturating_sub(1))).collect();
        self.at(&spots, Wanted::All, |pack, hidden, segment| {
            let (begin, row) = ends(pack, segment);
            let mut state = vec![0.0; 2 * width];
            state[..width].copy_from_slice(&hidden[row * width..(row + 1) * width]);
            let share = 1.0 / (row + 1 - begin) as f32;
            for seen in hidden[begin * width..(row + 1) * width].chunks_exact(width) {
                add_scaled(&mut state[width..], share, seen);
            }
            state
        })
    }

    /// Numbers in a [`Model::task_states`] row: three times the width.
    pub(crate) fn task_state_width(&self) -> usize {
        3 * self.config.width
    }

    /// The state right after token `position` of each sequence, as a read-out sees it: the hidden state there, its mean
    /// over the tokens seen, and its mean over the tokens at which each code was told last.
    pub(crate) fn task_states(&self, spots: &[(Sequence<'_>, usize)]) -> Result<Vec<Vec<f32>>> {
        self.at(spots, Wanted::All, |pack, hidden, segment| {
            task::state(&self.config, (hidden, &pack.code), ends(pack, segment))
        })
    }

    /// Refuses sequences that can't be read and positions that don't exist.
    pub(crate) fn check_spots(&self, spots: &[(Sequence<'_>, usize)]) -> Result<()> {
        for (sequence, position) in spots {
            check_sequence(&self.config, sequence)?;
            if *position >= sequence.len() {
                return Err(Error::Unknown("a position lies beyond the end of its sequence".into()));
            }
        }
        Ok(())
    }

    /// The probability of a supervised task right after token `position` of each sequence.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a task or position that does not exist, [`Error::Sequence`] for an unusable
    /// sequence.
    pub fn task_probability(&self, spots: &[(Sequence<'_>, usize)], task: &str) -> Result<Vec<f32>> {
        let index = self.config.tasks.iter().position(|name| name == task).ok_or_else(|| {
            Error::Unknown(format!("the model has no such task; it has: {}", self.config.tasks.join(", ")))
        })?;
        self.at(spots, Wanted::All, |pack, hidden, segment| {
            let rows = ends(pack, segment);
            let told = (hidden, pack.code.as_slice());
            task::logit((&self.config, &self.layout), &self.weights, told, (index, rows)).0.sigmoid()
        })
    }

    /// Packs sequences as seen from their positions and reads something from each segment's hidden state.
    pub(crate) fn at<R: Send>(
        &self,
        spots: &[(Sequence<'_>, usize)],
        wanted: Wanted,
        read: impl Fn(&Pack, &[f32], usize) -> R + Sync,
    ) -> Result<Vec<R>> {
        self.check_spots(spots)?;
        let context = self.config.context;
        let windows: Vec<_> =
            spots.iter().map(|(s, position)| (*s, Window::ending_at(s, *position, context))).collect();
        let mut packs: Vec<&[(Sequence<'_>, Window)]> = Vec::new();
        let mut rest = windows.as_slice();
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = |(_, w): &&(Sequence<'_>, Window)| {
                tokens += w.tokens();
                tokens <= PACK_TOKENS
            };
            let n = rest.iter().take_while(fits).count().max(1);
            let (pack, after) = rest.split_at(n);
            packs.push(pack);
            rest = after;
        }
        // What one record alone is asked about, all threads work out together.
        let threads = rayon::current_num_threads();
        let threads = if packs.len() < threads { threads } else { 1 };
        let answer = |windows: &&[(Sequence<'_>, Window)]| {
            let fill = |pack: &mut Pack| {
                for (sequence, window) in *windows {
                    pack.push(&self.config, sequence, *window, Targets::default());
                }
            };
            self.with_hidden((wanted, threads), fill, |pack, hidden| {
                (0..pack.segments.len()).map(|segment| read(pack, hidden, segment)).collect::<Vec<R>>()
            })
        };
        Ok(packs.par_iter().map(answer).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    pub(crate) fn risk_indices(&self, codes: Option<&[u32]>) -> Result<Vec<usize>> {
        let Some(codes) = codes else { return Ok((0..self.config.risk.codes.len()).collect()) };
        let index = |code: &u32| {
            self.config
                .risk_index(*code)
                .ok_or_else(|| Error::Unknown(format!("code {code} is not among the model's risk codes")))
        };
        codes.iter().map(index).collect()
    }

    /// Log-hazards per day after a state: `[HORIZONS, codes]`.
    pub(crate) fn log_hazards(&self, state: (&[f32], &Moment)) -> Vec<f32> {
        let mut logs = vec![0.0_f32; HORIZONS * self.config.risk.codes.len()];
        let shape = (&self.config, &self.layout);
        risk::log_hazards(shape, (&self.weights, &self.prepared.tables.risk_table), state, &mut logs);
        logs
    }

    pub(crate) fn risk_table(&self, state: (&[f32], &Moment), indices: &[usize]) -> RiskTable {
        let codes = self.config.risk.codes.len();
        let death = self.config.death_index();
        // Hazards of few codes are gathered rather than worked out with all others'.
        let few = FEW * (indices.len() + 1) <= codes;
        let chosen: Vec<usize> =
            if few { indices.iter().copied().chain(death).collect() } else { Vec::new() };
        let (logs, codes) = if few {
            let (shape, weights) =
                ((&self.config, &self.layout), (&*self.weights, &*self.prepared.tables.risk_table));
            let states = (state.0, std::slice::from_ref(state.1));
            (risk::log_hazards_of(shape, weights, states, &chosen), chosen.len())
        } else {
            (self.log_hazards(state), codes)
        };
        let at =
            |place: usize| -> [f64; HORIZONS] { std::array::from_fn(|k| f64::from(logs[k * codes + place])) };
        let death_place = if few { death.map(|_| chosen.len() - 1) } else { death };
        let death_hazard = death_place.map(|place| at(place).map(f64::exp));
        let incidence = |(i, index): (usize, &usize)| {
            let competing = if Some(*index) == death { None } else { death_hazard };
            risk::cumulative_incidence(at(if few { i } else { *index }), competing)
        };
        // A whole vocabulary's curves are worth more than one thread.
        let curves = indices.par_iter().enumerate().with_min_len(CURVES).flat_map_iter(incidence).collect();
        RiskTable {
            codes: indices.iter().map(|i| self.config.risk.codes[*i]).collect(),
            cumulative_incidence: curves,
        }
    }
}
