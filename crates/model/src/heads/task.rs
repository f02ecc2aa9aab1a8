//! Supervised tasks: a logistic model on the state at the prediction time.
//!
//! The state of rows `0..=p` is four views side by side: the hidden state at `p`, its mean over the rows, a mean
//! weighted by a learned query, `softmax(⟨q, h_i⟩ / √width)`, and the sum over the rows at which each of the `n`
//! codes so far was told last, by √n. A task can so find what the last token did not carry, and the last view
//! holds the additive model of last values, which is hard to beat where labels are few.

use crate::config::Config;
use crate::pack::TaskTarget;
use crate::real::{Real, add_scaled, dot};
use crate::weights::Layout;

/// Where gradients go, each multiplied by `scale`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) scale: f64,
    pub(crate) d_hidden: &'a mut [T],
    pub(crate) arena: &'a mut [T],
}

/// Views of the state.
pub(crate) const VIEWS: usize = 4;

/// What a logit was computed from.
pub(crate) struct State<T> {
    /// The views: `[VIEWS · width]`.
    pooled: Vec<T>,
    /// The attention over the rows.
    attention: Vec<T>,
    /// The rows at which a code was told last.
    last_told: Vec<usize>,
}

/// The rows in `begin..=end` at which a code, `TIME` aside, occurs for the last time.
pub(crate) fn last_told(config: &Config, codes: &[u32], (begin, end): (usize, usize)) -> Vec<usize> {
    let mut seen = rustc_hash::FxHashSet::default();
    (begin..=end).rev().filter(|row| codes[*row] != config.time_code && seen.insert(codes[*row])).collect()
}

/// The logit of a task for the rows `begin..=end` of `hidden`, whose tokens are `codes`.
pub(crate) fn logit<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    (hidden, codes): (&[T], &[u32]),
    (task, (begin, end)): (usize, (usize, usize)),
) -> (T, State<T>) {
    let d = config.width;
    let query = &layout.task_query.of(weights)[task * d..(task + 1) * d];
    let rows = &hidden[begin * d..(end + 1) * d];
    let n = end + 1 - begin;
    let scale = T::of(1.0 / (d as f64).sqrt());
    let mut attention: Vec<T> = rows.chunks_exact(d).map(|row| dot(row, query) * scale).collect();
    let (_, sum) = crate::real::exponentiate(&mut attention);
    attention.iter_mut().for_each(|a| *a = *a / sum);
    let mut pooled = vec![T::ZERO; VIEWS * d];
    pooled[..d].copy_from_slice(&rows[(n - 1) * d..]);
    let share = T::of(1.0 / n as f64);
    for (row, weight) in rows.chunks_exact(d).zip(&attention) {
        add_scaled(&mut pooled[d..2 * d], share, row);
        add_scaled(&mut pooled[2 * d..3 * d], *weight, row);
    }
    let last_told = last_told(config, codes, (begin, end));
    let share = share_of_last(&last_told);
    for row in &last_told {
        add_scaled(&mut pooled[3 * d..], share, &hidden[row * d..(row + 1) * d]);
    }
    let weight = &layout.task_weight.of(weights)[task * VIEWS * d..(task + 1) * VIEWS * d];
    let logit = dot(&pooled, weight) + layout.task_bias.of(weights)[task];
    (logit, State { pooled, attention, last_told })
}

/// The state without what a task has learned: the last hidden row, the mean over the rows, and the mean over those at
/// which a code was told last: `[3 · width]`.
pub(crate) fn state(
    config: &Config,
    (hidden, codes): (&[f32], &[u32]),
    (begin, end): (usize, usize),
) -> Vec<f32> {
    let d = config.width;
    let row = |row: usize| &hidden[row * d..(row + 1) * d];
    let mut state = vec![0.0; 3 * d];
    state[..d].copy_from_slice(row(end));
    let last_told = last_told(config, codes, (begin, end));
    for (out, rows) in state[d..].chunks_exact_mut(d).zip([(begin..=end).collect(), last_told]) {
        let share = 1.0 / rows.len().max(1) as f32;
        rows.iter().for_each(|r| add_scaled(out, share, row(*r)));
    }
    state
}

fn share_of_last<T: Real>(last_told: &[usize]) -> T {
    T::of(1.0 / (last_told.len().max(1) as f64).sqrt())
}

/// The cross-entropy of the labels, summed.
pub(crate) fn run<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    (hidden, codes): (&[T], &[u32]),
    targets: &[TaskTarget],
    mut gradient: Option<Gradient<'_, T>>,
) -> f64 {
    let d = config.width;
    let mut loss = 0.0;
    for target in targets {
        let (begin, end) = target.rows;
        let of = (target.task, target.rows);
        let (logit, State { pooled, attention, last_told }) =
            logit((config, layout), weights, (hidden, codes), of);
        let margin = if target.label { logit } else { -logit }.to_f64();
        loss += if margin > 0.0 { (-margin).exp().ln_1p() } else { margin.exp().ln_1p() - margin };
        let Some(Gradient { scale, d_hidden, arena }) = &mut gradient else { continue };
        let label = if target.label { T::ONE } else { T::ZERO };
        let d_logit = (logit.sigmoid() - label) * T::of(*scale);
        let at = target.task * VIEWS * d;
        layout.task_bias.of_mut(arena)[target.task] += d_logit;
        add_scaled(&mut layout.task_weight.of_mut(arena)[at..at + VIEWS * d], d_logit, &pooled);
        let weight = &layout.task_weight.of(weights)[at..at + VIEWS * d];
        let query = &layout.task_query.of(weights)[target.task * d..(target.task + 1) * d];
        let d_query = &mut layout.task_query.of_mut(arena)[target.task * d..(target.task + 1) * d];
        let (last, rest) = weight.split_at(d);
        let (mean, rest) = rest.split_at(d);
        let (attended, of_last) = rest.split_at(d);
        let share = d_logit * share_of_last(&last_told);
        for row in &last_told {
            add_scaled(&mut d_hidden[row * d..(row + 1) * d], share, of_last);
        }
        add_scaled(&mut d_hidden[end * d..(end + 1) * d], d_logit, last);
        let share = d_logit * T::of(1.0 / (end + 1 - begin) as f64);
        let centre = dot(&pooled[2 * d..3 * d], attended);
        let root = T::of(1.0 / (d as f64).sqrt());
        for (i, a) in (begin..=end).zip(&attention) {
            let row = &hidden[i * d..(i + 1) * d];
            let d_row = &mut d_hidden[i * d..(i + 1) * d];
            let d_score = *a * (dot(row, attended) - centre) * d_logit * root;
            add_scaled(d_row, share, mean);
            add_scaled(d_row, *a * d_logit, attended);
            add_scaled(d_row, d_score, query);
            add_scaled(d_query, d_score, row);
        }
    }
    loss
}
