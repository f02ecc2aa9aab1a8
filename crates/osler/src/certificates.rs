//! Whom to trust in TLS: the user's certificates, or the system's.

use anyhow::{Context, Result};
use std::{fs, path::Path};

/// Where systems keep the certificates of whom they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// The system's certificates, PEM, if it has any.
pub fn of_the_system() -> Option<Vec<u8>> {
    SYSTEM_ROOTS.iter().find_map(|path| fs::read(path).ok())
}

/// The certificates (PEM) in the file that the user named with `--fhir-trust`, else the system's.
pub fn named_or_the_systems(file: Option<&Path>) -> Result<Vec<u8>> {
    match file {
        Some(path) => fs::read(path).with_context(|| format!("cannot read {}", path.display())),
        None => of_the_system().context("the system's certificates were not found; give --fhir-trust FILE"),
    }
}
