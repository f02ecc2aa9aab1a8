//! Bulk exports from a server that does as the guide says, and from servers that don't.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod faults;
mod pages;
mod resuming;
mod server;
mod tokens;
mod whole;

use fetch::{
    AddressRule, Error, Network, Roots,
    bulk::{Credentials, Downloaded, Export, ExportLimits, ExportRequest, ExportSettings, Level, Progress},
};
use serde_json::{Value, json};
use server::{Asked, Reply, Server};
use std::{net::SocketAddr, path::Path, time::Duration};

const NOW: u64 = 1_790_000_000;
const KICK_OFF: &str = "GET /r4/Patient/$export?_outputFormat=application%2Ffhir%2Bndjson";
/// A word that no error may hold: it stands in every link, id and body.
const CANARY: &str = "Canary";

fn request(server: &Server) -> ExportRequest {
    ExportRequest { server: server.base(), level: Level::Patients, types: Vec::new(), since: None }
}

fn limits() -> ExportLimits {
    ExportLimits {
        time: Duration::from_secs(20),
        answer: Duration::from_secs(2),
        idle: Duration::from_millis(400),
        pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
        longest_asked: Duration::from_millis(20),
        attempts: 3,
        ..ExportLimits::default()
    }
}

fn settings(credentials: Credentials) -> ExportSettings {
    ExportSettings {
        hosts: Vec::new(),
        credentials,
        network: Network { roots: Roots::none(), rule: AddressRule::Public, connect: Duration::from_secs(2) },
        limits: limits(),
        now: || NOW,
    }
}

fn export(server: &Server) -> Export {
    Export::new(request(server), settings(Credentials::Nobody)).unwrap()
}

async fn download(export: &Export, directory: &Path) -> Result<Downloaded, Error> {
    let result = export.download(directory, &Progress::default()).await;
    if let Err(error) = &result {
        let (shown, debugged) = (error.to_string(), format!("{error:?}"));
        assert!(!shown.contains(CANARY) && !debugged.contains(CANARY), "{shown} {debugged}");
    }
    result
}

/// A file's text: so many resources.
fn lines(kind: &str, count: usize) -> String {
    let line = |at| format!("{}\n", json!({"resourceType": kind, "id": format!("{CANARY}-{at}")}));
    (0..count).map(line).collect()
}

/// The manifest with these files: type, path, count.
fn manifest(address: SocketAddr, files: &[(&str, &str, Option<u64>)]) -> Value {
    let file = |(kind, path, count): &(&str, &str, Option<u64>)| {
        let mut file = json!({"type": kind, "url": format!("http://{address}{path}")});
        if let Some(count) = count {
            file["count"] = json!(count);
        }
        file
    };
    json!({
        "transactionTime": "2026-11-27T06:00:00Z",
        "request": format!("http://{address}/r4/Patient/$export?{CANARY}"),
        "requiresAccessToken": false,
        "output": files.iter().map(file).collect::<Vec<_>>(),
        "error": [],
    })
}

/// A server with an export of two files, which is ready when it is asked for the second time.
fn good(address: SocketAddr, asked: &Asked) -> Reply {
    let path = asked.target.as_str();
    match (asked.method.as_str(), path) {
        ("GET", "/r4/Patient/$export?_outputFormat=application%2Ffhir%2Bndjson") => {
            Reply::status(202).header(format!("content-location: http://{address}/r4/jobs/{CANARY}-1"))
        }
        ("GET", "/r4/jobs/Canary-1") if asked.before == 0 => {
            Reply::status(202).header("retry-after: 1").header("x-progress: 40% of Canary")
        }
        ("GET", "/r4/jobs/Canary-1") => Reply::json(manifest(
            address,
            &[("Patient", "/files/Canary?sig=1", Some(3)), ("Condition", "/files/Canary?sig=2", Some(400))],
        )),
        ("GET", "/files/Canary?sig=1") => Reply::ndjson(lines("Patient", 3)),
        ("GET", "/files/Canary?sig=2") => Reply::ndjson(lines("Condition", 400)),
        _ => Reply::status(404),
    }
}

/// What was downloaded is what the good server has.
#[track_caller]
fn check_good(directory: &Path, downloaded: &Downloaded) {
    assert_eq!((downloaded.files, downloaded.count), (2, 403));
    let text = |name: &str| std::fs::read_to_string(directory.join("resources").join(name)).unwrap();
    assert_eq!(text("Patient.part-00001.ndjson"), lines("Patient", 3));
    assert_eq!(text("Condition.part-00002.ndjson"), lines("Condition", 400));
    let mut names: Vec<_> = std::fs::read_dir(directory.join("resources"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["Condition.part-00002.ndjson", "Patient.part-00001.ndjson"]);
}
