//! How likely values are.

use super::evidence::Evidence;
use crate::condition::Condition;
use crate::life::Life;
use crate::measurement::{BODY_MASS_CHANGE, Measure, drift_of};
use crate::person::Person;
use crate::physiology;

/// The logarithm of the likelihood of all values.
pub(super) fn of_values(evidence: &Evidence<'_>, person: &Person, life: &Life) -> f64 {
    evidence.values.iter().map(|&(measure, value, age)| of_value(measure, value, person, life, age)).sum()
}

/// Does a condition move a measure?
pub(super) fn moves(condition: Condition, measure: Measure) -> bool {
    let by = |measure: Measure| drift_of(measure, condition).is_some();
    match measure {
        Measure::Height => false,
        Measure::Weight | Measure::BodyMassIndex => {
            BODY_MASS_CHANGE.iter().any(|(changed, ..)| *changed == condition)
        }
        Measure::Creatinine => by(Measure::Egfr),
        Measure::TotalCholesterol => by(Measure::Ldl) || by(Measure::Hdl) || by(Measure::Triglycerides),
        _ => by(measure),
    }
}

/// The logarithm of the probability of a reported value, rounding and the instrument's range included.
pub(super) fn of_value(measure: Measure, value: f64, person: &Person, life: &Life, age: f64) -> f64 {
    let test = measure.test();
    let level = physiology::expected(measure, person, life, age);
    let (spread, logarithmic) = physiology::noise(measure, level);
    let half = 0.5 / 10f64.powi(i32::from(test.decimals));
    let standard = |edge: f64| {
        if logarithmic { (edge.max(1e-9) / level.max(1e-9)).ln() / spread } else { (edge - level) / spread }
    };
    let low = if value <= test.range.0 + half { f64::NEG_INFINITY } else { standard(value - half) };
    let high = if value >= test.range.1 - half { f64::INFINITY } else { standard(value + half) };
    let middle = standard(value);
    // Far out the difference of two tails is lost in rounding; the density says the same.
    if high - low > 0.05 && middle.abs() < 5.0 {
        (cumulative(high) - cumulative(low)).max(1e-300).ln()
    } else {
        // Eight standard errors are as unlikely as anything: nothing is impossible, or one slip would decide all.
        -0.5 * middle.clamp(-8.0, 8.0).powi(2) - 0.919 + (high - low).clamp(1e-9, 10.0).ln()
    }
}

/// The normal distribution function, to 1.5e-7 (Abramowitz and Stegun 7.1.26).
fn cumulative(z: f64) -> f64 {
    if z == f64::INFINITY {
        return 1.0;
    }
    if z == f64::NEG_INFINITY {
        return 0.0;
    }
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial =
        ((((1.061_405_429 * t - 1.453_152_027) * t) + 1.421_413_741) * t - 0.284_496_736) * t + 0.254_829_592;
    let upper = 0.5 * polynomial * t * (-x * x).exp();
    if z > 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::cumulative;

    #[test]
    fn the_normal_distribution_is_the_normal_distribution() {
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.959_964, 0.025), (3.0, 0.998_650_1)] {
            assert!((cumulative(z) - p).abs() < 1e-6, "{z}");
        }
    }
}
