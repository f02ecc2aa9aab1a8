//! Where a PostgreSQL ledger is, and how it may be reached: encrypted, or without leaving the machine.

use crate::Error;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring, version};

/// How long a peer may be silent before it counts as gone.
const SILENCE: Duration = Duration::from_secs(5);

/// A database, and whom to trust that it is the one. It holds a password, and so has no way to be printed.
pub struct DatabaseAddress {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl DatabaseAddress {
    /// Reads a URL as libpq has it (`postgresql://user:password@host/database`). `roots` are the certificates (PEM) of whom to trust
    /// where the connection is encrypted, which it is to every other machine; it may be empty where it isn't.
    ///
    /// # Errors
    /// When the URL is none, or the connection is to be encrypted and nobody is trusted. No error repeats anything of the URL.
    pub fn new(url: &str, roots: &[u8]) -> Result<Self, Error> {
        let mut config: Config = url.trim().parse().map_err(|_| {
            Error::Malformed("the ledger's URL can't be read; it is postgresql://user:password@host/database")
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Error::Malformed("the ledger's URL names no host"));
        }
        // A URL that says nothing of it reads as `prefer`, which would send the ledger in the clear to whoever answers "no TLS".
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if is_here(&config) { SslMode::Disable } else { SslMode::Require });
        }
        let roots = trusted(roots)?;
        if config.get_ssl_mode() == SslMode::Require && roots.is_empty() {
            return Err(Error::Malformed(
                "the ledger's database is to be reached by TLS and nobody is trusted; give the certificates of whom to trust, or say \
                 sslmode=disable in the URL where the network between is yours alone",
            ));
        }
        config
            .application_name("osler")
            .connect_timeout(SILENCE)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE);
        Ok(DatabaseAddress { config, tls: MakeRustlsConnect::new(tls(roots)?) })
    }
}

/// Does the connection stay on this machine?
fn is_here(config: &Config) -> bool {
    let here = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    // Where both are given, the address is what is opened, and the name what is verified.
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(here),
        addresses => addresses.iter().all(|ip| ip.is_loopback()),
    }
}

const NO_CERTIFICATES: Error = Error::Malformed(
    "the certificates of whom to trust for the ledger's database can't be read; they must be PEM",
);

fn trusted(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        // A system's bundle may hold some that this library doesn't take; of the others enough remain.
        let _ = store.add(certificate.map_err(|_| NO_CERTIFICATES)?);
    }
    Ok(store)
}

/// TLS 1.3 or 1.2 with whom these certificates vouch for.
fn tls(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|_| NO_CERTIFICATES)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
