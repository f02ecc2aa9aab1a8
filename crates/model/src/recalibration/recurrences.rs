//! Levels of those who have had a code.
//!
//! Their hazards share the biases of onsets and add one for each code and one for each interval (`risk.repeat_bias`), so what is set
//! for onsets moves them too. Both are set anew by iterative proportional fitting (Deming and Stephan 1940), which is Poisson
//! regression on code and interval: so many occurrences are expected of each code, and within each interval of all codes, as were
//! observed.

use crate::config::HORIZONS;

const ROUNDS: usize = 50;

/// What to add to `risk.repeat_bias`, `[codes + HORIZONS]`. Observed, expected before anything was set, and expected with onsets'
/// new biases are `[HORIZONS, codes]`; of each code `prior` occurrences count as seen besides just as was expected before.
pub(super) fn shifts(codes: usize, observed: &[f64], before: &[f64], after: &[f64], prior: f64) -> Vec<f64> {
    let of_code =
        |numbers: &[f64], code: usize| -> f64 { (0..HORIZONS).map(|k| numbers[k * codes + code]).sum() };
    let of_codes: Vec<f64> = (0..codes)
        .map(|code| {
            let expected = of_code(before, code);
            expected * (of_code(observed, code) + prior) / (expected + prior)
        })
        .collect();
    let seen: [f64; HORIZONS] =
        std::array::from_fn(|k| observed[k * codes..(k + 1) * codes].iter().sum::<f64>() + prior);
    let all = of_codes.iter().sum::<f64>() / seen.iter().sum::<f64>();
    let mut shifts = vec![0.0_f64; codes + HORIZONS];
    let shift = |wanted: f64, expected: f64| {
        let shift = (wanted / expected).ln();
        if shift.is_finite() { shift } else { 0.0 }
    };
    for round in 0..=ROUNDS {
        for code in 0..codes {
            let expected = (0..HORIZONS).map(|k| after[k * codes + code] * shifts[codes + k].exp()).sum();
            shifts[code] = shift(of_codes[code], expected);
        }
        if round == ROUNDS {
            break; // Codes have the last word.
        }
        for k in 0..HORIZONS {
            let expected = (0..codes).map(|code| after[k * codes + code] * shifts[code].exp()).sum();
            shifts[codes + k] = shift(seen[k] * all, expected);
        }
    }
    shifts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_intervals_come_to_what_was_observed() {
        let codes = 3;
        let number = |i: usize| 20.0 + 15.0 * (i as f64 * 0.7).sin();
        let before: Vec<f64> = (0..codes * HORIZONS).map(number).collect();
        // Onsets moved what is expected; a product of code and interval moved what happens.
        let after: Vec<f64> =
            before.iter().zip(0..).map(|(e, i)| e * (1.0 + 0.3 * f64::from(i % 5))).collect();
        let observed: Vec<f64> = before
            .iter()
            .zip(0..)
            .map(|(e, i)| e * [0.5, 1.0, 3.0][i % codes] * (1.0 + (i / codes) as f64))
            .collect();
        let shifts = shifts(codes, &observed, &before, &after, 1e-6);
        let found =
            |k: usize, code: usize| after[k * codes + code] * (shifts[code] + shifts[codes + k]).exp();
        for code in 0..codes {
            let sum: f64 = (0..HORIZONS).map(|k| found(k, code)).sum();
            let wanted: f64 = (0..HORIZONS).map(|k| observed[k * codes + code]).sum();
            assert!((sum / wanted - 1.0).abs() < 1e-5, "code {code}: {sum}, {wanted} observed");
        }
        for k in 0..HORIZONS {
            let sum: f64 = (0..codes).map(|code| found(k, code)).sum();
            let wanted: f64 = observed[k * codes..(k + 1) * codes].iter().sum();
            assert!((sum / wanted - 1.0).abs() < 1e-5, "interval {k}: {sum}, {wanted} observed");
        }
    }

    #[test]
    fn few_say_little_and_nobody_nothing() {
        let (mut observed, mut before) = ([0.0; 2 * HORIZONS], [0.0; 2 * HORIZONS]);
        observed[2] = 3.0;
        before[2] = 1.0;
        let after = before.map(|e| 7.0 * e);
        let shifts = shifts(2, &observed, &before, &after, 1e3);
        assert!(shifts.iter().all(|shift| shift.is_finite()), "{shifts:?}");
        assert!(
            (shifts[0] + shifts[3] + 7.0_f64.ln()).abs() < 0.01,
            "what onsets moved is taken back: {shifts:?}"
        );
        assert_eq!(shifts[1], 0.0);
    }
}
