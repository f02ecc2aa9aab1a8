//! Read-outs: a supervised task read off a frozen model by methods that need few labels and no gradient through
//! the decoder.
//!
//! A row is a record up to a moment: the model's state there, and [`summaries`] of what each code has said. A
//! *probe* is logistic regression with a ridge on the state alone. A *stack* joins three that err differently, on
//! both: an additive model ([`curves`] under a ridge), boosted trees, and a forest of randomised trees. How strong the
//! ridge is, how many trees, and how much each member counts is decided by cross-validation over subjects (Wolpert
//! 1992; weights not negative, Breiman 1996), so that the answer is calibrated on subjects that no member has seen.

mod binned;
mod curves;
mod members;
mod ridge;
mod summaries;
mod trees;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::random::{self, Purpose};
pub(crate) use binned::Binned;
use curves::{Curves, Shape};
pub(crate) use members::{Member, Table, boosted};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use summaries::Summaries;
use timeline::Sequence;

/// How to fit a read-out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadoutOptions {
    /// Whether the rows hold the model's state.
    pub state: bool,
    /// Whether they hold summaries of each code.
    pub summaries: bool,
    /// Whether trees are grown beside the linear model.
    pub trees: bool,
    /// Parts that the subjects are dealt to for cross-validation.
    pub folds: usize,
    /// Share of the rows before which a code must occur to be summarised.
    pub code_share: f64,
    /// Most columns of summaries; commoner codes come first. Memory is about five times rows × columns × 4 bytes.
    pub columns: usize,
    /// Boosted trees at most; cross-validation says how many.
    pub boosted_trees: usize,
    /// Leaves of a boosted tree.
    pub leaves: usize,
    /// By how much a boosted tree's answer is shrunk.
    pub shrinkage: f64,
    /// Randomised trees.
    pub forest_trees: usize,
    /// Seed of folds, rows and columns drawn.
    pub seed: u64,
    /// Threads; the result does not depend on them.
    #[serde(skip)]
    pub threads: usize,
}

impl Default for ReadoutOptions {
    fn default() -> Self {
        ReadoutOptions {
            state: true,
            summaries: true,
            trees: true,
            folds: 5,
            code_share: 0.01,
            columns: 2048,
            boosted_trees: 800,
            leaves: 8,
            shrinkage: 0.03,
            forest_trees: 300,
            seed: 1,
            threads: 1,
        }
    }
}

impl ReadoutOptions {
    /// A linear probe on the state.
    pub fn probe() -> Self {
        ReadoutOptions { summaries: false, trees: false, ..ReadoutOptions::default() }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let check =
            |holds: bool, what: &str| if holds { Ok(()) } else { Err(Error::Options(what.to_owned())) };
        check(self.state || self.summaries, "a read-out needs the state, summaries, or both")?;
        check((2..=100).contains(&self.folds), "folds must be 2 to 100")?;
        check((0.0..=1.0).contains(&self.code_share), "code_share must be 0 to 1")?;
        check(self.columns <= 1_000_000, "columns must be at most 1,000,000")?;
        check((2..=1 << 16).contains(&self.leaves), "leaves must be 2 to 65,536")?;
        check(self.shrinkage > 0.0 && self.shrinkage <= 1.0, "shrinkage must be above 0 and at most 1")?;
        check(
            (1..=100_000).contains(&self.boosted_trees) && (1..=100_000).contains(&self.forest_trees),
            "boosted_trees and forest_trees must be 1 to 100,000",
        )?;
        check((1..=1024).contains(&self.threads), "threads must be 1 to 1024")
    }
}

/// A fitted read-out of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readout {
    state: bool,
    summaries: Option<Summaries>,
    members: Vec<Member>,
    /// By member, then the bias.
    stack: Vec<f64>,
}

/// What cross-validation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadoutReport {
    /// Rows fitted on.
    pub rows: usize,
    /// Those with a true label.
    pub positives: usize,
    /// Columns of a row.
    pub columns: usize,
    /// By member: its name, what was chosen, its cross-entropy per row on folds left out, and its share in the logit.
    pub members: Vec<MemberReport>,
    /// Cross-entropy of the stack per row on folds left out.
    pub cross_entropy: f64,
    /// The stack's probability of each row, from members that had not seen its subject. The few weights of the stack have.
    #[serde(skip)]
    pub out_of_fold: Vec<f64>,
}

/// One member in a [`ReadoutReport`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberReport {
    /// `additive`, `boosted` or `forest`.
    pub name: &'static str,
    /// The ridge, or the number of trees.
    pub chosen: f64,
    /// On folds left out.
    pub cross_entropy: f64,
    /// Its weight in the stack.
    pub weight: f64,
}

impl Readout {
    /// Fits a read-out of `model`'s state and of records, each as known at a token's position, to labels.
    ///
    /// # Errors
    /// [`Error::Options`]; [`Error::Data`] if a fold would lack one of the two labels; [`Error::Sequence`].
    pub fn fit(
        model: &Model,
        spots: &[(Sequence<'_>, usize)],
        labels: &[bool],
        options: &ReadoutOptions,
    ) -> Result<(Readout, ReadoutReport)> {
        options.validate()?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .build()
            .map_err(|e| Error::Options(format!("threads: {e}")))?;
        pool.install(|| Self::fit_here(model, spots, labels, options))
    }

    fn fit_here(
        model: &Model,
        spots: &[(Sequence<'_>, usize)],
        labels: &[bool],
        options: &ReadoutOptions,
    ) -> Result<(Readout, ReadoutReport)> {
        if labels.len() != spots.len() {
            return Err(Error::Data("there must be one label for each row".into()));
        }
        let subjects: Vec<i64> = spots.iter().map(|(sequence, _)| sequence.subject_id).collect();
        let folds = deal(&subjects, labels, options)?;
        let summaries = options
            .summaries
            .then(|| Summaries::choose(model.config.time_code, spots, options.code_share, options.columns));
        let mut readout = Readout { state: options.state, summaries, members: Vec::new(), stack: Vec::new() };
        let (matrix, width) = (readout.rows(model, spots)?, readout.width(model));
        let of_state = if options.state { model.task_state_width() } else { 0 };
        let curves = Curves::fit(&matrix, width, |column| match column.checked_sub(of_state) {
            None => Shape::Line,
            Some(column) if Summaries::is_of_later_half(column) => Shape::Out,
            Some(_) => Shape::Curve,
        });
        let weights = vec![1.0; labels.len()];
        let table = Table { matrix: &matrix, width, labels, weights: &weights, folds: &folds, options };
        let mut fitted = vec![members::additive(&table, curves)];
        if options.trees {
            let binned = Binned::new(&matrix, width);
            fitted.push(members::boosted(&table, &binned));
            fitted.push(members::forest(&table, &binned));
        }
        let logits: Vec<&[f64]> = fitted.iter().map(|f| f.out_of_fold.as_slice()).collect();
        readout.stack = stack(&logits, labels);
        let n = labels.len() as f64;
        let mean = |logit: &dyn Fn(usize) -> f64| {
            (0..labels.len()).map(|row| cross_entropy(logit(row), labels[row])).sum::<f64>() / n
        };
        let stacked = |row: usize| {
            let told: Vec<f64> = logits.iter().map(|of| of[row]).collect();
            joined(&readout.stack, &told)
        };
        let report = ReadoutReport {
            rows: labels.len(),
            positives: labels.iter().filter(|l| **l).count(),
            columns: width,
            members: fitted
                .iter()
                .zip(&readout.stack)
                .map(|(f, weight)| MemberReport {
                    name: f.member.name(),
                    chosen: f.chosen,
                    cross_entropy: mean(&|row| f.out_of_fold[row]),
                    weight: *weight,
                })
                .collect(),
            cross_entropy: mean(&stacked),
            out_of_fold: (0..labels.len()).map(|row| sigmoid(stacked(row))).collect(),
        };
        readout.members = fitted.into_iter().map(|f| f.member).collect();
        Ok((readout, report))
    }

    /// The probability of the task right after token `position` of each sequence.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a position that does not exist, [`Error::Sequence`] for an unusable sequence,
    /// [`Error::Data`] if the read-out was not fitted on this model.
    pub fn probability(&self, model: &Model, spots: &[(Sequence<'_>, usize)]) -> Result<Vec<f32>> {
        self.check(model)?;
        let matrix = self.rows(model, spots)?;
        let answer = |row: &[f32]| {
            let told: Vec<f64> = self.members.iter().map(|m| m.logit(row)).collect();
            sigmoid(joined(&self.stack, &told)) as f32
        };
        Ok(matrix.chunks_exact(self.width(model)).map(answer).collect())
    }

    /// Reads what [`Readout::save`] wrote, by task.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Malformed`].
    pub fn load(path: &Path, model: &Model) -> Result<std::collections::BTreeMap<String, Readout>> {
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
        let by_task: std::collections::BTreeMap<String, Readout> =
            serde_json::from_slice(&bytes).map_err(|e| {
                Error::malformed(path, format!("no read-out (line {}, column {})", e.line(), e.column()))
            })?;
        for readout in by_task.values() {
            readout.check(model).map_err(|_| Error::malformed(path, "does not fit the model beside it"))?;
        }
        Ok(by_task)
    }

    /// Writes read-outs by task, atomically.
    ///
    /// # Errors
    /// [`Error::File`] if the system refuses.
    pub fn save(by_task: &std::collections::BTreeMap<String, Readout>, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(by_task).map_err(|e| Error::malformed(path, e.to_string()))?;
        crate::files::write_atomically(path, &bytes)
    }

    fn width(&self, model: &Model) -> usize {
        let state = if self.state { model.task_state_width() } else { 0 };
        state + self.summaries.as_ref().map_or(0, Summaries::width)
    }

    /// The rows of the spots: `[spots, width]`.
    fn rows(&self, model: &Model, spots: &[(Sequence<'_>, usize)]) -> Result<Vec<f32>> {
        let width = self.width(model);
        let mut matrix = vec![f32::NAN; spots.len() * width];
        if self.state {
            let states = model.task_states(spots)?;
            for (row, state) in matrix.chunks_exact_mut(width).zip(&states) {
                row[..state.len()].copy_from_slice(state);
            }
        } else {
            model.check_spots(spots)?;
        }
        if let Some(summaries) = &self.summaries {
            let of_state = width - summaries.width();
            for (row, (sequence, position)) in matrix.chunks_exact_mut(width).zip(spots) {
                summaries.write(sequence, *position, &mut row[of_state..]);
            }
        }
        Ok(matrix)
    }

    fn check(&self, model: &Model) -> Result<()> {
        let vocabulary = model.config.vocabulary_size;
        let sound = self.summaries.as_ref().is_none_or(|s| s.is_sound(vocabulary))
            && self.members.iter().all(|m| m.is_sound(self.width(model)))
            && self.stack.len() == self.members.len() + 1
            && self.stack.iter().all(|w| w.is_finite());
        if sound { Ok(()) } else { Err(Error::Data("a read-out of another model, or a damaged one".into())) }
    }
}

/// The fold of each row: subjects dealt round, those with a true label apart, so that every fold has its share.
pub(crate) fn deal(subject_of: &[i64], labels: &[bool], options: &ReadoutOptions) -> Result<Vec<usize>> {
    let mut subjects: HashMap<i64, bool> = HashMap::new();
    for (id, label) in subject_of.iter().zip(labels) {
        *subjects.entry(*id).or_default() |= label;
    }
    let key = |id: i64| random::key(options.seed, Purpose::Fold, &[id as u64]);
    let mut order: Vec<(bool, u64, i64)> = subjects.into_iter().map(|(id, any)| (any, key(id), id)).collect();
    order.sort_unstable();
    let fold_of: HashMap<i64, usize> =
        order.iter().enumerate().map(|(place, (_, _, id))| (*id, place % options.folds)).collect();
    let folds: Vec<usize> = subject_of.iter().map(|id| fold_of[id]).collect();
    let both = |fold| {
        let of_fold = || folds.iter().zip(labels).filter(move |(f, _)| **f == fold);
        of_fold().any(|(_, l)| *l) && of_fold().any(|(_, l)| !*l)
    };
    if (0..options.folds).all(both) {
        Ok(folds)
    } else {
        Err(Error::Data(format!(
            "too few subjects for {} folds: each needs true and false labels; take fewer folds, or more subjects",
            options.folds
        )))
    }
}

/// Weights that are not negative, then a bias: logistic regression on the members' logits, members with a negative
/// weight leaving, the worst first.
fn stack(logits: &[&[f64]], labels: &[bool]) -> Vec<f64> {
    let rows: Vec<u32> = (0..labels.len() as u32).collect();
    let mut kept: Vec<usize> = (0..logits.len()).collect();
    loop {
        let matrix: Vec<f32> =
            (0..labels.len()).flat_map(|row| kept.iter().map(move |m| logits[*m][row] as f32)).collect();
        let start = vec![1.0 / kept.len() as f64; kept.len()].into_iter().chain([0.0]).collect();
        let fitted = ridge::fit((&matrix, kept.len()), &rows, labels, 1e-2, start);
        let worst = (0..kept.len()).min_by(|a, b| fitted[*a].total_cmp(&fitted[*b]));
        match worst.filter(|w| fitted[*w] < 0.0 && kept.len() > 1) {
            Some(worst) => drop(kept.remove(worst)),
            None => {
                let mut weights = vec![0.0; logits.len() + 1];
                kept.iter().zip(&fitted).for_each(|(m, w)| weights[*m] = *w);
                weights[logits.len()] = fitted[kept.len()];
                return weights;
            }
        }
    }
}

fn joined(stack: &[f64], told: &[f64]) -> f64 {
    stack.iter().zip(told).map(|(w, t)| w * t).sum::<f64>() + stack[told.len()]
}

pub(crate) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// `−log P(label)`.
fn cross_entropy(logit: f64, label: bool) -> f64 {
    let margin = if label { logit } else { -logit };
    if margin > 0.0 { (-margin).exp().ln_1p() } else { margin.exp().ln_1p() - margin }
}

#[cfg(test)]
mod tests;
