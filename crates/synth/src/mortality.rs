//! The life table.
//!
//! Yearly probabilities of death by age and sex follow the United States period life tables of 2019 (the last
//! before the pandemic; NCHS National Vital Statistics Reports 70-19, and the Social Security Administration's
//! table of the same year), rounded to two or three figures at the ages below and log-linear between them,
//! which is Gompertz's law piece by piece. Life expectancy at birth comes out at 76.2 years for men and 81.3 for
//! women (published: 76.3 and 81.4); a test holds it there.

use events::Sex;

/// Age in years, then the yearly probability of death of men and women.
const PROBABILITY_OF_DEATH: [(f64, f64, f64); 26] = [
    (0.0, 0.006081, 0.005046),
    (1.0, 0.000425, 0.000349),
    (2.0, 0.000260, 0.000212),
    (5.0, 0.000142, 0.000122),
    (10.0, 0.000097, 0.000096),
    (15.0, 0.000437, 0.000204),
    (20.0, 0.001079, 0.000405),
    (25.0, 0.001508, 0.000575),
    (30.0, 0.00176, 0.00074),
    (35.0, 0.00210, 0.00103),
    (40.0, 0.00250, 0.00135),
    (45.0, 0.00330, 0.00198),
    (50.0, 0.00499, 0.00319),
    (55.0, 0.00777, 0.00485),
    (60.0, 0.01153, 0.00700),
    (65.0, 0.0167, 0.0102),
    (70.0, 0.0236, 0.0155),
    (75.0, 0.0362, 0.0248),
    (80.0, 0.0588, 0.0422),
    (85.0, 0.0986, 0.0740),
    (90.0, 0.165, 0.130),
    (95.0, 0.262, 0.214),
    (100.0, 0.373, 0.319),
    (105.0, 0.53, 0.48),
    (110.0, 0.70, 0.66),
    (120.0, 0.95, 0.95),
];

/// The hazard of death per year at an age: `-ln(1 - q)`, log-linear between the table's ages.
pub fn hazard(sex: Sex, age: f64) -> f64 {
    let at = |knot: &(f64, f64, f64)| -(-(if sex == Sex::Female { knot.2 } else { knot.1 })).ln_1p();
    let next =
        PROBABILITY_OF_DEATH.iter().position(|knot| knot.0 > age).unwrap_or(PROBABILITY_OF_DEATH.len() - 1);
    let (low, high) = (&PROBABILITY_OF_DEATH[next.max(1) - 1], &PROBABILITY_OF_DEATH[next.max(1)]);
    let share = ((age - low.0) / (high.0 - low.0)).clamp(0.0, 1.0);
    (at(low).ln() * (1.0 - share) + at(high).ln() * share).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_expectancy_is_the_published_one() {
        for (sex, published) in [(Sex::Male, 76.3), (Sex::Female, 81.4)] {
            let (mut alive, mut expectancy) = (1.0f64, 0.0);
            for step in 0..1200 {
                // The table's probability at age x covers x to x+1, so the hazard is taken at the year's start.
                let age = f64::from(step) / 10.0;
                let survives = (-hazard(sex, age.floor()) / 10.0).exp();
                expectancy += alive * (1.0 + survives) / 20.0;
                alive *= survives;
            }
            assert!((expectancy - published).abs() < 0.4, "{sex:?}: {expectancy:.2}, published {published}");
        }
    }
}
