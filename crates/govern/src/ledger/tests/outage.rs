//! A database that goes away in mid-flight: what was told to be recorded is, and what wasn't is told at once.

use super::{
    check_in, now,
    places::{Place, address, database},
    record,
};
use crate::{
    Error, SigningKey,
    ledger::{Ledger, LedgerSettings, Link, PostgresStore},
};
use std::{
    collections::HashSet,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A way to the database that can be cut, and one that can fall silent.
struct Wire {
    port: u16,
    up: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(host: String, port: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire {
            port: listener.local_addr().unwrap().port(),
            up: Arc::new(AtomicBool::new(true)),
            silent: Arc::default(),
            open: Arc::default(),
        };
        let (up, silent, open) = (wire.up.clone(), wire.silent.clone(), wire.open.clone());
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                if !up.load(Ordering::SeqCst) {
                    continue;
                }
                let database = TcpStream::connect((host.as_str(), port)).unwrap();
                for (from, to) in [(&caller, &database), (&database, &caller)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let silent = silent.clone();
                    std::thread::spawn(move || carry(from, to, &silent));
                }
                open.lock().unwrap().extend([caller, database]);
            }
        });
        wire
    }

    /// The same URL, by this way.
    fn url(&self, url: &str, host: &str, port: u16) -> String {
        let by_wire = url.replace(&format!("{host}:{port}"), &format!("127.0.0.1:{}", self.port));
        assert_ne!(by_wire, url, "OSLER_TEST_POSTGRES names no host with a port");
        by_wire
    }

    fn cut(&self) {
        self.up.store(false, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.up.store(true, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut bytes = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        while silent.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}

/// A ledger of a test's own, by a wire.
fn by_wire(database: &str) -> (Place, Wire, String) {
    let config: postgres::Config = database.parse().unwrap();
    let host = match config.get_hosts().first() {
        Some(postgres::config::Host::Tcp(name)) => name.clone(),
        other => panic!("OSLER_TEST_POSTGRES names no TCP host but {other:?}"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let place = Place::in_database(database);
    let Place::Database { url, .. } = &place else { unreachable!() };
    let wire = Wire::to(host.clone(), port);
    let url = wire.url(url, &host, port);
    (place, wire, url)
}

fn ledger(url: &str) -> Ledger {
    let store = Box::new(PostgresStore::open(address(url)).unwrap());
    let key = SigningKey::new().unwrap();
    Ledger::start(store, key, Arc::new(now), LedgerSettings::default()).unwrap()
}

#[test]
fn an_outage_loses_nothing_that_was_told_to_be_recorded_and_ends_by_itself() {
    let Some(database) = database() else { return };
    let (place, wire, url) = by_wire(&database);
    let ledger = ledger(&url);
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Vec::<Link>::new()));
    let refused = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                let (ledger, stop, told) = (&ledger, &stop, &told);
                scope.spawn(move || {
                    let (mut number, mut refused) = (0, 0);
                    while !stop.load(Ordering::SeqCst) {
                        number += 1;
                        let begun = Instant::now();
                        match ledger.append_blocking(&record(&format!("{caller}-{number}"))) {
                            Ok(appended) => told.lock().unwrap().push(appended.link),
                            Err(Error::NotRecorded { .. }) => {
                                refused += 1;
                                std::thread::sleep(Duration::from_millis(2));
                            }
                            Err(other) => panic!("{other}"),
                        }
                        let waited = begun.elapsed();
                        assert!(waited < Duration::from_secs(12), "a caller waited {waited:?}");
                    }
                    refused
                })
            })
            .collect();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(200));
            wire.cut();
            std::thread::sleep(Duration::from_millis(200));
            wire.mend();
        }
        // It must come back by itself.
        let (before, begun) = (told.lock().unwrap().len(), Instant::now());
        while told.lock().unwrap().len() < before + 10 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it didn't come back");
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::SeqCst);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>()
    });
    drop(ledger);
    assert!(refused > 0, "nobody was told of the outages");
    let verified = check_in(&place).unwrap();
    let kept: HashSet<(u64, String)> = place
        .reader()
        .unwrap()
        .entries(1, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|entry| (entry.sequence, entry.digest.to_string()))
        .collect();
    let told = told.into_inner().unwrap();
    assert!(told.iter().all(|link| kept.contains(&(link.sequence, link.digest.to_string()))));
    assert!(verified.entries >= told.len() as u64 && told.len() > 20);
    println!("{} told, {refused} refused, {} entries", told.len(), verified.entries);
}

#[test]
fn a_database_that_falls_silent_is_not_waited_for_without_an_end() {
    let Some(database) = database() else { return };
    let (place, wire, url) = by_wire(&database);
    let ledger = ledger(&url);
    ledger.append_blocking(&record("before")).unwrap();
    wire.silent.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let error = ledger.append_blocking(&record("meanwhile")).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(error.to_string().contains("no answer within 5 s"), "{error}");
    wire.silent.store(false, Ordering::SeqCst);
    // What was under way when it fell silent may hold the lock for as long as the server takes to find that nobody is there.
    let begun = Instant::now();
    while let Err(error) = ledger.append_blocking(&record("after")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it didn't come back: {error}");
    }
    drop(ledger);
    check_in(&place).unwrap();
}

#[test]
fn a_connection_that_rested_and_was_lost_meanwhile_costs_no_call() {
    let Some(database) = database() else { return };
    let (place, wire, url) = by_wire(&database);
    let ledger = ledger(&url);
    ledger.append_blocking(&record("before")).unwrap();
    wire.cut();
    wire.mend();
    std::thread::sleep(Duration::from_millis(1100));
    ledger.append_blocking(&record("after")).unwrap();
    drop(ledger);
    assert_eq!(check_in(&place).unwrap().entries, 2);
}
