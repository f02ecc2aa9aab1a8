//! The engine room: gathers patients of many requests into batches for the predictor.
//!
//! A bounded queue stands in front of threads of its own. A batch is closed when it is full, when its window is
//! over, or at once when no admitted request is still on its way to the queue: a lone caller never waits for
//! company that isn't coming. Patients whose caller left or whose deadline passed are dropped unasked.

mod answer;
mod question;
mod queue;

pub(crate) use question::{Asks, EmbedQuestion};

use crate::{Error, PredictError, Predictor, ServeSettings, error::PredictorFailure, metrics::Metrics};
use queue::{Queue, Waiting};
use std::{sync::Arc, time::Instant};
use tokio::sync::oneshot;

/// Why the engine gave no answer for a patient.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EngineError {
    /// The queue is full.
    Full,
    /// The deadline passed in the queue.
    Late,
    /// The engine is shutting down.
    Closed,
    /// The predictor refused or failed.
    Predict(PredictError),
    /// The predictor broke the contract.
    Broken(PredictorFailure),
}

/// What the engine needs to know of a model to check its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerShape {
    pub(crate) horizons: usize,
    pub(crate) embedding_width: Option<usize>,
}

pub(crate) struct Engine {
    queue: Arc<Queue>,
}

impl Engine {
    /// Starts the predictor's threads.
    pub(crate) fn start(
        predictor: Arc<dyn Predictor>,
        shape: AnswerShape,
        settings: &ServeSettings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let queue = Arc::new(Queue::new(
            settings.queue_capacity,
            settings.max_batch,
            settings.batch_window,
            metrics.clone(),
        ));
        let engine = Engine { queue };
        for index in 0..settings.predictor_threads {
            let (queue, predictor, metrics) = (engine.queue.clone(), predictor.clone(), metrics.clone());
            std::thread::Builder::new()
                .name(format!("predict-{index}"))
                .spawn(move || {
                    while let Some(batch) = queue.next_batch() {
                        answer::batch(&*predictor, shape, batch, &metrics);
                        queue.batch_answered();
                    }
                })
                .map_err(Error::Thread)?;
        }
        Ok(engine)
    }

    /// Does nobody wait for the model?
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    /// Says that a request was admitted and will come to the queue, until the guard is dropped.
    pub(crate) fn expect_arrival(&self) -> Arrival {
        self.queue.arriving(1);
        Arrival(self.queue.clone())
    }

    /// Asks about all of `questions`; either all are queued or none.
    ///
    /// Dropping the future withdraws what has not been asked yet.
    pub(crate) async fn ask<Q: Asks>(
        &self,
        questions: Vec<Q>,
        asker: &Arc<str>,
        deadline: Instant,
        arrival: Arrival,
    ) -> Result<Vec<Q::Answer>, (usize, EngineError)> {
        let mut answers = Vec::with_capacity(questions.len());
        let mut waiting = Vec::with_capacity(questions.len());
        for question in questions {
            let (answer, receiver) = oneshot::channel();
            let question = question.asked_by(asker);
            waiting.push(Waiting { question, asker: asker.clone(), deadline, answer });
            answers.push(receiver);
        }
        self.queue.push_all(waiting).map_err(|error| (0, error))?;
        drop(arrival);
        let mut given = Vec::with_capacity(answers.len());
        for (index, answer) in answers.into_iter().enumerate() {
            let answer = answer.await.unwrap_or(Err(EngineError::Closed)).map_err(|error| (index, error))?;
            let mismatch = EngineError::Broken(PredictorFailure::InvalidAnswer);
            given.push(Q::of(answer).ok_or((index, mismatch))?);
        }
        Ok(given)
    }
}

impl Drop for Engine {
    /// The threads finish what is queued, and end.
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A request on its way to the queue.
pub(crate) struct Arrival(Arc<Queue>);

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.arriving(-1);
    }
}

#[cfg(test)]
mod tests;
