//! Are risks as high as what happens? Observed against expected, recalibration, groups, a smooth curve.
//!
//! The hierarchy is that of Van Calster et al., J Clin Epidemiol 2016 and BMC Medicine 2019. Rows carry the
//! inverse probability of being uncensored, so that the observed risk stands for everyone at risk.

use super::scored::{Counts, Scored, expit};
use serde::{Deserialize, Serialize};
use statrs::function::erf::erf_inv;

/// Mean, weak and recalibration-line calibration; NaN where undefined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recalibration {
    /// Observed events over the sum of predicted risks (O:E); 1 is right, below 1 the risks are too high.
    pub observed_expected: f64,
    /// Calibration intercept: of a logistic model with logit(p) as offset, slope held at 1; 0 is right.
    pub intercept: f64,
    /// Calibration slope: of a logistic model on logit(p); 1 is right, below 1 the risks are too extreme.
    pub slope: f64,
    /// The intercept that goes with `slope` in the same model.
    pub intercept_beside_slope: f64,
}

impl Recalibration {
    /// Where nothing can be said.
    pub(crate) const UNDEFINED: Recalibration = Recalibration {
        observed_expected: UNDEFINED,
        intercept: UNDEFINED,
        slope: UNDEFINED,
        intercept_beside_slope: UNDEFINED,
    };
}

const UNDEFINED: f64 = f64::NAN;
/// Newton's last step of a fit from afar.
const TOLERANCE: f64 = 1e-12;
/// Newton's last step of a draw that starts at the sample's solution: convergence being quadratic, what is left
/// after a step of 10⁻⁵ is some 10⁻¹⁰.
const WARM_TOLERANCE: f64 = 1e-5;

/// Recalibration of the rows, by Newton's method on logit(p) held away from infinity
/// (see [`super::scored::LOGIT_MARGIN`]). Intercepts and slope are NaN when one class is missing;
/// slope is NaN when all risks are equal or separate the classes perfectly.
pub fn recalibration(scored: &Scored) -> Recalibration {
    recalibration_of_draw(scored, None, None)
}

/// `start` is the solution of the whole sample: draws lie near it, so they take two or three steps.
pub(crate) fn recalibration_of_draw(
    scored: &Scored,
    counts: Counts,
    start: Option<&Recalibration>,
) -> Recalibration {
    let (mut total, mut observed, mut expected) = (0.0, 0.0, 0.0);
    for i in 0..scored.len() {
        let w = scored.weighted(counts, i);
        total += w;
        expected += w * scored.probability[i];
        observed += if scored.outcome[i] { w } else { 0.0 };
    }
    let observed_expected = if expected > 0.0 { observed / expected } else { UNDEFINED };
    if observed <= 0.0 || observed >= total {
        return Recalibration { observed_expected, ..Recalibration::UNDEFINED };
    }
    // From slope 0 Newton's method is safe; from slope 1 certain risks would start where the likelihood is flat.
    let flat = ((observed / (total - observed)).ln(), 0.0);
    let warm =
        start.map(|s| (s.intercept_beside_slope, s.slope)).filter(|s| s.0.is_finite() && s.1.is_finite());
    let warm_intercept = start.map(|s| s.intercept).filter(|i| i.is_finite());
    let intercept = fit_offset(
        scored,
        counts,
        warm_intercept.unwrap_or(0.0),
        if warm_intercept.is_some() { WARM_TOLERANCE } else { TOLERANCE },
    );
    let line = warm
        .and_then(|from| fit_line::<false>(scored, counts, from, WARM_TOLERANCE))
        .or_else(|| fit_line::<true>(scored, counts, flat, TOLERANCE));
    let (intercept_beside_slope, slope) = line.unwrap_or((UNDEFINED, UNDEFINED));
    Recalibration { observed_expected, intercept, slope, intercept_beside_slope }
}

/// Solves Σ w (y − expit(a + logit p)) = 0 for a.
fn fit_offset(scored: &Scored, counts: Counts, start: f64, tolerance: f64) -> f64 {
    let mut intercept = start;
    for _ in 0..100 {
        let (mut gradient, mut curvature, mut total) = (0.0_f64, 0.0, 0.0);
        for i in 0..scored.len() {
            let w = scored.weighted(counts, i);
            if w > 0.0 {
                let p = expit(intercept + scored.logit[i]);
                total += w;
                gradient += w * (f64::from(u8::from(scored.outcome[i])) - p);
                curvature += w * p * (1.0 - p);
            }
        }
        if curvature <= f64::MIN_POSITIVE {
            return UNDEFINED;
        }
        // The likelihood is concave but flat far out: a bounded step keeps Newton from overshooting there.
        let step = (gradient / curvature).clamp(-2.0, 2.0);
        intercept += step;
        // Where it is flat, what rounding leaves of the sum makes steps that never become small.
        if step.abs() < tolerance || gradient.abs() <= 8.0 * f64::EPSILON * total {
            return intercept;
        }
    }
    UNDEFINED
}

/// Intercept and slope of the logistic regression on logit(p); `None` without a finite solution.
///
/// `GUARDED` follows the likelihood and halves steps that overshoot; a fit that starts near its solution does
/// without, and gives up where the guarded one would find a way.
fn fit_line<const GUARDED: bool>(
    scored: &Scored,
    counts: Counts,
    start: (f64, f64),
    tolerance: f64,
) -> Option<(f64, f64)> {
    let (mut a, mut b) = start;
    let mut log_likelihood = f64::NEG_INFINITY;
    let (mut step_a, mut step_b) = (0.0, 0.0);
    for _ in 0..if GUARDED { 200 } else { 8 } {
        let (mut likelihood, mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for i in 0..scored.len() {
            let w = scored.weighted(counts, i);
            if w > 0.0 {
                let x = scored.logit[i];
                let eta = a + b * x;
                let p = expit(eta);
                if GUARDED {
                    let truth = if scored.outcome[i] { p } else { 1.0 - p };
                    likelihood += w * truth.max(f64::MIN_POSITIVE).ln();
                }
                let residual = w * (f64::from(u8::from(scored.outcome[i])) - p);
                let v = w * p * (1.0 - p);
                ga += residual;
                gb += residual * x;
                haa += v;
                hab += v * x;
                hbb += v * x * x;
            }
        }
        if GUARDED && likelihood < log_likelihood - 1e-9 * log_likelihood.abs() {
            // Overshot: go back half of the last step.
            step_a /= 2.0;
            step_b /= 2.0;
            a -= step_a;
            b -= step_b;
            continue;
        }
        log_likelihood = likelihood;
        let determinant = haa * hbb - hab * hab;
        if determinant <= 1e-10 * haa * hbb || !determinant.is_finite() {
            return None;
        }
        step_a = (hbb * ga - hab * gb) / determinant;
        step_b = (haa * gb - hab * ga) / determinant;
        a += step_a;
        b += step_b;
        if !(a.is_finite() && b.is_finite()) || b.abs() > 1e4 {
            return None;
        }
        if step_a.abs() < tolerance * (1.0 + a.abs()) && step_b.abs() < tolerance * (1.0 + b.abs()) {
            return Some((a, b));
        }
    }
    None
}

/// One group of rows of similar risk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationGroup {
    /// Rows in the group.
    pub rows: usize,
    /// Mean predicted risk.
    pub predicted: f64,
    /// Observed risk.
    pub observed: f64,
    /// Lower bound of Wilson's interval of `observed`, at the effective number of rows under the weights.
    pub low: f64,
    /// Upper bound of the same.
    pub high: f64,
}

/// Groups of about equal size by risk, lowest first. Rows of equal risk stay together, so there may be fewer
/// than `groups`.
pub fn groups(scored: &Scored, groups: usize, confidence: f64) -> Vec<CalibrationGroup> {
    groups_between(scored, groups, confidence, |_| true)
}

/// The same, where a group may end only where `is_border` says so of how many rows lie above.
pub(crate) fn groups_between(
    scored: &Scored,
    groups: usize,
    confidence: f64,
    is_border: impl Fn(usize) -> bool,
) -> Vec<CalibrationGroup> {
    let rows = scored.len();
    let z = normal_quantile(confidence);
    let mut made = Vec::new();
    // Rows are stored highest first; walk from the low end.
    let mut end = rows;
    for g in 1..=groups.max(1) {
        let target = rows - rows * g / groups.max(1);
        if target >= end {
            continue;
        }
        let mut start = target;
        let is_tie = |start: usize| scored.probability[start - 1] == scored.probability[start];
        while start > 0 && (is_tie(start) || !is_border(start)) {
            start -= 1;
        }
        made.push(group(scored, start, end, z));
        end = start;
    }
    // Of a group without weight nothing is known.
    made.retain(|group: &CalibrationGroup| group.predicted.is_finite());
    made
}

fn group(scored: &Scored, start: usize, end: usize, z: f64) -> CalibrationGroup {
    let (mut w, mut w2, mut wp, mut wy) = (0.0, 0.0, 0.0, 0.0);
    for i in start..end {
        let weight = scored.weight[i];
        w += weight;
        w2 += weight * weight;
        wp += weight * scored.probability[i];
        wy += if scored.outcome[i] { weight } else { 0.0 };
    }
    let (low, high) = wilson(wy / w, w * w / w2, z);
    CalibrationGroup { rows: end - start, predicted: wp / w, observed: wy / w, low, high }
}

/// Wilson's score interval of a proportion of `n` trials (E. B. Wilson, JASA 1927).
fn wilson(proportion: f64, n: f64, z: f64) -> (f64, f64) {
    let z2 = z * z / n;
    let centre = (proportion + z2 / 2.0) / (1.0 + z2);
    let half = z / (1.0 + z2) * (proportion * (1.0 - proportion) / n + z2 / (4.0 * n)).sqrt();
    // The bound at 0 or 1 is exact; rounding would leave a stray 1e-17.
    let low = if proportion <= 0.0 { 0.0 } else { centre - half };
    let high = if proportion >= 1.0 { 1.0 } else { centre + half };
    (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
}

/// The two-sided normal quantile: 1.96 for 0.95.
pub(crate) fn normal_quantile(confidence: f64) -> f64 {
    std::f64::consts::SQRT_2 * erf_inv(confidence)
}

/// Share of the rows that each local fit of the smooth curve sees (Cleveland's f, statsmodels' and R's default).
pub const SMOOTH_SPAN: f64 = 2.0 / 3.0;
/// Above this many distinct risks, neighbours in rank are pooled before smoothing.
const SMOOTH_BINS: usize = 512;

/// Rows pooled into bins by rank, from which the smooth calibration curve is computed.
///
/// The curve is Cleveland's lowess (JASA 1979) of outcome on risk: local lines, tricube weights, span ⅔, no
/// robustness iterations, as in Harrell's `val.prob`. With up to 512 distinct risks it is exact; beyond, runs of
/// equal numbers of rows are pooled first, which moves the curve by less than the width of a bin.
pub struct Smoother {
    /// Start of each bin within the rows, lowest risk first, and the end of the last.
    bounds: Vec<(usize, usize)>,
}

/// The smooth curve at the bins, lowest risk first.
struct Pooled {
    weight: Vec<f64>,
    risk: Vec<f64>,
    observed: Vec<f64>,
}

impl Smoother {
    /// Chooses the bins.
    pub fn new(scored: &Scored) -> Self {
        Self::with_bins(scored, SMOOTH_BINS)
    }

    /// Chooses about so many bins.
    pub(crate) fn with_bins(scored: &Scored, bins: usize) -> Self {
        let rows = scored.len();
        let per_bin = rows.div_ceil(bins).max(1);
        let mut bounds = Vec::new();
        let mut end = rows;
        while end > 0 {
            let mut start = end.saturating_sub(per_bin);
            while start > 0 && scored.probability[start - 1] == scored.probability[start] {
                start -= 1;
            }
            bounds.push((start, end));
            end = start;
        }
        Smoother { bounds }
    }

    fn pool(&self, scored: &Scored, counts: Counts) -> Pooled {
        let mut pooled = Pooled { weight: vec![], risk: vec![], observed: vec![] };
        for &(start, end) in &self.bounds {
            let (mut w, mut wp, mut wy) = (0.0, 0.0, 0.0);
            for i in start..end {
                let weight = scored.weighted(counts, i);
                w += weight;
                wp += weight * scored.probability[i];
                wy += if scored.outcome[i] { weight } else { 0.0 };
            }
            if w > 0.0 {
                pooled.weight.push(w);
                pooled.risk.push(wp / w);
                pooled.observed.push(wy / w);
            }
        }
        pooled
    }

    /// The smooth observed risk at each of `at` (rising), NaN outside the range of the risks.
    pub(crate) fn curve(&self, scored: &Scored, counts: Counts, at: &[f64], nodes: usize) -> Vec<f64> {
        let pooled = self.pool(scored, counts);
        let fit = lowess(&pooled, nodes);
        at.iter().map(|&x| interpolate(&fit, x)).collect()
    }

    /// Integrated calibration index: the mean distance between risk and smooth observed risk
    /// (Austin and Steyerberg, Stat Med 2019); NaN with fewer than two distinct risks.
    pub(crate) fn integrated_calibration_index(&self, scored: &Scored, counts: Counts, nodes: usize) -> f64 {
        let pooled = self.pool(scored, counts);
        if pooled.risk.len() < 2 {
            return UNDEFINED;
        }
        let fit = lowess(&pooled, nodes);
        let (mut sum, mut total) = (0.0, 0.0);
        for (&risk, &weight) in pooled.risk.iter().zip(&pooled.weight) {
            sum += weight * (interpolate(&fit, risk) - risk).abs();
            total += weight;
        }
        sum / total
    }
}

/// Integrated calibration index of the rows, with every bin a node.
pub fn integrated_calibration_index(scored: &Scored) -> f64 {
    Smoother::new(scored).integrated_calibration_index(scored, None, SMOOTH_BINS)
}

/// Lowess at no more than `nodes` of the pooled risks: (risk, smooth observed risk held within 0 and 1).
fn lowess(pooled: &Pooled, nodes: usize) -> Vec<(f64, f64)> {
    let bins = pooled.risk.len();
    let total: f64 = pooled.weight.iter().sum();
    let wanted = (SMOOTH_SPAN * total + 1e-10).floor().max(1.0).min(total);
    let chosen = nodes.clamp(2, bins.max(2));
    let mut fit: Vec<(f64, f64)> = Vec::with_capacity(chosen.min(bins));
    for k in 0..chosen.min(bins) {
        let node = if bins <= chosen { k } else { k * (bins - 1) / (chosen - 1) };
        let x = pooled.risk[node];
        // Grow the window by whichever neighbour is nearer until it holds its share of the rows.
        let (mut low, mut high, mut inside) = (node, node, pooled.weight[node]);
        while inside < wanted && (high + 1 < bins || low > 0) {
            let above = if high + 1 < bins { pooled.risk[high + 1] - x } else { f64::INFINITY };
            let below = if low > 0 { x - pooled.risk[low - 1] } else { f64::INFINITY };
            if above <= below {
                high += 1;
                inside += pooled.weight[high];
            } else {
                low -= 1;
                inside += pooled.weight[low];
            }
        }
        let reach = (x - pooled.risk[low]).max(pooled.risk[high] - x);
        fit.push((x, local_line(pooled, low, high, x, reach)));
    }
    fit
}

/// The weighted local line at `x` over bins `low..=high`.
fn local_line(pooled: &Pooled, low: usize, high: usize, x: f64, reach: f64) -> f64 {
    let (mut s0, mut s1, mut s2, mut t0, mut t1) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for i in low..=high {
        let distance = pooled.risk[i] - x;
        let u = if reach > 0.0 { distance.abs() / reach } else { 0.0 };
        let cubed = 1.0 - u * u * u;
        let w = pooled.weight[i] * if u < 0.999 { cubed * cubed * cubed } else { 0.0 };
        s0 += w;
        s1 += w * distance;
        s2 += w * distance * distance;
        t0 += w * pooled.observed[i];
        t1 += w * distance * pooled.observed[i];
    }
    let determinant = s0 * s2 - s1 * s1;
    let value = if s0 <= 0.0 {
        UNDEFINED
    } else if determinant > 1e-12 * s0 * s2 {
        (s2 * t0 - s1 * t1) / determinant
    } else {
        t0 / s0
    };
    value.clamp(0.0, 1.0)
}

/// Linear interpolation within the nodes; NaN outside.
fn interpolate(fit: &[(f64, f64)], x: f64) -> f64 {
    let above = fit.partition_point(|node| node.0 < x);
    match (above.checked_sub(1).map(|i| fit[i]), fit.get(above)) {
        (_, Some(&(at, value))) if at == x => value,
        (Some((x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        _ => UNDEFINED,
    }
}

#[cfg(test)]
mod tests;
