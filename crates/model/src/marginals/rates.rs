//! Incidence by age and sex, smoothed: `log rate = m(age) ± d(age)` by five-year bands, `+` for women and `−` for men.
//!
//! Events are Poisson given person-time. `m` bends little from band to band (normal second differences) and `d` changes
//! little, so that a code with few events gets a line and one with many its own curve: a penalised spline of degree zero
//! (Eilers and Marx 1996), whose penalised likelihood is maximised by Newton's method, code by code.

use crate::heads::reference::{BAND_DAYS, BANDS, ROWS, SEXES, band_of};
use rayon::prelude::*;

const UNKNOWNS: usize = 2 * BANDS;
/// Standard deviations expected of the second differences of `m`, of its first ones, of the first differences of `d`, and
/// of `d` itself, in natural logarithms. Mortality rises by about 0.5 a band, and bends by less.
const BEND: f64 = 0.4;
const SLOPE: f64 = 1.5;
const DIFFERENCE_STEP: f64 = 0.3;
const DIFFERENCE: f64 = 2.0;
/// No log-rate a day lies outside: once in 300,000 years, and every day.
const LIMITS: (f64, f64) = (-18.5, 0.0);
/// Newton's steps; a handful suffices.
const STEPS: usize = 30;
/// The longest of them, in the coordinate that moves most.
const LONGEST_STEP: f64 = 2.0;

/// Something by sex and band, and for those without an age.
type Cells = [f64; ROWS];

/// First occurrences and the time at risk of them.
pub(super) struct Incidence {
    days: Cells,
    of_codes: Vec<OfCode>,
}

#[derive(Clone)]
struct OfCode {
    events: Cells,
    /// Days after the first occurrence, which are at risk no more.
    over: Cells,
}

impl Incidence {
    pub(super) fn new(codes: usize) -> Self {
        let empty = OfCode { events: [0.0; ROWS], over: [0.0; ROWS] };
        Incidence { days: [0.0; ROWS], of_codes: vec![empty; codes] }
    }

    /// Adds a person observed between two ages, with the ages at which codes occurred, in order of time. What is there when
    /// observation begins has no onset that was seen.
    pub(super) fn add(
        &mut self,
        (sex, birth_known): (usize, bool),
        (begin, end): (f64, f64),
        occurrences: Vec<(usize, f64)>,
    ) {
        if end <= begin {
            return;
        }
        let person = Person { sex: birth_known.then_some(sex), end };
        person.spread(begin, &mut self.days);
        let mut met = rustc_hash::FxHashSet::default();
        for (index, age) in occurrences {
            if !met.insert(index) {
                continue;
            }
            let of_code = &mut self.of_codes[index];
            if age > begin && age <= end {
                of_code.events[person.cell(age)] += 1.0;
            }
            person.spread(age.max(begin), &mut of_code.over);
        }
    }

    /// Log-rates a day: `[ROWS, codes]`.
    pub(super) fn log_rates(&self) -> Vec<f32> {
        let codes = self.of_codes.len();
        let columns: Vec<Cells> = self.of_codes.par_iter().map(|of| self.column(of)).collect();
        (0..ROWS * codes).map(|i| columns[i % codes][i / codes] as f32).collect()
    }

    fn column(&self, of: &OfCode) -> Cells {
        let days: Cells = std::array::from_fn(|i| (self.days[i] - of.over[i]).max(0.0));
        let overall = (of.events.iter().sum::<f64>() + 0.5) / (days.iter().sum::<f64>() + 1.0);
        let overall = overall.ln().clamp(LIMITS.0, LIMITS.1);
        let fitted = fit(&of.events, &days, overall);
        std::array::from_fn(|row| match (row / BANDS, row % BANDS) {
            (SEXES, _) => overall,
            (sex, band) => (fitted[band] + sign(sex) * fitted[BANDS + band]).clamp(LIMITS.0, LIMITS.1),
        })
    }
}

struct Person {
    /// None where the age isn't known.
    sex: Option<usize>,
    end: f64,
}

impl Person {
    fn cell(&self, age: f64) -> usize {
        self.sex.map_or(ROWS - 1, |sex| sex * BANDS + band_of(age))
    }

    /// Adds the days from an age to the end of observation to their cells.
    fn spread(&self, from: f64, cells: &mut Cells) {
        let Some(sex) = self.sex else {
            cells[ROWS - 1] += (self.end - from).max(0.0);
            return;
        };
        for band in band_of(from)..=band_of(self.end) {
            let begin = if band == 0 { f64::NEG_INFINITY } else { band as f64 * BAND_DAYS };
            let end = if band == BANDS - 1 { f64::INFINITY } else { (band + 1) as f64 * BAND_DAYS };
            cells[sex * BANDS + band] += (self.end.min(end) - from.max(begin)).max(0.0);
        }
    }
}

/// How `d` counts for a sex; not at all where it isn't known.
fn sign(sex: usize) -> f64 {
    [1.0, -1.0, 0.0][sex]
}

/// `m` and `d`, band by band.
fn fit(events: &Cells, days: &Cells, overall: f64) -> [f64; UNKNOWNS] {
    let mut at = [0.0; UNKNOWNS];
    at[..BANDS].fill(overall);
    for _ in 0..STEPS {
        let (gradient, mut curvature) = slopes(events, days, &at);
        let step = solve(&mut curvature, gradient);
        let longest = step.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let share = if longest > LONGEST_STEP { LONGEST_STEP / longest } else { 1.0 };
        at.iter_mut().zip(&step).for_each(|(x, step)| *x -= share * step);
        if longest < 1e-6 {
            break;
        }
    }
    at
}

type Curvature = [[f64; UNKNOWNS]; UNKNOWNS];

/// First and second derivatives of the penalised negative log-likelihood.
fn slopes(events: &Cells, days: &Cells, at: &[f64; UNKNOWNS]) -> ([f64; UNKNOWNS], Curvature) {
    let mut gradient = [0.0; UNKNOWNS];
    let mut curvature = [[0.0; UNKNOWNS]; UNKNOWNS];
    for sex in 0..SEXES {
        for band in 0..BANDS {
            let (cell, (m, d), sign) = (sex * BANDS + band, (band, BANDS + band), sign(sex));
            let expected = days[cell] * (at[m] + sign * at[d]).exp();
            let residual = expected - events[cell];
            gradient[m] += residual;
            gradient[d] += sign * residual;
            curvature[m][m] += expected;
            curvature[d][d] += sign * sign * expected;
            curvature[m][d] += sign * expected;
            curvature[d][m] += sign * expected;
        }
    }
    let mut expect = |of: &[(usize, f64)], deviation: f64| {
        let precision = 1.0 / (deviation * deviation);
        let value: f64 = of.iter().map(|(i, weight)| weight * at[*i]).sum();
        for (i, weight) in of {
            gradient[*i] += precision * weight * value;
            of.iter().for_each(|(j, other)| curvature[*i][*j] += precision * weight * other);
        }
    };
    for band in 0..BANDS {
        expect(&[(BANDS + band, 1.0)], DIFFERENCE);
        if band > 0 {
            expect(&[(band, 1.0), (band - 1, -1.0)], SLOPE);
            expect(&[(BANDS + band, 1.0), (BANDS + band - 1, -1.0)], DIFFERENCE_STEP);
        }
        if band > 1 {
            expect(&[(band, 1.0), (band - 1, -2.0), (band - 2, 1.0)], BEND);
        }
    }
    // Without any event the level has no best value; this holds it where it began.
    (0..BANDS).for_each(|m| curvature[m][m] += 1e-6);
    (gradient, curvature)
}

/// The solution of a symmetric positive definite system, by Cholesky's factors in place.
fn solve(matrix: &mut Curvature, mut right: [f64; UNKNOWNS]) -> [f64; UNKNOWNS] {
    for i in 0..UNKNOWNS {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
            let rest = matrix[i][j] - inner;
            matrix[i][j] = if i == j { rest.max(1e-12).sqrt() } else { rest / matrix[j][j] };
        }
        let inner: f64 = (0..i).map(|k| matrix[i][k] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[i][i];
    }
    for i in (0..UNKNOWNS).rev() {
        let inner: f64 = (i + 1..UNKNOWNS).map(|k| matrix[k][i] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[i][i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    /// Rates by Gompertz's law, twice as high for men, from so many people followed for ten years.
    fn gompertz(people: u64) -> Incidence {
        let mut incidence = Incidence::new(2);
        for person in 0..people {
            let u = |i| random::uniform(random::mix(person), i);
            let sex = usize::from(u(0) < 0.5);
            let begin = 365.25 * (30.0 + 50.0 * u(1));
            let mut end = begin + 3652.5;
            // A step a month.
            let mut age = begin;
            let mut occurrences = Vec::new();
            for month in 0..120 {
                age += 30.4375;
                let hazard = truth(sex, age) * 30.4375;
                if occurrences.is_empty() && u(10 + month) < hazard {
                    occurrences.push((0, age));
                    end = end.max(age);
                }
            }
            incidence.add((sex, true), (begin, end), occurrences);
        }
        incidence
    }

    fn truth(sex: usize, age_days: f64) -> f64 {
        let years = age_days / 365.25;
        (0.09 * (years - 60.0)).exp() * if sex == 1 { 0.02 } else { 0.01 } / 365.25
    }

    #[test]
    fn rates_are_found_with_many_people_and_nearly_with_few() {
        for (people, tolerance) in [(40_000, 0.15), (2_000, 0.5)] {
            let rates = gompertz(people).log_rates();
            for sex in 0..2 {
                for band in 7..17 {
                    let found = f64::from(rates[(sex * BANDS + band) * 2]);
                    let expected = truth(sex, (band as f64 + 0.5) * BAND_DAYS).ln();
                    assert!(
                        (found - expected).abs() < tolerance,
                        "{people} people, sex {sex}, band {band}: {found:.3} for {expected:.3}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_never_occurs_is_rare_everywhere_and_nothing_is_infinite() {
        for people in [0, 1, 500] {
            let rates = gompertz(people).log_rates();
            assert_eq!(rates.len(), ROWS * 2);
            assert!(rates.iter().all(|r| r.is_finite() && f64::from(*r) >= LIMITS.0 - 1e-3));
            if people == 500 {
                assert!((0..ROWS).all(|row| rates[row * 2 + 1] < -12.0), "half an event in 5,000 years");
            }
        }
    }

    #[test]
    fn people_without_an_age_count_for_themselves() {
        let mut incidence = Incidence::new(1);
        for person in 0..100 {
            incidence.add((2, false), (0.0, 1000.0), if person < 50 { vec![(0, 500.0)] } else { vec![] });
        }
        let found = f64::from(incidence.log_rates()[ROWS - 1]);
        assert!((found - (50.5_f64 / 75_000.0).ln()).abs() < 1e-3);
    }

    #[test]
    fn what_is_there_at_the_beginning_is_no_onset() {
        let mut incidence = Incidence::new(1);
        incidence.add((0, true), (20_000.0, 21_000.0), vec![(0, 20_000.0), (0, 20_500.0)]);
        assert_eq!(incidence.of_codes[0].events.iter().sum::<f64>(), 0.0);
        assert_eq!(incidence.of_codes[0].over.iter().sum::<f64>(), 1000.0);
    }
}
