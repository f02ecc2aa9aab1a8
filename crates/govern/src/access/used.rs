//! Tokens that were used, remembered until they expire, across restarts.

use super::token::TokenRefusal;
use crate::{Error, sqlite};
use rusqlite::{Connection, params};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

/// How many tokens are remembered until they expire, against their being used again.
const MAX_REMEMBERED: i64 = 200_000;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_until ON used (until);
-- A server that is killed has told the system; only a machine that loses power forgets the last moments, and tokens live minutes.
PRAGMA synchronous = NORMAL;
";

/// Tokens that were used.
pub(super) struct Used(Mutex<Remembered>);

struct Remembered {
    connection: Connection,
    count: i64,
}

impl Used {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let connection = sqlite::open(path, SCHEMA)?;
        let count = connection
            .query_row("SELECT count(*) FROM used", [], |row| row.get(0))
            .map_err(sqlite::failed("the tokens that were used can't be read"))?;
        Ok(Used(Mutex::new(Remembered { connection, count })))
    }

    /// Remembers a token until then; refuses one that is remembered. Of issuer and token a digest alone is kept.
    pub(super) fn once(
        &self,
        issuer: &str,
        token: &str,
        until: i64,
        seconds: i64,
    ) -> Result<(), TokenRefusal> {
        let mut hasher = blake3::Hasher::new();
        // The issuer's length keeps two issuers apart whose names run into their tokens.
        hasher
            .update(&(issuer.len() as u64).to_le_bytes())
            .update(issuer.as_bytes())
            .update(token.as_bytes());
        let digest = hasher.finalize();
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.once(digest.as_bytes(), until, seconds).unwrap_or(Err(TokenRefusal::Unavailable))
    }
}

impl Remembered {
    fn once(
        &mut self,
        token: &[u8; 32],
        until: i64,
        seconds: i64,
    ) -> rusqlite::Result<Result<(), TokenRefusal>> {
        if self.count >= MAX_REMEMBERED {
            self.count -=
                self.connection.execute("DELETE FROM used WHERE until < ?1", params![seconds])? as i64;
            if self.count >= MAX_REMEMBERED {
                return Ok(Err(TokenRefusal::Full));
            }
        }
        let mut insert =
            self.connection.prepare_cached("INSERT OR IGNORE INTO used (token, until) VALUES (?1, ?2)")?;
        if insert.execute(params![token, until])? == 0 {
            return Ok(Err(TokenRefusal::Replayed));
        }
        self.count += 1;
        Ok(Ok(()))
    }
}
