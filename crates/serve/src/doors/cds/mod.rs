//! CDS Hooks 2 (<https://cds-hooks.hl7.org/2.0/>): what an EHR asks when a chart is opened, an order written, a visit
//! begun or ended, and the cards that it shows.
//!
//! What a card rests on comes with the call (`prefetch`). What lacks is fetched from `fhirServer` with the call's token, if the
//! operator has named that server (`crate::fetch`); otherwise nothing is opened. Where required data still lacks, the answer is 412.

mod call;
mod card;
pub(super) mod feedback;
mod services;

use super::{
    Door, Rule,
    ask::{self, Read, read_patient},
    head::Head,
};
use crate::{
    AppState, Patient, PatientError, PatientRisk, RiskQuestion, error::ApiError, fetch::Fetched,
    frame::ErrorBody, record::CallNotes, traces::step,
};
use axum::{
    Extension, Json,
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use call::{Gap, HookCall, Missing};
use card::{Card, CardsAnswer, Stands};
use govern::access::Scope;
use serde_json::json;
use services::{Service, ServicesAnswer};
use std::sync::Arc;

pub(super) fn doors() -> Vec<Door> {
    vec![
        Door::new("/cds-services", Rule::Service(Scope::Cds), get(discovery)),
        Door::new("/cds-services/{id}", Rule::Answer(Scope::Cds, no_cards), post(hook)),
        Door::new("/cds-services/{id}/feedback", Rule::Recorded(Scope::Cds), post(feedback::feedback)),
    ]
}

/// What an EHR gets of a model that may not be seen: silence.
fn no_cards(_: ApiError) -> Response {
    Json(json!({ "cards": [] })).into_response()
}

/// The services that an EHR can call
///
/// One for each hook, with the prefetch templates that it needs.
#[utoipa::path(
    get, path = "/cds-services", tag = "cds hooks",
    responses(
        (status = 200, description = "The services", body = ServicesAnswer),
        (status = 401, description = "The key or token is missing or wrong", body = ErrorBody),
    )
)]
pub(super) async fn discovery() -> Json<ServicesAnswer> {
    Json(ServicesAnswer::all())
}

/// Cards for a patient
///
/// Answers with a card when the model sees a risk that stands out for the patient's age and sex, and with none
/// otherwise. A card says as of when it holds: the record's last event. Of the dead, and of who has no dated event beside birth, there is none,
/// and `extension` says why. The patient's record is what was prefetched, and, where the server's operator has named the call's `fhirServer`,
/// what was fetched from there for what lacked. Nothing is kept.
#[utoipa::path(
    post, path = "/cds-services/{id}", tag = "cds hooks",
    params(("id" = String, Path, description = "The service, as discovery lists it", example = "osler-patient-view")),
    request_body(content = call::HookSchema, description = "The call, as CDS Hooks 2 has it"),
    responses(
        (status = 200, description = "The cards, or none", body = CardsAnswer),
        (status = 400, description = "The call can't be read", body = ErrorBody),
        (status = 401, description = "The key or token is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such service", body = ErrorBody),
        (status = 412, description = "Data that the service needs was neither prefetched nor fetched", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 429, description = "Too much to do; Retry-After says when to come again", body = ErrorBody),
    )
)]
pub(super) async fn hook(
    state: AppState,
    Path(id): Path<String>,
    Extension(notes): Extension<CallNotes>,
    head: Head,
    body: Body,
) -> Result<Response, ApiError> {
    let service = Service::of(&id).ok_or(ApiError::NotFound)?;
    let servers = state.fhir_servers().cloned();
    let look = {
        let servers = servers.clone();
        move |_: &AppState, body: &[u8]| HookCall::missing(body, service, servers.as_ref())
    };
    let wait = |missing| async move {
        match (missing, servers) {
            (Missing::Fetch(wanted), Some(servers)) => step("fetch", servers.fetch(wanted)).await,
            (Missing::Unfetched(lack), _) => Fetched { lack: Some(lack), ..Fetched::default() },
            _ => Fetched::default(),
        }
    };
    let read = move |state: &AppState, body: &[u8], fetched: Fetched| {
        let call = HookCall::read(body, service, &fetched)?;
        let patient = read_patient(state, &call.bundle()?, "prefetch").map_err(lacking)?;
        if patient.last_event().is_none() {
            // What follows birth is told of newborns; of others it would be told as if nothing had happened since.
            let detail = "the record holds no dated event beside birth".into();
            return Err(ApiError::OutOfScope { path: "prefetch".into(), detail });
        }
        let question = RiskQuestion::new(patient.clone(), state.model().default_codes());
        Ok(Read { questions: vec![question], rest: (patient, call.gaps) })
    };
    let write = |(patient, gaps): (Arc<Patient>, Vec<Gap>), risks: Vec<PatientRisk>| {
        let risk = risks.first().ok_or(ApiError::Internal)?;
        let last = patient.last_event().ok_or(ApiError::Internal)?;
        let stands = Stands::new(state.predictor().as_sent(last), (state.governance().clock)());
        let card = Card::of(state.model(), state.stage(), patient.counts, risk, &gaps, &stands)?;
        let cards: Vec<Card> = card.into_iter().collect();
        for card in &cards {
            notes.shows_card(card.uuid());
        }
        Ok(Json(CardsAnswer::of(cards)).into_response())
    };
    let path = |_: &(Arc<Patient>, Vec<Gap>), _| "prefetch".to_owned();
    match ask::answer_after(&state, &head, body, look, wait, read, path, write).await {
        // An EHR is answered all the same: it asks about every patient.
        Err(ApiError::OutOfScope { detail, .. }) => Ok(Json(CardsAnswer::none(detail)).into_response()),
        answer => answer,
    }
}

/// A record that lacks what a prediction needs is a precondition that isn't met.
fn lacking(error: ApiError) -> ApiError {
    match error {
        ApiError::Patient {
            error: error @ (PatientError::NoBirth | PatientError::NoEvents | PatientError::NoPatient),
            ..
        } => ApiError::PreconditionFailed { what: error.to_string().into() },
        other => other,
    }
}
