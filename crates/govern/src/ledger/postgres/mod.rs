//! The ledger in PostgreSQL: for sites whose records live in a database that others look after.

mod address;
mod line;

pub use address::DatabaseAddress;

use super::{
    Checkpoint, Digest, Entry, Link, Store,
    store::{following, not_set_back, nothing_before_the_first},
};
use crate::{Error, hex};
use line::Line;
use std::time::Duration;
use tokio_postgres::Row;

/// One transaction, so that two that begin a ledger at once find each other's. Triggers make it append-only for everyone who comes by
/// SQL and doesn't own the tables; who does is found by the chain.
const SCHEMA: &str = r#"
CREATE TABLE osler_ledger (id text NOT NULL, format int NOT NULL);
CREATE TABLE osler_entries (
    sequence bigint PRIMARY KEY CHECK (sequence > 0), digest text NOT NULL, record text NOT NULL);
CREATE TABLE osler_checkpoints (
    place bigserial PRIMARY KEY, sequence bigint NOT NULL, checkpoint text NOT NULL);
CREATE INDEX osler_changes ON osler_entries (sequence) WHERE left(record, 13) <> '{"kind":"call';
CREATE FUNCTION osler_stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER osler_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON osler_entries
    FOR EACH STATEMENT EXECUTE FUNCTION osler_stays();
CREATE TRIGGER osler_checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON osler_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION osler_stays();
"#;

/// Under the first lock ledgers are begun in a database, under the second one ledger's entries are added. Locks of tables would do, but
/// for accounts that may only read and add.
const LOCK_BEGINNING: &str = "SELECT pg_advisory_lock(1869833586, 0)";
const UNLOCK_BEGINNING: &str = "SELECT pg_advisory_unlock(1869833586, 0)";
const BEGIN_TO_ADD: &str =
    "BEGIN; SELECT pg_advisory_xact_lock(1869833587, hashoid('osler_entries'::regclass::oid))";

const LAST: &str =
    "SELECT sequence, digest FROM osler_entries WHERE sequence > 0 ORDER BY sequence DESC LIMIT 1";
const DIGEST: &str = "SELECT digest FROM osler_entries WHERE sequence = $1";
const ADD: &str = "INSERT INTO osler_entries (sequence, digest, record) \
                   SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])";

/// How long a call waits for its record, before it is told that there is none.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a page of a ledger that is looked at may take.
const READ_PATIENCE: Duration = Duration::from_secs(30);

const READ: &str = "the ledger can't be read";
const WRITE: &str = "the ledger can't be written";

/// A ledger in a PostgreSQL database, in the first schema of the connection's search path. A connection that was lost is made anew
/// for the next call. What was being written then is there whole or not at all; its callers are told that it couldn't be written.
pub struct PostgresStore {
    line: Line,
    id: String,
    /// The last entry that was written here.
    written: Link,
}

impl PostgresStore {
    /// Opens a ledger, or begins one.
    ///
    /// # Errors
    /// When the database can't be reached or written.
    pub fn open(address: DatabaseAddress) -> Result<Self, Error> {
        // An entry that is told to be durable is, whatever the server's own settings; and a transaction sees what those before it did.
        let durably = "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'";
        let line = Line::new(address, WRITE_PATIENCE, durably)?;
        let mut new = [0; 16];
        getrandom::fill(&mut new).map_err(|_| Error::Random)?;
        let new = hex::encode(&new);
        let id = line.ask(WRITE, async |open| {
            let client = &open.client;
            if let Some(row) = is_begun(client).await? {
                return Ok(row.get(0));
            }
            client.batch_execute(LOCK_BEGINNING).await?;
            // A transaction that began before it had the lock might not see the tables that another has made meanwhile.
            client.batch_execute("BEGIN").await?;
            // Somebody else may have begun it while we waited.
            let id = match is_begun(client).await? {
                Some(row) => row.get(0),
                None => {
                    client.batch_execute(SCHEMA).await?;
                    client.execute("INSERT INTO osler_ledger (id, format) VALUES ($1, 1)", &[&new]).await?;
                    new.clone()
                }
            };
            client.batch_execute("COMMIT").await?;
            client.batch_execute(UNLOCK_BEGINNING).await?;
            Ok(id)
        })?;
        Ok(PostgresStore { line, id, written: Link::BEGINNING })
    }

    /// Opens a ledger to look at it; `None` when none was begun there.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn open_to_read(address: DatabaseAddress) -> Result<Option<Self>, Error> {
        let line = Line::new(address, READ_PATIENCE, "SET default_transaction_read_only = on")?;
        let id = line.ask(READ, async |open| Ok(is_begun(&open.client).await?.map(|row| row.get(0))))?;
        Ok(id.map(|id| PostgresStore { line, id, written: Link::BEGINNING }))
    }
}

/// The row that names the ledger, if one was begun.
async fn is_begun(client: &tokio_postgres::Client) -> Result<Option<Row>, tokio_postgres::Error> {
    let there = client.query_one("SELECT to_regclass('osler_checkpoints') IS NOT NULL", &[]).await?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    client.query_one("SELECT id FROM osler_ledger", &[]).await.map(Some)
}

fn link(row: Option<Row>) -> Result<Link, Error> {
    let Some(row) = row else { return Ok(Link::BEGINNING) };
    let sequence: i64 = row.get(0);
    Ok(Link { sequence: sequence.unsigned_abs(), digest: digest_of(sequence, row.get(1))? })
}

fn digest_of(sequence: i64, digest: &str) -> Result<Digest, Error> {
    digest
        .parse()
        .map_err(|_| Error::LedgerChanged { finding: format!("entry {sequence}: its digest is none") })
}

fn entry(row: &Row) -> Result<Entry, Error> {
    let sequence: i64 = row.get(0);
    let digest = digest_of(sequence, row.get(1))?;
    Ok(Entry { sequence: sequence.unsigned_abs(), digest, record: row.get(2) })
}

impl Store for PostgresStore {
    fn ledger_id(&self) -> &str {
        &self.id
    }

    fn append(&mut self, records: &[String]) -> Result<Vec<Link>, Error> {
        let written = self.written;
        let links = self.line.ask(WRITE, async |open| {
            let (last, there, add) =
                (open.statement(LAST).await?, open.statement(DIGEST).await?, open.statement(ADD).await?);
            open.client.batch_execute(BEGIN_TO_ADD).await?;
            let last = link(open.client.query_opt(&last, &[]).await?);
            let there = open.client.query_opt(&there, &[&(written.sequence as i64)]).await?;
            let there = there.map(|row| digest_of(written.sequence as i64, row.get(0))).transpose();
            let checked = last.and_then(|last| not_set_back(written, there?, last).map(|()| last));
            let mut end = match checked {
                Ok(end) => end,
                Err(error) => {
                    open.client.batch_execute("ROLLBACK").await?;
                    return Ok(Err(error));
                }
            };
            let (mut sequences, mut digests, mut links) = (Vec::new(), Vec::new(), Vec::new());
            for record in records {
                end = end.next(record.as_bytes());
                sequences.push(end.sequence as i64);
                digests.push(end.digest.to_string());
                links.push(end);
            }
            open.client.execute(&add, &[&sequences, &digests, &records]).await?;
            open.client.batch_execute("COMMIT").await?;
            Ok(Ok(links))
        })??;
        self.written = links.last().copied().unwrap_or(written);
        Ok(links)
    }

    fn keep_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let text = serde_json::to_string(checkpoint)
            .map_err(|_| Error::Malformed("a checkpoint can't be written as JSON"))?;
        let sequence = checkpoint.sequence as i64;
        self.line.ask(WRITE, async |open| {
            let keep = "INSERT INTO osler_checkpoints (sequence, checkpoint) VALUES ($1, $2)";
            open.client.execute(keep, &[&sequence, &text]).await.map(drop)
        })
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let (from, limit) =
            (i64::try_from(from).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.line.ask(READ, async |open| {
            let entries = "SELECT sequence, digest, record FROM osler_entries WHERE sequence >= $1 ORDER BY sequence LIMIT $2";
            open.client.query(entries, &[&from, &limit]).await
        })?;
        rows.iter().map(entry).collect()
    }

    fn changes(&self) -> Result<Vec<Entry>, Error> {
        let rows = self.line.ask(READ, async |open| {
            let changes = open
                .statement(
                    r#"SELECT sequence, digest, record,
                           (SELECT digest FROM osler_entries AS before
                            WHERE before.sequence = osler_entries.sequence - 1 AND before.sequence > 0)
                       FROM osler_entries
                       WHERE left(record, 13) <> '{"kind":"call' AND sequence > 0 ORDER BY sequence"#,
                )
                .await?;
            open.client.query(&changes, &[]).await
        })?;
        rows.iter()
            .map(|row| {
                let change = entry(row)?;
                let before: Option<&str> = row.get(3);
                let number = row.get::<_, i64>(0) - 1;
                let before = before.map(|digest| digest_of(number, digest)).transpose()?;
                following(change, before)
            })
            .collect()
    }

    fn last(&self) -> Result<Link, Error> {
        link(self.line.ask(READ, async |open| open.client.query_opt(LAST, &[]).await)?)
    }

    fn checkpoints(&self, from: u64) -> Result<Vec<Checkpoint>, Error> {
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let rows = self.line.ask(READ, async |open| {
            let kept =
                "SELECT sequence, checkpoint FROM osler_checkpoints WHERE sequence >= $1 ORDER BY sequence, place";
            open.client.query(kept, &[&from]).await
        })?;
        rows.iter().map(|row| Checkpoint::kept(row.get(0), row.get(1))).collect()
    }

    /// PostgreSQL has no check of its own that a client could ask for: what it reads is what the chain is asked about.
    fn check_storage(&self) -> Result<(), Error> {
        let unnumbered = self.line.ask(READ, async |open| {
            let unnumbered = "SELECT sequence FROM osler_entries WHERE sequence < 1 LIMIT 1";
            open.client.query_opt(unnumbered, &[]).await
        })?;
        nothing_before_the_first(unnumbered.map(|row| row.get(0)))
    }
}
