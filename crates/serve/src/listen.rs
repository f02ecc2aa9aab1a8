//! The socket's side: connections, their limits, and an orderly end.

use crate::{Current, handshake::Handshakes, progress::Progressing};
use axum::{body::Body, http::Request};
use govern::inputs::Inputs;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::{interval, sleep, timeout},
};
use tower::ServiceExt;

/// The largest head of a request.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Answers connections of `listener` until `shutdown` ends; then refuses new ones, lets requests under way
/// finish within [`crate::ServeSettings::drain_timeout`], and returns. `served` is an [`crate::AppState`], or a [`Current`] whose
/// model may be exchanged meanwhile.
///
/// # Errors
/// When the listener can't accept for a reason that waiting doesn't mend.
pub async fn serve(
    listener: TcpListener,
    served: impl Into<Current>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let current: Current = served.into();
    let state = current.state();
    let settings = state.settings().clone();
    // Limits and draining outlive a model; nothing here keeps the first one.
    drop(state);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.header_timeout).max_buf_size(MAX_HEAD_BYTES);
    let connections = Arc::new(Semaphore::new(settings.max_connections));
    let handshakes = Handshakes::new(settings.max_handshakes, settings.handshake_timeout);
    let graceful = GracefulShutdown::new();
    let mut minute = interval(Duration::from_secs(60));
    let mut sweeping: Option<JoinHandle<()>> = None;
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            // The semaphore is never closed; were it, no connection would be held back.
            let place = connections.clone().acquire_owned().await.ok();
            accept(&listener).await.map(|stream| (stream, place))
        };
        let (stream, place) = tokio::select! {
            accepted = next => accepted?,
            _ = minute.tick() => {
                let state = current.state();
                state.kept().sweep();
                if let Some(inputs) = state.governance().inputs.clone() {
                    sweeping = sweep(sweeping, inputs);
                }
                continue;
            }
            () = &mut shutdown => break,
        };
        // A small answer should not wait for a full packet; where this can't be set, it works without.
        let _ = stream.set_nodelay(true);
        let stream = Progressing::new(stream, settings.write_timeout);
        let (served, tls) = (current.clone(), current.tls());
        // Looked up for each request: a connection that stays open must not keep a model that was exchanged.
        let service =
            service_fn(move |request: Request<Incoming>| served.app().oneshot(request.map(Body::new)));
        let (http, watcher) = (http.clone(), graceful.watcher());
        let Some(tls) = tls else {
            let connection = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                let _place = place;
                ended(connection.await);
            });
            continue;
        };
        // A handshake holds a place among handshakes; that among connections it takes when it is done.
        drop(place);
        let (handshake, connections) = (handshakes.begin(), connections.clone());
        let metrics = current.state().metrics().clone();
        tokio::spawn(async move {
            let shaking = async {
                let stream = tls.acceptor().accept(stream).await.ok()?;
                Some((stream, connections.acquire_owned().await.ok()?))
            };
            let Some((stream, _place)) = handshake.within(shaking).await.flatten() else {
                metrics.handshake_failed();
                return;
            };
            ended(watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await);
        });
    }
    handshakes.end();
    drop(listener);
    current.state().start_draining();
    tracing::info!("shutting down; requests under way may finish");
    let under_way = async {
        graceful.shutdown().await;
        current.state().settled().await;
    };
    if timeout(settings.drain_timeout, under_way).await.is_err() {
        tracing::warn!("requests were still under way when the time for them was over");
    }
    Ok(())
}

/// Removes inputs whose time is over, unless a disk that is slow still has the last time to do.
fn sweep(under_way: Option<JoinHandle<()>>, inputs: Arc<Inputs>) -> Option<JoinHandle<()>> {
    if under_way.as_ref().is_some_and(|sweeping| !sweeping.is_finished()) {
        return under_way;
    }
    Some(tokio::task::spawn_blocking(move || {
        if let Err(error) = inputs.sweep() {
            tracing::error!(%error, "inputs whose time is over could not be removed");
        }
    }))
}

/// Callers leave all the time. The error says how, and holds nothing of what they sent.
fn ended(connection: hyper::Result<()>) {
    if let Err(error) = connection {
        tracing::debug!(timeout = error.is_timeout(), parse = error.is_parse(), "connection ended");
    }
}

/// The next connection. A caller that left before it was accepted is no concern; when the system has no more
/// sockets to give, it may have later.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok(stream),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::Interrupted => {}
                io::ErrorKind::InvalidInput => return Err(error),
                _ => {
                    tracing::error!(kind = ?error.kind(), "no connection could be accepted; trying again");
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}
