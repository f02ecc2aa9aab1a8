//! What became of a card, as the EHR tells it.

use super::{card::OVERRIDE_REASONS, services::Service};
use crate::{
    AppState,
    body::{receive_json, within_bounds},
    error::ApiError,
    frame::ErrorBody,
    record::CallNotes,
    uuid::is_uuid,
    wire::{from_json, parse_time},
};
use axum::{
    Extension,
    body::Body,
    extract::Path,
    http::{HeaderMap, StatusCode},
};
use events::SourceTime;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// The most cards that one report may speak of.
const MAX_REPORTS: usize = 100;

/// What became of cards.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"feedback": [{
    "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "outcome": "overridden",
    "overrideReason": {"reason": {"system": "urn:osler:override-reason", "code": "known"}},
    "outcomeTimestamp": "2026-11-26T10:00:00Z"}]}))]
pub(crate) struct FeedbackRequest<'a> {
    #[serde(borrow)]
    feedback: Vec<Report<'a>>,
}

/// What became of a card.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    /// The card's `uuid`.
    #[serde(borrow)]
    card: Cow<'a, str>,
    /// `accepted` or `overridden`.
    outcome: Outcome,
    /// Why it was set aside.
    #[serde(borrow, default)]
    override_reason: Option<OverrideReason<'a>>,
    /// When.
    #[serde(borrow, default)]
    outcome_timestamp: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Accepted,
    Overridden,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OverrideReason<'a> {
    #[serde(borrow, default)]
    reason: Option<Reason<'a>>,
    /// Free text. It may speak of the patient, and is not kept; that there was some is.
    #[serde(borrow, default)]
    user_comment: Option<Cow<'a, str>>,
}

#[derive(Deserialize, ToSchema)]
struct Reason<'a> {
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

/// As it is recorded: nothing in it is free text.
#[derive(Serialize)]
struct Kept<'a> {
    card: &'a str,
    outcome: Outcome,
    reason: Option<&'a str>,
    commented: bool,
    time: Option<String>,
}

/// What became of cards
///
/// Recorded in the ledger beside the call that showed the card. Free-text comments are not kept.
#[utoipa::path(
    post, path = "/cds-services/{id}/feedback", tag = "cds hooks",
    params(("id" = String, Path, description = "The service that showed the card", example = "osler-patient-view")),
    request_body(content = FeedbackRequest),
    responses(
        (status = 200, description = "It is recorded"),
        (status = 400, description = "The report can't be read", body = ErrorBody),
        (status = 401, description = "The key or token is missing or wrong", body = ErrorBody),
        (status = 404, description = "There is no such service", body = ErrorBody),
    )
)]
pub(crate) async fn feedback(
    state: AppState,
    Path(id): Path<String>,
    Extension(notes): Extension<CallNotes>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    Service::of(&id).ok_or(ApiError::NotFound)?;
    let body = receive_json(&state, &headers, body).await?;
    within_bounds(body.bytes(), state.settings().max_json_depth)?;
    let request: FeedbackRequest<'_> = from_json(body.bytes(), "body")?;
    if request.feedback.is_empty() || request.feedback.len() > MAX_REPORTS {
        return Err(ApiError::invalid("body.feedback", "must speak of 1 to 100 cards"));
    }
    let mut kept = Vec::with_capacity(request.feedback.len());
    for (index, report) in request.feedback.iter().enumerate() {
        if !is_uuid(&report.card) {
            return Err(ApiError::invalid(format!("feedback[{index}].card"), "is no UUID of a card"));
        }
        notes.shows_card(&report.card);
        let reason = report.override_reason.as_ref();
        kept.push(Kept {
            card: &report.card,
            outcome: report.outcome,
            reason: reason.and_then(|reason| reason.reason.as_ref()?.code.as_deref()).map(known_reason),
            commented: reason.is_some_and(|reason| reason.user_comment.is_some()),
            time: report.outcome_timestamp.as_deref().and_then(instant),
        });
    }
    notes.tells(serde_json::to_value(&kept).map_err(|_| ApiError::Internal)?);
    Ok(StatusCode::OK)
}

/// A reason that cards offer; what else an EHR says is its own, and may speak of a patient.
fn known_reason(code: &str) -> &'static str {
    OVERRIDE_REASONS.iter().find(|(known, _)| *known == code).map_or("other", |(known, _)| known)
}

/// A moment as RFC 3339 writes it, to the second and with its zone: digits beyond could say anything.
fn instant(text: &str) -> Option<String> {
    let (clock, rest) = text.split_at_checked(19)?;
    let SourceTime::DateTime(_) = parse_time(clock).filter(|_| clock.as_bytes()[10] == b'T')? else {
        return None;
    };
    let zone = rest.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let is_zone = zone == "Z"
        || zone.len() == 6 && zone.starts_with(['+', '-']) && parse_time(&format!("{clock}{zone}")).is_some();
    is_zone.then(|| format!("{clock}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_report_only_a_moment_and_a_known_word_are_kept() {
        for (text, kept) in [
            ("2026-11-26T10:00:00Z", Some("2026-11-26T10:00:00Z")),
            ("2026-11-26T10:00:00.078051120Z", Some("2026-11-26T10:00:00Z")),
            ("2026-11-26T10:00:00.5-05:00", Some("2026-11-26T10:00:00-05:00")),
            ("2026-11-26", None),
            ("2026-11-26T10:00:00", None),
            ("078-05-1120", None),
            ("2026-13-26T10:00:00Z", None),
            ("2026-11-26T10:00:00+99:99", None),
            ("2026-11-26T10:00:00ZZ", None),
            ("1111111111111111111111111", None),
        ] {
            assert_eq!(instant(text).as_deref(), kept, "{text}");
        }
        assert_eq!(
            ["known", "disagree", "MRN-0012345", ""].map(known_reason),
            ["known", "disagree", "other", "other"]
        );
    }
}
