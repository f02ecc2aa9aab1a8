//! Opening the databases that governance keeps.

use crate::Error;
use rusqlite::{Connection, ErrorCode};
use std::{
    fs::OpenOptions,
    path::Path,
    time::{Duration, Instant},
};

/// How long one process waits for another that is writing.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits for another that begins the database at the same time.
const PATIENCE_TO_BEGIN: Duration = Duration::from_secs(30);
/// After how long it tries again to begin it.
const AGAIN: Duration = Duration::from_millis(20);

pub(crate) fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |source| Error::Store { what, source }
}

/// Opens a database that only its owner can read, each commit of which is on disk when it returns.
pub(crate) fn open(path: &Path, schema: &str) -> Result<Connection, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // SQLite would make it readable by others, and gives its companions the mode of the file that is there.
    options.open(path).map_err(|source| Error::Io { what: "a database can't be opened", source })?;
    let connection = Connection::open(path).map_err(failed("a database can't be opened"))?;
    connection.busy_timeout(PATIENCE).map_err(failed("a database can't be set up"))?;
    patiently(|| {
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;";
        connection.execute_batch(settings).and_then(|()| connection.execute_batch(schema))
    })
    .map_err(failed("a database can't be set up; is it one of another program?"))?;
    Ok(connection)
}

/// Does it again while another process has the database. Where two would both go on from reading to writing, as they do to begin one,
/// SQLite lets neither wait for the other and tells one at once that it is busy.
fn patiently<T>(work: impl Fn() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let begun = Instant::now();
    loop {
        match work() {
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                ) && begun.elapsed() < PATIENCE_TO_BEGIN =>
            {
                std::thread::sleep(AGAIN);
            }
            done => return done,
        }
    }
}

/// Opens a database to look at, which must be there.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, Error> {
    std::fs::metadata(path).map_err(|source| Error::Io { what: "there is no such database", source })?;
    let connection = Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed("a database can't be opened"))?;
    connection.busy_timeout(PATIENCE).map_err(failed("a database can't be set up"))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS things (name TEXT);";

    #[test]
    fn who_begins_waits_longer_than_who_writes() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        // Another is about to begin it, on a slow disk.
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE; CREATE TABLE others (name TEXT);").unwrap();
        std::thread::scope(|scope| {
            let opened = scope.spawn(|| open(&path, SCHEMA).map(drop));
            std::thread::sleep(PATIENCE + Duration::from_secs(1));
            assert!(!opened.is_finished(), "it gave up");
            other.execute_batch("COMMIT").unwrap();
            opened.join().unwrap().unwrap();
        });
    }

    #[test]
    fn many_begin_one_database_at_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        let barrier = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    barrier.wait();
                    open(&path, SCHEMA).unwrap();
                });
            }
        });
    }
}
