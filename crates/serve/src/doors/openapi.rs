//! `GET /openapi.json`: the doors, for programs.

use super::{
    Door, Rule, cds,
    chat::{azure, openai},
    embed, examples, fhir, health, metrics, models, patients, reason, risk, score, simulate,
};
use crate::AppState;
use axum::{
    http::{HeaderName, header},
    routing::get,
};
use govern::access::Scope;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        server::Server,
    },
};

pub(super) fn doors() -> Vec<Door> {
    vec![Door::new("/openapi.json", Rule::Service(Scope::Read), get(openapi))]
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Osler",
        description = "A clinical foundation model over patients' timelines. Not a medical device; a clinician decides.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        risk::risk,
        embed::embed,
        reason::reason,
        simulate::simulate,
        patients::create,
        patients::state_of,
        patients::delete,
        patients::append,
        patients::about::patient_risk,
        patients::about::patient_embed,
        fhir::fhir_risk,
        fhir::metadata,
        cds::discovery,
        cds::hook,
        cds::feedback::feedback,
        openai::openai_chat,
        openai::deployment_chat,
        openai::openai_responses,
        openai::openai_models,
        openai::openai_embeddings,
        openai::deployment_embeddings,
        azure::azure_chat,
        azure::azure_embeddings,
        azure::azure_info,
        score::score,
        score::invocations,
        score::version,
        models::models,
        examples::examples,
        health::live,
        health::ready,
        metrics::metrics,
        openapi
    ),
    tags(
        (name = "prediction", description = "Asking the model"),
        (name = "patients", description = "Patients that are kept between calls"),
        (name = "cds hooks", description = "Cards for an EHR"),
        (name = "chat", description = "OpenAI's API and Azure AI Model Inference"),
        (name = "frames", description = "Managed endpoints and MLflow"),
        (name = "fhir", description = "Answers as FHIR R4 resources"),
        (name = "models", description = "What answers here"),
        (name = "operations", description = "Running the server"),
    ),
    modifiers(&Access)
)]
struct Document;

/// Servers and keys, which no macro can state for all routes at once.
struct Access;

impl Modify for Access {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A key that `osler access grant` made; at the doors of CDS Hooks also a signed token",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        // A key, or nothing where the server is for its own machine alone.
        document.security = Some(vec![
            SecurityRequirement::new::<_, [&str; 0], &str>("bearer", []),
            SecurityRequirement::default(),
        ]);
        document.servers = Some(vec![Server::new("/")]);
    }
}

/// The document, OpenAPI 3.1.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This description
///
/// OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi(state: AppState) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], state.pages().openapi.clone())
}
