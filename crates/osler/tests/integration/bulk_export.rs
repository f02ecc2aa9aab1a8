//! `osler ingest fhir+http://…`: an export from a server in this process is what its files are when they are read from disk;
//! killed, interrupted, refused.

use crate::support::Site;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// What no message may hold: it is in the links, the ids and the token.
const CANARY: &str = "Canary-77";
const TOKEN: &str = "Canary-77.token";

/// A FHIR server whose export is the files of a directory.
struct Server {
    base: String,
    /// Method and target, and the Range, of what was asked.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// With `stalls`, the first answer with this file stops in the middle.
    fn start(files: &Path, stalls: Option<&'static str>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = Server { base: format!("fhir+http://{address}/r4"), asked: asked.clone() };
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(files).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let files = Arc::new(files);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, asked) = (files.clone(), asked.clone());
                let base = format!("http://{address}");
                std::thread::spawn(move || answer(stream.unwrap(), &base, &files, stalls, &asked));
            }
        });
        server
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn times(&self, line: &str) -> usize {
        self.asked().iter().filter(|asked| asked.starts_with(line)).count()
    }

    #[track_caller]
    fn wait_for(&self, line: &str) {
        let begun = Instant::now();
        while self.times(line) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{line} was not asked: {:?}", self.asked());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn answer(
    mut stream: TcpStream,
    base: &str,
    files: &[PathBuf],
    stalls: Option<&str>,
    asked: &Mutex<Vec<String>>,
) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned())
    };
    let range = header("range:");
    let line = format!("{method} {target} {}", range.clone().unwrap_or_default());
    let before = {
        let mut asked = asked.lock().unwrap();
        let path = format!("{method} {target} ");
        let before = asked.iter().filter(|asked| asked.starts_with(&path)).count();
        asked.push(line);
        before
    };
    let mut send = |head: String, body: &[u8]| {
        let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes());
        body.len()
    };
    if header("authorization:").as_deref() != Some(&format!("Bearer {TOKEN}")) {
        send("401 Unauthorized".to_owned(), b"");
        return;
    }
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    if target.starts_with("/r4/Patient/$export") {
        send(format!("202 Accepted\r\ncontent-location: {base}/jobs/{CANARY}"), b"");
    } else if target.starts_with("/jobs/") && method == "DELETE" {
        send("202 Accepted".to_owned(), b"");
    } else if target.starts_with("/jobs/") && before == 0 {
        send("202 Accepted\r\nretry-after: 1\r\nx-progress: 50%".to_owned(), b"");
    } else if target.starts_with("/jobs/") {
        let count = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
        let file = |path: &PathBuf| serde_json::json!({"type": name(path), "url": format!("{base}/files/{}?sig={CANARY}", name(path)), "count": count(path)});
        // What is no resource of a patient's says what was deleted.
        let (deleted, output): (Vec<_>, Vec<_>) = files.iter().partition(|path| name(path) == "Bundle");
        let [deleted, output] =
            [deleted, output].map(|files| files.into_iter().map(file).collect::<Vec<_>>());
        let manifest = serde_json::json!({"transactionTime": "2026-11-27T06:00:00Z", "request": CANARY,
            "requiresAccessToken": true, "output": output, "deleted": deleted, "error": []});
        let body = manifest.to_string().into_bytes();
        send("200 OK\r\ncontent-type: application/json".to_owned(), &body);
        let _ = stream.write_all(&body);
    } else if let Some(path) =
        files.iter().find(|path| target == format!("/files/{}?sig={CANARY}", name(path)))
    {
        let body = std::fs::read(path).unwrap();
        let from: usize = range.map_or(0, |range| range["bytes=".len()..range.len() - 1].parse().unwrap());
        let status = match from {
            0 => "200 OK".to_owned(),
            from => format!(
                "206 Partial Content\r\ncontent-range: bytes {from}-{}/{}",
                body.len() - 1,
                body.len()
            ),
        };
        let head = format!("{status}\r\netag: \"v1\"\r\ncontent-type: application/fhir+ndjson");
        send(head, &body[from..]);
        if stalls == Some(&name(path)) && before == 0 {
            let _ = stream.write_all(&body[..body.len() / 2]);
            let _ = stream.flush();
            // Until whoever asked is gone.
            let _ = stream.read(&mut [0]);
            return;
        }
        let _ = stream.write_all(&body[from..]);
    } else {
        send("404 Not Found".to_owned(), b"");
    }
}

/// A site with a synthetic population and a token.
fn site() -> Site {
    let site = Site::new();
    site.succeed("synth --subjects 40 --seed 3 --out population");
    let token = site.file("token", TOKEN);
    std::fs::set_permissions(token, std::fs::Permissions::from_mode(0o600)).unwrap();
    site
}

/// The line that ingests a server's export.
fn line(server: &Server, rest: &str) -> String {
    format!(
        "ingest --from fhir --synthetic --key site.key --out events --download export --bearer-file token {rest} {}",
        server.base
    )
}

/// Every file below a directory that holds events, with its bytes.
fn data(site: &Site, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = site.path(name).join("data");
    let mut files: Vec<_> = site.all_files().into_iter().filter(|path| path.starts_with(&root)).collect();
    files.sort();
    assert!(!files.is_empty());
    files
        .into_iter()
        .map(|path| (path.strip_prefix(&root).unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn an_export_gives_the_events_that_its_files_give() {
    let site = site();
    let server = Server::start(&site.path("population/fhir"), None);
    let said = site.succeed(&line(&server, ""));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("export of 2026-11-27T06:00:00Z: ") && said.contains("identified, in export/resources")
    );
    site.succeed("ingest --from fhir --synthetic --key site.key --out local population/fhir");
    assert_eq!(data(&site, "events"), data(&site, "local"));
    let export = site.path("export");
    assert_eq!(std::fs::metadata(&export).unwrap().permissions().mode() & 0o777, 0o700);
    let state = std::fs::read_to_string(export.join("export.json")).unwrap();
    assert!(!state.contains("sig=") && !said.contains(CANARY));

    // What was put beside it isn't read.
    let more = export.join("resources/Patient.part-00077.ndjson");
    std::fs::copy(site.path("population/fhir/Patient.ndjson"), &more).unwrap();
    let said = site.fail(&line(&server, "--force"));
    assert!(said.contains("holds a file that isn't the export's") && !said.contains(CANARY), "{said}");
    std::fs::remove_file(more).unwrap();
    std::fs::write(export.join("resources/.hidden.ndjson"), "no JSON").unwrap();

    // The same again asks for nothing; and what is discarded is gone.
    let asked = server.asked().len();
    site.succeed(&line(&server, "--force --discard-download"));
    assert_eq!(server.asked().len(), asked);
    assert!(!export.exists() && site.path("events").exists());
}

#[test]
fn what_was_deleted_is_taken_out_where_it_is_a_source() {
    let site = site();
    let conditions = std::fs::read_to_string(site.path("population/fhir/Condition.ndjson")).unwrap();
    let of = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let entry =
        |line| serde_json::json!({"request": {"method": "DELETE", "url": format!("Condition/{}", of(line))}});
    let entries: Vec<_> = conditions.lines().take(3).map(entry).collect();
    let deletions = serde_json::json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    for name in ["later", "left"] {
        std::fs::create_dir(site.path(name)).unwrap();
    }
    for path in std::fs::read_dir(site.path("population/fhir")).unwrap().map(|entry| entry.unwrap().path()) {
        std::fs::copy(&path, site.path("left").join(path.file_name().unwrap())).unwrap();
    }
    let rest: String = conditions.lines().skip(3).map(|line| format!("{line}\n")).collect();
    std::fs::write(site.path("left/Condition.ndjson"), rest).unwrap();
    std::fs::copy(site.path("population/fhir/Patient.ndjson"), site.path("later/Patient.ndjson")).unwrap();
    std::fs::write(site.path("later/Bundle.ndjson"), format!("{deletions}\n")).unwrap();

    let server = Server::start(&site.path("later"), None);
    let said = String::from_utf8(site.succeed(&line(&server, "")).stderr).unwrap();
    assert!(said.contains("3 resources were deleted (deleted/)"), "{said}");
    let ingest = "ingest --from fhir --synthetic --key site.key --out";
    site.succeed(&format!("{ingest} whole population/fhir export/resources"));
    site.succeed(&format!("{ingest} taken population/fhir export/resources export/deleted"));
    site.succeed(&format!("{ingest} local left"));
    assert_eq!(data(&site, "taken"), data(&site, "local"));
    assert_ne!(data(&site, "whole"), data(&site, "local"));
}

#[test]
fn an_export_that_was_killed_goes_on_where_it_was() {
    let site = site();
    let server = Server::start(&site.path("population/fhir"), Some("Observation"));
    let observations = format!("GET /files/Observation?sig={CANARY}");
    let mut child =
        site.command(&line(&server, "--quiet").split_whitespace().collect::<Vec<_>>()).spawn().unwrap();
    server.wait_for(&observations);
    let partial = site.path("export/resources");
    let begun = Instant::now();
    let is_there = || {
        let entries = std::fs::read_dir(&partial).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            entry.file_name().to_string_lossy().starts_with("Observation.part-")
                && entry.metadata().unwrap().len() > 1_000
        })
    };
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing came");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!site.path("events").exists());

    site.succeed(&line(&server, ""));
    site.succeed("ingest --from fhir --synthetic --key site.key --out local population/fhir");
    assert_eq!(data(&site, "events"), data(&site, "local"));
    assert_eq!(server.times("GET /r4/Patient/$export"), 1, "the same job");
    assert_eq!(server.times(&observations), 2);
    let rest = server.asked().iter().filter(|asked| asked.starts_with(&observations)).nth(1).cloned();
    assert!(rest.unwrap().contains("bytes="), "from where it was cut");
}

#[test]
fn ctrl_c_leaves_the_job_for_the_next_run_or_calls_it_off() {
    for cancels in [false, true] {
        let site = site();
        let server = Server::start(&site.path("population/fhir"), Some("Observation"));
        let words = line(&server, if cancels { "--cancel-on-interrupt" } else { "" });
        let child = site
            .command(&words.split_whitespace().collect::<Vec<_>>())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        server.wait_for(&format!("GET /files/Observation?sig={CANARY}"));
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains(CANARY), "{said}");
        assert_eq!(server.times(&format!("DELETE /jobs/{CANARY}")), usize::from(cancels));
        assert_eq!(site.path("export").exists(), !cancels, "{said}");
        let words = if cancels { "the server was told" } else { "the same command again goes on from" };
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_asked_for_wrongly_is_refused_before_anything_is_opened() {
    let site = site();
    let server = Server::start(&site.path("population/fhir"), None);
    let open = site.file("open-token", TOKEN);
    std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let start = "ingest --key site.key --out events";
    let (base, download) = (&server.base, "--download export --bearer-file token");
    for (line, words) in [
        (format!("{start} --from fhir {base}"), "--download DIR"),
        (format!("{start} --from omop {download} {base}"), "--from fhir"),
        (format!("{start} --from fhir {download} {base} {base}"), "a server stands alone"),
        (format!("{start} --from fhir {download} {base} population/fhir"), "a server stands alone"),
        (format!("{start} --from fhir {download} population/fhir"), "--download is for a server"),
        (format!("{start} --from fhir --download events/export {base}"), "must not lie in --out"),
        (format!("{start} --from fhir {download} fhir+http://ehr.example/r4"), "must be such as https://"),
        (format!("{start} --from fhir {download} fhir+https://u:{TOKEN}@ehr.example/r4"), "must be such as"),
        (format!("{start} --from fhir --download export --bearer-file open-token {base}"), "chmod 600"),
        (format!("{start} --from fhir {download} --export-group a/{CANARY} {base}"), "must be a FHIR id"),
        (format!("{start} --from fhir {download} --export-since 2026 {base}"), "must be a FHIR instant"),
        (format!("{start} --from fhir --download export --smart-client osler {base}"), "--smart-key"),
        (
            format!("{start} --from fhir {download} --smart-client osler --smart-key k {base}"),
            "cannot be used with",
        ),
    ] {
        let said = site.fail(&line);
        assert!(said.contains(words) && !said.contains(CANARY), "{line}: {said}");
    }
    assert!(server.asked().is_empty(), "{:?}", server.asked());
    assert!(!site.path("export").exists() && !site.path("events").exists());
    // A token that isn't taken.
    let said = site.fail(&format!("{start} --from fhir --download export {base}"));
    assert!(said.contains("the server answered 401; check what the token may read"), "{said}");
}
