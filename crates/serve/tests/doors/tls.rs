//! TLS with rustls's own client: what is shown is what was given, another certificate takes over, and what is no TLS is cut off.

use crate::{call::ungoverned, fake::FakePredictor};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use serve::{AppState, Current, ServeSettings, Tls, serve};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto::ring, version},
};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// PEM of a certificate for `localhost`, and of its key.
fn issue(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn tls(authority: &Authority) -> Tls {
    let (certificate, key) = issue(authority);
    Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
}

async fn start(settings: ServeSettings, tls: Tls) -> (SocketAddr, Current) {
    let state = AppState::new(Arc::new(FakePredictor::default()), ungoverned(), settings).unwrap();
    let current = Current::from(state);
    current.show(tls);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, current.clone(), std::future::pending()));
    (address, current)
}

/// The answer to a request over TLS, by a client that trusts this authority alone.
async fn ask(
    address: SocketAddr,
    trusted: &Authority,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_the_authority_is_answered_and_another_is_not() {
    let (ours, other) = (authority(), authority());
    let (address, _) = start(ServeSettings::default(), tls(&ours)).await;
    for version in [&version::TLS13, &version::TLS12] {
        let answer = ask(address, &ours, version).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(ask(address, &other, version).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_takes_over_without_a_new_start() {
    let (first, second) = (authority(), authority());
    let (address, current) = start(ServeSettings::default(), tls(&first)).await;
    ask(address, &first, &version::TLS13).await.unwrap();
    current.show(tls(&second));
    ask(address, &second, &version::TLS13).await.unwrap();
    assert!(ask(address, &first, &version::TLS13).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_and_who_never_shakes_hands_is_cut_off() {
    let settings = ServeSettings { handshake_timeout: Duration::from_millis(200), ..Default::default() };
    let ours = authority();
    let (address, _) = start(settings, tls(&ours)).await;
    for said in ["GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n", ""] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut heard)).await;
        assert!(end.is_ok(), "the connection stays open");
        assert!(!String::from_utf8_lossy(&heard).contains("HTTP/"), "{heard:?}");
    }
    ask(address, &ours, &version::TLS13).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_never_shakes_hands_holds_nobody_up() {
    let settings = ServeSettings {
        handshake_timeout: Duration::from_secs(60),
        max_handshakes: 4,
        max_connections: 2,
        ..Default::default()
    };
    let ours = authority();
    let (address, _) = start(settings, tls(&ours)).await;
    let mut crowd = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The beginning of a handshake's record, as a slow client sends it.
        stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        crowd.push(stream);
    }
    let asked = ask(address, &ours, &version::TLS13);
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("held up").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // All but the last of them were cut off.
    for stream in &mut crowd[..28] {
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "a connection is still held");
    }
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let ours = authority();
    let ((certificate, key), (_, other)) = (issue(&ours), issue(&ours));
    let refused = |certificate: &str, key: &str| {
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).err().map(|error| error.to_string())
    };
    assert_eq!(refused(&certificate, &key), None);
    for (certificate, key, why) in [
        (certificate.as_str(), other.as_str(), "not the certificate's"),
        ("", &key, "no certificate"),
        (&certificate, "", "no private key"),
        (&key, &certificate, "no certificate"),
    ] {
        let said = refused(certificate, key).unwrap();
        assert!(said.contains(why), "{said}");
    }
}
