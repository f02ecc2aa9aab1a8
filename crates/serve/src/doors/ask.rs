//! What every door that asks the model does: read on a thread where time may be taken, then queue for the engine.

use crate::{
    AppState, Patient, PatientRisk, RiskQuestion,
    engine::{Arrival, EngineError},
    error::{ApiError, PredictorFailure},
};
use std::{sync::Arc, time::Instant};

/// Runs `read` on a thread where time may be taken, as many at once as the settings say. A panic in it is the
/// predictor's, which reads records.
pub(super) async fn on_reader<T: Send + 'static>(
    state: &AppState,
    read: impl FnOnce(&AppState) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    // The semaphore is never closed.
    let turn = state.readers().clone().acquire_owned().await.map_err(|_| ApiError::Draining)?;
    let on_thread = state.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        read(&on_thread)
    });
    reading.await.unwrap_or_else(|_| {
        state.metrics().predictor_failed(PredictorFailure::Panicked);
        Err(ApiError::Predictor { kind: PredictorFailure::Panicked })
    })
}

/// Asks the model about these patients; `path` says how errors name the one with this index.
pub(super) async fn predict(
    state: &AppState,
    patients: &[Arc<Patient>],
    codes: &Arc<[usize]>,
    path: impl Fn(usize) -> String,
    deadline: Instant,
    arrival: Arrival,
) -> Result<Vec<PatientRisk>, ApiError> {
    let question = |patient: &Arc<Patient>| RiskQuestion { patient: patient.clone(), codes: codes.clone() };
    let questions = patients.iter().map(question).collect();
    state.engine().ask(questions, deadline, arrival).await.map_err(|(index, error)| match error {
        EngineError::Full => ApiError::Overloaded,
        EngineError::Late => ApiError::DeadlineExceeded,
        EngineError::Closed => ApiError::Draining,
        EngineError::Predict(error) => ApiError::of_prediction(path(index), error),
        EngineError::Broken(kind) => ApiError::Predictor { kind },
    })
}
