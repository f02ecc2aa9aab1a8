//! Logistic regression with a squared penalty, by limited-memory BFGS (Liu and Nocedal 1989).

use crate::real::{add_scaled, dot};
use rayon::prelude::*;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
const MOST_ITERATIONS: usize = 200;
/// Rows a task.
const BLOCK: usize = 256;

/// Weights, and a bias after them that is not penalised.
pub(crate) type Coefficients = Vec<f64>;

/// `Σ log(1 + e^(∓ logit)) + ridge/2 · |w|²` over `rows` of `matrix` (`[_, width]`), minimised from `start`.
pub(crate) fn fit(
    (matrix, width): (&[f32], usize),
    rows: &[u32],
    labels: &[bool],
    ridge: f64,
    start: Coefficients,
) -> Coefficients {
    let value = |w: &[f64]| objective((matrix, width), rows, labels, ridge, w);
    let mut w = start;
    let (mut loss, mut gradient) = value(&w);
    let mut memory: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let first = norm(&gradient).max(1e-12);
    for _ in 0..MOST_ITERATIONS {
        if norm(&gradient) < 1e-4 * first.min(rows.len() as f64) {
            break;
        }
        let direction = two_loops(&gradient, &memory);
        let descent = dot(&direction, &gradient);
        let mut step = if memory.is_empty() { 1.0 / norm(&gradient).max(1.0) } else { 1.0 };
        let mut moved = None;
        for _ in 0..30 {
            let mut next = w.clone();
            add_scaled(&mut next, step, &direction);
            let (next_loss, next_gradient) = value(&next);
            if next_loss <= loss + 1e-4 * step * descent {
                moved = Some((next, next_loss, next_gradient));
                break;
            }
            step *= 0.5;
        }
        let Some((next, next_loss, next_gradient)) = moved else { break };
        let change: Vec<f64> = next.iter().zip(&w).map(|(a, b)| a - b).collect();
        let turn: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        if dot(&change, &turn) > 1e-12 {
            memory.push((change, turn));
            if memory.len() > MEMORY {
                memory.remove(0);
            }
        }
        let gained = loss - next_loss;
        (w, loss, gradient) = (next, next_loss, next_gradient);
        if gained < 1e-7 * loss.abs() {
            break;
        }
    }
    w
}

/// The logit of a row.
pub(crate) fn logit(coefficients: &[f64], row: &[f32]) -> f64 {
    let products = row.iter().zip(coefficients).map(|(x, w)| f64::from(*x) * w);
    products.sum::<f64>() + coefficients[row.len()]
}

fn objective(
    (matrix, width): (&[f32], usize),
    rows: &[u32],
    labels: &[bool],
    ridge: f64,
    w: &[f64],
) -> (f64, Vec<f64>) {
    let narrow: Vec<f32> = w.iter().map(|w| *w as f32).collect();
    let parts: Vec<(f64, Vec<f32>)> = rows
        .par_chunks(BLOCK)
        .map(|rows| {
            let mut loss = 0.0;
            let mut gradient = vec![0.0_f32; width + 1];
            for row in rows {
                let x = &matrix[*row as usize * width..][..width];
                let logit = f64::from(dot(x, &narrow[..width]) + narrow[width]);
                let label = labels[*row as usize];
                loss += super::cross_entropy(logit, label);
                let d = (super::sigmoid(logit) - f64::from(u8::from(label))) as f32;
                add_scaled(&mut gradient[..width], d, x);
                gradient[width] += d;
            }
            (loss, gradient)
        })
        .collect();
    let mut loss = 0.0;
    let mut gradient = vec![0.0; width + 1];
    for (part, of_part) in &parts {
        loss += part;
        gradient.iter_mut().zip(of_part).for_each(|(g, d)| *g += f64::from(*d));
    }
    for (g, w) in gradient[..width].iter_mut().zip(w) {
        loss += 0.5 * ridge * w * w;
        *g += ridge * w;
    }
    (loss, gradient)
}

/// The quasi-Newton direction (Nocedal and Wright 2006, algorithm 7.4).
fn two_loops(gradient: &[f64], memory: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (change, turn) in memory.iter().rev() {
        let share = dot(change, &direction) / dot(change, turn);
        add_scaled(&mut direction, -share, turn);
        shares.push(share);
    }
    if let Some((change, turn)) = memory.last() {
        let scale = dot(change, turn) / dot(turn, turn);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((change, turn), share) in memory.iter().zip(shares.iter().rev()) {
        let back = dot(turn, &direction) / dot(change, turn);
        add_scaled(&mut direction, share - back, change);
    }
    direction
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn finds_the_minimum() {
        let (n, width) = (400, 5);
        let matrix: Vec<f32> = (0..n * width).map(|i| random::normal(3, i as u64) as f32).collect();
        let labels: Vec<bool> = (0..n)
            .map(|r| {
                let logit = 1.5 * f64::from(matrix[r * width]) - f64::from(matrix[r * width + 1]) - 0.5;
                random::uniform(4, r as u64) < super::super::sigmoid(logit)
            })
            .collect();
        let rows: Vec<u32> = (0..n as u32).collect();
        let w = fit((&matrix, width), &rows, &labels, 2.0, vec![0.0; width + 1]);
        let (least, gradient) = objective((&matrix, width), &rows, &labels, 2.0, &w);
        assert!(norm(&gradient) < 0.05, "{gradient:?}");
        for i in 0..=width {
            for step in [-0.05, 0.05] {
                let mut other = w.clone();
                other[i] += step;
                assert!(objective((&matrix, width), &rows, &labels, 2.0, &other).0 > least);
            }
        }
        assert!(w[0] > 1.0 && w[1] < -0.6 && w[4].abs() < 0.4, "{w:?}");
        // Only the rows that are named count.
        let few = fit((&matrix, width), &rows[..20], &labels, 1e4, vec![0.0; width + 1]);
        assert!(few[..width].iter().all(|w| w.abs() < 0.02));
    }
}
