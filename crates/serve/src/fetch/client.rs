//! One request to one FHIR server, on a connection of its own.

use super::{
    FhirServers,
    server::{Base, Token},
};
use crate::Error;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, version},
};

/// Why nothing was fetched, in words that may stand in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No address, or none that may be opened.
    Address,
    /// It didn't take the connection, or its certificate isn't trusted.
    Connection,
    /// It took too long.
    Late,
    /// It answered that the token opens nothing.
    Refused,
    /// Another status than 200, a redirect among them.
    Status,
    /// No FHIR JSON, or more than may be taken.
    Answer,
}

impl Failure {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Failure::Address => "no address that may be opened",
            Failure::Connection => "no connection",
            Failure::Late => "too late",
            Failure::Refused => "the token was refused",
            Failure::Status => "another status than 200",
            Failure::Answer => "no FHIR JSON, or too much",
        }
    }
}

/// Whom to trust in TLS.
#[derive(Clone)]
pub(super) struct Roots(Option<TlsConnector>);

impl Roots {
    /// Nobody: for servers without TLS.
    pub(super) fn none() -> Self {
        Roots(None)
    }

    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let refused = |reason| Error::Setting { name: "the FHIR servers' certificates", reason };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| refused("must be PEM"))?;
            // A system's bundle may hold some that this library doesn't take; of the others enough remain.
            let _ = roots.add(certificate);
        }
        if roots.is_empty() {
            return Err(refused("must hold at least one that can be trusted"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|_| refused("can't be used with TLS 1.2 and 1.3"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Roots(Some(TlsConnector::from(Arc::new(config)))))
    }
}

impl FhirServers {
    /// Asks a server for `target` (path and query), and gives the answer's body.
    pub(super) async fn get(&self, base: &Base, target: &str, token: &Token) -> Result<Bytes, Failure> {
        let stream = timeout(self.limits.connect, self.connect(base)).await.map_err(|_| Failure::Late)??;
        if !base.secure {
            return self.ask(stream, base, target, token).await;
        }
        let Roots(Some(connector)) = &self.roots else { return Err(Failure::Connection) };
        let name = match base.literal() {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(base.host.clone()).map_err(|_| Failure::Address)?,
        };
        let shaken = timeout(self.limits.connect, connector.connect(name, stream)).await;
        let stream = shaken.map_err(|_| Failure::Late)?.map_err(|_| Failure::Connection)?;
        self.ask(stream, base, target, token).await
    }

    /// Opens the first address that the host stands for and that may be opened. What was checked is what is opened.
    async fn connect(&self, base: &Base) -> Result<TcpStream, Failure> {
        let literal = base.literal();
        // `localhost` is the operator's own word for this machine, for servers without TLS.
        let means_this_machine = !base.secure && base.host == "localhost";
        let found: Vec<SocketAddr> = match literal {
            Some(address) => vec![SocketAddr::new(address, base.port)],
            None => tokio::net::lookup_host((base.host.as_str(), base.port))
                .await
                .map_err(|_| Failure::Address)?
                .collect(),
        };
        let may = |address: &SocketAddr| match means_this_machine {
            true => address.ip().is_loopback(),
            false => self.rule.allows(address.ip(), literal),
        };
        // One that may not be opened among them spoils them all: somebody answers for the name who shouldn't.
        if found.is_empty() || !found.iter().all(may) {
            return Err(Failure::Address);
        }
        for address in found {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Ok(stream);
            }
        }
        Err(Failure::Connection)
    }

    async fn ask<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        base: &Base,
        target: &str,
        token: &Token,
    ) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(target)
            .header(HOST, base.authority())
            .header(ACCEPT, "application/fhir+json")
            .header(AUTHORIZATION, token.header().ok_or(Failure::Refused)?)
            .body(Empty::<Bytes>::new())
            .map_err(|_| Failure::Address)?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|_| Failure::Connection)?;
        let driven = AbortOnDrop(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let answer = sender.send_request(request).await.map_err(|_| Failure::Connection)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failure::Refused),
            _ => return Err(Failure::Status),
        }
        let header =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !matches!(kind.as_str(), "application/fhir+json" | "application/json")
            || !header(CONTENT_ENCODING).is_empty()
        {
            return Err(Failure::Answer);
        }
        let mut body = answer.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Failure::Connection)?.into_data() else { continue };
            if bytes.len() + data.len() > self.limits.answer_bytes {
                return Err(Failure::Answer);
            }
            bytes.extend_from_slice(&data);
        }
        drop(driven);
        Ok(bytes.into())
    }
}

/// A connection ends with the request that it was opened for, also when nobody waits for that any more.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
