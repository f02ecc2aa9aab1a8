mod database;
mod outage;
mod places;

use super::*;
use crate::{Error, SigningKey};
use events::Time;
use places::{Place, places};
use std::{path::Path, sync::Arc, time::Duration};

fn now() -> Time {
    Time::from_ymd(2026, 11, 26).unwrap()
}

fn record(name: &str) -> Record {
    Record::access(now(), "granted", "0011", name)
}

fn settings() -> LedgerSettings {
    LedgerSettings { checkpoint_entries: 3, ..LedgerSettings::default() }
}

fn write_to(store: Box<dyn Store>, key: SigningKey, names: &[&str]) {
    let ledger = Ledger::start(store, key, Arc::new(now), settings()).unwrap();
    for name in names {
        ledger.append_blocking(&record(name)).unwrap();
    }
}

fn write(path: &Path, key: SigningKey, names: &[&str]) {
    write_to(Box::new(SqliteStore::open(path).unwrap()), key, names);
}

fn check(path: &Path) -> Result<Verified, Error> {
    verify(&SqliteStore::open_to_read(path)?, &Expectations::default())
}

fn check_in(place: &Place) -> Result<Verified, Error> {
    verify(&*place.reader()?, &Expectations::default())
}

#[test]
fn every_change_of_a_row_is_found_and_named() {
    for (sql, named) in [
        (
            "UPDATE entries SET record = replace(record, 'name-4', 'name-9') WHERE sequence = 4",
            "entry 4 does not",
        ),
        (
            "UPDATE entries SET digest = replace(digest, substr(digest, 1, 1), 'x') WHERE sequence = 4",
            "entry 4",
        ),
        ("DELETE FROM entries WHERE sequence = 2", "entry 2 is missing"),
        ("DELETE FROM entries WHERE sequence > 3", "ends at entry 3"),
        ("UPDATE entries SET sequence = 9 WHERE sequence = 5", "entry 5 is missing"),
        (
            "UPDATE checkpoints SET checkpoint = replace(checkpoint, '2026', '2025') WHERE sequence = 3",
            "at entry 3",
        ),
        ("UPDATE checkpoints SET sequence = 4 WHERE sequence = 3", "checkpoint at entry 4"),
    ] {
        for place in places() {
            let key = SigningKey::new().unwrap();
            write_to(place.store(), key, &["name-1", "name-2", "name-3", "name-4", "name-5"]);
            let verified = check_in(&place).unwrap();
            assert_eq!((verified.entries, verified.unsigned, verified.checkpoints), (5, 0, 2));
            assert!(place.tamper(sql) > 0);
            let error = check_in(&place).unwrap_err().to_string();
            assert!(error.contains(named), "{sql}: {error}");
        }
    }
}

#[test]
fn an_entry_before_the_first_is_refused_found_and_acted_on_by_nobody() {
    let forged = serde_json::to_string(&record("forged")).unwrap();
    for place in places() {
        write_to(place.store(), SigningKey::new().unwrap(), &["a", "b"]);
        for number in [-5, 0] {
            let insert =
                format!("INSERT INTO entries VALUES ({number}, '{}', '{forged}')", Digest::BEGINNING);
            let said = place.change(&insert).unwrap_err();
            assert!(said.contains("constraint"), "{said}");
        }
        for number in [-5, 0] {
            let insert =
                format!("INSERT INTO entries VALUES ({number}, '{}', '{forged}')", Digest::BEGINNING);
            place.tamper(&insert);
            let error = check_in(&place).unwrap_err().to_string();
            assert!(error.contains("an entry -5 was put in"), "{error}");
        }
        let reader = place.reader().unwrap();
        assert!(reader.changes().unwrap().iter().all(|entry| !entry.record.contains("forged")));
        assert_eq!(reader.last().unwrap().sequence, 2);
    }
}

#[test]
fn a_change_that_does_not_follow_is_acted_on_by_nobody() {
    for (sql, named) in [
        (
            "UPDATE entries SET record = replace(record, 'name-4', 'name-9') WHERE sequence = 4",
            "entry 4 does not",
        ),
        ("DELETE FROM entries WHERE sequence = 2", "before entry 3 is missing"),
        ("UPDATE entries SET sequence = 90 WHERE sequence = 5", "before entry 90 is missing"),
    ] {
        for place in places() {
            write_to(
                place.store(),
                SigningKey::new().unwrap(),
                &["name-1", "name-2", "name-3", "name-4", "name-5"],
            );
            assert_eq!(place.reader().unwrap().changes().unwrap().len(), 5);
            place.tamper(sql);
            let error = place.reader().unwrap().changes().unwrap_err().to_string();
            assert!(error.contains(named), "{sql}: {error}");
        }
    }
}

#[test]
fn the_end_of_a_ledger_is_walked_from_a_checkpoint_on() {
    let names: Vec<String> = (1..=12).map(|number| format!("name-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // A checkpoint is signed after every third entry.
    for (sql, last, found) in [
        ("UPDATE entries SET record = '{}' WHERE sequence = 11", 3, true),
        ("UPDATE entries SET record = '{}' WHERE sequence = 10", 2, true),
        ("DELETE FROM entries WHERE sequence = 12", 3, true),
        (
            "UPDATE entries SET digest = replace(digest, substr(digest, 1, 1), 'x') WHERE sequence = 9",
            3,
            true,
        ),
        ("UPDATE entries SET record = '{}' WHERE sequence = 8", 3, false),
        ("UPDATE entries SET record = '{}' WHERE sequence = 8", 4, true),
        ("UPDATE entries SET record = '{}' WHERE sequence = 1", 100, true),
        ("DELETE FROM checkpoints", 3, false),
    ] {
        for place in places() {
            let key = SigningKey::new().unwrap();
            let (trusted, other) = (Some(key.public()), Some(SigningKey::new().unwrap().public()));
            write_to(place.store(), key, &names);
            verify_end(&*place.reader().unwrap(), last, trusted).unwrap();
            assert!(verify_end(&*place.reader().unwrap(), last, other).is_err());
            place.tamper(sql);
            let seen = verify_end(&*place.reader().unwrap(), last, trusted).is_err();
            assert_eq!(seen, found, "{sql}, the last {last}");
        }
    }
}

#[test]
fn no_byte_of_the_file_can_change_what_is_read_unseen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    write(&path, SigningKey::new().unwrap(), &["name-1", "name-2", "name-3"]);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;").unwrap();
    drop(connection);
    let original = SqliteStore::open_to_read(&path).unwrap().entries(1, 10).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let changed = dir.path().join("changed.db");
    let mut found = 0;
    // Empty space is most of the file, and holds no entry: it is sampled, the rest is tried byte by byte.
    for (index, byte) in bytes.iter().enumerate() {
        if *byte == 0 && index % 97 != 0 {
            continue;
        }
        let mut copy = bytes.clone();
        copy[index] = byte.wrapping_add(1);
        std::fs::write(&changed, copy).unwrap();
        match check(&changed) {
            Err(_) => found += 1,
            Ok(verified) => {
                let read = SqliteStore::open_to_read(&changed).unwrap();
                assert_eq!(read.entries(1, 10).unwrap(), original, "byte {index}");
                assert_eq!((verified.entries, verified.checkpoints), (3, 1), "byte {index}");
            }
        }
    }
    assert!(found > 1000, "only {found} changes were found");
}

#[test]
fn a_file_that_was_set_back_or_replaced_is_not_gone_on_with() {
    let line = |name: &str| [serde_json::to_string(&record(name)).unwrap()];
    let place = Place::File(tempfile::tempdir().unwrap());
    let Place::File(dir) = &place else { unreachable!() };
    let path = dir.path().join("ledger.db");
    let mut store = SqliteStore::open(&path).unwrap();
    for name in ["a", "b", "c"] {
        store.append(&line(name)).unwrap();
    }
    // What others add is no setting back.
    SqliteStore::open(&path).unwrap().append(&line("d")).unwrap();
    store.append(&line("e")).unwrap();
    place.tamper("DELETE FROM entries WHERE sequence > 3");
    for _ in 0..3 {
        let error = store.append(&line("f")).unwrap_err();
        assert!(
            matches!(&error, Error::LedgerChanged { finding } if finding.contains("set back")),
            "{error}"
        );
        SqliteStore::open(&path).unwrap().append(&line("another")).unwrap();
    }

    let mut store = SqliteStore::open(&path).unwrap();
    store.append(&line("g")).unwrap();
    let backup = dir.path().join("backup.db");
    let vacuum = format!("VACUUM INTO '{}'", backup.display());
    rusqlite::Connection::open(&path).unwrap().execute_batch(&vacuum).unwrap();
    store.append(&line("h")).unwrap();
    for moved in [Some(&backup), None] {
        match moved {
            Some(backup) => std::fs::rename(backup, &path).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = store.append(&line("i")).unwrap_err();
        assert!(
            matches!(&error, Error::LedgerChanged { finding } if finding.contains("replaced")),
            "{error}"
        );
    }
}

#[test]
fn what_was_noted_and_who_is_trusted_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let key = SigningKey::new().unwrap();
    let public = key.public();
    write(&path, key, &["a", "b"]);
    let noted = check(&path).unwrap().last;
    let expect = |trusted, noted: &[Link]| {
        let expectations = Expectations { trusted, noted: noted.to_vec() };
        verify(&SqliteStore::open_to_read(&path).unwrap(), &expectations)
    };
    expect(Some(public), &[noted]).unwrap();
    let other = SigningKey::new().unwrap().public();
    assert!(expect(Some(other), &[]).unwrap_err().to_string().contains("another key"));
    // A whole new ledger of the same shape, made by someone else.
    std::fs::remove_file(&path).unwrap();
    write(&path, SigningKey::new().unwrap(), &["a", "B"]);
    expect(None, &[]).unwrap();
    assert!(expect(Some(public), &[]).is_err());
    assert!(expect(None, &[noted]).unwrap_err().to_string().contains("what was noted"));
    let later = Link { sequence: 7, digest: noted.digest };
    assert!(expect(None, &[later]).unwrap_err().to_string().contains("cut off"));
}

#[test]
fn nobody_changes_it_by_sql() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    write(&path, SigningKey::new().unwrap(), &["a"]);
    let connection = rusqlite::Connection::open(&path).unwrap();
    for sql in ["UPDATE entries SET record = ''", "DELETE FROM entries", "DELETE FROM checkpoints"] {
        assert!(connection.execute(sql, []).unwrap_err().to_string().contains("append-only"), "{sql}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others can read it");
    }
}

#[test]
fn nobody_changes_it_by_sql_wherever_it_is() {
    for place in places() {
        write_to(place.store(), SigningKey::new().unwrap(), &["a"]);
        for sql in ["UPDATE entries SET record = ''", "DELETE FROM entries", "DELETE FROM checkpoints"] {
            assert!(place.change(sql).unwrap_err().contains("append-only"), "{sql}");
        }
    }
}

#[test]
fn two_processes_can_begin_and_write_one_ledger() {
    for place in places() {
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let place = &place;
                scope.spawn(move || {
                    let names: Vec<String> = (0..20).map(|i| format!("{writer}-{i}")).collect();
                    write_to(
                        place.store(),
                        SigningKey::new().unwrap(),
                        &names.iter().map(String::as_str).collect::<Vec<_>>(),
                    );
                });
            }
        });
        assert_eq!(check_in(&place).unwrap().entries, 60);
    }
}

#[test]
fn what_was_written_is_read_again_in_order_and_by_kind() {
    for place in places() {
        write_to(place.store(), SigningKey::new().unwrap(), &["Ærøskøbing '\"\\", "b", "c"]);
        let store = place.reader().unwrap();
        let sequences = |from, limit| -> Vec<u64> {
            store.entries(from, limit).unwrap().iter().map(|entry| entry.sequence).collect()
        };
        assert_eq!(
            (sequences(1, 2), sequences(2, usize::MAX), sequences(4, 9)),
            (vec![1, 2], vec![2, 3], vec![])
        );
        let first = &store.entries(1, 1).unwrap()[0];
        assert_eq!(serde_json::from_str::<Record>(&first.record).unwrap(), record("Ærøskøbing '\"\\"));
        assert_eq!(store.changes().unwrap().len(), 3, "changes of access are no calls");
        assert_eq!(store.last().unwrap(), check_in(&place).unwrap().last);
        assert_eq!(place.reader().unwrap().ledger_id(), store.ledger_id());
    }
}

/// A store whose disk takes its time, and fails when told to.
struct Slow {
    inner: SqliteStore,
    failing: Arc<std::sync::atomic::AtomicBool>,
}

impl Store for Slow {
    fn ledger_id(&self) -> &str {
        self.inner.ledger_id()
    }
    fn append(&mut self, records: &[String]) -> Result<Vec<Link>, Error> {
        std::thread::sleep(Duration::from_millis(20));
        if self.failing.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::LedgerUnavailable);
        }
        self.inner.append(records)
    }
    fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.inner.keep_checkpoint(checkpoint)
    }
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.inner.entries(from, limit)
    }
    fn changes(&self) -> Result<Vec<Entry>, Error> {
        self.inner.changes()
    }
    fn last(&self) -> Result<Link, Error> {
        self.inner.last()
    }
    fn checkpoints(&self, from: u64) -> Result<Vec<Checkpoint>, Error> {
        self.inner.checkpoints(from)
    }
    fn check_storage(&self) -> Result<(), Error> {
        self.inner.check_storage()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_share_commits_and_failures_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let failing = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let store = Slow { inner: SqliteStore::open(&path).unwrap(), failing: failing.clone() };
    let settings = LedgerSettings { capacity: 64, ..LedgerSettings::default() };
    let ledger = Arc::new(
        Ledger::start(Box::new(store), SigningKey::new().unwrap(), Arc::new(now), settings).unwrap(),
    );
    let append = |name: String| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.append(&record(&name)).await })
    };
    let calls: Vec<_> = (0..40).map(|i| append(i.to_string())).collect();
    let mut largest = 0;
    for call in calls {
        largest = largest.max(call.await.unwrap().unwrap().group);
    }
    assert!(largest > 10, "at most {largest} shared a commit");
    failing.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(append("lost".into()).await.unwrap(), Err(Error::NotRecorded { .. })));
    failing.store(false, std::sync::atomic::Ordering::Relaxed);
    append("kept".into()).await.unwrap().unwrap();
    let flood: Vec<_> = (0..300).map(|i| append(i.to_string())).collect();
    let mut refused = 0;
    for call in flood {
        refused += usize::from(matches!(call.await.unwrap(), Err(Error::LedgerBusy)));
    }
    assert!(refused > 0, "the queue is bounded");
    drop(ledger);
    assert_eq!(check(&path).unwrap().entries, 41 + 300 - refused as u64);
}

#[test]
fn each_kind_of_record_has_an_audit_event() {
    let call = Call {
        time: "2026-11-26T00:00:00Z".into(),
        request_id: "ab".into(),
        caller: "key".into(),
        door: "POST /v1/risk".into(),
        model: ModelState {
            name: "m".into(),
            digest: "blake3:00".into(),
            stage: crate::lifecycle::Stage::Live,
        },
        input_digest: Some("11".into()),
        status: 200,
        withheld: false,
        output_digest: "22".into(),
        output: Some(serde_json::json!({"patients": ["an answer"]})),
        latency_ms: 1.5,
        cards: vec!["c1".into()],
        feedback: None,
        kept_patient: None,
    };
    let entry = Entry {
        sequence: 3,
        record: serde_json::to_string(&Record::Call(Box::new(call))).unwrap(),
        digest: Digest::BEGINNING,
    };
    let event = audit_event(&entry).unwrap();
    assert_eq!((&event["outcome"], &event["action"]), (&"0".into(), &"E".into()));
    assert!(event.to_string().contains("c1") && !event.to_string().contains("an answer"));
}

#[test]
fn no_byte_of_a_crashed_ledger_s_journal_can_be_changed_unseen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let records: Vec<String> =
        ["a", "b", "c"].iter().map(|name| serde_json::to_string(&record(name)).unwrap()).collect();
    for record in &records {
        store.append(std::slice::from_ref(record)).unwrap();
    }
    // As a killed process leaves it: nothing is folded into the database.
    let crashed = dir.path().join("crashed.db");
    let journal = std::fs::read(dir.path().join("ledger.db-wal")).unwrap();
    std::fs::copy(&path, &crashed).unwrap();
    let put = |journal: &[u8]| {
        let _ = std::fs::remove_file(dir.path().join("crashed.db-shm"));
        std::fs::write(dir.path().join("crashed.db-wal"), journal).unwrap();
        wal::check(&crashed)
    };
    put(&journal).unwrap();
    assert_eq!(check(&crashed).unwrap().entries, 3);
    let last_frame = journal.len() - 4096 - 24;
    let places = (0..journal.len()).step_by(journal.len() / 24).chain(last_frame..last_frame + 24);
    for index in places {
        let mut changed = journal.clone();
        changed[index] ^= 1;
        assert!(put(&changed).is_err(), "byte {index} of {}", journal.len());
    }
    assert!(put(&journal[..journal.len() - 100]).is_err(), "cut off within a frame");
}
