//! The ledger in SQLite: one file, no server.

use super::{
    Checkpoint, Digest, Entry, Link, Store,
    store::{following, not_set_back, nothing_before_the_first},
    wal,
};
use crate::{Error, hex, sqlite};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};

/// Triggers make it append-only for everyone who comes by SQL; who comes by the file is found by the chain.
const SCHEMA: &str = r#"
CREATE TABLE IF NOT EXISTS ledger (id TEXT NOT NULL, format INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY NOT NULL CHECK (sequence > 0), digest TEXT NOT NULL, record TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS checkpoints (
    sequence INTEGER NOT NULL, checkpoint TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS changes ON entries (sequence) WHERE substr(record, 1, 13) <> '{"kind":"call';
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_remain BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS checkpoints_stay BEFORE UPDATE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS checkpoints_remain BEFORE DELETE ON checkpoints
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"#;

const READ: &str = "the ledger can't be read";
const WRITE: &str = "the ledger can't be written";

/// A ledger in one SQLite file.
pub struct SqliteStore {
    connection: Connection,
    id: String,
    file: OpenFile,
    /// The last entry that was written here.
    written: Link,
}

/// The file that was opened, to be told from another that takes its place: SQLite would go on writing to one that nobody can find any more.
struct OpenFile {
    path: PathBuf,
    identity: Identity,
}

#[cfg(unix)]
type Identity = (u64, u64);
/// Elsewhere a file that is open can't be replaced.
#[cfg(not(unix))]
type Identity = ();

impl OpenFile {
    fn at(path: &Path) -> Result<Self, Error> {
        Ok(OpenFile { path: path.to_owned(), identity: Self::identity(path).map_err(no_file)? })
    }

    #[cfg(unix)]
    fn identity(path: &Path) -> std::io::Result<Identity> {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn identity(path: &Path) -> std::io::Result<Identity> {
        std::fs::metadata(path).map(drop)
    }

    fn still_there(&self) -> Result<(), Error> {
        match Self::identity(&self.path) {
            Ok(there) if there == self.identity => Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(no_file(error)),
            _ => Err(Error::LedgerChanged {
                finding: "its file was moved or replaced while a server wrote to it".into(),
            }),
        }
    }
}

fn no_file(source: std::io::Error) -> Error {
    Error::Io { what: "the ledger's file can't be looked at", source }
}

impl SqliteStore {
    /// Opens a ledger, or begins one.
    ///
    /// # Errors
    /// When the file can't be opened or is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = sqlite::open(path, SCHEMA)?;
        let file = OpenFile::at(path)?;
        // Two processes may begin it at once; one of them finds the other's.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sqlite::failed(WRITE))?;
        if id_of(&transaction)?.is_none() {
            let mut id = [0; 16];
            getrandom::fill(&mut id).map_err(|_| Error::Random)?;
            transaction
                .execute("INSERT INTO ledger (id, format) VALUES (?1, 1)", [hex::encode(&id)])
                .map_err(sqlite::failed(WRITE))?;
        }
        transaction.commit().map_err(sqlite::failed(WRITE))?;
        Self::of(connection, file)
    }

    /// Opens a ledger that is there, to look at it.
    ///
    /// # Errors
    /// When it isn't there or can't be read.
    pub fn open_to_read(path: &Path) -> Result<Self, Error> {
        Self::of(sqlite::open_to_read(path)?, OpenFile::at(path)?)
    }

    fn of(connection: Connection, file: OpenFile) -> Result<Self, Error> {
        let id = id_of(&connection)?.ok_or(Error::LedgerChanged { finding: "it has lost its id".into() })?;
        Ok(SqliteStore { connection, id, file, written: Link::BEGINNING })
    }
}

fn id_of(connection: &Connection) -> Result<Option<String>, Error> {
    connection
        .query_row("SELECT id FROM ledger", [], |row| row.get(0))
        .optional()
        .map_err(sqlite::failed(READ))
}

fn last(connection: &Connection) -> Result<Link, Error> {
    let found: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT sequence, digest FROM entries WHERE sequence > 0 ORDER BY sequence DESC LIMIT 1",
        )
        .and_then(|mut query| query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(sqlite::failed(READ))?;
    match found {
        None => Ok(Link::BEGINNING),
        Some((sequence, digest)) => {
            Ok(Link { sequence: sequence.unsigned_abs(), digest: digest_of(sequence, &digest)? })
        }
    }
}

fn digest_at(connection: &Connection, sequence: u64) -> Result<Option<Digest>, Error> {
    let digest: Option<String> = connection
        .prepare_cached("SELECT digest FROM entries WHERE sequence = ?1")
        .and_then(|mut query| query.query_row([sequence as i64], |row| row.get(0)).optional())
        .map_err(sqlite::failed(READ))?;
    digest.map(|digest| digest_of(sequence as i64, &digest)).transpose()
}

fn digest_of(sequence: i64, digest: &str) -> Result<Digest, Error> {
    digest
        .parse()
        .map_err(|_| Error::LedgerChanged { finding: format!("entry {sequence}: its digest is none") })
}

fn insert(transaction: &Transaction<'_>, link: Link, record: &str) -> Result<(), Error> {
    transaction
        .prepare_cached("INSERT INTO entries (sequence, digest, record) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![link.sequence as i64, link.digest.to_string(), record]))
        .map(drop)
        .map_err(sqlite::failed(WRITE))
}

type Columns = (i64, String, String);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn entry((sequence, digest, record): Columns) -> Result<Entry, Error> {
    Ok(Entry { sequence: sequence.unsigned_abs(), digest: digest_of(sequence, &digest)?, record })
}

impl Store for SqliteStore {
    fn ledger_id(&self) -> &str {
        &self.id
    }

    fn append(&mut self, records: &[String]) -> Result<Vec<Link>, Error> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sqlite::failed(WRITE))?;
        let mut link = last(&transaction)?;
        not_set_back(self.written, digest_at(&transaction, self.written.sequence)?, link)?;
        let mut links = Vec::with_capacity(records.len());
        for record in records {
            link = link.next(record.as_bytes());
            insert(&transaction, link, record)?;
            links.push(link);
        }
        transaction.commit().map_err(sqlite::failed(WRITE))?;
        // An entry in a file that isn't the ledger's any more is no record.
        self.file.still_there()?;
        self.written = link;
        Ok(links)
    }

    fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let text = serde_json::to_string(checkpoint)
            .map_err(|_| Error::Malformed("a checkpoint can't be written as JSON"))?;
        self.connection
            .execute(
                "INSERT INTO checkpoints (sequence, checkpoint) VALUES (?1, ?2)",
                params![checkpoint.sequence as i64, text],
            )
            .map(drop)
            .map_err(sqlite::failed(WRITE))
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let mut query = self
            .connection
            .prepare_cached(
                "SELECT sequence, digest, record FROM entries WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2",
            )
            .map_err(sqlite::failed(READ))?;
        let rows =
            query.query_map(params![from as i64, limit as i64], columns).map_err(sqlite::failed(READ))?;
        rows.map(|row| entry(row.map_err(sqlite::failed(READ))?)).collect()
    }

    fn changes(&self) -> Result<Vec<Entry>, Error> {
        let mut query = self
            .connection
            .prepare_cached(
                r#"SELECT sequence, digest, record,
                       (SELECT digest FROM entries AS before WHERE before.sequence = entries.sequence - 1 AND before.sequence > 0)
                   FROM entries
                   WHERE substr(record, 1, 13) <> '{"kind":"call' AND sequence > 0 ORDER BY sequence"#,
            )
            .map_err(sqlite::failed(READ))?;
        let rows = query
            .query_map([], |row| Ok((columns(row)?, row.get::<_, Option<String>>(3)?)))
            .map_err(sqlite::failed(READ))?;
        rows.map(|row| {
            let (columns, before) = row.map_err(sqlite::failed(READ))?;
            let before = before.map(|digest| digest_of(columns.0 - 1, &digest)).transpose()?;
            following(entry(columns)?, before)
        })
        .collect()
    }

    fn last(&self) -> Result<Link, Error> {
        last(&self.connection)
    }

    fn checkpoints(&self, from: u64) -> Result<Vec<Checkpoint>, Error> {
        let mut query = self
            .connection
            .prepare(
                "SELECT sequence, checkpoint FROM checkpoints WHERE sequence >= ?1 ORDER BY sequence, rowid",
            )
            .map_err(sqlite::failed(READ))?;
        let rows = query
            .query_map([from as i64], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
            .map_err(sqlite::failed(READ))?;
        rows.map(|row| {
            let (sequence, text) = row.map_err(sqlite::failed(READ))?;
            Checkpoint::kept(sequence, &text)
        })
        .collect()
    }

    fn check_storage(&self) -> Result<(), Error> {
        let unnumbered: Option<i64> = self
            .connection
            .query_row("SELECT sequence FROM entries WHERE sequence < 1 LIMIT 1", [], |row| row.get(0))
            .optional()
            .map_err(sqlite::failed(READ))?;
        nothing_before_the_first(unnumbered)?;
        let finding: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(sqlite::failed(READ))?;
        match finding.as_str() {
            "ok" => match self.connection.path() {
                Some(path) => wal::check(Path::new(path)),
                None => Ok(()),
            },
            _ => Err(Error::LedgerChanged { finding: format!("the database is damaged: {finding}") }),
        }
    }
}
