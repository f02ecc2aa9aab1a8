//! One request to one server, on a connection of its own.

use crate::{AddressRule, Base};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, version},
};

/// Why nothing came, in words that may stand in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No address, or none that may be opened.
    #[error("no address that may be opened")]
    Address,
    /// It didn't take the connection, cut it, or its certificate isn't trusted.
    #[error("no connection, or it was cut, or the certificate isn't trusted")]
    Connection,
    /// It took too long.
    #[error("too late")]
    Late,
}

/// The certificates can't be used.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the certificates of whom to trust {0}")]
pub struct NoRoots(pub &'static str);

/// Whom to trust in TLS.
#[derive(Clone)]
pub struct Roots(Option<TlsConnector>);

impl Roots {
    /// Nobody: for servers without TLS.
    pub fn none() -> Self {
        Roots(None)
    }

    /// Those in a PEM file.
    ///
    /// # Errors
    /// When it isn't PEM, or holds none that can be trusted.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NoRoots> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| NoRoots("must be PEM"))?;
            // A system's bundle may hold some that this library doesn't take; of the others enough remain.
            let _ = roots.add(certificate);
        }
        if roots.is_empty() {
            return Err(NoRoots("must hold at least one that can be trusted"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|_| NoRoots("can't be used with TLS 1.2 and 1.3"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Roots(Some(TlsConnector::from(Arc::new(config)))))
    }
}

/// How connections are opened.
#[derive(Clone)]
pub struct Network {
    /// Whom to trust in TLS.
    pub roots: Roots,
    /// What a server's name may stand for.
    pub rule: AddressRule,
    /// To connect, and again for TLS.
    pub connect: Duration,
}

impl Network {
    /// Sends a request, whose URI is the path and query, and gives the head of the answer; its body is read from it. The
    /// caller bounds the time.
    ///
    /// # Errors
    /// When no connection may or can be opened, or it breaks before the answer's head is there.
    pub async fn send(&self, base: &Base, mut request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let host = HeaderValue::from_str(&base.authority()).map_err(|_| Failure::Address)?;
        request.headers_mut().insert(HOST, host);
        let stream = timeout(self.connect, self.open(base)).await.map_err(|_| Failure::Late)??;
        if !base.secure {
            return ask(stream, request).await;
        }
        let Roots(Some(connector)) = &self.roots else { return Err(Failure::Connection) };
        let name = match base.literal() {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(base.host.clone()).map_err(|_| Failure::Address)?,
        };
        let shaken = timeout(self.connect, connector.connect(name, stream)).await;
        let stream = shaken.map_err(|_| Failure::Late)?.map_err(|_| Failure::Connection)?;
        ask(stream, request).await
    }

    /// Opens the first address that the host stands for and that may be opened. What was checked is what is opened.
    async fn open(&self, base: &Base) -> Result<TcpStream, Failure> {
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
}

async fn ask<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|_| Failure::Connection)?;
    let driven = AbortOnDrop(tokio::spawn(async move {
        let _ = connection.await;
    }));
    let answer = sender.send_request(request).await.map_err(|_| Failure::Connection)?;
    let (head, body) = answer.into_parts();
    Ok(Answer { status: head.status, headers: head.headers, body, _driven: driven })
}

/// The head of an answer, and the connection from which its body comes.
pub struct Answer {
    /// The status; a redirect is one like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    _driven: AbortOnDrop,
}

impl Answer {
    /// A header's text; empty where there is none or it is no ASCII.
    pub fn header(&self, name: impl hyper::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The media type, in lower case and without parameters.
    pub fn media_type(&self) -> String {
        let kind = self.header(hyper::header::CONTENT_TYPE);
        kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// When the connection broke before the body's end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(|_| Failure::Connection)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body; none if it has more bytes than that.
    ///
    /// # Errors
    /// When the connection broke before the body's end.
    pub async fn bytes(mut self, at_most: usize) -> Result<Option<Bytes>, Failure> {
        let mut bytes = Vec::new();
        while let Some(data) = self.next().await? {
            if bytes.len() + data.len() > at_most {
                return Ok(None);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Some(bytes.into()))
    }
}

/// A connection ends with the request that it was opened for, also when nobody waits for that any more.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
