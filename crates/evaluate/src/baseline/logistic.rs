//! Logistic regression on age and sex, for tasks that come with labels of their own.

use crate::bootstrap::quantile;
use crate::error::{Error, Result};
use crate::{logistic, metrics::expit};
use events::Sex;
use serde::{Deserialize, Serialize};

/// Quadratic penalty on every coefficient but the intercept, on standardised columns (scikit-learn's default).
const PENALTY: f64 = 1.0;
/// Quantiles of age at which the spline has its knots (Harrell, Regression Modeling Strategies, table 2.3).
const KNOTS: [f64; 4] = [0.05, 0.35, 0.65, 0.95];
/// Columns: intercept, age and its two spline terms, male, sex unknown, age unknown.
const COLUMNS: usize = 7;

/// One training row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgeSexRow {
    /// Age in years, if known.
    pub age_years: Option<f64>,
    /// Administrative sex.
    pub sex: Sex,
    /// What came true.
    pub outcome: bool,
}

/// Logistic regression on a restricted cubic spline of age (four knots) and sex, lightly penalised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgeSexLogistic {
    knots: [f64; 4],
    centre: [f64; COLUMNS],
    scale: [f64; COLUMNS],
    coefficients: [f64; COLUMNS],
}

impl AgeSexLogistic {
    /// Fits on training rows. `Error::OneClass` unless both outcomes occur.
    pub fn fit(rows: &[AgeSexRow]) -> Result<Self> {
        let events = rows.iter().filter(|r| r.outcome).count();
        if events == 0 || events == rows.len() {
            return Err(Error::OneClass { events, others: rows.len() - events });
        }
        let mut ages: Vec<f64> = rows.iter().filter_map(|r| r.age_years).filter(|a| a.is_finite()).collect();
        ages.sort_unstable_by(f64::total_cmp);
        let knots = if ages.is_empty() { [0.0; 4] } else { KNOTS.map(|q| quantile(&ages, q)) };
        let mut made = AgeSexLogistic {
            knots,
            centre: [0.0; COLUMNS],
            scale: [1.0; COLUMNS],
            coefficients: [0.0; COLUMNS],
        };
        let raw: Vec<[f64; COLUMNS]> = rows.iter().map(|r| made.features(r.age_years, r.sex)).collect();
        let n = raw.len() as f64;
        for c in 1..COLUMNS {
            let mean = raw.iter().map(|r| r[c]).sum::<f64>() / n;
            let variance = raw.iter().map(|r| (r[c] - mean).powi(2)).sum::<f64>() / n;
            made.centre[c] = mean;
            made.scale[c] = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
        }
        let design: Vec<f64> = raw.iter().flat_map(|r| made.standardised(r)).collect();
        let outcomes: Vec<bool> = rows.iter().map(|r| r.outcome).collect();
        let mut penalty = [PENALTY; COLUMNS];
        penalty[0] = 0.0;
        let fitted = logistic::fit(&design, COLUMNS, &outcomes, &penalty)?;
        made.coefficients.copy_from_slice(&fitted);
        Ok(made)
    }

    /// The probability at an age and sex.
    pub fn probability(&self, age_years: Option<f64>, sex: Sex) -> f64 {
        let row = self.standardised(&self.features(age_years, sex));
        expit(row.iter().zip(&self.coefficients).map(|(x, b)| x * b).sum())
    }

    fn standardised(&self, row: &[f64; COLUMNS]) -> [f64; COLUMNS] {
        std::array::from_fn(|c| (row[c] - self.centre[c]) / self.scale[c])
    }

    fn features(&self, age_years: Option<f64>, sex: Sex) -> [f64; COLUMNS] {
        let [first, second, before_last, last] = self.knots;
        let known = age_years.filter(|a| a.is_finite());
        let age = known.unwrap_or((second + before_last) / 2.0);
        // Harrell's restricted cubic terms: cubic between the knots, linear beyond them.
        let cube = |x: f64| x.max(0.0).powi(3);
        let term = |knot: f64| {
            if last - before_last <= 0.0 || last - first <= 0.0 {
                return 0.0;
            }
            let tail = cube(age - before_last) * (last - knot) - cube(age - last) * (before_last - knot);
            (cube(age - knot) - tail / (last - before_last)) / (last - first).powi(2)
        };
        let flag = |is: bool| f64::from(u8::from(is));
        [
            1.0,
            age,
            term(first),
            term(second),
            flag(sex == Sex::Male),
            flag(sex == Sex::Unknown),
            flag(known.is_none()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn rows(n: usize, truth: impl Fn(f64, Sex) -> f64) -> Vec<AgeSexRow> {
        let mut rng = StdRng::seed_from_u64(2);
        (0..n)
            .map(|i| {
                let age = 20.0 + 70.0 * rng.random::<f64>();
                let sex = if i % 2 == 0 { Sex::Female } else { Sex::Male };
                AgeSexRow { age_years: Some(age), sex, outcome: rng.random::<f64>() < truth(age, sex) }
            })
            .collect()
    }

    #[test]
    fn learns_a_curve_of_age_and_a_shift_of_sex() {
        let truth = |age: f64, sex: Sex| {
            expit(-3.0 + 0.001 * (age - 50.0).powi(2) + if sex == Sex::Male { 0.8 } else { 0.0 })
        };
        let fitted = AgeSexLogistic::fit(&rows(40_000, truth)).unwrap();
        for age in [25.0, 40.0, 55.0, 70.0, 85.0] {
            for sex in [Sex::Female, Sex::Male] {
                let (got, want) = (fitted.probability(Some(age), sex), truth(age, sex));
                assert!((got - want).abs() < 0.035, "{age} {sex:?}: {got} against {want}");
            }
        }
        assert!((0.0..=1.0).contains(&fitted.probability(None, Sex::Unknown)));
        assert!((0.0..=1.0).contains(&fitted.probability(Some(1e6), Sex::Unknown)));
    }

    #[test]
    fn degenerate_training_sets() {
        assert!(matches!(AgeSexLogistic::fit(&[]), Err(Error::OneClass { .. })));
        let one = AgeSexRow { age_years: None, sex: Sex::Unknown, outcome: true };
        let other = AgeSexRow { outcome: false, ..one };
        // No ages and one sex: nothing but the prevalence can be learned, and is.
        let fitted = AgeSexLogistic::fit(&[one, other, other, other]).unwrap();
        assert!((fitted.probability(None, Sex::Unknown) - 0.25).abs() < 1e-9);
        // Perfect separation by sex stays finite.
        let split: Vec<AgeSexRow> = (0..20)
            .map(|i| AgeSexRow {
                age_years: Some(50.0),
                sex: if i < 10 { Sex::Male } else { Sex::Female },
                outcome: i < 10,
            })
            .collect();
        let p = AgeSexLogistic::fit(&split).unwrap().probability(Some(50.0), Sex::Male);
        assert!(p > 0.8 && p < 1.0, "{p}");
    }
}
