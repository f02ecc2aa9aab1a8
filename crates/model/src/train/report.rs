//! What training tells while it runs. Nothing here reads a clock; the observer does if it wants to.

use crate::objective::{Losses, Scales};
use serde::Serialize;
use std::ops::ControlFlow;

/// Told of every step and evaluation.
pub trait Observer {
    /// After each step. Breaking writes a checkpoint and ends the run, to be resumed later.
    fn step(&mut self, report: &StepReport) -> ControlFlow<()>;
    /// After each evaluation on the tuning data.
    fn evaluation(&mut self, report: &EvaluationReport);
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn evaluation(&mut self, _: &EvaluationReport) {}
}

/// Mean losses in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LossReport {
    /// The weighted sum that is minimised.
    pub total: f64,
    /// Per token predicted (`TIME` included): which code.
    pub code: f64,
    /// Per waiting time: how long.
    pub time: f64,
    /// Per value: which rank; 0 is as good as knowing only the training distribution.
    pub value: f64,
    /// Per moment, each by the days that it stands for: first occurrences of all codes.
    pub risk: f64,
    /// Per label of the supervised tasks.
    pub task: f64,
    /// Negative log-likelihood of codes, times and values per event (tokens that are not `TIME`).
    pub per_event: f64,
}

impl LossReport {
    pub(crate) fn new(losses: &Losses, scales: &Scales) -> Self {
        let mean = |sum: f64, n: usize| if n == 0 { 0.0 } else { sum / n as f64 };
        LossReport {
            total: losses.total(scales),
            code: mean(losses.next_event, losses.next_events),
            time: mean(losses.waiting_time, losses.waiting_times),
            value: mean(losses.value, losses.values),
            risk: if losses.risk_days > 0.0 { losses.risk / losses.risk_days } else { 0.0 },
            task: mean(losses.task, losses.tasks),
            per_event: mean(losses.next_event + losses.waiting_time + losses.value, losses.events),
        }
    }
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Steps planned.
    pub total_steps: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Batches done in this epoch.
    pub batch: usize,
    /// Batches in this epoch.
    pub batches: usize,
    /// Tokens in this step.
    pub tokens: usize,
    /// Losses on this step's batch, with dropout.
    pub losses: LossReport,
    /// The learning rate used.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
}

/// One evaluation on the tuning data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EvaluationReport {
    /// Steps done.
    pub step: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Losses without dropout.
    pub losses: LossReport,
    /// Whether it is the best so far.
    pub improved: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Steps done.
    pub steps: u64,
    /// Steps planned.
    pub total_steps: u64,
    /// The monitored loss of the returned weights on the tuning data; infinite without tuning data, or where
    /// that holds nothing of what is monitored.
    pub best_loss: f64,
    /// The step of the returned weights, if chosen on tuning data.
    pub best_step: u64,
    /// Whether patience ran out.
    pub stopped_early: bool,
    /// Whether the observer broke it off; the weights are then the last ones and the checkpoint can be resumed.
    pub interrupted: bool,
}
