//! One task at one horizon.

use super::fairness::fairness;
use super::measure::{Predictor, Values, difference, estimate};
use super::operating::{flagged_rows, points};
use super::options::Options;
use super::outcome::{Comparison, Curves, Histogram, SmoothPoint, TaskReport, Unmeasured};
use super::peer::{altered, beside};
use super::recalibrated::recalibrated;
use super::subgroups::subgroups;
use super::timed::timed;
use crate::bootstrap::clusters;
use crate::error::{Error, Result};
use crate::metrics::cells::{Borders, flagged_at};
use crate::metrics::censoring::{FollowUp, UNWATCHED, weights_for_all};
use crate::metrics::delong::delong;
use crate::metrics::{Row, Scored, calibration, ranking, utility};
use events::Prediction;

/// Points kept of ROC and precision–recall curves.
const CURVE_POINTS: usize = 200;
/// Groups of risk in the calibration plot.
const CALIBRATION_GROUPS: usize = 10;
/// Points of the smooth calibration curve.
const SMOOTH_POINTS: usize = 41;
/// Points of the decision curve, about.
const DECISION_POINTS: usize = 50;
/// Bars of the histogram of risks.
const HISTOGRAM_BINS: usize = 40;

/// A task that was measured, or why it wasn't.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskOutcome {
    /// Measured.
    Measured(Box<TaskReport>),
    /// Too few events or non-events.
    Unmeasured(Unmeasured),
}

/// Rows of one task, checked, with clusters and censoring weights.
pub(super) struct Rows<'a> {
    pub predictions: Vec<&'a Prediction>,
    pub cluster: Vec<u32>,
    pub clusters: usize,
    /// By row; 0 throughout where they would not stand for everybody ([`weights_for_all`]).
    pub weight: Vec<f64>,
    /// What is known of each by the horizon; where that makes the weights.
    follow_up: Option<(Vec<FollowUp>, f64)>,
    pub has_baseline: bool,
}

impl Rows<'_> {
    /// The rows with a known outcome, scored by the model or the baseline.
    pub fn scored(&self, baseline: bool) -> Result<Scored> {
        self.scored_where(baseline, |_| true)
    }

    /// The same of the rows selected by number.
    pub fn scored_where(&self, baseline: bool, keep: impl Fn(usize) -> bool) -> Result<Scored> {
        self.weighted(baseline, &self.weight, keep)
    }

    /// The same of a group, weighted by their own follow-up: a group may be watched for longer than
    /// another, and who is known of it stands for its own people alone.
    pub fn scored_within(&self, baseline: bool, keep: impl Fn(usize) -> bool) -> Result<Scored> {
        let Some((follow_up, horizon_days)) = &self.follow_up else {
            return self.weighted(baseline, &self.weight, keep);
        };
        let places: Vec<usize> = (0..follow_up.len()).filter(|i| keep(*i)).collect();
        let own: Vec<FollowUp> = places.iter().map(|i| follow_up[*i]).collect();
        let mut weight = vec![0.0; follow_up.len()];
        for (i, w) in places.iter().zip(weights_for_all(&own, *horizon_days).unwrap_or_default()) {
            weight[*i] = w;
        }
        self.weighted(baseline, &weight, keep)
    }

    fn weighted(&self, baseline: bool, weight: &[f64], keep: impl Fn(usize) -> bool) -> Result<Scored> {
        Scored::new(self.predictions.iter().enumerate().filter(|(i, _)| keep(*i)).filter_map(|(i, p)| {
            Some(Row {
                probability: if baseline { p.baseline_probability? } else { p.predicted_boolean_probability },
                outcome: p.boolean_value?,
                weight: weight[i],
                cluster: self.cluster[i],
            })
        }))
    }

    /// How many rows each cluster has, unknown outcomes among them.
    pub fn rows_of_cluster(&self, keep: impl Fn(&Prediction) -> bool) -> Vec<u32> {
        let mut rows = vec![0; self.clusters];
        for (p, &cluster) in self.predictions.iter().zip(&self.cluster) {
            rows[cluster as usize] += u32::from(keep(p));
        }
        rows
    }
}

/// Measures the rows of one task and horizon. `detailed` adds what plots are drawn from.
pub fn evaluate_task(
    task: &str,
    horizon_days: f32,
    predictions: &[&Prediction],
    detailed: bool,
    options: &Options,
) -> Result<TaskOutcome> {
    options.validate()?;
    check(task, predictions)?;
    // Order must not matter: draws are of subjects by number.
    let mut predictions = predictions.to_vec();
    predictions.sort_by(|a, b| {
        (a.subject_id, a.prediction_time)
            .cmp(&(b.subject_id, b.prediction_time))
            .then(a.predicted_boolean_probability.total_cmp(&b.predicted_boolean_probability))
            .then(a.boolean_value.cmp(&b.boolean_value))
    });
    let known = predictions.iter().filter(|p| p.boolean_value.is_some()).count();
    let events = predictions.iter().filter(|p| p.boolean_value == Some(true)).count();
    let name = options.about.name_of(task).to_owned();
    let censored = predictions.len() - known;
    let (weight, follow_up, notes) = censoring(&predictions, horizon_days, censored);
    let censoring_weighted = follow_up.is_some();
    let (cluster, clusters) = clusters(predictions.iter().map(|p| p.subject_id));
    let has_baseline = predictions.iter().all(|p| p.baseline_probability.is_some());
    let rows = Rows { predictions, cluster, clusters, weight, follow_up, has_baseline };
    let scored = rows.scored(false)?;
    let (with, without) = scored.subjects();
    if with < options.min_events || without < options.min_events {
        let scarce = match (with < options.min_events, events == with) {
            (true, true) => "events",
            (true, false) => "subjects with an event",
            (false, _) => "subjects known to be without the event",
        };
        let reason = format!("fewer than {} {scarce}", options.min_events);
        return Ok(TaskOutcome::Unmeasured(Unmeasured { task: task.to_owned(), name, horizon_days, reason }));
    }

    let model = Predictor::new(scored, rows.rows_of_cluster(|_| true));
    let baseline = if has_baseline {
        Some(Predictor::new(rows.scored(true)?, rows.rows_of_cluster(|_| true)))
    } else {
        None
    };
    let at = if detailed { smooth_risks(&model.scored) } else { vec![] };
    let bootstrap = &options.bootstrap;
    let draws = bootstrap.replicate(clusters, |counts| {
        let smooth = if detailed { model.smooth_of_draw(counts, &at) } else { vec![] };
        (model.draw(counts), baseline.as_ref().map(|b| b.draw(counts)), smooth)
    });
    let model_draws: Vec<&Values> = draws.iter().map(|d| &d.0).collect();
    let baseline_draws: Vec<&Values> = draws.iter().filter_map(|d| d.1.as_ref()).collect();
    let comparison = match &baseline {
        None => None,
        Some(baseline) => Some(Comparison {
            baseline: baseline.performance(&baseline_draws, bootstrap),
            difference: difference(
                (&model.values, &model_draws),
                (&baseline.values, &baseline_draws),
                bootstrap,
            ),
            delong: compare(&rows)?,
        }),
    };
    let curves = detailed.then(|| {
        let smooth: Vec<&[f64]> = draws.iter().map(|d| d.2.as_slice()).collect();
        curves(&model, baseline.as_ref(), &at, &smooth, options)
    });
    let weights: f64 = model.scored.weight.iter().sum();
    let weighted_events: f64 =
        model.scored.weight.iter().zip(&model.scored.outcome).map(|(w, &y)| if y { *w } else { 0.0 }).sum();
    Ok(TaskOutcome::Measured(Box::new(TaskReport {
        task: task.to_owned(),
        name,
        horizon_days,
        rows: rows.predictions.len(),
        subjects: clusters,
        censored,
        events,
        prevalence: (known > 0).then(|| events as f64 / known as f64),
        observed_risk: (weights > 0.0).then(|| weighted_events / weights),
        censoring_weighted,
        notes,
        model: model.performance(&model_draws, bootstrap),
        comparison,
        beside: beside(&rows, task, horizon_days, options)?,
        altered: match detailed {
            true => altered(&rows, task, horizon_days, options)?
                .into_iter()
                .map(|(alteration, beside)| (alteration.name().to_owned(), beside))
                .collect(),
            false => Default::default(),
        },
        subgroups: subgroups(&rows, options)?,
        timed: if detailed { timed(&rows, &model.scored, horizon_days, options) } else { None },
        operating: if detailed { points(&rows, &model.scored, horizon_days, options) } else { vec![] },
        recalibrated: if detailed { recalibrated(&rows, options)? } else { vec![] },
        fairness: if detailed { Some(fairness(&rows, &model.scored, options)?) } else { None },
        curves,
    })))
}

fn check(task: &str, predictions: &[&Prediction]) -> Result<()> {
    for (row, p) in predictions.iter().enumerate() {
        let not_a_probability = |column| Error::NotAProbability { task: task.to_owned(), row, column };
        if !(0.0..=1.0).contains(&p.predicted_boolean_probability) {
            return Err(not_a_probability("probability"));
        }
        if p.baseline_probability.is_some_and(|b| !(0.0..=1.0).contains(&b)) {
            return Err(not_a_probability("baseline probability"));
        }
        if p.observed_days.is_some_and(|d| !(d.is_finite() && d >= 0.0)) {
            return Err(Error::NotADuration { task: task.to_owned(), row });
        }
    }
    Ok(())
}

/// Weights, what they were made from if they do anything, and what to tell the reader.
#[expect(clippy::type_complexity, reason = "three parts of one answer")]
fn censoring(
    predictions: &[&Prediction],
    horizon_days: f32,
    censored: usize,
) -> (Vec<f64>, Option<(Vec<FollowUp>, f64)>, Vec<String>) {
    let unweighted = vec![1.0; predictions.len()];
    if censored == 0 {
        return (unweighted, None, vec![]);
    }
    let follow_up: Option<Vec<FollowUp>> = predictions
        .iter()
        .map(|p| Some(FollowUp { outcome: p.boolean_value, observed_days: f64::from(p.observed_days?) }))
        .collect();
    let Some(follow_up) = follow_up.filter(|_| horizon_days > 0.0) else {
        let note = format!(
            "{censored} rows have no known outcome and no usable time of observation; they are left out of every \
             number, as if they were like the others."
        );
        return (unweighted, None, vec![note]);
    };
    let horizon_days = f64::from(horizon_days);
    let Some(weights) = weights_for_all(&follow_up, horizon_days) else {
        let note = format!(
            "{censored} rows were censored before the horizon, and {UNWATCHED}. AUROC, AUPRC, Brier score and log loss leave \
             the censored out; O:E, calibration, net benefit, the weighted Brier score and an observed risk can't be had. A \
             shorter horizon can be measured."
        );
        return (vec![0.0; predictions.len()], Some((follow_up, horizon_days)), vec![note]);
    };
    let note = format!(
        "{censored} rows were censored before the horizon. AUROC, AUPRC, Brier score and log loss leave them out; \
         O:E, calibration, net benefit and the weighted Brier score weight the others by the inverse probability of \
         being uncensored, so that they stand for all; groups are weighted by their own follow-up, and their Brier scores in the \
         comparison of groups are weighted too. That holds as far as those who leave early, of all or of a group, are like those who stay."
    );
    (weights, Some((follow_up, horizon_days)), vec![note])
}

fn compare(rows: &Rows) -> Result<Option<crate::metrics::delong::DeLong>> {
    let (mut model, mut baseline, mut outcomes) = (vec![], vec![], vec![]);
    for p in &rows.predictions {
        if let (Some(outcome), Some(b)) = (p.boolean_value, p.baseline_probability) {
            model.push(p.predicted_boolean_probability);
            baseline.push(b);
            outcomes.push(outcome);
        }
    }
    delong(&model, &baseline, &outcomes)
}

/// Risks at which the smooth curve is drawn: quantiles and an even grid, within the middle 98 % of the rows.
fn smooth_risks(scored: &Scored) -> Vec<f64> {
    let rising: Vec<f64> = scored.probability.iter().rev().copied().collect();
    let (low, high) = (crate::bootstrap::quantile(&rising, 0.01), crate::bootstrap::quantile(&rising, 0.99));
    let half = SMOOTH_POINTS / 2;
    let mut at: Vec<f64> = (0..=half)
        .flat_map(|k| {
            let share = k as f64 / half as f64;
            [low + (high - low) * share, crate::bootstrap::quantile(&rising, 0.01 + 0.98 * share)]
        })
        .collect();
    at.sort_unstable_by(f64::total_cmp);
    at.dedup();
    at
}

fn curves(
    model: &Predictor,
    baseline: Option<&Predictor>,
    at: &[f64],
    draws: &[&[f64]],
    options: &Options,
) -> Curves {
    let smooth = model
        .smooth(at)
        .into_iter()
        .enumerate()
        .filter(|(_, observed)| observed.is_finite())
        .map(|(i, observed)| {
            let band = estimate(observed, draws.iter().map(|d| d[i]), &options.bootstrap);
            SmoothPoint { predicted: at[i], observed, low: band.low, high: band.high }
        })
        .collect();
    // What came of a few could be reckoned from any of these at two thresholds, so all of one predictor keep to the same ones.
    let (bins, top) = bins(&model.scored);
    let edges = (1..HISTOGRAM_BINS).rev().map(|bin| bins.partition_point(|b| *b >= bin));
    let first: Vec<usize> = flagged_rows(&model.scored, options).into_iter().chain(edges).collect();
    let borders = Borders::of(&model.scored, options.small_cell, &first);
    let of_baseline = baseline.map(|b| {
        let first: Vec<usize> = options.thresholds.iter().map(|t| flagged_at(&b.scored, *t)).collect();
        Borders::of(&b.scored, options.small_cell, &first)
    });
    let curve = |scored: &Scored, borders: &Borders| {
        let mut points = ranking::curve(scored);
        points.retain(|point| borders.is_told(point.threshold));
        ranking::thin(&points, CURVE_POINTS)
    };
    let decision = |scored: &Scored, borders: &Borders| {
        let thresholds = match options.thresholds.is_empty() {
            true => decision_thresholds(scored, borders),
            false => options.thresholds.clone(),
        };
        let mut points = utility::decision_curve(scored, &thresholds);
        points.retain(|point| borders.is_told(point.threshold));
        points
    };
    let is_border = |rows: usize| borders.is_told_of(rows);
    Curves {
        model: curve(&model.scored, &borders),
        baseline: baseline
            .zip(of_baseline.as_ref())
            .map(|(b, told)| curve(&b.scored, told))
            .unwrap_or_default(),
        calibration: calibration::groups_between(
            &model.scored,
            CALIBRATION_GROUPS,
            options.bootstrap.confidence,
            is_border,
        ),
        smooth,
        histogram: histogram(&model.scored, (bins.as_slice(), top), is_border),
        decision: decision(&model.scored, &borders),
        baseline_decision: baseline
            .zip(of_baseline.as_ref())
            .map(|(b, told)| decision(&b.scored, told))
            .unwrap_or_default(),
    }
}

/// The thresholds that may be told, up to the risk of the highest hundredth; with everybody.
fn decision_thresholds(scored: &Scored, borders: &Borders) -> Vec<f64> {
    let top = 0.999f64.min(scored.probability.get(scored.len() / 100).copied().unwrap_or(0.0));
    let mut at: Vec<f64> = borders.thresholds().filter(|t| *t <= top).collect();
    at.reverse();
    let step = at.len().div_ceil(DECISION_POINTS).max(1);
    std::iter::once(0.0).chain(at.into_iter().step_by(step)).collect()
}

/// In which bin of the histogram each row lies, and the upper end of the last.
fn bins(scored: &Scored) -> (Vec<usize>, f64) {
    let top = scored.probability.get(scored.len() / 200).copied().unwrap_or(1.0).max(1e-9);
    let bin = |p: &f64| ((p / top * HISTOGRAM_BINS as f64) as usize).min(HISTOGRAM_BINS - 1);
    (scored.probability.iter().map(bin).collect(), top)
}

/// Shares by risk. Where a bin's lower end is no border that may be told, its rows stand in the next bin below, so that those of any run
/// of bins are never a few.
fn histogram(scored: &Scored, (bins, top): (&[usize], f64), is_border: impl Fn(usize) -> bool) -> Histogram {
    let mut made = Histogram { top, events: vec![0.0; HISTOGRAM_BINS], others: vec![0.0; HISTOGRAM_BINS] };
    let share = 1.0 / scored.len().max(1) as f64;
    let mut from = 0;
    for bin in (0..HISTOGRAM_BINS).rev() {
        let to = bins.partition_point(|b| *b >= bin);
        if bin > 0 && !is_border(to) {
            continue;
        }
        for &outcome in &scored.outcome[from..to] {
            if outcome {
                made.events[bin] += share;
            } else {
                made.others[bin] += share;
            }
        }
        from = to;
    }
    made
}
