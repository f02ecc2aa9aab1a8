//! The next code: a softmax over the vocabulary, `TIME` among it.

use super::{ROW_BLOCK, gather, scatter_add};
use crate::buffer::Buffer;
use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::pack::NextEvent;
use crate::real::{Real, add_scaled, exponentiate, vectorised};

/// Scratch of this head.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    hidden: Buffer<T>,
    d_hidden: Buffer<T>,
    logits: Buffer<T>,
}

/// Where gradients go: of the hidden state, the code table and the bias; each is multiplied by `scale`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) scale: f64,
    pub(crate) d_hidden: &'a mut [T],
    pub(crate) d_table: &'a mut [T],
    pub(crate) d_bias: &'a mut [T],
}

/// The negative log-likelihood of the targets, summed. `table` is `[vocabulary, width]`.
pub(crate) fn run<T: Real>(
    (table, bias): (&[T], &[T]),
    hidden: &[T],
    targets: &[NextEvent],
    mut gradient: Option<Gradient<'_, T>>,
    scratch: &mut Scratch<T>,
) -> f64 {
    let vocabulary = bias.len();
    let width = table.len() / vocabulary;
    let mut loss = 0.0;
    for block in targets.chunks(ROW_BLOCK) {
        let n = block.len();
        let rows = scratch.hidden.stale(n * width);
        gather(hidden, width, block.iter().map(|t| t.row), rows);
        let rows = Matrix::new(rows, n, width);
        let table = Matrix::new(table, vocabulary, width);
        let logits = scratch.logits.stale(n * vocabulary);
        multiply(MatrixMut::new(logits, n, vocabulary), T::ONE, rows, table.t());
        loss += vectorised(|| {
            let mut loss = 0.0;
            for (row, target) in logits.chunks_exact_mut(vocabulary).zip(block) {
                add_scaled(row, T::ONE, bias);
                let chosen = row[target.code as usize];
                let (max, sum) = exponentiate(row);
                loss += (max - chosen).to_f64() + sum.to_f64().ln();
                if let Some(gradient) = &gradient {
                    let scale = T::of(gradient.scale);
                    let factor = scale / sum;
                    row.iter_mut().for_each(|p| *p *= factor);
                    row[target.code as usize] -= scale;
                }
            }
            loss
        });
        if let Some(gradient) = &mut gradient {
            crate::layers::norm::bias_backward(logits, gradient.d_bias);
            let d_logits = Matrix::new(logits, n, vocabulary);
            multiply_add(MatrixMut::new(gradient.d_table, vocabulary, width), T::ONE, d_logits.t(), rows);
            let d_rows = scratch.d_hidden.stale(n * width);
            multiply(MatrixMut::new(d_rows, n, width), T::ONE, d_logits, table);
            scatter_add(d_rows, width, block.iter().map(|t| t.row), gradient.d_hidden);
        }
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_gradient, wave};

    #[test]
    fn gradient_is_the_derivative() {
        let (vocabulary, width) = (11, 4);
        let (table, bias, hidden) =
            (wave(vocabulary * width, 0.0), wave(vocabulary, 1.0), wave(5 * width, 2.0));
        let targets: Vec<_> =
            [(0, 3), (2, 10), (4, 0), (4, 5)].map(|(row, code)| NextEvent { row, code }).into();
        let loss =
            |t: &[f64], b: &[f64], h: &[f64]| 0.5 * run((t, b), h, &targets, None, &mut Scratch::default());
        let (mut d_table, mut d_bias, mut d_hidden) = (vec![0.0; 44], vec![0.0; 11], vec![0.0; 20]);
        let gradient =
            Gradient { scale: 0.5, d_hidden: &mut d_hidden, d_table: &mut d_table, d_bias: &mut d_bias };
        run((&table, &bias), &hidden, &targets, Some(gradient), &mut Scratch::default());
        assert_gradient(&table, &d_table, |x| loss(x, &bias, &hidden));
        assert_gradient(&bias, &d_bias, |x| loss(&table, x, &hidden));
        assert_gradient(&hidden, &d_hidden, |x| loss(&table, &bias, x));
    }
}
