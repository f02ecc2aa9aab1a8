//! What only shows on a socket: connections, slow clients, an orderly end.

use crate::fake::{FakePredictor, record};
use serve::{AppState, ServeSettings, serve};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<io::Result<()>>,
}

async fn start(predictor: FakePredictor, settings: ServeSettings) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let state = AppState::new(Arc::new(predictor), crate::call::ungoverned(), settings).unwrap();
    let shutdown = async move { drop(stopped.await) };
    Server { address, stop: Some(stop), running: tokio::spawn(serve(listener, state, shutdown)) }
}

impl Server {
    async fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, request: &str) -> String {
        all_of(self.connect(request).await).await
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

async fn all_of(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer still leaves the answer.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn risk_request() -> String {
    let body = record(&[]).to_string();
    let head = "POST /v1/risk HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_finished_before_the_server_ends() {
    let slow = FakePredictor { slow: Duration::from_millis(300), ..Default::default() };
    let mut server = start(slow, ServeSettings::default()).await;
    let idle = server.connect("").await;
    let waiting = server.connect(&risk_request()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop();
    assert!(all_of(waiting).await.starts_with("HTTP/1.1 200 OK"));
    tokio::time::timeout(Duration::from_secs(5), &mut server.running).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_ends_even_when_a_request_doesn_t() {
    let slow = FakePredictor { slow: Duration::from_secs(3), ..Default::default() };
    let settings = ServeSettings { drain_timeout: Duration::from_millis(100), ..Default::default() };
    let mut server = start(slow, settings).await;
    let _waiting = server.connect(&risk_request()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopped = Instant::now();
    server.stop();
    server.running.await.unwrap().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_slow_bodies_are_cut_off() {
    let settings = ServeSettings {
        header_timeout: Duration::from_millis(150),
        body_timeout: Duration::from_millis(150),
        ..Default::default()
    };
    let server = start(FakePredictor::default(), settings).await;
    let in_time = |request: &str| {
        let request = request.to_owned();
        let server = &server;
        async move {
            tokio::time::timeout(Duration::from_secs(5), server.ask(&request))
                .await
                .expect("the connection was left open")
        }
    };
    in_time("").await;
    in_time("GET /health/live HT").await;
    let answer = in_time(
        "POST /v1/risk HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_timeout"), "{answer}");
    assert!(server.ask(&risk_request()).await.starts_with("HTTP/1.1 200"), "others are served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_and_oversized_heads_are_refused() {
    let server = start(FakePredictor::default(), ServeSettings::default()).await;
    assert!(server.ask("NONSENSE\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let huge = format!("GET / HTTP/1.1\r\nhost: t\r\nx: {}\r\n\r\n", "x".repeat(200_000));
    assert!(server.ask(&huge).await.starts_with("HTTP/1.1 431"));
    assert!(server.ask(&risk_request()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_past_the_limit_wait_their_turn() {
    let server =
        start(FakePredictor::default(), ServeSettings { max_connections: 1, ..Default::default() }).await;
    let held = server.connect("").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waiting = server.connect(&risk_request()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(held);
    let answer = tokio::time::timeout(Duration::from_secs(5), all_of(waiting)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_never_reads_loses_its_place() {
    let settings =
        ServeSettings { max_connections: 1, write_timeout: Duration::from_millis(300), ..Default::default() };
    let server = start(FakePredictor::default(), settings).await;
    // More than any system's buffers hold.
    let asked = "GET /openapi.json HTTP/1.1\r\nhost: t\r\n\r\n".repeat(400);
    let _mute = server.connect(&asked).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waiting = server.connect(&risk_request()).await;
    let answer = tokio::time::timeout(Duration::from_secs(10), all_of(waiting)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_frees_its_place() {
    let slow = FakePredictor { slow: Duration::from_millis(100), ..Default::default() };
    let settings = ServeSettings { max_in_flight: 1, max_batch: 1, ..Default::default() };
    let server = start(slow, settings).await;
    drop(server.connect(&risk_request()).await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(server.ask(&risk_request()).await.starts_with("HTTP/1.1 200"));
}
