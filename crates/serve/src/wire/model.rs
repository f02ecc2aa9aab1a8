//! How a model and the server's examples are told.

use super::whole_days;
use crate::{AppState, CodeDescription, CodeKind, Example, ModelDescription};
use govern::lifecycle::Stage;
use serde::Serialize;
use utoipa::ToSchema;

/// The models that this server answers with.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelsAnswer<'a> {
    pub(crate) models: Vec<ModelAnswer<'a>>,
}

/// A model, with every code that it gives risks for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelAnswer<'a> {
    #[serde(flatten)]
    summary: ModelSummary<'a>,
    /// Is it asked where a request names no model?
    default: bool,
    /// The horizons of every risk, in days, ascending.
    #[serde(serialize_with = "whole_days")]
    #[schema(example = json!([1, 7, 30, 90, 180, 365, 730, 1825, 3650]))]
    horizons_days: &'a [f64],
    /// The most recent events that the model can look at.
    context_events: usize,
    /// The codes that it gives risks for.
    codes: Vec<CodeAnswer<'a>>,
}

/// Which model answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelSummary<'a> {
    /// Its name.
    #[schema(example = "osler-tiny")]
    name: &'a str,
    /// Its version.
    #[schema(example = "2026.1")]
    version: &'a str,
    /// A digest of its weights and configuration.
    #[schema(example = "blake3:9f86d081884c7d65")]
    digest: &'a str,
    /// Where it stands in its life: `draft`, `validated`, `silent`, `live` or `retired`.
    #[schema(value_type = String, example = "live")]
    stage: Stage,
    /// What it was trained on.
    trained_on: TrainingAnswer<'a>,
}

/// The data behind a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrainingAnswer<'a> {
    /// Its name.
    name: &'a str,
    /// Were the patients made up?
    synthetic: bool,
    /// How many subjects it held, if known.
    subjects: Option<u64>,
}

/// A code that a model gives risks for.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeAnswer<'a> {
    /// `SYSTEM//code`.
    #[schema(example = "ICD10CM//E11.9")]
    code: &'a str,
    /// What it means, where known.
    description: Option<&'a str>,
    /// What sort of thing it is.
    kind: CodeKind,
    /// Whether it stands for narrower codes alone: its risk, that of the first of any, is given where it is named.
    category: bool,
}

impl<'a> ModelSummary<'a> {
    pub(crate) fn of(model: &'a ModelDescription, stage: Stage) -> Self {
        let trained_on = &model.trained_on;
        ModelSummary {
            name: &model.name,
            version: &model.version,
            digest: &model.digest,
            stage,
            trained_on: TrainingAnswer {
                name: &trained_on.name,
                synthetic: trained_on.synthetic,
                subjects: trained_on.subjects,
            },
        }
    }
}

impl<'a> ModelAnswer<'a> {
    pub(crate) fn of(state: &'a AppState, default: bool) -> Self {
        let model = &state.model().description;
        let answer = |code: &'a CodeDescription| CodeAnswer {
            code: &code.code,
            description: code.description.as_deref(),
            kind: code.kind,
            category: code.category,
        };
        ModelAnswer {
            summary: ModelSummary::of(model, state.stage()),
            default,
            horizons_days: &model.horizons_days,
            context_events: model.context_events,
            codes: model.codes.iter().map(answer).collect(),
        }
    }
}

/// Patients to try things with. They are nobody.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExamplesAnswer {
    pub(crate) examples: Vec<ExampleAnswer>,
}

/// A patient to try things with.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExampleAnswer {
    /// A few words for a menu.
    title: String,
    /// A sentence on what is to be seen.
    description: String,
    /// A record as `POST /v1/risk` takes it.
    #[schema(value_type = super::PatientRecord)]
    patient: serde_json::Value,
}

impl From<Example> for ExampleAnswer {
    fn from(example: Example) -> Self {
        ExampleAnswer { title: example.title, description: example.description, patient: example.patient }
    }
}
