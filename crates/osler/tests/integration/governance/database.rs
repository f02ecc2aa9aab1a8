//! A ledger in PostgreSQL, under a server that is asked all the time.

use super::{
    RECORD,
    cluster::{Cluster, PASSWORD},
    killed::kept,
    said,
    server::{Answer, Server, call},
};
use crate::support::Site;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A site whose governance directory names the cluster.
pub fn site_with_ledger_in(cluster: &Cluster) -> Site {
    let site = Site::new();
    let url = site.file("site/ledger.url", format!("{}\n", cluster.url()));
    std::fs::set_permissions(url, std::fs::Permissions::from_mode(0o600)).unwrap();
    site
}

/// What a call was answered while the database came and went.
#[derive(Default)]
struct Told {
    answered: Vec<String>,
    refused: Vec<(u16, String, String)>,
}

impl Told {
    fn take(&mut self, answer: &Answer) {
        match answer.status {
            200 => self.answered.push(answer.header("x-osler-ledger").to_owned()),
            status => {
                let code = answer.body["error"]["code"].as_str().unwrap_or_default().to_owned();
                self.refused.push((status, code, answer.header("retry-after").to_owned()));
            }
        }
    }
}

#[test]
fn a_database_that_is_restarted_loses_no_answered_call_and_the_rest_are_told_to_come_again() {
    let Some(cluster) = Cluster::start() else { return };
    let site = site_with_ledger_in(&cluster);
    let key = said(&site, "access grant --governance site --name load --scope predict --trial");
    let log = site.path("log");
    let server = Server::start_logging(&site, &["--governance", "site"], File::create(&log).unwrap());
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Told::default()));
    let answered = || told.lock().unwrap().answered.len();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let answer = call(server.address(), "POST", "/v1/risk", &key, RECORD);
                    told.lock()
                        .unwrap()
                        .take(&answer.expect("the server answers, whatever becomes of its ledger"));
                    assert!(
                        begun.elapsed() < Duration::from_secs(15),
                        "a caller waited {:?}",
                        begun.elapsed()
                    );
                }
            });
        }
        for round in 0..4 {
            let before = answered();
            wait_until(|| answered() > before + 20, "it answers");
            match round % 2 {
                0 => cluster.crash(),
                _ => cluster.stop(),
            }
            // Long enough that the watch over the model's stage meets the outage too.
            std::thread::sleep(Duration::from_millis(1500));
            cluster.go_on();
        }
        let before = answered();
        wait_until(|| answered() > before + 20, "it comes back by itself");
        stop.store(true, Ordering::Relaxed);
    });
    drop(server);
    let told = told.into_inner().unwrap();
    assert!(!told.refused.is_empty(), "nobody met the outage");
    let kinds: HashSet<_> = told.refused.into_iter().collect();
    for (status, code, after) in &kinds {
        assert_eq!((*status, after.as_str()), (503, "1"), "{code}");
        assert!(["ledger_unavailable", "stage_unavailable"].contains(&code.as_str()), "{code}");
    }
    said(&site, "ledger verify --governance site");
    let answered: HashSet<String> = told.answered.into_iter().collect();
    let kept = kept(&site);
    let lost: Vec<_> = answered.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} answered calls are lost", lost.len(), answered.len());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("could not be recorded") && !log.contains(PASSWORD), "{log}");
    assert!(!site.path("site/ledger.db").exists());
    eprintln!("4 restarts, {} answered, {} kept, refused as {kinds:?}", answered.len(), kept.len());
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_servers_share_a_ledger_and_it_is_shown_verified_and_exported() {
    let Some(cluster) = Cluster::start() else { return };
    let site = site_with_ledger_in(&cluster);
    let key = said(&site, "access grant --governance site --name app --scope predict --trial");
    let servers = [(); 2].map(|()| Server::start(&site, &["--governance", "site"]));
    std::thread::scope(|scope| {
        for server in servers.iter().cycle().take(4) {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(server.post("/v1/risk", &key, RECORD).status, 200);
                }
            });
        }
    });
    drop(servers);
    let verified = said(&site, "ledger verify --governance site");
    assert!(verified.starts_with("41 entries hold together"), "{verified}");
    said(&site, "ledger export --governance site --out audit.ndjson");
    assert_eq!(std::fs::read_to_string(site.path("audit.ndjson")).unwrap().lines().count(), 41);
    assert_eq!(said(&site, "ledger show --governance site --last 3").lines().count(), 3);
}

#[test]
fn a_ledger_in_two_places_or_one_that_others_can_find_is_refused_without_its_password() {
    let site = Site::new();
    said(&site, "access grant --governance site --name app --scope predict");
    let url = site.file("site/ledger.url", format!("postgresql://osler:{PASSWORD}@127.0.0.1:1/osler"));
    let mode = |mode| std::fs::set_permissions(&url, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let refused = || {
        let said = site.fail("ledger verify --governance site");
        assert!(!said.contains(PASSWORD), "{said}");
        said
    };
    assert!(refused().contains("chmod 600"));
    mode(0o600);
    assert!(refused().contains("one ledger"));
    std::fs::rename(site.path("site/ledger.db"), site.path("before.db")).unwrap();
    let said = refused();
    assert!(said.contains("the ledger can't be read: no connection"), "{said}");
    site.file("site/ledger.url", format!("postgres//{PASSWORD}"));
    assert!(refused().contains("URL can't be read"));
}
