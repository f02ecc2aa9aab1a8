//! Another predictor's risks for the same rows, and how the model does beside them.

use super::fairness::standard_error;
use super::measure::{Predictor, Values, difference};
use super::options::Options;
use super::outcome::{Difference, Performance, TaskReport};
use super::task::Rows;
use crate::error::{Error, Result};
use crate::metrics::delong::{DeLong, delong};
use crate::metrics::multiplicity::holm;
use crate::metrics::{Row, Scored};
use crate::tasks::Alteration;
use events::{Prediction, Time};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use statrs::function::erf::erfc;

/// Task, and the bits of the horizon in days.
type Question = (SmolStr, u32);

/// Another predictor's risks, to be set beside the model's.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// What it is called in the report.
    pub name: String,
    risks: FxHashMap<Question, FxHashMap<(i64, Time), f64>>,
}

impl Peer {
    /// Takes the risks of `theirs` for the questions that `ours` answer. Where both files hold one question each, it is
    /// taken to be the same, whatever its name.
    ///
    /// # Errors
    /// When a risk is no probability, two differ for the same row, or no row is shared.
    pub fn new(name: impl Into<String>, theirs: &[Prediction], ours: &[Prediction]) -> Result<Self> {
        let name = name.into();
        let question = |p: &Prediction| (p.task.clone(), p.horizon_days.to_bits());
        let questions = |rows: &[Prediction]| rows.iter().map(question).collect::<FxHashSet<_>>();
        let (asked, answered) = (questions(ours), questions(theirs));
        let only = match (asked.iter().next(), asked.len(), answered.len()) {
            (Some(only), 1, 1) => Some(only),
            _ => None,
        };
        let mut risks: FxHashMap<Question, FxHashMap<(i64, Time), f64>> = FxHashMap::default();
        for (row, p) in theirs.iter().enumerate() {
            let key = only.cloned().unwrap_or_else(|| question(p));
            if !asked.contains(&key) {
                continue;
            }
            let risk = p.predicted_boolean_probability;
            if !(0.0..=1.0).contains(&risk) {
                return Err(Error::NotAProbability { task: p.task.to_string(), row, column: "probability" });
            }
            let known = risks.entry(key).or_default().insert((p.subject_id, p.prediction_time), risk);
            if known.is_some_and(|known| known != risk) {
                return Err(Error::Peer {
                    name,
                    problem: "holds two risks for one subject, time, task and horizon",
                });
            }
        }
        let shared = ours.iter().any(|p| {
            let rows = risks.get(&question(p));
            rows.is_some_and(|rows| rows.contains_key(&(p.subject_id, p.prediction_time)))
        });
        if !shared {
            return Err(Error::Peer {
                name,
                problem: "shares no subject, prediction time, task and horizon with the predictions; predict both for the \
                          same rows",
            });
        }
        Ok(Peer { name, risks })
    }
}

/// The model beside another predictor, on the rows that both have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The other predictor.
    pub name: String,
    /// Rows with a known outcome that both predict.
    pub rows: usize,
    /// Events among them.
    pub events: usize,
    /// Rows with a known outcome that the other doesn't predict, left out of this comparison.
    pub left_out: usize,
    /// The model on these rows.
    pub model: Performance,
    /// The other on these rows.
    pub other: Performance,
    /// Model minus other, draw by draw.
    pub difference: Difference,
    /// DeLong's comparison of the AUROCs, which takes rows as independent.
    pub delong: Option<DeLong>,
    /// Two-sided, that the AUROCs are equal: the difference over its bootstrap standard error.
    pub p_value: Option<f64>,
    /// The same after Holm's correction over all outcomes and other predictors of the report.
    pub p_corrected: Option<f64>,
}

/// The model beside every peer that has rows of this task.
pub(super) fn beside(rows: &Rows, task: &str, horizon_days: f32, options: &Options) -> Result<Vec<Beside>> {
    options
        .peers
        .iter()
        .filter_map(|peer| of_peer(rows, peer, task, horizon_days, options).transpose())
        .collect()
}

/// What altered histories leave of this task.
pub(super) fn altered(
    rows: &Rows,
    task: &str,
    horizon_days: f32,
    options: &Options,
) -> Result<Vec<(Alteration, Beside)>> {
    let each = options.altered.iter().map(|(alteration, peer)| {
        let beside = of_peer(rows, peer, task, horizon_days, options)?;
        Ok(beside.map(|beside| (*alteration, beside)))
    });
    each.filter_map(Result::transpose).collect()
}

fn of_peer(
    rows: &Rows,
    peer: &Peer,
    task: &str,
    horizon_days: f32,
    options: &Options,
) -> Result<Option<Beside>> {
    let Some(risks) = peer.risks.get(&(SmolStr::new(task), horizon_days.to_bits())) else { return Ok(None) };
    let risk_of = |p: &Prediction| risks.get(&(p.subject_id, p.prediction_time)).copied();
    let (mut ours, mut theirs, mut left_out) = (vec![], vec![], 0);
    for (i, p) in rows.predictions.iter().enumerate() {
        let Some(outcome) = p.boolean_value else { continue };
        let Some(risk) = risk_of(p) else {
            left_out += 1;
            continue;
        };
        let row =
            |probability| Row { probability, outcome, weight: rows.weight[i], cluster: rows.cluster[i] };
        ours.push(row(p.predicted_boolean_probability));
        theirs.push(row(risk));
    }
    let events = ours.iter().filter(|r| r.outcome).count();
    let known = ours.len();
    let scored = Scored::new(ours.iter().copied())?;
    if scored.is_scarce(options.min_events) {
        return Ok(None);
    }
    let outcomes: Vec<bool> = ours.iter().map(|r| r.outcome).collect();
    let of = |rows: &[Row]| rows.iter().map(|r| r.probability).collect::<Vec<f64>>();
    let delong = delong(&of(&ours), &of(&theirs), &outcomes)?;
    let in_both = rows.rows_of_cluster(|p| risk_of(p).is_some());
    let (model, other) =
        (Predictor::new(scored, in_both.clone()), Predictor::new(Scored::new(theirs)?, in_both));
    let bootstrap = &options.bootstrap;
    let draws = bootstrap.replicate(rows.clusters, |counts| (model.draw(counts), other.draw(counts)));
    let model_draws: Vec<&Values> = draws.iter().map(|d| &d.0).collect();
    let other_draws: Vec<&Values> = draws.iter().map(|d| &d.1).collect();
    let differences: Vec<f64> = draws.iter().map(|(m, o)| m.auroc - o.auroc).collect();
    let p_value = standard_error(&differences).map(|error| {
        erfc(((model.values.auroc - other.values.auroc) / error).abs() / std::f64::consts::SQRT_2)
    });
    Ok(Some(Beside {
        name: peer.name.clone(),
        rows: known,
        events,
        left_out,
        model: model.performance(&model_draws, bootstrap),
        other: other.performance(&other_draws, bootstrap),
        difference: difference((&model.values, &model_draws), (&other.values, &other_draws), bootstrap),
        delong,
        p_value,
        p_corrected: None,
    }))
}

/// Corrects the tests of all outcomes and peers for their number.
pub(super) fn correct(tasks: &mut [TaskReport]) {
    let mut all: Vec<&mut Beside> = tasks.iter_mut().flat_map(|t| &mut t.beside).collect();
    let p_values: Vec<f64> = all.iter().map(|b| b.p_value.unwrap_or(f64::NAN)).collect();
    for (beside, corrected) in all.iter_mut().zip(holm(&p_values)) {
        beside.p_corrected = Some(corrected).filter(|p| !p.is_nan());
    }
}

/// How the model did against one peer, over all outcomes.
pub(super) struct Tally {
    pub name: String,
    pub outcomes: usize,
    pub better: usize,
    pub worse: usize,
}

/// By peer, in the order given; better and worse by corrected p.
pub(super) fn tallies(tasks: &[TaskReport], options: &Options) -> Vec<Tally> {
    let level = 1.0 - options.bootstrap.confidence;
    options
        .peers
        .iter()
        .map(|peer| {
            let of = || tasks.iter().flat_map(|t| &t.beside).filter(|b| b.name == peer.name);
            let decided = |above: bool| {
                of().filter(|b| b.p_corrected.is_some_and(|p| p < level))
                    .filter(|b| b.difference.auroc.value.is_some_and(|d| (d > 0.0) == above))
                    .count()
            };
            Tally {
                name: peer.name.clone(),
                outcomes: of().count(),
                better: decided(true),
                worse: decided(false),
            }
        })
        .collect()
}
