//! What acting at a threshold would mean on the ward: who is found, how early, and how many alerts that takes. Where what came of the
//! flagged would tell of fewer subjects than the smallest cell, it isn't said.

use super::fairness;
use super::measure::estimate;
use super::options::Options;
use super::outcome::Estimate;
use super::task::Rows;
use crate::metrics::Scored;
use crate::metrics::cells::{Borders, Cells, flagged_at, is_few};
use crate::metrics::censoring::UNWATCHED;
use crate::metrics::scored::Counts;
use crate::metrics::share::jeffreys;
use events::MICROS_PER_DAY;
use serde::{Deserialize, Serialize};

/// Shares of the predictions that the thresholds flag when none are given.
const SHARES: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];

/// One threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// Flag at or above this risk.
    pub threshold: f64,
    /// Predictions flagged, of all.
    pub flagged: usize,
    /// Predictions flagged whose outcome came true; `None` where a small count could be told from it.
    pub true_positives: Option<usize>,
    /// Share of predictions flagged.
    pub flagged_share: Estimate,
    /// Share of events that are flagged.
    pub sensitivity: Estimate,
    /// Share of non-events that are not.
    pub specificity: Estimate,
    /// Share of the flagged that are events.
    pub positive_predictive_value: Estimate,
    /// Share of the others that are not.
    pub negative_predictive_value: Estimate,
    /// Flagged for each one that is an event: how many must be looked at to find one.
    pub number_needed_to_evaluate: Estimate,
    /// Net benefit, in true positives per person.
    pub net_benefit: Estimate,
    /// Flags per 1,000 days of patients under watch.
    pub flags_per_1000_patient_days: Estimate,
    /// Flags a day for one clinician who looks after as many patients as the options say.
    pub alerts_per_clinician_day: Estimate,
    /// Median days from a subject's first flag to the outcome, among those flagged before it.
    pub lead_time_days: Estimate,
}

/// How long each row stands: until the subject's next prediction, the end of what is known of it, or the horizon,
/// whichever is first. `None` when none of them says.
fn days_of(rows: &Rows, horizon_days: f32, options: &Options) -> Option<Vec<f64>> {
    let p = &rows.predictions;
    (0..p.len())
        .map(|i| {
            // Rows are sorted by subject and time.
            let next = p
                .get(i + 1)
                .filter(|n| n.subject_id == p[i].subject_id && n.prediction_time > p[i].prediction_time);
            let until_next = next.map(|n| {
                (n.prediction_time.micros() - p[i].prediction_time.micros()) as f64 / MICROS_PER_DAY as f64
            });
            let horizon = (horizon_days > 0.0).then_some(f64::from(horizon_days));
            [until_next, p[i].observed_days.map(f64::from), horizon, options.days_per_prediction]
                .into_iter()
                .flatten()
                .reduce(f64::min)
        })
        .collect()
}

/// A subject who was flagged before the outcome: when, in days before it.
struct Lead {
    days: f64,
    cluster: u32,
}

fn leads(rows: &Rows, threshold: f64) -> Vec<Lead> {
    let mut leads: Vec<Lead> = Vec::new();
    for (p, &cluster) in rows.predictions.iter().zip(&rows.cluster) {
        if p.boolean_value == Some(true)
            && p.predicted_boolean_probability >= threshold
            && let Some(days) = p.observed_days.map(f64::from)
        {
            match leads.last_mut() {
                Some(last) if last.cluster == cluster => last.days = last.days.max(days),
                _ => leads.push(Lead { days, cluster }),
            }
        }
    }
    leads.sort_by(|a, b| a.days.total_cmp(&b.days));
    leads
}

fn median(leads: &[Lead], counts: Counts) -> f64 {
    let count = |lead: &Lead| counts.map_or(1, |c| u64::from(c[lead.cluster as usize]));
    let total: u64 = leads.iter().map(count).sum();
    if total == 0 {
        return f64::NAN;
    }
    let at = |place: u64| {
        let mut seen = 0;
        leads.iter().find(|lead| {
            seen += count(lead);
            seen > place
        })
    };
    let (low, high) = (at((total - 1) / 2), at(total / 2));
    low.zip(high).map_or(f64::NAN, |(a, b)| (a.days + b.days) / 2.0)
}

/// The thresholds to show: those of the options, or those that flag the highest 1 to 20 %.
fn thresholds(model: &Scored, options: &Options) -> Vec<f64> {
    if !options.thresholds.is_empty() {
        return options.thresholds.clone();
    }
    let mut at: Vec<f64> = SHARES
        .iter()
        .filter_map(|share| {
            let flagged = (share * model.len() as f64).round() as usize;
            (flagged > 0).then(|| model.probability[flagged - 1])
        })
        .filter(|t| *t < 1.0)
        .collect();
    at.dedup();
    at
}

/// How many rows each threshold flags at which it is told what came of them: first that at which groups are compared, which is to be
/// told before others.
pub(super) fn flagged_rows(model: &Scored, options: &Options) -> Vec<usize> {
    let at = std::iter::once(fairness::threshold(model, options)).chain(thresholds(model, options));
    at.map(|threshold| flagged_at(model, threshold)).collect()
}

pub(super) fn points(
    rows: &Rows,
    model: &Scored,
    horizon_days: f32,
    options: &Options,
) -> Vec<OperatingPoint> {
    let days = days_of(rows, horizon_days, options);
    let borders = Borders::among(model, options.small_cell, &flagged_rows(model, options));
    let thresholds = thresholds(model, options);
    let leads: Vec<Vec<Lead>> = thresholds.iter().map(|&t| leads(rows, t)).collect();
    let all = |counts: Counts| -> Vec<[f64; 10]> {
        let flags = Flags::of(rows, days.as_deref(), &thresholds, counts);
        thresholds
            .iter()
            .zip(&leads)
            .enumerate()
            .map(|(k, (&t, leads))| {
                let (tp, fp, fn_, tn) = table(model, t, counts);
                let (total, flagged) = (tp + fp + fn_ + tn, tp + fp);
                let per_day = flags.flagged[k] / flags.days;
                let alerts = per_day * options.patients_per_clinician;
                [
                    flags.flagged[k] / flags.rows,
                    tp / (tp + fn_),
                    tn / (tn + fp),
                    tp / flagged,
                    tn / (tn + fn_),
                    flagged / tp,
                    (tp - fp * t / (1.0 - t)) / total,
                    1000.0 * per_day,
                    alerts,
                    median(leads, counts),
                ]
            })
            .collect()
    };
    let sample = all(None);
    let draws = options.bootstrap.replicate(rows.clusters, |counts| all(Some(counts)));
    (0..thresholds.len())
        .map(|k| {
            let of = |metric: usize, reason: &str| {
                let mut made =
                    estimate(sample[k][metric], draws.iter().map(|d| d[k][metric]), &options.bootstrap);
                if made.value.is_none() {
                    let weighted = (1..=6).contains(&metric) && model.is_unwatched();
                    made.reason = Some(if weighted { UNWATCHED } else { reason }.to_owned());
                }
                made
            };
            // A share of nobody or of everybody has no spread among draws, and isn't certain for that.
            let share = |metric: usize, people: usize, reason: &str| {
                let mut made = of(metric, reason);
                if let Some(value) = made.value.filter(|v| *v == 0.0 || *v == 1.0) {
                    let people = people as f64;
                    let ends = jeffreys(value * people, people, options.bootstrap.confidence);
                    (made.low, made.high) = (Some(ends.0), Some(ends.1));
                }
                made
            };
            let people = People::of(rows, thresholds[k]);
            // From any figure of what came of a few, and the totals, the few could be told: of those flagged, and of those
            // of them whose outcome is known.
            let all = Cells { flagged: people.flagged, others: people.others, ..Cells::default() };
            let known = Cells::of(model, thresholds[k]);
            let between = || {
                let least = options.small_cell;
                let why =
                    || format!("fewer than {least} lie between this and another threshold that is told");
                (!borders.is_told(thresholds[k])).then(why)
            };
            let too_few = all.withheld(options.small_cell).or_else(|| known.withheld(options.small_cell));
            let too_few = too_few.or_else(between);
            let few = |made: Estimate| match &too_few {
                Some(reason) => Estimate { reason: Some(reason.clone()), ..Estimate::default() },
                None => made,
            };
            let is_flagged = |p: &&&events::Prediction| p.predicted_boolean_probability >= thresholds[k];
            let how_long = "how long a prediction stands is not known; state it with --days-per-prediction";
            OperatingPoint {
                threshold: thresholds[k],
                flagged: rows.predictions.iter().filter(is_flagged).count(),
                true_positives: too_few.is_none().then(|| {
                    let flagged = rows.predictions.iter().filter(is_flagged);
                    flagged.filter(|p| p.boolean_value == Some(true)).count()
                }),
                flagged_share: of(0, "no row"),
                sensitivity: few(share(1, people.with, "no event")),
                specificity: few(share(2, people.without, "no non-event")),
                positive_predictive_value: few(share(3, known.flagged, "nobody is flagged")),
                negative_predictive_value: few(share(4, known.others, "everybody is flagged")),
                number_needed_to_evaluate: few(of(5, "no event is flagged")),
                net_benefit: few(of(6, "undefined")),
                flags_per_1000_patient_days: of(7, how_long),
                alerts_per_clinician_day: of(8, how_long),
                lead_time_days: match is_few(leads[k].len(), options.small_cell) {
                    true => few(Estimate {
                        reason: Some(format!(
                            "fewer than {} flagged events have a known time",
                            options.small_cell
                        )),
                        ..Estimate::default()
                    }),
                    false => few(of(9, "no flagged event has a known time")),
                },
            }
        })
        .collect()
}

/// How many subjects stand behind a threshold's figures.
struct People {
    flagged: usize,
    /// With a prediction that isn't flagged.
    others: usize,
    /// With the outcome, and without.
    with: usize,
    without: usize,
}

impl People {
    fn of(rows: &Rows, threshold: f64) -> Self {
        let count = |is: &dyn Fn(&events::Prediction) -> bool| {
            // Rows are sorted by subject.
            let mut clusters: Vec<u32> =
                rows.predictions.iter().zip(&rows.cluster).filter(|(p, _)| is(p)).map(|(_, c)| *c).collect();
            clusters.dedup();
            clusters.len()
        };
        let flagged = |p: &events::Prediction| p.predicted_boolean_probability >= threshold;
        People {
            flagged: count(&flagged),
            others: count(&|p| !flagged(p)),
            with: count(&|p| p.boolean_value == Some(true)),
            without: count(&|p| p.boolean_value == Some(false)),
        }
    }
}

/// Weighted true and false positives, false and true negatives.
fn table(model: &Scored, threshold: f64, counts: Counts) -> (f64, f64, f64, f64) {
    let (mut tp, mut fp, mut fn_, mut tn) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..model.len() {
        let w = model.weighted(counts, i);
        match (model.probability[i] >= threshold, model.outcome[i]) {
            (true, true) => tp += w,
            (true, false) => fp += w,
            (false, true) => fn_ += w,
            (false, false) => tn += w,
        }
    }
    (tp, fp, fn_, tn)
}

/// Flags over all rows, those with an unknown outcome among them: a flag is a flag when it is raised.
struct Flags {
    flagged: Vec<f64>,
    rows: f64,
    /// NaN when it isn't known how long a prediction stands.
    days: f64,
}

impl Flags {
    fn of(rows: &Rows, days: Option<&[f64]>, thresholds: &[f64], counts: Counts) -> Self {
        let mut made = Flags { flagged: vec![0.0; thresholds.len()], rows: 0.0, days: 0.0 };
        for (i, (p, &cluster)) in rows.predictions.iter().zip(&rows.cluster).enumerate() {
            let n = counts.map_or(1.0, |c| f64::from(c[cluster as usize]));
            made.rows += n;
            made.days += days.map_or(f64::NAN, |d| n * d[i]);
            for (flagged, &t) in made.flagged.iter_mut().zip(thresholds) {
                *flagged += if p.predicted_boolean_probability >= t { n } else { 0.0 };
            }
        }
        made
    }
}
