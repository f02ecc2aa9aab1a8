//! Patients waiting for the model, bounded.

use super::{
    EngineError,
    question::{Answer, Question},
};
use crate::metrics::Metrics;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// A patient in the queue.
pub(crate) struct Waiting {
    pub(crate) question: Question,
    /// Who asks.
    pub(crate) asker: Arc<str>,
    pub(crate) deadline: Instant,
    pub(crate) answer: oneshot::Sender<Result<Answer, EngineError>>,
}

pub(crate) struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
    capacity: usize,
    max_batch: usize,
    window: Duration,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Waiting>,
    /// Admitted requests that have not come to the queue yet.
    arriving: usize,
    /// Batches that the predictor is being asked about.
    asking: usize,
    /// How many were waiting when the measures were last told.
    told: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(capacity: usize, max_batch: usize, window: Duration, metrics: Arc<Metrics>) -> Self {
        let state = Mutex::new(QueueState::default());
        Queue { state, changed: Condvar::new(), capacity, max_batch, window, metrics }
    }

    /// No code that can panic runs under the lock, so that a poisoned one still holds a sound state.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arriving(&self, change: isize) {
        let mut state = self.lock();
        state.arriving = state.arriving.saturating_add_signed(change);
        if change < 0 {
            // A batch may be held open for this request alone.
            self.changed.notify_all();
        }
    }

    pub(crate) fn push_all(&self, patients: Vec<Waiting>) -> Result<(), EngineError> {
        let mut state = self.lock();
        if state.closed {
            return Err(EngineError::Closed);
        }
        if state.waiting.len() + patients.len() > self.capacity {
            // Those that nobody waits for any more don't hold a place against those that somebody does.
            let before = state.waiting.len();
            state.waiting.retain(|waiting| !waiting.answer.is_closed());
            self.metrics.abandoned(before - state.waiting.len());
            if state.waiting.len() + patients.len() > self.capacity {
                return Err(EngineError::Full);
            }
        }
        state.waiting.extend(patients);
        self.tell_depth(&mut state);
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for the next batch, of 1 to `max_batch` patients that still have a caller and time; `None` when the
    /// queue is closed and empty.
    pub(crate) fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            while state.waiting.is_empty() {
                if state.closed {
                    return None;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let opened = Instant::now();
            while state.waiting.len() < self.max_batch && state.arriving > 0 && !state.closed {
                let Some(left) = self.window.checked_sub(opened.elapsed()).filter(|left| !left.is_zero())
                else {
                    break;
                };
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            let batch = self.take(&mut state);
            self.tell_depth(&mut state);
            if !batch.is_empty() {
                state.asking += 1;
                return Some(batch);
            }
        }
    }

    /// A batch that [`Queue::next_batch`] gave is answered.
    pub(crate) fn batch_answered(&self) {
        self.lock().asking -= 1;
    }

    /// Does nobody wait for the model, or come to?
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.arriving == 0 && state.asking == 0
    }

    /// Several queues share the measure.
    fn tell_depth(&self, state: &mut QueueState) {
        self.metrics.queue_changed(state.told, state.waiting.len());
        state.told = state.waiting.len();
    }

    fn take(&self, state: &mut QueueState) -> Vec<Waiting> {
        let now = Instant::now();
        let mut live = Vec::with_capacity(state.waiting.len());
        for waiting in state.waiting.drain(..) {
            if waiting.answer.is_closed() {
                self.metrics.abandoned(1);
            } else if waiting.deadline <= now {
                self.metrics.abandoned(1);
                // The caller may leave in this very moment, and then nobody is owed an answer.
                let _ = waiting.answer.send(Err(EngineError::Late));
            } else {
                live.push(waiting);
            }
        }
        let chosen = in_rounds(live.iter().map(|waiting| &waiting.asker), self.max_batch);
        let mut batch = Vec::with_capacity(chosen.len());
        for (place, waiting) in live.into_iter().enumerate() {
            if chosen.contains(&place) { batch.push(waiting) } else { state.waiting.push_back(waiting) }
        }
        batch
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// The places of those whose turn it is: one of each asker's, the oldest first, then a second of each, up to `most`. Whoever asks about
/// hundreds makes nobody else wait for all of them.
fn in_rounds<'a>(askers: impl Iterator<Item = &'a Arc<str>>, most: usize) -> HashSet<usize> {
    let mut asked: HashMap<&Arc<str>, usize> = HashMap::new();
    let mut order: Vec<(usize, usize)> = askers
        .enumerate()
        .map(|(place, asker)| {
            let round = asked.entry(asker).or_default();
            *round += 1;
            (*round, place)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().take(most).map(|(_, place)| place).collect()
}
