//! The Arrow schemas of MEDS 0.4, with Osler's further columns.

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Events. `unit` is a further column, named in `dataset.json` as a code modifier.
pub(super) fn data() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("time", TIMESTAMP, true),
        Field::new("code", DataType::Utf8, false),
        Field::new("numeric_value", DataType::Float32, true),
        Field::new("text_value", DataType::LargeUtf8, true),
        Field::new("unit", DataType::Utf8, true),
    ]))
}

/// `metadata/subject_splits.parquet`.
pub(super) fn subject_splits() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("split", DataType::Utf8, false),
    ]))
}

/// `metadata/codes.parquet`.
pub(super) fn codes() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("code", DataType::Utf8, false),
        Field::new("description", DataType::Utf8, true),
        Field::new("parent_codes", DataType::new_list(DataType::Utf8, true), true),
        Field::new("is_procedure", DataType::Boolean, true),
    ]))
}

/// Boolean labels.
pub(super) fn labels() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("prediction_time", TIMESTAMP, false),
        Field::new("boolean_value", DataType::Boolean, false),
    ]))
}

/// Predictions: label columns, the probability, and what an evaluation needs beside it.
pub(super) fn predictions() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("prediction_time", TIMESTAMP, false),
        Field::new("boolean_value", DataType::Boolean, true),
        Field::new("predicted_boolean_probability", DataType::Float64, false),
        Field::new("task", DataType::Utf8, false),
        Field::new("horizon_days", DataType::Float32, false),
        Field::new("observed_days", DataType::Float32, true),
        Field::new("baseline_probability", DataType::Float64, true),
        Field::new("age_years", DataType::Float32, true),
        Field::new("sex", DataType::Utf8, false),
    ]))
}

/// Predictions with MEDS's columns alone, as meds-evaluation takes them.
pub(super) fn meds_predictions() -> SchemaRef {
    let mut fields: Vec<_> = predictions().fields().iter().take(3).cloned().collect();
    fields.push(Arc::new(Field::new("predicted_boolean_value", DataType::Boolean, true)));
    fields.push(Arc::new(Field::new("predicted_boolean_probability", DataType::Float64, false)));
    Arc::new(Schema::new(fields))
}

/// Predictions that were simulated: with their standard error, and the direct prediction beside them.
pub(super) fn simulated_predictions() -> SchemaRef {
    let mut fields: Vec<_> = predictions().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("standard_error", DataType::Float64, true)));
    fields.push(Arc::new(Field::new("direct_probability", DataType::Float64, false)));
    Arc::new(Schema::new(fields))
}

/// Events of simulated trajectories.
pub(super) fn trajectories() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("prediction_time", TIMESTAMP, false),
        Field::new("trajectory", DataType::Int32, false),
        Field::new("time", TIMESTAMP, false),
        Field::new("code", DataType::Utf8, false),
        Field::new("numeric_value", DataType::Float32, true),
        Field::new("unit", DataType::Utf8, true),
        Field::new("synthetic", DataType::Boolean, false),
    ]))
}

/// How each simulated trajectory ended.
pub(super) fn endings() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("prediction_time", TIMESTAMP, false),
        Field::new("trajectory", DataType::Int32, false),
        Field::new("ending", DataType::Utf8, false),
        Field::new("weight", DataType::Float64, false),
        Field::new("synthetic", DataType::Boolean, false),
    ]))
}

/// Risks of every code, one column a horizon.
pub(super) fn risks(horizons: &[&str]) -> SchemaRef {
    let code = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut fields = vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("prediction_time", TIMESTAMP, false),
        Field::new("code", code, false),
    ];
    let risk = |horizon: &&str| Field::new(format!("risk_{horizon}"), DataType::Float32, false);
    fields.extend(horizons.iter().map(risk));
    Arc::new(Schema::new(fields))
}

/// Log-likelihoods of events, in nats.
pub(super) fn likelihoods() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("time", TIMESTAMP, false),
        Field::new("code", DataType::Utf8, false),
        Field::new("code_log_likelihood", DataType::Float64, false),
        Field::new("time_log_likelihood", DataType::Float64, true),
        Field::new("value_log_likelihood", DataType::Float64, false),
    ]))
}

/// The numbers of a report.
pub(super) fn measures() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("task", DataType::Utf8, false),
        Field::new("horizon_days", DataType::Float32, true),
        Field::new("group", DataType::Utf8, false),
        Field::new("metric", DataType::Utf8, false),
        Field::new("value", DataType::Float64, true),
        Field::new("low", DataType::Float64, true),
        Field::new("high", DataType::Float64, true),
        Field::new("n", DataType::UInt64, true),
    ]))
}
