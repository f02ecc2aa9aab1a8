//! Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): the momentum of a matrix's gradient,
//! made orthogonal. A gradient's few large directions no longer drown its many small ones.
//!
//! Steps are measured as in Liu et al. 2025 ("Muon is scalable for LLM training"): an orthogonal matrix of `m` rows and `n` columns
//! has entries of root mean square `1/√max(m, n)`, and is stretched to one that doesn't depend on the shape, so that one
//! learning rate serves these matrices and all that AdamW moves.

use super::Step;
use crate::matrix::{Matrix, MatrixMut, multiply};
use crate::real::{add_scaled, dot, vectorised};

/// Coefficients of `a x + b x³ + c x⁵` (Jordan 2024), which drives singular values in (0, 1] to between 0.7 and 1.2 in
/// [`ITERATIONS`] turns, but for those below a few thousandths; whence the shape of what comes out matters and not its exact size.
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];
const ITERATIONS: usize = 5;

/// One step of a matrix, `[rows, columns]`.
pub(super) fn update(
    (rows, columns): (usize, usize),
    (weights, gradient, momentum): (&mut [f32], &[f32], &mut [f32]),
    step: &Step<'_>,
) {
    let beta = step.options.muon_momentum as f32;
    let scale = step.scale as f32;
    let decay = 1.0 - (step.learning_rate * step.options.weight_decay) as f32;
    let rate = step.learning_rate * step.options.muon_scale * (rows.max(columns) as f64).sqrt();
    let mut direction = vec![0.0; rows * columns];
    vectorised(
        #[inline(always)]
        || {
            for ((m, g), d) in momentum.iter_mut().zip(gradient).zip(&mut direction) {
                let g = *g * scale;
                *m = beta * *m + g;
                // Nesterov's: where momentum will be.
                *d = beta * *m + g;
            }
        },
    );
    orthogonalise(&mut direction, rows, columns);
    vectorised(
        #[inline(always)]
        || {
            for (w, d) in weights.iter_mut().zip(&direction) {
                *w = *w * decay - rate as f32 * *d;
            }
        },
    );
}

/// Replaces `[rows, columns]` by nearly `U Vᵀ` of its singular value decomposition `U S Vᵀ`.
fn orthogonalise(matrix: &mut [f32], rows: usize, columns: usize) {
    let norm = vectorised(
        #[inline(always)]
        || dot(matrix, matrix),
    )
    .sqrt();
    if norm == 0.0 {
        return;
    }
    matrix.iter_mut().for_each(|x| *x /= norm);
    let (wide, small) = (rows <= columns, rows.min(columns));
    let mut gram = vec![0.0; small * small];
    let mut polynomial = vec![0.0; small * small];
    let mut next = vec![0.0; matrix.len()];
    let [a, b, c] = QUINTIC;
    for _ in 0..ITERATIONS {
        // With A the smaller of X Xᵀ and Xᵀ X: a X + (b A + c A²) X, or a X + X (b A + c A²).
        let x = Matrix::new(&*matrix, rows, columns);
        let (left, right) = if wide { (x, x.t()) } else { (x.t(), x) };
        multiply(MatrixMut::new(&mut gram, small, small), left, right);
        let squared = Matrix::new(&gram, small, small);
        multiply(MatrixMut::new(&mut polynomial, small, small), squared, squared);
        vectorised(
            #[inline(always)]
            || {
                for (p, g) in polynomial.iter_mut().zip(&gram) {
                    *p = c * *p + b * *g;
                }
            },
        );
        let polynomial = Matrix::new(&polynomial, small, small);
        let (left, right) = if wide { (polynomial, x) } else { (x, polynomial) };
        multiply(MatrixMut::new(&mut next, rows, columns), left, right);
        vectorised(
            #[inline(always)]
            || add_scaled(&mut next, a, matrix),
        );
        matrix.copy_from_slice(&next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{self, Purpose};

    /// Wide, high and square, with directions up to a hundred times weaker than others: all come out nearly as long, and stay what
    /// they were.
    #[test]
    fn directions_stay_and_their_sizes_become_alike() {
        for (rows, columns) in [(24, 64), (64, 24), (32, 32)] {
            let key = random::key(5, Purpose::Initial, &[rows as u64]);
            let small = rows.min(columns);
            // `U S Vᵀ` and `U Vᵀ` side by side: U and V are made of turns in planes of rows and of columns.
            let sizes: Vec<f64> = (0..small).map(|i| 10_f64.powf(-2.0 * i as f64 / small as f64)).collect();
            let mut matrix = vec![0.0_f64; rows * columns];
            (0..small).for_each(|i| matrix[i * columns + i] = sizes[i]);
            let mut polar = vec![0.0_f64; rows * columns];
            (0..small).for_each(|i| polar[i * columns + i] = 1.0);
            for turn in 0..4 * (rows + columns) {
                let draw = |i| random::normal(key, 8 * turn as u64 + i).abs();
                let angle = 6.0 * draw(0);
                let pick = |n: usize, i| (draw(i) * 1e6) as usize % n;
                for m in [&mut matrix, &mut polar] {
                    let (p, q) = (pick(rows, 1), pick(rows, 2));
                    for j in (0..columns).filter(|_| p != q) {
                        let (x, y) = (m[p * columns + j], m[q * columns + j]);
                        m[p * columns + j] = angle.cos() * x - angle.sin() * y;
                        m[q * columns + j] = angle.sin() * x + angle.cos() * y;
                    }
                    let (p, q) = (pick(columns, 3), pick(columns, 4));
                    for i in (0..rows).filter(|_| p != q) {
                        let (x, y) = (m[i * columns + p], m[i * columns + q]);
                        m[i * columns + p] = angle.cos() * x - angle.sin() * y;
                        m[i * columns + q] = angle.sin() * x + angle.cos() * y;
                    }
                }
            }
            let mut found: Vec<f32> = matrix.iter().map(|x| *x as f32).collect();
            orthogonalise(&mut found, rows, columns);
            // ⟨found, U Vᵀ⟩ is the sum of the new singular values, ‖found‖² that of their squares.
            let along: f64 = found.iter().zip(&polar).map(|(x, y)| f64::from(*x) * y).sum();
            let squares: f64 = found.iter().map(|x| f64::from(*x).powi(2)).sum();
            let n = small as f64;
            assert!((0.7..1.2).contains(&(along / n)), "{rows} × {columns}: mean {}", along / n);
            let spread = (squares / n - (along / n).powi(2)).max(0.0).sqrt();
            assert!(
                spread < 0.2,
                "{rows} × {columns}: spread {spread}, of 0.27 before and more relative to the mean"
            );
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let mut none = vec![0.0; 12];
        orthogonalise(&mut none, 3, 4);
        assert_eq!(none, vec![0.0; 12]);
    }
}
