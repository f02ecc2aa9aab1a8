//! Opening the databases that governance keeps.

use crate::Error;
use rusqlite::Connection;
use std::{fs::OpenOptions, path::Path, time::Duration};

/// How long one process waits for another that is writing.
const PATIENCE: Duration = Duration::from_secs(5);

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
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")
        .and_then(|()| connection.execute_batch(schema))
        .map_err(failed("a database can't be set up; is it one of another program?"))?;
    Ok(connection)
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
