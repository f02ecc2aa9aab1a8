//! The keys of a site, in SQLite. Every call looks its key up, so that a key that is revoked opens nothing from
//! that moment on.

use super::{Grant, KeyEntry, Quota, Scope, Secret, secret};
use crate::{Error, sqlite};
use events::Time;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY NOT NULL, digest TEXT NOT NULL, grant_json TEXT NOT NULL,
    created INTEGER NOT NULL, revoked INTEGER) STRICT;
";

const READ: &str = "the keys can't be read";
const WRITE: &str = "the keys can't be written";

/// The keys of a site.
pub struct Keyring(Mutex<Connection>);

/// Who calls, once the key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key's id, for the ledger.
    pub id: String,
    /// What the key is called.
    pub name: String,
    /// Each by itself: one of several roles' for these models, another's for those. None where no key is asked for.
    grants: Option<Vec<Grant>>,
}

impl Caller {
    /// Somebody on this machine, where no key is asked for: may do everything.
    pub fn local() -> Self {
        Caller { id: "local".to_owned(), name: "this machine".to_owned(), grants: None }
    }

    /// Somebody who is known otherwise than by a key.
    pub fn granted(id: String, grant: Grant) -> Self {
        Caller { id, name: grant.name.clone(), grants: Some(vec![grant]) }
    }

    /// Somebody with several roles.
    pub(super) fn with_roles(id: String, grants: Vec<Grant>) -> Self {
        let names: Vec<&str> = grants.iter().map(|grant| grant.name.as_str()).collect();
        Caller { id, name: names.join(" "), grants: Some(grants) }
    }

    fn any(&self, allows: impl Fn(&Grant) -> bool) -> bool {
        self.grants.as_ref().is_none_or(|grants| grants.iter().any(allows))
    }

    /// May they use this door?
    pub fn may(&self, scope: Scope) -> bool {
        self.any(|grant| grant.scopes.contains(&scope))
    }

    /// May they ask this model?
    pub fn may_ask(&self, name: &str, digest: &str) -> bool {
        self.any(|grant| grant.is_for(name, digest))
    }

    /// May they be answered by this model while it is not in use yet?
    pub fn may_try(&self, name: &str, digest: &str) -> bool {
        self.any(|grant| grant.trial && grant.is_for(name, digest))
    }

    /// How often they may ask, of all models together: as the freest of their grants says.
    pub fn quota(&self) -> Quota {
        let grants = self.grants.as_deref().unwrap_or_default();
        let freest = |of: fn(&Grant) -> Option<u32>| {
            grants.iter().map(of).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten()
        };
        Quota { per_minute: freest(|grant| grant.per_minute), per_day: freest(|grant| grant.per_day) }
    }
}

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is none of ours.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
    /// The keys can't be read at this moment.
    Unavailable,
}

impl Keyring {
    /// Opens the keys of a site, or begins with none.
    ///
    /// # Errors
    /// When the file can't be opened or is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Keyring(Mutex::new(sqlite::open(path, SCHEMA)?)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a key. Its secret is told here and never again.
    ///
    /// # Errors
    /// When the grant makes no sense, or can't be kept.
    pub fn grant(&self, grant: &Grant, now: Time) -> Result<Secret, Error> {
        self.grant_on_record(grant, now, |_| Ok(()))
    }

    /// [`Keyring::grant`], with the new key's id put on record first: where that fails there is no new key.
    ///
    /// # Errors
    /// As for [`Keyring::grant`], or what `record` says.
    pub fn grant_on_record<E: From<Error>>(
        &self,
        grant: &Grant,
        now: Time,
        record: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<Secret, E> {
        grant.check(now)?;
        let (id, new) = Secret::new()?;
        let mut connection = self.lock();
        let transaction = begin(&mut connection)?;
        insert(&transaction, &id, &new, grant, now)?;
        record(&id)?;
        transaction.commit().map_err(sqlite::failed(WRITE))?;
        Ok(new)
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        let connection = self.lock();
        let mut query = connection
            .prepare("SELECT id, grant_json, created, revoked FROM keys ORDER BY created, id")
            .map_err(sqlite::failed(READ))?;
        let rows = query.query_map([], entry).map_err(sqlite::failed(READ))?;
        rows.map(|row| row.map_err(sqlite::failed(READ))).collect()
    }

    /// A new secret, under a new id, for the same grant. The old key goes on until `until`, so that callers can
    /// change over; a key that would have ended before then still does.
    ///
    /// # Errors
    /// When there is no such key, or it was revoked.
    pub fn rotate(&self, id: &str, now: Time, until: Time) -> Result<Secret, Error> {
        self.rotate_on_record(id, now, until, |_| Ok(()))
    }

    /// [`Keyring::rotate`], with the new key's id put on record first: where that fails the old key is as it was, and the only one.
    ///
    /// # Errors
    /// As for [`Keyring::rotate`], or what `record` says.
    pub fn rotate_on_record<E: From<Error>>(
        &self,
        id: &str,
        now: Time,
        until: Time,
        record: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<Secret, E> {
        let mut connection = self.lock();
        let transaction = begin(&mut connection)?;
        let old = find(&transaction, id)?.ok_or(Error::NoSuchKey)?.0;
        if old.revoked.is_some() {
            return Err(Error::KeyRevoked.into());
        }
        let mut grant = old.grant;
        let (new_id, new) = Secret::new()?;
        insert(&transaction, &new_id, &new, &grant, now)?;
        grant.expires = Some(grant.expires.map_or(until, |end| end.min(until)));
        transaction
            .execute("UPDATE keys SET grant_json = ?2 WHERE id = ?1", params![id, json(&grant)?])
            .map_err(sqlite::failed(WRITE))?;
        record(&new_id)?;
        transaction.commit().map_err(sqlite::failed(WRITE))?;
        Ok(new)
    }

    /// Takes a key back. What was taken back stays listed.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn revoke(&self, id: &str, now: Time) -> Result<KeyEntry, Error> {
        let connection = self.lock();
        connection
            .execute(
                "UPDATE keys SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL",
                params![id, now.micros()],
            )
            .map_err(sqlite::failed(WRITE))?;
        Ok(find(&connection, id)?.ok_or(Error::NoSuchKey)?.0)
    }

    /// Who shows this secret?
    ///
    /// # Errors
    /// When it opens nothing.
    pub fn admit(&self, shown: &[u8], now: Time) -> Result<Caller, Refusal> {
        let id = secret::id_of(shown).ok_or(Refusal::Unknown)?;
        let found = find(&self.lock(), id).map_err(|_| Refusal::Unavailable)?;
        let (key, digest) = found.ok_or(Refusal::Unknown)?;
        let kept = blake3::Hash::from_hex(&digest).map_err(|_| Refusal::Unavailable)?;
        if secret::digest(shown) != kept {
            return Err(Refusal::Unknown);
        }
        if key.revoked.is_some() {
            return Err(Refusal::Revoked);
        }
        if key.grant.expires.is_some_and(|end| end <= now) {
            return Err(Refusal::Expired);
        }
        Ok(Caller::granted(key.id, key.grant))
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Error> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite::failed(WRITE))
}

fn json(grant: &Grant) -> Result<String, Error> {
    serde_json::to_string(grant).map_err(|_| Error::Malformed("a grant can't be written as JSON"))
}

fn insert(connection: &Connection, id: &str, new: &Secret, grant: &Grant, now: Time) -> Result<(), Error> {
    let digest = secret::digest(new.expose().as_bytes()).to_hex().to_string();
    connection
        .execute(
            "INSERT INTO keys (id, digest, grant_json, created) VALUES (?1, ?2, ?3, ?4)",
            params![id, digest, json(grant)?, now.micros()],
        )
        .map(drop)
        .map_err(sqlite::failed(WRITE))
}

fn find(connection: &Connection, id: &str) -> Result<Option<(KeyEntry, String)>, Error> {
    connection
        .prepare_cached("SELECT id, grant_json, created, revoked, digest FROM keys WHERE id = ?1")
        .and_then(|mut query| query.query_row([id], |row| Ok((entry(row)?, row.get(4)?))).optional())
        .map_err(sqlite::failed(READ))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<KeyEntry> {
    let grant: String = row.get(1)?;
    let grant = serde_json::from_str(&grant).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
    })?;
    let revoked: Option<i64> = row.get(3)?;
    Ok(KeyEntry {
        id: row.get(0)?,
        grant,
        created: Time::from_micros(row.get(2)?),
        revoked: revoked.map(Time::from_micros),
    })
}
