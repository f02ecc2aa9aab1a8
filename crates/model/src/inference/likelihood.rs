//! The likelihood of a pack under its hidden states, without gradients and in the precision of inference.

use super::int8_panels::Rounded;
use super::weights::Inference;
use crate::heads::{ROW_BLOCK, gather, value, waiting_time};
use crate::objective::Losses;
use crate::pack::Pack;
use crate::panels::even_block;
use crate::real::{add_scaled, exponentiate, vectorised};

/// The negative log-likelihoods of the pack's next events, waiting times and values; `hidden` is `[tokens, width]`.
pub(super) fn losses(inference: Inference<'_>, pack: &Pack, hidden: &[f32]) -> Losses {
    let p = inference.parameters;
    let (config, layout, weights) = (p.config, p.layout, p.weights);
    let mut losses = Losses::counts(config, pack);
    losses.next_event = next_events(inference, pack, hidden);
    losses.waiting_time = waiting_time::run(
        &config.waiting_time_edges_days,
        (layout.waiting.of(weights), layout.waiting_bias.of(weights)),
        hidden,
        &pack.waiting_times,
        None,
        &mut waiting_time::Scratch::default(),
    );
    losses.value = value::run(
        (config, layout),
        (weights, &p.tables.code_table),
        hidden,
        &pack.values,
        None,
        &mut value::Scratch::default(),
    );
    losses
}

/// As [`crate::heads::next_event`] has it.
fn next_events(inference: Inference<'_>, pack: &Pack, hidden: &[f32]) -> f64 {
    let p = inference.parameters;
    let (width, vocabulary) = (p.config.width, p.config.vocabulary_size);
    let (bias, repeat) = (p.layout.head_bias.of(p.weights), p.layout.head_repeat.of(p.weights));
    let mut rounded = Rounded::default();
    let (mut rows, mut logits) = (Vec::new(), Vec::new());
    let mut loss = 0.0;
    for block in pack.next_events.chunks(even_block(pack.next_events.len(), ROW_BLOCK)) {
        rows.resize(block.len() * width, 0.0);
        gather(hidden, width, block.iter().map(|t| t.row), &mut rows);
        logits.resize(block.len() * vocabulary, 0.0);
        inference.head().multiply(&mut logits, &rows, &mut rounded);
        loss += vectorised(
            #[inline(always)]
            || {
                let mut loss = 0.0;
                for (row, target) in logits.chunks_exact_mut(vocabulary).zip(block) {
                    add_scaled(row, 1.0, bias);
                    for code in pack.seen_at(target.row) {
                        row[*code as usize] += repeat[*code as usize] + repeat[vocabulary];
                    }
                    let chosen = row[target.code as usize];
                    let (max, sum) = exponentiate(row);
                    loss += f64::from(max - chosen) + f64::from(sum).ln();
                }
                loss
            },
        );
    }
    loss
}

impl super::Reader {
    /// The losses of the reader's pack.
    pub(crate) fn losses(&mut self, inference: Inference<'_>, keeper: &super::Keeper) -> Losses {
        let (pack, hidden) = self.hidden(inference, keeper, super::Wanted::All, 1);
        losses(inference, pack, hidden)
    }
}
