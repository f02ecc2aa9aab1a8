//! Which FHIR servers `osler serve` may ask for what a CDS Hooks call's prefetch lacks.

use crate::certificates;
use anyhow::{Context, Result};
use clap::Args;
use serve::{AddressRule, FetchLimits, FhirServers};
use std::path::PathBuf;

/// The servers, and how they are reached.
#[derive(Args, Clone, Debug, Default)]
pub struct FhirServerArguments {
    /// A FHIR server (`https://ehr.example/fhir`) that may be asked, with the call's own token, for what the prefetch of a CDS Hooks call
    /// lacks. Without it nothing is fetched. May be given several times; http for a loopback address only.
    #[arg(long, value_name = "URL")]
    fhir_server: Vec<String>,
    /// The FHIR servers' names may stand for addresses of private networks (10.0.0.0/8, fd00::/8, …).
    #[arg(long, requires = "fhir_server")]
    fhir_private: bool,
    /// Certificates (PEM) of whom to trust for the FHIR servers, instead of the system's.
    #[arg(long, value_name = "FILE", requires = "fhir_server")]
    fhir_trust: Option<PathBuf>,
}

impl FhirServerArguments {
    /// The servers, if there are any.
    pub fn servers(&self) -> Result<Option<FhirServers>> {
        if self.fhir_server.is_empty() {
            return Ok(None);
        }
        let rule = if self.fhir_private { AddressRule::PrivateToo } else { AddressRule::Public };
        let roots = if self.fhir_server.iter().any(|address| address.starts_with("https:")) {
            certificates::named_or_the_systems(self.fhir_trust.as_deref())?
        } else {
            Vec::new()
        };
        FhirServers::new(&self.fhir_server, &roots, rule, FetchLimits::default())
            .map(Some)
            .context("--fhir-server")
    }
}
