//! A weight matrix as a [`super::Stack`] multiplies with it, whatever its numbers are kept in.

use super::quantised::{BLOCK, Quantised, QuantisedBlock, Token};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::panels::{self, Line, PANEL, Panels};
use rayon::prelude::*;
use std::cell::RefCell;

/// Rows that are written out and multiplied with at a time: their panels stay in the second cache level.
const GROUP: usize = 4 * PANEL;

/// Most rows, and most columns, of a matrix.
const MOST: usize = 1 << 24;

/// A matrix of weights, `[rows, inner]`, for `y = x Wᵀ`.
///
/// Another way to keep numbers (16 bits, say) is another `Numbers` with the same two operations: the product of
/// one token's input with some rows, and the panels of some rows written out.
#[derive(Clone)]
pub struct WeightMatrix {
    numbers: Numbers,
    rows: usize,
    inner: usize,
}

#[derive(Clone)]
enum Numbers {
    /// One for every [`GROUP`] rows.
    Full(Vec<Panels<f32>>),
    FourBits(Quantised<4>),
    EightBits(Quantised<8>),
}

/// The bits of a quantised code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Codes of 0 to 15.
    Four,
    /// Codes of 0 to 255.
    Eight,
}

impl std::fmt::Debug for WeightMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = match self.numbers {
            Numbers::Full(_) => "32 bits",
            Numbers::FourBits(_) => "4 bits",
            Numbers::EightBits(_) => "8 bits",
        };
        write!(f, "WeightMatrix({} × {}, {kept})", self.rows, self.inner)
    }
}

/// Memory of products.
#[derive(Default)]
pub(super) struct Scratch {
    token: Token,
    groups: Buffer<f32>,
}

impl WeightMatrix {
    /// In 32 bits. `row(r, into)` writes row `r`, `inner` numbers.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a shape that no matrix has.
    pub fn full(rows: usize, inner: usize, mut row: impl FnMut(usize, &mut [f32])) -> Result<Self> {
        check_shape(rows, inner)?;
        let mut values = vec![0.0; GROUP.min(rows) * inner];
        let groups = (0..rows).step_by(GROUP).map(|first| {
            let n = GROUP.min(rows - first);
            for (r, into) in values.chunks_exact_mut(inner).take(n).enumerate() {
                row(first + r, into);
            }
            let mut panels = Panels::default();
            panels.set_transposed(&values[..n * inner], n, inner);
            panels
        });
        Ok(WeightMatrix { numbers: Numbers::Full(groups.collect()), rows, inner })
    }

    /// In blocks of [`BLOCK`] neighbours. `block(r, b)` tells block `b` of row `r`.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a shape that no matrix has, or rows that are not whole blocks.
    pub fn quantised(
        bits: Bits,
        rows: usize,
        inner: usize,
        block: impl FnMut(usize, usize) -> QuantisedBlock,
    ) -> Result<Self> {
        check_shape(rows, inner)?;
        if !inner.is_multiple_of(BLOCK) {
            let problem =
                format!("a quantised matrix has rows of {inner} numbers, not a multiple of {BLOCK}");
            return Err(Error::Configuration(problem));
        }
        let numbers = match bits {
            Bits::Four => Numbers::FourBits(Quantised::new(rows, inner, block)),
            Bits::Eight => Numbers::EightBits(Quantised::new(rows, inner, block)),
        };
        Ok(WeightMatrix { numbers, rows, inner })
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// `y = x Wᵀ` with `x` as `[tokens, inner]` and `y` as `[tokens, rows]`, on all threads of the pool.
    pub(super) fn multiply(&self, y: &mut [f32], x: &[f32], scratch: &mut Scratch) {
        let tokens = x.len() / self.inner;
        assert!(
            x.len() == tokens * self.inner && y.len() == tokens * self.rows,
            "shapes of a product disagree"
        );
        if tokens == 1 {
            self.one_token(y, x, scratch);
        } else {
            self.many_tokens(y, x, tokens, &mut scratch.groups);
        }
    }

    fn one_token(&self, y: &mut [f32], x: &[f32], scratch: &mut Scratch) {
        let share = self.rows.div_ceil(PANEL).div_ceil(rayon::current_num_threads());
        let parts = y.par_chunks_mut(share * PANEL).enumerate();
        match &self.numbers {
            Numbers::Full(groups) => {
                let groups = groups.par_iter().zip(y.par_chunks_mut(GROUP));
                groups.for_each(|(panels, y)| panels::multiply(y, x, panels));
            }
            Numbers::FourBits(matrix) => {
                scratch.token.set(x);
                parts.for_each(|(part, y)| matrix.one_token(&scratch.token, part * share, y));
            }
            Numbers::EightBits(matrix) => {
                scratch.token.set(x);
                parts.for_each(|(part, y)| matrix.one_token(&scratch.token, part * share, y));
            }
        }
    }

    /// Each group of rows gives a `[tokens, GROUP]` of its own, which are then put side by side.
    fn many_tokens(&self, y: &mut [f32], x: &[f32], tokens: usize, groups: &mut Buffer<f32>) {
        thread_local! {
            static WRITTEN_OUT: RefCell<Panels<f32>> = RefCell::default();
        }
        let width = |group: usize| GROUP.min(self.rows - group * GROUP);
        let products = groups.stale(self.rows * tokens);
        products.par_chunks_mut(GROUP * tokens).enumerate().for_each(|(group, products)| {
            let write_out = |fill: &dyn Fn(usize, &mut [Line<f32>]), products: &mut [f32]| {
                WRITTEN_OUT.with_borrow_mut(|panels| {
                    panels.fill(self.inner, width(group), |panel, lines| {
                        fill(group * (GROUP / PANEL) + panel, lines);
                    });
                    panels::multiply(products, x, panels);
                });
            };
            match &self.numbers {
                Numbers::Full(groups) => panels::multiply(products, x, &groups[group]),
                Numbers::FourBits(matrix) => write_out(&|p, lines| matrix.lines(p, lines), products),
                Numbers::EightBits(matrix) => write_out(&|p, lines| matrix.lines(p, lines), products),
            }
        });
        let products = &*products;
        y.par_chunks_exact_mut(self.rows).enumerate().with_min_len(16).for_each(|(token, y)| {
            for (group, y) in y.chunks_mut(GROUP).enumerate() {
                let n = y.len();
                y.copy_from_slice(&products[group * GROUP * tokens + token * n..][..n]);
            }
        });
    }
}

fn check_shape(rows: usize, inner: usize) -> Result<()> {
    if (1..=MOST).contains(&rows) && (1..=MOST).contains(&inner) {
        return Ok(());
    }
    Err(Error::Configuration(format!("a weight matrix of {rows} × {inner}: each side must be 1 to {MOST}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_their_definition_however_numbers_are_kept() {
        let (rows, inner) = (GROUP + 21, 3 * BLOCK);
        let code = |r: usize, i: usize| ((r * 7 + i * 13) % 16) as u8;
        // 0.25 and -1.5, in halves.
        let block = |r: usize, b: usize| QuantisedBlock {
            scale: 0x3400,
            minimum: 0xbe00,
            codes: std::array::from_fn(|i| code(r, b * BLOCK + i)),
        };
        let number = |r: usize, i: usize| f32::from(code(r, i)) * 0.25 - 1.5;
        let kept = [
            WeightMatrix::quantised(Bits::Four, rows, inner, block).unwrap(),
            WeightMatrix::quantised(Bits::Eight, rows, inner, block).unwrap(),
            WeightMatrix::full(rows, inner, |r, into| {
                into.iter_mut().enumerate().for_each(|(i, into)| *into = number(r, i));
            })
            .unwrap(),
        ];
        for tokens in [1, 2, 40] {
            let x: Vec<f32> = (0..tokens * inner).map(|i| (i as f32 * 0.61).cos()).collect();
            for matrix in &kept {
                let mut y = vec![f32::NAN; tokens * rows];
                matrix.multiply(&mut y, &x, &mut Scratch::default());
                for (place, y) in y.iter().enumerate() {
                    let (token, row) = (place / rows, place % rows);
                    let expected: f64 =
                        (0..inner).map(|i| f64::from(number(row, i) * x[token * inner + i])).sum();
                    assert!((f64::from(*y) - expected).abs() < 1e-4, "{matrix:?}: {y} for {expected}");
                }
            }
        }
    }

    #[test]
    fn shapes_that_no_matrix_has_are_refused() {
        let block = |_, _| QuantisedBlock { scale: 0, minimum: 0, codes: [0; BLOCK] };
        assert!(WeightMatrix::quantised(Bits::Four, 4, 33, block).is_err());
        assert!(WeightMatrix::quantised(Bits::Eight, 0, 32, block).is_err());
        assert!(WeightMatrix::full(1, MOST + 1, |_, _| ()).is_err());
    }
}
