//! JSON to types, with errors that say where and what was expected, and never what was found.

use crate::error::ApiError;
use serde_json::error::Category;
use serde_path_to_error::Segment;
use std::{borrow::Cow, fmt::Write};

/// The names that may stand in an error's path. Others may come from a record.
const FIELDS: [&str; 29] = [
    "trajectories",
    "futures",
    "seed",
    "stream",
    "input_data",
    "params",
    "columns",
    "data",
    "messages",
    "content",
    "input",
    "hook",
    "hookInstance",
    "context",
    "feedback",
    "card",
    "patient",
    "patients",
    "codes",
    "kinds",
    "horizons_days",
    "top",
    "rank_by",
    "events",
    "omop",
    "time",
    "code",
    "numeric_value",
    "text_value",
];

/// Reads `T`; `at` names the whole (`body`, `patients[3]`).
pub(crate) fn from_json<'a, T: serde::Deserialize<'a>>(json: &'a [u8], at: &str) -> Result<T, ApiError> {
    // Keeping account of where it stands makes reading slower, so that is left to what can't be read.
    serde_json::from_slice(json).or_else(|_| with_account(json, at))
}

/// The same, with an account of the place for the error.
fn with_account<'a, T: serde::Deserialize<'a>>(json: &'a [u8], at: &str) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = known_path(at, error.path());
        explain(path, error.inner())
    })?;
    deserializer.end().map_err(|error| explain(at.to_owned(), &error))?;
    Ok(value)
}

fn explain(path: String, error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => {
            ApiError::invalid(path, format!("{} (line {line}, column {column})", reason(error)))
        }
        Category::Syntax | Category::Eof | Category::Io => ApiError::InvalidJson { line, column },
    }
}

/// The part of serde's message that it made itself. What was found stands in the middle and stays out.
fn reason(error: &serde_json::Error) -> Cow<'static, str> {
    let message = error.to_string();
    if message.starts_with("unknown field") {
        return "holds a field that isn't known here; see /docs for those that are".into();
    }
    if message.starts_with("missing field") || message.starts_with("duplicate field") {
        // These name a field of ours.
        return message.split(" at line ").next().unwrap_or_default().to_owned().into();
    }
    // Whatever was found, serde's own last words say what was expected.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => {
            format!("expected {}", expected.split(" at line ").next().unwrap_or_default()).into()
        }
        None => "can't be read; see /docs for what is expected".into(),
    }
}

fn known_path(at: &str, path: &serde_path_to_error::Path) -> String {
    let mut known = at.to_owned();
    for segment in path {
        // Writing to a String can't fail.
        let _ = match segment {
            Segment::Seq { index } => write!(known, "[{index}]"),
            Segment::Map { key } if FIELDS.contains(&key.as_str()) => write!(known, ".{key}"),
            _ => Ok(()),
        };
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RiskRequest;

    fn message(json: &str) -> String {
        match from_json::<RiskRequest>(json.as_bytes(), "body") {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.row().2.into_owned(),
        }
    }

    #[test]
    fn errors_say_where_and_what_was_expected_and_never_what_was_found() {
        for (json, wanted) in [
            (r#"{"patients":[{}],"top":"Ann Canary"}"#, "body.top: expected"),
            (r#"{"patients":"Ann Canary, expected Canary"}"#, "body.patients: expected a sequence"),
            (r#"{"codes":[1,"Canary"]}"#, "body.codes[0]: expected a string"),
            (r#"{"Ann Canary":1}"#, "a field that isn't known"),
            (r#"{"kinds":["Canary"]}"#, "body.kinds[0]: expected"),
            (r#"{"top":1,"top":2}"#, "duplicate field `top`"),
            (r#"{"patient": Canary}"#, "isn't valid JSON: see line 1"),
            (r#"{"patient": {"a":"#, "isn't valid JSON"),
            (r#"{} Canary"#, "isn't valid JSON"),
        ] {
            let got = message(json);
            assert!(got.contains(wanted), "{json}: {got}");
            assert!(!got.contains("Canary"), "{json}: {got}");
        }
        assert_eq!(message(r#"{"top":3}"#), "fine");
    }
}
