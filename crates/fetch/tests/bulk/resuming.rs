//! Runs that end anywhere, and the next one.

use crate::{
    check_good, download, export, good, lines,
    server::{Asked, Reply, Server},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const FIRST: &str = "GET /files/Canary?sig=1";
const SECOND: &str = "GET /files/Canary?sig=2";

/// The good server, with an ETag; what it is asked for the rest of a file it gives, if it knows how.
fn ranged(address: SocketAddr, asked: &Asked, tag: &str, knows_ranges: bool) -> Reply {
    let whole = good(address, asked);
    if !asked.target.starts_with("/files/") {
        return whole;
    }
    let whole = whole.header(format!("etag: {tag}"));
    let range = asked.header("range").filter(|_| knows_ranges && asked.header("if-range") == Some(tag));
    let Some(range) = range else { return whole };
    let from: usize = range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
    let size = whole.body.len();
    Reply { status: 206, body: whole.body[from..].to_vec(), ..whole }
        .header(format!("content-range: bytes {from}-{}/{size}", size - 1))
}

#[tokio::test]
async fn a_file_that_was_cut_is_gone_on_with() {
    for knows_ranges in [true, false] {
        let server = Server::start(move |address, asked| {
            let reply = ranged(address, asked, "\"v1\"", knows_ranges);
            match asked.target.contains("sig=2") && asked.before < 2 {
                true => Reply { cut: Some(7_000), ..reply },
                false => reply,
            }
        })
        .await;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("export");
        let downloaded = download(&export(&server), &directory).await.unwrap();
        check_good(&directory, &downloaded);
        let asked = server.asked.lock().unwrap();
        let ranges: Vec<_> = asked
            .iter()
            .filter(|asked| asked.target.contains("sig=2"))
            .map(|asked| asked.header("range").map(str::to_owned))
            .collect();
        let second = if knows_ranges { "bytes=14000-" } else { "bytes=7000-" };
        assert_eq!(ranges, [None, Some("bytes=7000-".to_owned()), Some(second.to_owned())]);
    }
}

#[tokio::test]
async fn of_a_part_that_is_shorter_than_asked_the_rest_is_asked_for() {
    // What the server says of a part from here, of so many bytes, of so many; and how often the file is asked for then.
    type Says = fn(usize, usize, usize) -> String;
    let truth: Says = |from, some, size| format!("bytes {from}-{}/{size}", from + some - 1);
    let unsaid: Says = |from, some, _| format!("bytes {from}-{}/*", from + some - 1);
    let another: Says = |from, some, size| format!("bytes {from}-{}/{size}", from + some);
    let beyond: Says = |from, some, _| format!("bytes {from}-{}/{}", from + some - 1, from + some - 1);
    for (says, times) in [(truth, 4), (unsaid, 3), (another, 3), (beyond, 3)] {
        let server = Server::start(move |address, asked| {
            // How many resources there are isn't said, so that nothing else tells that some are missing.
            if asked.target.contains("/jobs/") {
                let file = |kind, path| (kind, path, None);
                let files =
                    [file("Patient", "/files/Canary?sig=1"), file("Condition", "/files/Canary?sig=2")];
                return Reply::json(crate::manifest(address, &files));
            }
            let mut reply = ranged(address, asked, "\"v1\"", true);
            match (asked.target.contains("sig=2"), reply.status) {
                (true, 206) => {
                    let from = lines("Condition", 400).len() - reply.body.len();
                    let some = reply.body.len().min(5_000);
                    let said = says(from, some, from + reply.body.len());
                    reply.body.truncate(some);
                    reply.headers.retain(|header| !header.starts_with("content-range"));
                    reply.header(format!("content-range: {said}"))
                }
                (true, _) if asked.before == 0 => Reply { cut: Some(7_000), ..reply },
                _ => reply,
            }
        })
        .await;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("export");
        let downloaded = download(&export(&server), &directory).await.unwrap();
        check_good(&directory, &downloaded);
        assert_eq!(server.times(SECOND), times, "{:?}", server.lines());
    }
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_fetched_anew() {
    let server = Server::start(move |address, asked| {
        let old = asked.before == 0 && asked.target.contains("sig=2");
        let mut reply = ranged(address, asked, if old { "\"old\"" } else { "\"new\"" }, true);
        if old {
            reply.body = lines("Condition", 500).replace("Condition", "Old").into_bytes();
            reply.cut = Some(7_001);
        }
        reply
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().any(|asked| asked.header("if-range") == Some("\"old\"")));
}

#[tokio::test]
async fn a_run_that_ends_anywhere_is_gone_on_with_and_no_whole_file_fetched_twice() {
    // Each run ends at its n-th request, which is never answered; the next one goes on.
    for ends_at in 0..5 {
        let count = Arc::new(AtomicUsize::new(0));
        let server = {
            let count = count.clone();
            Server::start(move |address, asked| {
                let reply = ranged(address, asked, "\"v1\"", true);
                match count.fetch_add(1, Ordering::SeqCst) == ends_at {
                    true => Reply { cut: Some(reply.body.len() / 2), stall: true, ..reply },
                    false => reply,
                }
            })
            .await
        };
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("export");
        let first = export(&server);
        let cut = tokio::time::timeout(Duration::from_millis(200), download(&first, &directory)).await;
        assert!(cut.is_err() || ends_at < 2, "the run at {ends_at} was not cut");
        let downloaded = download(&export(&server), &directory).await.unwrap();
        check_good(&directory, &downloaded);
        assert!(server.times(crate::KICK_OFF) <= 1 + usize::from(ends_at == 0));
        assert!(server.times(FIRST) + server.times(SECOND) <= 3, "{:?}", server.lines());
        assert!(!directory.join("progress.ndjson").exists());
    }
}

#[tokio::test]
async fn what_was_on_record_and_not_yet_named_is_found_and_what_is_lost_is_fetched() {
    let server = Server::start(|address, asked| match asked.target.contains("sig=2") && asked.before == 0 {
        true => Reply { cut: Some(100), stall: true, ..good(address, asked) },
        false => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let first = export(&server);
    let cut = tokio::time::timeout(Duration::from_millis(200), download(&first, &directory)).await;
    assert!(cut.is_err());
    // Killed between the record and the name; and in the middle of a record.
    let resources = directory.join("resources");
    let (whole, partial) =
        (resources.join("Patient.part-00001.ndjson"), resources.join("Patient.part-00001.ndjson.partial"));
    std::fs::rename(&whole, &partial).unwrap();
    let journal = directory.join("progress.ndjson");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, format!("{text}{{\"file\":1,\"bytes\":99")).unwrap();
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    assert_eq!((server.times(FIRST), downloaded.kept), (1, 1));

    // Complete, its links are forgotten: a file that is lost then can't be fetched, and is missed.
    std::fs::remove_file(&whole).unwrap();
    let message = download(&export(&server), &directory).await.unwrap_err().to_string();
    assert!(message.contains("lacks a file that it held"), "{message}");
}

#[tokio::test]
async fn a_file_that_was_changed_between_runs_is_fetched_again() {
    let server = Server::start(|address, asked| match asked.target.contains("sig=2") && asked.before == 0 {
        true => Reply { cut: Some(100), stall: true, ..good(address, asked) },
        false => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let first = export(&server);
    let cut = tokio::time::timeout(Duration::from_millis(200), download(&first, &directory)).await;
    assert!(cut.is_err());
    let patients = directory.join("resources/Patient.part-00001.ndjson");
    let text = std::fs::read_to_string(&patients).unwrap();
    std::fs::write(&patients, text.replace("Canary-2", "Canary-9")).unwrap();
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    assert_eq!((server.times(FIRST), downloaded.kept), (2, 0));
}

#[tokio::test]
async fn what_a_directory_holds_is_read_when_no_other_run_writes_it() {
    let server = Server::start(good).await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    download(&export(&server), &directory).await.unwrap();
    let lock = std::fs::File::open(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    // What the other run will have replaced when it ends.
    let state = std::fs::read(directory.join("export.json")).unwrap();
    std::fs::write(directory.join("export.json"), "stale").unwrap();
    let message = download(&export(&server), &directory).await.unwrap_err().to_string();
    assert!(message.contains("is being written by another run"), "{message}");
    std::fs::write(directory.join("export.json"), state).unwrap();
    drop(lock);
    assert_eq!(download(&export(&server), &directory).await.unwrap().kept, 2);
}

#[tokio::test]
async fn two_runs_do_not_write_one_directory() {
    let server = Server::start(|address, asked| match asked.target.contains("/files/") {
        true => Reply { cut: Some(10), stall: true, ..good(address, asked) },
        false => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let (one, two) = (export(&server), export(&server));
    let running = download(&one, &directory);
    let other = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        download(&two, &directory).await.unwrap_err().to_string()
    };
    tokio::select! {
        _ = running => panic!("it had ended"),
        message = other => assert!(message.contains("is being written by another run"), "{message}"),
    }
}
