//! The ledger's side of a call: what came in is digested as it passes, what goes out is recorded first, and what
//! the model's stage doesn't allow is kept back. It stands before every door that answers about a patient, so that
//! no door can forget it.

mod digest;
mod keep;

use crate::{
    AppState, Models, RiskQuestion,
    access::{is_granted, not_retired},
    choose,
    doors::Rule,
    error::ApiError,
    frame::{RequestId, without_panic},
    late::{Late, Settled},
    mirror::Mirror,
    traces::{noted, step, took},
};
use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use digest::Digested;
use govern::{
    Error,
    access::Caller,
    ledger::{Appended, Call, ModelState, Record},
    lifecycle::Stage,
    stamp,
};
use http_body_util::BodyExt;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Headers that say which model was asked, where it stands, and where the call is recorded. Errors have them too.
pub(crate) const ORIGIN_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-osler-model"),
    HeaderName::from_static("x-osler-stage"),
    HeaderName::from_static("x-osler-ledger"),
];

/// What only the door knows of a call, for its record.
#[derive(Clone, Default)]
pub(crate) struct CallNotes(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    input_digest: Option<String>,
    input: Option<Vec<Bytes>>,
    cards: Vec<String>,
    feedback: Option<serde_json::Value>,
    digest_alone: bool,
    kept: Option<String>,
    mirrored: Option<Vec<RiskQuestion>>,
    model_asked: bool,
    once_recorded: Option<Box<dyn FnOnce() + Send>>,
}

impl CallNotes {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer shows this card, or the call speaks of it.
    pub(crate) fn shows_card(&self, card: &str) {
        self.lock().cards.push(card.to_owned());
    }

    /// The call tells this, in words of ours.
    pub(crate) fn tells(&self, feedback: serde_json::Value) {
        self.lock().feedback = Some(feedback);
    }

    /// The answer is no less private than what was sent: the ledger keeps its digest alone, keyed, as of an input.
    pub(crate) fn keeps_digest_alone(&self) {
        self.lock().digest_alone = true;
    }

    /// The call is about a patient that is kept, by its name here.
    pub(crate) fn is_about_kept(&self, id: &str) {
        self.lock().kept = Some(id.to_owned());
    }

    /// Is another model to be asked too, after the answer?
    pub(crate) fn is_mirrored(&self) -> bool {
        self.lock().mirrored.is_some()
    }

    /// The call asked the model this.
    pub(crate) fn asked(&self, questions: Vec<RiskQuestion>) {
        self.lock().mirrored = Some(questions);
    }

    /// The model was asked: whatever is answered from here on, an error too, may tell what it said.
    pub(crate) fn model_was_asked(&self) {
        self.lock().model_asked = true;
    }

    /// What the call changes here, done when its entry is written, and not at all where that fails or the call isn't answered well.
    pub(crate) fn once_recorded(&self, change: impl FnOnce() + Send + 'static) {
        self.lock().once_recorded = Some(Box::new(change));
    }

    /// Has all of the call arrived, at a server that records it?
    fn has_arrived(&self) -> bool {
        self.lock().input_digest.is_some()
    }

    fn input_arrived(&self, digest: String, input: Option<Vec<Bytes>>) {
        let mut notes = self.lock();
        notes.input_digest = Some(digest);
        notes.input = input;
    }
}

/// Records a call and lets its answer out, or not.
pub(crate) async fn record(State(models): State<Models>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let rule = path.as_deref().and_then(|path| models.default().rule(path));
    let (withheld, path) = match (rule, path) {
        (Some(Rule::Answer(_, withheld)), Some(path)) => (Some(withheld), path),
        (Some(Rule::Recorded(_)), Some(path)) => (None, path),
        (_, path) => {
            let caller = request.extensions().get::<Caller>().cloned().unwrap_or_else(Caller::local);
            let unnamed = first_granted(&models, &caller);
            let path = path.as_deref().unwrap_or_default();
            let (mut request, chosen) = choose::of_service(&models, unnamed, request, path).await;
            return match chosen {
                Ok(state) => {
                    request.extensions_mut().insert(state);
                    next.run(request).await
                }
                Err(error) => error.into_response(),
            };
        }
    };
    let caller = request.extensions().get::<Caller>().cloned().unwrap_or_else(Caller::local);
    let begun = Instant::now();
    let notes = CallNotes::default();
    request.extensions_mut().insert(notes.clone());
    if let Some(ledger) = &models.default().governance().ledger {
        let hasher = ledger.input_hasher();
        let (digested, hold) = (notes.clone(), models.default().governance().inputs.is_some());
        let arrived = move |digest, input| digested.input_arrived(digest, input);
        request = request.map(|body| Body::new(Digested::new(body, hasher, hold, arrived)));
    }
    let unnamed = match withheld {
        Some(_) => models.default(),
        // What only tells the server something tells it to a model that the caller may ask, where there is one.
        None => first_granted(&models, &caller),
    };
    let (mut request, chosen) = choose::of_call(&models, unnamed, request, &path).await;
    let (state, refused) = match chosen {
        Ok(state) if !is_granted(&caller, &state) => return ApiError::ModelNotGranted.into_response(),
        Ok(state) => match not_retired(&state) {
            Ok(stage) => (state.at(stage), None),
            Err(error) if withheld.is_some() => return error.into_response(),
            Err(_) => (state.at(Stage::Retired), None),
        },
        // What is wrong with a call whose model can't be told is the caller's to know, whichever models there are. It is on record as one
        // to the model that is asked where none is named.
        Err(error) => (models.default().at(models.default().stage()), Some(error)),
    };
    let call = started(&state, &request, &caller, &path);
    let mirrored = models.mirror_of(&state).is_some_and(Mirror::takes);
    if mirrored {
        notes.asked(Vec::new());
    }
    let place = models.common().settling.clone().try_acquire_owned().ok();
    // On a task of its own: a caller who leaves takes the connection's future along, and what was asked or changed by then goes on record
    // all the same.
    let (here, left) = oneshot::channel::<()>();
    let answering = async move {
        let mut response = match refused {
            Some(error) => error.into_response(),
            None => {
                request.extensions_mut().insert(state.clone());
                let door = without_panic(next.run(request));
                tokio::select! {
                    biased;
                    response = door => response,
                    _ = left => match notes.has_arrived() {
                        true => ApiError::CallerLeft.into_response(),
                        // Nothing was asked.
                        false => return ApiError::CallerLeft.into_response(),
                    },
                }
            }
        };
        let call = Unsettled { models, state, call, notes, caller, withheld, begun, _place: place };
        match response.extensions_mut().remove::<Late>() {
            Some(late) => call.settle_later(late),
            None => call.settle(response).await,
        }
    };
    let answered = tokio::spawn(noted(answering)).await;
    drop(here);
    match answered {
        Ok((response, steps)) => {
            took(steps);
            response
        }
        Err(_) => ApiError::Internal.into_response(),
    }
}

/// The first model that a caller may ask; that which is first, where there is none.
fn first_granted<'m>(models: &'m Models, caller: &Caller) -> &'m AppState {
    models.all().iter().find(|state| is_granted(caller, state)).unwrap_or(models.default())
}

/// A call that was answered, and whose answer must not leave yet.
struct Unsettled {
    models: Models,
    state: AppState,
    call: Call,
    notes: CallNotes,
    caller: Caller,
    withheld: Option<fn(ApiError) -> Response>,
    begun: Instant,
    /// Among those that a server waits for before it ends.
    _place: Option<OwnedSemaphorePermit>,
}

impl Unsettled {
    /// Records the call; what may leave is returned.
    async fn settle(self, response: Response) -> Response {
        let Unsettled { models, state, mut call, notes, caller, withheld, begun, _place } = self;
        let tells = response.status().is_success() || notes.lock().model_asked;
        let refusal =
            if tells && withheld.is_some() { refused_now(&state, &mut call, &caller) } else { None };
        let mut kept_back = withheld.zip(refusal);
        let (head, body) = response.into_parts();
        // Answers are made in memory; one that fails to arrive from there is our own failure.
        let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
            return ApiError::Internal.into_response();
        };
        call.withheld = kept_back.is_some();
        call.status = head.status.as_u16();
        call.latency_ms = (begun.elapsed().as_secs_f64() * 1e5).round() / 100.0;
        tell_output(
            &mut call,
            head.extensions.get::<ApiError>(),
            &body,
            state.settings().max_ledger_output_bytes,
        );
        let (questions, input, change) = {
            let mut notes = notes.lock();
            call.input_digest = notes.input_digest.take();
            let input = notes.input.take();
            call.cards = std::mem::take(&mut notes.cards);
            call.feedback = notes.feedback.take();
            call.kept_patient = notes.kept.take();
            if notes.digest_alone {
                call.output = None;
                call.output_digest = keyed_digest(&state, &body);
            }
            let mirrored = notes.mirrored.take();
            let change = notes.once_recorded.take().filter(|_| head.status.is_success());
            (mirrored.filter(|questions| head.status.is_success() && !questions.is_empty()), input, change)
        };
        // Before its entry: an entry whose input should be there leads to it.
        if let Err(error) = keep::input(&state, call.input_digest.as_deref(), input).await {
            return error.into_response();
        }
        // What was answered is not repeated in the record of what was asked silently, nor in a second one of this call.
        let output = call.output.take();
        let mut again = Call { feedback: None, cards: Vec::new(), ..call.clone() };
        call.output = output;
        let asked = questions.is_some().then(|| again.clone());
        let mut appended = match append(&state, call).await {
            Ok(appended) => appended,
            Err(error) => return error.into_response(),
        };
        if let Some(change) = change {
            change();
        }
        // A database may take seconds to write it, and the model may have been taken back meanwhile. The ledger then says of the same
        // call that it was withheld after all.
        if tells
            && kept_back.is_none()
            && let Some(refusal) = withheld.and_then(|_| refused_now(&state, &mut again, &caller))
        {
            again.withheld = true;
            kept_back = withheld.zip(Some(refusal));
            appended = match append(&state, again.clone()).await {
                Ok(appended) => appended,
                Err(error) => return error.into_response(),
            };
        }
        let (digest, stage) = (again.model.digest, again.model.stage);
        if let (Some(mirror), Some(questions), Some(asked)) = (models.mirror_of(&state), questions, asked)
            && kept_back.is_none()
        {
            mirror.ask(questions, asked);
        }
        let mut response = match kept_back {
            Some((withheld, refusal)) => {
                state.metrics().withheld();
                withheld(refusal)
            }
            None => Response::from_parts(head, Body::from(body)),
        };
        state_origin(response.headers_mut(), &digest, Some(stage), appended);
        response
    }

    /// The same for an answer that is still to come: its progress leaves meanwhile, and it when it is recorded.
    fn settle_later(self, late: Late) -> Response {
        let digest = self.call.model.digest.clone();
        let request_id = self.call.request_id.clone();
        let settle = move |answer: Result<Bytes, ApiError>| async move {
            let response =
                answer.map_or_else(ApiError::into_response, |body| Body::from(body).into_response());
            let response = self.settle(response).await;
            let link = response.headers().get(&ORIGIN_HEADERS[2]).and_then(|link| link.to_str().ok());
            let link = link.map(str::to_owned);
            let body = match response.extensions().get::<ApiError>() {
                Some(error) => Err(Bytes::from(error.body(&request_id))),
                None => match response.into_body().collect().await {
                    Ok(body) => Ok(body.to_bytes()),
                    Err(_) => Err(Bytes::from(ApiError::Internal.body(&request_id))),
                },
            };
            Settled { body, link }
        };
        let Some(body) = late.stream(settle) else { return ApiError::Internal.into_response() };
        let mut response = ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response();
        // Where the model stands is told with the answer: it may be taken back before that is there.
        state_origin(response.headers_mut(), &digest, None, None);
        response
    }
}

/// The stages whose answers a caller may see. Here is the leash: every door that answers about a patient passes
/// through it.
fn may_see(stage: Stage, caller: &Caller, state: &AppState) -> bool {
    match stage {
        Stage::Live => true,
        Stage::Draft | Stage::Validated => {
            let model = &state.model().description;
            caller.may_try(&model.name, &model.digest)
        }
        Stage::Silent | Stage::Retired => false,
    }
}

/// Why an answer stays here, though the model was asked when it might be: by the stricter of where it stood when the call came and
/// where it stands now, which the record then states. An answer that says otherwise of the stage doesn't leave either.
fn refused_now(state: &AppState, call: &mut Call, caller: &Caller) -> Option<ApiError> {
    let Some(now) = state.known_stage() else { return Some(ApiError::StageUnavailable) };
    let begun = call.model.stage;
    if strictness(now) > strictness(begun) {
        call.model.stage = now;
    }
    match call.model.stage {
        Stage::Retired => Some(ApiError::Retired),
        stage if !may_see(stage, caller, state) => Some(ApiError::Withheld { stage }),
        stage if stage != begun => Some(ApiError::StageUnavailable),
        _ => None,
    }
}

/// How few may see the answers of a model that stands there.
const fn strictness(stage: Stage) -> u8 {
    match stage {
        Stage::Live => 0,
        Stage::Draft | Stage::Validated => 1,
        Stage::Silent => 2,
        Stage::Retired => 3,
    }
}

fn started(state: &AppState, request: &Request, caller: &Caller, path: &str) -> Call {
    let model = &state.model().description;
    Call {
        time: stamp((state.governance().clock)()),
        request_id: request.extensions().get::<RequestId>().map_or("", RequestId::as_str).to_owned(),
        caller: caller.id.clone(),
        door: format!("{} {path}", request.method()),
        // As the doors state it, until the answer is settled.
        model: ModelState { name: model.name.clone(), digest: model.digest.clone(), stage: state.stage() },
        input_digest: None,
        status: 0,
        withheld: false,
        output_digest: String::new(),
        output: None,
        latency_ms: 0.0,
        cards: Vec::new(),
        feedback: None,
        kept_patient: None,
    }
}

fn tell_output(call: &mut Call, error: Option<&ApiError>, body: &Bytes, limit: usize) {
    call.output_digest = blake3::hash(body).to_hex().to_string();
    call.output = match error {
        // The body of an error is written further out; its code says what it was.
        Some(error) => Some(serde_json::json!({ "error": error.row().1 })),
        // A stream of events is text.
        None if body.len() <= limit => serde_json::from_slice(body)
            .ok()
            .or_else(|| std::str::from_utf8(body).ok().map(serde_json::Value::from)),
        None => None,
    };
}

/// As digests of inputs are: what is short could be guessed from an unkeyed one.
fn keyed_digest(state: &AppState, bytes: &[u8]) -> String {
    let keyed = state.governance().ledger.as_ref().map(|ledger| ledger.input_hasher());
    keyed.map_or_else(String::new, |mut hasher| hasher.update(bytes).finalize().to_hex().to_string())
}

pub(crate) async fn append(state: &AppState, call: Call) -> Result<Option<Appended>, ApiError> {
    let Some(ledger) = &state.governance().ledger else { return Ok(None) };
    let begun = Instant::now();
    match step("record", ledger.append(&Record::Call(Box::new(call)))).await {
        Ok(appended) => {
            state.metrics().recorded(appended.group, begun.elapsed());
            Ok(Some(appended))
        }
        Err(error) => {
            state.metrics().not_recorded();
            tracing::error!(%error, "a call could not be recorded, and was not answered");
            Err(match error {
                Error::LedgerBusy => ApiError::LedgerBusy,
                _ => ApiError::LedgerUnavailable,
            })
        }
    }
}

/// Each answer says which model gave it, where the model stands, and where the call is recorded.
fn state_origin(headers: &mut HeaderMap, digest: &str, stage: Option<Stage>, appended: Option<Appended>) {
    let link = appended.map(|appended| appended.link.to_string());
    let values = [Some(digest), stage.map(Stage::name), link.as_deref()];
    for (name, value) in ORIGIN_HEADERS.into_iter().zip(values) {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
}
