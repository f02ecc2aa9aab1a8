//! All metrics of one predictor, on the sample and on each draw.

use super::outcome::{Difference, Estimate, Performance};
use crate::bootstrap::Bootstrap;
use crate::metrics::Scored;
use crate::metrics::accuracy::accuracy;
use crate::metrics::calibration::{Recalibration, Smoother, recalibration};
use crate::metrics::censoring::UNWATCHED;
use crate::metrics::drawn::Drawer;
use crate::metrics::ranking::ranking;

/// One value per metric; NaN where undefined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub auroc: f64,
    pub average_precision: f64,
    pub brier: f64,
    pub brier_scaled: f64,
    pub brier_ipcw: f64,
    pub log_loss: f64,
    pub recalibration: Recalibration,
    pub integrated_calibration_index: f64,
}

/// One predictor on the rows of one task.
pub(super) struct Predictor {
    pub scored: Scored,
    smoother: Smoother,
    drawer: Drawer,
    /// Rows per cluster, those with an unknown outcome among them: the denominator of the weighted Brier score.
    rows_of_cluster: Vec<u32>,
    pub values: Values,
}

impl Predictor {
    pub fn new(scored: Scored, rows_of_cluster: Vec<u32>) -> Self {
        let smoother = Smoother::new(&scored);
        let values = values(&scored, &smoother, &rows_of_cluster);
        let drawer = Drawer::new(scored.clone(), values.recalibration);
        Predictor { scored, smoother, drawer, rows_of_cluster, values }
    }

    pub fn draw(&self, counts: &[u32]) -> Values {
        let gathered = self.drawer.gather(counts);
        let drawn = self.drawer.scores(&gathered);
        let rows = self.rows_of_cluster.iter().zip(counts).map(|(&r, &c)| u64::from(r) * u64::from(c)).sum();
        Values {
            auroc: drawn.ranking.auroc,
            average_precision: drawn.ranking.average_precision,
            brier: drawn.accuracy.brier,
            brier_scaled: drawn.accuracy.brier_scaled,
            brier_ipcw: brier_ipcw(drawn.weighted_squares, drawn.weight, rows),
            log_loss: drawn.accuracy.log_loss,
            recalibration: self.drawer.recalibration(&gathered, counts, &drawn),
            integrated_calibration_index: self.drawer.integrated_calibration_index(counts),
        }
    }

    /// The smooth calibration curve of the sample at these risks.
    pub fn smooth(&self, at: &[f64]) -> Vec<f64> {
        self.smoother.curve(&self.scored, None, at, usize::MAX)
    }

    /// The smooth calibration curve of a draw at these risks.
    pub fn smooth_of_draw(&self, counts: &[u32], at: &[f64]) -> Vec<f64> {
        self.drawer.smooth(counts, at)
    }

    /// Sample values with the intervals of the draws.
    pub fn performance(&self, draws: &[&Values], bootstrap: &Bootstrap) -> Performance {
        let estimate =
            |of: fn(&Values) -> f64| estimate(of(&self.values), draws.iter().map(|v| of(v)), bootstrap);
        let mut performance = Performance {
            auroc: estimate(|v| v.auroc),
            average_precision: estimate(|v| v.average_precision),
            brier: estimate(|v| v.brier),
            brier_scaled: estimate(|v| v.brier_scaled),
            brier_ipcw: estimate(|v| v.brier_ipcw),
            log_loss: estimate(|v| v.log_loss),
            observed_expected: estimate(|v| v.recalibration.observed_expected),
            calibration_intercept: estimate(|v| v.recalibration.intercept),
            calibration_slope: estimate(|v| v.recalibration.slope),
            recalibration_intercept: estimate(|v| v.recalibration.intercept_beside_slope),
            integrated_calibration_index: estimate(|v| v.integrated_calibration_index),
        };
        self.give_reasons(&mut performance);
        performance
    }

    fn give_reasons(&self, p: &mut Performance) {
        let events = self.scored.events();
        let one_class = if self.scored.is_empty() {
            "no row has a known outcome"
        } else if events == 0 {
            "no event among the rows"
        } else if events == self.scored.len() {
            "every row has the event"
        } else {
            ""
        };
        let or = |reason: &'static str| if one_class.is_empty() { reason } else { one_class };
        let weighted = |reason: &'static str| if self.scored.is_unwatched() { UNWATCHED } else { or(reason) };
        let slope = weighted("the risks are all equal, or separate events from non-events perfectly");
        for (estimate, reason) in [
            (&mut p.auroc, or("undefined")),
            (&mut p.average_precision, or("undefined")),
            (&mut p.brier, or("undefined")),
            (&mut p.brier_scaled, or("undefined")),
            (
                &mut p.brier_ipcw,
                weighted("nobody is observed up to the horizon, or observed times are missing"),
            ),
            (&mut p.log_loss, or("undefined")),
            (&mut p.observed_expected, weighted("all risks are 0")),
            (&mut p.calibration_intercept, weighted("no finite solution")),
            (&mut p.calibration_slope, slope),
            (&mut p.recalibration_intercept, slope),
            (&mut p.integrated_calibration_index, weighted("all risks are equal")),
        ] {
            if estimate.value.is_none() {
                estimate.reason = Some(reason.to_owned());
            }
        }
    }
}

/// Model minus baseline, draw by draw.
pub(super) fn difference(
    model: (&Values, &[&Values]),
    baseline: (&Values, &[&Values]),
    bootstrap: &Bootstrap,
) -> Difference {
    let of = |metric: fn(&Values) -> f64| {
        let draws = model.1.iter().zip(baseline.1).map(|(m, b)| metric(m) - metric(b));
        estimate(metric(model.0) - metric(baseline.0), draws, bootstrap)
    };
    Difference {
        auroc: of(|v| v.auroc),
        average_precision: of(|v| v.average_precision),
        brier: of(|v| v.brier),
    }
}

/// A value with the interval of its draws; both absent when it is undefined.
pub(crate) fn estimate(value: f64, draws: impl IntoIterator<Item = f64>, bootstrap: &Bootstrap) -> Estimate {
    if !value.is_finite() {
        return Estimate::default();
    }
    let interval = bootstrap.interval(draws);
    Estimate {
        value: Some(value),
        low: interval.bounds.map(|b| b.0),
        high: interval.bounds.map(|b| b.1),
        undefined_draws: interval.undefined_draws,
        reason: None,
    }
}

fn values(scored: &Scored, smoother: &Smoother, rows_of_cluster: &[u32]) -> Values {
    let (ranking, accuracy) = (ranking(scored, None), accuracy(scored));
    let (mut squares, mut weight) = (0.0, 0.0);
    for i in 0..scored.len() {
        let error = scored.probability[i] - f64::from(u8::from(scored.outcome[i]));
        squares += scored.weight[i] * error * error;
        weight += scored.weight[i];
    }
    let rows = rows_of_cluster.iter().map(|&r| u64::from(r)).sum();
    Values {
        auroc: ranking.auroc,
        average_precision: ranking.average_precision,
        brier: accuracy.brier,
        brier_scaled: accuracy.brier_scaled,
        brier_ipcw: brier_ipcw(squares, weight, rows),
        log_loss: accuracy.log_loss,
        recalibration: recalibration(scored),
        integrated_calibration_index: smoother.integrated_calibration_index(scored, None, usize::MAX),
    }
}

/// Σ w (p − y)² over the number of rows, censored ones among them (Graf et al. 1999).
fn brier_ipcw(weighted_squares: f64, weight: f64, rows: u64) -> f64 {
    if weight > 0.0 { weighted_squares / rows as f64 } else { f64::NAN }
}
