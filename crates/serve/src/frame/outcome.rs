//! Errors as FHIR's clients read them.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An OperationOutcome with the code of the one table in `details` and the message in `diagnostics`.
pub(super) fn write(status: StatusCode, code: &str, message: &str) -> Response {
    let details = json!({ "coding": [{ "system": "urn:osler:error", "code": code }] });
    let issue =
        json!({ "severity": "error", "code": kind(status), "details": details, "diagnostics": message });
    let outcome = json!({ "resourceType": "OperationOutcome", "issue": [issue] });
    (status, [(header::CONTENT_TYPE, "application/fhir+json")], outcome.to_string()).into_response()
}

/// <http://hl7.org/fhir/R4/valueset-issue-type.html>
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "login",
        403 => "forbidden",
        404 => "not-found",
        405 | 415 => "not-supported",
        408 | 504 => "timeout",
        410 => "deleted",
        412 => "required",
        413 => "too-long",
        422 => "processing",
        429 => "throttled",
        503 => "transient",
        400..500 => "invalid",
        _ => "exception",
    }
}
