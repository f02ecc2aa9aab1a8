//! Where a ledger may be kept, for tests that must hold wherever.

use crate::{
    Error,
    ledger::{DatabaseAddress, PostgresStore, SqliteStore, Store},
};
use postgres::{Client, NoTls};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A new place, which goes with the value.
pub(super) enum Place {
    File(tempfile::TempDir),
    Database {
        /// The database, and what sets a schema of the test's own.
        url: String,
        schema: String,
    },
}

/// A file, and a schema of the database that `OSLER_TEST_POSTGRES` names, where it names one.
pub(super) fn places() -> Vec<Place> {
    let mut places = vec![Place::File(tempfile::tempdir().unwrap())];
    places.extend(database().map(|url| Place::in_database(&url)));
    places
}

/// A database in which tests may make schemas.
#[expect(clippy::disallowed_methods, reason = "tests are told where a database is")]
pub(super) fn database() -> Option<String> {
    let url = std::env::var("OSLER_TEST_POSTGRES").ok();
    if url.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no PostgreSQL; set OSLER_TEST_POSTGRES");
        eprintln!("skipped: no PostgreSQL (set OSLER_TEST_POSTGRES)");
    }
    url
}

/// On this machine, and so without TLS.
pub(super) fn address(url: &str) -> DatabaseAddress {
    DatabaseAddress::new(url, &[]).unwrap()
}

impl Place {
    pub(super) fn in_database(url: &str) -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let schema = format!("ledger_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::connect(url, NoTls).unwrap();
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).unwrap();
        let separator = if url.contains('?') { '&' } else { '?' };
        Place::Database { url: format!("{url}{separator}options=-csearch_path%3D{schema}"), schema }
    }

    fn path(directory: &tempfile::TempDir) -> PathBuf {
        directory.path().join("ledger.db")
    }

    pub(super) fn store(&self) -> Box<dyn Store> {
        match self {
            Place::File(directory) => Box::new(SqliteStore::open(&Self::path(directory)).unwrap()),
            Place::Database { url, .. } => Box::new(PostgresStore::open(address(url)).unwrap()),
        }
    }

    pub(super) fn reader(&self) -> Result<Box<dyn Store>, Error> {
        Ok(match self {
            Place::File(directory) => Box::new(SqliteStore::open_to_read(&Self::path(directory))?),
            Place::Database { url, .. } => {
                Box::new(PostgresStore::open_to_read(address(url))?.expect("a ledger that was begun"))
            }
        })
    }

    /// Runs SQL that speaks of `entries` and `checkpoints`, past the store.
    pub(super) fn change(&self, sql: &str) -> Result<u64, String> {
        match self {
            Place::File(directory) => {
                let connection = rusqlite::Connection::open(Self::path(directory)).unwrap();
                connection.execute(sql, []).map(|rows| rows as u64).map_err(|error| error.to_string())
            }
            Place::Database { url, .. } => {
                let sql = sql.replace("entries", "osler_entries").replace("checkpoints", "osler_checkpoints");
                let mut client = Client::connect(url, NoTls).unwrap();
                client
                    .execute(sql.as_str(), &[])
                    .map_err(|error| error.as_db_error().unwrap().message().to_owned())
            }
        }
    }

    /// The same, by somebody who may take triggers and constraints away.
    pub(super) fn tamper(&self, sql: &str) -> u64 {
        match self {
            Place::File(directory) => {
                let connection = rusqlite::Connection::open(Self::path(directory)).unwrap();
                for trigger in ["entries_stay", "entries_remain", "checkpoints_stay", "checkpoints_remain"] {
                    connection.execute_batch(&format!("DROP TRIGGER IF EXISTS {trigger}")).unwrap();
                }
                connection.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
                connection.execute(sql, []).unwrap() as u64
            }
            Place::Database { url, .. } => {
                let mut client = Client::connect(url, NoTls).unwrap();
                for table in ["entries", "checkpoints"] {
                    let drop = format!("DROP TRIGGER IF EXISTS osler_{table}_stay ON osler_{table}");
                    client.batch_execute(&drop).unwrap();
                }
                let unchecked =
                    "ALTER TABLE osler_entries DROP CONSTRAINT IF EXISTS osler_entries_sequence_check";
                client.batch_execute(unchecked).unwrap();
                self.change(sql).unwrap()
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Database { url, schema } = self
            && let Ok(mut client) = Client::connect(url, NoTls)
        {
            // A schema that stays does no harm.
            let _ = client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}
