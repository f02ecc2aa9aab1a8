//! The seam for engines that run elsewhere: what a batch asks, and what an engine answers.
//!
//! Everything that crosses it is a plain array: no framework's type comes in, and no layout of this crate's own
//! engine goes out. Weights and gradients are one flat arena each, in the order and shapes of
//! [`Model::tensors`](crate::Model::tensors), which is also the order of the file. A [`Batch`] holds what does not
//! depend on the weights (indices, interpolation weights, angles, targets), worked out once on the host in `f64`.
//!
//! [`Cpu`] is this crate's own engine behind the same trait, so that any other can be held against it on the same
//! batch: loss by loss and gradient by gradient.

use crate::config::{Config, HORIZONS};
use crate::data::TrainingData;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::heads::reference;
use crate::heads::{risk, task, value, waiting_time};
use crate::layers::basis;
use crate::layers::dropout::Dropout;
use crate::layers::embedding::{self, AGE_FEATURES, GAP_KNOTS};
use crate::layers::rotary::Angles;
use crate::model::Model;
use crate::objective::{Gradient, Losses, Scales, Workspace};
use crate::pack::Pack;
use crate::packed::Prepared;
use crate::train::{TrainOptions, first_step};
use crate::weights::Layout;
use std::ops::Range;

/// Computes the model's losses, gradients and states somewhere.
pub trait Engine: Send {
    /// Takes the weights that all later calls use: the flat arena.
    ///
    /// # Errors
    /// [`Error::Engine`] if the device refuses.
    fn load(&mut self, weights: &[f32]) -> Result<()>;

    /// The batch's losses, summed over its targets, without dropout.
    ///
    /// # Errors
    /// [`Error::Engine`] if the device fails.
    fn losses(&mut self, batch: &Batch<'_>) -> Result<Parts>;

    /// The batches' losses, each summed over its targets, with dropout; `gradient` (an arena) becomes the gradient
    /// of their sum weighted by `scales`.
    ///
    /// # Errors
    /// [`Error::Engine`] if the device fails.
    fn gradient(&mut self, batches: &[Batch<'_>], scales: &Parts, gradient: &mut [f32])
    -> Result<Vec<Parts>>;

    /// The final hidden state of every token without dropout: `[tokens, width]`.
    ///
    /// # Errors
    /// [`Error::Engine`] if the device fails.
    fn hidden(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>>;
}

/// One number for each part of the objective: a summed loss, or its weight in the total.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// Which code comes next.
    pub next_event: f64,
    /// How long until then.
    pub waiting_time: f64,
    /// Which value it has.
    pub value: f64,
    /// First occurrences of all codes, by horizon.
    pub risk: f64,
    /// The supervised tasks.
    pub task: f64,
}

impl Parts {
    /// The sum of the parts, weighted.
    pub fn total(&self, scales: &Parts) -> f64 {
        self.next_event * scales.next_event
            + self.waiting_time * scales.waiting_time
            + self.value * scales.value
            + self.risk * scales.risk
            + self.task * scales.task
    }

    /// These losses, over the targets that `counts` counted.
    pub(crate) fn counted(&self, counts: Losses) -> Losses {
        let Parts { next_event, waiting_time, value, risk, task } = *self;
        Losses { next_event, waiting_time, value, risk, task, ..counts }
    }
}

impl From<&Losses> for Parts {
    fn from(losses: &Losses) -> Self {
        let Losses { next_event, waiting_time, value, risk, task, .. } = *losses;
        Parts { next_event, waiting_time, value, risk, task }
    }
}

impl From<&Scales> for Parts {
    fn from(scales: &Scales) -> Self {
        let Scales { next_event, waiting_time, value, risk, task } = *scales;
        Parts { next_event, waiting_time, value, risk, task }
    }
}

impl From<&Parts> for Scales {
    fn from(parts: &Parts) -> Self {
        let Parts { next_event, waiting_time, value, risk, task } = *parts;
        Scales { next_event, waiting_time, value, risk, task }
    }
}

/// Segments of tokens laid end to end, with everything that is to be predicted at them.
///
/// Matrices are row by row. A token attends to itself and to the earlier tokens of its segment.
pub struct Batch<'a> {
    /// Number of tokens.
    pub tokens: usize,
    /// `[tokens]`, indices into the vocabulary.
    pub code: Vec<u32>,
    /// The rows of each segment.
    pub segments: Vec<Range<usize>>,
    /// `[tokens, 16]`, features of when, for `embedding.age`.
    pub age: Vec<f32>,
    /// `[tokens, 24]`, interpolation weights of the gap for `embedding.gap`; zero where the token tells none.
    pub gap: Vec<f32>,
    /// `[tokens, 2 · knots + 1]`, the value's basis for `embedding.value_basis`; zero where there is no value.
    pub value: Vec<f32>,
    /// `[tokens, head_width / 2]`, rotary cosines.
    pub cosine: Vec<f32>,
    /// `[tokens, head_width / 2]`, rotary sines.
    pub sine: Vec<f32>,
    /// The rows at which codes occur for the first time in their segment.
    pub first: Vec<FirstOccurrence>,
    /// Next codes.
    pub next_event: NextEventTargets,
    /// Waiting times.
    pub waiting_time: WaitingTimeTargets,
    /// Values.
    pub values: ValueTargets,
    /// Horizon risk.
    pub risk: RiskTargets,
    /// Supervised tasks.
    pub task: TaskTargets,
    pack: &'a Pack,
    dropout: Dropout,
}

/// A code, `TIME` aside, occurs at `row` and not before in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstOccurrence {
    /// Index among the segments.
    pub segment: usize,
    /// The code.
    pub code: u32,
    /// The row.
    pub row: usize,
}

/// After the token at `row[i]` comes `code[i]`.
#[derive(Clone, Debug, Default)]
pub struct NextEventTargets {
    /// Rows.
    pub row: Vec<usize>,
    /// Codes.
    pub code: Vec<u32>,
}

/// From `row[i]` on, a wait is spent in the intervals of the waiting-time head.
#[derive(Clone, Debug, Default)]
pub struct WaitingTimeTargets {
    /// Rows.
    pub row: Vec<usize>,
    /// `[targets, intervals]`, days spent in each interval.
    pub exposure: Vec<f32>,
    /// `[targets, intervals]`, one where the wait ended, else zero; all zero if it was cut off.
    pub ended: Vec<f32>,
}

/// After the token at `row[i]` comes `code[i]` with a value in bin `bin[i]`.
#[derive(Clone, Debug, Default)]
pub struct ValueTargets {
    /// Rows.
    pub row: Vec<usize>,
    /// Codes.
    pub code: Vec<u32>,
    /// `[targets, knots + 1]`, the basis of the code's last value for `value.previous`.
    pub previous: Vec<f32>,
    /// Bins.
    pub bin: Vec<usize>,
}

/// At `row[i]`, first occurrences of the risk codes are waited for.
#[derive(Clone, Debug, Default)]
pub struct RiskTargets {
    /// Rows.
    pub row: Vec<usize>,
    /// `[targets, 9]`, days of follow-up in each interval between horizons, times the days that the target stands for.
    pub exposure: Vec<f32>,
    /// For each target, the risk codes that occur.
    pub occurrences: Vec<Vec<RiskOccurrence>>,
    /// `[targets, 9]`, where age and sex stand in `risk.reference_bias` (which isn't trained): a row, and the share of the
    /// row after it. Nothing where the model has no reference.
    pub reference: Vec<(usize, f32)>,
    /// For each target, the rows of `risk.direct` that are added up, and what each counts for.
    pub features: Vec<Vec<(usize, f32)>>,
}

/// A risk code that occurs within follow-up.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskOccurrence {
    /// Index among the risk codes.
    pub index: u32,
    /// Days in each interval that the code is waited for, less the target's whole exposure; times the code's weight and
    /// the days that the target stands for.
    pub correction: [f32; HORIZONS],
    /// The code's weight, times the days that the target stands for, in the interval in which it occurs, if that was observed.
    pub occurs: [f32; HORIZONS],
}

/// A label is predicted from the rows `rows[i]` of a segment.
#[derive(Clone, Debug, Default)]
pub struct TaskTargets {
    /// Indices among the configuration's tasks.
    pub task: Vec<usize>,
    /// The rows seen.
    pub rows: Vec<Range<usize>>,
    /// Among them, those at which a code was told last.
    pub last_told: Vec<Vec<usize>>,
    /// Labels.
    pub label: Vec<bool>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(config: &Config, pack: &'a Pack, dropout: Dropout) -> Self {
        let tokens = pack.tokens();
        let mut age = vec![0.0; tokens * AGE_FEATURES];
        let mut gap = vec![0.0; tokens * GAP_KNOTS];
        let width = 2 * config.value.knots + 1;
        let mut value = vec![0.0; tokens * width];
        for row in 0..tokens {
            let features = &mut age[row * AGE_FEATURES..(row + 1) * AGE_FEATURES];
            basis::age(pack.age_days[row], pack.since_start_days[row], pack.birth_known[row], features);
            let told = pack.value[row];
            if !told.is_finite() {
                continue;
            }
            if pack.code[row] == config.time_code {
                let knots = &mut gap[row * GAP_KNOTS..(row + 1) * GAP_KNOTS];
                basis::hat(basis::gap_position(f64::from(told)), knots);
            } else {
                embedding::value_basis(told, pack.previous[row], &mut value[row * width..(row + 1) * width]);
            }
        }
        let mut angles = Angles::<f32>::default();
        angles.set(config, pack.index.iter().copied().zip(pack.since_start_days.iter().copied()));
        let (cosine, sine) = angles.into_tables();
        Batch {
            tokens,
            code: pack.code.clone(),
            segments: pack.segments.clone(),
            age,
            gap,
            value,
            cosine,
            sine,
            first: first_occurrences(pack),
            next_event: NextEventTargets {
                row: pack.next_events.iter().map(|t| t.row).collect(),
                code: pack.next_events.iter().map(|t| t.code).collect(),
            },
            waiting_time: waiting_times(config, pack),
            values: values(config, pack),
            risk: risks(config, pack),
            task: tasks(config, pack),
            pack,
            dropout,
        }
    }

    /// Places at which dropout acts: the embedded input, then each block's two branches.
    pub fn dropout_places(config: &Config) -> usize {
        1 + 2 * config.layers
    }

    /// What survives dropout at a place, for `[tokens, width]` values: one bit each, the lowest of the first word
    /// first; and what survivors are multiplied with. None where nothing is dropped.
    pub fn dropout(&self, config: &Config, place: usize) -> Option<(Vec<u32>, f32)> {
        if self.dropout.is_off() {
            return None;
        }
        let mut values = vec![1.0_f32; self.tokens * config.width];
        self.dropout.apply(place as u64, &mut values);
        let scale = values.iter().copied().find(|v| *v != 0.0).unwrap_or(0.0);
        let word = |values: &[f32]| {
            values.iter().enumerate().fold(0, |word, (i, v)| word | u32::from(*v != 0.0) << i)
        };
        Some((values.chunks(32).map(word).collect(), scale))
    }
}

fn first_occurrences(pack: &Pack) -> Vec<FirstOccurrence> {
    let mut first = Vec::new();
    for (segment, rows) in pack.segments.iter().enumerate() {
        let mut known = 0;
        for row in rows.clone() {
            let seen = pack.seen_at(row);
            first.extend(seen[known..].iter().map(|code| FirstOccurrence { segment, code: *code, row }));
            known = seen.len();
        }
    }
    first
}

fn waiting_times(config: &Config, pack: &Pack) -> WaitingTimeTargets {
    let edges = &config.waiting_time_edges_days;
    let mut targets = WaitingTimeTargets::default();
    for target in &pack.waiting_times {
        targets.row.push(target.row);
        let ended = (!target.censored).then(|| waiting_time::interval_of(edges, target.days));
        for j in 0..config.waiting_time_intervals() {
            targets.exposure.push(waiting_time::time_in(edges, j, target.days) as f32);
            targets.ended.push(f32::from(u8::from(ended == Some(j))));
        }
    }
    targets
}

fn values(config: &Config, pack: &Pack) -> ValueTargets {
    let width = config.value.knots + 1;
    let mut targets =
        ValueTargets { previous: vec![0.0; pack.values.len() * width], ..ValueTargets::default() };
    for (target, previous) in pack.values.iter().zip(targets.previous.chunks_exact_mut(width)) {
        targets.row.push(target.row);
        targets.code.push(target.code);
        targets.bin.push(value::bin_of(target.rank, config.value.bins));
        embedding::previous_basis(target.previous, previous);
    }
    targets
}

fn risks(config: &Config, pack: &Pack) -> RiskTargets {
    let mut targets = RiskTargets::default();
    for target in &pack.risks {
        let moment = Moment::at(config, pack, target.row);
        let days = target.stands_for_days as f32;
        let weight = |index: u32| {
            let seen = moment.seen.contains(&config.risk.codes[index as usize]);
            let again = if seen { config.risk.repeat_weight } else { 1.0 };
            config.risk.weight(index as usize) * again * days
        };
        let whole = |k: usize| risk::exposure(k, target.followup_days);
        targets.row.push(target.row);
        targets.exposure.extend((0..HORIZONS).map(|k| whole(k) as f32 * days));
        let occurrence = |(index, days): &(u32, f64)| RiskOccurrence {
            index: *index,
            correction: std::array::from_fn(|k| {
                let days = if whole(k) > 0.0 { risk::exposure(k, *days) - whole(k) } else { 0.0 };
                days as f32 * weight(*index)
            }),
            occurs: std::array::from_fn(|k| {
                let occurs = whole(k) > 0.0 && risk::interval_of(*days) == Some(k);
                if occurs { weight(*index) } else { 0.0 }
            }),
        };
        let occurrences = &pack.occurrences[target.occurrences.clone()];
        targets.occurrences.push(occurrences.iter().map(occurrence).collect());
        targets.features.push(moment.features(config));
        if config.risk.reference.is_some() {
            let places = reference::places(config, &moment);
            targets.reference.extend(places.map(|(row, share)| (row, share as f32)));
        }
    }
    targets
}

fn tasks(config: &Config, pack: &Pack) -> TaskTargets {
    let mut targets = TaskTargets::default();
    for target in &pack.tasks {
        targets.task.push(target.task);
        targets.rows.push(target.rows.0..target.rows.1 + 1);
        targets.last_told.push(task::last_told(config, &pack.code, target.rows));
        targets.label.push(target.label);
    }
    targets
}

/// The packs of a run's first step, as training makes them.
pub struct FirstStep {
    config: Config,
    packs: Vec<(Pack, Dropout)>,
    scales: Scales,
}

impl FirstStep {
    /// The first step of `options` on `data`.
    ///
    /// # Errors
    /// As [`train`](crate::train) before it begins.
    pub fn new(model: &Model, data: &dyn TrainingData, options: &TrainOptions) -> Result<Self> {
        let (packs, scales) = first_step(model, data, options)?;
        Ok(FirstStep { config: model.config().clone(), packs, scales })
    }

    /// Its batches.
    pub fn batches(&self) -> Vec<Batch<'_>> {
        self.packs.iter().map(|(pack, dropout)| Batch::new(&self.config, pack, *dropout)).collect()
    }

    /// Its weights of the parts.
    pub fn scales(&self) -> Parts {
        (&self.scales).into()
    }
}

/// This crate's engine, on one thread.
pub struct Cpu {
    config: Config,
    layout: Layout,
    weights: Vec<f32>,
    prepared: Prepared<f32>,
    workspace: Workspace<f32>,
    gradient: Gradient<f32>,
}

impl Cpu {
    /// An engine for models of this shape, with weights of zero until [`Engine::load`].
    ///
    /// # Errors
    /// [`Error::Configuration`] if the configuration is not valid.
    pub fn new(config: &Config) -> Result<Self> {
        config.validate()?;
        let layout = Layout::new(config);
        let weights = vec![0.0; layout.len()];
        Ok(Cpu {
            prepared: Prepared::new((config, &layout), &weights, true),
            workspace: Workspace::default(),
            gradient: Gradient::zeros(config, &layout),
            config: config.clone(),
            layout,
            weights,
        })
    }
}

impl Engine for Cpu {
    fn load(&mut self, weights: &[f32]) -> Result<()> {
        if weights.len() != self.weights.len() {
            return Err(Error::Engine("these weights belong to a model of another shape".into()));
        }
        self.weights.copy_from_slice(weights);
        self.prepared.update((&self.config, &self.layout), weights);
        Ok(())
    }

    fn losses(&mut self, batch: &Batch<'_>) -> Result<Parts> {
        self.workspace.pack = batch.pack.clone();
        let p = self.prepared.with((&self.config, &self.layout), &self.weights);
        Ok((&self.workspace.losses(p)).into())
    }

    fn gradient(
        &mut self,
        batches: &[Batch<'_>],
        scales: &Parts,
        gradient: &mut [f32],
    ) -> Result<Vec<Parts>> {
        self.gradient = Gradient::zeros(&self.config, &self.layout);
        let shape = (&self.config, &self.layout);
        let p = self.prepared.with(shape, &self.weights);
        let mut parts = Vec::with_capacity(batches.len());
        for batch in batches {
            self.workspace.pack = batch.pack.clone();
            let scales = scales.into();
            parts.push((&self.workspace.gradient(p, batch.dropout, &scales, &mut self.gradient)).into());
        }
        let Gradient { arena, tables } = &mut self.gradient;
        tables.backward(shape, (&self.weights, &self.prepared.tables), arena);
        gradient.copy_from_slice(arena);
        Ok(parts)
    }

    fn hidden(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>> {
        self.workspace.pack = batch.pack.clone();
        let p = self.prepared.with((&self.config, &self.layout), &self.weights);
        Ok(self.workspace.hidden(p, Dropout::default()).1.to_vec())
    }
}
