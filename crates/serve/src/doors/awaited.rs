//! Work for a caller that takes seconds: on a thread of its own, as many at once as there are turns, and given up when nobody waits
//! for it any more.

use crate::{
    AppState, PredictError,
    error::{ApiError, PredictorFailure},
    record::CallNotes,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A turn at such work, if there is one.
pub(super) fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    turns.clone().try_acquire_owned().map_err(|_| ApiError::Overloaded)
}

/// Begins `work`, which is given a function that says whether anybody still waits: the future is there, and the deadline isn't past.
/// The turn is given back when the work has ended, whether or not somebody waited.
pub(super) fn begin<A, W>(
    state: AppState,
    notes: &CallNotes,
    turn: OwnedSemaphorePermit,
    deadline: Instant,
    work: W,
) -> impl Future<Output = Result<A, ApiError>> + Send + use<A, W>
where
    A: Send + 'static,
    W: FnOnce(&dyn Fn() -> bool) -> Result<A, PredictError> + Send + 'static,
{
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let stopped = stop.0.clone();
    notes.model_was_asked();
    let working = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(&|| !stopped.load(Ordering::Relaxed) && Instant::now() < deadline)
    });
    async move {
        // Whoever drops this future ends the work.
        let _stop = stop;
        let done = working.await;
        let failed = |kind| {
            state.metrics().predictor_failed(kind);
            ApiError::Predictor { kind }
        };
        match done {
            Ok(Ok(answer)) => Ok(answer),
            // It was told to give up.
            Ok(Err(PredictError::Failed { .. })) if Instant::now() >= deadline => {
                Err(ApiError::DeadlineExceeded)
            }
            Ok(Err(PredictError::Failed { detail })) => {
                tracing::error!(detail, "the predictor failed");
                Err(failed(PredictorFailure::Failed))
            }
            Ok(Err(error)) => Err(ApiError::of_prediction("patient".into(), error)),
            Err(_) => Err(failed(PredictorFailure::Panicked)),
        }
    }
}

/// Says, when it is dropped, that nobody waits any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
