//! An export as the guide has it.

use crate::{
    CANARY, KICK_OFF, check_good, download, export, good, lines, manifest, request,
    server::{Reply, Server},
    settings,
};
use fetch::bulk::{Credentials, Export};
use serde_json::{Value, json};
use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_export_is_asked_for_waited_for_and_fetched() {
    let server = Server::start(good).await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    assert_eq!(downloaded.transaction_time, "2026-11-27T06:00:00Z");
    assert_eq!((downloaded.kept, downloaded.deleted, downloaded.issues.len()), (0, 0, 0));

    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(format!("{} {}", asked[0].method, asked[0].target), KICK_OFF);
    assert_eq!(asked[0].header("prefer"), Some("respond-async"));
    assert_eq!(asked[0].header("accept"), Some("application/fhir+json"));
    assert_eq!(server.times("GET /r4/jobs/Canary-1"), 2);
    assert!(asked.iter().all(|asked| asked.header("authorization").is_none()));

    // Its owner alone may look, and no link that opens something is left.
    for path in ["", "resources", "errors", "deleted"] {
        assert_eq!(mode(&directory.join(path)), 0o700, "{path}");
    }
    for path in ["export.json", "lock", "resources/Patient.part-00001.ndjson"] {
        assert_eq!(mode(&directory.join(path)), 0o600, "{path}");
    }
    let state = std::fs::read_to_string(directory.join("export.json")).unwrap();
    assert!(!state.contains("sig=") && !state.contains(CANARY), "{state}");
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["files"][0]["lines"], 3);
    let digest = blake3::hash(lines("Patient", 3).as_bytes()).to_hex().to_string();
    assert_eq!(state["files"][0]["blake3"], json!(digest));

    // Asked for again, it is here.
    let before = server.lines().len();
    let again = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &again);
    assert_eq!((again.kept, server.lines().len()), (2, before));
}

#[tokio::test]
async fn a_complete_export_is_used_again_only_as_it_came() {
    let server = Server::start(good).await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let resources = directory.join("resources");
    let downloaded = download(&export(&server), &directory).await.unwrap();
    let names = ["Condition.part-00002.ndjson", "Patient.part-00001.ndjson"];
    assert_eq!(downloaded.listed, names.map(|name| resources.join(name)));
    // Another value of the same size.
    let patients = resources.join("Patient.part-00001.ndjson");
    let text = std::fs::read_to_string(&patients).unwrap();
    std::fs::write(&patients, text.replace("Canary-2", "Canary-9")).unwrap();
    let message = download(&export(&server), &directory).await.unwrap_err().to_string();
    assert!(message.contains("holds it changed; ask for a fresh export"), "{message}");
    std::fs::write(&patients, &text).unwrap();
    // One more, wherever; what a system leaves is none.
    for (part, name) in [
        ("resources", "Patient.part-00077.ndjson"),
        ("errors", "OperationOutcome.part-00001.ndjson"),
        ("deleted", "Bundle.part-00001.ndjson"),
        ("resources", "notes.partial"),
    ] {
        let more = directory.join(part).join(name);
        std::fs::write(&more, &text).unwrap();
        let message = download(&export(&server), &directory).await.unwrap_err().to_string();
        assert!(message.contains("holds a file that isn't the export's"), "{message}");
        std::fs::remove_file(more).unwrap();
    }
    std::fs::write(resources.join(".left"), &text).unwrap();
    let asked = server.lines().len();
    let again = download(&export(&server), &directory).await.unwrap();
    assert_eq!((again.kept, again.listed, server.lines().len()), (2, downloaded.listed, asked));
}

#[tokio::test]
async fn issues_and_deletions_are_counted_and_kept_apart() {
    let server = Server::start(|address, asked| match asked.target.as_str() {
        "/r4/jobs/Canary-1" => {
            let mut manifest = manifest(address, &[("Patient", "/files/1", None)]);
            let file = |kind: &str, path: &str| json!([{"type": kind, "url": format!("http://{address}{path}")}]);
            manifest["error"] = file("OperationOutcome", "/files/errors");
            manifest["deleted"] = file("Bundle", "/files/deleted");
            Reply::json(manifest)
        }
        "/files/1" => Reply::ndjson(lines("Patient", 1)),
        "/files/errors" => Reply::ndjson(concat!(
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"not-supported","diagnostics":"Canary"}]}"#,
            "\n",
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"Canary"},{"severity":"Canary","code":"exception"}]}"#,
            "\n{\"Canary\":1}\n"
        )),
        "/files/deleted" => Reply::ndjson(
            "{\"resourceType\":\"Bundle\",\"entry\":[{\"request\":{\"url\":\"Patient/Canary\"}},{}]}\n",
        ),
        _ => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let downloaded = download(&export(&server), &directory).await.unwrap();
    let expected = [(("error", "exception"), 1), (("error", "other"), 2), (("warning", "not-supported"), 1)];
    assert_eq!(downloaded.issues, BTreeMap::from(expected));
    assert_eq!((downloaded.files, downloaded.deleted), (1, 2));
    assert!(!format!("{downloaded:?}").contains(CANARY));
    assert!(directory.join("errors/OperationOutcome.part-00001.ndjson").exists());
}

#[tokio::test]
async fn compressed_files_are_kept_plain() {
    use std::io::Write;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let server = Server::start(move |address, asked| match asked.target.as_str() {
        // On the way, and as it was stored.
        "/files/Canary?sig=1" => Reply::ndjson(gzip(&lines("Patient", 3))).header("content-encoding: gzip"),
        "/files/Canary?sig=2" if asked.before == 0 => {
            let body = gzip(&lines("Condition", 400));
            Reply { body: body[..body.len() / 2].to_vec(), ..Reply::ndjson("") }
        }
        "/files/Canary?sig=2" => Reply::ndjson(gzip(&lines("Condition", 400))),
        _ => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let downloaded = download(&export(&server), &directory).await.unwrap();
    check_good(&directory, &downloaded);
    let asked = server.asked.lock().unwrap();
    let file = asked.iter().find(|asked| asked.target.starts_with("/files/")).unwrap();
    assert_eq!(file.header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_job_is_called_off_and_what_came_of_it_removed() {
    let server = Server::start(|address, asked| match asked.method.as_str() {
        "DELETE" => Reply::status(202),
        _ if asked.target == "/files/Canary?sig=2" => {
            Reply { stall: true, cut: Some(50), ..good(address, asked) }
        }
        _ => good(address, asked),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("export");
    let export = export(&server);
    let interrupted =
        tokio::time::timeout(std::time::Duration::from_millis(300), download(&export, &directory)).await;
    assert!(interrupted.is_err());
    assert!(directory.join("resources").exists());
    export.call_off(&directory).await.unwrap();
    assert_eq!(server.times("DELETE /r4/jobs/Canary-1"), 1);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_directory_that_holds_something_else_or_that_others_may_read_is_left_alone() {
    let server = Server::start(good).await;
    let home = tempfile::tempdir().unwrap();
    let open = home.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let foreign = home.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(foreign.join("mine.txt"), "x").unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for (directory, words) in [
        (&open, "can be read by others"),
        (&foreign, "holds something else"),
        (&file, "is a file"),
        (&home.path().join("not/there"), "could not be written"),
    ] {
        let message = download(&export(&server), directory).await.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    assert!(Export::discard(&foreign).is_err() && foreign.join("mine.txt").exists());
    assert!(server.lines().is_empty(), "nothing was asked");

    let directory = home.path().join("export");
    download(&export(&server), &directory).await.unwrap();
    let mut other = request(&server);
    other.types.push("Patient".to_owned());
    let other = Export::new(other, settings(Credentials::Nobody)).unwrap();
    let message = download(&other, &directory).await.unwrap_err().to_string();
    assert!(message.contains("holds another export"), "{message}");
    Export::discard(&directory).unwrap();
    assert!(!directory.exists());
    Export::discard(&directory).unwrap();
}
