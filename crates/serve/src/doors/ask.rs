//! What every door that asks the model does: let in, read on a thread where time may be taken, queue for the engine, answer
//! in time. A door says how it reads and how it writes.

use super::head::Head;
use crate::{
    AppState, Patient,
    body::{receive_json, within_bounds},
    engine::{Asks, EngineError},
    error::{ApiError, PredictorFailure},
    traces::step,
    wire,
};
use axum::body::Body;
use events::Code;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::time::timeout_at;

/// A request, read: questions about patients, and what only the door's answer needs.
pub(super) struct Read<Q, T> {
    pub(super) questions: Vec<Q>,
    pub(super) rest: T,
}

/// Reads a request by `read`, asks the model, and answers by `write`; `path` says how errors name the patient with this
/// index. A request without questions is answered without the model.
pub(super) async fn answer<Q, T, R>(
    state: &AppState,
    head: &Head,
    body: Body,
    read: impl FnOnce(&AppState, &[u8]) -> Result<Read<Q, T>, ApiError> + Send + 'static,
    path: impl Fn(&T, usize) -> String,
    write: impl FnOnce(T, Vec<Q::Answer>) -> Result<R, ApiError>,
) -> Result<R, ApiError>
where
    Q: Asks + Send + 'static,
    T: Send + 'static,
{
    let nothing = |_: &AppState, _: &[u8]| Ok(());
    let at_once = |()| async {};
    let read = move |state: &AppState, body: &[u8], ()| read(state, body);
    answer_after(state, head, body, nothing, at_once, read, path, write).await
}

/// As [`answer`], for what must be waited for between a look at the request and its reading: `look` says what, `wait` gets it.
#[expect(clippy::too_many_arguments, reason = "three steps of a door, each its own")]
pub(super) async fn answer_after<Q, T, W, F, G, R>(
    state: &AppState,
    head: &Head,
    body: Body,
    look: impl FnOnce(&AppState, &[u8]) -> Result<W, ApiError> + Send + 'static,
    wait: impl FnOnce(W) -> F,
    read: impl FnOnce(&AppState, &[u8], G) -> Result<Read<Q, T>, ApiError> + Send + 'static,
    path: impl Fn(&T, usize) -> String,
    write: impl FnOnce(T, Vec<Q::Answer>) -> Result<R, ApiError>,
) -> Result<R, ApiError>
where
    Q: Asks + Send + 'static,
    T: Send + 'static,
    W: Send + 'static,
    F: Future<Output = G>,
    G: Send + 'static,
{
    let admission = state.admit()?;
    let (_permit, deadline) = (admission.permit, admission.deadline);
    let work = async {
        let body = Arc::new(step("receive", receive_json(state, head, body)).await?);
        // What is read of it takes memory as well, for as long as it is worked on.
        let _held = body.held();
        let looked_at = body.clone();
        let wanted = on_reader(state, move |state| {
            within_bounds(looked_at.bytes(), state.settings().max_json_depth)?;
            look(state, looked_at.bytes())
        })
        .await?;
        let got = wait(wanted).await;
        // Only now: no batch, and no silent question, waits for a body that trickles in.
        let arrival = state.engine().expect_arrival();
        let reading = on_reader(state, move |state| read(state, body.bytes(), got));
        let Read { questions, rest } = step("read", reading).await?;
        for (index, question) in questions.iter().enumerate() {
            question.foretells().map_or(Ok(()), |patient| alive(patient, || path(&rest, index)))?;
        }
        let risks =
            head.notes.is_mirrored().then(|| questions.iter().filter_map(Asks::as_risk).cloned().collect());
        let asked = step("model", state.engine().ask(questions, &head.asker, deadline, arrival)).await;
        if matches!(asked, Ok(_) | Err((_, EngineError::Predict(_) | EngineError::Broken(_)))) {
            head.notes.model_was_asked();
        }
        let answers = asked.map_err(|(index, error)| match error {
            EngineError::Full => ApiError::Overloaded,
            EngineError::Late => ApiError::DeadlineExceeded,
            EngineError::Closed => ApiError::Draining,
            EngineError::Predict(error) => ApiError::of_prediction(path(&rest, index), error),
            EngineError::Broken(kind) => ApiError::Predictor { kind },
        })?;
        if let Some(risks) = risks {
            head.notes.asked(risks);
        }
        write(rest, answers)
    };
    timeout_at(deadline.into(), work).await.unwrap_or(Err(ApiError::DeadlineExceeded))
}

/// Reads a request by `read` on a thread where time may be taken, and asks the model nothing.
pub(super) async fn read<T: Send + 'static>(
    state: &AppState,
    head: &Head,
    body: Body,
    read: impl FnOnce(&AppState, &[u8]) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let read = move |state: &AppState, body: &[u8], ()| read(state, body);
    read_after(state, head, body, async { Ok(()) }, read).await
}

/// As [`read`], for what must be waited for between the body's arrival and its reading. A body that trickles in makes nobody wait.
pub(super) async fn read_after<T: Send + 'static, G: Send + 'static>(
    state: &AppState,
    head: &Head,
    body: Body,
    wait: impl Future<Output = Result<G, ApiError>>,
    read: impl FnOnce(&AppState, &[u8], G) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let admission = state.admit()?;
    let (_permit, deadline) = (admission.permit, admission.deadline);
    let work = async {
        let body = receive_json(state, head, body).await?;
        let _held = body.held();
        let got = wait.await?;
        on_reader(state, move |state| {
            within_bounds(body.bytes(), state.settings().max_json_depth)?;
            read(state, body.bytes(), got)
        })
        .await
    };
    timeout_at(deadline.into(), work).await.unwrap_or(Err(ApiError::DeadlineExceeded))
}

/// Refuses to foretell anything of the dead; `at` says where the record stands in the request.
pub(super) fn alive(patient: &Patient, at: impl FnOnce() -> String) -> Result<(), ApiError> {
    if patient.subject.events().iter().any(|event| event.code.as_str() == Code::DEATH) {
        return Err(ApiError::OutOfScope { path: at(), detail: "the record ends in death".into() });
    }
    if patient.dead {
        let detail = "the record says that its patient has died, and not since when".into();
        return Err(ApiError::OutOfScope { path: at(), detail });
    }
    Ok(())
}

/// Reads one patient's record and counts it; `at` says where it stands in the request.
pub(super) fn read_patient(state: &AppState, record: &RawValue, at: &str) -> Result<Arc<Patient>, ApiError> {
    read_patient_onto(state, record, None, at)
}

/// The same, added to what is known of a patient.
pub(super) fn read_patient_onto(
    state: &AppState,
    record: &RawValue,
    known: Option<&Patient>,
    at: &str,
) -> Result<Arc<Patient>, ApiError> {
    // A record that came as text within the request has bounds of its own.
    within_bounds(record.get().as_bytes(), state.settings().max_json_depth)?;
    let patient = wire::read_patient(&**state.predictor(), record, known, at)?;
    state.metrics().record_read(patient.counts);
    Ok(Arc::new(patient))
}

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
