//! Every environment variable that Osler reads. No other file reads one; OpenTelemetry's library reads its own (`OTEL_…`), where `osler serve
//! --otlp` sends traces.

use std::path::PathBuf;

/// The de-identification key, 64 hexadecimal digits: an alternative to `--key FILE`.
pub const KEY: &str = "OSLER_KEY";
/// A file with the public key (`osler key public`) that must have signed every data set which is read.
pub const TRUST: &str = "OSLER_TRUST";
/// Where `osler` keeps spill files while it ingests: an alternative to `--spill-dir`.
pub const SPILL_DIR: &str = "OSLER_SPILL_DIR";
/// The directory with keys, ledger and policy: an alternative to `--governance`.
pub const GOVERNANCE: &str = "OSLER_GOVERNANCE";
/// Where the ledger is, as `postgresql://…`: an alternative to the file `ledger.url` of the governance directory.
pub const LEDGER_URL: &str = "OSLER_LEDGER_URL";
/// The bearer token for a FHIR server's bulk export: an alternative to `--bearer-file`.
pub const FHIR_TOKEN: &str = "OSLER_FHIR_TOKEN";
/// Log filter, as `tracing` reads it (`info`, `serve=debug`).
pub const LOG: &str = "OSLER_LOG";

/// A variable's value, if it is set, not empty, and Unicode.
#[expect(clippy::disallowed_methods, reason = "this is the one file that may")]
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable's value as a path.
#[expect(clippy::disallowed_methods, reason = "this is the one file that may")]
pub fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
