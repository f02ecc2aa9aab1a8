//! The way to a collector: OTLP over HTTP, by the room from which all connections are opened.

use crate::Error;
use async_trait::async_trait;
use fetch::{AddressRule, Base, Network, Roots};
use http_body_util::Full;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

/// To connect, and again for TLS.
const CONNECT: Duration = Duration::from_secs(2);
/// For one batch of spans.
const TIME: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const MAX_BYTES: usize = 64 << 10;

/// The library's own queue and thread, with our way to the collector.
pub(super) fn provider(endpoint: &str, roots: &[u8]) -> Result<SdkTracerProvider, Error> {
    let refused = |reason| Error::Setting { name: "the traces' endpoint", reason };
    let base = Base::parse(endpoint).ok_or(refused(
        "must be such as https://collector.example or http://localhost:4318; http for a loopback address only",
    ))?;
    let roots = match base.is_secure() {
        true => Roots::from_pem(roots)
            .map_err(|no| Error::Setting { name: "the certificates of whom to trust", reason: no.0 })?,
        false => Roots::none(),
    };
    // A collector is a machine of the site's own more often than not.
    let network = Network { roots, rule: AddressRule::PrivateToo, connect: CONNECT };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
    let target = format!("{}/v1/traces", base.path());
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector { network, base, target, runtime, fails: Fails::default() })
        .with_endpoint(url)
        .with_timeout(TIME)
        .build()
        .map_err(|_| refused("is none that traces can be sent to"))?;
    let resource = Resource::builder()
        .with_service_name("osler")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// A collector. It is asked by a thread of the library's own, which knows no runtime and so is given one.
struct Collector {
    network: Network,
    base: Base,
    target: String,
    runtime: Runtime,
    fails: Fails,
}

/// Has the last batch failed? The library says nothing of it, and to say it for each would fill the log.
#[derive(Default)]
struct Fails(AtomicBool);

impl Fails {
    /// What is to be said of a batch: only what has changed.
    fn told(&self, failed: bool) -> Option<&'static str> {
        match (self.0.swap(failed, Ordering::Relaxed), failed) {
            (false, true) => Some("traces are not taken by their collector, and are left out until they are"),
            (true, false) => Some("traces are taken by their collector again"),
            _ => None,
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({})", self.base.authority())
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut head, body) = request.into_parts();
        head.uri = self.target.parse()?;
        let request = Request::from_parts(head, Full::new(body));
        let asked = async {
            let answer = self.network.send(&self.base, request).await?;
            let status = answer.status;
            Ok((status, answer.bytes(MAX_BYTES).await?.unwrap_or_default()))
        };
        let asked: Result<_, fetch::Failure> =
            self.runtime.block_on(async { timeout(TIME, asked).await }).unwrap_or(Err(fetch::Failure::Late));
        let reason = match &asked {
            Ok((status, _)) if status.is_success() => None,
            Ok((status, _)) => Some(format!("it answered {}", status.as_u16())),
            Err(failure) => Some(failure.to_string()),
        };
        if let Some(told) = self.fails.told(reason.is_some()) {
            tracing::warn!(reason, "{told}");
        }
        let (status, body) = asked?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_fails_is_told_of_once_and_that_it_is_back() {
        let fails = Fails::default();
        let told: Vec<bool> =
            [false, true, true, true, false, false, true].map(|failed| fails.told(failed).is_some()).into();
        assert_eq!(told, [false, true, false, false, true, false, true]);
        assert!(fails.told(false).unwrap().contains("again"));
    }
}
