//! TLS: the certificate that the server shows, and how another takes its place.

use crate::Error;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::sync::Arc;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, version},
};

/// A certificate with its key. TLS 1.3 and 1.2, by ring.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// From PEM: the server's certificate, then those that lead to the one that callers trust; and its key (PKCS #8, PKCS #1, SEC 1).
    ///
    /// # Errors
    /// When either can't be read, or the key isn't the certificate's.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| Error::Tls { reason: "the certificate is no PEM" })?;
        if chain.is_empty() {
            return Err(Error::Tls { reason: "the certificate's file holds no certificate" });
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| Error::Tls { reason: "the key's file holds no private key in PEM" })?;
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|_| Error::Tls {
                reason: "the key is not the certificate's, or of a kind that isn't supported",
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}
