//! Performance in time: who comes first, and over several horizons at once.

use super::measure::estimate;
use super::options::Options;
use super::outcome::Estimate;
use super::task::Rows;
use crate::bootstrap::clusters;
use crate::metrics::Scored;
use crate::metrics::censoring::{FollowUp, weights_for_all};
use crate::metrics::scored::Counts;
use crate::metrics::survival::{Timed, dynamic_auc_of_draw, integrated};
use events::{Prediction, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Ranking in time, censoring allowed for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimedPerformance {
    /// Cumulative/dynamic AUC at the horizon, weighted by the inverse probability of being uncensored.
    pub dynamic_auc: Estimate,
    /// Harrell's C up to the horizon.
    pub harrell_c: Estimate,
    /// Uno's C up to the horizon.
    pub uno_c: Estimate,
}

/// The Brier score over several horizons of one outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntegratedBrier {
    /// The task.
    pub task: String,
    /// What it is called.
    pub name: String,
    /// The horizons, rising.
    pub horizons_days: Vec<f32>,
    /// Predictions that have a risk at every one of them.
    pub rows: usize,
    /// The weighted Brier score integrated over the horizons, over their span.
    pub brier: Estimate,
    /// The same of the baseline, where every row has it.
    pub baseline: Option<Estimate>,
}

fn follow_up(p: &Prediction) -> Option<FollowUp> {
    Some(FollowUp { outcome: p.boolean_value, observed_days: f64::from(p.observed_days?) })
}

pub(super) fn timed(
    rows: &Rows,
    model: &Scored,
    horizon_days: f32,
    options: &Options,
) -> Option<TimedPerformance> {
    let known: Vec<FollowUp> = rows.predictions.iter().map(|p| follow_up(p)).collect::<Option<_>>()?;
    if horizon_days <= 0.0 {
        return None;
    }
    let risks: Vec<f64> = rows.predictions.iter().map(|p| p.predicted_boolean_probability).collect();
    let timed = Timed::new(&risks, &known, &rows.cluster, f64::from(horizon_days));
    let all = |counts: Counts| {
        let c = timed.concordance_of_draw(counts);
        [dynamic_auc_of_draw(model, counts), c.harrell, c.uno]
    };
    let sample = all(None);
    let draws = options.bootstrap.replicate(rows.clusters, |counts| all(Some(counts)));
    let of = |k: usize| {
        let mut made = estimate(sample[k], draws.iter().map(|d| d[k]), &options.bootstrap);
        if made.value.is_none() {
            made.reason = Some("no two rows can be compared".to_owned());
        }
        made
    };
    Some(TimedPerformance { dynamic_auc: of(0), harrell_c: of(1), uno_c: of(2) })
}

/// The integrated Brier score of every task with two measured horizons or more, over predictions that have all of them.
pub(super) fn integrated_brier<'a>(
    measured: impl Iterator<Item = &'a (&'a str, f32, Vec<&'a Prediction>)>,
    options: &Options,
) -> Vec<IntegratedBrier> {
    let mut by_task: BTreeMap<&str, Vec<(f32, &Vec<&Prediction>)>> = BTreeMap::new();
    for (task, horizon, rows) in measured.filter(|g| g.1 > 0.0) {
        by_task.entry(task).or_default().push((*horizon, rows));
    }
    by_task.into_iter().filter_map(|(task, horizons)| of_task(task, &horizons, options)).collect()
}

/// One prediction time of one subject, at every horizon.
#[derive(Default)]
struct Joint<'a> {
    at: Vec<&'a Prediction>,
}

fn of_task(task: &str, horizons: &[(f32, &Vec<&Prediction>)], options: &Options) -> Option<IntegratedBrier> {
    if horizons.len() < 2 {
        return None;
    }
    let mut horizons = horizons.to_vec();
    horizons.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joint: BTreeMap<(i64, Time), Joint> = BTreeMap::new();
    for (k, (_, rows)) in horizons.iter().enumerate() {
        for p in *rows {
            let entry = joint.entry((p.subject_id, p.prediction_time)).or_default();
            // Only the first prediction of a moment, and only those that had all shorter horizons.
            if entry.at.len() == k {
                entry.at.push(p);
            }
        }
    }
    joint.retain(|_, j| j.at.len() == horizons.len());
    // Together they may be fewer than at each horizon.
    let people = |k: usize, outcome: bool| {
        let of = joint.iter().filter(|(_, j)| j.at[k].boolean_value == Some(outcome));
        of.map(|(key, _)| key.0).collect::<BTreeSet<i64>>().len()
    };
    let is_scarce = |k: usize| people(k, true).min(people(k, false)) < options.min_events;
    if joint.is_empty() || (0..horizons.len()).any(is_scarce) {
        return None;
    }
    let days: Vec<f64> = horizons.iter().map(|h| f64::from(h.0)).collect();
    // weights[k][i]: of row i at horizon k.
    let weights: Vec<Vec<f64>> = (0..days.len())
        .map(|k| {
            let known: Vec<FollowUp> = joint.values().map(|j| follow_up(j.at[k])).collect::<Option<_>>()?;
            weights_for_all(&known, days[k])
        })
        .collect::<Option<_>>()?;
    let (cluster, n) = clusters(joint.keys().map(|key| key.0));
    let loss = |of: &dyn Fn(&Prediction) -> Option<f64>| -> Option<Vec<f64>> {
        joint
            .values()
            .enumerate()
            .map(|(i, j)| {
                let losses: Vec<f64> =
                    j.at.iter()
                        .enumerate()
                        .map(|(k, p)| {
                            let error = of(p)? - f64::from(u8::from(p.boolean_value == Some(true)));
                            Some(weights[k][i] * error * error)
                        })
                        .collect::<Option<_>>()?;
                Some(integrated(&days, &losses))
            })
            .collect()
    };
    let mean = |losses: &[f64]| {
        let of = |counts: Option<&[u32]>| {
            let (mut sum, mut rows) = (0.0, 0.0);
            for (loss, &c) in losses.iter().zip(&cluster) {
                let count = counts.map_or(1.0, |counts| f64::from(counts[c as usize]));
                sum += count * loss;
                rows += count;
            }
            sum / rows
        };
        estimate(of(None), options.bootstrap.replicate(n, |counts| of(Some(counts))), &options.bootstrap)
    };
    Some(IntegratedBrier {
        task: task.to_owned(),
        name: options.about.name_of(task).to_owned(),
        horizons_days: horizons.iter().map(|h| h.0).collect(),
        rows: joint.len(),
        brier: mean(&loss(&|p| Some(p.predicted_boolean_probability))?),
        baseline: loss(&|p| p.baseline_probability).map(|l| mean(&l)),
    })
}
