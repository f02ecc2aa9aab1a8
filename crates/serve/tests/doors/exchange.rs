//! Another model takes over while requests are under way: none is dropped, none sees two, and the one before goes.

use crate::{
    call::ungoverned,
    fake::{FakePredictor, record},
};
use serve::{AppState, Current, Offered, ServeSettings, Stage, serve};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const DIGESTS: [&str; 2] = ["blake3:aa", "blake3:bb"];

fn model(which: usize, slow: Duration) -> Arc<FakePredictor> {
    Arc::new(FakePredictor { digest: Some(DIGESTS[which]), slow, ..Default::default() })
}

async fn start(current: &Current) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, current.clone(), std::future::pending()));
    address
}

fn current(first: Arc<FakePredictor>) -> Current {
    AppState::new(first, ungoverned(), ServeSettings::default()).unwrap().into()
}

/// One request on a connection that stays open: the status and the digest of the model that answered.
async fn ask(stream: &mut TcpStream) -> (u16, String) {
    let body = record(&["ICD10CM//I10"]).to_string();
    let head = "POST /v1/risk HTTP/1.1\r\nhost: test\r\ncontent-type: application/json";
    stream
        .write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes())
        .await
        .unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 16384];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "the connection was dropped: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let field =
            |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        if body.len() < field("content-length:").parse::<usize>().unwrap() {
            continue;
        }
        // Header and body say the same.
        let digest = field("x-osler-model:");
        assert!(body.contains(&format!("\"digest\":\"{digest}\"")), "{text}");
        return (head.split(' ').nth(1).unwrap().parse().unwrap(), digest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_by_the_model_that_they_came_to() {
    let first = model(0, Duration::from_millis(300));
    let gone = Arc::downgrade(&first);
    let current = current(first.clone());
    let address = start(&current).await;
    let ask_once = || async move { ask(&mut TcpStream::connect(address).await.unwrap()).await };
    let under_way: Vec<_> = (0..8).map(|_| tokio::spawn(ask_once())).collect();
    while first.batches.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(first);
    current.exchange(vec![Offered::new(model(1, Duration::ZERO))]).unwrap();
    assert_eq!(ask_once().await, (200, DIGESTS[1].to_owned()), "new requests go to the new model at once");
    let mut by_first = 0;
    for answer in under_way {
        let (status, digest) = answer.await.unwrap();
        assert_eq!(status, 200);
        by_first += usize::from(digest == DIGESTS[0]);
    }
    assert!(by_first > 0, "some had come to the first model");
    let begun = Instant::now();
    while gone.upgrade().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(5), "the first model is still in memory");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_exchanges_under_load_drop_no_request_and_mix_no_answer() {
    let current = current(model(0, Duration::from_millis(1)));
    let address = start(&current).await;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (stop, answered) = (stop.clone(), answered.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let (status, digest) = ask(&mut stream).await;
                    assert_eq!(status, 200);
                    let which = DIGESTS.iter().position(|known| *known == digest).unwrap();
                    answered[which].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for turn in 1..=100 {
        current.exchange(vec![Offered::new(model(turn % 2, Duration::from_millis(1)))]).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let counts = answered.map(|count| count.load(Ordering::Relaxed));
    assert!(counts.iter().all(|count| *count > 20), "both answered: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_served_changes_nothing_and_one_takes_no_stage_over() {
    let governance = ungoverned().with_stage(Arc::new(|| Some(Stage::Live)));
    let state = AppState::new(model(0, Duration::ZERO), governance, ServeSettings::default()).unwrap();
    let current = Current::from(state);
    let address = start(&current).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let offered = || Offered::new(model(1, Duration::ZERO));
    assert!(current.exchange(vec![offered()]).is_err(), "nothing says where it stands");
    assert!(current.exchange(Vec::new()).is_err(), "there is none");
    assert_eq!(ask(&mut stream).await, (200, DIGESTS[0].to_owned()));
    current.exchange(vec![offered().with_stage(Arc::new(|| Some(Stage::Retired)))]).unwrap();
    stream
        .write_all(b"POST /v1/risk HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 410"), "{text}");
}
