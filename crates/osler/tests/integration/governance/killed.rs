//! A server that is killed under load loses no call that it answered.

use super::{
    RECORD,
    cluster::Cluster,
    database::site_with_ledger_in,
    said,
    server::{Server, call},
};
use crate::support::Site;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the server is killed. `OSLER_KILLS` asks for more.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment how long to go on")]
fn kills() -> usize {
    std::env::var("OSLER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

#[test]
fn no_answered_call_is_missing_after_kill_9() {
    kill_under_load(&Site::new());
}

#[test]
fn no_answered_call_is_missing_from_a_database_after_kill_9() {
    let Some(cluster) = Cluster::start() else { return };
    kill_under_load(&site_with_ledger_in(&cluster));
}

fn kill_under_load(site: &Site) {
    let key = said(site, "access grant --governance site --name load --scope predict --trial");
    let mut answered: HashSet<String> = HashSet::new();
    for round in 0..kills() {
        let server = Server::start(site, &["--governance", "site"]);
        let address = server.address().to_owned();
        let stop = AtomicBool::new(false);
        let got = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        let mut got = Vec::new();
                        while !stop.load(Ordering::Relaxed) {
                            let Some(answer) = call(&address, "POST", "/v1/risk", &key, RECORD) else {
                                continue;
                            };
                            if answer.status == 200 {
                                got.push(answer.header("x-osler-ledger").to_owned());
                            }
                        }
                        got
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(700 + 130 * round as u64));
            server.kill();
            stop.store(true, Ordering::Relaxed);
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(!got.is_empty(), "nothing was answered before the kill");
        answered.extend(got);
        said(site, "ledger verify --governance site");
    }
    let kept = kept(site);
    let lost: Vec<_> = answered.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} answered calls are lost", lost.len(), answered.len());
    eprintln!("{} kills, {} answered, {} kept", kills(), answered.len(), kept.len());
}

/// What the ledger holds, as answers name it.
pub fn kept(site: &Site) -> HashSet<String> {
    let shown = said(site, "ledger show --governance site --last 1000000");
    let named = shown.lines().map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        format!("{}:{}", entry["sequence"], entry["digest"].as_str().unwrap())
    });
    named.collect()
}

#[test]
fn a_changed_byte_is_named_and_nothing_is_exported() {
    let site = Site::new();
    let key = said(&site, "access grant --governance site --name app --scope predict --trial");
    let server = Server::start(&site, &["--governance", "site"]);
    for _ in 0..3 {
        assert_eq!(server.post("/v1/risk", &key, RECORD).status, 200);
    }
    drop(server);
    let verified = said(&site, "ledger verify --governance site");
    assert!(verified.starts_with("4 entries hold together"), "{verified}");
    let noted = verified.lines().nth(1).unwrap();
    said(&site, &format!("ledger verify --governance site --trust site/signing.pub --noted {noted}"));
    said(&site, "ledger export --governance site --out audit.ndjson");
    let events = std::fs::read_to_string(site.path("audit.ndjson")).unwrap();
    assert_eq!(events.lines().count(), 4);
    assert!(!events.contains("cumulative_incidence"));
    assert!(site.fail("ledger export --governance site --out audit.ndjson").contains("--force"));
    // One letter of an entry, where it lies: in the file, or in the journal before it.
    let path = site.path("site/ledger.db");
    let (path, mut bytes) = match std::fs::metadata(site.path("site/ledger.db-wal")).map_or(0, |m| m.len()) {
        0 => (path.clone(), std::fs::read(&path).unwrap()),
        _ => {
            let wal = site.path("site/ledger.db-wal");
            (wal.clone(), std::fs::read(&wal).unwrap())
        }
    };
    let needle = b"\"status\":200";
    let place = bytes.windows(needle.len()).rposition(|window| window == needle).unwrap();
    bytes[place + needle.len() - 1] = b'1';
    std::fs::write(&path, bytes).unwrap();
    let said = site.fail("ledger verify --governance site");
    assert!(said.contains("the ledger was changed: "), "{said}");
    assert!(said.contains("frame ") || said.contains("entry "), "it is named: {said}");
    assert!(site.fail("ledger export --governance site --out other.ndjson").contains("was changed"));
    assert!(!site.path("other.ndjson").exists());
}
