//! What is read from the hidden state: each head a negative log-likelihood and its gradient.
//!
//! Heads work on chosen rows of the final hidden state, gathered into dense blocks. With a gradient wanted they
//! scatter it back into `d_hidden` and add to the arena of weight gradients; without, they only sum.

pub(crate) mod moment;
pub(crate) mod next_event;
pub(crate) mod reference;
pub(crate) mod risk;
pub(crate) mod task;
pub(crate) mod value;
pub(crate) mod waiting_time;

use crate::real::{Real, add_scaled};

/// Rows per block of a wide product.
pub(crate) const ROW_BLOCK: usize = 128;

/// Copies chosen rows of `[_, width]` into `out`.
pub(crate) fn gather<T: Real>(from: &[T], width: usize, rows: impl Iterator<Item = usize>, out: &mut [T]) {
    for (out, row) in out.chunks_exact_mut(width).zip(rows) {
        out.copy_from_slice(&from[row * width..(row + 1) * width]);
    }
}

/// Adds the rows of `from` to chosen rows of `[_, width]`.
pub(crate) fn scatter_add<T: Real>(
    from: &[T],
    width: usize,
    rows: impl Iterator<Item = usize>,
    to: &mut [T],
) {
    for (from, row) in from.chunks_exact(width).zip(rows) {
        add_scaled(&mut to[row * width..(row + 1) * width], T::ONE, from);
    }
}
