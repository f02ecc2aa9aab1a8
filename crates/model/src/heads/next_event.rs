//! The next code: a softmax over the vocabulary, `TIME` among it.
//!
//! `logit_c = ⟨h, C[c]⟩ + b_c + [c has occurred] (r_c + r)`: whether a code comes again is mostly a matter of the
//! code, and too plain a matter to be left to attention.

use super::{ROW_BLOCK, gather, scatter_add};
use crate::buffer::Buffer;
use crate::pack::Pack;
use crate::panels::{Panels, even_block, multiply, weight_gradient};
use crate::real::{Real, add_scaled, exponentiate, vectorised};

/// Scratch of this head.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    hidden: Buffer<T>,
    d_hidden: Buffer<T>,
    logits: Buffer<T>,
    gradient: Panels<T>,
}

/// Where gradients go: of the hidden state, the code table and the biases; each is multiplied by `scale`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) scale: f64,
    /// The table, laid out for the hidden state's gradient.
    pub(crate) backward: &'a Panels<T>,
    pub(crate) d_hidden: &'a mut [T],
    pub(crate) d_table: &'a mut [T],
    pub(crate) d_bias: &'a mut [T],
    pub(crate) d_repeat: &'a mut [T],
}

/// The negative log-likelihood of the pack's next events, summed. `table` is `[vocabulary, width]` laid out
/// for the logits, `repeat` one number a code and one for all.
pub(crate) fn run<T: Real>(
    (table, bias, repeat): (&Panels<T>, &[T], &[T]),
    hidden: &[T],
    pack: &Pack,
    mut gradient: Option<Gradient<'_, T>>,
    scratch: &mut Scratch<T>,
) -> f64 {
    let vocabulary = bias.len();
    let width = table.inner();
    scratch.gradient.set_products(table.products());
    let mut loss = 0.0;
    for block in pack.next_events.chunks(even_block(pack.next_events.len(), ROW_BLOCK)) {
        let n = block.len();
        let rows = scratch.hidden.stale(n * width);
        gather(hidden, width, block.iter().map(|t| t.row), rows);
        let logits = scratch.logits.stale(n * vocabulary);
        multiply(logits, rows, table);
        loss += vectorised(
            #[inline(always)]
            || {
                let mut loss = 0.0;
                for (row, target) in logits.chunks_exact_mut(vocabulary).zip(block) {
                    add_scaled(row, T::ONE, bias);
                    for code in pack.seen_at(target.row) {
                        row[*code as usize] += repeat[*code as usize] + repeat[vocabulary];
                    }
                    let chosen = row[target.code as usize];
                    let (max, sum) = exponentiate(row);
                    loss += (max - chosen).to_f64() + sum.to_f64().ln();
                    if let Some(gradient) = &mut gradient {
                        let scale = T::of(gradient.scale);
                        let factor = scale / sum;
                        row.iter_mut().for_each(|p| *p *= factor);
                        row[target.code as usize] -= scale;
                        add_scaled(gradient.d_bias, T::ONE, row);
                    }
                }
                loss
            },
        );
        if let Some(gradient) = &mut gradient {
            for (row, target) in logits.chunks_exact(vocabulary).zip(block) {
                for code in pack.seen_at(target.row) {
                    gradient.d_repeat[*code as usize] += row[*code as usize];
                    gradient.d_repeat[vocabulary] += row[*code as usize];
                }
            }
            let shape = (vocabulary, width);
            weight_gradient(gradient.d_table, (logits, rows), shape, &mut scratch.gradient);
            let d_rows = scratch.d_hidden.stale(n * width);
            multiply(d_rows, logits, gradient.backward);
            scatter_add(d_rows, width, block.iter().map(|t| t.row), gradient.d_hidden);
        }
    }
    loss
}
