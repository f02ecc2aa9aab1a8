//! Continuous inputs as smooth features.

use crate::real::Real;

const HOURS_PER_DAY: f64 = 24.0;
const DAYS_PER_YEAR: f64 = 365.25;
/// Shortest gap that is told apart from none, in days: one minute.
const SHORTEST_GAP_DAYS: f64 = 1.0 / 1440.0;
/// Longest gap that is told apart from longer ones, in days.
const LONGEST_GAP_DAYS: f64 = 40.0 * DAYS_PER_YEAR;

/// Piecewise-linear interpolation on `knots` equidistant knots over [0, 1]: the lower knot, and the weights of
/// it and the next.
pub(crate) fn between_knots(position: f64, knots: usize) -> (usize, f64, f64) {
    let place = position.clamp(0.0, 1.0) * (knots - 1) as f64;
    let lower = (place as usize).min(knots - 2);
    let upper_weight = place - lower as f64;
    (lower, 1.0 - upper_weight, upper_weight)
}

/// Writes the interpolation weights into `out` (one per knot).
pub(crate) fn hat<T: Real>(position: f64, out: &mut [T]) {
    out.fill(T::ZERO);
    let (lower, a, b) = between_knots(position, out.len());
    out[lower] = T::of(a);
    out[lower + 1] = T::of(b);
}

/// A gap in days on a logarithmic scale from 0 (a minute) to 1 (forty years).
pub(crate) fn gap_position(gap_days: f64) -> f64 {
    (gap_days.max(SHORTEST_GAP_DAYS) / SHORTEST_GAP_DAYS).ln() / (LONGEST_GAP_DAYS / SHORTEST_GAP_DAYS).ln()
}

/// Sixteen features of when: age on a slow Fourier basis and in logarithm (zero where birth is unknown), and
/// the time since the record began on three logarithmic scales.
pub(crate) fn age<T: Real>(age_days: f64, since_start_days: f64, birth_known: bool, out: &mut [T]) {
    out.fill(T::ZERO);
    if birth_known {
        let years = age_days / DAYS_PER_YEAR;
        out[0] = T::ONE;
        out[1] = T::of(years / 50.0 - 1.0);
        out[2] = T::of(years.max(0.0).ln_1p() / 2.0 - 1.0);
        for i in 0..5 {
            let (sine, cosine) = (std::f64::consts::TAU * years / (200.0 / (1 << i) as f64)).sin_cos();
            out[3 + 2 * i] = T::of(sine);
            out[4 + 2 * i] = T::of(cosine);
        }
    }
    let since = since_start_days.max(0.0);
    out[13] = T::of((since * HOURS_PER_DAY * 60.0).ln_1p() / 8.0);
    out[14] = T::of((since * HOURS_PER_DAY).ln_1p() / 6.0);
    out[15] = T::of(since.ln_1p() / 6.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hats_interpolate_and_sum_to_one() {
        let mut out = [0.0_f64; 5];
        for position in [-1.0, 0.0, 0.3, 0.25, 0.999, 1.0, 2.0] {
            hat(position, &mut out);
            assert!((out.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let read: f64 = out.iter().enumerate().map(|(k, w)| w * k as f64 / 4.0).sum();
            assert!((read - position.clamp(0.0, 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn gaps_span_their_scale() {
        assert_eq!(gap_position(1e-9), 0.0);
        assert!((gap_position(LONGEST_GAP_DAYS) - 1.0).abs() < 1e-12);
        assert!(gap_position(1.0) > 0.3 && gap_position(1.0) < gap_position(2.0));
    }
}
