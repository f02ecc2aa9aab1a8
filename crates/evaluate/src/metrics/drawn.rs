//! The metrics of one bootstrap draw, fast: what a report of thousands of outcomes spends its time on.
//!
//! How often each row counts is gathered once a draw; then every metric is a pass over rows that lie side by side. Two of
//! them need more than a pass. The calibration slope is a Newton fit: rows are kept in bins of nearly equal logit, and a
//! bin stands in with its mean and its spread to second order, so that a step costs as many exponentials as there are
//! bins, not rows; what is neglected is the third power of half a bin's width. The smooth calibration curve is fitted on
//! fewer bins than the sample's. Draws serve intervals alone; a sample's own numbers come from the plain definitions,
//! which the tests here hold these to.

use super::accuracy::Accuracy;
use super::calibration::{Recalibration, Smoother, recalibration_of_draw};
use super::ranking::Ranking;
use super::scored::{Scored, expit};

/// Widest bin, in logits of the recalibrated risk.
const BIN_WIDTH: f64 = 0.05;
/// Bins of the smooth curve within a draw, and the places where it is fitted.
const SMOOTH_BINS: usize = 128;
const NODES: usize = 50;
/// Newton's last step: convergence being quadratic, what is left after it is some 10⁻¹⁰.
const TOLERANCE: f64 = 1e-5;

/// One predictor's rows, ready for draws.
pub(crate) struct Drawer {
    scored: Scored,
    /// Rows of equal risk, and of any risk between two events.
    runs: Vec<Run>,
    /// (p − y)² of each row.
    square: Vec<f64>,
    /// What weights make of it; `None` where every weight is 1.
    weighted: Option<Weighted>,
    /// Rows of nearly equal logit, as the end of each run.
    bins: Vec<u32>,
    smoother: Smoother,
    /// The sample's own recalibration, where a draw's fit begins.
    start: Recalibration,
}

#[derive(Clone, Copy)]
struct Run {
    end: u32,
    has_event: bool,
}

/// Of each row, times its weight.
struct Weighted {
    outcome: Vec<f64>,
    probability: Vec<f64>,
    square: Vec<f64>,
}

/// The metrics of a draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    pub ranking: Ranking,
    pub accuracy: Accuracy,
    /// Σ w (p − y)², for the weighted Brier score.
    pub weighted_squares: f64,
    /// Σ w.
    pub weight: f64,
    /// Observed over expected events.
    pub observed_expected: f64,
}

/// Sums over the rows of a bin, logits being counted from its middle.
#[derive(Clone, Copy, Default)]
struct Bin {
    w: f64,
    mean: f64,
    variance: f64,
    wy: f64,
    wyx: f64,
}

/// How often each row counts in a draw, in the order of the rows.
pub(crate) struct Multiplicities(Vec<u32>);

impl Drawer {
    pub fn new(scored: Scored, start: Recalibration) -> Self {
        let width = BIN_WIDTH / start.slope.abs().max(1.0);
        let width = if width.is_finite() { width } else { BIN_WIDTH };
        let mut bins = Vec::new();
        let mut from = 0;
        for row in 1..=scored.len() {
            if row == scored.len() || scored.logit[from] - scored.logit[row] > width {
                bins.push(row as u32);
                from = row;
            }
        }
        let smoother = Smoother::with_bins(&scored, SMOOTH_BINS);
        let y = |row: usize| f64::from(u8::from(scored.outcome[row]));
        let square: Vec<f64> = (0..scored.len()).map(|i| (scored.probability[i] - y(i)).powi(2)).collect();
        let weighted = scored.weight.iter().any(|w| *w != 1.0).then(|| {
            let times =
                |of: &dyn Fn(usize) -> f64| (0..scored.len()).map(|i| scored.weight[i] * of(i)).collect();
            Weighted {
                outcome: times(&y),
                probability: times(&|i| scored.probability[i]),
                square: times(&|i| square[i]),
            }
        });
        let runs = runs(&scored);
        Drawer { scored, runs, square, weighted, bins, smoother, start }
    }

    /// For ranking and scores alone.
    pub fn for_scores(scored: Scored) -> Self {
        Self::new(scored, Recalibration::UNDEFINED)
    }

    /// How often each row counts, given how often each cluster does.
    pub fn gather(&self, counts: &[u32]) -> Multiplicities {
        Multiplicities(self.scored.cluster.iter().map(|c| counts[*c as usize]).collect())
    }

    /// Ranking, scores and level.
    pub fn scores(&self, rows: &Multiplicities) -> Drawn {
        let ranking = self.ranking(rows);
        let (counted, events) = (ranking.rows as f64, ranking.events as f64);
        let brier = dot(&rows.0, &self.square) / counted;
        let (weight, observed, expected, weighted_squares) = match &self.weighted {
            None => (counted, events, dot(&rows.0, &self.scored.probability), brier * counted),
            Some(of) => (
                dot(&rows.0, &self.scored.weight),
                dot(&rows.0, &of.outcome),
                dot(&rows.0, &of.probability),
                dot(&rows.0, &of.square),
            ),
        };
        let prevalence = events / counted;
        let uninformed = prevalence * (1.0 - prevalence);
        Drawn {
            ranking,
            accuracy: Accuracy {
                brier,
                brier_scaled: if uninformed > 0.0 { 1.0 - brier / uninformed } else { f64::NAN },
                log_loss: dot(&rows.0, &self.scored.log_loss) / counted,
            },
            weighted_squares,
            weight,
            observed_expected: if expected > 0.0 { observed / expected } else { f64::NAN },
        }
    }

    /// [`super::ranking::ranking`] of the draw.
    pub fn ranking(&self, rows: &Multiplicities) -> Ranking {
        let (mut events, mut others, mut concordant2) = (0u64, 0u64, 0u128);
        let mut precision = 0.0;
        let mut start = 0;
        for run in &self.runs {
            let counts = &rows.0[start..run.end as usize];
            let all = u64::from(counts.iter().sum::<u32>());
            if !run.has_event {
                start = run.end as usize;
                concordant2 += u128::from(all) * u128::from(2 * events);
                others += all;
                continue;
            }
            let outcomes = &self.scored.outcome[start..run.end as usize];
            start = run.end as usize;
            let of_events =
                counts.iter().zip(outcomes).map(|(c, y)| u64::from(*c) * u64::from(*y)).sum::<u64>();
            concordant2 += u128::from(all - of_events) * u128::from(2 * events + of_events);
            events += of_events;
            others += all - of_events;
            if of_events > 0 {
                precision += of_events as f64 * (events as f64 / (events + others) as f64);
            }
        }
        let pairs2 = 2.0 * events as f64 * others as f64;
        Ranking {
            auroc: if pairs2 > 0.0 { concordant2 as f64 / pairs2 } else { f64::NAN },
            average_precision: if events > 0 { precision / events as f64 } else { f64::NAN },
            rows: events + others,
            events,
        }
    }

    /// Recalibration, from the sample's on.
    pub fn recalibration(&self, rows: &Multiplicities, counts: &[u32], drawn: &Drawn) -> Recalibration {
        let of_start = (self.start.intercept_beside_slope, self.start.slope, self.start.intercept);
        let fitted = (of_start.0.is_finite() && of_start.1.is_finite() && of_start.2.is_finite())
            .then(|| self.binned(rows))
            .and_then(|bins| {
                let (a, b) = fit_line(&bins, (of_start.0, of_start.1))?;
                Some((a, b, fit_offset(&bins, of_start.2)?))
            });
        match fitted {
            Some((intercept_beside_slope, slope, intercept)) => Recalibration {
                observed_expected: drawn.observed_expected,
                intercept,
                slope,
                intercept_beside_slope,
            },
            // One class, or a solution far from the sample's: the plain fit finds it or finds that there is none.
            None => recalibration_of_draw(&self.scored, Some(counts), Some(&self.start)),
        }
    }

    fn binned(&self, rows: &Multiplicities) -> Vec<Bin> {
        let mut bins = Vec::with_capacity(self.bins.len());
        let mut start = 0;
        for &end in &self.bins {
            let range = start..end as usize;
            start = range.end;
            let middle = (self.scored.logit[range.start] + self.scored.logit[range.end - 1]) / 2.0;
            let (mut w, mut wx, mut wxx, mut wy, mut wyx) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for row in range {
                let weight = f64::from(rows.0[row]) * self.scored.weight[row];
                let x = self.scored.logit[row] - middle;
                let of_event = if self.scored.outcome[row] { weight } else { 0.0 };
                w += weight;
                wx += weight * x;
                wxx += weight * x * x;
                wy += of_event;
                wyx += of_event * x;
            }
            if w > 0.0 {
                let shift = wx / w;
                let variance = (wxx / w - shift * shift).max(0.0);
                bins.push(Bin { w, mean: middle + shift, variance, wy, wyx: wyx + wy * middle });
            }
        }
        bins
    }

    /// Integrated calibration index.
    pub fn integrated_calibration_index(&self, counts: &[u32]) -> f64 {
        self.smoother.integrated_calibration_index(&self.scored, Some(counts), NODES)
    }

    /// The smooth calibration curve at these risks.
    pub fn smooth(&self, counts: &[u32], at: &[f64]) -> Vec<f64> {
        self.smoother.curve(&self.scored, Some(counts), at, NODES)
    }
}

/// Ties are one run; those without an event join until the next event, for they add up alike.
fn runs(scored: &Scored) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut start = 0;
    while start < scored.len() {
        let mut end = start + 1;
        while end < scored.len() && scored.probability[end] == scored.probability[start] {
            end += 1;
        }
        let run = Run { end: end as u32, has_event: scored.outcome[start..end].contains(&true) };
        match runs.last_mut() {
            Some(last) if !last.has_event && !run.has_event => *last = run,
            _ => runs.push(run),
        }
        start = end;
    }
    runs
}

/// Σ counts · values, in four lanes.
fn dot(counts: &[u32], values: &[f64]) -> f64 {
    let (mut lanes, mut rest) = ([0.0; 4], 0.0);
    let (counts4, counts_left) = counts.as_chunks::<4>();
    let (values4, values_left) = values.as_chunks::<4>();
    for (c, v) in counts4.iter().zip(values4) {
        for lane in 0..4 {
            lanes[lane] += f64::from(c[lane]) * v[lane];
        }
    }
    for (c, v) in counts_left.iter().zip(values_left) {
        rest += f64::from(*c) * v;
    }
    lanes.iter().sum::<f64>() + rest
}

/// Solves Σ w (y − expit(a + logit p)) = 0 for a, bin by bin.
fn fit_offset(bins: &[Bin], start: f64) -> Option<f64> {
    let mut a = start;
    for _ in 0..8 {
        let (mut gradient, mut curvature) = (0.0, 0.0);
        for bin in bins {
            let p = expit(a + bin.mean);
            let first = p * (1.0 - p);
            gradient += bin.wy - bin.w * (p + 0.5 * first * (1.0 - 2.0 * p) * bin.variance);
            curvature += bin.w * first;
        }
        let step = gradient / curvature;
        a += step;
        if step.abs() < TOLERANCE * (1.0 + a.abs()) {
            return Some(a);
        }
        if !a.is_finite() || step.abs() > 2.0 {
            return None;
        }
    }
    None
}

/// Intercept and slope of the logistic regression on logit(p), bin by bin.
fn fit_line(bins: &[Bin], start: (f64, f64)) -> Option<(f64, f64)> {
    let (mut a, mut b) = start;
    for _ in 0..8 {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for bin in bins {
            let p = expit(a + b * bin.mean);
            let first = p * (1.0 - p);
            // E p(η) and E x p(η) over the bin, to second order in x − mean.
            let level = p + 0.5 * first * (1.0 - 2.0 * p) * b * b * bin.variance;
            ga += bin.wy - bin.w * level;
            gb += bin.wyx - bin.w * (bin.mean * level + b * bin.variance * first);
            let v = bin.w * first;
            haa += v;
            hab += v * bin.mean;
            hbb += v * (bin.mean * bin.mean + bin.variance);
        }
        let determinant = haa * hbb - hab * hab;
        if determinant <= 1e-10 * haa * hbb || !determinant.is_finite() {
            return None;
        }
        let (step_a, step_b) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        a += step_a;
        b += step_b;
        if step_a.abs() < TOLERANCE * (1.0 + a.abs()) && step_b.abs() < TOLERANCE * (1.0 + b.abs()) {
            return Some((a, b));
        }
        if !(a.is_finite() && b.is_finite()) || step_b.abs() > 2.0 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::Bootstrap;
    use crate::metrics::accuracy::accuracy_of_draw;
    use crate::metrics::calibration::recalibration;
    use crate::metrics::ranking::ranking;
    use crate::metrics::{Row, logit};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    /// Rows of which the risk is wrong by a slope and an intercept, two a subject, with weights if wanted.
    fn rows(n: u32, slope: f64, weighted: bool, seed: u64) -> Scored {
        let mut rng = StdRng::seed_from_u64(seed);
        Scored::new((0..n).map(|i| {
            let risk: f64 = expit(-2.0 + 3.0 * (rng.random::<f64>() - 0.5));
            let truth = expit(0.3 + slope * logit(risk));
            Row {
                probability: risk,
                outcome: rng.random::<f64>() < truth,
                weight: if weighted { 1.0 + rng.random::<f64>() } else { 1.0 },
                cluster: i / 2,
            }
        }))
        .unwrap()
    }

    fn near(a: f64, b: f64, within: f64) -> bool {
        (a.is_nan() && b.is_nan()) || (a - b).abs() <= within * (1.0 + b.abs())
    }

    fn agrees(scored: &Scored, counts: &[u32]) -> Result<(), String> {
        let drawer = Drawer::new(scored.clone(), recalibration(scored));
        let gathered = drawer.gather(counts);
        let drawn = drawer.scores(&gathered);
        let plain = ranking(scored, Some(counts));
        let accuracy = accuracy_of_draw(scored, Some(counts));
        let line = recalibration_of_draw(scored, Some(counts), None);
        let ours = drawer.recalibration(&gathered, counts, &drawn);
        for (what, a, b, within) in [
            ("auroc", drawn.ranking.auroc, plain.auroc, 0.0),
            ("average precision", drawn.ranking.average_precision, plain.average_precision, 1e-12),
            ("brier", drawn.accuracy.brier, accuracy.brier, 1e-12),
            ("scaled", drawn.accuracy.brier_scaled, accuracy.brier_scaled, 1e-9),
            ("log loss", drawn.accuracy.log_loss, accuracy.log_loss, 1e-12),
            ("O:E", ours.observed_expected, line.observed_expected, 1e-12),
            ("intercept", ours.intercept, line.intercept, 3e-5),
            ("slope", ours.slope, line.slope, 3e-5),
            ("beside", ours.intercept_beside_slope, line.intercept_beside_slope, 3e-5),
        ] {
            if !near(a, b, within) {
                return Err(format!("{what}: {a} for {b}"));
            }
        }
        Ok(())
    }

    #[test]
    fn draws_of_ordinary_sets_are_the_plain_ones() {
        for (slope, weighted) in [(1.0, false), (0.4, true), (6.0, false)] {
            let scored = rows(3000, slope, weighted, 5);
            let bootstrap = Bootstrap { draws: 20, seed: 3, confidence: 0.95 };
            for outcome in bootstrap.replicate(1500, |counts| agrees(&scored, counts)) {
                outcome.unwrap();
            }
        }
    }

    #[test]
    fn the_smooth_curve_on_fewer_bins_is_within_a_thousandth() {
        let scored = rows(10_000, 0.6, false, 9);
        let exact = Smoother::new(&scored);
        let drawer = Drawer::new(scored.clone(), recalibration(&scored));
        let bootstrap = Bootstrap { draws: 10, seed: 3, confidence: 0.95 };
        let pairs = bootstrap.replicate(5000, |counts| {
            let all = exact.integrated_calibration_index(&scored, Some(counts), usize::MAX);
            (all, drawer.integrated_calibration_index(counts))
        });
        for (all, few) in pairs {
            assert!((all - few).abs() < 1e-3, "{few} for {all}");
        }
    }

    /// The solution lies where risks are nearly certain and the likelihood is flat on one side: steps of Newton's leap to and fro.
    #[test]
    fn an_event_among_people_without_risk_has_a_level() {
        let made = [(0.8, true, 2.0), (0.0, false, 2.0), (0.0, false, 1.0)];
        let rows = made.iter().zip(0..);
        let scored = Scored::new(rows.map(|((probability, outcome, weight), cluster)| Row {
            probability: *probability,
            outcome: *outcome,
            weight: *weight,
            cluster,
        }))
        .unwrap();
        assert!(recalibration(&scored).intercept.is_finite());
        for counts in [[1, 1, 1], [1, 0, 2], [3, 1, 0]] {
            assert_eq!(agrees(&scored, &counts), Ok(()));
        }
    }

    proptest! {
        /// Ties, one class, certain risks, perfect separation, subjects drawn often or not at all.
        #[test]
        fn awkward_draws_are_the_plain_ones(
            made in prop::collection::vec((0u8..=10, any::<bool>(), 0u32..4, 1u8..3), 1..60),
        ) {
            let scored = Scored::new(made.iter().enumerate().map(|(i, r)| Row {
                probability: f64::from(r.0) / 10.0, outcome: r.1, weight: f64::from(r.3), cluster: i as u32,
            })).unwrap();
            let counts: Vec<u32> = made.iter().map(|r| r.2).collect();
            prop_assert_eq!(agrees(&scored, &counts), Ok(()));
        }
    }
}
