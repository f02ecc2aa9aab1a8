//! Whom to trust in TLS, where nobody says otherwise.

use std::fs;

/// Where systems keep the certificates of whom they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// The system's certificates, PEM, if it has any.
pub fn of_the_system() -> Option<Vec<u8>> {
    SYSTEM_ROOTS.iter().find_map(|path| fs::read(path).ok())
}
