//! Lists of files that come in pages.

use crate::{
    KICK_OFF, check_good, download, export, good, limits, manifest, request,
    server::{Asked, Reply, Server},
    settings,
};
use fetch::{
    Base, Error, Token,
    bulk::{Credentials, Export, ExportLimits, ExportSettings},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

const FIRST: (&str, &str, Option<u64>) = ("Patient", "/files/Canary?sig=1", Some(3));
const SECOND: (&str, &str, Option<u64>) = ("Condition", "/files/Canary?sig=2", Some(400));
const NEXT: &str = "GET /pages/Canary?sig=3";

fn with_next(mut page: Value, next: &str) -> Value {
    page["link"] = json!([{"relation": "next", "url": next}]);
    page
}

/// The good server, with its two files on two pages, and an empty one between; the last isn't ready at first.
fn paged(address: SocketAddr, asked: &Asked) -> Reply {
    let at = |path: &str| format!("http://{address}{path}");
    match asked.target.as_str() {
        "/r4/jobs/Canary-1" if asked.before > 0 => {
            Reply::json(with_next(manifest(address, &[FIRST]), &at("/pages/Canary?sig=3")))
        }
        "/pages/Canary?sig=3" => Reply::json(with_next(manifest(address, &[]), &at("/pages/Canary?sig=4"))),
        "/pages/Canary?sig=4" => match asked.before {
            0 => Reply::status(202).header("retry-after: 1"),
            1 => Reply::status(503),
            _ => Reply::json(manifest(address, &[SECOND])),
        },
        _ => good(address, asked),
    }
}

#[tokio::test]
async fn pages_are_followed_to_the_last_and_their_links_forgotten() {
    let server = Server::start(paged).await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    assert_eq!((server.times(NEXT), server.times("GET /pages/Canary?sig=4")), (1, 3));
    let state = std::fs::read_to_string(directory.join("export.json")).unwrap();
    assert!(!state.contains("sig="), "{state}");
}

#[tokio::test]
async fn a_run_that_ends_between_pages_goes_on_at_the_page_where_it_was() {
    let server = Server::start(|address, asked| match asked.target.as_str() {
        "/pages/Canary?sig=4" if asked.before == 0 => {
            Reply { cut: Some(10), stall: true, ..paged(address, &Asked { before: 9, ..asked.clone() }) }
        }
        _ => paged(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let first = export(&server);
    let cut = tokio::time::timeout(Duration::from_millis(300), download(&first, &directory)).await;
    assert!(cut.is_err());
    drop(first);
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    assert_eq!(
        (server.times(KICK_OFF), server.times("GET /r4/jobs/Canary-1"), server.times(NEXT)),
        (1, 2, 1)
    );
}

#[tokio::test]
async fn a_page_leads_only_where_the_operator_lets_it() {
    let other = Server::start(|address, asked| match asked.target.as_str() {
        "/pages/Canary" => Reply::json(manifest(address, &[SECOND])),
        _ => good(address, asked),
    })
    .await;
    let there = other.address;
    let server = Server::start(move |address, asked| match asked.target.as_str() {
        "/r4/jobs/Canary-1" if asked.before > 0 => {
            Reply::json(with_next(manifest(address, &[FIRST]), &format!("http://{there}/pages/Canary")))
        }
        _ => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let error = download(&export(&server), &directory).await.unwrap_err();
    assert!(matches!(&error, Error::Elsewhere { host, .. } if *host == there.to_string()), "{error}");
    assert!(other.lines().is_empty());

    // Named, it is asked; without the token, as its files don't need one.
    let token = || Credentials::Bearer(Token::new("Canary-token").unwrap());
    let hosts = || vec![Base::parse(&format!("http://{there}")).unwrap()];
    let settings = ExportSettings { hosts: hosts(), ..settings(token()) };
    let export = Export::new(request(&server), settings).unwrap();
    let downloaded = download(&export, &directory).await.unwrap();
    check_good(&directory, &downloaded);
    assert!(other.asked.lock().unwrap().iter().all(|asked| asked.header("authorization").is_none()));
    assert_eq!(server.times("GET /r4/jobs/Canary-1"), 2, "the first page was on disk");
}

#[tokio::test]
async fn lists_without_an_end_end() {
    type Pages = fn(SocketAddr, &Asked) -> Value;
    let circle: Pages =
        |address, _| with_next(manifest(address, &[]), &format!("http://{address}/pages/Canary"));
    let endless: Pages = |address, asked| {
        let next = format!("http://{address}/pages/{}x", asked.target.trim_start_matches("/pages/"));
        with_next(manifest(address, &[]), &next)
    };
    let another: Pages = |address, _| {
        let mut page = manifest(address, &[SECOND]);
        page["transactionTime"] = json!("2026-11-27T06:00:01Z");
        page
    };
    let garbage: Pages = |_, _| json!({"Canary": 1});
    for (pages, words, asked_for) in [
        (circle, "goes round in a circle", 1),
        (endless, "the number of pages of the list of files is past the limit of 5", 4),
        (another, "a page of the list of files is of another export", 1),
        (garbage, "the list of files isn't as the standard has it", 1),
    ] {
        let server = Server::start(move |address, asked| match asked.target.as_str() {
            "/r4/jobs/Canary-1" if asked.before > 0 => {
                Reply::json(with_next(manifest(address, &[FIRST]), &format!("http://{address}/pages/Canary")))
            }
            target if target.starts_with("/pages/") => Reply::json(pages(address, asked)),
            _ => good(address, asked),
        })
        .await;
        let home = tempfile::tempdir().unwrap();
        let limits = ExportLimits { manifest_pages: 5, ..limits() };
        let settings = ExportSettings { limits, ..settings(Credentials::Nobody) };
        let export = Export::new(request(&server), settings).unwrap();
        let message = download(&export, &home.path().join("export")).await.unwrap_err().to_string();
        assert!(message.contains(words), "{words}: {message}");
        let pages = server.lines().iter().filter(|line| line.contains("/pages/")).count();
        assert_eq!(pages, asked_for, "{words}: {:?}", server.lines());
    }
}
