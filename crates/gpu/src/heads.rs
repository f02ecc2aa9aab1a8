//! The heads' losses: for a few targets at a time, the negative log-likelihood of each, `[targets, 1]`.
//!
//! The formulas are the model's own (`heads`). What is sparse there is dense here where that is small, for a kernel
//! a thousand numbers wide costs less than a loop.

use crate::layers::product;
use crate::upload::{integers, matrix, rows};
use crate::weights::View;
use burn::activation::{log_softmax, silu, softmax};
use burn::{Device, Int, Tensor};
use model::engine::{Batch, Parts};
use model::{Config, DirectEffects, HORIZONS};
use std::ops::Range;

/// Numbers in the widest tensor of a piece, about: 64 MB, held a few times over in backward.
const WIDEST: usize = 1 << 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    NextEvent,
    WaitingTime,
    Value,
    Risk,
    Task,
}

/// Some targets of one head.
pub(crate) struct Piece {
    head: Head,
    targets: Range<usize>,
}

/// What a batch's heads need on the device, once.
pub(crate) struct Targets<'b> {
    batch: &'b Batch<'b>,
    device: Device,
    /// `[segments, vocabulary]`: the first row with the code, or beyond all rows.
    first: Tensor<2, Int>,
    /// `[segments, risk codes]`: the first row with the code or a narrower one, or beyond all rows.
    first_of_risk: Tensor<2, Int>,
    /// Each token's segment.
    segment: Vec<usize>,
}

impl<'b> Targets<'b> {
    pub(crate) fn new(config: &Config, batch: &'b Batch<'b>, device: &Device) -> Self {
        let vocabulary = config.vocabulary_size;
        // A tensor has no empty side.
        let risks = config.risk.codes.len().max(1);
        let mut first = vec![i32::MAX; batch.segments.len() * vocabulary];
        let mut first_of_risk = vec![i32::MAX; batch.segments.len() * risks];
        for seen in &batch.first {
            first[seen.segment * vocabulary + seen.code as usize] = seen.row as i32;
            for index in config.risk_indices(seen.code) {
                let row = &mut first_of_risk[seen.segment * risks + index];
                *row = (*row).min(seen.row as i32);
            }
        }
        let mut segment = vec![0; batch.tokens];
        for (i, rows) in batch.segments.iter().enumerate() {
            segment[rows.clone()].fill(i);
        }
        let table = |rows: Vec<i32>, columns: usize| {
            integers(rows.into_iter(), device).reshape([batch.segments.len(), columns])
        };
        let (first, first_of_risk) = (table(first, vocabulary), table(first_of_risk, risks));
        Targets { batch, device: device.clone(), first, first_of_risk, segment }
    }

    /// The pieces that cover all targets.
    pub(crate) fn pieces(&self, config: &Config) -> Vec<Piece> {
        let batch = self.batch;
        let heads = [
            (Head::NextEvent, batch.next_event.row.len(), config.vocabulary_size),
            (Head::WaitingTime, batch.waiting_time.row.len(), config.waiting_time_intervals()),
            (Head::Value, batch.values.row.len(), config.value.bins.max(config.width)),
            (Head::Risk, batch.risk.row.len(), HORIZONS * config.risk.codes.len()),
            (Head::Task, batch.task.task.len(), batch.tokens),
        ];
        let mut pieces = Vec::new();
        for (head, n, width) in heads {
            if width == 0 {
                continue;
            }
            let most = (WIDEST / width).max(1);
            let cut = |begin| Piece { head, targets: begin..(begin + most).min(n) };
            pieces.extend((0..n).step_by(most).map(cut));
        }
        pieces
    }

    /// The losses of a piece's targets, from the hidden state of all tokens.
    pub(crate) fn losses(
        &self,
        config: &Config,
        w: &View<'_>,
        piece: &Piece,
        hidden: Tensor<2>,
    ) -> Tensor<2> {
        let targets = piece.targets.clone();
        match piece.head {
            Head::NextEvent => self.next_event(config, w, targets, hidden),
            Head::WaitingTime => self.waiting_time(config, w, targets, hidden),
            Head::Value => self.value(config, w, targets, hidden),
            Head::Risk => self.risk(config, w, targets, hidden),
            Head::Task => self.task(config, w, targets, hidden),
        }
    }

    /// One where what has these first rows has occurred by a target's row, else zero: `[targets, columns]`.
    fn seen(&self, first: &Tensor<2, Int>, targets: &[usize]) -> Tensor<2> {
        let segments: Vec<usize> = targets.iter().map(|row| self.segment[*row]).collect();
        let first = first.clone().select(0, rows(&segments, &self.device));
        let row = rows(targets, &self.device).reshape([targets.len(), 1]).expand(first.dims());
        first.lower_equal(row).float()
    }

    fn chosen(&self, hidden: Tensor<2>, targets: &[usize]) -> Tensor<2> {
        hidden.select(0, rows(targets, &self.device))
    }

    /// The log-probability of one column a row: `[targets, 1]`.
    fn log_probability(&self, logits: Tensor<2>, columns: impl Iterator<Item = usize>) -> Tensor<2> {
        let column = integers(columns.map(|c| c as i32), &self.device);
        let n = column.dims()[0];
        log_softmax(logits, 1).gather(1, column.reshape([n, 1]))
    }

    fn next_event(&self, config: &Config, w: &View<'_>, of: Range<usize>, hidden: Tensor<2>) -> Tensor<2> {
        let targets = &self.batch.next_event;
        let table = if w.has("next_event.head") { "next_event.head" } else { "embedding.code" };
        let logits = product(self.chosen(hidden, &targets.row[of.clone()]), w.get(table));
        let repeat = w.get("next_event.repeat_bias");
        let of_code = repeat.clone().slice([0..1, 0..config.vocabulary_size]);
        let of_all = repeat.slice([0..1, config.vocabulary_size..config.vocabulary_size + 1]);
        let again = self.seen(&self.first, &targets.row[of.clone()]) * (of_code + of_all);
        let logits = logits + w.get("next_event.bias") + again;
        self.log_probability(logits, targets.code[of].iter().map(|c| *c as usize)).neg()
    }

    fn waiting_time(&self, config: &Config, w: &View<'_>, of: Range<usize>, hidden: Tensor<2>) -> Tensor<2> {
        let targets = &self.batch.waiting_time;
        let state = self.chosen(hidden, &targets.row[of.clone()]);
        let log_hazard = product(state, w.get("waiting_time.state")) + w.get("waiting_time.bias");
        let width = config.waiting_time_intervals();
        let of_targets =
            |values: &[f32]| matrix(&values[of.start * width..of.end * width], of.len(), &self.device);
        let (exposure, ended) = (of_targets(&targets.exposure), of_targets(&targets.ended));
        (log_hazard.clone().exp() * exposure - log_hazard * ended).sum_dim(1)
    }

    fn value(&self, config: &Config, w: &View<'_>, of: Range<usize>, hidden: Tensor<2>) -> Tensor<2> {
        let targets = &self.batch.values;
        let codes = integers(targets.code[of.clone()].iter().map(|c| c.cast_signed()), &self.device);
        let width = config.value.knots + 1;
        let previous = &targets.previous[of.start * width..of.end * width];
        let inner = product(self.chosen(hidden, &targets.row[of.clone()]), w.get("value.state"))
            + product(w.get("embedding.code").select(0, codes), w.get("value.code"))
            + product(matrix(previous, of.len(), &self.device), w.get("value.previous"))
            + w.get("value.hidden_bias");
        let logits = product(silu(inner), w.get("value.histogram")) + w.get("value.histogram_bias");
        // A bin's share times the number of bins is a density over the rank.
        let constant = (config.value.bins as f32).ln();
        self.log_probability(logits, targets.bin[of].iter().copied()).neg().sub_scalar(constant)
    }

    fn risk(&self, config: &Config, w: &View<'_>, of: Range<usize>, hidden: Tensor<2>) -> Tensor<2> {
        let targets = &self.batch.risk;
        let (n, codes, rank) = (of.len(), config.risk.codes.len(), config.risk.rank);
        let chosen = integers(config.risk.codes.iter().map(|c| c.cast_signed()), &self.device);
        let vectors = w.get("embedding.code").select(0, chosen);
        let table = product(vectors.clone(), w.get("risk.code"));
        let table = match config.risk.scaled {
            true => table * w.get("risk.scale").reshape([codes, 1]),
            false => table,
        };
        let states = product(self.chosen(hidden, &targets.row[of.clone()]), w.get("risk.state"));
        let states = states.reshape([n, HORIZONS, rank]);
        let states: Tensor<3> = match &config.risk.direct {
            Some(effects) => states + self.direct(w, effects, &targets.features[of.clone()]),
            None => states,
        };
        let states = states.reshape([n * HORIZONS, rank]);
        let low_rank = product(states.clone(), table).reshape([n, HORIZONS, codes]);
        let repeat = w.get("risk.repeat_bias");
        let of_code = repeat.clone().slice([0..1, 0..codes]).reshape([1, 1, codes]);
        let of_interval = repeat.slice([0..1, codes..codes + HORIZONS]).reshape([1, HORIZONS, 1]);
        let of_repeats: Tensor<3> = match config.risk.repeats_levelled {
            true => of_code + of_interval + w.get("risk.repeat_level").reshape([1, HORIZONS, codes]),
            false => of_code + of_interval,
        };
        let seen = self.seen(&self.first_of_risk, &targets.row[of.clone()]).reshape([n, 1, codes]);
        let low_rank: Tensor<3> = match config.risk.repeats_apart {
            true => {
                let table = product(vectors, w.get("risk.repeat_code"));
                let again = product(states, table).reshape([n, HORIZONS, codes]);
                low_rank.clone() + seen.clone() * (again - low_rank)
            }
            false => low_rank,
        };
        let log_hazard: Tensor<3> =
            low_rank + w.get("risk.bias").reshape([1, HORIZONS, codes]) + seen.clone() * of_repeats;
        let log_hazard = match targets.reference.get(of.start * HORIZONS..of.end * HORIZONS) {
            Some(places) => log_hazard + self.reference(w, places).reshape([n, HORIZONS, codes]),
            None => log_hazard,
        };
        let exposure = &targets.exposure[of.start * HORIZONS..of.end * HORIZONS];
        let exposure: Tensor<3> = matrix(exposure, n, &self.device).reshape([n, HORIZONS, 1]);
        // A weight times a hazard is the exponential of their logarithms' sum.
        let weights: Vec<f32> = (0..codes).map(|c| config.risk.weight(c).ln()).collect();
        let weights = matrix(&weights, 1, &self.device).reshape([1, 1, codes])
            + seen.mul_scalar(config.risk.repeat_weight.ln());
        let expected =
            ((log_hazard.clone() + weights).exp() * exposure).sum_dim(2).reshape([n, HORIZONS]).sum_dim(1);
        // All codes as if none occurred, and then what occurrences change of that.
        let occurrences = &targets.occurrences[of];
        let most = occurrences.iter().map(Vec::len).max().unwrap_or(0);
        if most == 0 {
            return expected;
        }
        let mut index = vec![0; n * HORIZONS * most];
        let (mut correction, mut occurs) = (vec![0.0; index.len()], vec![0.0; index.len()]);
        for (i, of_target) in occurrences.iter().enumerate() {
            for (j, occurrence) in of_target.iter().enumerate() {
                for k in 0..HORIZONS {
                    let at = (i * HORIZONS + k) * most + j;
                    index[at] = occurrence.index.cast_signed();
                    correction[at] = occurrence.correction[k];
                    occurs[at] = occurrence.occurs[k];
                }
            }
        }
        let index: Tensor<3, Int> = integers(index.into_iter(), &self.device).reshape([n, HORIZONS, most]);
        let at = log_hazard.gather(2, index).reshape([n, HORIZONS * most]);
        let (correction, occurs) = (matrix(&correction, n, &self.device), matrix(&occurs, n, &self.device));
        expected + (at.clone().exp() * correction - at * occurs).sum_dim(1)
    }

    /// What each target's features add up to: `[targets, 9, rank]`.
    fn direct(&self, w: &View<'_>, effects: &DirectEffects, features: &[Vec<(usize, f32)>]) -> Tensor<3> {
        let table = w.get("risk.direct");
        let [width, row] = table.dims();
        let (n, knots) = (features.len(), effects.horizon_knots);
        let mut counts = vec![0.0; n * width];
        for (row, features) in counts.chunks_exact_mut(width.max(1)).zip(features) {
            features.iter().for_each(|(feature, weight)| row[*feature] += weight);
        }
        let at_knots: Tensor<3> =
            matrix(&counts, n, &self.device).matmul(table).reshape([n, knots, row / knots]);
        let mut shares = vec![0.0; HORIZONS * knots];
        for (interval, shares) in shares.chunks_exact_mut(knots).enumerate() {
            effects.knots_about(interval).into_iter().for_each(|(knot, share)| shares[knot] += share as f32);
        }
        let shares: Tensor<3> = matrix(&shares, HORIZONS, &self.device).reshape([1, HORIZONS, knots]);
        shares.expand([n, HORIZONS, knots]).matmul(at_knots)
    }

    /// What age and sex alone let expect at some places, between two rows of a table that isn't trained: `[places, codes]`.
    fn reference(&self, w: &View<'_>, places: &[(usize, f32)]) -> Tensor<2> {
        let table = w.constant("risk.reference_bias");
        let low: Vec<usize> = places.iter().map(|(row, _)| *row).collect();
        let high: Vec<usize> = places.iter().map(|(row, share)| row + usize::from(*share > 0.0)).collect();
        let share: Vec<f32> = places.iter().map(|(_, share)| *share).collect();
        let (low, high) = (rows(&low, &self.device), rows(&high, &self.device));
        let (low, high) = (table.clone().select(0, low), table.select(0, high));
        low.clone() + (high - low) * matrix(&share, places.len(), &self.device)
    }

    fn task(&self, config: &Config, w: &View<'_>, of: Range<usize>, hidden: Tensor<2>) -> Tensor<2> {
        let targets = &self.batch.task;
        let (n, tokens) = (of.len(), self.batch.tokens);
        let mut outside = vec![-1e30; n * tokens];
        let (mut mean, mut last_told) = (vec![0.0; n * tokens], vec![0.0; n * tokens]);
        let (mut end, mut sign) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (i, target) in of.clone().enumerate() {
            let seen = targets.rows[target].clone();
            outside[i * tokens..][seen.clone()].fill(0.0);
            mean[i * tokens..][seen.clone()].fill(1.0 / seen.len() as f32);
            let told = &targets.last_told[target];
            for row in told {
                last_told[i * tokens + row] = 1.0 / (told.len() as f32).sqrt();
            }
            end.push(seen.end - 1);
            sign.push(if targets.label[target] { 1.0 } else { -1.0 });
        }
        let of_targets = |values: &[f32]| matrix(values, n, &self.device);
        let task = rows(&targets.task[of], &self.device);
        let query = w.get("task.query").select(0, task.clone());
        let scores = product(query, hidden.clone()).mul_scalar(1.0 / (config.width as f32).sqrt());
        let attention = softmax(scores + of_targets(&outside), 1);
        let views = vec![
            self.chosen(hidden.clone(), &end),
            of_targets(&mean).matmul(hidden.clone()),
            attention.matmul(hidden.clone()),
            of_targets(&last_told).matmul(hidden),
        ];
        let weight = w.get("task.weight").select(0, task.clone());
        let bias = w.get("task.bias").transpose().select(0, task);
        let logit = (Tensor::cat(views, 1) * weight).sum_dim(1) + bias;
        let margin = logit * of_targets(&sign);
        // log(1 + e⁻ᵐ) as a softmax over (0, m): smooth where m is zero, as it is for a fresh head on even labels.
        let zero = of_targets(&vec![0.0; n]);
        log_softmax(Tensor::cat(vec![zero, margin], 1), 1).slice([0..n, 1..2]).neg()
    }
}

impl Piece {
    /// The part of the objective that the piece belongs to.
    pub(crate) fn part(&self, parts: &Parts) -> f64 {
        let mut parts = *parts;
        *self.part_mut(&mut parts)
    }

    pub(crate) fn part_mut<'p>(&self, parts: &'p mut Parts) -> &'p mut f64 {
        match self.head {
            Head::NextEvent => &mut parts.next_event,
            Head::WaitingTime => &mut parts.waiting_time,
            Head::Value => &mut parts.value,
            Head::Risk => &mut parts.risk,
            Head::Task => &mut parts.task,
        }
    }
}
