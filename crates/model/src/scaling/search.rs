//! The exponents are searched; for given exponents the rest is linear.

use super::ScalingPoint;

/// The exponents searched, and no further.
pub(super) const SMALLEST: f64 = 0.02;
pub(super) const LARGEST: f64 = 3.0;

/// Exponents a side of the grid; samples of the bootstrap do with fewer.
const FINE: usize = 40;
const COARSE: usize = 12;
/// Each time with half the stride: from a grid's cell to a thousandth of it.
const REFINEMENTS: usize = 10;
/// Rounds of setting the knee.
const ROUNDS: usize = 3;
/// Rounds of reweighting towards Huber's loss.
const REWEIGHTINGS: usize = 4;
/// Huber's constant: 95 % as efficient as least squares where errors are normal.
const HUBER: f64 = 1.345;

/// What may matter.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Terms {
    Both,
    Size,
    Data,
}

/// A law with all its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve {
    pub(super) irreducible: f64,
    pub(super) size_factor: f64,
    pub(super) size_exponent: f64,
    pub(super) data_factor: f64,
    pub(super) data_exponent: f64,
    objective: f64,
}

impl Curve {
    pub(super) fn at(&self, parameters: f64, tokens: f64) -> f64 {
        self.irreducible
            + self.size_factor / parameters.powf(self.size_exponent)
            + self.data_factor / tokens.powf(self.data_exponent)
    }
}

/// The best curve with these terms: by least squares first, then by Huber's loss with its knee where the residuals of
/// the fit before usually end, until that is told by the ordinary runs alone.
pub(super) fn fit(points: &[ScalingPoint], terms: Terms, fine: bool) -> Curve {
    let mut curve = search(points, terms, COARSE, f64::INFINITY);
    for round in 1..=ROUNDS {
        let residuals: Vec<f64> = points.iter().map(|p| p.loss - curve.at(p.parameters, p.tokens)).collect();
        let side = if fine && round == ROUNDS { FINE } else { COARSE };
        curve = search(points, terms, side, HUBER * deviation(&residuals));
    }
    curve
}

fn search(points: &[ScalingPoint], terms: Terms, side: usize, knee: f64) -> Curve {
    let stride = (LARGEST / SMALLEST).ln() / (side - 1) as f64;
    let exponent = |i: usize| SMALLEST * (stride * i as f64).exp();
    let of = |matters: bool| if matters { 0..side } else { 0..1 };
    let mut best: Option<Curve> = None;
    for i in of(terms != Terms::Data) {
        for j in of(terms != Terms::Size) {
            keep(&mut best, curve(points, terms, (exponent(i), exponent(j)), knee));
        }
    }
    let mut step = stride;
    for _ in 0..REFINEMENTS {
        step /= 2.0;
        let Some(Curve { size_exponent, data_exponent, .. }) = best else { break };
        for (up, right) in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)] {
            let moved = |x: f64, by: i32| (x * (step * f64::from(by)).exp()).clamp(SMALLEST, LARGEST);
            let near = (moved(size_exponent, up), moved(data_exponent, right));
            keep(&mut best, curve(points, terms, near, knee));
        }
    }
    best.unwrap_or_else(|| curve(points, terms, (1.0, 1.0), knee))
}

fn keep(best: &mut Option<Curve>, other: Curve) {
    if best.is_none_or(|best| other.objective < best.objective) {
        *best = Some(other);
    }
}

/// The best curve with these exponents: reweighted least squares (Holland and Welsch 1977), factors not negative.
fn curve(
    points: &[ScalingPoint],
    terms: Terms,
    (size_exponent, data_exponent): (f64, f64),
    knee: f64,
) -> Curve {
    // Scaled to 1 at the largest value, so that the columns are of one magnitude.
    let largest = |of: fn(&ScalingPoint) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let (top_size, top_data) = (largest(|p| p.parameters), largest(|p| p.tokens));
    let rows: Vec<[f64; 3]> = points
        .iter()
        .map(|p| {
            [1.0, (top_size / p.parameters).powf(size_exponent), (top_data / p.tokens).powf(data_exponent)]
        })
        .collect();
    let losses: Vec<f64> = points.iter().map(|p| p.loss).collect();
    let choices: &[[bool; 3]] = match terms {
        Terms::Both => &[[true, true, true], [true, true, false], [true, false, true], [true, false, false]],
        Terms::Size => &[[true, true, false], [true, false, false]],
        Terms::Data => &[[true, false, true], [true, false, false]],
    };
    let mut weights = vec![1.0; points.len()];
    let mut solution = [0.0; 3];
    for _ in 0..if knee.is_finite() { REWEIGHTINGS } else { 1 } {
        solution = not_negative(&rows, &losses, &weights, choices);
        for (weight, residual) in weights.iter_mut().zip(residuals(&rows, &losses, solution)) {
            *weight = (knee / residual.abs().max(1e-300)).min(1.0);
        }
    }
    let huber = |r: f64| {
        let r = r.abs();
        if r <= knee { r * r } else { knee * (2.0 * r - knee) }
    };
    let objective = residuals(&rows, &losses, solution).map(huber).sum::<f64>();
    Curve {
        irreducible: solution[0],
        size_factor: solution[1] * top_size.powf(size_exponent),
        size_exponent,
        data_factor: solution[2] * top_data.powf(data_exponent),
        data_exponent,
        objective,
    }
}

fn residuals<'a>(
    rows: &'a [[f64; 3]],
    losses: &'a [f64],
    solution: [f64; 3],
) -> impl Iterator<Item = f64> + 'a {
    rows.iter()
        .zip(losses)
        .map(move |(row, loss)| loss - row.iter().zip(&solution).map(|(x, s)| x * s).sum::<f64>())
}

/// The median absolute residual as a normal's standard deviation.
fn deviation(residuals: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    (1.4826 * sizes[sizes.len() / 2]).max(1e-9)
}

/// Weighted least squares with the second and third number not negative: the best of the ways to leave them out.
fn not_negative(rows: &[[f64; 3]], losses: &[f64], weights: &[f64], choices: &[[bool; 3]]) -> [f64; 3] {
    let mut best = ([0.0; 3], f64::INFINITY);
    for choice in choices {
        let Some(solution) = solve(rows, losses, weights, *choice) else { continue };
        if solution[1] < 0.0 || solution[2] < 0.0 {
            continue;
        }
        let error: f64 =
            residuals(rows, losses, solution).zip(weights).map(|(r, weight)| weight * r * r).sum();
        if error < best.1 {
            best = (solution, error);
        }
    }
    best.0
}

/// The normal equations of the chosen columns, by elimination; nothing if the columns say the same.
fn solve(rows: &[[f64; 3]], losses: &[f64], weights: &[f64], choice: [bool; 3]) -> Option<[f64; 3]> {
    let mut system = [[0.0; 4]; 3];
    for ((row, loss), weight) in rows.iter().zip(losses).zip(weights) {
        for i in 0..3 {
            for j in 0..3 {
                system[i][j] += weight * row[i] * row[j];
            }
            system[i][3] += weight * row[i] * loss;
        }
    }
    for i in (0..3).filter(|i| !choice[*i]) {
        system[i] = [0.0; 4];
        system.iter_mut().for_each(|equation| equation[i] = 0.0);
        system[i][i] = 1.0;
    }
    for i in 0..3 {
        // The diagonal of a positive definite system needs no exchange of rows.
        let pivot = system[i][i];
        if pivot.abs() < 1e-10 {
            return None;
        }
        let equation = system[i].map(|x| x / pivot);
        for (j, other) in system.iter_mut().enumerate() {
            if j == i {
                *other = equation;
            } else {
                let factor = other[i];
                other.iter_mut().zip(equation).for_each(|(x, e)| *x -= factor * e);
            }
        }
    }
    Some([system[0][3], system[1][3], system[2][3]])
}
