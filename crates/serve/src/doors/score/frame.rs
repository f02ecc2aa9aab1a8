//! Frames of patients: split into columns and rows, or a list of objects.

use crate::{error::ApiError, wire::from_json};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The rows' records, and how many risks each is to have.
pub(super) struct Asked {
    pub(super) rows: Vec<Box<RawValue>>,
    pub(super) top: Option<usize>,
}

/// Rows for a managed endpoint.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"input_data": {"columns": ["patient"], "index": [0], "data": [[{"events": [
    {"code": "GENDER//F"}, {"time": "1958-05-01", "code": "MEDS_BIRTH"}, {"time": "2019-03-04", "code": "ICD10CM//E11.9"}]}]]},
    "params": {"top": 3}}))]
pub(crate) struct ScoreRequest<'a> {
    /// A frame with `columns` and `data`, or a list of objects.
    #[serde(borrow)]
    #[schema(value_type = serde_json::Value)]
    input_data: &'a RawValue,
    #[serde(default)]
    params: Option<Params>,
}

/// Rows for MLflow: one of the four.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"dataframe_records": [{"patient": {"events": [
    {"code": "GENDER//F"}, {"time": "1958-05-01", "code": "MEDS_BIRTH"}, {"time": "2019-03-04", "code": "ICD10CM//E11.9"}]}}]}))]
pub(crate) struct InvocationsRequest<'a> {
    #[serde(borrow, default)]
    #[schema(value_type = Option<serde_json::Value>)]
    dataframe_split: Option<&'a RawValue>,
    #[serde(borrow, default)]
    #[schema(value_type = Option<serde_json::Value>)]
    dataframe_records: Option<&'a RawValue>,
    #[serde(borrow, default)]
    #[schema(value_type = Option<serde_json::Value>)]
    instances: Option<&'a RawValue>,
    #[serde(borrow, default)]
    #[schema(value_type = Option<serde_json::Value>)]
    inputs: Option<&'a RawValue>,
    #[serde(default)]
    params: Option<Params>,
}

/// What else is asked.
#[derive(Deserialize, utoipa::ToSchema)]
struct Params {
    /// How many risks a patient.
    #[serde(default)]
    #[schema(minimum = 1)]
    top: Option<usize>,
}

#[derive(Deserialize)]
struct Split<'a> {
    columns: Vec<String>,
    #[serde(borrow)]
    data: Vec<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, default)]
    patient: Option<&'a RawValue>,
}

impl Asked {
    pub(super) fn score(body: &[u8]) -> Result<Asked, ApiError> {
        let request: ScoreRequest<'_> = from_json(body, "body")?;
        Asked::new(request.input_data, request.params)
    }

    pub(super) fn invocations(body: &[u8]) -> Result<Asked, ApiError> {
        let request: InvocationsRequest<'_> = from_json(body, "body")?;
        let sent = [request.dataframe_split, request.dataframe_records, request.instances, request.inputs];
        let mut sent = sent.into_iter().flatten();
        match (sent.next(), sent.next()) {
            (Some(rows), None) => Asked::new(rows, request.params),
            _ => Err(ApiError::invalid(
                "body",
                "send one of dataframe_split, dataframe_records, instances, inputs",
            )),
        }
    }

    fn new(rows: &RawValue, params: Option<Params>) -> Result<Asked, ApiError> {
        let top = params.and_then(|params| params.top);
        if top == Some(0) {
            return Err(ApiError::invalid("params.top", "must be at least 1"));
        }
        let rows = records(rows)?;
        if rows.is_empty() {
            return Err(ApiError::invalid("body", "holds no row"));
        }
        Ok(Asked { rows, top })
    }
}

fn records(sent: &RawValue) -> Result<Vec<Box<RawValue>>, ApiError> {
    let json = sent.get().as_bytes();
    if json.first() == Some(&b'[') {
        let rows: Vec<&RawValue> = from_json(json, "rows")?;
        return rows
            .into_iter()
            .enumerate()
            .map(|(index, row)| {
                let at = format!("row[{index}]");
                let inner = match row.get().as_bytes().first() {
                    Some(b'{') => from_json::<Row<'_>>(row.get().as_bytes(), &at)?.patient,
                    _ => None,
                };
                record(inner.unwrap_or(row), &at)
            })
            .collect();
    }
    let split: Split<'_> = from_json(json, "frame")?;
    let place = match split.columns.iter().position(|name| name == "patient") {
        Some(place) => place,
        None if split.columns.len() == 1 => 0,
        None => return Err(ApiError::invalid("frame.columns", "holds no column named patient")),
    };
    let rows = split.data.iter().enumerate().map(|(index, row)| {
        let at = format!("row[{index}]");
        let cell =
            row.get(place).ok_or_else(|| ApiError::invalid(at.clone(), "has fewer cells than columns"))?;
        record(cell, &at)
    });
    rows.collect()
}

/// A record as it is, or as text.
fn record(cell: &RawValue, at: &str) -> Result<Box<RawValue>, ApiError> {
    if cell.get().starts_with('"') {
        let text: Cow<'_, str> = from_json(cell.get().as_bytes(), at)?;
        return RawValue::from_string(text.into_owned())
            .map_err(|_| ApiError::invalid(at, "is text, but not that of a JSON record"));
    }
    Ok(cell.to_owned())
}
