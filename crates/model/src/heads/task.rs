//! Supervised tasks: a logistic model on the state at the prediction time.
//!
//! The state of rows `0..=p` is three views side by side: the hidden state at `p`, its mean over the rows, and a
//! mean weighted by a learned query, `softmax(⟨q, h_i⟩ / √width)`. A task can so find what the last token did
//! not carry.

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

/// The logit of a task for the rows `begin..=end` of `hidden`, and what it was computed from: the pooled state
/// (`[3 · width]`) and the attention over the rows.
pub(crate) fn logit<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    hidden: &[T],
    (task, (begin, end)): (usize, (usize, usize)),
) -> (T, Vec<T>, Vec<T>) {
    let d = config.width;
    let query = &layout.task_query.of(weights)[task * d..(task + 1) * d];
    let rows = &hidden[begin * d..(end + 1) * d];
    let n = end + 1 - begin;
    let scale = T::of(1.0 / (d as f64).sqrt());
    let mut attention: Vec<T> = rows.chunks_exact(d).map(|row| dot(row, query) * scale).collect();
    let (_, sum) = crate::real::exponentiate(&mut attention);
    attention.iter_mut().for_each(|a| *a = *a / sum);
    let mut pooled = vec![T::ZERO; 3 * d];
    pooled[..d].copy_from_slice(&rows[(n - 1) * d..]);
    let share = T::of(1.0 / n as f64);
    for (row, weight) in rows.chunks_exact(d).zip(&attention) {
        add_scaled(&mut pooled[d..2 * d], share, row);
        add_scaled(&mut pooled[2 * d..], *weight, row);
    }
    let weight = &layout.task_weight.of(weights)[task * 3 * d..(task + 1) * 3 * d];
    (dot(&pooled, weight) + layout.task_bias.of(weights)[task], pooled, attention)
}

/// The cross-entropy of the labels, summed.
pub(crate) fn run<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    hidden: &[T],
    targets: &[TaskTarget],
    mut gradient: Option<Gradient<'_, T>>,
) -> f64 {
    let d = config.width;
    let mut loss = 0.0;
    for target in targets {
        let (begin, end) = target.rows;
        let (logit, pooled, attention) = logit((config, layout), weights, hidden, (target.task, target.rows));
        let margin = if target.label { logit } else { -logit }.to_f64();
        loss += if margin > 0.0 { (-margin).exp().ln_1p() } else { margin.exp().ln_1p() - margin };
        let Some(Gradient { scale, d_hidden, arena }) = &mut gradient else { continue };
        let label = if target.label { T::ONE } else { T::ZERO };
        let d_logit = (logit.sigmoid() - label) * T::of(*scale);
        let at = target.task * 3 * d;
        layout.task_bias.of_mut(arena)[target.task] += d_logit;
        add_scaled(&mut layout.task_weight.of_mut(arena)[at..at + 3 * d], d_logit, &pooled);
        let weight = &layout.task_weight.of(weights)[at..at + 3 * d];
        let query = &layout.task_query.of(weights)[target.task * d..(target.task + 1) * d];
        let d_query = &mut layout.task_query.of_mut(arena)[target.task * d..(target.task + 1) * d];
        let (last, rest) = weight.split_at(d);
        let (mean, attended) = rest.split_at(d);
        add_scaled(&mut d_hidden[end * d..(end + 1) * d], d_logit, last);
        let share = d_logit * T::of(1.0 / (end + 1 - begin) as f64);
        let centre = dot(&pooled[2 * d..], attended);
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
