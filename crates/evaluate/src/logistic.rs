//! Logistic regression by iteratively reweighted least squares, for baselines: few columns, any number of rows.

use crate::error::{Error, Result};
use crate::metrics::expit;

/// Fits coefficients by Newton's method on the penalised likelihood.
///
/// `design` is row-major, `columns` wide; `penalty` holds one quadratic penalty per column (½·penalty·β²), which
/// keeps the fit finite when a column separates the outcomes. `Error::NoConvergence` when it doesn't settle.
pub(crate) fn fit(design: &[f64], columns: usize, outcomes: &[bool], penalty: &[f64]) -> Result<Vec<f64>> {
    fit_weighted(design, columns, outcomes, &vec![1.0; outcomes.len()], penalty)
}

/// [`fit`] with a weight for each row.
pub(crate) fn fit_weighted(
    design: &[f64],
    columns: usize,
    outcomes: &[bool],
    weights: &[f64],
    penalty: &[f64],
) -> Result<Vec<f64>> {
    let mut beta = vec![0.0; columns];
    let mut objective = f64::NEG_INFINITY;
    let mut step = vec![0.0; columns];
    for _ in 0..200 {
        let mut gradient: Vec<f64> = beta.iter().zip(penalty).map(|(b, l)| -l * b).collect();
        let mut curvature = vec![0.0; columns * columns];
        let mut current = -beta.iter().zip(penalty).map(|(b, l)| 0.5 * l * b * b).sum::<f64>();
        for ((row, &outcome), &weight) in design.chunks_exact(columns).zip(outcomes).zip(weights) {
            let p = expit(row.iter().zip(&beta).map(|(x, b)| x * b).sum());
            current += weight * if outcome { p } else { 1.0 - p }.max(f64::MIN_POSITIVE).ln();
            let residual = weight * (f64::from(u8::from(outcome)) - p);
            let v = weight * p * (1.0 - p);
            for i in 0..columns {
                gradient[i] += residual * row[i];
                for j in 0..=i {
                    curvature[i * columns + j] += v * row[i] * row[j];
                }
            }
        }
        if current < objective - 1e-9 * objective.abs() {
            for (b, s) in beta.iter_mut().zip(&mut step) {
                *s /= 2.0;
                *b -= *s;
            }
            continue;
        }
        objective = current;
        for i in 0..columns {
            curvature[i * columns + i] += penalty[i];
        }
        step = solve_cholesky(&mut curvature, columns, gradient)
            .ok_or(Error::NoConvergence { what: "logistic baseline" })?;
        for (b, s) in beta.iter_mut().zip(&step) {
            *b += s;
        }
        if step.iter().zip(&beta).all(|(s, b)| s.abs() <= 1e-10 * (1.0 + b.abs())) {
            return Ok(beta);
        }
    }
    Err(Error::NoConvergence { what: "logistic baseline" })
}

/// Solves A x = b for a symmetric positive definite A given by its lower triangle; `None` when it is not.
pub(crate) fn solve_cholesky(a: &mut [f64], n: usize, mut b: Vec<f64>) -> Option<Vec<f64>> {
    for j in 0..n {
        for k in 0..j {
            let factor = a[j * n + k];
            for i in j..n {
                a[i * n + j] -= a[i * n + k] * factor;
            }
        }
        let pivot = a[j * n + j];
        if pivot <= 1e-12 || !pivot.is_finite() {
            return None;
        }
        let root = pivot.sqrt();
        for i in j..n {
            a[i * n + j] /= root;
        }
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[i * n + k] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[k * n + i] * b[k];
        }
        b[i] /= a[i * n + i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_two_by_two_table_gives_its_log_odds() {
        // 10 of 40 without, 30 of 40 with: intercept logit(¼), slope 2·ln 3.
        let (mut design, mut outcomes) = (vec![], vec![]);
        for i in 0..80 {
            design.extend([1.0, f64::from(u8::from(i >= 40))]);
            outcomes.push(i % 40 < if i >= 40 { 30 } else { 10 });
        }
        let beta = fit(&design, 2, &outcomes, &[0.0, 0.0]).unwrap();
        assert!((beta[0] + 3f64.ln()).abs() < 1e-9 && (beta[1] - 2.0 * 3f64.ln()).abs() < 1e-9, "{beta:?}");
    }

    #[test]
    fn separation_is_finite_with_a_penalty_and_collinearity_an_error_without() {
        let design = [1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 3.0];
        let outcomes = [false, false, true, true];
        assert!(fit(&design, 2, &outcomes, &[0.0, 1.0]).unwrap()[1] > 0.5);
        let twins = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        assert!(fit(&twins, 2, &[true, false, true, false], &[0.0, 0.0]).is_err());
    }
}
